//! One element at a time, as bytes.

use super::{ElemFlags, Map, MapOps};
use crate::Result;
use crate::error::Context;
use alloc::vec;
use alloc::vec::Vec;

impl Map {
    /// The value of this key, or `None`. A per-CPU map gives every possible CPU's value one after
    /// the other, each rounded up to 8 bytes ([`Map::values_per_key`] of them). Where the kernel
    /// keeps something else than bytes, this is what it tells of it: a program's or map's id, a
    /// socket's cookie.
    ///
    /// # Errors
    /// `EINVAL` if the key has not [`Map::key_size`] bytes; `ENOTSUPP` for maps that cannot be
    /// read this way ([`MapOps::LOOKUP`]).
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_ELEM`.
    pub fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.lookup_with(key, ElemFlags::ANY)
    }

    /// [`Map::lookup`] under the value's lock ([`ElemFlags::LOCK`]) or of one CPU
    /// ([`ElemFlags::cpu`]).
    pub fn lookup_with(&self, key: &[u8], flags: ElemFlags) -> Result<Option<Vec<u8>>> {
        let mut value = vec![0; self.0.fd.value_len_by(flags)];
        Ok(self.lookup_into(key, &mut value, flags)?.then_some(value))
    }

    /// [`Map::lookup_with`] into a buffer of the right length; whether the key was there.
    #[inline]
    pub fn lookup_into(&self, key: &[u8], value: &mut [u8], flags: ElemFlags) -> Result<bool> {
        let found = self.0.fd.lookup(key, value, flags);
        found.map_err(|error| {
            let value = Some((value.len(), flags));
            let what = self.trying_with("look up in", MapOps::LOOKUP, key, value);
            self.explain(error, key, flags).context(what)
        })
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// `E2BIG` when the map is full or the index beyond an array; `EEXIST`, `ENOENT` as the flags
    /// say; `EINVAL` if key or value has not as many bytes as the kernel says.
    ///
    /// # Kernel
    /// `BPF_MAP_UPDATE_ELEM`.
    #[inline]
    pub fn update(&self, key: &[u8], value: &[u8], flags: ElemFlags) -> Result<()> {
        let done = self.0.fd.update(key, value, flags);
        done.map_err(|error| {
            let len = Some((value.len(), flags));
            let what = self.trying_with("update", MapOps::UPDATE, key, len);
            self.explain_update(error, (key, value), flags)
                .context(what)
        })
    }

    /// Deletes a key; whether it was there.
    ///
    /// # Kernel
    /// `BPF_MAP_DELETE_ELEM`.
    #[inline]
    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        let found = self.0.fd.delete(key);
        found.map_err(|error| {
            let what = self.trying_with("delete from", MapOps::DELETE, key, None);
            self.explain(error, key, ElemFlags::ANY).context(what)
        })
    }

    /// The value of a key, which is deleted; `None` if it was not there.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`, of hashes since Linux 5.14.
    #[doc(alias = "lookup_and_delete")]
    pub fn take(&self, key: &[u8], flags: ElemFlags) -> Result<Option<Vec<u8>>> {
        let mut value = vec![0; self.0.fd.value_len_by(flags)];
        Ok(self.take_into(key, &mut value, flags)?.then_some(value))
    }

    /// [`Map::take`] into a buffer of the right length; whether the key was there.
    pub fn take_into(&self, key: &[u8], value: &mut [u8], flags: ElemFlags) -> Result<bool> {
        let found = self.0.fd.lookup_and_delete(key, value, flags);
        found.context(self.trying("look up and delete from", MapOps::TAKE))
    }

    /// Puts a value into a queue, stack or bloom filter.
    ///
    /// # Errors
    /// `E2BIG`: it is full. With [`ElemFlags::EXIST`], the oldest value goes instead.
    ///
    /// # Kernel
    /// `BPF_MAP_UPDATE_ELEM`, since Linux 4.20; bloom filters since 5.16.
    pub fn push(&self, value: &[u8], flags: ElemFlags) -> Result<()> {
        self.update(&[], value, flags)
    }

    /// Takes the next value out of a queue or stack; `None` if it is empty.
    pub fn pop(&self) -> Result<Option<Vec<u8>>> {
        self.take(&[], ElemFlags::ANY)
    }

    /// The next value of a queue or stack, which stays in it; `None` if it is empty.
    pub fn peek(&self) -> Result<Option<Vec<u8>>> {
        self.lookup(&[])
    }

    /// Whether a bloom filter may have this value: `false` is certain.
    pub fn contains(&self, value: &[u8]) -> Result<bool> {
        // The kernel reads the value that it is asked for.
        self.lookup_into(&[], &mut value.to_vec(), ElemFlags::ANY)
    }
}
