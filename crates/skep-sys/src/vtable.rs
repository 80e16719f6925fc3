//! The table of functions: a kernel from C, from a linker, from `dlsym`, or by hand.

use crate::calls::{Word, with_calls};
use crate::kernel::{Kernel, KernelRef};
use alloc::sync::Arc;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::mem::offset_of;
use skep_codec::Errno;

/// The version of [`SysVTable`] that this library speaks. Growing at the end does not change it.
pub const VERSION: u32 = 1;

/// A kernel as a table of C functions, laid out for any language to fill.
///
/// Every function gets `context` first, then the arguments of [`Kernel`]'s method of its name,
/// paths as NUL-terminated strings, and answers as the kernel does: a value or a negative errno.
/// A function that is missing, or lies beyond `size`, answers `-ENOSYS`.
///
/// ```
/// use core::ffi::{c_int, c_void};
/// use skep_sys::vtable::SysVTable;
///
/// unsafe extern "C" fn getpid(_: *mut c_void) -> isize {
///     4711
/// }
/// let table = SysVTable { getpid: Some(getpid), ..SysVTable::empty() };
/// // SAFETY: `getpid` does what the contract of `Kernel` asks; the rest is not there.
/// let kernel = unsafe { table.into_kernel() }.unwrap();
/// // SAFETY: no arguments.
/// assert_eq!(unsafe { kernel.getpid() }, 4711);
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SysVTable {
    /// [`VERSION`] that the table was made for.
    pub version: u32,
    /// Bytes of the table as its maker knew it.
    pub size: u32,
    /// Handed to every function.
    pub context: *mut c_void,
    /// `bpf(cmd: c_int, attr: *mut c_void, size: c_uint)`.
    pub bpf: Option<unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, c_uint) -> isize>,
    /// `openat(dir_fd: c_int, path: *const c_char, flags: c_int, mode: c_uint)`.
    pub openat:
        Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, c_int, c_uint) -> isize>,
    /// `close(fd: c_int)`.
    pub close: Option<unsafe extern "C" fn(*mut c_void, c_int) -> isize>,
    /// `read(fd: c_int, buf: *mut c_void, len: usize)`.
    pub read: Option<unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize) -> isize>,
    /// `pread64(fd: c_int, buf: *mut c_void, len: usize, offset: u64)`.
    pub pread64: Option<unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize, u64) -> isize>,
    /// `write(fd: c_int, buf: *const c_void, len: usize)`.
    pub write: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, usize) -> isize>,
    /// `mmap(len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64)`.
    pub mmap: Option<unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, u64) -> isize>,
    /// `munmap(addr: *mut c_void, len: usize)`.
    pub munmap: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> isize>,
    /// `ioctl(fd: c_int, request: u64, arg: usize)`.
    pub ioctl: Option<unsafe extern "C" fn(*mut c_void, c_int, u64, usize) -> isize>,
    /// `perf_event_open(attr: *mut c_void, pid: c_int, cpu: c_int, group_fd: c_int, flags: u64)`.
    pub perf_event_open:
        Option<unsafe extern "C" fn(*mut c_void, *mut c_void, c_int, c_int, c_int, u64) -> isize>,
    /// `poll(fds: *mut c_void, count: usize, timeout_ns: i64)`.
    pub poll: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, usize, i64) -> isize>,
    /// `epoll_create1(flags: c_int)`.
    pub epoll_create1: Option<unsafe extern "C" fn(*mut c_void, c_int) -> isize>,
    /// `epoll_ctl(epoll: c_int, op: c_int, fd: c_int, event: *mut c_void)`.
    pub epoll_ctl:
        Option<unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *mut c_void) -> isize>,
    /// `epoll_wait(epoll: c_int, events: *mut c_void, count: usize, timeout_ns: i64)`.
    pub epoll_wait:
        Option<unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize, i64) -> isize>,
    /// `socket(family: c_int, kind: c_int, protocol: c_int)`.
    pub socket: Option<unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int) -> isize>,
    /// `bind(fd: c_int, addr: *const c_void, len: c_uint)`.
    pub bind: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_uint) -> isize>,
    /// `getsockname(fd: c_int, addr: *mut c_void, len: *mut c_uint)`.
    pub getsockname:
        Option<unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, *mut c_uint) -> isize>,
    /// `setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: c_uint)`.
    pub setsockopt: Option<
        unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *const c_void, c_uint) -> isize,
    >,
    /// `getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, len: *mut c_uint)`.
    pub getsockopt: Option<
        unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *mut c_void, *mut c_uint) -> isize,
    >,
    /// `send(fd: c_int, buf: *const c_void, len: usize, flags: c_int)`.
    pub send:
        Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, usize, c_int) -> isize>,
    /// `recv(fd: c_int, buf: *mut c_void, len: usize, flags: c_int)`.
    pub recv: Option<unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize, c_int) -> isize>,
    /// `getdents64(fd: c_int, buf: *mut c_void, len: usize)`.
    pub getdents64: Option<unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize) -> isize>,
    /// `statx(dir_fd: c_int, path: *const c_char, flags: c_int, mask: c_uint, buf: *mut c_void)`.
    pub statx: Option<
        unsafe extern "C" fn(
            *mut c_void,
            c_int,
            *const c_char,
            c_int,
            c_uint,
            *mut c_void,
        ) -> isize,
    >,
    /// `statfs(path: *const c_char, buf: *mut c_void)`.
    pub statfs: Option<unsafe extern "C" fn(*mut c_void, *const c_char, *mut c_void) -> isize>,
    /// `mkdirat(dir_fd: c_int, path: *const c_char, mode: c_uint)`.
    pub mkdirat: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, c_uint) -> isize>,
    /// `unlinkat(dir_fd: c_int, path: *const c_char, flags: c_int)`.
    pub unlinkat: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, c_int) -> isize>,
    /// `prlimit64(resource: c_int, new: *const c_void, old: *mut c_void)`.
    pub prlimit64:
        Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, *mut c_void) -> isize>,
    /// `clock_gettime(clock: c_int)`.
    pub clock_gettime: Option<unsafe extern "C" fn(*mut c_void, c_int) -> i64>,
    /// `getpid()`.
    pub getpid: Option<unsafe extern "C" fn(*mut c_void) -> isize>,
    /// `uname(buf: *mut c_void)`.
    pub uname: Option<unsafe extern "C" fn(*mut c_void, *mut c_void) -> isize>,
    /// `fstatfs(fd: c_int, buf: *mut c_void)`.
    pub fstatfs: Option<unsafe extern "C" fn(*mut c_void, c_int, *mut c_void) -> isize>,
    /// `fcntl(fd: c_int, op: c_int, arg: usize)`.
    pub fcntl: Option<unsafe extern "C" fn(*mut c_void, c_int, c_int, usize) -> isize>,
    /// `pidfd_open(pid: c_int, flags: c_uint)`.
    pub pidfd_open: Option<unsafe extern "C" fn(*mut c_void, c_int, c_uint) -> isize>,
    /// `memfd_create(name: *const c_char, flags: c_uint)`.
    pub memfd_create: Option<unsafe extern "C" fn(*mut c_void, *const c_char, c_uint) -> isize>,
    /// `eventfd(value: c_uint, flags: c_int)`.
    pub eventfd: Option<unsafe extern "C" fn(*mut c_void, c_uint, c_int) -> isize>,
    /// `gettid()`.
    pub gettid: Option<unsafe extern "C" fn(*mut c_void) -> isize>,
    /// `mmap_at(addr: usize, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64)`.
    pub mmap_at:
        Option<unsafe extern "C" fn(*mut c_void, usize, usize, c_int, c_int, c_int, u64) -> isize>,
    /// `connect(fd: c_int, addr: *const c_void, len: c_uint)`.
    pub connect: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_uint) -> isize>,
    /// `setns(fd: c_int, kind: c_int)`.
    pub setns: Option<unsafe extern "C" fn(*mut c_void, c_int, c_int) -> isize>,
    /// `readlinkat(dir_fd: c_int, path: *const c_char, buf: *mut c_void, len: usize)`.
    pub readlinkat: Option<
        unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void, usize) -> isize,
    >,
}

const ENOSYS: isize = -(Errno::ENOSYS.raw() as isize);
/// Bytes before the first function.
const HEAD: usize = offset_of!(SysVTable, bpf);
const ENTRY: usize = size_of::<*const c_void>();

macro_rules! empty_table {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)+) => {
        impl SysVTable {
            /// A table without functions, of today's size.
            pub const fn empty() -> Self {
                Self {
                    version: VERSION,
                    size: size_of::<Self>() as u32,
                    context: core::ptr::null_mut(),
                    $($name: None,)+
                }
            }

            /// The table with the functions beyond `size` taken out.
            #[inline]
            fn cut(mut self) -> Self {
                let size = self.size as usize;
                $(
                    if offset_of!(Self, $name).saturating_add(ENTRY) > size {
                        self.$name = None;
                    }
                )+
                self
            }
        }
    };
}
with_calls!(empty_table);

impl SysVTable {
    /// The table at `table`, which may be of an older library and shorter than today's, or of a
    /// newer one and longer: only `size` bytes are read, and of those only what is known.
    ///
    /// # Errors
    /// `EINVAL`: another version, or a size too small to hold any function.
    ///
    /// # Safety
    /// `table` points to a version and a size (four bytes each), and is `size` bytes long,
    /// initialised, in the layout of this struct.
    #[inline]
    pub unsafe fn from_ptr(table: *const Self) -> Result<Self, Errno> {
        // SAFETY: the caller promises at least eight bytes.
        let [version, size] = unsafe { table.cast::<[u32; 2]>().read_unaligned() };
        check_head(version, size)?;
        let mut out = Self::empty();
        let known = (size as usize).min(size_of::<Self>());
        // Whole entries only.
        let len = known - known.saturating_sub(HEAD) % ENTRY;
        // SAFETY: `len` is within both; the source is initialised in this layout, and any bytes
        // that the caller vouches for as `Option<fn>` are such here.
        unsafe {
            core::ptr::copy_nonoverlapping(table.cast::<u8>(), (&raw mut out).cast::<u8>(), len);
        }
        out.size = len as u32;
        Ok(out)
    }

    /// A kernel that calls the table's functions.
    ///
    /// # Errors
    /// `EINVAL`: another version, or a size too small to hold any function.
    ///
    /// # Safety
    /// The functions do what the contract of [`Kernel`] asks, from any thread, with this
    /// `context`, for as long as the kernel or anything made by it lives.
    #[inline]
    pub unsafe fn into_kernel(self) -> Result<KernelRef, Errno> {
        check_head(self.version, self.size)?;
        Ok(Arc::new(VTableKernel(self.cut())))
    }
}

#[inline]
fn check_head(version: u32, size: u32) -> Result<(), Errno> {
    if version == VERSION && size as usize >= HEAD {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// A [`SysVTable`] at work.
struct VTableKernel(SysVTable);

// SAFETY: `into_kernel`'s caller promised that functions and context serve any thread.
unsafe impl Send for VTableKernel {}
// SAFETY: as above.
unsafe impl Sync for VTableKernel {}

macro_rules! table_kernel {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)+) => {
        // SAFETY: `into_kernel`'s caller promised the contract for each function of the table.
        unsafe impl Kernel for VTableKernel {
            $(
                #[inline]
                unsafe fn $name(&self $(, $arg: $ty)*) -> $ret {
                    match self.0.$name {
                        // SAFETY: the method's caller vouches for the arguments.
                        Some(function) => unsafe { function(self.0.context $(, $arg.c())*) },
                        None => ENOSYS as $ret,
                    }
                }
            )+
        }
    };
}
with_calls!(table_kernel);

#[cfg(all(feature = "libc", target_os = "linux"))]
mod libc_table;

/// The C library's functions as a kernel.
#[cfg(all(feature = "libc", target_os = "linux"))]
#[inline]
pub fn libc_kernel() -> KernelRef {
    // The version and size are today's, so that there is nothing to refuse.
    Arc::new(VTableKernel(SysVTable::libc()))
}

#[cfg(test)]
mod tests;
