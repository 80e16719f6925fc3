//! `.jumptables`: where an indirect jump (`gotox`) may lead, a table for each `switch`.

use super::parse::{Parser, Role};
use crate::bytes::{Reader, slice};
use crate::elf::{Section, Symbol};
use crate::error::bail;
use crate::map::Map;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;

/// Bytes of an entry.
const ENTRY: u64 = 8;

/// A jump table. The loader makes a `BPF_MAP_TYPE_INSN_ARRAY` of it for each program that has the
/// jump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpTable {
    /// The targets: byte offsets in the section of the function that jumps.
    pub offsets: Vec<u64>,
}

/// Jump tables by section and offset; an error is that of every function that uses the table.
pub(super) type Tables = Map<(usize, u64), Result<usize>>;

// On its own: a function that all stages are inlined into takes long to compile.
#[inline(never)]
pub(super) fn read(p: &mut Parser<'_>) {
    let Some((index, section)) = p.elf.section(".jumptables") else {
        return;
    };
    if section.is_code() {
        return;
    }
    let section = section.clone();
    p.set_role(index, Role::JumpTables);
    for symbol in p.elf.symbols_in(index) {
        if symbol.size == 0 {
            continue;
        }
        let table = table(p, &section, &symbol).map(|table| {
            p.spec.jump_tables.push(table);
            p.spec.jump_tables.len().saturating_sub(1)
        });
        let place = |e: Error| e.in_section(section.name).at(symbol.value);
        let table = table.map_err(|e| place(e).of_symbol(symbol.name));
        p.jump_tables.insert((index, symbol.value), table);
    }
}

fn table(p: &mut Parser<'_>, section: &Section<'_>, symbol: &Symbol<'_>) -> Result<JumpTable> {
    if !symbol.value.is_multiple_of(ENTRY) || !symbol.size.is_multiple_of(ENTRY) {
        bail!(
            Malformed,
            "a jump table that begins or ends inside an entry"
        );
    }
    let (Ok(value), Ok(size)) = (symbol.value.try_into(), symbol.size.try_into()) else {
        bail!(TooLarge, "a jump table of {} bytes", symbol.size);
    };
    let bytes = slice(section.bytes()?, value, size, "jump table")?;
    p.spend(symbol.size)?;
    let mut entries = Reader::new(bytes, p.elf.endian);
    let mut offsets = Vec::new();
    while !entries.is_empty() {
        offsets.push(entries.u64()?);
    }
    Ok(JumpTable { offsets })
}

impl JumpTable {
    /// Where the entries lead, as instruction slots of a linked program, for a function at `base`.
    ///
    /// # Errors
    /// `Malformed`: an entry leads out of the function.
    pub(super) fn slots(&self, function: &super::Function, base: usize) -> Result<Vec<u32>> {
        let slot = |offset: u64| {
            let inside = offset.checked_sub(function.offset)?;
            let slot = function.slot_now(usize::try_from(inside / ENTRY).ok()?)?;
            let fits = inside.is_multiple_of(ENTRY) && slot < function.insns.len();
            u32::try_from(base.checked_add(slot)?).ok().filter(|_| fits)
        };
        let mut slots = Vec::with_capacity(self.offsets.len());
        for &offset in &self.offsets {
            let Some(slot) = slot(offset) else {
                let what = "a jump table that leads out of its function";
                let error = Error::new(ErrorKind::Malformed, what).in_section(&function.section);
                return Err(error.at(function.offset).of_symbol(&function.name));
            };
            slots.push(slot);
        }
        Ok(slots)
    }
}
