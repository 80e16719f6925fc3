//! Small archives that are put together here.

use super::*;
use crate::elf::in_memory;
use std::vec;

/// Name, flags, method, bytes; each stored file begins at a page.
type Row<'a> = (&'a str, u16, u16, &'a [u8]);

fn words(out: &mut Vec<u8>, halves: &[u16]) {
    for half in halves {
        out.extend(half.to_le_bytes());
    }
}

fn archive(rows: &[Row<'_>], align: usize, comment: &[u8]) -> Vec<u8> {
    let (mut out, mut entries) = (Vec::new(), Vec::new());
    for (name, flags, method, bytes) in rows {
        let offset = out.len() as u32;
        let begin = out.len() + LOCAL_LEN + name.len();
        let extra = begin.next_multiple_of(align) - begin;
        let (len, name_len) = (bytes.len() as u32, name.len() as u16);
        entries.extend(ENTRY.to_le_bytes());
        words(&mut entries, &[20, 20, *flags, *method, 0, 0, 0, 0]);
        entries.extend([len.to_le_bytes(), len.to_le_bytes()].concat());
        words(&mut entries, &[name_len, 2, 3, 0, 0, 0, 0]);
        entries.extend(offset.to_le_bytes());
        entries.extend(name.bytes().chain(*b"xx...").collect::<Vec<_>>());
        out.extend(LOCAL.to_le_bytes());
        words(&mut out, &[20, *flags, *method, 0, 0, 0, 0]);
        out.extend([len.to_le_bytes(), len.to_le_bytes()].concat());
        words(&mut out, &[name_len, extra as u16]);
        out.extend(name.bytes());
        out.extend(vec![0; extra]);
        out.extend(*bytes);
    }
    let (offset, count) = (out.len() as u32, rows.len() as u16);
    out.extend(&entries);
    out.extend(END.to_le_bytes());
    words(&mut out, &[0, 0, count, count]);
    out.extend((entries.len() as u32).to_le_bytes());
    out.extend(offset.to_le_bytes());
    words(&mut out, &[comment.len() as u16]);
    out.extend(comment);
    out
}

fn find(bytes: &[u8], name: &str) -> Result<(u64, u64)> {
    find_in_archive(name, bytes.len() as u64, &mut in_memory(bytes))
}

const ROWS: &[Row<'_>] = &[
    ("assets/a.txt", 0, 0, b"text"),
    ("lib/x.so", 0, 0, b"a library"),
    ("lib/packed.so", 0, 8, b"packed"),
    ("lib/secret.so", 1, 0, b"secret"),
    ("empty", 0, 0, b""),
];

#[test]
fn stored_files_are_where_their_bytes_are() {
    for comment in [
        &b""[..],
        b"a comment",
        b"PK\x05\x06 is no end here, nor is this one",
    ] {
        let bytes = archive(ROWS, 4096, comment);
        for (name, .., content) in [ROWS[0], ROWS[1], ROWS[4]] {
            let (offset, len) = find(&bytes, name).unwrap();
            assert_eq!(offset % 4096, 0);
            let found = &bytes[offset as usize..(offset + len) as usize];
            assert_eq!(found, content);
        }
    }
}

#[test]
fn what_cannot_be_used_says_why() {
    let bytes = archive(ROWS, 4096, b"");
    let refusal = |bytes: &[u8], name: &str| {
        let error = find(bytes, name).unwrap_err();
        (error.kind(), std::format!("{error}"))
    };
    let (kind, text) = refusal(&bytes, "lib/y.so");
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(text.contains("has no file `lib/y.so`"), "{text}");
    for name in ["lib/packed.so", "lib/secret.so"] {
        let (kind, text) = refusal(&bytes, name);
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(text.contains("is packed in the archive"), "{text}");
    }
    let (kind, text) = refusal(&archive(ROWS, 4, b""), "lib/x.so");
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(text.contains("where no page begins"), "{text}");
    for bytes in [&b""[..], b"PK", &[0; 100]] {
        let (kind, text) = refusal(bytes, "a");
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(text.contains("no zip archive"), "{text}");
    }
    // Its directory is elsewhere, its files too.
    let mut moved = bytes.clone();
    let end = moved.len() - 6;
    moved[end] ^= 4;
    assert_eq!(refusal(&moved, "lib/x.so").0, ErrorKind::Malformed);
    let mut wide = bytes;
    wide[end..end + 4].fill(0xff);
    assert_eq!(refusal(&wide, "lib/x.so").0, ErrorKind::Unsupported);
}

#[test]
fn no_cut_and_no_changed_byte_panics() {
    let bytes = archive(&ROWS[..2], 64, b"");
    for len in 0..bytes.len() {
        assert!(find(&bytes[..len], "lib/x.so").is_err());
        let _ = find(&bytes[len..], "lib/x.so");
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            let _ = find(&bytes, "lib/x.so");
        }
    }
}
