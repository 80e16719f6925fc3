//! What the kernel tells of its objects.

use super::{bpf, output, text};
use crate::attr::{
    FuncInfo, LineInfo, LinkCgroup, LinkEvent, LinkIter, LinkIterTask, LinkKprobe, LinkKprobeMulti,
    LinkNetfilter, LinkNetkit, LinkNetns, LinkRawTracepoint, LinkSockmap, LinkStructOps, LinkTcx,
    LinkTracepoint, LinkTracing, LinkUprobe, LinkUprobeMulti, LinkXdp, ObjInfo, Plain, RawBtfInfo,
    RawLinkInfo, RawMapInfo, RawProgInfo, TokenInfo,
};
use crate::{CallError, Fd, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::uapi::bpf::{AttachType, LinkType, MapType, ProgType};

const NAME: &str = "BPF_OBJ_GET_INFO_BY_FD";
/// Lists beyond this are not asked for.
const LIST_LIMIT: usize = 1 << 28;

/// Asks about `fd`; `info` goes in with buffers and their lengths, and comes back.
///
/// # Safety
/// Pointers in `info` are of buffers as long as it says, or null. Should `fd` be of another
/// kind of object than `T`, the kernel reads these bytes as that kind's structure: there, too,
/// every pointer that is not null must have its length beside it.
unsafe fn query<T: Plain>(fd: &Fd, info: &mut T) -> Result<()> {
    // SAFETY: the caller vouches for what it points to.
    unsafe { obj_info(fd, info.bytes_mut()) }.map(drop)
}

/// Asks about an object of any kind, into a structure of the caller's; how many bytes of it the kernel
/// knows.
///
/// # Safety
/// What the structure of that kind has for pointers and lengths is zero, or of buffers that may be
/// written.
///
/// # Errors
/// `E2BIG`: bytes behind what the kernel knows are not zero; `EBADF`: nothing that has information.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.13.
#[doc(alias = "bpf_obj_get_info_by_fd")]
#[inline]
pub unsafe fn obj_info(object: &Fd, info: &mut [u8]) -> Result<usize> {
    let mut attr = ObjInfo {
        bpf_fd: object.raw() as u32,
        info_len: super::len32(info),
        info: output(info),
    };
    // SAFETY: `info` is `info_len` bytes; the caller vouches for what it points to.
    unsafe { bpf!(object.kernel(), OBJ_GET_INFO_BY_FD, &mut attr) }?;
    Ok(info.len().min(attr.info_len as usize))
}

/// [`query`] without buffers.
fn ask<T: Plain>(fd: &Fd) -> Result<T> {
    let mut info = T::default();
    // SAFETY: all pointers are null.
    unsafe { query(fd, &mut info) }?;
    Ok(info)
}

/// A buffer for `len` values that the kernel is to fill.
fn list<T: Clone + Default>(len: u32) -> Result<Vec<T>> {
    let len = len as usize;
    if len > LIST_LIMIT / size_of::<T>().max(1) {
        return Err(CallError::new(NAME, Errno::EFBIG));
    }
    Ok(alloc::vec![T::default(); len])
}

/// A program, as the kernel tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgInfo {
    /// Type.
    pub prog_type: ProgType,
    /// Id.
    pub id: u32,
    /// Hash of the instructions.
    pub tag: [u8; 8],
    /// Name, cut to 15 bytes.
    pub name: String,
    /// Bytes of machine code.
    pub jited_prog_len: u32,
    /// Bytes of instructions after the verifier rewrote them.
    pub xlated_prog_len: u32,
    /// When it was loaded, in time since boot.
    pub load_time_ns: u64,
    /// Who loaded it.
    pub created_by_uid: u32,
    /// Maps that it uses.
    pub nr_map_ids: u32,
    /// Device that it is bound to.
    pub ifindex: u32,
    /// Whether its license is compatible with the GPL.
    pub gpl_compatible: bool,
    /// BTF that it was loaded with.
    pub btf_id: u32,
    /// Functions.
    pub nr_func_info: u32,
    /// Source lines.
    pub nr_line_info: u32,
    /// Time spent running, while statistics are on.
    pub run_time_ns: u64,
    /// Runs, while statistics are on.
    pub run_cnt: u64,
    /// Runs that were skipped because the program ran already on that CPU.
    pub recursion_misses: u64,
    /// Instructions that the verifier looked at (since 5.16).
    pub verified_insns: u32,
    /// BTF of what it attaches to.
    pub attach_btf_obj_id: u32,
    /// Type id of what it attaches to.
    pub attach_btf_id: u32,
}

/// Asks about a program.
///
/// # Errors
/// `EBADF`: the descriptor is of nothing that has information.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.13.
pub fn prog_info(prog: &Fd) -> Result<ProgInfo> {
    let raw: RawProgInfo = ask(prog)?;
    let first_bit = if cfg!(target_endian = "big") { 31 } else { 0 };
    Ok(ProgInfo {
        prog_type: ProgType(raw.kind),
        id: raw.id,
        tag: raw.tag,
        name: text(&raw.name),
        jited_prog_len: raw.jited_prog_len,
        xlated_prog_len: raw.xlated_prog_len,
        load_time_ns: raw.load_time,
        created_by_uid: raw.created_by_uid,
        nr_map_ids: raw.nr_map_ids,
        ifindex: raw.ifindex,
        gpl_compatible: raw.gpl_compatible >> first_bit & 1 != 0,
        btf_id: raw.btf_id,
        nr_func_info: raw.nr_func_info,
        nr_line_info: raw.nr_line_info,
        run_time_ns: raw.run_time_ns,
        run_cnt: raw.run_cnt,
        recursion_misses: raw.recursion_misses,
        verified_insns: raw.verified_insns,
        attach_btf_obj_id: raw.attach_btf_obj_id,
        attach_btf_id: raw.attach_btf_id,
    })
}

/// Where a list of a program is told: how many entries, and the address they go to.
type Place = fn(&mut RawProgInfo) -> (&mut u32, &mut u64);

/// Fetches one list of a program: its length is asked for first, then the list. Empty where the
/// kernel does not show it, and takes the address back.
fn prog_list<T: Clone + Default>(prog: &Fd, mut info: RawProgInfo, place: Place) -> Result<Vec<T>> {
    let count = *place(&mut ask(prog)?).0;
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut out = list(count)?;
    *place(&mut info).0 = count;
    *place(&mut info).1 = output(&mut out);
    // SAFETY: `out` has room for `count`. For a program that is what the kernel takes it for.
    // In the structures of maps, BTF and links, these fields are lengths, flags and reserved
    // space, or pointers with a length of zero, which the kernel refuses; the later ones are
    // beyond their end, where the kernel takes nothing but zeros.
    unsafe { query(prog, &mut info) }?;
    let (len, to) = place(&mut info);
    out.truncate(if *to == 0 { 0 } else { *len as usize });
    Ok(out)
}

/// Ids of the maps that a program uses.
pub fn prog_map_ids(prog: &Fd) -> Result<Vec<u32>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| (&mut i.nr_map_ids, &mut i.map_ids))
}

/// A program's instructions as the verifier rewrote them, in this machine's byte order. Empty
/// where the kernel does not show them (`kptr_restrict`, no `CAP_SYS_ADMIN`).
pub fn prog_insns(prog: &Fd) -> Result<Vec<u8>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| {
        (&mut i.xlated_prog_len, &mut i.xlated_prog_insns)
    })
}

/// A program's machine code. Empty where the kernel does not show it.
pub fn prog_jited(prog: &Fd) -> Result<Vec<u8>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| {
        (&mut i.jited_prog_len, &mut i.jited_prog_insns)
    })
}

/// Addresses of the machine code of a program's functions. Empty where the kernel does not show
/// them.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.18.
pub fn prog_jited_ksyms(prog: &Fd) -> Result<Vec<u64>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| {
        (&mut i.nr_jited_ksyms, &mut i.jited_ksyms)
    })
}

/// Bytes of machine code of each of a program's functions. Empty where the kernel does not show
/// them.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.18.
pub fn prog_jited_func_lens(prog: &Fd) -> Result<Vec<u32>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| {
        (&mut i.nr_jited_func_lens, &mut i.jited_func_lens)
    })
}

/// A program's functions.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 5.0.
pub fn prog_func_info(prog: &Fd) -> Result<Vec<FuncInfo>> {
    let records = RawProgInfo {
        func_info_rec_size: size_of::<FuncInfo>() as u32,
        ..RawProgInfo::default()
    };
    prog_list(prog, records, |i| (&mut i.nr_func_info, &mut i.func_info))
}

/// A program's source lines.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 5.0.
pub fn prog_line_info(prog: &Fd) -> Result<Vec<LineInfo>> {
    let records = RawProgInfo {
        line_info_rec_size: size_of::<LineInfo>() as u32,
        ..RawProgInfo::default()
    };
    prog_list(prog, records, |i| (&mut i.nr_line_info, &mut i.line_info))
}

/// Addresses of the machine code of a program's source lines. Empty where the kernel does not
/// show them.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 5.0.
pub fn prog_jited_line_info(prog: &Fd) -> Result<Vec<u64>> {
    let records = RawProgInfo {
        jited_line_info_rec_size: size_of::<u64>() as u32,
        ..RawProgInfo::default()
    };
    prog_list(prog, records, |i| {
        (&mut i.nr_jited_line_info, &mut i.jited_line_info)
    })
}

/// A map, as the kernel tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapInfo {
    /// Type.
    pub map_type: MapType,
    /// Id.
    pub id: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value (of one CPU).
    pub value_size: u32,
    /// Elements, or bytes of a ring.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub map_flags: u32,
    /// Name, cut to 15 bytes.
    pub name: String,
    /// Device that it is offloaded to.
    pub ifindex: u32,
    /// Kernel BTF type of a struct_ops value.
    pub btf_vmlinux_value_type_id: u32,
    /// Which BTF that is of: the kernel's or a module's (since 6.9).
    pub btf_vmlinux_id: u32,
    /// BTF that the type ids are of.
    pub btf_id: u32,
    /// BTF type of the key.
    pub btf_key_type_id: u32,
    /// BTF type of the value.
    pub btf_value_type_id: u32,
    /// Meaning depends on the type.
    pub map_extra: u64,
}

/// Asks about a map.
///
/// # Errors
/// `EINVAL`: the descriptor is not of a map.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.13.
pub fn map_info(map: &Fd) -> Result<MapInfo> {
    let raw: RawMapInfo = ask(map)?;
    Ok(MapInfo {
        map_type: MapType(raw.kind),
        id: raw.id,
        key_size: raw.key_size,
        value_size: raw.value_size,
        max_entries: raw.max_entries,
        map_flags: raw.map_flags,
        name: text(&raw.name),
        ifindex: raw.ifindex,
        btf_vmlinux_value_type_id: raw.btf_vmlinux_value_type_id,
        btf_vmlinux_id: raw.btf_vmlinux_id,
        btf_id: raw.btf_id,
        btf_key_type_id: raw.btf_key_type_id,
        btf_value_type_id: raw.btf_value_type_id,
        map_extra: raw.map_extra,
    })
}

/// BTF, as the kernel tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BtfInfo {
    /// Id.
    pub id: u32,
    /// Bytes.
    pub size: u32,
    /// `vmlinux` or the module's name; empty for a program's.
    pub name: String,
    /// Whether it is the kernel's or a module's.
    pub kernel: bool,
}

/// Asks about BTF.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.18; the name since 5.11.
pub fn btf_info(btf: &Fd) -> Result<BtfInfo> {
    let mut name = [0; 64];
    let mut raw = RawBtfInfo {
        name: output(&mut name),
        name_len: name.len() as u32,
        ..RawBtfInfo::default()
    };
    // SAFETY: `name` is `name_len` bytes. Of a program these are lengths of code without
    // buffers; of a map, sizes; of a link, a name or list with its length beside it.
    match unsafe { query(btf, &mut raw) } {
        // The kernel has no such fields, and has to be asked without.
        Err(error) if error.errno == Errno::E2BIG => raw = ask(btf)?,
        answer => answer?,
    }
    Ok(BtfInfo {
        id: raw.id,
        size: raw.btf_size,
        name: text(&name),
        kernel: raw.kernel_btf != 0,
    })
}

/// The bytes of BTF.
pub fn btf_data(btf: &Fd) -> Result<Vec<u8>> {
    let size = ask::<RawBtfInfo>(btf)?.btf_size;
    let mut out: Vec<u8> = list(size)?;
    let mut raw = RawBtfInfo {
        btf: output(&mut out),
        btf_size: size,
        ..RawBtfInfo::default()
    };
    // SAFETY: `out` is `btf_size` bytes. Of other objects these first fields are only written.
    unsafe { query(btf, &mut raw) }?;
    Ok(out)
}

/// What a token allows.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 6.17.
pub fn token_info(token: &Fd) -> Result<TokenInfo> {
    ask(token)
}

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
fn part<T: Plain>(raw: &RawLinkInfo) -> T {
    T::from_prefix(raw.bytes().get(T::BASE..).unwrap_or_default())
}

/// Asks again for a part with buffers in it. `None` where the kernel refuses: it is older.
///
/// # Safety
/// `link` is of the type that `T` is the part of, and pointers in `wanted` have their lengths
/// beside them.
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
fn texted_kind(link: &Fd, link_type: LinkType, raw: &RawLinkInfo) -> LinkKind {
    match link_type {
        LinkType::RAW_TRACEPOINT => raw_tracepoint(link),
        LinkType::ITER => iter(link),
        LinkType::KPROBE_MULTI => kprobe_multi(link, part(raw)),
        LinkType::UPROBE_MULTI => uprobe_multi(link, part(raw)),
        LinkType::PERF_EVENT => perf_event(link, raw),
        _ => LinkKind::Unknown,
    }
}

/// Room for a name that [`more`] is to bring.
fn name_room() -> Vec<u8> {
    alloc::vec![0; STRING_LEN as usize]
}

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

fn perf_event(link: &Fd, raw: &RawLinkInfo) -> LinkKind {
    let kind = part::<LinkEvent>(raw).kind;
    let mut name = name_room();
    let (buf, len) = (output(&mut name), STRING_LEN);
    match kind {
        perf_kind::UPROBE | perf_kind::URETPROBE => {
            let wanted = LinkUprobe {
                file_name: buf,
                name_len: len,
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
        perf_kind::KPROBE | perf_kind::KRETPROBE => {
            let wanted = LinkKprobe {
                func_name: buf,
                name_len: len,
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
        perf_kind::TRACEPOINT => {
            let wanted = LinkTracepoint {
                tp_name: buf,
                name_len: len,
                ..LinkTracepoint::default()
            };
            // SAFETY: the type and kind have been seen; `name` is as long as said.
            let p = unsafe { more(link, wanted) }.unwrap_or_else(|| part(raw));
            LinkKind::Tracepoint {
                name: text(&name),
                cookie: p.cookie,
            }
        }
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
