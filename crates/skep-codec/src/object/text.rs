//! Functions as text, with names and source lines, and text as instructions of an object.

mod labels;

use super::{Function, ObjectSpec, Ref, Target, Variable};
use crate::Result;
use crate::btf::{Btf, CoreRelo, LineInfo};
use crate::core_reloc::Resolver;
use crate::error::bail;
use crate::insn::{Assembly, Disasm, Insn, Symbol, disasm};
use crate::map::Map;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

impl ObjectSpec {
    /// A function as text: the kernel's syntax, names for what is referred to, source lines and
    /// CO-RE relocations as comments. [`assemble`](crate::insn::assemble) reads it.
    pub fn function_text<'a>(&'a self, function: &'a Function) -> FunctionText<'a> {
        FunctionText {
            spec: self,
            function,
        }
    }

    /// Finds what the names in an assembly stand for here.
    ///
    /// # Errors
    /// `NotFound`: a name that the object does not have. `Ambiguous`: one of several functions.
    pub fn bind(&self, assembly: &Assembly) -> Result<Vec<Ref>> {
        let bound = |(insn, symbol): &(usize, Symbol)| {
            let to = self.target(symbol)?;
            Ok(Ref { insn: *insn, to })
        };
        assembly.symbols.iter().map(bound).collect()
    }

    fn target(&self, symbol: &Symbol) -> Result<Target> {
        let name = symbol.name();
        let map = || match self.map_index(name) {
            Some(map) => Ok(map),
            None => bail!(NotFound, "no map named '{name}'"),
        };
        match symbol {
            Symbol::Map(_) => map().map(Target::Map),
            Symbol::MapValue { offset, .. } => Ok(Target::MapValue {
                map: map()?,
                offset: *offset,
            }),
            Symbol::Function(_) => match self.function_named(name)? {
                Some(function) => Ok(Target::FuncAddr(function)),
                None => bail!(NotFound, "no function named '{name}'"),
            },
            Symbol::Ksym(_) => self.extern_named(name),
            Symbol::JumpTable(_) => {
                let number = name.parse().ok();
                match number.filter(|&number: &usize| number < self.jump_tables.len()) {
                    Some(number) => Ok(Target::JumpTable(number)),
                    None => bail!(NotFound, "no jump table {name}"),
                }
            }
            Symbol::Call(_) => match self.function_named(name)? {
                Some(function) => Ok(Target::Call(function)),
                None => self.extern_named(name),
            },
        }
    }

    fn extern_named(&self, name: &str) -> Result<Target> {
        match self.externs.iter().position(|e| e.name == name) {
            Some(index) => Ok(Target::Extern(index)),
            None => bail!(NotFound, "no function or extern named '{name}'"),
        }
    }

    /// The function of this name, or of this name and number (see [`ObjectSpec::function_name`]).
    fn function_named(&self, name: &str) -> Result<Option<usize>> {
        let mut named = self
            .functions
            .iter()
            .enumerate()
            .filter(|(_, f)| f.name == name);
        match (named.next(), named.next()) {
            (Some((index, _)), None) => Ok(Some(index)),
            (Some(_), Some(_)) => {
                bail!(
                    Ambiguous,
                    "several functions are named '{name}': say '{name}$INDEX'"
                )
            }
            (None, _) => {
                let index = name.rsplit_once('$').and_then(|(_, n)| n.parse().ok());
                let index = index.filter(|&index| self.function_name(index) == name);
                Ok(index)
            }
        }
    }

    /// A function's name, with its number after a `$` where several have the name.
    fn function_name(&self, index: usize) -> String {
        let Some(function) = self.functions.get(index) else {
            return format!("?${index}");
        };
        let same = self.functions.iter().filter(|f| f.name == function.name);
        match same.count() {
            1 => function.name.clone(),
            _ => format!("{}${index}", function.name),
        }
    }

    /// The variable that an address leads into, and how far; how long a jump table is.
    fn remark(&self, target: Target) -> Option<String> {
        let (map, offset) = match target {
            Target::MapValue { map, offset } => (map, offset),
            Target::JumpTable(number) => {
                let table = self.jump_tables.get(number)?;
                return Some(format!("{} entries", table.offsets.len()));
            }
            _ => return None,
        };
        let into = |v: &Variable| offset.checked_sub(v.offset).filter(|&into| into < v.size);
        let here = self.variables.iter().filter(|v| v.map == map);
        let (variable, into) = here.filter_map(|v| Some((v, into(v)?))).next()?;
        match into {
            0 => Some(variable.name.clone()),
            into => Some(format!("{}+{into}", variable.name)),
        }
    }

    /// The name of what an instruction refers to; `None` for what has no name.
    pub fn symbol(&self, target: Target, call: bool) -> Option<Symbol> {
        let map_name = |index: usize| {
            let map = self.maps.get(index)?;
            let section = map.data.as_ref().map(|data| &data.section);
            // A section's name leads to the map where it is not some other map's name.
            let section = section.filter(|s| self.map_index(s) == Some(index));
            Some(section.unwrap_or(&map.name).clone())
        };
        Some(match target {
            Target::Map(map) => Symbol::Map(map_name(map)?),
            Target::MapValue { map, offset } => Symbol::MapValue {
                map: map_name(map)?,
                offset,
            },
            Target::Call(function) => Symbol::Call(self.function_name(function)),
            Target::FuncAddr(function) => Symbol::Function(self.function_name(function)),
            Target::Extern(index) => {
                let name = self.externs.get(index)?.name.clone();
                match call {
                    true => Symbol::Call(name),
                    false => Symbol::Ksym(name),
                }
            }
            Target::JumpTable(number) => Symbol::JumpTable(format!("{number}")),
        })
    }
}

/// See [`ObjectSpec::function_text`].
#[derive(Clone, Copy, Debug)]
pub struct FunctionText<'a> {
    spec: &'a ObjectSpec,
    function: &'a Function,
}

impl fmt::Display for FunctionText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines()
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A line of a function's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextLine {
    /// A source line.
    Source {
        /// The line.
        text: String,
        /// File and number, with a colon between them.
        place: String,
    },
    /// What CO-RE changes in the next instruction, in words.
    Relocation(String),
    /// The next instruction is where jump tables lead.
    Label {
        /// Its name.
        name: String,
        /// The tables, each with the numbers of its entries.
        entries: String,
    },
    /// An instruction.
    Insn {
        /// Its slot.
        slot: usize,
        /// Its operation code.
        code: u8,
        /// Its text.
        text: String,
    },
}

impl TextLine {
    /// An instruction in words, and what is to be said of it behind them.
    pub fn insn(slot: usize, code: u8, words: &Disasm<'_>, remark: Option<&str>) -> Self {
        let mut text = format!("{words}");
        if let Some(remark) = remark {
            text.push_str(" ; ");
            text.push_str(remark);
        }
        Self::Insn { slot, code, text }
    }
}

impl fmt::Display for TextLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { text, place } => write!(f, "; {text} @ {place}"),
            Self::Relocation(what) => write!(f, "; CO-RE: {what}"),
            Self::Label { name, entries } => write!(f, "{name}: ; {entries}"),
            Self::Insn { slot, code, text } => write!(f, "{slot}: ({code:02x}) {text}"),
        }
    }
}

impl FunctionText<'_> {
    /// The lines.
    pub fn lines(&self) -> Vec<TextLine> {
        let (sources, relos) = (self.sources(), self.relocations());
        let mut lines = Vec::new();
        let mut refs = self.function.refs.iter().peekable();
        let mut labels = self.labels().into_iter().peekable();
        let mut slot = 0_usize;
        while let Some(&insn) = self.function.insns.get(slot) {
            while let Some((at, label)) = labels.next_if(|(at, _)| *at <= slot) {
                lines.extend((at == slot).then_some(label));
            }
            lines.extend(sources.get(&slot).cloned());
            lines.extend(relos.get(&slot).cloned());
            while refs.next_if(|r| r.insn < slot).is_some() {}
            let reference = refs.peek().filter(|r| r.insn == slot);
            let call = insn.code == Insn::CALL;
            let symbol = reference.and_then(|r| self.spec.symbol(r.to, call));
            let next = self.function.insns.get(slot.saturating_add(1)).copied();
            let words = disasm(insn, next).with(symbol.as_ref());
            let remark = reference.and_then(|r| self.spec.remark(r.to));
            lines.push(TextLine::insn(slot, insn.code, &words, remark.as_deref()));
            slot = slot.saturating_add(words.slots());
        }
        lines
    }

    /// The slot that a record is about, if it is in this function.
    fn slot(&self, insn_off: u32) -> Option<usize> {
        let distance = u64::from(insn_off).checked_sub(self.function.offset)?;
        let slot = usize::try_from(distance >> 3).ok()?;
        let inside = slot < self.function.slots_in_file();
        self.function.slot_now(slot).filter(|_| inside)
    }

    fn sources(&self) -> Map<usize, TextLine> {
        let mut lines = Map::new();
        let records = self.spec.ext.line_info.get(&self.function.section);
        let mut last = None;
        for record in records.into_iter().flatten() {
            let (Some(slot), Some(btf)) = (self.slot(record.insn_off), &self.spec.btf) else {
                continue;
            };
            let line = source(btf, record);
            if last != line {
                line.clone()
                    .into_iter()
                    .for_each(|line| lines.insert(slot, line));
                last = line;
            }
        }
        lines
    }

    fn relocations(&self) -> Map<usize, TextLine> {
        let mut lines = Map::new();
        let records = self.spec.ext.core_relos.get(&self.function.section);
        let (Some(records), Some(btf)) = (records, &self.spec.btf) else {
            return lines;
        };
        let none: [&CoreRelo; 0] = [];
        let resolver = Resolver::new(btf, none);
        for record in records {
            if let Some(slot) = self.slot(record.insn_off) {
                lines.insert(slot, TextLine::Relocation(resolver.describe(record)));
            }
        }
        lines
    }
}

/// A source line; `None` without text.
fn source(btf: &Btf, record: &LineInfo) -> Option<TextLine> {
    let text = btf.string(record.line_off).ok()?.trim();
    let file = btf.string(record.file_name_off).ok()?;
    (!text.is_empty()).then(|| TextLine::Source {
        text: text.to_owned(),
        place: format!("{file}:{}", record.line()),
    })
}
