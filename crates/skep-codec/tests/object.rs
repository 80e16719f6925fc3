//! The committed BPF objects, through parse, link and lower, in both byte orders.

use skep_codec::bytes::Endian;
use skep_codec::insn::{Insn, pseudo};
use skep_codec::object::{
    Address, Code, DataKind, ExternKind, KconfigKind, Lowering, ObjectSpec, POISON_KFUNC,
    POISON_MAP, Pinning, Slot, Target, Verb, link, lower,
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
fn externs_have_kinds_and_places() {
    both("externs", |spec| {
        let find = |name: &str| spec.externs.iter().find(|e| e.name == name).expect(name);
        let map = spec.map_index(".kconfig").unwrap();
        let btf = spec.btf.as_ref().unwrap();
        let kconfig = |name: &str| match find(name).kind {
            ExternKind::Kconfig {
                map: found,
                offset,
                size,
                value,
                ..
            } if found == map => (offset, size, value),
            other => panic!("{name}: {other:?}"),
        };
        // The most aligned first, then the smallest, then by name.
        let signed = KconfigKind::Int { signed: true };
        assert_eq!(
            kconfig("CONFIG_HZ"),
            (0, 8, KconfigKind::Int { signed: false })
        );
        assert_eq!(
            kconfig("CONFIG_NO_SUCH_OPTION"),
            (8, 4, KconfigKind::Tristate)
        );
        assert_eq!(kconfig("LINUX_KERNEL_VERSION"), (12, 4, signed));
        assert_eq!(kconfig("CONFIG_BPF"), (16, 1, KconfigKind::Bool));
        assert_eq!(
            kconfig("CONFIG_DEFAULT_HOSTNAME"),
            (17, 16, KconfigKind::Text)
        );
        let order: Vec<&str> = spec.externs.iter().map(|e| e.name.as_str()).collect();
        let ksyms = [
            "bpf_rcu_read_lock",
            "bpf_rcu_read_unlock",
            "do_exit",
            "no_such_function___v2",
            "no_such_variable",
        ];
        assert_eq!(order[5..], ksyms, "values first, then by name");
        assert!(find("CONFIG_BPF").weak && !find("CONFIG_HZ").weak);
        let data = spec.maps[map].data.as_ref().unwrap();
        assert_eq!(
            (data.size, data.kind, data.read_only),
            (33, DataKind::Kconfig, true)
        );
        let layout = spec.layouts.iter().find(|l| l.name == ".kconfig").unwrap();
        assert_eq!(
            (layout.size, layout.variables.get("CONFIG_BPF")),
            (33, Some(&16))
        );
        let uses = linked(&spec, "config");
        assert!(uses.externs.is_empty() && uses.maps.contains(&map));

        assert_eq!(find("do_exit").kind, ExternKind::Address);
        let ExternKind::Var(ty) = find("no_such_variable").kind else {
            panic!("{:?}", find("no_such_variable"));
        };
        assert_eq!(btf.peel(ty).unwrap().name().unwrap(), "int");
        let ExternKind::Func(func) = find("no_such_function___v2").kind else {
            panic!("{:?}", find("no_such_function___v2"));
        };
        assert_eq!(
            btf.ty(func).unwrap().name().unwrap(),
            "no_such_function___v2"
        );
        assert_eq!(
            find("no_such_function___v2").essential_name(),
            "no_such_function"
        );
        let program = spec.program("symbols").unwrap();
        assert!(!program.autoload && program.target.as_deref() == Some("sys_enter"));
    });
}

#[test]
fn externs_are_lowered() {
    both("externs", |spec| {
        let symbolic = linked(&spec, "symbols");
        assert_eq!(symbolic.externs.len(), 5);
        let name = |index: usize| spec.externs[index].name.as_str();
        let mut code = symbolic.clone();
        let address = |index: usize| match name(index) {
            "do_exit" => Address::Value(0xffff_ffff_8123_4567),
            "bpf_rcu_read_lock" => Address::Kfunc {
                id: 1234,
                fd_index: 2,
                btf_fd: 9,
            },
            _ => Address::Missing,
        };
        let lowering = Lowering {
            map_fd: &|_| None,
            address: &address,
        };
        lower(&mut code, &lowering).unwrap();
        for reference in &symbolic.refs {
            let (insn, second) = (code.insns[reference.insn], code.insns[reference.insn + 1]);
            let is_call = symbolic.insns[reference.insn].code == Insn::CALL;
            match reference.to {
                Target::MapValue { map, .. } => {
                    assert_eq!((insn.code, insn.imm), (Insn::CALL, POISON_MAP + map as i32));
                    assert_eq!(insn, second);
                }
                Target::Extern(index) => match (name(index), is_call) {
                    ("do_exit", false) => {
                        assert_eq!((insn.imm as u32, second.imm), (0x8123_4567, -1));
                    }
                    ("bpf_rcu_read_lock", true) => {
                        assert_eq!((insn.src, insn.imm), (pseudo::KFUNC_CALL, 1234));
                        assert_eq!(insn.off, 2);
                    }
                    (_, true) => assert_eq!((insn.src, insn.imm), (0, POISON_KFUNC + index as i32)),
                    (_, false) => assert_eq!((insn.imm, second.imm, insn.src), (0, 0, 0)),
                },
                other => panic!("{other:?}"),
            }
        }
    });
}

fn odd(check: impl Fn(ObjectSpec)) {
    for (order, _) in ORDERS {
        check(ObjectSpec::parse(&read("odd", order), "odd.bpf.o").unwrap());
    }
}

#[test]
fn what_is_wrong_harms_nobody_else() {
    odd(|spec| {
        let warnings: Vec<String> = spec.warnings.iter().map(ToString::to_string).collect();
        let want = [
            "classifier/callback (callback): an old section name, taken for 'classifier'",
            ".maps+0x50 (bloom): 'numa_node' without BPF_F_NUMA_NODE in 'map_flags' says nothing",
            "maps: map definitions of the old kind: .maps says more",
            "socket/maps: map definitions of the old kind: .maps says more",
        ];
        assert_eq!(warnings, want);
        let broken: Vec<&str> = spec
            .programs
            .iter()
            .filter(|p| p.check().is_err())
            .map(|p| p.name.as_str())
            .collect();
        assert_eq!(broken, ["nonsense"]);
        let broken: Vec<String> = spec
            .maps
            .iter()
            .filter_map(|m| m.error.as_ref())
            .map(ToString::to_string)
            .collect();
        let want = [
            ".maps+0x8 (contradiction): setting 'key': 4 bytes here, 8 bytes elsewhere",
            ".maps+0x28 (unknown): the map setting 'no_such_setting' is not known",
            ".bss: 1610612736 bytes of data",
        ];
        assert_eq!(broken, want);
        let bloom = spec.map("bloom").unwrap();
        assert_eq!((bloom.map_extra, bloom.numa_node), (3, None));
        assert_eq!(bloom.pinning, Pinning::ByName);
        assert_eq!(spec.map("events").unwrap().key_size, 4);
        assert_eq!(spec.version, Some(0x50a00));
    });
}

#[test]
fn functions_at_one_offset_of_two_sections_are_two() {
    odd(|spec| {
        let good = linked(&spec, "good");
        let names: Vec<&str> = good
            .functions
            .iter()
            .map(|&(_, f)| spec.functions[f].name.as_str())
            .collect();
        assert_eq!(names, ["good", "three", "four"]);
        let starts: Vec<usize> = good.functions.iter().map(|&(at, _)| at).collect();
        let to: Vec<usize> = calls(&good).iter().map(|&(_, to)| to).collect();
        assert_eq!(to, starts[1..]);
        // What is joined is what is in the file.
        assert_eq!(good.insns[starts[2]..], spec.functions[2].insns);
    });
}

#[test]
fn programs_may_be_called_and_callbacks_taken() {
    odd(|spec| {
        let (caller, callee) = (linked(&spec, "caller"), linked(&spec, "callee"));
        assert_eq!(calls(&caller), [(0, 3)]);
        assert_eq!(caller.insns[3..], callee.insns);
        assert_eq!(callee.functions.len(), 1);
        assert_eq!(linked(&spec, "twin").insns, callee.insns);
        let callback = linked(&spec, "callback");
        let at = callback
            .insns
            .iter()
            .position(|i| i.is_wide() && i.src == pseudo::FUNC);
        let at = at.unwrap();
        let (start, _) = callback.functions[1];
        assert_eq!(at + 1 + callback.insns[at].imm as usize, start);
    });
}

#[test]
fn old_map_definitions() {
    odd(|spec| {
        let inner = spec.map("old_inner").unwrap();
        assert_eq!(
            (inner.map_type, inner.value_size, inner.max_entries),
            (MapType::ARRAY, 8, 2)
        );
        let outer = spec.map("old_outer").unwrap();
        assert_eq!(
            (outer.map_type, outer.pinning.clone()),
            (MapType::ARRAY_OF_MAPS, Pinning::ByName)
        );
        assert_eq!(outer.inner.as_ref().unwrap().value_size, 8);
        let index = spec.map_index("old_inner").unwrap();
        assert_eq!(outer.slots, [(1, Slot::Map(index))]);
    });
}

/// The bytes of a section in the file.
fn section_range(file: &[u8], name: &str) -> std::ops::Range<usize> {
    let elf = skep_codec::elf::Elf::parse(file, &mut Vec::new()).unwrap();
    let bytes = elf.section(name).unwrap().1.bytes().unwrap();
    let start = bytes.as_ptr() as usize - file.as_ptr() as usize;
    start..start + bytes.len()
}

#[test]
fn lost_core_relocations_fail_the_programs_that_need_them() {
    for (order, endian) in ORDERS {
        let good = read("core", order);
        let spec = ObjectSpec::parse(&good, "core").unwrap();
        let own = &spec.functions[spec.programs[0].function].section;
        let range = section_range(&good, ".BTF.ext");
        let word =
            |at: usize| endian.u32(good[range.start + at..][..4].try_into().unwrap()) as usize;
        // Header length, then core_relo's offset; record size, section's name, count, records.
        let records = word(4) + word(24) + 12;
        let kind = range.start + records + 12;
        let mut bad = good.clone();
        bad[kind..kind + 4].copy_from_slice(&endian.put_u32(99));
        let spec = ObjectSpec::parse(&bad, "core").unwrap();
        let error = link(&spec, 0).unwrap_err();
        assert_eq!(error.section(), Some(own.as_str()));
        assert!(
            error.what().ends_with("CO-RE relocation kind 99"),
            "{error}"
        );

        let mut bad = good.clone();
        bad[range.start] ^= 0xff;
        let spec = ObjectSpec::parse(&bad, "core").unwrap();
        assert!(
            link(&spec, 0)
                .unwrap_err()
                .what()
                .starts_with("its CO-RE relocations")
        );
    }
}

#[test]
fn damage_to_a_function_stays_in_it() {
    let good = read("subprogs", "el");
    // The symbol of `alone` made longer than its section.
    let names = section_range(&good, ".strtab");
    let name = good[names.clone()]
        .windows(7)
        .position(|w| w == b"\0alone\0")
        .unwrap()
        + 1;
    let table = section_range(&good, ".symtab");
    let entry = table
        .clone()
        .step_by(24)
        .find(|&at| good[at..at + 4] == (name as u32).to_le_bytes());
    let size = entry.unwrap() + 16;
    for (value, what) in [
        (1_u64 << 40, "function: 1099511627776 bytes wanted"),
        (0, "a function without a size"),
        (12, "begins or ends inside an instruction"),
    ] {
        let mut bad = good.clone();
        bad[size..size + 8].copy_from_slice(&value.to_le_bytes());
        let spec = ObjectSpec::parse(&bad, "subprogs").unwrap();
        let error = spec.program("alone").unwrap().error.clone().unwrap();
        assert!(error.what().starts_with(what), "{error}");
        assert_eq!(error.symbol(), Some("alone"));
        assert_eq!(
            linked(&spec, "first"),
            linked(&ObjectSpec::parse(&good, "x").unwrap(), "first")
        );
    }
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
    if cfg!(target_os = "linux") {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(what(&own).starts_with("an ELF file for machine "));
    }
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

#[test]
fn struct_ops_are_maps_with_members() {
    both("ops", |mut spec| {
        let map = |spec: &ObjectSpec, name: &str| spec.map(name).unwrap().clone();
        let program = |spec: &ObjectSpec, name: &str| {
            let found = spec.programs.iter().position(|p| p.name == name);
            Slot::Program(found.unwrap())
        };
        let plain = map(&spec, "skep_plain");
        assert_eq!(plain.map_type, MapType::STRUCT_OPS);
        let sizes = (plain.key_size, plain.value_size, plain.max_entries);
        assert_eq!((sizes, plain.map_flags), ((4, 48, 1), 0));
        assert!(plain.autocreate && plain.autoattach && plain.error.is_none());
        assert_eq!(map(&spec, "skep_first").map_flags, 1 << 13);
        let odd = map(&spec, "skep_odd");
        assert!(!odd.autocreate && odd.map_flags == 1 << 13);
        let slots = [
            (16, program(&spec, "ssthresh")),
            (24, program(&spec, "cong_avoid")),
            (32, program(&spec, "undo_cwnd")),
        ];
        assert_eq!(plain.slots, slots);
        // Members that are data are variables, those that are functions are not.
        let names = spec.variables.iter().map(|v| v.name.as_str());
        let of_plain: Vec<&str> = names.filter(|n| n.starts_with("skep_plain.")).collect();
        assert_eq!(of_plain, ["skep_plain.name", "skep_plain.flags"]);
        let endian = spec.endian;
        spec.variable("skep_plain.flags").unwrap().set(7).unwrap();
        let data = map(&spec, "skep_plain").data.unwrap();
        assert_eq!(data.bytes[..10], *b"skep_plain");
        assert_eq!(endian.u32(data.bytes[40..44].try_into().unwrap()), 7);
        spec.set_func("skep_plain", "cong_avoid", Some("bump"))
            .unwrap();
        spec.set_func("skep_plain", "undo_cwnd", None).unwrap();
        let slots = [
            (16, program(&spec, "ssthresh")),
            (24, program(&spec, "bump")),
        ];
        assert_eq!(map(&spec, "skep_plain").slots, slots);
        for (map, member, program) in [
            ("skep_plain", "flags", None),
            ("asked", "cong_avoid", None),
            ("skep_plain", "cong_avoid", Some("nobody")),
        ] {
            assert!(spec.set_func(map, member, program).is_err());
        }
    });
}
