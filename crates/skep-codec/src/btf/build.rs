//! Types made by hand, a function a kind.

use super::{Array, BtfBuilder, Enumerator, Int, Kind, Member, Param, SecVar, TypeId};
use alloc::vec::Vec;

const MAX_VLEN: usize = 0x00ff_ffff;

impl BtfBuilder {
    /// `BTF_KIND_INT`.
    pub fn add_int(&mut self, name: &str, size: u32, int: Int) -> TypeId {
        let encoding = u32::from(int.signed) | u32::from(int.char) << 1 | u32::from(int.bool) << 2;
        let detail = encoding << 24 | u32::from(int.offset) << 16 | u32::from(int.bits);
        self.add(name, Kind::Int, false, 0, size, &[detail])
    }

    /// `BTF_KIND_PTR`.
    pub fn add_ptr(&mut self, target: TypeId) -> TypeId {
        self.add_reference("", Kind::Ptr, target)
    }

    /// `BTF_KIND_CONST`.
    #[inline]
    pub fn add_const(&mut self, target: TypeId) -> TypeId {
        self.add_reference("", Kind::Const, target)
    }

    /// `BTF_KIND_VOLATILE`.
    #[inline]
    pub fn add_volatile(&mut self, target: TypeId) -> TypeId {
        self.add_reference("", Kind::Volatile, target)
    }

    /// `BTF_KIND_RESTRICT`.
    #[inline]
    pub fn add_restrict(&mut self, target: TypeId) -> TypeId {
        self.add_reference("", Kind::Restrict, target)
    }

    /// `BTF_KIND_TYPEDEF`.
    #[inline]
    pub fn add_typedef(&mut self, name: &str, target: TypeId) -> TypeId {
        self.add_reference(name, Kind::Typedef, target)
    }

    /// `BTF_KIND_TYPE_TAG`.
    pub fn add_type_tag(&mut self, tag: &str, target: TypeId) -> TypeId {
        self.add_reference(tag, Kind::TypeTag, target)
    }

    /// `BTF_KIND_ARRAY`.
    #[inline]
    pub fn add_array(&mut self, array: Array) -> TypeId {
        let words = [array.element.0, array.index.0, array.len];
        self.add("", Kind::Array, false, 0, 0, &words)
    }

    /// `BTF_KIND_STRUCT`.
    pub fn add_struct(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> TypeId {
        self.add_composite(Kind::Struct, name, size, members)
    }

    /// `BTF_KIND_UNION`.
    pub fn add_union(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> TypeId {
        self.add_composite(Kind::Union, name, size, members)
    }

    /// `BTF_KIND_ENUM`.
    #[inline]
    pub fn add_enum(
        &mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[Enumerator<'_>],
    ) -> TypeId {
        let mut words = Vec::new();
        for value in values {
            words.extend_from_slice(&[self.add_string(value.name), value.value as u32]);
        }
        self.add(name, Kind::Enum, signed, values.len(), size, &words)
    }

    /// `BTF_KIND_ENUM64`.
    pub fn add_enum64(
        &mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[Enumerator<'_>],
    ) -> TypeId {
        let mut words = Vec::new();
        for value in values {
            let bits = value.value as u64;
            words.extend_from_slice(&[
                self.add_string(value.name),
                bits as u32,
                (bits >> 32) as u32,
            ]);
        }
        self.add(name, Kind::Enum64, signed, values.len(), size, &words)
    }

    /// `BTF_KIND_FWD`, of a struct or a union.
    #[inline]
    pub fn add_fwd(&mut self, name: &str, is_union: bool) -> TypeId {
        self.add(name, Kind::Fwd, is_union, 0, 0, &[])
    }

    /// `BTF_KIND_FUNC_PROTO`.
    pub fn add_func_proto(&mut self, returns: TypeId, params: &[Param<'_>]) -> TypeId {
        let mut words = Vec::new();
        for param in params {
            words.extend_from_slice(&[self.add_string(param.name), param.ty.0]);
        }
        let vlen = params.len();
        self.add("", Kind::FuncProto, false, vlen, returns.0, &words)
    }

    /// `BTF_KIND_FUNC`, with its linkage (0 static, 1 global, 2 extern).
    pub fn add_func(&mut self, name: &str, proto: TypeId, linkage: u32) -> TypeId {
        self.add(name, Kind::Func, false, linkage as usize, proto.0, &[])
    }

    /// `BTF_KIND_VAR`, with its linkage (0 static, 1 global, 2 extern).
    pub fn add_var(&mut self, name: &str, ty: TypeId, linkage: u32) -> TypeId {
        self.add(name, Kind::Var, false, 0, ty.0, &[linkage])
    }

    /// `BTF_KIND_DATASEC`.
    pub fn add_datasec(&mut self, name: &str, size: u32, variables: &[SecVar]) -> TypeId {
        let mut words = Vec::new();
        for var in variables {
            words.extend_from_slice(&[var.ty.0, var.offset, var.size]);
        }
        self.add(name, Kind::Datasec, false, variables.len(), size, &words)
    }

    /// `BTF_KIND_FLOAT`.
    pub fn add_float(&mut self, name: &str, size: u32) -> TypeId {
        self.add(name, Kind::Float, false, 0, size, &[])
    }

    /// `BTF_KIND_DECL_TAG` on a member or parameter, or on the whole declaration (-1).
    pub fn add_decl_tag(&mut self, tag: &str, target: TypeId, component: i32) -> TypeId {
        self.add(tag, Kind::DeclTag, false, 0, target.0, &[component as u32])
    }

    fn add_reference(&mut self, name: &str, kind: Kind, target: TypeId) -> TypeId {
        self.add(name, kind, false, 0, target.0, &[])
    }

    fn add_composite(
        &mut self,
        kind: Kind,
        name: &str,
        size: u32,
        members: &[Member<'_>],
    ) -> TypeId {
        let flag = members.iter().any(|member| member.bit_size != 0);
        let mut words = Vec::new();
        for member in members {
            let mut offset = member.bit_offset;
            if flag {
                if offset > 0x00ff_ffff {
                    self.fail("a bit-field beyond 2 MiB");
                }
                offset |= u32::from(member.bit_size) << 24;
            }
            words.extend_from_slice(&[self.add_string(member.name), member.ty.0, offset]);
        }
        self.add(name, kind, flag, members.len(), size, &words)
    }

    fn add(
        &mut self,
        name: &str,
        kind: Kind,
        flag: bool,
        vlen: usize,
        size_or_type: u32,
        tail: &[u32],
    ) -> TypeId {
        let id = self.next_id();
        let name = self.add_string(name);
        if vlen > MAX_VLEN {
            self.fail("a type of more than 16 million elements");
        }
        let info = u32::from(flag) << 31 | u32::from(kind.raw()) << 24 | vlen as u32;
        self.records
            .push([name, info, size_or_type], tail.iter().copied());
        id
    }
}
