//! SHA-256 (FIPS 180-4): how the kernel knows a program that a map is exclusive to.

const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

#[rustfmt::skip]
const ROUNDS: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// The digest of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut state = START;
    for block in blocks {
        state = compress(state, block);
    }
    for block in last_blocks(rest, bytes.len()) {
        state = compress(state, &block);
    }
    let mut digest = [0; 32];
    let (words, _) = digest.as_chunks_mut::<4>();
    for (to, from) in words.iter_mut().zip(state) {
        *to = from.to_be_bytes();
    }
    digest
}

/// What does not fill a block, a bit that is set, zeroes, and the length in bits.
fn last_blocks(rest: &[u8], len: usize) -> impl Iterator<Item = [u8; 64]> {
    let mut tail = [0; 128];
    let content = rest.iter().copied().chain([0x80]);
    for (to, from) in tail.iter_mut().zip(content) {
        *to = from;
    }
    let used = if rest.len() < 56 { 64 } else { 128 };
    let bits = (len as u64).wrapping_mul(8).to_be_bytes();
    let places = tail.iter_mut().take(used).rev();
    for (to, from) in places.zip(bits.iter().rev()) {
        *to = *from;
    }
    let (blocks, _) = tail.as_chunks::<64>();
    let blocks: [[u8; 64]; 2] = blocks.try_into().unwrap_or([[0; 64]; 2]);
    blocks.into_iter().take(used >> 6)
}

fn compress(state: [u32; 8], block: &[u8; 64]) -> [u32; 8] {
    let mut words = [0; 16];
    let (bytes, _) = block.as_chunks::<4>();
    for (to, from) in words.iter_mut().zip(bytes) {
        *to = u32::from_be_bytes(*from);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
    for constant in ROUNDS {
        // The first of the sixteen is this round's; the one to come sixteen rounds later follows.
        let [w0, w1, .., w9, _, _, _, _, w14, _] = words;
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let one = h
            .wrapping_add(s1)
            .wrapping_add(choice)
            .wrapping_add(constant)
            .wrapping_add(w0);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(one));
        (d, c, b, a) = (c, b, a, one.wrapping_add(s0).wrapping_add(majority));
        let low = w1.rotate_right(7) ^ w1.rotate_right(18) ^ (w1 >> 3);
        let high = w14.rotate_right(17) ^ w14.rotate_right(19) ^ (w14 >> 10);
        let next = w0.wrapping_add(low).wrapping_add(w9).wrapping_add(high);
        let [_, rest @ ..] = words;
        let mut shifted = [next; 16];
        for (to, from) in shifted.iter_mut().zip(rest) {
            *to = from;
        }
        words = shifted;
    }
    let mut sum = [a, b, c, d, e, f, g, h];
    for (new, old) in sum.iter_mut().zip(state) {
        *new = new.wrapping_add(old);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::sha256;
    use std::string::String;

    fn hex(bytes: &[u8]) -> String {
        let digits = sha256(bytes);
        digits.iter().map(|b| std::format!("{b:02x}")).collect()
    }

    #[test]
    fn digests_of_the_standard() {
        let cases: [(&[u8], &str); 3] = [
            (
                b"",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                b"abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ];
        for (bytes, digest) in cases {
            assert_eq!(hex(bytes), digest);
        }
        let million = std::vec![b'a'; 1_000_000];
        assert_eq!(
            hex(&million),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }

    #[test]
    fn every_length_about_the_ends_of_blocks() {
        // Of 55 to 64 bytes of 'a', as coreutils has them.
        let digests = [
            (
                55,
                "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318",
            ),
            (
                56,
                "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a",
            ),
            (
                63,
                "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34",
            ),
            (
                64,
                "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb",
            ),
        ];
        for (len, digest) in digests {
            assert_eq!(hex(&std::vec![b'a'; len]), digest, "{len}");
        }
    }
}
