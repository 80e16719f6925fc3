//! Functions that the compiler calls by itself and a C library would bring. Volatile accesses keep
//! the compiler from making their loops into calls of themselves.

use core::ffi::c_int;
use core::ptr::{read_volatile, write_volatile};

/// # Safety
/// `to` and `from` are `len` bytes each and do not overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    for i in 0..len {
        // SAFETY: `i` is below `len`.
        unsafe { write_volatile(to.add(i), read_volatile(from.add(i))) };
    }
    to
}

/// # Safety
/// `to` and `from` are `len` bytes each.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if to.addr() <= from.addr() {
        // SAFETY: front to back, each byte is read before it is written over.
        return unsafe { memcpy(to, from, len) };
    }
    for i in (0..len).rev() {
        // SAFETY: `i` is below `len`; back to front, for the same reason.
        unsafe { write_volatile(to.add(i), read_volatile(from.add(i))) };
    }
    to
}

/// # Safety
/// `to` is `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: c_int, len: usize) -> *mut u8 {
    for i in 0..len {
        // SAFETY: `i` is below `len`.
        unsafe { write_volatile(to.add(i), byte as u8) };
    }
    to
}

/// # Safety
/// `a` and `b` are `len` bytes each.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> c_int {
    for i in 0..len {
        // SAFETY: `i` is below `len`.
        let (x, y) = unsafe { (read_volatile(a.add(i)), read_volatile(b.add(i))) };
        if x != y {
            return c_int::from(x) - c_int::from(y);
        }
    }
    0
}

/// # Safety
/// `a` and `b` are `len` bytes each.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> c_int {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, len) }
}

/// # Safety
/// `text` ends in a zero byte.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut len = 0;
    // SAFETY: the bytes up to the zero are readable.
    while unsafe { read_volatile(text.add(len)) } != 0 {
        len += 1;
    }
    len
}

/// Named by the precompiled core library; never called, for a panic ends the process.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    crate::start::end(102)
}
