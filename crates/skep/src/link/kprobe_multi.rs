//! Many kernel functions by one link.

use super::glob::is_pattern;
use super::multi::{Places, declared_as, traceable};
use super::same_name::{Named, SameName};
use super::{Held, Hook, Link};
use crate::error::Context;
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{AttachType, Errno, Error, ErrorKind, Result};
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
    which: SameName,
}

impl KprobeMulti {
    /// All functions whose names match a pattern of `*` and `?` (or the one of this name): of
    /// tracefs's `available_filter_functions`, or where none is mounted of `/proc/kallsyms`.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::NotFound`] if there is none; `ESRCH` if one cannot be probed; `EOPNOTSUPP` if the kernel has no such links.
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
            which: SameName::Refuse,
        }
    }

    /// When they return, not when they are entered.
    #[must_use]
    #[inline]
    pub fn on_return(mut self) -> Self {
        self.on_return = true;
        self
    }

    /// Which they are, of several functions of one name, where names are given and no pattern: they are
    /// looked up in `/proc/kallsyms`, and probed by their addresses.
    ///
    /// # Errors
    /// When attached: those of [`Kprobe::same_name`](super::Kprobe::same_name);
    /// [`ErrorKind::Invalid`] for a pattern.
    #[must_use]
    #[inline]
    pub fn same_name(mut self, which: SameName) -> Self {
        self.which = which;
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

    /// Names of functions, or addresses.
    #[inline]
    fn targets(&self, system: &System) -> Result<(Vec<CString>, Vec<u64>)> {
        let names = match &self.places {
            Places::Numbers(addresses) => return Ok((Vec::new(), addresses.clone())),
            Places::Names(names) => names.clone(),
            Places::Pattern(name) if !is_pattern(name) => alloc::vec![name.clone()],
            Places::Pattern(_) if self.which != SameName::Refuse => {
                let what =
                    "which of several of one name is meant goes with names, not with a pattern";
                return Err(Error::new(ErrorKind::Invalid, what));
            }
            Places::Pattern(pattern) => traceable(system, pattern, self.tracefs.as_deref())?,
        };
        if self.which == SameName::Refuse {
            let names = names.iter().map(|name| c_string(name));
            return Ok((names.collect::<Result<_>>()?, Vec::new()));
        }
        let mut addresses = Vec::new();
        for name in &names {
            let mut named = Named::new(name);
            named.which = self.which;
            addresses.extend(named.addresses(system)?);
        }
        Ok((Vec::new(), addresses))
    }
}

impl Hook for KprobeMulti {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let session = declared_as(program, AttachType::TRACE_KPROBE_SESSION);
        let hook = self.places.hook("kernel functions", self.on_return);
        let (names, addresses) = self.targets(program.system()).context(&hook)?;
        let syms: Vec<&CStr> = names.iter().map(CString::as_c_str).collect();
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
                addrs: &addresses,
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
