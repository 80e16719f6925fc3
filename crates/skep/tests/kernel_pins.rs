//! What is pinned in a bpffs.

mod common;

use common::{host, load, make, object, own_bpffs};
use skep::sys::bpf::ObjKind;
use skep::{ErrorKind, Map, MapType, Program};

#[test]
fn everything_in_a_bpffs_is_listed_by_path() {
    let dir = own_bpffs();
    let system = host();
    assert!(system.pinned(&dir).unwrap().is_empty());
    let map = make(&system, MapType::ARRAY, 4, 4);
    let object = load(&system, &object!("socket"));
    let program = object.program("constant").unwrap();
    for below in ["a", "a/b", "c"] {
        std::fs::create_dir(format!("{dir}/{below}")).unwrap();
    }
    let pins = ["map", "a/b/program", "a/map"].map(|name| format!("{dir}/{name}"));
    map.pin(&pins[0]).unwrap();
    program.pin(&pins[1]).unwrap();
    map.pin(&pins[2]).unwrap();
    let found = system.pinned(&format!("{dir}/")).unwrap();
    let found = found.iter().map(|(path, pinned)| {
        let pinned = pinned.as_ref().unwrap();
        (path.as_str(), pinned.kind, pinned.id)
    });
    let expected = [
        (pins[1].as_str(), ObjKind::Prog, program.id().unwrap()),
        (pins[2].as_str(), ObjKind::Map, map.id()),
        (pins[0].as_str(), ObjKind::Map, map.id()),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);

    // A pin is opened as what it is, and as nothing else.
    assert_eq!(Map::from_pin(&system, &pins[0]).unwrap().id(), map.id());
    let error = Map::from_pin(&system, &pins[1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let opened = Program::from_pin(&system, &pins[1]).unwrap();
    assert_eq!(opened.id().unwrap(), program.id().unwrap());
    let error = Program::from_pin(&system, &pins[0]).unwrap_err();
    assert!(error.to_string().ends_with("is no program"), "{error}");

    assert_eq!(
        system.pinned("/proc").unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert!(system.pinned(&format!("{dir}/none")).is_err());
}
