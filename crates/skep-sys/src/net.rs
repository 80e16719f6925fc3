//! Sockets and interfaces, as far as programs attach to them.

pub mod netlink;
pub mod netns;
#[cfg(feature = "xsk")]
pub mod xsk;

use crate::error::{CallError, Result, check};
use crate::{Fd, KernelRef};
use alloc::string::String;
use core::ffi::{CStr, c_int, c_uint};
use skep_codec::Errno;
use skep_codec::uapi::linux::{
    AF_UNIX, SIOCGIFINDEX, SIOCGIFNAME, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_EBPF, SO_DETACH_FILTER,
    SO_DETACH_REUSEPORT_BPF, SO_LOCK_FILTER, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET,
};

/// Bytes of an interface's name, with its NUL.
const IFNAMSIZ: usize = 16;

/// `struct ifreq`, with the one of its union's members that is used here.
#[repr(C)]
#[derive(Default)]
struct IfReq {
    name: [u8; IFNAMSIZ],
    ifindex: c_int,
    rest: [u32; 5],
}

/// Opens a socket.
///
/// # Kernel
/// socket(2); close-on-exec is set.
#[inline]
pub fn socket(kernel: &KernelRef, family: c_int, kind: c_int, protocol: c_int) -> Result<Fd> {
    // SAFETY: integers only.
    let answer = unsafe { kernel.socket(family, kind | SOCK_CLOEXEC, protocol) };
    // SAFETY: this call answers a new descriptor.
    unsafe { Fd::from_answer("socket", answer, kernel) }
}

#[inline]
fn ifreq(kernel: &KernelRef, call: &'static str, request: u64, req: &mut IfReq) -> Result<()> {
    let socket = socket(kernel, AF_UNIX, SOCK_DGRAM, 0)?;
    let arg = (&raw mut *req).expose_provenance();
    // SAFETY: both requests read and write a `struct ifreq`.
    let answer = unsafe { kernel.ioctl(socket.raw(), request, arg) };
    check(call, answer).map(drop)
}

/// The index of the interface of this name, in this network namespace.
///
/// # Errors
/// `ENODEV`: there is none; also for a name that is too long.
#[inline]
pub fn if_nametoindex(kernel: &KernelRef, name: &CStr) -> Result<u32> {
    const CALL: &str = "SIOCGIFINDEX";
    let bytes = name.to_bytes();
    if bytes.len() >= IFNAMSIZ {
        return Err(CallError::new(CALL, Errno::ENODEV));
    }
    let mut req = IfReq::default();
    for (to, from) in req.name.iter_mut().zip(bytes) {
        *to = *from;
    }
    ifreq(kernel, CALL, SIOCGIFINDEX, &mut req)?;
    u32::try_from(req.ifindex).map_err(|_| CallError::new(CALL, Errno::ENODEV))
}

/// The name of the interface with this index.
///
/// # Errors
/// `ENODEV`: there is none.
#[inline]
pub fn if_indextoname(kernel: &KernelRef, ifindex: u32) -> Result<String> {
    let mut req = IfReq {
        ifindex: ifindex as c_int,
        ..IfReq::default()
    };
    ifreq(kernel, "SIOCGIFNAME", SIOCGIFNAME, &mut req)?;
    Ok(crate::bpf::text(&req.name))
}

/// Sets an option, which is told by its level and name.
#[inline]
fn set_option<T>(
    socket: &Fd,
    call: &'static str,
    (level, name): (c_int, c_int),
    value: &T,
) -> Result<()> {
    let len = size_of::<T>() as c_uint;
    let value = core::ptr::from_ref(value).cast();
    // SAFETY: `value` is readable for its own size.
    let answer = unsafe {
        socket
            .kernel()
            .setsockopt(socket.raw(), level, name, value, len)
    };
    check(call, answer).map(drop)
}

/// Gives a socket a program, or takes it away: 0.
#[inline]
fn set_program(socket: &Fd, call: &'static str, name: c_int, prog: c_int) -> Result<()> {
    set_option(socket, call, (SOL_SOCKET, name), &prog)
}

/// Has a socket filter program decide on what a socket receives.
///
/// # Kernel
/// `SO_ATTACH_BPF`, since 3.19.
#[inline]
pub fn attach_bpf(socket: &Fd, prog: &Fd) -> Result<()> {
    set_program(socket, "SO_ATTACH_BPF", SO_ATTACH_BPF, prog.raw())
}

/// Takes a socket's filter away.
///
/// # Errors
/// `ENOENT`: there is none; `EPERM`: it is locked.
#[inline]
pub fn detach_bpf(socket: &Fd) -> Result<()> {
    set_program(socket, "SO_DETACH_BPF", SO_DETACH_FILTER, 0)
}

/// Keeps a socket's filter from being changed and taken away, for as long as the socket lives.
///
/// # Kernel
/// `SO_LOCK_FILTER`, since 3.9.
#[inline]
pub fn lock_filter(socket: &Fd) -> Result<()> {
    let locked: c_int = 1;
    set_option(
        socket,
        "SO_LOCK_FILTER",
        (SOL_SOCKET, SO_LOCK_FILTER),
        &locked,
    )
}

/// Has a program choose the socket of a reuseport group.
///
/// # Errors
/// `EINVAL`: the socket is not bound with `SO_REUSEPORT`, or the program is of another type;
/// `ENOTSUPP`: not for sockets of this kind.
///
/// # Kernel
/// `SO_ATTACH_REUSEPORT_EBPF`, since 4.5.
#[inline]
pub fn attach_reuseport_bpf(socket: &Fd, prog: &Fd) -> Result<()> {
    let name = SO_ATTACH_REUSEPORT_EBPF;
    set_program(socket, "SO_ATTACH_REUSEPORT_EBPF", name, prog.raw())
}

/// Takes a reuseport group's program away.
///
/// # Errors
/// `ENOENT`: there is none.
///
/// # Kernel
/// `SO_DETACH_REUSEPORT_BPF`, since 5.3.
#[inline]
pub fn detach_reuseport_bpf(socket: &Fd) -> Result<()> {
    let name = SO_DETACH_REUSEPORT_BPF;
    set_program(socket, "SO_DETACH_REUSEPORT_BPF", name, 0)
}
