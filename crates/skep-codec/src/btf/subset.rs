//! Some types of a set, and of structs some members, as a set of its own.

use super::records::{HEAD, Records, string_places, type_places, words_of};
use super::{Btf, BtfBuilder, Kind, Type, TypeId};
use crate::Result;
use crate::map::Map;
use alloc::vec::Vec;

/// How much of a type is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// Nothing.
    #[default]
    Nothing,
    /// Its size and kind, and those of its elements; pointers to nothing.
    Shell,
    /// What pointers point to as well.
    Shape,
    /// All members, with theirs, but not those of structs behind pointers.
    Whole,
}

/// Which types of a set, and how much of each.
pub(crate) struct Subset<'a> {
    btf: &'a Btf,
    extents: Vec<Extent>,
    /// Members wanted of structs that are not wanted whole.
    members: Map<(u32, u32), ()>,
}

impl<'a> Subset<'a> {
    pub(crate) fn new(btf: &'a Btf) -> Self {
        let mut extents = alloc::vec![Extent::Nothing; btf.id_end() as usize];
        // Without it nobody knows that pointers are not of 8 bytes.
        let kernel = btf.base().map_or(btf, |base| base);
        let long = kernel.long().filter(|_| btf.pointer_size() != 8);
        if let Some(slot) = long.and_then(|long| extents.get_mut(long.id().0 as usize)) {
            *slot = Extent::Shell;
        }
        Self {
            btf,
            extents,
            members: Map::new(),
        }
    }

    /// Wants a type, and what it takes to know it.
    pub(crate) fn want(&mut self, id: TypeId, extent: Extent) -> Result<()> {
        let mut open = alloc::vec![(id, extent)];
        while let Some((id, extent)) = open.pop() {
            let ty = self.btf.ty(id)?;
            let Some(known) = self.extents.get_mut(id.0 as usize) else {
                continue;
            };
            if *known >= extent || ty.kind() == Kind::Void {
                continue;
            }
            *known = extent;
            references(&ty, extent, &mut open)?;
        }
        Ok(())
    }

    /// Wants a member of a struct or union, and its type as a [`Extent::Shell`].
    pub(crate) fn want_member(&mut self, id: TypeId, index: u32) -> Result<()> {
        self.want(id, Extent::Shell)?;
        self.members.insert((id.0, index), ());
        match self.btf.ty(id)?.raw_members().nth(index as usize) {
            Some(member) => self.want(member.ty, Extent::Shell),
            None => Ok(()),
        }
    }

    /// The wanted types, in the same order, without a base.
    pub(crate) fn build(&self) -> Result<BtfBuilder> {
        let wanted = |id: &u32| self.extent(*id) > Extent::Nothing;
        let kept: Vec<u32> = (1..self.btf.id_end()).filter(wanted).collect();
        let mut new_ids = alloc::vec![0_u32; self.btf.id_end() as usize];
        for (new, old) in (1..).zip(&kept) {
            if let Some(slot) = new_ids.get_mut(*old as usize) {
                *slot = new;
            }
        }
        let mut out = BtfBuilder::new();
        let mut records = Records::default();
        for id in kept {
            let mut record = self.record(&self.btf.ty(TypeId(id))?);
            for place in type_places(&record) {
                if let Some(word) = record.get_mut(place) {
                    *word = new_ids.get(*word as usize).copied().unwrap_or(0);
                }
            }
            for place in string_places(&record) {
                if let Some(word) = record.get_mut(place) {
                    *word = out.intern(self.btf.string(*word)?.as_bytes())?;
                }
            }
            if let Some((head, tail)) = record.split_first_chunk::<HEAD>() {
                records.push(*head, tail.iter().copied());
            }
        }
        out.records = records;
        Ok(out)
    }

    fn extent(&self, id: u32) -> Extent {
        self.extents.get(id as usize).copied().unwrap_or_default()
    }

    /// The words of a type, without the members that are not wanted.
    fn record(&self, ty: &Type<'_>) -> Vec<u32> {
        let mut record = words_of(ty);
        if !ty.kind().is_composite() || self.extent(ty.id().0) == Extent::Whole {
            return record;
        }
        let words = record.split_off(HEAD.min(record.len()));
        let mut count = 0_u32;
        for (index, member) in (0..).zip(words.as_chunks::<3>().0) {
            if self.members.contains_key(&(ty.id().0, index)) {
                record.extend(member);
                count = count.wrapping_add(1);
            }
        }
        if let Some(info) = record.get_mut(1) {
            *info = (*info & 0xff00_0000) | count;
        }
        record
    }
}

/// What a type wanted to that extent needs.
fn references(ty: &Type<'_>, extent: Extent, open: &mut Vec<(TypeId, Extent)>) -> Result<()> {
    let target = ty.target().unwrap_or_default();
    match ty.kind() {
        Kind::Ptr if extent >= Extent::Shape => open.push((target, Extent::Shape)),
        Kind::Ptr => {}
        Kind::Array => {
            let array = ty.array()?;
            open.extend([(array.element, extent), (array.index, Extent::Shell)]);
        }
        Kind::Struct | Kind::Union if extent == Extent::Whole => {
            open.extend(ty.raw_members().map(|member| (member.ty, extent)));
        }
        Kind::FuncProto => {
            open.push((target, extent));
            for param in ty.params() {
                open.push((param?.ty, extent));
            }
        }
        Kind::Datasec => {
            for variable in ty.variables() {
                open.push((variable?.ty, extent));
            }
        }
        _ => open.push((target, extent)),
    }
    Ok(())
}
