//! The bodies of structs, unions and enums.

use super::names::Name;
use super::order::keyword;
use super::{Dump, deeper};
use crate::Result;
use crate::btf::{Kind, RawMember, Type};
use alloc::string::String;
use core::fmt::Write;

impl<'a> Dump<'a> {
    /// `struct tag { ... }` and the like, with its attributes.
    pub(super) fn body(&mut self, ty: &Type<'a>, level: usize, depth: u32) -> Result<()> {
        let depth = deeper(depth, ty.id())?;
        if level == 0 {
            self.paddings = 0;
        }
        self.out.push_str(keyword(ty.kind()));
        let tag = self.names.tag(ty)?;
        if !tag.is_empty() {
            self.out.push(' ');
            tag.put(&mut self.out);
            // Only its name is known.
            if ty.kind().is_enum() && ty.enumerators().next().is_none() {
                return Ok(());
            }
        }
        self.out.push_str(" {\n");
        let attributes = if ty.kind().is_enum() {
            self.enumerators(ty, level)?
        } else {
            self.members(ty, level, depth)?
        };
        indent(&mut self.out, level);
        self.out.extend(["}", attributes]);
        self.check_size()
    }

    fn enumerators(&mut self, ty: &Type<'a>, level: usize) -> Result<&'static str> {
        let mut wide = false;
        for enumerator in ty.enumerators() {
            let enumerator = enumerator?;
            let value = enumerator.value;
            indent(&mut self.out, level.saturating_add(1));
            self.names.enumerator(enumerator.name).put(&mut self.out);
            // Writing to a string does not fail.
            let _ = match (ty.is_signed_enum(), ty.kind()) {
                (true, Kind::Enum64) => {
                    wide |= i32::try_from(value).is_err();
                    writeln!(self.out, " = {value}LL,")
                }
                (false, Kind::Enum64) => {
                    wide |= u32::try_from(value).is_err();
                    writeln!(self.out, " = {}ULL,", value as u64)
                }
                _ => writeln!(self.out, " = {value},"),
            };
        }
        Ok(match ty.size() {
            Some(1) => " __attribute__((mode(byte)))",
            Some(2) => " __attribute__((mode(HI)))",
            Some(8) if !wide => " __attribute__((mode(DI)))",
            _ => "",
        })
    }

    fn members(&mut self, ty: &Type<'a>, level: usize, depth: u32) -> Result<&'static str> {
        let layout = self.layouts.of(ty, depth)?;
        let size_bits = u64::from(ty.size().unwrap_or(0)).saturating_mul(8);
        let inner = level.saturating_add(1);
        let is_struct = ty.kind() == Kind::Struct;
        let mut at = 0_u64;
        for member in ty.raw_members() {
            let offset = u64::from(member.bit_offset);
            let bytes = self.btf.size_of(member.ty)?;
            if is_struct {
                let natural = self.natural(&member, bytes, at, layout.packed, depth)?;
                if natural != offset {
                    self.padding(inner, at, offset);
                }
            }
            indent(&mut self.out, inner);
            let name = Name::plain(self.names.text.at(member.name_off)?);
            self.declaration(member.ty, &name, inner, depth)?;
            let bits = match member.bit_size {
                0 => bytes.saturating_mul(8),
                bits => {
                    let _ = write!(self.out, ": {bits}");
                    u64::from(bits)
                }
            };
            self.out.push_str(";\n");
            let end = offset.saturating_add(bits);
            at = if is_struct { end } else { at.max(end) };
        }
        let unit = u64::from(layout.align_bytes).saturating_mul(8);
        if at.checked_next_multiple_of(unit) != Some(size_bits) && at < size_bits {
            let from = if is_struct { at } else { 0 };
            self.padding(inner, from, size_bits);
        }
        Ok(if layout.packed {
            " __attribute__((packed))"
        } else {
            ""
        })
    }

    /// Where C would put a member of so many bytes.
    fn natural(
        &mut self,
        member: &RawMember,
        bytes: u64,
        at: u64,
        packed: bool,
        depth: u32,
    ) -> Result<u64> {
        if member.bit_size != 0 {
            let unit = bytes.saturating_mul(8);
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

    /// Fills up from one bit to another: bit-fields to the next byte, bytes, bit-fields again.
    fn padding(&mut self, level: usize, from: u64, to: u64) {
        let bits = |out: &mut String, count: u64| {
            if count > 0 {
                indent(out, level);
                let _ = writeln!(out, "unsigned char: {count};");
            }
        };
        let first = from
            .checked_next_multiple_of(8)
            .map_or(to, |first| first.min(to));
        bits(&mut self.out, first.saturating_sub(from));
        let last = (to / 8).saturating_mul(8).max(first);
        let bytes = last.saturating_sub(first) / 8;
        if bytes > 0 {
            // Members of anonymous structs share the names of what they are in.
            self.paddings = self.paddings.wrapping_add(1);
            indent(&mut self.out, level);
            let number = self.paddings;
            let _ = writeln!(self.out, "unsigned char __padding_{number}[{bytes}];");
        }
        bits(&mut self.out, to.saturating_sub(last));
    }
}

/// Tabs before a line.
fn indent(out: &mut String, level: usize) {
    out.extend(core::iter::repeat_n('\t', level));
}
