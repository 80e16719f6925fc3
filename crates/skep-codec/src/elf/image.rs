//! A file that is too large to be read whole, such as a kernel with its debug information or a
//! program with its symbols: where its sections are, and where what is in memory is in the file.

use crate::bytes::{Endian, Reader, c_str};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use elf::abi::{ELFCLASS64, PF_X, PT_LOAD, SHT_NOBITS};

/// The most that is read of section names.
const NAMES: u64 = 1 << 20;

/// A part of a file, by its offset and length; shorter where the file ends.
pub type ReadAt<'a> = &'a mut dyn FnMut(u64, usize) -> Result<Vec<u8>>;

/// [`ReadAt`] of a file that is in memory.
#[inline]
pub fn in_memory(file: &[u8]) -> impl FnMut(u64, usize) -> Result<Vec<u8>> {
    move |offset, len| {
        let rest = usize::try_from(offset).ok().and_then(|at| file.get(at..));
        let rest = rest.unwrap_or_default();
        Ok(rest.get(..len).unwrap_or(rest).to_vec())
    }
}

/// Where the first section of this name lies: its offset in the file and its length. `None` where
/// the file has no such section.
///
/// # Errors
/// `Unsupported`: no ELF file; what does not hold together in its tables.
pub fn find_section(name: &str, read: ReadAt<'_>) -> Result<Option<(u64, u64)>> {
    let image = Image::open(read)?;
    Ok(image.section(name).map(|place| (place.offset, place.len)))
}

/// An ELF file by its tables, of either byte order and word size.
#[derive(Clone, Debug)]
pub struct Image {
    /// Byte order.
    pub endian: Endian,
    /// Whether its words have 64 bits.
    pub is_64: bool,
    /// `e_type`.
    pub file_type: u16,
    /// `e_machine`.
    pub machine: u16,
    /// What is loaded into memory.
    pub segments: Vec<Segment>,
    /// Its sections.
    pub sections: Vec<Place>,
    names: Vec<u8>,
}

/// What is loaded: `PT_LOAD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Address of its first byte, as the file has it.
    pub address: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its length in the file.
    pub len: u64,
    /// Whether it is code.
    pub executable: bool,
}

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    name: u32,
    /// `sh_type`.
    pub kind: u32,
    /// Address of its first byte, as the file has it.
    pub address: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its length.
    pub len: u64,
    /// `sh_link`.
    pub link: u32,
}

impl Image {
    /// Reads the tables of an ELF file.
    ///
    /// # Errors
    /// `Unsupported`: no ELF file; what does not hold together in its tables.
    pub fn open(read: ReadAt<'_>) -> Result<Self> {
        let header = read(0, 64)?;
        let [0x7f, b'E', b'L', b'F', class @ (1 | 2), order @ (1 | 2), ..] = *header else {
            bail!(Unsupported, "no ELF file");
        };
        let endian = match order {
            1 => Endian::Little,
            _ => Endian::Big,
        };
        let fields = Fields {
            endian,
            is_64: class == ELFCLASS64,
        };
        let mut kinds = fields.at(&header, 16, 16)?;
        let (file_type, machine) = (kinds.u16()?, kinds.u16()?);
        let (programs, tables) = (fields.word(&header, 28, 32)?, fields.word(&header, 32, 40)?);
        let mut sizes = fields.at(&header, 42, 54)?;
        let (segment, segments) = (sizes.u16()?, sizes.u16()?);
        let (section, sections, names) = (sizes.u16()?, sizes.u16()?, sizes.u16()?);
        let mut image = Self {
            endian,
            is_64: fields.is_64,
            file_type,
            machine,
            segments: Vec::new(),
            sections: Vec::new(),
            names: Vec::new(),
        };
        let table = fields.table(read, programs, (segment, segments), (32, 56))?;
        for entry in table.chunks_exact(usize::from(segment).max(1)) {
            image.segments.extend(fields.segment(entry)?);
        }
        let table = fields.table(read, tables, (section, sections), (40, 64))?;
        for entry in table.chunks_exact(usize::from(section).max(1)) {
            image.sections.push(fields.section(entry)?);
        }
        if sections > 0 {
            let Some(texts) = image.sections.get(usize::from(names)) else {
                bail!(Malformed, "no section of names");
            };
            image.names = read(texts.offset, texts.len.min(NAMES) as usize)?;
        }
        Ok(image)
    }

    /// The first section of this name.
    pub fn section(&self, name: &str) -> Option<&Place> {
        self.sections.iter().find(|place| {
            let text = self.names.get(place.name as usize..).map(c_str);
            matches!(text, Some(Ok(text)) if text == name)
        })
    }

    /// Where in the file is what has this address in memory.
    #[inline]
    pub fn file_offset(&self, address: u64) -> Option<u64> {
        let mut segments = self.segments.iter();
        segments.find_map(|segment| segment.moved(address, segment.address, segment.offset))
    }

    /// What address in memory has what lies here in the file.
    #[inline]
    pub fn address(&self, file_offset: u64) -> Option<u64> {
        let mut segments = self.segments.iter();
        segments.find_map(|segment| segment.moved(file_offset, segment.offset, segment.address))
    }
}

impl Segment {
    /// A place in what begins at `from`, where the same begins at `to`; `None` outside.
    #[inline]
    fn moved(&self, place: u64, from: u64, to: u64) -> Option<u64> {
        let within = place.checked_sub(from).filter(|at| *at < self.len)?;
        within.checked_add(to)
    }
}

impl Place {
    /// The section's bytes; none, if they are not in the file.
    #[inline]
    pub(crate) fn bytes(&self, read: ReadAt<'_>) -> Result<Vec<u8>> {
        if self.kind == SHT_NOBITS {
            return Ok(Vec::new());
        }
        let len = usize::try_from(self.len);
        let len = len.map_err(|_| Error::new(ErrorKind::TooLarge, "a section"))?;
        read(self.offset, len)
    }
}

/// How fields are laid out in a file.
#[derive(Clone, Copy)]
struct Fields {
    endian: Endian,
    is_64: bool,
}

impl Fields {
    fn at<'b>(&self, bytes: &'b [u8], narrow: usize, wide: usize) -> Result<Reader<'b>> {
        match bytes.get(if self.is_64 { wide } else { narrow }..) {
            Some(rest) => Ok(Reader::new(rest, self.endian)),
            None => Err(Error::new(ErrorKind::Truncated, "ELF header")),
        }
    }

    /// A word of the file's size.
    fn word(&self, bytes: &[u8], narrow: usize, wide: usize) -> Result<u64> {
        let mut field = self.at(bytes, narrow, wide)?;
        match self.is_64 {
            true => field.u64(),
            false => field.u32().map(u64::from),
        }
    }

    /// A table, whose entries are as long as they should be.
    fn table(
        &self,
        read: ReadAt<'_>,
        offset: u64,
        (size, count): (u16, u16),
        (narrow, wide): (usize, usize),
    ) -> Result<Vec<u8>> {
        let expected = if self.is_64 { wide } else { narrow };
        if count == 0 {
            return Ok(Vec::new());
        }
        if usize::from(size) != expected {
            bail!(Unsupported, "ELF headers of {size} bytes");
        }
        read(offset, usize::from(count).saturating_mul(expected))
    }

    fn segment(&self, entry: &[u8]) -> Result<Option<Segment>> {
        let kind = self.at(entry, 0, 0)?.u32()?;
        let flags = self.at(entry, 24, 4)?.u32()?;
        Ok(match kind {
            PT_LOAD => Some(Segment {
                address: self.word(entry, 8, 16)?,
                offset: self.word(entry, 4, 8)?,
                len: self.word(entry, 16, 32)?,
                executable: flags & PF_X != 0,
            }),
            _ => None,
        })
    }

    fn section(&self, entry: &[u8]) -> Result<Place> {
        let mut names = self.at(entry, 0, 0)?;
        Ok(Place {
            name: names.u32()?,
            kind: names.u32()?,
            address: self.word(entry, 12, 16)?,
            offset: self.word(entry, 16, 24)?,
            len: self.word(entry, 20, 32)?,
            link: self.at(entry, 24, 40)?.u32()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &[u8] = include_bytes!("../../../../testdata/core.bpf.el.o");
    const BIG: &[u8] = include_bytes!("../../../../testdata/core.bpf.eb.o");

    fn find(bytes: &[u8], name: &str) -> Result<Option<(u64, u64)>> {
        find_section(name, &mut in_memory(bytes))
    }

    #[test]
    fn sections_are_where_the_whole_file_has_them() {
        for object in [OBJECT, BIG] {
            let elf = super::super::Elf::parse(object, &mut Vec::new()).unwrap();
            for name in [".BTF", ".BTF.ext", "raw_tp", "license"] {
                let (offset, len) = find(object, name).unwrap().unwrap();
                let found = &object[offset as usize..(offset + len) as usize];
                assert_eq!(elf.section(name).unwrap().1.bytes().unwrap(), found);
            }
            assert_eq!(find(object, ".no_such_section").unwrap(), None);
        }
    }

    #[test]
    fn no_cut_and_no_changed_byte_of_the_tables_panics() {
        for len in 0..OBJECT.len() {
            let _ = find(&OBJECT[..len], ".BTF");
        }
        assert!(find(&OBJECT[..63], ".BTF").is_err());
        for at in 0..64 {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = OBJECT.to_vec();
                bytes[at] = value;
                let _ = find(&bytes, ".BTF");
            }
        }
    }
}
