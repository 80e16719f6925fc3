//! Where jump tables lead, as labels.

use super::{FunctionText, TextLine};
use crate::object::Target;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

impl FunctionText<'_> {
    /// The instructions that the function's jump tables lead to, in order. A table that leads out
    /// of the function has none.
    pub(super) fn labels(&self) -> Vec<(usize, TextLine)> {
        let tables = self.function.refs.iter().filter_map(|r| match r.to {
            Target::JumpTable(table) => Some(table),
            _ => None,
        });
        let mut tables: Vec<usize> = tables.collect();
        tables.sort_unstable();
        tables.dedup();
        let mut places = Vec::new();
        for number in tables {
            let table = self.spec.jump_tables.get(number);
            let slots = table.and_then(|table| table.slots(self.function, 0).ok());
            let slots = slots.into_iter().flatten().enumerate();
            places.extend(slots.map(|(entry, slot)| (slot as usize, number, entry)));
        }
        places.sort_unstable();
        let same = |a: &(usize, usize, usize), b: &(usize, usize, usize)| a.0 == b.0;
        places.chunk_by(same).filter_map(label).collect()
    }
}

/// The label of the places that are one instruction.
fn label(places: &[(usize, usize, usize)]) -> Option<(usize, TextLine)> {
    let (slot, ..) = *places.first()?;
    let (mut entries, mut last) = (String::new(), None);
    for (_, table, entry) in places {
        if last.replace(table) != Some(table) {
            let comma = if entries.is_empty() { "" } else { ", " };
            let _ = write!(entries, "{comma}jumptable[{table}]");
        }
        let _ = write!(entries, " {entry}");
    }
    // No function has such a name: calls are not taken for jumps when the text is read.
    let name = format!(".L{slot}");
    Some((slot, TextLine::Label { name, entries }))
}
