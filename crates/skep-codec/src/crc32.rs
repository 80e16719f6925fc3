//! The checksum of gzip, zip, xz and links to debug files (CRC-32 of RFC 1952).

/// A checksum of bytes that come one part after the other.
#[derive(Clone, Copy, Debug)]
pub struct Crc32(u32);

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut left: &mut [u32] = &mut table;
    let mut byte = 0_u32;
    while let Some((first, rest)) = left.split_first_mut() {
        let (mut crc, mut bit) = (byte, 0_u32);
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit = bit.wrapping_add(1);
        }
        *first = crc;
        left = rest;
        byte = byte.wrapping_add(1);
    }
    table
}

impl Crc32 {
    /// That of no bytes.
    #[inline]
    pub const fn new() -> Self {
        Self(!0)
    }

    /// Goes on with these bytes.
    #[inline]
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let index = (self.0 as u8 ^ byte) as usize;
            self.0 = TABLE.get(index).copied().unwrap_or_default() ^ (self.0 >> 8);
        }
    }

    /// What it has come to.
    #[inline]
    pub fn value(self) -> u32 {
        !self.0
    }
}

impl Default for Crc32 {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

/// The checksum of these bytes.
#[inline]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.add(bytes);
    crc.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_all_parts() {
        assert_eq!(crc32(b""), 0);
        // The check value that descriptions of this checksum give.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let mut crc = Crc32::new();
        crc.add(b"1234");
        crc.add(b"");
        crc.add(b"56789");
        assert_eq!(crc.value(), 0xcbf4_3926);
    }
}
