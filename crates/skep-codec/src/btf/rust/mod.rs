//! Types as Rust: declarations that rustc lays out the same, and checks that they are.

mod body;
pub(crate) mod names;
#[cfg(test)]
mod tests;

use super::c::layout::Layouts;
use super::c::{order, output_limit};
use super::{Btf, Kind, MAX_DEPTH, Type, TypeId};
use crate::Result;
use crate::error::bail;
use alloc::string::String;
use core::fmt::Write;
use names::Names;

/// The Rust declarations of the types `roots` and of what they hold; of all types but the base's
/// where `roots` is empty, sorted. It is meant to be a file of its own (`mod kernel;`).
///
/// Structs and unions are `repr(C)` with every padding as a member, or packed where they lie as C
/// would not lay them, and rustc checks the size of each and the offset of every member. Values are
/// foreign ones, so every member takes any bits:
/// - Pointers are `u64` (`u32` where the types are a 32-bit machine's): what they point to is in
///   another memory. The comment says what that is.
/// - `bool` is `u8`. Enums are newtypes with constants, or constants where nothing has the enum's type.
/// - Bit-fields that lie together are one integer or array of bytes; the comment has their bits,
///   counted as BTF does: on little-endian machines from the lowest.
///
/// Of types with the same name the later ones get a number (`___2`); anonymous ones are called after
/// their typedef, or after the member that has them. Forward declarations are without size.
///
/// # Errors
/// Types that refer to what is not there or never end.
pub fn dump_rust(btf: &Btf, roots: &[TypeId]) -> Result<String> {
    let btf = btf.indexed()?;
    let mut dump = Dump::new(&btf);
    if roots.is_empty() {
        for id in order::sorted(&btf, dump.names.text)? {
            dump.root(id)?;
        }
    }
    roots.iter().try_for_each(|id| dump.root(*id))?;
    Ok(dump.out)
}

const BEFORE: &str = "\
// Types as BTF has them. Their layouts are checked when this is compiled.\n\
#![allow(dead_code, missing_docs, unreachable_pub)]\n\
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]\n\
#![allow(clippy::all)]\n";

/// Types that are nothing but their bytes, declared as they are asked for: `skep::Plain`, with a
/// value of zeros, and unions as their bytes with a pair of functions for each member.
pub(crate) struct PlainTypes<'a>(Dump<'a>);

impl<'a> PlainTypes<'a> {
    /// Of these types, which are better [indexed](Btf::indexed).
    pub(crate) fn new(btf: &'a Btf) -> Self {
        let mut dump = Dump::new(btf);
        dump.out.clear();
        dump.plain = true;
        // Unions take two functions for each member.
        dump.max_output = dump.max_output.saturating_mul(4);
        Self(dump)
    }

    /// What Rust calls the type of a value, from outside the module `types` that has the
    /// declarations. What is anonymous is called after `context`.
    ///
    /// # Errors
    /// What cannot be declared; nothing is then left of it.
    pub(crate) fn of(&mut self, id: TypeId, context: &str) -> Result<String> {
        let dump = &mut self.0;
        let (text, queue) = (dump.out.len(), dump.names.len());
        let value = dump.value(id, context, 0);
        let declared = value.and_then(|value| dump.declare_all().map(|()| value));
        if declared.is_err() {
            dump.out.truncate(text);
            dump.names.forget(queue);
        }
        let mut value = declared?;
        let at = value.find(|c| c != '[').unwrap_or(0);
        let base = value.get(at..).unwrap_or_default();
        let end = base.find([';', ']']).unwrap_or(base.len());
        if !names::is_primitive(base.get(..end).unwrap_or_default()) {
            value.insert_str(at, "types::");
        }
        Ok(value)
    }

    /// The declarations.
    pub(crate) fn into_text(self) -> String {
        self.0.out
    }
}

struct Dump<'a> {
    btf: &'a Btf,
    out: String,
    /// Whether types are declared by `skep::plain!`.
    plain: bool,
    max_output: usize,
    names: Names<'a>,
    layouts: Layouts<'a>,
}

impl<'a> Dump<'a> {
    fn new(btf: &'a Btf) -> Self {
        Self {
            btf,
            out: BEFORE.into(),
            plain: false,
            max_output: output_limit(btf),
            names: Names::new(btf),
            layouts: Layouts::new(btf),
        }
    }

    /// Declares a type that somebody asked for, and what it holds.
    fn root(&mut self, id: TypeId) -> Result<()> {
        let ty = self.btf.ty(id)?;
        match ty.kind() {
            Kind::Enum | Kind::Enum64 if ty.is_anonymous() => self.constants(&ty)?,
            _ if ty.is_anonymous() => {}
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Fwd => {
                self.names.of(&ty, "")?;
            }
            Kind::Typedef => drop(self.typedef(&ty)?),
            _ => {}
        }
        self.declare_all()
    }

    /// Declares what has a name and no declaration.
    fn declare_all(&mut self) -> Result<()> {
        while let Some((id, name)) = self.names.next() {
            let ty = self.btf.ty(id)?;
            self.declare(&ty, &name)?;
            self.check_size(0)?;
        }
        Ok(())
    }

    fn declare(&mut self, ty: &Type<'a>, name: &str) -> Result<()> {
        match ty.kind() {
            Kind::Typedef => {
                let target = self.value(ty.target().unwrap_or_default(), name, 0)?;
                self.out
                    .extend(["\npub type ", name, " = ", &target, ";\n"]);
                Ok(())
            }
            Kind::Enum | Kind::Enum64 => self.newtype(ty, name),
            Kind::Fwd => {
                self.out.push_str("\n#[repr(C)]\npub struct ");
                self.out.extend([name, " {\n    _opaque: [u8; 0],\n}\n"]);
                Ok(())
            }
            _ => self.composite(ty, name),
        }
    }

    /// What Rust calls the type of a value; what is anonymous in it is called after `context`.
    fn value(&mut self, id: TypeId, context: &str, depth: u32) -> Result<String> {
        let ty = self.btf.ty(id)?;
        let target = ty.target().unwrap_or_default();
        if depth >= MAX_DEPTH {
            bail!(TooDeep, "type {} never ends", id.0);
        }
        let deeper = depth.saturating_add(1);
        match ty.kind() {
            Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => {
                self.value(target, context, deeper)
            }
            Kind::Typedef => match self.typedef(&ty)? {
                Some(name) => Ok(name),
                None => self.value(target, context, deeper),
            },
            Kind::Ptr if self.btf.pointer_size() == 4 => Ok("u32".into()),
            Kind::Ptr => Ok("u64".into()),
            Kind::Array => {
                let array = ty.array()?;
                let element = self.value(array.element, context, deeper)?;
                Ok(format!("[{element}; {}]", array.len))
            }
            // Text is bytes.
            Kind::Int if self.plain && self.names.text.at(ty.name_offset())? == "char" => {
                Ok(bytes_or_one(ty.size()))
            }
            Kind::Int => Ok(integer(ty.size(), ty.int()?)),
            Kind::Float => Ok(match ty.size() {
                Some(4) => "f32".into(),
                Some(8) => "f64".into(),
                size => bytes(size.unwrap_or(0).into()),
            }),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => self.names.of(&ty, context),
            kind => bail!(Mismatch, "type {} ({kind:?}) is of no value", id.0),
        }
    }

    /// The name of a typedef; `None` where Rust has the name itself, or there are no such values.
    fn typedef(&mut self, ty: &Type<'a>) -> Result<Option<String>> {
        let valued = self.btf.peel(ty.id())?;
        if matches!(valued.kind(), Kind::Void | Kind::FuncProto | Kind::Fwd) {
            return Ok(None);
        }
        let name = self.names.text.at(ty.name_offset())?;
        if names::is_primitive(name) {
            return Ok(None);
        }
        let mut inner = self.btf.ty(ty.target().unwrap_or_default())?;
        while inner.kind().is_modifier() && inner.kind() != Kind::Typedef {
            inner = self.btf.ty(inner.target().unwrap_or_default())?;
        }
        let own = inner.kind().is_composite() || inner.kind().is_enum();
        if own && (inner.is_anonymous() || self.names.text.at(inner.name_offset())? == name) {
            let inner = self.names.of(&inner, name)?;
            if inner == names::escaped(name) {
                return Ok(Some(inner));
            }
        }
        self.names.of(ty, "").map(Some)
    }

    /// In C's words what a pointer points to.
    fn pointee(&self, id: TypeId, depth: u32) -> Result<String> {
        let ty = self.btf.ty(id)?;
        let target = ty.target().unwrap_or_default();
        let deeper = depth.saturating_add(1);
        let name = || -> Result<String> {
            Ok(names::identifier(self.names.text.at(ty.name_offset())?).into_owned())
        };
        Ok(match ty.kind() {
            _ if depth >= MAX_DEPTH => "...".into(),
            Kind::Const => format!("const {}", self.pointee(target, deeper)?),
            Kind::Volatile | Kind::Restrict | Kind::TypeTag => self.pointee(target, deeper)?,
            Kind::Ptr => format!("{} *", self.pointee(target, deeper)?),
            Kind::Array => {
                let array = ty.array()?;
                let element = self.pointee(array.element, deeper)?;
                format!("{element}[{}]", array.len)
            }
            Kind::Void => "void".into(),
            Kind::FuncProto => "function".into(),
            Kind::Fwd if ty.kind_flag() => format!("union {}", name()?),
            Kind::Fwd => format!("struct {}", name()?),
            Kind::Int => self
                .names
                .text
                .at(ty.name_offset())?
                .replace(['\n', '\r'], " "),
            kind if kind.is_composite() || kind.is_enum() => {
                format!("{} {}", order::keyword(kind), name()?)
            }
            _ => name()?,
        })
    }

    /// Ends what would be too long, with so many bytes that are still to be written.
    fn check_size(&self, waiting: usize) -> Result<()> {
        if self.out.len().saturating_add(waiting) > self.max_output {
            bail!(TooLarge, "names multiply to too much Rust");
        }
        Ok(())
    }

    /// `const NAME: u32 = 1;` for each of an enum's.
    fn constants(&mut self, ty: &Type<'a>) -> Result<()> {
        self.out.push('\n');
        let (repr, shift) = enum_repr(ty);
        for enumerator in ty.enumerators() {
            let enumerator = enumerator?;
            let name = self.names.fresh(enumerator.name);
            let value = cut(enumerator.value, shift, ty.is_signed_enum());
            // Writing to a string does not fail.
            let _ = writeln!(self.out, "pub const {name}: {repr} = {value};");
            self.check_size(0)?;
        }
        Ok(())
    }

    /// A newtype that has an enum's values as constants.
    fn newtype(&mut self, ty: &Type<'a>, name: &str) -> Result<()> {
        let (repr, shift) = enum_repr(ty);
        let (head, tail) = match self.plain {
            true => (
                "\n::skep::plain! {\n    #[derive(Debug, PartialEq, Eq)]\n    pub struct ",
                ");\n}\n",
            ),
            false => (
                "\n#[repr(transparent)]\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub struct ",
                ");\n",
            ),
        };
        self.out.extend([head, name, "(pub ", &repr, tail]);
        self.zeroed(name);
        // Nothing is known of one that is only declared, or of a size that no integer has.
        if shift.is_some() && ty.enumerators().len() > 0 {
            self.out.extend(["impl ", name, " {\n"]);
            let mut known = names::Members::default();
            for enumerator in ty.enumerators() {
                let enumerator = enumerator?;
                let constant = known.fresh(enumerator.name);
                let value = cut(enumerator.value, shift, ty.is_signed_enum());
                let _ = writeln!(self.out, "    pub const {constant}: Self = Self({value});");
                self.check_size(0)?;
            }
            self.out.push_str("}\n");
        }
        let size = ty.size().unwrap_or(0);
        let size_of = "::core::mem::size_of";
        let _ = writeln!(
            self.out,
            "const _: () = assert!({size_of}::<{name}>() == {size});"
        );
        Ok(())
    }
}

impl Dump<'_> {
    /// `Default`, where values are [`PlainTypes`].
    fn zeroed(&mut self, name: &str) {
        if self.plain {
            self.out.extend([
                "impl ::core::default::Default for ",
                name,
                " {\n    fn default() -> Self {\n        ::skep::Plain::zeroed()\n    }\n}\n",
            ]);
        }
    }
}

/// So many bytes.
fn bytes(count: u64) -> String {
    format!("[u8; {count}]")
}

/// A `char`, of whatever size.
fn bytes_or_one(size: Option<u32>) -> String {
    match size {
        Some(1) => "u8".into(),
        size => bytes(size.unwrap_or(0).into()),
    }
}

/// An integer of this size; bytes where Rust has none. No `bool`: a foreign one may be 2.
fn integer(size: Option<u32>, int: super::Int) -> String {
    let size = size.unwrap_or(0);
    let sign = if int.signed && !int.bool { 'i' } else { 'u' };
    match size {
        1 | 2 | 4 | 8 | 16 => format!("{sign}{}", size.saturating_mul(8)),
        _ => bytes(size.into()),
    }
}

/// What an enum's values are, and the bits of an `i64` that they have not.
fn enum_repr(ty: &Type<'_>) -> (String, Option<u32>) {
    let size = ty.size().unwrap_or(0);
    let sign = if ty.is_signed_enum() { 'i' } else { 'u' };
    match size {
        1 | 2 | 4 | 8 => {
            let bits = size.saturating_mul(8);
            (format!("{sign}{bits}"), Some(64_u32.saturating_sub(bits)))
        }
        _ => (bytes(size.into()), None),
    }
}

/// A value cut to as many bits as there are.
fn cut(value: i64, shift: Option<u32>, signed: bool) -> i128 {
    let shift = shift.unwrap_or(0);
    let raised = value.wrapping_shl(shift);
    match signed {
        true => raised.wrapping_shr(shift).into(),
        false => (raised as u64).wrapping_shr(shift).into(),
    }
}
