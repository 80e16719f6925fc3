//! What a process asks of its kernel about itself and the time.

use crate::error::{CallError, Result, check};
use crate::kernel::KernelRef;
use alloc::string::String;
use skep_codec::Errno;

const CLOCK_MONOTONIC: i32 = 1;
const RLIMIT_MEMLOCK: i32 = 8;
/// Bytes of each of the six fields of `struct new_utsname`: system, node, release, version,
/// machine, domain.
const UTSNAME_FIELD: usize = 65;

/// Nanoseconds of `CLOCK_MONOTONIC`.
///
/// # Errors
/// `ENOSYS` from a kernel without a clock.
pub fn now_ns(kernel: &KernelRef) -> Result<u64> {
    // SAFETY: there is nothing to promise: the argument is an integer.
    let answer = unsafe { kernel.clock_gettime(CLOCK_MONOTONIC) };
    u64::try_from(answer)
        .map_err(|_| CallError::new("clock_gettime", Errno::new(answer.unsigned_abs() as i32)))
}

/// This process's number.
///
/// # Errors
/// `ENOSYS` from a kernel that does not count processes.
pub fn pid(kernel: &KernelRef) -> Result<u32> {
    // SAFETY: there is nothing to promise: there are no arguments.
    let answer = unsafe { kernel.getpid() };
    Ok(check("getpid", answer)? as u32)
}

/// The kernel's release, such as `6.18.44-cloud-amd64`.
///
/// # Errors
/// `EINVAL`: the kernel answered text that is not UTF-8.
pub fn kernel_release(kernel: &KernelRef) -> Result<String> {
    uname(kernel, 2)
}

/// What the kernel says of its making, such as `#1 SMP PREEMPT_DYNAMIC Debian 6.12.6-1`.
///
/// # Errors
/// `EINVAL`: the kernel answered text that is not UTF-8.
pub fn kernel_build(kernel: &KernelRef) -> Result<String> {
    uname(kernel, 3)
}

/// The name of the machine's architecture, such as `x86_64`.
///
/// # Errors
/// `EINVAL`: the kernel answered text that is not UTF-8.
pub fn machine(kernel: &KernelRef) -> Result<String> {
    uname(kernel, 4)
}

/// A field of `struct new_utsname` by its place.
fn uname(kernel: &KernelRef, field: usize) -> Result<String> {
    let mut names = [0_u8; 6 * UTSNAME_FIELD];
    // SAFETY: the buffer has the 390 bytes of `struct new_utsname`.
    let answer = unsafe { kernel.uname(names.as_mut_ptr().cast()) };
    check("uname", answer)?;
    let text = names.chunks(UTSNAME_FIELD).nth(field);
    let text = text.and_then(|bytes| bytes.split(|&byte| byte == 0).next());
    let text = text.and_then(|bytes| core::str::from_utf8(bytes).ok());
    text.map(String::from)
        .ok_or(CallError::new("uname", Errno::EINVAL))
}

/// Takes this process's limit of locked memory away (`RLIMIT_MEMLOCK`), which kernels before 5.11
/// count BPF memory against.
///
/// # Errors
/// `EPERM`: no `CAP_SYS_RESOURCE`.
pub fn raise_memlock(kernel: &KernelRef) -> Result<()> {
    let unlimited = [u64::MAX; 2];
    let new = unlimited.as_ptr().cast();
    // SAFETY: `new` is a `struct rlimit64` of two words, `old` is null.
    let answer = unsafe { kernel.prlimit64(RLIMIT_MEMLOCK, new, core::ptr::null_mut()) };
    check("prlimit64", answer).map(drop)
}
