//! The seam: what a kernel is to this library.

use alloc::sync::Arc;
use core::ffi::{CStr, c_int, c_uint, c_void};
use skep_codec::Errno;

/// A shared kernel. Every descriptor and mapping holds one and is closed through it.
pub type KernelRef = Arc<dyn Kernel>;

const ENOSYS: isize = -(Errno::ENOSYS.raw() as isize);

/// A kernel: one method a system call, raw integers and pointers, kernel convention back (a
/// value, or a negative errno in -4095..=-1). Methods not given answer `-ENOSYS`, so that a new
/// method breaks no implementor.
///
/// # Safety
/// An implementor promises, and the unsafe code of this library relies on:
/// 1. **Lengths are honoured**: no method reads or writes outside the buffers that its arguments
///    describe as the Linux system call of that name would, and none keeps a pointer longer than
///    the call, except where the system call does (a mapping, a ring).
/// 2. **What is reported as written is initialised**: a positive count means that many bytes.
/// 3. **Descriptors are real**: each one returned is open, owned by the caller from then on, and
///    a descriptor of this process, so that epoll, async run times and leak counts work.
/// 4. **Mappings live until unmapped**, are at least as long as asked, readable (and writable if
///    asked), and at no address where anything else of this process lives.
/// 5. **Nothing unwinds** out of a method.
///
/// Callers promise the same of their arguments as the system call of that name asks, which is
/// why each method is `unsafe`.
#[allow(unused_variables, clippy::too_many_arguments)]
pub unsafe trait Kernel: Send + Sync {
    /// bpf(2).
    /// # Safety
    /// `attr` points to `size` bytes, readable and writable, whose pointers are valid for `cmd`.
    unsafe fn bpf(&self, cmd: c_int, attr: *mut c_void, size: c_uint) -> isize {
        ENOSYS
    }

    /// openat(2).
    /// # Safety
    /// `dir_fd` is open or `AT_FDCWD`.
    unsafe fn openat(&self, dir_fd: c_int, path: &CStr, flags: c_int, mode: c_uint) -> isize {
        ENOSYS
    }

    /// close(2).
    /// # Safety
    /// `fd` is owned by the caller and not used again.
    unsafe fn close(&self, fd: c_int) -> isize {
        ENOSYS
    }

    /// read(2).
    /// # Safety
    /// `buf` points to `len` writable bytes.
    unsafe fn read(&self, fd: c_int, buf: *mut c_void, len: usize) -> isize {
        ENOSYS
    }

    /// pread64(2).
    /// # Safety
    /// `buf` is `len` writable bytes.
    unsafe fn pread64(&self, fd: c_int, buf: *mut c_void, len: usize, offset: u64) -> isize {
        ENOSYS
    }

    /// write(2).
    /// # Safety
    /// `buf` points to `len` readable bytes.
    unsafe fn write(&self, fd: c_int, buf: *const c_void, len: usize) -> isize {
        ENOSYS
    }

    /// mmap(2); the answer is the address.
    /// # Safety
    /// No `MAP_FIXED`: the kernel chooses the address.
    unsafe fn mmap(&self, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64) -> isize {
        ENOSYS
    }

    /// munmap(2).
    /// # Safety
    /// `addr` and `len` are of a mapping of this kernel that nobody uses any more.
    unsafe fn munmap(&self, addr: *mut c_void, len: usize) -> isize {
        ENOSYS
    }

    /// ioctl(2), the argument as an integer or a pointer.
    /// # Safety
    /// `arg` is what `request` asks for.
    unsafe fn ioctl(&self, fd: c_int, request: u64, arg: usize) -> isize {
        ENOSYS
    }

    /// perf_event_open(2).
    /// # Safety
    /// `attr` points to a `struct perf_event_attr` of the size that it names.
    unsafe fn perf_event_open(
        &self,
        attr: *mut c_void,
        pid: c_int,
        cpu: c_int,
        group_fd: c_int,
        flags: u64,
    ) -> isize {
        ENOSYS
    }

    /// poll(2), as ppoll(2) without a signal mask; `timeout_ns` below 0 waits for ever.
    /// # Safety
    /// `fds` points to `count` values of `struct pollfd`.
    unsafe fn poll(&self, fds: *mut c_void, count: usize, timeout_ns: i64) -> isize {
        ENOSYS
    }

    /// epoll_create1(2).
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn epoll_create1(&self, flags: c_int) -> isize {
        ENOSYS
    }

    /// epoll_ctl(2).
    /// # Safety
    /// `event` points to a `struct epoll_event`, or is null for `EPOLL_CTL_DEL`.
    unsafe fn epoll_ctl(&self, epoll: c_int, op: c_int, fd: c_int, event: *mut c_void) -> isize {
        ENOSYS
    }

    /// epoll_wait(2), as epoll_pwait2(2) without a signal mask; `timeout_ns` below 0 waits for
    /// ever.
    /// # Safety
    /// `events` points to `count` values of `struct epoll_event`.
    unsafe fn epoll_wait(
        &self,
        epoll: c_int,
        events: *mut c_void,
        count: usize,
        timeout_ns: i64,
    ) -> isize {
        ENOSYS
    }

    /// socket(2).
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn socket(&self, family: c_int, kind: c_int, protocol: c_int) -> isize {
        ENOSYS
    }

    /// bind(2).
    /// # Safety
    /// `addr` points to `len` readable bytes.
    unsafe fn bind(&self, fd: c_int, addr: *const c_void, len: c_uint) -> isize {
        ENOSYS
    }

    /// getsockname(2).
    /// # Safety
    /// `addr` points to `*len` writable bytes.
    unsafe fn getsockname(&self, fd: c_int, addr: *mut c_void, len: *mut c_uint) -> isize {
        ENOSYS
    }

    /// setsockopt(2).
    /// # Safety
    /// `value` points to `len` readable bytes.
    unsafe fn setsockopt(
        &self,
        fd: c_int,
        level: c_int,
        name: c_int,
        value: *const c_void,
        len: c_uint,
    ) -> isize {
        ENOSYS
    }

    /// getsockopt(2).
    /// # Safety
    /// `value` points to `*len` writable bytes.
    unsafe fn getsockopt(
        &self,
        fd: c_int,
        level: c_int,
        name: c_int,
        value: *mut c_void,
        len: *mut c_uint,
    ) -> isize {
        ENOSYS
    }

    /// sendto(2) without an address: send(2).
    /// # Safety
    /// `buf` points to `len` readable bytes.
    unsafe fn send(&self, fd: c_int, buf: *const c_void, len: usize, flags: c_int) -> isize {
        ENOSYS
    }

    /// recvfrom(2) without an address: recv(2).
    /// # Safety
    /// `buf` points to `len` writable bytes.
    unsafe fn recv(&self, fd: c_int, buf: *mut c_void, len: usize, flags: c_int) -> isize {
        ENOSYS
    }

    /// getdents64(2).
    /// # Safety
    /// `buf` points to `len` writable bytes.
    unsafe fn getdents64(&self, fd: c_int, buf: *mut c_void, len: usize) -> isize {
        ENOSYS
    }

    /// fstat(2)'s size and kind of a file, as statx(2) with `AT_EMPTY_PATH`.
    /// # Safety
    /// `buf` points to a `struct statx` (256 bytes, writable).
    unsafe fn statx(
        &self,
        dir_fd: c_int,
        path: &CStr,
        flags: c_int,
        mask: c_uint,
        buf: *mut c_void,
    ) -> isize {
        ENOSYS
    }

    /// statfs(2).
    /// # Safety
    /// `buf` points to a `struct statfs` (120 bytes on 64-bit machines, writable).
    unsafe fn statfs(&self, path: &CStr, buf: *mut c_void) -> isize {
        ENOSYS
    }

    /// mkdirat(2).
    /// # Safety
    /// `dir_fd` is open or `AT_FDCWD`.
    unsafe fn mkdirat(&self, dir_fd: c_int, path: &CStr, mode: c_uint) -> isize {
        ENOSYS
    }

    /// unlinkat(2).
    /// # Safety
    /// `dir_fd` is open or `AT_FDCWD`.
    unsafe fn unlinkat(&self, dir_fd: c_int, path: &CStr, flags: c_int) -> isize {
        ENOSYS
    }

    /// prlimit64(2) on this process.
    /// # Safety
    /// `new` and `old` are null or point to a `struct rlimit64`.
    unsafe fn prlimit64(&self, resource: c_int, new: *const c_void, old: *mut c_void) -> isize {
        ENOSYS
    }

    /// clock_gettime(2) in nanoseconds of this clock, or a negative errno.
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn clock_gettime(&self, clock: c_int) -> i64 {
        ENOSYS as i64
    }

    /// getpid(2).
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn getpid(&self) -> isize {
        ENOSYS
    }

    /// uname(2).
    /// # Safety
    /// `buf` points to a `struct new_utsname` (390 bytes, writable).
    unsafe fn uname(&self, buf: *mut c_void) -> isize {
        ENOSYS
    }

    /// fstatfs(2).
    /// # Safety
    /// `buf` points to a `struct statfs` (120 bytes on 64-bit machines, writable).
    unsafe fn fstatfs(&self, fd: c_int, buf: *mut c_void) -> isize {
        ENOSYS
    }

    /// fcntl(2), the argument as an integer or a pointer.
    /// # Safety
    /// `arg` is what `op` asks for.
    unsafe fn fcntl(&self, fd: c_int, op: c_int, arg: usize) -> isize {
        ENOSYS
    }

    /// pidfd_open(2).
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn pidfd_open(&self, pid: c_int, flags: c_uint) -> isize {
        ENOSYS
    }

    /// memfd_create(2).
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn memfd_create(&self, name: &CStr, flags: c_uint) -> isize {
        ENOSYS
    }

    /// eventfd2(2).
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn eventfd(&self, value: c_uint, flags: c_int) -> isize {
        ENOSYS
    }

    /// gettid(2).
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn gettid(&self) -> isize {
        ENOSYS
    }

    /// mmap(2) at an address of the caller's choice, with `MAP_FIXED_NOREPLACE`; the answer is
    /// that address.
    /// # Safety
    /// No `MAP_FIXED`: what is mapped there already stays.
    unsafe fn mmap_at(
        &self,
        addr: usize,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        offset: u64,
    ) -> isize {
        ENOSYS
    }

    /// connect(2).
    /// # Safety
    /// `addr` points to `len` readable bytes.
    unsafe fn connect(&self, fd: c_int, addr: *const c_void, len: c_uint) -> isize {
        ENOSYS
    }

    /// setns(2).
    /// # Safety
    /// None beyond the type's; unsafe for uniformity.
    unsafe fn setns(&self, fd: c_int, kind: c_int) -> isize {
        ENOSYS
    }

    /// readlinkat(2): the length that was written, without a NUL.
    /// # Safety
    /// `buf` points to `len` writable bytes.
    unsafe fn readlinkat(&self, dir_fd: c_int, path: &CStr, buf: *mut c_void, len: usize) -> isize {
        ENOSYS
    }
}
