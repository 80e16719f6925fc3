//! A program on a perf event: by a BPF link, or by ioctl on kernels without that link.

use super::{Held, Link, ProbeMode};
use crate::probe::Feature;
use crate::prog::Program;
use crate::system::System;
use crate::{AttachType, Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use skep_codec::Errno;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};
use skep_sys::perf::{self, PerfEvent};
use skep_sys::{CallError, Fd};

/// Opens an event of this process (0: the calling one), or of all.
#[inline]
pub(super) fn open(system: &System, event: &PerfEvent<'_>, pid: Option<u32>) -> Result<Fd> {
    // One of all processes is of a CPU, whichever; its program runs on every one.
    open_on(system, event, pid, pid.is_none().then_some(0))
}

/// Opens an event of this thread (0: the calling one) or of all, on this CPU or on all.
#[inline]
pub(super) fn open_on(
    system: &System,
    event: &PerfEvent<'_>,
    pid: Option<u32>,
    cpu: Option<u32>,
) -> Result<Fd> {
    let (pid, cpu) = (number(pid), number(cpu));
    Ok(perf::perf_event_open(system.kernel(), event, pid, cpu)?)
}

/// Opens an event of a cgroup on a CPU.
#[inline]
pub(super) fn open_in(system: &System, event: &PerfEvent<'_>, cgroup: &Fd, cpu: u32) -> Result<Fd> {
    let cpu = number(Some(cpu));
    Ok(perf::perf_event_open_cgroup(
        system.kernel(),
        event,
        cgroup,
        cpu,
    )?)
}

/// As the kernel takes it: -1 for all; what it cannot have is what there is not.
#[inline]
fn number(number: Option<u32>) -> i32 {
    number.map_or(-1, |number| i32::try_from(number).unwrap_or(i32::MAX))
}

/// Attaches to `event` by `BPF_LINK_CREATE` (since Linux 5.15), else by `PERF_EVENT_IOC_SET_BPF`,
/// which has no cookies.
#[inline]
pub(super) fn attach(
    program: &Program,
    event: Fd,
    hook: String,
    cookie: u64,
    mode: ProbeMode,
) -> Result<Link> {
    if mode != ProbeMode::Perf {
        let params = LinkParams {
            prog: program.fd(),
            target: Target::Fd(&event),
            attach_type: AttachType::PERF_EVENT,
            flags: 0,
            extra: LinkExtra::PerfEvent { cookie },
        };
        match bpf::link_create(&params) {
            Ok(link) => return Ok(Link::new(program, hook, Held::Bpf(link))),
            Err(error) if mode != ProbeMode::Link && has_no_such_links(program, error, cookie) => {}
            Err(error) if mode == ProbeMode::Link && has_no_such_links(program, error, 1) => {
                let what = "this kernel has no BPF links to perf events (since Linux 5.15)";
                let error = Error::from(error);
                return Err(error.explained(ErrorKind::Unsupported, what.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if cookie != 0 {
        let what = "cookies need a BPF link to a perf event, since Linux 5.15";
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    perf::perf_event_set_bpf(&event, program.fd())?;
    perf::perf_event_enable(&event)?;
    Ok(Link::new(program, hook, Held::Perf(event)))
}

/// Whether a link may have been refused because the kernel has none of its kind. Where it matters
/// for what to say, the kernel is asked.
#[inline]
fn has_no_such_links(program: &Program, error: CallError, cookie: u64) -> bool {
    let asked = || program.system().probe(Feature::LinkPerfEvent).is_usable();
    matches!(error.errno, Errno::EINVAL | Errno::EOPNOTSUPP) && (cookie == 0 || !asked())
}
