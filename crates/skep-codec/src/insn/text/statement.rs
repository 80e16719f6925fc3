//! One instruction: arithmetic, jumps, calls.

use super::cursor::Cursor;
use super::{Assembler, Result};
use crate::insn::names::*;
use crate::insn::{Insn, pseudo};
use crate::uapi::bpf::Helper;
use alloc::format;

/// What the kernel calls one of its own functions.
const KFUNC: &str = "kernel-function";

impl Assembler {
    pub(super) fn statement(&mut self, text: &mut Cursor<'_>) -> Result<()> {
        if text.eat("*") {
            return self.store(text);
        }
        if let Some((dst, half)) = text.register() {
            return self.assign(text, dst, half);
        }
        let begin = *text;
        match text.word() {
            Some("exit") => self.plain(Insn::EXIT, 0),
            Some("goto") => self.goto(text, GOTO)?,
            Some("gotol") => self.goto(text, GOTOL)?,
            Some("may_goto") => self.goto(text, MAY_GOTO)?,
            Some("goto_or_nop") => {
                self.goto(text, MAY_GOTO)?;
                self.last(|insn| insn.src = 1);
            }
            Some("gotox") => {
                let dst = text.reg()?;
                self.plain(GOTOX, dst);
            }
            Some("callx") => {
                let dst = text.reg()?;
                self.plain(CALLX, dst);
            }
            Some("if") => self.compare(text)?,
            Some("call") => self.call(text)?,
            Some("lock") => self.lock(text)?,
            Some("store_release") => self.store_release(text)?,
            Some("nospec") => self.plain(NOSPEC, 0),
            Some(".insn") => self.raw(text)?,
            _ => {
                let what = format!("'{}' begins no instruction", begin.word_or_sign());
                return Err(begin.error(what));
            }
        }
        Ok(())
    }

    fn plain(&mut self, code: u8, dst: u8) {
        self.push(Insn {
            code,
            dst,
            ..Insn::default()
        });
    }

    /// Changes the instruction that was added last.
    fn last(&mut self, change: impl FnOnce(&mut Insn)) {
        if let Some(insn) = self.out.insns.last_mut() {
            change(insn);
        }
    }

    /// `.insn code, dst, src, off, imm`.
    fn raw(&mut self, text: &mut Cursor<'_>) -> Result<()> {
        let code = text.byte()?;
        text.expect(",")?;
        let dst = text.byte()?;
        text.expect(",")?;
        let src = text.byte()?;
        text.expect(",")?;
        let off = text.off()?;
        text.expect(",")?;
        let imm = text.imm()?;
        self.push(Insn {
            code,
            dst,
            src,
            off,
            imm,
        });
        Ok(())
    }

    /// What follows a register: an operator and its operand.
    fn assign(&mut self, text: &mut Cursor<'_>, dst: u8, half: bool) -> Result<()> {
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
    fn operand(&mut self, text: &mut Cursor<'_>, code: u8, dst: u8, half: bool) -> Result<()> {
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

    /// `goto label`, `goto pc+3`, `goto +3`.
    fn goto(&mut self, text: &mut Cursor<'_>, code: u8) -> Result<()> {
        let insn = Insn {
            code,
            ..Insn::default()
        };
        let target = self.distance(text, code == GOTOL)?;
        self.push(match code {
            GOTOL => Insn {
                imm: target,
                ..insn
            },
            _ => Insn {
                off: target as i16,
                ..insn
            },
        });
        Ok(())
    }

    /// A distance in instructions; 0 for a label, whose place is put in later.
    fn distance(&mut self, text: &mut Cursor<'_>, long: bool) -> Result<i32> {
        let mut ahead = *text;
        if ahead.word() == Some("pc") {
            *text = ahead;
        }
        let signed = ["+", "-"].iter().any(|sign| text.word_or_sign() == *sign);
        if signed {
            return match long {
                true => text.imm(),
                false => text.off().map(i32::from),
            };
        }
        let here = *text;
        match text.word() {
            Some(name) => {
                self.aim(&here, name);
                Ok(0)
            }
            None => Err(here.error("neither a label nor a distance such as +3")),
        }
    }

    /// What follows `if`.
    fn compare(&mut self, text: &mut Cursor<'_>) -> Result<()> {
        let Some((dst, half)) = text.register() else {
            let what = format!("'{}' is no register", text.word_or_sign());
            return Err(text.error(what));
        };
        let Some(op) = text.one_of(&COMPARE) else {
            let what = format!("'{}' is no comparison", text.word_or_sign());
            return Err(text.error(what));
        };
        let class = if half { JMP32 } else { JMP };
        self.operand(text, class | (op as u8) << 4, dst, half)?;
        let comparison = self.out.insns.pop().unwrap_or_default();
        text.expect("goto")?;
        let off = self.distance(text, false)? as i16;
        self.push(Insn { off, ..comparison });
        Ok(())
    }

    /// What follows `call`: a distance, a number after `#`, or a name.
    fn call(&mut self, text: &mut Cursor<'_>) -> Result<()> {
        let call = Insn {
            code: Insn::CALL,
            src: pseudo::CALL,
            ..Insn::default()
        };
        let begin = *text;
        let signed = |text: &Cursor<'_>| matches!(text.word_or_sign(), "+" | "-");
        let mut ahead = *text;
        if signed(text) || (ahead.word() == Some("pc") && signed(&ahead)) {
            let imm = self.distance(text, true)?;
            self.push(Insn { imm, ..call });
            return Ok(());
        }
        let name = match text.word() {
            Some("kernel") if text.eat("-function") => KFUNC,
            Some(name) => name,
            None if text.word_or_sign() == "#" => "unknown",
            None => return Err(begin.error("neither a function nor a distance such as +3")),
        };
        let helper = name.strip_prefix("bpf_").and_then(Helper::from_name);
        if text.eat("#") {
            // A name that is no helper's is a kernel function's, and the number its BTF id.
            let src = match (helper, name) {
                (Some(_), _) | (None, "unknown") => 0,
                (None, _) => pseudo::KFUNC_CALL,
            };
            let imm = text.imm()?;
            if src == 0 && helper.is_some_and(|helper| helper.0 as i32 != imm) {
                return Err(begin.error(format!("'{name}' is not helper number {imm}")));
            }
            self.push(Insn { src, imm, ..call });
            return self.fd_array(text);
        }
        match helper {
            Some(helper) if !self.labels.contains_key(name) => self.push(Insn {
                src: 0,
                imm: helper.0 as i32,
                ..call
            }),
            _ => {
                self.aim(&begin, name);
                self.push(call);
            }
        }
        Ok(())
    }

    /// `fd_array[3]` after a kernel function: which module's.
    fn fd_array(&mut self, text: &mut Cursor<'_>) -> Result<()> {
        if text.eat("fd_array") {
            text.expect("[")?;
            let off = text.off()?;
            text.expect("]")?;
            self.last(|insn| insn.off = off);
        }
        Ok(())
    }
}
