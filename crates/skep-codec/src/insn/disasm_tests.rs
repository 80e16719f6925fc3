//! The words of the kernel, instruction by instruction.

use super::*;
use crate::insn::asm::{Alu, Asm, Cond, Reg, Width};
use alloc::string::ToString;

fn text(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> alloc::string::String {
    let insn = Insn {
        code,
        dst,
        src,
        off,
        imm,
    };
    let second = insn.is_wide().then(Insn::default);
    disasm(insn, second).to_string()
}

#[test]
fn listing_of_a_program() {
    let insns = Asm::new()
        .load(Width::U32, Reg::R0, Reg::R1, 4)
        .jump_if(Cond::Ne, Reg::R1, 0, "out")
        .alu(Alu::Add, Reg::R2, Reg::R1)
        .alu32(Alu::Lsh, Reg::R2, 3)
        .load_map_fd(Reg::R1, 7)
        .store(Width::U8, Reg::R10, -1, 5)
        .store(Width::U64, Reg::R10, -16, Reg::R1)
        .call(Helper::MAP_LOOKUP_ELEM)
        .load_imm64(Reg::R3, 0x1_0000_0002)
        .label("out")
        .exit()
        .finish()
        .unwrap();
    let want = "0: (61) r0 = *(u32 *)(r1 +4)\n\
                1: (55) if r1 != 0x0 goto pc+9\n\
                2: (0f) r2 += r1\n\
                3: (64) w2 <<= 3\n\
                4: (18) r1 = map[fd:7]\n\
                6: (72) *(u8 *)(r10 -1) = 5\n\
                7: (7b) *(u64 *)(r10 -16) = r1\n\
                8: (85) call bpf_map_lookup_elem#1\n\
                9: (18) r3 = 0x100000002\n\
                11: (95) exit\n";
    assert_eq!(listing(&insns).to_string(), want);
}

#[test]
fn arithmetic() {
    let cases = [
        (text(0xb4, 1, 0, 0, -1), "w1 = -1"),
        (text(0xbf, 1, 2, 0, 0), "r1 = r2"),
        (text(0xbf, 1, 2, 8, 0), "r1 = (s8)r2"),
        (text(0xbc, 1, 2, 16, 0), "w1 = (s16)w2"),
        (
            text(0xbf, 1, 2, 1, 1 << 16),
            "r1 = addr_space_cast(r2, 1, 0)",
        ),
        (text(0x87, 3, 0, 0, 0), "r3 = -r3"),
        (text(0x84, 3, 0, 0, 0), "w3 = -w3"),
        (text(0xc7, 3, 0, 0, 4), "r3 s>>= 4"),
        (text(0x3f, 3, 4, 1, 0), "r3 s/= r4"),
        (text(0x94, 3, 0, 1, 9), "w3 s%= 9"),
        (text(0xdc, 3, 0, 0, 16), "r3 = be16 r3"),
        (text(0xd4, 3, 0, 0, 64), "r3 = le64 r3"),
        (text(0xd7, 3, 0, 0, 32), "r3 = bswap32 r3"),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn memory() {
    let cases = [
        (text(0x91, 1, 2, -3, 0), "r1 = *(s8 *)(r2 -3)"),
        (text(0x81, 1, 2, 0, 0), "r1 = *(s32 *)(r2 +0)"),
        (text(0x20, 0, 0, 0, 12), "r0 = *(u32 *)skb[12]"),
        (text(0x50, 0, 6, 0, 1), "r0 = *(u8 *)skb[r6 + 1]"),
        (text(0xdb, 10, 2, -8, 0), "lock *(u64 *)(r10 -8) += r2"),
        (text(0xc3, 1, 2, 0, 0xa0), "lock *(u32 *)(r1 +0) ^= r2"),
        (
            text(0xdb, 1, 2, 4, 0x51),
            "r2 = atomic64_fetch_and((u64 *)(r1 +4), r2)",
        ),
        (
            text(0xc3, 1, 2, 4, 0xe1),
            "r2 = atomic_xchg((u32 *)(r1 +4), r2)",
        ),
        (
            text(0xdb, 1, 2, 0, 0xf1),
            "r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)",
        ),
        (
            text(0xcb, 1, 2, 0, 0x100),
            "r1 = load_acquire((u16 *)(r2 +0))",
        ),
        (
            text(0xdb, 1, 2, 0, 0x110),
            "store_release((u64 *)(r1 +0), r2)",
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn jumps_and_calls() {
    let cases = [
        (text(0x05, 0, 0, -2, 0), "goto pc-2"),
        (text(0x06, 0, 0, 0, 70000), "gotol pc+70000"),
        (text(0x1e, 1, 2, 3, 0), "if w1 == w2 goto pc+3"),
        (text(0xc5, 1, 0, 3, -5), "if r1 s< 0xfffffffb goto pc+3"),
        (text(0x45, 1, 0, 3, 8), "if r1 & 0x8 goto pc+3"),
        (text(0xe5, 0, 0, 5, 0), "may_goto pc+5"),
        (text(0x85, 0, 1, 0, 6), "call pc+6"),
        (text(0x85, 0, 2, 0, 1234), "call kernel-function#1234"),
        (text(0x85, 0, 0, 0, 0xbad_2310), "call unknown#195896080"),
        (text(0x18, 1, 2, 0, 4), "r1 = map[fd:4][0]+0"),
        (text(0x18, 1, 4, 0, 12), "r1 = subprog[+12]"),
        (text(0xff, 0, 0, 0, 0), ".insn 0xff, 0, 0, 0, 0"),
        (text(0xf5, 0, 0, 0, 0), ".insn 0xf5, 0, 0, 0, 0"),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn every_code_has_a_text() {
    for code in 0..=u8::MAX {
        for src in [0, 1, 5, 15] {
            assert!(!text(code, 15, src, i16::MIN, i32::MIN).is_empty());
        }
    }
}
