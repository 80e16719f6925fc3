//! Positions in the four rings: what is free, what is there, what the other side knows of it.
//!
//! Positions are 32 bits wide, only grow and wrap around; an entry is at `position & (entries - 1)`.
//! The other side is `net/xdp/xsk_queue.h`, whose comment on the ring's barriers calls them A to D.

use crate::{Error, ErrorKind};
use core::sync::atomic::{AtomicU32, Ordering, fence};
use skep_codec::uapi::linux::XDP_RING_NEED_WAKEUP;

/// A packet: where in the memory, how long. In the fill and completion rings there is no length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Desc {
    pub(super) addr: u64,
    pub(super) len: u32,
}

/// The shared words of a ring.
pub(super) trait Memory {
    /// A power of two.
    fn entries(&self) -> u32;
    fn producer(&self) -> &AtomicU32;
    fn consumer(&self) -> &AtomicU32;
    fn flags(&self) -> &AtomicU32;
    /// The entry at `position & (entries - 1)`.
    fn load(&self, position: u32) -> Desc;
    fn store(&self, position: u32, desc: Desc);
}

/// The memory holds what the kernel never writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corrupt {
    what: &'static str,
    position: u32,
    other: u32,
}

impl From<Corrupt> for Error {
    #[cold]
    fn from(corrupt: Corrupt) -> Self {
        let Corrupt {
            what,
            position,
            other,
        } = corrupt;
        let what = format!("AF_XDP ring: {what}: {other} where ours is {position}");
        Self::new(ErrorKind::Corrupt, what)
    }
}

/// Our end of a ring that the kernel reads.
pub(super) struct Producer<M> {
    memory: M,
    /// Where the next entry goes.
    position: u32,
    /// What the kernel knows of `position`.
    published: u32,
    /// The kernel's position when last looked at.
    consumer: u32,
}

impl<M: Memory> Producer<M> {
    /// Goes on where the ring is.
    pub(super) fn new(memory: M) -> Self {
        let position = memory.producer().load(Ordering::Relaxed);
        Self {
            consumer: memory.consumer().load(Ordering::Relaxed),
            published: position,
            position,
            memory,
        }
    }

    /// Writes an entry that the kernel does not see before [`Producer::publish`]; `false` if the ring
    /// is full.
    #[inline]
    pub(super) fn push(&mut self, desc: Desc) -> Result<bool, Corrupt> {
        let entries = self.memory.entries();
        if self.position.wrapping_sub(self.consumer) >= entries {
            self.waiting()?;
            if self.position.wrapping_sub(self.consumer) >= entries {
                return Ok(false);
            }
        }
        self.memory.store(self.position, desc);
        self.position = self.position.wrapping_add(1);
        Ok(true)
    }

    /// Release is B, which pairs with the acquire C in `__xskq_cons_peek`: whoever sees the
    /// position sees the entries, and the packets that were written before.
    #[inline]
    pub(super) fn publish(&mut self) {
        if self.published != self.position {
            let producer = self.memory.producer();
            producer.store(self.position, Ordering::Release);
            self.published = self.position;
        }
    }

    /// Published entries that the kernel has not taken.
    ///
    /// Acquire pairs with the release D in `__xskq_cons_release`: the kernel's reads of an entry
    /// are over before it is written again (A).
    pub(super) fn waiting(&mut self) -> Result<u32, Corrupt> {
        let consumer = self.memory.consumer().load(Ordering::Acquire);
        let waiting = self.published.wrapping_sub(consumer);
        // Neither beyond what is there nor back to before what it has taken.
        let before = self.published.wrapping_sub(self.consumer);
        if waiting > before.min(self.memory.entries()) {
            return Err(Corrupt {
                what: "the consumer is not where it can be",
                position: self.published,
                other: consumer,
            });
        }
        self.consumer = consumer;
        Ok(waiting)
    }

    /// Whether the kernel looks at the ring only when it is called. The fence puts our position
    /// before the look at the flag, which the kernel sets before it looks at the position again.
    #[inline]
    pub(super) fn needs_wakeup(&self) -> bool {
        fence(Ordering::SeqCst);
        self.memory.flags().load(Ordering::Relaxed) & XDP_RING_NEED_WAKEUP != 0
    }
}

/// Our end of a ring that the kernel fills.
pub(super) struct Consumer<M> {
    memory: M,
    /// The next entry.
    position: u32,
    /// What the kernel knows of `position`.
    published: u32,
    /// The kernel's position when last looked at.
    producer: u32,
}

impl<M: Memory> Consumer<M> {
    /// Goes on where the ring is.
    pub(super) fn new(memory: M) -> Self {
        let position = memory.consumer().load(Ordering::Relaxed);
        Self {
            position,
            published: position,
            producer: position,
            memory,
        }
    }

    /// The next entry, which stays.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<Option<Desc>, Corrupt> {
        if self.position == self.producer && !self.look()? {
            return Ok(None);
        }
        Ok(Some(self.memory.load(self.position)))
    }

    /// Whether there is an entry. Acquire is C, which pairs with the release B in
    /// `__xskq_prod_submit`: the entries, and what they tell of, are whole.
    fn look(&mut self) -> Result<bool, Corrupt> {
        let producer = self.memory.producer().load(Ordering::Acquire);
        let ahead = producer.wrapping_sub(self.published);
        let taken = self.position.wrapping_sub(self.published);
        if ahead > self.memory.entries() || ahead < taken {
            return Err(Corrupt {
                what: "the producer is not where it can be",
                position: self.position,
                other: producer,
            });
        }
        self.producer = producer;
        Ok(ahead != taken)
    }

    /// Takes the entry that [`Consumer::peek`] has shown.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.position = self.position.wrapping_add(1);
    }

    /// Gives what was taken back to the kernel. Release is D, which pairs with A in
    /// `xskq_prod_nb_free`: our reads are over before the kernel writes there.
    #[inline]
    pub(super) fn publish(&mut self) {
        if self.published != self.position {
            let consumer = self.memory.consumer();
            consumer.store(self.position, Ordering::Release);
            self.published = self.position;
        }
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
