//! Types left out, others in their place.

use super::{BtfBuilder, IdMap, TypeId};
use crate::Result;
use alloc::vec::Vec;

impl BtfBuilder {
    /// Leaves out types; what refers to one of them refers to the one beside it from then on,
    /// which must be one that stays.
    ///
    /// # Errors
    /// Kinds that are not known, references to what is not there.
    pub fn replace(&mut self, gone: &[(TypeId, TypeId)]) -> Result<IdMap> {
        self.records.check(self.next_id().0)?;
        let first = self.first_id();
        let count = self.records.len();
        let mut stands: Vec<u32> = (first..).take(count).collect();
        let index = |id: TypeId| id.0.checked_sub(first).map(|index| index as usize);
        for (old, new) in gone {
            if let Some(slot) = index(*old).and_then(|index| stands.get_mut(index)) {
                *slot = new.0;
            }
        }
        // Types that stay get new numbers, those that go the number of what stands for them.
        let stays = |(at, to): (usize, &u32)| (index(TypeId(*to)) == Some(at)).then_some(at);
        let kept: Vec<usize> = stands.iter().enumerate().filter_map(stays).collect();
        let mut numbers = alloc::vec![0; count];
        for (id, at) in (first..).zip(&kept) {
            if let Some(number) = numbers.get_mut(*at) {
                *number = id;
            }
        }
        let number = |to: &u32| match index(TypeId(*to)) {
            Some(at) => numbers.get(at).copied().unwrap_or_default(),
            None => *to,
        };
        let new = stands.iter().map(number).collect();
        let map = IdMap { first, new };
        self.records = self.records.select(kept);
        self.records
            .map_types(&mut |id| Ok(map.get(TypeId(id)).0))?;
        Ok(map)
    }
}
