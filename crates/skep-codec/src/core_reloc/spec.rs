//! Access strings: from `0:1:2` to members and array elements of the local type.

use super::words::type_text;
use crate::btf::{Array, Btf, CoreKind, CoreRelo, Kind, RawMember, Type, TypeId};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;

/// Longest access: libbpf's limit.
pub(super) const MAX_STEPS: usize = 64;

/// One step of an access: a named member, an array element, an enumerator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accessor<'a> {
    /// The struct or union, the element type, or the enum.
    pub(super) ty: TypeId,
    pub(super) index: u32,
    /// Name of the member or enumerator; `None` for an array element.
    pub(super) name: Option<&'a str>,
}

/// A type, or a field or enumerator in it, with where it is.
#[derive(Clone, Debug)]
pub(super) struct Spec<'a> {
    pub(super) btf: &'a Btf,
    pub(super) root: TypeId,
    pub(super) steps: Vec<Accessor<'a>>,
    pub(super) bit_offset: u64,
    /// Steps with those through anonymous members: what libbpf limits.
    pub(super) raw_steps: usize,
}

impl<'a> Spec<'a> {
    pub(super) fn new(btf: &'a Btf, root: TypeId) -> Self {
        Self {
            btf,
            root,
            steps: Vec::new(),
            bit_offset: 0,
            raw_steps: 0,
        }
    }

    /// What a relocation's access string means in the program's own types.
    pub(super) fn local(btf: &'a Btf, relo: &CoreRelo) -> Result<Self> {
        let mut spec = Self::new(btf, relo.type_id);
        btf.ty(relo.type_id)?;
        let access = btf.string(relo.access_off)?;
        if relo.kind.is_type() {
            if access != "0" {
                bail!(Malformed, "access string '{access}' for a whole type");
            }
            return Ok(spec);
        }
        let indices = parse(access)?;
        let Some((&first, rest)) = indices.split_first() else {
            bail!(Malformed, "empty access string");
        };
        let root = btf.peel(relo.type_id)?;
        if relo.kind.is_enumval() {
            spec.enumerator(root, first, rest.is_empty())?;
            return Ok(spec);
        }
        spec.element(root.id(), first)?;
        let mut at = root.id();
        for &index in rest {
            at = spec.step_into(at, index)?;
        }
        Ok(spec)
    }

    fn enumerator(&mut self, ty: Type<'a>, index: u32, alone: bool) -> Result<()> {
        let found = ty.enumerators().nth(index as usize);
        match found {
            Some(enumerator) if alone => {
                self.steps.push(Accessor {
                    ty: ty.id(),
                    index,
                    name: Some(enumerator?.name),
                });
                Ok(())
            }
            _ => bail!(Malformed, "no enumerator {index} in type {}", ty.id().0),
        }
    }

    /// Adds the element `index` of an array of `ty` (the root counts as one).
    pub(super) fn element(&mut self, ty: TypeId, index: u32) -> Result<()> {
        let bits = self
            .btf
            .size_of(ty)?
            .checked_mul(8)
            .and_then(|bits| bits.checked_mul(u64::from(index)));
        self.advance(bits)?;
        self.push(Accessor {
            ty,
            index,
            name: None,
        })
    }

    pub(super) fn push(&mut self, step: Accessor<'a>) -> Result<()> {
        if self.raw_steps >= MAX_STEPS {
            bail!(TooDeep, "an access of more than {MAX_STEPS} steps");
        }
        self.raw_steps = self.raw_steps.saturating_add(1);
        self.steps.push(step);
        Ok(())
    }

    pub(super) fn advance(&mut self, bits: Option<u64>) -> Result<()> {
        let Some(sum) = bits.and_then(|bits| self.bit_offset.checked_add(bits)) else {
            bail!(TooLarge, "field offset");
        };
        self.bit_offset = sum;
        Ok(())
    }

    fn step_into(&mut self, at: TypeId, index: u32) -> Result<TypeId> {
        let ty = self.btf.peel(at)?;
        match ty.kind() {
            kind if kind.is_composite() => {
                let Some(member) = ty.raw_members().nth(index as usize) else {
                    bail!(Malformed, "no member {index} in type {}", ty.id().0);
                };
                self.advance(Some(u64::from(member.bit_offset)))?;
                let name = self.btf.string(member.name_off)?;
                if !name.is_empty() {
                    self.push(Accessor {
                        ty: ty.id(),
                        index,
                        name: Some(name),
                    })?;
                }
                Ok(member.ty)
            }
            Kind::Array => {
                let array = ty.array()?;
                if index >= array.len && !self.is_flexible(&array)? {
                    bail!(Malformed, "element {index} of an array of {}", array.len);
                }
                let element = self.btf.peel(array.element)?.id();
                self.element(element, index)?;
                Ok(element)
            }
            kind => bail!(Malformed, "access into type {} ({kind:?})", ty.id().0),
        }
    }

    /// Whether an array reached by the steps so far is the open end of its struct.
    pub(super) fn is_flexible(&self, array: &Array) -> Result<bool> {
        let Some(Accessor {
            ty,
            index,
            name: Some(_),
        }) = self.steps.last()
        else {
            return Ok(false);
        };
        let last = self.btf.ty(*ty)?.vlen().checked_sub(1);
        Ok(array.len == 0 && Some(*index) == last)
    }

    /// The member that the last step names.
    pub(super) fn last_member(&self) -> Result<RawMember> {
        let member = self.steps.last().and_then(|step| {
            let ty = self.btf.ty(step.ty).ok()?;
            ty.raw_members().nth(step.index as usize)
        });
        member.ok_or_else(|| Error::new(ErrorKind::NotFound, "access to no member"))
    }

    /// In words: `struct task_struct.comm[3]`.
    pub(super) fn text(&self, kind: CoreKind) -> String {
        let mut text = type_text(self.btf, self.root);
        for (place, step) in self.steps.iter().enumerate() {
            match step.name {
                Some(name) if kind.is_enumval() => text.extend(["::", name]),
                Some(name) => text.extend([".", name]),
                None if place == 0 && step.index == 0 => {}
                None => text.push_str(&format!("[{}]", step.index)),
            }
        }
        text
    }
}

fn parse(access: &str) -> Result<Vec<u32>> {
    let mut indices = Vec::new();
    for part in access.split(':') {
        let Ok(index) = part.parse() else {
            bail!(Malformed, "access string '{access}'");
        };
        if indices.len() >= MAX_STEPS {
            bail!(TooDeep, "an access string of more than {MAX_STEPS} steps");
        }
        indices.push(index);
    }
    Ok(indices)
}
