//! Text to bytes, and values to text and back.

use crate::btf::tests::{BOTH, all_kinds, bits, built, event_bytes, int, member, value};
use crate::btf::{Array, Btf, BtfBuilder, Int, TypeId};
use crate::bytes::Endian;
use crate::{Error, ErrorKind};
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

fn encoded(btf: &Btf, name: &str, text: &str) -> Result<Vec<u8>, String> {
    let id = btf.find(name, None).unwrap();
    let mut bytes = vec![0xaa; btf.size_of(id).unwrap() as usize];
    btf.encode(id, text, &mut bytes)
        .map_err(|e| e.what().to_string())?;
    Ok(bytes)
}

#[test]
fn text_becomes_bytes_of_the_type() {
    let (mut b, ..) = all_kinds();
    let (char_, short) = (TypeId(3), TypeId(2));
    for (name, element, len) in [("text", char_, 4), ("list", short, 3)] {
        let array = b.add_array(Array {
            element,
            index: TypeId(1),
            len,
        });
        b.add_typedef(name, array);
    }
    let btf = built(&b, Endian::Big);
    let ok = |name, text, bytes: &[u8]| {
        assert_eq!(
            encoded(&btf, name, text).as_deref(),
            Ok(bytes),
            "{name} {text}"
        );
    };
    ok("unsigned int", "0xfffffffe", &[255, 255, 255, 254]);
    ok("unsigned int", " 0b11 ", &[0, 0, 0, 3]);
    ok("short", "-2", &[255, 254]);
    ok("short", "-32768", &[128, 0]);
    ok("char", "'\\n'", b"\n");
    ok("_Bool", "true", &[1]);
    ok("color", "RED", &[255, 255, 255, 255]);
    ok("color", "7", &[0, 0, 0, 7]);
    ok("big", "HUGE", &[255, 255, 255, 255, 255, 255, 255, 254]);
    ok("double", "0.5", &0.5_f64.to_be_bytes());
    ok("text", "abc", b"abc\0");
    ok("text", "\"a\\x42\\\"\"", b"aB\"\0");
    ok("text", "full", b"full");
    ok("list", "[1, -1]", &[0, 1, 255, 255, 0, 0]);
    let bad = |name, text, why: &str| {
        assert_eq!(encoded(&btf, name, text).unwrap_err(), why, "{name} {text}");
    };
    bad(
        "unsigned int",
        "0x100000000",
        "4294967296 does not fit 32 bits (unsigned)",
    );
    bad("unsigned int", "-1", "-1 does not fit 32 bits (unsigned)");
    bad("short", "32768", "32768 does not fit 16 bits (signed)");
    bad("_Bool", "2", "2 does not fit 1 bit (unsigned)");
    let named = "'GREEN' is no number and none of RED, BLUE";
    bad("color", "GREEN", named);
    bad("unsigned int", "", "'' is no number");
    bad("unsigned int", "--1", "'--1' is no number");
    bad("unsigned int", "0x-1", "'0x-1' is no number");
    bad("_Bool", "yes", "'yes' is neither true nor false");
    let long = "1".repeat(40);
    let why = format!("{long} does not fit 128 bits");
    bad("unsigned int", &long, &why);
    let none = "expected [VALUE, ...], the text ends";
    bad("list", "", none);
    bad("text", "fully", "5 bytes for an array of 4");
    let members = "pid = VALUE, comm = VALUE, mac = VALUE, ...";
    let why = format!("expected {{ {members} }}, found `1`");
    bad("event", "1", &why);
}

#[test]
fn what_is_decoded_encodes_to_the_same_bytes() {
    let (b, ..) = all_kinds();
    let btf = built(&b, Endian::Little);
    for (name, bytes) in [
        ("unsigned int", vec![1, 2, 3, 4]),
        ("short", vec![0xfe, 0xff]),
        ("color", vec![7, 0, 0, 0]),
        ("color", vec![9, 0, 0, 0]),
        ("big", vec![0xfe, 255, 255, 255, 255, 255, 255, 255]),
        ("_Bool", vec![1]),
    ] {
        let text = btf
            .decode(btf.find(name, None).unwrap(), &bytes)
            .unwrap()
            .to_string();
        assert_eq!(encoded(&btf, name, &text), Ok(bytes), "{text}");
    }
}

/// `decode`, printed, encoded into zeros.
fn there_and_back(btf: &Btf, id: TypeId, bytes: &[u8]) -> Vec<u8> {
    let text = btf.decode(id, bytes).unwrap().to_string();
    let mut back = vec![0; bytes.len()];
    let done = btf.encode(id, &text, &mut back);
    done.unwrap_or_else(|error| panic!("{error}: {text}"));
    back
}

#[test]
fn a_value_of_every_kind_is_printed_and_read_back() {
    let (b, event, data) = all_kinds();
    for endian in BOTH {
        let btf = built(&b, endian);
        let mut bytes = event_bytes(endian);
        // What is behind a NUL is not printed.
        bytes[8] = 0;
        assert_eq!(there_and_back(&btf, event, &bytes), bytes, "{endian:?}");
        let bytes = endian.put_u32(42);
        assert_eq!(there_and_back(&btf, data, &bytes), bytes, "{endian:?}");
    }
}

/// A struct of 100 bytes with all that is hard to print.
fn hard(b: &mut BtfBuilder) -> TypeId {
    let wide = |b: &mut BtfBuilder, name, signed, size: u32| {
        let (char, bool, offset, bits) = (false, false, 0, (size * 8) as u8);
        let int = Int {
            signed,
            char,
            bool,
            offset,
            bits,
        };
        b.add_int(name, size, int)
    };
    let i128_ = wide(b, "__int128", true, 16);
    let u128_ = wide(b, "u128", false, 16);
    let index = int(b, "int", 4, true);
    let byte = int(b, "unsigned char", 1, false);
    let char_ = int(b, "char", 1, true);
    let array = |b: &mut BtfBuilder, element, len| {
        b.add_array(Array {
            element,
            index,
            len,
        })
    };
    let (float, double) = (b.add_float("float", 4), b.add_float("double", 8));
    let one = array(b, byte, 1);
    let none = array(b, byte, 0);
    let text = array(b, char_, 8);
    let texts = array(b, text, 2);
    let row = array(b, index, 2);
    let grid = array(b, row, 2);
    let point = b.add_struct("point", 8, &[member("x", index, 0), member("y", float, 32)]);
    let points = array(b, point, 2);
    let state = b.add_enum("state", 4, true, &[value("UP", 1), value("DOWN", -1)]);
    let states = array(b, state, 2);
    let members = [
        member("big", i128_, 0),
        member("ubig", u128_, 128),
        member("double", double, 256),
        member("one", one, 320),
        member("none", none, 328),
        member("letter", char_, 328),
        bits("low", index, 336, 3),
        bits("", index, 339, 2),
        bits("high", index, 341, 11),
        member("texts", texts, 352),
        member("grid", grid, 480),
        member("points", points, 608),
        member("states", states, 736),
    ];
    b.add_struct("hard", 100, &members)
}

#[test]
fn whatever_the_bytes_they_are_printed_and_read_back() {
    let mut b = BtfBuilder::new();
    let id = hard(&mut b);
    let mut rng = crate::btf::tests::Random(0x7e57);
    for endian in BOTH {
        let btf = built(&b, endian);
        for _ in 0..2000 {
            let mut bytes: Vec<u8> = (0..100).map(|_| rng.next() as u8).collect();
            // Characters up to a NUL, and zeros behind it: what is after it is not printed.
            for text in [44..52, 52..60] {
                let end = text.start + rng.next() as usize % 9;
                for at in text {
                    bytes[at] = if at < end { bytes[at] % 127 + 1 } else { 0 };
                }
            }
            // One bit pattern of all that are no number.
            for at in [80, 88] {
                let number: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
                if f32::from_bits(endian.u32(number)).is_nan() {
                    bytes[at..at + 4].copy_from_slice(&endian.put_u32(f32::NAN.to_bits()));
                }
            }
            let number: [u8; 8] = bytes[32..40].try_into().unwrap();
            if f64::from_bits(endian.u64(number)).is_nan() {
                bytes[32..40].copy_from_slice(&endian.put_u64(f64::NAN.to_bits()));
            }
            let mut back = there_and_back(&btf, id, &bytes);
            // The two nameless bits are not printed.
            let nameless: u16 = match endian {
                Endian::Little => 0b11 << 3,
                Endian::Big => 0b11 << 11,
            };
            for (at, mask) in (42..44).zip(match endian {
                Endian::Little => nameless.to_le_bytes(),
                Endian::Big => nameless.to_be_bytes(),
            }) {
                assert_eq!(back[at] & mask, 0);
                back[at] |= bytes[at] & mask;
            }
            assert_eq!(
                back,
                bytes,
                "{endian:?} {}",
                btf.decode(id, &bytes).unwrap()
            );
        }
    }
}

fn hard_types(endian: Endian) -> (Btf, TypeId) {
    let mut b = BtfBuilder::new();
    let id = hard(&mut b);
    (built(&b, endian), id)
}

#[test]
fn json_is_read_too() {
    let (btf, id) = hard_types(Endian::Little);
    let json = r#" {
        "big": "-170141183460469231731687303715884105728", "ubig": 7, "double": 0.5,
        "one": "ff", "none": "", "letter": 200, "low": -1, "high": -1024,
        "texts": ["a\"\\\u00e9", "\ud83d\ude00,]"],
        "grid": [[1, 2], [3, 4]], "points": [{"x": 1, "y": 2.5}, {"x": -1, "y": -2}],
        "states": ["UP", -1]
    } "#;
    let mut bytes = vec![0; 100];
    btf.encode(id, json, &mut bytes).unwrap();
    assert_eq!(
        btf.decode(id, &bytes).unwrap().to_string(),
        format!(
            "{{ big = {}, ubig = 7, double = 0.5, one = [0xff], none = [], letter = 200, \
             low = -1, high = -1024, texts = [\"a\\\"\\\\é\", \"😀,]\"], \
             grid = [[1, 2], [3, 4]], points = [{{ x = 1, y = 2.5 }}, {{ x = -1, y = -2 }}], \
             states = [UP, DOWN] }}",
            i128::MIN
        )
    );
}

#[test]
fn parts_are_set_and_the_rest_stays() {
    let (b, event, data) = all_kinds();
    for endian in BOTH {
        let btf = built(&b, endian);
        let mut bytes = event_bytes(endian);
        for (path, text) in [
            ("pid", "7"),
            (".mac", "01:02:03:04"),
            ("pair[1]", "-1"),
            ("high", "15"),
            ("comm", "it's, [so]"),
            ("color", "BLUE"),
        ] {
            let done = btf.assign(event, path, text, &mut bytes);
            match (path, done) {
                ("comm", Err(error)) => assert_eq!(error.kind(), ErrorKind::TooLarge),
                ("high", done) => assert_eq!(done.unwrap(), 20..21),
                ("pair[1]", done) => assert_eq!(done.unwrap(), 18..20),
                (_, done) => drop(done.unwrap()),
            }
        }
        btf.assign(event, "comm", "a, b", &mut bytes).unwrap();
        btf.assign(event, "", "{ low = 2, letter = '\\'' }", &mut bytes)
            .unwrap();
        let text = btf.decode(event, &bytes).unwrap().to_string();
        let raw = match endian {
            Endian::Little => 0xffff_fffe_u32,
            Endian::Big => 0xfffe_ffff,
        };
        assert_eq!(
            text,
            format!(
                "{{ pid = 7, comm = \"a, b\", mac = [01 02 03 04], raw = {raw}, pair = [-2, -1], \
                 low = 2, high = 15, ok = true, letter = '\\'', color = BLUE, ratio = 0.5, \
                 big = HUGE, next = 0xffff888000001000 }}"
            )
        );
        let mut bytes = [0xff; 4];
        let part = btf.assign(data, "counter", "3", &mut bytes).unwrap();
        assert_eq!(part, 0..4);
        assert_eq!(bytes, endian.put_u32(3));
        btf.assign(event, "mac", "10.0.0.1", &mut event_bytes(endian))
            .unwrap();
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let (btf, id) = hard_types(Endian::Little);
    let mut bytes = [0x11; 100];
    let mut wrong = |path: &str, text: &str| -> (ErrorKind, Option<u64>, String) {
        let before = bytes;
        let error = btf.assign(id, path, text, &mut bytes).unwrap_err();
        assert_eq!(bytes, before, "{path} {text}");
        (error.kind(), error.offset(), error.what().to_string())
    };
    let malformed = |at, what: &str| (ErrorKind::Malformed, at, what.to_string());
    for (path, text, expected) in [
        ("", "1", malformed(None, "expected { big = VALUE, ubig = VALUE, double = VALUE, one = VALUE, ... }, found `1`")),
        ("", "{ big = x }", malformed(Some(8), "'x' is no number")),
        ("", "{ big 1 }", malformed(Some(6), "expected = after the name of a member, found `1 }`")),
        ("", "{ big = 1 ubig = 2 }", malformed(Some(8), "'1 ubig = 2' is no number")),
        ("", "{ one = [1] big = 2 }", malformed(Some(12), "expected a comma or }, found `big = 2 }`")),
        ("", "{ = 1 }", malformed(Some(2), "expected the name of a member, found `= 1 }`")),
        ("", "{ big = 1", malformed(Some(9), "expected a comma or }, the text ends")),
        ("", "{ big = 1,", malformed(Some(10), "expected the name of a member, the text ends")),
        ("", "{} and this is too long", malformed(Some(3), "expected the end, found `and this is too ...`")),
        ("texts", "[\"a\", \"b]", malformed(Some(6), "text without its closing quote")),
        ("texts[0]", "\"\\q\"", malformed(None, "a backslash before nothing known")),
        ("texts[0]", "\"\\u12\"", malformed(None, "\\u without the digits of a character")),
        ("texts[0]", "\"\\ud83d\\u0041\"", malformed(None, "\\u without the digits of a character")),
        ("one", "\"f\"", malformed(None, "expected bytes: two hex digits each, or an address")),
        ("grid", "1, 2", malformed(None, "expected [VALUE, ...], found `1, 2`")),
        ("points", "{x = 1}", malformed(None, "expected [VALUE, ...], found `{x = 1}`")),
        ("grid[1]", "1 2", malformed(None, "'1 2' is no number")),
        ("low", "4", (ErrorKind::TooLarge, None, "4 does not fit 3 bits (signed)".to_string())),
        ("letter", "256", (ErrorKind::TooLarge, None, "256 does not fit 8 bits (signed)".to_string())),
        ("grid", "[[1, 2], [3, 4], []]", (ErrorKind::TooLarge, Some(17), "more than the 2 elements of the array".to_string())),
        ("none", "[1]", (ErrorKind::TooLarge, Some(1), "more than the 0 elements of the array".to_string())),
        ("points[2]", "{}", (ErrorKind::NotFound, None, "`points[2]`: the array has 2 elements".to_string())),
        ("", "{ low = 1, point = 2 }", (ErrorKind::NotFound, Some(11),
            "struct `hard` has no `point`; it has big, ubig, double, one, none, letter, low, high, texts, grid, points, states".to_string())),
        ("grid.x", "1", (ErrorKind::Mismatch, None, "`grid.x`: an array has no member `x`".to_string())),
        ("[1]", "1", (ErrorKind::Mismatch, None, "`[1]`: a struct has no elements".to_string())),
        ("big.x", "1", (ErrorKind::Mismatch, None, "`big.x`: a number has no member `x`".to_string())),
    ] {
        assert_eq!(wrong(path, text), expected, "{path} {text}");
    }
}

#[test]
fn pointers_are_not_followed_into_what_is_not_there() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let inner = b.add_struct("inner", 4, &[member("x", int_, 0)]);
    let pointer = b.add_ptr(inner);
    let outer = b.add_struct("outer", 8, &[member("p", pointer, 0)]);
    let btf = built(&b, Endian::Little);
    let mut bytes = [0; 8];
    let error: Error = btf.assign(outer, "p.x", "1", &mut bytes).unwrap_err();
    assert_eq!(error.to_string(), "`p.x` leads through a pointer");
    btf.assign(outer, "p", "0x10", &mut bytes).unwrap();
    assert_eq!(bytes, 16_u64.to_le_bytes());
}

#[test]
fn members_that_lie_about_their_place_are_refused() {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let outside = [member("x", int_, 64), bits("y", int_, 64, 3)];
    let id = b.add_struct("liar", 4, &outside);
    let btf = built(&b, Endian::Little);
    for text in ["{ x = 1 }", "{ y = 1 }"] {
        let error = btf.encode(id, text, &mut [0; 4]).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Truncated),
            "{error}"
        );
    }
}

/// Any text for any type: an error or a value, never a panic, and what is taken can be printed.
#[test]
fn damaged_text_never_panics() {
    let (btf, id) = hard_types(Endian::Big);
    let mut rng = crate::btf::tests::Random(0xfeed);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..100).map(|_| rng.next() as u8 % 120).collect();
        let mut text = btf.decode(id, &bytes).unwrap().to_string().into_bytes();
        rng.damage(&mut text);
        let text = String::from_utf8_lossy(&text);
        match btf.encode(id, &text, &mut bytes) {
            Ok(()) => {
                taken += 1;
                assert!(!btf.decode(id, &bytes).unwrap().to_string().is_empty());
            }
            Err(error) => {
                refused += 1;
                assert!(
                    error.offset().unwrap_or(0) <= text.len() as u64,
                    "{error}: {text}"
                );
            }
        }
    }
    assert!(taken > 1000 && refused > 1000, "{taken} {refused}");
}
