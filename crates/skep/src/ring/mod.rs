//! Ring buffers: events from programs, and messages to them, in order, without a system call each;
//! and perf event arrays, their older kin.

mod bpf_ring;
mod consumer;
mod lent;
mod perf;
mod record;
mod region;
mod typed;
mod user_ring;
pub(crate) mod wait;

pub use bpf_ring::RingBuf;
#[cfg(feature = "xsk")]
pub(crate) use lent::copied_whole;
pub(crate) use perf::read_sample;
pub use perf::{CpuHistory, CpuStats, PerfBuffer, PerfHistory, PerfOptions, Sample, Wakeup};
pub use record::{Record, Records};
pub use typed::Ring;
pub use user_ring::{Slot, UserRingBuf};
pub use wait::{Woken, wait_any};
