//! Names that C takes: valid identifiers, each once in its namespace.

use crate::Result;
use crate::btf::strings::hash_bytes;
use crate::btf::{Btf, Type};
use crate::bytes::first_zero;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// The strings of a set of types, checked once and not each by itself.
#[derive(Clone, Copy)]
pub(in crate::btf) struct Text<'a> {
    btf: &'a Btf,
    own: &'a str,
}

impl<'a> Text<'a> {
    pub(in crate::btf) fn new(btf: &'a Btf) -> Self {
        let own = core::str::from_utf8(btf.own_strings());
        Self {
            btf,
            own: own.unwrap_or_default(),
        }
    }

    /// The string at this offset.
    #[inline]
    pub(in crate::btf) fn at(&self, offset: u32) -> Result<&'a str> {
        let own = offset.checked_sub(self.btf.own_strings_start());
        let rest = own.and_then(|own| self.own.get(own as usize..));
        match rest.and_then(|rest| rest.get(..first_zero(rest.as_bytes())?)) {
            Some(text) => Ok(text),
            None => self.btf.string(offset),
        }
    }
}

/// Names given so far.
pub(super) struct Names<'a> {
    pub(super) text: Text<'a>,
    /// For each type how often its name had been given when it got it; 0 before.
    given: Vec<u32>,
    /// Tags: `struct x`, `union x`, `enum x`.
    tags: Tally<'a>,
    /// Typedefs and enumerators.
    idents: Tally<'a>,
}

/// A name, and the how manyth of its kind it is.
#[derive(Clone)]
pub(super) struct Name<'a> {
    text: Cow<'a, str>,
    nth: u32,
}

impl<'a> Name<'a> {
    /// A name that nobody else may have.
    pub(super) fn plain(text: &'a str) -> Self {
        Self {
            text: identifier(text),
            nth: 1,
        }
    }

    /// A name with all that comes after it.
    pub(super) fn whole(text: String) -> Self {
        Self {
            text: Cow::Owned(text),
            nth: 1,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn put(&self, out: &mut String) {
        out.push_str(&self.text);
        if self.nth > 1 {
            // Writing to a string does not fail.
            let _ = write!(out, "___{}", self.nth);
        }
    }
}

impl<'a> Names<'a> {
    pub(in crate::btf) fn new(btf: &'a Btf) -> Self {
        Self {
            text: Text::new(btf),
            given: alloc::vec![0; btf.id_end() as usize],
            tags: Tally::default(),
            idents: Tally::default(),
        }
    }

    /// The tag of a struct, union or enum; empty for an anonymous one.
    pub(super) fn tag(&mut self, ty: &Type<'a>) -> Result<Name<'a>> {
        self.of(ty, true)
    }

    /// The name of a typedef.
    pub(super) fn ident(&mut self, ty: &Type<'a>) -> Result<Name<'a>> {
        self.of(ty, false)
    }

    /// The name of an enumerator.
    pub(super) fn enumerator(&mut self, name: &'a str) -> Name<'a> {
        let text = identifier(name);
        let nth = self.idents.count(text.clone());
        Name { text, nth }
    }

    /// The tag of a forward declaration: that of a type declared elsewhere, never a new one.
    pub(super) fn forward(&self, ty: &Type<'a>) -> Result<Name<'a>> {
        Ok(Name::plain(self.text.at(ty.name_offset())?))
    }

    fn of(&mut self, ty: &Type<'a>, tag: bool) -> Result<Name<'a>> {
        let (id, text) = (ty.id(), identifier(self.text.at(ty.name_offset())?));
        let mut nth = self.given.get(id.0 as usize).copied().unwrap_or(1);
        if nth == 0 && !text.is_empty() {
            let tally = if tag {
                &mut self.tags
            } else {
                &mut self.idents
            };
            nth = tally.count(text.clone());
            if let Some(slot) = self.given.get_mut(id.0 as usize) {
                *slot = nth;
            }
        }
        Ok(Name { text, nth })
    }
}

/// How often each name was given: a hash table.
#[derive(Default)]
pub(in crate::btf) struct Tally<'a> {
    names: Vec<(Cow<'a, str>, u32)>,
    /// Hash and place in `names`, by the hash's low bits.
    slots: Vec<(u32, u32)>,
}

const FREE: u32 = u32::MAX;

impl<'a> Tally<'a> {
    /// Counts a name once more.
    pub(in crate::btf) fn count(&mut self, name: Cow<'a, str>) -> u32 {
        if self.names.len().saturating_mul(2) >= self.slots.len() {
            self.grow();
        }
        let hash = hash_bytes(name.as_bytes());
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(&(other, place)) = self.slots.get(at) {
            if place == FREE {
                break;
            }
            let known = self.names.get_mut(place as usize);
            match known.filter(|known| other == hash && known.0 == name) {
                Some(known) => {
                    known.1 = known.1.saturating_add(1);
                    return known.1;
                }
                None => at = at.wrapping_add(1) & mask,
            }
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = (hash, self.names.len() as u32);
            self.names.push((name, 1));
        }
        1
    }

    fn grow(&mut self) {
        let len = self.slots.len().saturating_mul(2).max(1 << 10);
        let old = core::mem::replace(&mut self.slots, alloc::vec![(0, FREE); len]);
        let mask = len.wrapping_sub(1);
        for entry in old.into_iter().filter(|entry| entry.1 != FREE) {
            let mut at = entry.0 as usize & mask;
            while self.slots.get(at).is_some_and(|slot| slot.1 != FREE) {
                at = at.wrapping_add(1) & mask;
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = entry;
            }
        }
    }
}

/// The name, with `_` for what C does not take (other languages put types into BTF, too).
pub(super) fn identifier(name: &str) -> Cow<'_, str> {
    // Built into every compiler, and of another size on the machine that BPF is compiled for.
    if name == "__builtin_va_list" {
        return Cow::Borrowed("__target_va_list");
    }
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.bytes().all(valid) {
        return Cow::Borrowed(name);
    }
    let valid = |c: &char| u8::try_from(*c).is_ok_and(valid);
    let chars = name.chars();
    Cow::Owned(chars.map(|c| if valid(&c) { c } else { '_' }).collect())
}
