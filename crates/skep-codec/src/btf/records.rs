//! Types as words that can be changed.

#[cfg(any(test, feature = "btf-edit"))]
mod edit;

#[cfg(any(test, feature = "btf-edit"))]
pub(super) use edit::{kind_of, string_places, type_places, types, words_of};

use super::{Btf, Type};
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
}

fn head(ty: &Type<'_>) -> [u32; HEAD] {
    [ty.name_off, ty.info, ty.size_or_type]
}
