//! ELF files: sections, symbols, REL entries, in either byte order and at any alignment.
//!
//! A thin layer over the `object` crate that says which section an error is about, and keeps an
//! error that concerns one section or symbol away from the others.

mod btf;
mod place;

pub use btf::read_btf;
pub use place::{ReadAt, find_section};

use crate::bytes::Endian;
use crate::error::bail;
use crate::map::Map;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, Rel, SectionHeader, SectionTable, Sym, SymbolTable};
use object::{Endianness, SectionIndex};

/// `EM_BPF`.
pub const EM_BPF: u16 = 247;
/// `ET_REL`: a relocatable file.
pub const ET_REL: u16 = 1;
/// `SHF_EXECINSTR`: the section holds instructions.
pub const SHF_EXECINSTR: u64 = 4;
/// `SHT_NOBITS`: the section has a size and no bytes (`.bss`).
pub const SHT_NOBITS: u32 = 8;
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
    /// The first section of each name.
    by_name: Map<String, usize>,
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
    /// Relocations about this section (of its relocation sections, in order).
    pub relocs: Vec<Reloc>,
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

type Header = FileHeader64<Endianness>;

impl<'a> Elf<'a> {
    /// Reads the tables of an ELF file. `warn` hears what concerns one section only.
    ///
    /// # Errors
    /// No 64-bit ELF file, or its section or symbol table is outside the file.
    pub fn parse(bytes: &'a [u8], warn: &mut Vec<Error>) -> Result<Self> {
        let header = check_ident(bytes)
            .and_then(|()| Header::parse(bytes).map_err(|e| wrap(e).in_section("ELF header")))?;
        let endian = header.endian().map_err(wrap)?;
        let table = header
            .sections(endian, bytes)
            .map_err(|e| wrap(e).in_section("ELF section table"))?;
        let symbols = table
            .symbols(endian, bytes, elf::SHT_SYMTAB)
            .map_err(|e| wrap(e).in_section(".symtab"))?;
        let mut file = Self {
            endian: match endian {
                Endianness::Little => Endian::Little,
                Endianness::Big => Endian::Big,
            },
            machine: header.e_machine(endian).0,
            file_type: header.e_type(endian).0,
            size_bytes: bytes.len(),
            sections: sections(bytes, endian, &table, warn),
            symbols: read_symbols(endian, &symbols, warn),
            by_name: Map::new(),
            by_section: Vec::new(),
        };
        for (index, section) in file.sections.iter().enumerate() {
            file.by_name.insert_new(section.name.to_owned(), || index);
        }
        let defined = file.symbols.iter().enumerate();
        file.by_section = defined.filter_map(|(i, s)| Some((s.section?, i))).collect();
        file.by_section.sort_unstable();
        file.read_relocs(bytes, endian, &table, warn);
        Ok(file)
    }

    /// The section of this name; the first, should there be several.
    pub fn section(&self, name: &str) -> Option<(usize, &Section<'a>)> {
        let index = *self.by_name.get(name)?;
        self.sections.get(index).map(|section| (index, section))
    }

    /// The symbols that are defined in a section, with their indices.
    pub fn symbols_in(&self, section: usize) -> impl Iterator<Item = (usize, &Symbol<'a>)> {
        let first = self.by_section.partition_point(|&(s, _)| s < section);
        let here = self.by_section.get(first..).unwrap_or_default().iter();
        let here = here.take_while(move |&&(s, _)| s == section);
        here.filter_map(|&(_, index)| Some((index, self.symbols.get(index)?)))
    }

    fn read_relocs(
        &mut self,
        bytes: &[u8],
        endian: Endianness,
        table: &SectionTable<'a, Header>,
        warn: &mut Vec<Error>,
    ) {
        // Sections may share their bytes, but not to make more entries than the file has room for.
        let mut room = bytes.len() >> 4;
        for (index, header) in table.enumerate() {
            let name = self.sections.get(index.0).map_or("", |s| s.name);
            let entries = match header.rel(endian, bytes) {
                Ok(Some((entries, _))) => entries,
                Ok(None) => {
                    if header.sh_type(endian).0 == SHT_RELA {
                        let what = "relocations with addends (RELA) are not used by BPF";
                        warn.push(Error::new(ErrorKind::Unsupported, what).in_section(name));
                    }
                    continue;
                }
                Err(e) => {
                    warn.push(wrap(e).in_section(name));
                    continue;
                }
            };
            let target = header.info_link(endian).0;
            let Some(section) = self.sections.get_mut(target).filter(|_| target != 0) else {
                let what = alloc::format!("relocations for section {target}, which is not there");
                warn.push(Error::new(ErrorKind::NotFound, what).in_section(name));
                continue;
            };
            let Some(rest) = room.checked_sub(entries.len()) else {
                let what = "more relocations than the file has bytes for";
                warn.push(Error::new(ErrorKind::TooLarge, what).in_section(name));
                return;
            };
            room = rest;
            section.relocs.extend(entries.iter().map(|rel| Reloc {
                offset: rel.r_offset(endian),
                symbol: rel.r_sym(endian) as usize,
                kind: rel.r_type(endian).0,
            }));
        }
    }
}

fn sections<'a>(
    bytes: &'a [u8],
    endian: Endianness,
    table: &SectionTable<'a, Header>,
    warn: &mut Vec<Error>,
) -> Vec<Section<'a>> {
    let read = |(index, header): (SectionIndex, &elf::SectionHeader64<Endianness>)| {
        let name = table.section_name(endian, header).map_err(wrap);
        let name = name.and_then(utf8).unwrap_or_else(|e| {
            let what = alloc::format!("name of section {}: {}", index.0, e.what());
            warn.push(Error::new(e.kind(), what));
            ""
        });
        let data = header.data(endian, bytes).map_err(|e| {
            let offset = header.sh_offset(endian);
            let what = alloc::format!("{e}: {} bytes at {offset:#x}", header.sh_size(endian));
            Error::new(ErrorKind::Truncated, what).in_section(name)
        });
        Section {
            name,
            kind: header.sh_type(endian).0,
            flags: header.sh_flags(endian).0,
            size: header.sh_size(endian),
            align: header.sh_addralign(endian),
            info: header.sh_info(endian) as usize,
            relocs: Vec::new(),
            bytes: data,
        }
    };
    table.enumerate().map(read).collect()
}

fn read_symbols<'a>(
    endian: Endianness,
    table: &SymbolTable<'a, Header>,
    warn: &mut Vec<Error>,
) -> Vec<Symbol<'a>> {
    let mut symbols = Vec::with_capacity(table.len());
    for (index, symbol) in table.iter().enumerate() {
        let mut complain = |e: Error| {
            let what = alloc::format!("symbol {index}: {}", e.what());
            warn.push(Error::new(e.kind(), what).in_section(".symtab"));
        };
        let name = table.symbol_name(endian, symbol).map_err(wrap);
        let name = name.and_then(utf8).unwrap_or_else(|e| {
            complain(e);
            ""
        });
        let section = table
            .symbol_section(endian, symbol, object::SymbolIndex(index))
            .unwrap_or_else(|e| {
                complain(wrap(e));
                None
            });
        symbols.push(Symbol {
            name,
            kind: match symbol.st_type() {
                elf::STT_NOTYPE => SymbolKind::None,
                elf::STT_OBJECT => SymbolKind::Object,
                elf::STT_FUNC => SymbolKind::Func,
                elf::STT_SECTION => SymbolKind::Section,
                other => SymbolKind::Other(other.0),
            },
            section: section.map(|index| index.0),
            undefined: symbol.st_shndx(endian) == elf::SHN_UNDEF,
            local: symbol.st_bind() == elf::STB_LOCAL,
            weak: symbol.st_bind() == elf::STB_WEAK,
            hidden: matches!(symbol.st_visibility(), elf::STV_HIDDEN | elf::STV_INTERNAL),
            value: symbol.st_value(endian),
            size: symbol.st_size(endian),
        });
    }
    symbols
}

/// Says in words what is no 64-bit ELF file.
fn check_ident(bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        bail!(Truncated, "the file is empty");
    }
    let Some((magic, rest)) = bytes.split_first_chunk::<4>() else {
        bail!(Truncated, "no ELF file: only {} bytes", bytes.len());
    };
    if *magic != elf::ELFMAG {
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
fn wrap(error: object::Error) -> Error {
    Error::new(ErrorKind::Malformed, alloc::format!("{error}"))
}
