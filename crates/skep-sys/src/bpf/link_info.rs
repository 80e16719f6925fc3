//! What the kernel tells of links.

use super::info::{ask, list, query};
use super::{output, text};
use crate::attr::{
    LinkCgroup, LinkEvent, LinkIter, LinkIterTask, LinkKprobe, LinkKprobeMulti, LinkNetfilter,
    LinkNetkit, LinkNetns, LinkRawTracepoint, LinkSockmap, LinkStructOps, LinkTcx, LinkTracepoint,
    LinkTracing, LinkTracingMulti, LinkUprobe, LinkUprobeMulti, LinkXdp, Plain, RawLinkInfo,
};
use crate::{Fd, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::uapi::bpf::{AttachType, LinkType};

/// A link, as the kernel tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Type.
    pub link_type: LinkType,
    /// Id.
    pub id: u32,
    /// Its program.
    pub prog_id: u32,
    /// What the type tells more.
    pub kind: LinkKind,
}

/// What a type of link tells more.
#[allow(
    missing_docs,
    reason = "the fields are the kernel's, documented in linux/bpf.h"
)]
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    RawTracepoint {
        name: String,
        cookie: u64,
    },
    Tracing {
        attach_type: AttachType,
        target_obj_id: u32,
        target_btf_id: u32,
        cookie: u64,
    },
    Cgroup {
        cgroup_id: u64,
        attach_type: AttachType,
    },
    /// `map_id` for iterators over maps, `cgroup_id` and `order` over cgroups, `tid` and `pid`
    /// over tasks; the rest 0.
    Iter {
        name: String,
        map_id: u32,
        cgroup_id: u64,
        order: u32,
        tid: u32,
        pid: u32,
    },
    Netns {
        netns_ino: u32,
        attach_type: AttachType,
    },
    Xdp {
        ifindex: u32,
    },
    StructOps {
        map_id: u32,
    },
    Netfilter {
        pf: u32,
        hooknum: u32,
        priority: i32,
        flags: u32,
    },
    Tcx {
        ifindex: u32,
        attach_type: AttachType,
    },
    Netkit {
        ifindex: u32,
        attach_type: AttachType,
    },
    Sockmap {
        map_id: u32,
        attach_type: AttachType,
    },
    KprobeMulti {
        count: u32,
        flags: u32,
        missed: u64,
        addrs: Vec<u64>,
    },
    TracingMulti {
        attach_type: AttachType,
        btf_obj_id: u32,
        count: u32,
        ids: Vec<u32>,
    },
    UprobeMulti {
        path: String,
        count: u32,
        flags: u32,
        pid: u32,
        offsets: Vec<u64>,
    },
    Uprobe {
        file_name: String,
        offset: u32,
        cookie: u64,
        ref_ctr_offset: u64,
        retprobe: bool,
    },
    Kprobe {
        func_name: String,
        offset: u32,
        addr: u64,
        missed: u64,
        cookie: u64,
        retprobe: bool,
    },
    Tracepoint {
        name: String,
        cookie: u64,
    },
    Event {
        kind: u32,
        config: u64,
        cookie: u64,
    },
    /// A type that this library does not know.
    Unknown,
}

/// `enum bpf_perf_event_type`.
mod perf_kind {
    pub(super) const UPROBE: u32 = 1;
    pub(super) const URETPROBE: u32 = 2;
    pub(super) const KPROBE: u32 = 3;
    pub(super) const KRETPROBE: u32 = 4;
    pub(super) const TRACEPOINT: u32 = 5;
}

const STRING_LEN: u32 = 4096;

/// A link's part of one type, from the bytes after the head.
#[inline]
fn part<T: Plain>(raw: &RawLinkInfo) -> T {
    T::from_prefix(raw.bytes().get(T::BASE..).unwrap_or_default())
}

/// Asks again for a part with buffers in it. `None` where the kernel refuses: it is older.
///
/// # Safety
/// `link` is of the type that `T` is the part of, and pointers in `wanted` have their lengths
/// beside them.
#[inline]
unsafe fn more<T: Plain>(link: &Fd, wanted: T) -> Option<T> {
    let mut raw = RawLinkInfo::default();
    for (to, from) in raw.bytes_mut().iter_mut().skip(T::BASE).zip(wanted.bytes()) {
        *to = *from;
    }
    // SAFETY: the caller's promise.
    unsafe { query(link, &mut raw) }.ok()?;
    Some(part(&raw))
}

/// Asks about a link.
///
/// # Errors
/// `EINVAL`: the descriptor is not of a link.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 5.8.
#[inline]
pub fn link_info(link: &Fd) -> Result<LinkInfo> {
    let raw: RawLinkInfo = ask(link)?;
    let link_type = LinkType(raw.kind);
    Ok(LinkInfo {
        link_type,
        id: raw.id,
        prog_id: raw.prog_id,
        kind: simple_kind(link_type, &raw).unwrap_or_else(|| texted_kind(link, link_type, &raw)),
    })
}

/// Types whose part is all numbers.
#[inline]
fn simple_kind(link_type: LinkType, raw: &RawLinkInfo) -> Option<LinkKind> {
    Some(match link_type {
        LinkType::TRACING => {
            let p: LinkTracing = part(raw);
            LinkKind::Tracing {
                attach_type: AttachType(p.attach_type),
                target_obj_id: p.target_obj_id,
                target_btf_id: p.target_btf_id,
                cookie: p.cookie,
            }
        }
        LinkType::CGROUP => {
            let p: LinkCgroup = part(raw);
            LinkKind::Cgroup {
                cgroup_id: p.cgroup_id,
                attach_type: AttachType(p.attach_type),
            }
        }
        LinkType::NETNS => {
            let p: LinkNetns = part(raw);
            LinkKind::Netns {
                netns_ino: p.netns_ino,
                attach_type: AttachType(p.attach_type),
            }
        }
        LinkType::XDP => LinkKind::Xdp {
            ifindex: part::<LinkXdp>(raw).ifindex,
        },
        LinkType::STRUCT_OPS => LinkKind::StructOps {
            map_id: part::<LinkStructOps>(raw).map_id,
        },
        LinkType::NETFILTER => {
            let p: LinkNetfilter = part(raw);
            LinkKind::Netfilter {
                pf: p.pf,
                hooknum: p.hooknum,
                priority: p.priority,
                flags: p.flags,
            }
        }
        LinkType::TCX => {
            let p: LinkTcx = part(raw);
            LinkKind::Tcx {
                ifindex: p.ifindex,
                attach_type: AttachType(p.attach_type),
            }
        }
        LinkType::NETKIT => {
            let p: LinkNetkit = part(raw);
            LinkKind::Netkit {
                ifindex: p.ifindex,
                attach_type: AttachType(p.attach_type),
            }
        }
        LinkType::SOCKMAP => {
            let p: LinkSockmap = part(raw);
            LinkKind::Sockmap {
                map_id: p.map_id,
                attach_type: AttachType(p.attach_type),
            }
        }
        _ => return None,
    })
}

/// Types whose part has names and lists, which are asked for again with room for them.
#[inline]
fn texted_kind(link: &Fd, link_type: LinkType, raw: &RawLinkInfo) -> LinkKind {
    match link_type {
        LinkType::RAW_TRACEPOINT => raw_tracepoint(link),
        LinkType::ITER => iter(link),
        LinkType::KPROBE_MULTI => kprobe_multi(link, part(raw)),
        LinkType::UPROBE_MULTI => uprobe_multi(link, part(raw)),
        LinkType::TRACING_MULTI => tracing_multi(link, part(raw)),
        LinkType::PERF_EVENT => perf_event(link, raw),
        _ => LinkKind::Unknown,
    }
}

/// Room for a name that [`more`] is to bring.
#[inline]
fn name_room() -> Vec<u8> {
    alloc::vec![0; STRING_LEN as usize]
}

#[inline]
fn raw_tracepoint(link: &Fd) -> LinkKind {
    let mut name = name_room();
    let wanted = LinkRawTracepoint {
        tp_name: output(&mut name),
        tp_name_len: STRING_LEN,
        ..LinkRawTracepoint::default()
    };
    // SAFETY: the caller has seen the type; `name` is as long as said.
    let p = unsafe { more(link, wanted) }.unwrap_or_default();
    LinkKind::RawTracepoint {
        name: text(&name),
        cookie: p.cookie,
    }
}

#[inline]
fn iter(link: &Fd) -> LinkKind {
    let mut name = name_room();
    let wanted = LinkIter {
        target_name: output(&mut name),
        target_name_len: STRING_LEN,
        ..LinkIter::default()
    };
    // SAFETY: the caller has seen the type; `name` is as long as said.
    let p = unsafe { more(link, wanted) }.unwrap_or_default();
    let name = text(&name);
    let tasks = if name.starts_with("task") {
        LinkIterTask::from_prefix(p.bytes())
    } else {
        LinkIterTask::default()
    };
    let cgroups = name == "cgroup";
    LinkKind::Iter {
        map_id: if name.starts_with("bpf_") {
            p.map_id
        } else {
            0
        },
        cgroup_id: if cgroups { p.cgroup_id } else { 0 },
        order: if cgroups { p.order } else { 0 },
        tid: tasks.tid,
        pid: tasks.pid,
        name,
    }
}

#[inline]
fn kprobe_multi(link: &Fd, first: LinkKprobeMulti) -> LinkKind {
    let mut addrs = list(first.count).unwrap_or_default();
    let wanted = LinkKprobeMulti {
        addrs: output(&mut addrs),
        count: addrs.len() as u32,
        ..LinkKprobeMulti::default()
    };
    // SAFETY: the caller has seen the type; `addrs` has room for `count`.
    let p = unsafe { more(link, wanted) };
    if p.is_none() {
        addrs.clear();
    }
    LinkKind::KprobeMulti {
        count: first.count,
        flags: first.flags,
        missed: first.missed,
        addrs,
    }
}

#[inline]
fn uprobe_multi(link: &Fd, first: LinkUprobeMulti) -> LinkKind {
    let mut path = name_room();
    let mut offsets = list(first.count).unwrap_or_default();
    let wanted = LinkUprobeMulti {
        path: output(&mut path),
        path_size: STRING_LEN,
        offsets: output(&mut offsets),
        count: offsets.len() as u32,
        ..LinkUprobeMulti::default()
    };
    // SAFETY: the caller has seen the type; both buffers are as long as said.
    let p = unsafe { more(link, wanted) };
    if p.is_none() {
        offsets.clear();
    }
    LinkKind::UprobeMulti {
        path: text(&path),
        count: first.count,
        flags: first.flags,
        pid: first.pid,
        offsets,
    }
}

#[inline]
fn tracing_multi(link: &Fd, first: LinkTracingMulti) -> LinkKind {
    let mut ids = list(first.count).unwrap_or_default();
    let wanted = LinkTracingMulti {
        ids: output(&mut ids),
        count: ids.len() as u32,
        ..LinkTracingMulti::default()
    };
    // SAFETY: the caller has seen the type; `ids` has room for `count`.
    let p = unsafe { more(link, wanted) };
    if p.is_none() {
        ids.clear();
    }
    LinkKind::TracingMulti {
        attach_type: AttachType(first.attach_type),
        btf_obj_id: first.btf_obj_id,
        count: first.count,
        ids,
    }
}

#[inline]
fn uprobe(link: &Fd, raw: &RawLinkInfo, kind: u32) -> LinkKind {
    let mut name = name_room();
    let wanted = LinkUprobe {
        file_name: output(&mut name),
        name_len: STRING_LEN,
        ..LinkUprobe::default()
    };
    // SAFETY: the type and kind have been seen; `name` is as long as said.
    let p = unsafe { more(link, wanted) }.unwrap_or_else(|| part(raw));
    LinkKind::Uprobe {
        file_name: text(&name),
        offset: p.offset,
        cookie: p.cookie,
        ref_ctr_offset: p.ref_ctr_offset,
        retprobe: kind == perf_kind::URETPROBE,
    }
}

#[inline]
fn kprobe(link: &Fd, raw: &RawLinkInfo, kind: u32) -> LinkKind {
    let mut name = name_room();
    let wanted = LinkKprobe {
        func_name: output(&mut name),
        name_len: STRING_LEN,
        ..LinkKprobe::default()
    };
    // SAFETY: the type and kind have been seen; `name` is as long as said.
    let p = unsafe { more(link, wanted) }.unwrap_or_else(|| part(raw));
    LinkKind::Kprobe {
        func_name: text(&name),
        offset: p.offset,
        addr: p.addr,
        missed: p.missed,
        cookie: p.cookie,
        retprobe: kind == perf_kind::KRETPROBE,
    }
}

#[inline]
fn tracepoint(link: &Fd, raw: &RawLinkInfo) -> LinkKind {
    let mut name = name_room();
    let wanted = LinkTracepoint {
        tp_name: output(&mut name),
        name_len: STRING_LEN,
        ..LinkTracepoint::default()
    };
    // SAFETY: the type and kind have been seen; `name` is as long as said.
    let p = unsafe { more(link, wanted) }.unwrap_or_else(|| part(raw));
    LinkKind::Tracepoint {
        name: text(&name),
        cookie: p.cookie,
    }
}

#[inline]
fn perf_event(link: &Fd, raw: &RawLinkInfo) -> LinkKind {
    let kind = part::<LinkEvent>(raw).kind;
    match kind {
        perf_kind::UPROBE | perf_kind::URETPROBE => uprobe(link, raw, kind),
        perf_kind::KPROBE | perf_kind::KRETPROBE => kprobe(link, raw, kind),
        perf_kind::TRACEPOINT => tracepoint(link, raw),
        _ => {
            let p: LinkEvent = part(raw);
            LinkKind::Event {
                kind: p.event_type,
                config: p.config,
                cookie: p.cookie,
            }
        }
    }
}
