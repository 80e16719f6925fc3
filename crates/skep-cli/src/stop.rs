//! When a run ends: Ctrl-C, termination, or the time given by `--for`.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The longest that a signal waits to be noticed.
const SLICE: Duration = Duration::from_millis(100);

pub(crate) struct Stop {
    signalled: Arc<AtomicBool>,
    begun: Instant,
    duration: Option<Duration>,
}

impl Stop {
    /// Catches the signals from now on. A second one ends the process at once.
    pub(crate) fn catch(duration: Option<Duration>) -> io::Result<Self> {
        let signalled = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // Looked at before the next line sets it: false at the first signal.
            signal_hook::flag::register_conditional_shutdown(signal, 1, signalled.clone())?;
            signal_hook::flag::register(signal, signalled.clone())?;
        }
        Ok(Self {
            signalled,
            begun: Instant::now(),
            duration,
        })
    }

    /// Begins the time of `--for` anew.
    pub(crate) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// Time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether a signal came.
    pub(crate) fn is_signalled(&self) -> bool {
        self.signalled.load(Ordering::Relaxed)
    }

    /// How long to wait before looking again; `None` when it is time to stop.
    pub(crate) fn next_wait(&self) -> Option<Duration> {
        if self.is_signalled() {
            return None;
        }
        let Some(duration) = self.duration else {
            return Some(SLICE);
        };
        let left = duration.checked_sub(self.begun.elapsed())?;
        (!left.is_zero()).then(|| left.min(SLICE))
    }

    /// Sleeps so long; `false` when it is time to stop.
    pub(crate) fn sleep(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        loop {
            let Some(wait) = self.next_wait() else {
                return false;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(wait));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_runs_out() {
        let stop = Stop::catch(Some(Duration::ZERO)).unwrap();
        assert_eq!(stop.next_wait(), None);
        let stop = Stop::catch(Some(Duration::from_secs(60))).unwrap();
        assert_eq!(stop.next_wait(), Some(SLICE));
        let stop = Stop::catch(None).unwrap();
        assert_eq!(stop.next_wait(), Some(SLICE));
    }
}
