//! What is pinned in a bpffs.

mod common;

use common::{host, load, make, object, own_bpffs};
use skep::map::ElemFlags;
use skep::sys::Fd;
use skep::sys::bpf::ObjKind;
use skep::{Errno, ErrorKind, Link, Map, MapType, Program};
use std::os::fd::{AsFd, OwnedFd};

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

#[test]
fn what_is_wrong_with_a_place_is_told() {
    let dir = own_bpffs();
    let system = host();
    let map = make(&system, MapType::ARRAY, 4, 4);
    let object = load(&system, &object!("socket"));
    let program = object.program("constant").unwrap();
    let elsewhere = format!("/skep_{}", std::process::id());
    let error = map.pin(&elsewhere).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.errno().is_some(), "{error}");
    assert!(error.to_string().contains(": / is in no bpffs"), "{error}");
    let error = program.pin(&elsewhere).unwrap_err();
    assert!(error.to_string().contains("is in no bpffs"), "{error}");
    let error = map.pin(&format!("{dir}/none/map")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = map.pin(&format!("{dir}/a.map")).unwrap_err();
    assert!(error.to_string().contains("no dot"), "{error}");
    map.pin(&format!("{dir}/map")).unwrap();
    let error = map.pin(&format!("{dir}/map")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EEXIST), "{error}");

    let error = Map::from_pin(&system, &format!("{dir}/none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
    let error = Program::from_pin(&system, "/proc/self/status").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("it is in no bpffs"), "{error}");
}

#[test]
fn an_id_that_nothing_has_is_told() {
    let system = host();
    let error = system.map_by_id(u32::MAX).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.errno(), Some(Errno::ENOENT));
    let told = format!("no map has the id {}: ", u32::MAX);
    assert!(error.to_string().starts_with(&told), "{error}");
    let error = system.program_by_id(u32::MAX).unwrap_err();
    assert!(error.to_string().starts_with("no program has"), "{error}");
}

#[test]
fn descriptors_and_ids_lead_out_and_in_again() {
    let system = host();
    let map = make(&system, MapType::ARRAY, 4, 4);
    let object = load(&system, &object!("socket"));
    let program = object.program("constant").unwrap();
    map.update(&[0; 4], &[1, 2, 3, 4], ElemFlags::ANY).unwrap();
    let (map_id, program_id) = (map.id(), program.id().unwrap());
    // As the standard library's, for whoever knows nothing of this one.
    let owned = map.fd().as_fd().try_clone_to_owned().unwrap();
    let owned_program = program.fd().as_fd().try_clone_to_owned().unwrap();
    drop((map, object));

    let adopt = |fd: OwnedFd| Fd::duplicate(system.kernel(), fd).unwrap();
    // The kernel tells of any object as if it were the one that is asked about.
    let wrong = |fd: &OwnedFd| adopt(fd.try_clone().unwrap());
    let errors = [
        Map::from_fd(&system, wrong(&owned_program)).unwrap_err(),
        Program::from_fd(&system, wrong(&owned)).unwrap_err(),
        Link::from_fd(&system, wrong(&owned)).unwrap_err(),
    ];
    for (error, what) in errors.iter().zip(["map", "program", "link"]) {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().ends_with(&format!("is of no {what}")));
    }
    let program = Program::from_fd(&system, adopt(owned_program)).unwrap();
    assert_eq!(program.id().unwrap(), program_id);
    let map = Map::from_fd(&system, adopt(owned)).unwrap();
    let by_id = system.map_by_id(map_id).unwrap();
    for map in [map, by_id] {
        assert_eq!(map.id(), map_id);
        assert_eq!(map.lookup(&[0; 4]).unwrap().unwrap(), [1, 2, 3, 4]);
    }
    let by_id = system.program_by_id(program_id).unwrap();
    assert_eq!(by_id.name(), "constant");
    drop((program, by_id));
    let error = system.map_by_id(map_id).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
}
