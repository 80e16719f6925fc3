//! Types by hash.

use super::NONE;
use alloc::vec::Vec;

/// Chains of types with the same hash, newest first.
pub(super) struct Table {
    heads: Vec<u32>,
    /// For each type its hash, and the next in its chain.
    entries: Vec<(u32, u32)>,
}

impl Table {
    /// For the types below `end`.
    pub(super) fn new(end: usize) -> Self {
        let slots = end.max(1).checked_next_power_of_two().unwrap_or(1 << 31);
        Self {
            heads: alloc::vec![NONE; slots],
            entries: alloc::vec![(0, NONE); end],
        }
    }

    fn slot(&self, hash: u32) -> usize {
        hash as usize & self.heads.len().wrapping_sub(1)
    }

    pub(super) fn add(&mut self, hash: u32, id: u32) {
        let slot = self.slot(hash);
        if let (Some(head), Some(entry)) =
            (self.heads.get_mut(slot), self.entries.get_mut(id as usize))
        {
            *entry = (hash, *head);
            *head = id;
        }
    }

    /// The newest type with this hash.
    pub(super) fn first(&self, hash: u32) -> Option<u32> {
        self.from(self.heads.get(self.slot(hash)).copied(), hash)
    }

    /// The one before it.
    pub(super) fn next(&self, id: u32, hash: u32) -> Option<u32> {
        self.from(self.entries.get(id as usize).map(|entry| entry.1), hash)
    }

    fn from(&self, mut id: Option<u32>, hash: u32) -> Option<u32> {
        loop {
            let at = id.filter(|id| *id != NONE)?;
            let (found, next) = *self.entries.get(at as usize)?;
            if found == hash {
                return Some(at);
            }
            id = Some(next);
        }
    }
}
