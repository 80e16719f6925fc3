//! Prefix codes: which bits stand for which symbol.

use super::Bits;
use crate::Result;
use crate::error::bail;
use alloc::vec::Vec;

/// In this order the lengths of the codes for lengths are told.
const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// The two codes of a block.
pub(super) struct Codes {
    pub(super) symbols: Code,
    pub(super) distances: Code,
}

impl Codes {
    /// Those that need not be told.
    pub(super) fn fixed() -> Result<Self> {
        let mut symbols: Vec<u8> = Vec::new();
        for (len, end) in [(8, 144), (9, 256), (7, 280), (8, 288)] {
            symbols.resize(end, len);
        }
        Ok(Self {
            symbols: Code::new(&symbols)?,
            distances: Code::new(&[5; 30])?,
        })
    }

    /// Those that the block begins with, themselves packed.
    pub(super) fn read(bits: &mut Bits<'_>) -> Result<Self> {
        let symbols = bits.take(5)?.saturating_add(257) as usize;
        let distances = bits.take(5)?.saturating_add(1) as usize;
        let told = bits.take(4)?.saturating_add(4) as usize;
        let mut lengths = [0; ORDER.len()];
        for &place in ORDER.iter().take(told) {
            let len = bits.take(3)? as u8;
            if let Some(slot) = lengths.get_mut(place) {
                *slot = len;
            }
        }
        let code = Code::new(&lengths)?;
        let count = symbols.saturating_add(distances);
        let mut lengths: Vec<u8> = Vec::new();
        while lengths.len() < count {
            let (len, times) = match code.next(bits)? {
                16 => match lengths.last() {
                    Some(&last) => (last, bits.take(2)?.saturating_add(3)),
                    None => bail!(Malformed, "a code length repeated before the first"),
                },
                17 => (0, bits.take(3)?.saturating_add(3)),
                18 => (0, bits.take(7)?.saturating_add(11)),
                len => (len as u8, 1),
            };
            lengths.resize(lengths.len().saturating_add(times as usize), len);
        }
        if lengths.len() > count || symbols > 286 || distances > 30 {
            bail!(Malformed, "too many code lengths");
        }
        let (symbols, distances) = lengths.split_at_checked(symbols).unwrap_or_default();
        Ok(Self {
            symbols: Code::new(symbols)?,
            distances: Code::new(distances)?,
        })
    }
}

/// A canonical prefix code: for every string of `width` bits the symbol that it begins with.
pub(super) struct Code {
    width: u32,
    /// Symbol and, in the low four bits, the length of its code; 0 for no symbol.
    table: Vec<u16>,
}

impl Code {
    /// From the length of each symbol's code, 0 for a symbol that does not occur.
    pub(super) fn new(lengths: &[u8]) -> Result<Self> {
        let width: u32 = lengths.iter().copied().max().unwrap_or(0).into();
        let size = 1_usize << width;
        let mut table = alloc::vec![0_u16; size];
        // Codes are given out by length, then by symbol, counting up from zero.
        let mut next = 0_usize;
        for len in 1..=width {
            let step = size >> width.saturating_sub(len);
            next = next.wrapping_shl(1);
            for (symbol, _) in lengths
                .iter()
                .enumerate()
                .filter(|(_, l)| u32::from(**l) == len)
            {
                if next >= step {
                    bail!(Malformed, "more codes than their lengths have room for");
                }
                let entry = (symbol as u16) << 4 | len as u16;
                // The stream has a code's first bit lowest.
                let first = (next as u32).reverse_bits() >> 32_u32.saturating_sub(len);
                for slot in table.iter_mut().skip(first as usize).step_by(1 << len) {
                    *slot = entry;
                }
                next = next.wrapping_add(1);
            }
        }
        Ok(Self { width, table })
    }

    #[inline]
    pub(super) fn next(&self, bits: &mut Bits<'_>) -> Result<u16> {
        let at = bits.peek(self.width) as usize;
        match self.table.get(at).copied() {
            Some(entry) if entry != 0 => {
                bits.skip(u32::from(entry) & 15)?;
                Ok(entry >> 4)
            }
            _ => bail!(Malformed, "a code that no symbol has"),
        }
    }
}
