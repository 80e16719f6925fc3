//! Sections of the same name, one behind the other.

use super::file::File;
use super::in_file;
use crate::elf::{self, Reloc, SHF_EXECINSTR, SHT_NOBITS};
use crate::error::bail;
use crate::insn::INSN_SIZE;
use crate::map::Map;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

const SHT_PROGBITS: u32 = 1;
const SHF_WRITE: u64 = 1;
const SHF_ALLOC: u64 = 2;
/// Sections that are taken whatever their flags say.
const TAKEN: &[&str] = &["license", "version", "maps", ".maps", ".jumptables"];
/// Sections that are made anew, whatever their flags say.
const MADE: &[&str] = &[".BTF", ".BTF.ext"];
/// Sections that say they are data and are for debuggers: how to leave a function. BPF has no frames
/// to walk, and nothing refers to it.
const LEFT: &[&str] = &[".eh_frame"];
/// Sections whose contents must be equal, and are taken once.
const ONCE: &[&str] = &["license", "version"];
/// A page of the largest kind.
const MAX_ALIGN: u64 = 1 << 16;
/// Bytes that may be copied or filled in, beside four for each byte of input: a few such pages.
const MIN_BUDGET: u64 = 4 * MAX_ALIGN;

/// A section of the result.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) align: u64,
    pub(super) size: u64,
    /// Empty for `SHT_NOBITS`.
    pub(super) bytes: Vec<u8>,
    /// Symbols are the result's.
    pub(super) relocs: Vec<Reloc>,
    /// The first file that has it.
    file: usize,
}

/// Where a section of an input came to lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) section: usize,
    pub(super) offset: u64,
    /// Another file's section with the same contents stands for this one.
    pub(super) repeated: bool,
}

/// All sections, and where those of the inputs are in them.
pub(super) struct Layout {
    pub(super) sections: Vec<Section>,
    /// By file, then by index of the section.
    places: Vec<Vec<Option<Place>>>,
    by_name: Map<String, usize>,
    /// Bytes that may still be copied or filled in.
    budget: u64,
}

impl Layout {
    /// Where a section of a file is; `None` if it was left out.
    pub(super) fn place(&self, file: usize, section: usize) -> Option<Place> {
        *self.places.get(file)?.get(section)?
    }

    /// The section of this name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(*self.by_name.get(name)?)
    }

    /// Takes bytes off what may still be copied.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<()> {
        match self.budget.checked_sub(bytes) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => bail!(
                TooLarge,
                "too much padding, or too many sections that share their bytes"
            ),
        }
    }
}

pub(super) fn place(files: &[File<'_>]) -> Result<Layout> {
    let bytes: u64 = files.iter().map(|file| file.size as u64).sum();
    let mut layout = Layout {
        sections: Vec::new(),
        places: Vec::new(),
        by_name: Map::new(),
        budget: bytes.saturating_mul(4).saturating_add(MIN_BUDGET),
    };
    for (index, file) in files.iter().enumerate() {
        let mut places = Vec::new();
        for section in &file.elf.sections {
            let taken = is_taken(section).then(|| layout.add(files, index, section));
            places.push(taken.transpose().map_err(in_file(file.name))?);
        }
        layout.places.push(places);
    }
    Ok(layout)
}

fn is_taken(section: &elf::Section<'_>) -> bool {
    matches!(section.kind, SHT_PROGBITS | SHT_NOBITS)
        && (section.flags & (SHF_ALLOC | SHF_EXECINSTR) != 0 || TAKEN.contains(&section.name))
        && section.size != 0
        && !section.name.is_empty()
        && !MADE.contains(&section.name)
        && !LEFT.contains(&section.name)
}

impl Layout {
    fn add(&mut self, files: &[File<'_>], file: usize, new: &elf::Section<'_>) -> Result<Place> {
        let in_section = |e: Error| e.in_section(new.name);
        let align = new.align.max(1);
        if !align.is_power_of_two() || align > MAX_ALIGN {
            let what = format!("an alignment of {align}");
            return Err(in_section(Error::new(ErrorKind::Unsupported, what)));
        }
        if new.is_code() && !new.size.is_multiple_of(INSN_SIZE as u64) {
            let what = "code of no whole number of instructions";
            return Err(in_section(Error::new(ErrorKind::Malformed, what)));
        }
        let bytes = new.bytes()?;
        self.spend(bytes.len() as u64).map_err(in_section)?;
        let section = self.by_name.get(new.name).copied().unwrap_or_else(|| {
            self.sections.push(Section {
                name: new.name.to_owned(),
                kind: SHT_NOBITS,
                flags: new.flags & SHF_EXECINSTR,
                align: 1,
                size: 0,
                bytes: Vec::new(),
                relocs: Vec::new(),
                file,
            });
            let index = self.sections.len().saturating_sub(1);
            self.by_name.insert(new.name.to_owned(), index);
            index
        });
        self.append(files, section, new, bytes).map_err(in_section)
    }

    /// Puts contents behind those that are there.
    fn append(
        &mut self,
        files: &[File<'_>],
        index: usize,
        new: &elf::Section<'_>,
        bytes: &[u8],
    ) -> Result<Place> {
        let mut place = Place {
            section: index,
            offset: 0,
            repeated: false,
        };
        let Some(old) = self.sections.get(index) else {
            bail!(NotFound, "no section {index}");
        };
        let first = files.get(old.file).map_or("", |file| file.name);
        if (old.flags ^ new.flags) & SHF_EXECINSTR != 0 {
            bail!(Mismatch, "code in one file and data in another, {first}");
        }
        if old.size != 0 && ONCE.contains(&new.name) {
            if old.bytes != bytes {
                let (mine, theirs) = (text(bytes), text(&old.bytes));
                bail!(Mismatch, "'{mine}' here, '{theirs}' in {first}");
            }
            place.repeated = true;
            return Ok(place);
        }
        let offset = old.size.checked_next_multiple_of(new.align.max(1));
        let end = offset.and_then(|offset| offset.checked_add(new.size));
        // Offsets into sections have 32 bits in instructions and in BTF.
        let (Some(offset), Some(size)) = (offset, end.filter(|&end| end <= u64::from(u32::MAX)))
        else {
            bail!(TooLarge, "more than 4 GiB in all files");
        };
        let filled = new.kind != SHT_NOBITS || old.kind != SHT_NOBITS;
        // In the file so many bytes may come before it.
        let wider = new.align.saturating_sub(old.align);
        if filled {
            let fill = size.saturating_sub(old.bytes.len() as u64);
            self.spend(fill.saturating_sub(bytes.len() as u64))?;
        }
        self.spend(wider)?;
        if let Some(old) = self.sections.get_mut(index) {
            if filled {
                old.kind = SHT_PROGBITS;
                old.bytes.resize(offset as usize, 0);
                old.bytes.extend_from_slice(bytes);
                old.bytes.resize(size as usize, 0);
            }
            old.flags |= new.flags & (SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR);
            old.align = old.align.max(new.align);
            old.size = size;
        }
        place.offset = offset;
        Ok(place)
    }
}

/// A licence or version as text.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
