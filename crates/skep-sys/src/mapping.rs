//! Owned memory mappings.

use crate::error::{CallError, Result, check};
use crate::{Fd, KernelRef};
use core::ffi::c_int;
use core::fmt;
use core::ptr::NonNull;
use skep_codec::Errno;
use skep_codec::uapi::linux::{
    MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_PRIVATE, PROT_READ,
};

/// Memory that a kernel has mapped; unmapped when dropped.
///
/// It gives a pointer, never a slice: others, the kernel first, may write the same memory.
pub struct Mapping {
    start: NonNull<u8>,
    len: usize,
    kernel: KernelRef,
}

// SAFETY: a mapping belongs to the process, not to a thread; this type only hands out its
// address and unmaps it once, and `KernelRef` is `Send + Sync`.
unsafe impl Send for Mapping {}
// SAFETY: as above: nothing is changed through `&Mapping`.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of `fd`, or of new memory.
    ///
    /// # Errors
    /// `EINVAL`: a length of 0, an offset that is no multiple of a page, or `MAP_FIXED`; `EPERM`,
    /// `EACCES`: not so; `ENODEV`: this file cannot be mapped.
    pub fn new(
        kernel: &KernelRef,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: Option<&Fd>,
        offset: u64,
    ) -> Result<Self> {
        if flags & MAP_FIXED != 0 {
            return Err(CallError::new("mmap", Errno::EINVAL));
        }
        let raw = fd.map_or(-1, Fd::raw);
        // SAFETY: the kernel chooses the address, for `MAP_FIXED` is not among the flags.
        let answer = unsafe { kernel.mmap(len, prot, flags, raw, offset) };
        let address = check("mmap", answer)?;
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut(address))
            .ok_or(CallError::new("mmap", Errno::EFAULT))?;
        Ok(Self {
            start,
            len,
            kernel: kernel.clone(),
        })
    }

    /// [`Mapping::new`] at `address`, and only where nothing is mapped there.
    ///
    /// # Errors
    /// `EEXIST`: something is; otherwise as [`Mapping::new`].
    ///
    /// # Kernel
    /// mmap(2) with `MAP_FIXED_NOREPLACE`, since Linux 4.17.
    pub fn at(
        kernel: &KernelRef,
        address: usize,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: &Fd,
    ) -> Result<Self> {
        if flags & MAP_FIXED != 0 {
            return Err(CallError::new("mmap", Errno::EINVAL));
        }
        let flags = flags | MAP_FIXED_NOREPLACE;
        // SAFETY: `MAP_FIXED` is not among the flags.
        let answer = unsafe { kernel.mmap_at(address, len, prot, flags, fd.raw(), 0) };
        let there = check("mmap", answer)?;
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut(there))
            .ok_or(CallError::new("mmap", Errno::EFAULT))?;
        let mapping = Self {
            start,
            len,
            kernel: kernel.clone(),
        };
        // Older kernels do not know the flag, and map elsewhere.
        match there == address {
            true => Ok(mapping),
            false => Err(CallError::new("mmap", Errno::EEXIST)),
        }
    }

    /// The first byte. `len` bytes from here are mapped while `self` lives.
    #[inline]
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Bytes that were asked for.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none (never so).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Drop for Mapping {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: this mapping is ours and nobody uses it after `drop`.
        unsafe { self.kernel.munmap(self.start.as_ptr().cast(), self.len) };
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapping({:p}, {} bytes)", self.start, self.len)
    }
}

/// Maps the first `len` bytes of a file, read-only and private.
pub fn map_file(file: &Fd, len: usize) -> Result<Mapping> {
    Mapping::new(file.kernel(), len, PROT_READ, MAP_PRIVATE, Some(file), 0)
}

/// The smallest offset at which this kernel maps memory: bytes of a page. `None` where it maps
/// none.
pub(crate) fn unit(kernel: &KernelRef) -> Option<usize> {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS;
    for shift in 12..=18 {
        match Mapping::new(kernel, 1, PROT_READ, flags, None, 1 << shift) {
            Ok(_) => return Some(1 << shift),
            Err(error) if error.errno == Errno::EINVAL => {}
            Err(_) => return None,
        }
    }
    None
}

/// A mapping that nobody writes, as bytes.
#[derive(Debug)]
pub struct ReadOnly(Mapping);

impl ReadOnly {
    /// Bytes of `mapping`.
    ///
    /// # Safety
    /// The mapping is readable over its whole length, and nobody, the kernel included, writes
    /// or truncates what is behind it while `self` lives.
    pub unsafe fn new(mapping: Mapping) -> Self {
        Self(mapping)
    }
}

impl AsRef<[u8]> for ReadOnly {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `new`'s caller promised readable memory that does not change; clause 4 of
        // `Kernel`: it is mapped while `self.0` lives.
        unsafe { core::slice::from_raw_parts(self.0.as_ptr(), self.0.len()) }
    }
}
