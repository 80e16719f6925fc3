//! Many elements in a call; one by one where the kernel or the type has no such calls.

use super::walk::Walk;
use super::{ElemFlags, Map, MapKey, MapOps};
use crate::error::Context;
use crate::probe::{Answer, Feature};
use crate::{Error, Result};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use skep_codec::Errno;
use skep_sys::CallError;
use skep_sys::bpf::BatchCursor;

/// Bytes of keys and values that are read at once, if that is several elements.
const BUFFER_LEN: usize = 256 << 10;
/// The most elements that are read at once without need.
const MOST: usize = 4096;

/// What an operation on many elements has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batched {
    /// Elements written or deleted.
    pub count: usize,
    /// Whether it took a call for each: this kernel or this type has no batches.
    pub one_by_one: bool,
}

/// An operation on many elements that failed at one of them.
#[derive(Clone, Debug)]
pub struct BatchError {
    /// Elements written or deleted before that.
    pub done: usize,
    /// Why.
    pub error: Error,
}

impl fmt::Display for BatchError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} elements: {}", self.done, self.error)
    }
}

impl core::error::Error for BatchError {}

impl From<BatchError> for Error {
    #[inline]
    fn from(failed: BatchError) -> Self {
        let what = format!("after {} elements", failed.done);
        failed.error.context(what)
    }
}

impl Map {
    /// Reads elements, many in a call; see [`Batches`].
    #[inline]
    pub fn batches(&self) -> Batches<'_> {
        Batches::new(self, false)
    }

    /// Reads elements, many in a call, and deletes what it reads.
    ///
    /// # Kernel
    /// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`, since Linux 5.6.
    #[inline]
    pub fn drain(&self) -> Batches<'_> {
        Batches::new(self, true)
    }

    /// Sets the values of many keys: whole keys and values one after the other.
    ///
    /// # Errors
    /// As [`Map::update`], with the number of elements that were written before.
    ///
    /// # Kernel
    /// `BPF_MAP_UPDATE_BATCH`, since Linux 5.6.
    #[inline]
    pub fn update_batch(
        &self,
        keys: &[u8],
        values: &[u8],
        flags: ElemFlags,
    ) -> Result<Batched, BatchError> {
        match self.0.fd.update_batch(keys, values, flags) {
            Ok(count) => Ok(batched(count, false)),
            Err((error, 0)) if self.lacks(error) || chooses(error, flags) => {
                let (key_len, value_len) = (self.0.fd.key_len(), self.0.fd.value_len_by(flags));
                let keys = keys.chunks_exact(key_len.max(1));
                let values = values.chunks_exact(value_len.max(1));
                self.one_by_one("update", keys.zip(values), |(key, value)| {
                    self.0.fd.update(key, value, flags).map(|()| true)
                })
            }
            Err((error, done)) => Err(self.failed("update", error, done)),
        }
    }

    /// Deletes many keys, whole ones one after the other; those that are not there do no harm and
    /// do not count.
    ///
    /// # Errors
    /// As [`Map::delete`], with the number of elements that were deleted before.
    ///
    /// # Kernel
    /// `BPF_MAP_DELETE_BATCH`, since Linux 5.6.
    #[inline]
    pub fn delete_batch(&self, keys: &[u8]) -> Result<Batched, BatchError> {
        let key_len = self.0.fd.key_len().max(1);
        let (mut rest, mut done) = (keys, 0);
        while !rest.is_empty() {
            match self.0.fd.delete_batch(rest) {
                Ok(count) => return Ok(batched(done + count, false)),
                Err((error, count)) if error.errno == Errno::ENOENT => {
                    done += count;
                    rest = rest.get((count + 1) * key_len..).unwrap_or_default();
                }
                Err((error, 0)) if done == 0 && self.lacks(error) => {
                    return self.one_by_one("delete from", rest.chunks_exact(key_len), |key| {
                        self.0.fd.delete(key)
                    });
                }
                Err((error, count)) => return Err(self.failed("delete from", error, done + count)),
            }
        }
        Ok(batched(done, false))
    }

    /// Whether a refusal means that there is no such operation: the type has none, or the kernel.
    /// What has whole elements of the right sizes is refused as `EINVAL` for its flags, too.
    #[inline]
    fn lacks(&self, error: CallError) -> bool {
        match error.errno {
            Errno::ENOTSUPP | Errno::EOPNOTSUPP => true,
            Errno::EINVAL => self.system().probe(Feature::MapBatch) == Answer::No,
            _ => false,
        }
    }

    fn one_by_one<T>(
        &self,
        verb: &str,
        elements: impl Iterator<Item = T>,
        each: impl Fn(T) -> skep_sys::Result<bool>,
    ) -> Result<Batched, BatchError> {
        let mut done = 0;
        for element in elements {
            match each(element) {
                Ok(there) => done += usize::from(there),
                Err(error) => return Err(self.failed(verb, error, done)),
            }
        }
        Ok(batched(done, true))
    }

    #[inline]
    fn failed(&self, verb: &str, error: CallError, done: usize) -> BatchError {
        let error = Error::from(error).context(self.doing(verb));
        BatchError { done, error }
    }
}

/// Whether a batch was refused because its flags choose by whether keys are there: kernels do that
/// for single elements only.
#[inline]
fn chooses(error: CallError, flags: ElemFlags) -> bool {
    let choices = (ElemFlags::NOEXIST | ElemFlags::EXIST).bits();
    error.errno == Errno::EINVAL && flags.bits() & choices != 0
}

#[inline]
fn batched(count: usize, one_by_one: bool) -> Batched {
    Batched { count, one_by_one }
}

/// Elements of a map, read some at a time: [`Map::batches`], [`Map::drain`].
///
/// Elements that are added or deleted meanwhile may be missed; of a hash, none is seen twice and
/// none that stays is missed, as far as the kernel has batches for its type. Where it has none,
/// elements are read one by one, and a walk that would begin again because its place was deleted
/// ends with [`ErrorKind::Restarted`](crate::ErrorKind::Restarted).
///
/// ```no_run
/// # fn dump(map: &skep::Map) -> Result<(), skep::Error> {
/// let mut batches = map.batches();
/// while let Some(chunk) = batches.next()? {
///     for (key, value) in chunk {
///         println!("{key:?} = {value:?}");
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Batches<'a> {
    map: &'a Map,
    delete: bool,
    cursor: BatchCursor,
    keys: Vec<u8>,
    values: Vec<u8>,
    /// Where the kernel has no batches.
    walk: Option<Walk>,
    done: bool,
}

/// Some elements: keys and their values, as an iterator.
#[derive(Clone, Debug)]
pub struct Chunk<'a> {
    keys: core::slice::ChunksExact<'a, u8>,
    values: core::slice::ChunksExact<'a, u8>,
}

impl<'a> Iterator for Chunk<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.keys.next().zip(self.values.next())
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.keys.size_hint()
    }
}

impl ExactSizeIterator for Chunk<'_> {}

impl<'a> Batches<'a> {
    #[inline]
    fn new(map: &'a Map, delete: bool) -> Self {
        let op = if delete {
            MapOps::TAKE_BATCH
        } else {
            MapOps::LOOKUP_BATCH
        };
        // The kernel's batches of a trie go from key to key, too, and would not tell.
        let kind = map.map_type().kind();
        let walks = kind.is_some_and(|kind| kind.key == MapKey::Prefix || !kind.ops.contains(op));
        Self {
            map,
            delete,
            cursor: BatchCursor::default(),
            keys: Vec::new(),
            values: Vec::new(),
            walk: walks.then(Walk::new),
            done: false,
        }
    }

    /// Whether elements are read one by one, because this kernel or type has no batches. Known
    /// after the first [`Batches::next`].
    #[inline]
    pub fn one_by_one(&self) -> bool {
        self.walk.is_some()
    }

    /// The next elements; `None` at the end.
    #[allow(clippy::should_implement_trait, reason = "lends from itself")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Chunk<'_>>> {
        while !self.done {
            let count = match self.read() {
                Ok(count) => count,
                Err(error) => {
                    self.done = true;
                    return Err(error);
                }
            };
            if count > 0 {
                return Ok(Some(self.chunk(count)));
            }
        }
        Ok(None)
    }

    /// The first of what was read last.
    #[inline]
    fn chunk(&self, count: usize) -> Chunk<'_> {
        let (key_len, value_len) = (self.map.0.fd.key_len(), self.map.0.fd.value_len());
        let keys = self.keys.get(..count * key_len);
        let values = self.values.get(..count * value_len);
        Chunk {
            keys: keys.unwrap_or_default().chunks_exact(key_len.max(1)),
            values: values.unwrap_or_default().chunks_exact(value_len.max(1)),
        }
    }

    /// Of what was read last, the element with this number.
    #[inline]
    pub(super) fn element(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let (key_len, value_len) = (self.map.0.fd.key_len(), self.map.0.fd.value_len());
        let key = self.keys.get(index * key_len..(index + 1) * key_len)?;
        let value = self
            .values
            .get(index * value_len..(index + 1) * value_len)?;
        Some((key, value))
    }

    #[inline]
    fn read(&mut self) -> Result<usize> {
        if let Some(walk) = &mut self.walk {
            let read = walk.step(self.map, |key| {
                self.values.resize(self.map.0.fd.value_len(), 0);
                read_one(self.map, self.delete, key, &mut self.values)
            })?;
            self.done = read.is_none();
            return Ok(read.map_or(0, |key| {
                self.keys = key;
                1
            }));
        }
        self.read_batch()
    }

    #[inline]
    fn read_batch(&mut self) -> Result<usize> {
        let fd = &self.map.0.fd;
        if self.keys.is_empty() {
            self.grow(first_count(
                fd.key_len(),
                fd.value_len(),
                self.map.max_entries(),
            ));
        }
        let (cursor, keys, values) = (&mut self.cursor, &mut self.keys, &mut self.values);
        let read = match self.delete {
            false => fd.lookup_batch(cursor, keys, values, ElemFlags::ANY),
            true => fd.lookup_and_delete_batch(cursor, keys, values, ElemFlags::ANY),
        };
        match read {
            Ok((count, last)) => {
                self.done = last;
                return Ok(count);
            }
            // A bucket that is longer than the buffers; the kernel has read nothing.
            Err(error) if error.errno == Errno::ENOSPC && self.count() < self.most() => {
                self.grow((self.count() * 2).min(self.most()));
            }
            Err(error) if self.map.lacks(error) => {
                self.walk = Some(Walk::new());
            }
            Err(error) => return Err(error).context(self.map.doing("read")),
        }
        Ok(0)
    }

    /// Elements that the buffers hold.
    #[inline]
    fn count(&self) -> usize {
        self.keys.len() / self.map.0.fd.key_len().max(1)
    }

    /// All that there can be; a bucket may have a few more while its map changes.
    #[inline]
    fn most(&self) -> usize {
        (self.map.max_entries() as usize).saturating_mul(2).max(64)
    }

    #[inline]
    fn grow(&mut self, count: usize) {
        let fd = &self.map.0.fd;
        self.keys = vec![0; count.saturating_mul(fd.key_len())];
        self.values = vec![0; count.saturating_mul(fd.value_len())];
    }
}

/// How many elements to read at first.
#[inline]
fn first_count(key_len: usize, value_len: usize, max_entries: u32) -> usize {
    let element = key_len.saturating_add(value_len).max(1);
    (BUFFER_LEN / element)
        .clamp(1, MOST)
        .min((max_entries as usize).max(1))
}

/// Reads, and deletes if that is wanted, an element; whether it was there.
#[inline]
fn read_one(map: &Map, delete: bool, key: &[u8], value: &mut [u8]) -> Result<bool> {
    if delete && map.map_type().allows(MapOps::TAKE) {
        match map.0.fd.lookup_and_delete(key, value, ElemFlags::ANY) {
            // The kernel cannot do both in one (hashes before Linux 5.14).
            Err(error) if map.lacks(error) => {}
            taken => return taken.context(map.doing("look up and delete from")),
        }
    }
    let there = map.lookup_into(key, value, ElemFlags::ANY)?;
    Ok(there && (!delete || map.delete(key)?))
}
