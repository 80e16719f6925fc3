//! Relocations, moved with the sections that they are in and point into.

use super::file::File;
use super::in_file;
use super::sections::{Layout, Place};
use super::symbols::Symbols;
use crate::bytes::Endian;
use crate::elf::{Reloc, SymbolKind};
use crate::error::bail;
use crate::insn::{INSN_SIZE, Insn};
use crate::{Error, Result};

/// `R_BPF_64_ABS64`: eight bytes of data.
const ABS64: u32 = 2;
/// `R_BPF_64_ABS32`: four bytes of data.
const ABS32: u32 = 3;

pub(super) fn apply(files: &[File<'_>], layout: &mut Layout, symbols: &Symbols) -> Result<()> {
    for (index, file) in files.iter().enumerate() {
        for (number, section) in file.elf.sections.iter().enumerate() {
            let Some(place) = layout.place(index, number).filter(|place| !place.repeated) else {
                continue;
            };
            for reloc in &section.relocs {
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
