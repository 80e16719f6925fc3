//! Ring buffers: events from programs, and messages to them, in order, without a system call each.

mod bpf_ring;
mod consumer;
mod record;
mod region;
mod user_ring;
mod wait;

pub use bpf_ring::RingBuf;
pub use record::{Record, Records};
pub use user_ring::{Slot, UserRingBuf};
pub use wait::{Woken, wait_any};
