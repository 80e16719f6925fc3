//! Ring buffers: events from programs, in order, without a system call each.

mod bpf_ring;
mod consumer;
mod record;
mod region;
mod wait;

pub use bpf_ring::RingBuf;
pub use record::{Record, Records};
pub use wait::{Woken, wait_any};
