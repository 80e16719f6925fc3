//! The running kernel, by raw system calls: no C library in between.

#[cfg_attr(target_arch = "x86_64", path = "host/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "host/aarch64.rs")]
#[cfg_attr(target_arch = "riscv64", path = "host/riscv64.rs")]
#[cfg_attr(target_arch = "s390x", path = "host/s390x.rs")]
mod arch;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
mod asm_generic;

use crate::kernel::{Kernel, KernelRef};
use alloc::sync::Arc;
use arch::{nr, syscall};
use core::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use skep_codec::Errno;

/// The kernel this process runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

/// A shared [`Host`].
pub fn host() -> KernelRef {
    Arc::new(Host)
}

/// `struct timespec` of 64-bit machines.
#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

const NS_PER_S: i64 = 1_000_000_000;

impl Timespec {
    /// A time to wait; below 0 is for ever.
    fn timeout(ns: i64) -> Option<Self> {
        (ns >= 0).then_some(Self {
            seconds: ns / NS_PER_S,
            nanoseconds: ns % NS_PER_S,
        })
    }
}

/// Milliseconds of a timeout, rounded up, so that a wait is never shorter than asked.
fn timeout_ms(ns: i64) -> c_int {
    if ns < 0 {
        return -1;
    }
    let ms = ns / 1_000_000 + i64::from(ns % 1_000_000 != 0);
    c_int::try_from(ms).unwrap_or(c_int::MAX)
}

fn pointer_to(time: &mut Option<Timespec>) -> usize {
    time.as_mut().map_or(0, |t| address(&raw mut *t))
}

/// The address of what the kernel may read or write, its provenance exposed.
#[inline]
fn address<T>(pointer: *const T) -> usize {
    pointer.expose_provenance()
}

/// An integer as a register holds it: signed ones sign-extended.
macro_rules! register {
    ($fd:expr) => {
        $fd as isize as usize
    };
}

/// A system call with its arguments, the rest zero.
macro_rules! call {
    ($nr:ident $(, $arg:expr)*) => {
        call!(@pad $nr [$($arg),*] 0, 0, 0, 0, 0, 0)
    };
    (@pad $nr:ident [$($arg:expr),*] $($zero:expr),*) => {{
        let mut args = [$($zero),*];
        for (to, from) in args.iter_mut().zip([$($arg),*] as [usize; _]) {
            *to = from;
        }
        // SAFETY: the method's caller vouches for the arguments of this very system call
        // (`Kernel`, last paragraph); what is added here (times, null masks) is valid.
        unsafe { syscall(nr::$nr, args) }
    }};
}

// SAFETY: the Linux system calls themselves are what the clauses of `Kernel` describe: lengths
// and written counts (1, 2) and descriptors and mappings (3, 4) are the kernel's own; inline
// assembly does not unwind (5).
unsafe impl Kernel for Host {
    #[inline]
    unsafe fn bpf(&self, cmd: c_int, attr: *mut c_void, size: c_uint) -> isize {
        call!(BPF, register!(cmd), address(attr), size as usize)
    }

    unsafe fn openat(&self, dir_fd: c_int, path: &CStr, flags: c_int, mode: c_uint) -> isize {
        let path = address(path.as_ptr());
        call!(
            OPENAT,
            register!(dir_fd),
            path,
            register!(flags),
            mode as usize
        )
    }

    unsafe fn close(&self, fd: c_int) -> isize {
        call!(CLOSE, register!(fd))
    }

    unsafe fn read(&self, fd: c_int, buf: *mut c_void, len: usize) -> isize {
        call!(READ, register!(fd), address(buf), len)
    }

    unsafe fn pread64(&self, fd: c_int, buf: *mut c_void, len: usize, offset: u64) -> isize {
        let offset = offset as usize;
        call!(PREAD64, register!(fd), address(buf), len, offset)
    }

    unsafe fn write(&self, fd: c_int, buf: *const c_void, len: usize) -> isize {
        call!(WRITE, register!(fd), address(buf), len)
    }

    unsafe fn mmap(&self, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64) -> isize {
        // SAFETY: the caller's promise; no address means that the kernel chooses.
        unsafe { self.mmap_at(0, len, prot, flags, fd, offset) }
    }

    #[cfg(not(target_arch = "s390x"))]
    unsafe fn mmap_at(
        &self,
        addr: usize,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        offset: u64,
    ) -> isize {
        let (prot, flags, fd) = (register!(prot), register!(flags), register!(fd));
        call!(MMAP, addr, len, prot, flags, fd, offset as usize)
    }

    #[cfg(target_arch = "s390x")]
    unsafe fn mmap_at(
        &self,
        addr: usize,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        offset: u64,
    ) -> isize {
        // Here the six arguments travel in memory.
        let (prot, flags, fd) = (register!(prot), register!(flags), register!(fd));
        let mut args = [addr, len, prot, flags, fd, offset as usize];
        call!(MMAP, address(args.as_mut_ptr()))
    }

    unsafe fn munmap(&self, addr: *mut c_void, len: usize) -> isize {
        call!(MUNMAP, address(addr), len)
    }

    unsafe fn ioctl(&self, fd: c_int, request: c_ulong, arg: usize) -> isize {
        call!(IOCTL, register!(fd), request as usize, arg)
    }

    unsafe fn perf_event_open(
        &self,
        attr: *mut c_void,
        pid: c_int,
        cpu: c_int,
        group_fd: c_int,
        flags: c_ulong,
    ) -> isize {
        let (attr, group_fd) = (address(attr), register!(group_fd));
        call!(
            PERF_EVENT_OPEN,
            attr,
            register!(pid),
            register!(cpu),
            group_fd,
            flags as usize
        )
    }

    unsafe fn poll(&self, fds: *mut c_void, count: usize, timeout_ns: i64) -> isize {
        let mut time = Timespec::timeout(timeout_ns);
        let time = pointer_to(&mut time);
        call!(PPOLL, address(fds), count, time, 0, 0)
    }

    unsafe fn epoll_create1(&self, flags: c_int) -> isize {
        call!(EPOLL_CREATE1, register!(flags))
    }

    unsafe fn epoll_ctl(&self, epoll: c_int, op: c_int, fd: c_int, event: *mut c_void) -> isize {
        let event = address(event);
        call!(
            EPOLL_CTL,
            register!(epoll),
            register!(op),
            register!(fd),
            event
        )
    }

    unsafe fn epoll_wait(
        &self,
        epoll: c_int,
        events: *mut c_void,
        count: usize,
        timeout_ns: i64,
    ) -> isize {
        let mut time = Timespec::timeout(timeout_ns);
        let (epoll, events) = (register!(epoll), address(events));
        let answer = call!(
            EPOLL_PWAIT2,
            epoll,
            events,
            count,
            pointer_to(&mut time),
            0,
            0
        );
        if answer != -(Errno::ENOSYS.raw() as isize) {
            return answer;
        }
        // Before 5.11 there are only milliseconds.
        call!(
            EPOLL_PWAIT,
            epoll,
            events,
            count,
            register!(timeout_ms(timeout_ns)),
            0,
            0
        )
    }

    unsafe fn socket(&self, family: c_int, kind: c_int, protocol: c_int) -> isize {
        call!(
            SOCKET,
            register!(family),
            register!(kind),
            register!(protocol)
        )
    }

    unsafe fn bind(&self, fd: c_int, addr: *const c_void, len: c_uint) -> isize {
        call!(BIND, register!(fd), address(addr), len as usize)
    }

    unsafe fn getsockname(&self, fd: c_int, addr: *mut c_void, len: *mut c_uint) -> isize {
        call!(GETSOCKNAME, register!(fd), address(addr), address(len))
    }

    unsafe fn setsockopt(
        &self,
        fd: c_int,
        level: c_int,
        name: c_int,
        value: *const c_void,
        len: c_uint,
    ) -> isize {
        let value = address(value);
        call!(
            SETSOCKOPT,
            register!(fd),
            register!(level),
            register!(name),
            value,
            len as usize
        )
    }

    unsafe fn getsockopt(
        &self,
        fd: c_int,
        level: c_int,
        name: c_int,
        value: *mut c_void,
        len: *mut c_uint,
    ) -> isize {
        let (value, len) = (address(value), address(len));
        call!(
            GETSOCKOPT,
            register!(fd),
            register!(level),
            register!(name),
            value,
            len
        )
    }

    unsafe fn send(&self, fd: c_int, buf: *const c_void, len: usize, flags: c_int) -> isize {
        call!(
            SENDTO,
            register!(fd),
            address(buf),
            len,
            register!(flags),
            0,
            0
        )
    }

    unsafe fn recv(&self, fd: c_int, buf: *mut c_void, len: usize, flags: c_int) -> isize {
        call!(
            RECVFROM,
            register!(fd),
            address(buf),
            len,
            register!(flags),
            0,
            0
        )
    }

    unsafe fn getdents64(&self, fd: c_int, buf: *mut c_void, len: usize) -> isize {
        call!(GETDENTS64, register!(fd), address(buf), len)
    }

    unsafe fn statx(
        &self,
        dir_fd: c_int,
        path: &CStr,
        flags: c_int,
        mask: c_uint,
        buf: *mut c_void,
    ) -> isize {
        let (path, buf) = (address(path.as_ptr()), address(buf));
        call!(
            STATX,
            register!(dir_fd),
            path,
            register!(flags),
            mask as usize,
            buf
        )
    }

    unsafe fn statfs(&self, path: &CStr, buf: *mut c_void) -> isize {
        call!(STATFS, address(path.as_ptr()), address(buf))
    }

    unsafe fn mkdirat(&self, dir_fd: c_int, path: &CStr, mode: c_uint) -> isize {
        let path = address(path.as_ptr());
        call!(MKDIRAT, register!(dir_fd), path, mode as usize)
    }

    unsafe fn unlinkat(&self, dir_fd: c_int, path: &CStr, flags: c_int) -> isize {
        let path = address(path.as_ptr());
        call!(UNLINKAT, register!(dir_fd), path, register!(flags))
    }

    unsafe fn prlimit64(&self, resource: c_int, new: *const c_void, old: *mut c_void) -> isize {
        let (new, old) = (address(new), address(old));
        call!(PRLIMIT64, 0, register!(resource), new, old)
    }

    unsafe fn clock_gettime(&self, clock: c_int) -> i64 {
        let mut now = Timespec {
            seconds: 0,
            nanoseconds: 0,
        };
        let to = address(&raw mut now);
        match call!(CLOCK_GETTIME, register!(clock), to) {
            0 => now
                .seconds
                .saturating_mul(NS_PER_S)
                .saturating_add(now.nanoseconds),
            error => error as i64,
        }
    }

    unsafe fn getpid(&self) -> isize {
        call!(GETPID)
    }

    unsafe fn uname(&self, buf: *mut c_void) -> isize {
        call!(UNAME, address(buf))
    }

    unsafe fn fstatfs(&self, fd: c_int, buf: *mut c_void) -> isize {
        call!(FSTATFS, register!(fd), address(buf))
    }

    unsafe fn fcntl(&self, fd: c_int, op: c_int, arg: usize) -> isize {
        call!(FCNTL, register!(fd), register!(op), arg)
    }

    unsafe fn pidfd_open(&self, pid: c_int, flags: c_uint) -> isize {
        call!(PIDFD_OPEN, register!(pid), flags as usize)
    }

    unsafe fn memfd_create(&self, name: &CStr, flags: c_uint) -> isize {
        call!(MEMFD_CREATE, address(name.as_ptr()), flags as usize)
    }

    unsafe fn eventfd(&self, value: c_uint, flags: c_int) -> isize {
        call!(EVENTFD2, value as usize, register!(flags))
    }

    unsafe fn gettid(&self) -> isize {
        call!(GETTID)
    }

    unsafe fn connect(&self, fd: c_int, addr: *const c_void, len: c_uint) -> isize {
        call!(CONNECT, register!(fd), address(addr), len as usize)
    }

    unsafe fn setns(&self, fd: c_int, kind: c_int) -> isize {
        call!(SETNS, register!(fd), register!(kind))
    }

    unsafe fn readlinkat(&self, dir_fd: c_int, path: &CStr, buf: *mut c_void, len: usize) -> isize {
        let path = address(path.as_ptr());
        call!(READLINKAT, register!(dir_fd), path, address(buf), len)
    }
}

#[cfg(test)]
mod tests {
    use super::{NS_PER_S, Timespec, host, timeout_ms};
    use skep_codec::uapi::linux::CLOCK_MONOTONIC;

    #[test]
    fn waits_are_never_shorter_than_asked() {
        for (ns, ms) in [
            (-1, -1),
            (i64::MIN, -1),
            (0, 0),
            (1, 1),
            (1_000_000, 1),
            (1_000_001, 2),
            (i64::MAX, i32::MAX),
        ] {
            assert_eq!(timeout_ms(ns), ms, "{ns}");
        }
        assert!(Timespec::timeout(-5).is_none());
        let time = Timespec::timeout(3 * NS_PER_S + 7).unwrap();
        assert_eq!((time.seconds, time.nanoseconds), (3, 7));
    }

    #[test]
    fn calls_with_no_and_with_six_arguments() {
        let kernel = host();
        // SAFETY: no arguments.
        assert_eq!(unsafe { kernel.getpid() }, std::process::id() as isize);
        // SAFETY: integers only.
        let before = unsafe { kernel.clock_gettime(CLOCK_MONOTONIC) };
        let epoll = crate::Epoll::new(&kernel).unwrap();
        assert_eq!(epoll.wait(Some(20_000_000), |_| ()), Ok(0));
        // SAFETY: integers only.
        let after = unsafe { kernel.clock_gettime(CLOCK_MONOTONIC) };
        let waited = after - before;
        assert!((20_000_000..5 * NS_PER_S).contains(&waited), "{waited}");
    }

    /// Every number of the table, against the C library's headers.
    #[cfg(feature = "libc")]
    #[test]
    fn numbers_are_the_headers() {
        use super::nr;
        for (ours, theirs) in [
            (nr::BPF, libc::SYS_bpf),
            (nr::OPENAT, libc::SYS_openat),
            (nr::CLOSE, libc::SYS_close),
            (nr::READ, libc::SYS_read),
            (nr::WRITE, libc::SYS_write),
            (nr::MMAP, libc::SYS_mmap),
            (nr::MUNMAP, libc::SYS_munmap),
            (nr::IOCTL, libc::SYS_ioctl),
            (nr::PERF_EVENT_OPEN, libc::SYS_perf_event_open),
            (nr::PPOLL, libc::SYS_ppoll),
            (nr::EPOLL_CREATE1, libc::SYS_epoll_create1),
            (nr::EPOLL_CTL, libc::SYS_epoll_ctl),
            (nr::EPOLL_PWAIT, libc::SYS_epoll_pwait),
            (nr::EPOLL_PWAIT2, libc::SYS_epoll_pwait2),
            (nr::SOCKET, libc::SYS_socket),
            (nr::BIND, libc::SYS_bind),
            (nr::GETSOCKNAME, libc::SYS_getsockname),
            (nr::SETSOCKOPT, libc::SYS_setsockopt),
            (nr::GETSOCKOPT, libc::SYS_getsockopt),
            (nr::SENDTO, libc::SYS_sendto),
            (nr::RECVFROM, libc::SYS_recvfrom),
            (nr::GETDENTS64, libc::SYS_getdents64),
            (nr::STATX, libc::SYS_statx),
            (nr::STATFS, libc::SYS_statfs),
            (nr::FSTATFS, libc::SYS_fstatfs),
            (nr::MKDIRAT, libc::SYS_mkdirat),
            (nr::UNLINKAT, libc::SYS_unlinkat),
            (nr::PRLIMIT64, libc::SYS_prlimit64),
            (nr::CLOCK_GETTIME, libc::SYS_clock_gettime),
            (nr::GETPID, libc::SYS_getpid),
            (nr::GETTID, libc::SYS_gettid),
            (nr::PREAD64, libc::SYS_pread64),
            (nr::UNAME, libc::SYS_uname),
            (nr::FCNTL, libc::SYS_fcntl),
            (nr::PIDFD_OPEN, libc::SYS_pidfd_open),
            (nr::MEMFD_CREATE, libc::SYS_memfd_create),
            (nr::EVENTFD2, libc::SYS_eventfd2),
            (nr::CONNECT, libc::SYS_connect),
            (nr::SETNS, libc::SYS_setns),
            (nr::READLINKAT, libc::SYS_readlinkat),
        ] {
            assert_eq!(ours as i64, theirs);
        }
    }
}
