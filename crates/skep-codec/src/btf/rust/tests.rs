use super::{BEFORE, PlainTypes, dump_rust};
use crate::btf::tests::{bits, built, int, member};
use crate::btf::{Array, Btf, BtfBuilder, Enumerator, Member, TypeId};
use crate::bytes::Endian;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

fn dumped(b: &BtfBuilder) -> String {
    let text = dump_rust(&built(b, Endian::Little), &[]).unwrap();
    let other = dump_rust(&built(b, Endian::Big), &[]).unwrap();
    assert_eq!(other, text, "the byte order is no matter");
    text.strip_prefix(BEFORE).unwrap().to_string()
}

/// The declarations without the checks.
fn declared(b: &BtfBuilder) -> String {
    let text = dumped(b);
    let check =
        |l: &&str| !(l.starts_with("const _") || l.starts_with("    assert!") || *l == "};");
    let lines: Vec<&str> = text.lines().filter(check).collect();
    lines.join("\n")
}

fn array(b: &mut BtfBuilder, element: TypeId, index: TypeId, len: u32) -> TypeId {
    b.add_array(Array {
        element,
        index,
        len,
    })
}

#[test]
fn every_byte_of_a_struct_is_a_member() {
    let mut b = BtfBuilder::new();
    let u8_ = int(&mut b, "unsigned char", 1, false);
    let s32 = int(&mut b, "int", 4, true);
    let u64_ = int(&mut b, "unsigned long", 8, false);
    let to = b.add_ptr(s32);
    let pair = array(&mut b, to, s32, 2);
    b.add_struct(
        "x",
        40,
        &[
            member("a", u8_, 0),
            member("type", s32, 32),
            member("both", pair, 64),
            member("self", u64_, 192),
            member("last", u8_, 256),
        ],
    );
    assert_eq!(
        dumped(&b),
        "\n#[repr(C)]\n#[derive(Clone, Copy)]\npub struct x {\n\
         \x20   pub a: u8,\n\
         \x20   pub __padding_1: [u8; 3],\n\
         \x20   pub r#type: i32,\n\
         \x20   pub both: [u64; 2], // int *\n\
         \x20   pub self_: u64,\n\
         \x20   pub last: u8,\n\
         \x20   pub __padding_2: [u8; 7],\n\
         }\nconst _: () = {\n\
         \x20   assert!(::core::mem::size_of::<x>() == 40);\n\
         \x20   assert!(::core::mem::offset_of!(x, a) == 0);\n\
         \x20   assert!(::core::mem::offset_of!(x, r#type) == 4);\n\
         \x20   assert!(::core::mem::offset_of!(x, both) == 8);\n\
         \x20   assert!(::core::mem::offset_of!(x, self_) == 24);\n\
         \x20   assert!(::core::mem::offset_of!(x, last) == 32);\n\
         };\n"
    );
}

#[test]
fn bit_fields_that_lie_together_are_one_integer() {
    let mut b = BtfBuilder::new();
    let u8_ = int(&mut b, "unsigned char", 1, false);
    let u32_ = int(&mut b, "unsigned int", 4, false);
    let u64_ = int(&mut b, "unsigned long", 8, false);
    b.add_struct(
        "flags",
        16,
        &[
            bits("a", u32_, 0, 1),
            bits("b", u32_, 1, 9),
            bits("c", u32_, 32, 20),
            member("plain", u8_, 56),
            bits("whole", u64_, 64, 40),
            bits("", u64_, 104, 24),
        ],
    );
    assert_eq!(
        declared(&b),
        "\n#[repr(C)]\n#[derive(Clone, Copy)]\npub struct flags {\n\
         \x20   pub __bits_1: u16, // a: bits 0..1, b: bits 1..10\n\
         \x20   pub __padding_1: [u8; 2],\n\
         \x20   pub __bits_2: [u8; 3], // c: bits 0..20\n\
         \x20   pub plain: u8,\n\
         \x20   pub __bits_3: u64, // whole: bits 0..40, _: bits 40..64\n\
         }"
    );
}

#[test]
fn layouts_that_are_not_cs_own_are_packed_or_bytes() {
    let mut b = BtfBuilder::new();
    let u8_ = int(&mut b, "unsigned char", 1, false);
    let u32_ = int(&mut b, "unsigned int", 4, false);
    b.add_struct("tight", 5, &[member("x", u8_, 0), member("y", u32_, 8)]);
    b.add_struct("over", 4, &[member("x", u32_, 0), member("y", u8_, 8)]);
    b.add_struct("wild", 2, &[member("x", u32_, 0)]);
    b.add_union("wide", 12, &[member("x", u32_, 0), member("y", u8_, 0)]);
    b.add_union("nothing", 0, &[]);
    let head = |packed: &str, what: &str| {
        alloc::format!("\n#[repr(C{packed})]\n#[derive(Clone, Copy)]\npub {what} {{\n")
    };
    assert_eq!(
        declared(&b),
        head("", "union nothing")
            + "    pub __padding_1: [u8; 0],\n}\n"
            + &head("", "struct over")
            + "    pub __padding_1: [u8; 4],\n}\n"
            + &head(", packed", "struct tight")
            + "    pub x: u8,\n    pub y: u32,\n}\n"
            + &head("", "union wide")
            + "    pub x: u32,\n    pub y: u8,\n    pub __padding_1: [u8; 12],\n}\n"
            + &head(", packed", "struct wild")
            + "    pub __padding_1: [u8; 2],\n}"
    );
}

#[test]
fn values_of_enums_are_constants_and_any_other_is_one_too() {
    let mut b = BtfBuilder::new();
    let is = |name, value| Enumerator { name, value };
    b.add_enum("color", 4, false, &[is("RED", 0), is("BLUE", 0xffff_ffff)]);
    b.add_enum("sign", 1, true, &[is("MINUS", -1), is("MINUS", 1)]);
    b.add_enum("", 4, true, &[is("ALONE", -5), is("color", 7)]);
    b.add_enum("later", 4, false, &[]);
    let head = "#[repr(transparent)]\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub struct ";
    assert_eq!(
        declared(&b),
        alloc::format!(
            "\npub const ALONE: i32 = -5;\npub const color: i32 = 7;\n\n\
             {head}color___2(pub u32);\nimpl color___2 {{\n    \
             pub const RED: Self = Self(0);\n    pub const BLUE: Self = Self(4294967295);\n}}\n\n\
             {head}later(pub u32);\n\n\
             {head}sign(pub i8);\nimpl sign {{\n    \
             pub const MINUS: Self = Self(-1);\n    pub const MINUS___2: Self = Self(1);\n}}"
        )
    );
}

#[test]
fn typedefs_give_names_and_take_none_of_rusts() {
    let mut b = BtfBuilder::new();
    let byte = int(&mut b, "unsigned char", 1, false);
    let dunder = b.add_typedef("__u8", byte);
    let own = b.add_typedef("u8", dunder);
    let anonymous = b.add_struct("", 1, &[member("a-b", own, 0)]);
    let named = b.add_typedef("counter_t", anonymous);
    let same = b.add_struct("same", 1, &[member("", anonymous, 0)]);
    b.add_typedef("same", same);
    b.add_typedef("other_t", named);
    let proto = b.add_func_proto(TypeId::VOID, &[]);
    b.add_typedef("function_t", proto);
    b.add_fwd("far", false);
    let text = declared(&b);
    let structs: Vec<&str> = text.lines().filter(|l| l.starts_with("pub ")).collect();
    assert_eq!(
        structs,
        [
            "pub type __u8 = u8;",
            "pub struct counter_t {",
            "pub type other_t = counter_t;",
            "pub struct same {",
            "pub struct far {",
        ]
    );
    assert!(text.contains("    pub a_b: __u8,\n"), "{text}");
    assert!(text.contains("    pub __anon_1: counter_t,\n"), "{text}");
    assert!(text.contains("    _opaque: [u8; 0],\n"), "{text}");
}

#[test]
fn only_what_is_held_by_value_is_declared() {
    let mut b = BtfBuilder::new();
    let s32 = int(&mut b, "int", 4, true);
    let inner = b.add_struct("inner", 4, &[member("x", s32, 0)]);
    let far = b.add_struct("far", 4, &[member("x", s32, 0)]);
    let to = b.add_ptr(far);
    let root = b.add_struct("root", 16, &[member("in", inner, 0), member("to", to, 64)]);
    let text = dump_rust(&built(&b, Endian::Little), &[root]).unwrap();
    assert!(text.contains("pub struct inner {"), "{text}");
    assert!(
        text.contains("    pub to: u64, // struct far *\n"),
        "{text}"
    );
    assert!(text.contains("    pub r#in: inner,\n"), "{text}");
    assert!(!text.contains("pub struct far {"), "{text}");
}

#[test]
fn types_that_never_end_are_errors() {
    let mut b = BtfBuilder::new();
    let own = TypeId(1);
    assert_eq!(b.add_struct("loop", 4, &[member("x", own, 0)]), own);
    let btf: Btf = built(&b, Endian::Little);
    assert!(dump_rust(&btf, &[]).is_err());
    let mut b = BtfBuilder::new();
    assert_eq!(b.add_typedef("again", TypeId(1)), TypeId(1));
    assert!(dump_rust(&built(&b, Endian::Little), &[]).is_err());
}

#[test]
fn names_of_types_with_numbers_are_others() {
    let mut b = BtfBuilder::new();
    let s32 = int(&mut b, "int", 4, true);
    for name in ["x", "x___2", "x___3"] {
        for _ in 0..3 {
            b.add_struct(name, 4, &[member("v", s32, 0), member("v", s32, 0)]);
        }
    }
    let text = declared(&b);
    let names: Vec<&str> = text
        .lines()
        .filter_map(|l| l.strip_prefix("pub struct "))
        .collect();
    let mut unlike = names.clone();
    unlike.sort_unstable();
    unlike.dedup();
    assert_eq!((names.len(), unlike.len()), (9, 9), "{names:?}");
}

#[test]
fn names_that_multiply_are_too_large() {
    let mut b = BtfBuilder::new();
    let s32 = int(&mut b, "int", 4, true);
    let long = "x".repeat(1 << 18);
    let members: Vec<Member<'_>> = (0..200).map(|n| bits(&long, s32, n, 1)).collect();
    b.add_struct("bits", 40, &members);
    let error = dump_rust(&built(&b, Endian::Little), &[]).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::TooLarge);
}

#[test]
fn plain_types_are_asked_for_one_by_one() {
    let mut b = BtfBuilder::new();
    let char_ = int(&mut b, "char", 1, true);
    let u16_ = int(&mut b, "unsigned short", 2, false);
    let u64_ = int(&mut b, "unsigned long", 8, false);
    let text = array(&mut b, char_, u64_, 3);
    let either = [
        member("wide", u64_, 0),
        member("type", text, 0),
        member("set_wide", u16_, 0),
    ];
    let either = b.add_union("", 8, &either);
    let row = array(&mut b, either, u64_, 2);
    let table = array(&mut b, row, u64_, 4);
    let color = b.add_enum(
        "color",
        2,
        false,
        &[Enumerator {
            name: "RED",
            value: 1,
        }],
    );
    let btf = built(&b, Endian::Little);
    let mut types = PlainTypes::new(&btf);
    assert_eq!(types.of(text, "x").unwrap(), "[u8; 3]", "text is bytes");
    assert_eq!(types.of(table, "x.y").unwrap(), "[[types::x_y; 2]; 4]");
    assert_eq!(types.of(color, "x").unwrap(), "types::color");
    assert_eq!(types.of(either, "again").unwrap(), "types::x_y");
    let text = types.into_text();
    let head = "::skep::plain! {\n    #[derive(Debug, PartialEq)]\n    pub struct x_y {\n        \
                __align: [u64; 0],\n        pub __bytes: [u8; 8],\n    }\n}\n";
    assert!(text.contains(head), "{text}");
    // What reads a member has its name, and what sets one another if that is taken.
    for function in [
        "pub fn wide(&self) -> u64 {",
        "pub fn set_wide(&mut self, value: u64) {",
        "pub fn r#type(&self) -> [u8; 3] {",
        "pub fn set_type(&mut self, value: [u8; 3]) {",
        "pub fn set_wide___2(&self) -> u16 {",
        "pub fn set_set_wide___2(&mut self, value: u16) {",
    ] {
        assert!(text.contains(function), "{function}: {text}");
    }
    assert!(text.contains("    pub struct color(pub u16);\n"), "{text}");
    assert!(
        text.contains("    pub const RED: Self = Self(1);\n"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_declared_leaves_nothing_behind() {
    let mut b = BtfBuilder::new();
    let s32 = int(&mut b, "int", 4, true);
    let good = b.add_struct("good", 4, &[member("x", s32, 0)]);
    let other = b.add_struct("other", 4, &[member("x", s32, 0)]);
    let own = b.next_id();
    let members = [member("a", good, 0), member("b", own, 32)];
    assert_eq!(b.add_struct("endless", 8, &members), own);
    let last = [member("good", good, 0), member("other", other, 32)];
    let last = b.add_struct("last", 8, &last);
    let btf = built(&b, Endian::Little);
    let mut types = PlainTypes::new(&btf);
    assert_eq!(types.of(other, "x").unwrap(), "types::other");
    assert!(types.of(own, "x").is_err());
    assert_eq!(types.of(last, "x").unwrap(), "types::last");
    let text = types.into_text();
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("    pub struct "));
    let names: Vec<&str> = names.collect();
    let good = names.iter().find(|name| name.starts_with("good"));
    assert_eq!(names.len(), 3, "{text}");
    let good = good.unwrap().strip_suffix(" {").unwrap();
    assert!(
        text.contains(&alloc::format!("pub good: {good},")),
        "{text}"
    );
    assert!(!text.contains("endless"), "{text}");
}
