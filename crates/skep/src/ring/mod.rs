//! Ring buffers: events from programs, in order, without a system call each.

mod bpf_ring;
mod region;

pub use bpf_ring::{Record, Records, RingBuf, wait_any};
