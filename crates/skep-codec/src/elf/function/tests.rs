//! Functions of small libraries that are put together here, in both word sizes and byte orders.

use super::*;
use crate::ErrorKind;
use crate::elf::in_memory;
use std::vec;

/// How a library is written.
#[derive(Clone, Copy, Debug)]
struct Form {
    is_64: bool,
    endian: Endian,
}

const FORMS: [Form; 4] = [
    Form {
        is_64: true,
        endian: Endian::Little,
    },
    Form {
        is_64: true,
        endian: Endian::Big,
    },
    Form {
        is_64: false,
        endian: Endian::Little,
    },
    Form {
        is_64: false,
        endian: Endian::Big,
    },
];

/// Name, kind and binding, section, address, version.
type Row = (&'static str, u8, u16, u64, u16);

const FUNC: u8 = abi::STB_GLOBAL << 4 | abi::STT_FUNC;
const WEAK: u8 = abi::STB_WEAK << 4 | abi::STT_FUNC;
const OBJECT: u8 = abi::STB_GLOBAL << 4 | abi::STT_OBJECT;

const DYNAMIC: &[Row] = &[
    ("plain", FUNC, 1, 0x2010, 1),
    ("elsewhere", FUNC, 0, 0, 1),
    ("variable", OBJECT, 1, 0x2020, 1),
    ("old_and_new", FUNC, 1, 0x2030, HIDDEN | 2),
    ("old_and_new", FUNC, 1, 0x2040, 3),
    ("weak_too", WEAK, 1, 0x2050, 1),
    ("weak_too", FUNC, 1, 0x2060, 1),
    ("weak_only", WEAK, 1, 0x2070, 1),
    ("twice", FUNC, 1, 0x2080, 1),
    ("twice", FUNC, 1, 0x2090, 1),
    ("alias", FUNC, 1, 0x20a0, 1),
    ("alias", FUNC, 1, 0x20a0, 1),
    ("beyond", FUNC, 1, 0x9000, 1),
];

const STATIC: &[Row] = &[
    ("plain", FUNC, 1, 0x2fff, 0),
    ("local", FUNC, 1, 0x20b0, 0),
    ("with@OLD", FUNC, 1, 0x20c0, 0),
    ("with@@NEW", FUNC, 1, 0x20d0, 0),
];

impl Form {
    fn put(self, out: &mut Vec<u8>, value: u64, len: usize) {
        match len {
            2 => out.extend(self.endian.put_u16(value as u16)),
            4 => out.extend(self.endian.put_u32(value as u32)),
            _ => out.extend(self.endian.put_u64(value)),
        }
    }

    fn word(self, out: &mut Vec<u8>, value: u64) {
        self.put(out, value, if self.is_64 { 8 } else { 4 });
    }

    fn symbols(self, rows: &[Row], texts: &mut Vec<u8>) -> (Vec<u8>, Vec<u8>) {
        let (mut symbols, mut versions) = (vec![0; if self.is_64 { 24 } else { 16 }], vec![0; 2]);
        for (name, info, section, address, version) in rows {
            self.put(&mut symbols, texts.len() as u64, 4);
            texts.extend(name.bytes().chain([0]));
            if !self.is_64 {
                self.put(&mut symbols, *address, 4);
                self.put(&mut symbols, 8, 4);
            }
            symbols.extend([*info, 0]);
            self.put(&mut symbols, (*section).into(), 2);
            if self.is_64 {
                self.put(&mut symbols, *address, 8);
                self.put(&mut symbols, 8, 8);
            }
            self.put(&mut versions, (*version).into(), 2);
        }
        (symbols, versions)
    }

    /// `Elf64_Verdef` and its `Elf64_Verdaux` for versions 2 and 3.
    fn definitions(self, texts: &mut Vec<u8>) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, name, next) in [(2, "OLD", 28), (3, "NEW", 0)] {
            for half in [1, 0, index, 1] {
                self.put(&mut out, half, 2);
            }
            for word in [0, 20, next, texts.len() as u64, 0] {
                self.put(&mut out, word, 4);
            }
            texts.extend(name.bytes().chain([0]));
        }
        out
    }

    /// A library whose bytes from 0x1000 on are at 0x2000 in memory.
    fn library(self) -> Vec<u8> {
        let mut texts = vec![0];
        let (dynamic, versions) = self.symbols(DYNAMIC, &mut texts);
        let (fixed, _) = self.symbols(STATIC, &mut texts);
        let definitions = self.definitions(&mut texts);
        // Type, link, bytes; section 1 is all text and all names.
        let sections = [
            (0, 0, Vec::new()),
            (abi::SHT_STRTAB, 0, texts),
            (abi::SHT_DYNSYM, 1, dynamic),
            (abi::SHT_SYMTAB, 1, fixed),
            (abi::SHT_GNU_VERSYM, 2, versions),
            (abi::SHT_GNU_VERDEF, 1, definitions),
        ];
        let (header, segment, section) = if self.is_64 {
            (64, 56, 64)
        } else {
            (52, 32, 40)
        };
        let data = header + segment + section * sections.len();
        let mut out = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(self.is_64), 1, 1, 0];
        if self.endian == Endian::Big {
            out[5] = 2;
        }
        out.resize(16, 0);
        for half in [3, 0] {
            self.put(&mut out, half, 2);
        }
        self.put(&mut out, 1, 4);
        for word in [0, header, header + segment] {
            self.word(&mut out, word as u64);
        }
        self.put(&mut out, 0, 4);
        for half in [header, segment, 1, section, sections.len(), 1] {
            self.put(&mut out, half as u64, 2);
        }
        self.put(&mut out, 1, 4);
        if self.is_64 {
            self.put(&mut out, 5, 4);
        }
        for word in [0x1000, 0x2000, 0x2000, 0x1000, 0x1000] {
            self.word(&mut out, word);
        }
        if !self.is_64 {
            self.put(&mut out, 5, 4);
        }
        self.word(&mut out, 0x1000);
        let mut at = data;
        for (kind, link, bytes) in &sections {
            self.put(&mut out, 0, 4);
            self.put(&mut out, (*kind).into(), 4);
            for word in [0, 0, at as u64, bytes.len() as u64] {
                self.word(&mut out, word);
            }
            self.put(&mut out, *link, 4);
            self.put(&mut out, 0, 4);
            self.word(&mut out, 1);
            self.word(&mut out, 0);
            at += bytes.len();
        }
        assert_eq!(out.len(), data);
        out.extend(sections.iter().flat_map(|(.., bytes)| bytes));
        out
    }
}

fn find(bytes: &[u8], name: &str) -> Result<u64> {
    let image = Image::open(&mut in_memory(bytes))?;
    image.function(name, &mut in_memory(bytes))
}

#[test]
fn names_lead_to_addresses() {
    for form in FORMS {
        let library = form.library();
        for (name, address) in [
            ("plain", 0x2010),
            ("local", 0x20b0),
            ("old_and_new", 0x2040),
            ("old_and_new@OLD", 0x2030),
            ("old_and_new@NEW", 0x2040),
            ("old_and_new@@NEW", 0x2040),
            ("weak_too", 0x2060),
            ("weak_only", 0x2070),
            ("alias", 0x20a0),
            ("with@OLD", 0x20c0),
            ("with@@NEW", 0x20d0),
        ] {
            assert_eq!(find(&library, name), Ok(address), "{name} {form:?}");
        }
        let kind = |name| find(&library, name).unwrap_err().kind();
        for name in [
            "elsewhere",
            "variable",
            "plai",
            "plain2",
            "plain@OLD",
            "old_and_new@NONE",
            "",
        ] {
            assert_eq!(kind(name), ErrorKind::NotFound, "{name} {form:?}");
        }
        assert_eq!(kind("twice"), ErrorKind::Ambiguous);
        assert_eq!(kind("with"), ErrorKind::Ambiguous);
    }
}

#[test]
fn addresses_lead_into_the_file() {
    for form in FORMS {
        let library = form.library();
        let image = Image::open(&mut in_memory(&library)).unwrap();
        assert_eq!((image.is_64, image.endian), (form.is_64, form.endian));
        assert_eq!(image.file_offset(0x2010), Some(0x1010));
        assert_eq!(image.file_offset(0x1fff), None);
        assert_eq!(image.file_offset(0x3000), None);
        assert!(image.segments[0].executable);
    }
}

#[test]
fn no_cut_and_no_changed_byte_panics() {
    for form in FORMS {
        let library = form.library();
        for len in 0..library.len() {
            let _ = find(&library[..len], "old_and_new@NEW");
        }
        for at in 0..library.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = library.clone();
                bytes[at] = value;
                let _ = find(&bytes, "old_and_new@NEW");
            }
        }
    }
}

/// A program's functions are where the whole file has them.
#[test]
fn a_program_has_its_functions() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let elf = crate::elf::Elf::parse(&bytes, &mut Vec::new()).unwrap();
    let image = Image::open(&mut in_memory(&bytes)).unwrap();
    let mut found = 0;
    image
        .each_function(abi::SHT_SYMTAB, &mut in_memory(&bytes), &mut |function| {
            let same = |s: &&crate::elf::Symbol<'_>| {
                s.name == function.name && s.value == function.address
            };
            if function.name.contains("a_program_has_its_functions") {
                assert!(elf.symbols.iter().any(|s| same(&s)), "{function:?}");
                found += 1;
            }
        })
        .unwrap();
    assert!(found > 0);
}
