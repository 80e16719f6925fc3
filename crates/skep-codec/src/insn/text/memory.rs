//! Loads, stores, atomic operations, wide loads.

use super::cursor::Cursor;
use super::{Assembler, Result};
use crate::insn::names::*;
use crate::insn::{Insn, Symbol, pseudo};
use alloc::borrow::ToOwned;
use alloc::format;

/// A place in memory: `(u32 *)(r1 +4)`.
struct Place {
    /// Width and mode.
    code: u8,
    reg: u8,
    off: i16,
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
fn memory(text: &mut Cursor<'_>) -> Result<Place> {
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

    /// An atomic operation on a place.
    fn atomic(&mut self, begin: &Cursor<'_>, place: &Place, src: u8, imm: i32) -> Result<()> {
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

    /// What follows `r1 =` and is neither a register nor a number; `false` where it is one.
    pub(super) fn set_special(&mut self, text: &mut Cursor<'_>, dst: u8) -> Result<bool> {
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
            ("map" | "btf_id" | "subprog" | "ksym", "[") => {
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

    /// What follows the `*` of `r1 = *(u32 *)(r2 +4)`, or of `r0 = *(u32 *)skb[4]`.
    fn load(&mut self, text: &mut Cursor<'_>, dst: u8) -> Result<()> {
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

    /// `atomic64_fetch_add(...)`, `atomic_xchg(...)`, `atomic_cmpxchg(...)`.
    fn fetch(
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

    /// What follows `r1 = map`, `btf_id`, `subprog` or `ksym`.
    fn reference(&mut self, text: &mut Cursor<'_>, dst: u8, word: &str) -> Result<()> {
        text.expect("[")?;
        let begin = *text;
        let name = text.until(']')?;
        let inside = |rest: Option<&str>| {
            let number = rest.map(|digits| digits.parse::<i32>());
            let bad = |_| begin.error(format!("'{name}' is no number"));
            number.transpose().map_err(bad)
        };
        let signed = name.starts_with(['+', '-']);
        let digits = name.strip_prefix('+').unwrap_or(name);
        let (src, low, high, symbol) = match word {
            "btf_id" => {
                let id = inside(Some(name))?.unwrap_or(0);
                (pseudo::BTF_ID, id, btf_fd(text)?, None)
            }
            "subprog" if signed => {
                let away = inside(Some(digits))?.unwrap_or(0);
                (pseudo::FUNC, away, 0, None)
            }
            "subprog" => (0, 0, 0, Some(Symbol::Function(name.to_owned()))),
            "ksym" => (0, 0, 0, Some(Symbol::Ksym(name.to_owned()))),
            _ => {
                let offset = map_value(text)?;
                let index = inside(name.strip_prefix("idx:"))?;
                let fd = inside(name.strip_prefix("fd:"))?;
                let high = offset.unwrap_or(0) as i32;
                match (fd, index, offset) {
                    (Some(fd), _, None) => (pseudo::MAP_FD, fd, 0, None),
                    (Some(fd), _, Some(_)) => (pseudo::MAP_VALUE, fd, high, None),
                    (_, Some(index), None) => (pseudo::MAP_IDX, index, 0, None),
                    (_, Some(index), Some(_)) => (pseudo::MAP_IDX_VALUE, index, high, None),
                    (_, _, None) => (0, 0, 0, Some(Symbol::Map(name.to_owned()))),
                    (_, _, Some(offset)) => {
                        let map = name.to_owned();
                        (0, 0, 0, Some(Symbol::MapValue { map, offset }))
                    }
                }
            }
        };
        if name.is_empty() {
            return Err(begin.error("a name or number is wanted"));
        }
        if let Some(symbol) = symbol {
            self.refer(symbol);
        }
        self.push_wide(dst, src, low, high);
        Ok(())
    }
}

/// `[fd:3]` after a BTF id: the module's BTF.
fn btf_fd(text: &mut Cursor<'_>) -> Result<i32> {
    if !text.eat("[") {
        return Ok(0);
    }
    text.expect("fd")?;
    text.expect(":")?;
    let fd = text.imm()?;
    text.expect("]")?;
    Ok(fd)
}

/// `[0]+8` after a map: a byte in its first value.
fn map_value(text: &mut Cursor<'_>) -> Result<Option<u32>> {
    if !text.eat("[") {
        return Ok(None);
    }
    text.expect("0")?;
    text.expect("]")?;
    text.expect("+")?;
    text.imm().map(|offset| Some(offset as u32))
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
