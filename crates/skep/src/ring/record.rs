//! A record, lent by its ring.

use super::RingBuf;
use super::consumer::Consumer;
use super::lent::{copied_whole, read_with};
use super::region::Consumed;
use super::wait::{Deadline, Woken, wait_until};
use crate::plain::Plain;
use crate::{Error, ErrorKind, Result};
use core::time::Duration;

/// A record, lent by its ring until dropped.
///
/// The bytes are copied out, all or field by field, never lent as a slice: another process that
/// holds the map can move the position, and the kernel would then write under a slice.
pub struct Record<'a> {
    /// It reads at this record until it is released.
    consumer: &'a mut Consumer<Consumed>,
    len: u32,
}

impl<'a> Record<'a> {
    #[inline]
    pub(super) fn new(consumer: &'a mut Consumer<Consumed>, len: u32) -> Self {
        Self { consumer, len }
    }

    /// Length in bytes.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Where it begins, in bytes since the map was made: grows from record to record, and is the
    /// same for whoever reads this one.
    #[inline]
    pub fn position(&self) -> u64 {
        self.consumer.position()
    }

    /// Copies as many bytes as fit, and says how many.
    #[inline]
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let out = match self.len() < out.len() {
            true => out.get_mut(..self.len()).unwrap_or_default(),
            false => out,
        };
        self.consumer.memory.copy(self.consumer.start(), out);
        out.len()
    }

    copied_whole!();

    /// The record as a value of this type.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the record has another size; [`ErrorKind::Overwritten`] if it
    /// went while it was read.
    #[inline]
    pub fn read<T: Plain>(&self) -> Result<T> {
        if self.len() != T::SIZE {
            return Err(self.misfit(0, T::SIZE));
        }
        self.field(0)
    }

    /// The value of this type at `offset`, and nothing else of the record.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the record ends before; [`ErrorKind::Overwritten`] if it went
    /// while it was read.
    #[inline]
    pub fn field<T: Plain>(&self, offset: usize) -> Result<T> {
        let end = offset.checked_add(T::SIZE);
        if end.is_none_or(|end| end > self.len()) {
            return Err(self.misfit(offset, T::SIZE));
        }
        let start = self.consumer.start().wrapping_add(offset as u64);
        let copy = |bytes: &mut [u8]| self.consumer.memory.copy(start, bytes);
        let value = read_with(T::SIZE, copy, T::read_from);
        match value {
            Some(value) if !self.is_overwritten() => Ok(value),
            Some(_) => Err(self.gone()),
            None => Err(self.misfit(offset, T::SIZE)),
        }
    }

    /// Whether programs have begun to write over the record, so that what was read before this
    /// call may be mixed with what is new. Always `false` but in overwrite mode.
    ///
    /// The kernel orders its write of the oldest position before those over the record only on
    /// machines that keep stores in order, such as x86-64; elsewhere the answer may come too late.
    #[inline]
    pub fn is_overwritten(&self) -> bool {
        self.consumer.is_overwrite() && !self.consumer.is_intact()
    }

    #[cold]
    fn misfit(&self, offset: usize, size: usize) -> Error {
        let len = self.len();
        let what = match offset {
            0 => format!("ring buffer record: {len} bytes, a type of {size} bytes"),
            _ => format!("ring buffer record: {len} bytes, {size} wanted at {offset}"),
        };
        Error::new(ErrorKind::Invalid, what)
    }

    #[cold]
    fn gone(&self) -> Error {
        let position = self.position();
        let what = format!("ring buffer record at position {position}: overwritten");
        Error::new(ErrorKind::Overwritten, what)
    }
}

impl Drop for Record<'_> {
    #[inline]
    fn drop(&mut self) {
        self.consumer.release(self.len);
    }
}

impl core::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Record({} bytes at {})", self.len(), self.position())
    }
}

/// The records of a ring, waiting when it is empty: see [`RingBuf::records`].
#[derive(Debug)]
pub struct Records<'a> {
    ring: &'a mut RingBuf,
    timeout: Option<Duration>,
}

impl<'a> Records<'a> {
    pub(super) fn new(ring: &'a mut RingBuf, timeout: Option<Duration>) -> Self {
        Self { ring, timeout }
    }

    /// The next record; `None` when nothing came in time.
    ///
    /// # Errors
    /// Those of [`RingBuf::next`] and [`RingBuf::wait`].
    #[inline]
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Record<'_>>> {
        let len = match self.ring.next_len()? {
            None => self.wait()?,
            known => known,
        };
        Ok(len.map(|len| self.ring.lend(len)))
    }

    #[cold]
    fn wait(&mut self) -> Result<Option<u32>> {
        let deadline = Deadline::after(self.ring.map().system(), self.timeout)?;
        loop {
            match wait_until(&mut [&mut *self.ring], &deadline)? {
                // Perhaps only one that was given back unused.
                Woken::Ready => match self.ring.next_len()? {
                    None => {}
                    known => return Ok(known),
                },
                Woken::Signal => {}
                Woken::TimedOut => return Ok(None),
            }
        }
    }
}
