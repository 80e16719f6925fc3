use super::*;
use std::string::ToString;
use std::vec;

/// A record with these fields.
fn record(endian: Endian, fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in fields {
        body.extend([*kind, 0]);
        body.extend(endian.put_u16(value.len() as u16));
        body.extend([0; 4]);
        body.extend(*value);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let mut bytes = vec![VERSION, 3];
    bytes.extend(endian.put_u16(24 + body.len() as u16));
    bytes.extend(endian.put_u32(77));
    bytes.extend(endian.put_u64(123_456));
    bytes.extend(endian.put_u32(5));
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes
}

fn shown(message: &str, fields: &[(u8, &[u8])]) -> String {
    let endian = Endian::Little;
    let mut all = vec![(MESSAGE, message.as_bytes())];
    all.extend(fields);
    decode(&record(endian, &all), endian).unwrap().to_string()
}

#[test]
fn every_kind_in_both_byte_orders() {
    for endian in [Endian::Little, Endian::Big] {
        let number = |value: i64| endian.put_u64(value as u64);
        let fields: [(u8, &[u8]); 13] = [
            (TARGET, b"net\0"),
            (FILE, b"x.bpf.c\0"),
            (MESSAGE, b"{} {} {} {} {} {} {} {} {} {}\0"),
            (1, &number(-1)),
            (2, &number(-1)),
            (3, &number(1)),
            (4, &number(i64::from(b'c'))),
            (5, &number(0x1000)),
            (6, b"name\0rest"),
            (7, &[1, 2, 0xab]),
            (8, &[127, 0, 0, 1]),
            (9, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            (10, &[2, 0, 0, 0, 0, 0xff]),
        ];
        let bytes = record(endian, &fields);
        let entry = decode(&bytes, endian).unwrap();
        assert_eq!((entry.level, entry.line, entry.cpu), (3, 77, 5));
        assert_eq!((entry.time_ns, &*entry.target), (123_456, "net"));
        assert_eq!(&*entry.file, "x.bpf.c");
        let text =
            "18446744073709551615 -1 true c 0x1000 name 0102ab 127.0.0.1 ::1 02:00:00:00:00:ff";
        assert_eq!(entry.to_string(), text);
        // What a transport adds does not show.
        let longer = [bytes.clone(), vec![1; 7]].concat();
        assert_eq!(decode(&longer, endian).as_ref(), Ok(&entry));
    }
}

#[test]
fn places_and_arguments_need_not_agree() {
    let (a, b) = (255_u64.to_le_bytes(), (-2_i64).to_le_bytes());
    let (a, b) = ((1, &a[..]), (2, &b[..]));
    assert_eq!(shown("{:x} {:#X} {:b}", &[a, a, a]), "ff 0xFF 11111111");
    assert_eq!(
        shown("{:o} {:#o} {:#b}", &[a, a, a]),
        "377 0o377 0b11111111"
    );
    assert_eq!(shown("{:x}", &[b]), "fffffffffffffffe");
    assert_eq!(shown("{{}} {}", &[a]), "{} 255");
    assert_eq!(shown("{} and {}", &[a]), "255 and {}");
    assert_eq!(shown("only", &[a, b]), "only [255, -2]");
    assert_eq!(shown("{:?} {name} {}", &[a]), "{:?} {name} 255");
    assert_eq!(shown("open { {", &[a]), "open { { [255]");
    assert_eq!(shown("} close é {}", &[b]), "} close é -2");
}

/// `{:x}` of a negative number has the digits of its type, if the record tells.
#[test]
fn negative_numbers_are_as_wide_as_their_types() {
    let endian = Endian::Little;
    let hex = |value: i64, width: u8| {
        let fields: [(u8, &[u8]); 2] = [(MESSAGE, b"{:x} {}"), (2, &value.to_le_bytes())];
        let mut bytes = record(endian, &fields);
        let at = bytes.len() - 15;
        bytes[at] = width;
        decode(&bytes, endian).unwrap().to_string()
    };
    for (value, width, shown) in [
        (-1, 1, "ff {}"),
        (-128, 1, "80 {}"),
        (-2, 2, "fffe {}"),
        (-2, 4, "fffffffe {}"),
        (i64::MIN, 8, "8000000000000000 {}"),
        (-1, 0, "ffffffffffffffff {}"),
        (-1, 255, "ffffffffffffffff {}"),
        // A number that cannot be of this type is shown whole.
        (-129, 1, "ffffffffffffff7f {}"),
        (300, 1, "12c {}"),
        (127, 1, "7f {}"),
    ] {
        assert_eq!(hex(value, width), shown, "{value} of {width}");
    }
}

#[test]
fn what_is_unknown_is_shown() {
    let cut: (u8, &[u8]) = (8, &[1, 2]);
    assert_eq!(
        shown("{} {}", &[(99, &[1, 2]), cut]),
        "<kind 99: 0102> <kind 8: 0102>"
    );
    assert_eq!(shown("{}", &[(6, b"\xff\xfeab")]), "\u{fffd}\u{fffd}ab");
    assert_eq!(shown("{}", &[(4, &200_u64.to_le_bytes())]), "\\xc8");
    assert_eq!(shown("{}", &[(6, b"")]), "");
}

#[test]
fn other_versions_and_cut_records_are_errors() {
    let endian = Endian::Little;
    let whole = record(endian, &[(MESSAGE, b"message"), (1, &[0; 8])]);
    for len in 0..whole.len() {
        assert!(decode(&whole[..len], endian).is_err(), "{len}");
    }
    let mut newer = whole.clone();
    newer[0] = 2;
    let error = decode(&newer, endian).unwrap_err();
    assert_eq!(error.what(), "a log record of version 2");
    // A size that ends within a field.
    let mut cut = whole.clone();
    cut[2] -= 8;
    assert!(decode(&cut, endian).is_err());
    let mut long = whole;
    long[26] = 0xff;
    assert!(decode(&long, endian).is_err());
}
