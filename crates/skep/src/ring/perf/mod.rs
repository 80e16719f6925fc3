//! Perf event arrays: a buffer for each CPU, read as one.

mod cpu;
mod grace;
mod history;
mod region;
mod sample;
#[cfg(test)]
mod tests;

pub use cpu::CpuStats;
pub use history::{CpuHistory, PerfHistory};
pub use sample::Sample;
pub(crate) use sample::read as read_sample;
pub use skep_sys::perf::Wakeup;

use super::wait::{Deadline, Woken, is_signal};
use crate::error::Context;
use crate::map::Map;
use crate::{Errno, Error, ErrorKind, MapType, Result};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use cpu::{CpuBuffer, Found, on_cpu};
use skep_sys::perf::{PerfEvent, perf_event_pause_output};
use skep_sys::{Epoll, Fd, file};

/// Samples of one CPU before the next has its turn.
const TURN: u32 = 64;

/// How a perf event array is read.
#[derive(Clone, Debug)]
pub struct PerfOptions {
    /// Bytes of each CPU's buffer; rounded up to a power of two of pages.
    pub bytes_per_cpu: usize,
    /// When the reader is woken.
    pub wakeup: Wakeup,
    /// Only these CPUs; `None` for all that are online. Programs cannot send from others.
    pub cpus: Option<Vec<u32>>,
}

impl Default for PerfOptions {
    /// 64 KiB, a wake-up for each sample, all CPUs.
    #[inline]
    fn default() -> Self {
        Self {
            bytes_per_cpu: 64 << 10,
            wakeup: Wakeup::Events(1),
            cpus: None,
        }
    }
}

/// The reader of a perf event array: the buffers of all CPUs.
///
/// Samples of one CPU come in their order, those of different CPUs in none. An array has one
/// reader: a second one would take its places.
///
/// # Kernel
/// `BPF_MAP_TYPE_PERF_EVENT_ARRAY`, since Linux 4.3.
#[doc(alias("perf_buffer", "PerfEventArray"))]
pub struct PerfBuffer {
    map: Map,
    options: PerfOptions,
    buffers: Vec<CpuBuffer>,
    epoll: Epoll,
    /// Whose turn it is, and for how many samples more.
    turn: usize,
    left: u32,
}

impl PerfBuffer {
    /// A buffer for each CPU that is online; see [`PerfOptions::default`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the map is no perf event array, or has no place for a CPU;
    /// [`ErrorKind::Permission`] without `CAP_PERFMON`, or if more memory is wanted than
    /// `kernel.perf_event_mlock_kb` allows.
    #[doc(alias = "perf_buffer__new")]
    #[inline]
    pub fn open(map: &Map) -> Result<Self> {
        Self::open_with(map, PerfOptions::default())
    }

    /// [`PerfBuffer::open`] with options.
    #[inline]
    pub fn open_with(map: &Map, options: PerfOptions) -> Result<Self> {
        check(map)?;
        let epoll = Epoll::new(map.system().kernel())
            .context(format_args!("wait for map `{}`", map.name()))?;
        let mut this = Self {
            map: map.clone(),
            options,
            buffers: Vec::new(),
            epoll,
            turn: 0,
            left: TURN,
        };
        this.add_online_cpus()?;
        Ok(this)
    }

    /// Opens buffers for CPUs that came online since, and gives up those of CPUs that have gone
    /// and were read to their end; the answer is the CPUs that were added.
    ///
    /// # Errors
    /// Those of [`PerfBuffer::open`]; the buffers there were remain.
    #[inline]
    pub fn add_online_cpus(&mut self) -> Result<Vec<u32>> {
        let online = self.online()?;
        for buffer in &mut self.buffers {
            buffer.retired |= !online.contains(&buffer.stats.cpu);
        }
        self.buffers.retain(|b| !b.retired || b.is_ready());
        let mut added = Vec::new();
        for cpu in online {
            let has = |b: &CpuBuffer| b.stats.cpu == cpu && !b.retired;
            if !self.buffers.iter().any(has) && self.add_cpu(cpu)? {
                added.push(cpu);
            }
        }
        Ok(added)
    }

    /// Opens a new buffer for this CPU, which takes the place of the one there was (a CPU that
    /// went offline and came back writes no more to its old one): what is in that can still be
    /// read. `false` if the CPU is not online.
    ///
    /// # Errors
    /// Those of [`PerfBuffer::open`]; the buffer there was remains.
    #[inline]
    pub fn add_cpu(&mut self, cpu: u32) -> Result<bool> {
        let event = PerfEvent::BpfOutput {
            wakeup: self.options.wakeup,
            backward: false,
        };
        let size = size(&self.map, self.options.bytes_per_cpu);
        let buffer = match open_cpu(&self.map, cpu, &event, size)? {
            Some(buffer) => buffer,
            None => return Ok(false),
        };
        self.epoll
            .add_edge(&buffer.event, 0)
            .context(on_cpu(&self.map, cpu, "wait for"))?;
        for old in self.buffers.iter_mut().filter(|b| b.stats.cpu == cpu) {
            old.retired = true;
        }
        self.buffers.push(buffer);
        Ok(true)
    }

    /// CPUs that are to have a buffer.
    #[inline]
    fn online(&self) -> Result<Vec<u32>> {
        online(&self.map, self.options.cpus.as_deref())
    }

    /// The map.
    #[inline]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// One descriptor to wait on for all CPUs (epoll and poll). It tells of each wake-up once:
    /// read until [`PerfBuffer::next`] answers `None` before waiting again.
    #[inline]
    pub fn fd(&self) -> &Fd {
        self.epoll.fd()
    }

    /// What happened so far on each CPU, in order of opening. A CPU that was added again is there
    /// twice until its old buffer is given up.
    #[inline]
    pub fn stats(&self) -> impl Iterator<Item = CpuStats> + '_ {
        self.buffers.iter().map(|buffer| buffer.stats)
    }

    /// Samples that found no room, on all CPUs.
    #[inline]
    pub fn lost(&self) -> u64 {
        self.stats().map(|stats| stats.lost).sum()
    }

    /// The next sample, if one is there. It is lent: dropping it goes on to the next.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if a CPU's memory holds what the kernel never writes there. It is
    /// said once; the other CPUs' samples are read on.
    #[inline]
    #[doc(alias = "perf_buffer__consume")]
    #[allow(clippy::should_implement_trait)] // lends, which `Iterator` cannot
    pub fn next(&mut self) -> Result<Option<Sample<'_>>> {
        let Some(found) = self.find()? else {
            return Ok(None);
        };
        let buffer = self.buffers.get_mut(self.turn);
        Ok(buffer.map(|buffer| Sample { buffer, found }))
    }

    /// The sample whose turn it is.
    #[inline]
    fn find(&mut self) -> Result<Option<Found>> {
        if self.left > 0
            && let Some(buffer) = self.buffers.get_mut(self.turn)
            && let Some(found) = buffer.peek()?
        {
            self.left -= 1;
            return Ok(Some(found));
        }
        self.find_next()
    }

    /// Every CPU asked in turn, from the next one on, the one of this turn last.
    #[inline]
    fn find_next(&mut self) -> Result<Option<Found>> {
        for _ in 0..self.buffers.len() {
            self.turn = (self.turn + 1) % self.buffers.len();
            self.left = TURN - 1;
            if let Some(buffer) = self.buffers.get_mut(self.turn)
                && let Some(found) = buffer.peek()?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Whether [`PerfBuffer::next`] has a sample or an error, or else something to count.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.buffers.iter().any(CpuBuffer::is_ready)
    }

    /// Waits until there is a sample, the time is over (`None`: never) or a signal comes. What is
    /// there already counts; [`PerfOptions::wakeup`] tells when it is woken once it sleeps.
    ///
    /// # Errors
    /// Those of epoll_wait(2) and clock_gettime(2).
    #[doc(alias = "perf_buffer__poll")]
    #[inline]
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Woken> {
        let deadline = Deadline::after(self.map.system(), timeout)?;
        loop {
            if self.is_ready() {
                return Ok(Woken::Ready);
            }
            let left = deadline.left_ns()?;
            if left == Some(0) {
                return Ok(Woken::TimedOut);
            }
            if is_signal(self.epoll.wait(left, |_| ()).map(drop))? {
                return Ok(Woken::Signal);
            }
        }
    }

    /// Has the kernel drop samples (uncounted) instead of writing them.
    ///
    /// # Kernel
    /// `PERF_EVENT_IOC_PAUSE_OUTPUT`, since Linux 4.7.
    #[inline]
    pub fn pause(&self) -> Result<()> {
        self.set_paused(true)
    }

    /// Has the kernel write again.
    #[inline]
    pub fn resume(&self) -> Result<()> {
        self.set_paused(false)
    }

    #[inline]
    fn set_paused(&self, paused: bool) -> Result<()> {
        let verb = if paused { "pause" } else { "resume" };
        for buffer in self.buffers.iter().filter(|b| !b.retired) {
            perf_event_pause_output(&buffer.event, paused).context(on_cpu(
                &self.map,
                buffer.stats.cpu,
                verb,
            ))?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for PerfBuffer {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "PerfBuffer({:?} on {} CPUs)",
            self.map,
            self.buffers.len()
        )
    }
}

#[inline]
fn doing(map: &Map, verb: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{verb} perf buffers of map `{}`", map.name()))
}

#[inline]
fn check(map: &Map) -> Result<()> {
    if map.map_type() == MapType::PERF_EVENT_ARRAY {
        return Ok(());
    }
    let what = format!("map `{}` is no perf event array", map.name());
    Err(Error::new(ErrorKind::Invalid, what))
}

/// Bytes of a buffer: a power of two of pages.
#[inline]
fn size(map: &Map, bytes: usize) -> usize {
    let page = map.system().page_size();
    let wanted = bytes.max(page).checked_next_power_of_two();
    wanted.unwrap_or(usize::MAX / 2 + 1)
}

/// The CPUs that are online, or those of `only` that are.
#[inline]
fn online(map: &Map, only: Option<&[u32]>) -> Result<Vec<u32>> {
    let mut online =
        file::online_cpus(map.system().kernel()).context("ask which CPUs are online")?;
    if let Some(only) = only {
        online.retain(|cpu| only.contains(cpu));
    }
    if let Some(cpu) = online.iter().find(|cpu| **cpu >= map.max_entries()) {
        let (name, entries) = (map.name(), map.max_entries());
        let what = format!("map `{name}` of {entries} entries has no place for CPU {cpu}");
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    Ok(online)
}

/// A CPU's buffer; `None` if the CPU is not online (any more).
#[inline]
fn open_cpu(map: &Map, cpu: u32, event: &PerfEvent<'_>, size: usize) -> Result<Option<CpuBuffer>> {
    match CpuBuffer::open(map, cpu, event, size) {
        Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(None),
        buffer => buffer.map(Some),
    }
}
