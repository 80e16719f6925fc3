//! C, letter for letter.

use super::*;
use crate::ErrorKind;
use crate::btf::tests::{bits, built, int, member};
use crate::btf::{Array, BtfBuilder, Enumerator, Param};
use crate::bytes::Endian;

fn dumped(b: &BtfBuilder) -> String {
    let text = dump_c(&built(b, Endian::Little), &[]).unwrap();
    let other = dump_c(&built(b, Endian::Big), &[]).unwrap();
    assert_eq!(other, text, "the byte order is no matter");
    text
}

#[test]
fn declarations_read_from_the_inside_out() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let char_ = int(&mut b, "char", 1, true);
    let array = |b: &mut BtfBuilder, element, len| {
        b.add_array(Array {
            element,
            index: int_,
            len,
        })
    };
    let const_char = b.add_const(char_);
    let text = b.add_ptr(const_char);
    let fixed_text = b.add_const(text);
    b.add_typedef("fixed_text", fixed_text);
    let row = array(&mut b, text, 2);
    let grid = array(&mut b, row, 3);
    let to_grid = b.add_ptr(grid);
    b.add_typedef("to_grid", to_grid);
    let param = |ty| Param { name: "x", ty };
    let proto = b.add_func_proto(TypeId::VOID, &[param(text), param(TypeId::VOID)]);
    let handler = b.add_ptr(proto);
    let handlers = array(&mut b, handler, 4);
    b.add_typedef("handlers", handlers);
    let none = b.add_func_proto(handler, &[]);
    b.add_typedef("chooser", none);
    assert_eq!(
        dumped(&b),
        "typedef void (*chooser(void))(const char *, ...);\n\n\
         typedef const char *const fixed_text;\n\n\
         typedef void (*handlers[4])(const char *, ...);\n\n\
         typedef const char *(*to_grid)[3][2];\n\n"
    );
}

#[test]
fn what_is_needed_whole_comes_first_and_pointers_need_a_name() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    // struct a { a_t *self; struct b b; struct c *c; }, typedef struct a a_t, b and c after it.
    let a = TypeId(2);
    let (self_ptr, c_ptr) = (TypeId(4), TypeId(7));
    let (a_t, b_, c_) = (TypeId(3), TypeId(5), TypeId(6));
    let members = [
        member("self", self_ptr, 0),
        member("b", b_, 64),
        member("c", c_ptr, 128),
    ];
    assert_eq!(b.add_struct("a", 24, &members), a);
    assert_eq!(b.add_typedef("a_t", a), a_t);
    assert_eq!(b.add_ptr(a_t), self_ptr);
    assert_eq!(b.add_struct("b", 4, &[member("x", int_, 0)]), b_);
    assert_eq!(b.add_fwd("c", false), c_);
    assert_eq!(b.add_ptr(c_), c_ptr);
    assert_eq!(
        dumped(&b),
        "struct a;\n\n\
         typedef struct a a_t;\n\n\
         struct b {\n\tint x;\n};\n\n\
         struct c;\n\n\
         struct a {\n\ta_t *self;\n\tstruct b b;\n\tstruct c *c;\n};\n\n"
    );
}

#[test]
fn layouts_that_are_not_cs_own_are_forced() {
    let mut b = BtfBuilder::new();
    let u32_ = int(&mut b, "unsigned int", 4, false);
    let u8_ = int(&mut b, "unsigned char", 1, false);
    let inner = b.add_union("", 4, &[member("a", u32_, 0), member("b", u8_, 0)]);
    b.add_struct(
        "gaps",
        24,
        &[
            member("x", u8_, 0),
            member("y", u32_, 64),
            bits("f", u32_, 99, 5),
            member("", inner, 128),
        ],
    );
    b.add_struct("tight", 5, &[member("x", u8_, 0), member("y", u32_, 8)]);
    assert_eq!(
        dumped(&b),
        "struct gaps {\n\
         \tunsigned char x;\n\
         \tunsigned char __padding_1[7];\n\
         \tunsigned int y;\n\
         \tunsigned char: 3;\n\
         \tunsigned int f: 5;\n\
         \tunion {\n\
         \t\tunsigned int a;\n\
         \t\tunsigned char b;\n\
         \t};\n\
         \tunsigned char __padding_2[4];\n\
         };\n\n\
         struct tight {\n\
         \tunsigned char x;\n\
         \tunsigned int y;\n\
         } __attribute__((packed));\n\n"
    );
}

#[test]
fn names_are_given_once() {
    let mut b = BtfBuilder::new();
    let byte = int(&mut b, "u8", 1, false);
    let value = |name, value| Enumerator { name, value };
    b.add_enum("e", 1, false, &[value("A", 255)]);
    b.add_enum64("e", 8, true, &[value("A", -1), value("B", 1 << 40)]);
    b.add_enum("", 4, true, &[value("LONE", -1)]);
    b.add_struct("s", 1, &[member("x", byte, 0)]);
    b.add_struct("s", 0, &[]);
    b.add_typedef("Vec<u8>", byte);
    assert_eq!(
        dumped(&b),
        "enum {\n\tLONE = -1,\n};\n\n\
         enum e {\n\tA = 255,\n} __attribute__((mode(byte)));\n\n\
         enum e___2 {\n\tA___2 = -1LL,\n\tB = 1099511627776LL,\n};\n\n\
         typedef unsigned char u8;\n\n\
         typedef u8 Vec_u8_;\n\n\
         struct s {\n\tu8 x;\n};\n\n\
         struct s___2 {\n};\n\n"
    );
}

#[test]
fn only_what_is_asked_for_is_printed() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let used = b.add_typedef("used", int_);
    b.add_typedef("unused", int_);
    let s = b.add_struct("s", 4, &[member("x", used, 0)]);
    let text = dump_c(&built(&b, Endian::Little), &[s]).unwrap();
    assert_eq!(text, "typedef int used;\n\nstruct s {\n\tused x;\n};\n\n");
}

#[test]
fn types_without_end_are_an_error() {
    let mut b = BtfBuilder::new();
    let next = b.next_id();
    let ptr = b.add_ptr(next);
    b.add_struct("s", 8, &[member("p", ptr, 0)]);
    let error = dump_c(&built(&b, Endian::Little), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooDeep);
}

#[test]
fn members_larger_than_memory_take_no_padding() {
    let mut b = BtfBuilder::new();
    let mut ty = int(&mut b, "int", 4, true);
    let index = ty;
    for len in [u32::MAX, 1 << 29] {
        ty = b.add_array(Array {
            element: ty,
            index,
            len,
        });
    }
    b.add_struct("s", 8, &[member("huge", ty, 0), member("next", index, 32)]);
    assert!(dumped(&b).contains("int huge[536870912][4294967295];"));
}

#[test]
fn anonymous_types_do_not_multiply_without_end() {
    let mut b = BtfBuilder::new();
    let mut ty = int(&mut b, "int", 4, true);
    for _ in 0..60 {
        ty = b.add_union("", 4, &[member("a", ty, 0), member("b", ty, 0)]);
    }
    b.add_struct("s", 4, &[member("u", ty, 0)]);
    let error = dump_c(&built(&b, Endian::Little), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn qualifiers_stay_where_they_bind() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let cv = b.add_const(int_);
    let cv = b.add_volatile(cv);
    let ptr = b.add_ptr(cv);
    let restrict = b.add_restrict(ptr);
    let fixed = b.add_const(restrict);
    let row = b.add_array(Array {
        element: fixed,
        index: int_,
        len: 2,
    });
    let to_row = b.add_ptr(row);
    let to_row = b.add_const(to_row);
    b.add_typedef("rows", to_row);
    let param = |ty| Param { name: "x", ty };
    let proto = b.add_func_proto(TypeId::VOID, &[param(fixed), param(to_row)]);
    b.add_typedef("takes", proto);
    assert_eq!(
        dumped(&b),
        "typedef volatile const int *const restrict (*const rows)[2];\n\n\
         typedef void (takes)(volatile const int *const restrict, \
         volatile const int *const restrict (*const)[2]);\n\n"
            .replace("(takes)", "takes")
    );
}

#[test]
fn a_module_declares_its_own_types_and_what_they_need() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let needed = b.add_struct("needed", 4, &[member("x", int_, 0)]);
    b.add_struct("unneeded", 4, &[member("x", int_, 0)]);
    let base = alloc::sync::Arc::new(built(&b, Endian::Little));
    let mut split = BtfBuilder::split(base);
    split.add_struct("own", 4, &[member("n", needed, 0)]);
    let text = dump_c(&split.to_btf(Endian::Little).unwrap(), &[]).unwrap();
    assert_eq!(
        text,
        "struct needed {\n\tint x;\n};\n\nstruct own {\n\tstruct needed n;\n};\n\n"
    );
}

#[test]
fn kernel_functions_are_declared_by_their_tags() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let late = b.add_fwd("late", false);
    let ptr = b.add_ptr(late);
    let param = |name, ty| Param { name, ty };
    let params = [param("p__map", ptr), param("flags", int_)];
    let proto = b.add_func_proto(ptr, &params);
    for name in ["bpf_b", "bpf_a", "untagged"] {
        let func = b.add_func(name, proto, 0);
        if name != "untagged" {
            b.add_decl_tag("bpf_kfunc", func, -1);
        }
        if name == "bpf_a" {
            b.add_decl_tag("bpf_fastcall", func, -1);
        }
    }
    let text = dump_c_header(&built(&b, Endian::Big), &[], "H").unwrap();
    let declared: Vec<&str> = text.lines().filter(|l| l.starts_with("extern")).collect();
    assert_eq!(
        declared,
        [
            "extern struct late *bpf_a(struct late *p__map, int flags) __weak __ksym __bpf_fastcall;",
            "extern struct late *bpf_b(struct late *p__map, int flags) __weak __ksym;",
        ]
    );
}

#[test]
fn structs_of_32_bit_machines_need_no_force() {
    let declared = |long_bytes| {
        let mut b = BtfBuilder::new();
        let long = int(&mut b, "long int", long_bytes, true);
        let number = int(&mut b, "int", 4, true);
        let pointer = b.add_ptr(long);
        let members = [member("count", number, 0), member("next", pointer, 32)];
        b.add_struct("node", 4 + long_bytes, &members);
        dumped(&b)
    };
    let node = "struct node {\n\tint count;\n\tlong int *next;\n}";
    assert_eq!(declared(4), std::format!("{node};\n\n"));
    let packed = std::format!("{node} __attribute__((packed));\n\n");
    assert_eq!(declared(8), packed);
}

#[test]
fn what_was_written_without_parameters_stays_so() {
    let mut b = BtfBuilder::new();
    let unknown = Param {
        name: "",
        ty: TypeId::VOID,
    };
    let proto = b.add_func_proto(TypeId::VOID, &[unknown]);
    let pointer = b.add_ptr(proto);
    b.add_typedef("old", pointer);
    let none = b.add_func_proto(TypeId::VOID, &[]);
    b.add_typedef("none", none);
    assert_eq!(
        dumped(&b),
        "typedef void none(void);\n\ntypedef void (*old)();\n\n"
    );
}

#[test]
fn paddings_of_anonymous_members_have_names_of_their_own() {
    let mut b = BtfBuilder::new();
    let u8_ = int(&mut b, "unsigned char", 1, false);
    let inner = |b: &mut BtfBuilder, name| b.add_struct("", 4, &[member(name, u8_, 0)]);
    let (one, other) = (inner(&mut b, "a"), inner(&mut b, "b"));
    b.add_struct("s", 8, &[member("", one, 0), member("", other, 32)]);
    b.add_struct("t", 4, &[member("x", u8_, 0)]);
    assert_eq!(
        dumped(&b),
        "struct s {\n\
         \tstruct {\n\
         \t\tunsigned char a;\n\
         \t\tunsigned char __padding_1[3];\n\
         \t};\n\
         \tstruct {\n\
         \t\tunsigned char b;\n\
         \t\tunsigned char __padding_2[3];\n\
         \t};\n\
         };\n\n\
         struct t {\n\
         \tunsigned char x;\n\
         \tunsigned char __padding_1[3];\n\
         };\n\n"
    );
}

#[test]
fn an_enum_that_is_only_named_is_only_named() {
    let mut b = BtfBuilder::new();
    let color = b.add_enum("color", 4, false, &[]);
    let pointer = b.add_ptr(color);
    b.add_struct("s", 8, &[member("color", pointer, 0)]);
    assert_eq!(
        dumped(&b),
        "enum color;\n\nstruct s {\n\tenum color *color;\n};\n\n"
    );
}
