//! Many kernel functions, or many places of a program or library, by one link.

use super::binary::{self, Binary};
use super::glob::{is_pattern, matches};
use super::tracefs::MOUNTS;
use super::{Held, Hook, Link};
use crate::error::Context;
use crate::prog::Program;
use crate::system::{System, c_string, kallsyms};
use crate::{AttachType, Errno, Error, ErrorKind, Result};
use alloc::ffi::CString;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ffi::CStr;
use skep_codec::order;
use skep_codec::uapi::flags;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};
use skep_sys::process;

/// Which of many.
#[derive(Clone, Debug)]
enum Places {
    Pattern(String),
    Names(Vec<String>),
    Numbers(Vec<u64>),
}

impl Places {
    #[inline]
    fn named(names: &[&str]) -> Self {
        Self::Names(names.iter().map(ToString::to_string).collect())
    }

    /// What they are, in words.
    #[inline]
    fn hook(&self, what: &str, on_return: bool) -> String {
        let kind = if on_return { "returns of " } else { "" };
        match self {
            Self::Pattern(pattern) => format!("{kind}{what} {pattern}"),
            Self::Names(names) => format!("{kind}{} {what}", names.len()),
            Self::Numbers(numbers) => format!("{kind}{} {what}", numbers.len()),
        }
    }
}

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
    /// When attached: [`ErrorKind::NotFound`] if there is none; `ESRCH` if one cannot be probed;
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

/// Kernel functions that match, each name once.
#[inline]
fn traceable(system: &System, pattern: &str, mount: Option<&str>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut take = |name: &[u8]| {
        if let Ok(name) = core::str::from_utf8(name)
            && matches(pattern, name)
        {
            names.push(name.to_string());
        }
    };
    let mut found = false;
    for mount in mount
        .iter()
        .chain(MOUNTS.iter().filter(|_| mount.is_none()))
    {
        let path = c_string(&format!("{mount}/available_filter_functions"))?;
        // A name, and a module behind a blank.
        let first = |line: &[u8], take: &mut dyn FnMut(&[u8])| {
            take(line.split(|&byte| byte == b' ').next().unwrap_or_default());
        };
        match kallsyms::each_line(system, &path, &mut |line| first(line, &mut take)) {
            Err(error) if error.errno() == Some(Errno::ENOENT) => {}
            answer => {
                answer?;
                found = true;
                break;
            }
        }
    }
    if !found {
        kallsyms::each_function(system, &mut take)?;
    }
    order::by(&mut names, |a, b| a.cmp(b));
    names.dedup();
    if names.is_empty() {
        let what = format!("no kernel function matches `{pattern}`");
        return Err(Error::new(ErrorKind::NotFound, what));
    }
    Ok(names)
}

/// Many places of a program or library. A program of section `uprobe.session` runs when functions are
/// entered and, if it answered 0 then, when they return.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_uprobe_multi_opts")]
pub struct UprobeMulti {
    file: String,
    places: Places,
    on_return: bool,
    cookies: Vec<u64>,
    ref_counters: Vec<u64>,
    pid: i32,
    root: Option<u32>,
}

impl UprobeMulti {
    /// All functions whose names match a pattern of `*` and `?` (or the one of this name). The file
    /// is found as that of a [`Uprobe`](super::Uprobe).
    ///
    /// # Errors
    /// When attached: [`ErrorKind::NotFound`] if there is none; `EINVAL` before Linux 6.6.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_TRACE_UPROBE_MULTI`, since Linux 6.6; sessions since 6.13.
    #[inline]
    pub fn matching(file: &str, pattern: &str) -> Self {
        Self::of(file, Places::Pattern(pattern.to_string()))
    }

    /// The functions of these names.
    #[inline]
    pub fn functions(file: &str, names: &[&str]) -> Self {
        Self::of(file, Places::named(names))
    }

    /// The instructions at these offsets in the file.
    #[inline]
    pub fn offsets(file: &str, offsets: &[u64]) -> Self {
        Self::of(file, Places::Numbers(offsets.to_vec()))
    }

    /// As a section says after its slash, `FILE:PATTERN`; `None` if it has no pattern.
    #[inline]
    pub(crate) fn declared(text: &str) -> Option<Self> {
        let (file, pattern) = text.split_once(':')?;
        Some(Self::matching(file, pattern))
    }

    #[inline]
    fn of(file: &str, places: Places) -> Self {
        Self {
            file: file.to_string(),
            places,
            on_return: false,
            cookies: Vec::new(),
            ref_counters: Vec::new(),
            pid: -1,
            root: None,
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
    /// When attached: `EINVAL` if there are not as many as places.
    #[must_use]
    #[inline]
    pub fn cookies(mut self, cookies: &[u64]) -> Self {
        self.cookies = cookies.to_vec();
        self
    }

    /// Offsets in the file of numbers that are counted up while this is attached, one for each place
    /// (0: none).
    ///
    /// # Errors
    /// When attached: `EINVAL` if there are not as many as places.
    #[must_use]
    #[inline]
    pub fn ref_counters(mut self, offsets: &[u64]) -> Self {
        self.ref_counters = offsets.to_vec();
        self
    }

    /// Only in this process (0: the calling one), not in all.
    #[must_use]
    #[inline]
    pub fn process(mut self, pid: u32) -> Self {
        self.pid = i32::try_from(pid).unwrap_or(i32::MAX);
        self
    }

    /// The file is the one that this process has by that path: in a container, say.
    #[must_use]
    #[inline]
    pub fn in_root_of(mut self, pid: u32) -> Self {
        self.root = Some(pid);
        self
    }

    #[inline]
    fn resolve(&self, path: &str, system: &System) -> Result<Vec<u64>> {
        let binary = || Binary::open(system, path);
        match &self.places {
            Places::Numbers(offsets) => Ok(offsets.clone()),
            Places::Pattern(pattern) if is_pattern(pattern) => {
                binary()?.matching(&|name| matches(pattern, name), pattern)
            }
            Places::Pattern(name) => Ok(alloc::vec![binary()?.function(name)?]),
            Places::Names(names) => {
                let binary = binary()?;
                names.iter().map(|name| binary.function(name)).collect()
            }
        }
    }

    /// Attaches at offsets of the file at `path`.
    #[inline]
    fn attach_at(&self, program: &Program, path: &str, offsets: &[u64]) -> Result<skep_sys::Fd> {
        let session = declared_as(program, AttachType::TRACE_UPROBE_SESSION);
        let pid = match self.pid {
            0 => process::pid(program.system().kernel())?,
            pid => u32::try_from(pid).unwrap_or(0),
        };
        let link = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::None,
            attach_type: match session {
                true => AttachType::TRACE_UPROBE_SESSION,
                false => AttachType::TRACE_UPROBE_MULTI,
            },
            flags: 0,
            extra: LinkExtra::UprobeMulti {
                flags: if self.on_return {
                    flags::UPROBE_MULTI_RETURN
                } else {
                    0
                },
                path: &c_string(path)?,
                offsets,
                ref_ctr_offsets: &self.ref_counters,
                cookies: &self.cookies,
                pid,
            },
        });
        Ok(link?)
    }
}

impl Hook for UprobeMulti {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let places = self.places.hook("functions", self.on_return);
        let hook = format!("{places} in {}", self.file);
        let system = program.system();
        let path = binary::find(system, &self.file, self.pid, self.root).context(&hook)?;
        let offsets = self.resolve(&path, system).context(&hook)?;
        let fd = self.attach_at(program, &path, &offsets).context(&hook)?;
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}

#[inline]
fn declared_as(program: &Program, attach_type: AttachType) -> bool {
    let declared = program.declared();
    declared.is_some_and(|declared| declared.attach_type == Some(attach_type))
}
