//! Tables: arrays and hashes.

use super::{at, check, iter, keys, remove, set, take, view};
use crate::map::{BatchError, Batched, Cell, ElemFlags};
use crate::plain::Plain;
use crate::{MapType, Result};
use alloc::vec;
use alloc::vec::Vec;

view! {
    /// A `BPF_MAP_TYPE_ARRAY` of values `V`; also an `INSN_ARRAY`, whose values are three offsets.
    Array [V] [Plain],
    |map| check::<u32, V>(map, &[MapType::ARRAY, MapType::INSN_ARRAY])
}

impl<V: Plain> Array<V> {
    /// The value at this index; `None` beyond the end.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, index: u32) -> Result<Option<V>> {
        at(&self.0, &index, ElemFlags::ANY)
    }

    /// Sets the value at this index.
    #[doc(alias = "insert")]
    #[doc(alias = "update")]
    #[inline]
    pub fn set(&self, index: u32, value: &V) -> Result<()> {
        set(&self.0, &index, value, ElemFlags::ANY)
    }

    /// The value at this index in memory, without system calls; `None` beyond the end.
    ///
    /// # Errors
    /// As [`Map::memory`](crate::Map::memory): the map must have been made with `BPF_F_MMAPABLE`.
    #[inline]
    pub fn cell(&self, index: u32) -> Result<Option<Cell<'_, V>>> {
        if index >= self.len() {
            return Ok(None);
        }
        let stride = V::SIZE.next_multiple_of(8);
        self.0.memory()?.cell(index as usize * stride).map(Some)
    }

    /// Indices and values, read in batches.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Result<(u32, V)>> + '_ {
        iter(&self.0)
    }

    /// Number of values.
    #[allow(clippy::len_without_is_empty)]
    #[inline]
    pub fn len(&self) -> u32 {
        self.0.max_entries()
    }
}

view! {
    /// A hash from `K` to `V`: `BPF_MAP_TYPE_HASH`, `LRU_HASH`, `RHASH`, and `CGROUP_STORAGE` of old
    /// kernels.
    HashMap [K V] [Plain Plain],
    |map| {
        const TYPES: [MapType; 4] =
            [MapType::HASH, MapType::LRU_HASH, MapType::RHASH, MapType::CGROUP_STORAGE];
        check::<K, V>(map, &TYPES)
    }
}

impl<K: Plain, V: Plain> HashMap<K, V> {
    /// The value of this key.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, key: &K) -> Result<Option<V>> {
        at(&self.0, key, ElemFlags::ANY)
    }

    /// [`HashMap::get`] with flags: under the value's lock.
    #[inline]
    pub fn get_with(&self, key: &K, flags: ElemFlags) -> Result<Option<V>> {
        at(&self.0, key, flags)
    }

    /// Sets the value of a key, whether it is there or not.
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, key: &K, value: &V) -> Result<()> {
        set(&self.0, key, value, ElemFlags::ANY)
    }

    /// Sets the value of a key as the flags say.
    #[inline]
    pub fn insert_with(&self, key: &K, value: &V, flags: ElemFlags) -> Result<()> {
        set(&self.0, key, value, flags)
    }

    /// Deletes a key; whether it was there.
    #[doc(alias = "delete")]
    #[inline]
    pub fn remove(&self, key: &K) -> Result<bool> {
        remove(&self.0, key)
    }

    /// Deletes a key and gives its value; `None` if it was not there.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`, of hashes since Linux 5.14.
    #[doc(alias = "lookup_and_delete")]
    #[inline]
    pub fn take(&self, key: &K) -> Result<Option<V>> {
        take(&self.0, key)
    }

    /// Sets the values of many keys in a few calls: see [`Map::update_batch`](crate::Map::update_batch).
    #[doc(alias = "update_batch")]
    #[inline]
    pub fn insert_all(&self, entries: &[(K, V)]) -> Result<Batched, BatchError> {
        let keys = bytes_of(entries.iter().map(|(key, _)| key));
        let values = bytes_of(entries.iter().map(|(_, value)| value));
        self.0.update_batch(&keys, &values, ElemFlags::ANY)
    }

    /// Deletes many keys in a few calls: see [`Map::delete_batch`](crate::Map::delete_batch).
    #[doc(alias = "delete_batch")]
    #[inline]
    pub fn remove_all(&self, keys: &[K]) -> Result<Batched, BatchError> {
        self.0.delete_batch(&bytes_of(keys.iter()))
    }

    /// Keys: see [`Map::keys`](crate::Map::keys).
    #[doc(alias = "get_next_key")]
    #[inline]
    pub fn keys(&self) -> impl Iterator<Item = Result<K>> + '_ {
        keys(&self.0)
    }

    /// Keys and values, read in batches: see [`Map::entries`](crate::Map::entries).
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Result<(K, V)>> + '_ {
        iter(&self.0)
    }
}

/// Values one after the other.
pub(super) fn bytes_of<'a, T: Plain + 'a>(all: impl ExactSizeIterator<Item = &'a T>) -> Vec<u8> {
    let mut bytes = vec![0; all.len() * T::SIZE];
    for (part, one) in bytes.chunks_exact_mut(T::SIZE.max(1)).zip(all) {
        one.write_to(part);
    }
    bytes
}
