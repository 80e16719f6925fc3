//! Strings of one section put into another.

use super::Strings;
use crate::btf::Btf;
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;

impl Strings {
    pub(in crate::btf) fn start(&self) -> u32 {
        self.start
    }
}

/// The string at an offset of a section, without its NUL.
fn text_of(bytes: &[u8]) -> Result<&[u8]> {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => Ok(bytes.get(..end).unwrap_or_default()),
        None => {
            Err(Error::new(ErrorKind::Truncated, "string without its NUL")
                .in_section("BTF strings"))
        }
    }
}

/// Where the strings of one section are in another; each is looked for once.
pub(in crate::btf) struct StringMap<'a> {
    from: &'a [u8],
    start: u32,
    /// For each offset its new one, 0 where it has not been asked for.
    new: Vec<u32>,
}

impl<'a> StringMap<'a> {
    /// Strings of the section `from`, whose first offset is `start`.
    pub(in crate::btf) fn new(from: &'a [u8], start: u32) -> Self {
        Self {
            new: alloc::vec![0; from.len()],
            from,
            start,
        }
    }

    /// The new offset of a string; offsets of the base stay.
    pub(in crate::btf) fn map(
        &mut self,
        offset: u32,
        to: &mut Strings,
        base: Option<&Btf>,
    ) -> Result<u32> {
        let Some(own) = offset.checked_sub(self.start) else {
            return Ok(offset);
        };
        let Some(slot) = self.new.get_mut(own as usize) else {
            // Without a base, every section has the empty string.
            bail!(Truncated, "string offset {offset} beyond its section");
        };
        if *slot == 0 {
            let rest = self.from.get(own as usize..).unwrap_or_default();
            *slot = to.add(text_of(rest)?, base)?;
        }
        Ok(*slot)
    }
}
