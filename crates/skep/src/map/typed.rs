//! Typed views over maps: the one generic layer.

use super::{ElemFlags, Map};
use crate::plain::{Plain, read};
use crate::{Error, ErrorKind, MapType, Result};
use alloc::vec;
use alloc::vec::Vec;
use core::marker::PhantomData;

/// Checks a view's types against what the kernel reports.
fn check<K: Plain, V: Plain>(map: &Map, types: &[MapType]) -> Result<()> {
    let (key, value) = (map.key_size() as usize, map.value_size() as usize);
    if !types.contains(&map.map_type()) {
        let what = alloc::format!("map `{}` is of type {}", map.name(), map.map_type());
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    if (key, value) != (K::SIZE, V::SIZE) {
        let what = alloc::format!(
            "map `{}` has keys of {key} and values of {value} bytes, the view {} and {}",
            map.name(),
            K::SIZE,
            V::SIZE
        );
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    Ok(())
}

fn bytes_of<T: Plain>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; T::SIZE];
    value.write_to(&mut bytes);
    bytes
}

/// A `BPF_MAP_TYPE_ARRAY` of values `V`.
#[derive(Clone, Debug)]
pub struct Array<V>(Map, PhantomData<V>);

impl<V: Plain> TryFrom<&Map> for Array<V> {
    type Error = Error;

    fn try_from(map: &Map) -> Result<Self> {
        check::<u32, V>(map, &[MapType::ARRAY])?;
        Ok(Self(map.clone(), PhantomData))
    }
}

impl<V: Plain> Array<V> {
    /// The value at this index; `None` beyond the end.
    pub fn at(&self, index: u32) -> Result<Option<V>> {
        let value = self.0.lookup(&index.to_ne_bytes())?;
        value.map(|bytes| read(&bytes, "map value")).transpose()
    }

    /// Sets the value at this index.
    pub fn set(&self, index: u32, value: &V) -> Result<()> {
        self.0
            .update(&index.to_ne_bytes(), &bytes_of(value), ElemFlags::ANY)
    }

    /// Number of values.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u32 {
        self.0.max_entries()
    }
}

/// A `BPF_MAP_TYPE_HASH`, `LRU_HASH` or `RHASH` from `K` to `V`.
#[derive(Clone, Debug)]
pub struct HashMap<K, V>(Map, PhantomData<(K, V)>);

impl<K: Plain, V: Plain> TryFrom<&Map> for HashMap<K, V> {
    type Error = Error;

    fn try_from(map: &Map) -> Result<Self> {
        check::<K, V>(map, &[MapType::HASH, MapType::LRU_HASH, MapType::RHASH])?;
        Ok(Self(map.clone(), PhantomData))
    }
}

impl<K: Plain, V: Plain> HashMap<K, V> {
    /// The value of this key.
    pub fn at(&self, key: &K) -> Result<Option<V>> {
        let value = self.0.lookup(&bytes_of(key))?;
        value.map(|bytes| read(&bytes, "map value")).transpose()
    }

    /// Sets the value of a key.
    pub fn insert(&self, key: &K, value: &V) -> Result<()> {
        self.0
            .update(&bytes_of(key), &bytes_of(value), ElemFlags::ANY)
    }

    /// Deletes a key; whether it was there.
    pub fn remove(&self, key: &K) -> Result<bool> {
        self.0.delete(&bytes_of(key))
    }

    /// Keys and values: see [`Map::entries`].
    pub fn iter(&self) -> impl Iterator<Item = Result<(K, V)>> + '_ {
        self.0.entries().map(|entry| {
            let (key, value) = entry?;
            Ok((read(&key, "map key")?, read(&value, "map value")?))
        })
    }
}

/// A `BPF_MAP_TYPE_PERCPU_ARRAY` of values `V`.
#[derive(Clone, Debug)]
pub struct PerCpuArray<V>(Map, PhantomData<V>);

impl<V: Plain> TryFrom<&Map> for PerCpuArray<V> {
    type Error = Error;

    fn try_from(map: &Map) -> Result<Self> {
        check::<u32, V>(map, &[MapType::PERCPU_ARRAY])?;
        Ok(Self(map.clone(), PhantomData))
    }
}

impl<V: Plain> PerCpuArray<V> {
    /// The value at this index of every possible CPU, in order of CPU; `None` beyond the end.
    pub fn at(&self, index: u32) -> Result<Option<Vec<V>>> {
        let Some(bytes) = self.0.lookup(&index.to_ne_bytes())? else {
            return Ok(None);
        };
        let stride = V::SIZE.next_multiple_of(8);
        let each = bytes.chunks_exact(stride.max(1));
        let values = each.map(|part| read(part.get(..V::SIZE).unwrap_or(part), "per-CPU value"));
        values.collect::<Result<_>>().map(Some)
    }

    /// Sets the value at this index, one for every possible CPU.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if there are not as many values as possible CPUs.
    pub fn set(&self, index: u32, values: &[V]) -> Result<()> {
        let cpus = self.0.system().possible_cpus()? as usize;
        if values.len() != cpus {
            let what = alloc::format!("{} values for {cpus} possible CPUs", values.len());
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let stride = V::SIZE.next_multiple_of(8);
        let mut bytes = vec![0; stride * cpus];
        for (value, part) in values.iter().zip(bytes.chunks_exact_mut(stride.max(1))) {
            if let Some(part) = part.get_mut(..V::SIZE) {
                value.write_to(part);
            }
        }
        self.0.update(&index.to_ne_bytes(), &bytes, ElemFlags::ANY)
    }
}
