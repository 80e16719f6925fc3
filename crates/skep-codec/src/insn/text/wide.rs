//! Wide loads that refer to something.

use super::cursor::Cursor;
use super::{Assembler, Result};
use crate::insn::{Symbol, pseudo};
use alloc::borrow::ToOwned;

impl Assembler {
    /// What follows `r1 = map`, `btf_id`, `subprog`, `ksym` or `jumptable`.
    pub(super) fn reference(&mut self, text: &mut Cursor<'_>, dst: u8, word: &str) -> Result<()> {
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
            "jumptable" => (0, 0, 0, Some(Symbol::JumpTable(name.to_owned()))),
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
