//! Elements of a map, with lengths checked against what the kernel says the map is.

use super::{MapInfo, bpf, call, input, map_info, output};
use crate::attr::{MapBatch, MapElem, MapFreeze};
use crate::file::PossibleCpus;
use crate::{CallError, Fd, Result};
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::uapi::bpf::{Cmd, MapType};

/// A map whose shape the kernel itself has told.
#[derive(Debug)]
pub struct MapFd {
    fd: Fd,
    info: MapInfo,
    value_len: usize,
}

/// Where a batch operation goes on. A fresh one begins at the beginning.
#[derive(Clone, Debug, Default)]
pub struct BatchCursor(Option<Vec<u8>>);

impl MapFd {
    /// Asks the kernel what map this is.
    ///
    /// # Errors
    /// `EINVAL`: the descriptor is not of a map; `EXDEV`: `cpus` are another kernel's.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD`.
    pub fn new(fd: Fd, cpus: &PossibleCpus) -> Result<Self> {
        if !cpus.are_of(fd.kernel()) {
            return Err(CallError::new("BPF_OBJ_GET_INFO_BY_FD", Errno::EXDEV));
        }
        let info = map_info(&fd)?;
        let value_size = info.value_size as usize;
        let value_len = if is_per_cpu(info.map_type) {
            value_size
                .checked_next_multiple_of(8)
                .and_then(|one| one.checked_mul(cpus.count() as usize))
                .ok_or(CallError::new("BPF_OBJ_GET_INFO_BY_FD", Errno::EOVERFLOW))?
        } else {
            value_size
        };
        Ok(Self {
            fd,
            info,
            value_len,
        })
    }

    /// The descriptor.
    pub fn fd(&self) -> &Fd {
        &self.fd
    }

    /// What the kernel said about the map when it was opened.
    pub fn info(&self) -> &MapInfo {
        &self.info
    }

    /// Gives the descriptor back.
    pub fn into_fd(self) -> Fd {
        self.fd
    }

    /// Another handle of the same map.
    ///
    /// # Errors
    /// `EMFILE`: too many descriptors are open.
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self {
            fd: self.fd.try_clone()?,
            info: self.info.clone(),
            value_len: self.value_len,
        })
    }

    /// Bytes of a key.
    pub fn key_len(&self) -> usize {
        self.info.key_size as usize
    }

    /// Bytes of a value as it is read and written: of all CPUs, each rounded up to eight bytes,
    /// in a per-CPU map.
    pub fn value_len(&self) -> usize {
        self.value_len
    }

    fn elem(&self, key: u64, value: u64, flags: u64) -> MapElem {
        MapElem {
            map_fd: self.fd.raw() as u32,
            key,
            value,
            flags,
            ..MapElem::default()
        }
    }

    /// Reads the value of `key`. `false`: there is none.
    ///
    /// # Errors
    /// `EINVAL` also where `key` or `value` is not as long as the map's.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_ELEM`, since 3.18.
    pub fn lookup(&self, key: &[u8], value: &mut [u8], flags: u64) -> Result<bool> {
        const NAME: &str = "BPF_MAP_LOOKUP_ELEM";
        exactly(NAME, key.len(), self.key_len())?;
        exactly(NAME, value.len(), self.value_len)?;
        let mut attr = self.elem(input(key), output(value), flags);
        // SAFETY: key and value are as long as this map's, by what the kernel told of it.
        found(unsafe { bpf!(self.fd.kernel(), MAP_LOOKUP_ELEM, &mut attr) })
    }

    /// Writes the value of `key`; `flags` are `BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST`, `BPF_F_LOCK`.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`: the flags forbid it; `E2BIG`: full, or no such index; `EINVAL` also
    /// where `key` or `value` is not as long as the map's.
    ///
    /// # Kernel
    /// `BPF_MAP_UPDATE_ELEM`, since 3.18.
    pub fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<()> {
        const NAME: &str = "BPF_MAP_UPDATE_ELEM";
        exactly(NAME, key.len(), self.key_len())?;
        exactly(NAME, value.len(), self.value_len)?;
        let mut attr = self.elem(input(key), input(value), flags);
        // SAFETY: key and value are as long as this map's, by what the kernel told of it.
        unsafe { bpf!(self.fd.kernel(), MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }

    /// Removes `key`. `false`: it was not there.
    ///
    /// # Errors
    /// `EINVAL` also where `key` is not as long as the map's, or the type cannot delete.
    ///
    /// # Kernel
    /// `BPF_MAP_DELETE_ELEM`, since 3.18.
    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        exactly("BPF_MAP_DELETE_ELEM", key.len(), self.key_len())?;
        let mut attr = self.elem(input(key), 0, 0);
        // SAFETY: the key is as long as this map's, by what the kernel told of it.
        found(unsafe { bpf!(self.fd.kernel(), MAP_DELETE_ELEM, &mut attr) })
    }

    /// The key after `key` (the first, after `None` or a key that is gone). `false`: no more.
    ///
    /// # Errors
    /// `EINVAL` also where `key` or `next` is not as long as the map's.
    ///
    /// # Kernel
    /// `BPF_MAP_GET_NEXT_KEY`, since 3.18; without a key since 4.12.
    pub fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<bool> {
        const NAME: &str = "BPF_MAP_GET_NEXT_KEY";
        if let Some(key) = key {
            exactly(NAME, key.len(), self.key_len())?;
        }
        exactly(NAME, next.len(), self.key_len())?;
        let mut attr = self.elem(key.map_or(0, input), output(next), 0);
        // SAFETY: both keys are as long as this map's, by what the kernel told of it.
        found(unsafe { bpf!(self.fd.kernel(), MAP_GET_NEXT_KEY, &mut attr) })
    }

    /// Reads and removes a value (pops it, from a queue or stack). `false`: there is none.
    ///
    /// # Errors
    /// `EINVAL` also where `key` or `value` is not as long as the map's.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`, since 4.20; hashes since 5.14.
    pub fn lookup_and_delete(&self, key: &[u8], value: &mut [u8], flags: u64) -> Result<bool> {
        const NAME: &str = "BPF_MAP_LOOKUP_AND_DELETE_ELEM";
        exactly(NAME, key.len(), self.key_len())?;
        exactly(NAME, value.len(), self.value_len)?;
        let mut attr = self.elem(input(key), output(value), flags);
        // SAFETY: key and value are as long as this map's, by what the kernel told of it.
        found(unsafe { bpf!(self.fd.kernel(), MAP_LOOKUP_AND_DELETE_ELEM, &mut attr) })
    }

    /// Forbids user space to write the map from now on.
    ///
    /// # Errors
    /// `EBUSY`: frozen already, or mapped writable.
    ///
    /// # Kernel
    /// `BPF_MAP_FREEZE`, since 5.2.
    pub fn freeze(&self) -> Result<()> {
        let mut attr = MapFreeze {
            map_fd: self.fd.raw() as u32,
        };
        // SAFETY: there are no pointers.
        unsafe { bpf!(self.fd.kernel(), MAP_FREEZE, &mut attr) }.map(drop)
    }

    /// Reads as many elements as fit into `keys` and `values`, which hold whole elements one
    /// after the other, and moves `cursor` on. The answer: how many, and whether that was all.
    ///
    /// # Errors
    /// `ENOSPC`: a bucket of the hash does not fit at all; `ENOTSUPP`: not for this type.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_BATCH`, since 5.6.
    pub fn lookup_batch(
        &self,
        cursor: &mut BatchCursor,
        keys: &mut [u8],
        values: &mut [u8],
        flags: u64,
    ) -> Result<(usize, bool)> {
        self.read_batch(false, cursor, keys, values, flags)
    }

    /// [`MapFd::lookup_batch`] that removes what it reads.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`, since 5.6.
    pub fn lookup_and_delete_batch(
        &self,
        cursor: &mut BatchCursor,
        keys: &mut [u8],
        values: &mut [u8],
        flags: u64,
    ) -> Result<(usize, bool)> {
        self.read_batch(true, cursor, keys, values, flags)
    }

    fn read_batch(
        &self,
        delete: bool,
        cursor: &mut BatchCursor,
        keys: &mut [u8],
        values: &mut [u8],
        flags: u64,
    ) -> Result<(usize, bool)> {
        // The kernel keeps a bucket number (four bytes) or a key there.
        let mut out = alloc::vec![0; self.key_len().max(8)];
        let input_cursor = cursor.0.take();
        let (cmd, name) = if delete {
            let cmd = Cmd::MAP_LOOKUP_AND_DELETE_BATCH;
            (cmd, "BPF_MAP_LOOKUP_AND_DELETE_BATCH")
        } else {
            (Cmd::MAP_LOOKUP_BATCH, "BPF_MAP_LOOKUP_BATCH")
        };
        let mut attr = MapBatch {
            in_batch: input_cursor.as_deref().map_or(0, input),
            out_batch: output(&mut out),
            keys: output(keys),
            values: output(values),
            count: self.batch_count(name, keys.len(), Some(values.len()))?,
            map_fd: self.fd.raw() as u32,
            elem_flags: flags,
            flags: 0,
        };
        // SAFETY: `keys` and `values` hold `count` elements of this map, the cursors a key.
        let result = unsafe { call(&**self.fd.kernel(), cmd, name, &mut attr, 0) };
        let last = match result {
            Ok(_) => false,
            Err(error) if error.errno == Errno::ENOENT => true,
            Err(error) => {
                cursor.0 = input_cursor;
                return Err(error);
            }
        };
        cursor.0 = Some(out);
        Ok((attr.count as usize, last))
    }

    /// Writes many elements. On an error, the number tells how many were written before it.
    ///
    /// # Kernel
    /// `BPF_MAP_UPDATE_BATCH`, since 5.6.
    pub fn update_batch(
        &self,
        keys: &[u8],
        values: &[u8],
        flags: u64,
    ) -> Result<usize, (CallError, usize)> {
        let count = self
            .batch_count("BPF_MAP_UPDATE_BATCH", keys.len(), Some(values.len()))
            .map_err(|e| (e, 0))?;
        let mut attr = MapBatch {
            keys: input(keys),
            values: input(values),
            count,
            map_fd: self.fd.raw() as u32,
            elem_flags: flags,
            ..MapBatch::default()
        };
        // SAFETY: `keys` and `values` hold `count` elements of this map.
        let result = unsafe { bpf!(self.fd.kernel(), MAP_UPDATE_BATCH, &mut attr) };
        batch_result(result, &attr, count)
    }

    /// Removes many keys. On an error, the number tells how many were removed before it.
    ///
    /// # Kernel
    /// `BPF_MAP_DELETE_BATCH`, since 5.6.
    pub fn delete_batch(&self, keys: &[u8], flags: u64) -> Result<usize, (CallError, usize)> {
        let count = self
            .batch_count("BPF_MAP_DELETE_BATCH", keys.len(), None)
            .map_err(|e| (e, 0))?;
        let mut attr = MapBatch {
            keys: input(keys),
            count,
            map_fd: self.fd.raw() as u32,
            elem_flags: flags,
            ..MapBatch::default()
        };
        // SAFETY: `keys` holds `count` keys of this map.
        let result = unsafe { bpf!(self.fd.kernel(), MAP_DELETE_BATCH, &mut attr) };
        batch_result(result, &attr, count)
    }

    /// Whole elements in buffers of these lengths; no remainder, none missing.
    fn batch_count(&self, call: &'static str, keys: usize, values: Option<usize>) -> Result<u32> {
        let bad = CallError::new(call, Errno::EINVAL);
        let count = keys.checked_div(self.key_len()).ok_or(bad)?;
        if count.checked_mul(self.key_len()) != Some(keys) {
            return Err(bad);
        }
        if let Some(values) = values {
            exactly(call, values, count.checked_mul(self.value_len).ok_or(bad)?)?;
        }
        u32::try_from(count).map_err(|_| bad)
    }
}

fn batch_result(
    result: Result<usize>,
    attr: &MapBatch,
    asked: u32,
) -> Result<usize, (CallError, usize)> {
    match result {
        Ok(_) => Ok(attr.count as usize),
        // A command that fails early leaves the count as it was.
        Err(error) if attr.count == asked => Err((error, 0)),
        Err(error) => Err((error, attr.count as usize)),
    }
}

/// Types whose values are an array over all possible CPUs.
pub fn is_per_cpu(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::PERCPU_HASH
            | MapType::PERCPU_ARRAY
            | MapType::LRU_PERCPU_HASH
            | MapType::PERCPU_CGROUP_STORAGE
    )
}

fn exactly(call: &'static str, have: usize, want: usize) -> Result<()> {
    if have == want {
        Ok(())
    } else {
        Err(CallError::new(call, Errno::EINVAL))
    }
}

/// `ENOENT` as "not there".
fn found(result: Result<usize>) -> Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.errno == Errno::ENOENT => Ok(false),
        Err(error) => Err(error),
    }
}
