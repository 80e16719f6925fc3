//! Many places of a program or library by one link.

use super::binary::{self, Binary, Search};
use super::glob::{is_pattern, matches};
use super::multi::{Places, declared_as};
use super::{Held, Hook, Link};
use crate::error::Context;
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{AttachType, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::uapi::flags;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};
use skep_sys::process;

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
    pid: Option<u32>,
    root: Option<u32>,
    debug_dirs: Vec<String>,
}

impl UprobeMulti {
    /// All functions whose names match a pattern of `*` and `?` (or the one of this name). The file
    /// is found as that of a [`Uprobe`](super::Uprobe).
    ///
    /// # Errors
    /// When attached: [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none; `EINVAL`
    /// before Linux 6.6.
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
            pid: None,
            root: None,
            debug_dirs: Vec::new(),
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
        self.pid = Some(pid);
        self
    }

    /// The file is the one that this process has by that path: in a container, say.
    #[must_use]
    #[inline]
    pub fn in_root_of(mut self, pid: u32) -> Self {
        self.root = Some(pid);
        self
    }

    /// Looks in this directory, and in others that are given, for files with symbols, as
    /// `/usr/lib/debug` has them.
    #[doc(alias = "debug-file-directory")]
    #[must_use]
    #[inline]
    pub fn debug_dir(mut self, dir: &str) -> Self {
        self.debug_dirs.push(dir.to_string());
        self
    }

    /// The file, and the offsets in it.
    #[inline]
    fn resolve(&self, system: &System) -> Result<(String, Vec<u64>)> {
        let path = binary::find(system, &self.file, self.pid, self.root)?;
        if let Places::Numbers(offsets) = &self.places
            && !binary::is_in_archive(&path)
        {
            return Ok((path, offsets.clone()));
        }
        let binary = Binary::open(system, &path)?;
        let dirs = &self.debug_dirs;
        let search = Search { system, dirs };
        let offsets = match &self.places {
            Places::Numbers(offsets) => offsets.iter().map(|at| binary.moved(*at)).collect(),
            Places::Pattern(pattern) if is_pattern(pattern) => {
                binary.matching(&|name| matches(pattern, name), pattern, &search)?
            }
            Places::Pattern(name) => alloc::vec![binary.function(name, &search)?],
            Places::Names(names) => {
                let offsets = names.iter().map(|name| binary.function(name, &search));
                offsets.collect::<Result<_>>()?
            }
        };
        Ok((binary.path().to_string(), offsets))
    }

    /// Attaches at offsets of the file at `path`.
    #[inline]
    fn attach_at(&self, program: &Program, path: &str, offsets: &[u64]) -> Result<skep_sys::Fd> {
        let session = declared_as(program, AttachType::TRACE_UPROBE_SESSION);
        let pid = match self.pid {
            None => 0,
            Some(0) => process::pid(program.system().kernel())?,
            Some(pid) => pid,
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
        let (path, offsets) = self.resolve(system).context(&hook)?;
        let fd = self.attach_at(program, &path, &offsets).context(&hook)?;
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}
