//! Places for what has a descriptor: programs, cgroups, perf events, sockets.

use super::{Descriptor, at, check_size, check_type, keys, remove, set, view};
use crate::map::{ElemFlags, Map};
use crate::plain::Plain;
use crate::{Error, ErrorKind, MapType, Result};

/// Puts a descriptor into a slot, as wide as the map's values are.
#[inline]
fn put<K: Plain>(map: &Map, key: &K, fd: &impl Descriptor, flags: ElemFlags) -> Result<()> {
    let number = fd.number();
    match map.value_size() {
        8 => set(map, key, &i64::from(number), flags),
        _ => set(map, key, &number, flags),
    }
}

/// The cookie of the socket at `key`.
#[inline]
fn cookie<K: Plain>(map: &Map, key: &K) -> Result<Option<u64>> {
    if map.value_size() != 8 {
        let what = format!(
            "sockets of map `{}` cannot be told: its values have {} bytes, cookies 8",
            map.name(),
            map.value_size()
        );
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    at(map, key, ElemFlags::ANY)
}

macro_rules! slots {
    ($($(#[$doc:meta])* $name:ident $map_type:ident;)+) => {$(
        view! {
            $(#[$doc])*
            $name [] [], |map| {
                check_type(map, &[MapType::$map_type])?;
                check_size(map, "key", map.key_size(), 4)
            }
        }

        impl $name {
            /// Puts it into a slot; what was there goes.
            ///
            /// # Errors
            /// `E2BIG`: no such slot; `EBADF`, `EINVAL`, `EOPNOTSUPP`: it is not what can be here.
            #[doc(alias = "insert")]
            #[doc(alias = "update")]
            #[inline]
            pub fn set(&self, index: u32, what: &impl Descriptor) -> Result<()> {
                put(&self.0, &index, what, ElemFlags::ANY)
            }

            /// Empties a slot; whether there was something.
            #[doc(alias = "delete")]
            #[doc(alias = "remove")]
            #[inline]
            pub fn clear(&self, index: u32) -> Result<bool> {
                // Where a slot was empty, kernels say so in different ways.
                match remove(&self.0, &index) {
                    Err(error) if error.errno() == Some(crate::Errno::EINVAL) && index < self.len() => {
                        Ok(false)
                    }
                    cleared => cleared,
                }
            }

            /// Number of slots.
            #[allow(clippy::len_without_is_empty)]
            #[inline]
            pub fn len(&self) -> u32 {
                self.0.max_entries()
            }
        }
    )+};
}

slots! {
    /// A `BPF_MAP_TYPE_PROG_ARRAY`: where tail calls go. It takes [`Program::fd`](crate::Program::fd).
    ProgArray PROG_ARRAY;
    /// A `BPF_MAP_TYPE_CGROUP_ARRAY`. It takes a cgroup's directory.
    CgroupArray CGROUP_ARRAY;
    /// A `BPF_MAP_TYPE_PERF_EVENT_ARRAY`. It takes perf events, a slot a CPU; those that a handle of
    /// the map put in go when the handle does.
    PerfEventArray PERF_EVENT_ARRAY;
    /// A `BPF_MAP_TYPE_XSKMAP`. It takes bound `AF_XDP` sockets, a slot a queue.
    XskMap XSKMAP;
    /// A `BPF_MAP_TYPE_SOCKMAP`. It takes established TCP, UDP and Unix sockets.
    SockMap SOCKMAP;
    /// A `BPF_MAP_TYPE_REUSEPORT_SOCKARRAY`. It takes sockets that are bound with `SO_REUSEPORT`.
    ReuseportSockArray REUSEPORT_SOCKARRAY;
}

impl ProgArray {
    /// The id of the program in a slot.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, index: u32) -> Result<Option<u32>> {
        at(&self.0, &index, ElemFlags::ANY)
    }
}

impl SockMap {
    /// The cookie of the socket in a slot.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: values have four bytes.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, index: u32) -> Result<Option<u64>> {
        cookie(&self.0, &index)
    }
}

impl ReuseportSockArray {
    /// The cookie of the socket in a slot; as [`SockMap::get`].
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, index: u32) -> Result<Option<u64>> {
        cookie(&self.0, &index)
    }
}

view! {
    /// A `BPF_MAP_TYPE_SOCKHASH`: sockets by keys `K`.
    SockHash [K] [Plain],
    |map| {
        check_type(map, &[MapType::SOCKHASH])?;
        check_size(map, "key", map.key_size(), K::SIZE)
    }
}

impl<K: Plain> SockHash<K> {
    /// Adds a socket, or puts it in another's place.
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, key: &K, socket: &impl Descriptor) -> Result<()> {
        put(&self.0, key, socket, ElemFlags::ANY)
    }

    /// The cookie of the socket with this key; as [`SockMap::get`].
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, key: &K) -> Result<Option<u64>> {
        cookie(&self.0, key)
    }

    /// Takes a socket out; whether it was there.
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
}
