//! One stream of many sources: ring buffers, perf event arrays, iterators.

mod iter;
mod source;
mod stop;

pub use iter::{IterStream, Parts};
pub use source::{Source, SourceStats};
pub use stop::Stop;

use crate::error::Context;
use crate::plain::{self, Plain};
use crate::ring::wait::{Deadline, is_signal};
use crate::system::System;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::vec::Vec;
use core::time::Duration;
use skep_sys::{Epoll, Fd};
use source::Slot;

/// Events of one source before the next has its turn, and before the time is looked at.
const TURN: u32 = 64;

/// A source among those of one [`Events`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(usize);

/// What all sources send, one event after the other, each source having its turn.
///
/// It ends when its time is over ([`Events::end_in`]), when it is told to ([`Events::stopper`]) and
/// when every source has ended (only iterators do). There is no queue: what is not taken waits
/// where programs wrote it, and they count what finds no room there.
///
/// ```
/// # fn watch(system: &skep::System, object: &skep::Object) -> skep::Result<()> {
/// let mut events = skep::Events::new(system)?;
/// let calls = events.add(object.ring("calls")?)?;
/// let samples = events.add(object.perf("samples")?)?;
/// events.end_in(core::time::Duration::from_secs(10))?;
/// while let Some(event) = events.next()? {
///     if event.source() == calls {
///         println!("call {}", event.read::<u32>()?);
///     } else if event.source() == samples {
///         println!("{:?} on CPU {:?}", event.bytes(), event.cpu());
///     }
/// }
/// # Ok(()) }
/// ```
pub struct Events {
    system: System,
    epoll: Epoll,
    stop: Stop,
    slots: Vec<Option<Slot>>,
    /// Whose turn it is, and for how many events more.
    turn: usize,
    left: u32,
    /// The last event's bytes.
    bytes: Vec<u8>,
    deadline: Option<Deadline>,
    /// Events before the time is looked at again.
    unchecked: u32,
}

/// An event that was taken: its bytes are in the buffer.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    slot: usize,
    cpu: Option<u32>,
}

/// What there is without waiting.
pub(crate) enum Step {
    Event(Taken),
    Over,
    Nothing,
}

impl Events {
    /// A stream without sources.
    ///
    /// # Errors
    /// `EMFILE`: too many descriptors are open.
    #[inline]
    pub fn new(system: &System) -> Result<Self> {
        let what = "make an event stream";
        let epoll = Epoll::new(system.kernel()).context(what)?;
        let stop = Stop::new(system).context(what)?;
        epoll.add(stop.fd(), 0).context(what)?;
        Ok(Self {
            system: system.clone(),
            epoll,
            stop,
            slots: Vec::new(),
            turn: 0,
            left: TURN,
            bytes: Vec::new(),
            deadline: None,
            unchecked: 0,
        })
    }

    /// Adds a [`RingBuf`](crate::RingBuf), a [`PerfBuffer`](crate::ring::PerfBuffer) or an
    /// [`IterStream`]. The answer tells its events from others'.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): `EEXIST` for a ring that is in already.
    #[inline]
    pub fn add(&mut self, source: impl Into<Source>) -> Result<SourceId> {
        let slot = Slot::new(source.into());
        if let Some(fd) = slot.source.fd() {
            let id = self.slots.len() as u64;
            self.epoll
                .add_edge(fd, id)
                .map_err(|error| match error.errno {
                    Errno::EEXIST => Error::from(error).context("it is a source already"),
                    _ => error.into(),
                })
                .context(format_args!("wait for {}", slot.source.name()))?;
        }
        self.slots.push(Some(slot));
        Ok(SourceId(self.slots.len() - 1))
    }

    /// Takes a source out and gives it back; `None` if it is not in.
    #[inline]
    pub fn remove(&mut self, id: SourceId) -> Result<Option<Source>> {
        let Some(slot) = self.slots.get_mut(id.0).and_then(Option::take) else {
            return Ok(None);
        };
        if let Some(fd) = slot.source.fd() {
            self.epoll
                .remove(fd)
                .context(format_args!("wait no more for {}", slot.source.name()))?;
        }
        Ok(Some(slot.source))
    }

    /// A source, to look at or to work on: [`PerfBuffer::add_online_cpus`] for one.
    ///
    /// [`PerfBuffer::add_online_cpus`]: crate::ring::PerfBuffer::add_online_cpus
    #[inline]
    pub fn source_mut(&mut self, id: SourceId) -> Option<&mut Source> {
        let slot = self.slots.get_mut(id.0)?.as_mut()?;
        Some(&mut slot.source)
    }

    /// What came of a source so far, and what is known to be lost.
    #[inline]
    pub fn stats(&self, id: SourceId) -> Option<SourceStats> {
        Some(self.slots.get(id.0)?.as_ref()?.stats())
    }

    /// A handle that ends the stream, from any thread.
    #[inline]
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// The system.
    #[inline]
    pub fn system(&self) -> &System {
        &self.system
    }

    /// One descriptor to wait on for all sources and [`Events::stopper`] (epoll and poll). It may
    /// tell of each wake-up once only: call [`Events::try_next`] until it answers `None` before
    /// waiting again. It is not readable for a record that a program is still at work on.
    #[inline]
    pub fn fd(&self) -> &Fd {
        self.epoll.fd()
    }

    /// Ends the stream so long from now; a later call counts anew.
    #[inline]
    pub fn end_in(&mut self, time: Duration) -> Result<()> {
        self.deadline = Some(Deadline::after(&self.system, Some(time))?);
        self.unchecked = 0;
        Ok(())
    }

    /// The next event, waited for; `None` at the end. Signals do not end it: a handler may call
    /// [`Stop::stop`].
    ///
    /// # Errors
    /// Those of the sources. One whose memory is corrupt says so once and is left out from then
    /// on; the others go on. Those of epoll_wait(2).
    #[allow(clippy::should_implement_trait)] // lends, which `Iterator` cannot
    #[inline]
    pub fn next(&mut self) -> Result<Option<Event<'_>>> {
        loop {
            match self.step()? {
                Step::Event(taken) => return Ok(Some(self.event(taken))),
                Step::Over => return Ok(None),
                Step::Nothing => self.sleep()?,
            }
        }
    }

    /// The next event if there is one, whatever [`Events::end_in`] and [`Stop::stop`] say: for the
    /// rest, at the end.
    #[inline]
    pub fn try_next(&mut self) -> Result<Option<Event<'_>>> {
        let mut taken = self.take()?;
        let in_vain = |slot: &mut Slot| slot.is_readable_in_vain();
        if taken.is_none() && self.slots.iter_mut().flatten().any(in_vain) {
            self.forget_wakeups()?;
            taken = self.take()?;
        }
        Ok(taken.map(|taken| self.event(taken)))
    }

    /// What there is without waiting.
    #[inline(always)] // once for an event, and what comes back is large
    pub(crate) fn step(&mut self) -> Result<Step> {
        if self.stop.is_stopped() || self.is_late()? {
            return Ok(Step::Over);
        }
        match self.take()? {
            Some(taken) => Ok(Step::Event(taken)),
            None if self.slots.iter().flatten().all(|slot| slot.ended) => Ok(Step::Over),
            None => Ok(Step::Nothing),
        }
    }

    /// Whether the time is over; the clock is looked at once a turn.
    #[inline]
    fn is_late(&mut self) -> Result<bool> {
        let Some(deadline) = &self.deadline else {
            return Ok(false);
        };
        if self.unchecked > 0 {
            self.unchecked -= 1;
            return Ok(false);
        }
        let over = deadline.left_ns()? == Some(0);
        self.unchecked = if over { 0 } else { TURN };
        Ok(over)
    }

    /// Takes an event of the source whose turn it is, or of the next one that has any.
    #[inline(always)] // as above
    fn take(&mut self) -> Result<Option<Taken>> {
        for _ in 0..=self.slots.len() {
            if self.left > 0
                && let Some(Some(slot)) = self.slots.get_mut(self.turn)
            {
                self.left -= 1;
                let source = self.turn;
                if let Some(cpu) = slot.take(&mut self.bytes)? {
                    return Ok(Some(Taken { slot: source, cpu }));
                }
            }
            self.turn = (self.turn + 1) % self.slots.len().max(1);
            self.left = TURN;
        }
        Ok(None)
    }

    /// The event whose bytes are in the buffer.
    #[inline]
    pub(crate) fn event(&self, taken: Taken) -> Event<'_> {
        Event {
            source: SourceId(taken.slot),
            cpu: taken.cpu,
            bytes: &self.bytes,
        }
    }

    /// Waits for a source, the end or a signal. Every source has said that it has nothing.
    #[inline]
    fn sleep(&mut self) -> Result<()> {
        self.unchecked = 0;
        let left = match &self.deadline {
            None => None,
            Some(deadline) => deadline.left_ns()?,
        };
        is_signal(self.epoll.wait(left, |_| ()).map(drop)).map(drop)
    }

    /// Forgets the wake-ups so far, so that the descriptor tells only of later ones. What they
    /// were for is to be looked for after this.
    #[inline]
    pub(crate) fn forget_wakeups(&mut self) -> Result<()> {
        is_signal(self.epoll.wait(Some(0), |_| ()).map(drop)).map(drop)
    }
}

impl core::fmt::Debug for Events {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let sources = self.slots.iter().flatten().map(|slot| &slot.source);
        f.debug_list().entries(sources).finish()
    }
}

/// An event, in a buffer of the stream's until the next one.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    source: SourceId,
    cpu: Option<u32>,
    bytes: &'a [u8],
}

impl<'a> Event<'a> {
    /// Whose it is.
    #[inline]
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// The CPU that it was sent on, where the source tells: a perf event array.
    #[inline]
    pub fn cpu(&self) -> Option<u32> {
        self.cpu
    }

    /// Its bytes; of a perf event array up to 7 more than what was sent.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The event as a value of this type.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if it has another size.
    pub fn read<T: Plain>(&self) -> Result<T> {
        match self.cpu {
            Some(_) => crate::ring::read_sample(self.bytes),
            None => plain::read(self.bytes, "event"),
        }
    }
}

/// The error for a wait that makes no sense.
#[cold]
pub(crate) fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, what)
}
