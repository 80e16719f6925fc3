//! What a consumer does with a ring: which record is next, when its space goes back, when it may
//! sleep. Written over a trait, so that the model check (`model_tests.rs`) runs this very code on every
//! order in which two CPUs can see each other's writes.
//!
//! The other side is `kernel/bpf/ringbuf.c`; lines are those of Linux 6.12.117:
//! <https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/tree/kernel/bpf/ringbuf.c?h=v6.12.117>

// loom switches threads by machine code that it does not have for every machine.
#[cfg(all(test, target_arch = "x86_64"))]
mod model_tests;
#[cfg(test)]
mod overwrite_tests;

/// Bytes of the header before each record: length with two flag bits, page offset.
pub(super) const HEADER: u64 = 8;
/// Reserved, not yet committed: neither this record nor one behind it may be read.
pub(super) const BUSY: u32 = 1 << 31;
/// Given back unused by its program.
pub(super) const DISCARD: u32 = 1 << 30;

/// Parts of the ring that are given back at once while a drain lasts: a producer that waits for
/// room gets an eighth of the ring at a time, and the line with the position is written seldom.
const BATCHES: u64 = 8;
/// So many records ahead memory is fetched, if they go on being as long: a record's place is known
/// only when the one before it has been read, so that a processor that is not told waits for each.
const AHEAD: u64 = 16;
/// How often a record that is overwritten under our eyes is given up for the next, before the
/// caller has a turn.
const TRIES: u32 = 16;
const FAR_APART: &str = "positions farther apart than the ring is large";

/// How the shared words are accessed; the model check runs with these very orders.
pub(super) mod order {
    use core::sync::atomic::Ordering::{self, Acquire, Release, SeqCst};

    pub(in crate::ring) const PRODUCER: Ordering = Acquire;
    pub(in crate::ring) const OLDEST: Ordering = Acquire;
    pub(in crate::ring) const HEADER: Ordering = Acquire;
    pub(in crate::ring) const CONSUMER: Ordering = Release;
    pub(in crate::ring) const FULL_FENCE: Ordering = SeqCst;
    pub(in crate::ring) const READ_FENCE: Ordering = Acquire;
}

/// The memory of a ring that the kernel fills.
pub(super) trait Memory {
    /// Bytes of data, a power of two.
    fn size(&self) -> u64;
    /// How far is reserved. Acquire: whoever sees the position sees the busy bit before it.
    fn producer_position(&self) -> u64;
    /// Where programs have not yet written over old records. Read after the producer's position,
    /// of which it is then not behind; acquire.
    fn overwrite_position(&self) -> u64;
    /// First word of the header at `position`. Acquire: whoever sees the busy bit gone sees the
    /// record.
    fn header(&self, position: u64) -> u32;
    /// Begins to fetch what is at `position`, where machines can be told; says nothing of it.
    fn prefetch(&self, _position: u64) {}
    /// Gives everything before `position` back. Release: our reads are over before.
    fn publish(&self, position: u64);
    /// What is published is seen by the producer, or what it has committed is seen by us.
    fn full_fence(&self);
    /// Reads before this are over before reads after it begin.
    fn read_fence(&self);
}

/// The shared memory holds what the kernel never writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corrupt {
    pub(super) position: u64,
    pub(super) what: &'static str,
}

/// What is at the reading position; lengths without header.
enum Head {
    Record(u32),
    Discarded(u32),
    /// Reserved by a program that has not finished.
    Busy,
    Empty,
}

/// A reader of one ring.
pub(super) struct Consumer<M> {
    pub(super) memory: M,
    /// Where the next record begins.
    position: u64,
    /// The producer's position when last looked at; `position` in overwrite mode, where no look
    /// is good for a second record.
    producer: u64,
    /// What the kernel knows of `position`.
    published: u64,
    /// The position that was published before a full fence.
    fenced: u64,
    /// How many bytes `published` may be behind.
    batch: u64,
    overwrite: bool,
    discarded: u64,
    overwritten: u64,
}

impl<M: Memory> Consumer<M> {
    /// A consumer that goes on at `position`, where an earlier one has stopped.
    pub(super) fn new(memory: M, position: u64, overwrite: bool) -> Result<Self, Corrupt> {
        if !position.is_multiple_of(HEADER) {
            let what = "consumer position is no multiple of 8";
            return Err(Corrupt { position, what });
        }
        Ok(Self {
            batch: memory.size() / BATCHES,
            memory,
            position,
            producer: position,
            published: position,
            fenced: position,
            overwrite,
            discarded: 0,
            overwritten: 0,
        })
    }

    /// Where the next record begins.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn discarded(&self) -> u64 {
        self.discarded
    }

    pub(super) fn overwritten(&self) -> u64 {
        self.overwritten
    }

    #[inline]
    pub(super) fn is_overwrite(&self) -> bool {
        self.overwrite
    }

    /// Bytes between the reading position (or the oldest record that is left) and the producer's.
    pub(super) fn available(&self) -> u64 {
        let producer = self.memory.producer_position();
        let mut from = self.position;
        if self.overwrite {
            let oldest = self.memory.overwrite_position();
            from = if is_after(oldest, from) { oldest } else { from };
        }
        if is_after(from, producer) {
            return 0;
        }
        producer.wrapping_sub(from)
    }

    /// Where the record at the reading position begins.
    #[inline]
    pub(super) fn start(&self) -> u64 {
        self.position.wrapping_add(HEADER)
    }

    /// Length of the next record if it is a plain one below the producer's position that we know:
    /// the way of almost every record.
    #[inline]
    pub(super) fn next_known(&self) -> Option<u32> {
        let reserved = self.producer.wrapping_sub(self.position);
        if reserved == 0 {
            return None;
        }
        let word = self.memory.header(self.position);
        if word & (BUSY | DISCARD) != 0 || whole(word) > reserved {
            return None;
        }
        let ahead = whole(word) * AHEAD;
        if ahead < reserved {
            self.memory.prefetch(self.position.wrapping_add(ahead));
        }
        Some(word)
    }

    /// Length of the next record whatever it takes. After `None`, a record that is committed wakes who
    /// waits for the ring's descriptor, even if it waits for a change only (edge triggered).
    #[inline(never)]
    pub(super) fn next(&mut self) -> Result<Option<u32>, Corrupt> {
        loop {
            match self.head()? {
                Head::Record(len) => return Ok(Some(len)),
                Head::Discarded(len) => {
                    self.discarded = self.discarded.wrapping_add(1);
                    self.release(len);
                }
                Head::Busy | Head::Empty if !self.is_settled() => self.settle(),
                Head::Busy | Head::Empty => return Ok(None),
            }
        }
    }

    /// Whether [`Consumer::next`] has something to say, and whether a program is at work on what
    /// is next.
    pub(super) fn look(&mut self) -> (bool, bool) {
        match self.head() {
            Ok(Head::Empty) => (false, false),
            Ok(Head::Busy) => (false, true),
            Ok(Head::Record(_) | Head::Discarded(_)) | Err(_) => (true, false),
        }
    }

    /// Goes on behind the record of this length at the reading position.
    #[inline]
    pub(super) fn release(&mut self, len: u32) {
        let end = self.position.wrapping_add(whole(len));
        self.position = end;
        if self.overwrite {
            self.producer = end;
        }
        if end.wrapping_sub(self.published) >= self.batch {
            self.publish();
        }
    }

    /// Gives everything before the reading position back.
    #[inline]
    pub(super) fn publish(&mut self) {
        if self.published != self.position {
            self.memory.publish(self.position);
            self.published = self.position;
        }
    }

    fn is_settled(&self) -> bool {
        self.fenced == self.position
    }

    /// Makes our position known before the last look: the consumer's half of the hand-shake that
    /// `bpf_ringbuf_commit` has the other half of (lines 501 to 512). It exchanges the header, which
    /// is a full barrier, and then compares our position with the record's to decide whether to
    /// wake us. Either it sees our position, or our next look sees its record.
    pub(super) fn settle(&mut self) {
        self.publish();
        self.memory.full_fence();
        self.fenced = self.position;
    }

    fn head(&mut self) -> Result<Head, Corrupt> {
        if self.overwrite {
            return self.head_not_overwritten();
        }
        if self.position == self.producer {
            self.producer = self.memory.producer_position();
            if self.position == self.producer {
                return Ok(Head::Empty);
            }
            let reserved = self.producer.wrapping_sub(self.position);
            if reserved > self.memory.size() {
                self.producer = self.position;
                return Err(self.corrupt(FAR_APART));
            }
        }
        let word = self.memory.header(self.position);
        self.judge(word, self.producer)
    }

    /// In overwrite mode the oldest record may go at any time: what was read counts only if it
    /// was still there afterwards.
    fn head_not_overwritten(&mut self) -> Result<Head, Corrupt> {
        for _ in 0..TRIES {
            let producer = self.memory.producer_position();
            self.skip_overwritten();
            if self.position == producer {
                return Ok(Head::Empty);
            }
            let reserved = producer.wrapping_sub(self.position);
            let word = self.memory.header(self.position);
            if reserved <= self.memory.size() && self.is_intact() {
                return self.judge(word, producer);
            }
        }
        let reserved = self.memory.producer_position().wrapping_sub(self.position);
        match self.is_intact() && reserved > self.memory.size() {
            true => Err(self.corrupt(FAR_APART)),
            false => Ok(Head::Busy),
        }
    }

    fn skip_overwritten(&mut self) {
        let oldest = self.memory.overwrite_position();
        if is_after(oldest, self.position) {
            let lost = oldest.wrapping_sub(self.position);
            self.overwritten = self.overwritten.wrapping_add(lost);
            self.position = oldest;
            self.producer = oldest;
        }
    }

    /// Whether what was read at the reading position was there all the time.
    pub(super) fn is_intact(&self) -> bool {
        self.memory.read_fence();
        !is_after(self.memory.overwrite_position(), self.position)
    }

    /// What the first word of a header says.
    fn judge(&self, word: u32, producer: u64) -> Result<Head, Corrupt> {
        if word & BUSY != 0 {
            return Ok(Head::Busy);
        }
        if whole(word) > producer.wrapping_sub(self.position) {
            return Err(self.corrupt("record longer than what is reserved"));
        }
        match word & DISCARD {
            0 => Ok(Head::Record(word)),
            _ => Ok(Head::Discarded(word & !DISCARD)),
        }
    }

    #[cold]
    fn corrupt(&self, what: &'static str) -> Corrupt {
        let position = self.position;
        Corrupt { position, what }
    }
}

/// Bytes of the record with this header: header and padding too.
#[inline]
fn whole(word: u32) -> u64 {
    (u64::from(word & !(BUSY | DISCARD)) + HEADER + 7) & !7
}

/// Whether a position comes after another: positions only grow, and wrap at 2^64.
#[inline]
fn is_after(position: u64, other: u64) -> bool {
    position.wrapping_sub(other).cast_signed() > 0
}
