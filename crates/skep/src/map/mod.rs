//! Maps: one type for all of them, keys and values as bytes of the sizes that the kernel reports.
//!
//! Views are typed, and made of a map by `TryFrom`: `HashMap::<u32, Flow>::try_from(object.map("flows")?)?`.
//! In all of them `get` reads (`lookup` in C) and gives a copy, or
//! `None` where nothing is; `set` writes where each index has a place, `insert` where there are keys;
//! `remove` deletes (`clear` empties a place); `take` reads and deletes; `iter` and `keys` go over
//! all. Queues and stacks have `push`, `pop` and `peek`.

mod batch;
mod create;
mod elem;
mod explain;
mod iter;
mod mmap;
mod shape;
mod views;
mod walk;

pub use batch::{BatchError, Batched, Batches, Chunk};
pub(crate) use create::{Created, adopt, create};
pub use iter::Entries;
pub use mmap::{Cell, Memory};
pub(crate) use shape::Shape;
pub use views::{
    Array, BloomFilter, BuildIdFrame, CgroupArray, CpuMap, Descriptor, DevMap, HashMap,
    LocalStorage, LpmTrie, MapOfMaps, PerCpuArray, PerCpuHashMap, PerfEventArray, ProgArray, Queue,
    ReuseportSockArray, SockHash, SockMap, Stack, StackTraceMap, Target, XskMap,
};
pub use walk::Keys;

use crate::error::Context;
use crate::pin;
use crate::system::System;
use crate::{MapType, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use skep_codec::btf::{Btf, TypeId};
use skep_codec::uapi::flags;
use skep_sys::Fd;
use skep_sys::bpf::{self, MapFd, ObjKind};
use skep_sys::once::Once;

/// What each type of map lets user space do.
pub use skep_codec::uapi::map_kind::{MapKey, MapKind, MapOps, MapValue};
/// What the kernel says of a map, what one is made with, and how elements are read and written.
pub use skep_sys::bpf::{ElemFlags, MapInfo, MapParams};

/// A map in the kernel. Cheap to clone; the map lives until the last handle, program or pin of it
/// is gone.
#[derive(Clone)]
pub struct Map(Arc<Inner>);

struct Inner {
    fd: MapFd,
    name: String,
    system: System,
    /// The BTF that the key and value types are ids of, where an object brought it.
    types: Option<(Arc<Btf>, TypeId, TypeId)>,
    memory: Once<Memory>,
}

impl Map {
    /// Takes over a map's descriptor; sizes and type are asked of the kernel.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) or `EINVAL` if it is no map's.
    pub fn from_fd(system: &System, fd: Fd) -> Result<Self> {
        let fd = pin::of_kind(fd, ObjKind::Map, "map")?;
        Self::with_types(system, fd, None, None)
    }

    /// Makes a map: type, sizes, flags and name as they are given. The system's token is used if
    /// none is given.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), skep::Error> {
    /// use skep::map::{Map, MapParams};
    /// let params = MapParams {
    ///     map_type: skep::MapType::HASH,
    ///     key_size: 4,
    ///     value_size: 8,
    ///     max_entries: 1024,
    ///     ..MapParams::default()
    /// };
    /// let map = Map::create(&skep::System::host()?, &params)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `EINVAL`: type, sizes or flags do not go together, or the kernel lacks the type; `EPERM`: no
    /// `CAP_BPF`.
    ///
    /// # Kernel
    /// `BPF_MAP_CREATE`, since Linux 3.18.
    pub fn create(system: &System, params: &MapParams<'_>) -> Result<Self> {
        let token = params
            .token
            .map_or_else(|| system.token(), |fd| Ok(Some(fd)))?;
        let params = MapParams { token, ..*params };
        let what = format_args!("create {} map `{}`", params.map_type, params.name);
        let fd = create::with_memory(system, &params)
            .map_err(|error| create::explain(system, &params, error))
            .context(what)?;
        let name = Some(params.name).filter(|name| !name.is_empty());
        Self::with_types(system, fd, name, None)
    }

    /// The map pinned at this path.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound): nothing is pinned there;
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): something else is, or it is in no bpffs.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET`, since Linux 4.4.
    pub fn from_pin(system: &System, path: &str) -> Result<Self> {
        let fd = pin::open_as(system, path, ObjKind::Map, "map")?;
        Self::with_types(system, fd, None, None)
    }

    pub(crate) fn with_types(
        system: &System,
        fd: Fd,
        name: Option<&str>,
        types: Option<(Arc<Btf>, TypeId, TypeId)>,
    ) -> Result<Self> {
        let what = "ask the kernel for a map's shape";
        let fd = MapFd::new(fd, || system.cpu_count()).context(what)?;
        Ok(Self(Arc::new(Inner {
            name: name.map_or_else(|| fd.info().name.clone(), String::from),
            fd,
            system: system.clone(),
            types,
            memory: Once::new(),
        })))
    }

    /// The object's name for it (the kernel's, 15 characters, if no object is known).
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What the kernel said of it when it was opened.
    pub fn shape(&self) -> &MapInfo {
        self.0.fd.info()
    }

    /// Its type.
    pub fn map_type(&self) -> MapType {
        self.shape().map_type
    }

    /// Bytes of a key.
    pub fn key_size(&self) -> u32 {
        self.shape().key_size
    }

    /// Bytes of a value (of one CPU's, for a per-CPU map).
    pub fn value_size(&self) -> u32 {
        self.shape().value_size
    }

    /// The most entries it takes; bytes, for a ring buffer.
    pub fn max_entries(&self) -> u32 {
        self.shape().max_entries
    }

    /// The kernel's id of it.
    pub fn id(&self) -> u32 {
        self.shape().id
    }

    /// What the kernel says of it now.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD`, since Linux 4.13.
    pub fn info(&self) -> Result<MapInfo> {
        bpf::map_info(self.fd()).context(self.doing("ask about"))
    }

    /// Its descriptor.
    pub fn fd(&self) -> &Fd {
        self.0.fd.fd()
    }

    /// The system it belongs to.
    pub fn system(&self) -> &System {
        &self.0.system
    }

    /// Types of its keys and values: from the object that declared it, else from the kernel.
    /// `None` if it was made without BTF.
    pub fn types(&self) -> Result<Option<(Arc<Btf>, TypeId, TypeId)>> {
        if let Some(types) = &self.0.types {
            return Ok(Some(types.clone()));
        }
        let shape = self.shape();
        if shape.btf_vmlinux_value_type_id != 0 {
            // Kernels that know no modules' types here have only their own.
            let btf = match shape.map_flags & flags::VTYPE_BTF_OBJ_FD {
                0 => self.0.system.kernel_btf()?.clone(),
                _ => self.0.system.btf_by_id(shape.btf_vmlinux_id)?,
            };
            let value = TypeId(shape.btf_vmlinux_value_type_id);
            return Ok(Some((btf, TypeId::VOID, value)));
        }
        if shape.btf_id == 0 {
            return Ok(None);
        }
        let btf = self.0.system.btf_by_id(shape.btf_id)?;
        let (key, value) = (shape.btf_key_type_id, shape.btf_value_type_id);
        Ok(Some((btf, TypeId(key), TypeId(value))))
    }

    /// Its memory, mapped when first asked for, for as long as the map has handles: an array made
    /// with `BPF_F_MMAPABLE` (element `i` begins at `i` times the value's size rounded up to 8), or
    /// an arena.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): no such map; `EEXIST`: something
    /// else is at the arena's address; `EBUSY`: the arena is mapped elsewhere already.
    ///
    /// # Kernel
    /// mmap(2) of arrays since Linux 5.5, of arenas since 6.9.
    pub fn memory(&self) -> Result<&Memory> {
        self.0.memory.get_or_try_init(|| Memory::of(self))
    }

    /// Forbids changes from user space for good.
    ///
    /// # Errors
    /// `EBUSY`: it is frozen already, or mapped to be written.
    ///
    /// # Kernel
    /// `BPF_MAP_FREEZE`, since Linux 5.2.
    pub fn freeze(&self) -> Result<()> {
        self.0.fd.freeze().context(self.doing("freeze"))
    }

    /// Pins it at a path of a bpffs.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): the path is in no bpffs, or its name has a
    /// dot; `EEXIST`: something is there; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound): no such
    /// directory.
    ///
    /// # Kernel
    /// `BPF_OBJ_PIN`, since Linux 4.4.
    pub fn pin(&self, path: &str) -> Result<()> {
        pin::pin_at(self.fd(), path).context(format_args!("pin map `{}` at {path}", self.name()))
    }

    /// How many values each key has: one for each possible CPU, by what the kernel does, in a per-CPU
    /// map.
    pub fn values_per_key(&self) -> usize {
        match self.map_type().is_per_cpu() {
            true => self.0.fd.value_len() / self.stride().max(1),
            false => 1,
        }
    }

    /// Bytes from one CPU's value to the next one's, where there is one for each.
    fn stride(&self) -> usize {
        (self.value_size() as usize).next_multiple_of(8)
    }

    fn doing(&self, verb: &str) -> impl fmt::Display {
        fmt::from_fn(move |f| write!(f, "{verb} map `{}`", self.name()))
    }

    /// [`Map::doing`] for an operation that not every type has.
    fn trying(&self, verb: &str, op: MapOps) -> impl fmt::Display {
        let map_type = self.map_type();
        fmt::from_fn(move |f| {
            write!(f, "{}", self.doing(verb))?;
            match map_type.allows(op) {
                true => Ok(()),
                false => write!(f, " (type {map_type} has no such operation)"),
            }
        })
    }

    /// [`Map::trying`] with a key, and a value of so many bytes: what has not as many as the map's is
    /// told.
    fn trying_with(
        &self,
        verb: &str,
        op: MapOps,
        key: &[u8],
        value: Option<(usize, ElemFlags)>,
    ) -> impl fmt::Display {
        let trying = self.trying(verb, op);
        let of_key = Some(("key", key.len(), self.0.fd.key_len()));
        let of_value = value.map(|(len, flags)| ("value", len, self.0.fd.value_len_by(flags)));
        fmt::from_fn(move |f| {
            write!(f, "{trying}")?;
            for (what, len, whole) in of_key.into_iter().chain(of_value) {
                if len != whole {
                    write!(f, " (a {what} has {whole} bytes, not {len})")?;
                }
            }
            Ok(())
        })
    }
}

impl System {
    /// Every map in the kernel now, in order of id. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Kernel
    /// `BPF_MAP_GET_NEXT_ID`, since Linux 4.13.
    pub fn maps(&self) -> Result<Vec<MapInfo>> {
        self.each(ObjKind::Map, |id| self.map_by_id(id)?.info())
            .context("list maps")
    }

    /// The map with this id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound): there is none. `EPERM`: no `CAP_SYS_ADMIN`.
    pub fn map_by_id(&self, id: u32) -> Result<Map> {
        let fd = self.open_id(ObjKind::Map, "map", id)?;
        Map::with_types(self, fd, None, None)
    }
}

impl core::fmt::Debug for Map {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Map({} `{}`)", self.id(), self.name())
    }
}
