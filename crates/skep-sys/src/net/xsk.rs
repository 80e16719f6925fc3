//! What `AF_XDP` sockets are asked and told (`include/uapi/linux/if_xdp.h`).

use crate::error::{CallError, Result, check};
use crate::{Fd, KernelRef, Mapping};
use core::ffi::{c_int, c_uint};
use core::ptr;
use skep_codec::Errno;
use skep_codec::uapi::linux::{
    AF_XDP, MAP_POPULATE, MAP_SHARED, MSG_DONTWAIT, PROT_READ, PROT_WRITE, SOCK_RAW, SOL_XDP,
    XDP_MMAP_OFFSETS, XDP_OPTIONS, XDP_PGOFF_RX_RING, XDP_PGOFF_TX_RING, XDP_RX_RING,
    XDP_SHARED_UMEM, XDP_STATISTICS, XDP_TX_RING, XDP_UMEM_COMPLETION_RING, XDP_UMEM_FILL_RING,
    XDP_UMEM_PGOFF_COMPLETION_RING, XDP_UMEM_PGOFF_FILL_RING, XDP_UMEM_REG,
};

/// One of a socket's four rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Packets received.
    Rx,
    /// Packets to send.
    Tx,
    /// Frames for packets to come.
    Fill,
    /// Frames whose packets were sent.
    Completion,
}

/// Where a ring's words lie, in bytes from its beginning: `struct xdp_ring_offset`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingOffsets {
    /// The producer's position.
    pub producer: u64,
    /// The consumer's position.
    pub consumer: u64,
    /// The first entry.
    pub desc: u64,
    /// Flags.
    pub flags: u64,
}

/// `struct xdp_mmap_offsets`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MmapOffsets {
    /// Of [`Ring::Rx`].
    pub rx: RingOffsets,
    /// Of [`Ring::Tx`].
    pub tx: RingOffsets,
    /// Of [`Ring::Fill`].
    pub fill: RingOffsets,
    /// Of [`Ring::Completion`].
    pub completion: RingOffsets,
}

/// What a socket has lost and found wrong: `struct xdp_statistics`, in packets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "xdp_statistics")]
pub struct Statistics {
    /// Packets lost for other reasons than a full ring: without a frame, or too long for one.
    pub rx_dropped: u64,
    /// Entries of the fill ring that name no frame.
    pub rx_invalid_descs: u64,
    /// Entries of the tx ring that name no frame, or reach beyond its end.
    pub tx_invalid_descs: u64,
    /// Packets lost because the rx ring was full. Since 5.9, else 0, as those that follow.
    pub rx_ring_full: u64,
    /// How often the kernel wanted a frame and the fill ring was empty.
    pub rx_fill_ring_empty_descs: u64,
    /// How often the kernel looked for a packet to send and the tx ring was empty.
    pub tx_ring_empty_descs: u64,
}

/// `struct xdp_umem_reg`.
#[repr(C)]
struct UmemReg {
    addr: u64,
    len: u64,
    chunk_size: u32,
    headroom: u32,
    flags: u32,
    tx_metadata_len: u32,
}

/// `struct sockaddr_xdp`.
#[repr(C)]
struct SockaddrXdp {
    family: u16,
    flags: u16,
    ifindex: u32,
    queue_id: u32,
    shared_umem_fd: u32,
}

/// Opens an `AF_XDP` socket.
///
/// # Errors
/// `EAFNOSUPPORT`: the kernel has none; `EPERM`: without `CAP_NET_RAW`.
///
/// # Kernel
/// socket(2), since 4.18.
pub fn open(kernel: &KernelRef) -> Result<Fd> {
    super::socket(kernel, AF_XDP, SOCK_RAW, 0)
}

/// Fills the beginning of `value`; how many bytes of it.
///
/// # Safety
/// Any bytes are a `T`.
unsafe fn get<T>(socket: &Fd, call: &'static str, name: c_int, value: &mut T) -> Result<usize> {
    let mut len = size_of::<T>() as c_uint;
    let value = ptr::from_mut(value).cast();
    // SAFETY: `value` is writable for its own size, and the caller promises that it may hold
    // any bytes.
    let answer = unsafe {
        socket
            .kernel()
            .getsockopt(socket.raw(), SOL_XDP, name, value, &raw mut len)
    };
    check(call, answer).map(|_| len as usize)
}

/// Makes `memory` the memory of a socket's packets, in frames of `frame_bytes`, and the first
/// `headroom_bytes` of each (behind the 256 of XDP) left free by the kernel.
///
/// The kernel pins the pages: it writes to them and not to addresses, so that memory that is
/// unmapped and used for something else is in no danger.
///
/// # Errors
/// `EINVAL`: sizes that are none; `ENOBUFS`, `ENOMEM`: too much locked memory; `EBUSY`: there is
/// memory already.
///
/// # Kernel
/// `XDP_UMEM_REG`, since 4.18.
pub fn register(
    socket: &Fd,
    memory: &Mapping,
    frame_bytes: u32,
    headroom_bytes: u32,
) -> Result<()> {
    let reg = UmemReg {
        addr: memory.as_ptr().expose_provenance() as u64,
        len: memory.len() as u64,
        chunk_size: frame_bytes,
        headroom: headroom_bytes,
        flags: 0,
        tx_metadata_len: 0,
    };
    super::set_option(socket, "XDP_UMEM_REG", (SOL_XDP, XDP_UMEM_REG), &reg)
}

/// Gives a socket a ring of so many entries.
///
/// # Errors
/// `EINVAL`: no power of two, or there is such a ring already.
///
/// # Kernel
/// `XDP_RX_RING` and its like, since 4.18.
pub fn set_ring(socket: &Fd, ring: Ring, entries: u32) -> Result<()> {
    let (call, name) = match ring {
        Ring::Rx => ("XDP_RX_RING", XDP_RX_RING),
        Ring::Tx => ("XDP_TX_RING", XDP_TX_RING),
        Ring::Fill => ("XDP_UMEM_FILL_RING", XDP_UMEM_FILL_RING),
        Ring::Completion => ("XDP_UMEM_COMPLETION_RING", XDP_UMEM_COMPLETION_RING),
    };
    super::set_option(socket, call, (SOL_XDP, name), &entries)
}

/// Where the words of a socket's rings lie.
///
/// # Errors
/// `EOPNOTSUPP`: a kernel before 5.4, whose rings have no flags.
///
/// # Kernel
/// `XDP_MMAP_OFFSETS`.
pub fn mmap_offsets(socket: &Fd) -> Result<MmapOffsets> {
    const CALL: &str = "XDP_MMAP_OFFSETS";
    let mut offsets = MmapOffsets::default();
    // SAFETY: a struct of integers.
    let len = unsafe { get(socket, CALL, XDP_MMAP_OFFSETS, &mut offsets) }?;
    match len == size_of::<MmapOffsets>() {
        true => Ok(offsets),
        false => Err(CallError::new(CALL, Errno::EOPNOTSUPP)),
    }
}

/// Maps the first `len` bytes of a ring.
///
/// # Errors
/// `EINVAL`: there is no such ring, or it is shorter.
pub fn map_ring(socket: &Fd, ring: Ring, len: usize) -> Result<Mapping> {
    let offset = match ring {
        Ring::Rx => XDP_PGOFF_RX_RING,
        Ring::Tx => XDP_PGOFF_TX_RING,
        Ring::Fill => XDP_UMEM_PGOFF_FILL_RING,
        Ring::Completion => XDP_UMEM_PGOFF_COMPLETION_RING,
    };
    let (prot, flags) = (PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE);
    Mapping::new(socket.kernel(), len, prot, flags, Some(socket), offset)
}

/// Binds a socket to a queue of an interface; `flags` are `XDP_COPY` and its like.
///
/// # Errors
/// `ENODEV`: no such interface; `EINVAL`: no such queue; `EBUSY`: another socket has it;
/// `EOPNOTSUPP`: no zero-copy here.
///
/// # Kernel
/// bind(2) of a `struct sockaddr_xdp`, since 4.18.
pub fn bind(socket: &Fd, ifindex: u32, queue_id: u32, flags: u16) -> Result<()> {
    bind_to(
        socket,
        &SockaddrXdp {
            family: AF_XDP as u16,
            flags,
            ifindex,
            queue_id,
            shared_umem_fd: 0,
        },
    )
}

/// Binds a socket that has no memory of its own, but that of `with`, which is bound and whose flags
/// count for both.
///
/// # Errors
/// Those of [`bind`]; `EINVAL`: a fill and a completion ring for the queue of `with`, which has them,
/// or none for another; `EBADF`: `with` is not bound.
///
/// # Kernel
/// `XDP_SHARED_UMEM`, since 4.18; for other queues and interfaces since 5.10.
pub fn bind_shared(socket: &Fd, ifindex: u32, queue_id: u32, with: &Fd) -> Result<()> {
    bind_to(
        socket,
        &SockaddrXdp {
            family: AF_XDP as u16,
            flags: XDP_SHARED_UMEM,
            ifindex,
            queue_id,
            shared_umem_fd: with.raw() as u32,
        },
    )
}

fn bind_to(socket: &Fd, address: &SockaddrXdp) -> Result<()> {
    let len = size_of::<SockaddrXdp>() as c_uint;
    let address = ptr::from_ref(address).cast();
    // SAFETY: `address` is readable for `len` bytes.
    let answer = unsafe { socket.kernel().bind(socket.raw(), address, len) };
    check("bind", answer).map(drop)
}

/// Has the kernel send what is in the tx ring.
///
/// # Errors
/// `EAGAIN`: not all of it, call again; `EBUSY`, `ENOBUFS`: the driver or the completion ring has
/// no room now; `ENETDOWN`, `ENXIO`: the interface is down, or gone.
///
/// # Kernel
/// sendto(2) of nothing.
pub fn kick_tx(socket: &Fd) -> Result<()> {
    // SAFETY: no byte is read.
    let answer = unsafe {
        socket
            .kernel()
            .send(socket.raw(), ptr::null(), 0, MSG_DONTWAIT)
    };
    check("sendto", answer).map(drop)
}

/// What was lost.
///
/// # Kernel
/// `XDP_STATISTICS`, since 4.18.
pub fn statistics(socket: &Fd) -> Result<Statistics> {
    let mut statistics = Statistics::default();
    // SAFETY: a struct of integers.
    unsafe { get(socket, "XDP_STATISTICS", XDP_STATISTICS, &mut statistics) }?;
    Ok(statistics)
}

/// The `XDP_OPTIONS_*` that are so for a bound socket.
///
/// # Kernel
/// `XDP_OPTIONS`, since 5.3.
pub fn options(socket: &Fd) -> Result<u32> {
    let mut options = 0_u32;
    // SAFETY: an integer.
    unsafe { get(socket, "XDP_OPTIONS", XDP_OPTIONS, &mut options) }?;
    Ok(options)
}
