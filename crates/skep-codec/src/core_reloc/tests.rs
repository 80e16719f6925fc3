//! Two kernels built by hand, and what a program compiled for one finds on the other.

mod patch;
mod types;

use self::patch::{LDX_W, insn, patched};
use super::*;
use crate::btf::tests::{Random, bits, built, int, member};
use crate::btf::{Array, Btf, BtfBuilder, CoreKind, CoreRelo, Enumerator, Param, TypeId};
use crate::bytes::Endian;
use std::string::{String, ToString};
use std::vec::Vec;

fn relo(b: &mut BtfBuilder, ty: TypeId, access: &str, kind: CoreKind) -> CoreRelo {
    CoreRelo {
        insn_off: 0,
        type_id: ty,
        access_off: b.add_string(access),
        kind,
    }
}

fn array(b: &mut BtfBuilder, element: TypeId, len: u32) -> TypeId {
    let index = TypeId(1);
    b.add_array(Array {
        element,
        index,
        len,
    })
}

/// Resolves relocations one after another with one resolver.
fn resolve_all(local: &Btf, targets: &[&Btf], relos: &[CoreRelo]) -> Vec<Result<Resolution>> {
    let mut resolver = Resolver::new(local, relos);
    for (place, target) in targets.iter().enumerate() {
        resolver.add_target(["vmlinux", "module"][place], target);
    }
    relos.iter().map(|relo| resolver.resolve(relo)).collect()
}

/// Local and target value, or the reason in words.
fn plain(outcome: Result<Resolution>) -> core::result::Result<(u64, u64), String> {
    match outcome {
        Ok(Resolution::Value(value)) => Ok((value.local, value.target)),
        Ok(Resolution::Failed(why)) => Err(why.to_string()),
        Err(e) => Err(std::format!("{:?}: {}", e.kind(), e.what())),
    }
}

struct Case {
    local: BtfBuilder,
    target: BtfBuilder,
    endian: Endian,
}

impl Case {
    fn new() -> Self {
        let (mut local, mut target) = (BtfBuilder::new(), BtfBuilder::new());
        for b in [&mut local, &mut target] {
            int(b, "int", 4, true);
            int(b, "unsigned int", 4, false);
            int(b, "unsigned long", 8, false);
            int(b, "char", 1, true);
        }
        Self {
            local,
            target,
            endian: Endian::Little,
        }
    }

    fn ask(
        &mut self,
        ty: TypeId,
        access: &str,
        kind: CoreKind,
    ) -> core::result::Result<(u64, u64), String> {
        let relo = relo(&mut self.local, ty, access, kind);
        let (local, target) = self.built();
        plain(resolve_all(&local, &[&target], &[relo]).remove(0))
    }

    fn built(&self) -> (Btf, Btf) {
        (
            built(&self.local, self.endian),
            built(&self.target, self.endian),
        )
    }
}

const INT: TypeId = TypeId(1);
const UINT: TypeId = TypeId(2);
const ULONG: TypeId = TypeId(3);
const CHAR: TypeId = TypeId(4);

use CoreKind::*;

#[test]
fn a_field_is_found_where_it_has_moved() {
    let mut c = Case::new();
    let inner = c.local.add_struct("inner", 8, &[member("x", INT, 32)]);
    let members = [member("a", INT, 0), member("in", inner, 32)];
    let local = c.local.add_struct("s___mine", 12, &members);
    let inner = c.target.add_struct("renamed", 16, &[member("x", UINT, 64)]);
    let inner = c.target.add_const(inner);
    let hidden = c.target.add_union("", 16, &[member("in", inner, 0)]);
    let deep = c.target.add_struct("", 24, &[member("", hidden, 64)]);
    let members = [
        member("pad", ULONG, 0),
        member("", deep, 64),
        member("a", INT, 256),
    ];
    c.target.add_struct("s", 36, &members);
    assert_eq!(c.ask(local, "0:0", FieldByteOffset), Ok((0, 32)));
    assert_eq!(c.ask(local, "0:1:0", FieldByteOffset), Ok((8, 24)));
    assert_eq!(c.ask(local, "0:1", FieldByteSize), Ok((8, 16)));
    assert_eq!(c.ask(local, "0:1:0", FieldSigned), Ok((1, 0)));
    assert_eq!(c.ask(local, "0:1:0", FieldExists), Ok((1, 1)));
    // An access through the pointer as an array: whole structs are stepped over.
    assert_eq!(c.ask(local, "2:0", FieldByteOffset), Ok((24, 104)));
}

#[test]
fn what_is_not_there_is_said_in_words() {
    let mut c = Case::new();
    let ptr = c.local.add_ptr(TypeId::VOID);
    let members = [member("gone", INT, 0), member("kind", ptr, 64)];
    let local = c.local.add_struct("s", 16, &members);
    let other = c.local.add_struct("nowhere", 4, &[member("x", INT, 0)]);
    c.target.add_struct("s", 4, &[member("kind", INT, 0)]);
    assert_eq!(
        c.ask(local, "0:0", FieldByteOffset),
        Err("struct s.gone: in vmlinux, struct s has no member gone".into())
    );
    assert_eq!(
        c.ask(local, "0:1", FieldByteOffset),
        Err("struct s.kind: in vmlinux, member kind of struct s is int, not void *".into())
    );
    assert_eq!(
        c.ask(other, "0:0", FieldByteOffset),
        Err("struct nowhere.x: no struct nowhere in vmlinux".into())
    );
    for (ty, access) in [(local, "0:0"), (local, "0:1"), (other, "0:0")] {
        assert_eq!(c.ask(ty, access, FieldExists), Ok((1, 0)));
    }
}

#[test]
fn arrays_end_where_the_target_says() {
    let mut c = Case::new();
    let grid = array(&mut c.local, INT, 3);
    let grid = array(&mut c.local, grid, 2);
    let flex = array(&mut c.local, UINT, 0);
    let members = [member("grid", grid, 0), member("flex", flex, 192)];
    let local = c.local.add_struct("s", 24, &members);
    let grid = array(&mut c.target, INT, 4);
    let grid = array(&mut c.target, grid, 2);
    let flex = array(&mut c.target, UINT, 0);
    let members = [
        member("pad", ULONG, 0),
        member("grid", grid, 64),
        member("flex", flex, 320),
    ];
    c.target.add_struct("s", 40, &members);
    assert_eq!(c.ask(local, "0:0:1:2", FieldByteOffset), Ok((20, 32)));
    assert_eq!(c.ask(local, "0:0", FieldByteSize), Ok((24, 32)));
    assert_eq!(c.ask(local, "0:1:7", FieldByteOffset), Ok((52, 68)));
    assert_eq!(
        c.ask(local, "0:0:2:0", FieldByteOffset),
        Err("Malformed: element 2 of an array of 2".into())
    );
    assert_eq!(
        c.ask(local, "0:0:1:2", FieldSigned),
        Err("Unsupported: signedness of a field asked of an array element".into())
    );
    // An array without elements is open only at the end of its struct.
    let mut c = Case::new();
    let none = array(&mut c.local, UINT, 0);
    let members = [member("none", none, 0), member("a", INT, 0)];
    let local = c.local.add_struct("s", 4, &members);
    c.target.add_struct("s", 4, &[member("a", INT, 0)]);
    assert_eq!(
        c.ask(local, "0:0:1", FieldByteOffset),
        Err("Malformed: element 1 of an array of 0".into())
    );
}

#[test]
fn an_array_may_be_too_short_on_the_target() {
    let mut c = Case::new();
    let long = array(&mut c.local, INT, 8);
    let local = c.local.add_struct("s", 32, &[member("a", long, 0)]);
    let short = array(&mut c.target, INT, 4);
    c.target.add_struct("s", 16, &[member("a", short, 0)]);
    assert_eq!(c.ask(local, "0:0:3", FieldByteOffset), Ok((12, 12)));
    let why = "struct s.a[4]: in vmlinux, the array has 4 elements, 4 is asked for";
    assert_eq!(c.ask(local, "0:0:4", FieldByteOffset), Err(why.into()));
    assert_eq!(c.ask(local, "0:0:4", FieldExists), Ok((1, 0)));
}

#[test]
fn bit_fields_are_read_as_the_smallest_aligned_integer() {
    for (endian, left, left_wide) in [(Endian::Little, 57, 28), (Endian::Big, 34, 30)] {
        let mut c = Case::new();
        c.endian = endian;
        let local = c
            .local
            .add_struct("s", 4, &[bits("f", UINT, 0, 5), bits("w", UINT, 5, 6)]);
        let members = [bits("f", UINT, 34, 5), bits("w", UINT, 62, 6)];
        c.target.add_struct("s", 16, &members);
        assert_eq!(c.ask(local, "0:0", FieldByteOffset).map(|v| v.1), Ok(4));
        assert_eq!(c.ask(local, "0:0", FieldByteSize).map(|v| v.1), Ok(4));
        assert_eq!(c.ask(local, "0:0", FieldLshiftU64).map(|v| v.1), Ok(left));
        assert_eq!(c.ask(local, "0:0", FieldRshiftU64).map(|v| v.1), Ok(59));
        assert_eq!(c.ask(local, "0:0", FieldSigned).map(|v| v.1), Ok(0));
        // Bits 62 to 67 lie in no aligned 64-bit word.
        let why = "Unsupported: bit-field of 6 bits at bit 62 does not fit an aligned 64-bit read";
        assert_eq!(c.ask(local, "0:1", FieldByteOffset), Err(why.into()));
        // Bits 30 to 35 do, but in no 32-bit one.
        let mut c = Case::new();
        c.endian = endian;
        let local = c.local.add_struct("s", 4, &[bits("w", UINT, 5, 6)]);
        c.target.add_struct("s", 16, &[bits("w", UINT, 30, 6)]);
        assert_eq!(c.ask(local, "0:0", FieldByteSize).map(|v| v.1), Ok(8));
        assert_eq!(
            c.ask(local, "0:0", FieldLshiftU64).map(|v| v.1),
            Ok(left_wide)
        );
        // Bits 27 to 31 are the last of a 32-bit one.
        let mut c = Case::new();
        c.endian = endian;
        let local = c.local.add_struct("s", 4, &[bits("l", UINT, 0, 5)]);
        c.target.add_struct("s", 4, &[bits("l", UINT, 27, 5)]);
        assert_eq!(c.ask(local, "0:0", FieldByteSize).map(|v| v.1), Ok(4));
        assert_eq!(c.ask(local, "0:0", FieldByteOffset).map(|v| v.1), Ok(0));
    }
}

#[test]
fn enums_are_one_field_by_name_and_have_a_sign() {
    let ask = |mine: &str, theirs: &str, kind| {
        let mut c = Case::new();
        let color = c.local.add_enum(mine, 4, true, &values(&[("RED", -1)]));
        let local = c.local.add_struct("s", 4, &[member("color", color, 0)]);
        let color = c.target.add_enum(theirs, 4, false, &values(&[("RED", 1)]));
        let members = [member("pad", INT, 0), member("color", color, 32)];
        c.target.add_struct("s", 8, &members);
        c.ask(local, "0:0", kind)
    };
    for (mine, theirs) in [
        ("color", "color"),
        ("color___v2", "color"),
        ("", "color"),
        ("color", ""),
    ] {
        assert_eq!(
            ask(mine, theirs, FieldByteOffset),
            Ok((0, 4)),
            "{mine} {theirs}"
        );
        assert_eq!(
            ask(mine, theirs, FieldSigned),
            Ok((1, 0)),
            "{mine} {theirs}"
        );
    }
    assert_eq!(ask("color", "shape", FieldExists), Ok((1, 0)));
    let why = "struct s.color: in vmlinux, member color of struct s is enum shape, not enum color";
    assert_eq!(ask("color", "shape", FieldByteOffset), Err(why.into()));
}

fn values<'a>(list: &[(&'a str, i64)]) -> Vec<Enumerator<'a>> {
    let make = |&(name, value)| Enumerator { name, value };
    list.iter().map(make).collect()
}

#[test]
fn enumerators_have_the_targets_value_in_either_width() {
    let mut c = Case::new();
    let mine = values(&[("A", 1), ("B___old", 2), ("GONE", 3)]);
    let local = c.local.add_enum("e", 4, false, &mine);
    let theirs = values(&[("B", 1 << 40), ("A", -5)]);
    c.target.add_enum64("e", 8, true, &theirs);
    assert_eq!(c.ask(local, "0", EnumvalValue), Ok((1, -5_i64 as u64)));
    assert_eq!(c.ask(local, "1", EnumvalValue), Ok((2, 1 << 40)));
    assert_eq!(c.ask(local, "1", EnumvalExists), Ok((1, 1)));
    assert_eq!(c.ask(local, "2", EnumvalExists), Ok((1, 0)));
    let why = "enum e::GONE: in vmlinux, enum e has no enumerator GONE";
    assert_eq!(c.ask(local, "2", EnumvalValue), Err(why.into()));
    let why = std::format!("Malformed: no enumerator 3 in type {}", local.0);
    assert_eq!(c.ask(local, "3", EnumvalValue), Err(why));
}

#[test]
fn types_that_disagree_are_ambiguous() {
    let mut c = Case::new();
    let local = c.local.add_struct("s", 4, &[member("a", INT, 0)]);
    let first = c.target.add_struct("s", 4, &[member("a", INT, 0)]);
    c.target
        .add_struct("s___v2", 8, &[member("a", INT, 0), member("b", INT, 32)]);
    assert_eq!(c.ask(local, "0:0", FieldByteOffset), Ok((0, 0)));
    let last = c.target.add_struct("s___v3", 8, &[member("a", INT, 32)]);
    let why = std::format!(
        "Ambiguous: several types have that name, and they disagree: [{}] of vmlinux gives 0, \
         [{}] of vmlinux 4",
        first.0,
        last.0
    );
    assert_eq!(c.ask(local, "0:0", FieldByteOffset), Err(why));
    // Of the same size, but not in the same place.
    let why = std::format!(
        "Ambiguous: several types have that name, and they disagree: [{}] of vmlinux has it at \
         bit 0, [{}] of vmlinux 32",
        first.0,
        last.0
    );
    assert_eq!(c.ask(local, "0:0", FieldByteSize), Err(why));
}

#[test]
fn one_local_type_stands_for_one_target_type() {
    let mut c = Case::new();
    let members = [member("a", INT, 0), member("b", INT, 32)];
    let local = c.local.add_struct("s", 8, &members);
    c.target.add_struct("s", 4, &[member("a", INT, 0)]);
    let second = c.target.add_struct("s", 8, &[member("b", INT, 32)]);
    let a = relo(&mut c.local, local, "0:0", FieldByteOffset);
    let b = relo(&mut c.local, local, "0:1", FieldByteOffset);
    let b_exists = relo(&mut c.local, local, "0:1", FieldExists);
    let (local, target) = c.built();
    let mut done = resolve_all(&local, &[&target], &[a, b, b_exists])
        .into_iter()
        .map(plain);
    assert_eq!(done.next(), Some(Ok((0, 0))));
    let why = done.next().unwrap().unwrap_err();
    let mixture = std::format!(
        "type [{}] has it, but other relocations took another s: one type cannot stand for both",
        second.0
    );
    assert!(why.ends_with(&mixture), "{why}");
    assert_eq!(done.next(), Some(Ok((1, 0))));
}

#[test]
fn modules_are_asked_for_what_the_kernel_lacks() {
    let mut c = Case::new();
    let both = c.local.add_struct("both", 4, &[member("a", INT, 0)]);
    let only = c.local.add_struct("only", 4, &[member("a", INT, 0)]);
    c.target.add_struct("both", 8, &[member("a", INT, 32)]);
    let mut module = c.target.clone();
    module.add_struct("both", 16, &[member("a", INT, 64)]);
    module.add_struct("only", 32, &[member("a", INT, 128)]);
    let relos = [both, only].map(|ty| relo(&mut c.local, ty, "0:0", FieldByteOffset));
    let (local, target) = c.built();
    let module = built(&module, Endian::Little);
    let mut resolver = Resolver::new(&local, &relos);
    assert!(resolver.needs_target());
    let error = resolver.resolve(&relos[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    resolver.add_target("vmlinux", &target);
    assert!(resolver.wants_more());
    assert!(matches!(
        resolver.resolve(&relos[1]),
        Ok(Resolution::Failed(_))
    ));
    resolver.add_target("module", &module);
    assert!(!resolver.wants_more());
    assert_eq!(plain(resolver.resolve(&relos[0])), Ok((0, 4)));
    let Ok(Resolution::Value(value)) = resolver.resolve(&relos[1]) else {
        panic!("not found in the module");
    };
    assert_eq!((value.target, value.target_index), (16, Some(1)));
}

/// A program's pointers have 8 bytes, an Arm or i386 kernel's have 4.
#[test]
fn a_kernel_of_32_bits_has_small_pointers() {
    let (mut local, mut target) = (BtfBuilder::new(), BtfBuilder::new());
    let node = |b: &mut BtfBuilder, bytes: u32| {
        int(b, "long unsigned int", bytes, false);
        let pointer = b.add_ptr(TypeId::VOID);
        let three = array(b, pointer, 3);
        let bits = bytes * 8;
        let members = [
            member("next", pointer, 0),
            member("all", three, bits),
            member("count", TypeId(1), bits * 4),
        ];
        b.add_struct("node", bytes * 5, &members)
    };
    let ty = node(&mut local, 8);
    node(&mut target, 4);
    let asked = [
        ("0:0", CoreKind::FieldByteSize, (8, 4)),
        ("0:1", CoreKind::FieldByteSize, (24, 12)),
        ("0:1:2", CoreKind::FieldByteOffset, (24, 12)),
        ("0:2", CoreKind::FieldByteOffset, (32, 16)),
        ("0", CoreKind::TypeSize, (40, 20)),
    ];
    let relos = asked.map(|(access, kind, _)| relo(&mut local, ty, access, kind));
    for endian in [Endian::Little, Endian::Big] {
        let (local, target) = (built(&local, endian), built(&target, endian));
        let answers = resolve_all(&local, &[&target], &relos);
        for ((access, kind, expected), answer) in asked.iter().zip(answers) {
            assert_eq!(plain(answer), Ok(*expected), "{access} {kind:?}");
        }
        // A load of a pointer takes the kernel's width.
        let answer = resolve_all(&local, &[&target], &relos[2..3])
            .remove(0)
            .unwrap();
        let loads = [insn(0x79, 24, 0)];
        assert_eq!(patched(&loads, &answer), Ok(Vec::from([insn(0x61, 12, 0)])));
        let mut minimal = Minimal::new(&target);
        minimal.add(&local, &relos).unwrap();
        let small = built(&minimal.build().unwrap(), endian);
        assert_eq!(small.pointer_size(), 4);
        let again = resolve_all(&local, &[&small], &relos).remove(0);
        assert_eq!(plain(again), Ok((8, 4)));
    }
}

#[test]
fn modules_count_alike() {
    let mut c = Case::new();
    let alike = c.local.add_struct("alike", 4, &[member("a", INT, 0)]);
    let unlike = c.local.add_struct("unlike", 4, &[member("a", INT, 0)]);
    let relos = [alike, unlike].map(|ty| relo(&mut c.local, ty, "0:0", FieldByteOffset));
    let (local, vmlinux) = c.built();
    let module = |offset| {
        let mut module = c.target.clone();
        module.add_struct("alike", 8, &[member("a", INT, 32)]);
        module.add_struct("unlike", 32, &[member("a", INT, offset)]);
        built(&module, Endian::Little)
    };
    let (first, second) = (module(64), module(128));
    let mut resolver = Resolver::new(&local, &relos);
    resolver.add_target("vmlinux", &vmlinux);
    assert!(resolver.lacks(&relos[0]) && resolver.lacks(&relos[1]));
    resolver.add_targets([("one", &first), ("two", &second)]);
    assert!(!resolver.lacks(&relos[0]) && !resolver.lacks(&relos[1]));
    assert_eq!(plain(resolver.resolve(&relos[0])), Ok((0, 4)));
    let why = "Ambiguous: several types have that name, and they disagree: [6] of one gives 8, \
        [6] of two 16";
    assert_eq!(plain(resolver.resolve(&relos[1])), Err(why.into()));
    // One after the other, the first that has the type is all that counts.
    let mut resolver = Resolver::new(&local, &relos);
    for (name, target) in [("vmlinux", &vmlinux), ("one", &first), ("two", &second)] {
        resolver.add_target(name, target);
    }
    assert_eq!(plain(resolver.resolve(&relos[1])), Ok((0, 8)));
}

/// A pointer to itself is cut where it would never end.
#[test]
fn words_come_to_an_end() {
    let mut b = BtfBuilder::new();
    let mut ty = int(&mut b, "int", 4, true);
    for _ in 0..50 {
        ty = b.add_ptr(ty);
    }
    let text = type_text(&built(&b, Endian::Little), ty);
    assert_eq!(text, "... ******");
}

#[test]
fn a_local_id_needs_no_kernel() {
    let mut c = Case::new();
    let ty = c.local.add_struct("s", 4, &[]);
    let relo = relo(&mut c.local, ty, "0", TypeIdLocal);
    let (local, _) = c.built();
    let mut resolver = Resolver::new(&local, [&relo]);
    assert!(!resolver.needs_target() && !resolver.wants_more());
    assert_eq!(plain(resolver.resolve(&relo)), Ok((5, 5)));
}

#[test]
fn hostile_types_cost_little() {
    // Anonymous members that hold themselves.
    let mut c = Case::new();
    let local = c.local.add_struct("s", 4, &[member("x", INT, 0)]);
    let own = c.target.next_id();
    c.target
        .add_struct("s", 4, &[member("", own, 0), member("", own, 0)]);
    let why = c.ask(local, "0:0", FieldByteOffset).unwrap_err();
    assert_eq!(why, "TooDeep: an access of more than 64 steps");
    // Pairs of anonymous structs, 40 deep: two to the 40 paths.
    let mut c = Case::new();
    let local = c.local.add_struct("s", 4, &[member("x", INT, 0)]);
    let mut at = c.target.add_struct("", 4, &[]);
    for _ in 0..40 {
        at = c
            .target
            .add_struct("", 4, &[member("", at, 0), member("", at, 0)]);
    }
    c.target.add_struct("s", 4, &[member("", at, 0)]);
    let why = c.ask(local, "0:0", FieldByteOffset).unwrap_err();
    assert_eq!(why, "TooLarge: comparing these types takes too long");
    // A struct that matches itself inside itself for ever.
    let mut c = Case::new();
    let mut local = TypeId::VOID;
    for b in [&mut c.local, &mut c.target] {
        local = b.next_id();
        b.add_struct("s", 4, &[member("a", local, 0), member("b", local, 0)]);
    }
    let why = c.ask(local, "0", TypeMatches).unwrap_err();
    assert_eq!(why, "TooDeep: types nested more than 32 deep");
}

#[test]
fn damaged_types_never_panic() {
    let mut c = Case::new();
    let mut relos = Vec::new();
    for b in [&mut c.local, &mut c.target] {
        let list = array(b, INT, 4);
        let inner = b.add_union("", 16, &[member("list", list, 0), member("one", ULONG, 0)]);
        let members = [
            member("", inner, 0),
            bits("bit", UINT, 128, 3),
            member("c", CHAR, 136),
        ];
        let outer = b.add_struct("s", 24, &members);
        let e = b.add_enum("e", 4, false, &values(&[("A", 1), ("B", 2)]));
        relos.clear();
        for (ty, access) in [(outer, "0:0:0:2"), (outer, "0:1"), (outer, "1:2"), (e, "1")] {
            for raw in 0..13 {
                relos.push(relo(b, ty, access, CoreKind::from_raw(raw).unwrap()));
                relos.push(relo(b, ty, "0", CoreKind::from_raw(raw).unwrap()));
            }
        }
    }
    let good = [&c.local, &c.target].map(|b| b.to_bytes(Endian::Little).unwrap());
    let mut rng = Random(0xc0de);
    let mut resolved = 0;
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for bytes in &mut bytes {
            rng.damage(bytes);
        }
        let [Ok(local), Ok(target)] = bytes.map(|bytes| Btf::from_bytes(&bytes)) else {
            continue;
        };
        for outcome in resolve_all(&local, &[&target], &relos)
            .into_iter()
            .flatten()
        {
            let mut insns = [insn(LDX_W, 8, 1), insn(0, 0, 0)];
            let _ = patch(&mut insns, 0, &outcome);
            resolved += 1;
        }
    }
    assert!(resolved > 100_000, "{resolved} resolved");
}
