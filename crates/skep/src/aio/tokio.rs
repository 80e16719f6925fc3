//! Tokio.

use super::Readiness;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, ready};
use skep_sys::Fd;
use std::io;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::{runtime, task};

/// A descriptor in tokio's I/O driver, whichever kind of run time it is.
#[derive(Debug)]
pub struct Tokio(AsyncFd<Fd>);

impl Readiness for Tokio {
    // What newer versions warn of are types that answer now this descriptor, now that one: `Fd`
    // owns one, the same until it is dropped.
    #[allow(deprecated)]
    fn register(fd: Fd) -> io::Result<Self> {
        // Where there is none, the next call would panic.
        runtime::Handle::try_current().map_err(io::Error::other)?;
        AsyncFd::with_interest(fd, Interest::READABLE).map(Self)
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Cleared before the caller looks: what comes after its look sets it again.
        ready!(self.0.poll_read_ready(cx))?.clear_ready();
        Poll::Ready(Ok(()))
    }

    // What wakes a task at once writes to the driver's own descriptor.
    fn yield_now(cx: &mut Context<'_>) {
        let _pending = pin!(task::yield_now()).poll(cx);
    }
}
