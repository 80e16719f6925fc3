//! ELF files: sections, symbols, REL entries, in either byte order and at any alignment.
//!
//! A thin layer over the `elf` crate that says which section an error is about, and keeps an
//! error that concerns one section or symbol away from the others.

mod archive;
mod btf;
mod debug;
mod function;
mod image;

pub use archive::find_in_archive;
pub use btf::read_btf;
pub use debug::DebugLink;
#[cfg(any(test, feature = "usdt"))]
pub(crate) use debug::note;
pub use function::Function;
pub use image::{Image, Place, ReadAt, Segment, find_section, in_memory};

use crate::bytes::{Endian, Reader};
use crate::error::bail;
use crate::map::Map;
use crate::order;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use elf::endian::AnyEndian;
use elf::section::SectionHeader;
use elf::{ElfBytes, ParseError, abi};

/// `EM_BPF`.
pub const EM_BPF: u16 = 247;
/// `ET_REL`: a relocatable file.
pub const ET_REL: u16 = 1;
/// `SHF_EXECINSTR`: the section holds instructions.
pub const SHF_EXECINSTR: u64 = 4;
/// `SHT_NOBITS`: the section has a size and no bytes (`.bss`).
pub const SHT_NOBITS: u32 = 8;
/// `SHT_SYMTAB`: symbols for linkers and debuggers.
pub const SHT_SYMTAB: u32 = 2;
/// `SHT_DYNSYM`: symbols for other programs.
pub const SHT_DYNSYM: u32 = 11;
/// `SHT_REL`: relocations whose addend is in the bytes that they change.
pub const SHT_REL: u32 = 9;
/// `SHT_RELA`: relocations with an addend of their own.
pub const SHT_RELA: u32 = 4;

/// A 64-bit ELF file.
#[derive(Clone, Debug)]
pub struct Elf<'a> {
    /// Byte order.
    pub endian: Endian,
    /// `e_machine`.
    pub machine: u16,
    /// `e_type`.
    pub file_type: u16,
    /// Size of the file.
    pub size_bytes: usize,
    /// All sections; the index is the ELF section index (0 is the null section).
    pub sections: Vec<Section<'a>>,
    /// All symbols; the index is the ELF symbol index (0 is the null symbol).
    pub symbols: Vec<Symbol<'a>>,
    /// Relocations about each section (of its relocation sections, in order).
    pub relocs: Vec<Vec<Reloc>>,
    /// The first section of each name.
    by_name: Map<&'a str, usize>,
    /// Symbols in order of section, then index.
    by_section: Vec<(usize, usize)>,
}

/// A section and its bytes.
#[derive(Clone, Debug)]
pub struct Section<'a> {
    /// Name; empty when it cannot be read.
    pub name: &'a str,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// `sh_size`.
    pub size: u64,
    /// `sh_addralign`.
    pub align: u64,
    /// `sh_info`: the section that a relocation section is about.
    pub info: usize,
    bytes: Result<&'a [u8]>,
}

impl<'a> Section<'a> {
    /// The bytes; empty for `SHT_NOBITS`.
    ///
    /// # Errors
    /// `Truncated`: the section lies outside the file.
    pub fn bytes(&self) -> Result<&'a [u8]> {
        self.bytes.clone()
    }

    /// Whether the section holds instructions.
    pub fn is_code(&self) -> bool {
        self.flags & SHF_EXECINSTR != 0 && self.kind != SHT_NOBITS
    }
}

/// What a symbol is, `STT_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// `STT_NOTYPE`.
    None,
    /// `STT_OBJECT`: a variable.
    Object,
    /// `STT_FUNC`.
    Func,
    /// `STT_SECTION`.
    Section,
    /// Any other.
    Other(u8),
}

/// A symbol.
#[derive(Clone, Copy, Debug)]
pub struct Symbol<'a> {
    /// Name; empty when it has none or it cannot be read.
    pub name: &'a str,
    /// What it is.
    pub kind: SymbolKind,
    /// The section where it is defined; `None` for undefined, absolute and common symbols.
    pub section: Option<usize>,
    /// Whether it is `SHN_UNDEF`.
    pub undefined: bool,
    /// Whether its binding is `STB_LOCAL`.
    pub local: bool,
    /// Whether its binding is `STB_WEAK`.
    pub weak: bool,
    /// Whether its visibility is hidden or internal.
    pub hidden: bool,
    /// `st_value`: the offset in the section.
    pub value: u64,
    /// `st_size`.
    pub size: u64,
}

/// A REL entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloc {
    /// The byte of the section that it is about.
    pub offset: u64,
    /// Index of the symbol.
    pub symbol: usize,
    /// `R_BPF_*`.
    pub kind: u32,
}

/// Bytes of `Elf64_Ehdr`.
const HEADER: usize = 64;
const HEAD: &str = "ELF header";
/// Bytes of a REL entry.
const REL: usize = 16;

type File<'a> = ElfBytes<'a, AnyEndian>;

impl<'a> Elf<'a> {
    /// Reads the tables of an ELF file. `warn` hears what concerns one section only.
    ///
    /// # Errors
    /// No 64-bit ELF file, or its section or symbol table is outside the file.
    pub fn parse(bytes: &'a [u8], warn: &mut Vec<Error>) -> Result<Self> {
        check_ident(bytes)?;
        let file = File::minimal_parse(bytes).map_err(|e| {
            let part = match &e {
                ParseError::UnsupportedVersion(_) | ParseError::UnsupportedElfEndianness(_) => HEAD,
                _ if bytes.len() < HEADER => HEAD,
                _ => "ELF section table",
            };
            wrap(e).in_section(part)
        })?;
        let headers: Vec<SectionHeader> = match file.section_headers() {
            Some(headers) => headers.iter().collect(),
            None => Vec::new(),
        };
        let symbols = read_symbols(&file, &headers, warn).map_err(|e| e.in_section(".symtab"))?;
        let mut file = Self {
            endian: match file.ehdr.endianness {
                AnyEndian::Little => Endian::Little,
                AnyEndian::Big => Endian::Big,
            },
            machine: file.ehdr.e_machine,
            file_type: file.ehdr.e_type,
            size_bytes: bytes.len(),
            sections: sections(&file, &headers, warn)?,
            symbols,
            relocs: Vec::new(),
            by_name: Map::new(),
            by_section: Vec::new(),
        };
        file.relocs.resize(file.sections.len(), Vec::new());
        for (index, section) in file.sections.iter().enumerate() {
            file.by_name.insert_new(section.name, || index);
        }
        file.by_section.reserve(file.symbols.len());
        for (index, symbol) in file.symbols.iter().enumerate() {
            if let Some(section) = symbol.section {
                file.by_section.push((section, index));
            }
        }
        order::by_key(&mut file.by_section, |(section, _)| *section as u64);
        file.read_relocs(bytes, &headers, warn);
        Ok(file)
    }

    /// The section of this name; the first, should there be several.
    #[inline(never)]
    pub fn section(&self, name: &str) -> Option<(usize, &Section<'a>)> {
        let index = *self.by_name.get(name)?;
        self.sections.get(index).map(|section| (index, section))
    }

    /// The symbols that are defined in a section, in their own order.
    pub fn symbols_in(&self, section: usize) -> Vec<Symbol<'a>> {
        let first = self.by_section.partition_point(|&(s, _)| s < section);
        let end = self.by_section.partition_point(|&(s, _)| s <= section);
        let own = self.by_section.get(first..end).unwrap_or_default();
        let mut symbols = Vec::with_capacity(own.len());
        for &(_, index) in own {
            symbols.extend(self.symbols.get(index).copied());
        }
        symbols
    }

    fn read_relocs(&mut self, bytes: &[u8], headers: &[SectionHeader], warn: &mut Vec<Error>) {
        // Sections may share their bytes, but not to make more entries than the file has room for.
        let mut room = bytes.len() >> 4;
        for (index, header) in headers.iter().enumerate() {
            let name = self.sections.get(index).map_or("", |s| s.name);
            match header.sh_type {
                SHT_REL => {}
                SHT_RELA => {
                    let what = "relocations with addends (RELA) are not used by BPF";
                    warn.push(Error::new(ErrorKind::Unsupported, what).in_section(name));
                    continue;
                }
                _ => continue,
            }
            let entries = match self.sections.get(index).map(Section::bytes) {
                Some(Ok(entries)) => entries.chunks_exact(REL),
                Some(Err(e)) => {
                    warn.push(e);
                    continue;
                }
                None => continue,
            };
            let target = header.sh_info as usize;
            let Some(relocs) = self.relocs.get_mut(target).filter(|_| target != 0) else {
                let what = format!("relocations for section {target}, which is not there");
                warn.push(Error::new(ErrorKind::NotFound, what).in_section(name));
                continue;
            };
            let Some(rest) = room.checked_sub(entries.len()) else {
                let what = "more relocations than the file has bytes for";
                warn.push(Error::new(ErrorKind::TooLarge, what).in_section(name));
                return;
            };
            room = rest;
            relocs.reserve(entries.len());
            for entry in entries {
                let mut r = Reader::new(entry, self.endian);
                if let (Ok(offset), Ok(info)) = (r.u64(), r.u64()) {
                    relocs.push(Reloc {
                        offset,
                        symbol: (info >> 32) as usize,
                        kind: info as u32,
                    });
                }
            }
        }
    }
}

fn sections<'a>(
    file: &File<'a>,
    headers: &[SectionHeader],
    warn: &mut Vec<Error>,
) -> Result<Vec<Section<'a>>> {
    let table = file.section_headers_with_strtab();
    let (_, names) = table.map_err(|e| wrap(e).in_section("ELF section table"))?;
    let mut sections = Vec::with_capacity(headers.len());
    for (index, header) in headers.iter().enumerate() {
        let name = match &names {
            Some(names) => names.get_raw(header.sh_name as usize).map_err(wrap),
            None => Ok(&b""[..]),
        };
        let name = name.and_then(utf8).unwrap_or_else(|e| {
            let what = format!("name of section {index}: {}", e.what());
            warn.push(Error::new(e.kind(), what));
            ""
        });
        sections.push(Section {
            name,
            kind: header.sh_type,
            flags: header.sh_flags,
            size: header.sh_size,
            align: header.sh_addralign,
            info: header.sh_info as usize,
            bytes: data(file, header).map_err(|e| e.in_section(name)),
        });
    }
    Ok(sections)
}

/// A section's bytes as they are in the file.
fn data<'a>(file: &File<'a>, header: &SectionHeader) -> Result<&'a [u8]> {
    let plain = SectionHeader {
        // Compressed ones too.
        sh_flags: 0,
        ..*header
    };
    match file.section_data(&plain) {
        Ok((bytes, _)) => Ok(bytes),
        Err(e) => bail!(
            Truncated,
            "{e}: {} bytes at {:#x}",
            header.sh_size,
            header.sh_offset
        ),
    }
}

fn read_symbols<'a>(
    file: &File<'a>,
    headers: &[SectionHeader],
    warn: &mut Vec<Error>,
) -> Result<Vec<Symbol<'a>>> {
    let Some((table, names)) = file.symbol_table().map_err(wrap)? else {
        return Ok(Vec::new());
    };
    let far = far_sections(file, headers);
    let mut symbols = Vec::with_capacity(table.len());
    for (index, symbol) in table.iter().enumerate() {
        let name = names.get_raw(symbol.st_name as usize).map_err(wrap);
        let name = name.and_then(utf8).unwrap_or_else(|e| {
            let what = format!("symbol {index}: {}", e.what());
            warn.push(Error::new(e.kind(), what).in_section(".symtab"));
            ""
        });
        let section = match symbol.st_shndx {
            abi::SHN_XINDEX => far.get(index).copied(),
            special if special >= abi::SHN_LORESERVE => None,
            section => Some(usize::from(section)),
        };
        symbols.push(Symbol {
            name,
            kind: match symbol.st_symtype() {
                abi::STT_NOTYPE => SymbolKind::None,
                abi::STT_OBJECT => SymbolKind::Object,
                abi::STT_FUNC => SymbolKind::Func,
                abi::STT_SECTION => SymbolKind::Section,
                other => SymbolKind::Other(other),
            },
            section: section.filter(|&section| section != 0),
            undefined: symbol.is_undefined(),
            local: symbol.st_bind() == abi::STB_LOCAL,
            weak: symbol.st_bind() == abi::STB_WEAK,
            hidden: matches!(symbol.st_vis(), abi::STV_HIDDEN | abi::STV_INTERNAL),
            value: symbol.st_value,
            size: symbol.st_size,
        });
    }
    Ok(symbols)
}

/// The sections of symbols in a file that has more of them than 16 bits can count.
fn far_sections(file: &File<'_>, headers: &[SectionHeader]) -> Vec<usize> {
    let is_table = |header: &&SectionHeader| header.sh_type == abi::SHT_SYMTAB_SHNDX;
    let bytes = headers.iter().find(is_table).map(|table| data(file, table));
    let Some(Ok(bytes)) = bytes else {
        return Vec::new();
    };
    let (words, _) = bytes.as_chunks::<4>();
    let word = |&word: &[u8; 4]| match file.ehdr.endianness {
        AnyEndian::Little => u32::from_le_bytes(word) as usize,
        AnyEndian::Big => u32::from_be_bytes(word) as usize,
    };
    words.iter().map(word).collect()
}

/// Says in words what is no 64-bit ELF file.
fn check_ident(bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        bail!(Truncated, "the file is empty");
    }
    let Some((magic, rest)) = bytes.split_first_chunk::<4>() else {
        bail!(Truncated, "no ELF file: only {} bytes", bytes.len());
    };
    if magic != b"\x7fELF" {
        let is = match magic {
            [b'M', b'Z', ..] => " (it begins like a PE file)",
            [b'B', b'C', 0xc0, 0xde] => " (it is LLVM bitcode: compile it without -flto)",
            b"!<ar" => " (it is an archive)",
            _ => "",
        };
        bail!(Malformed, "no ELF file: no ELF magic number{is}");
    }
    if rest.first() == Some(&1) {
        bail!(Unsupported, "a 32-bit ELF file: BPF objects are 64-bit");
    }
    Ok(())
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    core::str::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Malformed, "name is not UTF-8"))
}

#[cold]
fn wrap(error: ParseError) -> Error {
    Error::new(ErrorKind::Malformed, format!("{error}"))
}
