//! Files in zip archives that are used where they lie, as loaders map libraries of applications.

use super::image::ReadAt;
use crate::bytes::{Endian, Reader};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;

/// `end of central directory`, its length without a comment and the longest comment.
const END: u32 = 0x0605_4b50;
const END_LEN: usize = 22;
const COMMENT: usize = 0xffff;
/// An entry of the directory, and the same before a file; both without names.
const ENTRY: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;
const LOCAL_LEN: usize = 30;
/// The most that is read of a directory.
const DIRECTORY: u32 = 1 << 26;
/// Smaller than any page that code is mapped by.
const PAGE: u64 = 4096;

/// Where in a zip archive of `size` bytes the file of this name lies: its offset and length.
///
/// # Errors
/// `NotFound`: there is none; `Unsupported`: no zip archive, or one of more than 4 GiB; the file is
/// packed or encrypted, or does not begin where a page may: nothing can run from there.
#[doc(alias = "zip_archive_find_entry")]
#[inline]
pub fn find_in_archive(name: &str, size: u64, read: ReadAt<'_>) -> Result<(u64, u64)> {
    let (offset, len) = directory(size, read)?;
    let bytes = read(offset.into(), len as usize)?;
    if bytes.len() != len as usize {
        bail!(Truncated, "the archive's directory");
    }
    let mut rest = Reader::new(&bytes, Endian::Little);
    while !rest.is_empty() {
        let at = rest.offset() as u64;
        let entry = Entry::read(&mut rest).map_err(|error| error.at(at))?;
        if entry.name == name.as_bytes() {
            return entry.place(name, read);
        }
    }
    bail!(NotFound, "the archive has no file `{name}`");
}

/// Where the directory of an archive is, and its length.
#[inline]
fn directory(size: u64, read: ReadAt<'_>) -> Result<(u32, u32)> {
    let len = size.min((END_LEN + COMMENT) as u64) as usize;
    let tail = read(size.saturating_sub(len as u64), len)?;
    let last = tail.len().checked_sub(END_LEN);
    for at in (0..=last.unwrap_or_default()).rev() {
        let mut end = Reader::new(tail.get(at..).unwrap_or_default(), Endian::Little);
        if last.is_none() || end.u32() != Ok(END) {
            continue;
        }
        let (disk, of, here, all) = (end.u16()?, end.u16()?, end.u16()?, end.u16()?);
        let (len, offset, comment) = (end.u32()?, end.u32()?, end.u16()?);
        if end.rest().len() != usize::from(comment) {
            continue;
        }
        if (disk, of) != (0, 0) || here != all || offset == u32::MAX {
            bail!(Unsupported, "a zip archive of several parts or of 64 bits");
        }
        if len > DIRECTORY {
            bail!(TooLarge, "an archive's directory of {len} bytes");
        }
        return Ok((offset, len));
    }
    bail!(Unsupported, "no zip archive");
}

/// An entry of the directory.
struct Entry<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    len: u32,
    /// Where the file is, with a header of its own before it.
    offset: u32,
}

impl<'a> Entry<'a> {
    #[inline]
    fn read(r: &mut Reader<'a>) -> Result<Self> {
        if r.u32()? != ENTRY {
            bail!(Malformed, "no entry of a zip archive's directory");
        }
        r.take(4)?;
        let (flags, method) = (r.u16()?, r.u16()?);
        r.take(8)?;
        let (_packed, len) = (r.u32()?, r.u32()?);
        let (name, extra, comment) = (r.u16()?, r.u16()?, r.u16()?);
        r.take(8)?;
        let offset = r.u32()?;
        let name = r.take(name.into())?;
        r.take(extra.into())?;
        r.take(comment.into())?;
        Ok(Self {
            name,
            flags,
            method,
            len,
            offset,
        })
    }

    /// Where its bytes are.
    #[inline]
    fn place(&self, name: &str, read: ReadAt<'_>) -> Result<(u64, u64)> {
        const ENCRYPTED: u16 = 1;
        if self.method != 0 || self.flags & ENCRYPTED != 0 {
            bail!(
                Unsupported,
                "`{name}` is packed in the archive: what runs from there is stored as it is"
            );
        }
        let header: Vec<u8> = read(self.offset.into(), LOCAL_LEN)?;
        let mut r = Reader::new(&header, Endian::Little);
        if r.u32()? != LOCAL {
            let what = "no file where the archive's directory has one";
            return Err(Error::new(ErrorKind::Malformed, what).at(self.offset.into()));
        }
        r.take(22)?;
        let (name_len, extra) = (r.u16()?, r.u16()?);
        let lens = [LOCAL_LEN as u64, name_len.into(), extra.into()];
        let begin = lens
            .iter()
            .fold(u64::from(self.offset), |sum, len| sum.saturating_add(*len));
        if begin & PAGE.wrapping_sub(1) != 0 {
            bail!(
                Unsupported,
                "`{name}` is at {begin:#x} in the archive, where no page begins: nothing runs from there"
            );
        }
        Ok((begin, self.len.into()))
    }
}

#[cfg(test)]
mod tests;
