//! BTF made by hand, or copied and changed.

use super::header::HEADER_LEN;
use super::{Array, Btf, Enumerator, Int, Kind, Member, Param, SecVar, TypeId};
use crate::bytes::Endian;
use crate::error::bail;
use crate::map::Map;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

const MAX_VLEN: usize = 0x00ff_ffff;
/// Words of a type's header: name, info, size or type.
const HEAD: usize = 3;

/// Builds BTF: strings once each, types in the order they are added.
#[derive(Clone, Debug)]
pub struct BtfBuilder {
    strings: Vec<u8>,
    known: Map<String, u32>,
    words: Vec<u32>,
    starts: Vec<u32>,
    /// The first thing that could not be written.
    error: Option<Error>,
}

impl Default for BtfBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BtfBuilder {
    /// No types, and the empty string.
    pub fn new() -> Self {
        Self {
            strings: alloc::vec![0],
            known: Map::from_iter([(String::new(), 0)]),
            words: Vec::new(),
            starts: Vec::new(),
            error: None,
        }
    }

    /// The types and strings of `btf`, with the same ids and offsets.
    ///
    /// # Errors
    /// Split BTF, and kinds that are not known: how long their records are stands in the header's
    /// layout, which is not written.
    pub fn from_btf(btf: &Btf) -> Result<Self> {
        if btf.base().is_some() {
            bail!(Unsupported, "a copy of split BTF");
        }
        let mut builder = Self {
            strings: btf.own_strings().to_vec(),
            ..Self::new()
        };
        for ty in btf.iter() {
            builder.start();
            builder
                .words
                .extend([ty.name_off, ty.info, ty.size_or_type]);
            let (words, rest) = ty.tail().as_chunks::<4>();
            if matches!(ty.kind(), Kind::Unknown(_)) || !rest.is_empty() {
                bail!(Unsupported, "a copy of BTF with kind {:?}", ty.kind());
            }
            let endian = btf.endian();
            builder
                .words
                .extend(words.iter().map(|word| endian.u32(*word)));
        }
        Ok(builder)
    }

    /// The offset of a string, added where it is new.
    pub fn add_string(&mut self, text: &str) -> u32 {
        if let Some(&offset) = self.known.get(text) {
            return offset;
        }
        let offset = self.strings.len() as u32;
        if text.contains('\0') || self.strings.len() > i32::MAX as usize {
            self.fail(Malformed("a string with a NUL, or too many strings"));
            return 0;
        }
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        self.known.insert(text.to_owned(), offset);
        offset
    }

    /// The id that the next type gets.
    pub fn next_id(&self) -> TypeId {
        TypeId((self.starts.len() as u32).wrapping_add(1))
    }

    /// `BTF_KIND_INT`.
    pub fn add_int(&mut self, name: &str, size: u32, int: Int) -> TypeId {
        let encoding = u32::from(int.signed) | u32::from(int.char) << 1 | u32::from(int.bool) << 2;
        let detail = encoding << 24 | u32::from(int.offset) << 16 | u32::from(int.bits);
        self.add(name, Kind::Int, false, 0, size, [detail])
    }

    /// `BTF_KIND_PTR`.
    pub fn add_ptr(&mut self, target: TypeId) -> TypeId {
        self.add_reference("", Kind::Ptr, target)
    }

    /// `BTF_KIND_CONST`.
    pub fn add_const(&mut self, target: TypeId) -> TypeId {
        self.add_reference("", Kind::Const, target)
    }

    /// `BTF_KIND_VOLATILE`.
    pub fn add_volatile(&mut self, target: TypeId) -> TypeId {
        self.add_reference("", Kind::Volatile, target)
    }

    /// `BTF_KIND_RESTRICT`.
    pub fn add_restrict(&mut self, target: TypeId) -> TypeId {
        self.add_reference("", Kind::Restrict, target)
    }

    /// `BTF_KIND_TYPEDEF`.
    pub fn add_typedef(&mut self, name: &str, target: TypeId) -> TypeId {
        self.add_reference(name, Kind::Typedef, target)
    }

    /// `BTF_KIND_TYPE_TAG`.
    pub fn add_type_tag(&mut self, tag: &str, target: TypeId) -> TypeId {
        self.add_reference(tag, Kind::TypeTag, target)
    }

    /// `BTF_KIND_ARRAY`.
    pub fn add_array(&mut self, array: Array) -> TypeId {
        let words = [array.element.0, array.index.0, array.len];
        self.add("", Kind::Array, false, 0, 0, words)
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
    pub fn add_enum(
        &mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[Enumerator<'_>],
    ) -> TypeId {
        let mut words = Vec::new();
        for value in values {
            words.extend([self.add_string(value.name), value.value as u32]);
        }
        self.add(name, Kind::Enum, signed, values.len(), size, words)
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
            words.extend([
                self.add_string(value.name),
                bits as u32,
                (bits >> 32) as u32,
            ]);
        }
        self.add(name, Kind::Enum64, signed, values.len(), size, words)
    }

    /// `BTF_KIND_FWD`, of a struct or a union.
    pub fn add_fwd(&mut self, name: &str, is_union: bool) -> TypeId {
        self.add(name, Kind::Fwd, is_union, 0, 0, [])
    }

    /// `BTF_KIND_FUNC_PROTO`.
    pub fn add_func_proto(&mut self, returns: TypeId, params: &[Param<'_>]) -> TypeId {
        let mut words = Vec::new();
        for param in params {
            words.extend([self.add_string(param.name), param.ty.0]);
        }
        let vlen = params.len();
        self.add("", Kind::FuncProto, false, vlen, returns.0, words)
    }

    /// `BTF_KIND_FUNC`, with its linkage (0 static, 1 global, 2 extern).
    pub fn add_func(&mut self, name: &str, proto: TypeId, linkage: u32) -> TypeId {
        self.add(name, Kind::Func, false, linkage as usize, proto.0, [])
    }

    /// `BTF_KIND_VAR`, with its linkage (0 static, 1 global, 2 extern).
    pub fn add_var(&mut self, name: &str, ty: TypeId, linkage: u32) -> TypeId {
        self.add(name, Kind::Var, false, 0, ty.0, [linkage])
    }

    /// `BTF_KIND_DATASEC`.
    pub fn add_datasec(&mut self, name: &str, size: u32, variables: &[SecVar]) -> TypeId {
        let words: Vec<u32> = variables
            .iter()
            .flat_map(|var| [var.ty.0, var.offset, var.size])
            .collect();
        self.add(name, Kind::Datasec, false, variables.len(), size, words)
    }

    /// `BTF_KIND_FLOAT`.
    pub fn add_float(&mut self, name: &str, size: u32) -> TypeId {
        self.add(name, Kind::Float, false, 0, size, [])
    }

    /// `BTF_KIND_DECL_TAG` on a member or parameter, or on the whole declaration (-1).
    pub fn add_decl_tag(&mut self, tag: &str, target: TypeId, component: i32) -> TypeId {
        self.add(tag, Kind::DeclTag, false, 0, target.0, [component as u32])
    }

    /// The bytes, with the 24-byte header that every kernel reads.
    ///
    /// # Errors
    /// What an earlier call could not write, such as a bit-field beyond 2 MiB.
    pub fn to_bytes(&self, endian: Endian) -> Result<Vec<u8>> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let types_len = self.words.len().saturating_mul(4);
        let Ok(types_len) = u32::try_from(types_len) else {
            bail!(TooLarge, "{types_len} bytes of types");
        };
        let header = [
            HEADER_LEN,
            0,
            types_len,
            types_len,
            self.strings.len() as u32,
        ];
        let mut out = Vec::new();
        out.extend(endian.put_u16(0xeb9f));
        out.extend([1, 0]);
        for word in header.iter().chain(&self.words) {
            out.extend(endian.put_u32(*word));
        }
        out.extend_from_slice(&self.strings);
        Ok(out)
    }

    #[cfg(test)]
    pub(super) fn strings_len(&self) -> usize {
        self.strings.len()
    }

    fn add_reference(&mut self, name: &str, kind: Kind, target: TypeId) -> TypeId {
        self.add(name, kind, false, 0, target.0, [])
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
                    self.fail(Malformed("a bit-field beyond 2 MiB"));
                }
                offset |= u32::from(member.bit_size) << 24;
            }
            words.extend([self.add_string(member.name), member.ty.0, offset]);
        }
        self.add(name, kind, flag, members.len(), size, words)
    }

    fn add(
        &mut self,
        name: &str,
        kind: Kind,
        flag: bool,
        vlen: usize,
        size_or_type: u32,
        tail: impl IntoIterator<Item = u32>,
    ) -> TypeId {
        let id = self.next_id();
        let name = self.add_string(name);
        if vlen > MAX_VLEN {
            self.fail(Malformed("a type of more than 16 million elements"));
        }
        self.start();
        let info = u32::from(flag) << 31 | u32::from(kind.raw()) << 24 | vlen as u32;
        self.words.extend([name, info, size_or_type]);
        self.words.extend(tail);
        id
    }

    fn start(&mut self) {
        self.starts.push(self.words.len() as u32);
    }

    fn fail(&mut self, what: Malformed) {
        self.error
            .get_or_insert_with(|| Error::new(ErrorKind::Malformed, what.0));
    }

    /// The words of a type: name, info, size or type, then its tail.
    pub(super) fn record_mut(&mut self, id: TypeId) -> Option<&mut [u32]> {
        let index = (id.0 as usize).checked_sub(1)?;
        let start = *self.starts.get(index)? as usize;
        let next = index.checked_add(1)?;
        let end = match self.starts.get(next) {
            Some(end) => *end as usize,
            None => self.words.len(),
        };
        self.words.get_mut(start..end)
    }

    /// Replaces the header words of a type that stays as long as it is.
    pub(super) fn set_head(&mut self, id: TypeId, head: [u32; HEAD]) {
        if let Some(record) = self.record_mut(id).and_then(|r| r.first_chunk_mut()) {
            *record = head;
        }
    }

    /// The words after the header.
    pub(super) fn tail_mut(&mut self, id: TypeId) -> &mut [u32] {
        self.record_mut(id)
            .and_then(|record| record.get_mut(HEAD..))
            .unwrap_or_default()
    }
}

struct Malformed(&'static str);
