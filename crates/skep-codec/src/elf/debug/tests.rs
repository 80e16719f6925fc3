//! Notes and links of small files that are put together here, in both word sizes and byte orders.

use super::*;
use crate::ErrorKind;
use crate::bytes::Endian;
use crate::elf::in_memory;
use std::vec;

/// How a file is written, and its sections: name, type, bytes.
struct File<'a> {
    is_64: bool,
    endian: Endian,
    sections: &'a [(&'a str, u32, Vec<u8>)],
}

impl File<'_> {
    fn word(&self, out: &mut Vec<u8>, value: usize) {
        match self.is_64 {
            true => out.extend(self.endian.put_u64(value as u64)),
            false => out.extend(self.endian.put_u32(value as u32)),
        }
    }

    fn write(&self) -> Vec<u8> {
        let (head, header) = if self.is_64 { (64, 64) } else { (52, 40) };
        let mut names = vec![0];
        let mut bytes = Vec::new();
        let mut table = vec![0; header];
        let last = ("", 3, Vec::new());
        for (name, kind, content) in self.sections.iter().chain([&last]) {
            table.extend(self.endian.put_u32(names.len() as u32));
            names.extend(name.bytes().chain([0]));
            table.extend(self.endian.put_u32(*kind));
            // The last one has the names.
            let content = if *kind == 3 { &names } else { content };
            for value in [0, 0, head + bytes.len(), content.len()] {
                self.word(&mut table, value);
            }
            bytes.extend(content);
            table.resize(table.len().next_multiple_of(header), 0);
        }
        let mut out = b"\x7fELF".to_vec();
        out.push(if self.is_64 { 2 } else { 1 });
        out.push(if self.endian == Endian::Little { 1 } else { 2 });
        out.resize(if self.is_64 { 40 } else { 32 }, 0);
        self.word(&mut out, head + bytes.len());
        out.resize(if self.is_64 { 58 } else { 46 }, 0);
        let count = self.sections.len() as u16 + 2;
        for half in [header as u16, count, count - 1] {
            out.extend(self.endian.put_u16(half));
        }
        assert_eq!(out.len(), head);
        [out, bytes, table].concat()
    }
}

const ORDERS: [(bool, Endian); 4] = [
    (true, Endian::Little),
    (true, Endian::Big),
    (false, Endian::Little),
    (false, Endian::Big),
];

fn noted(endian: Endian, owner: &[u8], kind: u32, desc: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [owner.len() as u32, desc.len() as u32, kind] {
        out.extend(endian.put_u32(word));
    }
    for part in [owner, desc] {
        out.extend(part);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

#[test]
fn build_ids_are_found_among_notes() {
    for (is_64, endian) in ORDERS {
        let other = noted(endian, b"GNU\0", 1, &[0; 16]);
        let id = noted(endian, b"GNU\0", 3, &[1, 2, 3, 4, 5]);
        let stranger = noted(endian, b"Go\0", 3, &[9; 8]);
        let sections = [
            (".note.cut", SHT_NOTE, other[..9].to_vec()),
            (
                ".note.gnu.build-id",
                SHT_NOTE,
                [other, stranger, id].concat(),
            ),
        ];
        let mut file = File {
            is_64,
            endian,
            sections: &sections,
        };
        let found = |file: &[u8]| {
            let image = Image::open(&mut in_memory(file)).unwrap();
            image.build_id(&mut in_memory(file)).unwrap()
        };
        assert_eq!(found(&file.write()).unwrap(), [1, 2, 3, 4, 5]);
        file.sections = &sections[..1];
        assert_eq!(found(&file.write()), None);
    }
}

#[test]
fn links_name_a_file_and_its_checksum() {
    for (is_64, endian) in ORDERS {
        let link = |bytes: &[u8]| {
            let sections = [(".gnu_debuglink", 1, bytes.to_vec())];
            let file = File {
                is_64,
                endian,
                sections: &sections,
            };
            let file = file.write();
            let image = Image::open(&mut in_memory(&file)).unwrap();
            image.debug_link(&mut in_memory(&file))
        };
        for (name, padding) in [("a.debug", 1), ("ab.debug", 4), ("abc.debug", 3)] {
            let crc = endian.put_u32(0x1234_5678);
            let whole = [name.as_bytes(), &vec![0; padding], &crc].concat();
            let wanted = DebugLink {
                name: name.to_string(),
                crc32: 0x1234_5678,
            };
            assert_eq!(link(&whole).unwrap(), Some(wanted));
            for len in 0..whole.len() {
                assert!(link(&whole[..len]).is_err(), "{name} {len}");
            }
        }
        for name in [
            &b"../up\0\0\0"[..],
            b"\0\0\0\0",
            b"/abs\0\0\0\0",
            b"\xff\0\0\0",
        ] {
            let error = link(&[name, &[0; 4]].concat()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        }
        let huge = vec![b'a'; 1 << 17];
        assert_eq!(link(&huge).unwrap_err().kind(), ErrorKind::TooLarge);
    }
    let none = File {
        is_64: true,
        endian: Endian::Little,
        sections: &[],
    };
    let none = none.write();
    let image = Image::open(&mut in_memory(&none)).unwrap();
    assert_eq!(image.debug_link(&mut in_memory(&none)), Ok(None));
}
