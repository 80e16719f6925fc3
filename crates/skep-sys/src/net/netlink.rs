//! Netlink sockets.

use super::{set_option, socket};
use crate::error::{Result, check};
use crate::poll;
use crate::{Fd, KernelRef};
use core::ffi::{c_int, c_uint};
use skep_codec::Errno;
use skep_codec::uapi::linux::{AF_NETLINK, MSG_DONTWAIT, SOCK_RAW};
use skep_codec::uapi::netlink::{
    NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, SOL_NETLINK,
};

/// `struct sockaddr_nl`.
#[repr(C)]
#[derive(Default)]
struct Address {
    family: u16,
    padding: u16,
    port: u32,
    groups: u32,
}

/// Opens a socket of this protocol (`NETLINK_ROUTE`) that hears the kernel only.
///
/// It asks for explanations of what is refused, for refusals without the whole request, and for
/// requests to be checked strictly. Kernels that have none of that do without.
///
/// # Errors
/// `EPROTONOSUPPORT`: the kernel has no such protocol.
///
/// # Kernel
/// socket(2) and connect(2): whoever else may send to it, the kernel refuses it. It belongs to the
/// network namespace that this thread is in.
#[inline]
pub fn open(kernel: &KernelRef, protocol: c_int) -> Result<Fd> {
    let socket = socket(kernel, AF_NETLINK, SOCK_RAW, protocol)?;
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
        match set_option(&socket, "setsockopt", (SOL_NETLINK, option), &1_i32) {
            // Since Linux 4.12, 4.2, 4.20.
            Err(error) if error.errno == Errno::ENOPROTOOPT => {}
            set => set?,
        }
    }
    let kernel_itself = Address {
        family: AF_NETLINK as u16,
        ..Address::default()
    };
    let len = size_of::<Address>() as c_uint;
    let address = core::ptr::from_ref(&kernel_itself).cast();
    // SAFETY: `address` is this many readable bytes.
    let answer = unsafe { kernel.connect(socket.raw(), address, len) };
    check("connect", answer)?;
    Ok(socket)
}

/// Sends a datagram: the kernel has done all that it asks for when this returns.
///
/// # Errors
/// `EMSGSIZE`: it is longer than the socket's buffer. After any error, nothing of it was done.
#[inline]
pub fn send(socket: &Fd, datagram: &[u8]) -> Result<()> {
    let (bytes, len) = (datagram.as_ptr().cast(), datagram.len());
    loop {
        // SAFETY: `datagram` is this many readable bytes.
        let answer = unsafe { socket.kernel().send(socket.raw(), bytes, len, 0) };
        match check("send", answer) {
            Err(error) if error.errno == Errno::EINTR => {}
            sent => return sent.map(drop),
        }
    }
}

/// How long an answer may take of a kernel that answers later than requests return.
const LATE_NS: u64 = 1_000_000_000;

/// Receives a datagram, of as many bytes as it answers. One that fills all of `buf` may have been
/// longer. A signal in between does not show.
///
/// # Errors
/// `ENOBUFS`: answers were lost for want of room; what was asked for may be done or not. `EAGAIN`:
/// there is none, and after a second neither.
///
/// # Kernel
/// recv(2), without waiting: Linux has answered before a request returns.
#[inline]
pub fn receive(socket: &Fd, buf: &mut [u8]) -> Result<usize> {
    match receive_now(socket, buf) {
        Err(error) if error.errno == Errno::EAGAIN => {
            // Whatever this answers, there is an answer now or there is none.
            let _ = poll::wait_readable(&[socket], Some(LATE_NS));
            receive_now(socket, buf)
        }
        got => got,
    }
}

#[inline]
fn receive_now(socket: &Fd, buf: &mut [u8]) -> Result<usize> {
    let (bytes, len) = (buf.as_mut_ptr().cast(), buf.len());
    loop {
        // SAFETY: `buf` is this many writable bytes.
        let answer = unsafe { socket.kernel().recv(socket.raw(), bytes, len, MSG_DONTWAIT) };
        match check("recv", answer) {
            Err(error) if error.errno == Errno::EINTR => {}
            // A wrong kernel shall not make us take bytes for written that are not there.
            got => return Ok(got?.min(len)),
        }
    }
}

/// Receives and forgets all that is there. Bounded, for a kernel that always has something.
#[inline]
pub fn drain(socket: &Fd, buf: &mut [u8]) {
    for _ in 0..4096 {
        match receive_now(socket, buf) {
            // It lost something, and says so once.
            Err(error) if error.errno == Errno::ENOBUFS => {}
            Err(_) => return,
            Ok(_) => {}
        }
    }
}
