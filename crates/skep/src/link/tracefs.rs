//! Probes that tracefs makes and shows to all.

use super::Tracepoint;
use crate::error::Context;
use crate::system::{System, c_string};
use crate::{Error, ErrorKind, Result};
use alloc::ffi::CString;
use alloc::string::String;
use skep_codec::Errno;
use skep_codec::uapi::linux::{O_APPEND, O_WRONLY};
use skep_sys::{Fd, KernelRef, file};

/// Where tracefs is: at the caller's own mount, or where it usually may be.
#[inline]
pub(super) fn mounts(own: Option<&str>) -> impl Iterator<Item = &str> {
    const USUAL: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    own.into_iter()
        .chain(USUAL.into_iter().filter(move |_| own.is_none()))
}

/// The group that the probes are in.
const GROUP: &str = "skep";

/// A probe among the events of tracefs; dropping it takes it out.
pub(super) struct TraceProbe {
    kernel: KernelRef,
    /// The file that makes and removes probes.
    list: CString,
    name: String,
}

impl TraceProbe {
    /// Makes a probe, and the event that it is: `list` is the file that takes its line, which begins
    /// with `kind` (`p`, `r`) and ends with `place`.
    ///
    /// # Errors
    /// Unsupported where no tracefs is mounted that has the file; what the kernel says of the place.
    #[inline]
    pub(super) fn new(
        system: &System,
        mount: Option<&str>,
        list: &str,
        (kind, place): (&str, &str),
    ) -> Result<(Self, Tracepoint)> {
        let kernel = system.kernel();
        for mount in mounts(mount) {
            let path = c_string(&format!("{mount}/{list}"))?;
            let file = match open(kernel, &path) {
                Ok(file) => file,
                Err(error) if error.errno == Errno::ENOENT => continue,
                Err(error) => return Err(error).context(format_args!("open {mount}/{list}")),
            };
            let name = format!("{kind}{:x}", system.now_ns()?);
            let line = format!("{kind}:{GROUP}/{name} {place}\n");
            file::write(&file, line.as_bytes())?;
            let tracepoint = Tracepoint::new(GROUP, &name).in_tracefs(mount);
            let probe = Self {
                kernel: kernel.clone(),
                list: path,
                name,
            };
            return Ok((probe, tracepoint));
        }
        let what = format!("no tracefs is mounted that has {list}");
        Err(Error::new(ErrorKind::Unsupported, what))
    }
}

impl Drop for TraceProbe {
    #[inline]
    fn drop(&mut self) {
        let line = format!("-:{GROUP}/{}\n", self.name);
        // Nobody to report to; it stays while a pinned link uses it.
        if let Ok(file) = open(&self.kernel, &self.list) {
            let _ = file::write(&file, line.as_bytes());
        }
    }
}

#[inline]
fn open(kernel: &KernelRef, path: &CString) -> skep_sys::Result<Fd> {
    file::open(kernel, path, O_WRONLY | O_APPEND, 0)
}
