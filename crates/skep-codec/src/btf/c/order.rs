//! What must come before what.

use super::names::Text;
use super::{Dump, deeper};
use crate::Result;
use crate::btf::{Btf, Kind, Type, TypeId};
use alloc::vec::Vec;

/// What of a type has been printed, or is being.
#[derive(Clone, Copy, Default)]
pub(super) struct State {
    /// Its name may be used behind a pointer.
    declared: bool,
    /// Its size is known.
    defined: bool,
}

/// The types of this set that have a name to print, or constants: enums first, then by name, so
/// that the headers of two kernels can be compared.
pub(in crate::btf) fn sorted(btf: &Btf, text: Text<'_>) -> Result<Vec<TypeId>> {
    let referenced = referenced(btf)?;
    let mut sorted: Vec<(u8, &str, TypeId)> = Vec::new();
    for ty in btf.iter() {
        let anonymous = ty.is_anonymous();
        let rank = match ty.kind() {
            Kind::Enum | Kind::Enum64 if anonymous => {
                if referenced.get(ty.id().0 as usize) == Some(&true) {
                    continue;
                }
                0
            }
            _ if anonymous => continue,
            Kind::Enum | Kind::Enum64 => 1,
            Kind::Struct | Kind::Union | Kind::Typedef => 2,
            Kind::Fwd => 3,
            _ => continue,
        };
        let name = match ty.enumerators().next() {
            Some(first) if anonymous => first?.name,
            _ => text.at(ty.name_offset())?,
        };
        sorted.push((rank, name, ty.id()));
    }
    sorted.sort_unstable();
    Ok(sorted.into_iter().map(|(_, _, id)| id).collect())
}

/// Which types others refer to.
fn referenced(btf: &Btf) -> Result<Vec<bool>> {
    let mut seen = alloc::vec![false; btf.id_end() as usize];
    let mut mark = |id: TypeId| {
        if let Some(slot) = seen.get_mut(id.0 as usize) {
            *slot = true;
        }
    };
    for ty in btf.iter() {
        if matches!(ty.kind(), Kind::Var | Kind::DeclTag) {
            continue;
        }
        ty.target().into_iter().for_each(&mut mark);
        ty.raw_members().for_each(|member| mark(member.ty));
        for param in ty.params() {
            mark(param?.ty);
        }
        if ty.kind() == Kind::Array {
            mark(ty.array()?.element);
        }
    }
    Ok(seen)
}

impl<'a> Dump<'a> {
    /// Prints a type that somebody asked for. Without a name it has nothing to print, but for the
    /// constants of an enum.
    pub(super) fn root(&mut self, id: TypeId) -> Result<()> {
        let ty = self.btf.ty(id)?;
        match ty.kind() {
            Kind::Enum | Kind::Enum64 if ty.is_anonymous() => self.define(&ty, 0),
            _ if ty.is_anonymous() => Ok(()),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => self.need(id, true, 0),
            Kind::Typedef | Kind::Fwd => self.need(id, true, 0),
            _ => Ok(()),
        }
    }

    fn state_of(&self, id: TypeId) -> State {
        self.state.get(id.0 as usize).copied().unwrap_or_default()
    }

    fn set_state(&mut self, id: TypeId, state: State) {
        if let Some(slot) = self.state.get_mut(id.0 as usize) {
            *slot = state;
        }
    }

    /// Sees to it that a type can be used: `whole` where its size must be known, else behind a
    /// pointer.
    pub(super) fn need(&mut self, id: TypeId, whole: bool, depth: u32) -> Result<()> {
        let depth = deeper(depth, id)?;
        let ty = self.btf.ty(id)?;
        let target = ty.target().unwrap_or_default();
        match ty.kind() {
            Kind::Ptr => self.need(target, false, depth),
            Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => {
                self.need(target, whole, depth)
            }
            Kind::Array => self.need(ty.array()?.element, true, depth),
            Kind::FuncProto => {
                for param in ty.params() {
                    self.need(param?.ty, false, depth)?;
                }
                self.need(target, false, depth)
            }
            Kind::Typedef => self.need_typedef(&ty, target, whole, depth),
            Kind::Struct | Kind::Union => self.need_composite(&ty, whole, depth),
            Kind::Enum | Kind::Enum64 if !ty.is_anonymous() => {
                if !self.state_of(id).defined {
                    self.set_state(
                        id,
                        State {
                            declared: true,
                            defined: true,
                        },
                    );
                    self.define(&ty, depth)?;
                }
                Ok(())
            }
            Kind::Int => self.need_int(&ty),
            Kind::Fwd => self.declare_forward(&ty),
            _ => Ok(()),
        }
    }

    fn need_typedef(
        &mut self,
        ty: &Type<'a>,
        target: TypeId,
        whole: bool,
        depth: u32,
    ) -> Result<()> {
        let mut state = self.state_of(ty.id());
        if !state.declared {
            state.declared = true;
            self.set_state(ty.id(), state);
            // The struct may have pointers to this very typedef in it: first the name, then the rest.
            self.need(target, false, depth)?;
            let name = self.names.ident(ty)?;
            self.out.push_str("typedef ");
            self.declaration(target, &name, 0, depth)?;
            self.out.push_str(";\n\n");
        }
        if whole && !self.state_of(ty.id()).defined {
            state.defined = true;
            self.set_state(ty.id(), state);
            self.need(target, true, depth)?;
        }
        Ok(())
    }

    fn need_composite(&mut self, ty: &Type<'a>, whole: bool, depth: u32) -> Result<()> {
        let named = !ty.is_anonymous();
        let mut state = self.state_of(ty.id());
        if named && !whole {
            if !state.declared {
                state.declared = true;
                self.set_state(ty.id(), state);
                self.out.extend([keyword(ty.kind()), " "]);
                self.names.tag(ty)?.put(&mut self.out);
                self.out.push_str(";\n\n");
            }
            return Ok(());
        }
        if state.defined {
            return Ok(());
        }
        state.defined = true;
        self.set_state(ty.id(), state);
        for member in ty.raw_members() {
            self.need(member.ty, true, depth)?;
        }
        if named {
            state.declared = true;
            self.set_state(ty.id(), state);
            self.define(ty, depth)?;
        }
        Ok(())
    }

    fn declare_forward(&mut self, ty: &Type<'a>) -> Result<()> {
        let mut state = self.state_of(ty.id());
        if !state.declared {
            state.declared = true;
            self.set_state(ty.id(), state);
            let keyword = if ty.kind_flag() { "union " } else { "struct " };
            self.out.push_str(keyword);
            self.names.forward(ty)?.put(&mut self.out);
            self.out.push_str(";\n\n");
        }
        Ok(())
    }

    /// Integers whose name is none of C's get a typedef.
    fn need_int(&mut self, ty: &Type<'a>) -> Result<()> {
        let mut state = self.state_of(ty.id());
        if state.declared {
            return Ok(());
        }
        state.declared = true;
        self.set_state(ty.id(), state);
        if is_c_int(ty.name()?) {
            return Ok(());
        }
        let int = ty.int()?;
        let base = match (int.bool, ty.size().unwrap_or(0)) {
            (true, _) => "_Bool",
            (_, 1) => "char",
            (_, 2) => "short",
            (_, 4) => "int",
            (_, 8) => "long long",
            _ => "__int128",
        };
        let sign = match (int.bool, int.signed) {
            (true, _) => "",
            (_, true) => "signed ",
            (_, false) => "unsigned ",
        };
        self.out.extend(["typedef ", sign, base, " "]);
        self.names.ident(ty)?.put(&mut self.out);
        self.out.push_str(";\n\n");
        Ok(())
    }

    fn define(&mut self, ty: &Type<'a>, depth: u32) -> Result<()> {
        self.body(ty, 0, depth)?;
        self.out.push_str(";\n\n");
        Ok(())
    }
}

pub(in crate::btf) fn keyword(kind: Kind) -> &'static str {
    match kind {
        Kind::Union => "union",
        Kind::Enum | Kind::Enum64 => "enum",
        _ => "struct",
    }
}

/// Whether the name is made of C's own words for integers.
pub(super) fn is_c_int(name: &str) -> bool {
    const WORDS: [&str; 8] = [
        "unsigned", "signed", "long", "short", "int", "char", "_Bool", "__int128",
    ];
    name.split(' ').all(|word| WORDS.contains(&word))
}
