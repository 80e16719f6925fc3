//! What the kernel is given in place of what the compiler wrote.

use super::tests::{built, int, member};
use super::*;
use crate::map::Map;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

struct Object {
    btf: Btf,
    proto: TypeId,
    visible: TypeId,
    hidden: TypeId,
    kfunc: TypeId,
    ksym: TypeId,
    data: TypeId,
    ksyms: TypeId,
    big: TypeId,
    float: TypeId,
    tag: TypeId,
    type_tag: TypeId,
    qmark: TypeId,
    empty: TypeId,
}

fn object() -> Object {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let param = Param { name: "", ty: int_ };
    let proto = b.add_func_proto(int_, &[param]);
    let visible = b.add_func("visible", proto, 1);
    let hidden = b.add_func("hidden", proto, 1);
    let kfunc = b.add_func("bpf_kfunc", proto, 2);
    let void_ptr = b.add_ptr(TypeId::VOID);
    let ksym = b.add_var("ksym", void_ptr, 2);
    let (a, z, s) = (
        b.add_var("a", int_, 1),
        b.add_var("z", int_, 1),
        b.add_var("s", int_, 0),
    );
    let var = |ty, offset, size| SecVar { ty, offset, size };
    let data = b.add_datasec(".data", 0, &[var(a, 0, 4), var(z, 0, 4), var(s, 4, 4)]);
    let ksyms = b.add_datasec(".ksyms", 0, &[var(kfunc, 0, 0), var(ksym, 0, 1)]);
    let huge = Enumerator {
        name: "HUGE",
        value: 1 << 40,
    };
    let big = b.add_enum64("big", 8, false, &[huge]);
    let float = b.add_float("double", 8);
    let tag = b.add_decl_tag("tag", visible, -1);
    let type_tag = b.add_type_tag("user", int_);
    b.add_struct("s", 8, &[member("f", float, 0)]);
    let x = b.add_var("x", int_, 1);
    let qmark = b.add_datasec("?.struct_ops/a", 0, &[var(x, 0, 4)]);
    let empty = b.add_datasec(".rodata", 0, &[]);
    Object {
        btf: built(&b, Endian::Little),
        proto,
        visible,
        hidden,
        kfunc,
        ksym,
        data,
        ksyms,
        big,
        float,
        tag,
        type_tag,
        qmark,
        empty,
    }
}

fn uploaded(object: &Object, features: &BtfFeatures) -> Btf {
    let layout = SectionLayout {
        name: ".data".into(),
        size: 12,
        variables: Map::from_iter([("a".into(), 8), ("z".into(), 0), ("s".into(), 99)]),
        hidden: Map::from_iter([("z".into(), ())]),
    };
    let empty = SectionLayout {
        name: ".rodata".into(),
        size: 64,
        ..SectionLayout::default()
    };
    let layouts = [layout, empty];
    let bytes = for_upload(&object.btf, &layouts, &["hidden"], features).unwrap();
    assert_eq!(bytes[4], 24);
    Btf::from_bytes(&bytes).unwrap()
}

fn variables(btf: &Btf, id: TypeId) -> Vec<(&str, u32, u32)> {
    let ty = btf.ty(id).unwrap();
    ty.variables()
        .map(|var| {
            let var = var.unwrap();
            (
                btf.ty(var.ty).unwrap().name().unwrap(),
                var.offset,
                var.size,
            )
        })
        .collect()
}

#[test]
fn sections_get_size_and_offsets_from_the_file() {
    let object = object();
    let btf = uploaded(&object, &BtfFeatures::ALL);
    assert_eq!(btf.ty(object.data).unwrap().size(), Some(12));
    // In order of offset; a static variable keeps the compiler's.
    let expected = [("z", 0, 4), ("s", 4, 4), ("a", 8, 4)];
    assert_eq!(variables(&btf, object.data), expected);
    let linkage = |name| {
        btf.ty(btf.find(name, None).unwrap())
            .unwrap()
            .linkage()
            .unwrap()
    };
    assert_eq!((linkage("a"), linkage("z"), linkage("s")), (1, 0, 0));
    assert_eq!(btf.ty(object.qmark).unwrap().size(), Some(4));
    assert_eq!(btf.ty(object.empty).unwrap().size(), Some(64));
}

#[test]
fn what_another_object_defines_lies_behind_the_section() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let (own, other, third) = (
        b.add_var("own", int_, 1),
        b.add_var("other", int_, 2),
        b.add_var("third", int_, 2),
    );
    let var = |ty| SecVar {
        ty,
        offset: 0,
        size: 4,
    };
    let maps = b.add_datasec(".maps", 0, &[var(other), var(own), var(third)]);
    let layout = SectionLayout {
        name: ".maps".into(),
        size: 4,
        variables: Map::from_iter([("own".into(), 0)]),
        ..SectionLayout::default()
    };
    let btf = built(&b, Endian::Little);
    let bytes = for_upload(&btf, &[layout], &[], &BtfFeatures::ALL).unwrap();
    let btf = Btf::from_bytes(&bytes).unwrap();
    let expected = [("own", 0, 4), ("other", 8, 4), ("third", 16, 4)];
    assert_eq!(variables(&btf, maps), expected);
    assert_eq!(btf.ty(maps).unwrap().size(), Some(20));
}

#[test]
fn functions_and_kernel_symbols_become_what_the_kernel_accepts() {
    let object = object();
    let btf = uploaded(&object, &BtfFeatures::ALL);
    let linkage = |id| btf.ty(id).unwrap().linkage().unwrap();
    assert_eq!(linkage(object.visible), 1);
    assert_eq!(linkage(object.hidden), 0);
    assert_eq!(linkage(object.kfunc), 1);
    assert_eq!(linkage(object.ksym), 1);
    assert_eq!(btf.ty(object.ksym).unwrap().target(), Some(TypeId(1)));
    let expected = [("dummy_ksym", 0, 4), ("ksym", 4, 4)];
    assert_eq!(variables(&btf, object.ksyms), expected);
    let section = btf.ty(object.ksyms).unwrap();
    assert_eq!(section.size(), Some(8));
    // The dummy comes after all others: no id has moved.
    let dummy = btf.find("dummy_ksym", Some(Kind::Var)).unwrap();
    assert_eq!(dummy.0, object.btf.id_end());
    let param = btf
        .ty(object.proto)
        .unwrap()
        .params()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(param.name, "dummy_ksym");
}

#[test]
fn a_parameter_without_a_name_gets_one() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let param = |name, ty| Param { name, ty };
    let params = [param("a", int_), param("", int_), param("", TypeId::VOID)];
    let proto = b.add_func_proto(int_, &params);
    let pointee = b.add_func_proto(int_, &params);
    b.add_func("f", proto, 0);
    let bytes = for_upload(&built(&b, Endian::Little), &[], &[], &BtfFeatures::ALL).unwrap();
    let btf = Btf::from_bytes(&bytes).unwrap();
    let names = |id| -> Vec<&str> {
        let params = btf.ty(id).unwrap().params();
        params.map(|param| param.unwrap().name).collect()
    };
    // What is variable has no name and no type; a pointer's target is not looked at.
    assert_eq!(names(proto), ["a", "dummy_ksym", ""]);
    assert_eq!(names(pointee), ["a", "", ""]);
}

/// An enumerator wants a name, which what is variable in a function has not.
#[test]
fn a_variable_function_is_an_enum_of_names_on_old_kernels() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let params = [("a", int_), ("", TypeId::VOID)].map(|(name, ty)| Param { name, ty });
    let proto = b.add_func_proto(int_, &params);
    b.add_func("f", proto, 0);
    let old = BtfFeatures::default();
    let bytes = for_upload(&built(&b, Endian::Little), &[], &[], &old).unwrap();
    let btf = Btf::from_bytes(&bytes).unwrap();
    let all = btf.ty(proto).unwrap().enumerators();
    let names: Vec<&str> = all.map(|one| one.unwrap().name).collect();
    assert_eq!(names, ["a", "anonymous"]);
}

/// What stands in for kernel symbols has four bytes, whatever the object calls `int`.
#[test]
fn an_int_of_another_size_stands_for_no_symbol() {
    let mut b = BtfBuilder::new();
    let wide = int(&mut b, "int", 8, true);
    let symbol = b.add_var("symbol", wide, 2);
    let var = SecVar {
        ty: symbol,
        offset: 0,
        size: 8,
    };
    let ksyms = b.add_datasec(".ksyms", 8, &[var]);
    let all = BtfFeatures::ALL;
    let bytes = for_upload(&built(&b, Endian::Little), &[], &[], &all).unwrap();
    let btf = Btf::from_bytes(&bytes).unwrap();
    let stand_in = btf.ty(symbol).unwrap().target().unwrap();
    assert_eq!(btf.size_of(stand_in).unwrap(), 4);
    assert_eq!(variables(&btf, ksyms), [("symbol", 0, 4)]);
}

#[test]
fn nothing_is_rewritten_for_a_kernel_that_knows_it() {
    let object = object();
    let btf = uploaded(&object, &BtfFeatures::ALL);
    for (before, after) in object.btf.iter().zip(btf.iter()) {
        assert_eq!(before.kind(), after.kind());
        assert_eq!(before.name().unwrap(), after.name().unwrap());
    }
}

#[test]
fn what_an_old_kernel_does_not_know_is_said_otherwise() {
    let object = object();
    let btf = uploaded(&object, &BtfFeatures::default());
    let ty = |id| btf.ty(id).unwrap();
    let shape = |id| {
        (
            ty(id).kind(),
            ty(id).vlen(),
            ty(id).name().unwrap().to_string(),
        )
    };
    assert_eq!(shape(object.visible), (Kind::Typedef, 0, "visible".into()));
    assert_eq!(shape(object.proto), (Kind::Enum, 1, "".into()));
    assert_eq!(shape(object.data), (Kind::Struct, 3, "_data".into()));
    assert_eq!(
        shape(object.qmark),
        (Kind::Struct, 1, "__struct_ops_a".into())
    );
    assert_eq!(shape(object.empty), (Kind::Struct, 0, "_rodata".into()));
    assert_eq!(shape(object.tag), (Kind::Int, 0, "tag".into()));
    assert_eq!(shape(object.ksym), (Kind::Int, 0, "ksym".into()));
    assert_eq!(shape(object.float), (Kind::Struct, 0, "".into()));
    assert_eq!(shape(object.type_tag), (Kind::Const, 0, "".into()));
    assert_eq!(shape(object.big), (Kind::Union, 1, "big".into()));
    assert_eq!(btf.size_of(object.tag).unwrap(), 1);
    let members: Vec<_> = ty(object.data).members().map(|m| m.unwrap()).collect();
    let members: Vec<_> = members.iter().map(|m| (m.name, m.bit_offset)).collect();
    assert_eq!(members, [("z", 0), ("s", 32), ("a", 64)]);
    for known in btf.iter() {
        let kind = known.kind().raw();
        assert!(kind < 12, "kind {kind} is newer than 4.18");
    }
}

#[test]
fn each_ability_is_used_by_itself() {
    let object = object();
    let only = |change: fn(&mut BtfFeatures)| {
        let mut features = BtfFeatures::ALL;
        change(&mut features);
        uploaded(&object, &features)
    };
    let linkage = |btf: Btf| btf.ty(object.visible).unwrap().linkage().unwrap();
    assert_eq!(linkage(only(|f| f.func_global = false)), 0);
    let btf = only(|f| f.qmark_datasec = false);
    let section = btf.ty(object.qmark).unwrap();
    assert_eq!(
        (section.kind(), section.name().unwrap()),
        (Kind::Datasec, "_.struct_ops_a")
    );
    let btf = only(|f| f.empty_datasec = false);
    let section = btf.ty(object.empty).unwrap();
    assert_eq!((section.kind(), section.size()), (Kind::Struct, Some(64)));
    assert_eq!(btf.ty(object.data).unwrap().kind(), Kind::Datasec);
    let btf = only(|f| f.enum64 = false);
    let union = btf.ty(object.big).unwrap();
    let first = union.members().next().unwrap().unwrap();
    assert_eq!(
        (union.kind(), union.size(), first.name),
        (Kind::Union, Some(8), "HUGE")
    );
    assert_eq!(
        btf.ty(first.ty).unwrap().name().unwrap(),
        "enum64_placeholder"
    );
    assert!(first.ty.0 >= object.btf.id_end());
}

#[test]
fn a_section_that_nothing_is_known_of_holds_its_variables_in_order() {
    let object = object();
    let bytes = for_upload(&object.btf, &[], &[], &BtfFeatures::ALL).unwrap();
    let btf = Btf::from_bytes(&bytes).unwrap();
    let expected = vec![("a", 0, 4), ("z", 4, 4), ("s", 8, 4)];
    assert_eq!(variables(&btf, object.data), expected);
    assert_eq!(btf.ty(object.data).unwrap().size(), Some(12));
}
