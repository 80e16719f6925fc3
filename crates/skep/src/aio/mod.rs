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
use crate::events::{Event, Events, Step};
use crate::{Errno, Error, ErrorKind, Result};
use alloc::string::ToString;
use core::future::Future;
use core::pin::Pin;
use core::task::{self, Poll};
use skep_sys::{CallError, Fd};
use std::io;

/// Events that are given before other tasks have their turn. A turn of another task's empties the
/// processor's caches, which costs as much as a hundred events.
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

    /// Has the task woken after the others had their turn.
    fn yield_now(cx: &mut task::Context<'_>) {
        cx.waker().wake_by_ref();
    }
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
    /// Those of the run time ([`ErrorKind::Unsupported`]: tokio, where none runs); `EMFILE`.
    ///
    /// # Panics
    /// Tokio panics in a run time that was made without its I/O driver (`enable_io`).
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
    #[allow(clippy::should_implement_trait)] // lends, which `Iterator` cannot
    #[inline]
    pub fn next(&mut self) -> Next<'_, R> {
        Next(Some(self))
    }

    /// What there is without waiting, while this task has its turn.
    #[inline]
    fn step(&mut self) -> Result<Step> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(Step::Nothing);
        };
        self.left = left;
        self.events.step()
    }

    /// Waits for a wake-up; after it there may be events.
    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<()>> {
        let others = self.left == 0;
        if others {
            R::yield_now(cx);
        }
        if others
            || self
                .readiness
                .poll_readable(cx)
                .map_err(failed)?
                .is_pending()
        {
            self.left = TURN;
            return Poll::Pending;
        }
        // So that only later wake-ups count, for run times that ask again and again.
        Poll::Ready(self.events.forget_wakeups())
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

/// What [`AsyncEvents::next`] waits for.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Next<'a, R>(Option<&'a mut AsyncEvents<R>>);

impl<'a, R: Readiness> Future for Next<'a, R> {
    type Output = Result<Option<Event<'a>>>;

    /// Most events are there already: they are given without a word to the run time.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let Some(stream) = self.0.take() else {
            return Poll::Pending;
        };
        let taken = loop {
            match stream.step()? {
                Step::Event(taken) => break Some(taken),
                Step::Over => break None,
                Step::Nothing => {}
            }
            if stream.poll_ready(cx)?.is_pending() {
                self.0 = Some(stream);
                return Poll::Pending;
            }
        };
        Poll::Ready(Ok(taken.map(|taken| stream.events.event(taken))))
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
