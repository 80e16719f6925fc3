//! Tracing programs, whose target was fixed when they were loaded: `tp_btf`, `fentry`, `fexit`,
//! `fmod_ret`, LSM, iterators.

use super::{Held, Hook, Link};
use crate::prog::Program;
use crate::{AttachType, ProgType, Result};
use alloc::string::ToString;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// The target that a tracing program was loaded for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing {
    attach_type: AttachType,
    cookie: u64,
}

/// The tracepoint that a `tp_btf` program was loaded for.
pub type BtfTracepoint = Tracing;

impl Tracing {
    /// The program's own target.
    ///
    /// # Kernel
    /// `BPF_RAW_TRACEPOINT_OPEN` without a name, since Linux 5.5.
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a link of this attach type, for the types that raw tracepoint links do not take.
    #[inline]
    pub(crate) fn with_link(attach_type: AttachType) -> Self {
        Self {
            attach_type,
            ..Self::default()
        }
    }

    /// What `bpf_get_attach_cookie` tells the program; not for iterators.
    ///
    /// # Errors
    /// When attached: `EINVAL` on older kernels.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE`, with a cookie since Linux 5.19, for `tp_btf` since 6.10.
    #[must_use]
    #[inline]
    pub fn cookie(mut self, cookie: u64) -> Self {
        self.cookie = cookie;
        self
    }

    /// What the program was loaded for.
    #[inline]
    fn attach_type(&self, program: &Program) -> AttachType {
        let given = Some(self.attach_type).filter(|given| *given != AttachType::default());
        let declared = || program.declared()?.attach_type;
        given.or_else(declared).unwrap_or_default()
    }
}

impl Hook for Tracing {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let attach_type = self.attach_type(program);
        let by_link = attach_type == AttachType::TRACE_ITER
            || (program.prog_type() == ProgType::LSM && attach_type == AttachType::LSM_CGROUP)
            || self.cookie != 0;
        let fd = if by_link {
            bpf::link_create(&LinkParams {
                prog: program.fd(),
                target: Target::None,
                attach_type,
                flags: 0,
                extra: match self.cookie {
                    0 => LinkExtra::None,
                    cookie => LinkExtra::Tracing {
                        target_btf_id: 0,
                        cookie,
                    },
                },
            })?
        } else {
            bpf::raw_tracepoint_open(program.fd(), None, 0)?
        };
        let hook = match program.declared().and_then(|d| d.target.as_deref()) {
            Some(target) => format!("{} {target}", kind(program, attach_type)),
            None => kind(program, attach_type).to_string(),
        };
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}

#[inline]
fn kind(program: &Program, attach_type: AttachType) -> &'static str {
    match (program.prog_type(), attach_type) {
        (ProgType::LSM, _) => "LSM hook",
        (ProgType::EXT, _) => "replacement of",
        (_, AttachType::TRACE_ITER) => "iterator",
        (_, AttachType::TRACE_FENTRY) => "entry of",
        (_, AttachType::TRACE_FEXIT) => "exit of",
        (_, AttachType::TRACE_FSESSION) => "entry and exit of",
        (_, AttachType::MODIFY_RETURN) => "return value of",
        _ => "BTF tracepoint",
    }
}
