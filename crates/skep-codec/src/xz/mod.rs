//! xz, unpacked: programs have symbols in them that are packed so (`.gnu_debugdata`).

mod lzma;
#[cfg(test)]
mod tests;

use crate::Result;
use crate::bytes::{Endian, Reader};
use crate::crc32::crc32;
use crate::error::bail;
use crate::inflate::Out;
use crate::sha256::sha256;
use alloc::vec::Vec;

const MAGIC: &[u8] = b"\xfd7zXZ\0";
const END_MAGIC: &[u8] = b"YZ";
/// The one way of packing that is known here.
const LZMA2: u64 = 0x21;

/// Unpacks an xz file of one stream, packed by LZMA2 alone.
///
/// # Errors
/// `TooLarge` where more than `limit` bytes come out; bytes that are no xz, are packed in another
/// way, are cut off, or have not the checksum that they tell.
pub fn unxz(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    unpack(bytes, limit).map_err(|e| e.in_section("xz"))
}

fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut file = Reader::new(bytes, Endian::Little);
    if file.take(MAGIC.len())? != MAGIC {
        bail!(Unsupported, "no xz file");
    }
    let flags = file.take(2)?;
    if file.u32()? != crc32(flags) {
        bail!(Malformed, "the header's checksum is another");
    }
    let [0, check @ 0..16] = *flags else {
        bail!(Unsupported, "flags {flags:02x?}");
    };
    let mut out = Out {
        bytes: Vec::new(),
        limit,
    };
    let mut blocks = Vec::new();
    while file.rest().first().is_some_and(|first| *first != 0) {
        blocks.push(block(&mut file, check, &mut out)?);
    }
    let index = index(&mut file, &blocks)?;
    let (crc, rest) = (file.u32()?, file.rest());
    let (back, again) = (file.u32()?, file.take(2)?);
    let told = rest.get(..6).unwrap_or_default();
    let told = u64::from(back).wrapping_add(1).wrapping_mul(4) == index as u64
        && again == flags
        && crc == crc32(told);
    if !told || file.take(2)? != END_MAGIC {
        bail!(Malformed, "no end that fits the beginning");
    }
    if file.rest().iter().any(|byte| *byte != 0) {
        bail!(Unsupported, "something behind the first stream");
    }
    Ok(out.bytes)
}

/// A number of seven bits a byte, the least first.
fn number(r: &mut Reader<'_>) -> Result<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let byte = r.u8()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    bail!(Malformed, "a number of more than nine bytes");
}

/// Bytes that are zero, up to a multiple of four from where `r` began.
fn padding(r: &mut Reader<'_>, since: usize) -> Result<()> {
    let len = r.offset().wrapping_sub(since).wrapping_neg() & 3;
    if r.take(len)?.iter().any(|byte| *byte != 0) {
        bail!(Malformed, "padding that is not zero");
    }
    Ok(())
}

/// A block: its lengths packed (with header and checksum, without padding) and unpacked.
fn block(file: &mut Reader<'_>, check: u8, out: &mut Out) -> Result<(u64, u64)> {
    let (begin, before) = (file.offset(), out.bytes.len());
    let all = file.rest();
    let len = usize::from(file.u8()?).wrapping_add(1).wrapping_mul(4);
    file.take(len.wrapping_sub(1))?;
    let Some((header, crc)) = all.get(..len).and_then(|head| head.split_last_chunk::<4>()) else {
        bail!(Truncated, "a block's header");
    };
    if u32::from_le_bytes(*crc) != crc32(header) {
        bail!(Malformed, "a block's header has another checksum");
    }
    let (packed, unpacked) = lengths(header)?;
    let data = file.offset();
    lzma::unpack(file, out)?;
    let got = file.offset().wrapping_sub(data) as u64;
    padding(file, data)?;
    let bytes = out.bytes.get(before..).unwrap_or_default();
    if packed.is_some_and(|len| len != got) || unpacked.is_some_and(|len| len != bytes.len() as u64)
    {
        bail!(Malformed, "a block of another length than it tells");
    }
    verify(file, check, bytes)?;
    let padded = (got.wrapping_neg() & 3) as usize;
    let whole = file.offset().wrapping_sub(begin).wrapping_sub(padded);
    Ok((whole as u64, bytes.len() as u64))
}

/// What a block's header tells of its lengths.
fn lengths(header: &[u8]) -> Result<(Option<u64>, Option<u64>)> {
    const PACKED: u8 = 0x40;
    const UNPACKED: u8 = 0x80;
    let mut r = Reader::new(header, Endian::Little);
    r.take(1)?;
    let flags = r.u8()?;
    let mut told = |flag: u8| match flags & flag {
        0 => Ok(None),
        _ => number(&mut r).map(Some),
    };
    let lengths = (told(PACKED)?, told(UNPACKED)?);
    let (way, props) = (number(&mut r)?, number(&mut r)?);
    if flags & !(PACKED | UNPACKED) != 0 || way != LZMA2 || props != 1 {
        bail!(Unsupported, "packed in another way than LZMA2");
    }
    r.take(1)?;
    if r.rest().iter().any(|byte| *byte != 0) {
        bail!(Malformed, "padding that is not zero");
    }
    Ok(lengths)
}

/// Compares the checksum behind a block, if it is of a kind that is known.
fn verify(file: &mut Reader<'_>, check: u8, bytes: &[u8]) -> Result<()> {
    let len = match check {
        0 => 0,
        1..=3 => 4,
        4..=6 => 8,
        7..=9 => 16,
        10..=12 => 32,
        _ => 64,
    };
    let told = file.take(len)?;
    let same = match check {
        1 => told == crc32(bytes).to_le_bytes(),
        4 => told == crc64(bytes).to_le_bytes(),
        10 => told == sha256(bytes),
        _ => true,
    };
    if !same {
        bail!(Malformed, "the checksum is another");
    }
    Ok(())
}

/// The index, compared with the blocks that there were; its length.
fn index(file: &mut Reader<'_>, blocks: &[(u64, u64)]) -> Result<usize> {
    let (begin, all) = (file.offset(), file.rest());
    file.u8()?;
    let mut same = number(file)? == blocks.len() as u64;
    for block in blocks {
        same = same && (number(file)?, number(file)?) == *block;
    }
    if !same {
        bail!(Malformed, "an index of other blocks");
    }
    padding(file, begin)?;
    let len = file.offset().wrapping_sub(begin);
    if file.u32()? != crc32(all.get(..len).unwrap_or_default()) {
        bail!(Malformed, "the index has another checksum");
    }
    Ok(len.wrapping_add(4))
}

/// The checksum of 64 bits that xz uses (ECMA-182, bits reversed).
fn crc64(bytes: &[u8]) -> u64 {
    const fn entry(byte: u64) -> u64 {
        let (mut crc, mut bit) = (byte, 0_u32);
        while bit < 8 {
            crc = (crc >> 1) ^ (0xc96c_5795_d787_0f42 & (crc & 1).wrapping_neg());
            bit = bit.wrapping_add(1);
        }
        crc
    }
    let table: [u64; 256] = core::array::from_fn(|byte| entry(byte as u64));
    let step = |crc: u64, byte: &u8| {
        let index = (crc as u8 ^ byte) as usize;
        table.get(index).copied().unwrap_or_default() ^ (crc >> 8)
    };
    !bytes.iter().fold(!0, step)
}
