//! Atomic operations.

use super::cursor::Cursor;
use super::memory::{Place, memory};
use super::{Assembler, Result};
use crate::insn::Insn;
use crate::insn::names::*;

impl Assembler {
    /// An atomic operation on a place.
    pub(super) fn atomic(
        &mut self,
        begin: &Cursor<'_>,
        place: &Place,
        src: u8,
        imm: i32,
    ) -> Result<()> {
        let any_width = matches!(imm, LOAD_ACQ | STORE_REL);
        let whole = matches!(place.code & 0x18, 0x00 | 0x18) || any_width;
        if place.code & 0xe0 != MEM || !whole {
            return Err(begin.error("an atomic operation is on u32 or u64"));
        }
        self.push(Insn {
            code: (place.code & 0x18) | ATOMIC | STX,
            dst: place.reg,
            src,
            off: place.off,
            imm,
        });
        Ok(())
    }

    /// What follows `lock`.
    pub(super) fn lock(&mut self, text: &mut Cursor<'_>) -> Result<()> {
        text.expect("*")?;
        let begin = *text;
        let place = memory(text)?;
        let signs = ATOMICS.map(|op| op.1);
        let op = text.one_of(&signs).and_then(|at| ATOMICS.get(at));
        let Some(op) = op else {
            return Err(text.error("an atomic operation is += |= &= or ^="));
        };
        let src = text.reg()?;
        self.atomic(&begin, &place, src, op.0)
    }

    /// What follows `store_release`.
    pub(super) fn store_release(&mut self, text: &mut Cursor<'_>) -> Result<()> {
        let begin = *text;
        text.expect("(")?;
        let place = memory(text)?;
        text.expect(",")?;
        let src = text.reg()?;
        text.expect(")")?;
        self.atomic(&begin, &place, src, STORE_REL)
    }

    /// `atomic64_fetch_add(...)`, `atomic_xchg(...)`, `atomic_cmpxchg(...)`.
    pub(super) fn fetch(
        &mut self,
        text: &mut Cursor<'_>,
        dst: u8,
        word: &str,
        begin: &Cursor<'_>,
    ) -> Result<()> {
        let (wide, rest) = match word.strip_prefix("atomic64_") {
            Some(rest) => (0x18, rest),
            None => (0x00, word.strip_prefix("atomic_").unwrap_or_default()),
        };
        let named = |op: &(i32, &str, &str)| rest.strip_prefix("fetch_") == Some(op.2);
        let op = match rest {
            "xchg" => Some(XCHG),
            "cmpxchg" => Some(CMPXCHG),
            _ => ATOMICS.iter().copied().find(named).map(|op| op.0 | FETCH),
        };
        let Some(op) = op else {
            return Err(begin.error(format!("'{word}' is no atomic operation")));
        };
        text.expect("(")?;
        let place = memory(text)?;
        if place.code & 0x18 != wide {
            return Err(begin.error(format!("'{word}' on memory of another width")));
        }
        text.expect(",")?;
        let mut back = text.reg()?;
        let src = if op == CMPXCHG {
            text.expect(",")?;
            text.reg()?
        } else {
            core::mem::replace(&mut back, dst)
        };
        if (op == CMPXCHG && (dst, back) != (0, 0)) || (op != CMPXCHG && src != dst) {
            return Err(begin.error("the old value comes back in another register"));
        }
        text.expect(")")?;
        self.atomic(begin, &place, src, op)
    }
}
