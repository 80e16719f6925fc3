//! As much of the running kernel's BTF as the generator of CO-RE relocations needs.
//!
//! Its own reader, so that no measured library has a hand in what it is measured by.

use std::collections::BTreeMap;

/// A struct of the kernel, with the fields that a BPF program may name without trouble.
pub struct Struct {
    pub name: String,
    pub fields: Vec<Field>,
}

/// A plain field: no bit-field, an integer or a pointer.
pub struct Field {
    pub name: String,
    /// Its type in C, of the kernel's size.
    pub c_type: &'static str,
}

struct Raw {
    name: u32,
    kind: u32,
    kind_flag: bool,
    /// Size, or the type referred to.
    size_or_type: u32,
    /// Kind-specific words.
    words: Vec<u32>,
}

/// All structs with a name of their own, in the kernel's order.
pub fn structs() -> Vec<Struct> {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").expect("kernel BTF");
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(word(0) & 0xffff, 0xeb9f, "BTF magic");
    let header = word(4) as usize;
    let types = header + word(8) as usize..header + (word(8) + word(12)) as usize;
    let strings = &bytes[header + word(16) as usize..];
    let name = |offset: u32| {
        let tail = &strings[offset as usize..];
        let end = tail.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(tail[..end].to_vec()).unwrap()
    };
    let raw = parse(&bytes[types]);
    let mut uses = BTreeMap::new();
    for t in raw.iter().filter(|t| t.kind == 4) {
        *uses.entry(t.name).or_insert(0) += 1;
    }
    let named = raw
        .iter()
        .filter(|t| t.kind == 4 && t.name != 0 && uses[&t.name] == 1);
    named
        .map(|t| Struct {
            name: name(t.name),
            fields: fields(t, &raw, &name),
        })
        .collect()
}

fn fields(owner: &Raw, all: &[Raw], name: &dyn Fn(u32) -> String) -> Vec<Field> {
    let mut found = Vec::new();
    for member in owner.words.chunks_exact(3) {
        let bit_field = owner.kind_flag && member[2] >> 24 != 0;
        if member[0] == 0 || bit_field {
            continue;
        }
        if let Some(c_type) = plain(member[1], all) {
            found.push(Field {
                name: name(member[0]),
                c_type,
            });
        }
    }
    found
}

/// The C type of an integer or pointer, through typedefs and qualifiers.
fn plain(mut id: u32, all: &[Raw]) -> Option<&'static str> {
    loop {
        let t = all.get((id as usize).checked_sub(1)?)?;
        match (t.kind, t.size_or_type) {
            (1, 1) => return Some("unsigned char"),
            (1, 2) => return Some("unsigned short"),
            (1, 4) => return Some("unsigned int"),
            (1, 8) => return Some("unsigned long"),
            (2, _) => return Some("void *"),
            (8..=11 | 18, next) => id = next,
            _ => return None,
        }
    }
}

fn parse(section: &[u8]) -> Vec<Raw> {
    let words: Vec<u32> = section
        .chunks_exact(4)
        .map(|word| u32::from_ne_bytes(word.try_into().unwrap()))
        .collect();
    let mut types = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let info = words[at + 1];
        let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        let extra = match kind {
            1 | 14 | 17 => 1,
            3 => 3,
            4 | 5 | 15 | 19 => 3 * count,
            6 | 13 => 2 * count,
            2 | 7..=12 | 16 | 18 => 0,
            other => panic!("BTF kind {other}"),
        };
        types.push(Raw {
            name: words[at],
            kind,
            kind_flag: info >> 31 == 1,
            size_or_type: words[at + 2],
            words: words[at + 3..at + 3 + extra].to_vec(),
        });
        at += 3 + extra;
    }
    types
}
