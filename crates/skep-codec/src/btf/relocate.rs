//! The types of a distilled base, found again in another.

use super::{Btf, Kind, Kinds, Type, TypeId, Wanted};
use crate::Result;
use crate::error::bail;
use alloc::vec::Vec;

/// For each type of the distilled base the id that it has in `base`.
pub(super) fn find_all(distilled: &Btf, base: &Btf, embedded: &[bool]) -> Result<Vec<u32>> {
    let mut names = Vec::new();
    for ty in distilled.iter() {
        names.push((ty.name()?, kinds_for(&ty)?));
    }
    let wanted = Wanted::new(names);
    let mut sets = alloc::vec![base.find_many(&wanted)];
    let mut below = base.base();
    while let Some(btf) = below {
        sets.push(btf.find_many(&wanted));
        below = btf.base();
    }
    let mut found = alloc::vec![0];
    for (place, ty) in distilled.iter().enumerate() {
        let candidates = sets.iter().rev().filter_map(|set| set.get(place));
        let candidates: Vec<TypeId> = candidates.flatten().copied().collect();
        let exact = embedded.get(ty.id().0 as usize) == Some(&true);
        found.push(find(&ty, base, &candidates, exact)?.0);
    }
    Ok(found)
}

/// The kinds that a type of a distilled base may have elsewhere.
fn kinds_for(ty: &Type<'_>) -> Result<Kinds> {
    Ok(match ty.kind() {
        Kind::Fwd if ty.kind_flag() => Kinds::of(Kind::Fwd).or(Kinds::of(Kind::Union)),
        Kind::Fwd => Kinds::of(Kind::Fwd).or(Kinds::of(Kind::Struct)),
        Kind::Enum | Kind::Enum64 => Kinds::of(Kind::Enum).or(Kinds::of(Kind::Enum64)),
        Kind::Int | Kind::Float | Kind::Struct | Kind::Union => Kinds::of(ty.kind()),
        kind => bail!(
            Malformed,
            "type {} ({kind:?}) in a distilled base",
            ty.id().0
        ),
    })
}

/// The one of the candidates, all of the right name and kind, that the type is.
fn find(ty: &Type<'_>, base: &Btf, candidates: &[TypeId], exact: bool) -> Result<TypeId> {
    let mut same = Vec::new();
    let mut resized = Vec::new();
    for id in candidates {
        let other = base.ty(*id)?;
        let fits = match ty.kind() {
            Kind::Int => ty.int()? == other.int()?,
            Kind::Fwd => other.kind() != Kind::Fwd || ty.kind_flag() == other.kind_flag(),
            Kind::Enum | Kind::Enum64 => ty.size() == other.size(),
            _ => true,
        };
        match ty.size() == other.size() || ty.kind() == Kind::Fwd {
            _ if !fits => {}
            true => same.push(*id),
            false => resized.push(*id),
        }
    }
    let may_change = ty.kind().is_composite() && !exact;
    let found = match same.is_empty() && may_change {
        true => resized.as_slice(),
        false => same.as_slice(),
    };
    match found {
        [id] => Ok(*id),
        // Integers and enums that are equal here are equal in all that matters.
        [id, ..] if !ty.kind().is_composite() => Ok(*id),
        [] if resized.is_empty() => bail!(NotFound, "the base has no {}", described(ty)),
        [] => bail!(
            Mismatch,
            "{} is part of a type here, and the base has it at another size",
            described(ty)
        ),
        _ => bail!(Ambiguous, "the base has several of {}", described(ty)),
    }
}

fn described(ty: &Type<'_>) -> alloc::string::String {
    let name = ty.name().unwrap_or("?");
    alloc::format!("{:?} `{name}`", ty.kind())
}
