//! Perf events, as far as programs attach to them or write to them.

use crate::attr::PerfEventAttr;
use crate::error::{CallError, Result, check};
use crate::{Fd, KernelRef};
use core::ffi::{CStr, c_int};
use skep_codec::Errno;
use skep_codec::uapi::linux::{
    PERF_COUNT_SW_BPF_OUTPUT, PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_ID,
    PERF_EVENT_IOC_PAUSE_OUTPUT, PERF_EVENT_IOC_SET_BPF, PERF_FLAG_FD_CLOEXEC,
    PERF_FLAG_PID_CGROUP, PERF_FORMAT_TOTAL_TIME_ENABLED, PERF_FORMAT_TOTAL_TIME_RUNNING,
    PERF_SAMPLE_RAW, PERF_TYPE_SOFTWARE, PERF_TYPE_TRACEPOINT,
};

/// What an event is of.
#[derive(Clone, Copy, Debug)]
pub enum PerfEvent<'a> {
    /// A clock or counter that samples.
    Counter(Counter),
    /// The buffer that `bpf_perf_event_output` writes.
    BpfOutput {
        /// When its reader is woken.
        wakeup: Wakeup,
        /// Written from the end to the beginning (`write_backward`), so that a reader who has
        /// paused it finds the newest record first. Since Linux 4.7.
        backward: bool,
    },
    /// A tracepoint, by the number in its `id` file.
    Tracepoint {
        /// The number.
        id: u64,
    },
    /// A kernel function, by the dynamic unit `kprobe`.
    Kprobe {
        /// `/sys/bus/event_source/devices/kprobe/type`.
        kind: u32,
        /// `config`: the bit of `.../kprobe/format/retprobe` for a return.
        config: u64,
        /// The function; `None` for an address.
        func: Option<&'a CStr>,
        /// Offset in the function, or the address.
        offset: u64,
    },
    /// A place in a file, by the dynamic unit `uprobe`.
    Uprobe {
        /// `/sys/bus/event_source/devices/uprobe/type`.
        kind: u32,
        /// `config`: the bit of `.../uprobe/format/retprobe` for a return, and the offset of a
        /// reference counter in the upper half.
        config: u64,
        /// The file.
        path: &'a CStr,
        /// Offset in the file.
        offset: u64,
    },
}

/// A clock or counter: what it counts, and when it samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// `PERF_TYPE_*`, or the number of a unit in `/sys/bus/event_source/devices`.
    pub kind: u32,
    /// `PERF_COUNT_*`, or what the unit takes.
    pub config: u64,
    /// What the unit takes more; the address of a breakpoint.
    pub config1: u64,
    /// What the unit takes more; the bytes of a breakpoint.
    pub config2: u64,
    /// `HW_BREAKPOINT_*`, of a breakpoint.
    pub bp_type: u32,
    /// How often it samples.
    pub sample: Sample,
    /// Also of threads and processes that are made later.
    pub inherit: bool,
    /// When the reader of its buffer is woken.
    pub wakeup: Wakeup,
}

/// How often a counter samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// Every so many counts (nanoseconds, of a clock); never, if 0.
    Period(u64),
    /// So many a second.
    Frequency(u64),
}

impl Default for Sample {
    #[inline]
    fn default() -> Self {
        Self::Period(0)
    }
}

/// When the reader of a perf buffer is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// When so many records have come (`wakeup_events`); 0 is only when the buffer is half full.
    Events(u32),
    /// When so many bytes have come (`wakeup_watermark`).
    Bytes(u32),
}

impl Default for Wakeup {
    #[inline]
    fn default() -> Self {
        Self::Events(0)
    }
}

impl PerfEvent<'_> {
    #[inline]
    fn attr(&self) -> PerfEventAttr {
        let mut attr = PerfEventAttr {
            // Kernels whose struct is shorter want the rest to be zero, no more.
            size: size_of::<PerfEventAttr>() as u32,
            ..PerfEventAttr::default()
        };
        match *self {
            Self::Counter(counter) => attr.counter(&counter),
            Self::BpfOutput { wakeup, backward } => attr.bpf_output(wakeup, backward),
            Self::Tracepoint { id } => {
                (attr.kind, attr.config) = (PERF_TYPE_TRACEPOINT, id);
                (attr.sample_period, attr.wakeup_events) = (1, 1);
            }
            Self::Kprobe {
                kind,
                config,
                func,
                offset,
            } => {
                (attr.kind, attr.config) = (kind, config);
                attr.config1 = func.map_or(0, |f| f.as_ptr().expose_provenance() as u64);
                attr.config2 = offset;
            }
            Self::Uprobe {
                kind,
                config,
                path,
                offset,
            } => {
                (attr.kind, attr.config) = (kind, config);
                attr.config1 = path.as_ptr().expose_provenance() as u64;
                attr.config2 = offset;
            }
        }
        attr
    }
}

impl PerfEventAttr {
    #[inline]
    fn set(&mut self, flag: u32, on: bool) {
        if on {
            self.flags |= Self::flag(flag);
        }
    }

    /// What counts and samples.
    #[inline]
    fn counter(&mut self, counter: &Counter) {
        (self.kind, self.config) = (counter.kind, counter.config);
        (self.config1, self.config2) = (counter.config1, counter.config2);
        self.bp_type = counter.bp_type;
        self.read_format = READ_FORMAT;
        self.sample_period = match counter.sample {
            Sample::Period(period) => period,
            Sample::Frequency(frequency) => frequency,
        };
        let by_frequency = matches!(counter.sample, Sample::Frequency(_));
        self.set(Self::FREQ, by_frequency);
        self.set(Self::INHERIT, counter.inherit);
        self.wakeup(counter.wakeup);
    }

    /// Where programs write records to.
    #[inline]
    fn bpf_output(&mut self, wakeup: Wakeup, backward: bool) {
        (self.kind, self.config) = (PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT);
        (self.sample_type, self.sample_period) = (PERF_SAMPLE_RAW, 1);
        self.wakeup(wakeup);
        self.set(Self::WRITE_BACKWARD, backward);
    }

    #[inline]
    fn wakeup(&mut self, wakeup: Wakeup) {
        self.wakeup_events = match wakeup {
            Wakeup::Events(events) => events,
            Wakeup::Bytes(bytes) => bytes,
        };
        self.set(Self::WATERMARK, matches!(wakeup, Wakeup::Bytes(_)));
    }
}

/// Opens an event on process `pid` (-1: all; 0: this one) and `cpu` (-1: all).
///
/// # Errors
/// `ENOENT`: no such event here; `EACCES`, `EPERM`: no `CAP_PERFMON`; `EINVAL`: not so.
///
/// # Kernel
/// perf_event_open(2).
#[inline]
pub fn perf_event_open(
    kernel: &KernelRef,
    event: &PerfEvent<'_>,
    pid: c_int,
    cpu: c_int,
) -> Result<Fd> {
    open(kernel, event, pid, cpu, 0)
}

/// Opens an event on the processes of a cgroup while they run on `cpu`.
///
/// # Errors
/// Those of [`perf_event_open`]; `EBADF`: it is no cgroup that perf events know.
///
/// # Kernel
/// perf_event_open(2) with `PERF_FLAG_PID_CGROUP`, since Linux 2.6.39.
#[inline]
pub fn perf_event_open_cgroup(
    kernel: &KernelRef,
    event: &PerfEvent<'_>,
    cgroup: &Fd,
    cpu: c_int,
) -> Result<Fd> {
    open(kernel, event, cgroup.raw(), cpu, PERF_FLAG_PID_CGROUP)
}

#[inline]
fn open(
    kernel: &KernelRef,
    event: &PerfEvent<'_>,
    pid: c_int,
    cpu: c_int,
    flags: u64,
) -> Result<Fd> {
    let mut attr = event.attr();
    let flags = flags | PERF_FLAG_FD_CLOEXEC;
    // SAFETY: `attr` is a `struct perf_event_attr` at least as long as it says; the string that
    // it may point to outlives the call.
    let answer = unsafe { kernel.perf_event_open((&raw mut attr).cast(), pid, cpu, -1, flags) };
    // SAFETY: this call answers a new descriptor.
    unsafe { Fd::from_answer("perf_event_open", answer, kernel) }
}

/// What a [`Counter`] tells when it is read: `struct read_format`.
const READ_FORMAT: u64 = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;

/// What a counter has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "bpf_perf_event_value")]
pub struct Count {
    /// Counts (nanoseconds, of a clock).
    pub value: u64,
    /// How long it was to count, in nanoseconds.
    pub enabled_ns: u64,
    /// How long it did: less, if others had the hardware meanwhile.
    pub running_ns: u64,
}

/// Reads a [`Counter`].
///
/// # Errors
/// `ENODATA`: it could not count all the time; `ENOSPC`, `EIO`: it was not opened as a counter.
///
/// # Kernel
/// read(2) of a perf event.
#[inline]
pub fn perf_event_read(event: &Fd) -> Result<Count> {
    const CALL: &str = "read";
    let mut words = [0_u64; 3];
    let len = size_of_val(&words);
    // SAFETY: `words` is this long and writable.
    let answer = unsafe {
        let to = words.as_mut_ptr().cast();
        event.kernel().read(event.raw(), to, len)
    };
    match check(CALL, answer)? {
        // What is disabled for good reads as nothing.
        0 => Err(CallError::new(CALL, Errno::ENODATA)),
        read if read == len => {
            let [value, enabled_ns, running_ns] = words;
            Ok(Count {
                value,
                enabled_ns,
                running_ns,
            })
        }
        _ => Err(CallError::new(CALL, Errno::EIO)),
    }
}

#[inline]
fn ioctl(event: &Fd, name: &'static str, request: u64, arg: usize) -> Result<()> {
    // SAFETY: this module's requests take an integer, and write nothing.
    let answer = unsafe { event.kernel().ioctl(event.raw(), request, arg) };
    check(name, answer).map(drop)
}

/// Has the event run a program.
///
/// # Errors
/// `EEXIST`: it runs one already; `EINVAL`: the program's type does not go with the event.
#[inline]
pub fn perf_event_set_bpf(event: &Fd, prog: &Fd) -> Result<()> {
    let prog = prog.raw() as usize;
    ioctl(
        event,
        "PERF_EVENT_IOC_SET_BPF",
        PERF_EVENT_IOC_SET_BPF,
        prog,
    )
}

/// Starts the event.
#[inline]
pub fn perf_event_enable(event: &Fd) -> Result<()> {
    ioctl(event, "PERF_EVENT_IOC_ENABLE", PERF_EVENT_IOC_ENABLE, 0)
}

/// Stops the event.
#[inline]
pub fn perf_event_disable(event: &Fd) -> Result<()> {
    ioctl(event, "PERF_EVENT_IOC_DISABLE", PERF_EVENT_IOC_DISABLE, 0)
}

/// Stops or restarts the writing to the event's buffer.
///
/// # Errors
/// `EINVAL`: it has no buffer yet.
///
/// # Kernel
/// `PERF_EVENT_IOC_PAUSE_OUTPUT`, since Linux 4.7.
#[inline]
pub fn perf_event_pause_output(event: &Fd, pause: bool) -> Result<()> {
    ioctl(
        event,
        "PERF_EVENT_IOC_PAUSE_OUTPUT",
        PERF_EVENT_IOC_PAUSE_OUTPUT,
        usize::from(pause),
    )
}

/// The event's id in the kernel.
#[inline]
pub fn perf_event_id(event: &Fd) -> Result<u64> {
    let mut id = 0_u64;
    let to = (&raw mut id).expose_provenance();
    // SAFETY: this request writes a `u64`.
    let answer = unsafe { event.kernel().ioctl(event.raw(), PERF_EVENT_IOC_ID, to) };
    check("PERF_EVENT_IOC_ID", answer)?;
    Ok(id)
}
