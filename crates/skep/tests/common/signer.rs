//! Signatures as the kernel takes them: PKCS#7 messages without content, by the key of
//! `testdata/signer.key` (modulus and private exponent), whose certificate is `testdata/signer.der`.

use crate::common::testdata;

/// 64-bit digits, the lowest first.
type Number = [u64; 32];

const KEY: &[u8] = testdata!("signer", ".key");
/// The certificate, with which signatures are checked.
pub(crate) const CERTIFICATE: &[u8] = testdata!("signer", ".der");

fn number(bytes: &[u8]) -> Number {
    let mut digits = [0; 32];
    for (digit, chunk) in digits.iter_mut().zip(bytes.rchunks(8)) {
        *digit = u64::from_be_bytes(chunk.try_into().unwrap());
    }
    digits
}

/// `a - b`, and whether that is below zero.
fn minus(a: &Number, b: &Number) -> (Number, bool) {
    let (mut out, mut borrow) = ([0; 32], false);
    for i in 0..32 {
        let (first, one) = a[i].overflowing_sub(b[i]);
        let (second, two) = first.overflowing_sub(borrow.into());
        (out[i], borrow) = (second, one || two);
    }
    (out, borrow)
}

/// `2 a mod n`.
fn twice(a: &Number, n: &Number) -> Number {
    let mut out = [0; 32];
    for i in 0..32 {
        out[i] = a[i] << 1 | if i == 0 { 0 } else { a[i - 1] >> 63 };
    }
    let (less, below) = minus(&out, n);
    if a[31] >> 63 == 1 || !below {
        less
    } else {
        out
    }
}

/// Montgomery's product: `a b / 2^2048 mod n`.
fn product(a: &Number, b: &Number, n: &Number, inverse: u64) -> Number {
    let mut sum = [0_u64; 34];
    for digit in a {
        let add = |sum: &mut [u64; 34], by: u64, to: &Number| {
            let mut carry = 0_u128;
            for i in 0..32 {
                let all = u128::from(by) * u128::from(to[i]) + u128::from(sum[i]) + carry;
                (sum[i], carry) = (all as u64, all >> 64);
            }
            let all = u128::from(sum[32]) + carry;
            sum[32] = all as u64;
            sum[33] += (all >> 64) as u64;
        };
        add(&mut sum, *digit, b);
        let by = sum[0].wrapping_mul(inverse);
        add(&mut sum, by, n);
        sum.copy_within(1.., 0);
        sum[33] = 0;
    }
    let low: Number = sum[..32].try_into().unwrap();
    let (less, below) = minus(&low, n);
    if sum[32] != 0 || !below { less } else { low }
}

/// `base ^ exponent mod n`.
fn power(base: &Number, exponent: &Number, n: &Number) -> Number {
    // -1 / n, modulo 2^64.
    let mut inverse = 1_u64;
    for _ in 0..6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(n[0].wrapping_mul(inverse)));
    }
    let inverse = inverse.wrapping_neg();
    let mut one = [0; 32];
    one[0] = 1;
    // 2^2048 and 2^4096, modulo n.
    let mut unit = one;
    (0..2048).for_each(|_| unit = twice(&unit, n));
    let mut square = unit;
    (0..2048).for_each(|_| square = twice(&square, n));
    let base = product(base, &square, n, inverse);
    let mut out = unit;
    for bit in (0..2048).rev() {
        out = product(&out, &out, n, inverse);
        if exponent[bit / 64] >> (bit % 64) & 1 == 1 {
            out = product(&out, &base, n, inverse);
        }
    }
    product(&out, &one, n, inverse)
}

/// A value of DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        len @ 0..128 => out.push(len as u8),
        len => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend(content);
    out
}

/// The first value of DER: all of it, and what is in it.
fn first(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (start, len) = match bytes[1] {
        0x81 => (3, bytes[2].into()),
        0x82 => (4, usize::from(bytes[2]) << 8 | usize::from(bytes[3])),
        len => (2, len.into()),
    };
    (&bytes[..start + len], &bytes[start..start + len])
}

const SHA256: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00";
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ONE: &[u8] = b"\x02\x01\x01";

/// A detached signature of what has this digest.
pub(crate) fn sign(digest: &[u8]) -> Vec<u8> {
    let digest = der(0x04, &[digest]);
    let info = der(0x30, &[&der(0x30, &[SHA256]), &digest]);
    let mut block = vec![0xff; 256];
    (block[0], block[1]) = (0, 1);
    let start = 256 - info.len();
    block[start - 1] = 0;
    block[start..].copy_from_slice(&info);
    let (n, d) = (number(&KEY[..256]), number(&KEY[256..]));
    let signature = power(&number(&block), &d, &n);
    let signature: Vec<u8> = signature
        .iter()
        .rev()
        .flat_map(|d| d.to_be_bytes())
        .collect();
    // Of the certificate: version, serial number, algorithm, issuer.
    let (_, certificate) = first(CERTIFICATE);
    let (_, mut rest) = first(certificate);
    let mut fields = Vec::new();
    for _ in 0..4 {
        let (whole, _) = first(rest);
        fields.push(whole);
        rest = &rest[whole.len()..];
    }
    let name = der(0x30, &[fields[3], fields[1]]);
    let (sha256, rsa) = (der(0x30, &[SHA256]), der(0x30, &[RSA]));
    let signer = der(
        0x30,
        &[ONE, &name, &sha256, &rsa, &der(0x04, &[&signature])],
    );
    let (algorithms, signers) = (der(0x31, &[&sha256]), der(0x31, &[&signer]));
    let signed = der(0x30, &[ONE, &algorithms, &der(0x30, &[DATA]), &signers]);
    der(0x30, &[SIGNED_DATA, &der(0xa0, &[&signed])])
}
