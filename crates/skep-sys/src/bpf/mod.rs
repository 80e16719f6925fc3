//! The commands of bpf(2), a safe function each: slices, strings and descriptors in, owned
//! descriptors and values out.

mod btf;
mod cpu_count;
mod elem_flags;
mod info;
mod known;
mod link;
mod link_info;
mod map;
mod map_batch;
mod map_fd;
mod obj;
mod prog;
mod prog_info;
mod query;

pub use btf::*;
pub use cpu_count::*;
pub use elem_flags::*;
pub use info::*;
pub use known::*;
pub use link::*;
pub use link_info::*;
pub use map::*;
pub use map_batch::*;
pub use map_fd::*;
pub use obj::*;
pub use prog::*;
pub use prog_info::*;
pub use query::*;

use crate::attr::Plain;
use crate::error::{Result, check};
use crate::{Fd, Kernel};
use core::ffi::{CStr, c_uint};
use skep_codec::uapi::bpf::Cmd;

/// An attribute with room after it: a kernel newer than this library may answer in fields that
/// come later.
#[repr(C)]
struct Roomy<T> {
    attr: T,
    room: [u64; 8],
}

/// One bpf(2) call; `attr` holds the kernel's answers after it. `at_least` so many bytes of it
/// are passed, for a kernel answers only in what it is given.
///
/// # Safety
/// What `attr` points to is what `cmd` asks for, and lives until the call returns.
#[inline]
pub(crate) unsafe fn call<T: Plain>(
    kernel: &dyn Kernel,
    cmd: Cmd,
    name: &'static str,
    attr: &mut T,
    at_least: usize,
) -> Result<usize> {
    let size = attr.used_len().max(at_least).min(size_of::<T>()) as c_uint;
    let mut roomy = Roomy {
        attr: *attr,
        room: [0; 8],
    };
    // SAFETY: `roomy` is at least `size` bytes, initialised; the caller vouches for the pointers.
    let answer = unsafe { kernel.bpf(cmd.0 as i32, (&raw mut roomy).cast(), size) };
    *attr = roomy.attr;
    check(name, answer)
}

/// [`call`] with the command's name spelled from its constant.
macro_rules! bpf {
    ($kernel:expr, $cmd:ident, $attr:expr) => {
        $crate::bpf::bpf!($kernel, $cmd, $attr, at_least 0)
    };
    ($kernel:expr, $cmd:ident, $attr:expr, at_least $len:expr) => {
        $crate::bpf::call(
            &**$kernel,
            skep_codec::uapi::bpf::Cmd::$cmd,
            concat!("BPF_", stringify!($cmd)),
            $attr,
            $len,
        )
    };
}
/// [`bpf!`] for commands that answer a new descriptor.
macro_rules! bpf_fd {
    ($kernel:expr, $cmd:ident, $attr:expr) => {{
        let answer = $crate::bpf::bpf!($kernel, $cmd, $attr)?;
        $crate::Fd::from_answer(concat!("BPF_", stringify!($cmd)), answer as isize, $kernel)
    }};
}
pub(crate) use {bpf, bpf_fd};

/// Address of a slice for the kernel to read; null where it is empty, for the kernel tells
/// "nothing" by that.
pub(crate) fn input<T>(slice: &[T]) -> u64 {
    if slice.is_empty() {
        0
    } else {
        slice.as_ptr().expose_provenance() as u64
    }
}

/// Address of a slice for the kernel to write; null where it is empty.
pub(crate) fn output<T>(slice: &mut [T]) -> u64 {
    if slice.is_empty() {
        0
    } else {
        slice.as_mut_ptr().expose_provenance() as u64
    }
}

/// Address of a string for the kernel to read.
pub(crate) fn string(text: &CStr) -> u64 {
    text.as_ptr().expose_provenance() as u64
}

/// A slice's length as the kernel takes it; one beyond 4 GiB is cut.
pub(crate) fn len32<T>(slice: &[T]) -> u32 {
    u32::try_from(slice.len()).unwrap_or(u32::MAX)
}

/// A descriptor's number in an attribute; 0 for none.
pub(crate) fn raw(fd: Option<&Fd>) -> u32 {
    fd.map_or(0, |fd| fd.raw() as u32)
}

pub use skep_codec::uapi::bpf::obj_name;

/// Text up to the first NUL.
pub(crate) fn text(bytes: &[u8]) -> alloc::string::String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    alloc::string::String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
