//! The running kernel on machines whose system calls this library does not know: through the C
//! library.

use crate::kernel::KernelRef;

#[cfg(not(feature = "libc"))]
compile_error!(
    "skep-sys makes system calls itself on x86_64, aarch64, riscv64 and s390x; on other 64-bit machines turn its feature `libc` on"
);
#[cfg(not(target_pointer_width = "64"))]
compile_error!("skep-sys is for 64-bit machines");

/// The kernel this process runs on.
#[cfg(feature = "libc")]
pub fn host() -> KernelRef {
    crate::vtable::libc_kernel()
}
