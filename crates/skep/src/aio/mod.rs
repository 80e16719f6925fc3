//! Streams of events for asynchronous programs.
//!
//! Everything is in [`AsyncEvents`], which asks a [`Readiness`] one thing: to wake a task when a
//! descriptor can be read. Adapters for tokio (feature `tokio`) and for async-io, which async-std
//! and smol run on (feature `async-io`), are here; another run time needs one function.

#[cfg(feature = "async-io")]
mod async_io;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "async-io")]
pub use async_io::AsyncIo;
#[cfg(feature = "tokio")]
pub use tokio::Tokio;

use crate::error::Context;
use crate::events::{Event, Events, Step, Taken};
use crate::{Errno, Error, ErrorKind, Result};
use alloc::string::ToString;
use core::future::poll_fn;
use core::task::{self, Poll};
use skep_sys::{CallError, Fd};
use std::io;

/// Events that are given before other tasks have their turn.
const TURN: u32 = 1024;

/// A descriptor, known to a run time.
pub trait Readiness: Sized {
    /// Makes a descriptor known to the run time.
    ///
    /// # Errors
    /// Those of the run time.
    fn register(fd: Fd) -> io::Result<Self>;

    /// `Pending`: the task will be woken when the descriptor can be read, or has become so since
    /// this last answered `Ready`. `Ready` may be wrong: it only says to look again.
    ///
    /// # Errors
    /// Those of the run time.
    fn poll_readable(&mut self, cx: &mut task::Context<'_>) -> Poll<io::Result<()>>;
}

/// [`Events`] on tokio.
#[cfg(feature = "tokio")]
pub type TokioEvents = AsyncEvents<Tokio>;

/// [`Events`] on async-io: for smol and async-std.
#[cfg(feature = "async-io")]
pub type AsyncIoEvents = AsyncEvents<AsyncIo>;

/// A stream of events for asynchronous programs.
///
/// Nothing runs beside it and nothing is queued: events are taken when they are asked for, so that
/// a slow task holds up the programs' buffers and nothing else.
pub struct AsyncEvents<R> {
    /// Before the events: let go first.
    readiness: R,
    events: Events,
    left: u32,
}

impl<R: Readiness> AsyncEvents<R> {
    /// Registers with the run time that this is called in.
    ///
    /// # Errors
    /// Those of the run time; `EMFILE`.
    ///
    /// # Panics
    /// Tokio panics outside of a run time with its I/O driver enabled.
    pub fn new(events: Events) -> Result<Self> {
        let fd = events.fd().try_clone();
        let fd = fd.context("wait for events")?;
        Ok(Self {
            readiness: R::register(fd).map_err(failed)?,
            events,
            left: TURN,
        })
    }

    /// The next event; `None` at the end, as [`Events::next`] ends. (With [`Events::end_in`] it
    /// ends at the first look after that time: have the run time's timer look.)
    ///
    /// May be dropped at any time: an event is taken only when it is given.
    ///
    /// # Errors
    /// Those of [`Events::next`], and those of the run time.
    pub async fn next(&mut self) -> Result<Option<Event<'_>>> {
        let taken = poll_fn(|cx| self.poll_taken(cx)).await?;
        Ok(taken.map(|taken| self.events.event(taken)))
    }

    fn poll_taken(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<Option<Taken>>> {
        if self.left == 0 {
            self.left = TURN;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            match self.events.step()? {
                Step::Event(taken) => {
                    self.left -= 1;
                    return Poll::Ready(Ok(Some(taken)));
                }
                Step::Over => return Poll::Ready(Ok(None)),
                Step::Nothing => {}
            }
            match self.readiness.poll_readable(cx) {
                Poll::Pending => {
                    self.left = TURN;
                    return Poll::Pending;
                }
                Poll::Ready(ready) => ready.map_err(failed)?,
            }
            // So that only later wake-ups count, for run times that ask again and again.
            self.events.forget_wakeups()?;
        }
    }

    /// The events, to look at.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The events, to add sources.
    pub fn events_mut(&mut self) -> &mut Events {
        &mut self.events
    }

    /// The events, without the run time.
    pub fn into_inner(self) -> Events {
        self.events
    }
}

impl<R> core::fmt::Debug for AsyncEvents<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AsyncEvents({:?})", self.events)
    }
}

/// The run time's error as ours.
#[cold]
fn failed(error: io::Error) -> Error {
    let what = "wait for events in an asynchronous run time";
    match error.raw_os_error() {
        Some(errno) => Error::from(CallError::new("epoll", Errno::new(errno))).context(what),
        None => Error::new(ErrorKind::Unsupported, error.to_string()).context(what),
    }
}
