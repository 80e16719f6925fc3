//! Perf events, as far as programs attach to them or write to them.

use crate::attr::PerfEventAttr;
use crate::error::{Result, check};
use crate::{Fd, KernelRef};
use core::ffi::{CStr, c_int};
use skep_codec::uapi::linux::{
    PERF_COUNT_SW_BPF_OUTPUT, PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_ID,
    PERF_EVENT_IOC_PAUSE_OUTPUT, PERF_EVENT_IOC_SET_BPF, PERF_FLAG_FD_CLOEXEC, PERF_SAMPLE_RAW,
    PERF_TYPE_SOFTWARE, PERF_TYPE_TRACEPOINT,
};

/// What an event is of.
#[derive(Clone, Copy, Debug)]
pub enum PerfEvent<'a> {
    /// A clock or counter that samples: `PERF_TYPE_SOFTWARE`, `PERF_TYPE_HARDWARE`, ...
    Counter {
        /// `PERF_TYPE_*`.
        kind: u32,
        /// `PERF_COUNT_*`.
        config: u64,
        /// A sample every so many counts (nanoseconds, of a clock), or so many a second.
        sample: Sample,
    },
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

/// How often a counter samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// Every so many counts.
    Period(u64),
    /// So many a second.
    Frequency(u64),
}

/// When the reader of a perf buffer is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// When so many records have come (`wakeup_events`); 0 is only when the buffer is half full.
    Events(u32),
    /// When so many bytes have come (`wakeup_watermark`).
    Bytes(u32),
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
            Self::Counter {
                kind,
                config,
                sample,
            } => {
                (attr.kind, attr.config) = (kind, config);
                attr.sample_period = match sample {
                    Sample::Period(period) => period,
                    Sample::Frequency(frequency) => {
                        attr.flags |= PerfEventAttr::flag(PerfEventAttr::FREQ);
                        frequency
                    }
                };
            }
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
    /// Where programs write records to.
    #[inline]
    fn bpf_output(&mut self, wakeup: Wakeup, backward: bool) {
        (self.kind, self.config) = (PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT);
        (self.sample_type, self.sample_period) = (PERF_SAMPLE_RAW, 1);
        self.wakeup_events = match wakeup {
            Wakeup::Events(events) => events,
            Wakeup::Bytes(bytes) => {
                self.flags |= Self::flag(Self::WATERMARK);
                bytes
            }
        };
        if backward {
            self.flags |= Self::flag(Self::WRITE_BACKWARD);
        }
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
    let mut attr = event.attr();
    // SAFETY: `attr` is a `struct perf_event_attr` at least as long as it says; the string that
    // it may point to outlives the call.
    let answer = unsafe {
        kernel.perf_event_open((&raw mut attr).cast(), pid, cpu, -1, PERF_FLAG_FD_CLOEXEC)
    };
    // SAFETY: this call answers a new descriptor.
    unsafe { Fd::from_answer("perf_event_open", answer, kernel) }
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
