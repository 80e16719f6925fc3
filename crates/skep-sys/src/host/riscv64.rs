//! RISC-V, 64 bits: how a system call is made, and the numbers.

use core::arch::asm;

/// System call numbers, from `include/uapi/asm-generic/unistd.h`.
#[rustfmt::skip]
pub(crate) mod nr {
    pub(crate) const BPF: usize = 280;
    pub(crate) const OPENAT: usize = 56;
    pub(crate) const CLOSE: usize = 57;
    pub(crate) const READ: usize = 63;
    pub(crate) const WRITE: usize = 64;
    pub(crate) const MMAP: usize = 222;
    pub(crate) const MUNMAP: usize = 215;
    pub(crate) const IOCTL: usize = 29;
    pub(crate) const PERF_EVENT_OPEN: usize = 241;
    pub(crate) const PPOLL: usize = 73;
    pub(crate) const EPOLL_CREATE1: usize = 20;
    pub(crate) const EPOLL_CTL: usize = 21;
    pub(crate) const EPOLL_PWAIT: usize = 22;
    pub(crate) const EPOLL_PWAIT2: usize = 441;
    pub(crate) const SOCKET: usize = 198;
    pub(crate) const BIND: usize = 200;
    pub(crate) const GETSOCKNAME: usize = 204;
    pub(crate) const SETSOCKOPT: usize = 208;
    pub(crate) const GETSOCKOPT: usize = 209;
    pub(crate) const SENDTO: usize = 206;
    pub(crate) const RECVFROM: usize = 207;
    pub(crate) const GETDENTS64: usize = 61;
    pub(crate) const STATX: usize = 291;
    pub(crate) const STATFS: usize = 43;
    pub(crate) const FSTATFS: usize = 44;
    pub(crate) const MKDIRAT: usize = 34;
    pub(crate) const UNLINKAT: usize = 35;
    pub(crate) const PRLIMIT64: usize = 261;
    pub(crate) const CLOCK_GETTIME: usize = 113;
    pub(crate) const GETPID: usize = 172;
    pub(crate) const GETTID: usize = 178;
    pub(crate) const PREAD64: usize = 67;
    pub(crate) const UNAME: usize = 160;
    pub(crate) const FCNTL: usize = 25;
    pub(crate) const PIDFD_OPEN: usize = 434;
    pub(crate) const MEMFD_CREATE: usize = 279;
    pub(crate) const EVENTFD2: usize = 19;
}

/// One system call.
///
/// # Safety
/// The arguments are what the system call `nr` asks for.
#[inline]
pub(crate) unsafe fn syscall(nr: usize, args: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the caller vouches for the call; the kernel preserves all registers but a0.
    unsafe {
        asm!(
            "ecall",
            in("a7") nr,
            inlateout("a0") args[0] => answer,
            in("a1") args[1],
            in("a2") args[2],
            in("a3") args[3],
            in("a4") args[4],
            in("a5") args[5],
            options(nostack)
        );
    }
    answer
}
