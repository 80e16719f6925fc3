//! The running kernel's BTF, where there is one.

use skep_codec::btf::{Btf, Kind, Kinds, Wanted};
use std::sync::Arc;

const PATH: &str = "/sys/kernel/btf/vmlinux";

fn vmlinux() -> Option<Btf> {
    let Ok(bytes) = std::fs::read(PATH) else {
        eprintln!("SKIPPED: no {PATH}");
        return None;
    };
    Some(Btf::parse(Arc::new(bytes), None).unwrap())
}

#[test]
fn names_found_by_the_scan_are_those_that_iteration_finds() {
    let Some(btf) = vmlinux() else { return };
    let names = [
        "task_struct",
        "u8",
        "int",
        "bpf_map",
        "list_head",
        "pid_t",
        "no_such_type",
    ];
    let wanted = Wanted::new(names.iter().map(|name| (*name, Kinds::ALL)));
    let found = btf.find_many(&wanted);
    for (name, ids) in names.iter().zip(&found) {
        let slow: Vec<_> = btf
            .iter()
            .filter(|ty| ty.name().unwrap() == *name)
            .map(|ty| ty.id())
            .collect();
        assert_eq!(*ids, slow, "{name}");
        assert_eq!(btf.find(name, None), slow.first().copied(), "{name}");
    }
    assert!(found[0].len() == 1 && found[6].is_empty());
}

#[test]
fn members_lie_inside_their_structs() {
    let Some(btf) = vmlinux() else { return };
    let mut seen = 0;
    for ty in btf.iter().filter(|ty| ty.kind() == Kind::Struct) {
        let bits = u64::from(ty.size().unwrap()) * 8;
        for member in ty.members() {
            let member = member.unwrap();
            let width = match member.bit_size {
                0 => btf.size_of(member.ty).unwrap() * 8,
                width => u64::from(width),
            };
            assert!(
                u64::from(member.bit_offset) + width <= bits,
                "{ty:?}.{}",
                member.name
            );
            seen += 1;
        }
    }
    assert!(seen > 1000, "{seen} members");
}

/// `cargo test --release -p skep-codec --test vmlinux -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn time_to_open_and_find() {
    let bytes: Arc<Vec<u8>> = Arc::new(std::fs::read(PATH).unwrap());
    let names: Vec<String> = {
        let btf = Btf::parse(bytes.clone(), None).unwrap();
        let structs = btf.iter().filter(|ty| ty.kind() == Kind::Struct);
        let named = structs.filter_map(|ty| ty.name().ok().filter(|n| !n.is_empty()));
        named.step_by(97).take(72).map(String::from).collect()
    };
    let best = |what: &str, run: &mut dyn FnMut()| {
        let times = (0..50).map(|_| {
            let start = std::time::Instant::now();
            run();
            start.elapsed()
        });
        println!("{what}: {:?}", times.min().unwrap());
    };
    best("parse", &mut || {
        drop(Btf::parse(bytes.clone(), None).unwrap())
    });
    let btf = Btf::parse(bytes.clone(), None).unwrap();
    best("find a struct", &mut || {
        assert!(btf.find("task_struct", Some(Kind::Struct)).is_some())
    });
    best("find a function that is not there", &mut || {
        assert!(btf.find("no_such", Some(Kind::Func)).is_none())
    });
    best("find anything that is not there", &mut || {
        assert!(btf.find("no_such", None).is_none())
    });
    let kinds = [Kind::Union, Kind::Enum, Kind::Typedef, Kind::Int];
    let kinds = kinds.iter().fold(Kinds::of(Kind::Struct), |all, kind| {
        all.or(Kinds::of(*kind))
    });
    best("find 72 names", &mut || {
        let wanted = Wanted::essential(names.iter().map(|name| (name.as_str(), kinds)));
        assert!(btf.find_many(&wanted).iter().all(|ids| !ids.is_empty()));
    });
}
