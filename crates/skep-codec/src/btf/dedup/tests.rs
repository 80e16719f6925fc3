//! Types said twice.

use crate::ErrorKind;
use crate::btf::tests::{built, int, member};
use crate::btf::{Array, Btf, BtfBuilder, Enumerator, Kind, Param, SecVar, TypeId};
use crate::bytes::Endian;
use alloc::sync::Arc;
use std::vec::Vec;

const BOTH: [Endian; 2] = [Endian::Little, Endian::Big];

/// Number of types after deduplication.
fn kept(b: &mut BtfBuilder) -> usize {
    b.dedup().unwrap();
    let btf = built(b, Endian::Little);
    btf.iter().count()
}

fn enumerator(name: &str, value: i64) -> Enumerator<'_> {
    Enumerator { name, value }
}

/// `struct node { struct node *next; struct list *owner; NAME value; }` and
/// `struct list { struct node *first; }`, as one compilation says it.
fn lists(b: &mut BtfBuilder, value: &str, bytes: u32) -> TypeId {
    let value = int(b, value, bytes, true);
    let at = |after: u32| TypeId(value.0 + after);
    let node = b.add_struct(
        "node",
        16 + bytes,
        &[
            member("next", at(2), 0),
            member("owner", at(4), 64),
            member("value", value, 128),
        ],
    );
    b.add_ptr(node);
    let list = b.add_struct("list", 8, &[member("first", at(2), 0)]);
    b.add_ptr(list);
    b.add_array(Array {
        element: node,
        index: value,
        len: 3,
    });
    list
}

fn one(fill: fn(&mut BtfBuilder)) -> Btf {
    let mut b = BtfBuilder::new();
    fill(&mut b);
    built(&b, Endian::Little)
}

#[test]
fn what_several_compilations_said_is_said_once() {
    for endian in BOTH {
        let mut b = BtfBuilder::new();
        lists(&mut b, "int", 4);
        let none = b.dedup().unwrap();
        assert_eq!(none.get(TypeId(6)), TypeId(6));
        let single = b.to_btf(endian).unwrap();
        let mut many = BtfBuilder::new();
        let maps: Vec<_> = (0..3).map(|_| many.append(&single).unwrap()).collect();
        assert_eq!(many.to_btf(endian).unwrap().iter().count(), 18);
        let after = many.dedup().unwrap();
        assert_eq!(many.to_bytes(endian).unwrap(), single.as_bytes());
        for (map, ty) in maps
            .iter()
            .flat_map(|map| single.iter().map(move |ty| (map, ty)))
        {
            assert_eq!(after.get(map.get(ty.id())), ty.id());
        }
    }
}

#[test]
fn what_hangs_on_a_struct_tells_it_apart() {
    let mut b = BtfBuilder::new();
    lists(&mut b, "int", 4);
    lists(&mut b, "float4", 4);
    // Twelve types, of which no two are equal: each list has nodes of its own.
    assert_eq!(kept(&mut b), 12);
}

#[test]
fn structs_without_a_name_are_told_apart_by_their_members_types() {
    let mut b = BtfBuilder::new();
    let short = int(&mut b, "short", 2, true);
    let ushort = int(&mut b, "ushort", 2, false);
    for ty in [short, ushort, short, ushort] {
        b.add_struct("", 2, &[member("x", ty, 0)]);
    }
    assert_eq!(kept(&mut b), 4);
}

#[test]
fn declarations_find_their_definitions_in_equal_graphs() {
    // struct user { struct thing *p; }, with struct thing known in one compilation only; another
    // struct thing elsewhere makes the name alone ambiguous.
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let thing = b.add_struct("thing", 4, &[member("x", int_, 0)]);
    let to_thing = b.add_ptr(thing);
    b.add_struct("user", 8, &[member("p", to_thing, 0)]);
    let fwd = b.add_fwd("thing", false);
    let to_fwd = b.add_ptr(fwd);
    let user = b.add_struct("user", 8, &[member("p", to_fwd, 0)]);
    b.add_struct("thing", 4, &[member("y", int_, 0)]);
    let map = b.dedup().unwrap();
    assert_eq!(map.get(fwd), map.get(thing));
    assert_eq!(map.get(user), TypeId(4));
    assert_eq!(built(&b, Endian::Little).iter().count(), 5);
}

#[test]
fn declarations_are_of_the_only_type_with_their_name() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let only = b.add_struct("only", 4, &[member("x", int_, 0)]);
    let (one, union_of_it) = (b.add_fwd("only", false), b.add_fwd("only", true));
    for name in ["x", "y"] {
        b.add_struct("two", 4, &[member(name, int_, 0)]);
    }
    let two = b.add_fwd("two", false);
    let map = b.dedup().unwrap();
    assert_eq!(map.get(one), only);
    let btf = built(&b, Endian::Little);
    for fwd in [union_of_it, two] {
        assert_eq!(btf.ty(map.get(fwd)).unwrap().kind(), Kind::Fwd);
    }
}

#[test]
fn a_declaration_is_of_one_type_in_one_comparison() {
    // One compilation has two different structs behind pointers where another has the same
    // declaration twice: that cannot be both.
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let pointer = |b: &mut BtfBuilder, name| {
        let thing = b.add_struct("thing", 4, &[member(name, int_, 0)]);
        b.add_ptr(thing)
    };
    let (p, q) = (pointer(&mut b, "x"), pointer(&mut b, "y"));
    let pair = |b: &mut BtfBuilder, p, q| {
        b.add_struct("pair", 16, &[member("p", p, 0), member("q", q, 64)])
    };
    let defined = pair(&mut b, p, q);
    let fwd = b.add_fwd("thing", false);
    let r = b.add_ptr(fwd);
    let declared = pair(&mut b, r, r);
    let map = b.dedup().unwrap();
    assert_ne!(map.get(defined), map.get(declared));
    let btf = built(&b, Endian::Little);
    assert_eq!(btf.ty(map.get(fwd)).unwrap().kind(), Kind::Fwd);
}

#[test]
fn enums_declared_and_defined_are_one() {
    let mut b = BtfBuilder::new();
    let before = b.add_enum("mode", 4, false, &[]);
    let full = b.add_enum64("mode", 8, false, &[enumerator("A", 1 << 40)]);
    let after = b.add_enum("mode", 4, false, &[]);
    let other = b.add_enum("mode", 4, false, &[enumerator("B", 1)]);
    let ptr = b.add_ptr(before);
    let lone = b.add_enum("", 4, false, &[]);
    let map = b.dedup().unwrap();
    assert_eq!(map.get(before), map.get(full));
    assert_eq!(map.get(after), map.get(full));
    assert_ne!(map.get(other), map.get(full));
    assert_ne!(map.get(lone), map.get(full));
    let btf = built(&b, Endian::Little);
    assert_eq!(btf.ty(map.get(ptr)).unwrap().target(), Some(map.get(full)));
    assert_eq!(btf.iter().count(), 4);
}

#[test]
fn functions_tags_and_variables() {
    let fill = |b: &mut BtfBuilder| {
        let int_ = int(b, "int", 4, true);
        let param = Param {
            name: "x",
            ty: int_,
        };
        let proto = b.add_func_proto(int_, &[param]);
        let func = b.add_func("twice", proto, 1);
        b.add_decl_tag("kfunc", func, -1);
        b.add_decl_tag("kfunc", func, 0);
        let var = b.add_var("hits", int_, 1);
        let size = 4;
        b.add_datasec(
            ".bss",
            4,
            &[SecVar {
                ty: var,
                offset: 0,
                size,
            }],
        );
    };
    let single = one(fill);
    let mut b = BtfBuilder::new();
    b.append(&single).unwrap();
    let second = b.append(&single).unwrap();
    let map = b.dedup().unwrap();
    // Variables and sections are each object's own; all else is there once.
    let btf = built(&b, Endian::Little);
    assert_eq!(btf.iter().count(), 9);
    let section = map.get(second.get(TypeId(7)));
    let var = btf
        .ty(section)
        .unwrap()
        .variables()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(btf.ty(var.ty).unwrap().target(), Some(TypeId(1)));
    assert_eq!(map.get(second.get(TypeId(3))), TypeId(3));
}

#[test]
fn types_of_the_base_are_used_and_never_changed() {
    let mut b = BtfBuilder::new();
    lists(&mut b, "int", 4);
    b.add_fwd("late", false);
    let base = Arc::new(built(&b, Endian::Little));
    let bytes = base.as_bytes().to_vec();
    let mut split = BtfBuilder::split(base.clone());
    assert_eq!(split.next_id(), TypeId(8));
    let list = lists(&mut split, "int", 4);
    let own = split.add_struct("mine", 8, &[member("list", TypeId(list.0 + 1), 0)]);
    let late = split.add_struct("late", 0, &[]);
    let map = split.dedup().unwrap();
    let btf = split.to_btf(Endian::Little).unwrap();
    assert_eq!(btf.iter().count(), 2);
    assert_eq!(map.get(list), TypeId(4));
    let member = btf.ty(map.get(own)).unwrap().members().next().unwrap();
    assert_eq!(member.unwrap().ty, TypeId(5));
    assert_eq!(btf.ty(map.get(late)).unwrap().kind(), Kind::Struct);
    assert_eq!(btf.base().unwrap().as_bytes(), bytes);
    // Strings of the base are not said again: `mine` and `late` are all.
    assert_eq!(btf.own_strings(), b"mine\0");
}

/// A struct of the base that points at what only the base does not know is not the split one's.
#[test]
fn a_base_is_not_completed_by_what_is_split_from_it() {
    let user = |b: &mut BtfBuilder, thing| {
        let pointer = b.add_ptr(thing);
        b.add_struct("user", 8, &[member("p", pointer, 0)])
    };
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let fwd = b.add_fwd("thing", false);
    user(&mut b, fwd);
    let base = Arc::new(built(&b, Endian::Little));
    let mut split = BtfBuilder::split(base);
    let thing = split.add_struct("thing", 4, &[member("x", int_, 0)]);
    let own = user(&mut split, thing);
    let map = split.dedup().unwrap();
    let btf = split.to_btf(Endian::Little).unwrap();
    assert_eq!(btf.iter().count(), 3);
    let pointer = btf.ty(map.get(own)).unwrap().members().next().unwrap();
    let pointer = btf.ty(pointer.unwrap().ty).unwrap();
    assert_eq!(pointer.target(), Some(map.get(thing)));
}

#[test]
fn a_struct_is_not_what_declares_a_union() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let union = b.add_union("thing", 4, &[member("x", int_, 0)]);
    let pointer = b.add_ptr(union);
    let one = b.add_struct("user", 8, &[member("p", pointer, 0)]);
    let fwd = b.add_fwd("thing", false);
    let pointer = b.add_ptr(fwd);
    let other = b.add_struct("user", 8, &[member("p", pointer, 0)]);
    let map = b.dedup().unwrap();
    assert_ne!(map.get(one), map.get(other));
    assert_ne!(map.get(fwd), map.get(union));
    assert_eq!(built(&b, Endian::Little).iter().count(), 7);
}

/// Compilers say an array again for each member that is one, in one and the same compilation.
#[test]
fn arrays_that_a_compiler_repeats_do_not_tell_structs_apart() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let array = |b: &mut BtfBuilder| {
        b.add_array(Array {
            element: int_,
            index: int_,
            len: 3,
        })
    };
    let pair = |b: &mut BtfBuilder, one, other| {
        b.add_struct("pair", 24, &[member("a", one, 0), member("b", other, 96)])
    };
    let once = array(&mut b);
    let first = pair(&mut b, once, once);
    let (one, other) = (array(&mut b), array(&mut b));
    let second = pair(&mut b, one, other);
    let map = b.dedup().unwrap();
    assert_eq!(map.get(first), map.get(second));
    assert_eq!(built(&b, Endian::Little).iter().count(), 3);
}

#[test]
fn strings_that_nobody_needs_go() {
    let mut b = BtfBuilder::new();
    b.add_string("unused");
    int(&mut b, "int", 4, true);
    b.dedup().unwrap();
    assert_eq!(built(&b, Endian::Little).own_strings(), b"\0int\0");
}

#[test]
fn what_cannot_be_renumbered_is_refused() {
    let refused = |fill: &dyn Fn(&mut BtfBuilder)| {
        let mut b = BtfBuilder::new();
        fill(&mut b);
        b.dedup().unwrap_err().kind()
    };
    let circle = |b: &mut BtfBuilder| {
        let next = TypeId(b.next_id().0 + 1);
        b.add_ptr(next);
        let proto = b.add_func_proto(TypeId(1), &[]);
        assert_eq!(proto, next);
    };
    assert_eq!(refused(&circle), ErrorKind::TooDeep);
    let dangling = |b: &mut BtfBuilder| {
        b.add_ptr(TypeId(2));
    };
    assert_eq!(refused(&dangling), ErrorKind::NotFound);
    let string = |b: &mut BtfBuilder| {
        let id = b.add_ptr(TypeId::VOID);
        b.set_head(id, [99, (Kind::Ptr.raw() as u32) << 24, 0]);
    };
    assert_eq!(refused(&string), ErrorKind::Truncated);
}

#[test]
fn long_chains_need_no_stack_and_like_types_no_age() {
    let mut b = BtfBuilder::new();
    let mut ty = int(&mut b, "int", 4, true);
    for _ in 0..200_000 {
        ty = b.add_ptr(ty);
    }
    b.add_struct("deep", 8, &[member("p", ty, 0)]);
    b.add_struct("deep", 8, &[member("p", TypeId(ty.0 - 1), 0)]);
    assert_eq!(kept(&mut b), 200_003);
    // Each pair of these has to be looked at: more than is sensible.
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    for len in 0..60_000 {
        let element = b.add_array(Array {
            element: int_,
            index: int_,
            len,
        });
        b.add_struct("alike", 8, &[member("p", element, 0)]);
    }
    assert_eq!(b.dedup().unwrap_err().kind(), ErrorKind::TooLarge);
}
