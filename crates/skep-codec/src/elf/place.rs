//! One section of a file that is too large to be read whole, such as a kernel with its debug
//! information.

use crate::bytes::{Endian, Reader, c_str};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;

/// Bytes of `Elf64_Ehdr` and of `Elf64_Shdr`.
const HEADER: usize = 64;
/// The most that is read of section names.
const NAMES: u64 = 1 << 20;

/// A part of a file, by its offset and length; shorter where the file ends.
pub type ReadAt<'a> = &'a mut dyn FnMut(u64, usize) -> Result<Vec<u8>>;

/// Where the first section of this name lies: its offset in the file and its length. `None` where
/// the file has no such section.
///
/// # Errors
/// `Unsupported`: no 64-bit ELF file; what does not hold together in its tables.
pub fn find_section(name: &str, read: ReadAt<'_>) -> Result<Option<(u64, u64)>> {
    let header = read(0, HEADER)?;
    let [0x7f, b'E', b'L', b'F', 2, order @ (1 | 2), ..] = *header else {
        bail!(Unsupported, "no 64-bit ELF file");
    };
    let endian = if order == 1 {
        Endian::Little
    } else {
        Endian::Big
    };
    let tables = field(&header, endian, 40)?.u64()?;
    let mut sizes = field(&header, endian, 58)?;
    let (size, count, names) = (sizes.u16()?, sizes.u16()?, sizes.u16()?);
    if usize::from(size) != HEADER {
        bail!(Unsupported, "section headers of {size} bytes");
    }
    let table = read(tables, usize::from(count).saturating_mul(HEADER))?;
    let mut sections = Vec::new();
    for section in table.chunks_exact(HEADER) {
        sections.push(Place::read(section, endian)?);
    }
    let Some(texts) = sections.get(usize::from(names)) else {
        bail!(Malformed, "no section of names");
    };
    let texts = read(texts.offset, texts.len.min(NAMES) as usize)?;
    for section in &sections {
        match texts.get(section.name as usize..).map(c_str) {
            Some(Ok(text)) if text == name => return Ok(Some((section.offset, section.len))),
            _ => {}
        }
    }
    Ok(None)
}

/// A section header, as far as it is wanted.
struct Place {
    name: u32,
    offset: u64,
    len: u64,
}

impl Place {
    fn read(section: &[u8], endian: Endian) -> Result<Self> {
        let mut place = field(section, endian, 24)?;
        Ok(Self {
            name: field(section, endian, 0)?.u32()?,
            offset: place.u64()?,
            len: place.u64()?,
        })
    }
}

fn field(bytes: &[u8], endian: Endian, at: usize) -> Result<Reader<'_>> {
    match bytes.get(at..) {
        Some(rest) => Ok(Reader::new(rest, endian)),
        None => Err(Error::new(ErrorKind::Truncated, "ELF header")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &[u8] = include_bytes!("../../../../testdata/core.bpf.el.o");
    const BIG: &[u8] = include_bytes!("../../../../testdata/core.bpf.eb.o");

    fn find(bytes: &[u8], name: &str) -> Result<Option<(u64, u64)>> {
        find_section(name, &mut |offset, len| {
            let rest = bytes.get(offset as usize..).unwrap_or_default();
            Ok(rest.get(..len).unwrap_or(rest).to_vec())
        })
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
        for at in 0..HEADER {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = OBJECT.to_vec();
                bytes[at] = value;
                let _ = find(&bytes, ".BTF");
            }
        }
    }
}
