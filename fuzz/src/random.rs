//! Numbers that look like chance, the same for the same seed (xorshift): for tests in every crate.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "compiled into each, which needs some of it"
)]

/// The seed, not 0; from then on the state.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `end`; 0 for an empty range.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A place among so many; 0 if there is none.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Changes one to four bytes.
    pub fn damage(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.next() % 4 {
            let at = self.index(bytes.len());
            bytes[at] = match self.next() % 4 {
                0 => self.next() as u8,
                1 => bytes[at].wrapping_add(1),
                2 => bytes[at] ^ (1 << (self.next() % 8)),
                _ => [0, 0xff, 0x7f, 0x80][self.index(4)],
            };
        }
    }
}
