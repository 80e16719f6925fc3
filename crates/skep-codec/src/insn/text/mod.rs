//! Text to instructions: the syntax of the kernel's verifier log, and labels.

mod assign;
mod atomic;
mod cursor;
mod jump;
mod memory;
mod statement;
#[cfg(test)]
mod tests;
mod wide;

use super::{Insn, Symbol};
use crate::{Error, ErrorKind};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use cursor::Cursor;

/// Instructions from text, and what they refer to by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assembly {
    /// The instructions. Jumps and calls to labels are done.
    pub insns: Vec<Insn>,
    /// What is still to be found, by slot: maps, functions, symbols of the kernel.
    pub symbols: Vec<(usize, Symbol)>,
}

/// Where a text is no instruction, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

impl core::error::Error for SyntaxError {}

impl From<SyntaxError> for Error {
    fn from(error: SyntaxError) -> Self {
        let what = format!(
            "line {}, column {}: {}",
            error.line, error.column, error.what
        );
        Self::new(ErrorKind::Malformed, what)
    }
}

type Result<T, E = SyntaxError> = core::result::Result<T, E>;

/// Instructions from text, one a line, as [`disasm`](super::disasm) and the kernel write them.
///
/// ```
/// # use skep_codec::insn::assemble;
/// let text = "
///         r2 = *(u32 *)(r1 +4)        ; a comment
///         if r2 == 0 goto out
///         r1 = map[counts]
///         call bpf_map_delete_elem
///     out:
///         r0 = 0
///         exit";
/// let program = assemble(text)?;
/// assert_eq!(program.insns.len(), 7);
/// assert_eq!(program.symbols[0].1.name(), "counts");
/// # Ok::<(), skep_codec::insn::SyntaxError>(())
/// ```
///
/// A line may begin with a slot and a code (`3: (95) exit`), which are not looked at. A jump goes
/// to a label, or so many instructions on (`goto pc+3`, `goto +3`). What follows `;` or `//` is a
/// comment. A number in hex that is given to a 64-bit register is a wide load, as the kernel
/// writes it; `ll` after any number says so too. Names are those of labels, then of helper
/// functions, else they are left to be found: `map[NAME]`, `map[NAME][0]+8`, `subprog[NAME]`,
/// `ksym[NAME]`, `jumptable[NUMBER]`, `call NAME`.
///
/// # Errors
/// The first line that is no instruction; a label that is nowhere, twice, or too far away.
pub fn assemble(text: &str) -> Result<Assembly> {
    let mut out = Assembler::default();
    for (index, line) in text.lines().enumerate() {
        out.line(Cursor::new(line, index.saturating_add(1)))?;
    }
    out.finish()
}

/// A text half read.
#[derive(Default)]
struct Assembler {
    out: Assembly,
    labels: BTreeMap<String, usize>,
    jumps: Vec<Jump>,
}

/// A jump or call whose place may be a label's.
struct Jump {
    slot: usize,
    name: String,
    line: usize,
    column: usize,
}

impl Assembler {
    fn line(&mut self, mut text: Cursor<'_>) -> Result<()> {
        text.skip_slot();
        loop {
            if text.is_done() {
                return Ok(());
            }
            let Some(label) = text.label() else { break };
            let here = self.out.insns.len();
            if self.labels.insert(label.to_owned(), here).is_some() {
                return Err(text.error(format!("label '{label}' is in two places")));
            }
        }
        self.statement(&mut text)?;
        if text.is_done() {
            return Ok(());
        }
        Err(text.error(format!("'{}' after the instruction", text.word_or_sign())))
    }

    fn push(&mut self, insn: Insn) {
        self.out.insns.push(insn);
    }

    /// A wide load.
    fn push_wide(&mut self, dst: u8, src: u8, low: i32, high: i32) {
        let (code, off) = (Insn::LD_IMM64, 0);
        self.push(Insn {
            code,
            dst,
            src,
            off,
            imm: low,
        });
        self.push(Insn {
            imm: high,
            ..Insn::default()
        });
    }

    /// Notes that the next instruction refers to something by name.
    fn refer(&mut self, symbol: Symbol) {
        self.out.symbols.push((self.out.insns.len(), symbol));
    }

    /// Notes that the next instruction jumps to a label, or calls it.
    fn aim(&mut self, text: &Cursor<'_>, name: &str) {
        let (line, column) = text.place();
        self.jumps.push(Jump {
            slot: self.out.insns.len(),
            name: name.to_owned(),
            line,
            column,
        });
    }

    /// Puts in the places of labels.
    fn finish(mut self) -> Result<Assembly> {
        for jump in core::mem::take(&mut self.jumps) {
            let error = |what: String| SyntaxError {
                line: jump.line,
                column: jump.column,
                what,
            };
            let Some(insn) = self.out.insns.get_mut(jump.slot) else {
                continue;
            };
            match self.labels.get(&jump.name) {
                Some(&to) => {
                    let away = insn.aim(jump.slot, to);
                    away.map_err(|away| {
                        error(format!("label '{}' is {away} instructions away", jump.name))
                    })?;
                }
                // A function that is defined elsewhere.
                None if insn.code == Insn::CALL => {
                    insn.src = 0;
                    insn.imm = -1;
                    let symbol = Symbol::Call(jump.name);
                    self.out.symbols.push((jump.slot, symbol));
                }
                None => return Err(error(format!("no label '{}'", jump.name))),
            }
        }
        self.out.symbols.sort_unstable_by_key(|(slot, _)| *slot);
        Ok(self.out)
    }
}
