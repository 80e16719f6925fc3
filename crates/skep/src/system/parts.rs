//! Files that are too large to be read whole.

use crate::Result;
use alloc::vec::Vec;
use skep_codec::elf::ReadAt;
use skep_sys::{Fd, file};

/// A file, read by parts, never more than there is.
pub(crate) struct Parts<'f> {
    fd: &'f Fd,
    begin: u64,
    size: u64,
}

impl<'f> Parts<'f> {
    #[inline]
    pub(crate) fn new(fd: &'f Fd) -> Result<Self> {
        let size = file::file_size(fd)?;
        Ok(Self::within(fd, 0, size))
    }

    /// So many bytes of a file, from `begin` on.
    #[inline]
    pub(crate) fn within(fd: &'f Fd, begin: u64, size: u64) -> Self {
        Self { fd, begin, size }
    }

    /// What `ask` makes of the parts that it asks for. If one cannot be read, that is the error.
    #[inline]
    pub(crate) fn ask<T>(
        &self,
        ask: impl FnOnce(ReadAt<'_>) -> skep_codec::Result<T>,
    ) -> Result<T> {
        let mut failed = None;
        let answer = ask(&mut |offset, len| self.read(offset, len, &mut failed));
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(answer?),
        }
    }

    #[inline]
    fn read(
        &self,
        offset: u64,
        len: usize,
        failed: &mut Option<skep_sys::CallError>,
    ) -> skep_codec::Result<Vec<u8>> {
        let rest = self.size.saturating_sub(offset);
        let len = usize::try_from(rest).map_or(len, |rest| rest.min(len));
        file::read_at(self.fd, self.begin.saturating_add(offset), len).map_err(|error| {
            *failed = Some(error);
            skep_codec::Error::new(skep_codec::ErrorKind::Truncated, "not read").at(offset)
        })
    }
}
