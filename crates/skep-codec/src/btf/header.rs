//! The BTF header, the string section's rules, and how long a type of each kind is.

use super::Kind;
use super::records::Records;
use crate::bytes::{Endian, Reader, slice};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use core::ops::Range;

pub(super) const MAGIC: u16 = 0xeb9f;
/// The header that every kernel reads; newer ones are longer.
pub(super) const HEADER_LEN: u32 = 24;
/// Length of a header that has a layout section.
pub(super) const HEADER_WITH_LAYOUT: u32 = 32;
/// What the top byte of a type's `info` can be: seven bits of kind, one of flag.
const TOP_BYTES: usize = 256;
const KIND_BITS: u8 = 0x7f;
const UNKNOWN: u16 = u16::MAX;

pub(super) struct Header {
    pub(super) endian: Endian,
    pub(super) types: Range<usize>,
    pub(super) strings: Range<usize>,
    pub(super) sizes: Sizes,
}

impl Header {
    pub(super) fn read(bytes: &[u8], split: bool) -> Result<Self> {
        let header = Self::read_parts(bytes).map_err(|e| e.in_section("BTF header"))?;
        let strings = bytes.get(header.strings.clone()).unwrap_or_default();
        check_strings(strings, split).map_err(|e| e.in_section("BTF strings"))?;
        Ok(header)
    }

    fn read_parts(bytes: &[u8]) -> Result<Self> {
        let endian = magic_endian(bytes)?;
        let mut r = Reader::new(bytes, endian);
        r.u16()?;
        let (version, _flags) = (r.u8()?, r.u8()?);
        if version != 1 {
            bail!(Unsupported, "BTF version {version}");
        }
        let header_len = r.u32()?;
        if header_len < HEADER_LEN {
            bail!(Malformed, "BTF header of {header_len} bytes");
        }
        slice(bytes, 0, header_len as usize, "BTF header")?;
        let part = |offset: u32, len: u32, what: &str| -> Result<Range<usize>> {
            let start = (header_len as usize).saturating_add(offset as usize);
            slice(bytes, start, len as usize, what)?;
            Ok(start..start.saturating_add(len as usize))
        };
        let types = part(r.u32()?, r.u32()?, "BTF types")?;
        let strings = part(r.u32()?, r.u32()?, "BTF strings")?;
        let mut sizes = Sizes::KNOWN;
        if header_len >= HEADER_WITH_LAYOUT {
            let layout = part(r.u32()?, r.u32()?, "BTF kind layout")?;
            sizes.learn(bytes.get(layout).unwrap_or_default());
        }
        Ok(Self {
            endian,
            types,
            strings,
            sizes,
        })
    }
}

fn check_strings(strings: &[u8], split: bool) -> Result<()> {
    match (strings.first(), strings.last()) {
        (None, _) if split => Ok(()),
        (None, _) => bail!(Malformed, "no strings, not even the empty one"),
        (_, Some(last)) if *last != 0 => bail!(Malformed, "last string without its NUL"),
        (Some(first), _) if *first != 0 && !split => {
            bail!(Malformed, "the first string is not the empty one")
        }
        _ => Ok(()),
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

/// For each kind (with the flag and without), the bytes after its 12-byte header: a fixed part,
/// and so many an element.
#[derive(Clone, Debug)]
pub(super) struct Sizes([u16; TOP_BYTES]);

impl Sizes {
    pub(super) const KNOWN: Self = Self::known();

    const fn known() -> Self {
        let mut table = [UNKNOWN; TOP_BYTES];
        let mut top = 0_u8;
        let mut rest: &mut [u16] = &mut table;
        while let Some((entry, tail)) = rest.split_first_mut() {
            if let Some((fixed, each)) = Kind::from_raw(top & KIND_BITS).tail() {
                *entry = u16::from_le_bytes([fixed, each]);
            }
            top = top.saturating_add(1);
            rest = tail;
        }
        Self(table)
    }

    /// Takes over the sizes of kinds that this crate does not know. Four bytes a kind: fixed
    /// part, bytes an element, flags.
    fn learn(&mut self, layout: &[u8]) {
        for half in self.0.chunks_mut(TOP_BYTES / 2) {
            for (entry, record) in half.iter_mut().zip(layout.chunks_exact(4)) {
                if let (UNKNOWN, [fixed, each, ..]) = (*entry, record) {
                    *entry = u16::from_le_bytes([*fixed, *each]);
                }
            }
        }
    }

    /// Bytes that follow the header of a type with this `info`; `None` for an unknown kind.
    #[inline]
    pub(super) fn tail_len(&self, info: u32) -> Option<usize> {
        let entry = *self.0.get((info >> 24) as usize)?;
        if entry == UNKNOWN {
            return None;
        }
        let [fixed, each] = entry.to_le_bytes();
        let elements = (each as usize).wrapping_mul((info & 0x00ff_ffff) as usize);
        Some(elements.wrapping_add(fixed as usize))
    }

    /// The layout section for records of kinds that this crate does not know; empty where there are
    /// none of them.
    pub(super) fn layout_for(&self, records: &Records) -> Vec<u8> {
        let mut last = 0;
        for index in 0..records.len() {
            let info = records.get(index).get(1).copied().unwrap_or(0);
            last = last.max((info >> 24) as u8 & KIND_BITS);
        }
        if !matches!(Kind::from_raw(last), Kind::Unknown(_)) {
            return Vec::new();
        }
        let sizes = self.0.iter().take(usize::from(last).saturating_add(1));
        let mut layout = Vec::new();
        for &entry in sizes {
            let [fixed, each] = if entry == UNKNOWN { 0 } else { entry }.to_le_bytes();
            layout.extend_from_slice(&[fixed, each, 0, 0]);
        }
        layout
    }
}
