//! gzip, unpacked (RFC 1951 and 1952): the kernel's own configuration comes so.

mod codes;
#[cfg(test)]
mod tests;

use crate::Result;
use crate::bytes::{Endian, Reader};
use crate::crc32::crc32;
use crate::error::bail;
use alloc::vec::Vec;
use codes::Codes;

/// Whether these bytes begin as a gzip file does.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Unpacks a gzip file of one member.
///
/// # Errors
/// `TooLarge` where more than `limit` bytes come out; bytes that are no gzip, are cut off, or have
/// not the checksum that they tell.
pub fn gunzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    unpack(bytes, limit).map_err(|e| e.in_section("gzip"))
}

fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut file = Reader::new(bytes, Endian::Little);
    header(&mut file)?;
    let mut bits = Bits {
        bytes: file.rest(),
        at: 0,
        hold: 0,
        held: 0,
    };
    let mut out = Out {
        bytes: Vec::new(),
        limit,
    };
    loop {
        let last = bits.take(1)?;
        match bits.take(2)? {
            0 => stored(&mut bits, &mut out)?,
            1 => packed(&mut bits, &Codes::fixed()?, &mut out)?,
            2 => {
                let codes = Codes::read(&mut bits)?;
                packed(&mut bits, &codes, &mut out)?;
            }
            kind => bail!(Malformed, "block of type {kind}"),
        }
        if last == 1 {
            break;
        }
    }
    let mut tail = Reader::new(bits.whole_bytes(), Endian::Little);
    if tail.u32()? != crc32(&out.bytes) || tail.u32()? != out.bytes.len() as u32 {
        bail!(Malformed, "the checksum is another");
    }
    Ok(out.bytes)
}

/// Steps over the member's header and its optional fields.
fn header(file: &mut Reader<'_>) -> Result<()> {
    const CRC: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    let (magic, method, flags) = (file.u16()?, file.u8()?, file.u8()?);
    if magic != 0x8b1f || method != 8 {
        bail!(Malformed, "no gzip file");
    }
    file.take(6)?;
    if flags & EXTRA != 0 {
        let len = file.u16()?;
        file.take(usize::from(len))?;
    }
    for text in [NAME, COMMENT] {
        while flags & text != 0 && file.u8()? != 0 {}
    }
    if flags & CRC != 0 {
        file.u16()?;
    }
    Ok(())
}

/// The stream of bits, the low bit of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to hold.
    at: usize,
    hold: u64,
    /// Bits in `hold`.
    held: u32,
}

impl<'a> Bits<'a> {
    /// The next bits (15 at most) without taking them; zeroes beyond the end.
    #[inline]
    fn peek(&mut self, count: u32) -> u32 {
        while self.held < count {
            let Some(byte) = self.bytes.get(self.at) else {
                break;
            };
            self.hold |= u64::from(*byte) << self.held;
            (self.at, self.held) = (self.at.wrapping_add(1), self.held.wrapping_add(8));
        }
        self.hold as u32 & (1_u32 << count).wrapping_sub(1)
    }

    #[inline]
    fn skip(&mut self, count: u32) -> Result<()> {
        let Some(held) = self.held.checked_sub(count) else {
            bail!(Truncated, "the packed bytes end too soon");
        };
        (self.hold, self.held) = (self.hold >> count, held);
        Ok(())
    }

    #[inline]
    fn take(&mut self, count: u32) -> Result<u32> {
        let value = self.peek(count);
        self.skip(count)?;
        Ok(value)
    }

    /// Gives up the rest of the byte begun: what follows.
    fn whole_bytes(&mut self) -> &'a [u8] {
        self.at = self.at.saturating_sub((self.held / 8) as usize);
        (self.hold, self.held) = (0, 0);
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

/// What has come out.
struct Out {
    bytes: Vec<u8>,
    limit: usize,
}

impl Out {
    #[inline]
    fn room(&self, len: usize) -> Result<()> {
        if self.limit.saturating_sub(self.bytes.len()) < len {
            bail!(TooLarge, "more than {} bytes come out", self.limit);
        }
        Ok(())
    }

    /// Repeats `len` bytes from `distance` bytes back; they may overlap what they make.
    fn repeat(&mut self, distance: usize, len: usize) -> Result<()> {
        self.room(len)?;
        let Some(from) = self.bytes.len().checked_sub(distance) else {
            bail!(Malformed, "a repetition of what was before the first byte");
        };
        let end = from.saturating_add(len);
        if end <= self.bytes.len() {
            self.bytes.extend_from_within(from..end);
            return Ok(());
        }
        for place in from..end {
            let byte = self.bytes.get(place).copied().unwrap_or_default();
            self.bytes.push(byte);
        }
        Ok(())
    }
}

/// A block that is not packed.
fn stored(bits: &mut Bits<'_>, out: &mut Out) -> Result<()> {
    let mut block = Reader::new(bits.whole_bytes(), Endian::Little);
    let (len, check) = (block.u16()?, block.u16()?);
    if len != !check {
        bail!(Malformed, "a stored block of two lengths");
    }
    out.room(len.into())?;
    out.bytes.extend_from_slice(block.take(len.into())?);
    bits.at = bits.at.saturating_add(block.offset());
    Ok(())
}

/// A packed block.
fn packed(bits: &mut Bits<'_>, codes: &Codes, out: &mut Out) -> Result<()> {
    loop {
        let symbol = codes.symbols.next(bits)?;
        if let Ok(byte) = u8::try_from(symbol) {
            out.room(1)?;
            out.bytes.push(byte);
            continue;
        }
        let Some(length) = symbol.checked_sub(257) else {
            return Ok(());
        };
        let len = match length {
            28 => 258,
            29.. => bail!(Malformed, "length code {length}"),
            _ => ranged(bits, 3, 4, length)?,
        };
        let distance = match codes.distances.next(bits)? {
            code @ 30.. => bail!(Malformed, "distance code {code}"),
            code => ranged(bits, 1, 2, code)?,
        };
        out.repeat(distance as usize, len as usize)?;
    }
}

/// A number told by a code and the bits after it: twice `each` codes stand for one number from
/// `least` on, then every `each` codes for ranges twice as wide as those before.
fn ranged(bits: &mut Bits<'_>, least: u32, each: u32, code: u16) -> Result<u32> {
    let code = u32::from(code);
    let wide = code.checked_div(each).unwrap_or(0).saturating_sub(1);
    let start = match wide {
        0 => code,
        _ => (each | (code & each.wrapping_sub(1))) << wide,
    };
    Ok(least.wrapping_add(start).wrapping_add(bits.take(wide)?))
}
