//! Bytes to types: the header, the one pass over all types, look-up by id.

use super::types::no_type;
use super::{Blob, Btf, Kind, MAX_DEPTH, Type, TypeId};
use crate::bytes::{Endian, Reader, c_str, slice};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// Types between two marks: a look-up steps over at most this many less one.
const STRIDE: u32 = 8;
const HEADER: usize = 12;
const MAGIC: u16 = 0xeb9f;

impl Btf {
    /// Reads BTF, of either byte order. `base` is the BTF that this one continues (the kernel's,
    /// for a module).
    ///
    /// # Errors
    /// A malformed header, or types that run past their section. Names are looked at on use.
    pub fn parse(blob: Blob, base: Option<Arc<Btf>>) -> Result<Self> {
        let bytes: &[u8] = (*blob).as_ref();
        let header = Header::read(bytes)?;
        let mut btf = Self {
            endian: header.endian,
            types: header.types,
            strings: header.strings,
            marks: Vec::new(),
            count: 0,
            pointer_size: base.as_ref().map_or(8, |b| b.pointer_size),
            base,
            blob: blob.clone(),
        };
        btf.mark_types()?;
        Ok(btf)
    }

    /// [`Btf::parse`] for bytes that are copied.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::parse(Arc::new(bytes.to_vec()), None)
    }

    /// Byte order of the data.
    #[inline]
    pub fn endian(&self) -> Endian {
        self.endian
    }

    /// The bytes as they were given.
    pub fn as_bytes(&self) -> &[u8] {
        (*self.blob).as_ref()
    }

    /// The BTF that this one continues.
    pub fn base(&self) -> Option<&Arc<Btf>> {
        self.base.as_ref()
    }

    /// The first id that is this set's own: 1, or the base's count.
    #[inline]
    pub fn first_id(&self) -> u32 {
        self.base.as_ref().map_or(1, |base| base.id_end())
    }

    /// One past the last id, base included.
    #[inline]
    pub fn id_end(&self) -> u32 {
        self.first_id().saturating_add(self.count)
    }

    /// Size of a pointer in bytes on the machine that this BTF describes (8 for BPF objects).
    pub fn pointer_size(&self) -> u8 {
        self.pointer_size
    }

    /// The type with this id.
    #[inline]
    pub fn ty(&self, id: TypeId) -> Result<Type<'_>> {
        let first = self.first_id();
        if id.0 < first {
            return match &self.base {
                Some(base) => base.ty(id),
                None => Ok(self.void()),
            };
        }
        let index = id.0.saturating_sub(first);
        if index >= self.count {
            return Err(no_type(id));
        }
        let mark = self.marks.get((index / STRIDE) as usize);
        let mut at = mark.copied().ok_or_else(|| no_type(id))? as usize;
        let section = self.type_section();
        for _ in 0..index % STRIDE {
            at = next_type(section, at, self.endian)?;
        }
        self.decode(section, at, id)
    }

    /// Every type of this set in order of id, without the base's.
    pub fn iter(&self) -> Types<'_> {
        Types {
            btf: self,
            section: self.type_section(),
            at: 0,
            id: self.first_id(),
        }
    }

    /// The string at this offset of the string section (base's strings first).
    pub fn string(&self, offset: u32) -> Result<&str> {
        c_str(self.string_bytes(offset)?)
            .map_err(|e| e.in_section("BTF strings").at(u64::from(offset)))
    }

    /// The string section from `offset` on.
    #[inline]
    pub(crate) fn string_bytes(&self, offset: u32) -> Result<&[u8]> {
        let skip = match &self.base {
            Some(base) if offset < base.string_end() => return base.string_bytes(offset),
            Some(base) => base.string_end(),
            None => 0,
        };
        let section = self
            .as_bytes()
            .get(self.strings.clone())
            .unwrap_or_default();
        section
            .get(offset.saturating_sub(skip) as usize..)
            .filter(|rest| !rest.is_empty())
            .ok_or_else(|| {
                Error::new(ErrorKind::Truncated, "string offset beyond its section")
                    .in_section("BTF strings")
                    .at(u64::from(offset))
            })
    }

    fn string_end(&self) -> u32 {
        let own = self.strings.len() as u32;
        let base = self.base.as_ref().map_or(0, |base| base.string_end());
        base.saturating_add(own)
    }

    /// The type that `id` is once typedefs and qualifiers are taken off.
    pub fn peel(&self, id: TypeId) -> Result<Type<'_>> {
        let mut ty = self.ty(id)?;
        for _ in 0..MAX_DEPTH {
            match ty.target() {
                Some(target) if ty.kind().is_modifier() => ty = self.ty(target)?,
                _ => return Ok(ty),
            }
        }
        bail!(
            TooDeep,
            "typedefs and qualifiers from type {} never end",
            id.0
        )
    }

    pub(super) fn type_section(&self) -> &[u8] {
        self.as_bytes().get(self.types.clone()).unwrap_or_default()
    }

    fn void(&self) -> Type<'_> {
        Type {
            btf: self,
            id: TypeId::VOID,
            name_off: 0,
            info: 0,
            size_or_type: 0,
            tail: &[],
        }
    }

    fn decode<'a>(&'a self, section: &'a [u8], at: usize, id: TypeId) -> Result<Type<'a>> {
        let mut r = Reader::new(section.get(at..).unwrap_or_default(), self.endian);
        let (name_off, info, size_or_type) = (r.u32()?, r.u32()?, r.u32()?);
        let kind = Kind::from_raw(((info >> 24) & 0x1f) as u8);
        let tail = r.take(kind.tail_len(info as u16).unwrap_or(0))?;
        Ok(Type {
            btf: self,
            id,
            name_off,
            info,
            size_or_type,
            tail,
        })
    }

    /// The one pass: counts the types and marks every `STRIDE`-th.
    fn mark_types(&mut self) -> Result<()> {
        let blob = self.blob.clone();
        let section = (*blob).as_ref().get(self.types.clone()).unwrap_or_default();
        let (mut at, mut count) = (0_usize, 0_u32);
        let mut marks = Vec::new();
        while at < section.len() {
            if count.is_multiple_of(STRIDE) {
                marks.push(at as u32);
            }
            at = next_type(section, at, self.endian)
                .map_err(|e| e.in_section("BTF types").at(at as u64))?;
            count = count.saturating_add(1);
        }
        marks.shrink_to_fit();
        (self.marks, self.count) = (marks, count);
        Ok(())
    }
}

impl core::fmt::Debug for Btf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Btf({} types)", self.count)
    }
}

/// Iterator over the types of a [`Btf`].
pub struct Types<'a> {
    btf: &'a Btf,
    section: &'a [u8],
    at: usize,
    id: u32,
}

impl<'a> Iterator for Types<'a> {
    type Item = Type<'a>;

    #[inline]
    fn next(&mut self) -> Option<Type<'a>> {
        if self.at >= self.section.len() {
            return None;
        }
        let ty = self
            .btf
            .decode(self.section, self.at, TypeId(self.id))
            .ok()?;
        self.at = next_type(self.section, self.at, self.btf.endian).ok()?;
        self.id = self.id.saturating_add(1);
        Some(ty)
    }
}

/// Where the type after the one at `at` begins.
#[inline]
fn next_type(section: &[u8], at: usize, endian: Endian) -> Result<usize> {
    let header = at
        .checked_add(4)
        .and_then(|info| section.get(info..))
        .and_then(|rest| rest.first_chunk::<4>());
    let Some(info) = header else {
        bail!(Truncated, "type header");
    };
    let info = endian.u32(*info);
    let kind = Kind::from_raw(((info >> 24) & 0x1f) as u8);
    let Some(tail) = kind.tail_len(info as u16) else {
        bail!(Unsupported, "BTF kind {} of unknown size", kind.raw());
    };
    let end = at.saturating_add(HEADER).saturating_add(tail);
    if end > section.len() {
        bail!(Truncated, "type runs past its section");
    }
    Ok(end)
}

struct Header {
    endian: Endian,
    types: Range<usize>,
    strings: Range<usize>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self> {
        let in_header = |e: Error| e.in_section("BTF header");
        let endian = magic_endian(bytes).map_err(in_header)?;
        let mut r = Reader::new(bytes, endian);
        r.u16()?;
        let version = r.u8().map_err(in_header)?;
        let _flags = r.u8().map_err(in_header)?;
        if version != 1 {
            return Err(in_header(Error::new(
                ErrorKind::Unsupported,
                alloc::format!("BTF version {version}"),
            )));
        }
        let mut next = || r.u32().map(|v| v as usize).map_err(in_header);
        let (len, type_off, type_len) = (next()?, next()?, next()?);
        let (str_off, str_len) = (next()?, next()?);
        if len < 24 {
            bail!(Malformed, "BTF header of {len} bytes");
        }
        let part = |off: usize, part_len: usize, what: &str| -> Result<Range<usize>> {
            let start = len.saturating_add(off);
            slice(bytes, start, part_len, what)?;
            Ok(start..start.saturating_add(part_len))
        };
        Ok(Self {
            endian,
            types: part(type_off, type_len, "BTF types")?,
            strings: part(str_off, str_len, "BTF strings")?,
        })
    }
}

/// The byte order that makes the first two bytes the BTF magic number.
pub(super) fn magic_endian(bytes: &[u8]) -> Result<Endian> {
    match bytes.first_chunk::<2>() {
        None => Err(Error::new(ErrorKind::Truncated, "no BTF header")),
        Some(&magic) if Endian::Little.u16(magic) == MAGIC => Ok(Endian::Little),
        Some(&magic) if Endian::Big.u16(magic) == MAGIC => Ok(Endian::Big),
        Some(_) => Err(Error::new(ErrorKind::Malformed, "no BTF magic number")),
    }
}
