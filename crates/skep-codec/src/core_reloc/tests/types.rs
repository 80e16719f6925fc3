//! Questions about whole types: whether they are there, compatible, alike.

use super::*;
use crate::btf::Int;

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

/// What [`CoreKind::TypeMatches`] answers of two types of the same name.
fn alike(
    mine: impl Fn(&mut BtfBuilder) -> TypeId,
    theirs: impl Fn(&mut BtfBuilder) -> TypeId,
) -> bool {
    let mut c = Case::new();
    let local = mine(&mut c.local);
    theirs(&mut c.target);
    match c.ask(local, "0", TypeMatches) {
        Ok((1, answer)) => answer == 1,
        other => panic!("{other:?}"),
    }
}

#[test]
fn arrays_match_with_the_same_number_of_elements() {
    let of = |len| {
        move |b: &mut BtfBuilder| {
            let all = array(b, INT, len);
            b.add_struct("s", 4 * len, &[member("all", all, 0)])
        }
    };
    assert!(alike(of(3), of(3)));
    assert!(!alike(of(3), of(4)));
    assert!(!alike(of(4), of(3)));
}

#[test]
fn enums_match_with_all_names_and_the_same_size() {
    let of = |names: &'static [&'static str], size| {
        move |b: &mut BtfBuilder| {
            let list: Vec<(&str, i64)> = names.iter().map(|name| (*name, 7)).collect();
            match size {
                8 => b.add_enum64("e", 8, false, &values(&list)),
                _ => b.add_enum("e", size, false, &values(&list)),
            }
        }
    };
    assert!(alike(of(&["A", "B___v2"], 4), of(&["C", "B", "A"], 4)));
    assert!(!alike(of(&["A", "B"], 4), of(&["A", "C"], 4)));
    assert!(!alike(of(&["A", "B"], 4), of(&["A"], 4)));
    assert!(!alike(of(&["A"], 4), of(&["A"], 1)));
    assert!(!alike(of(&["A"], 4), of(&["A"], 8)));
}

#[test]
fn integers_match_with_the_same_sign_and_size() {
    let of = |bytes, signed| {
        move |b: &mut BtfBuilder| {
            let ty = int(b, "number", bytes, signed);
            b.add_struct("s", bytes, &[member("a", ty, 0)])
        }
    };
    assert!(alike(of(4, true), of(4, true)));
    assert!(!alike(of(4, true), of(4, false)));
    assert!(!alike(of(4, true), of(8, true)));
}

/// What a function behind a pointer takes is compared by name, as what any pointer points at.
#[test]
fn parameters_of_functions_behind_pointers_match_by_name() {
    let of = |name: &'static str, inner: &'static str| {
        move |b: &mut BtfBuilder| {
            let taken = b.add_struct(name, 4, &[member(inner, INT, 0)]);
            let proto = b.add_func_proto(
                INT,
                &[Param {
                    name: "p",
                    ty: taken,
                }],
            );
            let pointer = b.add_ptr(proto);
            b.add_struct("s", 8, &[member("f", pointer, 0)])
        }
    };
    assert!(alike(of("taken", "a"), of("taken", "b")));
    assert!(!alike(of("taken", "a"), of("other", "a")));
}

#[test]
fn a_pointer_to_a_struct_is_none_to_a_union() {
    let of = |union: bool| {
        move |b: &mut BtfBuilder| {
            let members = [member("x", INT, 0)];
            let other = match union {
                true => b.add_union("other", 4, &members),
                false => b.add_struct("other", 4, &members),
            };
            let pointer = b.add_ptr(other);
            b.add_struct("s", 8, &[member("p", pointer, 0)])
        }
    };
    assert!(alike(of(false), of(false)));
    assert!(!alike(of(false), of(true)));
    assert!(!alike(of(true), of(false)));
}

/// Members of old bit-fields have types of their own, integers that begin inside of a word.
#[test]
fn integers_inside_of_words_are_compatible_with_none() {
    let mut c = Case::new();
    let local = c.local.add_typedef("t", INT);
    let inside = Int {
        signed: true,
        char: false,
        bool: false,
        offset: 4,
        bits: 8,
    };
    let inside = c.target.add_int("inside", 4, inside);
    c.target.add_typedef("t", inside);
    assert_eq!(c.ask(local, "0", TypeExists), Ok((1, 0)));
    c.target.add_typedef("t", UINT);
    assert_eq!(c.ask(local, "0", TypeExists), Ok((1, 1)));
}
