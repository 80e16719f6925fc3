//! The one reader of foreign bytes: every slice of input is cut here, with its bounds checked.

use crate::{Error, ErrorKind, Result};

/// Byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    /// The byte order of the machine this runs on.
    pub const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };
}

macro_rules! ints {
    ($($name:ident $put:ident $ty:ident $len:literal;)+) => {
        impl Endian {
            $(
                #[doc = concat!("A `", stringify!($ty), "` from its bytes.")]
                pub fn $name(self, bytes: [u8; $len]) -> $ty {
                    match self {
                        Self::Little => $ty::from_le_bytes(bytes),
                        Self::Big => $ty::from_be_bytes(bytes),
                    }
                }
                #[doc = concat!("The bytes of a `", stringify!($ty), "`.")]
                pub fn $put(self, value: $ty) -> [u8; $len] {
                    match self {
                        Self::Little => value.to_le_bytes(),
                        Self::Big => value.to_be_bytes(),
                    }
                }
            )+
        }

        impl<'a> Reader<'a> {
            $(
                #[doc = concat!("Reads a `", stringify!($ty), "` and moves on.")]
                pub fn $name(&mut self) -> Result<$ty> {
                    let Some((head, rest)) = self.rest.split_first_chunk::<$len>() else {
                        return Err(self.truncated($len));
                    };
                    self.rest = rest;
                    Ok(self.endian.$name(*head))
                }
            )+
        }
    };
}

ints! {
    u16 put_u16 u16 2;
    u32 put_u32 u32 4;
    u64 put_u64 u64 8;
    i16 put_i16 i16 2;
    i32 put_i32 i32 4;
    i64 put_i64 i64 8;
}

/// A cursor over bytes that knows its byte order and how far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
    endian: Endian,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self {
            rest: bytes,
            len: bytes.len(),
            endian,
        }
    }

    /// Byte order.
    pub fn endian(&self) -> Endian {
        self.endian
    }

    /// Bytes read so far.
    pub fn offset(&self) -> usize {
        self.len.saturating_sub(self.rest.len())
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads one byte.
    pub fn u8(&mut self) -> Result<u8> {
        let Some((head, rest)) = self.rest.split_first() else {
            return Err(self.truncated(1));
        };
        self.rest = rest;
        Ok(*head)
    }

    /// Reads `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let Some((head, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.truncated(len));
        };
        self.rest = rest;
        Ok(head)
    }

    #[cold]
    fn truncated(&self, want: usize) -> Error {
        let have = self.rest.len();
        Error::new(
            ErrorKind::Truncated,
            format!("{want} bytes wanted, {have} left"),
        )
        .at(self.offset() as u64)
    }
}

/// `bytes[offset..offset + len]`, or an error that says what was to be there.
pub fn slice<'a>(bytes: &'a [u8], offset: usize, len: usize, what: &str) -> Result<&'a [u8]> {
    offset
        .checked_add(len)
        .and_then(|end| bytes.get(offset..end))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Truncated,
                format!("{what}: {len} bytes wanted, {} there in all", bytes.len()),
            )
            .at(offset as u64)
        })
}

/// The string that starts `bytes` and ends at the first NUL.
pub fn c_str(bytes: &[u8]) -> Result<&str> {
    let Some(end) = first_zero(bytes) else {
        return Err(Error::new(ErrorKind::Truncated, "string without its NUL"));
    };
    let text = bytes.get(..end).unwrap_or_default();
    core::str::from_utf8(text).map_err(|_| Error::new(ErrorKind::Malformed, "string is not UTF-8"))
}

const LOW7: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// The top bit of each byte that is zero (exact, no borrow between bytes).
#[inline(always)]
pub(crate) fn zero_bytes(word: u64) -> u64 {
    !((word & LOW7).wrapping_add(LOW7) | word | LOW7)
}

/// Where the first zero is: eight bytes at a time.
#[inline]
pub(crate) fn first_zero(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut at = 0_usize;
    for word in words {
        let zeros = zero_bytes(u64::from_le_bytes(*word));
        if zeros != 0 {
            return Some(at.wrapping_add((zeros.trailing_zeros() / 8) as usize));
        }
        at = at.wrapping_add(8);
    }
    let last = rest.iter().position(|byte| *byte == 0)?;
    Some(at.wrapping_add(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_the_first_zero() {
        for len in 0..40 {
            let mut bytes = alloc::vec![b'\xff'; 40];
            let (text, rest) = bytes.split_at_mut(len);
            text.fill(b'a');
            assert!(c_str(text).is_err());
            rest[0] = 0;
            if let Some(last) = rest.last_mut() {
                *last = 0;
            }
            assert_eq!(c_str(&bytes).map(str::len), Ok(len));
        }
        assert!(c_str(b"\xff\0").is_err());
    }
}
