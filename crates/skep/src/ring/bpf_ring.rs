//! The consumer of a `BPF_MAP_TYPE_RINGBUF` map.

use super::region::{HEADER, Header, Region};
use crate::error::Context;
use crate::map::Map;
use crate::plain::Plain;
use crate::{Errno, Error, ErrorKind, MapType, Result};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use skep_sys::Fd;

const RECORD: &str = "ring buffer record";

/// The consumer of a ring buffer map.
///
/// A ring has one consumer: two of them on one map (in this process or another) would each move
/// the position that the kernel reads. Records come in the order in which they were reserved.
///
/// # Kernel
/// `BPF_MAP_TYPE_RINGBUF`, since Linux 5.8.
pub struct RingBuf {
    map: Map,
    region: Region,
    /// Where the next record begins.
    position: u64,
    /// The producer's position when last looked at.
    producer: u64,
    discarded: u64,
}

impl RingBuf {
    /// Maps the ring behind a map. The size is what the kernel reports; the reading position is
    /// where an earlier consumer of the same map has stopped.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the map is no ring buffer; `ENOMEM`, `EPERM` from mmap(2).
    pub fn open(map: &Map) -> Result<Self> {
        let size = map.max_entries();
        if map.map_type() != MapType::RINGBUF || !size.is_power_of_two() {
            let what = alloc::format!("map `{}` is no ring buffer", map.name());
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let page = map.system().page_size();
        let region = Region::map(map.fd(), page, size)
            .context(|| alloc::format!("map ring buffer `{}`", map.name()))?;
        let position = region.consumer_position();
        if position % 8 != 0 {
            return Err(corrupt(position, "consumer position is no multiple of 8"));
        }
        Ok(Self {
            map: map.clone(),
            producer: position,
            position,
            region,
            discarded: 0,
        })
    }

    /// The map.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The descriptor to wait on: readable when there is a record (epoll and poll, level
    /// triggered).
    pub fn fd(&self) -> &Fd {
        self.map.fd()
    }

    /// Bytes that wait to be read, headers included.
    pub fn available_bytes(&self) -> u64 {
        self.region.producer_position().wrapping_sub(self.position)
    }

    /// Records that their program gave back unused, so far.
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// The next record, if one is committed. It is lent: dropping it gives its space back to the
    /// programs.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the shared memory holds what the kernel never writes there; the
    /// ring stays where it is.
    #[inline]
    #[allow(clippy::should_implement_trait)] // lends, which `Iterator` cannot
    pub fn next(&mut self) -> Result<Option<Record<'_>>> {
        Ok(self.peek()?.map(|(len, end)| Record {
            start: self.position.wrapping_add(HEADER),
            len,
            end,
            ring: self,
        }))
    }

    /// Length and end of the committed record at the reading position, discarded ones skipped.
    #[inline]
    fn peek(&mut self) -> Result<Option<(u32, u64)>> {
        loop {
            if self.position == self.producer {
                self.producer = self.region.producer_position();
                if self.position == self.producer {
                    return Ok(None);
                }
            }
            let (len, discarded) = match self.region.header(self.position) {
                Header::Busy => return Ok(None),
                Header::Discarded(len) => (len, true),
                Header::Committed(len) => (len, false),
            };
            let end = self.check(len)?;
            if !discarded {
                return Ok(Some((len, end)));
            }
            self.discarded = self.discarded.wrapping_add(1);
            self.position = end;
            self.region.publish(end);
        }
    }

    /// Waits until a record may be there: `true`; or until the time is over or a signal came:
    /// `false`. No timeout waits for ever.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        Ok(wait_any(&mut [self], timeout)?.first() == Some(&true))
    }

    /// The records as an iterator of lent ones: waits up to `timeout` when the ring is empty, and
    /// ends when nothing came in that time.
    pub fn records(&mut self, timeout: Option<Duration>) -> Records<'_> {
        Records {
            ring: self,
            timeout,
        }
    }

    /// Whether a record is committed at the reading position.
    fn is_ready(&self) -> bool {
        self.region.producer_position() != self.position
            && self.region.header(self.position) != Header::Busy
    }

    /// Where the record of `len` bytes at the reading position ends, if that can be.
    #[inline]
    fn check(&self, len: u32) -> Result<u64> {
        let whole = (u64::from(len) + HEADER + 7) & !7;
        let reserved = self.producer.wrapping_sub(self.position);
        if reserved > self.region.size() || whole > reserved {
            return Err(corrupt(
                self.position,
                "record longer than what is reserved",
            ));
        }
        Ok(self.position.wrapping_add(whole))
    }
}

impl core::fmt::Debug for RingBuf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RingBuf({:?} at {})", self.map, self.position)
    }
}

#[cold]
fn corrupt(position: u64, what: &str) -> Error {
    let what = alloc::format!("ring buffer at position {position}: {what}");
    Error::new(ErrorKind::Corrupt, what)
}

/// Waits until one of the rings has a record: for each, whether it has. All `false` when the
/// time is over or a signal came.
///
/// # Errors
/// Those of poll(2).
pub fn wait_any(rings: &mut [&mut RingBuf], timeout: Option<Duration>) -> Result<Vec<bool>> {
    let timeout = timeout.map(|t| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX));
    for ring in &*rings {
        ring.region.fence_before_sleep();
    }
    let ready: Vec<bool> = rings.iter().map(|ring| ring.is_ready()).collect();
    if ready.contains(&true) {
        return Ok(ready);
    }
    let fds: Vec<&Fd> = rings.iter().map(|ring| ring.fd()).collect();
    match skep_sys::poll::wait_readable(&fds, timeout) {
        Err(error) if error.errno == Errno::EINTR => Ok(ready),
        answer => answer.context(|| "wait for ring buffers".to_string()),
    }
}

/// A record, lent by its ring until dropped.
///
/// The bytes are copied out, never lent as a slice: another process that holds the map can move
/// the position, and the kernel would then write under a slice.
pub struct Record<'a> {
    ring: &'a mut RingBuf,
    start: u64,
    len: u32,
    end: u64,
}

impl Record<'_> {
    /// Length in bytes.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Copies as many bytes as fit, and says how many.
    #[inline]
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let len = out.len().min(self.len());
        if let Some(out) = out.get_mut(..len) {
            self.ring.region.copy(self.start, out);
        }
        len
    }

    /// The bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len()];
        self.copy_to(&mut bytes);
        bytes
    }

    /// Replaces the contents of `out` with the bytes: a buffer to use again and again.
    #[inline]
    pub fn read_into(&self, out: &mut Vec<u8>) {
        out.resize(self.len(), 0);
        self.copy_to(out);
    }

    /// The record as a value of this type.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the record has another size.
    pub fn read<T: Plain>(&self) -> Result<T> {
        const ON_STACK: usize = 256;
        let mut small = [0; ON_STACK];
        match small.get_mut(..self.len()) {
            Some(bytes) => {
                self.copy_to(bytes);
                crate::plain::read(bytes, RECORD)
            }
            None => crate::plain::read(&self.to_vec(), RECORD),
        }
    }
}

impl Drop for Record<'_> {
    #[inline]
    fn drop(&mut self) {
        self.ring.position = self.end;
        self.ring.region.publish(self.end);
    }
}

/// The records of a ring, waiting when it is empty: see [`RingBuf::records`].
pub struct Records<'a> {
    ring: &'a mut RingBuf,
    timeout: Option<Duration>,
}

impl Records<'_> {
    /// The next record; `None` when nothing came in time.
    ///
    /// # Errors
    /// Those of [`RingBuf::next`] and [`RingBuf::wait`].
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Record<'_>>> {
        while self.ring.peek()?.is_none() {
            if !self.ring.wait(self.timeout)? {
                return Ok(None);
            }
        }
        self.ring.next()
    }
}
