//! Branches with constants, and what is left of what they guard.

mod machine;

use super::*;
use crate::btf::{CoreKind, CoreRelo, TypeId};
use crate::bytes::Endian;
use crate::insn::assemble;
use crate::object::{JumpTable, ObjectSpec, ProgramSpec, Ref, Verb, link};
use crate::uapi::bpf::ProgType;
use alloc::string::ToString;
use alloc::vec;

/// Numbers that are not negative, signed ones below zero, and others.
const DATA: [u8; 24] = [
    0, 1, 5, 0, 0xfe, 0xff, 0xff, 0xff, // +0: 0, 1, 5; +4: -2 of 32 bits
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // +8: -1
    0x78, 0x56, 0x34, 0x12, 0x21, 0x43, 0x65, 0x87, // +16
];

fn function(name: &str, offset: u64, insns: Vec<Insn>) -> Function {
    Function {
        name: name.to_string(),
        section: ".text".into(),
        section_index: 1,
        offset,
        insns,
        refs: Vec::new(),
        global: true,
        weak: false,
        hidden: false,
        moved: Default::default(),
        error: None,
    }
}

fn data_map(name: &str, kind: DataKind, bytes: &[u8]) -> MapSpec {
    let read_only = kind == DataKind::Rodata;
    let data = Data {
        section: name.into(),
        kind,
        size: bytes.len() as u32,
        bytes: bytes.to_vec(),
        read_only,
        datasec: TypeId::VOID,
    };
    let flags = if read_only { flags::RDONLY_PROG } else { 0 };
    crate::object::data::data_map("x", flags, data, None)
}

/// A spec of a program `f` of these instructions, a function `g`, which is `exit`, data and a map.
fn spec(text: &str) -> ObjectSpec {
    let mut spec = ObjectSpec {
        name: "x".into(),
        endian: Endian::Little,
        license: None,
        version: None,
        btf: None,
        ext: Default::default(),
        maps: vec![
            data_map(".rodata", DataKind::Rodata, &DATA),
            data_map(".data", DataKind::Data, &DATA),
            MapSpec {
                name: "table".into(),
                autocreate: true,
                ..MapSpec::default()
            },
        ],
        variables: Vec::new(),
        programs: Vec::new(),
        functions: Vec::new(),
        jump_tables: Vec::new(),
        context_args: Vec::new(),
        externs: Vec::new(),
        layouts: Vec::new(),
        warnings: Vec::new(),
    };
    let exit = assemble("r0 = 0\n exit").unwrap().insns;
    spec.functions.push(function("g", 1 << 20, exit));
    // Where tables lead is for each test to say.
    spec.jump_tables.push(JumpTable {
        offsets: Vec::new(),
    });
    let assembly = assemble(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let refs = spec.bind(&assembly).unwrap();
    let mut f = function("f", 0, assembly.insns);
    f.refs = refs;
    spec.functions.insert(0, f);
    for reference in &mut spec.functions[0].refs {
        if let Target::Call(callee) | Target::FuncAddr(callee) = &mut reference.to {
            *callee = 1;
        }
    }
    spec
}

fn runs(spec: &ObjectSpec) -> Option<Vec<bool>> {
    let constants = |map: usize| constant(&spec.maps[map]);
    flow::runs(spec, &spec.functions[0], &constants)
}

/// Instructions, an instruction a line; those that do not run begin with a minus.
fn expect(lines: &str) {
    expect_with(lines, |_| {});
}

fn expect_with(lines: &str, change: impl Fn(&mut ObjectSpec)) {
    let lines: Vec<&str> = lines
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let text: Vec<&str> = lines.iter().map(|l| l.trim_start_matches("- ")).collect();
    let mut spec = spec(&text.join("\n"));
    change(&mut spec);
    let runs = runs(&spec).expect("something to tell");
    let mut slot = 0;
    for line in &lines {
        let wide = spec.functions[0].insns[slot].is_wide();
        assert_eq!(!runs[slot], line.starts_with("- "), "{line}\n{lines:#?}");
        slot += if wide { 2 } else { 1 };
    }
    assert_eq!(slot, runs.len());
}

#[test]
fn a_flag_decides() {
    expect(
        "r6 = map[.rodata][0]+0
        r1 = *(u8 *)(r6 + 1)
        if r1 == 0 goto off
        r0 = 1
        goto out
        - off: r0 = 2
        out: exit",
    );
    expect(
        "r6 = map[.rodata][0]+0
        r1 = *(u8 *)(r6 + 0)
        w1 &= 1
        if w1 == 0 goto off
        - r1 = map[table]
        - call bpf_map_lookup_elem#1
        - goto out
        off: r0 = 2
        out: exit",
    );
}

#[test]
fn what_differs_by_the_way_is_not_known() {
    expect(
        "r6 = map[.rodata][0]+0
        if r1 == 7 goto other
        r2 = *(u8 *)(r6 + 1)
        r3 = *(u8 *)(r6 + 1)
        goto both
        other: r2 = 5
        r3 = 1
        both: if r3 != 1 goto never
        if r2 == 1 goto out
        r0 = 1
        out: exit
        - never: r0 = 2
        - exit",
    );
}

#[test]
fn loops_are_gone_round() {
    // r7 grows, r8 stays.
    expect(
        "r6 = map[.rodata][0]+0
        r8 = *(u8 *)(r6 + 1)
        r7 = *(u8 *)(r6 + 0)
        again: r7 += 1
        if r7 == 9 goto out
        if r8 == 1 goto again
        - r0 = 5
        out: exit",
    );
}

#[test]
fn calls_leave_what_is_kept() {
    expect(
        "r6 = map[.rodata][0]+0
        r1 = *(u8 *)(r6 + 1)
        r7 = r1
        call g
        if r1 == 1 goto one
        r0 = 3
        one: if r7 == 1 goto out
        - r0 = 4
        out: exit",
    );
}

#[test]
fn what_is_not_read_only_is_not_known() {
    let text = "r6 = map[.rodata][0]+0
        r5 = map[.data][0]+0
        r1 = *(u8 *)(r5 + 1)
        if r1 == 0 goto off
        r2 = *(u8 *)(r6 + 24)
        if r2 == 0 goto off
        r2 = *(u64 *)(r6 - 1)
        if r2 == 0 goto off
        r6 += r1
        r2 = *(u8 *)(r6 + 0)
        if r2 == 0 goto off
        r0 = 1
        exit
        off: r0 = 2
        exit";
    expect(text);
    let text = "r6 = map[.rodata][0]+0\n r1 = *(u8 *)(r6 + 0)\n if r1 == 0 goto off
        r1 = map[table]\n off: exit";
    let forgotten = |change: fn(&mut MapSpec), set: bool| {
        let mut spec = spec(text);
        change(&mut spec.maps[0]);
        spec.prune(&|_| set)
    };
    assert_eq!(forgotten(|_| {}, true), 1);
    assert_eq!(forgotten(|_| {}, false), 0);
    assert_eq!(forgotten(|map| map.pinning = Pinning::ByName, true), 0);
    assert_eq!(forgotten(|map| map.map_flags = 0, true), 0);
    assert_eq!(forgotten(|map| map.max_entries = 2, true), 0);
    let spare = |map: &mut MapSpec| map.data.as_mut().unwrap().kind = DataKind::Data;
    assert_eq!(forgotten(spare, true), 0);
}

/// A number of `DATA` of this width, by its offset.
const LOADS: [(&str, i64); 9] = [
    ("*(u8 *)(r6 + 2)", 5),
    ("*(u8 *)(r6 + 4)", 0xfe),
    ("*(s8 *)(r6 + 4)", -2),
    ("*(u32 *)(r6 + 4)", 0xffff_fffe),
    ("*(s32 *)(r6 + 4)", -2),
    ("*(u64 *)(r6 + 8)", -1),
    ("*(u16 *)(r6 + 16)", 0x5678),
    ("*(s16 *)(r6 + 22)", 0x8765_u16 as i16 as i64),
    ("*(u64 *)(r6 + 16)", 0x8765_4321_1234_5678_u64 as i64),
];

/// Whether a branch on what `text` leaves in `r1` is decided, and how.
fn decided(text: &str, comparison: &str) -> Option<bool> {
    let text = format!(
        "r6 = map[.rodata][0]+0\n{text}\nif {comparison} goto yes\nr0 = 0\nexit\nyes: r0 = 1\nexit"
    );
    let runs = runs(&spec(&text)).unwrap();
    match runs[runs.len() - 4..] {
        [false, false, true, true] => Some(true),
        [true, true, false, false] => Some(false),
        [true, true, true, true] => None,
        _ => panic!("{text}"),
    }
}

#[test]
fn comparisons_of_every_kind() {
    type Compare = fn(i64, i64) -> bool;
    const KINDS: [(&str, Compare); 11] = [
        ("==", |a, b| a == b),
        ("!=", |a, b| a != b),
        (">", |a, b| a as u64 > b as u64),
        (">=", |a, b| a as u64 >= b as u64),
        ("<", |a, b| (a as u64) < b as u64),
        ("<=", |a, b| a as u64 <= b as u64),
        ("s>", |a, b| a > b),
        ("s>=", |a, b| a >= b),
        ("s<", |a, b| a < b),
        ("s<=", |a, b| a <= b),
        ("&", |a, b| a & b != 0),
    ];
    for (load, value) in LOADS {
        for other in [-1_i64, -2, 0, 1, 5, 0xfe, 0x5678, i64::from(i32::MIN)] {
            for (sign, holds) in KINDS {
                let load = format!("r1 = {load}");
                let what = format!("{load} {sign} {other}");
                let wide = decided(&load, &format!("r1 {sign} {other}"));
                assert_eq!(wide, Some(holds(value, other)), "{what}");
                let load2 = format!("{load}\nr2 = {other}");
                assert_eq!(decided(&load2, &format!("r1 {sign} r2")), wide, "{what}");
                assert_eq!(decided(&load, &format!("r1 {sign} r2")), None, "{what}");
                // 32 bits: extended either way, for the two kinds of comparison.
                let (low, low_other) = (value as i32, other as i32);
                let signed = holds(low.into(), low_other.into());
                let plain = holds((low as u32).into(), (low_other as u32).into());
                let narrow = if sign.starts_with('s') { signed } else { plain };
                let got = decided(&load, &format!("w1 {sign} {other}"));
                assert_eq!(got, Some(narrow), "{what} (32 bits)");
            }
        }
    }
}

#[test]
fn arithmetic_is_done_where_the_verifier_does_it() {
    const BOTH: [(&str, Option<u64>); 12] = [
        ("r1 += 7", Some(0x1234_567f)),
        ("r1 -= 8", Some(0x1234_5670)),
        ("r1 |= 1", Some(0x1234_5679)),
        ("r1 &= -8", Some(0x1234_5678)),
        ("r1 ^= -1", Some(!0x1234_5678)),
        ("r1 <<= 36", Some(0x1234_5678 << 36)),
        ("r1 >>= 8", Some(0x12_3456)),
        ("w1 += 7", Some(0x1234_567f)),
        ("w1 ^= -1", Some(0xedcb_a987)),
        ("w1 = w1", Some(0x1234_5678)),
        ("r1 *= 2", None),
        ("r1 /= 2", None),
    ];
    for (operation, want) in BOTH {
        let text = format!("r1 = *(u32 *)(r6 + 16)\n{operation}");
        let want = want.map(|value| (value, true));
        let value = want.map_or(0, |(value, _)| value);
        let compare = format!("{text}\nr2 = {value} ll");
        let answer = decided(&compare, "r1 == r2");
        assert_eq!(answer, want.map(|(_, equal)| equal), "{operation}");
    }
    let shifted = "r1 = *(u64 *)(r6 + 8)\n";
    assert_eq!(
        decided(&format!("{shifted}r1 s>>= 63"), "r1 == -1"),
        Some(true)
    );
    assert_eq!(
        decided(&format!("{shifted}w1 s>>= 31"), "w1 == -1"),
        Some(true)
    );
    assert_eq!(
        decided(&format!("{shifted}w1 s>>= 31"), "r1 == -1"),
        Some(false)
    );
    assert_eq!(decided(&format!("{shifted}r1 <<= r3"), "r1 == 0"), None);
    // An address moves.
    let moved = "r5 = r6\nr5 += 8\nr5 += -6\nr1 = *(u8 *)(r5 + 0)";
    assert_eq!(decided(moved, "r1 == 5"), Some(true));
}

#[test]
fn data_of_the_other_byte_order() {
    let text = "r6 = map[.rodata][0]+16\n r1 = *(u16 *)(r6 + 0)\n if r1 == 0x7856 goto yes
        - r0 = 1\n - exit\n yes: exit";
    expect_with(text, |spec| spec.endian = Endian::Big);
}

#[test]
fn atomic_operations_bring_what_was_there() {
    expect(
        "r6 = map[.rodata][0]+0
        r1 = *(u8 *)(r6 + 1)
        r2 = r1
        r3 = r1
        r1 = atomic64_fetch_add((u64 *)(r10 - 8), r1)
        *(u64 *)(r10 - 16) = r2
        if r1 == 1 goto out
        if r2 == 1 goto out
        - r0 = 1
        out: exit",
    );
}

#[test]
fn jump_tables_lead_everywhere() {
    let text = "r6 = map[.rodata][0]+0
        r1 = *(u8 *)(r6 + 0)
        if r1 != 0 goto dead
        r2 = jumptable[0]
        r2 = *(u64 *)(r2 + 0)
        gotox r2
        r0 = 1
        exit
        r0 = 2
        exit
        - dead: r0 = 3
        - exit";
    let table = |spec: &mut ObjectSpec| spec.jump_tables[0].offsets = vec![8 * 8, 10 * 8];
    expect_with(text, table);
    let text = "r6 = map[.rodata][0]+0
        r1 = *(u8 *)(r6 + 0)
        if r1 == 0 goto out
        - r2 = jumptable[0]
        - r2 = *(u64 *)(r2 + 0)
        - gotox r2
        - r0 = 1
        - exit
        out: exit";
    let table = |spec: &mut ObjectSpec| {
        spec.jump_tables[0].offsets = vec![8 * 8];
        // The table itself stays.
        assert_eq!(spec.clone().prune(&|_| true), 0);
    };
    expect_with(text, table);
}

#[test]
fn instructions_that_a_relocation_changes_are_not_known() {
    let relo = |slot: u32| CoreRelo {
        insn_off: slot * 8,
        type_id: TypeId(1),
        access_off: 0,
        kind: CoreKind::TypeExists,
    };
    let text = "r6 = map[.rodata][0]+0
        r1 = 0
        if r1 == 0 goto one
        r0 = 1
        one: r1 = *(u8 *)(r6 + 0)
        if r1 == 0 goto out
        r0 = 2
        out: exit";
    let relocate = |spec: &mut ObjectSpec| {
        let relos = vec![relo(2), relo(5)];
        spec.ext.core_relos.insert(".text".into(), relos);
    };
    expect_with(text, relocate);
    // Of what does not run they are forgotten, unless another function has the same bytes and
    // runs them.
    let text = "r6 = map[.rodata][0]+0\n r1 = *(u8 *)(r6 + 0)\n if r1 == 0 goto out\n r2 = 1
        out: r3 = 1\n exit";
    let mut one = spec(text);
    one.ext
        .core_relos
        .insert(".text".into(), vec![relo(4), relo(5)]);
    let mut shared = one.clone();
    one.prune(&|_| true);
    assert_eq!(one.ext.core_relos.get(".text"), Some(&vec![relo(5)]));
    let mut alias = shared.functions[0].clone();
    alias.refs.clear();
    shared.functions.push(alias);
    shared.prune(&|_| true);
    assert_eq!(shared.ext.core_relos.get(".text").unwrap().len(), 2);
}

#[test]
fn in_doubt_all_of_it_runs() {
    let begin =
        "r6 = map[.rodata][0]+0\n r1 = *(u8 *)(r6 + 0)\n if r1 == 0 goto out\n r0 = 2\n out:";
    assert!(runs(&spec(&format!("{begin} exit"))).is_some());
    for end in [
        "r0 = 1",                                                  // falls off the end
        ".insn 0x05, 0, 0, 99, 0\n exit",                          // jumps out
        ".insn 0x0f, 11, 1, 0, 0\n .insn 0x00, 1, 1, 0, 0\n exit", // no instruction
        ".insn 0x05, 0, 0, -5, 0\n exit",                          // into the middle of a wide load
        "gotox r1",                                                // without a table
    ] {
        assert_eq!(runs(&spec(&format!("{begin} {end}"))), None, "{end}");
    }
    assert_eq!(
        runs(&spec("r0 = 0\n if r0 == 0 goto out\n r0 = 1\n out: exit")),
        None
    );
}

#[test]
fn what_does_not_run_needs_nothing() {
    let mut spec = spec(
        "r6 = map[.rodata][0]+0
        r7 = *(u8 *)(r6 + 0)
        if r7 == 0 goto out
        r1 = map[table]
        r2 = subprog[g]
        call g
        r3 = map[.data][0]+4
        call bpf_ktime_get_ns#5
        out: r1 = map[.data][0]+0
        r0 = 0
        exit",
    );
    let program = ProgramSpec {
        name: "f".into(),
        section: "socket".into(),
        prog_type: ProgType::SOCKET_FILTER,
        attach_type: None,
        attach_type_optional: false,
        flags: 0,
        attach_btf: false,
        target: None,
        attach: Verb::Socket,
        on_return: false,
        autoload: true,
        autoattach: true,
        function: 0,
        exception_callback: None,
        ifindex: 0,
        log_level: 0,
        error: None,
    };
    spec.programs.push(program);
    let before = link(&spec, 0).unwrap();
    assert_eq!((before.maps, before.functions.len()), (vec![0, 1, 2], 2));
    assert_eq!(spec.prune(&|_| true), 4);
    let after = link(&spec, 0).unwrap();
    assert_eq!((after.maps, after.functions.len()), (vec![0, 1], 1));
    let kept: Vec<Ref> = after.refs;
    assert_eq!(kept.len(), 2);
    let want =
        assemble("r1 = 0 ll\n r2 = 0 ll\n r0 = 0\n r3 = 0 ll\n call bpf_ktime_get_ns#5").unwrap();
    assert_eq!(after.insns[4..12], want.insns);
    assert_eq!(spec.prune(&|_| true), 0);
}
