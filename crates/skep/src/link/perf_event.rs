//! Perf events: programs that run when a clock or counter has come so far.

use super::perf_kinds::{
    Breakpoint, CacheEvent, CacheOp, CacheResult, HardwareEvent, SoftwareEvent,
};
use super::{Hook, Link, LinkMode, perf, pmu};
use crate::error::Context;
use crate::prog::Program;
use crate::system::System;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use skep_codec::uapi::linux::{
    PERF_TYPE_BREAKPOINT, PERF_TYPE_HARDWARE, PERF_TYPE_HW_CACHE, PERF_TYPE_RAW, PERF_TYPE_SOFTWARE,
};
use skep_sys::Fd;
use skep_sys::perf::{Counter, PerfEvent as Event, Sample, Wakeup, perf_event_enable};

/// A clock or counter of a thread, a CPU or a cgroup: without more words, of the calling thread on
/// whichever CPU.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_program__attach_perf_event")]
#[doc(alias = "perf_event_attr")]
pub struct PerfEvent<'a> {
    source: Source<'a>,
    /// What it is, in words.
    name: String,
    counter: Counter,
    pid: Option<u32>,
    cpu: Option<u32>,
    cgroup: Option<&'a Fd>,
    cookie: u64,
    mode: LinkMode,
}

#[derive(Clone, Debug)]
enum Source<'a> {
    Counter,
    Unit(String),
    Opened(&'a Fd),
}

impl<'a> PerfEvent<'a> {
    /// Something that the kernel counts.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Invalid`] if neither period nor frequency are given; `ESRCH`: no
    /// such thread; `ENODEV`: the CPU is offline.
    ///
    /// # Kernel
    /// perf_event_open(2), and a BPF link (since Linux 5.15) or an ioctl (since 4.9). Of others'
    /// threads and of CPUs with `CAP_PERFMON`, or as `kernel.perf_event_paranoid` says.
    #[inline]
    pub fn software(event: SoftwareEvent) -> Self {
        let name = format!("software event {event:?}");
        Self::of(PERF_TYPE_SOFTWARE, event as u64, name)
    }

    /// Something that the machine counts, under the name that all machines have for it.
    ///
    /// # Errors
    /// Those of [`PerfEvent::software`]; `ENOENT`, `EOPNOTSUPP`: this machine does not count it.
    #[inline]
    pub fn hardware(event: HardwareEvent) -> Self {
        let name = format!("hardware event {event:?}");
        Self::of(PERF_TYPE_HARDWARE, event as u64, name)
    }

    /// Something that the machine counts of a cache; as [`PerfEvent::hardware`].
    #[inline]
    pub fn cache(cache: CacheEvent, op: CacheOp, result: CacheResult) -> Self {
        let config = cache as u64 | (op as u64) << 8 | (result as u64) << 16;
        let name = format!("cache event {cache:?} {op:?} {result:?}");
        Self::of(PERF_TYPE_HW_CACHE, config, name)
    }

    /// Something that this machine counts, by the number in its maker's books.
    #[inline]
    pub fn raw(config: u64) -> Self {
        Self::of(PERF_TYPE_RAW, config, format!("raw event {config:#x}"))
    }

    /// Something that a unit of this name counts, which is in `/sys/bus/event_source/devices`.
    ///
    /// # Errors
    /// Those of [`PerfEvent::software`]; [`ErrorKind::NotFound`]: there is no such unit.
    #[inline]
    pub fn unit(name: &str, config: u64) -> Self {
        let words = format!("event {config:#x} of unit {name}");
        let mut event = Self::of(0, config, words);
        event.source = Source::Unit(name.to_string());
        event
    }

    /// Each access to memory at this address: of `len` bytes, a power of two up to 8.
    ///
    /// # Errors
    /// Those of [`PerfEvent::software`]; `EINVAL`: not at this address or length; `ENOSPC`: the
    /// machine has no more registers for it.
    #[doc(alias = "PERF_TYPE_BREAKPOINT")]
    #[inline]
    pub fn breakpoint(on: Breakpoint, address: u64, len: u64) -> Self {
        let name = format!("breakpoint {on:?} at {address:#x}");
        let mut event = Self::of(PERF_TYPE_BREAKPOINT, 0, name);
        (event.counter.config1, event.counter.config2) = (address, len);
        event.counter.bp_type = on as u32;
        event.period(1)
    }

    /// One that the caller opened; what else is said of it here counts for nothing.
    ///
    /// # Kernel
    /// Without a BPF link (before Linux 5.15) dropping the link stops the event.
    #[inline]
    pub fn on(event: &'a Fd) -> Self {
        let mut on = Self::of(0, 0, "perf event".to_string());
        on.source = Source::Opened(event);
        on
    }

    #[inline]
    fn of(kind: u32, config: u64, name: String) -> Self {
        Self {
            source: Source::Counter,
            name,
            counter: Counter {
                kind,
                config,
                ..Counter::default()
            },
            pid: None,
            cpu: None,
            cgroup: None,
            cookie: 0,
            mode: LinkMode::Auto,
        }
    }

    /// Of the thread with this id (0: the calling one). The first of a process has the process's id;
    /// the rest: see [`PerfEvent::inherited`].
    #[doc(alias = "tid")]
    #[must_use]
    #[inline]
    pub fn pid(mut self, pid: u32) -> Self {
        self.pid = Some(pid);
        self
    }

    /// Only on this CPU: of all that runs there, if no thread and no cgroup is said. What is to be seen
    /// on all CPUs takes a link for each of them (`/sys/devices/system/cpu/online`).
    #[must_use]
    #[inline]
    pub fn cpu(mut self, cpu: u32) -> Self {
        self.cpu = Some(cpu);
        self
    }

    /// Of all in this cgroup, by its directory, on the CPU that is said.
    ///
    /// # Kernel
    /// `PERF_FLAG_PID_CGROUP` (`CONFIG_CGROUP_PERF`).
    #[doc(alias = "PERF_FLAG_PID_CGROUP")]
    #[must_use]
    #[inline]
    pub fn cgroup(mut self, cgroup: &'a Fd) -> Self {
        self.cgroup = Some(cgroup);
        self
    }

    /// The program runs each time that so many more were counted (nanoseconds, of a clock).
    #[doc(alias = "sample_period")]
    #[must_use]
    #[inline]
    pub fn period(mut self, counts: u64) -> Self {
        self.counter.sample = Sample::Period(counts);
        self
    }

    /// The program runs about so many times a second.
    ///
    /// # Errors
    /// When attached: `EINVAL` above `kernel.perf_event_max_sample_rate`.
    #[doc(alias = "sample_freq")]
    #[must_use]
    #[inline]
    pub fn frequency(mut self, hertz: u64) -> Self {
        self.counter.sample = Sample::Frequency(hertz);
        self
    }

    /// Threads and processes that the thread makes from now on are counted too.
    #[doc(alias = "inherit")]
    #[must_use]
    #[inline]
    pub fn inherited(mut self) -> Self {
        self.counter.inherit = true;
        self
    }

    /// What the unit takes beside its `config`.
    #[must_use]
    #[inline]
    pub fn more_config(mut self, config1: u64, config2: u64) -> Self {
        (self.counter.config1, self.counter.config2) = (config1, config2);
        self
    }

    /// When a reader of the event's own buffer is woken, into which go the samples that the program
    /// answers with 1: see [`PerfEvent::open`].
    #[doc(alias = "wakeup_events")]
    #[doc(alias = "wakeup_watermark")]
    #[must_use]
    #[inline]
    pub fn wakeup(mut self, wakeup: Wakeup) -> Self {
        self.counter.wakeup = wakeup;
        self
    }

    /// What `bpf_get_attach_cookie` answers in the program.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Unsupported`] before Linux 5.15.
    #[must_use]
    #[inline]
    pub fn cookie(mut self, cookie: u64) -> Self {
        self.cookie = cookie;
        self
    }

    /// Attaches in this way, and in no other ([`LinkMode::Attach`]: `PERF_EVENT_IOC_SET_BPF`).
    #[must_use]
    #[inline]
    pub fn mode(mut self, mode: LinkMode) -> Self {
        self.mode = mode;
        self
    }

    /// Opens it, counting, without a program: to be read
    /// ([`perf_event_read`](skep_sys::perf::perf_event_read)), or to be mapped and given a program later
    /// ([`PerfEvent::on`]).
    ///
    /// # Errors
    /// The kernel's, and what they mean here.
    #[inline]
    pub fn open(&self, system: &System) -> Result<Fd> {
        let opened = match self.source {
            Source::Opened(event) => Ok(event.try_clone()?),
            _ => self.open_counter(system),
        };
        opened.map_err(|error| {
            let why = error.errno().map_or("", |errno| self.why(errno));
            error.context(format_args!("open {}{why}", self.name))
        })
    }

    #[inline]
    fn open_counter(&self, system: &System) -> Result<Fd> {
        let mut counter = self.counter;
        if let Source::Unit(name) = &self.source {
            counter.kind = pmu::kind(system, name)?.ok_or_else(|| {
                let what = format!("/sys/bus/event_source/devices has no unit `{name}`");
                Error::new(ErrorKind::NotFound, what)
            })?;
        }
        let event = Event::Counter(counter);
        match (self.cgroup, self.pid, self.cpu) {
            (None, None, Some(cpu)) => perf::open_on(system, &event, None, Some(cpu)),
            (None, pid, cpu) => perf::open_on(system, &event, Some(pid.unwrap_or(0)), cpu),
            (Some(cgroup), None, Some(cpu)) => perf::open_in(system, &event, cgroup, cpu),
            (Some(_), ..) => {
                let what = "an event of a cgroup is of one CPU, and of no thread";
                Err(Error::new(ErrorKind::Invalid, what))
            }
        }
    }

    /// What a refusal of the kernel means here.
    #[inline]
    fn why(&self, errno: Errno) -> &'static str {
        match errno {
            Errno::ENOENT | Errno::EBADF if self.cgroup.is_some() => {
                " (perf events do not know the cgroup: is it of the hierarchy that has them?)"
            }
            Errno::ENOENT | Errno::EOPNOTSUPP => " (this machine does not count it, or not so)",
            Errno::EACCES | Errno::EPERM => {
                " (it takes CAP_PERFMON: see kernel.perf_event_paranoid)"
            }
            Errno::ESRCH => " (there is no such thread)",
            Errno::ENODEV => " (there is no such CPU, or it is offline)",
            Errno::ENOSPC => " (the machine has no more registers for it)",
            Errno::EINVAL => " (not so: frequencies go up to kernel.perf_event_max_sample_rate)",
            _ => "",
        }
    }
}

impl Hook for PerfEvent<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let opened = matches!(self.source, Source::Opened(_));
        let never = matches!(
            self.counter.sample,
            Sample::Period(0) | Sample::Frequency(0)
        );
        if never && !opened {
            let what = format!(
                "{}: it never samples without a period or frequency",
                self.name
            );
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let event = self.open(program.system())?;
        if opened {
            perf_event_enable(&event).context("start a perf event")?;
        }
        let mode = self.mode.into();
        perf::attach(program, event, self.name.clone(), self.cookie, mode)
    }
}
