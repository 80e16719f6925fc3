//! Instructions as text, in the syntax of the kernel's verifier log.

use super::names::*;
use super::{Insn, Symbol, fields, pseudo};
use crate::uapi::bpf::Helper;
use core::fmt;

/// One instruction as text, see [`disasm`].
#[derive(Clone, Copy, Debug)]
pub struct Disasm<'a> {
    insn: Insn,
    next: Option<Insn>,
    symbol: Option<&'a Symbol>,
}

/// An instruction as the kernel writes it. `next` is the slot after it: a wide load takes both.
/// What has no text in the kernel, or more in it than the text says, comes out as
/// `.insn code, dst, src, off, imm`, so that the text always says all of it.
pub fn disasm<'a>(insn: Insn, next: Option<Insn>) -> Disasm<'a> {
    let symbol = None;
    Disasm { insn, next, symbol }
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
            let text = disasm(insn, next);
            writeln!(f, "{slot}: ({:02x}) {text}", insn.code)?;
            second_half = text.slots() == 2;
        }
        Ok(())
    }
}

impl<'a> Disasm<'a> {
    /// The same with a name for what the instruction refers to, in place of numbers.
    #[must_use]
    pub fn with(self, symbol: Option<&'a Symbol>) -> Self {
        Self { symbol, ..self }
    }

    /// How many slots the text is about: 2 for a wide load that is whole.
    pub fn slots(&self) -> usize {
        let whole = self.insn.is_wide() && fields::are_told(self.insn, self.next);
        if whole { 2 } else { 1 }
    }
}

impl fmt::Display for Disasm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        match self.symbol {
            Some(symbol) if code == Insn::CALL => return write!(f, "call {}", symbol.name()),
            Some(symbol) if self.insn.is_wide() => return write!(f, "r{dst} = {symbol}"),
            _ => {}
        }
        if !fields::are_told(self.insn, self.next) {
            return write!(f, ".insn {code:#04x}, {dst}, {src}, {off}, {imm}");
        }
        match code & 0x07 {
            0x00 | LDX => self.load(f),
            ST | STX => self.store(f),
            ALU32 | ALU64 => self.alu(f),
            _ => self.jump(f),
        }
    }
}

/// `u8` and its like: the width of a memory access.
fn width(code: u8) -> &'static str {
    pick(&WIDTHS, (code >> 3) & 3)
}

impl Disasm<'_> {
    fn load(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        let width = match code & 0xe0 {
            MEMSX => pick(&SIGNED, (code >> 3) & 3),
            _ => width(code),
        };
        match (code & 0x07, code & 0xe0) {
            (LDX, _) => write!(f, "r{dst} = *({width} *)(r{src} {off:+})"),
            (_, ABS) => write!(f, "r0 = *({width} *)skb[{imm}]"),
            (_, IND) => write!(f, "r0 = *({width} *)skb[r{src} + {imm}]"),
            _ => self.wide(f),
        }
    }

    fn wide(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn { dst, src, imm, .. } = self.insn;
        let high = self.next.map_or(0, |next| next.imm as u32);
        match src {
            pseudo::MAP_FD => write!(f, "r{dst} = map[fd:{imm}]"),
            pseudo::MAP_VALUE => write!(f, "r{dst} = map[fd:{imm}][0]+{high}"),
            pseudo::BTF_ID if high == 0 => write!(f, "r{dst} = btf_id[{imm}]"),
            pseudo::BTF_ID => write!(f, "r{dst} = btf_id[{imm}][fd:{}]", high as i32),
            pseudo::FUNC => write!(f, "r{dst} = subprog[{imm:+}]"),
            pseudo::MAP_IDX => write!(f, "r{dst} = map[idx:{imm}]"),
            pseudo::MAP_IDX_VALUE => write!(f, "r{dst} = map[idx:{imm}][0]+{high}"),
            _ => {
                let value = u64::from(high) << 32 | u64::from(imm as u32);
                write!(f, "r{dst} = {value:#x}")
            }
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
        let width = width(code);
        match (code & 0x07, code & 0xe0) {
            _ if code == NOSPEC => f.write_str("nospec"),
            (ST, _) => write!(f, "*({width} *)(r{dst} {off:+}) = {imm}"),
            (_, MEM) => write!(f, "*({width} *)(r{dst} {off:+}) = r{src}"),
            _ => self.atomic(f),
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
        match imm {
            XCHG => return write!(f, "r{src} = atomic{wide}_xchg({place}, r{src})"),
            CMPXCHG => return write!(f, "r0 = atomic{wide}_cmpxchg({place}, r0, r{src})"),
            LOAD_ACQ => return write!(f, "r{dst} = load_acquire(({width} *)(r{src} {off:+}))"),
            STORE_REL => return write!(f, "store_release({place}, r{src})"),
            _ => {}
        }
        let op = ATOMICS.iter().find(|op| op.0 == imm & !FETCH);
        let (sign, name) = op.map_or(("", ""), |op| (op.1, op.2));
        match imm & FETCH {
            0 => write!(f, "lock *{place} {sign} r{src}"),
            _ => write!(f, "r{src} = atomic{wide}_fetch_{name}({place}, r{src})"),
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
        let reg = if code & 0x07 == ALU64 { 'r' } else { 'w' };
        match code & 0xf0 {
            NEG => return write!(f, "{reg}{dst} = -{reg}{dst}"),
            0xd0 => {
                let order = match code {
                    BSWAP => "bswap",
                    BE => "be",
                    _ => "le",
                };
                return write!(f, "r{dst} = {order}{imm} r{dst}");
            }
            MOV if code & X != 0 => match off {
                0 => {}
                CAST => {
                    let (to, from) = (imm as u32 >> 16, imm & 0xffff);
                    return write!(f, "r{dst} = addr_space_cast(r{src}, {to}, {from})");
                }
                PERCPU => return write!(f, "r{dst} = &(void __percpu *)(r{src})"),
                bits => return write!(f, "{reg}{dst} = (s{bits}){reg}{src}"),
            },
            _ => {}
        }
        // Signed division and remainder.
        let signed = if off == 1 { "s" } else { "" };
        let op = pick(&ALU, code >> 4);
        match code & X {
            0 => write!(f, "{reg}{dst} {signed}{op} {imm}"),
            _ => write!(f, "{reg}{dst} {signed}{op} {reg}{src}"),
        }
    }

    fn jump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn {
            code,
            dst,
            src,
            off,
            imm,
        } = self.insn;
        match code {
            GOTO => return write!(f, "goto pc{off:+}"),
            GOTOL => return write!(f, "gotol pc{imm:+}"),
            GOTOX => return write!(f, "gotox r{dst}"),
            MAY_GOTO if src == 0 => return write!(f, "may_goto pc{off:+}"),
            MAY_GOTO => return write!(f, "goto_or_nop pc{off:+}"),
            Insn::CALL => return self.call(f),
            CALLX => return write!(f, "callx r{dst}"),
            Insn::EXIT => return f.write_str("exit"),
            _ => {}
        }
        let reg = if code & 0x07 == JMP32 { 'w' } else { 'r' };
        let op = pick(&COMPARE, code >> 4);
        match code & X {
            0 => write!(f, "if {reg}{dst} {op} {imm:#x} goto pc{off:+}"),
            _ => write!(f, "if {reg}{dst} {op} {reg}{src} goto pc{off:+}"),
        }
    }

    fn call(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Insn { src, off, imm, .. } = self.insn;
        match src {
            pseudo::CALL => write!(f, "call pc{imm:+}"),
            pseudo::KFUNC_CALL if off == 0 => write!(f, "call kernel-function#{imm}"),
            pseudo::KFUNC_CALL => write!(f, "call kernel-function#{imm} fd_array[{off}]"),
            _ => match Helper(imm as u32).name() {
                Some(_) => write!(f, "call bpf_{}#{imm}", Helper(imm as u32)),
                None => write!(f, "call unknown#{imm}"),
            },
        }
    }
}

#[cfg(test)]
#[path = "disasm_tests.rs"]
mod tests;
