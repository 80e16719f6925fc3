//! One instruction.

use super::cursor::Cursor;
use super::{Assembler, Result};
use crate::insn::Insn;
use crate::insn::names::*;

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

    pub(super) fn plain(&mut self, code: u8, dst: u8) {
        self.push(Insn {
            code,
            dst,
            ..Insn::default()
        });
    }

    /// Changes the instruction that was added last.
    pub(super) fn last(&mut self, change: impl FnOnce(&mut Insn)) {
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
}
