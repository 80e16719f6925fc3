//! One bare BPF_PROG_LOAD of `r0 = 0; exit`: what a cold start costs at least.

#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: *const u64,
    license: *const u8,
}

unsafe extern "C" {
    fn syscall(number: i64, ...) -> i64;
}

#[cfg(target_arch = "x86_64")]
const SYS_BPF: i64 = 321;
#[cfg(not(target_arch = "x86_64"))]
const SYS_BPF: i64 = 280;

fn main() {
    let insns = [0x0000_0000_0000_00b7_u64, 0x0000_0000_0000_0095];
    let attr = ProgLoad {
        prog_type: 1,
        insn_cnt: 2,
        insns: insns.as_ptr(),
        license: c"GPL".as_ptr().cast(),
    };
    // SAFETY: BPF_PROG_LOAD (5) reads `attr`, the instructions and the text, all alive here.
    let fd = unsafe { syscall(SYS_BPF, 5, &attr, size_of::<ProgLoad>()) };
    assert!(
        fd >= 0,
        "BPF_PROG_LOAD: {}",
        std::io::Error::last_os_error()
    );
}
