//! A kernel struct of functions: where it is, and where its members lie in a map's value.

use crate::btf::KernelTypes;
use crate::{Error, ErrorKind, ProgType, Result};
use alloc::string::{String, ToString};
use core::ops::Range;
use skep_codec::btf::{Btf, Kind, Kinds, Member, Type, TypeId};
use skep_codec::map::Map as Ordered;
use skep_codec::object::ObjectSpec;

/// What the kernel's type of a `struct_ops` map's value begins with.
const VALUE_PREFIX: &str = "bpf_struct_ops_";
/// No value has more bytes.
const MAX_VALUE: usize = 1 << 20;
/// Bytes of a pointer.
const POINTER: usize = size_of::<usize>();

/// The kernel's struct of functions, and the value that it is part of.
pub(super) struct KernelStruct<'a> {
    btf: &'a Btf,
    pub(super) module: Option<usize>,
    pub(super) name: String,
    pub(super) ops_type: TypeId,
    pub(super) value_type: TypeId,
    /// Bytes of the value.
    pub(super) size: usize,
    /// Where the struct begins in it.
    offset: usize,
    pub(super) members: Ordered<&'a str, (u32, Member<'a>)>,
}

impl<'a> KernelStruct<'a> {
    pub(super) fn find(types: &mut KernelTypes<'a>, name: &str) -> Result<Self> {
        let value_name = format!("{VALUE_PREFIX}{name}");
        let kind = Kinds::of(Kind::Struct);
        let found = types.find(&[(&value_name, kind), (name, kind)])?;
        let (value, ops) = match found[..] {
            [value, ops] => (value, ops),
            _ => (None, None),
        };
        let missing = |name: &str| {
            let what = format!("no struct `{name}` in {}", types.looked());
            Error::new(ErrorKind::NotFound, what)
        };
        let place = value.ok_or_else(|| missing(&value_name))?;
        let (btf, module, value_type) = (place.btf, place.module, place.id);
        // The struct is of the same module, or of the kernel.
        let ops_type = match ops.filter(|ops| ops.module == module) {
            Some(ops) => Some(ops.id),
            None => btf.find(name, Some(Kind::Struct)),
        };
        let ops_type = ops_type.ok_or_else(|| missing(name))?;
        let value = btf.ty(value_type)?;
        let mut parts = value.members().flatten();
        let Some(part) = parts.find(|member| member.ty == ops_type) else {
            let what = format!("the kernel's {VALUE_PREFIX}{name} has no struct `{name}`");
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        let size = value.size().unwrap_or(0) as usize;
        if size > MAX_VALUE {
            let what = format!("{VALUE_PREFIX}{name} has {size} bytes");
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let mut members = Ordered::new();
        for (member, index) in btf.ty(ops_type)?.members().zip(0..) {
            let member = member?;
            members.insert(member.name, (index, member));
        }
        Ok(Self {
            btf,
            module,
            name: name.to_string(),
            ops_type,
            value_type,
            size,
            offset: part.bit_offset as usize / 8,
            members,
        })
    }

    /// The bytes of one of its members in the value, if it is what the object takes it for.
    pub(super) fn place(
        &self,
        local: &Btf,
        member: &Member<'_>,
        its: &Member<'_>,
        size: u64,
    ) -> Result<Range<usize>> {
        let differs = |what| Err(Error::new(ErrorKind::Unsupported, what));
        if member.bit_size != 0 || its.bit_size != 0 {
            return differs("bit-fields cannot be set".to_string());
        }
        let (mine, theirs) = (local.peel(member.ty)?.kind(), self.btf.peel(its.ty)?.kind());
        if mine != theirs {
            return differs(format!("{mine:?} here, {theirs:?} in the kernel"));
        }
        let kernel_size = self.btf.size_of(its.ty)?;
        if size != kernel_size {
            return differs(format!("{size} bytes here, {kernel_size} in the kernel"));
        }
        let start = self.offset.saturating_add(its.bit_offset as usize / 8);
        Ok(start..start.saturating_add(size as usize))
    }

    /// The same of a member that is a function, for a program.
    pub(super) fn func(
        &self,
        object: &ObjectSpec,
        its: &Member<'_>,
        place: Range<usize>,
        program: usize,
    ) -> Result<Range<usize>> {
        let pointee = |ty: Type<'a>| self.btf.peel(ty.target().unwrap_or_default());
        let target = self.btf.peel(its.ty).and_then(pointee)?;
        if target.kind() != Kind::FuncProto || place.len() != POINTER {
            let what = "it is no pointer to a function in the kernel";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        match object.programs.get(program) {
            Some(found) if found.prog_type == ProgType::STRUCT_OPS => Ok(place),
            found => {
                let name = found.map_or("", |program| &program.name);
                let what = format!("`{name}` is no struct_ops program");
                Err(Error::new(ErrorKind::Unsupported, what))
            }
        }
    }
}
