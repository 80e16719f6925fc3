//! Bytes to types: the header, the one pass over all types, look-up by id.

use super::header::{Header, Sizes};
use super::types::no_type;
use super::{Blob, Btf, Kind, Kinds, MAX_DEPTH, Type, TypeId};
use crate::bytes::{Endian, c_str};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Types between two marks: a look-up steps over at most this many less one.
const STRIDE: u32 = 8;
/// Bytes of a type's header: name, info, size or type.
const HEADER: usize = 12;
/// Bytes of `long unsigned int`, of which a pointer has the size.
const LONGEST: usize = 18;
/// Types that a search looks at together.
const BATCH: usize = 64;

impl Btf {
    /// Reads BTF, of either byte order. `base` is the BTF that this one continues (the kernel's,
    /// for a module).
    ///
    /// # Errors
    /// A malformed header, or types that run past their section. Names are looked at on use.
    pub fn parse(blob: Blob, base: Option<Arc<Btf>>) -> Result<Self> {
        let bytes: &[u8] = (*blob).as_ref();
        let header = Header::read(bytes, base.is_some())?;
        let mut btf = Self {
            endian: header.endian,
            types: header.types,
            strings: header.strings,
            sizes: header.sizes,
            marks: Vec::new(),
            index: Vec::new(),
            count: 0,
            pointer_size: base.as_ref().map_or(0, |base| base.pointer_size),
            base,
            blob: blob.clone(),
        };
        btf.mark_types()?;
        if btf.base.is_none() {
            let long = btf.long().and_then(|long| long.size());
            btf.pointer_size = long.map_or(8, |size| size as u8);
        }
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

    /// Size of a pointer in bytes on the machine that this BTF describes: that of a `long`, and 8
    /// where there is none.
    #[doc(alias = "btf__pointer_size")]
    pub fn pointer_size(&self) -> u8 {
        self.pointer_size
    }

    /// The type that tells the size of a pointer: the first `long`, signed or not.
    pub(super) fn long(&self) -> Option<Type<'_>> {
        let is_long = |ty: &Type<'_>| {
            let sized = ty.kind() == Kind::Int && matches!(ty.size(), Some(4 | 8));
            // No more of a name is looked at than those names have.
            let name = self.string_bytes(ty.name_off).unwrap_or_default();
            let name = name.get(..name.len().min(LONGEST)).unwrap_or_default();
            sized && c_str(name).is_ok_and(is_long_name)
        };
        self.iter().find(is_long)
    }

    /// The type with this id.
    #[inline(never)]
    pub fn ty(&self, id: TypeId) -> Result<Type<'_>> {
        let first = self.first_id();
        if id.0 < first {
            return match &self.base {
                Some(base) => base.ty(id),
                None => Ok(self.void()),
            };
        }
        let index = id.0.saturating_sub(first);
        if let Some(at) = self.index.get(index as usize) {
            return self.type_at(self.type_section(), *at as usize, id);
        }
        if index >= self.count {
            return Err(no_type(id));
        }
        let mark = self.marks.get((index / STRIDE) as usize);
        let mut at = mark.copied().ok_or_else(|| no_type(id))? as usize;
        let section = self.type_section();
        for _ in 0..index % STRIDE {
            at = next_type(section, at, self.endian, &self.sizes)?;
        }
        self.type_at(section, at, id)
    }

    /// A copy that finds types by their ids sooner: for work that looks at all of them, at the cost
    /// of four bytes a type. The bytes are shared.
    ///
    /// # Errors
    /// None that reading them did not have.
    #[inline]
    pub fn indexed(&self) -> Result<Self> {
        let mut copy = self.clone();
        if let Some(base) = &self.base {
            copy.base = Some(Arc::new(base.indexed()?));
        }
        copy.index.reserve_exact(self.own_count());
        let section = self.type_section();
        let mut at = 0;
        for _ in 0..self.count {
            copy.index.push(at as u32);
            at = next_type(section, at, self.endian, &self.sizes)?;
        }
        Ok(copy)
    }

    /// Number of types, without the base's.
    pub(super) fn own_count(&self) -> usize {
        self.count as usize
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

    /// Whether the string at `offset` is `name`.
    #[inline]
    pub(crate) fn string_is(&self, offset: u32, name: &str) -> bool {
        let Ok(bytes) = self.string_bytes(offset) else {
            return false;
        };
        bytes
            .strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    /// The string section from `offset` on.
    #[inline(never)]
    pub(crate) fn string_bytes(&self, offset: u32) -> Result<&[u8]> {
        let skip = match &self.base {
            Some(base) if offset < base.string_end() => return base.string_bytes(offset),
            Some(base) => base.string_end(),
            None => 0,
        };
        self.own_strings()
            .get(offset.saturating_sub(skip) as usize..)
            .filter(|rest| !rest.is_empty())
            .ok_or_else(|| {
                Error::new(ErrorKind::Truncated, "string offset beyond its section")
                    .in_section("BTF strings")
                    .at(u64::from(offset))
            })
    }

    /// The string section of this set, without the base's.
    #[inline]
    pub(super) fn own_strings(&self) -> &[u8] {
        self.as_bytes()
            .get(self.strings.clone())
            .unwrap_or_default()
    }

    /// The offset that the first of this set's own strings has.
    pub(super) fn own_strings_start(&self) -> u32 {
        self.base.as_ref().map_or(0, |base| base.string_end())
    }

    /// One past the last offset of a string, base included.
    pub(super) fn string_end(&self) -> u32 {
        self.own_strings_start()
            .saturating_add(self.strings.len() as u32)
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

    #[inline]
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

    fn type_at<'a>(&'a self, section: &'a [u8], at: usize, id: TypeId) -> Result<Type<'a>> {
        let end = next_type(section, at, self.endian, &self.sizes)?;
        let bytes = section.get(at..end).unwrap_or_default();
        let Some((head, tail)) = bytes.split_first_chunk::<HEADER>() else {
            bail!(Truncated, "type header");
        };
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *head;
        Ok(Type {
            btf: self,
            id,
            name_off: self.endian.u32([a, b, c, d]),
            info: self.endian.u32([e, f, g, h]),
            size_or_type: self.endian.u32([i, j, k, l]),
            tail,
        })
    }

    /// The one pass: counts the types and marks every `STRIDE`-th.
    fn mark_types(&mut self) -> Result<()> {
        let blob = self.blob.clone();
        let section = (*blob).as_ref().get(self.types.clone()).unwrap_or_default();
        // A constant byte order lets the compiler fold it into the loop.
        let (marks, count) = match self.endian {
            Endian::Little => marks(section, Endian::Little, &self.sizes),
            Endian::Big => marks(section, Endian::Big, &self.sizes),
        }?;
        (self.marks, self.count) = (marks, count);
        Ok(())
    }

    /// The named types of this set of these kinds, in order of id.
    pub(crate) fn of_kinds(&self, kinds: Kinds) -> Vec<TypeId> {
        let (mut found, first) = (Vec::new(), self.first_id());
        self.heads(self.endian, kinds.bits(), |batch| {
            for head in batch {
                found.push(TypeId(first.wrapping_add(head.index)));
            }
            true
        });
        found
    }

    /// Calls `each` with the named types of this set whose kind is in the bit set `kinds`, a batch
    /// at a time, until it says `false`. The cheapest way past all types: from mark to mark, where
    /// the processor need not wait for the length of one type to look at the next, and without a
    /// branch that depends on the kind.
    #[inline(always)]
    pub(super) fn heads(&self, endian: Endian, kinds: u32, mut each: impl FnMut(&[Head]) -> bool) {
        let section = self.type_section();
        let mut batch = [Head::default(); BATCH + STRIDE as usize];
        let mut len = 0_usize;
        let mut index = 0_u32;
        for mark in &self.marks {
            let mut at = *mark as usize;
            for _ in 0..STRIDE {
                // The last mark may have fewer types after it.
                let Some(head) = section.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
                    break;
                };
                let [a, b, c, d, e, f, g, h] = *head;
                let name_off = endian.u32([a, b, c, d]);
                let info = endian.u32([e, f, g, h]);
                if let Some(slot) = batch.get_mut(len) {
                    *slot = Head {
                        index,
                        name_off,
                        info,
                    };
                }
                let kind = (info >> 24) & 0x7f;
                let bit = kinds.wrapping_shr(kind) & u32::from(kind < 32);
                len = len.wrapping_add((bit & u32::from(name_off != 0)) as usize);
                let Some(tail) = self.sizes.tail_len(info) else {
                    break;
                };
                at = at.wrapping_add(HEADER).wrapping_add(tail);
                index = index.wrapping_add(1);
            }
            if len >= BATCH {
                if !each(batch.get(..len).unwrap_or_default()) {
                    return;
                }
                len = 0;
            }
        }
        each(batch.get(..len).unwrap_or_default());
    }
}

/// Whether these words of C, in whatever order, mean `long` or `unsigned long`.
fn is_long_name(name: &str) -> bool {
    let count = |word| name.split(' ').filter(|w| *w == word).count();
    let (long, int, unsigned) = (count("long"), count("int"), count("unsigned"));
    let all = name.split(' ').count();
    long == 1
        && int <= 1
        && unsigned <= 1
        && all == 1_usize.wrapping_add(int).wrapping_add(unsigned)
}

/// The header of a type, as far as a search by name needs it.
#[derive(Clone, Copy, Default)]
pub(super) struct Head {
    /// Place in its set, from 0.
    pub(super) index: u32,
    pub(super) name_off: u32,
    pub(super) info: u32,
}

#[inline(always)]
fn marks(section: &[u8], endian: Endian, sizes: &Sizes) -> Result<(Vec<u32>, u32)> {
    let (mut at, mut count) = (0_usize, 0_u32);
    let mut marks = Vec::new();
    while at < section.len() {
        if count.is_multiple_of(STRIDE) {
            marks.push(at as u32);
        }
        at = next_type(section, at, endian, sizes)
            .map_err(|e| e.in_section("BTF types").at(at as u64))?;
        count = count.wrapping_add(1);
    }
    marks.shrink_to_fit();
    Ok((marks, count))
}

impl core::fmt::Debug for Btf {
    #[inline]
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

    #[inline(never)]
    fn next(&mut self) -> Option<Type<'a>> {
        if self.at >= self.section.len() {
            return None;
        }
        let ty = self
            .btf
            .type_at(self.section, self.at, TypeId(self.id))
            .ok()?;
        let len = HEADER.saturating_add(ty.tail.len());
        self.at = self.at.saturating_add(len);
        self.id = self.id.saturating_add(1);
        Some(ty)
    }
}

/// Where the type after the one at `at` begins.
#[inline(always)]
fn next_type(section: &[u8], at: usize, endian: Endian, sizes: &Sizes) -> Result<usize> {
    let head = section.get(at..).and_then(|rest| rest.first_chunk::<8>());
    let Some([_, _, _, _, a, b, c, d]) = head else {
        return Err(broken_type(None));
    };
    let info = endian.u32([*a, *b, *c, *d]);
    let Some(tail) = sizes.tail_len(info) else {
        return Err(broken_type(Some(info)));
    };
    let end = at.wrapping_add(HEADER).wrapping_add(tail);
    if end > section.len() {
        return Err(broken_type(None));
    }
    Ok(end)
}

#[cold]
fn broken_type(unknown: Option<u32>) -> Error {
    match unknown {
        None => Error::new(ErrorKind::Truncated, "type runs past its section"),
        Some(info) => Error::new(
            ErrorKind::Unsupported,
            format!("BTF kind {} of unknown size", (info >> 24) & 0x7f),
        ),
    }
}
