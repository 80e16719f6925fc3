//! arm64: how a system call is made.

pub(super) use super::asm_generic as nr;
use core::arch::asm;

/// One system call.
///
/// # Safety
/// The arguments are what the system call `nr` asks for.
#[inline]
pub(crate) unsafe fn syscall(nr: usize, args: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the caller vouches for the call; the kernel preserves all registers but x0.
    unsafe {
        asm!(
            "svc 0",
            in("x8") nr,
            inlateout("x0") args[0] => answer,
            in("x1") args[1],
            in("x2") args[2],
            in("x3") args[3],
            in("x4") args[4],
            in("x5") args[5],
            options(nostack)
        );
    }
    answer
}
