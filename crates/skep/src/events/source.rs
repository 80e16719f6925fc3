//! What events come from.

use super::IterStream;
use crate::Result;
use crate::ring::{PerfBuffer, RingBuf};
use alloc::string::String;
use alloc::vec::Vec;
use skep_sys::Fd;

/// Where events come from.
#[derive(Debug)]
pub enum Source {
    /// A ring buffer.
    Ring(RingBuf),
    /// A perf event array.
    Perf(PerfBuffer),
    /// An iterator; the only kind that ends.
    Iter(IterStream),
}

impl From<RingBuf> for Source {
    #[inline]
    fn from(ring: RingBuf) -> Self {
        Self::Ring(ring)
    }
}

impl From<PerfBuffer> for Source {
    #[inline]
    fn from(buffer: PerfBuffer) -> Self {
        Self::Perf(buffer)
    }
}

impl From<IterStream> for Source {
    #[inline]
    fn from(stream: IterStream) -> Self {
        Self::Iter(stream)
    }
}

impl Source {
    /// The descriptor to wait on, of those that wait.
    #[inline]
    pub(super) fn fd(&self) -> Option<&Fd> {
        match self {
            Self::Ring(ring) => Some(ring.fd()),
            Self::Perf(buffer) => Some(buffer.fd()),
            Self::Iter(_) => None,
        }
    }

    #[inline]
    pub(super) fn name(&self) -> String {
        match self {
            Self::Ring(ring) => format!("ring buffer `{}`", ring.map().name()),
            Self::Perf(buffer) => format!("perf event array `{}`", buffer.map().name()),
            Self::Iter(_) => String::from("an iterator"),
        }
    }
}

/// What came of a source, and what is known to be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceStats {
    /// Events taken.
    pub events: u64,
    /// Samples that found no room in a perf event array. Of a ring buffer only its programs know.
    pub lost: u64,
    /// Bytes that were overwritten unread in a ring buffer in overwrite mode.
    pub overwritten_bytes: u64,
    /// Records of a ring buffer that their program gave back unused.
    pub discarded: u64,
}

/// A source in a stream.
pub(super) struct Slot {
    pub(super) source: Source,
    /// Nothing comes any more: it came to its end, or failed.
    pub(super) ended: bool,
    events: u64,
}

impl Slot {
    #[inline]
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            ended: false,
            events: 0,
        }
    }

    /// Puts the next event's bytes into `out`, if there is one; the answer is its CPU, if known.
    #[inline]
    pub(super) fn take(&mut self, out: &mut Vec<u8>) -> Result<Option<Option<u32>>> {
        if self.ended {
            return Ok(None);
        }
        let taken = self.source.take(out);
        match taken {
            Ok(Some(_)) => self.events += 1,
            Ok(None) => self.ended = matches!(self.source, Source::Iter(_)),
            // A perf event array leaves out the CPU, and goes on.
            Err(_) => self.ended = !matches!(self.source, Source::Perf(_)),
        }
        taken
    }

    #[inline]
    /// Whether the descriptor is readable as long as nobody reads, and nothing is to be had: a
    /// program is at work on the next record, or the ring has failed.
    pub(super) fn is_readable_in_vain(&mut self) -> bool {
        match &mut self.source {
            Source::Ring(ring) => self.ended || ring.is_busy(),
            Source::Perf(_) | Source::Iter(_) => false,
        }
    }

    #[inline]
    pub(super) fn stats(&self) -> SourceStats {
        let stats = SourceStats {
            events: self.events,
            ..SourceStats::default()
        };
        match &self.source {
            Source::Ring(ring) => SourceStats {
                overwritten_bytes: ring.overwritten_bytes(),
                discarded: ring.discarded(),
                ..stats
            },
            Source::Perf(buffer) => SourceStats {
                lost: buffer.lost(),
                ..stats
            },
            Source::Iter(_) => stats,
        }
    }
}

impl Source {
    #[inline]
    fn take(&mut self, out: &mut Vec<u8>) -> Result<Option<Option<u32>>> {
        match self {
            Self::Ring(ring) => Ok(ring.next()?.map(|record| {
                record.read_into(out);
                None
            })),
            Self::Perf(buffer) => Ok(buffer.next()?.map(|sample| {
                sample.read_into(out);
                Some(sample.cpu())
            })),
            Self::Iter(stream) => Ok(stream.next_into(out)?.then_some(None)),
        }
    }
}
