//! An owned descriptor that closes through its kernel.

use crate::error::{CallError, Result, check};
use crate::kernel::KernelRef;
use core::ffi::c_int;
use core::fmt;
use skep_codec::Errno;
use skep_codec::uapi::linux::F_DUPFD_CLOEXEC;

/// An open descriptor of a kernel. Dropping it closes it.
pub struct Fd {
    raw: c_int,
    kernel: KernelRef,
}

impl Fd {
    /// Takes ownership of `raw`.
    ///
    /// # Safety
    /// `raw` is open, came from `kernel`, and nobody else owns it.
    pub unsafe fn from_raw(raw: c_int, kernel: KernelRef) -> Self {
        Self { raw, kernel }
    }

    /// The number, valid while `self` lives.
    #[inline]
    pub fn raw(&self) -> c_int {
        self.raw
    }

    /// The kernel it belongs to.
    pub fn kernel(&self) -> &KernelRef {
        &self.kernel
    }

    /// Another descriptor of the same open file.
    ///
    /// # Errors
    /// `EMFILE`: too many descriptors are open.
    pub fn try_clone(&self) -> Result<Self> {
        // SAFETY: `self` is open while it is borrowed.
        unsafe { Self::duplicate_raw(self.raw, &self.kernel) }
    }

    /// A descriptor of this kernel for a file that something else of this process has open: a
    /// socket, a cgroup directory.
    ///
    /// # Errors
    /// `EMFILE`: too many descriptors are open.
    #[cfg(all(feature = "std", unix))]
    pub fn duplicate(kernel: &KernelRef, fd: impl std::os::fd::AsFd) -> Result<Self> {
        use std::os::fd::AsRawFd;
        // SAFETY: `fd` is open while it is borrowed.
        unsafe { Self::duplicate_raw(fd.as_fd().as_raw_fd(), kernel) }
    }

    /// # Safety
    /// `raw` is open.
    unsafe fn duplicate_raw(raw: c_int, kernel: &KernelRef) -> Result<Self> {
        // SAFETY: the caller's promise; this operation takes an integer.
        let answer = unsafe { kernel.fcntl(raw, F_DUPFD_CLOEXEC, 0) };
        // SAFETY: what this operation answers is a new descriptor.
        unsafe { Self::from_answer("fcntl", answer, kernel) }
    }

    /// Gives the number up: nobody closes it but the caller.
    pub fn into_raw(self) -> c_int {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so the kernel is moved out of it once.
        drop(unsafe { core::ptr::read(&this.kernel) });
        this.raw
    }

    /// A call's answer as a descriptor.
    ///
    /// # Safety
    /// `answer` is of a call of `kernel` that answers a new descriptor or an error.
    pub(crate) unsafe fn from_answer(
        call: &'static str,
        answer: isize,
        kernel: &KernelRef,
    ) -> Result<Self> {
        let raw = check(call, answer)?;
        let raw = c_int::try_from(raw).map_err(|_| CallError::new(call, Errno::EBADF))?;
        // SAFETY: the caller's promise, and clause 3 of `Kernel`: it is open and ours.
        Ok(unsafe { Self::from_raw(raw, kernel.clone()) })
    }
}

#[cfg(all(feature = "std", unix))]
mod std_traits {
    use super::Fd;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    impl AsRawFd for Fd {
        fn as_raw_fd(&self) -> RawFd {
            self.raw
        }
    }

    impl AsFd for Fd {
        fn as_fd(&self) -> BorrowedFd<'_> {
            // SAFETY: clause 3 of `Kernel`: an open descriptor of this process, and it stays
            // open while `self` is borrowed.
            unsafe { BorrowedFd::borrow_raw(self.raw) }
        }
    }
}

impl Drop for Fd {
    // Dropped everywhere: on its own it is compiled once.
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: `from_raw` was given ownership of an open descriptor of this kernel, and
        // nothing uses it after `drop`.
        unsafe { self.kernel.close(self.raw) };
    }
}

impl fmt::Debug for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fd({})", self.raw)
    }
}
