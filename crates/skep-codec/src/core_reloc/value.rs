//! What a relocation asks for, worked out in one set of types.

use super::spec::Spec;
use crate::Result;
use crate::btf::{CoreKind, Kind, TypeId};
use crate::bytes::Endian;
use crate::error::bail;

/// A value in one set of types.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Computed {
    pub(super) value: u64,
    /// Whether the compiler is sure to have come to the same value.
    pub(super) certain: bool,
    /// Size and type of the field, for a load or store at its offset.
    pub(super) access: Option<(u64, TypeId)>,
}

impl Computed {
    fn certain(value: u64) -> Self {
        Self {
            value,
            certain: true,
            access: None,
        }
    }
}

/// Computes the value; `None` where it takes something that is not there.
pub(super) fn compute(kind: CoreKind, spec: Option<&Spec<'_>>) -> Result<Option<Computed>> {
    let exists = u64::from(spec.is_some());
    match (kind, spec) {
        (
            CoreKind::FieldExists
            | CoreKind::TypeExists
            | CoreKind::TypeMatches
            | CoreKind::EnumvalExists,
            _,
        ) => Ok(Some(Computed::certain(exists))),
        (CoreKind::TypeSize | CoreKind::TypeIdTarget | CoreKind::TypeIdLocal, None) => {
            Ok(Some(Computed::certain(0)))
        }
        (_, None) => Ok(None),
        (CoreKind::TypeSize, Some(spec)) => {
            let size = spec.btf.size_of(spec.root)?;
            Ok(Some(Computed::certain(size)))
        }
        // Linkers renumber types: the instruction need not hold the id.
        (CoreKind::TypeIdTarget | CoreKind::TypeIdLocal, Some(spec)) => Ok(Some(Computed {
            value: u64::from(spec.root.0),
            ..Computed::default()
        })),
        (CoreKind::EnumvalValue, Some(spec)) => enumerator(spec).map(Some),
        (_, Some(spec)) => field(kind, spec).map(Some),
    }
}

fn enumerator(spec: &Spec<'_>) -> Result<Computed> {
    let found = match spec.steps.first() {
        Some(step) => spec.btf.ty(step.ty)?.enumerators().nth(step.index as usize),
        None => None,
    };
    let Some(found) = found else {
        bail!(NotFound, "no such enumerator");
    };
    Ok(Computed::certain(found?.value as u64))
}

fn field(kind: CoreKind, spec: &Spec<'_>) -> Result<Computed> {
    let Some(step) = spec.steps.last() else {
        bail!(Malformed, "access to no field");
    };
    if step.name.is_none() {
        return element(kind, spec, step.ty);
    }
    let member = spec.last_member()?;
    let ty = spec.btf.peel(member.ty)?;
    let place = match member.bit_size {
        0 => whole_field(spec, ty.id())?,
        bits => bit_field(spec.bit_offset, u64::from(bits), ty.size().unwrap_or(0))?,
    };
    let is_bit_field = member.bit_size != 0;
    // What the compiler chose for a bit-field is its own business.
    let mut out = Computed {
        value: 0,
        certain: !is_bit_field,
        access: None,
    };
    match kind {
        CoreKind::FieldByteOffset => {
            out.value = place.byte_offset;
            if !is_bit_field {
                out.access = Some((innermost(spec, ty.id())?, ty.id()));
            }
        }
        CoreKind::FieldByteSize => out.value = place.bytes,
        CoreKind::FieldSigned => {
            let int = ty.kind() == Kind::Int && ty.int()?.signed;
            out.value = u64::from(int || ty.is_signed_enum());
            out.certain = true;
        }
        CoreKind::FieldLshiftU64 => out.value = place.left_shift(spec.btf.endian()),
        CoreKind::FieldRshiftU64 => {
            out.value = 64_u64.wrapping_sub(place.bits);
            out.certain = true;
        }
        _ => bail!(Malformed, "{kind:?} asked of a field"),
    }
    Ok(out)
}

fn element(kind: CoreKind, spec: &Spec<'_>, ty: TypeId) -> Result<Computed> {
    match kind {
        CoreKind::FieldByteOffset => Ok(Computed {
            value: spec.bit_offset / 8,
            certain: true,
            access: Some((innermost(spec, ty)?, ty)),
        }),
        CoreKind::FieldByteSize => Ok(Computed::certain(spec.btf.size_of(ty)?)),
        _ => bail!(Unsupported, "{} asked of an array element", kind.text()),
    }
}

/// Size of what a load reads: of an array one element, in whatever dimension.
fn innermost(spec: &Spec<'_>, id: TypeId) -> Result<u64> {
    let mut ty = spec.btf.peel(id)?;
    for _ in 0..crate::btf::MAX_DEPTH {
        if ty.kind() != Kind::Array {
            return spec.btf.size_of(ty.id());
        }
        ty = spec.btf.peel(ty.array()?.element)?;
    }
    bail!(TooDeep, "arrays from type {} never end", id.0)
}

/// Where a field is, and the whole bytes that must be read for it.
struct Place {
    byte_offset: u64,
    bytes: u64,
    bit_offset: u64,
    bits: u64,
}

impl Place {
    fn left_shift(&self, endian: Endian) -> u64 {
        let inside = self
            .bit_offset
            .wrapping_sub(self.byte_offset.wrapping_mul(8));
        match endian {
            Endian::Little => 64_u64.wrapping_sub(inside.wrapping_add(self.bits)),
            Endian::Big => 8_u64
                .wrapping_sub(self.bytes)
                .wrapping_mul(8)
                .wrapping_add(inside),
        }
    }
}

fn whole_field(spec: &Spec<'_>, ty: TypeId) -> Result<Place> {
    let bytes = spec.btf.size_of(ty)?;
    let Some(bits) = bytes.checked_mul(8) else {
        bail!(TooLarge, "field of {bytes} bytes");
    };
    Ok(Place {
        byte_offset: spec.bit_offset / 8,
        bytes,
        bit_offset: spec.bit_offset,
        bits,
    })
}

/// The smallest aligned integer, from the declared size up, that holds the whole bit-field.
fn bit_field(bit_offset: u64, bits: u64, declared_bytes: u32) -> Result<Place> {
    let mut bytes = u64::from(declared_bytes);
    while matches!(bytes, 1..=8) {
        let unit = bit_offset.checked_div(bytes.saturating_mul(8)).unwrap_or(0);
        let byte_offset = unit.saturating_mul(bytes);
        let end = bit_offset
            .saturating_add(bits)
            .saturating_sub(byte_offset.saturating_mul(8));
        if end <= bytes.saturating_mul(8) {
            return Ok(Place {
                byte_offset,
                bytes,
                bit_offset,
                bits,
            });
        }
        bytes = bytes.saturating_mul(2);
    }
    bail!(
        Unsupported,
        "bit-field of {bits} bits at bit {bit_offset} does not fit an aligned 64-bit read"
    )
}
