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
        let known = member.name.is_empty() || fields.iter().any(is_it);
        if !known && !covered(btf, &member, fields)? {
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
            false => differs(format!("it has no field `{name}`")),
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
