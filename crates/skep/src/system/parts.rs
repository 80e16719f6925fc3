//! Files that are too large to be read whole.

use alloc::vec::Vec;
use skep_sys::{Fd, file};

/// Reads parts of a file, never more than there is.
#[inline]
pub(crate) fn parts(fd: &Fd, size: u64) -> impl FnMut(u64, usize) -> skep_codec::Result<Vec<u8>> {
    move |offset, len| {
        let rest = size.saturating_sub(offset);
        let len = usize::try_from(rest).map_or(len, |rest| rest.min(len));
        file::read_at(fd, offset, len).map_err(|error| {
            let what = format!("{error}");
            skep_codec::Error::new(skep_codec::ErrorKind::Truncated, what).at(offset)
        })
    }
}
