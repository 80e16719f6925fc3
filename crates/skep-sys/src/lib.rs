//! The only door to a kernel.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod error;
pub mod fd;
pub mod kernel;

pub use error::{CallError, Result};
pub use fd::Fd;
pub use kernel::{Kernel, KernelRef};
