//! Ending a stream from elsewhere.

use crate::Result;
use crate::error::Context;
use crate::system::System;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use skep_sys::{Fd, file, poll};

/// Ends a stream of events, from any thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stopped: AtomicBool,
    wake: Fd,
}

impl Stop {
    #[inline]
    pub(super) fn new(system: &System) -> skep_sys::Result<Self> {
        Ok(Self(Arc::new(Inner {
            stopped: AtomicBool::new(false),
            wake: poll::eventfd(system.kernel())?,
        })))
    }

    /// Ends the stream: who waits for its next event is woken, and nobody is given another one.
    /// One write(2), fit for a signal handler.
    #[inline]
    pub fn stop(&self) -> Result<()> {
        if self.0.stopped.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let woken = file::write(&self.0.wake, &1_u64.to_ne_bytes());
        woken.context("stop a stream of events")
    }

    /// Whether the stream was told to end.
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn fd(&self) -> &Fd {
        &self.0.wake
    }
}
