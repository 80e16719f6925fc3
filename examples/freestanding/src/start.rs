//! Where the kernel enters, and how a process, or a machine, ends.

use core::arch::{asm, global_asm};
use core::ffi::CStr;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call {main}",
    "ud2",
    main = sym enter,
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, xzr",
    "mov x30, xzr",
    "bl {main}",
    "brk 1",
    main = sym enter,
);

extern "C" fn enter() -> ! {
    if is_first() {
        mount(c"proc", c"/proc");
        mount(c"sysfs", c"/sys");
    }
    end(crate::main())
}

/// System calls that skep has no use for.
#[cfg(target_arch = "x86_64")]
mod nr {
    pub(super) const GETPID: usize = 39;
    pub(super) const MOUNT: usize = 165;
    pub(super) const REBOOT: usize = 169;
    pub(super) const EXIT_GROUP: usize = 231;
}

#[cfg(target_arch = "aarch64")]
mod nr {
    pub(super) const GETPID: usize = 172;
    pub(super) const MOUNT: usize = 40;
    pub(super) const REBOOT: usize = 142;
    pub(super) const EXIT_GROUP: usize = 94;
}

/// A system call.
///
/// # Safety
/// The arguments are what the system call `nr` asks for.
unsafe fn call(nr: usize, args: [usize; 5]) -> isize {
    let answer: isize;
    // SAFETY: the caller vouches for the arguments; a system call clobbers rcx and r11.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("syscall", inlateout("rax") nr => answer, in("rdi") args[0], in("rsi") args[1],
            in("rdx") args[2], in("r10") args[3], in("r8") args[4], lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    // SAFETY: as above; a system call clobbers x0 only.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("svc 0", in("x8") nr, inlateout("x0") args[0] => answer, in("x1") args[1],
            in("x2") args[2], in("x3") args[3], in("x4") args[4], options(nostack));
    }
    answer
}

/// Whether this is the first process of its machine.
fn is_first() -> bool {
    // SAFETY: getpid takes no argument.
    unsafe { call(nr::GETPID, [0; 5]) == 1 }
}

/// Mounts a kernel's file system on an empty directory.
fn mount(kind: &CStr, place: &CStr) {
    let (kind, place) = (
        kind.as_ptr().expose_provenance(),
        place.as_ptr().expose_provenance(),
    );
    // SAFETY: source, place and type are strings that end in a zero byte; no flags, no data.
    unsafe { call(nr::MOUNT, [kind, place, kind, 0, 0]) };
}

/// The arguments of reboot(2): two magic numbers, then "restart".
const RESTART: [usize; 5] = [0xfee1_dead, 672_274_793, 0x0123_4567, 0, 0];

/// Ends the process. The first process of a machine must not end: it restarts the machine.
pub(crate) fn end(code: u8) -> ! {
    if is_first() {
        // SAFETY: "restart" reads no memory of this process.
        unsafe { call(nr::REBOOT, RESTART) };
    }
    loop {
        // SAFETY: exit_group ends the process.
        unsafe { call(nr::EXIT_GROUP, [usize::from(code), 0, 0, 0, 0]) };
    }
}
