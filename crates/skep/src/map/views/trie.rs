//! The longest prefix that matches.

use super::{at, check, iter, remove, set, view};
use crate::map::ElemFlags;
use crate::plain::{Plain, PlainField};
use crate::{MapType, Result};

/// A key as the kernel has it: how many bits count, then the bytes.
#[derive(Clone, Copy)]
struct Prefix<K> {
    bits: u32,
    data: K,
}

impl<K: Plain> Plain for Prefix<K> {
    const SIZE: usize = 4 + K::SIZE;
    // The names of a key's two parts are everybody's own.
    const FIELDS: &'static [PlainField] = &[];

    #[inline]
    fn write_to(&self, out: &mut [u8]) {
        let (bits, data) = out.split_at_mut(4);
        self.bits.write_to(bits);
        self.data.write_to(data);
    }

    #[inline]
    fn read_from(bytes: &[u8]) -> Option<Self> {
        let (bits, data) = bytes.split_at_checked(4)?;
        let (bits, data) = (u32::read_from(bits)?, K::read_from(data)?);
        Some(Self { bits, data })
    }
}

view! {
    /// A `BPF_MAP_TYPE_LPM_TRIE` from prefixes of `K` to `V`. `K` is compared from its first byte on,
    /// the highest bit first: addresses in network order (`[u8; 4]`, `[u8; 16]`).
    LpmTrie [K V] [Plain Plain],
    |map| check::<Prefix<K>, V>(map, &[MapType::LPM_TRIE])
}

impl<K: Plain, V: Plain> LpmTrie<K, V> {
    /// The value of the longest prefix that this whole `data` begins with.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn longest_match(&self, data: &K) -> Result<Option<V>> {
        self.get(8 * K::SIZE as u32, data)
    }

    /// The value of the longest prefix of at most `bits` bits that `data` begins with.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, bits: u32, data: &K) -> Result<Option<V>> {
        let data = *data;
        at(&self.0, &Prefix { bits, data }, ElemFlags::ANY)
    }

    /// Sets the value of the prefix that is the first `bits` bits of `data`.
    ///
    /// # Errors
    /// `EINVAL`: more bits than there are; `ENOSPC`: it is full.
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, bits: u32, data: &K, value: &V) -> Result<()> {
        let data = *data;
        set(&self.0, &Prefix { bits, data }, value, ElemFlags::ANY)
    }

    /// Deletes a prefix; whether it was there.
    #[doc(alias = "delete")]
    #[inline]
    pub fn remove(&self, bits: u32, data: &K) -> Result<bool> {
        let data = *data;
        remove(&self.0, &Prefix { bits, data })
    }

    /// Prefixes (bits and data) and values.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Result<(u32, K, V)>> + '_ {
        iter::<Prefix<K>, V>(&self.0).map(|entry| {
            let (Prefix { bits, data }, value) = entry?;
            Ok((bits, data, value))
        })
    }
}
