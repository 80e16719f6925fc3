//! Where XDP frames are sent to: interfaces, CPUs.

use super::{Descriptor, check_size, check_type, keys, remove, view};
use crate::map::{ElemFlags, Map};
use crate::plain::Plain;
use crate::{Error, ErrorKind, MapType, Result};

/// What is at a place of a [`DevMap`] or [`CpuMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The interface's index, or the frames that the CPU's queue holds.
    pub number: u32,
    /// The id of the program that runs on each frame there; 0 for none.
    pub prog_id: u32,
}

#[inline]
fn check(map: &Map, types: &[MapType]) -> Result<()> {
    check_type(map, types)?;
    check_size(map, "key", map.key_size(), 4)
}

/// Writes number and program; the kernel's struct, or its first half in maps without programs.
#[inline]
fn put(map: &Map, index: u32, number: u32, prog: Option<i32>) -> Result<()> {
    let mut bytes = [0; 8];
    [number as i32, prog.unwrap_or(0)].write_to(&mut bytes);
    let value = match (map.value_size(), prog) {
        (4, Some(_)) => {
            let what = format!("values of map `{}` have no room for a program", map.name());
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        (4, None) => bytes.get(..4).unwrap_or_default(),
        _ => &bytes,
    };
    map.update(&index.to_ne_bytes(), value, ElemFlags::ANY)
}

#[inline]
fn target(map: &Map, index: u32) -> Result<Option<Target>> {
    let Some(mut bytes) = map.lookup(&index.to_ne_bytes())? else {
        return Ok(None);
    };
    bytes.resize(8, 0);
    let [number, prog_id] = crate::plain::read(&bytes, "map value")?;
    Ok(Some(Target { number, prog_id }))
}

view! {
    /// A `BPF_MAP_TYPE_DEVMAP` or `DEVMAP_HASH`: interfaces, each with a program or without.
    DevMap [] [], |map| check(map, &[MapType::DEVMAP, MapType::DEVMAP_HASH])
}

impl DevMap {
    /// Puts an interface in. A program (of type XDP, made for `xdp/devmap`) runs on each frame that
    /// is sent there, since Linux 5.8.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: a program, and values of four bytes. `EINVAL`: no such interface in
    /// this network namespace, or the program is of another kind.
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, key: u32, ifindex: u32, prog: Option<&dyn Descriptor>) -> Result<()> {
        put(&self.0, key, ifindex, prog.map(Descriptor::number))
    }

    /// The interface (its number is the index) and program with this key.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, key: u32) -> Result<Option<Target>> {
        target(&self.0, key)
    }

    /// Takes an interface out; whether there was one, if the kernel tells (an array's does not).
    #[doc(alias = "delete")]
    #[inline]
    pub fn remove(&self, key: u32) -> Result<bool> {
        remove(&self.0, &key)
    }

    /// Keys: see [`Map::keys`](crate::Map::keys). Of an array, all indices.
    #[doc(alias = "get_next_key")]
    #[inline]
    pub fn keys(&self) -> impl Iterator<Item = Result<u32>> + '_ {
        keys(&self.0)
    }
}

view! {
    /// A `BPF_MAP_TYPE_CPUMAP`: CPUs that go on with frames, each with a program or without.
    CpuMap [] [], |map| check(map, &[MapType::CPUMAP])
}

impl CpuMap {
    /// Opens a queue to a CPU. A program (of type XDP, made for `xdp/cpumap`) runs there on each
    /// frame, since Linux 5.9.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: a program, and values of four bytes. `EOVERFLOW`: more than 16384
    /// frames; `ENODEV`: no such CPU.
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, cpu: u32, frames: u32, prog: Option<&dyn Descriptor>) -> Result<()> {
        put(&self.0, cpu, frames, prog.map(Descriptor::number))
    }

    /// The queue (its number is its length) and program of this CPU.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, cpu: u32) -> Result<Option<Target>> {
        target(&self.0, cpu)
    }

    /// Closes the queue to a CPU.
    #[doc(alias = "delete")]
    #[inline]
    pub fn remove(&self, cpu: u32) -> Result<bool> {
        remove(&self.0, &cpu)
    }
}
