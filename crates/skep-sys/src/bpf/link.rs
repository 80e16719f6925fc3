//! Attaching: links, and the two older ways.

use super::{bpf, bpf_fd, input, len32, raw, string};
use crate::attr::{
    IterCgroup, IterCreate, IterMap, IterTask, LinkCreate, LinkCreateIter, LinkCreateKprobeMulti,
    LinkCreateNetfilter, LinkCreatePerfEvent, LinkCreateRelative, LinkCreateTracing,
    LinkCreateTracingMulti, LinkCreateUprobeMulti, LinkDetach, LinkUpdate, Plain, ProgAttach,
    RawTpOpen,
};
use crate::{CallError, Fd, KernelRef, Result};
use alloc::vec::Vec;
use core::ffi::CStr;
use skep_codec::Errno;
use skep_codec::uapi::bpf::AttachType;
use skep_codec::uapi::flags;

/// What something attaches to.
#[derive(Clone, Copy, Debug, Default)]
pub enum Target<'a> {
    /// Nothing that has a descriptor: a kernel function, a tracepoint.
    #[default]
    None,
    /// A cgroup, network namespace, perf event, map or program.
    Fd(&'a Fd),
    /// A network interface.
    Ifindex(u32),
}

impl Target<'_> {
    #[inline]
    pub(super) fn raw(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Fd(fd) => fd.raw() as u32,
            Self::Ifindex(ifindex) => *ifindex,
        }
    }
}

/// Whom an ordered attachment goes before or after (`BPF_F_BEFORE`, `BPF_F_AFTER` say which).
#[derive(Clone, Copy, Debug, Default)]
pub enum Neighbour<'a> {
    /// All.
    #[default]
    All,
    /// A program.
    Prog(&'a Fd),
    /// A program, by id.
    ProgId(u32),
    /// A link.
    Link(&'a Fd),
    /// A link, by id.
    LinkId(u32),
}

impl Neighbour<'_> {
    /// Descriptor or id, and the flags that say which it is.
    #[inline]
    fn raw(&self) -> (u32, u32) {
        match self {
            Self::All => (0, 0),
            Self::Prog(fd) => (fd.raw() as u32, 0),
            Self::ProgId(id) => (*id, flags::ID),
            Self::Link(fd) => (fd.raw() as u32, flags::LINK),
            Self::LinkId(id) => (*id, flags::ID | flags::LINK),
        }
    }
}

/// What an iterator goes over.
#[derive(Clone, Copy, Debug)]
pub enum IterTarget<'a> {
    /// The elements of a map.
    Map(&'a Fd),
    /// A hierarchy of cgroups.
    Cgroup {
        /// `BPF_CGROUP_ITER_*`.
        order: u32,
        /// The cgroup, by descriptor.
        fd: Option<&'a Fd>,
        /// The cgroup, by id.
        id: u64,
    },
    /// Tasks.
    Task {
        /// Only this thread.
        tid: u32,
        /// Only this process.
        pid: u32,
        /// Only this process.
        pid_fd: Option<&'a Fd>,
    },
}

/// What a kind of link asks for beside program and target.
#[derive(Clone, Copy, Debug, Default)]
pub enum LinkExtra<'a> {
    /// Nothing.
    #[default]
    None,
    /// BTF id of the target (freplace), without a cookie.
    BtfId(u32),
    /// What an iterator goes over.
    Iter(IterTarget<'a>),
    /// Cookie of a perf event.
    PerfEvent {
        /// `bpf_get_attach_cookie`.
        cookie: u64,
    },
    /// Kernel functions by name or address, one of the two; cookies for each, or none.
    KprobeMulti {
        /// `BPF_F_KPROBE_MULTI_RETURN`.
        flags: u32,
        /// Names.
        syms: &'a [&'a CStr],
        /// Addresses.
        addrs: &'a [u64],
        /// `bpf_get_attach_cookie`.
        cookies: &'a [u64],
    },
    /// Tracing with a target of its own, or a cookie.
    Tracing {
        /// BTF id of the target.
        target_btf_id: u32,
        /// `bpf_get_attach_cookie`.
        cookie: u64,
    },
    /// A netfilter hook.
    Netfilter {
        /// `NFPROTO_*`.
        pf: u32,
        /// `NF_INET_*`.
        hooknum: u32,
        /// Order among hooks.
        priority: i32,
        /// `BPF_F_NETFILTER_IP_DEFRAG`.
        flags: u32,
    },
    /// Place in the order (tcx, netkit, cgroup).
    Relative {
        /// Whom before or after.
        neighbour: Neighbour<'a>,
        /// Fails with `ESTALE` when the order has changed; 0 for any.
        expected_revision: u64,
    },
    /// Kernel functions, for a tracing program.
    TracingMulti {
        /// BTF ids of the functions, none twice.
        ids: &'a [u32],
        /// `bpf_get_attach_cookie`, or none.
        cookies: &'a [u64],
    },
    /// Places in a file.
    UprobeMulti {
        /// `BPF_F_UPROBE_MULTI_RETURN`.
        flags: u32,
        /// The file.
        path: &'a CStr,
        /// Offsets in it.
        offsets: &'a [u64],
        /// Offsets of reference counters, or none.
        ref_ctr_offsets: &'a [u64],
        /// `bpf_get_attach_cookie`, or none.
        cookies: &'a [u64],
        /// Only this process; 0 for all.
        pid: u32,
    },
}

/// A link to make.
#[derive(Clone, Copy, Debug)]
pub struct LinkParams<'a> {
    /// The program, or the map of a struct_ops link.
    pub prog: &'a Fd,
    /// What it attaches to.
    pub target: Target<'a>,
    /// How.
    pub attach_type: AttachType,
    /// Flags of the kind (`XDP_FLAGS_*`, `BPF_F_BEFORE`, ...).
    pub flags: u32,
    /// What the kind asks for.
    pub extra: LinkExtra<'a>,
}

const NAME: &str = "BPF_LINK_CREATE";

/// Attaches a program by a link, which detaches it when its last descriptor is closed.
///
/// # Errors
/// `EINVAL`: the kernel lacks this kind of link, or what was asked does not go together;
/// `EEXIST`, `EBUSY`: taken; `EPERM`: a capability is missing.
///
/// # Kernel
/// `BPF_LINK_CREATE`, since 5.7.
#[inline]
pub fn link_create(params: &LinkParams<'_>) -> Result<Fd> {
    match params.extra {
        LinkExtra::None => create(params, LinkCreate::default(), |_| ()),
        LinkExtra::BtfId(id) => create(params, LinkCreate::default(), |a| a.target_btf_id = id),
        LinkExtra::Iter(target) => iter_link(params, target),
        LinkExtra::PerfEvent { cookie } => create(params, LinkCreatePerfEvent::default(), |a| {
            a.bpf_cookie = cookie;
        }),
        LinkExtra::Tracing {
            target_btf_id,
            cookie,
        } => create(params, LinkCreateTracing::default(), |a| {
            (a.target_btf_id, a.cookie) = (target_btf_id, cookie);
        }),
        LinkExtra::Netfilter {
            pf,
            hooknum,
            priority,
            flags,
        } => create(params, LinkCreateNetfilter::default(), |a| {
            (a.pf, a.hooknum, a.priority, a.netfilter_flags) = (pf, hooknum, priority, flags);
        }),
        LinkExtra::Relative {
            neighbour,
            expected_revision,
        } => create(params, LinkCreateRelative::default(), |a| {
            let (relative, flags) = neighbour.raw();
            a.flags |= flags;
            (a.relative_fd, a.expected_revision) = (relative, expected_revision);
        }),
        LinkExtra::TracingMulti { ids, cookies } => {
            let cnt = same_length(ids.len(), &[cookies])?;
            create(params, LinkCreateTracingMulti::default(), |a| {
                (a.ids, a.cookies, a.cnt) = (input(ids), input(cookies), cnt);
            })
        }
        LinkExtra::KprobeMulti { .. } => kprobe_multi(params),
        LinkExtra::UprobeMulti { .. } => uprobe_multi(params),
    }
}

/// The 16 bytes that all of `BPF_LINK_CREATE` begin with.
trait Head: Plain {
    fn head(&mut self, params: &LinkParams<'_>);
}

macro_rules! heads {
    ($($ty:ident),+) => {$(
        impl Head for $ty {
            #[inline]
            fn head(&mut self, params: &LinkParams<'_>) {
                self.prog_fd = params.prog.raw() as u32;
                self.target_fd = params.target.raw();
                self.attach_type = params.attach_type.0;
                self.flags = params.flags;
            }
        }
    )+};
}
heads!(
    LinkCreate,
    LinkCreateIter,
    LinkCreatePerfEvent,
    LinkCreateKprobeMulti,
    LinkCreateTracing,
    LinkCreateNetfilter,
    LinkCreateRelative,
    LinkCreateTracingMulti,
    LinkCreateUprobeMulti
);

/// The call. Pointers that `fill` puts in are of slices that the caller keeps.
#[inline]
fn create<T: Head>(params: &LinkParams<'_>, mut attr: T, fill: impl FnOnce(&mut T)) -> Result<Fd> {
    attr.head(params);
    fill(&mut attr);
    // SAFETY: pointers, where there are any, are of slices and strings that outlive this call,
    // their lengths beside them; the answer is a descriptor.
    unsafe { bpf_fd!(params.prog.kernel(), LINK_CREATE, &mut attr) }
}

#[inline]
fn iter_link(params: &LinkParams<'_>, target: IterTarget<'_>) -> Result<Fd> {
    let (map, cgroup, task);
    let info: &[u8] = match target {
        IterTarget::Map(fd) => {
            map = IterMap {
                map_fd: fd.raw() as u32,
            };
            map.bytes()
        }
        IterTarget::Cgroup { order, fd, id } => {
            cgroup = IterCgroup {
                order,
                cgroup_fd: raw(fd),
                cgroup_id: id,
            };
            cgroup.bytes()
        }
        IterTarget::Task { tid, pid, pid_fd } => {
            task = IterTask {
                tid,
                pid,
                pid_fd: raw(pid_fd),
            };
            task.bytes()
        }
    };
    create(params, LinkCreateIter::default(), |a| {
        (a.iter_info, a.iter_info_len) = (input(info), len32(info));
    })
}

/// `lists` are empty or as long as `count`.
#[inline]
fn same_length(count: usize, lists: &[&[u64]]) -> Result<u32> {
    let fits = lists.iter().all(|l| l.is_empty() || l.len() == count);
    match u32::try_from(count) {
        Ok(count) if fits => Ok(count),
        _ => Err(CallError::new(NAME, Errno::EINVAL)),
    }
}

#[inline]
fn kprobe_multi(params: &LinkParams<'_>) -> Result<Fd> {
    let LinkExtra::KprobeMulti {
        flags,
        syms,
        addrs,
        cookies,
    } = params.extra
    else {
        return Err(CallError::new(NAME, Errno::EINVAL));
    };
    let names: Vec<u64> = syms.iter().map(|sym| string(sym)).collect();
    let cnt = same_length(names.len().max(addrs.len()), &[&names, addrs, cookies])?;
    create(params, LinkCreateKprobeMulti::default(), |a| {
        (a.multi_flags, a.cnt) = (flags, cnt);
        (a.syms, a.addrs, a.cookies) = (input(&names), input(addrs), input(cookies));
    })
}

#[inline]
fn uprobe_multi(params: &LinkParams<'_>) -> Result<Fd> {
    let LinkExtra::UprobeMulti {
        flags,
        path,
        offsets,
        ref_ctr_offsets,
        cookies,
        pid,
    } = params.extra
    else {
        return Err(CallError::new(NAME, Errno::EINVAL));
    };
    let cnt = same_length(offsets.len(), &[ref_ctr_offsets, cookies])?;
    create(params, LinkCreateUprobeMulti::default(), |a| {
        (a.multi_flags, a.cnt, a.pid) = (flags, cnt, pid);
        (a.path, a.offsets) = (string(path), input(offsets));
        (a.ref_ctr_offsets, a.cookies) = (input(ref_ctr_offsets), input(cookies));
    })
}

/// Puts another program (or struct_ops map) in a link's place, if `old` is what it holds now.
///
/// # Errors
/// `EPERM`: `old` is not what the link holds; `EINVAL`: another type of program.
///
/// # Kernel
/// `BPF_LINK_UPDATE`, since 5.7.
#[inline]
pub fn link_update(link: &Fd, new: &Fd, old: Option<&Fd>) -> Result<()> {
    let mut attr = LinkUpdate {
        link_fd: link.raw() as u32,
        new_prog_fd: new.raw() as u32,
        flags: old.map_or(0, |_| flags::REPLACE),
        old_prog_fd: raw(old),
    };
    // SAFETY: there are no pointers.
    unsafe { bpf!(link.kernel(), LINK_UPDATE, &mut attr) }.map(drop)
}

/// Detaches a link, whoever else holds it.
///
/// # Errors
/// `EOPNOTSUPP`: not for this kind of link.
///
/// # Kernel
/// `BPF_LINK_DETACH`, since 5.9.
#[inline]
pub fn link_detach(link: &Fd) -> Result<()> {
    let mut attr = LinkDetach {
        link_fd: link.raw() as u32,
    };
    // SAFETY: there are no pointers.
    unsafe { bpf!(link.kernel(), LINK_DETACH, &mut attr) }.map(drop)
}

/// Starts an iterator: reading the descriptor runs the program.
///
/// # Kernel
/// `BPF_ITER_CREATE`, since 5.8.
#[inline]
pub fn iter_create(link: &Fd, flags: u32) -> Result<Fd> {
    let mut attr = IterCreate {
        link_fd: link.raw() as u32,
        flags,
    };
    // SAFETY: there are no pointers; the answer is a descriptor.
    unsafe { bpf_fd!(link.kernel(), ITER_CREATE, &mut attr) }
}

/// Attaches a program to a raw tracepoint, or a tracing program (then without a name) to what
/// it was loaded for.
///
/// # Errors
/// `ENOENT`: no such tracepoint; `EINVAL`: a cookie, before 6.10.
///
/// # Kernel
/// `BPF_RAW_TRACEPOINT_OPEN`, since 4.17.
#[inline]
pub fn raw_tracepoint_open(prog: &Fd, name: Option<&CStr>, cookie: u64) -> Result<Fd> {
    let mut attr = RawTpOpen {
        name: name.map_or(0, string),
        prog_fd: prog.raw() as u32,
        cookie,
        ..RawTpOpen::default()
    };
    let kernel: &KernelRef = prog.kernel();
    // SAFETY: the pointer is a string that outlives the call; the answer is a descriptor.
    unsafe { bpf_fd!(kernel, RAW_TRACEPOINT_OPEN, &mut attr) }
}

/// An attachment without a link: it stays until it is taken away.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttachParams<'a> {
    /// What to.
    pub target: Target<'a>,
    /// How.
    pub attach_type: AttachType,
    /// `BPF_F_ALLOW_MULTI`, `BPF_F_BEFORE`, ...
    pub flags: u32,
    /// The program that it takes the place of (sets `BPF_F_REPLACE`).
    pub replace: Option<&'a Fd>,
    /// Whom before or after.
    pub neighbour: Neighbour<'a>,
    /// Fails with `ESTALE` when the order has changed; 0 for any.
    pub expected_revision: u64,
}

impl AttachParams<'_> {
    #[inline]
    fn attr(&self, prog: u32) -> ProgAttach {
        let (relative_fd, more) = self.neighbour.raw();
        ProgAttach {
            target_fd: self.target.raw(),
            attach_bpf_fd: prog,
            attach_type: self.attach_type.0,
            attach_flags: self.flags | more | self.replace.map_or(0, |_| flags::REPLACE),
            replace_bpf_fd: raw(self.replace),
            relative_fd,
            expected_revision: self.expected_revision,
        }
    }
}

/// Attaches a program without a link.
///
/// # Kernel
/// `BPF_PROG_ATTACH`, since 4.10.
#[inline]
pub fn prog_attach(prog: &Fd, params: &AttachParams<'_>) -> Result<()> {
    let mut attr = params.attr(prog.raw() as u32);
    // SAFETY: there are no pointers.
    unsafe { bpf!(prog.kernel(), PROG_ATTACH, &mut attr) }.map(drop)
}

/// Takes away what [`prog_attach`] put there; some targets need no program to be named.
///
/// # Kernel
/// `BPF_PROG_DETACH`, since 4.10.
#[inline]
pub fn prog_detach(kernel: &KernelRef, prog: Option<&Fd>, params: &AttachParams<'_>) -> Result<()> {
    let mut attr = params.attr(raw(prog));
    // SAFETY: there are no pointers.
    unsafe { bpf!(kernel, PROG_DETACH, &mut attr) }.map(drop)
}
