//! Split BTF that survives changes of its base: a distilled base has what is needed to find the
//! types again by name, in whatever base there is later.

use super::records::{Records, string_places, type_places, types, words_of};
use super::{Btf, BtfBuilder, Kind, Type, TypeId};
use crate::Result;
use crate::error::bail;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl Btf {
    /// This split BTF on a base of its own, that has of each type of the old base which is needed
    /// here no more than name, kind and size. What has no name is copied into the split part.
    ///
    /// # Errors
    /// BTF without a base; kinds that are not known.
    #[doc(alias = "btf__distill_base")]
    pub fn distill_base(&self) -> Result<Btf> {
        let Some(base) = self.base() else {
            bail!(Unsupported, "a base distilled from BTF that has none");
        };
        let own = Records::read(self)?;
        own.check(self.id_end())?;
        let needed = needed(self, &own)?;
        let mut new_ids = alloc::vec![0_u32; self.id_end() as usize];
        let mut set = |id: u32, new: u32| {
            if let Some(slot) = new_ids.get_mut(id as usize) {
                *slot = new;
            }
        };
        let mut out = BtfBuilder::new();
        let (named, copied): (Vec<u32>, Vec<u32>) = needed.iter().partition(|id| {
            let ty = base.ty(TypeId(**id));
            ty.is_ok_and(|ty| is_found_by_name(&ty))
        });
        for id in named {
            set(id, out.next_id().0);
            push_outline(&mut out, &base.ty(TypeId(id))?)?;
        }
        let mut split = BtfBuilder::split(Arc::new(out.to_btf(self.endian())?));
        let first = split.next_id().0;
        for (new, id) in (first..).zip(copied.iter().copied().chain(self.own_ids())) {
            set(id, new);
        }
        let copied = copied.iter().map(|id| self.ty(TypeId(*id)));
        for ty in copied.chain(self.iter().map(Ok)) {
            let mut record = words_of(&ty?);
            for place in type_places(&record) {
                if let Some(word) = record.get_mut(place) {
                    *word = new_ids.get(*word as usize).copied().unwrap_or(0);
                }
            }
            push_with_strings(&mut split, self, record)?;
        }
        split.to_btf(self.endian())
    }

    /// This split BTF, whose base was distilled, on `base`: each type of the distilled base is
    /// looked for there by name and kind. Structs that are members of types here must have their
    /// size still; of several with the same name it is the one with the size.
    ///
    /// # Errors
    /// `NotFound` and `Ambiguous` for types that are not there, or are there more than once.
    #[doc(alias = "btf__relocate")]
    pub fn relocate(&self, base: Arc<Btf>) -> Result<Btf> {
        let Some(distilled) = self.base() else {
            bail!(Unsupported, "BTF without a base on another one");
        };
        let mut own = Records::read(self)?;
        own.check(self.id_end())?;
        let embedded = embedded(self)?;
        let found = super::relocate::find_all(distilled, &base, &embedded)?;
        let (old, new) = (self.first_id(), base.id_end());
        own.map_types(&mut |id| {
            Ok(match id.checked_sub(old) {
                Some(index) => new.saturating_add(index),
                None => found.get(id as usize).copied().unwrap_or(0),
            })
        })?;
        let mut out = BtfBuilder::split(base);
        own.map_strings(&mut |offset| out.intern(self.string(offset)?.as_bytes()))?;
        out.records = own;
        out.to_btf(self.endian())
    }

    /// The ids of this set, without the base's.
    fn own_ids(&self) -> core::ops::Range<u32> {
        self.first_id()..self.id_end()
    }
}

/// The types of the base that split BTF needs, in order.
fn needed(split: &Btf, own: &Records) -> Result<Vec<u32>> {
    let first = split.first_id();
    let mut seen = alloc::vec![false; first as usize];
    let mut open: Vec<u32> = Vec::new();
    for index in 0..own.len() {
        open.extend(types(own.get(index)).filter(|id| *id < first));
    }
    while let Some(id) = open.pop() {
        match seen.get_mut(id as usize) {
            Some(slot @ false) if id != 0 => *slot = true,
            _ => continue,
        }
        let ty = split.ty(TypeId(id))?;
        if matches!(ty.kind(), Kind::Unknown(_)) {
            bail!(Unsupported, "a base with types of kind {:?}", ty.kind());
        }
        if !is_found_by_name(&ty) {
            open.extend(types(&words_of(&ty)));
        }
    }
    let ids = (0..).zip(seen);
    Ok(ids.filter_map(|(id, seen)| seen.then_some(id)).collect())
}

/// Whether a type can be found again by its name.
fn is_found_by_name(ty: &Type<'_>) -> bool {
    let kind = ty.kind();
    let has_no_target = matches!(kind, Kind::Int | Kind::Float | Kind::Fwd);
    (has_no_target || kind.is_composite() || kind.is_enum()) && !ty.is_anonymous()
}

/// Adds a type without its members or enumerators.
fn push_outline(out: &mut BtfBuilder, ty: &Type<'_>) -> Result<()> {
    let mut record = words_of(ty);
    if ty.kind().is_composite() || ty.kind().is_enum() {
        record.truncate(super::records::HEAD);
        if let Some(info) = record.get_mut(1) {
            *info &= 0xff00_0000;
        }
        // Bit-fields are members, and those are gone.
        if let (true, Some(info)) = (ty.kind().is_composite(), record.get_mut(1)) {
            *info &= 0x7fff_ffff;
        }
    }
    push_with_strings(out, ty.btf(), record)
}

/// Adds a record whose strings are those of `from`.
fn push_with_strings(out: &mut BtfBuilder, from: &Btf, mut record: Vec<u32>) -> Result<()> {
    for place in string_places(&record) {
        if let Some(word) = record.get_mut(place) {
            *word = out.intern(from.string(*word)?.as_bytes())?;
        }
    }
    if let Some((head, tail)) = record.split_first_chunk() {
        out.records.push(*head, tail.iter().copied());
    }
    Ok(())
}

/// Which types of the base are members, or elements of members, of structs in split BTF.
fn embedded(split: &Btf) -> Result<Vec<bool>> {
    let mut embedded = alloc::vec![false; split.first_id() as usize];
    for ty in split.iter() {
        for member in ty.raw_members() {
            let mut inner = split.peel(member.ty)?;
            for _ in 0..super::MAX_DEPTH {
                if inner.kind() != Kind::Array {
                    break;
                }
                inner = split.peel(inner.array()?.element)?;
            }
            if let Some(slot) = embedded.get_mut(inner.id().0 as usize) {
                *slot = true;
            }
        }
    }
    Ok(embedded)
}
