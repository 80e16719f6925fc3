//! Tracepoints by category and name, with the arguments laid out as tracefs describes.

use super::tracefs::mounts;
use super::{Hook, Link, LinkMode, perf};
use crate::error::Context;
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use skep_codec::Errno;
use skep_sys::perf::PerfEvent;
use skep_sys::{Fd, file};

/// A tracepoint, by category and name.
#[derive(Clone, Debug)]
pub struct Tracepoint {
    category: String,
    name: String,
    tracefs: Option<String>,
    cookie: u64,
    mode: LinkMode,
}

impl Tracepoint {
    /// The tracepoint `category/name`, such as `sched`, `sched_process_exec`.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::NotFound`] if there is no such tracepoint or tracefs is not
    /// mounted.
    ///
    /// # Kernel
    /// `perf_event_open` and a BPF link (since Linux 5.15) or an ioctl (since 4.7).
    #[inline]
    pub fn new(category: &str, name: &str) -> Self {
        Self {
            category: category.to_string(),
            name: name.to_string(),
            tracefs: None,
            cookie: 0,
            mode: LinkMode::Auto,
        }
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
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Unsupported`] if it is to be a link, and the kernel has none of its
    /// kind (before Linux 5.15).
    #[must_use]
    #[inline]
    pub fn mode(mut self, mode: LinkMode) -> Self {
        self.mode = mode;
        self
    }

    /// Looks the tracepoint up in a tracefs that is mounted elsewhere.
    #[must_use]
    #[inline]
    pub fn in_tracefs(mut self, mount: &str) -> Self {
        self.tracefs = Some(mount.to_string());
        self
    }

    /// An event of it, of this process (0: the calling one), or of all.
    #[inline]
    pub(super) fn event(&self, system: &System, pid: Option<u32>) -> Result<Fd> {
        let id = self.id(system)?;
        perf::open(system, &PerfEvent::Tracepoint { id }, pid)
    }

    #[inline]
    fn id(&self, system: &System) -> Result<u64> {
        let mut mounted = false;
        for mount in mounts(self.tracefs.as_deref()) {
            let path = format!("{mount}/events/{}/{}/id", self.category, self.name);
            match file::read_file(system.kernel(), &c_string(&path)?, 64) {
                Ok(text) => return parse_id(&text, &path),
                Err(error) if error.errno == Errno::ENOENT => {
                    let events = c_string(&format!("{mount}/events"))?;
                    mounted |= file::open(system.kernel(), &events, 0, 0).is_ok();
                }
                Err(error) => return Err(error).context(format_args!("read {path}")),
            }
        }
        let what = match mounted {
            true => format!("there is no tracepoint {}/{}", self.category, self.name),
            false => {
                "tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)".to_string()
            }
        };
        Err(Error::new(ErrorKind::NotFound, what))
    }
}

#[inline]
fn parse_id(text: &[u8], path: &str) -> Result<u64> {
    let number = core::str::from_utf8(text)
        .ok()
        .and_then(|t| t.trim().parse().ok());
    number.ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("{path} holds no number")))
}

impl Hook for Tracepoint {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let event = self.event(program.system(), None)?;
        let hook = format!("tracepoint {}/{}", self.category, self.name);
        perf::attach(program, event, hook, self.cookie, self.mode.into())
    }
}
