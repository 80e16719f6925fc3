//! The table of [`Kernel`](crate::Kernel)'s methods, from which every implementor that only
//! passes calls on (the C table, `Trace`, `Fault`) is made.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};

/// An argument or answer of a system call, as C passes it and as one word.
pub(crate) trait Word: Copy {
    /// The C type.
    type C: Copy;
    /// As C takes it.
    fn c(self) -> Self::C;
    /// As a machine word.
    fn word(self) -> u64;
}

macro_rules! words {
    ($($ty:ty),+) => {$(
        impl Word for $ty {
            type C = Self;
            #[inline]
            fn c(self) -> Self {
                self
            }
            #[inline]
            fn word(self) -> u64 {
                self as u64
            }
        }
    )+};
}
words!(c_int, c_uint, u64, i64, usize, isize);

macro_rules! pointers {
    ($($ty:ty),+) => {$(
        impl Word for $ty {
            type C = Self;
            #[inline]
            fn c(self) -> Self {
                self
            }
            #[inline]
            fn word(self) -> u64 {
                self as usize as u64
            }
        }
    )+};
}
pointers!(*mut c_void, *const c_void, *mut c_uint);

impl Word for &CStr {
    type C = *const c_char;
    #[inline]
    fn c(self) -> *const c_char {
        self.as_ptr()
    }
    #[inline]
    fn word(self) -> u64 {
        self.as_ptr() as usize as u64
    }
}

/// Hands every method of `Kernel` to the macro `$then`, a row each.
macro_rules! with_calls {
    ($then:ident) => {
        $then! {
            bpf(cmd: c_int, attr: *mut c_void, size: c_uint) -> isize;
            openat(dir_fd: c_int, path: &CStr, flags: c_int, mode: c_uint) -> isize;
            close(fd: c_int) -> isize;
            read(fd: c_int, buf: *mut c_void, len: usize) -> isize;
            pread64(fd: c_int, buf: *mut c_void, len: usize, offset: u64) -> isize;
            write(fd: c_int, buf: *const c_void, len: usize) -> isize;
            mmap(len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64) -> isize;
            munmap(addr: *mut c_void, len: usize) -> isize;
            ioctl(fd: c_int, request: u64, arg: usize) -> isize;
            perf_event_open(attr: *mut c_void, pid: c_int, cpu: c_int, group_fd: c_int, flags: u64) -> isize;
            poll(fds: *mut c_void, count: usize, timeout_ns: i64) -> isize;
            epoll_create1(flags: c_int) -> isize;
            epoll_ctl(epoll: c_int, op: c_int, fd: c_int, event: *mut c_void) -> isize;
            epoll_wait(epoll: c_int, events: *mut c_void, count: usize, timeout_ns: i64) -> isize;
            socket(family: c_int, kind: c_int, protocol: c_int) -> isize;
            bind(fd: c_int, addr: *const c_void, len: c_uint) -> isize;
            getsockname(fd: c_int, addr: *mut c_void, len: *mut c_uint) -> isize;
            setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: c_uint) -> isize;
            getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, len: *mut c_uint) -> isize;
            send(fd: c_int, buf: *const c_void, len: usize, flags: c_int) -> isize;
            recv(fd: c_int, buf: *mut c_void, len: usize, flags: c_int) -> isize;
            getdents64(fd: c_int, buf: *mut c_void, len: usize) -> isize;
            statx(dir_fd: c_int, path: &CStr, flags: c_int, mask: c_uint, buf: *mut c_void) -> isize;
            statfs(path: &CStr, buf: *mut c_void) -> isize;
            mkdirat(dir_fd: c_int, path: &CStr, mode: c_uint) -> isize;
            unlinkat(dir_fd: c_int, path: &CStr, flags: c_int) -> isize;
            prlimit64(resource: c_int, new: *const c_void, old: *mut c_void) -> isize;
            clock_gettime(clock: c_int) -> i64;
            getpid() -> isize;
            uname(buf: *mut c_void) -> isize;
            fstatfs(fd: c_int, buf: *mut c_void) -> isize;
            fcntl(fd: c_int, op: c_int, arg: usize) -> isize;
            pidfd_open(pid: c_int, flags: c_uint) -> isize;
            memfd_create(name: &CStr, flags: c_uint) -> isize;
            eventfd(value: c_uint, flags: c_int) -> isize;
            gettid() -> isize;
            mmap_at(addr: usize, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64) -> isize;
            connect(fd: c_int, addr: *const c_void, len: c_uint) -> isize;
            setns(fd: c_int, kind: c_int) -> isize;
            readlinkat(dir_fd: c_int, path: &CStr, buf: *mut c_void, len: usize) -> isize;
        }
    };
}
pub(crate) use with_calls;
