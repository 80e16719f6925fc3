//! How programs are put together from functions, and what section names mean, on committed objects
//! and on damaged ones.

use skep_codec::ErrorKind;
use skep_codec::btf::LineInfo;
use skep_codec::bytes::Endian;
use skep_codec::insn::{Insn, pseudo};
use skep_codec::object::{Code, Function, MAX_INSNS, ObjectSpec, Ref, SectionDef, Target, Verb};
use skep_codec::object::{calls_probe_read, digest, downgrade_probe_read, link};
use skep_codec::uapi::bpf::{AttachType, ProgType};

fn read(name: &str, order: &str) -> Vec<u8> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata");
    let path = format!("{dir}/{name}.bpf.{order}.o");
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn both(name: &str, check: impl Fn(ObjectSpec)) {
    for order in ["el", "eb"] {
        let spec = ObjectSpec::parse(&read(name, order), name).unwrap();
        assert_eq!(spec.warnings, [], "{name} {order}");
        check(spec);
    }
}

fn index(spec: &ObjectSpec, program: &str) -> usize {
    let index = spec.programs.iter().position(|p| p.name == program);
    index.expect(program)
}

fn linked(spec: &ObjectSpec, program: &str) -> Code {
    link(spec, index(spec, program)).unwrap()
}

fn names<'s>(spec: &'s ObjectSpec, code: &Code) -> Vec<&'s str> {
    let name = |&(_, function): &(usize, usize)| spec.functions[function].name.as_str();
    code.functions.iter().map(name).collect()
}

#[test]
fn exception_callbacks_are_appended_though_nothing_calls_them() {
    both("functions", |spec| {
        let throws = linked(&spec, "throws");
        assert_eq!(names(&spec, &throws), ["throws", "add_sixteen", "sixteen"]);
        let deep = linked(&spec, "throws_deep");
        let want = ["throws_deep", "throw_if_long", "add_thousand"];
        assert_eq!(names(&spec, &deep), want);
        // Each with the record by which the kernel finds it.
        let btf = spec.btf.as_ref().unwrap();
        let recorded: Vec<&str> = deep
            .funcs
            .iter()
            .map(|&(_, func)| btf.ty(func).unwrap().name().unwrap())
            .collect();
        assert_eq!(recorded, want);
        let error = |name: &str| spec.program(name).unwrap().check().unwrap_err().to_string();
        assert_eq!(
            error("no_callback"),
            "?tc (no_callback): no function 'no_such_function', its exception callback"
        );
        assert_eq!(
            error("static_callback"),
            "?tc (static_callback): its exception callback 'hidden_away' is static or hidden"
        );
    });
}

#[test]
fn callbacks_come_from_any_section() {
    both("functions", |spec| {
        for (program, callback) in [("loops", "add"), ("walks", "add_value")] {
            let code = linked(&spec, program);
            assert_eq!(names(&spec, &code), [program, callback]);
            let (at, load) = code
                .insns
                .iter()
                .enumerate()
                .find(|(_, insn)| insn.is_wide() && insn.src == pseudo::FUNC)
                .unwrap();
            // Counted from the slot after the first half, to where the callback begins.
            assert_eq!(at + 1 + load.imm as usize, code.functions[1].0);
        }
    });
}

#[test]
fn callees_follow_their_callers_in_the_order_of_calls() {
    let spec = ObjectSpec::parse(&read("subprogs", "el"), "subprogs").unwrap();
    // Depth first: what the first callee calls comes before the second callee.
    let second = linked(&spec, "second");
    let want = ["second", "plus_three", "note_call", "with_bonus"];
    assert_eq!(names(&spec, &second), want);
}

#[test]
fn recursion_ends() {
    let mut spec = ObjectSpec::parse(&read("subprogs", "el"), "subprogs").unwrap();
    let of = |spec: &ObjectSpec, name: &str| {
        let function = spec.functions.iter().position(|f| f.name == name);
        function.unwrap()
    };
    let (first, twice, plus) = (
        of(&spec, "first"),
        of(&spec, "twice"),
        of(&spec, "plus_three"),
    );
    // `plus_three` calls `first`, the program itself, in place of `note_call`, and `twice` itself.
    spec.functions[plus].refs[0].to = Target::Call(first);
    spec.functions[twice].refs.push(Ref {
        insn: 1,
        to: Target::Call(twice),
    });
    spec.functions[twice].insns[1] = Insn {
        code: Insn::CALL,
        ..Insn::default()
    };
    let code = linked(&spec, "first");
    assert_eq!(names(&spec, &code), ["first", "twice", "plus_three"]);
    let at = code.functions[2].0 + spec.functions[plus].refs[0].insn;
    assert_eq!(at as i32 + 1 + code.insns[at].imm, 0, "back to the start");
}

/// The kernel wants lines in order, one for an instruction, and none inside one.
#[test]
fn lines_are_of_whole_instructions_each_once() {
    both("subprogs", |mut spec| {
        let before = linked(&spec, "first").lines;
        assert!(!before.is_empty());
        let functions = spec.functions.clone();
        let mut added = 0;
        for function in &functions {
            let Some(records) = spec.ext.line_info.get_mut(&function.section) else {
                continue;
            };
            let start = function.offset as u32;
            let own = |at: u32| (at.wrapping_sub(start) as usize) < function.insns.len() * 8;
            let known: Vec<LineInfo> = records
                .iter()
                .filter(|r| own(r.insn_off))
                .copied()
                .collect();
            for record in known {
                let at = (record.insn_off - start) as usize / 8;
                let again = LineInfo {
                    line_col: 1 << 10,
                    ..record
                };
                records.push(again);
                if function.insns[at].is_wide() {
                    let insn_off = record.insn_off + 8;
                    records.push(LineInfo { insn_off, ..again });
                    added += 1;
                }
            }
            records.sort_by_key(|record| record.insn_off);
        }
        assert!(added > 0, "no wide load with a line");
        assert_eq!(linked(&spec, "first").lines, before);
    });
}

/// No lines at all are better than a function without a first one, which the kernel refuses.
#[test]
fn a_function_without_a_first_line_takes_all_lines_away() {
    let mut spec = ObjectSpec::parse(&read("subprogs", "el"), "subprogs").unwrap();
    let callee = linked(&spec, "first").functions[1].1;
    let (section, offset) = {
        let function = &spec.functions[callee];
        (function.section.clone(), function.offset as u32)
    };
    let records = spec.ext.line_info.get_mut(&section).unwrap();
    records.retain(|record| record.insn_off != offset);
    assert_eq!(linked(&spec, "first").lines, []);
}

#[test]
fn references_are_from_instructions_that_can_have_them() {
    let call_of = |spec: &ObjectSpec, program: &str| {
        let function = spec.programs[index(spec, program)].function;
        let refs = &spec.functions[function].refs;
        let is = |r: &&Ref| matches!(r.to, Target::Call(_) | Target::FuncAddr(_));
        (function, refs.iter().find(is).unwrap().insn)
    };
    let mut spec = ObjectSpec::parse(&read("subprogs", "el"), "subprogs").unwrap();
    let (function, at) = call_of(&spec, "first");
    spec.functions[function].insns[at].code = 0xb7;
    let error = link(&spec, index(&spec, "first")).unwrap_err();
    let what = "a reference to a function from another kind of instruction";
    assert_eq!((error.kind(), error.what()), (ErrorKind::Malformed, what));
    // The second half of an address is nothing but zero.
    let mut spec = ObjectSpec::parse(&read("functions", "el"), "functions").unwrap();
    let (function, at) = call_of(&spec, "loops");
    spec.functions[function].insns[at + 1].imm = 5;
    let code = linked(&spec, "loops");
    assert!(code.insns[at].is_wide() && code.insns[at].imm != 0);
    assert_eq!(code.insns[at + 1].imm, 0);
}

#[test]
fn programs_have_an_end() {
    let mut spec = ObjectSpec::parse(&read("subprogs", "el"), "subprogs").unwrap();
    let callee = linked(&spec, "first").functions[1].1;
    let filler = Insn {
        code: 0xb7,
        ..Insn::default()
    };
    spec.functions[callee].insns.resize(MAX_INSNS, filler);
    let error = link(&spec, index(&spec, "first")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn older_helpers_take_the_place_of_newer_ones_only() {
    let call = |src, imm| Insn {
        code: Insn::CALL,
        src,
        imm,
        ..Insn::default()
    };
    // bpf_probe_read_kernel and its like; a function of the program, and one of the kernel.
    let mut insns = [113, 112, 115, 114, 6]
        .map(|helper| call(0, helper))
        .to_vec();
    let others = [call(pseudo::CALL, 113), call(pseudo::KFUNC_CALL, 113)];
    insns.extend(others);
    assert!(calls_probe_read(&insns) && !calls_probe_read(&others));
    downgrade_probe_read(&mut insns);
    let mut want = [4, 4, 45, 45, 6].map(|helper| call(0, helper)).to_vec();
    want.extend(others);
    assert_eq!(insns, want);
}

/// Neither the descriptor of a map nor the place in its value counts.
#[test]
fn digests_are_the_same_whatever_maps_are() {
    let load = |src, low, high| {
        let mut pair = [Insn::default(); 2];
        (pair[0].code, pair[0].src) = (Insn::LD_IMM64, src);
        (pair[0].imm, pair[1].imm) = (low, high);
        digest(&pair, Endian::Little)
    };
    for src in [pseudo::MAP_FD, pseudo::MAP_VALUE] {
        assert_eq!(load(src, 3, 8), load(src, 4, 16));
    }
    assert_ne!(load(0, 3, 0), load(0, 4, 0));
    assert_ne!(load(0, 3, 0), load(0, 3, 1));
}

#[test]
fn a_function_record_is_not_lost_unseen() {
    let mut spec = ObjectSpec::parse(&read("subprogs", "el"), "subprogs").unwrap();
    assert_eq!(linked(&spec, "first").funcs.len(), 4);
    // Without that of a callee the program is refused; without its own it has none.
    let text = spec.ext.func_info.get_mut(".text").unwrap();
    text.remove(0);
    let error = link(&spec, index(&spec, "first")).unwrap_err().to_string();
    assert!(
        error.contains("no record of this function in .BTF.ext"),
        "{error}"
    );
    assert_eq!(linked(&spec, "alone").funcs.len(), 1);
    spec.ext.func_info.get_mut("socket").unwrap().remove(0);
    assert_eq!(linked(&spec, "first").funcs, []);
}

#[test]
fn jump_tables_lead_to_where_their_function_lies() {
    both("jumps", |spec| {
        assert_eq!(spec.jump_tables.len(), 2);
        assert!(spec.jump_tables.iter().all(|t| t.offsets.len() == 16));
        let table = linked(&spec, "by_table");
        assert_eq!(names(&spec, &table), ["by_table", "pick"]);
        assert_eq!(table.jump_tables.len(), 2);
        let function = linked(&spec, "by_function");
        let [(of_pick, slots)] = function.jump_tables.as_slice() else {
            panic!("{:?}", function.jump_tables);
        };
        let (_, in_table) = table
            .jump_tables
            .iter()
            .find(|(t, _)| t == of_pick)
            .unwrap();
        let moved = table.functions[1].0 - function.functions[1].0;
        for (here, there) in slots.iter().zip(in_table) {
            assert_eq!(*here as usize + moved, *there as usize);
            assert_eq!(function.insns[*here as usize], table.insns[*there as usize]);
            // Every case begins with the value that it returns: `w0 = case * case + 3`.
            let case = slots.iter().position(|slot| slot == here).unwrap() as i32;
            let first = function.insns[*here as usize];
            assert_eq!(
                (first.code, first.dst, first.imm),
                (0xb4, 0, case * case + 3)
            );
        }
        let loads = |code: &Code| {
            let tables = code.refs.iter().filter_map(|r| match r.to {
                Target::JumpTable(table) => Some(table),
                _ => None,
            });
            tables.collect::<Vec<_>>()
        };
        assert_eq!((loads(&table).len(), loads(&function)), (2, vec![*of_pick]));
    });
}

#[test]
fn a_jump_table_out_of_its_function_is_refused() {
    let mut spec = ObjectSpec::parse(&read("jumps", "el"), "jumps").unwrap();
    let program = index(&spec, "by_function");
    let (table, _) = linked(&spec, "by_function").jump_tables[0];
    let len = spec.functions[0].insns.len() as u64;
    for outside in [len * 8, 3, u64::MAX] {
        spec.jump_tables[table].offsets[2] = outside;
        let error = link(&spec, program).unwrap_err().to_string();
        assert_eq!(
            error,
            ".text+0x0 (pick): a jump table that leads out of its function"
        );
    }
    assert!(link(&spec, program).is_err());
    spec.jump_tables.clear();
    assert!(link(&spec, program).is_err());
}

/// A table's entries are offsets in the section of the function that jumps: another function means
/// other places by them.
#[test]
fn a_jump_table_is_of_one_function() {
    both("jumps", |mut spec| {
        let (program, caller) = (index(&spec, "by_table"), index(&spec, "by_function"));
        let code = linked(&spec, "by_table");
        let callee = code.functions[1].1;
        let first = code.refs.iter().find_map(|r| match r.to {
            Target::JumpTable(table) if r.insn < code.functions[1].0 => Some(table),
            _ => None,
        });
        let table = first.unwrap();
        let own = spec.jump_tables[table].offsets.clone();
        // Of two functions of one section.
        let other = spec.functions[spec.programs[caller].function].offset;
        assert_ne!(other, 0);
        spec.jump_tables[table].offsets[15] = other;
        assert_eq!(
            link(&spec, program).unwrap_err().to_string(),
            "syscall+0x0 (by_table): a jump table that leads out of its function"
        );
        spec.jump_tables[table].offsets = own;
        assert_eq!(linked(&spec, "by_table"), code);
        // Two jumps of one function may share a table.
        let function = &mut spec.functions[spec.programs[program].function];
        let jump = function
            .refs
            .iter()
            .find(|r| r.to == Target::JumpTable(table));
        let again = *jump.unwrap();
        function.refs.push(again);
        assert_eq!(linked(&spec, "by_table").jump_tables, code.jump_tables);
        // Two functions may not, though each has an instruction there.
        for reference in &mut spec.functions[callee].refs {
            if let Target::JumpTable(of_callee) = &mut reference.to {
                *of_callee = table;
            }
        }
        spec.jump_tables[table].offsets = vec![8; 16];
        let error = link(&spec, program).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(
            error.to_string().contains("a jump table of two functions"),
            "{error}"
        );
        // A program that reaches one of them only has its places.
        let alone = linked(&spec, "by_function");
        let slot = alone.functions[1].0 as u32 + 1;
        assert_eq!(alone.jump_tables, [(table, vec![slot; 16])]);
    });
}

#[test]
fn names_of_the_callers_own() {
    const OWN: &[SectionDef] = &[
        SectionDef::new("mine/", ProgType::SOCKET_FILTER),
        SectionDef::new("socket", ProgType::XDP),
        SectionDef::new("other+", ProgType::SCHED_CLS)
            .with_attach_type(AttachType::TCX_EGRESS)
            .with_verb(Verb::Tc)
            .sleepable(),
    ];
    let bytes = read("sections", "el");
    let of = |own: &[SectionDef], name: &str| {
        let spec = ObjectSpec::parse_with(&bytes, "sections", own).unwrap();
        spec.program(name).unwrap().clone()
    };
    let own = of(OWN, "own");
    assert_eq!(own.prog_type, ProgType::SOCKET_FILTER);
    assert_eq!((own.attach, own.autoload), (Verb::Custom, false));
    assert_eq!(own.target.as_deref(), Some("some/where"));
    let unknown = of(OWN, "unknown");
    assert_eq!(unknown.prog_type, ProgType::SCHED_CLS);
    assert_eq!(unknown.attach_type, Some(AttachType::TCX_EGRESS));
    assert_eq!((unknown.attach, unknown.flags), (Verb::Tc, 1 << 4));
    // A name that has a meaning keeps it.
    assert_eq!(of(OWN, "always").prog_type, ProgType::SOCKET_FILTER);
    // A row without a name takes what is left.
    let any = [SectionDef::new("", ProgType::XDP)];
    assert_eq!(of(&any, "unknown").prog_type, ProgType::XDP);
    assert_eq!(of(&any, "always").prog_type, ProgType::SOCKET_FILTER);
}

#[test]
fn a_name_without_a_meaning_wants_a_type() {
    both("sections", |mut spec| {
        assert_eq!(spec.license, None);
        let unknown = index(&spec, "unknown");
        assert_eq!(
            link(&spec, unknown).unwrap_err().to_string(),
            "?other (unknown): the section name 'other' means no program type"
        );
        spec.programs[unknown].prog_type = ProgType::SOCKET_FILTER;
        assert_eq!(link(&spec, unknown).unwrap().insns.len(), 2);
        let asked: Vec<&str> = spec
            .programs
            .iter()
            .filter(|p| !p.autoload)
            .map(|p| p.name.as_str())
            .collect();
        assert_eq!(
            asked,
            ["when_asked", "own", "unknown", "user_probe", "gpl_only"]
        );
    });
}

/// Sets `len` bytes in the entry of a symbol, at `offset` of its 24.
fn edit_symbol(bytes: &mut [u8], name: &str, offset: usize, value: &[u8]) {
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let sections = u64_at(0x28);
    let count = u16::from_le_bytes(bytes[0x3c..0x3e].try_into().unwrap()) as usize;
    let symtab = (0..count)
        .map(|index| sections + index * 64)
        .find(|&at| u32_at(at + 4) == 2)
        .unwrap();
    let strings = u64_at(sections + u32_at(symtab + 0x28) * 64 + 0x18);
    let (start, size) = (u64_at(symtab + 0x18), u64_at(symtab + 0x20));
    let wanted = format!("{name}\0");
    let entry = (start..start + size).step_by(24).find(|&at| {
        let text = strings + u32_at(at);
        bytes[text..].starts_with(wanted.as_bytes())
    });
    let at = entry.expect(name) + offset;
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Clang 4 to 7: no symbol has a type or a size.
#[test]
fn functions_of_compilers_that_type_no_symbol() {
    let read_as = |bytes: &[u8]| ObjectSpec::parse(bytes, "subprogs").unwrap();
    let typed = read("subprogs", "el");
    let want = read_as(&typed);
    let mut bytes = typed.clone();
    for function in &want.functions {
        let binding = if function.global { 0x10 } else { 0 };
        edit_symbol(&mut bytes, &function.name, 4, &[binding]);
        edit_symbol(&mut bytes, &function.name, SIZE, &[0; 8]);
    }
    let spec = read_as(&bytes);
    assert_eq!(spec.warnings, []);
    assert_eq!(spec.programs.len(), want.programs.len());
    for program in &want.programs {
        assert_eq!(linked(&spec, &program.name), linked(&want, &program.name));
    }
    // Labels are places in functions.
    for (name, label) in [("plus_three", "LBB3_three"), ("with_bonus", ".Lth_bonus")] {
        let at = bytes
            .windows(name.len())
            .rposition(|w| w == name.as_bytes());
        let mut bytes = bytes.clone();
        edit_symbol(&mut bytes, name, 4, &[0]);
        bytes[at.unwrap()..][..name.len()].copy_from_slice(label.as_bytes());
        let named = |f: &Function| [name, label].contains(&f.name.as_str());
        assert!(!read_as(&bytes).functions.iter().any(named), "{label}");
    }
    // Where some have types, the others are no functions.
    let mut bytes = typed.clone();
    edit_symbol(&mut bytes, "first", 4, &[0x10]);
    assert!(read_as(&bytes).program("first").is_none());
}

/// The errors of the functions of `subprogs` after one symbol was changed.
fn damaged(name: &str, offset: usize, value: &[u8]) -> (ObjectSpec, Vec<(String, String)>) {
    let mut bytes = read("subprogs", "el");
    edit_symbol(&mut bytes, name, offset, value);
    let spec = ObjectSpec::parse(&bytes, "subprogs").unwrap();
    let error = |f: &Function| Some((f.name.clone(), f.error.as_ref()?.to_string()));
    let errors = spec.functions.iter().filter_map(error).collect();
    (spec, errors)
}

const VALUE: usize = 8;
const SIZE: usize = 16;

#[test]
fn a_symbol_past_its_section_costs_its_callers_only() {
    for (offset, value) in [(SIZE, 1_u64 << 20), (SIZE, !7_u64), (VALUE, 1 << 40)] {
        let (spec, errors) = damaged("with_bonus", offset, &value.to_le_bytes());
        assert!(
            errors.iter().any(|(name, _)| name == "with_bonus"),
            "{errors:?}"
        );
        assert!(link(&spec, index(&spec, "second")).is_err());
        assert_eq!(linked(&spec, "alone").insns.len(), 2);
        assert_eq!(linked(&spec, "first").functions.len(), 4);
    }
}

#[test]
fn a_call_to_where_no_function_begins_is_refused() {
    // Its symbol begins a slot later: the call's relocation goes by section and offset.
    let (spec, errors) = damaged("plus_three", VALUE, &8_u64.to_le_bytes());
    let broken: Vec<&str> = errors.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!broken.is_empty());
    assert!(link(&spec, index(&spec, "first")).is_err());
    assert_eq!(linked(&spec, "alone").insns.len(), 2);
}

#[test]
fn a_call_of_data_is_refused() {
    let mut bytes = read("subprogs", "el");
    // `plus_three` is now said to lie in .bss or .data: whatever section `bonus` is in.
    let bonus = {
        let spec = ObjectSpec::parse(&bytes, "subprogs").unwrap();
        assert!(spec.variables.iter().any(|v| v.name == "bonus"));
        symbol_section(&bytes, "bonus")
    };
    edit_symbol(&mut bytes, "plus_three", 6, &bonus.to_le_bytes());
    let spec = ObjectSpec::parse(&bytes, "subprogs").unwrap();
    let error = link(&spec, index(&spec, "second")).unwrap_err().to_string();
    assert!(
        error.contains("a call of 'plus_three', which is no function"),
        "{error}"
    );
    assert_eq!(linked(&spec, "alone").insns.len(), 2);
}

fn symbol_section(bytes: &[u8], name: &str) -> u16 {
    // Found by writing nothing: the entry's section index is what the search below reads.
    let elf = skep_codec::elf::Elf::parse(bytes, &mut Vec::new()).unwrap();
    let symbol = elf.symbols.iter().find(|s| s.name == name).unwrap();
    symbol.section.unwrap() as u16
}

#[test]
fn sections_that_share_their_bytes_are_read_each_for_itself() {
    let mut bytes = read("subprogs", "el");
    // `.text` is now said to lie where `socket` lies: other functions, of other instructions.
    let header = |name: &str, bytes: &[u8]| {
        let elf = skep_codec::elf::Elf::parse(bytes, &mut Vec::new()).unwrap();
        let table = u64::from_le_bytes(bytes[0x28..0x30].try_into().unwrap()) as usize;
        table + elf.section(name).unwrap().0 * 64
    };
    let (text, socket) = (header(".text", &bytes), header("socket", &bytes));
    let offset: [u8; 8] = bytes[socket + 0x18..socket + 0x20].try_into().unwrap();
    bytes[text + 0x18..text + 0x20].copy_from_slice(&offset);
    let spec = ObjectSpec::parse(&bytes, "subprogs").unwrap();
    assert_eq!(linked(&spec, "alone").insns.len(), 2);
    // However the calls come out, each is an answer about its own program.
    for program in 0..spec.programs.len() {
        if let Ok(code) = link(&spec, program) {
            assert!(code.insns.len() < 200, "{}", code.insns.len());
        }
    }
}
