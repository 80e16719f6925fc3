//! Where there is no Linux: files are read and prepared, and any other [`Kernel`] does its work.

use crate::kernel::{Kernel, KernelRef};
use alloc::sync::Arc;

/// The kernel this process runs on has none of Linux's system calls: each answers `-ENOSYS`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

// SAFETY: the methods that the trait gives do nothing at all.
unsafe impl Kernel for Host {}

/// A shared [`Host`].
pub fn host() -> KernelRef {
    Arc::new(Host)
}
