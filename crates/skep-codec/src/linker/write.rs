//! The ELF file.

use super::sections::Section;
use super::symbols::{Symbol, Symbols};
use super::types::Types;
use crate::Result;
use crate::bytes::Endian;
use crate::elf::{EM_BPF, ET_REL, SHT_NOBITS, SHT_REL};
use crate::error::bail;
use alloc::vec::Vec;

const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHF_INFO_LINK: u64 = 0x40;
const HEADER: usize = 64;
const SYMBOL: u64 = 24;
const REL: u64 = 16;
/// Section numbers from here on mean something else.
const LORESERVE: usize = 0xff00;

/// A row of the section table.
#[derive(Clone, Copy, Default)]
struct Row {
    name: u32,
    kind: u32,
    flags: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
    align: u64,
    entry: u64,
}

struct Writer {
    endian: Endian,
    out: Vec<u8>,
    rows: Vec<Row>,
    strings: Vec<u8>,
}

/// Sections of the result have their index plus one in the table; `.symtab` and the string table
/// are the last two.
pub(super) fn elf(
    endian: Endian,
    sections: &[Section],
    symbols: &Symbols,
    types: &Types,
) -> Result<Vec<u8>> {
    let mut w = Writer {
        endian,
        out: alloc::vec![0; HEADER],
        rows: alloc::vec![Row::default()],
        strings: alloc::vec![0],
    };
    for section in sections {
        let row = Row {
            kind: section.kind,
            flags: section.flags,
            size: section.size,
            align: section.align,
            ..Row::default()
        };
        w.add(&section.name, row, &section.bytes);
    }
    let relocated = sections.iter().filter(|s| !s.relocs.is_empty()).count();
    let extra = [&types.btf, &types.ext]
        .iter()
        .filter(|part| !part.is_empty())
        .count();
    let symtab = w.rows.len().saturating_add(relocated).saturating_add(extra);
    if symtab.saturating_add(2) >= LORESERVE {
        bail!(TooLarge, "{} sections", sections.len());
    }
    for (index, section) in sections.iter().enumerate() {
        if !section.relocs.is_empty() {
            w.relocs(index.saturating_add(1), section, symtab);
        }
    }
    for (name, bytes) in [(".BTF", &types.btf), (".BTF.ext", &types.ext)] {
        if !bytes.is_empty() {
            let row = Row {
                kind: SHT_PROGBITS,
                align: 4,
                ..Row::default()
            };
            w.add(name, row, bytes);
        }
    }
    w.symbols(symbols, symtab);
    w.finish()
}

impl Writer {
    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    /// Adds a section with its bytes, aligned.
    fn add(&mut self, name: &str, row: Row, bytes: &[u8]) {
        let align = usize::try_from(row.align.max(1)).unwrap_or(1);
        let offset = self.out.len().next_multiple_of(align);
        self.out.resize(offset, 0);
        self.out.extend_from_slice(bytes);
        let size = match row.kind {
            SHT_NOBITS => row.size,
            _ => bytes.len() as u64,
        };
        let name = self.string(name);
        self.rows.push(Row {
            name,
            offset: offset as u64,
            size,
            ..row
        });
    }

    fn relocs(&mut self, index: usize, section: &Section, symtab: usize) {
        let mut bytes = Vec::new();
        for reloc in &section.relocs {
            let info = (reloc.symbol as u64) << 32 | u64::from(reloc.kind);
            bytes.extend(self.endian.put_u64(reloc.offset));
            bytes.extend(self.endian.put_u64(info));
        }
        let row = Row {
            kind: SHT_REL,
            flags: SHF_INFO_LINK,
            link: symtab as u32,
            info: index as u32,
            align: 8,
            entry: REL,
            ..Row::default()
        };
        self.add(&format!(".rel{}", section.name), row, &bytes);
    }

    fn symbols(&mut self, symbols: &Symbols, symtab: usize) {
        let mut bytes = alloc::vec![0; SYMBOL as usize];
        for symbol in symbols.locals.iter().chain(&symbols.globals) {
            self.symbol(symbol, &mut bytes);
        }
        let row = Row {
            kind: SHT_SYMTAB,
            link: symtab.saturating_add(1) as u32,
            info: symbols.locals.len().saturating_add(1) as u32,
            align: 8,
            entry: SYMBOL,
            ..Row::default()
        };
        self.add(".symtab", row, &bytes);
        let name = self.string(".strtab");
        let (offset, size) = (self.out.len() as u64, self.strings.len() as u64);
        self.out.extend_from_slice(&self.strings);
        self.rows.push(Row {
            name,
            kind: SHT_STRTAB,
            offset,
            size,
            align: 1,
            ..Row::default()
        });
    }

    fn symbol(&mut self, symbol: &Symbol, bytes: &mut Vec<u8>) {
        let binding = match (symbol.local, symbol.weak) {
            (true, _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        };
        // A section's number in the table is one more than its index.
        let section = symbol.section.map_or(0, |index| index.saturating_add(1));
        let name = self.string(&symbol.name);
        bytes.extend(self.endian.put_u32(name));
        bytes.push(binding << 4 | symbol.kind);
        bytes.push(if symbol.hidden { 2 } else { 0 });
        bytes.extend(self.endian.put_u16(section as u16));
        bytes.extend(self.endian.put_u64(symbol.value));
        bytes.extend(self.endian.put_u64(symbol.size));
    }

    /// The section table, and the header that says where it is.
    fn finish(mut self) -> Result<Vec<u8>> {
        if u32::try_from(self.strings.len()).is_err() {
            bail!(TooLarge, "{} bytes of names", self.strings.len());
        }
        let table = self.out.len().next_multiple_of(8);
        self.out.resize(table, 0);
        let endian = self.endian;
        for row in &self.rows {
            let head = [row.name, row.kind].map(|word| endian.put_u32(word));
            let places = [row.flags, 0, row.offset, row.size].map(|word| endian.put_u64(word));
            let links = [row.link, row.info].map(|word| endian.put_u32(word));
            let tail = [row.align, row.entry].map(|word| endian.put_u64(word));
            self.out.extend(head.as_flattened());
            self.out.extend(places.as_flattened());
            self.out.extend(links.as_flattened());
            self.out.extend(tail.as_flattened());
        }
        let header = self.header(table);
        if let Some(place) = self.out.first_chunk_mut() {
            *place = header;
        }
        Ok(self.out)
    }

    fn header(&self, table: usize) -> [u8; HEADER] {
        let endian = self.endian;
        let order = if endian == Endian::Little { 1 } else { 2 };
        let mut header = Vec::new();
        header.extend([0x7f, b'E', b'L', b'F', 2, order, 1, 0]);
        header.extend([0; 8]);
        header.extend(endian.put_u16(ET_REL));
        header.extend(endian.put_u16(EM_BPF));
        header.extend(endian.put_u32(1));
        for word in [0, 0, table as u64] {
            header.extend(endian.put_u64(word));
        }
        header.extend(endian.put_u32(0));
        let rows = self.rows.len() as u16;
        for half in [HEADER as u16, 0, 0, 64, rows, rows.wrapping_sub(1)] {
            header.extend(endian.put_u16(half));
        }
        header.first_chunk().copied().unwrap_or([0; HEADER])
    }
}
