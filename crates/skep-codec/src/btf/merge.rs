//! Several sets of types in one, and types in another order.

use super::records::Records;
use super::strings::{StringMap, Strings};
use super::{Btf, BtfBuilder, TypeId};
use crate::Result;
use crate::error::bail;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// New ids of types that were renumbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdMap {
    /// The first id that changed.
    pub(super) first: u32,
    /// The new ids from there on.
    pub(super) new: Vec<u32>,
}

impl IdMap {
    /// The id that a type has now; ids of the base stay.
    pub fn get(&self, old: TypeId) -> TypeId {
        let new = old
            .0
            .checked_sub(self.first)
            .and_then(|index| self.new.get(index as usize));
        new.map_or(old, |id| TypeId(*id))
    }
}

impl BtfBuilder {
    /// Adds the types of `other`, but not its base's, after those that are here.
    ///
    /// # Errors
    /// Another base than this one's, kinds that are not known, references to what is not there.
    #[doc(alias = "btf__add_btf")]
    pub fn append(&mut self, other: &Btf) -> Result<IdMap> {
        let same_base = match (&self.base, other.base()) {
            (Some(mine), Some(theirs)) => Arc::ptr_eq(mine, theirs),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        if !same_base {
            bail!(Unsupported, "types of another base");
        }
        // Indexes the base's strings where that is still to be done.
        self.intern(b"")?;
        let mut added = Records::read(other)?;
        added.check(other.id_end())?;
        let first = self.next_id().0;
        let count = added.len() as u32;
        let map = IdMap {
            first: other.first_id(),
            new: (first..first.saturating_add(count)).collect(),
        };
        added.map_types(&mut |id| Ok(map.get(TypeId(id)).0))?;
        let mut strings = StringMap::new(other.own_strings(), other.own_strings_start());
        let base = self.base.as_deref();
        added.map_strings(&mut |offset| strings.map(offset, &mut self.strings, base))?;
        self.records.append(&added);
        Ok(map)
    }

    /// Puts the types into another order: `order` has each id (but those of the base) once.
    ///
    /// # Errors
    /// Ids that are missing, twice there or not this builder's; kinds that are not known.
    #[doc(alias = "btf__permute")]
    pub fn permute(&mut self, order: &[TypeId]) -> Result<IdMap> {
        let first = self.first_id();
        let mut new = alloc::vec![0; self.records.len()];
        for (id, old) in (first..).zip(order) {
            let index = old.0.checked_sub(first);
            match index.and_then(|index| new.get_mut(index as usize)) {
                Some(slot) if *slot == 0 => *slot = id,
                Some(_) => bail!(Malformed, "type {} twice in an order", old.0),
                None => bail!(NotFound, "no type {} to put into order", old.0),
            }
        }
        if order.len() != new.len() {
            bail!(
                Mismatch,
                "an order of {} types for {}",
                order.len(),
                new.len()
            );
        }
        self.records.check(self.next_id().0)?;
        let map = IdMap { first, new };
        let order = order.iter().map(|id| id.0.wrapping_sub(first) as usize);
        self.records = self.records.select(order);
        self.records
            .map_types(&mut |id| Ok(map.get(TypeId(id)).0))?;
        Ok(map)
    }

    /// Leaves out strings that nothing refers to and strings that are there twice.
    pub(super) fn compact_strings(&mut self) -> Result<()> {
        let base = self.base.as_deref();
        let mut strings = Strings::new(base);
        strings.index(base);
        strings.reserve(self.strings.bytes().len());
        let mut map = StringMap::new(self.strings.bytes(), self.strings.start());
        self.records
            .map_strings(&mut |offset| map.map(offset, &mut strings, base))?;
        self.strings = strings;
        Ok(())
    }
}
