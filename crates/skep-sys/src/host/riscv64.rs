//! RISC-V, 64 bits: how a system call is made.

pub(super) use super::asm_generic as nr;
use core::arch::asm;

/// One system call.
///
/// # Safety
/// The arguments are what the system call `nr` asks for.
#[inline]
pub(crate) unsafe fn syscall(nr: usize, args: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the caller vouches for the call; the kernel preserves all registers but a0.
    unsafe {
        asm!(
            "ecall",
            in("a7") nr,
            inlateout("a0") args[0] => answer,
            in("a1") args[1],
            in("a2") args[2],
            in("a3") args[3],
            in("a4") args[4],
            in("a5") args[5],
            options(nostack)
        );
    }
    answer
}
