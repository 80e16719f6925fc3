//! When two types of different kernels count as the same: three rules, from lax to strict.

use super::Budget;
use crate::Result;
use crate::btf::{Btf, Kind, Type, TypeId, essential_name};
use crate::error::bail;

/// Nesting that libbpf follows.
const MAX_LEVEL: u32 = 32;
/// What a look at a pair of types costs beside a look at a member's name.
const PAIR_COST: u64 = 16;

/// The same kind, or both enums of whatever width.
pub(super) fn kinds_agree(local: Kind, target: Kind) -> bool {
    local == target || (local.is_enum() && target.is_enum())
}

fn names_agree(local: &Type<'_>, target: &Type<'_>) -> Result<bool> {
    Ok(essential_name(local.name()?) == essential_name(target.name()?))
}

fn plain_ints(local: &Type<'_>, target: &Type<'_>) -> Result<bool> {
    Ok(local.int()?.offset == 0 && target.int()?.offset == 0)
}

/// Whether a field of one type can stand for a field of the other: any struct for any struct,
/// any integer for any integer, arrays by their elements, enums by name.
pub(super) fn fields_agree(
    (local_btf, mut local): (&Btf, TypeId),
    (target_btf, mut target): (&Btf, TypeId),
    budget: &mut Budget,
) -> Result<bool> {
    for _ in 0..MAX_LEVEL {
        budget.spend(PAIR_COST)?;
        let (a, b) = (local_btf.peel(local)?, target_btf.peel(target)?);
        if a.kind().is_composite() && b.kind().is_composite() {
            return Ok(true);
        }
        if !kinds_agree(a.kind(), b.kind()) {
            return Ok(false);
        }
        return match a.kind() {
            Kind::Ptr | Kind::Float => Ok(true),
            Kind::Fwd | Kind::Enum | Kind::Enum64 => {
                let anonymous = a.name()?.is_empty() || b.name()?.is_empty();
                Ok(anonymous || names_agree(&a, &b)?)
            }
            Kind::Int => plain_ints(&a, &b),
            Kind::Array => {
                (local, target) = (a.array()?.element, b.array()?.element);
                continue;
            }
            _ => Ok(false),
        };
    }
    bail!(TooDeep, "arrays from type {} never end", local.0)
}

/// Two sets of types under comparison.
pub(super) struct Pair<'a, 'b> {
    pub(super) local: &'a Btf,
    pub(super) target: &'a Btf,
    pub(super) budget: &'b mut Budget,
}

impl Pair<'_, '_> {
    /// Whether the types have the same shape, whatever is inside structs (`bpf_core_type_exists`).
    pub(super) fn compatible(&mut self, local: TypeId, target: TypeId) -> Result<bool> {
        let (a, b) = (self.local.ty(local)?, self.target.ty(target)?);
        Ok(kinds_agree(a.kind(), b.kind()) && self.same_shape(local, target, MAX_LEVEL)?)
    }

    fn same_shape(&mut self, mut local: TypeId, mut target: TypeId, level: u32) -> Result<bool> {
        let level = deeper(level)?;
        for _ in 0..MAX_LEVEL {
            self.budget.spend(PAIR_COST)?;
            let (a, b) = (self.local.peel(local)?, self.target.peel(target)?);
            if !kinds_agree(a.kind(), b.kind()) {
                return Ok(false);
            }
            (local, target) = match a.kind() {
                Kind::Void | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Fwd => {
                    return Ok(true);
                }
                Kind::Int => return plain_ints(&a, &b),
                Kind::Ptr => targets(&a, &b),
                Kind::Array => (a.array()?.element, b.array()?.element),
                Kind::FuncProto => {
                    if a.vlen() != b.vlen() {
                        return Ok(false);
                    }
                    for (p, q) in a.params().zip(b.params()) {
                        if !self.same_shape(p?.ty, q?.ty, level)? {
                            return Ok(false);
                        }
                    }
                    targets(&a, &b)
                }
                _ => return Ok(false),
            };
        }
        bail!(TooDeep, "type {} never ends", local.0)
    }

    /// Whether the target type has all that the local one has, by names and kinds
    /// (`bpf_core_type_matches`).
    pub(super) fn matches(&mut self, local: TypeId, target: TypeId) -> Result<bool> {
        self.alike(local, target, false, MAX_LEVEL)
    }

    fn alike(
        &mut self,
        mut local: TypeId,
        mut target: TypeId,
        mut behind_ptr: bool,
        level: u32,
    ) -> Result<bool> {
        let level = deeper(level)?;
        for _ in 0..MAX_LEVEL {
            self.budget.spend(PAIR_COST)?;
            let (a, b) = (self.local.peel(local)?, self.target.peel(target)?);
            if !names_agree(&a, &b)? {
                return Ok(false);
            }
            let same_kind = a.kind() == b.kind();
            (local, target) = match a.kind() {
                Kind::Void => return Ok(same_kind),
                Kind::Fwd if same_kind => return Ok(a.kind_flag() == b.kind_flag()),
                Kind::Fwd => return Ok(behind_ptr && declares(&a, &b)),
                Kind::Enum | Kind::Enum64 => return self.enums_alike(&a, &b),
                Kind::Struct | Kind::Union if behind_ptr => {
                    return Ok(same_kind || declares(&b, &a));
                }
                Kind::Struct | Kind::Union => {
                    return Ok(same_kind && self.members_alike(&a, &b, level)?);
                }
                _ if !same_kind => return Ok(false),
                Kind::Int => {
                    let signs = (a.int()?.signed, b.int()?.signed);
                    return Ok(a.size() == b.size() && signs.0 == signs.1);
                }
                Kind::Ptr => {
                    behind_ptr = true;
                    targets(&a, &b)
                }
                Kind::Array => {
                    let (x, y) = (a.array()?, b.array()?);
                    if x.len != y.len {
                        return Ok(false);
                    }
                    (x.element, y.element)
                }
                Kind::FuncProto => {
                    if a.vlen() != b.vlen() {
                        return Ok(false);
                    }
                    for (p, q) in a.params().zip(b.params()) {
                        if !self.alike(p?.ty, q?.ty, behind_ptr, level)? {
                            return Ok(false);
                        }
                    }
                    targets(&a, &b)
                }
                _ => return Ok(false),
            };
        }
        bail!(TooDeep, "type {} never ends", local.0)
    }

    fn enums_alike(&mut self, local: &Type<'_>, target: &Type<'_>) -> Result<bool> {
        if !target.kind().is_enum() || local.size() != target.size() {
            return Ok(false);
        }
        if local.vlen() > target.vlen() {
            return Ok(false);
        }
        for mine in local.enumerators() {
            let mine = essential_name(mine?.name);
            let mut found = false;
            for theirs in target.enumerators() {
                self.budget.spend(1)?;
                if essential_name(theirs?.name) == mine {
                    found = true;
                    break;
                }
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn members_alike(&mut self, local: &Type<'_>, target: &Type<'_>, level: u32) -> Result<bool> {
        if local.vlen() > target.vlen() {
            return Ok(false);
        }
        for mine in local.members() {
            let mine = mine?;
            let name = essential_name(mine.name);
            let mut found = false;
            for theirs in target.members() {
                self.budget.spend(1)?;
                let theirs = theirs?;
                if essential_name(theirs.name) == name
                    && self.alike(mine.ty, theirs.ty, false, level)?
                {
                    found = true;
                    break;
                }
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether a forward declaration (kind flag: of a union) can be of this struct or union.
fn declares(fwd: &Type<'_>, ty: &Type<'_>) -> bool {
    let wanted = if fwd.kind_flag() {
        Kind::Union
    } else {
        Kind::Struct
    };
    fwd.kind() == Kind::Fwd && ty.kind() == wanted
}

fn targets(a: &Type<'_>, b: &Type<'_>) -> (TypeId, TypeId) {
    (
        a.target().unwrap_or_default(),
        b.target().unwrap_or_default(),
    )
}

fn deeper(level: u32) -> Result<u32> {
    match level.checked_sub(1) {
        Some(level) => Ok(level),
        None => bail!(TooDeep, "types nested more than {MAX_LEVEL} deep"),
    }
}
