//! What begins with a register: arithmetic, moves, loads.

use super::cursor::Cursor;
use super::memory::{Place, memory};
use super::{Assembler, Result};
use crate::insn::Insn;
use crate::insn::names::*;

impl Assembler {
    /// What follows a register: an operator and its operand.
    pub(super) fn assign(&mut self, text: &mut Cursor<'_>, dst: u8, half: bool) -> Result<()> {
        let class = if half { ALU32 } else { ALU64 };
        let mut off = 0;
        let sign = text.one_of(&ALU).or_else(|| {
            off = 1;
            text.one_of(&["", "", "", "s/=", "", "", "", "", "", "s%="])
        });
        let Some(op) = sign.map(|at| (at as u8) << 4) else {
            let what = format!("'{}' is no operator", text.word_or_sign());
            return Err(text.error(what));
        };
        if op == MOV {
            return self.set(text, dst, half);
        }
        self.operand(text, class | op, dst, half)?;
        self.last(|insn| insn.off = off);
        Ok(())
    }

    /// The second operand of arithmetic or of a comparison: a register as wide, or a number.
    pub(super) fn operand(
        &mut self,
        text: &mut Cursor<'_>,
        code: u8,
        dst: u8,
        half: bool,
    ) -> Result<()> {
        let before = *text;
        let insn = Insn {
            code,
            dst,
            ..Insn::default()
        };
        match text.register() {
            Some((src, same)) if same == half => self.push(Insn {
                code: code | X,
                src,
                ..insn
            }),
            Some(_) => return Err(before.error("one register is whole, the other is half of one")),
            None => {
                let imm = text.imm()?;
                self.push(Insn { imm, ..insn });
            }
        }
        Ok(())
    }

    /// What follows `r1 =`, or `w1 =`.
    fn set(&mut self, text: &mut Cursor<'_>, dst: u8, half: bool) -> Result<()> {
        let class = if half { ALU32 } else { ALU64 };
        let begin = *text;
        if text.eat("-") {
            match text.register() {
                Some(same) if same == (dst, half) => {
                    self.plain(class | NEG, dst);
                    return Ok(());
                }
                Some(_) => return Err(begin.error("a register is negated in its place")),
                None => *text = begin,
            }
        }
        if text.eat("(") {
            return self.extend(text, dst, half);
        }
        if !half && self.set_special(text, dst)? {
            return Ok(());
        }
        let mut ahead = *text;
        if half || ahead.register().is_some() {
            return self.operand(text, class | MOV, dst, half);
        }
        let (value, hex) = text.number()?;
        if hex || text.eat("ll") {
            let Ok(bits) = u64::try_from(value).or_else(|_| i64::try_from(value).map(|v| v as u64))
            else {
                return Err(begin.error(format!("{value} does not fit into 64 bits")));
            };
            text.eat("ll");
            self.push_wide(dst, 0, bits as i32, (bits >> 32) as i32);
            return Ok(());
        }
        *text = begin;
        self.operand(text, class | MOV, dst, half)
    }

    /// `(s8)r2`: the lower bits with their sign extended.
    fn extend(&mut self, text: &mut Cursor<'_>, dst: u8, half: bool) -> Result<()> {
        let begin = *text;
        let off = match text.word() {
            Some("s8") => 8,
            Some("s16") => 16,
            Some("s32") if !half => 32,
            _ => return Err(begin.error("no signed type narrower than the register")),
        };
        text.expect(")")?;
        let class = if half { ALU32 } else { ALU64 };
        match text.register() {
            Some((src, same)) if same == half => self.push(Insn {
                code: class | MOV | X,
                dst,
                src,
                off,
                imm: 0,
            }),
            _ => return Err(text.error("no register as wide as the one that is set")),
        }
        Ok(())
    }

    /// What follows `r1 =` and is neither a register nor a number; `false` where it is one.
    fn set_special(&mut self, text: &mut Cursor<'_>, dst: u8) -> Result<bool> {
        if text.eat("*") {
            self.load(text, dst)?;
            return Ok(true);
        }
        if text.eat("&") {
            self.percpu(text, dst)?;
            return Ok(true);
        }
        let begin = *text;
        let mut ahead = *text;
        let Some(word) = ahead.word() else {
            return Ok(false);
        };
        let after = ahead;
        let next = ahead.word_or_sign();
        match (word, next) {
            ("addr_space_cast", "(") => {
                *text = after;
                self.addr_space_cast(text, dst)?;
            }
            ("map" | "btf_id" | "subprog" | "ksym" | "jumptable", "[") => {
                *text = after;
                self.reference(text, dst, word)?;
            }
            ("load_acquire", "(") => {
                *text = after;
                text.expect("(")?;
                let place = memory(text)?;
                text.expect(")")?;
                let (to, from) = (dst, place.reg);
                self.atomic(&begin, &Place { reg: to, ..place }, from, LOAD_ACQ)?;
            }
            (word, "(") if word.starts_with("atomic") => {
                *text = after;
                self.fetch(text, dst, word, &begin)?;
            }
            (word, _) => match endianness(word) {
                Some((code, bits)) => {
                    *text = after;
                    let src = text.reg()?;
                    if src != dst {
                        return Err(begin.error("bytes are swapped in their place"));
                    }
                    self.push(Insn {
                        code,
                        dst,
                        imm: bits,
                        ..Insn::default()
                    });
                }
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    /// What follows the `&` of `r1 = &(void __percpu *)(r2)`.
    fn percpu(&mut self, text: &mut Cursor<'_>, dst: u8) -> Result<()> {
        for word in ["(", "void", "__percpu", "*", ")", "("] {
            text.expect(word)?;
        }
        let src = text.reg()?;
        text.expect(")")?;
        self.push(Insn {
            code: ALU64 | MOV | X,
            dst,
            src,
            off: PERCPU,
            imm: 0,
        });
        Ok(())
    }

    fn addr_space_cast(&mut self, text: &mut Cursor<'_>, dst: u8) -> Result<()> {
        text.expect("(")?;
        let src = text.reg()?;
        let mut spaces = [0_u16; 2];
        for space in &mut spaces {
            text.expect(",")?;
            let before = *text;
            let (number, _) = text.number()?;
            *space = u16::try_from(number)
                .map_err(|_| before.error(format!("{number} is no address space")))?;
        }
        text.expect(")")?;
        let [to, from] = spaces.map(u32::from);
        self.push(Insn {
            code: ALU64 | MOV | X,
            dst,
            src,
            off: CAST,
            imm: (to << 16 | from) as i32,
        });
        Ok(())
    }
}

/// `be16` and its like.
fn endianness(word: &str) -> Option<(u8, i32)> {
    let (code, bits) = [("be", BE), ("le", LE), ("bswap", BSWAP)]
        .iter()
        .find_map(|(name, code)| Some((*code, word.strip_prefix(name)?)))?;
    let bits = match bits {
        "16" => 16,
        "32" => 32,
        "64" => 64,
        _ => return None,
    };
    Some((code, bits))
}
