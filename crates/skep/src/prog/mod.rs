//! Programs: loaded ones, one type for all kinds.

#[cfg(feature = "asm")]
mod listing;
mod load;
mod run;
mod stream;
#[cfg(feature = "usdt")]
mod usdt;
mod xlated;

#[cfg(feature = "asm")]
pub use listing::Listed;
pub(crate) use load::{Request, load};
pub use run::{TestRun, TestRunResult};
pub use stream::Stream;
#[cfg(feature = "usdt")]
pub(crate) use usdt::{SpecId, SpecPlace, UsdtSpecs};
pub use xlated::{Xlated, XlatedFunction, XlatedLine};

use crate::error::Context;
use crate::pin;
use crate::system::System;
use crate::{AttachType, Error, ErrorKind, Map, ProgType, Result};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use skep_codec::btf::{Kind, TypeId};
use skep_codec::object::Verb;
use skep_sys::Fd;
use skep_sys::bpf::{self, ObjKind};

/// What the kernel says of a program, `struct bpf_prog_info`.
pub use skep_sys::bpf::ProgInfo;
/// What a descriptor of a process runs a program on.
pub use skep_sys::bpf::TaskFd;

/// A program in the kernel. Cheap to clone; it lives until the last handle, link or pin of it is
/// gone.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    fd: Fd,
    name: String,
    prog_type: ProgType,
    system: System,
    /// What its object says of how it attaches; nothing for a program found in the kernel.
    declared: Option<Declared>,
}

/// What an object says of how a program attaches.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) section: String,
    pub(crate) verb: Verb,
    pub(crate) target: Option<String>,
    pub(crate) attach_type: Option<AttachType>,
    pub(crate) autoattach: bool,
    /// The verifier's log, if one was asked for.
    pub(crate) log: String,
    /// What tells a USDT program of its arguments.
    #[cfg(feature = "usdt")]
    pub(crate) usdt: Option<Arc<UsdtSpecs>>,
}

impl Program {
    pub(crate) fn new(
        system: &System,
        fd: Fd,
        name: &str,
        prog_type: ProgType,
        declared: Option<Declared>,
    ) -> Self {
        Self(Arc::new(Inner {
            fd,
            name: name.to_string(),
            prog_type,
            system: system.clone(),
            declared,
        }))
    }

    /// Takes over a program's descriptor; name and type are asked of the kernel.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] or `EINVAL` if it is no program's.
    pub fn from_fd(system: &System, fd: Fd) -> Result<Self> {
        Self::told(system, pin::of_kind(fd, ObjKind::Prog, "program")?)
    }

    /// As the kernel tells of it.
    fn told(system: &System, fd: Fd) -> Result<Self> {
        let info = bpf::prog_info(&fd).context("ask the kernel about a program")?;
        Ok(Self::new(system, fd, &info.name, info.prog_type, None))
    }

    /// The program pinned at this path.
    ///
    /// # Errors
    /// `ENOENT`: nothing is pinned there; [`ErrorKind::Invalid`]: something
    /// else is.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET`, since Linux 4.4.
    pub fn from_pin(system: &System, path: &str) -> Result<Self> {
        let fd = pin::open_as(system, path, ObjKind::Prog, "program")?;
        Self::told(system, fd)
    }

    /// Its name: the function's.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The section of its object; empty if no object is known.
    pub fn section(&self) -> &str {
        self.declared().map_or("", |declared| &declared.section)
    }

    /// The verifier's log of its load; empty unless one was asked for.
    pub fn log(&self) -> &str {
        self.declared().map_or("", |declared| &declared.log)
    }

    /// Its type.
    pub fn prog_type(&self) -> ProgType {
        self.0.prog_type
    }

    /// Its descriptor.
    pub fn fd(&self) -> &Fd {
        &self.0.fd
    }

    /// The system it belongs to.
    pub fn system(&self) -> &System {
        &self.0.system
    }

    pub(crate) fn declared(&self) -> Option<&Declared> {
        self.0.declared.as_ref()
    }

    /// What the kernel says of it now.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD`, since Linux 4.13.
    pub fn info(&self) -> Result<ProgInfo> {
        bpf::prog_info(&self.0.fd).context(self.doing("ask about"))
    }

    /// Ids of the maps it uses.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD`, for these since Linux 4.15.
    pub fn map_ids(&self) -> Result<Vec<u32>> {
        bpf::prog_map_ids(&self.0.fd).context(self.doing("ask about"))
    }

    /// The kernel's id of it.
    pub fn id(&self) -> Result<u32> {
        Ok(self.info()?.id)
    }

    /// Runs it once, or many times, on the data given.
    ///
    /// # Errors
    /// `ENOTSUPP` for types that cannot be run this way (kprobe, tracepoint and others).
    ///
    /// # Kernel
    /// `BPF_PROG_TEST_RUN`, since Linux 4.12.
    pub fn test_run(&self, run: &TestRun<'_>) -> Result<TestRunResult> {
        run::test_run(self, run)
    }

    /// Keeps a map as long as the program is there, though it does not use it.
    ///
    /// # Kernel
    /// `BPF_PROG_BIND_MAP`, since Linux 5.10.
    #[inline]
    pub fn bind_map(&self, map: &Map) -> Result<()> {
        let bound = bpf::prog_bind_map(&self.0.fd, map.fd(), 0);
        bound.context(self.doing(format_args!("bind map `{}` to", map.name())))
    }

    /// Makes it belong to a `struct_ops` map: functions of the kernel that it calls may ask for the
    /// map's struct. For good: there is no way back.
    ///
    /// # Errors
    /// `EBUSY`: it belongs to another map. `EINVAL`: the map is none of `struct_ops`, the program is
    /// in one itself, or the kernel is older.
    ///
    /// # Kernel
    /// `BPF_PROG_ASSOC_STRUCT_OPS`, since Linux 7.0.
    #[doc(alias = "assoc_struct_ops")]
    #[inline]
    pub fn associate(&self, map: &Map) -> Result<()> {
        let done = bpf::prog_assoc_struct_ops(&self.0.fd, map.fd());
        done.context(self.doing(format_args!("associate map `{}` with", map.name())))
    }

    /// Pins it at a path of a bpffs.
    ///
    /// # Errors
    /// Those of [`Map::pin`].
    ///
    /// # Kernel
    /// `BPF_OBJ_PIN`, since Linux 4.4.
    pub fn pin(&self, path: &str) -> Result<()> {
        pin::pin_at(&self.0.fd, path)
            .context(format_args!("pin program `{}` at {path}", self.name()))
    }

    /// The `Func` of one of its functions, in its own types.
    pub(crate) fn function_id(&self, function: &str) -> Result<TypeId> {
        let info = self.info()?;
        if info.btf_id == 0 {
            let what = format!("program `{}` has no types (BTF)", self.name());
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let types = self.system().btf_by_id(info.btf_id)?;
        types.find(function, Some(Kind::Func)).ok_or_else(|| {
            let what = format!("program `{}` has no function `{function}`", self.name());
            Error::new(ErrorKind::NotFound, what)
        })
    }

    pub(crate) fn doing(&self, verb: impl fmt::Display) -> impl fmt::Display {
        fmt::from_fn(move |f| write!(f, "{verb} program `{}`", self.name()))
    }
}

impl System {
    /// Every program in the kernel now, in order of id. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Kernel
    /// `BPF_PROG_GET_NEXT_ID`, since Linux 4.13.
    pub fn programs(&self) -> Result<Vec<ProgInfo>> {
        self.each(ObjKind::Prog, |id| self.program_by_id(id)?.info())
            .context("list programs")
    }

    /// Has the kernel count runs of all programs and their time while the descriptor is open
    /// ([`Program::info`] tells both).
    ///
    /// # Kernel
    /// `BPF_ENABLE_STATS`, since Linux 5.8.
    #[inline]
    pub fn enable_stats(&self) -> Result<Fd> {
        bpf::enable_stats(self.kernel(), 0).context("count the runs of programs")
    }

    /// What a perf event or raw tracepoint descriptor of a process runs a program on.
    ///
    /// # Errors
    /// `ENOTSUPP`: the descriptor is of no such sort; `ENOENT`: there is no such process.
    ///
    /// # Kernel
    /// `BPF_TASK_FD_QUERY`, since Linux 4.18.
    #[inline]
    pub fn task_fd(&self, pid: u32, fd: u32) -> Result<TaskFd> {
        let what = format_args!("ask about descriptor {fd} of process {pid}");
        bpf::task_fd_query(self.kernel(), pid, fd).context(what)
    }

    /// The program with this id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]: there is none. `EPERM`: no `CAP_SYS_ADMIN`.
    pub fn program_by_id(&self, id: u32) -> Result<Program> {
        Program::told(self, self.open_id(ObjKind::Prog, "program", id)?)
    }
}

impl core::fmt::Debug for Program {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Program({} `{}`)", self.0.prog_type, self.name())
    }
}
