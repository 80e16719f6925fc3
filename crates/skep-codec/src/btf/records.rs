//! Types as words that can be changed, and which of the words refer to types and strings.

use super::types::no_type;
use super::{Btf, Kind, Type, TypeId};
use crate::Result;
use crate::error::bail;
use alloc::vec::Vec;

/// Words of a type's header: name, info, size or type.
pub(super) const HEAD: usize = 3;

/// The records of a set of types, in the byte order of this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    words: Vec<u32>,
    /// Where each record ends.
    ends: Vec<u32>,
}

impl Records {
    /// The types of `btf`, without its base's.
    ///
    /// # Errors
    /// Records that are no whole number of words.
    pub(super) fn read(btf: &Btf) -> Result<Self> {
        let mut records = Self::default();
        records.words.reserve(btf.type_section().len() / 4);
        records.ends.reserve(btf.own_count());
        let endian = btf.endian();
        for ty in btf.iter() {
            let (words, rest) = ty.tail().as_chunks::<4>();
            if !rest.is_empty() {
                bail!(
                    Unsupported,
                    "kind {:?} with records of odd length",
                    ty.kind()
                );
            }
            records.words.extend(head(&ty));
            let words = words.iter().map(|word| endian.u32(*word));
            records.words.extend(words);
            records.end();
        }
        Ok(records)
    }

    /// The types of `btf` and of all its bases, from id 1 on.
    pub(super) fn read_all(btf: &Btf) -> Result<Self> {
        let own = Self::read(btf)?;
        let Some(base) = btf.base() else {
            return Ok(own);
        };
        let mut all = Self::read_all(base)?;
        all.append(&own);
        Ok(all)
    }

    /// Adds records after those that are here.
    pub(super) fn append(&mut self, other: &Self) {
        let start = self.words.len() as u32;
        self.words.extend_from_slice(&other.words);
        let ends = other.ends.iter().map(|end| end.wrapping_add(start));
        self.ends.extend(ends);
    }

    /// Sees to it that all kinds are known and all ids below `end`: nobody can renumber the rest.
    pub(super) fn check(&self, end: u32) -> Result<()> {
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

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn words(&self) -> &[u32] {
        &self.words
    }

    /// Adds a record: a header and what follows it.
    pub(super) fn push(&mut self, head: [u32; HEAD], tail: impl IntoIterator<Item = u32>) {
        self.words.extend(head);
        self.words.extend(tail);
        self.end();
    }

    fn end(&mut self) {
        self.ends.push(self.words.len() as u32);
    }

    #[inline]
    fn range(&self, index: usize) -> core::ops::Range<usize> {
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let end = self.ends.get(index).copied().unwrap_or(start);
        start as usize..end as usize
    }

    /// The words of a record; none where there is no such record.
    #[inline]
    pub(super) fn get(&self, index: usize) -> &[u32] {
        self.words.get(self.range(index)).unwrap_or_default()
    }

    /// The words of a record, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, index: usize) -> &mut [u32] {
        let range = self.range(index);
        self.words.get_mut(range).unwrap_or_default()
    }

    /// These records, in this order.
    pub(super) fn select(&self, order: impl IntoIterator<Item = usize>) -> Self {
        let mut out = Self::default();
        for index in order {
            out.words.extend_from_slice(self.get(index));
            out.end();
        }
        out
    }

    /// Changes all ids of types.
    pub(super) fn map_types(&mut self, change: &mut dyn FnMut(u32) -> Result<u32>) -> Result<()> {
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
    pub(super) fn map_strings(&mut self, change: &mut dyn FnMut(u32) -> Result<u32>) -> Result<()> {
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

/// The words of one type.
pub(super) fn words_of(ty: &Type<'_>) -> Vec<u32> {
    let endian = ty.btf().endian();
    let tail = ty.tail().as_chunks::<4>().0.iter();
    let mut words = head(ty).to_vec();
    words.extend(tail.map(|word| endian.u32(*word)));
    words
}

fn head(ty: &Type<'_>) -> [u32; HEAD] {
    [ty.name_off, ty.info, ty.size_or_type]
}

/// The kind that an info word says.
#[inline]
pub(super) fn kind_of(info: u32) -> Kind {
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
pub(super) fn type_places(record: &[u32]) -> Places {
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
pub(super) fn string_places(record: &[u32]) -> Places {
    let len = record.len();
    let (end, step) = match record.get(1).map_or(Kind::Void, |info| kind_of(*info)) {
        Kind::Struct | Kind::Union | Kind::Enum64 => (len, 3),
        Kind::Enum | Kind::FuncProto => (len, 2),
        _ => (0, 1),
    };
    places(Some(0), 0, end, step)
}

/// The ids of types in a record.
pub(super) fn types(record: &[u32]) -> impl Iterator<Item = u32> {
    type_places(record).filter_map(|at| record.get(at).copied())
}
