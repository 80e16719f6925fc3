//! What a program sent.

use super::cpu::{CpuBuffer, Found};
use crate::plain::{self, Plain};
use crate::ring::lent::{copied_whole, read_with};
use crate::{Error, ErrorKind, Result};

const SAMPLE: &str = "perf sample";
/// Bytes that a sample may be longer than what the program sent.
const FILLING: usize = 7;

/// A sample, lent by its buffer until dropped.
pub struct Sample<'a> {
    pub(super) buffer: &'a mut CpuBuffer,
    pub(super) found: Found,
}

impl Sample<'_> {
    /// The CPU that it was sent on.
    #[inline]
    pub fn cpu(&self) -> u32 {
        self.buffer.stats.cpu
    }

    /// Length in bytes. The kernel fills a record up to a whole word: this may be up to 7 more
    /// than what the program sent.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.found.len as usize
    }

    /// Copies as many bytes as fit, and says how many.
    #[inline]
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let len = out.len().min(self.len());
        if let Some(out) = out.get_mut(..len) {
            self.buffer.region.copy(self.found.start, out);
        }
        len
    }

    copied_whole!();

    /// The sample as a value of this type, without what fills its last word.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the sample has another size.
    pub fn read<T: Plain>(&self) -> Result<T> {
        let copy = |bytes: &mut [u8]| {
            self.copy_to(bytes);
        };
        read_with(self.len(), copy, read)
    }
}

/// A value of what a program sent, up to 7 bytes of filling behind it.
pub(crate) fn read<T: Plain>(bytes: &[u8]) -> Result<T> {
    match bytes.split_at_checked(T::SIZE) {
        Some((value, filling)) if filling.len() <= FILLING => plain::read(value, SAMPLE),
        _ => Err(wrong_size(bytes.len(), T::SIZE)),
    }
}

#[cold]
fn wrong_size(have: usize, want: usize) -> Error {
    let what = format!("{SAMPLE}: {have} bytes, a type of {want} bytes");
    Error::new(ErrorKind::Invalid, what)
}

impl Drop for Sample<'_> {
    #[inline]
    fn drop(&mut self) {
        self.buffer.stats.samples = self.buffer.stats.samples.wrapping_add(1);
        self.buffer.consume(self.found.end);
    }
}
