//! Raw tracepoints: a tracepoint's arguments as the kernel passes them, without a format.

use super::{Held, Hook, Link};
use crate::prog::Program;
use crate::system::c_string;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use skep_sys::bpf;

/// A raw tracepoint, by the tracepoint's name without its category. A program of section `raw_tp.w`
/// may write to the first argument of tracepoints that have one for it, such as `bpf_test_finish`; one
/// of `raw_tp.s` may sleep, at `sys_enter` and `sys_exit`.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_raw_tracepoint_opts")]
pub struct RawTracepoint {
    name: String,
    cookie: u64,
}

impl RawTracepoint {
    /// The tracepoint of this name, such as `sys_enter` or `sched_process_exec`.
    ///
    /// # Errors
    /// When attached: `ENOENT` if there is no such tracepoint; `EINVAL` if it has not what the program
    /// asks for (something to write to, arguments enough, that it may sleep).
    ///
    /// # Kernel
    /// `BPF_RAW_TRACEPOINT_OPEN`, since Linux 4.17; what may write since 5.2.
    #[inline]
    pub fn new(name: &str) -> Self {
        let name = name.to_string();
        Self { name, cookie: 0 }
    }

    /// What `bpf_get_attach_cookie` answers in the program.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Unsupported`] before Linux 6.10.
    #[must_use]
    #[inline]
    pub fn cookie(mut self, cookie: u64) -> Self {
        self.cookie = cookie;
        self
    }

    /// What a refusal means here.
    #[cold]
    fn explain(&self, error: skep_sys::CallError) -> Error {
        let hook = format!("raw tracepoint {}", self.name);
        match error.errno {
            // Older kernels take no attribute that is not zero where they know none.
            Errno::EINVAL | Errno::E2BIG if self.cookie != 0 => {
                let what = format!("{hook}: it is not there for this program, or has no cookies (since Linux 6.10)");
                Error::from(error).explained(ErrorKind::Unsupported, what)
            }
            Errno::ENOENT => Error::from(error).context(format_args!("{hook} (there is none of this name)")),
            Errno::EINVAL => Error::from(error).context(format_args!(
                "{hook} (it has not what the program asks for: arguments, something to write to, leave to sleep)"
            )),
            _ => Error::from(error).context(hook),
        }
    }
}

impl Hook for RawTracepoint {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let name = c_string(&self.name)?;
        let fd = bpf::raw_tracepoint_open(program.fd(), Some(&name), self.cookie);
        let fd = fd.map_err(|error| self.explain(error))?;
        let hook = format!("raw tracepoint {}", self.name);
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}
