//! Many elements of a map in one call.

use super::map_fd::exactly;
use super::{ElemFlags, MapFd, bpf, call, input, output};
use crate::attr::MapBatch;
use crate::{CallError, Result};
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::uapi::bpf::Cmd;

/// Where a batch operation goes on. A fresh one begins at the beginning.
#[derive(Clone, Debug, Default)]
pub struct BatchCursor(Option<Vec<u8>>);

impl MapFd {
    /// Reads as many elements as fit into `keys` and `values`, which hold whole elements one
    /// after the other, and moves `cursor` on. The answer: how many, and whether that was all.
    /// Fewer than fit do not mean that it was: a hash gives whole buckets.
    ///
    /// # Errors
    /// `ENOSPC`: a bucket of the hash does not fit at all; `ENOTSUPP`: not for this type.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_BATCH`, since 5.6.
    #[inline]
    pub fn lookup_batch(
        &self,
        cursor: &mut BatchCursor,
        keys: &mut [u8],
        values: &mut [u8],
        flags: ElemFlags,
    ) -> Result<(usize, bool)> {
        self.read_batch(false, cursor, keys, values, flags)
    }

    /// [`MapFd::lookup_batch`] that removes what it reads.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`, since 5.6.
    #[inline]
    pub fn lookup_and_delete_batch(
        &self,
        cursor: &mut BatchCursor,
        keys: &mut [u8],
        values: &mut [u8],
        flags: ElemFlags,
    ) -> Result<(usize, bool)> {
        self.read_batch(true, cursor, keys, values, flags)
    }

    #[inline]
    fn read_batch(
        &self,
        delete: bool,
        cursor: &mut BatchCursor,
        keys: &mut [u8],
        values: &mut [u8],
        flags: ElemFlags,
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
        let count = self.batch_count(name, keys.len(), Some(values.len()), flags)?;
        let mut attr = MapBatch {
            in_batch: input_cursor.as_deref().map_or(0, input),
            out_batch: output(&mut out),
            keys: output(keys),
            values: output(values),
            count,
            map_fd: self.fd().raw() as u32,
            elem_flags: flags.bits(),
            flags: 0,
        };
        // SAFETY: `keys` and `values` hold `count` elements of this map, the cursors a key.
        let result = unsafe { call(&**self.fd().kernel(), cmd, name, &mut attr, 0) };
        let last = match result {
            Ok(_) => false,
            Err(error) if error.errno == Errno::ENOENT => true,
            Err(error) => {
                cursor.0 = input_cursor;
                return Err(error);
            }
        };
        cursor.0 = Some(out);
        Ok((attr.count.min(count) as usize, last))
    }

    /// Writes many elements. On an error, the number tells how many were written before it.
    ///
    /// # Kernel
    /// `BPF_MAP_UPDATE_BATCH`, since 5.6.
    #[inline]
    pub fn update_batch(
        &self,
        keys: &[u8],
        values: &[u8],
        flags: ElemFlags,
    ) -> Result<usize, (CallError, usize)> {
        let count = self
            .batch_count(
                "BPF_MAP_UPDATE_BATCH",
                keys.len(),
                Some(values.len()),
                flags,
            )
            .map_err(|e| (e, 0))?;
        let mut attr = MapBatch {
            keys: input(keys),
            values: input(values),
            count,
            map_fd: self.fd().raw() as u32,
            elem_flags: flags.bits(),
            ..MapBatch::default()
        };
        // SAFETY: `keys` and `values` hold `count` elements of this map. (A kernel that does not
        // know that flags make values shorter refuses them before it reads any.)
        let result = unsafe { bpf!(self.fd().kernel(), MAP_UPDATE_BATCH, &mut attr) };
        batch_result(result, &attr, count)
    }

    /// Removes many keys. On an error, the number tells how many were removed before it: `ENOENT`
    /// where the next is not there.
    ///
    /// # Kernel
    /// `BPF_MAP_DELETE_BATCH`, since 5.6.
    #[inline]
    pub fn delete_batch(&self, keys: &[u8]) -> Result<usize, (CallError, usize)> {
        let flags = ElemFlags::ANY;
        let count = self
            .batch_count("BPF_MAP_DELETE_BATCH", keys.len(), None, flags)
            .map_err(|e| (e, 0))?;
        let mut attr = MapBatch {
            keys: input(keys),
            count,
            map_fd: self.fd().raw() as u32,
            ..MapBatch::default()
        };
        // SAFETY: `keys` holds `count` keys of this map.
        let result = unsafe { bpf!(self.fd().kernel(), MAP_DELETE_BATCH, &mut attr) };
        batch_result(result, &attr, count)
    }

    /// Whole elements in buffers of these lengths; no remainder, none missing.
    #[inline]
    fn batch_count(
        &self,
        call: &'static str,
        keys: usize,
        values: Option<usize>,
        flags: ElemFlags,
    ) -> Result<u32> {
        let bad = CallError::new(call, Errno::EINVAL);
        let count = keys.checked_div(self.key_len()).ok_or(bad)?;
        if count.checked_mul(self.key_len()) != Some(keys) {
            return Err(bad);
        }
        if let Some(values) = values {
            let want = count.checked_mul(self.value_len_by(flags)).ok_or(bad)?;
            exactly(call, values, want)?;
        }
        u32::try_from(count).map_err(|_| bad)
    }
}

#[inline]
fn batch_result(
    result: Result<usize>,
    attr: &MapBatch,
    asked: u32,
) -> Result<usize, (CallError, usize)> {
    match result {
        Ok(_) => Ok(attr.count.min(asked) as usize),
        // A command that fails early leaves the count as it was.
        Err(error) if attr.count >= asked => Err((error, 0)),
        Err(error) => Err((error, attr.count as usize)),
    }
}
