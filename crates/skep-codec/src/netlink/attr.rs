//! Attributes: length, type, value, padding to four bytes; values may be attributes again.

use crate::bytes::{Endian, Reader};
use crate::error::bail;
use crate::uapi::netlink::{NLA_F_NESTED, NLA_F_NET_BYTEORDER};
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes of an attribute's header.
const HEAD: usize = 4;

/// Rounds up to four bytes.
#[inline]
pub(super) const fn aligned(len: usize) -> usize {
    len.saturating_add(3) & !3
}

/// So many bytes; the padding behind them is skipped, which may be missing behind the last.
#[inline]
pub(super) fn padded<'a>(reader: &mut Reader<'a>, len: usize) -> Result<&'a [u8]> {
    let bytes = reader.take(len)?;
    let padding = aligned(len).saturating_sub(len).min(reader.rest().len());
    reader.take(padding)?;
    Ok(bytes)
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr<'a> {
    /// Its type, without the bits that tell what its value is.
    pub kind: u16,
    /// Its value.
    pub value: &'a [u8],
}

macro_rules! numbers {
    ($($name:ident $ty:ident;)+) => {$(
        #[doc = concat!("The value as a `", stringify!($ty), "`, or the beginning of a longer one.")]
        pub fn $name(&self) -> Result<$ty> {
            Reader::new(self.value, Endian::NATIVE).$name().map_err(|error| self.in_it(error))
        }
    )+};
}

impl<'a> Attr<'a> {
    numbers! {
        u8 u8;
        u16 u16;
        u32 u32;
        u64 u64;
        i32 i32;
    }

    /// The value as text, up to the first NUL. What is no UTF-8 is replaced.
    #[inline]
    pub fn text(&self) -> String {
        let end = crate::bytes::first_zero(self.value).unwrap_or(self.value.len());
        let text = self.value.get(..end).unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }

    /// The attributes in the value.
    #[inline]
    pub fn attrs(&self) -> Attrs<'a> {
        Attrs::new(self.value)
    }

    #[inline]
    fn in_it(&self, error: Error) -> Error {
        let what = format!("attribute {}: {}", self.kind, error.what());
        Error::new(error.kind(), what)
    }
}

/// Attributes one after the other. An error is the last.
#[derive(Clone, Copy, Debug)]
pub struct Attrs<'a>(Reader<'a>);

impl<'a> Attrs<'a> {
    /// The attributes in these bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes, Endian::NATIVE))
    }

    #[inline]
    fn read(&mut self) -> Result<Attr<'a>> {
        let at = self.0.offset() as u64;
        let (len, kind) = (self.0.u16()?, self.0.u16()?);
        let Some(len) = usize::from(len).checked_sub(HEAD) else {
            bail!(Malformed, "attribute {kind} is {len} bytes long");
        };
        let value = padded(&mut self.0, len).map_err(|error| error.at(at))?;
        let kind = kind & !(NLA_F_NESTED | NLA_F_NET_BYTEORDER);
        Ok(Attr { kind, value })
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = Result<Attr<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            *self = Self::new(&[]);
        }
        Some(read)
    }
}

/// A nest that was begun: where its header is.
#[derive(Debug)]
#[must_use = "a nest has no length until it is ended"]
pub struct Nest(usize);

/// Attributes being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// A value was longer than an attribute can be.
    pub(super) too_long: bool,
}

impl Writer {
    #[inline]
    pub(super) fn put(&mut self, kind: u16, value: &[u8]) {
        let nest = self.begin(kind);
        self.bytes.extend_from_slice(value);
        self.end(&nest);
    }

    #[inline]
    pub(super) fn begin(&mut self, kind: u16) -> Nest {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        Nest(at)
    }

    #[inline]
    pub(super) fn end(&mut self, nest: &Nest) {
        let len = self.bytes.len().saturating_sub(nest.0);
        let len = u16::try_from(len).unwrap_or_else(|_| {
            self.too_long = true;
            0
        });
        if let Some(place) = self
            .bytes
            .get_mut(nest.0..)
            .and_then(<[u8]>::first_chunk_mut)
        {
            *place = len.to_ne_bytes();
        }
        self.bytes.resize(aligned(self.bytes.len()), 0);
    }

    #[inline]
    pub(super) fn done(self) -> Result<Vec<u8>> {
        match self.too_long {
            true => Err(Error::new(
                ErrorKind::TooLarge,
                "a value is longer than 65531 bytes",
            )),
            false => Ok(self.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.put(3, b"eth0\0");
        let outer = writer.begin(43 | NLA_F_NESTED);
        writer.put(1, &(-1_i32).to_ne_bytes());
        let inner = writer.begin(7 | NLA_F_NET_BYTEORDER);
        writer.put(9, &[5]);
        writer.end(&inner);
        writer.end(&outer);
        writer.put(4, &[]);
        let bytes = writer.done().unwrap();
        assert_eq!(bytes.len() % 4, 0);

        let all: Vec<_> = Attrs::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(all.iter().map(|a| a.kind).collect::<Vec<_>>(), [3, 43, 4]);
        assert_eq!((all[0].text().as_str(), all[2].value), ("eth0", &[][..]));
        let nested: Vec<_> = all[1].attrs().map(Result::unwrap).collect();
        assert_eq!(nested[0].i32(), Ok(-1));
        assert_eq!(nested[1].kind, 7);
        let innermost = nested[1].attrs().next().unwrap().unwrap();
        assert_eq!((innermost.kind, innermost.u8()), (9, Ok(5)));
        assert_eq!(innermost.u32().unwrap_err().kind(), ErrorKind::Truncated);
    }

    #[test]
    fn longer_values_are_taken_and_short_ones_refused() {
        let attr = Attr {
            kind: 5,
            value: &[1, 0, 0, 0, 9, 9, 9, 9],
        };
        assert_eq!(attr.u32(), Ok(u32::from_ne_bytes([1, 0, 0, 0])));
        let short = Attr {
            value: &[1, 0],
            ..attr
        };
        let error = short.u32().unwrap_err();
        assert_eq!(
            (error.kind(), error.what().contains("attribute 5")),
            (ErrorKind::Truncated, true)
        );
        assert_eq!(
            Attr {
                kind: 3,
                value: b"\xff"
            }
            .text(),
            "\u{fffd}"
        );
    }

    #[test]
    fn bytes_that_lie_end_the_walk() {
        for len in 0..4_u16 {
            let mut bytes = Vec::from(len.to_ne_bytes());
            bytes.extend([1, 0, 0, 0, 0, 0]);
            let all: Vec<_> = Attrs::new(&bytes).collect();
            assert_eq!(all.len(), 1, "{len}");
            assert_eq!(all[0].as_ref().unwrap_err().kind(), ErrorKind::Malformed);
        }
        let mut bytes = Vec::from(9_u16.to_ne_bytes());
        bytes.extend([1, 0, 0, 0, 0, 0]);
        assert_eq!(
            Attrs::new(&bytes).next().unwrap().unwrap_err().kind(),
            ErrorKind::Truncated
        );
        // Half a header.
        assert!(Attrs::new(&[8, 0, 1]).next().unwrap().is_err());
        // Without the padding of the last one.
        let mut bytes = Vec::from(5_u16.to_ne_bytes());
        bytes.extend([1, 0, 7]);
        let all: Vec<_> = Attrs::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(
            all,
            [Attr {
                kind: u16::from_ne_bytes([1, 0]),
                value: &[7]
            }]
        );
    }

    #[test]
    fn what_is_too_long_is_no_message() {
        let mut writer = Writer::default();
        writer.put(1, &[0; 65531]);
        assert!(writer.clone().done().is_ok());
        writer.put(1, &[0; 65532]);
        assert_eq!(writer.done().unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
