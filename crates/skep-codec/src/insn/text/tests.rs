//! Text to instructions, and there and back.

use super::*;
use crate::insn::{decode, disasm, encode, listing};
use crate::uapi::bpf::Helper;
use alloc::string::ToString;

fn one(text: &str) -> Insn {
    let program = assemble(text).expect(text);
    assert_eq!(program.insns.len(), 1, "{text}");
    program.insns[0]
}

fn wrong(text: &str) -> SyntaxError {
    assemble(text).expect_err(text)
}

/// Values that each field takes in turn.
const OFFS: [i16; 9] = [0, 1, -1, 3, 8, 16, 32, i16::MIN, i16::MAX];
const IMMS: [i32; 18] = [
    0,
    1,
    -1,
    5,
    16,
    32,
    64,
    0x40,
    0x51,
    0xa0,
    0xe1,
    0xf1,
    0x100,
    0x110,
    0x10000,
    0xbad_2310,
    i32::MIN,
    i32::MAX,
];

#[test]
fn every_instruction_is_read_back() {
    let registers = [
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 10),
        (1, 2),
        (2, 2),
        (2, 3),
        (2, 4),
        (2, 5),
        (3, 6),
        (3, 7),
        (10, 0),
        (15, 1),
    ];
    let mut raw = 0;
    for code in 0..=u8::MAX {
        for (dst, src) in registers {
            for off in OFFS {
                for imm in IMMS {
                    let insn = Insn {
                        code,
                        dst,
                        src,
                        off,
                        imm,
                    };
                    let second = Insn {
                        imm: off.into(),
                        ..Insn::default()
                    };
                    let nexts = [None, Some(second), Some(insn)];
                    let nexts = if insn.is_wide() {
                        &nexts[..]
                    } else {
                        &nexts[..1]
                    };
                    for &next in nexts {
                        let text = disasm(insn, next);
                        let read = assemble(&text.to_string());
                        let read = read.unwrap_or_else(|e| panic!("{text}: {e}"));
                        let want = [insn, next.unwrap_or_default()];
                        assert_eq!(read.insns, want[..text.slots()], "{text}");
                        assert!(read.symbols.is_empty());
                        raw += usize::from(text.to_string().starts_with(".insn"));
                    }
                }
            }
        }
    }
    assert!(raw > 0);
}

#[test]
fn what_the_kernel_accepts_has_a_text_of_its_own() {
    // The class and operation of every instruction up to Linux 6.18, with fields as they must be.
    let codes = [
        "04 0c 14 1c 24 2c 34 3c 44 4c 54 5c 64 6c 74 7c 84 94 9c a4 ac b4 bc c4 cc",
        "07 0f 17 1f 27 2f 37 3f 47 4f 57 5f 67 6f 77 7f 87 97 9f a7 af b7 bf c7 cf",
        "05 15 1d 25 2d 35 3d 45 4d 55 5d 65 6d 75 7d 85 95 a5 ad b5 bd c5 cd d5 dd e5 0d",
        "06 16 1e 26 2e 36 3e 46 4e 56 5e 66 6e 76 7e a6 ae b6 be c6 ce d6 de",
        "20 28 30 40 48 50 61 69 71 79 81 89 91 62 6a 72 7a 63 6b 73 7b c3 db",
    ];
    for code in codes.iter().flat_map(|line| line.split(' ')) {
        let code = u8::from_str_radix(code, 16).unwrap();
        let insn = Insn {
            code,
            ..Insn::default()
        };
        let text = disasm(insn, None).to_string();
        assert!(!text.starts_with(".insn"), "{code:#x}");
    }
}

#[test]
fn what_people_write() {
    let cases: &[(&str, [u8; 8])] = &[
        ("r0 = 0", [0xb7, 0, 0, 0, 0, 0, 0, 0]),
        ("  w3=-5 // five", [0xb4, 3, 0, 0, 0xfb, 0xff, 0xff, 0xff]),
        ("w3 = 0x10", [0xb4, 3, 0, 0, 16, 0, 0, 0]),
        ("r1 s/= 3", [0x37, 1, 1, 0, 3, 0, 0, 0]),
        ("w1 s%= w2", [0x9c, 0x21, 1, 0, 0, 0, 0, 0]),
        ("r1 s>>= 3", [0xc7, 1, 0, 0, 3, 0, 0, 0]),
        ("r1 = (s8)r2", [0xbf, 0x21, 8, 0, 0, 0, 0, 0]),
        ("r1 = (s32) r2", [0xbf, 0x21, 32, 0, 0, 0, 0, 0]),
        ("r1=*(u8*)(r2)", [0x71, 0x21, 0, 0, 0, 0, 0, 0]),
        ("r1 = *(u64 *)(r2 + 0x8)", [0x79, 0x21, 8, 0, 0, 0, 0, 0]),
        (
            "r1 = *(s16 *)(r2 - 8)",
            [0x89, 0x21, 0xf8, 0xff, 0, 0, 0, 0],
        ),
        ("*(u32 *)(r10 -4) = 7", [0x62, 10, 0xfc, 0xff, 7, 0, 0, 0]),
        (
            "*(u16 *)(r10 -4) = r3",
            [0x6b, 0x3a, 0xfc, 0xff, 0, 0, 0, 0],
        ),
        ("r0 = *(u16 *)skb[12]", [0x28, 0, 0, 0, 12, 0, 0, 0]),
        ("r0 = *(u8 *)skb[r6 + 1]", [0x50, 0x60, 0, 0, 1, 0, 0, 0]),
        (
            "lock *(u64 *)(r1 +0) |= r2",
            [0xdb, 0x21, 0, 0, 0x40, 0, 0, 0],
        ),
        (
            "r2 = atomic_fetch_xor((u32 *)(r1 +0), r2)",
            [0xc3, 0x21, 0, 0, 0xa1, 0, 0, 0],
        ),
        (
            "r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)",
            [0xdb, 0x21, 0, 0, 0xf1, 0, 0, 0],
        ),
        (
            "r1 = load_acquire((u8 *)(r2 +1))",
            [0xd3, 0x21, 1, 0, 0, 1, 0, 0],
        ),
        (
            "store_release((u32 *)(r1 +0), r2)",
            [0xc3, 0x21, 0, 0, 0x10, 1, 0, 0],
        ),
        ("r3 = be64 r3", [0xdc, 3, 0, 0, 64, 0, 0, 0]),
        ("r3 = bswap16 r3", [0xd7, 3, 0, 0, 16, 0, 0, 0]),
        (
            "r2 = addr_space_cast(r3, 0, 1)",
            [0xbf, 0x32, 1, 0, 1, 0, 0, 0],
        ),
        (
            "r2 = &(void __percpu *)(r3)",
            [0xbf, 0x32, 0xff, 0xff, 0, 0, 0, 0],
        ),
        (
            "if w1 s<= w2 goto pc-1",
            [0xde, 0x21, 0xff, 0xff, 0, 0, 0, 0],
        ),
        ("if r1 & 0x80000000 goto +2", [0x45, 1, 2, 0, 0, 0, 0, 0x80]),
        ("gotol pc+70000", [0x06, 0, 0, 0, 0x70, 0x11, 1, 0]),
        ("may_goto pc+1", [0xe5, 0, 1, 0, 0, 0, 0, 0]),
        ("gotox r4", [0x0d, 4, 0, 0, 0, 0, 0, 0]),
        ("call bpf_ktime_get_ns", [0x85, 0, 0, 0, 5, 0, 0, 0]),
        ("call pc-3", [0x85, 0x10, 0, 0, 0xfd, 0xff, 0xff, 0xff]),
        (
            "12: (85) call bpf_ktime_get_ns#5  ; R0=scalar()",
            [0x85, 0, 0, 0, 5, 0, 0, 0],
        ),
        ("call bpf_rcu_read_lock#7", [0x85, 0x20, 0, 0, 7, 0, 0, 0]),
        ("call #7", [0x85, 0, 0, 0, 7, 0, 0, 0]),
    ];
    for (text, bytes) in cases {
        let bytes = bytes.map(|b| b);
        let want = decode(&bytes, crate::bytes::Endian::Little).unwrap();
        assert_eq!(one(text), want[0], "{text}");
    }
    let wide = assemble("r1 = 0xffffffff\nr2 = 5 ll\nr3 = -1 ll")
        .unwrap()
        .insns;
    let halves: Vec<(u8, i32)> = wide.iter().map(|insn| (insn.code, insn.imm)).collect();
    assert_eq!(
        halves,
        [(0x18, -1), (0, 0), (0x18, 5), (0, 0), (0x18, -1), (0, -1)]
    );
}

#[test]
fn labels_and_names() {
    let text = "
        ; source lines of a log are comments
        start:
            r1 = map[counts]
            r2 = map[.rodata][0]+16
            r3 = subprog[callback]
            r4 = ksym[bpf_prog_active]
            call sub
            call elsewhere
            if r0 > 3 goto start
            may_goto out
        out: exit
        sub: bpf_loop: gotol out
            call bpf_loop";
    let program = assemble(text).unwrap();
    let symbol = |at: usize| (program.symbols[at].0, program.symbols[at].1.to_string());
    assert_eq!(symbol(0), (0, "map[counts]".into()));
    assert_eq!(symbol(1), (2, "map[.rodata][0]+16".into()));
    assert_eq!(symbol(2), (4, "subprog[callback]".into()));
    assert_eq!(symbol(3), (6, "ksym[bpf_prog_active]".into()));
    assert_eq!(symbol(4), (9, "elsewhere".into()));
    assert_eq!(program.symbols.len(), 5);
    let at = |slot: usize| program.insns[slot];
    assert_eq!((at(8).src, at(8).imm), (1, 4));
    assert_eq!((at(9).src, at(9).imm), (0, -1));
    assert_eq!((at(10).off, at(11).off), (-11, 0));
    // A label goes before a helper function of the same name.
    assert_eq!((at(13).imm, at(14).src, at(14).imm), (-2, 1, -2));
}

#[test]
fn errors_say_where() {
    let cases = [
        (
            "r0 = 0\n  frobnicate r1",
            (2, 3),
            "'frobnicate' begins no instruction",
        ),
        ("r1 = r99", (1, 6), "'r99' is no number"),
        (
            "r1 += w2",
            (1, 7),
            "one register is whole, the other is half of one",
        ),
        ("goto nowhere", (1, 6), "no label 'nowhere'"),
        ("a: exit\na: exit", (2, 4), "label 'a' is in two places"),
        ("r1 = *(u31 *)(r2)", (1, 8), "'u31' is no type of memory"),
        (
            "r1 = *(u32 *)(r2 +40000)",
            (1, 18),
            "40000 does not fit into 16 bits",
        ),
        (
            "r1 += 0x100000000",
            (1, 7),
            "4294967296 does not fit into 32 bits",
        ),
        (
            "call bpf_ktime_get_ns#6",
            (1, 6),
            "'bpf_ktime_get_ns' is not helper number 6",
        ),
        ("exit exit", (1, 6), "'exit' after the instruction"),
        (
            "if r1 == r2",
            (1, 12),
            "the line ends where 'goto' is wanted",
        ),
        ("r1 = map[counts", (1, 10), "no ']' on this line"),
        (
            "lock *(u8 *)(r1 +0) += r2",
            (1, 7),
            "an atomic operation is on u32 or u64",
        ),
        ("r1 = -r2", (1, 6), "a register is negated in its place"),
        ("é", (1, 1), "'é' begins no instruction"),
    ];
    for (text, place, what) in cases {
        let error = wrong(text);
        assert_eq!(
            ((error.line, error.column), error.what.as_str()),
            (place, what),
            "{text}"
        );
    }
    let far = "goto far\n".to_string() + &"exit\n".repeat(40_000) + "far: exit";
    assert_eq!(wrong(&far).what, "label 'far' is 40000 instructions away");
    assert_eq!(wrong("\n x").to_string(), "2:2: 'x' begins no instruction");
    assert_eq!(
        Error::from(wrong("x")).to_string(),
        "line 1, column 1: 'x' begins no instruction"
    );
}

#[test]
fn a_listing_is_read_back() {
    let insns = crate::insn::asm::Asm::new()
        .load_imm64(crate::insn::asm::Reg::R1, u64::MAX)
        .load_map_value(crate::insn::asm::Reg::R2, 3, 8)
        .load_btf_id(crate::insn::asm::Reg::R3, 77)
        .call(Helper::MAP_UPDATE_ELEM)
        .call_kfunc(1234)
        .exit()
        .finish()
        .unwrap();
    let text = listing(&insns).to_string();
    assert_eq!(assemble(&text).unwrap().insns, insns, "{text}");
    let bytes = encode(&insns, crate::bytes::Endian::Big);
    assert_eq!(decode(&bytes, crate::bytes::Endian::Big).unwrap(), insns);
}
