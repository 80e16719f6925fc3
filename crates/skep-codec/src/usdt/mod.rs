//! Statically defined probes of user space (USDT): the notes that programs and libraries have of
//! them, and where their arguments are.

mod arg;
mod registers;
#[cfg(test)]
mod tests;

pub use arg::{Arg, Location, MAX_ARGS, SPEC_LEN, args, spec};

use crate::Result;
use crate::bytes::{Endian, Reader, c_str};
use crate::elf::{Image, ReadAt, note};
use crate::error::bail;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

const SECTION: &str = ".note.stapsdt";
const BASE: &str = ".stapsdt.base";
const OWNER: &[u8] = b"stapsdt\0";
/// `n_type` of such a note.
const KIND: u32 = 3;

/// A place of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Who defines it.
    pub provider: String,
    /// Its name.
    pub name: String,
    /// Where its arguments are, as [`args`] reads it.
    pub args: String,
    /// Address of the instruction, as the file has it.
    pub address: u64,
    /// Address of the 16-bit number that counts who listens; 0 for none.
    pub semaphore: u64,
}

/// The notes of a program or library; none, if it has no section of them.
///
/// # Errors
/// What does not hold together in the section.
#[inline]
pub fn notes(image: &Image, read: ReadAt<'_>) -> Result<Vec<Note>> {
    let Some(place) = image.section(SECTION) else {
        return Ok(Vec::new());
    };
    let base = image.section(BASE).map(|place| place.address);
    let parsed = parse(&place.bytes(read)?, image.endian, image.is_64, base);
    parsed.map_err(|error| error.in_section(SECTION))
}

/// The notes in a section's bytes. `base` is where `.stapsdt.base` is: addresses have been moved since
/// they were noted, if it is not where the note says.
///
/// # Errors
/// What does not hold together.
#[inline]
pub fn parse(bytes: &[u8], endian: Endian, is_64: bool, base: Option<u64>) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    let mut r = Reader::new(bytes, endian);
    while !r.is_empty() {
        let at = r.offset() as u64;
        let (owner, kind, desc) = note(&mut r)?;
        if owner == OWNER && kind == KIND {
            let note = one(Reader::new(desc, endian), is_64, base);
            notes.push(note.map_err(|error| error.at(at))?);
        }
    }
    Ok(notes)
}

#[inline]
fn one(mut r: Reader<'_>, is_64: bool, base: Option<u64>) -> Result<Note> {
    let mut word = || match is_64 {
        true => r.u64(),
        false => r.u32().map(u64::from),
    };
    let (address, noted, semaphore) = (word()?, word()?, word()?);
    let mut rest = r.rest();
    let mut text = || -> Result<String> {
        let text = c_str(rest)?;
        rest = rest.get(text.len().saturating_add(1)..).unwrap_or_default();
        Ok(text.to_owned())
    };
    let (provider, name, args) = (text()?, text()?, text()?);
    if provider.is_empty() || name.is_empty() {
        bail!(Malformed, "a probe without a name");
    }
    let moved = base.map_or(0, |base| base.wrapping_sub(noted));
    Ok(Note {
        provider,
        name,
        args,
        address: address.wrapping_add(moved),
        semaphore: match semaphore {
            0 => 0,
            semaphore => semaphore.wrapping_add(moved),
        },
    })
}
