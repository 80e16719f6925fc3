//! What is pinned in a bpffs.

mod common;

use common::{host, load, object, own_bpffs, own_mounts};
use skep::map::{Map, MapParams};
use skep::sys::bpf::ObjKind;
use skep::{ErrorKind, MapType};

#[test]
fn everything_in_a_bpffs_is_listed_by_path() {
    own_mounts();
    let dir = own_bpffs();
    let system = host();
    assert!(system.pinned(&dir).unwrap().is_empty());
    let params = MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        ..MapParams::default()
    };
    let map = Map::create(&system, &params).unwrap();
    let object = load(&system, &object!("socket"));
    let program = object.program("constant").unwrap();
    for below in ["a", "a/b", "c"] {
        std::fs::create_dir(format!("{dir}/{below}")).unwrap();
    }
    let pins = ["map", "a/b/program", "a/map"].map(|name| format!("{dir}/{name}"));
    map.pin(&pins[0]).unwrap();
    program.pin(&pins[1]).unwrap();
    map.pin(&pins[2]).unwrap();
    let found: Vec<_> = system
        .pinned(&format!("{dir}/"))
        .unwrap()
        .into_iter()
        .collect();
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

    assert_eq!(
        system.pinned("/proc").unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert!(system.pinned(&format!("{dir}/none")).is_err());
}
