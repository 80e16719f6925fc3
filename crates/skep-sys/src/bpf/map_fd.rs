//! Elements of a map, with lengths checked against what the kernel says the map is.

use super::{CpuCount, ElemFlags, MapInfo, bpf, input, map_info, output};
use crate::attr::{MapElem, MapFreeze};
use crate::{CallError, Fd, Result};
use alloc::vec::Vec;
use skep_codec::Errno;

/// A map whose shape the kernel itself has told.
#[derive(Debug)]
pub struct MapFd {
    fd: Fd,
    info: MapInfo,
    value_len: usize,
}

impl MapFd {
    /// Asks the kernel what map this is; `cpus` is asked for if it is a per-CPU map.
    ///
    /// # Errors
    /// `EINVAL`: the descriptor is not of a map; `EXDEV`: `cpus` are another kernel's.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD`.
    pub fn new<'a, E: From<CallError>>(
        fd: Fd,
        cpus: impl FnOnce() -> Result<&'a CpuCount, E>,
    ) -> Result<Self, E> {
        let info = map_info(&fd)?;
        let mut value_len = info.value_size as usize;
        if info.map_type.is_per_cpu() {
            value_len = all_values(&fd, value_len, cpus()?)?;
        }
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

    /// Bytes of a value as it is read and written with these flags: of one CPU, if they say so.
    pub fn value_len_by(&self, flags: ElemFlags) -> usize {
        if flags.of_one_cpu() {
            self.info.value_size as usize
        } else {
            self.value_len
        }
    }

    fn elem(&self, key: u64, value: u64, flags: ElemFlags) -> MapElem {
        MapElem {
            map_fd: self.fd.raw() as u32,
            key,
            value,
            flags: flags.bits(),
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
    pub fn lookup(&self, key: &[u8], value: &mut [u8], flags: ElemFlags) -> Result<bool> {
        const NAME: &str = "BPF_MAP_LOOKUP_ELEM";
        exactly(NAME, key.len(), self.key_len())?;
        exactly(NAME, value.len(), self.value_len_by(flags))?;
        let mut attr = self.elem(input(key), output(value), flags);
        // SAFETY: key and value are as long as this map's, by what the kernel told of it.
        found(unsafe { bpf!(self.fd.kernel(), MAP_LOOKUP_ELEM, &mut attr) })
    }

    /// Writes the value of `key`.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`: the flags forbid it; `E2BIG`: full, or no such index; `EINVAL` also
    /// where `key` or `value` is not as long as the map's.
    ///
    /// # Kernel
    /// `BPF_MAP_UPDATE_ELEM`, since 3.18.
    pub fn update(&self, key: &[u8], value: &[u8], flags: ElemFlags) -> Result<()> {
        const NAME: &str = "BPF_MAP_UPDATE_ELEM";
        exactly(NAME, key.len(), self.key_len())?;
        exactly(NAME, value.len(), self.value_len_by(flags))?;
        // A kernel that does not know one CPU's values reads all of them before it looks at flags.
        let padded: Vec<u8>;
        let mut value = value;
        if value.len() < self.value_len {
            let rest = core::iter::repeat_n(&0, self.value_len - value.len());
            padded = value.iter().chain(rest).copied().collect();
            value = &padded;
        }
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
        let mut attr = self.elem(input(key), 0, ElemFlags::ANY);
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
        let mut attr = self.elem(key.map_or(0, input), output(next), ElemFlags::ANY);
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
    pub fn lookup_and_delete(
        &self,
        key: &[u8],
        value: &mut [u8],
        flags: ElemFlags,
    ) -> Result<bool> {
        const NAME: &str = "BPF_MAP_LOOKUP_AND_DELETE_ELEM";
        exactly(NAME, key.len(), self.key_len())?;
        exactly(NAME, value.len(), self.value_len_by(flags))?;
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
}

/// Bytes of all CPUs' values of one element.
fn all_values(fd: &Fd, value_size: usize, cpus: &CpuCount) -> Result<usize> {
    const NAME: &str = "BPF_OBJ_GET_INFO_BY_FD";
    if !cpus.is_of(fd.kernel()) {
        return Err(CallError::new(NAME, Errno::EXDEV));
    }
    value_size
        .checked_next_multiple_of(8)
        .and_then(|one| one.checked_mul(cpus.get() as usize))
        .ok_or(CallError::new(NAME, Errno::EOVERFLOW))
}

pub(super) fn exactly(call: &'static str, have: usize, want: usize) -> Result<()> {
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
