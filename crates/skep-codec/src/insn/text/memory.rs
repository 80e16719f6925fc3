//! Places in memory, loads and stores.

use super::cursor::Cursor;
use super::{Assembler, Result};
use crate::insn::Insn;
use crate::insn::names::*;

/// A place in memory: `(u32 *)(r1 +4)`.
pub(super) struct Place {
    /// Width and mode.
    pub(super) code: u8,
    pub(super) reg: u8,
    pub(super) off: i16,
}

/// `(u32 *)`: width and mode of an access.
fn width(text: &mut Cursor<'_>) -> Result<u8> {
    text.expect("(")?;
    let begin = *text;
    let word = text.word().unwrap_or_default();
    let at = |table: &[&'static str]| Some(place(table, word)? >> 1);
    let unsigned = at(&WIDTHS).map(|width| width | MEM);
    let Some(code) = unsigned.or_else(|| at(&SIGNED).map(|width| width | MEMSX)) else {
        return Err(begin.error(format!("'{word}' is no type of memory")));
    };
    text.expect("*")?;
    text.expect(")")?;
    Ok(code)
}

/// `(u32 *)(r1 +4)`, a sign before it eaten already.
pub(super) fn memory(text: &mut Cursor<'_>) -> Result<Place> {
    let code = width(text)?;
    text.expect("(")?;
    let reg = text.reg()?;
    let off = if text.eat(")") {
        return Ok(Place { code, reg, off: 0 });
    } else {
        text.off()?
    };
    text.expect(")")?;
    Ok(Place { code, reg, off })
}

impl Assembler {
    /// What follows the first `*` of `*(u32 *)(r1 +4) = ...`.
    pub(super) fn store(&mut self, text: &mut Cursor<'_>) -> Result<()> {
        let begin = *text;
        let Place { code, reg, off } = memory(text)?;
        if code & 0xe0 != MEM {
            return Err(begin.error("a store has no sign: u8, u16, u32 or u64"));
        }
        text.expect("=")?;
        let (class, src, imm) = match text.register() {
            Some((src, false)) => (STX, src, 0),
            Some(_) => return Err(begin.error("whole registers are stored: r0 to r10")),
            None => (ST, 0, text.imm()?),
        };
        let (code, dst) = (code | class, reg);
        self.push(Insn {
            code,
            dst,
            src,
            off,
            imm,
        });
        Ok(())
    }

    /// What follows the `*` of `r1 = *(u32 *)(r2 +4)`, or of `r0 = *(u32 *)skb[4]`.
    pub(super) fn load(&mut self, text: &mut Cursor<'_>, dst: u8) -> Result<()> {
        let begin = *text;
        let mut ahead = *text;
        let code = width(&mut ahead)?;
        if !ahead.eat("skb") {
            let Place { code, reg, off } = memory(text)?;
            self.push(Insn {
                code: code | LDX,
                dst,
                src: reg,
                off,
                imm: 0,
            });
            return Ok(());
        }
        *text = ahead;
        if dst != 0 || code & 0xe0 != MEM || code & 0x18 == 0x18 {
            return Err(begin.error("a packet is read into r0 as u8, u16 or u32"));
        }
        text.expect("[")?;
        let (mode, src) = match text.register() {
            Some((src, false)) => (IND, src),
            Some(_) => return Err(begin.error("whole registers are added: r0 to r10")),
            None => (ABS, 0),
        };
        let imm = match text.word_or_sign() {
            "]" if mode == IND => 0,
            "+" if mode == IND => {
                text.expect("+")?;
                text.imm()?
            }
            _ => text.imm()?,
        };
        text.expect("]")?;
        self.push(Insn {
            code: (code & 0x18) | mode,
            dst: 0,
            src,
            off: 0,
            imm,
        });
        Ok(())
    }
}
