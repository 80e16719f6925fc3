//! The table filled with the C library's functions.

use super::SysVTable;
use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use core::ptr::{null, null_mut};

/// The C library's answer as the kernel's: -1 and `errno` become a negative errno.
#[inline]
fn ret(answer: isize) -> isize {
    if answer != -1 {
        return answer;
    }
    // SAFETY: no arguments.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: this thread's own, always readable.
    -(unsafe { errno.read() } as isize)
}

const NS_PER_S: i64 = 1_000_000_000;

#[inline]
fn timespec(ns: i64) -> Option<libc::timespec> {
    (ns >= 0).then_some(libc::timespec {
        tv_sec: ns / NS_PER_S,
        tv_nsec: ns % NS_PER_S,
    })
}

#[inline]
fn pointer(time: &Option<libc::timespec>) -> *const libc::timespec {
    time.as_ref().map_or(null(), |t| t as *const _)
}

/// # Safety
/// As [`Kernel::poll`](crate::Kernel::poll).
#[inline]
unsafe fn ppoll(fds: *mut c_void, count: usize, timeout_ns: i64) -> isize {
    let time = timespec(timeout_ns);
    // SAFETY: the caller's promise; `time` outlives the call.
    ret(unsafe { libc::ppoll(fds.cast(), count as libc::nfds_t, pointer(&time), null()) } as isize)
}

/// # Safety
/// As [`Kernel::epoll_wait`](crate::Kernel::epoll_wait).
#[inline]
unsafe fn epoll(set: c_int, events: *mut c_void, count: usize, timeout_ns: i64) -> isize {
    // Milliseconds, rounded up: all C libraries have this one.
    let ms = if timeout_ns < 0 {
        -1
    } else {
        let ms = timeout_ns / 1_000_000 + i64::from(timeout_ns % 1_000_000 != 0);
        c_int::try_from(ms).unwrap_or(c_int::MAX)
    };
    let count = c_int::try_from(count).unwrap_or(c_int::MAX);
    // SAFETY: the caller's promise.
    ret(unsafe { libc::epoll_wait(set, events.cast(), count, ms) } as isize)
}

/// # Safety
/// None; unsafe for uniformity.
#[inline]
unsafe fn now(clock: c_int) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable.
    match ret(unsafe { libc::clock_gettime(clock, &raw mut time) } as isize) {
        0 => time
            .tv_sec
            .saturating_mul(NS_PER_S)
            .saturating_add(time.tv_nsec),
        error => error as i64,
    }
}

macro_rules! libc_table {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty { $body:expr })+) => {
        impl SysVTable {
            /// A table of the C library's functions.
            #[inline]
            pub fn libc() -> Self {
                $(
                    unsafe extern "C" fn $name(_: *mut c_void $(, $arg: $ty)*) -> $ret {
                        // SAFETY: the caller vouches for the arguments of the function of this
                        // name, which the C library hands to the kernel as they are.
                        unsafe { $body }
                    }
                )+
                Self {
                    $($name: Some($name),)+
                    ..Self::empty()
                }
            }
        }
    };
}

libc_table! {
    bpf(cmd: c_int, attr: *mut c_void, size: c_uint) -> isize { ret(libc::syscall(libc::SYS_bpf, cmd, attr, size) as isize) }
    openat(dir_fd: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> isize { ret(libc::openat(dir_fd, path, flags, mode) as isize) }
    close(fd: c_int) -> isize { ret(libc::close(fd) as isize) }
    read(fd: c_int, buf: *mut c_void, len: usize) -> isize { ret(libc::read(fd, buf, len)) }
    pread64(fd: c_int, buf: *mut c_void, len: usize, offset: u64) -> isize { ret(libc::pread64(fd, buf, len, offset as i64)) }
    write(fd: c_int, buf: *const c_void, len: usize) -> isize { ret(libc::write(fd, buf, len)) }
    mmap(len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64) -> isize { ret(libc::mmap(null_mut(), len, prot, flags, fd, offset as libc::off_t) as isize) }
    munmap(addr: *mut c_void, len: usize) -> isize { ret(libc::munmap(addr, len) as isize) }
    ioctl(fd: c_int, request: c_ulong, arg: usize) -> isize { ret(libc::ioctl(fd, request as _, arg) as isize) }
    perf_event_open(attr: *mut c_void, pid: c_int, cpu: c_int, group_fd: c_int, flags: c_ulong) -> isize { ret(libc::syscall(libc::SYS_perf_event_open, attr, pid, cpu, group_fd, flags) as isize) }
    poll(fds: *mut c_void, count: usize, timeout_ns: i64) -> isize { ppoll(fds, count, timeout_ns) }
    epoll_create1(flags: c_int) -> isize { ret(libc::epoll_create1(flags) as isize) }
    epoll_ctl(epoll: c_int, op: c_int, fd: c_int, event: *mut c_void) -> isize { ret(libc::epoll_ctl(epoll, op, fd, event.cast()) as isize) }
    epoll_wait(set: c_int, events: *mut c_void, count: usize, timeout_ns: i64) -> isize { epoll(set, events, count, timeout_ns) }
    socket(family: c_int, kind: c_int, protocol: c_int) -> isize { ret(libc::socket(family, kind, protocol) as isize) }
    bind(fd: c_int, addr: *const c_void, len: c_uint) -> isize { ret(libc::bind(fd, addr.cast(), len) as isize) }
    getsockname(fd: c_int, addr: *mut c_void, len: *mut c_uint) -> isize { ret(libc::getsockname(fd, addr.cast(), len) as isize) }
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: c_uint) -> isize { ret(libc::setsockopt(fd, level, name, value, len) as isize) }
    getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, len: *mut c_uint) -> isize { ret(libc::getsockopt(fd, level, name, value, len) as isize) }
    send(fd: c_int, buf: *const c_void, len: usize, flags: c_int) -> isize { ret(libc::send(fd, buf, len, flags)) }
    recv(fd: c_int, buf: *mut c_void, len: usize, flags: c_int) -> isize { ret(libc::recv(fd, buf, len, flags)) }
    getdents64(fd: c_int, buf: *mut c_void, len: usize) -> isize { ret(libc::syscall(libc::SYS_getdents64, fd, buf, len) as isize) }
    statx(dir_fd: c_int, path: *const c_char, flags: c_int, mask: c_uint, buf: *mut c_void) -> isize { ret(libc::syscall(libc::SYS_statx, dir_fd, path, flags, mask, buf) as isize) }
    statfs(path: *const c_char, buf: *mut c_void) -> isize { ret(libc::statfs(path, buf.cast()) as isize) }
    mkdirat(dir_fd: c_int, path: *const c_char, mode: c_uint) -> isize { ret(libc::mkdirat(dir_fd, path, mode) as isize) }
    unlinkat(dir_fd: c_int, path: *const c_char, flags: c_int) -> isize { ret(libc::unlinkat(dir_fd, path, flags) as isize) }
    prlimit64(resource: c_int, new: *const c_void, old: *mut c_void) -> isize { ret(libc::syscall(libc::SYS_prlimit64, 0, resource, new, old) as isize) }
    clock_gettime(clock: c_int) -> i64 { now(clock) }
    getpid() -> isize { libc::getpid() as isize }
    uname(buf: *mut c_void) -> isize { ret(libc::uname(buf.cast()) as isize) }
    fstatfs(fd: c_int, buf: *mut c_void) -> isize { ret(libc::fstatfs(fd, buf.cast()) as isize) }
    fcntl(fd: c_int, op: c_int, arg: usize) -> isize { ret(libc::fcntl(fd, op, arg) as isize) }
    pidfd_open(pid: c_int, flags: c_uint) -> isize { ret(libc::syscall(libc::SYS_pidfd_open, pid, flags) as isize) }
    memfd_create(name: *const c_char, flags: c_uint) -> isize { ret(libc::memfd_create(name, flags) as isize) }
    eventfd(value: c_uint, flags: c_int) -> isize { ret(libc::eventfd(value, flags) as isize) }
    gettid() -> isize { libc::syscall(libc::SYS_gettid) as isize }
    mmap_at(addr: usize, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64) -> isize { ret(libc::mmap(core::ptr::with_exposed_provenance_mut(addr), len, prot, flags, fd, offset as libc::off_t) as isize) }
    connect(fd: c_int, addr: *const c_void, len: c_uint) -> isize { ret(libc::connect(fd, addr.cast(), len) as isize) }
    setns(fd: c_int, kind: c_int) -> isize { ret(libc::setns(fd, kind) as isize) }
    readlinkat(dir_fd: c_int, path: *const c_char, buf: *mut c_void, len: usize) -> isize { ret(libc::readlinkat(dir_fd, path, buf.cast(), len)) }
}
