//! Instructions as text, much as the kernel's verifier log has them.

use super::{Insn, pseudo};
use crate::uapi::bpf::Helper;
use core::fmt;

const ALU_OPS: [&str; 14] = [
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian",
];
const JMP_OPS: [&str; 14] = [
    "", "==", ">", ">=", "&", "!=", "s>", "s>=", "", "", "<", "<=", "s<", "s<=",
];
const WIDTHS: [&str; 4] = ["u32", "u16", "u8", "u64"];
const SIGNED: [&str; 4] = ["s32", "s16", "s8", "s64"];
const ATOMICS: [(i32, &str); 4] = [(0x00, "add"), (0x40, "or"), (0x50, "and"), (0xa0, "xor")];

const FETCH: i32 = 0x01;
const XCHG: i32 = 0xe1;
const CMPXCHG: i32 = 0xf1;
const LOAD_ACQ: i32 = 0x100;
const STORE_REL: i32 = 0x110;

/// One instruction as text: give the slot after it too, a wide load takes both.
#[derive(Clone, Copy, Debug)]
pub struct Disasm {
    insn: Insn,
    next: Option<Insn>,
}

/// An instruction as text. `next` is the slot after it.
pub fn disasm(insn: Insn, next: Option<Insn>) -> Disasm {
    Disasm { insn, next }
}

/// A program as text, an instruction a line: its slot, a colon, its code in brackets, its text.
pub fn listing(insns: &[Insn]) -> Listing<'_> {
    Listing(insns)
}

/// See [`listing`].
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a>(&'a [Insn]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut second_half = false;
        for (slot, &insn) in self.0.iter().enumerate() {
            if second_half {
                second_half = false;
                continue;
            }
            let next = self.0.get(slot.saturating_add(1)).copied();
            writeln!(f, "{slot}: ({:02x}) {}", insn.code, disasm(insn, next))?;
            second_half = insn.is_wide();
        }
        Ok(())
    }
}

impl fmt::Display for Disasm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.insn.code & 0x07 {
            0x00 | 0x01 => self.load(f),
            0x02 | 0x03 => self.store(f),
            0x04 | 0x07 => self.alu(f),
            _ => self.jump(f),
        }
    }
}

fn pick(table: &[&'static str], index: u8) -> &'static str {
    table.get(usize::from(index)).copied().unwrap_or("")
}

/// `u8` and its like: the width of a memory access.
fn width(code: u8) -> &'static str {
    pick(&WIDTHS, (code >> 3) & 3)
}

/// The operand of an instruction: register or immediate, `w` for the 32-bit half.
struct Src(Insn, char);

impl fmt::Display for Src {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.code & 0x08 {
            0 => write!(f, "{}", self.0.imm),
            _ => write!(f, "{}{}", self.1, self.0.src),
        }
    }
}

impl Disasm {
    fn unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown instruction {:#04x}", self.insn.code)
    }

    fn load(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        match (code & 0x07, code & 0xe0) {
            (0, 0) if self.insn.is_wide() => self.wide(f),
            (0, 0x20) => write!(f, "r0 = *({} *)skb[{imm}]", width(code)),
            (0, 0x40) => write!(f, "r0 = *({} *)skb[r{src} + {imm}]", width(code)),
            (1, 0x60) => write!(f, "r{dst} = *({} *)(r{src} {off:+})", width(code)),
            (1, 0x80) => {
                let signed = pick(&SIGNED, (code >> 3) & 3);
                write!(f, "r{dst} = *({signed} *)(r{src} {off:+})")
            }
            _ => self.unknown(f),
        }
    }

    fn wide(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn { dst, src, imm, .. } = self.insn;
        let high = self.next.map_or(0, |next| next.imm);
        match src {
            0 => {
                let value = u64::from(high as u32) << 32 | u64::from(imm as u32);
                write!(f, "r{dst} = {value:#x}")
            }
            pseudo::MAP_FD => write!(f, "r{dst} = map[fd:{imm}]"),
            pseudo::MAP_VALUE => write!(f, "r{dst} = map[fd:{imm}][0]+{}", high as u32),
            pseudo::BTF_ID => write!(f, "r{dst} = btf_id[{imm}]"),
            pseudo::FUNC => write!(f, "r{dst} = subprog[{imm:+}]"),
            5 => write!(f, "r{dst} = map[idx:{imm}]"),
            6 => write!(f, "r{dst} = map[idx:{imm}][0]+{}", high as u32),
            _ => self.unknown(f),
        }
    }

    fn store(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        match (code & 0x07, code & 0xe0) {
            (2, 0x60) => write!(f, "*({} *)(r{dst} {off:+}) = {imm}", width(code)),
            (3, 0x60) => write!(f, "*({} *)(r{dst} {off:+}) = r{src}", width(code)),
            (3, 0xc0) => self.atomic(f),
            _ => self.unknown(f),
        }
    }

    fn atomic(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        let width = width(code);
        let wide = if code & 0x18 == 0x18 { "64" } else { "" };
        let place = format_args!("({width} *)(r{dst} {off:+})");
        let named = |op: i32| {
            ATOMICS
                .iter()
                .find(|(raw, _)| *raw == op)
                .map(|(_, name)| *name)
        };
        match imm {
            XCHG => write!(f, "r{src} = atomic{wide}_xchg({place}, r{src})"),
            CMPXCHG => write!(f, "r0 = atomic{wide}_cmpxchg({place}, r0, r{src})"),
            LOAD_ACQ => write!(f, "r{dst} = load_acquire(({width} *)(r{src} {off:+}))"),
            STORE_REL => write!(f, "store_release({place}, r{src})"),
            _ => match (named(imm & !FETCH), imm & FETCH) {
                (Some(op), 0) => {
                    let sign = match op {
                        "add" => "+=",
                        "or" => "|=",
                        "and" => "&=",
                        _ => "^=",
                    };
                    write!(f, "lock *{place} {sign} r{src}")
                }
                (Some(op), _) => write!(f, "r{src} = atomic{wide}_fetch_{op}({place}, r{src})"),
                (None, _) => self.unknown(f),
            },
        }
    }

    fn alu(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        let reg = if code & 0x07 == 0x07 { 'r' } else { 'w' };
        let operand = Src(self.insn, reg);
        match code >> 4 {
            8 => write!(f, "{reg}{dst} = -{reg}{dst}"),
            // Byte order: always 64-bit registers; the bit that tells a register from an
            // immediate tells the order, in the 64-bit class it swaps whatever the order.
            13 => {
                let order = match code & 0x0f {
                    0x07 => "bswap",
                    0x0c => "be",
                    0x04 => "le",
                    _ => return self.unknown(f),
                };
                write!(f, "r{dst} = {order}{imm} r{dst}")
            }
            // Moves that extend the sign of the lower bits.
            11 if off != 0 && code & 0x08 != 0 => match off {
                8 | 16 | 32 => write!(f, "{reg}{dst} = (s{off}){reg}{src}"),
                1 => write!(
                    f,
                    "r{dst} = addr_space_cast(r{src}, {}, {})",
                    imm >> 16,
                    imm & 0xffff
                ),
                _ => self.unknown(f),
            },
            3 if off == 1 => write!(f, "{reg}{dst} s/= {operand}"),
            9 if off == 1 => write!(f, "{reg}{dst} s%= {operand}"),
            op => match pick(&ALU_OPS, op) {
                "" => self.unknown(f),
                op => write!(f, "{reg}{dst} {op} {operand}"),
            },
        }
    }

    fn jump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn {
            code,
            dst,
            off,
            imm,
            ..
        } = self.insn;
        let long = code & 0x07 == 0x06;
        let reg = if long { 'w' } else { 'r' };
        match code >> 4 {
            0 if long => write!(f, "gotol {imm:+}"),
            0 if code & 0x08 != 0 => write!(f, "gotox r{dst}"),
            0 => write!(f, "goto {off:+}"),
            8 if !long => self.call(f),
            9 if !long => f.write_str("exit"),
            // The source register says which: a bounded loop's exit, or a jump never or ever.
            14 if !long => match self.insn.src {
                0 => write!(f, "may_goto {off:+}"),
                1 => write!(f, "goto_or_nop {off:+}"),
                _ => self.unknown(f),
            },
            op => match pick(&JMP_OPS, op) {
                "" => self.unknown(f),
                op => write!(f, "if {reg}{dst} {op} {} goto {off:+}", Src(self.insn, reg)),
            },
        }
    }

    fn call(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn { code, src, imm, .. } = self.insn;
        match src {
            _ if code & 0x08 != 0 => write!(f, "callx r{}", self.insn.dst),
            0 => match u32::try_from(imm)
                .ok()
                .filter(|&n| Helper(n).name().is_some())
            {
                Some(number) => write!(f, "call {}#{number}", Helper(number)),
                None => write!(f, "call unknown#{imm}"),
            },
            pseudo::CALL => write!(f, "call pc{imm:+}"),
            pseudo::KFUNC_CALL => write!(f, "call kernel-function#{imm}"),
            _ => self.unknown(f),
        }
    }
}

#[cfg(test)]
mod tests {
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
        disasm(insn, None).to_string()
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
                    1: (55) if r1 != 0 goto +9\n\
                    2: (0f) r2 += r1\n\
                    3: (64) w2 <<= 3\n\
                    4: (18) r1 = map[fd:7]\n\
                    6: (72) *(u8 *)(r10 -1) = 5\n\
                    7: (7b) *(u64 *)(r10 -16) = r1\n\
                    8: (85) call map_lookup_elem#1\n\
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
            (text(0x05, 0, 0, -2, 0), "goto -2"),
            (text(0x06, 0, 0, 0, 70000), "gotol +70000"),
            (text(0x1e, 1, 2, 3, 0), "if w1 == w2 goto +3"),
            (text(0xc5, 1, 0, 3, -5), "if r1 s< -5 goto +3"),
            (text(0x45, 1, 0, 3, 8), "if r1 & 8 goto +3"),
            (text(0xe5, 0, 0, 5, 0), "may_goto +5"),
            (text(0x85, 0, 1, 0, 6), "call pc+6"),
            (text(0x85, 0, 2, 0, 1234), "call kernel-function#1234"),
            (text(0x85, 0, 0, 0, 0xbad_2310), "call unknown#195896080"),
            (text(0x18, 1, 2, 0, 4), "r1 = map[fd:4][0]+0"),
            (text(0x18, 1, 4, 0, 12), "r1 = subprog[+12]"),
            (text(0xff, 0, 0, 0, 0), "unknown instruction 0xff"),
            (text(0xf5, 0, 0, 0, 0), "unknown instruction 0xf5"),
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
}
