//! Types that refer to types: equal where they refer to the same.

use super::Dedup;
use super::equal::hash_words;
use crate::Result;
use crate::btf::Kind;
use crate::btf::records::type_places;
use crate::error::bail;
use alloc::vec::Vec;

/// Where a type is on the way to its canonical one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    /// On the stack: who comes here again goes round in a circle.
    Open,
    Done,
}

impl Dedup {
    /// Pointers, qualifiers, typedefs, arrays, functions, tags: each after what it refers to.
    pub(super) fn references(&mut self) -> Result<()> {
        let mut stages = alloc::vec![Stage::New; self.end as usize];
        for id in 1..self.first {
            if self.is_reference(id) {
                self.table.add(hash_words(self.record(id)), id);
            }
        }
        for id in self.first..self.end {
            if self.is_reference(id) {
                self.reference(id, &mut stages)?;
            }
        }
        Ok(())
    }

    fn is_reference(&self, id: u32) -> bool {
        match self.kind(id) {
            Kind::Var => false,
            kind => kind.is_reference() || kind == Kind::Array,
        }
    }

    /// Finds the canonical type of `id`, after those of all that it refers to.
    fn reference(&mut self, id: u32, stages: &mut [Stage]) -> Result<()> {
        // Each with the number of its references that have been looked at.
        let mut open: Vec<(u32, usize)> = alloc::vec![(id, 0)];
        while let Some((id, done)) = open.pop() {
            let Some(stage) = stages.get_mut(id as usize) else {
                continue;
            };
            if *stage == Stage::Done || id < self.first || !self.is_reference(id) {
                continue;
            }
            if done == 0 {
                if *stage == Stage::Open {
                    bail!(TooDeep, "type {id} never ends");
                }
                *stage = Stage::Open;
            }
            let record = self.record(id);
            let place = type_places(record).nth(done);
            match place.and_then(|place| record.get(place).copied()) {
                Some(next) => {
                    open.push((id, done.saturating_add(1)));
                    open.push((next, 0));
                }
                None => {
                    *stage = Stage::Done;
                    self.resolved_reference(id)?;
                }
            }
        }
        Ok(())
    }

    /// A type that refers to canonical types only, from now on.
    fn resolved_reference(&mut self, id: u32) -> Result<()> {
        let Some(index) = id.checked_sub(self.first) else {
            return Ok(());
        };
        let places = type_places(self.own.get(index as usize));
        for place in places {
            let old = self.own.get(index as usize).get(place).copied();
            let new = self.resolve(old.unwrap_or_default());
            if let Some(word) = self.own.get_mut(index as usize).get_mut(place) {
                *word = new;
            }
        }
        let hash = hash_words(self.record(id));
        let mut next = self.table.first(hash);
        while let Some(other) = next {
            self.spend(1)?;
            if self.record(id) == self.record(other) {
                self.set(id, other);
                return Ok(());
            }
            next = self.table.next(other, hash);
        }
        self.set(id, id);
        self.table.add(hash, id);
        Ok(())
    }
}
