//! BTF built by hand, read back, damaged.

#[path = "../../../../fuzz/src/random.rs"]
mod random;

use super::*;
use crate::ErrorKind;
pub(crate) use random::Random;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

pub(crate) const BOTH: [Endian; 2] = [Endian::Little, Endian::Big];

pub(crate) fn int(b: &mut BtfBuilder, name: &str, size: u32, signed: bool) -> TypeId {
    let int = Int {
        signed,
        char: false,
        bool: name == "_Bool",
        offset: 0,
        bits: (size * 8) as u8,
    };
    b.add_int(name, size, int)
}

pub(crate) fn member(name: &str, ty: TypeId, bit_offset: u32) -> Member<'_> {
    Member {
        name,
        ty,
        bit_offset,
        bit_size: 0,
    }
}

pub(crate) fn bits(name: &str, ty: TypeId, bit_offset: u32, bit_size: u8) -> Member<'_> {
    Member {
        name,
        ty,
        bit_offset,
        bit_size,
    }
}

pub(crate) fn value(name: &str, value: i64) -> Enumerator<'_> {
    Enumerator { name, value }
}

pub(crate) fn built(b: &BtfBuilder, endian: Endian) -> Btf {
    Btf::from_bytes(&b.to_bytes(endian).unwrap()).unwrap()
}

/// One type of each kind, and the ids of `event` (a struct) and `.data` (a section).
pub(crate) fn all_kinds() -> (BtfBuilder, TypeId, TypeId) {
    let mut b = BtfBuilder::new();
    let u32_ = int(&mut b, "unsigned int", 4, false);
    let i16_ = int(&mut b, "short", 2, true);
    let char_ = int(&mut b, "char", 1, true);
    let u8_ = int(&mut b, "unsigned char", 1, false);
    let bool_ = int(&mut b, "_Bool", 1, false);
    let f64_ = b.add_float("double", 8);
    let array = |b: &mut BtfBuilder, element, len| {
        b.add_array(Array {
            element,
            index: u32_,
            len,
        })
    };
    let comm = array(&mut b, char_, 8);
    let mac = array(&mut b, u8_, 4);
    let pair = array(&mut b, i16_, 2);
    let color = b.add_enum("color", 4, true, &[value("RED", -1), value("BLUE", 7)]);
    let big = b.add_enum64("big", 8, false, &[value("HUGE", -2)]);
    let fwd = b.add_fwd("later", false);
    let ptr = b.add_ptr(fwd);
    let cv = b.add_const(u32_);
    let cv = b.add_volatile(cv);
    let cv = b.add_restrict(cv);
    let pid = b.add_typedef("pid_t", cv);
    let tagged = b.add_type_tag("user", char_);
    b.add_ptr(tagged);
    let inner = b.add_union("", 4, &[member("raw", u32_, 0), member("pair", pair, 0)]);
    let event = b.add_struct(
        "event",
        56,
        &[
            member("pid", pid, 0),
            member("comm", comm, 32),
            member("mac", mac, 96),
            member("", inner, 128),
            bits("low", u32_, 160, 3),
            bits("high", i16_, 163, 5),
            member("ok", bool_, 168),
            member("letter", char_, 176),
            member("color", color, 192),
            member("ratio", f64_, 256),
            member("big", big, 320),
            member("next", ptr, 384),
        ],
    );
    let proto = b.add_func_proto(
        u32_,
        &[Param {
            name: "ctx",
            ty: ptr,
        }],
    );
    let func = b.add_func("handler", proto, 1);
    b.add_decl_tag("kfunc", func, 0);
    let var = b.add_var("counter", u32_, 1);
    let data = b.add_datasec(
        ".data",
        4,
        &[SecVar {
            ty: var,
            offset: 0,
            size: 4,
        }],
    );
    (b, event, data)
}

#[test]
fn what_the_builder_writes_is_read_back() {
    let (b, event, data) = all_kinds();
    for endian in BOTH {
        let btf = built(&b, endian);
        assert_eq!(btf.endian(), endian);
        let kinds: std::collections::BTreeSet<u8> = btf.iter().map(|t| t.kind().raw()).collect();
        assert_eq!(kinds, (1..=19).collect());
        assert_eq!(btf.id_end(), b.next_id().0);
        let ty = btf.ty(event).unwrap();
        assert_eq!(
            (ty.name().unwrap(), ty.vlen(), ty.size()),
            ("event", 12, Some(56))
        );
        let high = ty.members().nth(5).unwrap().unwrap();
        assert_eq!(
            (high.name, high.bit_offset, high.bit_size),
            ("high", 163, 5)
        );
        let section = btf.ty(data).unwrap();
        let var = section.variables().next().unwrap().unwrap();
        assert_eq!((var.offset, var.size), (0, 4));
        assert_eq!(btf.ty(var.ty).unwrap().linkage().unwrap(), 1);
        let pid = btf.find("pid_t", Some(Kind::Typedef)).unwrap();
        assert_eq!(btf.peel(pid).unwrap().name().unwrap(), "unsigned int");
        assert_eq!(btf.size_of(pid).unwrap(), 4);
        let color = btf.ty(btf.find("color", None).unwrap()).unwrap();
        let values: Vec<i64> = color.enumerators().map(|e| e.unwrap().value).collect();
        assert_eq!(values, [-1, 7]);
        let copy = BtfBuilder::from_btf(&btf).unwrap();
        assert_eq!(copy.to_bytes(endian).unwrap(), btf.as_bytes());
    }
}

#[test]
fn the_header_is_that_of_every_kernel() {
    let mut b = BtfBuilder::new();
    int(&mut b, "int", 4, true);
    let bytes = b.to_bytes(Endian::Little).unwrap();
    let header = [
        0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 5, 0, 0, 0,
    ];
    assert_eq!(bytes[..24], header);
    let ty = [1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 32, 0, 0, 1];
    assert_eq!(bytes[24..40], ty);
    assert_eq!(bytes[40..], *b"\0int\0");
}

/// BTF with a header of 40 bytes, a kind 25 of 8 + 4 * vlen bytes before an `int`.
fn from_the_future(layout: bool) -> Vec<u8> {
    let put = |out: &mut Vec<u8>, words: &[u32]| {
        out.extend(words.iter().flat_map(|w| w.to_le_bytes()));
    };
    let mut out = vec![0x9f, 0xeb, 1, 0];
    let types = [
        0,
        25 << 24 | 2,
        0,
        11,
        12,
        13,
        14, // kind 25: two words, two elements
        1,
        1 << 24,
        4,
        32,
    ];
    let layout_len = if layout { 26 * 4 } else { 0 };
    put(
        &mut out,
        &[40, 0, 44, 44, 5, 49, layout_len, 0xdead, 0xbeef],
    );
    put(&mut out, &types);
    out.extend(b"\0int\0");
    let mut table = [0_u8; 26 * 4];
    table[100..102].copy_from_slice(&[8, 4]);
    out.extend(&table[..layout_len as usize]);
    out
}

#[test]
fn unknown_kinds_are_stepped_over_where_the_layout_says_how() {
    let btf = Btf::from_bytes(&from_the_future(true)).unwrap();
    let kinds: Vec<Kind> = btf.iter().map(|ty| ty.kind()).collect();
    assert_eq!(kinds, [Kind::Unknown(25), Kind::Int]);
    assert_eq!(btf.find("int", Some(Kind::Int)), Some(TypeId(2)));
    // Written again they keep their bytes, and the header says how long they are.
    let mut copied = BtfBuilder::from_btf(&btf).unwrap();
    let written = copied.to_bytes(Endian::Little).unwrap();
    assert_eq!(written[4], 32);
    let again = Btf::from_bytes(&written).unwrap();
    let tails = |btf: &Btf| -> Vec<Vec<u8>> { btf.iter().map(|t| t.tail().to_vec()).collect() };
    assert_eq!(tails(&again), tails(&btf));
    let swapped = copied.to_btf(Endian::Big).unwrap();
    assert_eq!(swapped.find("int", Some(Kind::Int)), Some(TypeId(2)));
    // Nobody knows which of their words are ids.
    for refused in [copied.dedup(), copied.permute(&[TypeId(2), TypeId(1)])] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
    }
    let error = Btf::from_bytes(&from_the_future(false)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "BTF types+0x0: BTF kind 25 of unknown size"
    );
}

#[test]
fn longer_headers_are_read_and_the_shortest_is_written() {
    let (b, ..) = all_kinds();
    let short = b.to_bytes(Endian::Little).unwrap();
    let mut long = short.clone();
    // Eight bytes more: a layout of no kinds.
    long.splice(24..24, [0; 8]);
    long[4] = 32;
    let btf = Btf::from_bytes(&long).unwrap();
    let copy = BtfBuilder::from_btf(&btf).unwrap();
    assert_eq!(copy.to_bytes(Endian::Little).unwrap(), short);
}

#[test]
fn split_btf_is_built_and_copied() {
    let (b, event, _) = all_kinds();
    let base = std::sync::Arc::new(built(&b, Endian::Big));
    let mut split = BtfBuilder::split(base.clone());
    let ptr = split.add_ptr(event);
    let own = split.add_struct("own", 8, &[member("comm", ptr, 0)]);
    assert_eq!(ptr.0, base.id_end());
    let btf = split.to_btf(Endian::Big).unwrap();
    assert_eq!(btf.find("own", None), Some(own));
    let field = btf.ty(own).unwrap().members().next().unwrap().unwrap();
    assert_eq!(btf.ty(field.ty).unwrap().target(), Some(event));
    // `comm` is the base's string.
    assert_eq!((field.name, btf.own_strings()), ("comm", &b"own\0"[..]));
    let mut copy = BtfBuilder::from_btf(&btf).unwrap();
    assert_eq!(copy.to_bytes(Endian::Big).unwrap(), btf.as_bytes());
    let comm = copy.add_string("comm");
    assert_eq!(btf.string(comm).unwrap(), "comm");
    let other = BtfBuilder::from_btf(&base)
        .unwrap()
        .append(&btf)
        .unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Unsupported);
}

#[test]
fn types_are_appended_and_put_into_order() {
    let mut b = BtfBuilder::new();
    let long = int(&mut b, "long", 8, true);
    b.add_ptr(long);
    let (more, ..) = all_kinds();
    let more = built(&more, Endian::Big);
    let map = b.append(&more).unwrap();
    let btf = built(&b, Endian::Little);
    for (old, new) in more.iter().zip(btf.iter().skip(2)) {
        assert_eq!(map.get(old.id()), new.id());
        assert_eq!((old.kind(), old.name()), (new.kind(), new.name()));
        assert_eq!(old.target().map(|id| map.get(id)), new.target());
    }
    let order: Vec<TypeId> = (1..btf.id_end()).rev().map(TypeId).collect();
    let map = b.permute(&order).unwrap();
    let turned = built(&b, Endian::Little);
    let last = turned.id_end() - 1;
    assert_eq!(map.get(long), TypeId(last));
    for old in btf.iter() {
        let new = turned.ty(map.get(old.id())).unwrap();
        assert_eq!(
            (old.id().0 + new.id().0, old.name()),
            (last + 1, new.name())
        );
        let members = |btf: &Btf, id| -> Vec<(String, TypeId)> {
            let members = btf.ty(id).unwrap().members().map(|m| m.unwrap());
            members.map(|m| (m.name.to_string(), m.ty)).collect()
        };
        let expected: Vec<_> = members(&btf, old.id())
            .into_iter()
            .map(|(name, ty)| (name, map.get(ty)))
            .collect();
        assert_eq!(members(&turned, new.id()), expected);
    }
    for (wrong, kind) in [
        (vec![], ErrorKind::Mismatch),
        (vec![long, long], ErrorKind::Malformed),
        (vec![TypeId(last + 1)], ErrorKind::NotFound),
        (vec![TypeId::VOID], ErrorKind::NotFound),
    ] {
        assert_eq!(b.permute(&wrong).unwrap_err().kind(), kind);
    }
}

#[test]
fn bad_headers_and_strings_are_refused() {
    let (b, ..) = all_kinds();
    let good = b.to_bytes(Endian::Little).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Btf::from_bytes(&bytes).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(with(0, 0), "BTF header: no BTF magic number");
    assert_eq!(with(2, 2), "BTF header: BTF version 2");
    assert_eq!(with(4, 23), "BTF header: BTF header of 23 bytes");
    let last = good.len() - 1;
    assert_eq!(with(last, b'x'), "BTF strings: last string without its NUL");
    let first = good.len() - b.strings_len();
    assert_eq!(
        with(first, b'x'),
        "BTF strings: the first string is not the empty one"
    );
    for len in 0..good.len() {
        assert!(Btf::from_bytes(&good[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn cycles_end_in_an_error() {
    let mut b = BtfBuilder::new();
    let a = b.add_typedef("a", TypeId(2));
    b.add_const(a);
    let own = b.next_id();
    b.add_array(Array {
        element: own,
        index: own,
        len: 1,
    });
    let ring = b.next_id();
    b.add_struct("ring", 8, &[member("self", ring, 0)]);
    let btf = built(&b, Endian::Little);
    assert_eq!(btf.peel(a).unwrap_err().kind(), ErrorKind::TooDeep);
    assert_eq!(btf.size_of(own).unwrap_err().kind(), ErrorKind::TooDeep);
    let error = btf.decode(ring, &[0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooDeep);
}

#[test]
fn values_are_bounded_where_unions_multiply() {
    let mut b = BtfBuilder::new();
    let mut ty = int(&mut b, "int", 4, true);
    for _ in 0..40 {
        ty = b.add_union("", 4, &[member("a", ty, 0), member("b", ty, 0)]);
    }
    let error = built(&b, Endian::Little).decode(ty, &[0; 4]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

/// The bytes of an `event`, in either byte order.
pub(crate) fn event_bytes(endian: Endian) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(endian.put_u32(1234));
    out.extend(b"sh\0\0\xff\0\0\0");
    out.extend([0xde, 0xad, 0xbe, 0xef]);
    out.extend(endian.put_u16(0xfffe));
    out.extend(endian.put_u16(3));
    // low = 5 (3 bits), high = -9 (5 bits)
    out.push(match endian {
        Endian::Little => 0xbd,
        Endian::Big => 0xb7,
    });
    out.extend([1, b'A', 0]);
    out.extend(endian.put_i32(-1));
    out.extend([0; 4]);
    out.extend(endian.put_u64(0.5_f64.to_bits()));
    out.extend(endian.put_u64(u64::MAX - 1));
    out.extend(endian.put_u64(0xffff_8880_0000_1000));
    out
}

#[test]
fn a_struct_is_decoded_member_by_member() {
    let (b, event, _) = all_kinds();
    for endian in BOTH {
        let btf = built(&b, endian);
        let raw = match endian {
            Endian::Little => 0x0003_fffe_u32,
            Endian::Big => 0xfffe_0003,
        };
        let text = btf.decode(event, &event_bytes(endian)).unwrap().to_string();
        assert_eq!(
            text,
            format!(
                "{{ pid = 1234, comm = \"sh\", mac = [de ad be ef], raw = {raw}, \
                 pair = [-2, 3], low = 5, high = -9, ok = true, letter = 'A', color = RED, \
                 ratio = 0.5, big = HUGE, next = 0xffff888000001000 }}"
            )
        );
        let short = &event_bytes(endian)[..55];
        let error = btf.decode(event, short).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
    }
}

#[test]
fn a_data_section_is_decoded_by_its_variables() {
    let (b, _, data) = all_kinds();
    let btf = built(&b, Endian::Little);
    let value = btf.decode(data, &[42, 0, 0, 0]).unwrap();
    assert_eq!(
        value,
        Value::Struct(vec![("counter".into(), Value::Uint(42))])
    );
}

#[test]
fn split_btf_goes_on_where_its_base_ends() {
    let (b, event, _) = all_kinds();
    let base = Arc::new(built(&b, Endian::Little));
    // One pointer to the base's struct, and a typedef whose name is the module's own.
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    let next = base.id_end();
    let name = base.as_bytes().len() as u32 - 24 - base.type_section().len() as u32;
    for word in [24, 0, 24, 24, 4, 0, 2 << 24, event.0, name, 8 << 24, next] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(b"mod\0");
    let module = Btf::parse(Arc::new(bytes), Some(base.clone())).unwrap();
    assert_eq!((module.first_id(), module.id_end()), (next, next + 2));
    assert_eq!(module.find("mod", None), Some(TypeId(next + 1)));
    assert_eq!(module.find("event", None), Some(event));
    assert_eq!(module.ty(event).unwrap().name().unwrap(), "event");
    assert_eq!(module.size_of(TypeId(next + 1)).unwrap(), 8);
    let wanted = Wanted::new([("event", Kinds::ALL), ("mod", Kinds::of(Kind::Typedef))]);
    assert_eq!(module.find_many(&wanted), [vec![], vec![TypeId(next + 1)]]);
}

#[test]
fn many_names_are_found_at_once_with_their_flavours() {
    let mut b = BtfBuilder::new();
    let names = [
        "a",
        "a___old",
        "bpf_map",
        "bpf_map_ops",
        "a_b___x__y",
        "longer_than_eight",
    ];
    for name in names {
        b.add_struct(name, 4, &[]);
    }
    b.add_typedef("a", TypeId(1));
    let btf = built(&b, Endian::Big);
    let structs = Kinds::of(Kind::Struct);
    let wanted = Wanted::essential([
        ("longer_than_eight___v2", structs),
        ("a", structs),
        ("a", Kinds::of(Kind::Typedef)),
        ("a_b", structs),
        ("bpf_map", Kinds::ALL),
        ("bpf_ma", Kinds::ALL),
    ]);
    let id = |ids: &[u32]| ids.iter().map(|id| TypeId(*id)).collect::<Vec<_>>();
    let expected = [id(&[6]), id(&[1, 2]), id(&[7]), id(&[5]), id(&[3]), id(&[])];
    assert_eq!(btf.find_many(&wanted), expected);
    assert_eq!(btf.find("a", None), Some(TypeId(1)));
    assert_eq!(btf.find("a", Some(Kind::Typedef)), Some(TypeId(7)));
    assert_eq!(btf.find("a_b", None), None);
}

#[test]
fn damaged_btf_never_panics() {
    let (b, ..) = all_kinds();
    let good = b.to_bytes(Endian::Little).unwrap();
    let mut rng = Random(0x5eed);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        rng.damage(&mut bytes);
        let Ok(btf) = Btf::from_bytes(&bytes) else {
            refused += 1;
            continue;
        };
        read += 1;
        for id in 0..btf.id_end() {
            let id = TypeId(id);
            let _ = (btf.size_of(id), btf.peel(id), btf.decode(id, &[0x5a; 64]));
            let _ = btf.encode(id, "1", &mut [0; 64]);
            let ty = btf.ty(id).unwrap();
            let _ = ty.members().chain([]).filter_map(Result::ok).count();
            let _ = (ty.enumerators().count(), ty.params().count(), ty.int());
        }
        let _ = (btf.find("event", None), dump_c(&btf, &[]));
        let _ = for_upload(&btf, &[], &["handler"], &BtfFeatures::default());
        let _ = for_upload(&btf, &[], &[], &BtfFeatures::ALL);
    }
    assert!(
        read > 5_000 && refused > 500,
        "{read} read, {refused} refused"
    );
}

/// As libbpf prints the same bytes: signs are extended, flags without a name are numbers.
#[test]
fn values_of_every_width_are_decoded_alike_in_both_byte_orders() {
    let mut b = BtfBuilder::new();
    let wide = |b: &mut BtfBuilder, name, signed| {
        let (char, bool, offset, bits) = (false, false, 0, 128);
        let int = Int {
            signed,
            char,
            bool,
            offset,
            bits,
        };
        b.add_int(name, 16, int)
    };
    let i32_ = int(&mut b, "int", 4, true);
    let (i128_, u128_) = (wide(&mut b, "__int128", true), wide(&mut b, "u128", false));
    let (f32_, f64_) = (b.add_float("float", 4), b.add_float("double", 8));
    let flags = b.add_enum("flags", 4, false, &[value("A", 1), value("B", 4)]);
    let neg = b.add_enum("neg", 4, true, &[value("MINUS", -5)]);
    let either = b.add_union("", 4, &[member("i", i32_, 0), member("f", flags, 0)]);
    let members = [
        member("big", i128_, 0),
        member("ubig", u128_, 128),
        member("f", f32_, 256),
        member("flags", flags, 288),
        member("d", f64_, 320),
        member("neg", neg, 384),
        member("either", either, 416),
        bits("low", i32_, 448, 5),
        bits("high", i32_, 453, 27),
    ];
    let id = b.add_struct("all", 60, &members);
    for endian in BOTH {
        let mut bytes = Vec::new();
        let put = |bytes: &mut Vec<u8>, value: u128, len: usize| {
            let all = value.to_le_bytes();
            match endian {
                Endian::Little => bytes.extend(&all[..len]),
                Endian::Big => bytes.extend(all[..len].iter().rev()),
            }
        };
        put(&mut bytes, (-3_i128) as u128, 16);
        put(&mut bytes, u128::MAX, 16);
        put(&mut bytes, 1.5_f32.to_bits().into(), 4);
        put(&mut bytes, 5, 4);
        put(&mut bytes, (-0.25_f64).to_bits().into(), 8);
        put(&mut bytes, (-5_i32) as u32 as u128, 4);
        put(&mut bytes, 4, 4);
        // Five bits of -2, and 27 of -7 after them, from the end that comes first.
        let word = match endian {
            Endian::Little => 0b11110_u32 | ((-7_i32 as u32) << 5),
            Endian::Big => 0b11110 << 27 | (-7_i32 as u32 & 0x07ff_ffff),
        };
        put(&mut bytes, word.into(), 4);
        let text = built(&b, endian).decode(id, &bytes).unwrap().to_string();
        assert_eq!(
            text,
            "{ big = -3, ubig = 340282366920938463463374607431768211455, f = 1.5, flags = 5, \
             d = -0.25, neg = MINUS, either = { i = 4, f = B }, low = -2, high = -7 }",
            "{endian:?}"
        );
    }
}

#[test]
fn pointers_are_as_large_as_a_long() {
    let size = |names: &[(&str, u32)], endian| {
        let mut b = BtfBuilder::new();
        for (name, size) in names {
            int(&mut b, name, *size, false);
        }
        let pointer = b.add_ptr(TypeId::VOID);
        let array = b.add_array(Array {
            element: pointer,
            index: TypeId(1),
            len: 3,
        });
        let btf = built(&b, endian);
        let size = u64::from(btf.pointer_size());
        assert_eq!(btf.size_of(pointer).unwrap(), size);
        assert_eq!(btf.size_of(array).unwrap(), size * 3);
        size
    };
    for endian in BOTH {
        assert_eq!(size(&[("int", 4)], endian), 8, "nothing tells");
        assert_eq!(size(&[("int", 4), ("long unsigned int", 4)], endian), 4);
        assert_eq!(size(&[("long long int", 8), ("long", 4)], endian), 4);
        assert_eq!(size(&[("unsigned long", 8), ("long", 4)], endian), 8);
        for other in [
            "long long",
            "long double",
            "longer",
            "int",
            "",
            "long int int",
        ] {
            assert_eq!(size(&[(other, 4)], endian), 8, "{other}");
        }
        // No machine has such a long.
        assert_eq!(size(&[("long", 2), ("unsigned int long", 4)], endian), 4);
    }
    // What continues types of 32 bits is of 32 bits, whatever it has itself.
    let mut b = BtfBuilder::new();
    int(&mut b, "long", 4, true);
    let base = Arc::new(built(&b, Endian::Little));
    let mut b = BtfBuilder::split(base.clone());
    int(&mut b, "long int", 8, true);
    let bytes = b.to_bytes(Endian::Little).unwrap();
    let split = Btf::parse(Arc::new(bytes), Some(base)).unwrap();
    assert_eq!(split.pointer_size(), 4);
}

#[test]
fn values_of_32_bit_machines_have_small_pointers() {
    let mut b = BtfBuilder::new();
    let long = int(&mut b, "long int", 4, true);
    let pointer = b.add_ptr(TypeId::VOID);
    let members = [member("next", pointer, 0), member("count", long, 32)];
    let node = b.add_struct("node", 8, &members);
    for (endian, bytes) in [
        (
            Endian::Little,
            [0xd0, 0xc0, 0xb0, 0xa0, 0xff, 0xff, 0xff, 0xff],
        ),
        (
            Endian::Big,
            [0xa0, 0xb0, 0xc0, 0xd0, 0xff, 0xff, 0xff, 0xff],
        ),
    ] {
        let text = built(&b, endian).decode(node, &bytes).unwrap().to_string();
        assert_eq!(text, "{ next = 0xa0b0c0d0, count = -1 }");
    }
}
