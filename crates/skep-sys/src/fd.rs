//! An owned descriptor that closes through its kernel.

use crate::kernel::KernelRef;
use core::ffi::c_int;
use core::fmt;

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
}

impl Drop for Fd {
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
