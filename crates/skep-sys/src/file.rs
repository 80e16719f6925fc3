//! Files through the kernel: procfs, sysfs and bpffs are read like everything else.

mod cpus;
mod dir;

pub use cpus::{PossibleCpus, online_cpus, parse_cpu_list, possible_cpus};
pub use dir::{DirEntry, make_dir, read_dir, remove_file};

use crate::error::{CallError, Result, check};
use crate::mapping::{self, ReadOnly, map_file};
use crate::{Fd, KernelRef};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::{CStr, c_int};
use skep_codec::Errno;
use skep_codec::btf::Blob;
use skep_codec::uapi::linux::{
    AT_EMPTY_PATH, AT_FDCWD, AT_PAGESZ, O_CLOEXEC, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY,
    SYSFS_MAGIC,
};

/// Bytes that the first read asks for.
const FIRST_READ: usize = 4096;

/// Opens a file; `O_CLOEXEC` is added.
///
/// # Kernel
/// openat(2).
pub fn open(kernel: &KernelRef, path: &CStr, flags: c_int, mode: u32) -> Result<Fd> {
    // SAFETY: `AT_FDCWD` and a string.
    let answer = unsafe { kernel.openat(AT_FDCWD, path, flags | O_CLOEXEC, mode) };
    // SAFETY: this call answers a new descriptor.
    unsafe { Fd::from_answer("openat", answer, kernel) }
}

/// Reads into `buf`; 0 is the end. A signal in between does not show.
pub fn read(fd: &Fd, buf: &mut [u8]) -> Result<usize> {
    loop {
        // SAFETY: `buf` is this many writable bytes.
        let answer = unsafe {
            fd.kernel()
                .read(fd.raw(), buf.as_mut_ptr().cast(), buf.len())
        };
        match check("read", answer) {
            Err(error) if error.errno == Errno::EINTR => {}
            Err(error) => return Err(error),
            // A wrong kernel shall not make us take bytes for written that are not there.
            Ok(len) => return Ok(len.min(buf.len())),
        }
    }
}

/// Reads `len` bytes from `offset` on, or as many as there are before the end. A signal in between
/// does not show.
pub fn read_at(fd: &Fd, offset: u64, len: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    out.try_reserve_exact(len)
        .map_err(|_| CallError::new("pread64", Errno::ENOMEM))?;
    out.resize(len, 0);
    let mut done = 0_usize;
    while let Some(room) = out.get_mut(done..).filter(|room| !room.is_empty()) {
        let at = offset.saturating_add(done as u64);
        // SAFETY: `room` is this many writable bytes.
        let answer = unsafe {
            fd.kernel()
                .pread64(fd.raw(), room.as_mut_ptr().cast(), room.len(), at)
        };
        match check("pread64", answer) {
            Err(error) if error.errno == Errno::EINTR => {}
            Err(error) => return Err(error),
            Ok(0) => break,
            Ok(got) => done = done.saturating_add(got),
        }
    }
    out.truncate(done);
    Ok(out)
}

/// Writes all of `bytes`.
pub fn write(fd: &Fd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        // SAFETY: `bytes` is this many readable bytes.
        let answer = unsafe {
            fd.kernel()
                .write(fd.raw(), bytes.as_ptr().cast(), bytes.len())
        };
        match check("write", answer) {
            Err(error) if error.errno == Errno::EINTR => {}
            Err(error) => return Err(error),
            Ok(0) => return Err(CallError::new("write", Errno::EIO)),
            Ok(len) => bytes = bytes.get(len..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// Reads a file to its end; one of more than `limit` bytes is an error.
///
/// # Errors
/// `EFBIG`: larger than `limit`; those of open and read.
pub fn read_file(kernel: &KernelRef, path: &CStr, limit: usize) -> Result<Vec<u8>> {
    read_to_end(&open(kernel, path, O_RDONLY, 0)?, limit)
}

/// Reads a descriptor to its end; more than `limit` bytes is an error.
pub fn read_to_end(fd: &Fd, limit: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut room = FIRST_READ;
    let mut len = 0_usize;
    loop {
        // One byte more than allowed, to tell "as large as the limit" from "larger".
        let want = len.saturating_add(room).min(limit.saturating_add(1));
        if want > out.len() {
            out.try_reserve_exact(want.saturating_sub(out.len()))
                .map_err(|_| CallError::new("read", Errno::ENOMEM))?;
            out.resize(want, 0);
        }
        let got = read(fd, out.get_mut(len..).unwrap_or_default())?;
        len = len.saturating_add(got);
        if len > limit {
            return Err(CallError::new("read", Errno::EFBIG));
        }
        if got == 0 {
            out.truncate(len);
            out.shrink_to_fit();
            return Ok(out);
        }
        room = len.max(FIRST_READ);
    }
}

/// Writes a file, which is made if it is not there, in one call.
pub fn write_file(kernel: &KernelRef, path: &CStr, bytes: &[u8]) -> Result<()> {
    let fd = open(kernel, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)?;
    write(&fd, bytes)
}

/// Bytes of the longest path.
const PATH_MAX: usize = 4096;

/// What a symbolic link points to.
///
/// # Errors
/// `EINVAL`: it is none; `ENAMETOOLONG`: longer than a path may be.
///
/// # Kernel
/// readlinkat(2).
#[inline]
pub fn read_link(kernel: &KernelRef, path: &CStr) -> Result<Vec<u8>> {
    let mut out = alloc::vec![0; PATH_MAX];
    // SAFETY: `AT_FDCWD`, a string, and this many writable bytes.
    let answer = unsafe { kernel.readlinkat(AT_FDCWD, path, out.as_mut_ptr().cast(), out.len()) };
    let len = check("readlinkat", answer)?;
    if len >= PATH_MAX {
        return Err(CallError::new("readlinkat", Errno::ENAMETOOLONG));
    }
    out.truncate(len);
    Ok(out)
}

/// `stx_ino` and `stx_size` of statx(2).
const STATX_INO: u32 = 0x100;
const STATX_SIZE: u32 = 0x200;

/// A file's size as it is told: 0 for most files of procfs.
///
/// # Kernel
/// statx(2), since 4.11.
pub fn file_size(fd: &Fd) -> Result<u64> {
    Ok(statx(fd, STATX_SIZE)?.0[5])
}

/// The number of a file's inode.
///
/// # Kernel
/// statx(2), since 4.11.
#[inline]
pub fn inode(fd: &Fd) -> Result<u64> {
    Ok(statx(fd, STATX_INO)?.0[4])
}

/// `struct statx`: 256 bytes, the inode at 32, the size at 40.
#[repr(C)]
struct Statx([u64; 32]);

fn statx(fd: &Fd, mask: u32) -> Result<Statx> {
    let mut stat = Statx([0; 32]);
    // SAFETY: an empty path means the descriptor; `stat` is 256 writable bytes.
    let answer = unsafe {
        fd.kernel()
            .statx(fd.raw(), c"", AT_EMPTY_PATH, mask, (&raw mut stat).cast())
    };
    check("statx", answer)?;
    Ok(stat)
}

/// `struct statfs`, with room to spare: 15 words, the first the type.
type Statfs = [u64; 32];

/// The type field: a `long`, except on s390x, where it is an `unsigned int`.
fn fs_magic(stat: &Statfs) -> u64 {
    if cfg!(target_arch = "s390x") {
        stat[0] >> 32
    } else {
        stat[0] & 0xffff_ffff
    }
}

/// What file system a path is on, by its magic number.
///
/// # Kernel
/// statfs(2).
pub fn statfs_magic(kernel: &KernelRef, path: &CStr) -> Result<u64> {
    let mut stat: Statfs = [0; 32];
    // SAFETY: `stat` is larger than a `struct statfs`.
    check("statfs", unsafe {
        kernel.statfs(path, (&raw mut stat).cast())
    })?;
    Ok(fs_magic(&stat))
}

/// What file system an open file is on, by its magic number.
///
/// # Kernel
/// fstatfs(2).
pub fn fstatfs_magic(fd: &Fd) -> Result<u64> {
    let mut stat: Statfs = [0; 32];
    // SAFETY: `stat` is larger than a `struct statfs`.
    check("fstatfs", unsafe {
        fd.kernel().fstatfs(fd.raw(), (&raw mut stat).cast())
    })?;
    Ok(fs_magic(&stat))
}

/// The kernel's BTF, or a module's: mapped where the kernel allows (since 6.16), else read.
///
/// # Errors
/// `ENOENT`: a kernel without BTF, or no such module.
pub fn kernel_btf(kernel: &KernelRef, path: &CStr) -> Result<Blob> {
    const LIMIT: usize = 1 << 28;
    let fd = open(kernel, path, O_RDONLY, 0)?;
    let bytes = path.to_bytes();
    let in_btf_dir = bytes
        .strip_prefix(b"/sys/kernel/btf/")
        .is_some_and(|name| !name.contains(&b'/'));
    let len = usize::try_from(file_size(&fd)?).unwrap_or(usize::MAX);
    if in_btf_dir && (1..=LIMIT).contains(&len) && fstatfs_magic(&fd)? == SYSFS_MAGIC {
        match map_file(&fd, len) {
            // SAFETY: sysfs has only BTF in this directory; the kernel keeps it read-only for as
            // long as it is mapped, and lets nobody write it.
            Ok(mapping) => return Ok(Arc::new(unsafe { ReadOnly::new(mapping) })),
            // What kernels before 6.16 answer to mapping a file of sysfs.
            Err(error) if matches!(error.errno, Errno::ENODEV | Errno::EINVAL) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Arc::new(read_to_end(&fd, LIMIT)?))
}

/// Bytes of a page, as the auxiliary vector tells. Where there is no `/proc`, or it keeps the
/// vector from this process (one that left root without starting another program), the smallest
/// offset at which the kernel maps; 4096 if it maps nothing.
///
/// # Errors
/// Those of reading `/proc/self/auxv`, but for `ENOENT`, `EACCES` and `EPERM`.
pub fn page_size(kernel: &KernelRef) -> Result<usize> {
    const USUAL: usize = 4096;
    let hidden = |errno| matches!(errno, Errno::ENOENT | Errno::EACCES | Errno::EPERM);
    let auxv = match read_file(kernel, c"/proc/self/auxv", 1 << 16) {
        Err(error) if hidden(error.errno) => return Ok(mapping::unit(kernel).unwrap_or(USUAL)),
        auxv => auxv?,
    };
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).unwrap_or(0);
    let size = auxv
        .chunks_exact(16)
        .map(|pair| pair.split_at(8))
        .find(|(key, _)| word(key) == AT_PAGESZ)
        .and_then(|(_, value)| usize::try_from(word(value)).ok())
        .filter(|size| size.is_power_of_two());
    Ok(size.unwrap_or(USUAL))
}

/// `/proc/self/fdinfo` of a descriptor: lines of `key:\tvalue`.
pub fn fdinfo(fd: &Fd) -> Result<Vec<u8>> {
    let path = alloc::format!("/proc/self/fdinfo/{}\0", fd.raw());
    let path = CStr::from_bytes_until_nul(path.as_bytes())
        .map_err(|_| CallError::new("openat", Errno::EINVAL))?;
    read_file(fd.kernel(), path, 1 << 20)
}

/// The value of `key` in text of `key:\tvalue` lines.
pub fn fdinfo_value<'a>(info: &'a [u8], key: &str) -> Option<&'a str> {
    info.split(|&b| b == b'\n').find_map(|line| {
        let value = line.strip_prefix(key.as_bytes())?.strip_prefix(b":")?;
        core::str::from_utf8(value).ok().map(str::trim)
    })
}
