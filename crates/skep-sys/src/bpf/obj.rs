//! Objects of any kind: pins, ids, statistics, tokens.

use super::{bpf, bpf_fd, call, raw, string};
use crate::attr::{EnableStats, GetId, ObjPin, TaskFdQuery, TokenCreate};
use crate::{Fd, KernelRef, Result};
use alloc::string::String;
use core::ffi::CStr;
use skep_codec::Errno;
use skep_codec::uapi::bpf::Cmd;
use skep_codec::uapi::flags;

/// Kinds of kernel object that have ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjKind {
    /// Programs.
    Prog,
    /// Maps.
    Map,
    /// BTF sets.
    Btf,
    /// Links.
    Link,
}

/// Pins an object to a path of a BPF file system. `dir` is what a relative path begins at (since
/// 6.5); without, the working directory.
///
/// # Errors
/// `EPERM`: not a BPF file system; `EEXIST`: the path is taken; `ENOENT`: no such directory.
///
/// # Kernel
/// `BPF_OBJ_PIN`, since 4.4.
pub fn obj_pin(object: &Fd, dir: Option<&Fd>, path: &CStr) -> Result<()> {
    let mut attr = ObjPin {
        pathname: string(path),
        bpf_fd: object.raw() as u32,
        file_flags: dir.map_or(0, |_| flags::PATH_FD),
        path_fd: raw(dir) as i32,
        ..ObjPin::default()
    };
    // SAFETY: the pointer is a string that outlives the call.
    unsafe { bpf!(object.kernel(), OBJ_PIN, &mut attr) }.map(drop)
}

/// Opens what is pinned at a path; `file_flags` are `BPF_F_RDONLY`, `BPF_F_WRONLY` or 0.
///
/// # Errors
/// `ENOENT`: nothing there; `EACCES`: not a pin, or no permission.
///
/// # Kernel
/// `BPF_OBJ_GET`, since 4.4.
pub fn obj_get(kernel: &KernelRef, dir: Option<&Fd>, path: &CStr, file_flags: u32) -> Result<Fd> {
    let mut attr = ObjPin {
        pathname: string(path),
        file_flags: file_flags | dir.map_or(0, |_| flags::PATH_FD),
        path_fd: raw(dir) as i32,
        ..ObjPin::default()
    };
    // SAFETY: the pointer is a string that outlives the call; the answer is a descriptor.
    unsafe { bpf_fd!(kernel, OBJ_GET, &mut attr) }
}

/// The lowest id above `after`; `None` when there is none.
///
/// # Errors
/// `EPERM`: no `CAP_SYS_ADMIN`.
///
/// # Kernel
/// `BPF_PROG_GET_NEXT_ID`, `BPF_MAP_GET_NEXT_ID` since 4.13, `BPF_BTF_GET_NEXT_ID` since 5.4,
/// `BPF_LINK_GET_NEXT_ID` since 5.8.
pub fn next_id(kernel: &KernelRef, kind: ObjKind, after: u32) -> Result<Option<u32>> {
    let mut attr = GetId {
        start_id: after,
        ..GetId::default()
    };
    let (cmd, name) = match kind {
        ObjKind::Prog => (Cmd::PROG_GET_NEXT_ID, "BPF_PROG_GET_NEXT_ID"),
        ObjKind::Map => (Cmd::MAP_GET_NEXT_ID, "BPF_MAP_GET_NEXT_ID"),
        ObjKind::Btf => (Cmd::BTF_GET_NEXT_ID, "BPF_BTF_GET_NEXT_ID"),
        ObjKind::Link => (Cmd::LINK_GET_NEXT_ID, "BPF_LINK_GET_NEXT_ID"),
    };
    // SAFETY: there are no pointers.
    let result = unsafe { call(&**kernel, cmd, name, &mut attr, 0) };
    match result {
        Ok(_) => Ok(Some(attr.next_id)),
        Err(error) if error.errno == Errno::ENOENT => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens an object by its id; `open_flags` (`BPF_F_RDONLY`, `BPF_F_WRONLY`) are for maps.
///
/// # Errors
/// `ENOENT`: gone; `EPERM`: no `CAP_SYS_ADMIN`.
///
/// # Kernel
/// `BPF_PROG_GET_FD_BY_ID`, `BPF_MAP_GET_FD_BY_ID` since 4.13, `BPF_BTF_GET_FD_BY_ID` since
/// 4.18, `BPF_LINK_GET_FD_BY_ID` since 5.8.
pub fn fd_by_id(
    kernel: &KernelRef,
    kind: ObjKind,
    id: u32,
    open_flags: u32,
    token: Option<&Fd>,
) -> Result<Fd> {
    let mut attr = GetId {
        start_id: id,
        open_flags: open_flags | token.map_or(0, |_| flags::TOKEN_FD),
        fd_by_id_token_fd: raw(token) as i32,
        ..GetId::default()
    };
    let (cmd, name) = match kind {
        ObjKind::Prog => (Cmd::PROG_GET_FD_BY_ID, "BPF_PROG_GET_FD_BY_ID"),
        ObjKind::Map => (Cmd::MAP_GET_FD_BY_ID, "BPF_MAP_GET_FD_BY_ID"),
        ObjKind::Btf => (Cmd::BTF_GET_FD_BY_ID, "BPF_BTF_GET_FD_BY_ID"),
        ObjKind::Link => (Cmd::LINK_GET_FD_BY_ID, "BPF_LINK_GET_FD_BY_ID"),
    };
    // SAFETY: there are no pointers.
    let answer = unsafe { call(&**kernel, cmd, name, &mut attr, 0) }?;
    // SAFETY: these commands answer a new descriptor.
    unsafe { Fd::from_answer(name, answer as isize, kernel) }
}

/// Has the kernel count runs and time of all programs while the descriptor is open
/// (`BPF_STATS_RUN_TIME`, 0).
///
/// # Kernel
/// `BPF_ENABLE_STATS`, since 5.8.
pub fn enable_stats(kernel: &KernelRef, kind: u32) -> Result<Fd> {
    let mut attr = EnableStats { kind };
    // SAFETY: there are no pointers; the answer is a descriptor.
    unsafe { bpf_fd!(kernel, ENABLE_STATS, &mut attr) }
}

/// Makes a token from a BPF file system mounted with delegation.
///
/// # Errors
/// `EINVAL`: not the root of a BPF file system; `EPERM`: not in that user namespace, or nothing
/// is delegated.
///
/// # Kernel
/// `BPF_TOKEN_CREATE`, since 6.9.
pub fn token_create(bpffs: &Fd, flags: u32) -> Result<Fd> {
    let mut attr = TokenCreate {
        flags,
        bpffs_fd: bpffs.raw() as u32,
    };
    // SAFETY: there are no pointers; the answer is a descriptor.
    unsafe { bpf_fd!(bpffs.kernel(), TOKEN_CREATE, &mut attr) }
}

/// What a perf event descriptor of a task runs a program on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFd {
    /// The program.
    pub prog_id: u32,
    /// `BPF_FD_TYPE_*`: raw tracepoint, tracepoint, kprobe, kretprobe, uprobe, uretprobe.
    pub fd_type: u32,
    /// Name of the tracepoint or function, path of the file.
    pub name: String,
    /// Offset in the function or file.
    pub probe_offset: u64,
    /// Address, where it is not by name.
    pub probe_addr: u64,
}

/// Asks what descriptor `fd` of process `pid` is attached to.
///
/// # Errors
/// `ENOTSUPP`: no descriptor of that sort; `ENOENT`: no such process.
///
/// # Kernel
/// `BPF_TASK_FD_QUERY`, since 4.18.
pub fn task_fd_query(kernel: &KernelRef, pid: u32, fd: u32) -> Result<TaskFd> {
    let mut name = [0; 256];
    let mut attr = TaskFdQuery {
        pid,
        fd,
        buf_len: name.len() as u32,
        buf: super::output(&mut name),
        ..TaskFdQuery::default()
    };
    // SAFETY: the pointer is a buffer that outlives the call, its length beside it.
    unsafe { bpf!(kernel, TASK_FD_QUERY, &mut attr) }?;
    Ok(TaskFd {
        prog_id: attr.prog_id,
        fd_type: attr.fd_type,
        name: super::text(&name),
        probe_offset: attr.probe_offset,
        probe_addr: attr.probe_addr,
    })
}
