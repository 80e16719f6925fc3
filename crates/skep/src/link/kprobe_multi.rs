//! Many kernel functions by one link.

use super::glob::is_pattern;
use super::multi::{Places, declared_as, traceable};
use super::{Held, Hook, Link};
use crate::error::Context;
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{AttachType, Errno, Error, Result};
use alloc::ffi::CString;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ffi::CStr;
use skep_codec::uapi::flags;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// Many kernel functions. A program of section `kprobe.session` runs when they are entered and, if it
/// answered 0 then, when they return.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_kprobe_multi_opts")]
pub struct KprobeMulti {
    places: Places,
    on_return: bool,
    cookies: Vec<u64>,
    tracefs: Option<String>,
}

impl KprobeMulti {
    /// All functions whose names match a pattern of `*` and `?` (or the one of this name): of
    /// tracefs's `available_filter_functions`, or where none is mounted of `/proc/kallsyms`.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none; `ESRCH` if one cannot be probed;
    /// `EOPNOTSUPP` if the kernel has no such links.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_TRACE_KPROBE_MULTI`, since Linux 5.18; sessions since 6.10.
    #[inline]
    pub fn matching(pattern: &str) -> Self {
        Self::of(Places::Pattern(pattern.to_string()))
    }

    /// The functions of these names.
    #[inline]
    pub fn functions(names: &[&str]) -> Self {
        Self::of(Places::named(names))
    }

    /// The functions at these addresses.
    #[inline]
    pub fn addresses(addresses: &[u64]) -> Self {
        Self::of(Places::Numbers(addresses.to_vec()))
    }

    #[inline]
    fn of(places: Places) -> Self {
        Self {
            places,
            on_return: false,
            cookies: Vec::new(),
            tracefs: None,
        }
    }

    /// When they return, not when they are entered.
    #[must_use]
    #[inline]
    pub fn on_return(mut self) -> Self {
        self.on_return = true;
        self
    }

    /// What `bpf_get_attach_cookie` answers at each, in their order.
    ///
    /// # Errors
    /// When attached: `EINVAL` if there are not as many as functions.
    #[must_use]
    #[inline]
    pub fn cookies(mut self, cookies: &[u64]) -> Self {
        self.cookies = cookies.to_vec();
        self
    }

    /// Looks functions up in a tracefs that is mounted elsewhere.
    #[must_use]
    #[inline]
    pub fn in_tracefs(mut self, mount: &str) -> Self {
        self.tracefs = Some(mount.to_string());
        self
    }

    #[inline]
    fn names(&self, system: &System) -> Result<Vec<CString>> {
        let names = match &self.places {
            Places::Numbers(_) => Vec::new(),
            Places::Names(names) => names.clone(),
            Places::Pattern(name) if !is_pattern(name) => alloc::vec![name.clone()],
            Places::Pattern(pattern) => traceable(system, pattern, self.tracefs.as_deref())?,
        };
        names.iter().map(|name| c_string(name)).collect()
    }
}

impl Hook for KprobeMulti {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let session = declared_as(program, AttachType::TRACE_KPROBE_SESSION);
        let hook = self.places.hook("kernel functions", self.on_return);
        let names = self.names(program.system()).context(&hook)?;
        let syms: Vec<&CStr> = names.iter().map(CString::as_c_str).collect();
        let addrs: &[u64] = match &self.places {
            Places::Numbers(addresses) => addresses,
            _ => &[],
        };
        let link = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::None,
            attach_type: match session {
                true => AttachType::TRACE_KPROBE_SESSION,
                false => AttachType::TRACE_KPROBE_MULTI,
            },
            flags: 0,
            extra: LinkExtra::KprobeMulti {
                flags: if self.on_return {
                    flags::KPROBE_MULTI_RETURN
                } else {
                    0
                },
                syms: &syms,
                addrs,
                cookies: &self.cookies,
            },
        });
        let fd = link.map_err(|error| {
            let why = match error.errno {
                Errno::ESRCH | Errno::ENOENT => " (one is not there, or cannot be probed)",
                Errno::EOPNOTSUPP => " (this kernel has no links to many functions)",
                _ => "",
            };
            Error::from(error).context(format_args!("{hook}{why}"))
        })?;
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}
