//! Maps of maps.

use super::{at, check, keys, remove, set, view};
use crate::map::{ElemFlags, Map};
use crate::plain::Plain;
use crate::{Errno, Error, MapType, Result};

view! {
    /// A `BPF_MAP_TYPE_HASH_OF_MAPS` with keys `K`, or (`K` is `u32`) an `ARRAY_OF_MAPS`.
    MapOfMaps [K] [Plain],
    |map| check::<K, u32>(map, &[MapType::HASH_OF_MAPS, MapType::ARRAY_OF_MAPS])
}

impl<K: Plain> MapOfMaps<K> {
    /// The map with this key.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, key: &K) -> Result<Option<Map>> {
        let Some(id) = at(&self.0, key, ElemFlags::ANY)? else {
            return Ok(None);
        };
        match self.0.system().map_by_id(id) {
            // It has been replaced meanwhile, and is gone.
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(None),
            map => map.map(Some),
        }
    }

    /// The map with this key, as a view.
    ///
    /// # Errors
    /// The view's, if the map is another than it is for.
    #[inline]
    pub fn view<M>(&self, key: &K) -> Result<Option<M>>
    where
        M: for<'a> TryFrom<&'a Map, Error = Error>,
    {
        self.get(key)?.map(|map| M::try_from(&map)).transpose()
    }

    /// Puts a map in; what was there goes.
    ///
    /// # Errors
    /// `EINVAL`: it is not like the inner map that the outer one was made with.
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, key: &K, map: &Map) -> Result<()> {
        set(&self.0, key, &map.fd().raw(), ElemFlags::ANY)
    }

    /// Takes a map out; whether there was one.
    #[doc(alias = "delete")]
    #[inline]
    pub fn remove(&self, key: &K) -> Result<bool> {
        remove(&self.0, key)
    }

    /// Keys: see [`Map::keys`](crate::Map::keys). Of an array, all indices.
    #[doc(alias = "get_next_key")]
    #[inline]
    pub fn keys(&self) -> impl Iterator<Item = Result<K>> + '_ {
        keys(&self.0)
    }
}
