//! The eBPF user space: load an object, attach its programs, read its maps and events.
//!
//! A [`System`] is a kernel. An [`ObjectSpec`] is what an object file says, to look at and to
//! edit; loading it into a system makes an [`Object`] with [`Map`]s and [`Program`]s, attaching a
//! program makes a [`Link`], and a [`RingBuf`] reads what programs send.
//!
//! ```no_run
//! # fn main() -> Result<(), skep::Error> {
//! let system = skep::System::host()?;
//! let mut spec = skep::ObjectSpec::open("tracer.bpf.o")?;
//! spec.variable("target_pid")?.set(42_u32)?;
//! let object = spec.load(&system)?;
//! let _links = object.attach_all()?;
//! let mut ring = object.ring("events")?;
//! let mut records = ring.records(Some(core::time::Duration::from_secs(1)));
//! while let Some(record) = records.next()? {
//!     println!("{} bytes, first of pid {}", record.len(), record.field::<u32>(0)?);
//! }
//! # Ok(()) }
//! ```
//!
//! By feature there are `#[derive(Plain)]` for structs of one's own (`derive`), values as text by their
//! types (`values`), event streams on a run time (`tokio`, `async-io` for smol and async-std), logging
//! from programs (`log`), `AF_XDP` (`xsk`), statically defined probes (`usdt`), names of addresses
//! (`symbols`), symbols that programs carry packed (`xz`), programs as text (`asm`), programs that load
//! objects (`loader-program`) and more: see the crate's list of features. Without `std`, which is there
//! by default, it needs `alloc` only.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

/// `alloc::format!`, of which each use is a call and no more.
macro_rules! format {
    ($($arg:tt)+) => {
        skep_codec::text::formatted(format_args!($($arg)+))
    };
}

#[cfg(feature = "std")]
extern crate std;

#[cfg(all(any(feature = "tokio", feature = "async-io"), unix))]
pub mod aio;
mod answer;
pub mod btf;
pub mod error;
pub mod events;
pub mod link;
#[cfg(feature = "log")]
pub mod log;
pub mod map;
pub mod netlink;
pub mod object;
mod pin;
mod plain;
pub mod probe;
pub mod prog;
pub mod ring;
#[cfg(feature = "symbols")]
pub mod symbols;
pub mod system;
pub mod token;
mod verifier_log;
#[cfg(feature = "xsk")]
pub mod xsk;

pub use error::{Error, ErrorKind, Result};
pub use events::Events;
pub use link::{Hook, Link};
pub use map::Map;
pub use netlink::Netlink;
pub use object::{Global, LoadOptions, Object, ObjectSpec};
pub use pin::Pinned;
pub use plain::{Plain, PlainField};
pub use prog::Program;
pub use ring::RingBuf;
#[cfg(feature = "derive")]
pub use skep_derive::Plain;
pub use system::System;
pub use token::Token;
pub use verifier_log::{Digest, Refusal, SourceLine};

pub use skep_codec as codec;
pub use skep_codec::Errno;
pub use skep_codec::btf::{Btf, TypeId};
pub use skep_codec::uapi::bpf::{AttachType, LinkType, MapType, ProgType};
pub use skep_sys as sys;
