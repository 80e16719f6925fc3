//! The only door to a kernel: every system call of this library goes through a [`Kernel`] that
//! the caller can swap.
#![no_std]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod attr;
pub mod bpf;
mod calls;
pub mod error;
pub mod fd;
pub mod file;
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android")),
    path = "host_none.rs"
)]
#[cfg_attr(
    all(
        any(target_os = "linux", target_os = "android"),
        not(any(
            target_arch = "x86_64",
            target_arch = "aarch64",
            target_arch = "riscv64",
            target_arch = "s390x"
        ))
    ),
    path = "host_libc.rs"
)]
pub mod host;
pub mod kernel;
pub mod mapping;
pub mod net;
pub mod once;
pub mod perf;
pub mod poll;
pub mod process;
pub mod vtable;
pub mod watch;

pub use error::{CallError, Result};
pub use fd::Fd;
pub use host::host;
pub use kernel::{Kernel, KernelRef};
pub use mapping::Mapping;
pub use once::Once;
pub use poll::Epoll;
pub use vtable::SysVTable;
pub use watch::{Fault, Trace};
