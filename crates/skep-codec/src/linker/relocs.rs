//! Relocations, moved with the sections that they are in and point into.

use super::file::File;
use super::in_file;
use super::sections::{Layout, Place};
use super::symbols::Symbols;
use crate::bytes::Endian;
use crate::elf::{Reloc, Symbol, SymbolKind};
use crate::error::bail;
use crate::insn::{INSN_SIZE, Insn};
use crate::{Error, Result};

/// `R_BPF_64_ABS64`: eight bytes of data.
const ABS64: u32 = 2;
const JUMP_TABLES: &str = ".jumptables";
/// `R_BPF_64_ABS32`: four bytes of data.
const ABS32: u32 = 3;

pub(super) fn apply(files: &[File<'_>], layout: &mut Layout, symbols: &Symbols) -> Result<()> {
    for (index, file) in files.iter().enumerate() {
        let sections = file.elf.sections.iter().zip(&file.elf.relocs);
        for (number, (section, relocs)) in sections.enumerate() {
            let Some(place) = layout.place(index, number).filter(|place| !place.repeated) else {
                continue;
            };
            for reloc in relocs {
                let moved = one(file, index, layout, symbols, place, reloc);
                let at = |e: Error| e.in_section(section.name).at(reloc.offset);
                moved.map_err(at).map_err(in_file(file.name))?;
            }
        }
    }
    Ok(())
}

fn one(
    file: &File<'_>,
    index: usize,
    layout: &mut Layout,
    symbols: &Symbols,
    place: Place,
    reloc: &Reloc,
) -> Result<()> {
    if reloc.kind == 0 {
        return Ok(());
    }
    let Some(symbol) = file.elf.symbols.get(reloc.symbol) else {
        bail!(
            NotFound,
            "a relocation for symbol {}, which is not there",
            reloc.symbol
        );
    };
    let Some(new) = symbols.index(index, reloc.symbol) else {
        bail!(
            Unsupported,
            "refers to '{}', which is in no section that is linked",
            symbol.name
        );
    };
    let Some(offset) = reloc.offset.checked_add(place.offset) else {
        bail!(Malformed, "a relocation beyond the end of its section");
    };
    // Only where a section stands for what is in it, the distance is in the bytes.
    let target = symbol
        .section
        .filter(|_| symbol.kind == SymbolKind::Section);
    let target = target.and_then(|section| layout.place(index, section));
    let by = target.map_or(0, |target| target.offset);
    let endian = file.elf.endian;
    let Some(section) = layout.sections.get_mut(place.section) else {
        bail!(NotFound, "no section {}", place.section);
    };
    let code = section.flags & crate::elf::SHF_EXECINSTR != 0;
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let bytes = section.bytes.get_mut(start..).unwrap_or_default();
    match code {
        true => insn(bytes, endian, by)?,
        false => data(bytes, endian, by, reloc.kind)?,
    }
    section.relocs.push(Reloc {
        offset,
        symbol: new,
        kind: reloc.kind,
    });
    if code && place.offset != 0 && symbol.size != 0 {
        jump_table(file, index, layout, symbol, place.offset)?;
    }
    Ok(())
}

/// The entries of a jump table are offsets in the section of the code that uses it, without
/// relocations of their own: they move with that code.
fn jump_table(
    file: &File<'_>,
    index: usize,
    layout: &mut Layout,
    symbol: &Symbol<'_>,
    by: u64,
) -> Result<()> {
    let (Some(number), endian) = (symbol.section, file.elf.endian) else {
        return Ok(());
    };
    let own = file.elf.sections.get(number);
    let (Some(own), Some(place)) = (own, layout.place(index, number)) else {
        return Ok(());
    };
    let relocated = file
        .elf
        .relocs
        .get(number)
        .is_some_and(|all| !all.is_empty());
    if own.name != JUMP_TABLES || relocated {
        return Ok(());
    }
    layout.spend(symbol.size)?;
    let old = own.bytes()?;
    let range = |start: u64| {
        let end = start.checked_add(symbol.size)?;
        Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    };
    let old = range(symbol.value).and_then(|range| old.get(range));
    let start = symbol.value.checked_add(place.offset);
    let section = layout.sections.get_mut(place.section);
    let new = section.zip(start.and_then(range));
    let new = new.and_then(|(section, range)| section.bytes.get_mut(range));
    let (Some(old), Some(new)) = (old, new) else {
        bail!(
            Truncated,
            "the jump table '{}' is not all there",
            symbol.name
        );
    };
    // From what the file has: a table that is used twice moves once.
    let entries = old
        .as_chunks::<8>()
        .0
        .iter()
        .zip(new.as_chunks_mut::<8>().0);
    for (old, new) in entries {
        *new = endian.put_u64(endian.u64(*old).wrapping_add(by));
    }
    Ok(())
}

/// Moves what an instruction points at: a call counts instructions, a wide load bytes.
fn insn(bytes: &mut [u8], endian: Endian, by: u64) -> Result<()> {
    let Some(slot) = bytes.first_chunk_mut::<INSN_SIZE>() else {
        bail!(Malformed, "a relocation beyond the end of its section");
    };
    let [code, _, _, _, imm @ ..] = slot;
    let by = match *code {
        Insn::CALL if by.is_multiple_of(INSN_SIZE as u64) => by >> 3,
        Insn::LD_IMM64 => by,
        code => bail!(Unsupported, "a relocation for instruction {code:#04x}"),
    };
    let moved = i64::from(endian.i32(*imm)).checked_add_unsigned(by);
    let Some(moved) = moved.and_then(|moved| i32::try_from(moved).ok()) else {
        bail!(TooLarge, "what it points at moves too far");
    };
    *imm = endian.put_i32(moved);
    Ok(())
}

fn data(bytes: &mut [u8], endian: Endian, by: u64, kind: u32) -> Result<()> {
    match (kind, bytes) {
        (ABS64, [a, b, c, d, e, f, g, h, ..]) => {
            let old = endian.u64([*a, *b, *c, *d, *e, *f, *g, *h]);
            [*a, *b, *c, *d, *e, *f, *g, *h] = endian.put_u64(old.wrapping_add(by));
            Ok(())
        }
        (ABS32, [a, b, c, d, ..]) => {
            let old = endian.u32([*a, *b, *c, *d]);
            let Some(moved) = u64::from(old)
                .checked_add(by)
                .and_then(|m| u32::try_from(m).ok())
            else {
                bail!(TooLarge, "what it points at moves too far");
            };
            [*a, *b, *c, *d] = endian.put_u32(moved);
            Ok(())
        }
        (ABS64 | ABS32, _) => bail!(Malformed, "a relocation beyond the end of its section"),
        (kind, _) => bail!(Unsupported, "a relocation of kind {kind} for data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn data_moves_in_the_width_of_its_relocation() {
        for endian in [Endian::Little, Endian::Big] {
            let mut bytes = endian.put_u64(0x1_0000_0010);
            data(&mut bytes, endian, 8, ABS64).unwrap();
            assert_eq!(endian.u64(bytes), 0x1_0000_0018);
            let mut bytes = [endian.put_u32(16), [0xff; 4]].concat();
            data(&mut bytes, endian, 8, ABS32).unwrap();
            assert_eq!(bytes, [endian.put_u32(24), [0xff; 4]].concat());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let kind = |bytes: &mut [u8], by, kind| {
            let before = bytes.to_vec();
            let error = data(bytes, Endian::Little, by, kind).unwrap_err();
            assert_eq!(bytes, before);
            error.kind()
        };
        assert_eq!(kind(&mut [0xff; 4], 1, ABS32), ErrorKind::TooLarge);
        assert_eq!(kind(&mut [0; 3], 0, ABS32), ErrorKind::Malformed);
        assert_eq!(kind(&mut [0; 7], 0, ABS64), ErrorKind::Malformed);
        assert_eq!(kind(&mut [0; 8], 0, 10), ErrorKind::Unsupported);
        // A call counts instructions, and these are no whole ones.
        let mut call = [Insn::CALL, 0x10, 0, 0, 0xff, 0xff, 0xff, 0xff];
        assert!(insn(&mut call, Endian::Little, 4).is_err());
        insn(&mut call, Endian::Little, 24).unwrap();
        assert_eq!(call[4..], [2, 0, 0, 0]);
    }
}
