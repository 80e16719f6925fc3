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
        Self { attach_type }
    }
}

impl Hook for Tracing {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let by_link = self.attach_type == AttachType::TRACE_ITER
            || (program.prog_type() == ProgType::LSM && self.attach_type == AttachType::LSM_CGROUP);
        let fd = if by_link {
            bpf::link_create(&LinkParams {
                prog: program.fd(),
                target: Target::None,
                attach_type: self.attach_type,
                flags: 0,
                extra: LinkExtra::None,
            })?
        } else {
            bpf::raw_tracepoint_open(program.fd(), None, 0)?
        };
        let hook = match program.declared().and_then(|d| d.target.as_deref()) {
            Some(target) => format!("{} {target}", self.kind(program)),
            None => self.kind(program).to_string(),
        };
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}

impl Tracing {
    #[inline]
    fn kind(&self, program: &Program) -> &'static str {
        match (program.prog_type(), self.attach_type) {
            (ProgType::LSM, _) => "LSM hook",
            (ProgType::EXT, _) => "replacement of",
            (_, AttachType::TRACE_ITER) => "iterator",
            (_, AttachType::TRACE_FENTRY) => "entry of",
            (_, AttachType::TRACE_FEXIT) => "exit of",
            (_, AttachType::MODIFY_RETURN) => "return value of",
            _ => "BTF tracepoint",
        }
    }
}
