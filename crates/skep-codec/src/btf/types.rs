//! The kinds of BTF type, as views into the bytes.

use super::Btf;
use crate::bytes::{Endian, Reader};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};

/// The id of a BTF type. 0 is `void`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`.
    pub const VOID: Self = Self(0);
}

macro_rules! kinds {
    ($($name:ident = $raw:literal $(, $alias:literal)?;)+) => {
        /// `BTF_KIND_*`.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`BTF_KIND_", stringify!($name), "`.")] $name,)+
            /// A kind that this crate does not know; kept as it is.
            Unknown(u8),
        }
        impl Kind {
            /// From the number in the type's header.
            pub const fn from_raw(raw: u8) -> Self {
                match raw { $($raw => Self::$name,)+ other => Self::Unknown(other) }
            }
            /// The number in the type's header.
            pub const fn raw(self) -> u8 {
                match self { $(Self::$name => $raw,)+ Self::Unknown(other) => other }
            }
        }
    };
}

kinds! {
    Void = 0;
    Int = 1;
    Ptr = 2;
    Array = 3;
    Struct = 4;
    Union = 5;
    Enum = 6;
    Fwd = 7;
    Typedef = 8;
    Volatile = 9;
    Const = 10;
    Restrict = 11;
    Func = 12;
    FuncProto = 13;
    Var = 14;
    Datasec = 15;
    Float = 16;
    DeclTag = 17;
    TypeTag = 18;
    Enum64 = 19;
}

impl Kind {
    /// Qualifiers and typedefs: what [`Btf::peel`] looks through.
    pub const fn is_modifier(self) -> bool {
        matches!(
            self,
            Self::Typedef | Self::Volatile | Self::Const | Self::Restrict | Self::TypeTag
        )
    }

    /// Kinds that have the id of one type in their header.
    pub(super) const fn is_reference(self) -> bool {
        self.is_modifier()
            || matches!(
                self,
                Self::Ptr | Self::Func | Self::FuncProto | Self::Var | Self::DeclTag
            )
    }

    /// `struct` or `union`.
    pub const fn is_composite(self) -> bool {
        matches!(self, Self::Struct | Self::Union)
    }

    /// Either enum.
    pub const fn is_enum(self) -> bool {
        matches!(self, Self::Enum | Self::Enum64)
    }

    /// Bytes that follow the 12-byte header of a type of this kind: a fixed part and so many
    /// an element; `None` where the kind is not known.
    pub(super) const fn tail(self) -> Option<(u8, u8)> {
        Some(match self {
            Self::Int | Self::Var | Self::DeclTag => (4, 0),
            Self::Array => (12, 0),
            Self::Struct | Self::Union | Self::Datasec | Self::Enum64 => (0, 12),
            Self::Enum | Self::FuncProto => (0, 8),
            Self::Unknown(_) => return None,
            _ => (0, 0),
        })
    }
}

/// A type: its header decoded, its elements decoded on demand.
#[derive(Clone, Copy)]
pub struct Type<'a> {
    pub(super) btf: &'a Btf,
    pub(super) id: TypeId,
    pub(super) name_off: u32,
    pub(super) info: u32,
    pub(super) size_or_type: u32,
    pub(super) tail: &'a [u8],
}

/// A member of a struct or union.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Name; empty for an anonymous member.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
    /// Where it begins, in bits from the start of the struct.
    pub bit_offset: u32,
    /// Its width in bits if it is a bit-field, else 0.
    pub bit_size: u8,
}

/// A member whose name has not been looked up.
#[derive(Clone, Copy)]
pub(crate) struct RawMember {
    pub(crate) name_off: u32,
    pub(crate) ty: TypeId,
    pub(crate) bit_offset: u32,
    pub(crate) bit_size: u8,
}

/// An enumerator; `value` holds 32-bit values sign- or zero-extended as the enum says.
#[derive(Clone, Copy, Debug)]
pub struct Enumerator<'a> {
    /// Name.
    pub name: &'a str,
    /// Value; reinterpret as `u64` when the enum is unsigned.
    pub value: i64,
}

/// A parameter of a function prototype. A last one without name and type means `...`.
#[derive(Clone, Copy, Debug)]
pub struct Param<'a> {
    /// Name, possibly empty.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
}

/// A variable in a data section.
#[derive(Clone, Copy, Debug)]
pub struct SecVar {
    /// The `Var` type.
    pub ty: TypeId,
    /// Offset in the section, in bytes. Compilers leave 0: see the symbol.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
}

/// An array type.
#[derive(Clone, Copy, Debug)]
pub struct Array {
    /// Type of the elements.
    pub element: TypeId,
    /// Type of the index.
    pub index: TypeId,
    /// Number of elements.
    pub len: u32,
}

/// Encoding of an integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    /// `BTF_INT_SIGNED`.
    pub signed: bool,
    /// `BTF_INT_CHAR`.
    pub char: bool,
    /// `BTF_INT_BOOL`.
    pub bool: bool,
    /// Bits from the start of the storage.
    pub offset: u8,
    /// Width in bits.
    pub bits: u8,
}

impl<'a> Type<'a> {
    /// The BTF this type was read from (the base, for an id of the base).
    pub fn btf(&self) -> &'a Btf {
        self.btf
    }

    /// Its id.
    pub fn id(&self) -> TypeId {
        self.id
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        Kind::from_raw(((self.info >> 24) & 0x7f) as u8)
    }

    /// Number of members, enumerators, parameters or variables; linkage for a `Func`.
    pub fn vlen(&self) -> u32 {
        self.info & 0x00ff_ffff
    }

    /// The kind flag: bit-fields present, signed enum, union forward declaration.
    pub fn kind_flag(&self) -> bool {
        self.info >> 31 != 0
    }

    /// Its name; empty where it has none.
    pub fn name(&self) -> Result<&'a str> {
        self.btf.string(self.name_off)
    }

    /// Whether it has no name.
    pub fn is_anonymous(&self) -> bool {
        self.btf.string_is(self.name_off, "")
    }

    /// Offset of the name in the string section.
    pub fn name_offset(&self) -> u32 {
        self.name_off
    }

    /// The size field, for kinds that have one (int, enum, struct, union, datasec, float).
    pub fn size(&self) -> Option<u32> {
        use Kind::{Datasec, Enum, Enum64, Float, Int, Struct, Union};
        matches!(
            self.kind(),
            Int | Struct | Union | Enum | Enum64 | Datasec | Float
        )
        .then_some(self.size_or_type)
    }

    /// The type that this one refers to, for kinds that refer to one.
    pub fn target(&self) -> Option<TypeId> {
        self.kind()
            .is_reference()
            .then_some(TypeId(self.size_or_type))
    }

    /// Members of a struct or union, in order; nothing for other kinds.
    pub fn members(&self) -> impl ExactSizeIterator<Item = Result<Member<'a>>> + use<'a> {
        let btf = self.btf;
        self.raw_members().map(move |m| {
            Ok(Member {
                name: btf.string(m.name_off)?,
                ty: m.ty,
                bit_offset: m.bit_offset,
                bit_size: m.bit_size,
            })
        })
    }

    /// [`Type::members`] for those who compare names rather than read them.
    pub(crate) fn raw_members(&self) -> impl ExactSizeIterator<Item = RawMember> + use<'a> {
        let (endian, flag) = (self.endian(), self.kind_flag());
        let tail = if self.kind().is_composite() {
            self.tail
        } else {
            &[]
        };
        let (records, _) = tail.as_chunks::<12>();
        records
            .iter()
            .map(move |&[a, b, c, d, e, f, g, h, i, j, k, l]| {
                let offset = endian.u32([i, j, k, l]);
                let (bit_offset, bit_size) = if flag {
                    (offset & 0x00ff_ffff, (offset >> 24) as u8)
                } else {
                    (offset, 0)
                };
                RawMember {
                    name_off: endian.u32([a, b, c, d]),
                    ty: TypeId(endian.u32([e, f, g, h])),
                    bit_offset,
                    bit_size,
                }
            })
    }

    /// Whether an enum's values are signed.
    pub fn is_signed_enum(&self) -> bool {
        self.kind().is_enum() && self.kind_flag()
    }

    /// Enumerators of an enum, in order; nothing for other kinds.
    pub fn enumerators(&self) -> impl ExactSizeIterator<Item = Result<Enumerator<'a>>> + use<'a> {
        let (btf, signed) = (self.btf, self.kind_flag());
        let wide = self.kind() == Kind::Enum64;
        let len = if wide { 12 } else { 8 };
        self.records(self.kind().is_enum(), len).map(move |mut r| {
            let name = btf.string(r.u32()?)?;
            let low = r.u32()?;
            let value = if wide {
                (u64::from(r.u32()?) << 32 | u64::from(low)) as i64
            } else if signed {
                i64::from(low as i32)
            } else {
                i64::from(low)
            };
            Ok(Enumerator { name, value })
        })
    }

    /// Parameters of a function prototype; nothing for other kinds.
    pub fn params(&self) -> impl ExactSizeIterator<Item = Result<Param<'a>>> + use<'a> {
        let btf = self.btf;
        self.records(self.kind() == Kind::FuncProto, 8)
            .map(move |mut r| {
                Ok(Param {
                    name: btf.string(r.u32()?)?,
                    ty: TypeId(r.u32()?),
                })
            })
    }

    /// Variables of a data section; nothing for other kinds.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = Result<SecVar>> + use<'a> {
        self.records(self.kind() == Kind::Datasec, 12).map(|mut r| {
            Ok(SecVar {
                ty: TypeId(r.u32()?),
                offset: r.u32()?,
                size: r.u32()?,
            })
        })
    }

    /// Element, index and length of an array.
    #[inline(never)]
    pub fn array(&self) -> Result<Array> {
        if self.kind() != Kind::Array {
            bail!(Mismatch, "type {} is no array", self.id.0);
        }
        let mut r = self.reader();
        Ok(Array {
            element: TypeId(r.u32()?),
            index: TypeId(r.u32()?),
            len: r.u32()?,
        })
    }

    /// Encoding of an integer.
    #[inline(never)]
    pub fn int(&self) -> Result<Int> {
        if self.kind() != Kind::Int {
            bail!(Mismatch, "type {} is no integer", self.id.0);
        }
        let raw = self.reader().u32()?;
        let encoding = raw >> 24;
        Ok(Int {
            signed: encoding & 1 != 0,
            char: encoding & 2 != 0,
            bool: encoding & 4 != 0,
            offset: (raw >> 16) as u8,
            bits: raw as u8,
        })
    }

    /// Linkage of a variable (0 static, 1 global, 2 extern) or function (the same numbers).
    #[inline(never)]
    pub fn linkage(&self) -> Result<u32> {
        match self.kind() {
            Kind::Var => self.reader().u32(),
            Kind::Func => Ok(self.vlen()),
            _ => bail!(Mismatch, "type {} has no linkage", self.id.0),
        }
    }

    /// Member or parameter index that a declaration tag is about; -1 for the whole declaration.
    pub fn component(&self) -> Result<i32> {
        if self.kind() != Kind::DeclTag {
            bail!(Mismatch, "type {} is no declaration tag", self.id.0);
        }
        self.reader().i32()
    }

    /// The bytes after the header.
    pub fn tail(&self) -> &'a [u8] {
        self.tail
    }

    fn endian(&self) -> Endian {
        self.btf.endian()
    }

    fn reader(&self) -> Reader<'a> {
        Reader::new(self.tail, self.endian())
    }

    fn records(
        &self,
        wanted: bool,
        len: usize,
    ) -> impl ExactSizeIterator<Item = Reader<'a>> + use<'a> {
        let endian = self.endian();
        let tail = if wanted { self.tail } else { &[] };
        tail.chunks_exact(len)
            .map(move |record| Reader::new(record, endian))
    }
}

impl core::fmt::Debug for Type<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = self.name().unwrap_or("?");
        write!(f, "[{}] {:?} '{name}'", self.id.0, self.kind())
    }
}

/// The error for an id that is not there.
#[cold]
pub(super) fn no_type(id: TypeId) -> Error {
    Error::new(ErrorKind::NotFound, format!("no BTF type {}", id.0))
}
