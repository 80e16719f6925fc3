//! Network namespaces.

use crate::error::{CallError, Result, check};
use crate::{Fd, KernelRef, file};
use core::ffi::{CStr, c_uint};
use skep_codec::Errno;
use skep_codec::uapi::linux::{O_RDONLY, SOL_SOCKET};
use skep_codec::uapi::netlink::{CLONE_NEWNET, SO_NETNS_COOKIE};

/// The network namespace that this thread is in.
///
/// # Errors
/// `ENOENT`: no procfs is mounted at `/proc`, or the kernel has no network namespaces.
#[inline]
pub fn current(kernel: &KernelRef) -> Result<Fd> {
    open(kernel, c"/proc/thread-self/ns/net")
}

/// The network namespace of this file: `/run/netns/NAME`, `/proc/PID/ns/net`.
///
/// # Errors
/// Those of open(2).
#[inline]
pub fn open(kernel: &KernelRef, path: &CStr) -> Result<Fd> {
    file::open(kernel, path, O_RDONLY, 0)
}

/// Moves this thread, and no other, into a network namespace.
///
/// # Errors
/// `EINVAL`: it is none. `EPERM`: that needs `CAP_SYS_ADMIN`, in the user namespace that it belongs to
/// too.
///
/// # Kernel
/// setns(2) with `CLONE_NEWNET`.
#[inline]
pub fn enter(netns: &Fd) -> Result<()> {
    // SAFETY: integers only.
    let answer = unsafe { netns.kernel().setns(netns.raw(), CLONE_NEWNET) };
    check("setns", answer).map(drop)
}

/// What tells the network namespace of a socket from any other, as long as the machine runs.
///
/// # Errors
/// `ENOPROTOOPT` before Linux 5.14.
///
/// # Kernel
/// `SO_NETNS_COOKIE`, since Linux 5.14.
#[inline]
pub fn cookie(socket: &Fd) -> Result<u64> {
    const CALL: &str = "SO_NETNS_COOKIE";
    let (mut cookie, mut len) = (0_u64, size_of::<u64>() as c_uint);
    let value = (&raw mut cookie).cast();
    // SAFETY: `value` is `len` writable bytes, and `len` is writable.
    let answer = unsafe {
        socket.kernel().getsockopt(
            socket.raw(),
            SOL_SOCKET,
            SO_NETNS_COOKIE,
            value,
            &raw mut len,
        )
    };
    check(CALL, answer)?;
    match cookie {
        0 => Err(CallError::new(CALL, Errno::EINVAL)),
        cookie => Ok(cookie),
    }
}
