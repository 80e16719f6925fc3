//! Where `struct pt_regs` has a register, by its name.

use elf::abi;

/// What x86-64 calls 64, 32, 16 and 8 bits of a register, and where it is.
const X86_64: [([&str; 4], u16); 17] = [
    (["r15", "r15d", "r15w", "r15b"], 0),
    (["r14", "r14d", "r14w", "r14b"], 8),
    (["r13", "r13d", "r13w", "r13b"], 16),
    (["r12", "r12d", "r12w", "r12b"], 24),
    (["rbp", "ebp", "bp", "bpl"], 32),
    (["rbx", "ebx", "bx", "bl"], 40),
    (["r11", "r11d", "r11w", "r11b"], 48),
    (["r10", "r10d", "r10w", "r10b"], 56),
    (["r9", "r9d", "r9w", "r9b"], 64),
    (["r8", "r8d", "r8w", "r8b"], 72),
    (["rax", "eax", "ax", "al"], 80),
    (["rcx", "ecx", "cx", "cl"], 88),
    (["rdx", "edx", "dx", "dl"], 96),
    (["rsi", "esi", "si", "sil"], 104),
    (["rdi", "edi", "di", "dil"], 112),
    (["rip", "eip", "ip", ""], 128),
    (["rsp", "esp", "sp", "spl"], 152),
];

/// The registers of RISC-V in their order, 8 bytes each.
const RISCV: [&str; 32] = [
    "pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5",
    "t6",
];

/// Offset of a register in the `struct pt_regs` that programs see; `None` for one that is not known.
#[inline]
pub(super) fn offset(machine: u16, name: &str) -> Option<u16> {
    match machine {
        abi::EM_X86_64 => {
            let mut rows = X86_64.iter();
            let row = rows.find(|(names, _)| !name.is_empty() && names.contains(&name));
            row.map(|(_, offset)| *offset)
        }
        abi::EM_AARCH64 => match name {
            "sp" => Some(248),
            "pc" => Some(256),
            _ => numbered(name.strip_prefix(['x', 'w'])?, 30),
        },
        abi::EM_S390 => Some(numbered(name.strip_prefix('r')?, 15)?.wrapping_add(24)),
        abi::EM_RISCV => {
            let at = RISCV.iter().position(|known| *known == name)?;
            u16::try_from(at.checked_mul(8)?).ok()
        }
        _ => None,
    }
}

/// 8 bytes for each register up to this one.
#[inline]
fn numbered(number: &str, last: u16) -> Option<u16> {
    let plain = number.starts_with(|c: char| c.is_ascii_digit());
    let number: u16 = number.parse().ok().filter(|_| plain)?;
    (number <= last).then(|| number.wrapping_mul(8))
}
