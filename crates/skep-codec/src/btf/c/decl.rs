//! Declarations from the inside out, and the bodies of structs, unions and enums.

use super::names::{Names, identifier};
use super::order::{indent, is_c_int, keyword};
use super::{Dump, deeper};
use crate::Result;
use crate::btf::{Kind, Member, Type, TypeId};
use crate::error::bail;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

impl<'a> Dump<'a> {
    /// The declaration of `name` with type `id`; anonymous types are written out in it.
    pub(super) fn declaration(
        &mut self,
        id: TypeId,
        name: &str,
        level: usize,
        depth: u32,
    ) -> Result<String> {
        let depth = deeper(depth, id)?;
        let mut name = String::from(name);
        let mut qualifiers: Vec<&str> = Vec::new();
        let mut at = id;
        for _ in 0..crate::btf::MAX_DEPTH {
            let ty = self.btf.ty(at)?;
            let target = ty.target().unwrap_or_default();
            at = match ty.kind() {
                Kind::Const => qualified(&mut qualifiers, "const", target),
                Kind::Volatile => qualified(&mut qualifiers, "volatile", target),
                Kind::Restrict => qualified(&mut qualifiers, "restrict", target),
                Kind::TypeTag => target,
                Kind::Ptr => {
                    name = format!("*{}", joined(&mut qualifiers, &name));
                    target
                }
                Kind::Array => {
                    let array = ty.array()?;
                    name = format!("{}[{}]", in_parens(name), array.len);
                    array.element
                }
                Kind::FuncProto => {
                    let params = self.params(&ty, level, depth)?;
                    name = format!("{}({params})", in_parens(name));
                    qualifiers.clear();
                    target
                }
                _ => {
                    qualifiers.retain(|word| *word != "restrict");
                    let base = self.base(&ty, level, depth)?;
                    let base = joined(&mut qualifiers, &base);
                    return Ok(if name.is_empty() {
                        base
                    } else {
                        format!("{base} {name}")
                    });
                }
            };
            self.spend(name.len())?;
        }
        bail!(TooDeep, "type {} never ends", id.0)
    }

    fn params(&mut self, proto: &Type<'a>, level: usize, depth: u32) -> Result<String> {
        let mut out = Vec::new();
        for param in proto.params() {
            let param = param?;
            out.push(if param.ty == TypeId::VOID {
                "...".into()
            } else {
                self.declaration(param.ty, "", level, depth)?
            });
        }
        if out.is_empty() {
            return Ok("void".into());
        }
        Ok(out.join(", "))
    }

    fn base(&mut self, ty: &Type<'a>, level: usize, depth: u32) -> Result<String> {
        let name = ty.name()?;
        match ty.kind() {
            Kind::Void => Ok("void".into()),
            Kind::Int if !is_c_int(name) => self.names.ident(ty.id()),
            Kind::Int | Kind::Float => Ok(name.into()),
            Kind::Typedef => self.names.ident(ty.id()),
            Kind::Fwd => {
                let keyword = if ty.kind_flag() { "union" } else { "struct" };
                Ok(format!("{keyword} {}", Names::forward(ty)?))
            }
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 if name.is_empty() => {
                self.body(ty, level, depth)
            }
            kind @ (Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64) => {
                Ok(format!("{} {}", keyword(kind), self.names.tag(ty.id())?))
            }
            kind => bail!(Mismatch, "type {} ({kind:?}) in a declaration", ty.id().0),
        }
    }

    /// `struct tag { ... }` and the like, with its attributes.
    pub(super) fn body(&mut self, ty: &Type<'a>, level: usize, depth: u32) -> Result<String> {
        let depth = deeper(depth, ty.id())?;
        let tag = self.names.tag(ty.id())?;
        let mut out = String::from(keyword(ty.kind()));
        if !tag.is_empty() {
            out.extend([" ", &tag]);
        }
        out.push_str(" {\n");
        let attributes = if ty.kind().is_enum() {
            self.enumerators(ty, level, &mut out)?
        } else {
            self.members(ty, level, depth, &mut out)?
        };
        out.push_str(&indent(level));
        out.push('}');
        out.push_str(attributes);
        self.spend(out.len())?;
        Ok(out)
    }

    fn enumerators(
        &mut self,
        ty: &Type<'a>,
        level: usize,
        out: &mut String,
    ) -> Result<&'static str> {
        let mut wide = false;
        for enumerator in ty.enumerators() {
            let enumerator = enumerator?;
            let value = enumerator.value;
            let name = self.names.enumerator(enumerator.name);
            let value = match (ty.is_signed_enum(), ty.kind()) {
                (true, Kind::Enum64) => {
                    wide |= i32::try_from(value).is_err();
                    format!("{value}LL")
                }
                (false, Kind::Enum64) => {
                    wide |= u32::try_from(value).is_err();
                    format!("{}ULL", value as u64)
                }
                _ => format!("{value}"),
            };
            out.push_str(&format!(
                "{}{name} = {value},\n",
                indent(level.saturating_add(1))
            ));
        }
        Ok(match ty.size() {
            Some(1) => " __attribute__((mode(byte)))",
            Some(2) => " __attribute__((mode(HI)))",
            Some(8) if !wide => " __attribute__((mode(DI)))",
            _ => "",
        })
    }

    fn members(
        &mut self,
        ty: &Type<'a>,
        level: usize,
        depth: u32,
        out: &mut String,
    ) -> Result<&'static str> {
        let layout = self.layouts.of(ty, depth)?;
        let size_bits = u64::from(ty.size().unwrap_or(0)).saturating_mul(8);
        let inner = level.saturating_add(1);
        let is_struct = ty.kind() == Kind::Struct;
        let mut at = 0_u64;
        for member in ty.members() {
            let member = member?;
            let offset = u64::from(member.bit_offset);
            if is_struct {
                let natural = self.natural(&member, at, layout.packed, depth)?;
                if natural != offset {
                    padding(out, inner, at, offset);
                }
            }
            let name = identifier(member.name);
            let text = self.declaration(member.ty, &name, inner, depth)?;
            out.push_str(&indent(inner));
            out.push_str(&text);
            let bits = match member.bit_size {
                0 => self.btf.size_of(member.ty)?.saturating_mul(8),
                bits => {
                    out.push_str(&format!(": {bits}"));
                    u64::from(bits)
                }
            };
            out.push_str(";\n");
            self.spend(text.len())?;
            let end = offset.saturating_add(bits);
            at = if is_struct { end } else { at.max(end) };
        }
        let unit = u64::from(layout.align_bytes).saturating_mul(8);
        if at.checked_next_multiple_of(unit) != Some(size_bits) && at < size_bits {
            let from = if is_struct { at } else { 0 };
            padding(out, inner, from, size_bits);
        }
        Ok(if layout.packed {
            " __attribute__((packed))"
        } else {
            ""
        })
    }

    /// Where C would put a member.
    fn natural(&mut self, member: &Member<'a>, at: u64, packed: bool, depth: u32) -> Result<u64> {
        if member.bit_size != 0 {
            let unit = self.btf.size_of(member.ty)?.saturating_mul(8);
            let inside = at.checked_rem(unit).unwrap_or(0);
            let end = inside.saturating_add(member.bit_size.into());
            return Ok(if packed || end <= unit {
                at
            } else {
                at.checked_next_multiple_of(unit).unwrap_or(at)
            });
        }
        let align = if packed {
            1
        } else {
            self.layouts.align_of(member.ty, depth)?
        };
        let unit = u64::from(align).saturating_mul(8);
        Ok(at.checked_next_multiple_of(unit).unwrap_or(at))
    }
}

/// Fills up from one bit to another: bit-fields to the next byte, bytes, bit-fields again.
fn padding(out: &mut String, level: usize, from: u64, to: u64) {
    let mut bits = |count: u64| {
        if count > 0 {
            out.push_str(&format!("{}unsigned char: {count};\n", indent(level)));
        }
    };
    let first = from.next_multiple_of(8).min(to);
    bits(first.saturating_sub(from));
    let last = (to / 8).saturating_mul(8).max(first);
    let bytes = last.saturating_sub(first) / 8;
    if bytes > 0 {
        let offset = first / 8;
        out.push_str(&format!(
            "{}unsigned char __padding_{offset}[{bytes}];\n",
            indent(level)
        ));
    }
    let rest = to.saturating_sub(last);
    if rest > 0 {
        out.push_str(&format!("{}unsigned char: {rest};\n", indent(level)));
    }
}

fn qualified(qualifiers: &mut Vec<&'static str>, word: &'static str, target: TypeId) -> TypeId {
    if !qualifiers.contains(&word) {
        qualifiers.push(word);
    }
    target
}

fn joined(qualifiers: &mut Vec<&str>, name: &str) -> String {
    let mut words: Vec<&str> = core::mem::take(qualifiers);
    if !name.is_empty() {
        words.push(name);
    }
    words.join(" ")
}

fn in_parens(name: String) -> String {
    if name.starts_with('*') {
        format!("({name})")
    } else {
        name
    }
}
