//! Each global name one symbol.

use super::file::File;
use super::in_file;
use super::matching::Matcher;
use super::sections::{Layout, Place};
use crate::elf::{self, SymbolKind};
use crate::error::bail;
use crate::map::Map;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

const STT_SECTION: u8 = 3;

/// A symbol of the result.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    pub(super) name: String,
    /// `STT_*`.
    pub(super) kind: u8,
    pub(super) local: bool,
    pub(super) weak: bool,
    pub(super) hidden: bool,
    /// The section of the result; `None` where it is defined nowhere.
    pub(super) section: Option<usize>,
    pub(super) value: u64,
    pub(super) size: u64,
    /// The file whose definition, or else declaration, counts.
    pub(super) file: usize,
}

/// What a symbol of an input has become.
#[derive(Clone, Copy)]
enum Became {
    Local(usize),
    Global(usize),
}

/// All symbols, local ones first.
pub(super) struct Symbols {
    /// Each section of the result has one, in order; other local symbols follow.
    pub(super) locals: Vec<Symbol>,
    pub(super) globals: Vec<Symbol>,
    by_name: Map<String, usize>,
    /// By file, then by index of the symbol.
    became: Vec<Vec<Option<Became>>>,
    matcher: Matcher,
}

impl Symbols {
    /// Index in the result's symbol table, which begins with an empty one.
    pub(super) fn index(&self, file: usize, symbol: usize) -> Option<usize> {
        let before = match *self.became.get(file)?.get(symbol)? {
            Some(Became::Local(index)) => index,
            Some(Became::Global(index)) => index.saturating_add(self.locals.len()),
            None => return None,
        };
        Some(before.saturating_add(1))
    }

    /// The global symbol of this name.
    pub(super) fn global(&self, name: &str) -> Option<&Symbol> {
        self.globals.get(*self.by_name.get(name)?)
    }
}

pub(super) fn resolve(files: &[File<'_>], layout: &Layout) -> Result<Symbols> {
    let mut symbols = Symbols {
        locals: Vec::new(),
        globals: Vec::new(),
        by_name: Map::new(),
        became: Vec::new(),
        matcher: Matcher::new(files),
    };
    for (index, section) in layout.sections.iter().enumerate() {
        symbols.locals.push(Symbol {
            name: String::new(),
            kind: STT_SECTION,
            local: true,
            weak: false,
            hidden: false,
            section: Some(index),
            value: 0,
            size: 0,
            file: 0,
        });
        debug_assert!(
            !section.name.is_empty(),
            "sections without name are left out"
        );
    }
    for (index, file) in files.iter().enumerate() {
        let mut became = Vec::new();
        for symbol in &file.elf.symbols {
            let added = symbols.add(files, layout, index, symbol);
            let named = |e: Error| in_file(file.name)(e.of_symbol(symbol.name));
            became.push(added.map_err(named)?);
        }
        symbols.became.push(became);
    }
    Ok(symbols)
}

impl Symbols {
    fn add(
        &mut self,
        files: &[File<'_>],
        layout: &Layout,
        file: usize,
        symbol: &elf::Symbol<'_>,
    ) -> Result<Option<Became>> {
        let place = symbol.section.map(|section| layout.place(file, section));
        let place = match place {
            // In a section that is left out.
            Some(None) => return Ok(None),
            Some(place) => place,
            None => None,
        };
        if let (SymbolKind::Section, Some(place)) = (symbol.kind, place) {
            return Ok(Some(Became::Local(place.section)));
        }
        let new = converted(symbol, place, file);
        if symbol.local {
            if place.is_none() || symbol.name.is_empty() {
                return Ok(None);
            }
            self.locals.push(new);
            return Ok(Some(Became::Local(self.locals.len().saturating_sub(1))));
        }
        if place.is_none() && !symbol.undefined {
            bail!(
                Unsupported,
                "it is defined in no section (a common symbol? compile with -fno-common)"
            );
        }
        if symbol.name.is_empty() {
            bail!(Malformed, "a global symbol without a name");
        }
        match self.by_name.get(symbol.name).copied() {
            Some(index) => {
                self.join(files, layout, index, new)?;
                Ok(Some(Became::Global(index)))
            }
            None => {
                let index = self.globals.len();
                self.globals.push(new);
                self.by_name.insert(symbol.name.to_owned(), index);
                Ok(Some(Became::Global(index)))
            }
        }
    }

    /// One more file that has a name.
    fn join(
        &mut self,
        files: &[File<'_>],
        layout: &Layout,
        index: usize,
        new: Symbol,
    ) -> Result<()> {
        let Some(old) = self.globals.get_mut(index) else {
            bail!(NotFound, "no symbol {index}");
        };
        self.matcher.check(files, old, &new)?;
        let defined = (old.section.is_some(), new.section.is_some());
        if defined == (true, true) && old.kind != new.kind {
            let other = files.get(old.file).map_or("", |file| file.name);
            bail!(
                Mismatch,
                "a function in one file, a variable in another, {other}"
            );
        }
        let hidden = old.hidden || new.hidden;
        let same_place = (old.section, old.value) == (new.section, new.value);
        match defined {
            (true, true) if same_place => {}
            (true, true) if !old.weak && !new.weak => {
                let place = |symbol: &Symbol| {
                    let section = symbol.section.and_then(|s| layout.sections.get(s));
                    let section = section.map_or("", |s| &s.name);
                    let file = files.get(symbol.file).map_or("", |file| file.name);
                    format!("{file} ({section})")
                };
                let what = format!("defined in {} and in {}", place(old), place(&new));
                return Err(Error::new(ErrorKind::Ambiguous, what));
            }
            (true, true) if old.weak && !new.weak => *old = new,
            (false, true) => *old = new,
            // Wanted by one file for certain, it is wanted for certain.
            (false, false) => old.weak &= new.weak,
            (true, _) => {}
        }
        old.hidden = hidden;
        Ok(())
    }
}

fn converted(symbol: &elf::Symbol<'_>, place: Option<Place>, file: usize) -> Symbol {
    Symbol {
        name: symbol.name.to_owned(),
        kind: match symbol.kind {
            SymbolKind::None => 0,
            SymbolKind::Object => 1,
            SymbolKind::Func => 2,
            SymbolKind::Section => STT_SECTION,
            SymbolKind::Other(other) => other & 0xf,
        },
        local: symbol.local,
        weak: symbol.weak,
        hidden: symbol.hidden,
        section: place.map(|place| place.section),
        value: symbol
            .value
            .saturating_add(place.map_or(0, |place| place.offset)),
        size: symbol.size,
        file,
    }
}

#[cfg(test)]
mod tests;
