//! Raw tracepoints: a tracepoint's arguments as the kernel passes them, without a format.

use super::{Held, Hook, Link};
use crate::Result;
use crate::prog::Program;
use crate::system::c_string;
use alloc::string::{String, ToString};
use skep_sys::bpf;

/// A raw tracepoint, by the tracepoint's name without its category.
#[derive(Clone, Debug)]
pub struct RawTracepoint {
    name: String,
}

impl RawTracepoint {
    /// The tracepoint of this name, such as `sys_enter` or `sched_process_exec`.
    ///
    /// # Kernel
    /// `BPF_RAW_TRACEPOINT_OPEN`, since Linux 4.17.
    #[inline]
    pub fn new(name: &str) -> Self {
        let name = name.to_string();
        Self { name }
    }
}

impl Hook for RawTracepoint {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let name = c_string(&self.name)?;
        let fd = bpf::raw_tracepoint_open(program.fd(), Some(&name), 0)?;
        let hook = format!("raw tracepoint {}", self.name);
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}
