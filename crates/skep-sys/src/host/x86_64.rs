//! x86-64: how a system call is made, and the numbers.

use core::arch::asm;

/// System call numbers, from `arch/x86/entry/syscalls/syscall_64.tbl`.
#[rustfmt::skip]
pub(crate) mod nr {
    pub(crate) const BPF: usize = 321;
    pub(crate) const OPENAT: usize = 257;
    pub(crate) const CLOSE: usize = 3;
    pub(crate) const READ: usize = 0;
    pub(crate) const WRITE: usize = 1;
    pub(crate) const MMAP: usize = 9;
    pub(crate) const MUNMAP: usize = 11;
    pub(crate) const IOCTL: usize = 16;
    pub(crate) const PERF_EVENT_OPEN: usize = 298;
    pub(crate) const PPOLL: usize = 271;
    pub(crate) const EPOLL_CREATE1: usize = 291;
    pub(crate) const EPOLL_CTL: usize = 233;
    pub(crate) const EPOLL_PWAIT: usize = 281;
    pub(crate) const EPOLL_PWAIT2: usize = 441;
    pub(crate) const SOCKET: usize = 41;
    pub(crate) const BIND: usize = 49;
    pub(crate) const GETSOCKNAME: usize = 51;
    pub(crate) const SETSOCKOPT: usize = 54;
    pub(crate) const GETSOCKOPT: usize = 55;
    pub(crate) const SENDTO: usize = 44;
    pub(crate) const RECVFROM: usize = 45;
    pub(crate) const GETDENTS64: usize = 217;
    pub(crate) const STATX: usize = 332;
    pub(crate) const STATFS: usize = 137;
    pub(crate) const FSTATFS: usize = 138;
    pub(crate) const MKDIRAT: usize = 258;
    pub(crate) const UNLINKAT: usize = 263;
    pub(crate) const PRLIMIT64: usize = 302;
    pub(crate) const CLOCK_GETTIME: usize = 228;
    pub(crate) const GETPID: usize = 39;
    pub(crate) const GETTID: usize = 186;
    pub(crate) const PREAD64: usize = 17;
    pub(crate) const UNAME: usize = 63;
    pub(crate) const FCNTL: usize = 72;
    pub(crate) const PIDFD_OPEN: usize = 434;
    pub(crate) const MEMFD_CREATE: usize = 319;
    pub(crate) const EVENTFD2: usize = 290;
    pub(crate) const CONNECT: usize = 42;
    pub(crate) const SETNS: usize = 308;
    pub(crate) const READLINKAT: usize = 267;
}

/// One system call.
///
/// # Safety
/// The arguments are what the system call `nr` asks for.
#[inline]
pub(crate) unsafe fn syscall(nr: usize, args: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the caller vouches for the call; the kernel clobbers rcx and r11 only.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") nr => answer,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack, preserves_flags)
        );
    }
    answer
}
