//! Declarations from the inside out, and what C calls a type.

use super::names::Name;
use super::order::{is_c_int, keyword};
use super::{Dump, deeper};
use crate::Result;
use crate::btf::{Kind, MAX_DEPTH, Type, TypeId};
use crate::error::bail;
use core::fmt::Write;

/// What a declaration has around its name, from the name outward.
#[derive(Clone, Copy)]
pub(super) enum Piece {
    /// A pointer that is itself `const` and so on.
    Ptr(Qualifiers),
    Array(u32),
    Func(TypeId),
}

/// `const`, `volatile` and `restrict`, in the order they were met.
#[derive(Clone, Copy, Default)]
pub(super) struct Qualifiers([&'static str; 3]);

impl Qualifiers {
    fn add(&mut self, word: &'static str) {
        let free = |slot: &&mut &str| slot.is_empty() || **slot == word;
        if let Some(slot) = self.0.iter_mut().find(free) {
            *slot = word;
        }
    }

    fn words(self) -> impl Iterator<Item = &'static str> {
        self.0.into_iter().filter(|word| !word.is_empty())
    }
}

impl<'a> Dump<'a> {
    /// The declaration of `name` with type `id`; anonymous types are written out in it.
    pub(super) fn declaration(
        &mut self,
        id: TypeId,
        name: &Name<'a>,
        level: usize,
        depth: u32,
    ) -> Result<()> {
        let depth = deeper(depth, id)?;
        let from = self.pieces.len();
        let (base, qualifiers) = self.unwind(id)?;
        for word in qualifiers.words().filter(|word| *word != "restrict") {
            self.out.extend([word, " "]);
        }
        self.base(&base, level, depth)?;
        if self.pieces.len() > from || !name.is_empty() {
            self.out.push(' ');
        }
        self.prefixes(from, name);
        name.put(&mut self.out);
        self.suffixes(from, level, depth)?;
        self.pieces.truncate(from);
        self.check_size()
    }

    /// Puts what is around the name on the stack of pieces; returns what it all is of.
    fn unwind(&mut self, id: TypeId) -> Result<(Type<'a>, Qualifiers)> {
        let mut qualifiers = Qualifiers::default();
        let mut at = id;
        for _ in 0..MAX_DEPTH {
            let ty = self.btf.ty(at)?;
            let target = ty.target().unwrap_or_default();
            at = match ty.kind() {
                Kind::Const => {
                    qualifiers.add("const");
                    target
                }
                Kind::Volatile => {
                    qualifiers.add("volatile");
                    target
                }
                Kind::Restrict => {
                    qualifiers.add("restrict");
                    target
                }
                Kind::TypeTag => target,
                Kind::Ptr => {
                    self.pieces.push(Piece::Ptr(qualifiers));
                    qualifiers = Qualifiers::default();
                    target
                }
                Kind::Array => {
                    let array = ty.array()?;
                    self.pieces.push(Piece::Array(array.len));
                    array.element
                }
                Kind::FuncProto => {
                    self.pieces.push(Piece::Func(at));
                    qualifiers = Qualifiers::default();
                    target
                }
                _ => return Ok((ty, qualifiers)),
            };
        }
        bail!(TooDeep, "type {} never ends", id.0)
    }

    /// Whether the piece at `place` has a pointer inside of it, which binds less than it does.
    fn wants_parens(&self, from: usize, place: usize) -> bool {
        let inside = place.checked_sub(1).filter(|inside| *inside >= from);
        let inside = inside.and_then(|inside| self.pieces.get(inside));
        matches!(inside, Some(Piece::Ptr(_)))
    }

    fn prefixes(&mut self, from: usize, name: &Name<'a>) {
        for place in (from..self.pieces.len()).rev() {
            match self.pieces.get(place) {
                Some(Piece::Ptr(qualifiers)) => {
                    let more = place > from || !name.is_empty();
                    self.out.push('*');
                    for (nth, word) in qualifiers.words().enumerate() {
                        self.out.extend([if nth == 0 { "" } else { " " }, word]);
                    }
                    if more && qualifiers.words().next().is_some() {
                        self.out.push(' ');
                    }
                }
                Some(_) if self.wants_parens(from, place) => self.out.push('('),
                _ => {}
            }
        }
    }

    fn suffixes(&mut self, from: usize, level: usize, depth: u32) -> Result<()> {
        let end = self.pieces.len();
        for place in from..end {
            let piece = self.pieces.get(place).copied();
            if !matches!(piece, Some(Piece::Ptr(_))) && self.wants_parens(from, place) {
                self.out.push(')');
            }
            match piece {
                // Writing to a string does not fail.
                Some(Piece::Array(len)) => drop(write!(self.out, "[{len}]")),
                Some(Piece::Func(id)) => self.params(id, false, level, depth)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `(int, char *)`, or with names.
    pub(super) fn params(
        &mut self,
        proto: TypeId,
        named: bool,
        level: usize,
        depth: u32,
    ) -> Result<()> {
        let params = self.btf.ty(proto)?.params();
        let count = params.len();
        self.out.push('(');
        if count == 0 {
            self.out.push_str("void");
        }
        for (nth, param) in params.enumerate() {
            let param = param?;
            if nth > 0 {
                self.out.push_str(", ");
            }
            let name = if named { param.name } else { "" };
            match param.ty {
                // Nothing is known of them: C has no `...` without a parameter before it.
                TypeId::VOID if count == 1 => {}
                TypeId::VOID => self.out.push_str("..."),
                ty => self.declaration(ty, &Name::plain(name), level, depth)?,
            }
        }
        self.out.push(')');
        Ok(())
    }

    fn base(&mut self, ty: &Type<'a>, level: usize, depth: u32) -> Result<()> {
        match ty.kind() {
            Kind::Void => self.out.push_str("void"),
            Kind::Int => match ty.name()? {
                name if is_c_int(name) => self.out.push_str(name),
                _ => self.names.ident(ty)?.put(&mut self.out),
            },
            Kind::Float => self.out.push_str(ty.name()?),
            Kind::Typedef => self.names.ident(ty)?.put(&mut self.out),
            Kind::Fwd => {
                let keyword = if ty.kind_flag() { "union " } else { "struct " };
                self.out.push_str(keyword);
                self.names.forward(ty)?.put(&mut self.out);
            }
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 if ty.is_anonymous() => {
                self.body(ty, level, depth)?;
            }
            kind @ (Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64) => {
                self.out.extend([keyword(kind), " "]);
                self.names.tag(ty)?.put(&mut self.out);
            }
            kind => bail!(Mismatch, "type {} ({kind:?}) in a declaration", ty.id().0),
        }
        Ok(())
    }
}
