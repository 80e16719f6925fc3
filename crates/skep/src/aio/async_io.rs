//! async-io, the reactor of smol and async-std.

use super::Readiness;
use async_io::Async;
use core::task::{Context, Poll};
use skep_sys::Fd;
use std::io;

/// A descriptor in async-io's reactor, which runs by itself.
#[derive(Debug)]
pub struct AsyncIo(Async<Fd>);

impl Readiness for AsyncIo {
    fn register(fd: Fd) -> io::Result<Self> {
        // It is never read: whether it would block is of no interest.
        Async::new_nonblocking(fd).map(Self)
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_readable(cx)
    }
}
