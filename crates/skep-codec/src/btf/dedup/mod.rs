//! One of each type: what several compilations said of the same types, said once.
//!
//! Types without references first, then structs and unions by comparison of the graphs that hang
//! on them (forward declarations find their definitions there), then what refers to types. The
//! method is Andrii Nakryiko's, as published with pahole's BTF deduplication.

mod equal;
mod graph;
mod refs;
mod table;
#[cfg(test)]
mod tests;

use super::records::{Records, kind_of, types};
use super::strings::mix;
use super::{BtfBuilder, IdMap, Kind};
use crate::Result;
use crate::error::bail;
use alloc::vec::Vec;
use equal::{can_stand_for, hash_enum, hash_members, hash_words, is_enum_fwd, same_but_types};
use table::Table;

/// A type that has no canonical one yet.
const NONE: u32 = u32::MAX;
/// Comparisons for each word of types, beside `MIN_STEPS`: what a kernel's own types take is a
/// hundredth of it.
const STEPS_PER_WORD: u64 = 64;
const MIN_STEPS: u64 = 1 << 22;
/// How many types one behind the other an outline has.
const MAX_OUTLINE: usize = 4;

impl BtfBuilder {
    /// Merges types that are equal, resolves forward declarations whose definition is known, and
    /// leaves out strings that nothing refers to. Types of the base stay; types here that are
    /// equal to one of them give way to it.
    ///
    /// # Errors
    /// Kinds that are not known, references to what is not there or round in a circle, and
    /// `TooLarge` for types that are too much alike to be compared in sensible time.
    #[doc(alias = "btf__dedup")]
    pub fn dedup(&mut self) -> Result<IdMap> {
        self.records.check(self.next_id().0)?;
        self.compact_strings()?;
        let base = match &self.base {
            Some(base) => Records::read_all(base)?,
            None => Records::default(),
        };
        // Beyond its strings a base's offset would be one of these types' names.
        base.check_strings(self.strings.start())?;
        let mut dedup = Dedup::new(base, core::mem::take(&mut self.records));
        let map = dedup.run();
        self.records = dedup.own;
        map
    }
}

struct Dedup {
    base: Records,
    own: Records,
    /// The first id of `own`.
    first: u32,
    end: u32,
    /// For each type one that it is equal to, itself where it is canonical.
    map: Vec<u32>,
    /// During one comparison: the candidate's type for each canonical type that was visited.
    assumed: Vec<u32>,
    /// The types that have an entry in `assumed`.
    visited: Vec<u32>,
    table: Table,
    steps_left: u64,
}

impl Dedup {
    fn new(base: Records, own: Records) -> Self {
        let first = (base.len() as u32).saturating_add(1);
        let end = first.saturating_add(own.len() as u32);
        let mut map = alloc::vec![NONE; end as usize];
        for (id, slot) in (0..first).zip(&mut map) {
            *slot = id;
        }
        let words = base.words().len().saturating_add(own.words().len());
        Self {
            base,
            own,
            first,
            end,
            map,
            assumed: alloc::vec![NONE; end as usize],
            visited: Vec::new(),
            table: Table::new(end as usize),
            steps_left: (words as u64)
                .saturating_mul(STEPS_PER_WORD)
                .saturating_add(MIN_STEPS),
        }
    }

    fn run(&mut self) -> Result<IdMap> {
        self.plain_types()?;
        self.structs()?;
        self.forward_declarations();
        self.references()?;
        self.compact()
    }

    /// The words of a type; none for `void`.
    #[inline]
    fn record(&self, id: u32) -> &[u32] {
        match id.checked_sub(self.first) {
            Some(index) => self.own.get(index as usize),
            None => id
                .checked_sub(1)
                .map_or(&[], |index| self.base.get(index as usize)),
        }
    }

    #[inline]
    fn head(&self, id: u32) -> [u32; 3] {
        self.record(id).first_chunk().copied().unwrap_or_default()
    }

    #[inline]
    fn kind(&self, id: u32) -> Kind {
        kind_of(self.head(id)[1])
    }

    #[inline]
    fn is_mapped(&self, id: u32) -> bool {
        self.map.get(id as usize).is_some_and(|to| *to != NONE)
    }

    /// The canonical type, as far as it is known.
    #[inline]
    fn resolve(&self, id: u32) -> u32 {
        let mut id = id;
        loop {
            match self.map.get(id as usize) {
                Some(&to) if to != NONE && to != id => id = to,
                _ => return id,
            }
        }
    }

    /// Makes `to` stand for `id`; types of the base stand for themselves.
    fn set(&mut self, id: u32, to: u32) {
        let (id, to) = (self.resolve(id), self.resolve(to));
        if id < self.first {
            return;
        }
        if let Some(slot) = self.map.get_mut(id as usize) {
            *slot = to;
        }
    }

    fn spend(&mut self, steps: u64) -> Result<()> {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => bail!(TooLarge, "these types take too long to compare"),
        }
    }

    /// Integers, floats, enums and forward declarations: equal by their own words.
    fn plain_types(&mut self) -> Result<()> {
        for id in 1..self.end {
            let hash = match self.kind(id) {
                Kind::Int | Kind::Float | Kind::Fwd => hash_words(self.record(id)),
                Kind::Enum | Kind::Enum64 => hash_enum(self.record(id)),
                // They stay, each by itself.
                Kind::Var | Kind::Datasec => {
                    self.set(id, id);
                    continue;
                }
                _ => continue,
            };
            if id < self.first {
                self.table.add(hash, id);
                continue;
            }
            self.plain_type(id, hash)?;
        }
        Ok(())
    }

    fn plain_type(&mut self, id: u32, hash: u32) -> Result<()> {
        let mut next = self.table.first(hash);
        while let Some(other) = next {
            self.spend(1)?;
            next = self.table.next(other, hash);
            let (mine, theirs) = (self.record(id), self.record(other));
            if mine == theirs {
                self.set(id, other);
                return Ok(());
            }
            if can_stand_for(mine, theirs) {
                if is_enum_fwd(mine) {
                    self.set(id, other);
                    return Ok(());
                }
                // A declaration of several enums is of the first.
                if self.resolve(other) == other {
                    self.set(id, id);
                    self.set(other, id);
                }
            }
        }
        self.set(id, id);
        self.table.add(hash, id);
        Ok(())
    }

    /// Structs and unions: equal where the graphs of types that hang on them are.
    fn structs(&mut self) -> Result<()> {
        for id in 1..self.end {
            if !self.kind(id).is_composite() || (id >= self.first && self.is_mapped(id)) {
                continue;
            }
            let hash = self.hash_struct(id);
            if id < self.first {
                self.table.add(hash, id);
                continue;
            }
            let mut next = self.table.first(hash);
            while let Some(other) = next {
                self.spend(1)?;
                next = self.table.next(other, hash);
                if !same_but_types(self.record(id), self.record(other)) {
                    continue;
                }
                let equal = self.equivalent(id, other)?;
                if equal {
                    self.adopt();
                    self.set(id, other);
                }
                self.forget();
                if equal {
                    break;
                }
            }
            if !self.is_mapped(id) {
                self.set(id, id);
                self.table.add(hash, id);
            }
        }
        Ok(())
    }

    /// A hash of what is equal in equal structs. Many without a name differ in nothing but the
    /// types of their members.
    fn hash_struct(&self, id: u32) -> u32 {
        let record = self.record(id);
        let hash = hash_members(record);
        match record.first() {
            Some(0) => types(record).fold(hash, |hash, id| self.hash_outline(hash, id)),
            _ => hash,
        }
    }

    /// A hash of a type's kind and name, and of those that it refers to: what is the same for a
    /// declaration and its definition.
    fn hash_outline(&self, hash: u32, mut id: u32) -> u32 {
        let mut hash = u64::from(hash);
        for _ in 0..MAX_OUTLINE {
            let [name, info, target] = self.head(id);
            let kind = match kind_of(info) {
                Kind::Fwd | Kind::Union => Kind::Struct,
                Kind::Enum64 => Kind::Enum,
                kind => kind,
            };
            hash = mix(hash, u64::from(name) << 8 | u64::from(kind.raw()));
            id = match kind {
                Kind::Array => types(self.record(id)).next().unwrap_or_default(),
                kind if kind.is_reference() => target,
                _ => break,
            };
        }
        (hash >> 32) as u32
    }

    /// A forward declaration is of the one struct or union with its name, where there is one.
    fn forward_declarations(&mut self) {
        let mut named = Table::new(self.end as usize);
        for id in 1..self.end {
            let [name, info, _] = self.head(id);
            if kind_of(info).is_composite() && name != 0 && self.resolve(id) == id {
                named.add(hash_words(&[name]), id);
            }
        }
        for id in self.first..self.end {
            let [name, info, _] = self.head(id);
            if kind_of(info) != Kind::Fwd || self.resolve(id) != id {
                continue;
            }
            let hash = hash_words(&[name]);
            let mut found = None;
            let mut next = named.first(hash);
            while let Some(other) = next {
                next = named.next(other, hash);
                if self.head(other)[0] != name {
                    continue;
                }
                if found.is_some() {
                    found = None;
                    break;
                }
                found = Some(other);
            }
            if let Some(other) = found.filter(|other| self.kind(*other) == graph::declared(info)) {
                self.set(id, other);
            }
        }
    }

    /// Leaves out all but the canonical types.
    fn compact(&mut self) -> Result<IdMap> {
        let first = self.first;
        let own = first..self.end;
        let kept: Vec<u32> = own.clone().filter(|id| self.resolve(*id) == *id).collect();
        let mut new = alloc::vec![0_u32; own.len()];
        for (id, old) in (first..).zip(&kept) {
            if let Some(slot) = new.get_mut(old.wrapping_sub(first) as usize) {
                *slot = id;
            }
        }
        let kept_map = IdMap { first, new };
        let new_id = |old: u32| kept_map.get(super::TypeId(self.resolve(old))).0;
        let map = IdMap {
            first,
            new: own.map(new_id).collect(),
        };
        let places = kept.iter().map(|id| id.wrapping_sub(first) as usize);
        self.own = self.own.select(places);
        self.own
            .map_types(&mut |id| Ok(map.get(super::TypeId(id)).0))?;
        Ok(map)
    }
}
