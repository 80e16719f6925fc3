//! Maps as an object declares them and as a caller changes that: made, pinned, reused, replaced.

mod common;

use common::{host, load, object, only, own_bpffs, run, skip};
use skep::codec::object::Pinning;
use skep::map::{Array, HashMap, MapInfo};
use skep::object::PinReuse;
use skep::probe::Answer;
use skep::sys::watch::Fault;
use skep::{Errno, ErrorKind, LoadOptions, Map, MapType, ObjectSpec, System};
use std::path::Path;

const NUMA_NODE: u32 = 4;
const RDONLY_PROG: u32 = 1 << 7;

/// Options with a bpffs of our own.
fn pinned_below(root: &str) -> LoadOptions {
    LoadOptions {
        pin_root: format!("{root}/skep"),
        ..Default::default()
    }
}

/// A spec whose only program the kernel refuses.
fn refused(mut spec: ObjectSpec) -> ObjectSpec {
    let exit = spec.functions[0].insns.last_mut().unwrap();
    exit.code = 0;
    spec
}

/// Loads one map of an object and nothing else.
fn alone(system: &System, spec: &ObjectSpec, name: &str) -> skep::Result<MapInfo> {
    let mut spec = spec.clone();
    let others = spec.maps.iter_mut().filter(|map| map.name != name);
    others.for_each(|map| map.autocreate = false);
    let object = spec.load(system)?;
    assert_eq!(object.maps().len(), 1);
    Ok(object.map(name)?.shape().clone())
}

#[test]
fn every_declared_kind_is_made_as_declared() {
    let system = host();
    let spec = object!("kinds");
    assert_eq!(spec.warnings, []);
    // Type, key, value, entries and flags are the declaration's, but for these.
    for map in &spec.maps {
        assert_eq!(map.error, None);
        let made = match alone(&system, &spec, &map.name) {
            Ok(made) => made,
            // The kernel does not know the type, or was built without it.
            Err(error) if system.probe_map_type(map.map_type) == Answer::No => {
                let failures = error.map_failures();
                assert_eq!((failures.len(), &failures[0].map), (1, &map.name));
                assert_eq!(failures[0].error.errno(), Some(Errno::EINVAL), "{error}");
                println!("this kernel has no {}: {error}", map.map_type);
                continue;
            }
            Err(error) => panic!("{}: {error}", map.name),
        };
        assert_eq!(made.map_type, map.map_type, "{}", map.name);
        assert_eq!(made.name, map.name);
        let (key, value, entries) = match map.name.as_str() {
            "perf" => (4, 4, system.possible_cpus().unwrap()),
            "sized_ring" => (0, 0, 4096_u32.max(system.page_size() as u32)),
            "typed_ring" => (0, 0, 8192_u32.max(system.page_size() as u32)),
            "user_ring" => (0, 0, 4 * 65536),
            _ => (map.key_size, map.value_size, map.max_entries),
        };
        let have = (made.key_size, made.value_size, made.max_entries);
        assert_eq!(have, (key, value, entries), "{}", map.name);
        let own = match map.map_type {
            MapType::DEVMAP | MapType::DEVMAP_HASH => RDONLY_PROG,
            _ => 0,
        };
        assert_eq!(made.map_flags & !own, map.map_flags, "{}", map.name);
    }
    assert_eq!(spec.map("numa").unwrap().map_flags & NUMA_NODE, NUMA_NODE);
}

#[test]
fn a_declaration_is_changed_before_the_load() {
    let system = host();
    let mut spec = object!("kinds");
    let map = spec.map_mut("trie").unwrap();
    map.map_type = MapType::HASH;
    map.max_entries = 77;
    map.numa_node = Some(0);
    let made = alone(&system, &spec, "trie").unwrap();
    assert_eq!((made.map_type, made.max_entries), (MapType::HASH, 77));
    assert_eq!(made.map_flags, NUMA_NODE | 1);
    // A node that is not there, a device: the kernel is told of them.
    spec.map_mut("trie").unwrap().numa_node = Some(9999);
    let error = alone(&system, &spec, "trie").unwrap_err();
    let errno = error.map_failures()[0].error.errno();
    assert_eq!(errno, Some(Errno::EINVAL), "{error}");
    spec.map_mut("trie").unwrap().numa_node = None;
    spec.map_mut("trie").unwrap().ifindex = i32::MAX as u32;
    let error = alone(&system, &spec, "trie").unwrap_err();
    assert_eq!(error.map_failures().len(), 1, "{error}");
}

#[test]
fn a_ring_has_keys_and_values_for_its_readers_only() {
    let mut spec = object!("kinds");
    let ring = spec.map_mut("typed_ring").unwrap();
    (ring.key_size, ring.value_size) = (4, 16);
    let made = alone(&host(), &spec, "typed_ring").unwrap();
    assert_eq!((made.key_size, made.value_size), (0, 0));
}

#[test]
fn each_bad_map_is_reported_and_the_others_are_made() {
    let system = host();
    let mut spec = object!("maps");
    spec.map_mut("ring").unwrap().max_entries = 0;
    spec.map_mut("hash").unwrap().key_size = 0;
    let error = spec.load(&system).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Several);
    let maps: Vec<&str> = error
        .map_failures()
        .iter()
        .map(|f| f.map.as_str())
        .collect();
    assert_eq!(maps, ["hash", "ring"]);
    let programs: Vec<&str> = error
        .failures()
        .iter()
        .map(|f| f.program.as_str())
        .collect();
    assert_eq!(programs, ["touch"], "`tail` uses no map");
    let text = error.to_string();
    assert!(
        text.contains("2 of 10 maps could not be made, 1 of 2 programs did not load"),
        "{text}"
    );
    assert!(
        text.contains("create map `ring`: max_entries, its bytes, is"),
        "{text}"
    );
    // One that is not to be made harms whoever uses it, and nobody else.
    let mut spec = object!("maps");
    spec.map_mut("ring").unwrap().autocreate = false;
    let error = spec.load(&system).unwrap_err();
    assert_eq!(error.failures().len(), 1);
    let refusal = error.failures()[0].error.refusal().unwrap();
    assert_eq!(refusal.digest.complaint, "map `ring` was not created");
}

#[test]
fn a_pinned_map_is_shared_and_checked() {
    let root = own_bpffs();
    let system = host();
    let options = pinned_below(&root);
    let spec = object!("pinned");
    let path = format!("{root}/skep/pinned_count");
    let must_exist = LoadOptions {
        pin_reuse: PinReuse::MustExist,
        ..options.clone()
    };
    let error = spec.load_with(&system, &must_exist).unwrap_err();
    assert_eq!(error.map_failures()[0].error.kind(), ErrorKind::NotFound);
    let first = spec.load_with(&system, &options).unwrap();
    assert_eq!(run(&first, "next"), 1);
    let id = first.map("pinned_count").unwrap().id();
    drop(first);
    let second = spec.load_with(&system, &must_exist).unwrap();
    assert_eq!(run(&second, "next"), 2, "the first one's count");
    assert_eq!(second.map("pinned_count").unwrap().id(), id);

    // What differs is named, all of it, by what the kernel says of the pinned map.
    let mut other = spec.clone();
    let map = other.map_mut("pinned_count").unwrap();
    map.max_entries = 2;
    map.map_flags = 1 << 10;
    let error = other.load_with(&system, &options).unwrap_err();
    let text = error.map_failures()[0].error.to_string();
    let want = format!(
        "map `pinned_count`, pinned at {path}: that map is another: \
         max_entries is 1, not 2, map_flags is 0x0, not 0x400"
    );
    assert_eq!(text, want);
    assert!(Path::new(&path).exists(), "a refusal takes no pin away");

    let never = LoadOptions {
        pin_reuse: PinReuse::Never,
        ..options.clone()
    };
    let error = spec.load_with(&system, &never).unwrap_err();
    assert_eq!(error.map_failures()[0].error.kind(), ErrorKind::Invalid);

    // Replaced for good; and put back when the load fails after it.
    let replace = LoadOptions {
        pin_reuse: PinReuse::Replace,
        ..options
    };
    let error = refused(spec.clone()).load_with(&system, &replace);
    assert_eq!(error.unwrap_err().failures().len(), 1);
    assert_eq!(Map::from_pin(&system, &path).unwrap().id(), id, "put back");
    let third = spec.load_with(&system, &replace).unwrap();
    assert_eq!(run(&third, "next"), 1, "a new map");
    let pinned = Map::from_pin(&system, &path).unwrap();
    assert_eq!(pinned.id(), third.map("pinned_count").unwrap().id());
    assert_ne!(pinned.id(), id);
}

/// What the kernel adds to flags is no difference, nor what a field of the definition adds.
#[test]
fn a_pinned_map_with_flags_of_the_kernels_own_is_shared() {
    let root = own_bpffs();
    let system = host();
    for name in ["devmap", "numa", "trie"] {
        let mut spec = object!("kinds");
        let path = format!("{root}/{name}");
        for map in &mut spec.maps {
            map.autocreate = map.name == name;
        }
        let map = spec.map_mut(name).unwrap();
        map.pinning = Pinning::Path(path);
        if name == "trie" {
            map.numa_node = Some(0);
        }
        let [first, second] = [0, 1].map(|_| {
            let object = load(&system, &only(spec.clone(), &[]));
            object.map(name).unwrap().info().unwrap()
        });
        assert_eq!(first.id, second.id, "{name}");
        assert_ne!(first.map_flags, 0, "{name}");
        // Nor has it types that were not declared.
        let made = Map::from_pin(&system, &format!("{root}/{name}")).unwrap();
        let object = load(&system, &only(spec.clone(), &[]));
        let declared = object.map(name).unwrap().types().unwrap();
        assert_eq!(
            declared.is_some(),
            made.types().unwrap().is_some(),
            "{name}"
        );
    }
}

/// Whichever call fails: also the one that asks what is pinned, as if another process pinned its
/// map between that and our pin.
#[test]
fn a_failed_load_takes_no_pin_of_another() {
    let root = own_bpffs();
    let system = host();
    let options = pinned_below(&root);
    let spec = object!("pinned");
    let path = format!("{root}/skep/pinned_count");
    let id = |object: &skep::Object| object.map("pinned_count").unwrap().id();
    let theirs = id(&spec.load_with(&system, &options).unwrap());
    let broken = refused(spec);
    let mut raced = false;
    for nth in 1.. {
        let fault = Fault::nth(system.kernel().clone(), nth, Errno::ENOENT);
        let loaded =
            System::new(fault.clone()).and_then(|system| broken.load_with(&system, &options));
        let error = loaded.unwrap_err();
        let pinned = Map::from_pin(&system, &path).map(|map| map.id());
        assert_eq!(pinned.ok(), Some(theirs), "call {nth} ({:?})", fault.hit());
        if fault.hit().is_none() {
            assert_eq!(error.failures().len(), 1);
            break;
        }
        raced |= fault.hit() == Some("bpf") && error.map_failures().is_empty();
    }
    assert!(raced, "no call failed without its load");
}

#[test]
fn a_failed_load_leaves_no_pin() {
    let root = own_bpffs();
    let system = host();
    let options = pinned_below(&root);
    let path = format!("{root}/skep/pinned_count");
    let spec = refused(object!("pinned"));
    let error = spec.load_with(&system, &options).unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert!(!Path::new(&path).exists());
    // Programs tried one at a time pin nothing for good either.
    let spec = object!("pinned");
    let mut loader = spec.loader(&system, &options);
    loader.load_program(0).unwrap();
    assert!(Path::new(&path).exists(), "while they are tried");
    drop(loader);
    assert!(!Path::new(&path).exists());
}

#[test]
fn a_name_does_not_lead_out_of_the_directory() {
    let root = own_bpffs();
    let system = host();
    let there = || std::fs::read_dir(&root).unwrap().count();
    let before = there();
    for name in ["../out", "new/out", ".", "..", ".hidden"] {
        let mut spec = object!("pinned");
        spec.map_mut("pinned_count").unwrap().name = name.into();
        let error = spec.load_with(&system, &pinned_below(&root)).unwrap_err();
        let text = error.map_failures()[0].error.to_string();
        assert_eq!(text, format!("`{name}` is no name to pin a map by"));
    }
    assert_eq!(there(), before);
}

#[test]
fn pinning_is_set_by_hand() {
    let root = own_bpffs();
    let system = host();
    let mut spec = object!("pinned");
    let path = format!("{root}/by_hand");
    spec.map_mut("pinned_count").unwrap().pinning = Pinning::Path(path.clone());
    let object = load(&system, &spec);
    let map = Map::from_pin(&system, &path).unwrap();
    assert_eq!(map.id(), object.map("pinned_count").unwrap().id());
    spec.map_mut("pinned_count").unwrap().pinning = Pinning::None;
    let object = load(&system, &spec);
    assert_ne!(map.id(), object.map("pinned_count").unwrap().id());
}

#[test]
fn maps_that_nothing_uses_are_left_out() {
    let system = host();
    let options = LoadOptions {
        only_used_maps: true,
        ..Default::default()
    };
    let names = |spec: &ObjectSpec| -> Vec<String> {
        let object = spec.load_with(&system, &options).unwrap();
        object.maps().iter().map(|map| map.name().into()).collect()
    };
    let spec = only(object!("subprogs"), &["first"]);
    assert_eq!(names(&spec), ["calls"]);
    assert_eq!(load(&system, &spec).maps().len(), spec.maps.len());
    // What is used by nothing may be wrong.
    let mut spec = object!("maps");
    spec.program_mut("touch").unwrap().autoload = false;
    spec.map_mut("hash").unwrap().key_size = 0;
    assert_eq!(names(&spec), [""; 0]);
    assert!(spec.load(&system).is_err());
    // What a map holds is used when the map is.
    let spec = object!("maps");
    let object = spec.load_with(&system, &options).unwrap();
    assert_eq!(run(&object, "touch"), 107);
    assert_eq!(object.maps().len(), spec.maps.len());
}

#[test]
fn live_maps_take_the_place_of_declared_ones() {
    let system = host();
    let spec = object!("maps");
    let first = load(&system, &spec);
    let array = first.map("array").unwrap();
    let mut options = LoadOptions::default();
    options.maps.insert("array".into(), array.clone());
    let outer = first.map("outer").unwrap().clone();
    outer.delete(&2_u32.to_ne_bytes()).unwrap();
    options.maps.insert("outer".into(), outer);
    let second = spec.load_with(&system, &options).unwrap();
    assert_eq!(second.map("array").unwrap().id(), array.id());
    // Slot 2 of the outer map stayed as it was left: one step less worked.
    assert_eq!(run(&second, "touch"), 106);
    let view = Array::<u64>::try_from(array).unwrap();
    assert_eq!(view.get(2).unwrap(), Some(7));
    // One that programs could not have been verified with.
    let lru = first.map("lru").unwrap().clone();
    options.maps.insert("array".into(), lru);
    let error = spec.load_with(&system, &options).unwrap_err();
    let text = error.map_failures()[0].error.to_string();
    let want = "that map is another: type is lru_hash, not array, value_size is 4, not 8";
    assert!(text.ends_with(want), "{text}");
}

#[test]
fn an_exclusive_map_takes_one_program_only() {
    let system = host();
    let mut spec = object!("maps");
    spec.map_mut("array").unwrap().exclusive_to = Some("touch".into());
    let object = match spec.load(&system) {
        Ok(object) => object,
        Err(error) => {
            let map = &error.map_failures()[0];
            assert_eq!(map.map, "array");
            assert_eq!(map.error.errno(), Some(Errno::EINVAL), "{error}");
            skip!("no exclusive maps: {error}");
        }
    };
    assert_eq!(run(&object, "touch"), 107);
    let mut options = LoadOptions::default();
    let array = object.map("array").unwrap().clone();
    options.maps.insert("array".into(), array);
    // The same program once more; and one that differs in a number.
    let spec = object!("maps");
    spec.load_with(&system, &options).unwrap();
    let mut other = spec.clone();
    let touch = other
        .functions
        .iter_mut()
        .find(|f| f.name == "touch")
        .unwrap();
    let seven = touch
        .insns
        .iter_mut()
        .find(|i| i.code == 0xb7 && i.imm == 7)
        .unwrap();
    seven.imm = 8;
    let error = other.load_with(&system, &options).unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(
        error.failures()[0].error.errno(),
        Some(Errno::EACCES),
        "{error}"
    );
    let mut spec = object!("maps");
    spec.map_mut("array").unwrap().exclusive_to = Some("nobody".into());
    let error = spec.load(&system).unwrap_err();
    let text = error.map_failures()[0].error.to_string();
    assert_eq!(
        text,
        "map `array`, exclusive to program `nobody`: there is no such program"
    );
}

#[test]
fn old_definitions_are_made_pinned_and_filled() {
    let root = own_bpffs();
    let system = host();
    let mut spec = only(object!("odd"), &["good"]);
    for map in &mut spec.maps {
        map.autocreate = map.name.starts_with("old_");
    }
    let object = spec.load_with(&system, &pinned_below(&root)).unwrap();
    let (outer, inner) = (
        object.map("old_outer").unwrap(),
        object.map("old_inner").unwrap(),
    );
    let shape = inner.shape();
    assert_eq!(
        (shape.key_size, shape.value_size, shape.max_entries),
        (4, 8, 2)
    );
    // Slot 1, as the inner map itself asks.
    let id = |slot: u32| outer.lookup(&slot.to_ne_bytes()).unwrap();
    assert_eq!(id(1), Some(inner.id().to_ne_bytes().to_vec()));
    assert_eq!((id(0), id(2)), (None, None));
    let pinned = Map::from_pin(&system, &format!("{root}/skep/old_outer")).unwrap();
    assert_eq!(pinned.id(), outer.id());
    let beside = object.map("old_beside").unwrap().shape();
    assert_eq!(
        (beside.key_size, beside.value_size, beside.max_entries),
        (4, 16, 5)
    );
    assert!(!Path::new(&format!("{root}/skep/old_inner")).exists());
    // 3 and 4 and the packet without its Ethernet header.
    assert_eq!(run(&object, "good"), 57);
}

#[test]
fn a_resizable_hash_grows() {
    let system = host();
    if system.probe_map_type(MapType::RHASH) != Answer::Yes {
        skip!("no resizable hashes");
    }
    let mut spec = object!("kinds");
    for map in &mut spec.maps {
        map.autocreate = map.name == "resizable";
    }
    let object = load(&system, &spec);
    let hash = HashMap::<[u32; 2], u64>::try_from(object.map("resizable").unwrap()).unwrap();
    for n in 0..16 {
        hash.insert(&[n, n + 1], &u64::from(n * n)).unwrap();
    }
    assert_eq!(hash.get(&[9, 10]).unwrap(), Some(81));
    let mut keys: Vec<u32> = hash.iter().map(|entry| entry.unwrap().0[0]).collect();
    keys.sort_unstable();
    assert_eq!(keys, (0..16).collect::<Vec<u32>>());
    assert!(hash.remove(&[9, 10]).unwrap() && hash.get(&[9, 10]).unwrap().is_none());
}
