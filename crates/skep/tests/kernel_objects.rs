//! What the committed objects say of themselves, on the running kernel.

mod common;

use common::{host, load, object, run};
use skep::codec::btf::{Btf, BtfExt, Kind, Type};
use skep::map::Array;
use skep::probe::{Answer, Feature};
use skep::{Errno, MapType};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn every_kind_of_map_is_made_and_filled() {
    let system = host();
    let object = load(&system, &object!("maps"));
    // Seven kinds of map worked, and the jump through slot 1 of the program array led to `tail`.
    assert_eq!(run(&object, "touch"), 107);
    let array = Array::<u64>::try_from(object.map("array").unwrap()).unwrap();
    assert_eq!(array.get(2).unwrap(), Some(7));
    let inner = Array::<u32>::try_from(object.map("inner_b").unwrap()).unwrap();
    assert_eq!(inner.get(0).unwrap(), Some(7), "slot 2 of the outer map");
    let inner = Array::<u32>::try_from(object.map("inner_a").unwrap()).unwrap();
    assert_eq!(inner.get(0).unwrap(), Some(0), "slot 0, not touched");
    let lru = object.map("lru").unwrap();
    assert_eq!(lru.map_type(), MapType::LRU_HASH);
    let value = lru.lookup(&0_u32.to_ne_bytes()).unwrap();
    assert_eq!(value, Some(7_u32.to_ne_bytes().to_vec()));
    let mut ring = object.ring("ring").unwrap();
    let pair: [u32; 2] = ring.next().unwrap().unwrap().read().unwrap();
    assert_eq!(pair, [1, 2]);
    // `tail` alone: the packet's context says nothing of steps.
    assert_eq!(run(&object, "tail"), 100);
}

#[test]
fn slots_of_a_program_array_and_of_an_outer_map_are_set() {
    let system = host();
    let object = load(&system, &object!("maps"));
    let id_at = |map: &str, index: u32| {
        let value = object.map(map).unwrap().lookup(&index.to_ne_bytes());
        value.unwrap().map(|id| {
            let id: [u8; 4] = id.try_into().unwrap();
            u32::from_ne_bytes(id)
        })
    };
    let program = |name: &str| Some(object.program(name).unwrap().id().unwrap());
    assert_eq!(id_at("jumps", 0), None);
    assert_eq!(id_at("jumps", 1), program("tail"));
    assert_eq!(id_at("jumps", 3), program("touch"));
    let map = |name: &str| Some(object.map(name).unwrap().id());
    assert_eq!(id_at("outer", 0), map("inner_a"));
    assert_eq!(id_at("outer", 1), None);
    assert_eq!(id_at("outer", 2), map("inner_b"));
}

#[test]
fn loads_take_the_kernels_width() {
    let system = host();
    let object = load(&system, &object!("width"));
    let links = object.attach_all().unwrap();
    let counter = |name: &str| object.global(name).unwrap().read::<u64>().unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while counter("switches") < 20 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(links);
    assert!(counter("switches") >= 20, "tasks were switched");
    assert_eq!(counter("mismatches"), 0);
}

#[test]
fn statics_assembly_and_declarations_lead_where_they_should() {
    let system = host();
    let object = load(&system, &object!("reach"));
    // 40 and 2 of `.data`, 1 more by a function that is declared first.
    assert_eq!(run(&object, "by_section"), 43);
    assert_eq!(run(&object, "by_section"), 43);
    // 5 a run in `.bss.counts`, 100 a run in the map.
    assert_eq!(run(&object, "by_assembly"), 111);
    assert_eq!(run(&object, "by_assembly"), 211);
    let table = Array::<u64>::try_from(object.map("table").unwrap()).unwrap();
    assert_eq!(table.get(0).unwrap(), Some(200));
    assert_eq!(object.global("seen").unwrap().read::<u64>().unwrap(), 6);
    let counts = object.map(".bss.counts").unwrap();
    assert_eq!(counts.value_size(), 16);
}

#[test]
fn types_that_no_kernel_takes_are_left_out_where_nothing_is_verified_by_them() {
    let system = host();
    let mut spec = object!("socket");
    spec.btf = Some(Arc::new(signed_character()));
    let object = spec.load(&system).unwrap();
    let info = object.programs()[0].info().unwrap();
    assert_eq!((info.btf_id, info.nr_func_info), (0, 0));
    assert_eq!(run(&object, "constant"), 42);
    let [warning] = object.warnings() else {
        panic!("{:?}", object.warnings());
    };
    assert_eq!(warning.errno(), Some(Errno::ENOTSUPP));
    let text = warning.to_string();
    assert!(text.contains("object's types"), "{text}");
    // The kernel's own words.
    assert!(text.contains(": [1] INT char size=1 "), "{text}");
    assert!(
        text.contains(" Unsupported encoding: BPF_BTF_LOAD: "),
        "{text}"
    );
    assert!(load(&system, &object!("socket")).warnings().is_empty());
}

#[test]
fn global_functions_and_callbacks_are_not_loaded_without_their_types() {
    let system = host();
    for (mut spec, program) in [
        (object!("context"), "by_socket"),
        (object!("functions"), "throws"),
    ] {
        spec = common::only(spec, &[program]);
        if let Err(error) = spec.load(&system) {
            // Exceptions, since Linux 6.7.
            assert!(error.to_string().contains("bpf_throw"), "{error}");
            continue;
        }
        let types = spec.btf.as_ref().unwrap();
        spec.btf = Some(Arc::new(with_signed_characters(types)));
        let refused = spec.load(&system).unwrap_err().to_string();
        assert!(refused.contains("upload the object's BTF"), "{refused}");
        // Without function records it is the file that says so.
        spec.ext = BtfExt::default();
        let other = spec.load(&system).map(drop).map_err(|e| e.to_string());
        assert!(!other.is_err_and(|e| e.contains("upload the object's BTF")));
    }
}

/// The same types, `int` a signed character too: refused.
fn with_signed_characters(btf: &Btf) -> Btf {
    let mut bytes = btf.as_bytes().to_vec();
    let words = |words: [u32; 3]| words.map(u32::to_ne_bytes).concat();
    let int = words([1 << 24, 4, 1 << 24 | 32]);
    let at = bytes.windows(12).position(|w| w == int).unwrap();
    bytes[at..at + 12].copy_from_slice(&words([1 << 24, 4, 3 << 24 | 32]));
    Btf::from_bytes(&bytes).unwrap()
}

/// What a type of `newer.bpf.c` needs of the kernel, and what stands for it where that is missing.
fn newer(ty: &Type<'_>) -> Option<(Feature, Kind)> {
    Some(match ty.kind() {
        Kind::Datasec if ty.vlen() == 0 => (Feature::BtfEmptyDatasec, Kind::Struct),
        Kind::Float => (Feature::BtfFloat, Kind::Struct),
        Kind::DeclTag => (Feature::BtfDeclTag, Kind::Int),
        Kind::TypeTag => (Feature::BtfTypeTag, Kind::Const),
        Kind::Enum64 => (Feature::BtfEnum64, Kind::Union),
        _ => return None,
    })
}

#[test]
fn types_newer_than_the_kernel_are_said_otherwise() {
    let system = host();
    let spec = object!("newer");
    let object = load(&system, &spec);
    // 50 bytes are what is left of 64 without their Ethernet header.
    assert_eq!(run(&object, "pick"), 84, "table[50 % 32]");
    let seen: [u64; 4] = object.global("seen").unwrap().read().unwrap();
    assert_eq!(seen, [0, 1 << 40, 0, 1]);
    let kept = Array::<[u64; 4]>::try_from(object.map("kept").unwrap()).unwrap();
    assert_eq!(kept.get(0).unwrap(), Some([0, 0, 0, 1]));
    let info = object.program("pick").unwrap().info().unwrap();
    assert!(info.nr_func_info > 0 && info.nr_line_info > 0, "{info:?}");
    let in_kernel = system.btf_by_id(info.btf_id).unwrap();
    let mut newer_kinds = Vec::new();
    for ty in spec.btf.as_ref().unwrap().iter() {
        let kind = in_kernel.ty(ty.id()).unwrap().kind();
        let expected = match newer(&ty) {
            Some((feature, instead)) => {
                newer_kinds.push(feature);
                match system.probe(feature) {
                    Answer::No => instead,
                    _ => ty.kind(),
                }
            }
            None => ty.kind(),
        };
        assert_eq!(kind, expected, "type {}", ty.id().0);
    }
    newer_kinds.sort();
    newer_kinds.dedup();
    assert_eq!(newer_kinds.len(), 5, "{newer_kinds:?}");
}

/// An integer that is signed and a character, as GCC 12 writes `char`.
fn signed_character() -> Btf {
    let mut bytes = [&0xeb9f_u16.to_ne_bytes()[..], &[1, 0]].concat();
    let words = [24, 0, 16, 16, 8, 1, 1 << 24, 1, 0x0300_0008_u32];
    bytes.extend(words.into_iter().flat_map(u32::to_ne_bytes));
    bytes.extend(b"\0char\0\0\0");
    Btf::from_bytes(&bytes).unwrap()
}
