//! BTF made by hand, or copied and changed.

use super::header::{HEADER_LEN, HEADER_WITH_LAYOUT, Sizes};
use super::records::{HEAD, Records};
use super::strings::Strings;
use super::{Btf, TypeId};
use crate::bytes::Endian;
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Builds BTF: strings once each, types in the order they are added.
#[derive(Clone, Debug)]
pub struct BtfBuilder {
    pub(super) base: Option<Arc<Btf>>,
    pub(super) strings: Strings,
    pub(super) records: Records,
    /// How long records of kinds are that this crate does not know.
    sizes: Sizes,
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
        Self::on(None)
    }

    /// Split BTF: what is added continues the types and strings of `base`.
    #[doc(alias = "btf__new_empty_split")]
    pub fn split(base: Arc<Btf>) -> Self {
        Self::on(Some(base))
    }

    pub(super) fn on(base: Option<Arc<Btf>>) -> Self {
        Self {
            strings: Strings::new(base.as_deref()),
            base,
            records: Records::default(),
            sizes: Sizes::KNOWN,
            error: None,
        }
    }

    /// The types and strings of `btf`, with the same ids and offsets, on the same base.
    ///
    /// # Errors
    /// Records that are no whole number of words.
    pub fn from_btf(btf: &Btf) -> Result<Self> {
        let start = btf.own_strings_start();
        Ok(Self {
            strings: Strings::copied(btf.own_strings().to_vec(), start),
            records: Records::read(btf)?,
            sizes: btf.sizes.clone(),
            ..Self::on(btf.base().cloned())
        })
    }

    /// The offset of a string, added where it is new.
    #[inline(never)]
    pub fn add_string(&mut self, text: &str) -> u32 {
        self.intern(text.as_bytes()).unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            0
        })
    }

    pub(super) fn intern(&mut self, text: &[u8]) -> Result<u32> {
        let base = self.base.as_deref();
        if !self.strings.is_indexed() {
            self.strings.index(base);
        }
        self.strings.add(text, base)
    }

    /// The id that the next type gets.
    pub fn next_id(&self) -> TypeId {
        TypeId(self.first_id().wrapping_add(self.records.len() as u32))
    }

    /// The id of the first type that is not the base's.
    pub(super) fn first_id(&self) -> u32 {
        self.base.as_ref().map_or(1, |base| base.id_end())
    }

    /// The bytes. The header has the 24 bytes that every kernel reads; only where a kind is among
    /// the types that this crate does not know it has 32, and says how long such records are.
    ///
    /// # Errors
    /// What an earlier call could not write, such as a bit-field beyond 2 MiB.
    pub fn to_bytes(&self, endian: Endian) -> Result<Vec<u8>> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let words = self.records.words();
        let layout = self.sizes.layout_for(&self.records);
        let header_len = if layout.is_empty() {
            HEADER_LEN
        } else {
            HEADER_WITH_LAYOUT
        };
        let types_len = words.len().saturating_mul(4);
        let strings = self.strings.bytes();
        let all = types_len.saturating_add(strings.len());
        if u32::try_from(all.saturating_add(layout.len())).is_err() {
            bail!(TooLarge, "{all} bytes of types and strings");
        }
        let (types_len, strings_len) = (types_len as u32, strings.len() as u32);
        // The layout comes before the strings, which may end anywhere.
        let strings_off = types_len.wrapping_add(layout.len() as u32);
        let mut out = Vec::with_capacity(all.saturating_add(header_len as usize));
        out.extend(endian.put_u16(super::header::MAGIC));
        out.extend([1, 0]);
        let header = [header_len, 0, types_len, strings_off, strings_len];
        for word in header {
            out.extend(endian.put_u32(word));
        }
        if !layout.is_empty() {
            out.extend(endian.put_u32(types_len));
            out.extend(endian.put_u32(layout.len() as u32));
        }
        match endian {
            Endian::Little => words.iter().for_each(|w| out.extend(w.to_le_bytes())),
            Endian::Big => words.iter().for_each(|w| out.extend(w.to_be_bytes())),
        }
        out.extend_from_slice(&layout);
        out.extend_from_slice(strings);
        Ok(out)
    }

    /// [`BtfBuilder::to_bytes`], read back.
    ///
    /// # Errors
    /// As [`BtfBuilder::to_bytes`].
    pub fn to_btf(&self, endian: Endian) -> Result<Btf> {
        Btf::parse(Arc::new(self.to_bytes(endian)?), self.base.clone())
    }

    #[cfg(test)]
    pub(super) fn strings_len(&self) -> usize {
        self.strings.bytes().len()
    }

    pub(super) fn fail(&mut self, what: &'static str) {
        self.error
            .get_or_insert_with(|| Error::new(ErrorKind::Malformed, what));
    }

    /// The words of a type: name, info, size or type, then its tail.
    pub(super) fn record_mut(&mut self, id: TypeId) -> Option<&mut [u32]> {
        let index = id.0.checked_sub(self.first_id())?;
        Some(self.records.get_mut(index as usize)).filter(|record| !record.is_empty())
    }

    /// Replaces the header words of a type that stays as long as it is.
    #[inline(never)]
    pub(super) fn set_head(&mut self, id: TypeId, head: [u32; HEAD]) {
        if let Some(record) = self.record_mut(id).and_then(|r| r.first_chunk_mut()) {
            *record = head;
        }
    }

    /// The words after the header.
    #[inline(never)]
    pub(super) fn tail_mut(&mut self, id: TypeId) -> &mut [u32] {
        self.record_mut(id)
            .and_then(|record| record.get_mut(HEAD..))
            .unwrap_or_default()
    }
}
