//! Values that are one for each possible CPU.

use super::{at, check, keys, remove, set, view};
use crate::map::{ElemFlags, Map};
use crate::plain::{Plain, read, with_bytes, with_zeros};
use crate::{Error, ErrorKind, MapType, Result};
use alloc::vec;
use alloc::vec::Vec;

view! {
    /// A `BPF_MAP_TYPE_PERCPU_ARRAY` of values `V`.
    PerCpuArray [V] [Plain],
    |map| check::<u32, V>(map, &[MapType::PERCPU_ARRAY])
}

view! {
    /// A hash from `K` to a `V` for each possible CPU: `BPF_MAP_TYPE_PERCPU_HASH`, `LRU_PERCPU_HASH`,
    /// and `PERCPU_CGROUP_STORAGE` of old kernels.
    PerCpuHashMap [K V] [Plain Plain],
    |map| {
        const TYPES: [MapType; 3] =
            [MapType::PERCPU_HASH, MapType::LRU_PERCPU_HASH, MapType::PERCPU_CGROUP_STORAGE];
        check::<K, V>(map, &TYPES)
    }
}

impl<V: Plain> PerCpuArray<V> {
    /// The value at this index of every possible CPU, in order of CPU; `None` beyond the end.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, index: u32) -> Result<Option<Vec<V>>> {
        values_at(&self.0, &index)
    }

    /// Sets the value at this index, one for every possible CPU.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if there are not as many values as
    /// [`Map::values_per_key`](crate::Map::values_per_key).
    #[doc(alias = "insert")]
    #[doc(alias = "update")]
    #[inline]
    pub fn set(&self, index: u32, values: &[V]) -> Result<()> {
        set_values(&self.0, &index, values, ElemFlags::ANY)
    }

    /// The value of one CPU.
    ///
    /// # Errors
    /// `ERANGE`: no such CPU; `EINVAL`: the kernel cannot.
    ///
    /// # Kernel
    /// `BPF_F_CPU`, since Linux 6.19.
    #[inline]
    pub fn at_cpu(&self, index: u32, cpu: u32) -> Result<Option<V>> {
        at(&self.0, &index, ElemFlags::cpu(cpu))
    }

    /// Sets the value of one CPU; as [`PerCpuArray::at_cpu`].
    #[inline]
    pub fn set_cpu(&self, index: u32, cpu: u32, value: &V) -> Result<()> {
        set(&self.0, &index, value, ElemFlags::cpu(cpu))
    }

    /// Sets the same value for all CPUs.
    #[inline]
    pub fn set_all(&self, index: u32, value: &V) -> Result<()> {
        set_values(
            &self.0,
            &index,
            &vec![*value; self.0.values_per_key()],
            ElemFlags::ANY,
        )
    }

    /// Number of indices.
    #[allow(clippy::len_without_is_empty)]
    #[inline]
    pub fn len(&self) -> u32 {
        self.0.max_entries()
    }
}

impl<K: Plain, V: Plain> PerCpuHashMap<K, V> {
    /// The value of this key of every possible CPU, in order of CPU.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, key: &K) -> Result<Option<Vec<V>>> {
        values_at(&self.0, key)
    }

    /// Sets the value of a key, one for every possible CPU.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if there are not as many values as
    /// [`Map::values_per_key`](crate::Map::values_per_key).
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, key: &K, values: &[V]) -> Result<()> {
        set_values(&self.0, key, values, ElemFlags::ANY)
    }

    /// The value of one CPU; as [`PerCpuArray::at_cpu`].
    #[inline]
    pub fn at_cpu(&self, key: &K, cpu: u32) -> Result<Option<V>> {
        at(&self.0, key, ElemFlags::cpu(cpu))
    }

    /// Sets the value of one CPU; as [`PerCpuArray::at_cpu`]. Of a new key, the others' are zero.
    #[inline]
    pub fn insert_cpu(&self, key: &K, cpu: u32, value: &V) -> Result<()> {
        set(&self.0, key, value, ElemFlags::cpu(cpu))
    }

    /// Sets the same value for all CPUs.
    #[inline]
    pub fn insert_all(&self, key: &K, value: &V) -> Result<()> {
        set_values(
            &self.0,
            key,
            &vec![*value; self.0.values_per_key()],
            ElemFlags::ANY,
        )
    }

    /// Deletes a key; whether it was there.
    #[doc(alias = "delete")]
    #[inline]
    pub fn remove(&self, key: &K) -> Result<bool> {
        remove(&self.0, key)
    }

    /// Keys: see [`Map::keys`](crate::Map::keys).
    #[doc(alias = "get_next_key")]
    #[inline]
    pub fn keys(&self) -> impl Iterator<Item = Result<K>> + '_ {
        keys(&self.0)
    }

    /// Keys and values, read in batches: see [`Map::entries`](crate::Map::entries).
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Result<(K, Vec<V>)>> + '_ {
        let mut entries = self.0.entries();
        core::iter::from_fn(move || {
            entries.next_by(|key, values| Ok((read(key, "map key")?, split(values)?)))
        })
    }
}

/// Each CPU's value, of all of them one after the other.
#[inline]
fn split<V: Plain>(bytes: &[u8]) -> Result<Vec<V>> {
    let each = bytes.chunks_exact(V::SIZE.next_multiple_of(8).max(1));
    let values = each.map(|part| read(part.get(..V::SIZE).unwrap_or(part), "per-CPU value"));
    values.collect()
}

#[inline]
fn values_at<K: Plain, V: Plain>(map: &Map, key: &K) -> Result<Option<Vec<V>>> {
    with_zeros::<256, _>(map.0.fd.value_len(), |bytes| {
        let found = with_bytes(key, |key| map.lookup_into(key, bytes, ElemFlags::ANY))?;
        found.then(|| split(bytes)).transpose()
    })
}

#[inline]
fn set_values<K: Plain, V: Plain>(
    map: &Map,
    key: &K,
    values: &[V],
    flags: ElemFlags,
) -> Result<()> {
    let cpus = map.values_per_key();
    if values.len() != cpus {
        let what = format!("{} values for {cpus} possible CPUs", values.len());
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    let stride = V::SIZE.next_multiple_of(8);
    let mut bytes = vec![0; stride * cpus];
    for (value, part) in values.iter().zip(bytes.chunks_exact_mut(stride.max(1))) {
        if let Some(part) = part.get_mut(..V::SIZE) {
            value.write_to(part);
        }
    }
    with_bytes(key, |key| map.update(key, &bytes, flags))
}
