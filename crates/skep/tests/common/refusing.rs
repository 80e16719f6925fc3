//! A kernel that refuses what a test says: commands that an older one lacks, a call in between.

use skep::codec::uapi::bpf::Cmd;
use skep::sys::Kernel;
use skep::sys::watch::Trace;
use skep::{Errno, System};
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::sync::Arc;

/// What is refused (or, with errno 0, not asked and taken for done): by the command and its attribute, and by how many of its kind were not.
pub(crate) type Rule = fn(Cmd, &[u8], u64) -> Option<Errno>;

/// The kernel that runs, but for what the rule says.
struct Refusing(Arc<Trace>, Rule);

/// A system on such a kernel, and what reaches the kernel that runs.
pub(crate) fn refusing(rule: Rule) -> (System, Arc<Trace>) {
    let trace = Trace::new(super::common::host().kernel().clone());
    let system = System::new(Arc::new(Refusing(trace.clone(), rule)));
    (system.unwrap(), trace)
}

macro_rules! passed_on {
    ($($name:ident($($arg:ident: $ty:ty),*);)+) => {$(
        unsafe fn $name(&self $(, $arg: $ty)*) -> isize {
            // SAFETY: the same call, with the caller's promise.
            unsafe { self.0.$name($($arg),*) }
        }
    )+};
}

// SAFETY: every method is the running kernel's, which keeps the contract, or does nothing and
// answers an errno.
unsafe impl Kernel for Refusing {
    unsafe fn bpf(&self, cmd: c_int, attr: *mut c_void, size: c_uint) -> isize {
        let asked = Cmd(cmd as u32);
        // SAFETY: the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts(attr.cast::<u8>(), size as usize) };
        match (self.1)(asked, bytes, self.0.count_cmd(asked)) {
            Some(errno) => -(errno.raw() as isize),
            // SAFETY: the same call, with the caller's promise.
            None => unsafe { self.0.bpf(cmd, attr, size) },
        }
    }

    passed_on! {
        openat(dir_fd: c_int, path: &CStr, flags: c_int, mode: c_uint);
        close(fd: c_int);
        read(fd: c_int, buf: *mut c_void, len: usize);
        mmap(len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64);
        munmap(addr: *mut c_void, len: usize);
        ioctl(fd: c_int, request: u64, arg: usize);
        uname(buf: *mut c_void);
        fstatfs(fd: c_int, buf: *mut c_void);
        statx(dir_fd: c_int, path: &CStr, flags: c_int, mask: c_uint, buf: *mut c_void);
        perf_event_open(attr: *mut c_void, pid: c_int, cpu: c_int, group: c_int, flags: u64);
        fcntl(fd: c_int, op: c_int, arg: usize);
        prlimit64(resource: c_int, new: *const c_void, old: *mut c_void);
        socket(family: c_int, kind: c_int, protocol: c_int);
        setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: c_uint);
        connect(fd: c_int, addr: *const c_void, len: c_uint);
        send(fd: c_int, buf: *const c_void, len: usize, flags: c_int);
        recv(fd: c_int, buf: *mut c_void, len: usize, flags: c_int);
    }
}
