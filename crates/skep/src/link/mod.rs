//! Links: what holds a program to its hook.

mod binary;
mod by_netlink;
mod cgroup;
mod freplace;
mod glob;
mod held;
mod interface;
mod iter;
mod kprobe;
mod kprobe_multi;
mod lirc;
mod lwt;
mod mode;
mod multi;
mod netfilter;
mod netns;
mod opened;
mod order;
mod perf;
mod perf_event;
mod perf_kinds;
mod pmu;
mod probe;
mod query;
mod raw_tracepoint;
mod reuseport;
mod same_name;
mod socket;
mod sockmap;
mod struct_ops;
mod tc;
mod tcx;
mod tracefs;
mod tracepoint;
mod tracing;
mod tracing_multi;
mod uprobe;
mod uprobe_multi;
#[cfg(feature = "usdt")]
mod usdt;
mod xdp;

pub use cgroup::{Cgroup, CgroupMode};
pub use freplace::Freplace;
pub use iter::{CgroupOrder, Iter, IterReader};
pub use kprobe::Kprobe;
pub use kprobe_multi::KprobeMulti;
pub use lirc::Lirc;
pub use lwt::Lwt;
pub use mode::LinkMode;
pub use netfilter::{Netfilter, NetfilterHook};
pub use netns::Netns;
pub use order::Order;
pub use perf_event::PerfEvent;
pub use perf_kinds::{Breakpoint, CacheEvent, CacheOp, CacheResult, HardwareEvent, SoftwareEvent};
pub use probe::ProbeMode;
pub use raw_tracepoint::RawTracepoint;
pub use reuseport::Reuseport;
pub use same_name::SameName;
pub use socket::SocketFilter;
pub use sockmap::Sockmap;
pub use struct_ops::StructOps;
pub use tc::Tc;
pub use tcx::{Netkit, Tcx};
pub use tracepoint::Tracepoint;
pub use tracing::{BtfTracepoint, Tracing};
pub use tracing_multi::TracingMulti;
pub use uprobe::Uprobe;
pub use uprobe_multi::UprobeMulti;
#[cfg(feature = "usdt")]
pub use usdt::Usdt;
pub use xdp::Xdp;

use crate::error::Context;
use crate::map::Map;
use crate::pin;
use crate::prog::Program;
use crate::system::System;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use by_netlink::ByNetlink;
use held::HeldTarget;
use skep_sys::bpf::{self, ObjKind};
use skep_sys::{Fd, net, perf::perf_event_disable};

/// What is attached somewhere, and each of that.
pub use skep_sys::bpf::{Attached as AttachedProgram, Attachments};
/// What the kernel says of a link, `struct bpf_link_info`.
pub use skep_sys::bpf::{LinkInfo, LinkKind};
/// What something attaches to; whom it goes before or after.
pub use skep_sys::bpf::{Neighbour, Target};

/// A place where a program can be attached: a small value that knows how.
pub trait Hook {
    /// Attaches the program there.
    ///
    /// # Errors
    /// The kernel's errno; see the hook.
    fn attach(&self, program: &Program) -> Result<Link>;
}

impl<H: Hook + ?Sized> Hook for &H {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        (**self).attach(program)
    }
}

impl Program {
    /// Attaches it to this hook.
    ///
    /// # Errors
    /// What the hook tells of it, with the program's name; `EINVAL` also where the hook is for
    /// other types of programs.
    #[inline]
    pub fn attach_to(&self, hook: impl Hook) -> Result<Link> {
        hook.attach(self).map_err(|error| self.not_attached(error))
    }

    /// The kernel says no more than `EINVAL` where a hook is for other types of programs.
    #[cold]
    fn not_attached(&self, error: Error) -> Error {
        match error.errno() {
            Some(Errno::EINVAL) => {
                let doing = self.doing("attach");
                error.context(format_args!("{doing}, of type {}", self.prog_type()))
            }
            _ => error.context(self.doing("attach")),
        }
    }
}

/// Links that are held together.
pub type Links = Vec<Link>;

/// An attached program, or struct of programs. Dropping it detaches; [`Link::pin`] or
/// [`Link::leak`] keep it.
#[must_use = "dropping a link detaches its program"]
pub struct Link {
    held: Held,
    /// What was made for it in tracefs, and goes after it.
    made: Option<tracefs::TraceProbe>,
    /// What its program was told, and is not told any more after it.
    #[cfg(feature = "usdt")]
    told: Option<Box<usdt::Told>>,
    attached: Attached,
    hook: String,
    /// Whether it was detached before it is dropped.
    detached: bool,
}

/// What is attached.
enum Attached {
    Program(Program),
    StructOps(Map),
    /// What this process may not open.
    Unseen,
}

impl From<&Program> for Attached {
    #[inline]
    fn from(program: &Program) -> Self {
        Self::Program(program.clone())
    }
}

/// What dropping closes.
enum Held {
    /// A BPF link.
    Bpf(Fd),
    /// A perf event that the program was set on by ioctl (before Linux 5.15).
    Perf(Fd),
    /// A socket that the program filters.
    Socket(Fd),
    /// A socket of a group that the program chooses from.
    Reuseport(Fd),
    /// A target that the program was attached to without a link.
    Target(HeldTarget),
    /// What is attached by netlink.
    Netlink(Box<ByNetlink>),
    /// A `struct_ops` map that is registered without a link.
    StructOps(Map),
    /// Links, of which there is one at least.
    Several { first: Box<Link>, _rest: Vec<Link> },
}

impl Link {
    #[inline]
    fn new(attached: impl Into<Attached>, hook: String, held: Held) -> Self {
        Self {
            held,
            made: None,
            #[cfg(feature = "usdt")]
            told: None,
            attached: attached.into(),
            hook,
            detached: false,
        }
    }

    /// The attached program; `None` for a struct of programs, and for what this process may not open.
    #[inline]
    pub fn program(&self) -> Option<&Program> {
        match &self.attached {
            Attached::Program(program) => Some(program),
            Attached::StructOps(_) | Attached::Unseen => None,
        }
    }

    /// Name of the attached program or `struct_ops` map; empty where it is not known.
    #[inline]
    pub fn name(&self) -> &str {
        match &self.attached {
            Attached::Program(program) => program.name(),
            Attached::StructOps(map) => map.name(),
            Attached::Unseen => "",
        }
    }

    /// Where it is attached, in words: `raw tracepoint sys_enter`.
    #[inline]
    pub fn hook(&self) -> &str {
        &self.hook
    }

    /// Whether it is a BPF link, with an id and a pin (or an older form, that lives only as long
    /// as its descriptor).
    #[inline]
    pub fn is_bpf_link(&self) -> bool {
        matches!(self.held, Held::Bpf(_))
    }

    /// What the kernel says of it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if it is no BPF link.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD`, for links since Linux 5.8.
    #[inline]
    pub fn info(&self) -> Result<LinkInfo> {
        bpf::link_info(self.bpf_fd()?).context(format_args!("ask about {self}"))
    }

    /// Its descriptor; that of the target, where it is held without a link.
    #[inline]
    pub fn fd(&self) -> &Fd {
        match &self.held {
            Held::Bpf(fd) | Held::Perf(fd) | Held::Socket(fd) | Held::Reuseport(fd) => fd,
            Held::Target(held) => &held.target,
            Held::Netlink(held) => held.socket(),
            Held::StructOps(map) => map.fd(),
            Held::Several { first, .. } => first.fd(),
        }
    }

    /// Detaches it; what dropping does, with an answer.
    ///
    /// # Errors
    /// Where it is no BPF link. `ENOENT`: another one took it away, or another's place; `EEXIST`:
    /// another program is in its place; `EPERM`: the socket's filter is locked; `EINVAL`: a
    /// `struct_ops` map that is not registered any more.
    #[inline]
    pub fn detach(mut self) -> Result<()> {
        self.detached = true;
        let done = self.end();
        done.context(format_args!("detach {self}"))
    }

    /// Ends what closing the descriptor does not end.
    #[inline]
    fn end(&mut self) -> Result<()> {
        match (&mut self.held, &self.attached) {
            // Closing the last one stops it; the caller may have opened it.
            (Held::Perf(fd), _) => Ok(perf_event_disable(fd)?),
            // The socket may be open elsewhere.
            (Held::Socket(fd), _) => Ok(net::detach_bpf(fd)?),
            (Held::Reuseport(fd), _) => Ok(net::detach_reuseport_bpf(fd)?),
            // Another program may have taken its place.
            (Held::Target(held), Attached::Program(program)) => held.detach(program),
            // The same, or the interface has gone.
            (Held::Netlink(held), Attached::Program(program)) => held.detach(program),
            // Another holder of the map may have taken it out before.
            (Held::StructOps(map), _) => struct_ops::unregister(map).map(drop),
            // Closing the last descriptor detaches.
            _ => Ok(()),
        }
    }

    /// Pins it at a path of a bpffs, where it outlives this process, and gives it back.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if it is no BPF link; those of [`Map::pin`](crate::Map::pin).
    ///
    /// # Kernel
    /// `BPF_OBJ_PIN`, for links since Linux 5.7.
    #[inline]
    pub fn pin(self, path: &str) -> Result<Self> {
        pin::pin_at(self.bpf_fd()?, path).context(format_args!("pin {self} at {path}"))?;
        Ok(self)
    }

    /// Leaves it attached for as long as this process lives.
    #[inline]
    pub fn leak(self) {
        core::mem::forget(self);
    }

    #[inline]
    fn bpf_fd(&self) -> Result<&Fd> {
        match &self.held {
            Held::Bpf(fd) => Ok(fd),
            _ => {
                let what = format!("{self} is no BPF link");
                Err(Error::new(ErrorKind::Unsupported, what))
            }
        }
    }
}

impl Drop for Link {
    #[inline]
    fn drop(&mut self) {
        if !self.detached {
            // There is nobody to report to.
            drop(self.end());
        }
    }
}

impl core::fmt::Display for Link {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "link of `{}` to {}", self.name(), self.hook)
    }
}

impl core::fmt::Debug for Link {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Link({self})")
    }
}

impl System {
    /// Every link in the kernel now, in order of id. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Kernel
    /// `BPF_LINK_GET_NEXT_ID`, since Linux 5.8.
    #[inline]
    pub fn links(&self) -> Result<Vec<LinkInfo>> {
        let info = |id| Ok(bpf::link_info(&self.fd_by_id(ObjKind::Link, id)?)?);
        self.each(ObjKind::Link, info).context("list links")
    }
}
