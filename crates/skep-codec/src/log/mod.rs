//! Log records of BPF programs, as `skep_log.h` writes them.
//!
//! A record is a header of 24 bytes and fields. A field is a kind (one byte), how many bytes the type
//! of a number had (one byte, 0 in older records), its length (two bytes), four zeros, and the value,
//! filled up to a multiple of 8.

mod message;

use crate::Result;
use crate::bytes::{Endian, Reader};
use crate::error::bail;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The version of records that this reads.
pub const VERSION: u8 = 1;

/// Kinds of the fields that are no arguments.
const TARGET: u8 = 0x40;
const FILE: u8 = 0x41;
const MESSAGE: u8 = 0x42;

/// A log record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// How grave: 1 is an error, 2 a warning, 3 information, 4 for debugging, 5 a trace.
    pub level: u8,
    /// Line in the source file.
    pub line: u32,
    /// When, by `CLOCK_MONOTONIC`.
    pub time_ns: u64,
    /// On which CPU.
    pub cpu: u32,
    /// What it is about: a name that is filtered by.
    pub target: Cow<'a, str>,
    /// The source file.
    pub file: Cow<'a, str>,
    /// The text, with a `{}` for each argument.
    pub message: Cow<'a, str>,
    /// The arguments.
    pub args: Vec<Arg<'a>>,
}

/// An argument of a log record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg<'a> {
    /// An unsigned integer.
    Unsigned(u64),
    /// A signed integer, and how many bytes its type had in the program; 0 where nobody knows.
    Signed {
        /// The number.
        value: i64,
        /// As many digits has a negative one in another base than ten.
        width_bytes: u8,
    },
    /// `_Bool`.
    Bool(bool),
    /// `char`.
    Char(u8),
    /// An address.
    Pointer(u64),
    /// An array of `char`, up to its NUL.
    Text(Cow<'a, str>),
    /// Any other array.
    Bytes(&'a [u8]),
    /// An IPv4 address.
    Ipv4([u8; 4]),
    /// An IPv6 address.
    Ipv6([u8; 16]),
    /// An Ethernet address.
    Mac([u8; 6]),
    /// A kind that this does not know, or one that has another length here.
    Unknown(u8, &'a [u8]),
}

/// Decodes a record.
///
/// # Errors
/// Another version; a record that ends before its fields do.
pub fn decode(bytes: &[u8], endian: Endian) -> Result<Entry<'_>> {
    let mut reader = Reader::new(bytes, endian);
    let (version, level, size) = (reader.u8()?, reader.u8()?, reader.u16()?);
    if version != VERSION {
        bail!(Unsupported, "a log record of version {version}");
    }
    let mut entry = Entry {
        level,
        line: reader.u32()?,
        time_ns: reader.u64()?,
        cpu: reader.u32()?,
        ..Entry::default()
    };
    let _reserved = reader.u32()?;
    // A transport may add bytes behind it.
    let len = usize::from(size).saturating_sub(reader.offset());
    let mut fields = Reader::new(reader.take(len)?, endian);
    while !fields.is_empty() {
        let (kind, width, value) = field(&mut fields)?;
        match kind {
            TARGET => entry.target = text(value),
            FILE => entry.file = text(value),
            MESSAGE => entry.message = text(value),
            kind => entry.args.push(Arg::read((kind, width), value, endian)),
        }
    }
    Ok(entry)
}

/// Kind, width and value of the next field.
fn field<'a>(reader: &mut Reader<'a>) -> Result<(u8, u8, &'a [u8])> {
    let (kind, width) = (reader.u8()?, reader.u8()?);
    let len = usize::from(reader.u16()?);
    let _zeros = reader.u32()?;
    let value = reader.take(len.next_multiple_of(8))?;
    Ok((kind, width, value.get(..len).unwrap_or_default()))
}

/// Text up to its NUL; what is no UTF-8 in it is replaced.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default())
}

impl<'a> Arg<'a> {
    fn read((kind, width_bytes): (u8, u8), value: &'a [u8], endian: Endian) -> Self {
        let number = || Some(endian.u64(value.try_into().ok()?));
        let known = match kind {
            1 => number().map(Self::Unsigned),
            2 => number().map(|number| Self::Signed {
                value: number.cast_signed(),
                width_bytes,
            }),
            3 => number().map(|number| Self::Bool(number != 0)),
            4 => number().map(|number| Self::Char(number as u8)),
            5 => number().map(Self::Pointer),
            6 => Some(Self::Text(text(value))),
            7 => Some(Self::Bytes(value)),
            8 => value.try_into().ok().map(Self::Ipv4),
            9 => value.try_into().ok().map(Self::Ipv6),
            10 => value.try_into().ok().map(Self::Mac),
            _ => None,
        };
        known.unwrap_or(Self::Unknown(kind, value))
    }
}

/// The message with its arguments in their places.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        message::write(f, &self.message, &self.args)
    }
}

#[cfg(test)]
mod tests;
