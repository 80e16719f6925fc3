//! LZMA2: chunks of bytes as they are, and of bits that are guessed, each coded by how likely its
//! guess was.

use crate::Result;
use crate::bytes::Reader;
use crate::error::bail;
use crate::inflate::Out;
use alloc::vec;
use alloc::vec::Vec;

/// A guess of which nothing is known.
const EVEN: u16 = 1 << 10;
/// Where the guesses of each kind begin; the states that some differ by are 12, positions 16.
const IS_MATCH: usize = 0;
const IS_REP: usize = 192;
const IS_REP_G0: usize = 204;
const IS_REP_G1: usize = 216;
const IS_REP_G2: usize = 228;
const IS_REP0_LONG: usize = 240;
const DISTANCE_SLOT: usize = 432;
const DISTANCE: usize = 688;
const ALIGN: usize = 816;
const LEN: usize = 832;
const REP_LEN: usize = 1346;
const LITERAL: usize = 1860;
/// Guesses of a literal in one context.
const CONTEXT: usize = 0x300;

/// Unpacks chunks up to their end.
pub(super) fn unpack(r: &mut Reader<'_>, out: &mut Out) -> Result<()> {
    // What a chunk tells of itself: how much of what is known it forgets.
    const FORGETS_ALL: u8 = 3;
    const HAS_PROPERTIES: u8 = 2;
    const FORGETS_STATE: u8 = 1;
    let mut lzma: Option<Lzma> = None;
    let mut begin = None;
    loop {
        let control = r.u8()?;
        let forgets = (control >> 5) & 3;
        match control {
            0 => return Ok(()),
            1 | 2 => {
                if control == 1 {
                    begin = Some(out.bytes.len());
                }
                let len = usize::from(big(r)?).wrapping_add(1);
                out.room(len)?;
                out.bytes.extend_from_slice(r.take(len)?);
                if begin.is_none() {
                    bail!(Malformed, "a first chunk that goes on");
                }
                continue;
            }
            3..0x80 => bail!(Malformed, "chunk of type {control:#x}"),
            _ => {}
        }
        let len = usize::from(control & 0x1f) << 16 | usize::from(big(r)?);
        let packed = usize::from(big(r)?).wrapping_add(1);
        if forgets == FORGETS_ALL {
            begin = Some(out.bytes.len());
        }
        if forgets >= HAS_PROPERTIES {
            lzma = Some(Lzma::new(r.u8()?)?);
        }
        let (Some(lzma), Some(begin)) = (&mut lzma, begin) else {
            bail!(Malformed, "a first chunk that goes on");
        };
        if forgets >= FORGETS_STATE {
            lzma.forget();
        }
        let len = len.wrapping_add(1);
        out.room(len)?;
        lzma.chunk(r.take(packed)?, out, begin, len)?;
    }
}

/// A length, the high byte first.
fn big(r: &mut Reader<'_>) -> Result<u16> {
    Ok(u16::from_be_bytes([r.u8()?, r.u8()?]))
}

/// The bits of a chunk.
struct Bits<'a> {
    bytes: &'a [u8],
    range: u32,
    code: u32,
    /// Whether bytes were wanted that there are not.
    short: bool,
}

impl Bits<'_> {
    #[inline]
    fn more(&mut self) {
        if self.range < 1 << 24 {
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(self.byte());
        }
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((byte, rest)) => {
                self.bytes = rest;
                *byte
            }
            None => {
                self.short = true;
                0
            }
        }
    }

    /// Bits that nothing guesses.
    fn plain(&mut self, count: u32) -> u32 {
        let mut value = 0;
        for _ in 0..count {
            self.more();
            self.range >>= 1;
            let bit = self.code >= self.range;
            if bit {
                self.code = self.code.wrapping_sub(self.range);
            }
            value = value << 1 | u32::from(bit);
        }
        value
    }
}

/// What is known of what comes.
struct Lzma {
    guesses: Vec<u16>,
    /// How many bits of the byte before, and of the position, a literal's context is made of.
    literal_context: u32,
    literal_position: usize,
    position: usize,
    state: usize,
    /// The last distances, less one.
    last: [u32; 4],
}

impl Lzma {
    fn new(properties: u8) -> Result<Self> {
        let (context, rest) = (properties % 9, properties / 9);
        let (literal, position) = (rest % 5, rest / 5);
        if position > 4 || context.wrapping_add(literal) > 4 {
            bail!(Malformed, "properties {properties:#x}");
        }
        let contexts = CONTEXT << context.wrapping_add(literal);
        let ones = |bits: u8| (1_usize << bits).wrapping_sub(1);
        Ok(Self {
            guesses: vec![EVEN; LITERAL.wrapping_add(contexts)],
            literal_context: context.into(),
            literal_position: ones(literal),
            position: ones(position),
            state: 0,
            last: [0; 4],
        })
    }

    fn forget(&mut self) {
        self.guesses.fill(EVEN);
        (self.state, self.last) = (0, [0; 4]);
    }

    /// A bit, by one of the guesses.
    #[inline]
    fn bit(&mut self, bits: &mut Bits<'_>, guess: usize) -> usize {
        bits.more();
        let Some(guess) = self.guesses.get_mut(guess) else {
            return 0;
        };
        let bound = (bits.range >> 11).wrapping_mul((*guess).into());
        if bits.code < bound {
            bits.range = bound;
            *guess = guess.wrapping_add(2048_u16.wrapping_sub(*guess) >> 5);
            0
        } else {
            bits.range = bits.range.wrapping_sub(bound);
            bits.code = bits.code.wrapping_sub(bound);
            *guess = guess.wrapping_sub(*guess >> 5);
            1
        }
    }

    /// A number of so many bits, the high one first.
    fn tree(&mut self, bits: &mut Bits<'_>, base: usize, count: u32) -> usize {
        let mut node = 1_usize;
        for _ in 0..count {
            node = node << 1 | self.bit(bits, base.wrapping_add(node));
        }
        node.wrapping_sub(1 << count)
    }

    /// The same, the low one first.
    fn reversed(&mut self, bits: &mut Bits<'_>, base: usize, count: u32) -> u32 {
        let (mut node, mut value) = (1_usize, 0_u32);
        for shift in 0..count {
            let bit = self.bit(bits, base.wrapping_add(node));
            node = node << 1 | bit;
            value |= (bit as u32) << shift;
        }
        value
    }

    /// Unpacks a chunk that makes `len` bytes; what is known begins at `begin`.
    fn chunk(&mut self, packed: &[u8], out: &mut Out, begin: usize, len: usize) -> Result<()> {
        let mut bits = Bits {
            bytes: packed,
            range: u32::MAX,
            code: 0,
            short: false,
        };
        if bits.byte() != 0 {
            bail!(Malformed, "a chunk that does not begin with zero");
        }
        for _ in 0..4 {
            bits.code = bits.code << 8 | u32::from(bits.byte());
        }
        let end = out.bytes.len().saturating_add(len);
        while out.bytes.len() < end && !bits.short {
            let at = out.bytes.len().wrapping_sub(begin);
            let position = at & self.position;
            let of_state = self.state.wrapping_mul(16).wrapping_add(position);
            if self.bit(&mut bits, IS_MATCH.wrapping_add(of_state)) == 0 {
                let byte = self.literal(&mut bits, out, at);
                out.bytes.push(byte);
                continue;
            }
            let len = self.repetition(&mut bits, position)?;
            let left = end.wrapping_sub(out.bytes.len());
            let distance = (self.last[0] as usize).saturating_add(1);
            if len > left || distance > at {
                bail!(Malformed, "a repetition of more than there is");
            }
            out.repeat(distance, len)?;
        }
        bits.more();
        if bits.short {
            bail!(Truncated, "a chunk ends too soon");
        }
        if bits.code != 0 || !bits.bytes.is_empty() {
            bail!(Malformed, "a chunk that does not end with its last byte");
        }
        Ok(())
    }

    /// A byte.
    fn literal(&mut self, bits: &mut Bits<'_>, out: &Out, at: usize) -> u8 {
        let before = match at {
            0 => 0,
            _ => out.bytes.last().copied().unwrap_or_default(),
        };
        let high = usize::from(before) >> 8_u32.wrapping_sub(self.literal_context);
        let context = (at & self.literal_position) << self.literal_context | high;
        let base = LITERAL.wrapping_add(context.wrapping_mul(CONTEXT));
        let mut node = 1_usize;
        if self.state >= 7 {
            // After a repetition: the byte that would have gone on with it tells something.
            let distance = (self.last[0] as usize).saturating_add(1);
            let from = out.bytes.len().checked_sub(distance);
            let guess = from.and_then(|from| out.bytes.get(from));
            let mut guess = usize::from(guess.copied().unwrap_or_default());
            let mut same = 0x100;
            while node < 0x100 {
                guess <<= 1;
                let guessed = guess & same;
                let at = base.wrapping_add(same).wrapping_add(guessed);
                let bit = self.bit(bits, at.wrapping_add(node));
                node = node << 1 | bit;
                same &= if bit == 1 { guessed } else { !guessed };
            }
        }
        while node < 0x100 {
            node = node << 1 | self.bit(bits, base.wrapping_add(node));
        }
        self.state = match self.state {
            0..4 => 0,
            4..10 => self.state.wrapping_sub(3),
            _ => self.state.wrapping_sub(6),
        };
        node as u8
    }

    /// How many bytes are repeated, from the first of the last distances on.
    fn repetition(&mut self, bits: &mut Bits<'_>, position: usize) -> Result<usize> {
        let (state, early) = (self.state, self.state < 7);
        let [first, second, third, fourth] = self.last;
        if self.bit(bits, IS_REP.wrapping_add(state)) == 0 {
            let len = self.len(bits, LEN, position);
            self.state = if early { 7 } else { 10 };
            let distance = self.distance(bits, len);
            if distance == u32::MAX {
                bail!(Malformed, "an end within a chunk");
            }
            self.last = [distance, first, second, third];
            return Ok(len);
        }
        if self.bit(bits, IS_REP_G0.wrapping_add(state)) == 0 {
            let of_state = state.wrapping_mul(16).wrapping_add(position);
            if self.bit(bits, IS_REP0_LONG.wrapping_add(of_state)) == 0 {
                self.state = if early { 9 } else { 11 };
                return Ok(1);
            }
        } else if self.bit(bits, IS_REP_G1.wrapping_add(state)) == 0 {
            self.last = [second, first, third, fourth];
        } else if self.bit(bits, IS_REP_G2.wrapping_add(state)) == 0 {
            self.last = [third, first, second, fourth];
        } else {
            self.last = [fourth, first, second, third];
        }
        self.state = if early { 8 } else { 11 };
        Ok(self.len(bits, REP_LEN, position))
    }

    fn len(&mut self, bits: &mut Bits<'_>, base: usize, position: usize) -> usize {
        let tree = base.wrapping_add(2).wrapping_add(position << 3);
        if self.bit(bits, base) == 0 {
            return self.tree(bits, tree, 3).wrapping_add(2);
        }
        if self.bit(bits, base.wrapping_add(1)) == 0 {
            return self.tree(bits, tree.wrapping_add(128), 3).wrapping_add(10);
        }
        let long = base.wrapping_add(2 + 256);
        self.tree(bits, long, 8).wrapping_add(18)
    }

    /// How far back, less one.
    fn distance(&mut self, bits: &mut Bits<'_>, len: usize) -> u32 {
        let of_len = len.saturating_sub(2).min(3) << 6;
        let slot = self.tree(bits, DISTANCE_SLOT.wrapping_add(of_len), 6);
        let (low, count) = (slot as u32, (slot as u32 >> 1).wrapping_sub(1));
        if slot < 4 {
            return low;
        }
        let high = (2 | low & 1) << count;
        if slot < 14 {
            let base = DISTANCE.wrapping_add(high as usize).wrapping_sub(slot);
            return high.wrapping_add(self.reversed(bits, base, count));
        }
        let middle = bits.plain(count.wrapping_sub(4)) << 4;
        let last = self.reversed(bits, ALIGN, 4);
        high.wrapping_add(middle).wrapping_add(last)
    }
}
