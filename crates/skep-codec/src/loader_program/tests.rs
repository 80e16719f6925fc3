use super::*;
use crate::ErrorKind;
use std::string::ToString;

macro_rules! object {
    ($name:literal, $end:literal) => {{
        let bytes = include_bytes!(concat!("../../../../testdata/", $name, ".bpf.", $end, ".o"));
        ObjectSpec::parse(bytes, concat!($name, ".bpf.o")).expect("committed object")
    }};
    ($name:literal) => {
        object!($name, "el")
    };
}

fn made(spec: &ObjectSpec) -> LoaderProgram {
    LoaderProgram::new(spec, &LoaderOptions::default()).expect("a loader program")
}

/// Why there is no loader program of an object with only this program and its maps.
fn refused(mut spec: ObjectSpec, program: &str) -> String {
    for other in &mut spec.programs {
        other.autoload = other.name == program;
    }
    let options = LoaderOptions::default();
    let error = LoaderProgram::new(&spec, &options).expect_err(program);
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    error.to_string()
}

#[test]
fn equal_objects_give_equal_bytes_in_both_byte_orders() {
    let little = made(&object!("maps"));
    assert_eq!(little, made(&object!("maps")));
    let big = made(&object!("maps", "eb"));
    assert_eq!(big.endian, Endian::Big);
    assert_eq!(little.insns.len(), big.insns.len());
    assert_eq!(little.blob.len(), big.blob.len());
    assert_eq!((&little.maps, &little.programs), (&big.maps, &big.programs));
    let names: Vec<&str> = little.maps.iter().map(|map| &*map.name).collect();
    assert_eq!(names[..4], ["inner_a", "inner_b", "outer", "jumps"]);
    // Type, key, value and entries of the first maps, at its attributes.
    let first = |endian: Endian| [2_u32, 4, 4, 1].map(|word| endian.put_u32(word)).concat();
    for (loader, endian) in [(&little, Endian::Little), (&big, Endian::Big)] {
        let mut windows = loader.blob.windows(16);
        assert!(windows.any(|window| window == first(endian)));
    }
}

#[test]
fn what_only_a_process_can_do_is_named() {
    for (spec, program, why) in [
        (object!("ops"), "ssthresh", "its struct has to be matched"),
        (object!("arena"), "count", "an arena has to be mapped"),
        (
            object!("pinned"),
            "next",
            "`pinned_count`: it is to be shared by a pin",
        ),
        (
            object!("replace"),
            "plus_ten",
            "`plus_ten` (?freplace/plus_one): the program",
        ),
        (object!("usdt"), "hit", "the arguments of its probes"),
        (object!("jumps"), "by_table", "it has jump tables"),
        (
            object!("modules"),
            "sent_by_module",
            "its target names a module",
        ),
        (
            object!("externs"),
            "config",
            "the value of `CONFIG_BPF`: give it as",
        ),
    ] {
        let text = refused(spec, program);
        assert!(text.contains(why), "{program}: {text}");
    }
}

#[test]
fn the_kernels_configuration_is_given() {
    let options = LoaderOptions {
        kconfig: "LINUX_KERNEL_VERSION=331264\nCONFIG_BPF=y\nCONFIG_HZ=250\n\
                  CONFIG_NO_SUCH_OPTION=n\nCONFIG_DEFAULT_HOSTNAME=\"skep\"\n",
        ..LoaderOptions::default()
    };
    let loader = LoaderProgram::new(&object!("externs"), &options).unwrap();
    let version = 331_264_u32.to_le_bytes();
    assert!(loader.blob.windows(4).any(|bytes| bytes == version));
    assert!(loader.blob.windows(5).any(|bytes| bytes == b"skep\0"));
    let names: Vec<&str> = loader.variables.iter().map(|v| &*v.name).collect();
    assert!(names.contains(&"CONFIG_HZ"), "{names:?}");
    let options = LoaderOptions {
        kconfig: "LINUX_KERNEL_VERSION=new",
        ..options
    };
    let error = LoaderProgram::new(&object!("externs"), &options).unwrap_err();
    assert!(error.to_string().contains("sets no number"), "{error}");
}

#[test]
fn a_signed_one_knows_the_digest_of_its_data() {
    let options = LoaderOptions {
        signed: true,
        ..LoaderOptions::default()
    };
    let mut spec = object!("globals");
    let one = LoaderProgram::new(&spec, &options).unwrap();
    assert_ne!(one.insns, made(&spec).insns);
    let digest = crate::sha256::sha256(&one.blob);
    let (words, _) = digest.as_chunks::<4>();
    for word in words.iter().map(|word| i32::from_le_bytes(*word)) {
        assert!(one.insns.iter().any(|insn| insn.imm == word));
    }
    spec.variable("ro_u8").unwrap().set_bytes(&[2]).unwrap();
    let other = LoaderProgram::new(&spec, &options).unwrap();
    assert_eq!(one.insns.len(), other.insns.len());
    assert_ne!(one.signed_bytes(), other.signed_bytes());
    assert_ne!(one.digest(), other.digest());
    assert_ne!(one.signed_digest(), one.digest());
    let mut perf = object!("loader");
    let error = LoaderProgram::new(&perf, &options).unwrap_err();
    assert!(error.to_string().contains("`events`"), "{error}");
    perf.map_mut("events").unwrap().max_entries = 4;
    assert!(LoaderProgram::new(&perf, &options).is_ok());
}

#[test]
fn what_is_kept_is_read_and_nothing_else() {
    for spec in [object!("maps"), object!("globals", "eb"), object!("core")] {
        let mut loader = made(&spec);
        loader.signature = alloc::vec![0x30, 0x80];
        loader.insns_signature = alloc::vec![0x30, 0x81];
        let bytes = loader.to_bytes();
        assert_eq!(LoaderProgram::from_bytes(&bytes).unwrap(), loader);
        for len in 0..bytes.len() {
            assert!(LoaderProgram::from_bytes(&bytes[..len]).is_err(), "{len}");
        }
        let kind = |bytes: &[u8]| LoaderProgram::from_bytes(bytes).unwrap_err().kind();
        assert_eq!(kind(&[&bytes[..], &[0]].concat()), ErrorKind::Malformed);
        let mut newer = bytes.clone();
        newer[8] = 2;
        assert_eq!(kind(&newer), ErrorKind::Unsupported);
        let mut short = bytes.clone();
        short[20..24].copy_from_slice(&8_u32.to_le_bytes());
        assert_eq!(kind(&short), ErrorKind::Malformed);
    }
}

#[test]
fn steps_are_told_apart() {
    let steps = [
        Step::None,
        Step::CheckData,
        Step::LoadBtf,
        Step::CreateInner(1),
        Step::CreateMap(1),
        Step::FillMap(1),
        Step::FreezeMap(1),
        Step::FillSlots(1),
        Step::FindSymbol(1),
        Step::FindTarget(1),
        Step::LoadProgram(1),
    ];
    let loader = made(&object!("maps"));
    let mut texts = alloc::collections::BTreeSet::new();
    for step in steps {
        assert_eq!(Step::from_raw(step.raw()), step);
        assert!(texts.insert(loader.describe(step)), "{step:?}");
    }
    assert!(texts.contains("create map `inner_b`"), "{texts:?}");
    assert!(texts.contains("load program `touch`"), "{texts:?}");
    assert_eq!(Step::from_raw(u32::MAX), Step::None);
}
