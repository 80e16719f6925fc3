//! Directories.

use super::open;
use crate::error::{CallError, Result, check};
use crate::{Fd, KernelRef};
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use skep_codec::Errno;
use skep_codec::order;
use skep_codec::uapi::linux::{AT_FDCWD, O_DIRECTORY, O_RDONLY};

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Name; bytes that are no UTF-8 are replaced.
    pub name: String,
    /// Inode number.
    pub ino: u64,
    /// `DT_*`: 4 a directory, 8 a file, 10 a symbolic link; 0 where it is not told.
    pub kind: u8,
}

/// Entries of a directory by name, without `.` and `..`.
///
/// # Kernel
/// getdents64(2).
#[inline]
pub fn read_dir(kernel: &KernelRef, path: &CStr) -> Result<Vec<DirEntry>> {
    let dir = open(kernel, path, O_RDONLY | O_DIRECTORY, 0)?;
    let mut buf = alloc::vec![0; 1 << 15];
    let mut entries = Vec::new();
    loop {
        let len = getdents(&dir, &mut buf)?;
        if len == 0 {
            break;
        }
        let bytes = buf.get(..len).unwrap_or_default();
        parse(bytes, &mut entries).ok_or(CallError::new("getdents64", Errno::EBADMSG))?;
    }
    order::by(&mut entries, |a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Makes a directory.
///
/// # Errors
/// `EEXIST`: it is there; `ENOENT`: the directory around it is not.
///
/// # Kernel
/// mkdirat(2).
#[inline]
pub fn make_dir(kernel: &KernelRef, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: `AT_FDCWD` and a string.
    check("mkdirat", unsafe { kernel.mkdirat(AT_FDCWD, path, mode) }).map(drop)
}

/// Removes a file, or a pin of a bpffs.
///
/// # Errors
/// `ENOENT`: there is none; `EISDIR`: it is a directory.
///
/// # Kernel
/// unlinkat(2).
#[inline]
pub fn remove_file(kernel: &KernelRef, path: &CStr) -> Result<()> {
    // SAFETY: `AT_FDCWD` and a string.
    check("unlinkat", unsafe { kernel.unlinkat(AT_FDCWD, path, 0) }).map(drop)
}

#[inline]
fn getdents(dir: &Fd, buf: &mut [u8]) -> Result<usize> {
    // SAFETY: `buf` is this many writable bytes.
    let answer = unsafe {
        dir.kernel()
            .getdents64(dir.raw(), buf.as_mut_ptr().cast(), buf.len())
    };
    Ok(check("getdents64", answer)?.min(buf.len()))
}

/// Bytes of `struct linux_dirent64` before the name: inode 8, offset 8, length 2, kind 1.
const HEAD: usize = 19;

/// Reads records into `out`; `None` where they are not what they should be.
#[inline]
fn parse(mut bytes: &[u8], out: &mut Vec<DirEntry>) -> Option<()> {
    while !bytes.is_empty() {
        let ino = u64::from_ne_bytes(bytes.get(..8)?.try_into().ok()?);
        let len = u16::from_ne_bytes(bytes.get(16..18)?.try_into().ok()?);
        let kind = *bytes.get(18)?;
        let (record, rest) = bytes.split_at_checked(usize::from(len))?;
        let name = CStr::from_bytes_until_nul(record.get(HEAD..)?).ok()?;
        if name != c"." && name != c".." {
            out.push(DirEntry {
                name: name.to_string_lossy().into_owned(),
                ino,
                kind,
            });
        }
        bytes = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{DirEntry, parse};
    use std::string::ToString;
    use std::vec::Vec;

    fn record(ino: u64, kind: u8, name: &str) -> Vec<u8> {
        let len = (19 + name.len() + 1).next_multiple_of(8);
        let mut out = ino.to_ne_bytes().to_vec();
        out.extend(7_u64.to_ne_bytes());
        out.extend((len as u16).to_ne_bytes());
        out.push(kind);
        out.extend(name.bytes());
        out.resize(len, 0);
        out
    }

    #[test]
    fn records_are_read_and_dots_left_out() {
        let bytes = [record(1, 4, "."), record(2, 4, ".."), record(3, 8, "a.b")].concat();
        let mut out = Vec::new();
        parse(&bytes, &mut out).unwrap();
        let want = DirEntry {
            name: "a.b".to_string(),
            ino: 3,
            kind: 8,
        };
        assert_eq!(out, [want]);
    }

    #[test]
    fn every_truncation_and_bad_length_is_refused() {
        let good = record(3, 8, "name");
        for len in 1..good.len() {
            assert_eq!(parse(&good[..len], &mut Vec::new()), None, "{len}");
        }
        for bad in [0_u16, 1, 18, 19, 23, 33, 0xffff] {
            let mut bytes = good.clone();
            bytes[16..18].copy_from_slice(&bad.to_ne_bytes());
            assert_eq!(parse(&bytes, &mut Vec::new()), None, "{bad}");
        }
    }
}
