//! Perf event arrays whose buffers are overwritten: what happened last, when asked for.

use super::cpu::{CpuBuffer, on_cpu};
use super::grace::GracePeriod;
use super::region::Region;
use super::{check, doing, online, open_cpu, size};
use crate::error::Context;
use crate::map::Map;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use skep_codec::bytes::Endian;
use skep_codec::perf::{self, Header, Record};
use skep_sys::perf::{PerfEvent, Wakeup, perf_event_pause_output};

/// A perf event array that keeps the newest samples of each CPU: programs never find it full,
/// what is oldest is overwritten. A flight recorder.
///
/// # Kernel
/// `write_backward` and `PERF_EVENT_IOC_PAUSE_OUTPUT`, since Linux 4.7.
#[doc(alias("write_backward", "overwritable"))]
pub struct PerfHistory {
    map: Map,
    cpus: Vec<(CpuBuffer, u64)>,
    writers: GracePeriod,
}

/// Samples of one CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuHistory {
    /// Its number.
    pub cpu: u32,
    /// What programs sent since it was last looked at, as far as it is still there; oldest first.
    /// Each may be up to 7 bytes longer than what was sent.
    pub samples: Vec<Vec<u8>>,
    /// Whether older ones were overwritten unseen.
    pub overwritten: bool,
}

impl PerfHistory {
    /// A buffer of so many bytes (rounded up to a power of two of pages) for each CPU that is
    /// online.
    ///
    /// # Errors
    /// Those of [`PerfBuffer::open`](super::PerfBuffer::open).
    #[inline]
    pub fn open(map: &Map, bytes_per_cpu: usize) -> Result<Self> {
        check(map)?;
        let event = PerfEvent::BpfOutput {
            wakeup: Wakeup::Events(0),
            backward: true,
        };
        let size = size(map, bytes_per_cpu);
        let mut cpus = Vec::new();
        for cpu in online(map, None)? {
            cpus.extend(open_cpu(map, cpu, &event, size)?.map(|buffer| (buffer, 0)));
        }
        Ok(Self {
            map: map.clone(),
            cpus,
            writers: GracePeriod::new(map.system())?,
        })
    }

    /// The map.
    #[inline]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The samples since the last look, of each CPU. Writing is paused while they are read, and
    /// while programs end that were writing already: some milliseconds, in which what programs
    /// send is lost.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if a CPU's memory holds what the kernel never writes there.
    #[inline]
    pub fn snapshot(&mut self) -> Result<Vec<CpuHistory>> {
        let paused = self.pause(true, "pause");
        // Whoever had begun to write before may be writing over the oldest samples now, and tells
        // of it by the head only when that is done.
        let quiet = paused.and_then(|()| {
            let doing = doing(&self.map, "wait for the writers of");
            self.writers.wait().context(doing)
        });
        let read = quiet.and_then(|()| self.read());
        self.pause(false, "resume")?;
        read
    }

    /// Pauses or resumes every CPU, though one of them refuse.
    #[inline]
    fn pause(&self, on: bool, verb: &str) -> Result<()> {
        let mut all = Ok(());
        for (buffer, _) in &self.cpus {
            let paused = perf_event_pause_output(&buffer.event, on);
            let paused = paused.context(on_cpu(&self.map, buffer.stats.cpu, verb));
            all = all.and(paused);
        }
        all
    }

    /// What is new on each CPU, no one writing.
    #[inline]
    fn read(&mut self) -> Result<Vec<CpuHistory>> {
        let mut all = Vec::new();
        for (buffer, seen) in &mut self.cpus {
            let (cpu, head) = (buffer.stats.cpu, buffer.region.head());
            let Some((samples, overwritten)) = walk(&buffer.region, head, *seen) else {
                let what = doing(&self.map, "read");
                let why = format!("CPU {cpu} holds a record that cannot be");
                return Err(Error::new(ErrorKind::Corrupt, why).context(what));
            };
            *seen = head;
            all.push(CpuHistory {
                cpu,
                samples,
                overwritten,
            });
        }
        Ok(all)
    }
}

impl core::fmt::Debug for PerfHistory {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PerfHistory({:?} on {} CPUs)", self.map, self.cpus.len())
    }
}

/// Samples between the head and what was `seen`, and whether some are gone. The head
/// only falls, so that records follow it upward, newest first.
#[inline]
fn walk(region: &Region, head: u64, seen: u64) -> Option<(Vec<Vec<u8>>, bool)> {
    let written = seen.wrapping_sub(head);
    let there = written.min(region.size());
    let (mut at, mut samples) = (0, Vec::new());
    let mut bytes = Vec::new();
    while at < there {
        let position = head.wrapping_add(at);
        let header = Header::read(region.header(position), Endian::NATIVE);
        let Some(len) = header.len_within(there - at) else {
            // The oldest one may be overwritten in part: then it reaches beyond the size.
            let len = u64::from(header.size);
            let cut = written > there && len.is_multiple_of(8) && len > there - at;
            return cut.then(|| oldest_first(samples, true));
        };
        bytes.clear();
        bytes.resize(len as usize, 0);
        region.copy(position, &mut bytes);
        if let Record::Sample(sample) = perf::decode(&bytes, Endian::NATIVE).ok()?.0 {
            samples.push(sample.to_vec());
        }
        at += len;
    }
    Some(oldest_first(samples, written > there))
}

#[inline]
fn oldest_first(mut samples: Vec<Vec<u8>>, overwritten: bool) -> (Vec<Vec<u8>>, bool) {
    samples.reverse();
    (samples, overwritten)
}
