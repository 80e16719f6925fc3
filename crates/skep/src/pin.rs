//! Pins: names in a bpffs that keep objects alive.

use core::ffi::CStr;
use skep_codec::Errno;
use skep_sys::{CallError, Fd, KernelRef, bpf, file};

/// Rights of a directory that is made for a pin.
const DIR_MODE: u32 = 0o700;

/// Pins an object; the directory is made if only that is missing.
#[inline]
pub(crate) fn pin(object: &Fd, path: &CStr) -> Result<(), CallError> {
    let first = bpf::obj_pin(object, None, path);
    match (&first, parent(path)) {
        (Err(error), Some(dir)) if error.errno == Errno::ENOENT => {
            match file::make_dir(object.kernel(), &dir, DIR_MODE) {
                Err(error) if error.errno != Errno::EEXIST => Err(error),
                _ => bpf::obj_pin(object, None, path),
            }
        }
        _ => first,
    }
}

/// What is pinned there; `None` if nothing is.
#[inline]
pub(crate) fn open(kernel: &KernelRef, path: &CStr) -> Result<Option<Fd>, CallError> {
    match bpf::obj_get(kernel, None, path, 0) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if error.errno == Errno::ENOENT => Ok(None),
        Err(error) => Err(error),
    }
}

#[inline]
fn parent(path: &CStr) -> Option<alloc::ffi::CString> {
    let bytes = path.to_bytes();
    let end = bytes.iter().rposition(|&byte| byte == b'/')?;
    alloc::ffi::CString::new(bytes.get(..end.max(1))?).ok()
}
