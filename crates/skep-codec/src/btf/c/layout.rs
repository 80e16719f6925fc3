//! How a C compiler would lay out a struct, and where that is not how it lies.

use super::deeper;
use crate::Result;
use crate::btf::{Btf, Kind, Type, TypeId};
use alloc::vec::Vec;

/// What a struct or union must be declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::btf) struct Layout {
    pub(in crate::btf) align_bytes: u32,
    pub(in crate::btf) packed: bool,
}

pub(in crate::btf) struct Layouts<'a> {
    btf: &'a Btf,
    known: Vec<Option<Layout>>,
}

impl<'a> Layouts<'a> {
    pub(in crate::btf) fn new(btf: &'a Btf) -> Self {
        Self {
            btf,
            known: alloc::vec![None; btf.id_end() as usize],
        }
    }

    /// Layout of a struct or union.
    pub(in crate::btf) fn of(&mut self, ty: &Type<'a>, depth: u32) -> Result<Layout> {
        let place = ty.id().0 as usize;
        if let Some(Some(known)) = self.known.get(place) {
            return Ok(*known);
        }
        let depth = deeper(depth, ty.id())?;
        let mut align = 1_u32;
        let mut fits = true;
        for member in ty.raw_members() {
            let member_align = self.align_of(member.ty, depth)?;
            align = align.max(member_align);
            fits &= match member.bit_size {
                0 => member
                    .bit_offset
                    .is_multiple_of(member_align.saturating_mul(8)),
                bits => {
                    let unit = self.btf.size_of(member.ty)?.saturating_mul(8);
                    let inside = u64::from(member.bit_offset).checked_rem(unit).unwrap_or(0);
                    inside.saturating_add(bits.into()) <= unit
                }
            };
        }
        let packed = !fits || !ty.size().unwrap_or(0).is_multiple_of(align);
        let layout = Layout {
            align_bytes: if packed { 1 } else { align },
            packed,
        };
        if let Some(slot) = self.known.get_mut(place) {
            *slot = Some(layout);
        }
        Ok(layout)
    }

    /// Alignment that C gives a type.
    pub(super) fn align_of(&mut self, id: TypeId, depth: u32) -> Result<u32> {
        let depth = deeper(depth, id)?;
        let ty = self.btf.peel(id)?;
        Ok(match ty.kind() {
            Kind::Ptr => u32::from(self.btf.pointer_size()),
            Kind::Array => self.align_of(ty.array()?.element, depth)?,
            Kind::Struct | Kind::Union => self.of(&ty, depth)?.align_bytes,
            Kind::Int | Kind::Enum | Kind::Enum64 | Kind::Float => {
                let size = ty.size().unwrap_or(1).clamp(1, 16);
                if size.is_power_of_two() { size } else { 4 }
            }
            _ => 1,
        })
    }
}
