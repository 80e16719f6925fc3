//! What tells which other file has the symbols that a program or library was stripped of.

use super::image::{Image, ReadAt};
use crate::Result;
use crate::bytes::{Reader, c_str};
use crate::error::bail;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use elf::abi::{ELF_NOTE_GNU, NT_GNU_BUILD_ID, SHT_NOTE};

/// The most bytes that are read of a section of notes, and of a link.
const MOST: u64 = 1 << 16;
/// The section of a link.
const LINK: &str = ".gnu_debuglink";

/// A file that was stripped names the one that was made of what it lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = ".gnu_debuglink")]
pub struct DebugLink {
    /// The file's name, without a directory.
    pub name: String,
    /// The CRC-32 of the whole file.
    pub crc32: u32,
}

impl Image {
    /// What linkers note in a program and in the file with its symbols: the same in both.
    ///
    /// # Errors
    /// If a section of notes cannot be read.
    #[doc(alias = "NT_GNU_BUILD_ID")]
    #[inline]
    pub fn build_id(&self, read: ReadAt<'_>) -> Result<Option<Vec<u8>>> {
        for place in &self.sections {
            if place.kind != SHT_NOTE || place.len > MOST {
                continue;
            }
            let notes = place.bytes(read)?;
            let mut notes = Reader::new(&notes, self.endian);
            // Notes of others that do not hold together are no concern of ours.
            while let Ok((owner, kind, desc)) = note(&mut notes) {
                if owner == ELF_NOTE_GNU && u64::from(kind) == NT_GNU_BUILD_ID {
                    return Ok(Some(desc.to_vec()));
                }
            }
        }
        Ok(None)
    }

    /// Which file has its symbols, as itself says.
    ///
    /// # Errors
    /// `Malformed`, `Truncated`: it says so, but not so that it makes sense.
    #[inline]
    pub fn debug_link(&self, read: ReadAt<'_>) -> Result<Option<DebugLink>> {
        let Some(place) = self.section(LINK) else {
            return Ok(None);
        };
        if place.len > MOST {
            bail!(TooLarge, "{LINK} of {} bytes", place.len);
        }
        let bytes = place.bytes(read)?;
        let name = c_str(&bytes).map_err(|error| error.in_section(LINK))?;
        if name.is_empty() || name.contains('/') {
            bail!(Malformed, "{LINK} has `{name}`, which is no file's name");
        }
        let at = name.len().saturating_add(4) & !3;
        let rest = bytes.get(at..).unwrap_or_default();
        let crc32 = Reader::new(rest, self.endian).u32();
        Ok(Some(DebugLink {
            name: name.to_string(),
            crc32: crc32.map_err(|error| error.in_section(LINK))?,
        }))
    }
}

/// A note and the padding behind it: whose it is, its kind, what it says.
#[inline]
pub(crate) fn note<'a>(r: &mut Reader<'a>) -> Result<(&'a [u8], u32, &'a [u8])> {
    let (owner, desc, kind) = (r.u32()?, r.u32()?, r.u32()?);
    let mut part = |len: u32| -> Result<&'a [u8]> {
        let bytes = r.take(len as usize)?;
        let padding = (len.wrapping_neg() & 3) as usize;
        r.take(padding.min(r.rest().len()))?;
        Ok(bytes)
    };
    Ok((part(owner)?, kind, part(desc)?))
}

#[cfg(test)]
mod tests;
