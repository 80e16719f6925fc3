//! The committed BPF objects, through parse, link and lower, in both byte orders.

use skep_codec::bytes::Endian;
use skep_codec::insn::{Insn, pseudo};
use skep_codec::object::{
    Address, Code, DataKind, Lowering, ObjectSpec, Slot, Target, Verb, link, lower,
};
use skep_codec::uapi::bpf::{AttachType, MapType, ProgType};

const ORDERS: [(&str, Endian); 2] = [("el", Endian::Little), ("eb", Endian::Big)];

fn read(name: &str, order: &str) -> Vec<u8> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata");
    let path = format!("{dir}/{name}.bpf.{order}.o");
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Parses an object in both byte orders and hands both to `check`.
fn both(name: &str, check: impl Fn(ObjectSpec)) {
    for (order, endian) in ORDERS {
        let file = format!("{name}.bpf.{order}.o");
        let spec = ObjectSpec::parse(&read(name, order), &file).unwrap();
        assert_eq!(spec.endian, endian);
        assert_eq!(spec.name, name);
        assert_eq!(spec.warnings, [], "{file}");
        check(spec);
    }
}

fn linked(spec: &ObjectSpec, program: &str) -> Code {
    let index = spec.programs.iter().position(|p| p.name == program);
    link(spec, index.expect(program)).unwrap()
}

#[test]
fn maps_and_their_contents() {
    both("maps", |spec| {
        let names: Vec<&str> = spec.maps.iter().map(|m| m.name.as_str()).collect();
        // By place in the section: those with contents come first.
        let declared = [
            "inner_a", "inner_b", "outer", "jumps", "array", "hash", "percpu", "lru", "queue",
            "ring",
        ];
        assert_eq!(names, declared);
        assert!(spec.maps.iter().all(|m| m.error.is_none() && m.autocreate));
        let map = |name: &str| spec.map(name).unwrap();
        let array = map("array");
        assert_eq!(array.map_type, MapType::ARRAY);
        let sizes = (array.key_size, array.value_size, array.max_entries);
        assert_eq!((sizes, array.map_flags), ((4, 8, 4), 1 << 10));
        let btf = spec.btf.as_ref().unwrap();
        assert_eq!(btf.ty(array.value_type).unwrap().name().unwrap(), "__u64");
        let hash = map("hash");
        assert_eq!(
            (hash.map_type, hash.key_size, hash.map_flags),
            (MapType::HASH, 8, 1)
        );
        assert_eq!(btf.ty(hash.key_type).unwrap().name().unwrap(), "pair");
        assert_eq!((map("percpu").key_size, map("percpu").value_size), (4, 12));
        assert_eq!((map("queue").key_size, map("queue").value_size), (0, 4));
        assert_eq!(map("ring").max_entries, 256 * 1024);
        let outer = map("outer");
        assert_eq!(
            (outer.map_type, outer.value_size),
            (MapType::ARRAY_OF_MAPS, 4)
        );
        let inner = outer.inner.as_ref().unwrap();
        assert_eq!((inner.name.as_str(), inner.value_size), ("outer.inner", 4));
        assert_eq!(outer.slots, [(0, Slot::Map(0)), (2, Slot::Map(1))]);
        let program = |name| spec.programs.iter().position(|p| p.name == name).unwrap();
        let (tail, touch) = (
            Slot::Program(program("tail")),
            Slot::Program(program("touch")),
        );
        assert_eq!(map("jumps").slots, [(1, tail), (3, touch)]);
        assert_eq!(map("jumps").max_entries, 4);
        assert_eq!(linked(&spec, "touch").maps.len(), 8);
        assert_eq!(linked(&spec, "tail").maps.len(), 0);
    });
}

/// Where calls lead, as instruction slots.
fn calls(code: &Code) -> Vec<(usize, usize)> {
    let calls = code
        .insns
        .iter()
        .enumerate()
        .filter(|(_, i)| i.is_pseudo_call());
    calls
        .map(|(at, i)| (at, (at as i64 + 1 + i64::from(i.imm)) as usize))
        .collect()
}

#[test]
fn functions_are_joined() {
    both("subprogs", |spec| {
        let before = format!("{spec:?}");
        let names = |code: &Code| -> Vec<String> {
            let name = |&(_, f): &(usize, usize)| spec.functions[f].name.clone();
            code.functions.iter().map(name).collect()
        };
        let first = linked(&spec, "first");
        assert_eq!(names(&first), ["first", "twice", "plus_three", "note_call"]);
        let second = linked(&spec, "second");
        let mut callees = names(&second);
        callees.sort();
        assert_eq!(callees, ["note_call", "plus_three", "second", "with_bonus"]);
        let alone = linked(&spec, "alone");
        assert_eq!((names(&alone).len(), alone.insns.len()), (1, 2));
        for code in [&first, &second] {
            let starts: Vec<usize> = code.functions.iter().map(|&(base, _)| base).collect();
            let calls = calls(code);
            assert_eq!(calls.len(), 3);
            assert!(
                calls.iter().all(|(_, to)| starts.contains(to)),
                "{calls:?} {starts:?}"
            );
            // Each function ends in an exit, and the calls lead to the first slot of the next.
            for start in starts.iter().skip(1) {
                assert_eq!(code.insns[start - 1].code, Insn::EXIT);
                assert_eq!(calls.iter().filter(|(_, to)| to == start).count(), 1);
            }
            assert_eq!(code.funcs.len(), 4);
            assert_eq!(code.funcs.iter().map(|f| f.0).collect::<Vec<_>>(), starts);
            assert!(
                starts
                    .iter()
                    .all(|s| code.lines.iter().any(|(at, _)| at == s))
            );
            assert!(code.lines.windows(2).all(|w| w[0].0 < w[1].0));
        }
        // Linking changes nothing and gives the same each time.
        assert_eq!(before, format!("{spec:?}"));
        assert_eq!(linked(&spec, "first"), first);
    });
}

#[test]
fn variables_are_found_and_set() {
    both("globals", |mut spec| {
        let kinds: Vec<(String, DataKind, bool)> = spec
            .maps
            .iter()
            .filter_map(|m| m.data.as_ref())
            .map(|d| (d.section.clone(), d.kind, d.read_only))
            .collect();
        assert!(
            kinds.contains(&(".rodata".into(), DataKind::Rodata, true)),
            "{kinds:?}"
        );
        assert!(
            kinds.contains(&(".bss".into(), DataKind::Bss, false)),
            "{kinds:?}"
        );
        assert!(
            kinds.contains(&(".data".into(), DataKind::Data, false)),
            "{kinds:?}"
        );
        let names: Vec<String> = spec.variables.iter().map(|v| v.name.clone()).collect();
        assert!(!names.is_empty());
        let endian = spec.endian;
        for name in names {
            let mut variable = spec.variable(&name).unwrap();
            let (size, ty) = (
                variable.variable().size as usize,
                variable.variable().type_id,
            );
            assert_ne!(ty.0, 0, "{name}");
            assert_eq!(variable.bytes().len(), size, "{name}");
            variable.set_bytes(&vec![0x5a; size]).unwrap();
            assert_eq!(variable.bytes(), vec![0x5a; size], "{name}");
            assert!(variable.set_bytes(&vec![0; size + 1]).is_err(), "{name}");
            if size == 4 && variable.set(-2).is_ok() {
                assert_eq!(
                    endian.i32(variable.bytes().try_into().unwrap()),
                    -2,
                    "{name}"
                );
                assert!(variable.set(1_u64 << 32).is_err());
            }
        }
        assert!(spec.variable("no such variable").is_err());
    });
}

#[test]
fn section_names_say_the_program() {
    both("rawtp", |spec| {
        let program = &spec.programs[0];
        assert_eq!(program.prog_type, ProgType::RAW_TRACEPOINT);
        assert_eq!(program.target.as_deref(), Some("sys_enter"));
        assert_eq!(
            (program.attach, program.attach_type),
            (Verb::RawTracepoint, None)
        );
        assert!(program.autoload && program.autoattach && program.error.is_none());
        assert_eq!(spec.license.as_deref(), Some("Dual MIT/GPL"));
        let data = |s: &str| spec.map(s).map(|m| m.name.clone());
        assert_eq!(data(".bss").as_deref(), Some("rawtp.bss"));
        assert_eq!(data(".rodata").as_deref(), Some("rawtp.rodata"));
    });
    both("tpbtf", |spec| {
        let program = &spec.programs[0];
        assert_eq!(program.attach_type, Some(AttachType::TRACE_RAW_TP));
        assert!(program.attach_btf && spec.wants_kernel_btf());
    });
    both("xdp", |spec| {
        assert_eq!(spec.programs[0].prog_type, ProgType::XDP);
        assert_eq!(spec.programs[0].attach_type, Some(AttachType::XDP));
        assert!(!spec.wants_kernel_btf());
    });
}

#[test]
fn lowering_fills_in_what_is_symbolic() {
    both("rawtp", |spec| {
        let mut code = linked(&spec, &spec.programs[0].name);
        let symbolic = code.clone();
        assert!(!code.refs.is_empty());
        let lowering = Lowering {
            map_fd: &|map| Some(100 + map as i32),
            address: &|_| Address::Missing,
        };
        lower(&mut code, &lowering).unwrap();
        for reference in &symbolic.refs {
            let (low, high) = (code.insns[reference.insn], code.insns[reference.insn + 1]);
            match reference.to {
                Target::Map(map) => {
                    assert_eq!((low.src, low.imm), (pseudo::MAP_FD, 100 + map as i32));
                }
                Target::MapValue { map, offset } => {
                    assert_eq!((low.src, low.imm), (pseudo::MAP_VALUE, 100 + map as i32));
                    assert_eq!(high.imm, offset as i32);
                }
                other => panic!("{other:?}"),
            }
        }
        let refs: Vec<usize> = symbolic.refs.iter().map(|r| r.insn).collect();
        for (at, (new, old)) in code.insns.iter().zip(&symbolic.insns).enumerate() {
            let referred =
                refs.contains(&at) || at.checked_sub(1).is_some_and(|b| refs.contains(&b));
            assert!(new == old || referred);
        }
    });
}

#[test]
fn core_relocations_stay_with_their_instructions() {
    both("core", |spec| {
        let all: usize = spec.ext.core_relos.values().map(Vec::len).sum();
        let linked: usize = (0..spec.programs.len())
            .map(|p| link(&spec, p).unwrap().relos.len())
            .sum();
        assert!(all > 12);
        assert_eq!(all, linked);
    });
}

#[test]
fn what_is_no_bpf_object_is_refused_in_words() {
    let what = |bytes: &[u8]| ObjectSpec::parse(bytes, "x").unwrap_err().to_string();
    assert_eq!(what(b""), "the file is empty");
    assert_eq!(
        what(b"MZ\x90\0\x03\0"),
        "no ELF file: no ELF magic number (it begins like a PE file)"
    );
    assert_eq!(what(b"\x7fEL"), "no ELF file: only 3 bytes");
    assert_eq!(
        what(b"\x7fELF\x01\x01\x01"),
        "a 32-bit ELF file: BPF objects are 64-bit"
    );
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(what(&own).starts_with("an ELF file for machine "));
    let good = read("maps", "el");
    let cut = ObjectSpec::parse(&good[..good.len() / 2], "x").unwrap_err();
    assert_eq!(cut.section(), Some("ELF section table"));
}

#[test]
fn alignment_of_the_input_does_not_matter() {
    let good = read("maps", "el");
    let want = format!("{:?}", ObjectSpec::parse(&good, "maps").unwrap());
    for shift in 1..8 {
        let shifted: Vec<u8> = std::iter::repeat_n(0, shift).chain(good.clone()).collect();
        let spec = ObjectSpec::parse(&shifted[shift..], "maps").unwrap();
        assert_eq!(format!("{spec:?}"), want);
    }
}
