//! Fields by their names: `task_struct.mm.pgd`, `net_device.dev_addr_shadow[2]`.

use super::{Btf, Kind, MAX_DEPTH, Type, TypeId};
use crate::error::bail;
use crate::text;
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;

/// Members that may be looked at for one path: anonymous ones inside each other could otherwise
/// multiply without end.
pub(super) const MAX_LOOKS: u32 = 1 << 20;

/// Names that an error lists.
pub(super) const TOLD: usize = 24;

/// The first names of a type, as an error lists them.
pub(super) fn told(names: &[&str], ty: &Type<'_>) -> String {
    let mut list = text::joined(names, ", ");
    if ty.vlen() as usize > TOLD {
        list.push_str(", ...");
    }
    list
}

/// Where a field is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bits from the start of the struct; after each pointer on the way from the start of what it
    /// points to.
    pub bit_offsets: Vec<u64>,
    /// Its width in bits if it is a bit-field, else 0.
    pub bit_size: u8,
    /// Its type.
    pub ty: TypeId,
}

impl Btf {
    /// The field that a path of names leads to. The first is of a struct, union or typedef; then
    /// follow members, those of anonymous members among them, and elements of arrays (`[3]`).
    /// Pointers to structs are followed.
    ///
    /// # Errors
    /// `NotFound` for names that are not there, `Mismatch` for members of what has none, `Malformed`
    /// for text that is no path.
    #[inline]
    pub fn field(&self, path: &str) -> Result<Field> {
        let (name, _) = indexed(path.split('.').next().unwrap_or_default())?;
        if name.is_empty() || path.ends_with('.') {
            bail!(Malformed, "`{path}`: a name is missing");
        }
        let kinds = [Kind::Struct, Kind::Union, Kind::Typedef];
        let root = kinds.iter().find_map(|kind| self.find(name, Some(*kind)));
        let Some(root) = root else {
            bail!(NotFound, "no struct, union or typedef `{name}`");
        };
        let inside = path.get(name.len()..).unwrap_or_default();
        self.field_in(root, inside, &mut { MAX_LOOKS })
    }

    /// The field that a path leads to inside a value of type `root`: `a.b[2]`, `[3].c`, or nothing
    /// for all of it. `looks_left` bounds the work.
    pub(super) fn field_in(&self, root: TypeId, path: &str, looks_left: &mut u32) -> Result<Field> {
        let mut field = Field {
            bit_offsets: alloc::vec![0],
            bit_size: 0,
            ty: root,
        };
        if path.is_empty() {
            return Ok(field);
        }
        let mut parts = path.strip_prefix('.').unwrap_or(path).split('.');
        if path.starts_with('[') {
            let (_, indices) = indexed(parts.next().unwrap_or_default())?;
            self.elements(&mut field, &indices, path)?;
        }
        for part in parts {
            let (name, indices) = indexed(part)?;
            if name.is_empty() {
                bail!(Malformed, "`{path}`: a name is missing");
            }
            self.follow_pointer(&mut field)?;
            let ty = self.peel(field.ty)?;
            if !ty.kind().is_composite() && ty.kind() != Kind::Datasec {
                let what = what_it_is(&ty);
                bail!(Mismatch, "`{path}`: {what} has no member `{name}`");
            }
            let Some((bits, bit_size, id)) = self.member_named(&ty, name, 0, looks_left)? else {
                return Err(self.no_member(&ty, name)?);
            };
            advance(&mut field, bits)?;
            (field.bit_size, field.ty) = (bit_size, id);
            self.elements(&mut field, &indices, path)?;
        }
        Ok(field)
    }

    /// An error that tells the members that there are.
    fn no_member(&self, ty: &Type<'_>, name: &str) -> Result<Error> {
        let mut names = Vec::new();
        for member in ty.members().take(TOLD) {
            names.push(member?.name);
        }
        for var in ty.variables().take(TOLD) {
            names.push(self.ty(var?.ty)?.name()?);
        }
        names.retain(|name| !name.is_empty());
        let kind = format!("{:?}", ty.kind()).to_lowercase();
        let what = format!(
            "{kind} `{}` has no `{name}`; it has {}",
            ty.name()?,
            told(&names, ty)
        );
        Ok(Error::new(ErrorKind::NotFound, what))
    }

    fn follow_pointer(&self, field: &mut Field) -> Result<()> {
        let ty = self.peel(field.ty)?;
        if ty.kind() == Kind::Ptr {
            field.bit_offsets.push(0);
            field.ty = ty.target().unwrap_or_default();
        }
        Ok(())
    }

    #[inline]
    fn elements(&self, field: &mut Field, indices: &[u64], path: &str) -> Result<()> {
        for index in indices {
            let ty = self.peel(field.ty)?;
            if ty.kind() != Kind::Array {
                let what = what_it_is(&ty);
                bail!(Mismatch, "`{path}`: {what} has no elements");
            }
            let array = ty.array()?;
            // An array without a length is the open end of its struct.
            if array.len != 0 && *index >= u64::from(array.len) {
                bail!(NotFound, "`{path}`: the array has {} elements", array.len);
            }
            let bits = self.size_of(array.element)?.checked_mul(8);
            let Some(bits) = bits.and_then(|bits| bits.checked_mul(*index)) else {
                bail!(TooLarge, "`{path}`");
            };
            advance(field, bits)?;
            field.ty = array.element;
        }
        Ok(())
    }

    /// Offset and width in bits and type of a member, looked for in anonymous ones too.
    #[inline]
    fn member_named(
        &self,
        ty: &Type<'_>,
        name: &str,
        depth: u32,
        looks_left: &mut u32,
    ) -> Result<Option<(u64, u8, TypeId)>> {
        if depth > MAX_DEPTH {
            bail!(TooDeep, "type {} never ends", ty.id().0);
        }
        for var in ty.variables() {
            let var = var?;
            let ty = self.ty(var.ty)?;
            spend(looks_left, name)?;
            if ty.name()? == name {
                let bits = u64::from(var.offset).saturating_mul(8);
                return Ok(Some((bits, 0, ty.target().unwrap_or_default())));
            }
        }
        for member in ty.raw_members() {
            spend(looks_left, name)?;
            let offset = u64::from(member.bit_offset);
            if self.string_is(member.name_off, name) {
                return Ok(Some((offset, member.bit_size, member.ty)));
            }
            if !self.string_is(member.name_off, "") {
                continue;
            }
            let inner = self.peel(member.ty)?;
            let deeper = depth.saturating_add(1);
            if let Some((inside, bit_size, id)) =
                self.member_named(&inner, name, deeper, looks_left)?
            {
                return Ok(Some((offset.saturating_add(inside), bit_size, id)));
            }
        }
        Ok(None)
    }
}

/// What a type without members or elements is.
fn what_it_is(ty: &Type<'_>) -> &'static str {
    match ty.kind() {
        Kind::Int | Kind::Float => "a number",
        Kind::Enum | Kind::Enum64 => "an enumeration",
        Kind::Array => "an array",
        Kind::Ptr => "a pointer",
        Kind::Struct | Kind::Union => "a struct",
        _ => "what is declared only",
    }
}

#[inline]
fn spend(looks_left: &mut u32, name: &str) -> Result<()> {
    match looks_left.checked_sub(1) {
        Some(left) => {
            *looks_left = left;
            Ok(())
        }
        None => bail!(TooLarge, "too many members to look for `{name}`"),
    }
}

#[inline]
fn advance(field: &mut Field, bits: u64) -> Result<()> {
    match field.bit_offsets.last_mut() {
        Some(last) => match last.checked_add(bits) {
            Some(sum) => *last = sum,
            None => bail!(TooLarge, "field offset"),
        },
        None => field.bit_offsets.push(bits),
    }
    Ok(())
}

/// `name[1][2]` in parts.
#[inline]
fn indexed(part: &str) -> Result<(&str, Vec<u64>)> {
    let mut pieces = part.split('[');
    let name = pieces.next().unwrap_or_default();
    let mut indices = Vec::new();
    for piece in pieces {
        match piece.strip_suffix(']').map(str::parse) {
            Some(Ok(index)) => indices.push(index),
            _ => bail!(Malformed, "`{part}`: expected NAME[NUMBER]"),
        }
    }
    Ok((name, indices))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::btf::tests::{built, int, member};
    use crate::btf::{Array, BtfBuilder, Member};
    use crate::bytes::Endian;
    use alloc::vec;

    fn sample() -> Btf {
        let mut b = BtfBuilder::new();
        let u32_ = int(&mut b, "unsigned int", 4, false);
        let row = b.add_array(Array {
            element: u32_,
            index: u32_,
            len: 3,
        });
        let grid = b.add_array(Array {
            element: row,
            index: u32_,
            len: 2,
        });
        let bits = Member {
            name: "low",
            ty: u32_,
            bit_offset: 37,
            bit_size: 3,
        };
        let inner = b.add_struct("", 8, &[member("first", u32_, 0), bits]);
        let fixed = b.add_const(inner);
        let mm = b.add_struct(
            "mm",
            40,
            &[member("pgd", u32_, 64), member("grid", grid, 128)],
        );
        let to_mm = b.add_ptr(mm);
        let task = [member("", fixed, 32), member("mm", to_mm, 128)];
        let task = b.add_struct("task", 24, &task);
        b.add_typedef("task_t", task);
        built(&b, Endian::Little)
    }

    #[test]
    fn paths_lead_through_pointers_arrays_and_anonymous_members() {
        let btf = sample();
        for (path, offsets, bit_size) in [
            ("task", vec![0], 0),
            ("task.first", vec![32], 0),
            ("task_t.low", vec![69], 3),
            ("task.mm", vec![128], 0),
            ("task.mm.pgd", vec![128, 64], 0),
            ("task.mm.grid[1]", vec![128, 224], 0),
            ("task.mm.grid[1][2]", vec![128, 288], 0),
        ] {
            let field = btf.field(path).unwrap();
            assert_eq!(
                (field.bit_offsets, field.bit_size),
                (offsets, bit_size),
                "{path}"
            );
        }
    }

    #[test]
    fn anonymous_members_do_not_multiply_without_end() {
        let mut b = BtfBuilder::new();
        let mut ty = int(&mut b, "int", 4, true);
        for _ in 0..60 {
            ty = b.add_union("", 4, &[member("", ty, 0), member("", ty, 0)]);
        }
        b.add_struct("s", 4, &[member("", ty, 0)]);
        let error = built(&b, Endian::Little).field("s.x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn what_is_not_there_is_told() {
        let btf = sample();
        for (path, kind) in [
            ("", ErrorKind::Malformed),
            ("task..mm", ErrorKind::Malformed),
            ("task.mm.grid[x]", ErrorKind::Malformed),
            ("nonesuch.x", ErrorKind::NotFound),
            ("task.nonesuch", ErrorKind::NotFound),
            ("task.mm.grid[2]", ErrorKind::NotFound),
            ("task.first.x", ErrorKind::Mismatch),
            ("task.first[0]", ErrorKind::Mismatch),
        ] {
            assert_eq!(btf.field(path).unwrap_err().kind(), kind, "{path}");
        }
    }
}
