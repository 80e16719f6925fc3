//! Bytes to meaning, for eBPF: ELF objects, BTF and CO-RE, instructions, kernel records.
//!
//! No I/O, no unsafe code, no standard library: everything here is a deterministic function of
//! its input, and no input makes it panic. What goes wrong is an [`Error`] that names the place.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

/// `alloc::format!`, of which each use is a call and no more.
macro_rules! format {
    ($($arg:tt)+) => {
        $crate::text::formatted(format_args!($($arg)+))
    };
}

#[cfg(test)]
extern crate std;

pub mod btf;
pub mod bytes;
pub mod core_reloc;
pub mod crc32;
pub mod elf;
pub mod errno;
pub mod error;
pub mod inflate;
pub mod insn;
#[cfg(any(test, feature = "linker"))]
pub mod linker;
#[cfg(any(test, feature = "loader-program"))]
pub mod loader_program;
#[cfg(any(test, feature = "log"))]
pub mod log;
pub mod map;
pub mod netlink;
pub mod object;
pub mod order;
pub mod perf;
mod sha256;
#[cfg(any(test, feature = "skeleton"))]
pub mod skeleton;
pub mod text;
pub mod uapi;
#[cfg(any(test, feature = "usdt"))]
pub mod usdt;
#[cfg(feature = "xz")]
pub mod xz;

pub use errno::Errno;
pub use error::{Error, ErrorKind, Result};
