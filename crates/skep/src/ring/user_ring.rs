//! The producer of a `BPF_MAP_TYPE_USER_RINGBUF` map.

use super::bpf_ring::size_of;
use super::consumer::HEADER;
use super::region::Produced;
use super::wait::{Deadline, Pause, is_signal};
use crate::error::Context;
use crate::map::Map;
use crate::plain::Plain;
use crate::{Error, ErrorKind, MapType, Result};
use alloc::vec;
use core::time::Duration;
use skep_sys::{Fd, poll};

/// The longest record that the kernel hands to a program: what a `bpf_dynptr` takes.
const LONGEST: usize = (1 << 24) - 1;

/// The producer of a user ring buffer map: records for a program that drains them with
/// `bpf_user_ringbuf_drain`.
///
/// A ring has one producer: two of them on one map (in this process or another) would write over
/// each other's records. Nothing of a record is to be seen before it is committed, so that a
/// producer that ends in between leaves the ring whole.
///
/// # Kernel
/// `BPF_MAP_TYPE_USER_RINGBUF`, since Linux 6.1.
#[doc(alias = "user_ring_buffer")]
pub struct UserRingBuf {
    map: Map,
    memory: Produced,
    /// Where the next record begins.
    position: u64,
}

impl UserRingBuf {
    /// Maps the ring behind a map. The writing position is where an earlier producer of the same
    /// map has stopped.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the map is no user ring buffer; `ENOMEM`, `EPERM` from mmap(2).
    #[doc(alias = "user_ring_buffer__new")]
    #[inline]
    pub fn open(map: &Map) -> Result<Self> {
        let size = size_of(map, MapType::USER_RINGBUF)?;
        let memory = Produced::map(map.fd(), map.system().page_size(), size)
            .context(format_args!("map user ring buffer `{}`", map.name()))?;
        let ring = Self {
            position: memory.producer_position(),
            memory,
            map: map.clone(),
        };
        ring.free()?;
        Ok(ring)
    }

    /// The map.
    #[inline]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The descriptor to wait on: writable when the ring is not quite full (epoll and poll).
    #[inline]
    pub fn fd(&self) -> &Fd {
        self.map.fd()
    }

    /// Bytes of the ring.
    #[inline]
    pub fn size_bytes(&self) -> u64 {
        self.memory.size()
    }

    /// Bytes that are free; a record takes 8 more than it is long, rounded up to 8.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the positions are none of a ring.
    #[inline]
    pub fn free_bytes(&self) -> Result<u64> {
        self.free()
    }

    /// Room for a record of `len` bytes, to be filled and committed. Dropping it takes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Full`] if programs have not drained enough; [`ErrorKind::Invalid`] if the ring
    /// will never have so much room, or the kernel takes no record so long.
    #[inline]
    #[doc(alias = "user_ring_buffer__reserve")]
    pub fn reserve(&mut self, len: usize) -> Result<Slot<'_>> {
        match self.end_of(len)? {
            Some(end) => Ok(self.slot(len, end)),
            None => Err(self.full(len)),
        }
    }

    /// [`UserRingBuf::reserve`] that waits until there is room or the time is over (`None`:
    /// never). Signals do not end it.
    ///
    /// # Errors
    /// Those of [`UserRingBuf::reserve`], of ppoll(2) and clock_gettime(2).
    #[doc(alias = "user_ring_buffer__reserve_blocking")]
    #[inline]
    pub fn reserve_wait(&mut self, len: usize, timeout: Option<Duration>) -> Result<Slot<'_>> {
        let end = match self.end_of(len)? {
            None => self.wait_for(len, timeout)?,
            Some(end) => end,
        };
        Ok(self.slot(len, end))
    }

    /// Sends a record of these bytes.
    ///
    /// # Errors
    /// Those of [`UserRingBuf::reserve`].
    #[inline]
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let mut slot = self.reserve(bytes.len())?;
        slot.write(0, bytes)?;
        slot.commit();
        Ok(())
    }

    #[cold]
    fn wait_for(&mut self, len: usize, timeout: Option<Duration>) -> Result<u64> {
        let deadline = Deadline::after(self.map.system(), timeout)?;
        let mut pause = Pause::default();
        loop {
            let left = deadline.left_ns()?;
            if left == Some(0) {
                return Err(self.full(len));
            }
            is_signal(poll::wait_writable(self.fd(), left).map(drop))?;
            if let Some(end) = self.end_of(len)? {
                return Ok(end);
            }
            // Writable, for there is some room, but not enough.
            is_signal(pause.sleep(&deadline.system, left))?;
            if let Some(end) = self.end_of(len)? {
                return Ok(end);
            }
        }
    }

    /// Where a record of `len` bytes would end; `None` if there is no room now.
    #[inline]
    fn end_of(&self, len: usize) -> Result<Option<u64>> {
        let whole = (len as u64).saturating_add(HEADER + 7) & !7;
        if len > LONGEST || whole > self.memory.size() {
            return Err(self.too_long(len));
        }
        let end = self.position.wrapping_add(whole);
        Ok((whole <= self.free()?).then_some(end))
    }

    #[inline]
    fn free(&self) -> Result<u64> {
        let used = self.position.wrapping_sub(self.memory.consumer_position());
        match self.memory.size().checked_sub(used) {
            Some(free) if self.position.is_multiple_of(HEADER) => Ok(free),
            _ => Err(self.corrupt()),
        }
    }

    #[inline]
    fn slot(&mut self, len: usize, end: u64) -> Slot<'_> {
        Slot {
            ring: self,
            len,
            end,
        }
    }

    #[cold]
    fn full(&self, len: usize) -> Error {
        let name = self.map.name();
        let what = format!("user ring buffer `{name}` is full: no room for {len} bytes");
        Error::new(ErrorKind::Full, what)
    }

    #[cold]
    fn too_long(&self, len: usize) -> Error {
        let (name, size) = (self.map.name(), self.memory.size());
        let most = (size - HEADER).min(LONGEST as u64);
        let what = format!(
            "user ring buffer `{name}` of {size} bytes takes records of up to {most} bytes, not {len}"
        );
        Error::new(ErrorKind::Invalid, what)
    }

    #[cold]
    fn corrupt(&self) -> Error {
        let (name, position) = (self.map.name(), self.position);
        let other = self.memory.consumer_position();
        let what = format!(
            "user ring buffer `{name}`: positions {position} and {other} are none of a ring"
        );
        Error::new(ErrorKind::Corrupt, what)
    }
}

impl core::fmt::Debug for UserRingBuf {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "UserRingBuf({:?} at {})", self.map, self.position)
    }
}

/// Room for a record in a user ring buffer; nothing of it is to be seen until
/// [`Slot::commit`].
///
/// Bytes that are not written are what an earlier record has left there.
#[derive(Debug)]
pub struct Slot<'a> {
    ring: &'a mut UserRingBuf,
    len: usize,
    end: u64,
}

impl Slot<'_> {
    /// Length of the record in bytes.
    #[allow(clippy::len_without_is_empty)]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Writes bytes at `offset`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: they reach beyond the end.
    #[inline]
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
        let end = offset.checked_add(bytes.len());
        if end.is_none_or(|end| end > self.len) {
            return Err(self.misfit(offset, bytes.len()));
        }
        let start = self.ring.position.wrapping_add(HEADER);
        let memory = &mut self.ring.memory;
        memory.write(start.wrapping_add(offset as u64), bytes);
        Ok(())
    }

    /// Writes a value at `offset`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: it reaches beyond the end.
    #[inline]
    pub fn put<T: Plain>(&mut self, offset: usize, value: &T) -> Result<()> {
        const ON_STACK: usize = 256;
        let mut small = [0; ON_STACK];
        match small.get_mut(..T::SIZE) {
            Some(bytes) => {
                value.write_to(bytes);
                self.write(offset, bytes)
            }
            None => {
                let mut bytes = vec![0; T::SIZE];
                value.write_to(&mut bytes);
                self.write(offset, &bytes)
            }
        }
    }

    /// Hands the record to whoever drains the ring.
    #[inline]
    #[doc(alias = "user_ring_buffer__submit")]
    pub fn commit(self) {
        let position = self.ring.position;
        self.ring.memory.commit(position, self.len as u32, self.end);
        self.ring.position = self.end;
    }

    /// Gives the room back. So does dropping it.
    #[doc(alias = "user_ring_buffer__discard")]
    #[inline]
    pub fn discard(self) {}

    #[cold]
    fn misfit(&self, offset: usize, size: usize) -> Error {
        let len = self.len;
        let what = format!("user ring buffer record: {len} bytes, {size} at {offset}");
        Error::new(ErrorKind::Invalid, what)
    }
}
