//! Jumps and calls.

use super::cursor::Cursor;
use super::{Assembler, Result};
use crate::insn::names::*;
use crate::insn::{Insn, pseudo};
use crate::uapi::bpf::Helper;

/// What the kernel calls one of its own functions.
const KFUNC: &str = "kernel-function";

impl Assembler {
    /// `goto label`, `goto pc+3`, `goto +3`.
    pub(super) fn goto(&mut self, text: &mut Cursor<'_>, code: u8) -> Result<()> {
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
    pub(super) fn compare(&mut self, text: &mut Cursor<'_>) -> Result<()> {
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
    pub(super) fn call(&mut self, text: &mut Cursor<'_>) -> Result<()> {
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
