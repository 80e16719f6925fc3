//! Which words of a type refer to types and strings; records put together and renumbered.

use super::{HEAD, Records, head};
use crate::Result;
use crate::btf::types::no_type;
use crate::btf::{Btf, Kind, Type, TypeId};
use crate::error::bail;
use alloc::vec::Vec;

impl Records {
    /// The types of `btf` and of all its bases, from id 1 on.
    pub(in crate::btf) fn read_all(btf: &Btf) -> Result<Self> {
        let own = Self::read(btf)?;
        let Some(base) = btf.base() else {
            return Ok(own);
        };
        let mut all = Self::read_all(base)?;
        all.append(&own);
        Ok(all)
    }

    /// Adds records after those that are here.
    pub(in crate::btf) fn append(&mut self, other: &Self) {
        let start = self.words.len() as u32;
        self.words.extend_from_slice(&other.words);
        let ends = other.ends.iter().map(|end| end.wrapping_add(start));
        self.ends.extend(ends);
    }

    /// Sees to it that all kinds are known and all ids below `end`: nobody can renumber the rest.
    pub(in crate::btf) fn check(&self, end: u32) -> Result<()> {
        for index in 0..self.len() {
            let record = self.get(index);
            let kind = record.get(1).map_or(Kind::Void, |info| kind_of(*info));
            if matches!(kind, Kind::Unknown(_)) {
                bail!(Unsupported, "types beside one of kind {}", kind.raw());
            }
            if let Some(id) = types(record).find(|id| *id >= end) {
                return Err(no_type(TypeId(id)));
            }
        }
        Ok(())
    }

    /// Sees to it that all offsets of strings are below `end`.
    pub(in crate::btf) fn check_strings(&self, end: u32) -> Result<()> {
        for index in 0..self.len() {
            let record = self.get(index);
            let mut offsets = string_places(record).filter_map(|place| record.get(place));
            if let Some(offset) = offsets.find(|offset| **offset >= end) {
                bail!(
                    Truncated,
                    "string offset {offset} beyond the base's strings"
                );
            }
        }
        Ok(())
    }

    /// These records, in this order.
    pub(in crate::btf) fn select(&self, order: impl IntoIterator<Item = usize>) -> Self {
        let mut out = Self::default();
        for index in order {
            out.words.extend_from_slice(self.get(index));
            out.end();
        }
        out
    }

    /// Changes all ids of types.
    pub(in crate::btf) fn map_types(
        &mut self,
        change: &mut dyn FnMut(u32) -> Result<u32>,
    ) -> Result<()> {
        for index in 0..self.len() {
            let record = self.get_mut(index);
            for place in type_places(record) {
                if let Some(id) = record.get_mut(place) {
                    *id = change(*id)?;
                }
            }
        }
        Ok(())
    }

    /// Changes all offsets of strings.
    pub(in crate::btf) fn map_strings(
        &mut self,
        change: &mut dyn FnMut(u32) -> Result<u32>,
    ) -> Result<()> {
        for index in 0..self.len() {
            let record = self.get_mut(index);
            for place in string_places(record) {
                if let Some(offset) = record.get_mut(place) {
                    *offset = change(*offset)?;
                }
            }
        }
        Ok(())
    }
}

/// The kind that an info word says.
#[inline]
pub(in crate::btf) fn kind_of(info: u32) -> Kind {
    Kind::from_raw((info >> 24) as u8 & 0x7f)
}

/// Places in a record's words: one in the header, perhaps, and every so many after it.
type Places =
    core::iter::Chain<core::option::IntoIter<usize>, core::iter::StepBy<core::ops::Range<usize>>>;

fn places(head: Option<usize>, from: usize, end: usize, step: usize) -> Places {
    let tail = HEAD.saturating_add(from)..end;
    head.into_iter().chain(tail.step_by(step))
}

/// Where in a record's words ids of types are.
pub(in crate::btf) fn type_places(record: &[u32]) -> Places {
    let len = record.len();
    let (head, from, end, step) = match record.get(1).map_or(Kind::Void, |info| kind_of(*info)) {
        Kind::Struct | Kind::Union => (None, 1, len, 3),
        Kind::Array => (None, 0, len.saturating_sub(1), 1),
        Kind::Datasec => (None, 0, len, 3),
        Kind::FuncProto => (Some(2), 1, len, 2),
        kind if kind.is_reference() => (Some(2), 0, 0, 1),
        _ => (None, 0, 0, 1),
    };
    places(head, from, end, step)
}

/// Where in a record's words offsets of strings are.
pub(in crate::btf) fn string_places(record: &[u32]) -> Places {
    let len = record.len();
    let (end, step) = match record.get(1).map_or(Kind::Void, |info| kind_of(*info)) {
        Kind::Struct | Kind::Union | Kind::Enum64 => (len, 3),
        Kind::Enum | Kind::FuncProto => (len, 2),
        _ => (0, 1),
    };
    places(Some(0), 0, end, step)
}

/// The ids of types in a record.
pub(in crate::btf) fn types(record: &[u32]) -> impl Iterator<Item = u32> {
    type_places(record).filter_map(|at| record.get(at).copied())
}

/// The words of one type.
pub(in crate::btf) fn words_of(ty: &Type<'_>) -> Vec<u32> {
    let endian = ty.btf().endian();
    let tail = ty.tail().as_chunks::<4>().0.iter();
    let mut words = head(ty).to_vec();
    words.extend(tail.map(|word| endian.u32(*word)));
    words
}
