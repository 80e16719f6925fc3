//! What must come before what.

use super::names::Names;
use super::{Dump, deeper};
use crate::Result;
use crate::btf::{Btf, Kind, Type, TypeId};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What of a type has been printed, or is being.
#[derive(Clone, Copy, Default)]
pub(super) struct State {
    /// Its name may be used behind a pointer.
    declared: bool,
    /// Its size is known.
    defined: bool,
}

/// Which types others refer to.
pub(super) fn referenced(btf: &Btf) -> Result<Vec<bool>> {
    let mut seen = alloc::vec![false; btf.id_end() as usize];
    let mut mark = |id: TypeId| {
        if let Some(slot) = seen.get_mut(id.0 as usize) {
            *slot = true;
        }
    };
    for id in (1..btf.id_end()).map(TypeId) {
        let ty = btf.ty(id)?;
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
    /// constants of an enum that nothing else refers to.
    pub(super) fn root(&mut self, id: TypeId, referenced: bool) -> Result<()> {
        let ty = self.btf.ty(id)?;
        let named = !ty.name()?.is_empty();
        match ty.kind() {
            Kind::Enum | Kind::Enum64 if !named && !referenced => self.define(&ty, 0),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Fwd | Kind::Typedef
                if named =>
            {
                self.need(id, true, 0)
            }
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
            Kind::Enum | Kind::Enum64 if !ty.name()?.is_empty() => {
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
            let name = self.names.ident(ty.id())?;
            let text = self.declaration(target, &name, 0, depth)?;
            self.print(&format!("typedef {text};\n\n"))?;
        }
        if whole && !self.state_of(ty.id()).defined {
            state.defined = true;
            self.set_state(ty.id(), state);
            self.need(target, true, depth)?;
        }
        Ok(())
    }

    fn need_composite(&mut self, ty: &Type<'a>, whole: bool, depth: u32) -> Result<()> {
        let named = !ty.name()?.is_empty();
        let mut state = self.state_of(ty.id());
        if named && !whole {
            if !state.declared {
                state.declared = true;
                self.set_state(ty.id(), state);
                let tag = self.names.tag(ty.id())?;
                let keyword = keyword(ty.kind());
                self.print(&format!("{keyword} {tag};\n\n"))?;
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
            let tag = Names::forward(ty)?;
            let keyword = if ty.kind_flag() { "union" } else { "struct" };
            self.print(&format!("{keyword} {tag};\n\n"))?;
        }
        Ok(())
    }

    /// Integers whose name is none of C's get a typedef.
    fn need_int(&mut self, ty: &Type<'a>) -> Result<()> {
        let mut state = self.state_of(ty.id());
        if state.declared || is_c_int(ty.name()?) {
            return Ok(());
        }
        state.declared = true;
        self.set_state(ty.id(), state);
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
        let name = self.names.ident(ty.id())?;
        self.print(&format!("typedef {sign}{base} {name};\n\n"))
    }

    fn define(&mut self, ty: &Type<'a>, depth: u32) -> Result<()> {
        let body = self.body(ty, 0, depth)?;
        self.print(&format!("{body};\n\n"))
    }

    fn print(&mut self, text: &str) -> Result<()> {
        self.spend(text.len())?;
        self.out.push_str(text);
        Ok(())
    }
}

pub(super) fn keyword(kind: Kind) -> &'static str {
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

/// Spaces before a line.
pub(super) fn indent(level: usize) -> String {
    "\t".repeat(level)
}
