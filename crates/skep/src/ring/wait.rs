//! Waiting for rings.

use super::RingBuf;
use crate::error::Context;
use crate::system::System;
use crate::{Errno, Result};
use alloc::vec::Vec;
use core::time::Duration;
use skep_sys::{Fd, poll};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There is something to read.
    Ready,
    /// The time is over.
    TimedOut,
    /// A signal was handled. Wait again with the time that is left, or stop.
    Signal,
}

/// Waits until one of the rings has a record, the time is over (`None`: never) or a signal comes.
/// Without rings the time is over at once.
///
/// # Errors
/// Those of ppoll(2) and clock_gettime(2).
#[inline]
pub fn wait_any(rings: &mut [&mut RingBuf], timeout: Option<Duration>) -> Result<Woken> {
    let Some(ring) = rings.first() else {
        return Ok(Woken::TimedOut);
    };
    let deadline = Deadline::after(ring.map().system(), timeout)?;
    wait_until(rings, &deadline)
}

/// [`wait_any`] until a point in time.
#[inline]
pub(super) fn wait_until(rings: &mut [&mut RingBuf], deadline: &Deadline) -> Result<Woken> {
    let mut pause = Pause::default();
    loop {
        let mut busy = false;
        for ring in &mut *rings {
            match ring.look() {
                (true, _) => return Ok(Woken::Ready),
                (_, at_work) => busy |= at_work,
            }
        }
        let left = deadline.left_ns()?;
        if left == Some(0) {
            return Ok(Woken::TimedOut);
        }
        let slept = match busy {
            // The descriptor of such a ring is readable, though there is nothing to read.
            true => pause.sleep(&deadline.system, left),
            false => {
                let fds: Vec<&Fd> = rings.iter().map(|ring| ring.fd()).collect();
                poll::wait_readable(&fds, left).map(drop)
            }
        };
        if is_signal(slept)? {
            return Ok(Woken::Signal);
        }
    }
}

/// Whether a wait was ended by a signal.
#[inline]
pub(crate) fn is_signal(slept: skep_sys::Result<()>) -> Result<bool> {
    match slept {
        Err(error) if error.errno == Errno::EINTR => Ok(true),
        slept => slept.map(|()| false).context("wait for a ring buffer"),
    }
}

/// A time as the kernel takes it.
#[inline]
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A point in time to wait for.
pub(crate) struct Deadline {
    pub(super) system: System,
    /// Nanoseconds of the monotonic clock; `None` never comes, 0 is past.
    end: Option<u64>,
}

impl Deadline {
    #[inline]
    pub(crate) fn after(system: &System, timeout: Option<Duration>) -> Result<Self> {
        let end = match timeout {
            None => None,
            Some(Duration::ZERO) => Some(0),
            Some(timeout) => Some(system.now_ns()?.saturating_add(nanoseconds(timeout))),
        };
        Ok(Self {
            system: system.clone(),
            end,
        })
    }

    /// Nanoseconds until then; `None` for ever.
    #[inline]
    pub(crate) fn left_ns(&self) -> Result<Option<u64>> {
        match self.end {
            None => Ok(None),
            Some(0) => Ok(Some(0)),
            Some(end) => Ok(Some(end.saturating_sub(self.system.now_ns()?))),
        }
    }
}

/// Naps while somebody else finishes: short ones first.
pub(super) struct Pause(u64);

impl Default for Pause {
    #[inline]
    fn default() -> Self {
        Self(20_000)
    }
}

impl Pause {
    const LONGEST_NS: u64 = 2_000_000;

    #[inline]
    pub(super) fn sleep(&mut self, system: &System, left_ns: Option<u64>) -> skep_sys::Result<()> {
        let ns = self.0.min(left_ns.unwrap_or(u64::MAX));
        self.0 = (self.0 * 2).min(Self::LONGEST_NS);
        poll::sleep(system.kernel(), ns)
    }
}
