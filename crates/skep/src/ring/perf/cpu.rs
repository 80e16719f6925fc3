//! The buffer of one CPU.

use super::region::Region;
use crate::error::Context;
use crate::map::{ElemFlags, Map};
use crate::{Error, ErrorKind, Result};
use alloc::vec;
use core::fmt;
use skep_codec::bytes::Endian;
use skep_codec::perf::{self, Header, Record};
use skep_sys::Fd;
use skep_sys::perf::{PerfEvent, perf_event_open};

/// Header, and the length of what the program sent.
const BEFORE_SAMPLE: u64 = perf::HEADER as u64 + 4;

/// What happened on one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuStats {
    /// Its number.
    pub cpu: u32,
    /// Samples read.
    pub samples: u64,
    /// Samples that found no room, as far as the kernel has told: it does with the next one that
    /// finds some.
    pub lost: u64,
    /// How often the kernel held the event back for coming too often.
    pub throttled: u64,
}

/// A sample at the reading position: where its bytes begin, how many, where the record ends.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) start: u64,
    pub(super) len: u32,
    pub(super) end: u64,
}

/// A CPU's buffer, its positions, and what was counted.
pub(super) struct CpuBuffer {
    pub(super) event: Fd,
    pub(super) region: Region,
    pub(super) stats: CpuStats,
    /// Where the next record begins.
    position: u64,
    /// What the kernel knows of it.
    published: u64,
    /// The kernel's position when last looked at.
    head: u64,
    /// No more is read: it held what the kernel never writes.
    broken: bool,
    /// Another buffer of this CPU has taken its place in the map.
    pub(super) retired: bool,
}

impl CpuBuffer {
    /// Opens the event on a CPU, maps its buffer and puts it into the map.
    #[inline]
    pub(super) fn open(map: &Map, cpu: u32, event: &PerfEvent<'_>, size: usize) -> Result<Self> {
        let doing = |what: &'static str| on_cpu(map, cpu, what);
        let system = map.system();
        let forward = !matches!(event, PerfEvent::BpfOutput { backward: true, .. });
        let event =
            perf_event_open(system.kernel(), event, -1, cpu as i32).context(doing("open"))?;
        let region = Region::map(&event, system.page_size(), size, forward)
            .context(doing("map into memory"))?;
        map.update(
            &cpu.to_ne_bytes(),
            &event.raw().to_ne_bytes(),
            ElemFlags::ANY,
        )?;
        Ok(Self::new(cpu, event, region, 0))
    }

    /// A reader at this position.
    #[inline]
    pub(super) fn new(cpu: u32, event: Fd, region: Region, position: u64) -> Self {
        Self {
            event,
            region,
            stats: CpuStats {
                cpu,
                ..CpuStats::default()
            },
            position,
            published: position,
            head: position,
            broken: false,
            retired: false,
        }
    }

    /// The sample at the reading position, if one is there; other records are counted on the way.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<Option<Found>> {
        loop {
            if self.position == self.head && !self.look()? {
                return Ok(None);
            }
            let header = Header::read(self.region.header(self.position), Endian::NATIVE);
            let there = self.head.wrapping_sub(self.position);
            let Some(len) = header.len_within(there) else {
                return Err(self.corrupt("a record longer than what is written"));
            };
            let end = self.position.wrapping_add(len);
            if header.kind != perf::SAMPLE {
                self.note(len)?;
                self.consume(end);
                continue;
            }
            let size = self.region.word(self.position.wrapping_add(8));
            if u64::from(size) + BEFORE_SAMPLE > len {
                return Err(self.corrupt("a sample longer than its record"));
            }
            return Ok(Some(Found {
                start: self.position.wrapping_add(BEFORE_SAMPLE),
                len: size,
                end,
            }));
        }
    }

    /// Looks how far the kernel has come: whether there is something to read. If not, all room
    /// is given back.
    #[inline]
    fn look(&mut self) -> Result<bool> {
        if self.broken {
            return Ok(false);
        }
        let head = self.region.head();
        if head == self.position {
            self.publish();
            return Ok(false);
        }
        if head.wrapping_sub(self.position) > self.region.size() {
            return Err(self.corrupt("more written than there is room"));
        }
        self.head = head;
        Ok(true)
    }

    /// Whether there is something to read.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        !self.broken && self.region.head() != self.position
    }

    /// Goes on to the next record. Room is given back by the quarter, and when all is read.
    #[inline]
    pub(super) fn consume(&mut self, end: u64) {
        self.position = end;
        if end.wrapping_sub(self.published) >= self.region.size() / 4 {
            self.publish();
        }
    }

    #[inline]
    fn publish(&mut self) {
        if self.published != self.position {
            self.published = self.position;
            self.region.publish(self.position);
        }
    }

    /// Counts a record of `len` bytes that is no sample.
    #[cold]
    fn note(&mut self, len: u64) -> Result<()> {
        let mut record = vec![0; len as usize];
        self.region.copy(self.position, &mut record);
        match perf::decode(&record, Endian::NATIVE) {
            Ok((Record::Lost(lost), _)) => self.stats.lost = self.stats.lost.saturating_add(lost),
            Ok((Record::Throttle, _)) => self.stats.throttled += 1,
            Ok(_) => {}
            Err(error) => return Err(self.corrupt(error.what())),
        }
        Ok(())
    }

    /// From here on nothing can be read: said once, and then the buffer is as if empty.
    #[cold]
    fn corrupt(&mut self, what: &str) -> Error {
        self.broken = true;
        self.head = self.position;
        let (cpu, position) = (self.stats.cpu, self.position);
        let what = format!("perf buffer of CPU {cpu} at position {position}: {what}");
        Error::new(ErrorKind::Corrupt, what)
    }
}

/// What was being done to a CPU's buffer, in words.
#[cold]
pub(super) fn on_cpu(map: &Map, cpu: u32, what: &str) -> impl fmt::Display {
    let buffer = "the perf buffer of CPU";
    fmt::from_fn(move |f| write!(f, "{what} {buffer} {cpu} for map `{}`", map.name()))
}
