//! The types of a distilled base, found again in another.

use super::{Btf, Kind, Kinds, Type, TypeId, Wanted};
use crate::Result;
use crate::error::bail;
use crate::map::Map;
use alloc::vec::Vec;

/// Types of the same names that may be looked at.
const MAX_LOOKS: usize = 1 << 22;

/// For each type of the distilled base the id that it has in `base`.
pub(super) fn find_all(distilled: &Btf, base: &Btf, embedded: &[bool]) -> Result<Vec<u32>> {
    // Types of one name share one list.
    let mut asked: Map<(&str, Kinds), usize> = Map::new();
    let mut places = Vec::new();
    let mut names = Vec::new();
    for ty in distilled.iter() {
        let key = (ty.name()?, kinds_for(&ty)?);
        let next = names.len();
        asked.insert_new(key, || next);
        let place = asked.get(&key).copied().unwrap_or(next);
        if place == next {
            names.push(key);
        }
        places.push(place);
    }
    let wanted = Wanted::new(names);
    let mut lists = base.find_many(&wanted);
    let mut below = base.base();
    while let Some(btf) = below {
        for (list, more) in lists.iter_mut().zip(btf.find_many(&wanted)) {
            list.splice(..0, more);
        }
        below = btf.base();
    }
    let mut found = alloc::vec![0];
    let mut looks_left = MAX_LOOKS;
    for (place, ty) in places.iter().zip(distilled.iter()) {
        let candidates = lists.get(*place).map_or(&[][..], Vec::as_slice);
        match looks_left.checked_sub(candidates.len()) {
            Some(left) => looks_left = left,
            None => bail!(TooLarge, "too many types with the same names"),
        }
        let exact = embedded.get(ty.id().0 as usize) == Some(&true);
        found.push(find(&ty, base, candidates, exact)?.0);
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
    format!("{:?} `{name}`", ty.kind())
}
