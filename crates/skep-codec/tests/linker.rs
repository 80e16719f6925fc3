//! The committed halves, linked into one object, in both byte orders.
#![cfg(feature = "linker")]

mod objects;

use skep_codec::btf::Kind;
use skep_codec::elf::Elf;
use skep_codec::linker::{self, Input};
use skep_codec::object::{ExternKind, ObjectSpec, Slot, link};
use skep_codec::uapi::bpf::MapType;
use skep_codec::{ErrorKind, Result};

const ORDERS: [&str; 2] = ["el", "eb"];

fn read(name: &str, order: &str) -> Vec<u8> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata");
    let path = format!("{dir}/{name}.bpf.{order}.o");
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Links files that are given as name and bytes.
fn files(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|&(name, bytes)| Input { name, bytes })
        .collect();
    linker::link(&inputs)
}

fn halves(order: &str) -> Vec<u8> {
    let (one, two) = (read("linked1", order), read("linked2", order));
    files(&[("linked1.o", &one), ("linked2.o", &two)]).unwrap()
}

/// The first place of `old` in `bytes` becomes `new`.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len()).position(|window| window == old);
    let at = at.unwrap_or_else(|| panic!("no {old:?}"));
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

#[test]
fn the_whole_has_what_the_halves_had() {
    for order in ORDERS {
        let spec = ObjectSpec::parse(&halves(order), "linked.bpf.o").unwrap();
        assert_eq!(spec.warnings, [], "{order}");
        assert_eq!(spec.license.as_deref(), Some("GPL"));
        let names: Vec<_> = spec.programs.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["tail", "one", "two"]);
        assert!(spec.programs.iter().all(|p| p.error.is_none()));
        for program in 0..spec.programs.len() {
            let code = link(&spec, program).unwrap();
            assert!(!code.funcs.is_empty() && !code.lines.is_empty(), "{order}");
        }
        let maps: Vec<_> = spec.maps.iter().map(|m| m.name.as_str()).collect();
        // The map with contents first: its section was the first half's alone.
        let declared = ["jumps", "shared", "own", "linked.bss", "linked.data"];
        assert!(declared.iter().all(|name| maps.contains(name)), "{maps:?}");
        let jumps = spec.map("jumps").unwrap();
        assert_eq!(jumps.map_type, MapType::PROG_ARRAY);
        assert_eq!(jumps.slots, [(0, Slot::Program(0)), (2, Slot::Program(2))]);
        // What one half leaves open the other has: only the kernel's is left.
        let [only] = &spec.externs[..] else {
            panic!("{:?}", spec.externs)
        };
        assert_eq!(only.name, "LINUX_KERNEL_VERSION");
        assert!(matches!(only.kind, ExternKind::Kconfig { .. }));
        let relos: usize = spec.ext.core_relos.values().map(Vec::len).sum();
        assert_eq!(relos, 2);
    }
}

#[test]
fn types_are_merged_and_sections_described() {
    for order in ORDERS {
        let spec = ObjectSpec::parse(&halves(order), "linked.bpf.o").unwrap();
        let btf = spec.btf.as_ref().unwrap();
        let count = |kind: Kind, name: &str| {
            let named = btf.iter().filter(|ty| ty.name().unwrap() == name);
            named.filter(|ty| ty.kind() == kind).count()
        };
        for name in ["scale", "strength", "first_weak", "two", "one"] {
            assert_eq!(count(Kind::Func, name), 1, "{name}");
        }
        for name in [
            "shared",
            "jumps",
            "bonus",
            "LINUX_KERNEL_VERSION",
            "LICENSE",
        ] {
            assert_eq!(count(Kind::Var, name), 1, "{name}");
        }
        assert_eq!(count(Kind::Var, "twin_data"), 2);
        assert_eq!(count(Kind::Struct, "__sk_buff"), 1);
        // Two functions named `twin`, of one type.
        assert_eq!(count(Kind::Func, "twin"), 1);
        let func = btf.iter().find(|ty| ty.name().unwrap() == "scale").unwrap();
        assert_eq!(func.linkage().unwrap(), 1, "no extern any more");
        let datasecs = btf.iter().filter(|ty| ty.kind() == Kind::Datasec);
        let mut seen = Vec::new();
        for datasec in datasecs {
            let mut end = 0;
            for variable in datasec.variables().map(Result::unwrap) {
                assert!(variable.offset >= end || datasec.name().unwrap() == ".kconfig");
                end = variable.offset + variable.size;
            }
            assert!(datasec.size().unwrap() >= end || end == 4);
            seen.push((datasec.name().unwrap(), datasec.vlen()));
        }
        let want = [
            (".bss", 1),
            (".data", 3),
            (".data.apart", 1),
            (".kconfig", 1),
            (".maps", 3),
            (".rodata", 1),
            (".rodata.str1.1", 1),
            ("license", 1),
        ];
        assert_eq!(seen, want, "{order}");
    }
}

/// `bytes` as a compiler without `-g` writes them: no types.
fn without_types(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    while let Some(at) = bytes.windows(5).position(|window| window == b".BTF\0") {
        bytes[at + 1] = b'X';
    }
    replaced(&bytes, b".BTF.ext\0", b".XTF.ext\0")
}

/// The variables that the types put into a data section: each its offset and linkage.
fn described(whole: &[u8], section: &str) -> Vec<(String, u32, u32)> {
    let spec = ObjectSpec::parse(whole, "whole.o").unwrap();
    let btf = spec.btf.as_ref().unwrap();
    let named = btf.find(section, Some(Kind::Datasec)).unwrap();
    let variables = btf.ty(named).unwrap().variables().map(|variable| {
        let variable = variable.unwrap();
        let ty = btf.ty(variable.ty).unwrap();
        let name = ty.name().unwrap().to_owned();
        (name, variable.offset, ty.linkage().unwrap())
    });
    variables.collect()
}

/// The file whose symbol counts has no types: those of the first that has some count.
#[test]
fn types_come_from_the_first_file_that_has_some() {
    for order in ORDERS {
        let [one, two, none] = ["linked1", "linked2", "branches"].map(|name| read(name, order));
        let none = without_types(&none);
        let whole = files(&[("none.o", &none), ("one.o", &one), ("two.o", &two)]).unwrap();
        let version = "LINUX_KERNEL_VERSION".to_owned();
        assert_eq!(described(&whole, ".kconfig"), [(version, 0, 2)], "{order}");
        // What it defines is where it is, by the words of who declares it.
        let two = without_types(&two);
        let whole = files(&[("two.o", &two), ("one.o", &one)]).unwrap();
        let apart = ("apart".to_owned(), 0, 2);
        assert_eq!(described(&whole, ".data.apart"), [apart], "{order}");
        let text = String::from_utf8_lossy(&whole);
        assert!(text.contains("PIDTYPE_PGID") && !text.contains("PIDTYPE_SID"));
    }
}

/// `static const char LICENSE[]`: one section is left, and so is what its own file says is in it.
#[test]
fn a_static_licence_is_described_once() {
    let hide = |mut bytes: Vec<u8>| {
        let spec = ObjectSpec::parse(&bytes, "a.o").unwrap();
        let btf = spec.btf.as_ref().unwrap();
        let id = btf.find("LICENSE", Some(Kind::Var)).unwrap();
        let ty = btf.ty(id).unwrap().target().unwrap();
        // `BTF_KIND_VAR`: name, kind, type, then the linkage.
        let [global, local] = [1, 0].map(|linkage| [14 << 24, ty.0, linkage].map(u32::to_le_bytes));
        bytes = replaced(&bytes, &global.concat(), &local.concat());
        let (symbol, table) = {
            let elf = Elf::parse(&bytes, &mut Vec::new()).unwrap();
            let index = elf.symbols.iter().position(|s| s.name == "LICENSE");
            let (_, table) = elf.section(".symtab").unwrap();
            let table = table.bytes().unwrap().as_ptr() as usize - bytes.as_ptr() as usize;
            (index.unwrap(), table)
        };
        // `STB_LOCAL`, `STT_OBJECT`.
        bytes[table + symbol * 24 + 4] = 1;
        bytes
    };
    let (one, two) = (hide(read("linked1", "el")), hide(read("linked2", "el")));
    let whole = files(&[("one.o", &one), ("two.o", &two)]).unwrap();
    let licence = ("LICENSE".to_owned(), 0, 0);
    assert_eq!(described(&whole, "license"), [licence]);
    let spec = ObjectSpec::parse(&whole, "whole.o").unwrap();
    assert_eq!(spec.license.as_deref(), Some("GPL"));
}

#[test]
fn linking_the_whole_again_changes_nothing() {
    for order in ORDERS {
        let whole = halves(order);
        assert!(whole == halves(order), "the same inputs, the same bytes");
        // Strings are in another order the first time.
        let again = files(&[("whole.o", &whole)]).unwrap();
        assert_eq!(again.len(), whole.len());
        assert!(files(&[("again.o", &again)]).unwrap() == again, "{order}");
    }
}

/// Every object links by itself, to programs that are the same instruction for instruction.
#[test]
fn one_file_alone_stays_what_it_is() {
    objects::each(|name, bytes, old| {
        let alone = files(&[(name, bytes)]).unwrap_or_else(|e| panic!("{e}"));
        let new = ObjectSpec::parse(&alone, name).unwrap();
        let maps = |spec: &ObjectSpec| spec.maps.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
        assert_eq!(maps(&old), maps(&new), "{name}");
        assert_eq!(old.variables.len(), new.variables.len(), "{name}");
        assert_eq!(old.programs.len(), new.programs.len(), "{name}");
        for program in 0..old.programs.len() {
            let code = |spec: &ObjectSpec| {
                let code = link(spec, program).map_err(|e| e.what().to_owned())?;
                let records = (code.funcs.len(), code.lines.len(), code.relos.len());
                Ok::<_, String>((code.insns, code.refs, code.jump_tables, records))
            };
            assert_eq!(code(&old), code(&new), "{name}");
        }
    });
}

#[test]
fn jump_tables_move_with_their_code() {
    for order in ORDERS {
        let (other, jumps) = (read("subprogs", order), read("jumps", order));
        let alone = ObjectSpec::parse(&jumps, "jumps.bpf.o").unwrap();
        let both = files(&[("subprogs.o", &other), ("jumps.o", &jumps)]).unwrap();
        let both = ObjectSpec::parse(&both, "both.bpf.o").unwrap();
        assert_eq!(both.warnings, [], "{order}");
        for name in ["by_table", "by_function"] {
            let slots = |spec: &ObjectSpec| {
                let index = spec.programs.iter().position(|p| p.name == name);
                let code = link(spec, index.unwrap()).unwrap();
                let tables = code.jump_tables.into_iter().map(|(_, slots)| slots);
                tables.collect::<Vec<_>>()
            };
            assert!(!slots(&alone).is_empty());
            assert_eq!(slots(&alone), slots(&both), "{order} {name}");
        }
    }
}

#[test]
fn refusals_name_both_files() {
    let (one, two) = (read("linked1", "el"), read("linked2", "el"));
    let error = |list: &[(&str, &[u8])]| files(list).unwrap_err();
    let twice = error(&[("a.o", &two), ("b.o", &two)]);
    assert_eq!(twice.kind(), ErrorKind::Ambiguous);
    let text = twice.to_string();
    assert!(
        text.contains("defined in a.o (") && text.contains("and in b.o ("),
        "{text}"
    );
    let orders = error(&[("a.o", &one), ("b.o", &read("linked2", "eb"))]);
    assert_eq!(orders.to_string(), "the byte orders of a.o and b.o differ");
    let mit = replaced(&two, b"GPL\0", b"MIT\0");
    let licence = error(&[("a.o", &one), ("b.o", &mit)]);
    assert_eq!(
        licence.to_string(),
        "b.o: license: 'MIT' here, 'GPL' in a.o"
    );
    assert_eq!(licence.kind(), ErrorKind::Mismatch);
    assert_eq!(error(&[]).kind(), ErrorKind::NotFound);
    let text = error(&[("a.o", &one), ("c.o", b"no object")]).to_string();
    assert!(text.starts_with("c.o: no ELF file"), "{text}");
}

/// The other half's definitions, one at a time of another type than declared.
#[test]
fn declarations_must_agree_with_definitions() {
    let (one, two) = (read("linked1", "el"), read("linked2", "el"));
    let wrong = |old: &[u8], new: &[u8]| {
        let two = replaced(&two, old, new);
        files(&[("a.o", &one), ("b.o", &two)]).unwrap_err()
    };
    let error = wrong(b".data.apart\0", b".data.other\0");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let text = error.to_string();
    assert!(
        text.contains("in section '.data.other' here, in '.data.apart' in a.o"),
        "{text}"
    );
}

/// What old compilers write for debuggers says that it is data, and has relocations that no data has.
#[test]
fn what_is_for_debuggers_is_left_out() {
    let one = read("linked1", "el");
    let named = replaced(&one, b".llvm_addrsig\0", b".eh_frame\0\0\0\0\0");
    // `SHT_LLVM_ADDRSIG` that is left out becomes `SHT_PROGBITS` that is in memory.
    let (kinds, flags) = ([0x6fff_4c03_u32, 1], [0x8000_0000_u64, 2]);
    let header = |at: usize| [&kinds[at].to_le_bytes()[..], &flags[at].to_le_bytes()].concat();
    let data = replaced(&named, &header(0), &header(1));
    assert_eq!(files(&[("a.o", &data)]), files(&[("a.o", &one)]));
    let other = replaced(&data, b".eh_frame\0", b".my_frame\0");
    assert_ne!(files(&[("a.o", &other)]), files(&[("a.o", &one)]));
}

/// Types are types whatever the flags of their section say: they are merged, never copied as data.
#[test]
fn types_that_say_they_are_data_are_types() {
    let (mut one, two) = (read("linked1", "el"), read("linked2", "el"));
    let table = u64::from_le_bytes(one[0x28..0x30].try_into().unwrap()) as usize;
    let size = {
        let elf = Elf::parse(&one, &mut Vec::new()).unwrap();
        elf.section(".BTF").unwrap().1.size.to_le_bytes()
    };
    let is_btf = |at: &usize| one[at + 32..at + 40] == size;
    let header = (table..one.len() - 63).step_by(64).find(is_btf).unwrap();
    one[header + 8] = 2;
    let whole = files(&[("linked1.o", &one), ("linked2.o", &two)]).unwrap();
    assert!(whole == halves("el"));
}

/// The section's flags, alignment and so on, at these offsets of its header.
fn with(bytes: &[u8], section: &str, changes: &[(usize, u64)]) -> Vec<u8> {
    let table = u64::from_le_bytes(bytes[0x28..0x30].try_into().unwrap()) as usize;
    let elf = Elf::parse(bytes, &mut Vec::new()).unwrap();
    let (index, _) = elf.section(section).unwrap();
    let mut bytes = bytes.to_vec();
    for (offset, value) in changes {
        let at = table + index * 64 + offset;
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

const SH_FLAGS: usize = 8;
const SH_ALIGN: usize = 48;
const WRITE: u64 = 1;
const ALLOC: u64 = 2;

#[test]
fn a_section_may_what_it_may_in_any_file() {
    let (one, two) = (read("linked1", "el"), read("linked2", "el"));
    let first = with(&one, ".data", &[(SH_FLAGS, ALLOC), (SH_ALIGN, 4)]);
    let second = with(&two, ".data", &[(SH_FLAGS, ALLOC | WRITE), (SH_ALIGN, 32)]);
    for files_ in [
        [("a.o", &first), ("b.o", &second)],
        [("b.o", &second), ("a.o", &first)],
    ] {
        let files_ = files_.map(|(name, bytes)| (name, bytes.as_slice()));
        let whole = files(&files_).unwrap();
        let elf = Elf::parse(&whole, &mut Vec::new()).unwrap();
        let (_, data) = elf.section(".data").unwrap();
        assert_eq!((data.flags, data.align), (ALLOC | WRITE, 32));
    }
}

/// Zeroes are written out where they follow bytes.
#[test]
fn zeroes_and_bytes_are_one_section_of_bytes() {
    const SHT_NOBITS: u64 = 8;
    let (one, two) = (read("linked1", "el"), read("linked2", "el"));
    let sizes = |bytes: &[u8]| {
        let elf = Elf::parse(bytes, &mut Vec::new()).unwrap();
        let (_, data) = elf.section(".data").unwrap();
        (data.size, data.bytes().unwrap().to_vec())
    };
    let kind = |bytes: &[u8]| {
        let table = u64::from_le_bytes(bytes[0x28..0x30].try_into().unwrap()) as usize;
        let elf = Elf::parse(bytes, &mut Vec::new()).unwrap();
        let (index, _) = elf.section(".data").unwrap();
        let at = table + index * 64;
        let name = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        with(bytes, ".data", &[(0, u64::from(name) | SHT_NOBITS << 32)])
    };
    let (mine, theirs) = (sizes(&one), sizes(&two));
    let whole = files(&[("a.o", &one), ("b.o", &kind(&two))]).unwrap();
    let (size, bytes) = sizes(&whole);
    assert_eq!(size, mine.0 + theirs.0);
    assert_eq!(bytes, [mine.1.as_slice(), &[0; 8]].concat());
    let whole = files(&[("a.o", &kind(&one)), ("b.o", &two)]).unwrap();
    let (size, bytes) = sizes(&whole);
    assert_eq!(size, mine.0 + theirs.0);
    assert_eq!(bytes, [&[0; 4], theirs.1.as_slice()].concat());
}

/// `sh_info` of the symbol table is the first global symbol: what comes before is local.
#[test]
fn local_symbols_come_first_and_are_counted() {
    let whole = halves("el");
    let elf = Elf::parse(&whole, &mut Vec::new()).unwrap();
    let (_, table) = elf.section(".symtab").unwrap();
    let locals = elf.symbols.iter().filter(|symbol| symbol.local).count();
    assert_eq!(table.info, locals);
    assert!(elf.symbols[..locals].iter().all(|symbol| symbol.local));
    assert!(locals < elf.symbols.len());
}

/// A few bytes ask for a page of padding each: some may, many may not.
#[test]
fn padding_is_bounded() {
    let whole = read("globals", "el");
    let aligned = |names: &[&str]| {
        let wide = |bytes: Vec<u8>, name: &&str| with(&bytes, name, &[(SH_ALIGN, 65_536)]);
        let bytes = names.iter().fold(whole.clone(), wide);
        files(&[("a.o", &bytes)])
    };
    let few = aligned(&[".rodata", ".data"]).unwrap();
    let elf = Elf::parse(&few, &mut Vec::new()).unwrap();
    assert_eq!(elf.section(".data").unwrap().1.align, 65_536);
    let all = [
        ".rodata",
        ".data",
        ".bss",
        ".rodata.extra",
        ".data.extra",
        "socket",
        "license",
    ];
    let error = aligned(&all).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("too much padding"), "{error}");
}

/// A symbol's place has 64 bits, a variable's 32.
#[test]
fn variables_beyond_their_section_are_refused() {
    let mut one = read("globals", "el");
    let symbols = {
        let elf = Elf::parse(&one, &mut Vec::new()).unwrap();
        let (_, section) = elf.section(".symtab").unwrap();
        let bytes = section.bytes().unwrap();
        bytes.as_ptr() as usize - one.as_ptr() as usize
    };
    let index = {
        let elf = Elf::parse(&one, &mut Vec::new()).unwrap();
        let (data, _) = elf.section(".data").unwrap();
        let in_data = |s: &skep_codec::elf::Symbol<'_>| !s.local && s.section == Some(data);
        elf.symbols.iter().position(in_data).unwrap()
    };
    let value = symbols + index * 24 + 8;
    one[value + 4] = 1;
    let error = files(&[("a.o", &one)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
}
