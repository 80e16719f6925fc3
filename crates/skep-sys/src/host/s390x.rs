//! s390x: how a system call is made, and the numbers.

use core::arch::asm;

/// System call numbers, from `arch/s390/kernel/syscalls/syscall.tbl`.
#[rustfmt::skip]
pub(crate) mod nr {
    pub(crate) const BPF: usize = 351;
    pub(crate) const OPENAT: usize = 288;
    pub(crate) const CLOSE: usize = 6;
    pub(crate) const READ: usize = 3;
    pub(crate) const WRITE: usize = 4;
    pub(crate) const MMAP: usize = 90;
    pub(crate) const MUNMAP: usize = 91;
    pub(crate) const IOCTL: usize = 54;
    pub(crate) const PERF_EVENT_OPEN: usize = 331;
    pub(crate) const PPOLL: usize = 302;
    pub(crate) const EPOLL_CREATE1: usize = 327;
    pub(crate) const EPOLL_CTL: usize = 250;
    pub(crate) const EPOLL_PWAIT: usize = 312;
    pub(crate) const EPOLL_PWAIT2: usize = 441;
    pub(crate) const SOCKET: usize = 359;
    pub(crate) const BIND: usize = 361;
    pub(crate) const GETSOCKNAME: usize = 367;
    pub(crate) const SETSOCKOPT: usize = 366;
    pub(crate) const GETSOCKOPT: usize = 365;
    pub(crate) const SENDTO: usize = 369;
    pub(crate) const RECVFROM: usize = 371;
    pub(crate) const GETDENTS64: usize = 220;
    pub(crate) const STATX: usize = 379;
    pub(crate) const STATFS: usize = 99;
    pub(crate) const FSTATFS: usize = 100;
    pub(crate) const MKDIRAT: usize = 289;
    pub(crate) const UNLINKAT: usize = 294;
    pub(crate) const PRLIMIT64: usize = 334;
    pub(crate) const CLOCK_GETTIME: usize = 260;
    pub(crate) const GETPID: usize = 20;
    pub(crate) const GETTID: usize = 236;
    pub(crate) const PREAD64: usize = 180;
    pub(crate) const UNAME: usize = 122;
    pub(crate) const FCNTL: usize = 55;
    pub(crate) const PIDFD_OPEN: usize = 434;
    pub(crate) const MEMFD_CREATE: usize = 350;
    pub(crate) const EVENTFD2: usize = 323;
    pub(crate) const CONNECT: usize = 362;
    pub(crate) const SETNS: usize = 339;
    pub(crate) const READLINKAT: usize = 298;
}

/// One system call.
///
/// # Safety
/// The arguments are what the system call `nr` asks for.
#[inline]
pub(crate) unsafe fn syscall(nr: usize, args: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the caller vouches for the call; the kernel preserves all registers but r2.
    unsafe {
        asm!(
            "svc 0",
            in("r1") nr,
            inlateout("r2") args[0] => answer,
            in("r3") args[1],
            in("r4") args[2],
            in("r5") args[3],
            in("r6") args[4],
            in("r7") args[5],
            options(nostack)
        );
    }
    answer
}
