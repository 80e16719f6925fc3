use super::codes::Code;
use super::*;
use crate::ErrorKind;

/// One block that is not packed: "skep".
const STORED: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01\x04\x00\xfb\xffskepq\x1a\xc3T\x04\
    \x00\x00\x00";
/// A packed block with the codes that need not be told; all header fields.
const FIXED: &[u8] =
    b"\x1f\x8b\x08\x1e\x00\x00\x00\x00\x00\x03\x03\x00abcname\x00comment\x00\x124+\xce\
    N-P(F!\xb8\x00\xb7\xda\x95\xd8\x14\x00\x00\x00";
/// A packed block that tells its codes: "CONFIG_0=y" and so on.
const TOLD: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03M\x8f1\x0a\x84@\x10\x04\xf3{\xcd\xce\xb4\
    \xb7\xba\xc1F\x82b\xe2=\xe1^p\x97\xfb{\x05\x91\xae\xac(\x86)z\xfe\xec\xcb\xb6~K?\
    ^\xf3\x8d\xd1\x7f\x0f\xa6\xad\xfa\xff\xc1\xc1\xf6m[\x8d\xa3q\xf2\xb3f\x1b\xcc\
    \x058q#\xf8\x01\x1e\xcd\xa8~\x1f#\xee\x91\x0dt\xb3\x80\xb9\x13CS\xf0\x98\x9a\xe8\
    f\x85G7'p\xf3\x1f\x150\xf6\x0a{\x85\xae\xd0\x15\xba\xc2^\xa1+\xecU\xbb\xfc\x09.\
    \xc4\xb2\x9a\xd6\x01\x00\x00";
/// 100,000 zeroes.
const ZEROES: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xed\xc11\x01\x00\x00\x00\xc2\xa0\xf5Om\
    \x0d\x0f\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\
    W\x03}\x95\x11\xd4\xa0\x86\x01\x00";

#[test]
fn each_kind_of_block_is_unpacked() {
    assert_eq!(gunzip(STORED, 4).unwrap(), b"skep");
    assert_eq!(gunzip(FIXED, 20).unwrap(), b"skep skep skep skep\n");
    let text = gunzip(TOLD, 1 << 10).unwrap();
    assert_eq!(text.len(), 470);
    assert!(text.starts_with(b"CONFIG_0=y\nCONFIG_1=m\nCONFIG_2=y\n"));
    assert!(text.ends_with(b"y\nCONFIG_38=m\nCONFIG_39=y\n"));
}

#[test]
fn no_more_comes_out_than_is_allowed() {
    assert_eq!(gunzip(ZEROES, 100_000).unwrap(), [0; 100_000]);
    for limit in [0, 1, 99_999] {
        let error = gunzip(ZEROES, limit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
    assert_eq!(gunzip(STORED, 3).unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn every_truncation_is_refused() {
    for whole in [STORED, FIXED, TOLD, ZEROES] {
        for len in 0..whole.len() {
            assert!(gunzip(&whole[..len], 1 << 20).is_err(), "{len}");
        }
    }
}

/// The checksum sees what the codes do not.
#[test]
fn every_changed_bit_is_refused_or_of_no_account() {
    for whole in [STORED, FIXED, TOLD, ZEROES] {
        let good = gunzip(whole, 1 << 20).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(out) = gunzip(&bytes, 1 << 20) {
                assert_eq!(out, good, "bit {bit}");
            }
        }
    }
}

#[test]
fn codes_that_say_too_much_are_refused() {
    assert!(Code::new(&[1, 1, 1]).is_err());
    assert!(Code::new(&[1, 2, 2, 15]).is_err());
    // One symbol alone leaves half of the strings without one.
    let one = Code::new(&[0, 1]).unwrap();
    let mut bits = Bits {
        bytes: &[0b10],
        at: 0,
        hold: 0,
        held: 0,
    };
    assert_eq!(one.next(&mut bits).unwrap(), 1);
    assert!(one.next(&mut bits).is_err());
}
