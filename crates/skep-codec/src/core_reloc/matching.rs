//! From an access in the local type to the same access in a candidate of the target.

use super::Budget;
use super::compat::{Pair, fields_agree};
use super::spec::{Accessor, MAX_STEPS, Spec};
use super::words::type_text;
use crate::Result;
use crate::btf::{Btf, CoreKind, Kind, RawMember, TypeId, essential_name};
use crate::error::bail;
use alloc::string::String;

/// What a candidate has to say.
pub(super) enum Verdict<'a> {
    /// The same access in the candidate.
    Match(Spec<'a>),
    /// Why there is none.
    Miss(String),
}

/// Matches the local access against the type `root` of `target`.
pub(super) fn match_spec<'a>(
    local: &Spec<'a>,
    kind: CoreKind,
    target: &'a Btf,
    root: TypeId,
    budget: &mut Budget,
) -> Result<Verdict<'a>> {
    if kind.is_type() {
        match_type(local, kind, target, root, budget)
    } else if kind.is_enumval() {
        match_enumerator(local, target, root, budget)
    } else {
        match_field(local, target, root, budget)
    }
}

fn match_type<'a>(
    local: &Spec<'a>,
    kind: CoreKind,
    target: &'a Btf,
    root: TypeId,
    budget: &mut Budget,
) -> Result<Verdict<'a>> {
    let mut pair = Pair {
        local: local.btf,
        target,
        budget,
    };
    let found = if kind == CoreKind::TypeMatches {
        pair.matches(local.root, root)?
    } else {
        pair.compatible(local.root, root)?
    };
    Ok(if found {
        Verdict::Match(Spec::new(target, root))
    } else {
        Verdict::Miss(format!("{} differs", type_text(target, root)))
    })
}

fn match_enumerator<'a>(
    local: &Spec<'a>,
    target: &'a Btf,
    root: TypeId,
    budget: &mut Budget,
) -> Result<Verdict<'a>> {
    let ty = target.peel(root)?;
    let name = local.steps.first().and_then(|step| step.name);
    let name = essential_name(name.unwrap_or_default());
    for (index, enumerator) in ty.enumerators().enumerate() {
        budget.spend(1)?;
        let theirs = enumerator?.name;
        if essential_name(theirs) == name {
            let mut spec = Spec::new(target, root);
            spec.push(Accessor {
                ty: ty.id(),
                index: index as u32,
                name: Some(theirs),
            })?;
            return Ok(Verdict::Match(spec));
        }
    }
    Ok(Verdict::Miss(format!(
        "{} has no enumerator {name}",
        type_text(target, root)
    )))
}

fn match_field<'a>(
    local: &Spec<'a>,
    target: &'a Btf,
    root: TypeId,
    budget: &mut Budget,
) -> Result<Verdict<'a>> {
    let mut spec = Spec::new(target, root);
    let mut at = root;
    for (place, step) in local.steps.iter().enumerate() {
        let ty = target.peel(at)?;
        let Some(name) = step.name else {
            at = ty.id();
            if place > 0 {
                if ty.kind() != Kind::Array {
                    let what = type_text(target, at);
                    return Ok(Verdict::Miss(format!("{what} where an array was")));
                }
                let array = ty.array()?;
                if step.index >= array.len && !spec.is_flexible(&array)? {
                    return Ok(Verdict::Miss(format!(
                        "the array has {} elements, {} is asked for",
                        array.len, step.index
                    )));
                }
                at = target.peel(array.element)?.id();
            }
            spec.element(at, step.index)?;
            continue;
        };
        let mut search = Search {
            local,
            step,
            name,
            target,
            budget,
        };
        match search.member(ty.id(), &mut spec)? {
            Found::Field(next) => at = next,
            Found::Other(why) => return Ok(Verdict::Miss(why)),
            Found::Nothing => {
                let what = type_text(target, ty.id());
                return Ok(Verdict::Miss(format!("{what} has no member {name}")));
            }
        }
    }
    Ok(Verdict::Match(spec))
}

enum Found {
    /// The field, of this type.
    Field(TypeId),
    /// A field of that name, but of another kind.
    Other(String),
    Nothing,
}

/// The search for one named member, through anonymous ones.
struct Search<'s, 'a> {
    local: &'s Spec<'a>,
    step: &'s Accessor<'a>,
    name: &'a str,
    target: &'a Btf,
    budget: &'s mut Budget,
}

impl<'a> Search<'_, 'a> {
    fn member(&mut self, id: TypeId, spec: &mut Spec<'a>) -> Result<Found> {
        let ty = self.target.peel(id)?;
        if spec.raw_steps >= MAX_STEPS && ty.kind().is_composite() {
            bail!(TooDeep, "an access of more than {MAX_STEPS} steps");
        }
        let (start, raw_steps) = (spec.bit_offset, spec.raw_steps);
        self.budget.spend(4)?;
        for (index, member) in ty.raw_members().enumerate() {
            self.budget.spend(1)?;
            if self.target.string_is(member.name_off, self.name) {
                spec.advance(Some(u64::from(member.bit_offset)))?;
                return self.same_name(ty.id(), index as u32, &member, spec);
            }
            if self.target.string_is(member.name_off, "") {
                spec.advance(Some(u64::from(member.bit_offset)))?;
                spec.raw_steps = raw_steps.saturating_add(1);
                let found = self.member(member.ty, spec)?;
                if !matches!(found, Found::Nothing) {
                    return Ok(found);
                }
                (spec.bit_offset, spec.raw_steps) = (start, raw_steps);
            }
        }
        Ok(Found::Nothing)
    }

    fn same_name(
        &mut self,
        ty: TypeId,
        index: u32,
        member: &RawMember,
        spec: &mut Spec<'a>,
    ) -> Result<Found> {
        let local = self.local.btf;
        let mine = local.ty(self.step.ty)?;
        let Some(mine) = mine.raw_members().nth(self.step.index as usize) else {
            bail!(
                NotFound,
                "no member {} in type {}",
                self.step.index,
                self.step.ty.0
            );
        };
        if !fields_agree((local, mine.ty), (self.target, member.ty), self.budget)? {
            return Ok(Found::Other(format!(
                "member {} of {} is {}, not {}",
                self.name,
                type_text(self.target, ty),
                type_text(self.target, self.target.peel(member.ty)?.id()),
                type_text(local, local.peel(mine.ty)?.id()),
            )));
        }
        spec.push(Accessor {
            ty,
            index,
            name: Some(self.name),
        })?;
        Ok(Found::Field(member.ty))
    }
}
