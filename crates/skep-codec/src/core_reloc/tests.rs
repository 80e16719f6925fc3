//! Two kernels built by hand, and what a program compiled for one finds on the other.

use super::*;
use crate::btf::tests::{Random, bits, built, int, member};
use crate::btf::{Array, Btf, BtfBuilder, CoreKind, CoreRelo, Enumerator, Param, TypeId};
use crate::bytes::Endian;
use crate::insn::Insn;
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
    }
}

#[test]
fn questions_about_types_have_an_answer_on_every_kernel() {
    let mut c = Case::new();
    let local = c.local.add_struct("s", 8, &[member("a", INT, 0)]);
    let gone = c.local.add_typedef("gone_t", INT);
    let handler = Param { name: "x", ty: INT };
    let proto = c.local.add_func_proto(INT, &[handler, handler]);
    let handler_t = c.local.add_typedef("handler_t", proto);
    c.target.add_float("float", 4);
    let theirs = c
        .target
        .add_struct("s", 16, &[member("b", INT, 0), member("a", INT, 32)]);
    let proto = c.target.add_func_proto(INT, &[handler]);
    c.target.add_typedef("handler_t", proto);
    assert_eq!(c.ask(local, "0", TypeExists), Ok((1, 1)));
    assert_eq!(c.ask(local, "0", TypeSize), Ok((8, 16)));
    assert_eq!(c.ask(local, "0", TypeMatches), Ok((1, 1)));
    assert_eq!(
        c.ask(local, "0", TypeIdLocal),
        Ok((local.0.into(), local.0.into()))
    );
    assert_eq!(
        c.ask(local, "0", TypeIdTarget),
        Ok((local.0.into(), theirs.0.into()))
    );
    assert_eq!(c.ask(gone, "0", TypeExists), Ok((1, 0)));
    assert_eq!(c.ask(gone, "0", TypeSize), Ok((4, 0)));
    assert_eq!(c.ask(gone, "0", TypeMatches), Ok((1, 0)));
    assert_eq!(c.ask(gone, "0", TypeIdTarget), Ok((gone.0.into(), 0)));
    // One parameter less.
    assert_eq!(c.ask(handler_t, "0", TypeExists), Ok((1, 0)));
    let why = "Malformed: access string '0:1' for a whole type";
    assert_eq!(c.ask(local, "0:1", TypeExists), Err(why.into()));
}

#[test]
fn a_match_wants_all_members_and_a_pointer_only_the_name() {
    let ask = |build: fn(&mut BtfBuilder) -> TypeId, theirs: fn(&mut BtfBuilder) -> TypeId| {
        let mut c = Case::new();
        let local = build(&mut c.local);
        theirs(&mut c.target);
        c.ask(local, "0", TypeMatches).map(|(_, target)| target)
    };
    let pointer: fn(&mut BtfBuilder) -> TypeId = |b| {
        let other = b.add_struct("other", 4, &[member("x", INT, 0)]);
        let ptr = b.add_ptr(other);
        b.add_struct("s", 8, &[member("p", ptr, 0)])
    };
    let forward: fn(&mut BtfBuilder) -> TypeId = |b| {
        let other = b.add_fwd("other", false);
        let ptr = b.add_ptr(other);
        b.add_struct("s", 8, &[member("p", ptr, 0)])
    };
    let union_forward: fn(&mut BtfBuilder) -> TypeId = |b| {
        let other = b.add_fwd("other", true);
        let ptr = b.add_ptr(other);
        b.add_struct("s", 8, &[member("p", ptr, 0)])
    };
    let signed: fn(&mut BtfBuilder) -> TypeId = |b| b.add_struct("s", 4, &[member("p", INT, 0)]);
    let unsigned: fn(&mut BtfBuilder) -> TypeId = |b| b.add_struct("s", 4, &[member("p", UINT, 0)]);
    assert_eq!(ask(pointer, forward), Ok(1));
    assert_eq!(ask(forward, pointer), Ok(1));
    assert_eq!(ask(pointer, union_forward), Ok(0));
    assert_eq!(ask(union_forward, pointer), Ok(0));
    assert_eq!(ask(signed, unsigned), Ok(0));
    assert_eq!(ask(pointer, signed), Ok(0));
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

#[test]
fn functions_and_variables_are_compared_by_shape() {
    let mut c = Case::new();
    let proto = |b: &mut BtfBuilder, ret: TypeId, name: &str, arg: TypeId| {
        let pointer = b.add_struct(name, 4, &[]);
        let pointer = b.add_ptr(pointer);
        let params = [pointer, arg].map(|ty| Param { name: "p", ty });
        b.add_func_proto(ret, &params)
    };
    let local = proto(&mut c.local, INT, "mine", INT);
    let same = proto(&mut c.target, UINT, "theirs", CHAR);
    let other = proto(&mut c.target, TypeId::VOID, "theirs", INT);
    let (mine, theirs) = c.built();
    let compatible = |id| is_compatible((&mine, local), (&theirs, id));
    // Structs by their kind, integers by being integers.
    assert_eq!(compatible(same), Ok(true));
    assert_eq!(compatible(other), Ok(false));
    assert_eq!(compatible(INT), Ok(false));
    assert_eq!(type_text(&mine, local), "int (struct mine *, int)");
    assert_eq!(type_text(&theirs, other), "void (struct theirs *, int)");
    assert_eq!(type_text(&theirs, TypeId(99)), "type 99");
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

fn value(local: u64, target: u64) -> Resolution {
    Resolution::Value(Value {
        local,
        target,
        check_local: true,
        target_index: Some(0),
        access: None,
    })
}

fn insn(code: u8, off: i16, imm: i32) -> Insn {
    Insn {
        code,
        dst: 1,
        src: 0,
        off,
        imm,
    }
}

fn patched(insns: &[Insn], resolution: &Resolution) -> core::result::Result<Vec<Insn>, String> {
    let mut insns = insns.to_vec();
    let before = insns.clone();
    match patch(&mut insns, 0, resolution) {
        Ok(_) => Ok(insns),
        Err(e) => {
            assert_eq!(insns, before, "changed in spite of the error");
            Err(e.what().to_string())
        }
    }
}

const ADD_IMM: u8 = 0x07;
const ADD_REG: u8 = 0x0f;
const LDX_W: u8 = 0x61;
const LDX_DW: u8 = 0x79;
const STX_B: u8 = 0x73;

#[test]
fn values_go_where_the_instruction_has_room() {
    let ok = |before: &[Insn], resolution: Resolution, after: &[Insn]| {
        assert_eq!(patched(before, &resolution).as_deref(), Ok(after));
    };
    ok(
        &[insn(ADD_IMM, 0, 8)],
        value(8, 24),
        &[insn(ADD_IMM, 0, 24)],
    );
    let minus = -1_i64 as u64;
    ok(
        &[insn(ADD_IMM, 0, -1)],
        value(minus, minus),
        &[insn(ADD_IMM, 0, -1)],
    );
    ok(
        &[insn(ADD_IMM, 0, 1)],
        value(1, 0xffff_ffff),
        &[insn(ADD_IMM, 0, -1)],
    );
    ok(
        &[insn(LDX_W, 8, 0)],
        value(8, 32767),
        &[insn(LDX_W, 32767, 0)],
    );
    ok(&[insn(STX_B, 8, 0)], value(8, 0), &[insn(STX_B, 0, 0)]);
    let second = Insn::default();
    let wide = [insn(Insn::LD_IMM64, 0, -1), Insn { imm: 1, ..second }];
    let after = [insn(Insn::LD_IMM64, 0, 3), Insn { imm: -2, ..second }];
    ok(&wide, value(0x1_ffff_ffff, 0xffff_fffe_0000_0003), &after);

    let bad = |insns: &[Insn], resolution: Resolution, why: &str| {
        assert_eq!(patched(insns, &resolution), Err(why.into()));
    };
    bad(
        &[insn(ADD_IMM, 0, 9)],
        value(8, 24),
        "the instruction holds 0x9, 0x8 was expected",
    );
    bad(
        &[insn(ADD_IMM, 0, 8)],
        value(8, 1 << 32),
        "0x100000000 does not fit a 32-bit immediate",
    );
    bad(
        &[insn(ADD_REG, 0, 8)],
        value(8, 24),
        "instruction 0x0f has no immediate",
    );
    bad(
        &[insn(LDX_W, 8, 0)],
        value(8, 32768),
        "offset 32768 does not fit 16 bits",
    );
    bad(
        &[insn(Insn::EXIT, 0, 0)],
        value(0, 0),
        "instruction 0x95 takes no relocation",
    );
    bad(&wide[..1], value(1, 1), "wide load without its second half");
    bad(&[], value(1, 1), "no instruction 0");
}

#[test]
fn loads_change_width_only_where_no_bits_are_lost() {
    let ask = |mine: TypeId, theirs: TypeId, code: u8| {
        let mut c = Case::new();
        let local = c.local.add_struct("s", 8, &[member("f", mine, 0)]);
        let offset = relo(&mut c.local, local, "0:0", FieldByteOffset);
        c.target.add_struct("s", 16, &[member("f", theirs, 64)]);
        let (local, target) = c.built();
        let resolution = resolve_all(&local, &[&target], &[offset])
            .remove(0)
            .unwrap();
        let mut insns = [insn(code, 0, 0)];
        patch(&mut insns, 0, &resolution).map(|applied| (applied, insns[0]))
    };
    assert_eq!(
        ask(ULONG, UINT, LDX_DW).unwrap(),
        (Applied::Patched, insn(LDX_W, 8, 0))
    );
    assert_eq!(
        ask(UINT, ULONG, LDX_W).unwrap(),
        (Applied::Patched, insn(LDX_DW, 8, 0))
    );
    let error = ask(UINT, ULONG, LDX_DW).unwrap_err();
    assert_eq!(
        error.what(),
        "the instruction does not access the 4 bytes of its field"
    );
    let (applied, poisoned) = ask(ULONG, INT, LDX_DW).unwrap();
    let Applied::Poisoned(why) = applied else {
        panic!("a signed field was read at another width");
    };
    assert_eq!(
        why.to_string(),
        "struct s.f: 4 bytes in the kernel (int), 8 in the program (unsigned long): \
         only pointers and unsigned integers can be read at another width"
    );
    let call = Insn {
        code: Insn::CALL,
        imm: 0x0bad_2310,
        ..Insn::default()
    };
    assert_eq!(poisoned, call);
    // As an immediate the offset is as good as any.
    assert_eq!(
        ask(ULONG, INT, ADD_IMM).unwrap(),
        (Applied::Patched, insn(ADD_IMM, 0, 8))
    );
}

#[test]
fn a_failed_wide_load_is_poisoned_in_both_halves() {
    let failed = Resolution::Failed(Failure::new("enum e::A".into(), "gone".into()));
    let wide = [
        insn(Insn::LD_IMM64, 0, 5),
        Insn::default(),
        insn(ADD_IMM, 0, 1),
    ];
    let after = patched(&wide, &failed).unwrap();
    let imms: Vec<i32> = after.iter().map(|insn| insn.imm).collect();
    assert_eq!(imms, [POISON_IMM, POISON_IMM, 1]);
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
