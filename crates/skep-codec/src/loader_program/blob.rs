//! The loader's data: the only value of its map. Everything in it begins at a multiple of eight.

use crate::Result;
use crate::bytes::Endian;
use crate::error::bail;
use alloc::vec::Vec;

/// The most bytes that are taken: more than the kernel takes of programs and types in one call.
pub(super) const MAX_BLOB: usize = 1 << 24;

pub(super) struct Blob {
    pub(super) bytes: Vec<u8>,
    pub(super) endian: Endian,
}

impl Blob {
    pub(super) fn new(endian: Endian) -> Self {
        let bytes = Vec::new();
        Self { bytes, endian }
    }

    /// Appends; where it is.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<u32> {
        let at = self.bytes.len();
        let end = at.saturating_add(bytes.len()).next_multiple_of(8);
        if end > MAX_BLOB {
            bail!(
                TooLarge,
                "more than {MAX_BLOB} bytes of data for a loader program"
            );
        }
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(end, 0);
        Ok(at as u32)
    }

    /// So many zeroes.
    pub(super) fn room(&mut self, len: u32) -> Result<u32> {
        if len as usize > MAX_BLOB {
            bail!(TooLarge, "{len} bytes of data for a loader program");
        }
        self.add(&alloc::vec![0; len as usize])
    }

    pub(super) fn words(&mut self, words: &[u32]) -> Result<u32> {
        let mut bytes = Vec::new();
        for word in words {
            bytes.extend(self.endian.put_u32(*word));
        }
        self.add(&bytes)
    }

    /// A name and its NUL; where it is, and how long with its NUL.
    pub(super) fn text(&mut self, text: &str) -> Result<(u32, u32)> {
        if text.contains('\0') {
            bail!(Malformed, "a NUL in '{}'", text.escape_debug());
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        let at = self.add(&bytes)?;
        Ok((at, bytes.len() as u32))
    }

    pub(super) fn put(&mut self, at: u32, new: &[u8]) {
        let places = self.bytes.iter_mut().skip(at as usize);
        for (to, from) in places.zip(new) {
            *to = *from;
        }
    }

    pub(super) fn put_u32(&mut self, at: u32, value: u32) {
        self.put(at, &self.endian.put_u32(value));
    }

    pub(super) fn put_u64(&mut self, at: u32, value: u64) {
        self.put(at, &self.endian.put_u64(value));
    }
}
