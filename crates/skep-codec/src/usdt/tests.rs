use super::*;
use crate::ErrorKind;
use elf::abi;
use std::vec;

fn note(endian: Endian, is_64: bool, words: [u64; 3], texts: &[u8]) -> Vec<u8> {
    let mut desc = Vec::new();
    for word in words {
        match is_64 {
            true => desc.extend(endian.put_u64(word)),
            false => desc.extend(endian.put_u32(word as u32)),
        }
    }
    desc.extend(texts);
    let mut out = Vec::new();
    for word in [8, desc.len() as u32, 3] {
        out.extend(endian.put_u32(word));
    }
    out.extend(b"stapsdt\0");
    out.extend(&desc);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

const TEXTS: &[u8] = b"libc\0setjmp\08@%rdi -4@%esi\0";

#[test]
fn notes_are_read_in_every_form() {
    for endian in [Endian::Little, Endian::Big] {
        for is_64 in [true, false] {
            let mut bytes = note(endian, is_64, [0x1000, 0x500, 0], TEXTS);
            // Another's note between.
            for word in [4, 2, 1] {
                bytes.extend(endian.put_u32(word));
            }
            bytes.extend(b"GNU\0\x01\x02\0\0");
            bytes.extend(note(endian, is_64, [0x2000, 0x500, 0x3000], b"p\0n\0\0"));
            let read = |base| parse(&bytes, endian, is_64, base).unwrap();
            let first = Note {
                provider: "libc".into(),
                name: "setjmp".into(),
                args: "8@%rdi -4@%esi".into(),
                address: 0x1000,
                semaphore: 0,
            };
            assert_eq!(read(None)[0], first);
            assert_eq!(read(Some(0x500))[0], first);
            // Moved up, and down, as prelinking does.
            let notes = read(Some(0x700));
            assert_eq!((notes[0].address, notes[0].semaphore), (0x1200, 0));
            assert_eq!((notes[1].address, notes[1].semaphore), (0x2200, 0x3200));
            assert_eq!(read(Some(0x400))[1].semaphore, 0x2f00);
            assert_eq!(notes.len(), 2);
            for len in 1..bytes.len() - 3 {
                let _ = parse(&bytes[..len], endian, is_64, None);
            }
            assert!(parse(&bytes[..11], endian, is_64, None).is_err());
            for at in 0..bytes.len() {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut changed = bytes.clone();
                    changed[at] = value;
                    let _ = parse(&changed, endian, is_64, None);
                }
            }
        }
    }
    let nameless = note(Endian::Little, true, [1, 2, 3], b"\0n\0\0");
    assert!(parse(&nameless, Endian::Little, true, None).is_err());
    let cut = note(Endian::Little, true, [1, 2, 3], b"p\0n\0args");
    assert!(parse(&cut, Endian::Little, true, None).is_err());
}

fn memory(register: u16, offset: i64) -> Location {
    Location::Memory {
        register,
        offset,
        index: None,
    }
}

fn indexed(register: u16, offset: i64, index: u16, shift: u8) -> Location {
    Location::Memory {
        register,
        offset,
        index: Some((index, shift)),
    }
}

#[test]
fn arguments_are_where_each_machine_says() {
    let cases: &[(u16, &str, i8, Location)] = &[
        (abi::EM_X86_64, "-4@%eax", -4, Location::Register(80)),
        (abi::EM_X86_64, "8@%r15", 8, Location::Register(0)),
        (abi::EM_X86_64, "1@%sil", 1, Location::Register(104)),
        (abi::EM_X86_64, "2@%r8w", 2, Location::Register(72)),
        (abi::EM_X86_64, "-4@$-9", -4, Location::Constant(-9)),
        (
            abi::EM_X86_64,
            "8@$18446744073709551615",
            8,
            Location::Constant(-1),
        ),
        (abi::EM_X86_64, "-4@-1204(%rbp)", -4, memory(32, -1204)),
        (abi::EM_X86_64, "8@(%rsp)", 8, memory(152, 0)),
        (
            abi::EM_X86_64,
            "8@16(%rax,%rbx,4)",
            8,
            indexed(80, 16, 40, 2),
        ),
        (
            abi::EM_X86_64,
            "8@-8(%rax,%rbx,8)",
            8,
            indexed(80, -8, 40, 3),
        ),
        (abi::EM_X86_64, "2@(%rax,%rbx,2)", 2, indexed(80, 0, 40, 1)),
        (abi::EM_X86_64, "8@(%rdi, %rcx)", 8, indexed(112, 0, 88, 0)),
        (abi::EM_AARCH64, "-8@x4", -8, Location::Register(32)),
        (abi::EM_AARCH64, "4@w30", 4, Location::Register(240)),
        (abi::EM_AARCH64, "-4@[sp, 96]", -4, memory(248, 96)),
        (abi::EM_AARCH64, "8@[x19]", 8, memory(152, 0)),
        (abi::EM_AARCH64, "4@-5", 4, Location::Constant(-5)),
        (abi::EM_S390, "8@%r2", 8, Location::Register(40)),
        (abi::EM_S390, "-2@-28(%r15)", -2, memory(144, -28)),
        (abi::EM_S390, "4@71", 4, Location::Constant(71)),
        (abi::EM_RISCV, "8@a0", 8, Location::Register(80)),
        (abi::EM_RISCV, "-8@-88(s0)", -8, memory(64, -88)),
        (abi::EM_RISCV, "4@5", 4, Location::Constant(5)),
    ];
    for (machine, text, size, location) in cases {
        let wanted = Arg {
            location: *location,
            size: size.unsigned_abs(),
            signed: *size < 0,
        };
        assert_eq!(args(text, *machine).unwrap(), [wanted], "{text}");
        let twice = std::format!("  {text}\t{text} ");
        assert_eq!(args(&twice, *machine).unwrap(), [wanted, wanted], "{text}");
    }
    assert_eq!(args("", abi::EM_X86_64).unwrap(), []);
}

#[test]
fn what_cannot_be_read_is_refused() {
    for text in [
        "8f@%xmm0",
        "8@%xmm0",
        "3@%eax",
        "-128@%eax",
        "8@",
        "@%eax",
        "8",
        "8@foo(%rip)",
        "8@8(%rax,%rbx,3)",
        "8@8(%rax,%rbx,4,1)",
        "8@%",
        "8@()",
        "8@(%rax",
        "8@$",
    ] {
        let error = args(text, abi::EM_X86_64).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}");
    }
    for text in ["8@x31", "8@x+1", "8@[sp", "8@[sp, x]", "8@%x0"] {
        assert!(args(text, abi::EM_AARCH64).is_err(), "{text}");
    }
    for text in ["8@%r16", "8@r1", "8@%f0"] {
        assert!(args(text, abi::EM_S390).is_err(), "{text}");
    }
    assert!(args("8@a0", abi::EM_ARM).is_err());
    let many = "8@$1 ".repeat(MAX_ARGS);
    assert_eq!(args(&many, abi::EM_X86_64).unwrap().len(), MAX_ARGS);
    let error = args(&(many + "8@$1"), abi::EM_X86_64).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn programs_are_told_in_their_own_layout() {
    let args = args("-4@-20(%rbp) 1@%cl 8@8(%rax,%rbx,4)", abi::EM_X86_64).unwrap();
    let bytes = spec(&args, 0x1122_3344_5566_7788, Endian::Little);
    let mut wanted = vec![0; SPEC_LEN];
    wanted[..16].copy_from_slice(&[
        236, 255, 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 32, 0, 1, 32,
    ]);
    wanted[16..32].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 88, 0, 0, 56]);
    wanted[32..48].copy_from_slice(&[8, 0, 0, 0, 0, 0, 0, 0, 3, 40, 32, 0, 80, 0, 0, 0]);
    wanted[192..202].copy_from_slice(&[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 3, 0]);
    assert_eq!(bytes[..], wanted[..]);
    let big = spec(&args[..1], 1, Endian::Big);
    assert_eq!(
        big[..16],
        [
            255, 255, 255, 255, 255, 255, 255, 236, 0, 0, 0, 2, 0, 32, 1, 32
        ]
    );
    assert_eq!(big[192..202], [0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
}
