//! Signals to a thread that waits.

use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

extern "C" fn on_signal(_: i32) {}

/// Signals to this thread, until dropped.
pub(crate) struct Signals(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Signals {
    pub(crate) fn every(time: Duration) -> Self {
        let handler = SigHandler::Handler(on_signal);
        // Without SA_RESTART calls end with EINTR.
        let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
        let thread = pthread_self();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let sender = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(time);
                pthread_kill(thread, Signal::SIGUSR1).unwrap();
            }
        });
        Self(stop, Some(sender))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}
