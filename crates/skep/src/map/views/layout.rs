//! A view's structs beside the map's own types.

use crate::error::Context;
use crate::plain::PlainField;
use crate::{Btf, Error, ErrorKind, Result, TypeId};
use alloc::string::String;
use skep_codec::btf::Member;

/// Checks that a struct of these fields is the type `id`: every field is a member of the same
/// name, place and size, but those that begin with `_` where there is no member. Nothing is said
/// of what has no fields: its size is all it has.
#[inline]
pub(super) fn compare(btf: &Btf, id: TypeId, fields: &[PlainField]) -> Result<()> {
    if fields.is_empty() {
        return Ok(());
    }
    let ty = btf.peel(id)?;
    if !ty.kind().is_composite() {
        return differs(format!("it is no struct, but {:?}", ty.kind()));
    }
    for field in fields {
        compare_field(btf, id, field)?;
    }
    for member in ty.members() {
        let member = member?;
        let is_it = |field: &PlainField| names(field).contains(&Some(member.name));
        if !fields.iter().any(is_it) && !covered(btf, &member, fields)? {
            return differs(format!("`{}` is missing in the view", member.name));
        }
    }
    Ok(())
}

#[inline]
fn compare_field(btf: &Btf, id: TypeId, field: &PlainField) -> Result<()> {
    let name = field.name;
    let mut found = None;
    for name in names(field).into_iter().flatten() {
        if found.is_none() {
            found = find(btf, id, name, 0, 0)?;
        }
    }
    let Some((member, offset)) = found else {
        return match name.starts_with('_') {
            true => Ok(()),
            false => differs(format!(
                "it has no field `{name}` (the name of padding begins with `_`)"
            )),
        };
    };
    if offset != field.offset as u64 * 8 {
        let (here, there) = (field.offset, offset / 8);
        return differs(format!(
            "`{name}` is at byte {there}, in the view at {here}"
        ));
    }
    let size = btf.size_of(member.ty)?;
    if member.bit_size != 0 || size != field.size as u64 {
        let here = field.size;
        return differs(format!("`{name}` has {size} bytes, in the view {here}"));
    }
    compare(btf, member.ty, field.fields).context(format_args!("field `{name}`"))
}

/// What a field may be called in C: `self_` is `self`, which no name in Rust can be.
#[inline]
fn names(field: &PlainField) -> [Option<&'static str>; 2] {
    let bare = field.name.strip_suffix('_');
    [Some(field.name), bare.filter(|name| !name.is_empty())]
}

/// How deep anonymous structs are looked into.
const DEPTH: u32 = 16;

/// The member of this name, also of anonymous members, and its offset in bits.
#[inline]
fn find<'a>(
    btf: &'a Btf,
    id: TypeId,
    name: &str,
    base: u64,
    depth: u32,
) -> Result<Option<(Member<'a>, u64)>> {
    let ty = btf.peel(id)?;
    if !ty.kind().is_composite() || depth == DEPTH {
        return Ok(None);
    }
    for member in ty.members() {
        let member = member?;
        let offset = base + u64::from(member.bit_offset);
        if member.name == name {
            return Ok(Some((member, offset)));
        }
        if member.name.is_empty()
            && let Some(found) = find(btf, member.ty, name, offset, depth + 1)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Whether a field that is not to be looked at (`_…`) is where this member is.
#[inline]
fn covered(btf: &Btf, member: &Member<'_>, fields: &[PlainField]) -> Result<bool> {
    let start = u64::from(member.bit_offset) / 8;
    let end = match member.bit_size {
        0 => start + btf.size_of(member.ty)?,
        bits => (u64::from(member.bit_offset) + u64::from(bits)).div_ceil(8),
    };
    let hides = |field: &&PlainField| {
        let (at, len) = (field.offset as u64, field.size as u64);
        field.name.starts_with('_') && at <= start && end <= at + len
    };
    // Of a union, one member that is known is enough.
    let shares = |field: &&PlainField| field.offset as u64 == start;
    Ok(fields
        .iter()
        .find(hides)
        .or(fields.iter().find(shares))
        .is_some())
}

#[inline]
fn differs(what: String) -> Result<()> {
    Err(Error::new(ErrorKind::Invalid, what))
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::plain::Plain;
    use crate::{Btf, TypeId};
    use alloc::string::ToString;
    use skep_codec::btf::{BtfBuilder, Int, Member};
    use skep_codec::bytes::Endian;

    crate::plain! {
        struct Generated { self_: u32, __bits_1: u32, last: u32 }
    }

    crate::plain! {
        struct Bits { self_: u32, low: u32, last: u32 }
    }

    crate::plain! {
        struct Either { left: u32 }
    }

    crate::plain! {
        struct Inside { self_: u32, first: u32, second: u32 }
    }

    crate::plain! {
        struct Short { self_: u32, __bits_1: u16, _rest: u16, last: u32 }
    }

    fn unsigned_int(b: &mut BtfBuilder) -> TypeId {
        let int = Int {
            signed: false,
            char: false,
            bool: false,
            offset: 0,
            bits: 32,
        };
        b.add_int("unsigned int", 4, int)
    }

    #[test]
    fn names_that_rust_has_not_and_bit_fields_are_where_they_are() {
        let mut b = BtfBuilder::new();
        let int = unsigned_int(&mut b);
        let member = |name, bit_offset, bit_size| Member {
            name,
            ty: int,
            bit_offset,
            bit_size,
        };
        let members = [
            member("self", 0, 0),
            member("low", 32, 3),
            member("high", 48, 16),
            member("last", 64, 0),
        ];
        let whole = b.add_struct("whole", 12, &members);
        let moved = b.add_struct("moved", 12, &[member("last", 0, 0), member("self", 64, 0)]);
        let btf = Btf::from_bytes(&b.to_bytes(Endian::Little).unwrap()).unwrap();
        compare(&btf, whole, Generated::FIELDS).unwrap();
        compare(&btf, whole, Short::FIELDS).unwrap();
        let error = compare(&btf, moved, Generated::FIELDS).unwrap_err();
        assert!(
            error.to_string().contains("`self_` is at byte 8"),
            "{error}"
        );
        let lacking = &Generated::FIELDS[..2];
        let error = compare(&btf, whole, lacking).unwrap_err();
        assert!(error.to_string().contains("`last` is missing"), "{error}");
        // A number where there are bits of one, though it is as large.
        let error = compare(&btf, whole, Bits::FIELDS).unwrap_err();
        assert!(error.to_string().contains("`low` has 4 bytes"), "{error}");
    }

    #[test]
    fn members_of_what_has_no_name_are_members() {
        let mut b = BtfBuilder::new();
        let int = unsigned_int(&mut b);
        let member = |name, ty, bit_offset| Member {
            name,
            ty,
            bit_offset,
            bit_size: 0,
        };
        let either = b.add_union(
            "either",
            4,
            &[member("left", int, 0), member("right", int, 0)],
        );
        let inner = [member("first", int, 0), member("second", int, 32)];
        let inner = b.add_struct("", 8, &inner);
        let outer = [member("self", int, 0), member("", inner, 32)];
        let outer = b.add_struct("outer", 12, &outer);
        let btf = Btf::from_bytes(&b.to_bytes(Endian::Little).unwrap()).unwrap();
        // Of a union, whichever the view is for.
        compare(&btf, either, Either::FIELDS).unwrap();
        compare(&btf, outer, Inside::FIELDS).unwrap();
        let error = compare(&btf, outer, Generated::FIELDS).unwrap_err();
        assert!(error.to_string().contains("no field `last`"), "{error}");
    }
}
