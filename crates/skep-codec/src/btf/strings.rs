//! A string section that holds each string once: a hash table of offsets into it.

#[cfg(any(test, feature = "btf-edit"))]
mod copy;

#[cfg(any(test, feature = "btf-edit"))]
pub(super) use copy::StringMap;

use super::Btf;
use crate::Result;
use crate::error::bail;
use alloc::vec::Vec;

/// Slots of the smallest table.
const MIN_SLOTS: usize = 64;
/// How long strings are for which room is made.
const MEAN_LEN: usize = 16;

/// Strings to be written, found again by their bytes.
#[derive(Clone, Debug)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    /// The offset that `bytes` begins at: the end of the base's strings.
    start: u32,
    /// Hash and offset, by the hash's low bits; a slot without string holds `u32::MAX`.
    slots: Vec<(u32, u32)>,
    known: usize,
}

impl Strings {
    /// The empty string alone; nothing at all where a base has it.
    pub(super) fn new(base: Option<&Btf>) -> Self {
        let bytes = match base {
            Some(_) => Vec::new(),
            None => alloc::vec![0],
        };
        Self::copied(bytes, base.map_or(0, Btf::string_end))
    }

    /// Bytes as they are: strings in them are not found again before [`Strings::index`].
    pub(super) fn copied(bytes: Vec<u8>, start: u32) -> Self {
        Self {
            bytes,
            start,
            slots: Vec::new(),
            known: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether strings have been entered in the table.
    pub(super) fn is_indexed(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Makes room for the strings of a section of `len` bytes.
    pub(super) fn reserve(&mut self, len: usize) {
        let slots = (len / MEAN_LEN)
            .saturating_add(self.known)
            .saturating_mul(2);
        self.grow(slots);
        self.bytes.reserve(len);
    }

    /// Enters the strings of the base.
    pub(super) fn index(&mut self, base: Option<&Btf>) {
        let Some(base) = base else { return };
        self.index(base.base().map(|base| &**base));
        self.reserve(base.own_strings().len());
        let mut offset = base.own_strings_start();
        for text in base.own_strings().split_inclusive(|byte| *byte == 0) {
            if let Some(text) = text.strip_suffix(&[0]) {
                self.enter(text, offset, Some(base));
            }
            offset = offset.saturating_add(text.len() as u32);
        }
    }

    /// The offset of a string, added where it is new.
    ///
    /// # Errors
    /// Strings with a NUL, and more than 2 GiB of them.
    pub(super) fn add(&mut self, text: &[u8], base: Option<&Btf>) -> Result<u32> {
        if text.is_empty() {
            return Ok(0);
        }
        if text.contains(&0) {
            bail!(Malformed, "a string with a NUL in it");
        }
        let end = self.bytes.len().saturating_add(self.start as usize);
        if end.saturating_add(text.len()) >= i32::MAX as usize {
            bail!(TooLarge, "more than 2 GiB of strings");
        }
        let known = self.enter(text, end as u32, base);
        if known == end as u32 {
            self.bytes.extend_from_slice(text);
            self.bytes.push(0);
        }
        Ok(known)
    }

    /// The offset that the table has for a string: `offset` from now on, where it had none.
    fn enter(&mut self, text: &[u8], offset: u32, base: Option<&Btf>) -> u32 {
        if self.known.saturating_mul(2) >= self.slots.len() {
            self.grow(self.slots.len().saturating_mul(2));
        }
        let hash = hash_bytes(text);
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize;
        loop {
            at &= mask;
            match self.slots.get(at) {
                Some(&(_, u32::MAX)) | None => break,
                Some(&(other, known)) if other == hash && self.is(known, text, base) => {
                    return known;
                }
                Some(_) => at = at.wrapping_add(1),
            }
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = (hash, offset);
            self.known = self.known.saturating_add(1);
        }
        offset
    }

    fn is(&self, offset: u32, text: &[u8], base: Option<&Btf>) -> bool {
        let bytes = match offset.checked_sub(self.start) {
            Some(own) => self.bytes.get(own as usize..),
            None => base.and_then(|base| base.string_bytes(offset).ok()),
        };
        let rest = bytes.and_then(|bytes| bytes.strip_prefix(text));
        rest.is_some_and(|rest| rest.first() == Some(&0))
    }

    fn grow(&mut self, slots: usize) {
        let len = slots.max(MIN_SLOTS).next_power_of_two();
        if len <= self.slots.len() {
            return;
        }
        let old = core::mem::replace(&mut self.slots, alloc::vec![(0, u32::MAX); len]);
        let mask = len.wrapping_sub(1);
        for (hash, offset) in old.into_iter().filter(|slot| slot.1 != u32::MAX) {
            let mut at = hash as usize & mask;
            while self.slots.get(at).is_some_and(|slot| slot.1 != u32::MAX) {
                at = at.wrapping_add(1) & mask;
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = (hash, offset);
            }
        }
    }
}

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash of bytes, eight at a time.
pub(super) fn hash_bytes(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut hash = bytes.len() as u64;
    for word in words.iter().chain([&last]) {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    (hash >> 32) as u32
}

/// One more word in a hash; its upper bits are the better ones.
#[inline(always)]
pub(super) fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(PRIME)
}
