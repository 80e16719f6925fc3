//! Split BTF on a distilled base, and on another base than it was made for.

use super::tests::{int, member};
use super::*;
use crate::ErrorKind;
use std::string::{String, ToString};
use std::vec::Vec;

/// A base with `spare` types before all others, and what a module takes from it.
struct Base {
    btf: Arc<Btf>,
    int: TypeId,
    inner: TypeId,
    to_outer: TypeId,
    named: TypeId,
    nameless: TypeId,
    mode: TypeId,
}

/// `struct inner` has `inner` bytes, `struct outer` 8 more.
fn base(spare: u32, inner: u32) -> Base {
    let mut b = BtfBuilder::new();
    for nth in 0..spare {
        b.add_fwd(&std::format!("spare{nth}"), false);
    }
    let int_ = int(&mut b, "int", 4, true);
    let inner_ = b.add_struct("inner", inner, &[member("x", int_, 0)]);
    let members = [member("i", inner_, 0), member("n", int_, inner * 8)];
    let outer = b.add_struct("outer", inner + 8, &members);
    let to_outer = b.add_ptr(outer);
    let named = b.add_typedef("outer_ptr", to_outer);
    let nameless = b.add_union("", 8, &[member("a", int_, 0), member("b", to_outer, 0)]);
    let value = |name, value| Enumerator { name, value };
    let mode = b.add_enum("mode", 4, false, &[value("ON", 1), value("OFF", 0)]);
    Base {
        btf: Arc::new(b.to_btf(Endian::Big).unwrap()),
        int: int_,
        inner: inner_,
        to_outer,
        named,
        nameless,
        mode,
    }
}

fn module(base: &Base, embeds: bool) -> Btf {
    let mut b = BtfBuilder::split(base.btf.clone());
    let member_of = if embeds { base.inner } else { base.int };
    let row = b.add_array(Array {
        element: member_of,
        index: base.int,
        len: 2,
    });
    b.add_struct(
        "module_state",
        64,
        &[
            member("row", row, 0),
            member("outer", base.named, 128),
            member("", base.nameless, 192),
            member("mode", base.mode, 256),
            member("back", base.to_outer, 320),
        ],
    );
    b.to_btf(Endian::Big).unwrap()
}

/// What a type is, pointers and typedefs followed.
fn described(btf: &Btf, id: TypeId) -> String {
    let ty = btf.ty(id).unwrap();
    let name = ty.name().unwrap();
    match ty.kind() {
        Kind::Ptr => std::format!("*{}", described(btf, ty.target().unwrap())),
        Kind::Typedef => std::format!("{name}={}", described(btf, ty.target().unwrap())),
        Kind::Array => std::format!("[{}]", described(btf, ty.array().unwrap().element)),
        Kind::Union if name.is_empty() => {
            let members = ty.members().map(|m| described(btf, m.unwrap().ty));
            std::format!("{{{}}}", members.collect::<Vec<_>>().join(" "))
        }
        kind => std::format!("{kind:?} {name}"),
    }
}

fn members(btf: &Btf) -> Vec<String> {
    let id = btf.find("module_state", Some(Kind::Struct)).unwrap();
    let members = btf.ty(id).unwrap().members().map(|m| m.unwrap());
    members
        .map(|m| std::format!("{} {}", m.name, described(btf, m.ty)))
        .collect()
}

#[test]
fn a_distilled_base_has_names_and_sizes_only() {
    let btf = module(&base(3, 8), true).distill_base().unwrap();
    let outlines = btf.base().unwrap().iter().map(|ty| {
        assert_eq!((ty.vlen(), ty.members().len()), (0, 0));
        std::format!("{:?} {} {:?}", ty.kind(), ty.name().unwrap(), ty.size())
    });
    assert_eq!(
        outlines.collect::<Vec<_>>(),
        [
            "Int int Some(4)",
            "Struct inner Some(8)",
            "Struct outer Some(16)",
            "Enum mode Some(4)"
        ]
    );
    assert_eq!(members(&btf), members(&module(&base(0, 8), true)));
    // The pointer, the typedef and the union came along, once each.
    assert_eq!(btf.iter().count(), 5);
}

#[test]
fn types_are_found_again_wherever_they_are() {
    let was = base(0, 8);
    let expected = members(&module(&was, true));
    let distilled = module(&was, true).distill_base().unwrap();
    let now = base(40, 8);
    let btf = distilled.relocate(now.btf.clone()).unwrap();
    assert_eq!(members(&btf), expected);
    assert!(Arc::ptr_eq(btf.base().unwrap(), &now.btf));
    let (id, ty) = (
        btf.find("module_state", None).unwrap(),
        btf.iter().last().unwrap(),
    );
    assert_eq!((id, ty.name().unwrap()), (ty.id(), "module_state"));
    // What a pointer leads to may have grown.
    let distilled = module(&was, false).distill_base().unwrap();
    let grown = distilled.relocate(base(1, 24).btf).unwrap();
    assert_eq!(members(&grown), members(&module(&was, false)));
}

#[test]
fn types_that_are_gone_or_not_what_they_were_are_told() {
    let distilled = module(&base(0, 8), true).distill_base().unwrap();
    let failed = |btf: Arc<Btf>| {
        let error = distilled.relocate(btf).unwrap_err();
        (error.kind(), error.what().to_string())
    };
    let (kind, what) = failed(base(0, 16).btf);
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(
        what.starts_with("Struct `inner` is part of a type"),
        "{what}"
    );
    let empty = BtfBuilder::new().to_btf(Endian::Big).unwrap();
    let (kind, what) = failed(Arc::new(empty));
    assert_eq!(
        (kind, what.as_str()),
        (ErrorKind::NotFound, "the base has no Int `int`")
    );
    let mut twice = BtfBuilder::from_btf(&base(0, 8).btf).unwrap();
    twice.add_struct("inner", 8, &[]);
    let twice = twice.to_btf(Endian::Big).unwrap();
    let (kind, what) = failed(Arc::new(twice));
    assert_eq!(kind, ErrorKind::Ambiguous, "{what}");
    for lonely in [
        base(0, 8).btf.distill_base(),
        base(0, 8).btf.relocate(base(0, 8).btf),
    ] {
        assert_eq!(lonely.unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
