//! A program on a perf event: by a BPF link, or by ioctl on kernels without that link.

use super::{Held, Link};
use crate::prog::Program;
use crate::{AttachType, Result};
use alloc::string::String;
use skep_codec::Errno;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};
use skep_sys::{Fd, perf};

/// Attaches to `event` by `BPF_LINK_CREATE` (since Linux 5.15), else by `PERF_EVENT_IOC_SET_BPF`.
#[inline]
pub(super) fn attach(program: &Program, event: Fd, hook: String) -> Result<Link> {
    let params = LinkParams {
        prog: program.fd(),
        target: Target::Fd(&event),
        attach_type: AttachType::PERF_EVENT,
        flags: 0,
        extra: LinkExtra::None,
    };
    match bpf::link_create(&params) {
        Ok(link) => Ok(Link::new(program, hook, Held::Bpf(link))),
        Err(error) if matches!(error.errno, Errno::EINVAL | Errno::EOPNOTSUPP) => {
            perf::perf_event_set_bpf(&event, program.fd())?;
            perf::perf_event_enable(&event)?;
            Ok(Link::new(program, hook, Held::Perf(event)))
        }
        Err(error) => Err(error.into()),
    }
}
