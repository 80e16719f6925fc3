//! Maps as bytes: what each type gives, batches, iteration while others change the map, and that
//! the kernel never writes beyond a buffer.

mod common;

use common::{host, load, make, object, only, own_bpffs, own_mounts, own_network, skip};
use skep::map::{Array, ElemFlags, HashMap, MapKey, MapKind, MapOps, MapParams, MapValue};
use skep::probe::Answer;
use skep::sys::CallError;
use skep::sys::bpf::{BatchCursor, MapFd, count_cpus};
use skep::sys::process::raise_memlock;
use skep::{Errno, ErrorKind, Map, MapType, System};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// A map of this type as it is declared in one of the objects, made alone; `None` if the kernel has
/// no such type.
fn of_type(system: &System, map_type: MapType) -> Option<Map> {
    if system.probe_map_type(map_type) != Answer::Yes {
        return None;
    }
    if map_type == MapType::INSN_ARRAY {
        return Some(make(system, map_type, 4, 16));
    }
    for spec in [object!("kinds"), object!("maps"), object!("arena")] {
        let Some(name) = spec.maps.iter().find(|m| m.map_type == map_type) else {
            continue;
        };
        let name = name.name.clone();
        let mut spec = only(spec, &[]);
        spec.maps
            .iter_mut()
            .for_each(|m| m.autocreate = m.name == name);
        let object = load(system, &spec);
        return Some(object.map(&name).unwrap().clone());
    }
    panic!("no map of type {map_type} is declared");
}

/// Whether an answer is that of an operation which the type does not have.
fn gives<T>(answer: skep::Result<T>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => {
            let errno = error.errno().expect("a call failed");
            ![Errno::ENOTSUPP, Errno::EOPNOTSUPP, Errno::EINVAL].contains(&errno)
        }
    }
}

/// Tries each operation: with key 0, and a value that an empty map takes or refuses for itself.
fn operations(map: &Map, kind: &MapKind) -> MapOps {
    let key = match kind.key {
        MapKey::Fd => i32::MAX.to_ne_bytes().to_vec(),
        _ => vec![0; map.key_size() as usize],
    };
    let mut value = vec![0; map.value_size() as usize * map.values_per_key()];
    if kind.value == MapValue::PerCpu {
        value = vec![0; (map.value_size() as usize).next_multiple_of(8) * map.values_per_key()];
    }
    let no_descriptor = match kind.value {
        MapValue::Prog | MapValue::Map | MapValue::Fd | MapValue::Socket => i32::MAX,
        MapValue::Target => 1, // The loopback interface, or a frame.
        _ => 0,
    };
    // A target is the first of two numbers, a descriptor may be a long one.
    let first = kind.value == MapValue::Target || cfg!(target_endian = "little");
    if let (Some(low), true) = (value.first_chunk_mut(), first) {
        *low = no_descriptor.to_ne_bytes();
    } else if let Some(low) = value.last_chunk_mut() {
        *low = no_descriptor.to_ne_bytes();
    }
    // Of cgroups' storages, only what is there can be set.
    let flags = match map.map_type() {
        MapType::CGROUP_STORAGE | MapType::PERCPU_CGROUP_STORAGE => ElemFlags::EXIST,
        _ => ElemFlags::ANY,
    };
    let mut ops = MapOps::empty();
    ops.set(MapOps::UPDATE, gives(map.update(&key, &value, flags)));
    ops.set(MapOps::LOOKUP, gives(map.lookup(&key)));
    ops.set(MapOps::TAKE, gives(map.take(&key, ElemFlags::ANY)));
    ops.set(MapOps::NEXT_KEY, gives(map.keys().next().transpose()));
    // Sockets have none to delete: an empty slot is `EINVAL` as well.
    let deletes = map.map_type() == MapType::SOCKMAP || gives(map.delete(&key));
    ops.set(MapOps::DELETE, deletes);
    // That a type has no batches is no fault of what is asked.
    let lacking = [Errno::ENOTSUPP, Errno::EOPNOTSUPP];
    let mut batch = |op: MapOps, answer: Result<(), CallError>| {
        let lacks = answer.is_err_and(|e| lacking.contains(&e.errno));
        assert!(lacks || kind.ops.contains(op), "{op:?}: {answer:?}");
        ops.set(op, gives(answer.map_err(Into::into)));
    };
    if kind.key != MapKey::None {
        let kernel = map.system().kernel();
        let cpus = count_cpus(kernel, None).unwrap();
        let fd = map.fd().try_clone().unwrap();
        let fd = MapFd::new(fd, || Ok::<_, CallError>(&cpus)).unwrap();
        let (mut k, mut v, any) = (key.clone(), value.clone(), ElemFlags::ANY);
        let mut start = BatchCursor::default();
        let read = fd.lookup_batch(&mut start, &mut k, &mut v, any);
        batch(MapOps::LOOKUP_BATCH, read.map(drop));
        let mut start = BatchCursor::default();
        let read = fd.lookup_and_delete_batch(&mut start, &mut k, &mut v, any);
        batch(MapOps::TAKE_BATCH, read.map(drop));
        let update = fd.update_batch(&key, &value, any);
        batch(MapOps::UPDATE_BATCH, update.map(drop).map_err(|e| e.0));
        let delete = fd.delete_batch(&key);
        batch(MapOps::DELETE_BATCH, delete.map(drop).map_err(|e| e.0));
    }
    ops
}

#[test]
fn every_type_gives_what_its_row_says() {
    own_network();
    let system = host();
    // Older kernels count each of these against this limit, and for a while after it is gone; not
    // every root may raise it.
    let _ = raise_memlock(system.kernel());
    // What came to types that were there before.
    let later = MapOps::TAKE | MapOps::BATCHES;
    let (mut made, mut missing) = (0, Vec::new());
    // What a `struct_ops` map takes is a struct of the kernel's: `kernel_struct_ops`.
    let others = |&&(_, ty): &&(_, MapType)| ty != MapType::STRUCT_OPS;
    for &(name, map_type) in MapType::ALL[1..].iter().filter(others) {
        let kind = map_type.kind().unwrap();
        let Some(map) = of_type(&system, map_type) else {
            missing.push(name);
            continue;
        };
        made += 1;
        let want = kind.ops & (MapOps::TABLE | later);
        let have = operations(&map, kind);
        println!("{name}: {have:?}");
        assert_eq!(have & MapOps::TABLE, want & MapOps::TABLE, "{name}");
        assert!(want.contains(have), "{name}: {have:?}, not {want:?}");
        if system.probe_map_type(MapType::RHASH) == Answer::Yes {
            assert_eq!(have, want, "{name}");
        }
        let mapped = map.memory().is_ok();
        assert!(!mapped || kind.ops.contains(MapOps::MMAP), "{name}");
    }
    println!("not in this kernel: {missing:?}");
    assert!(made >= 27, "{made}");
}

#[test]
fn a_map_is_found_by_id_pin_and_descriptor() {
    let root = own_bpffs();
    let system = host();
    let params = MapParams {
        map_type: MapType::HASH,
        key_size: 4,
        value_size: 8,
        max_entries: 3,
        name: "skep_alone",
        ..MapParams::default()
    };
    let map = Map::create(&system, &params).unwrap();
    assert_eq!((map.name(), map.max_entries()), ("skep_alone", 3));
    map.update(&[1; 4], &[2; 8], ElemFlags::ANY).unwrap();
    let path = format!("{root}/alone");
    map.pin(&path).unwrap();
    let others = [
        system.map_by_id(map.id()).unwrap(),
        Map::from_pin(&system, &path).unwrap(),
        Map::from_fd(&system, map.fd().try_clone().unwrap()).unwrap(),
    ];
    for other in others {
        assert_eq!((other.id(), other.name()), (map.id(), "skep_alone"));
        assert_eq!(other.lookup(&[1; 4]).unwrap(), Some(vec![2; 8]));
    }
    let named: Vec<u32> = system
        .maps()
        .unwrap()
        .iter()
        .filter(|m| m.name == "skep_alone")
        .map(|m| m.id)
        .collect();
    assert!(named.contains(&map.id()));
    map.freeze().unwrap();
    let error = map.update(&[1; 4], &[3; 8], ElemFlags::ANY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    let error = Map::create(
        &system,
        &MapParams {
            key_size: 0,
            ..params
        },
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "create hash map `skep_alone`: key_size is 0: BPF_MAP_CREATE: EINVAL (Invalid argument)"
    );
}

#[test]
fn a_map_has_the_name_that_it_was_made_with() {
    let system = host();
    let params = MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        name: "longer_than_the_kernel_keeps",
        ..MapParams::default()
    };
    let map = Map::create(&system, &params).unwrap();
    assert_eq!(map.name(), params.name);
    let same = system.map_by_id(map.id()).unwrap();
    assert_eq!(same.name(), &params.name[..15]);
}

#[test]
fn flags_say_how_an_element_is_written() {
    let system = host();
    let map = make(&system, MapType::HASH, 4, 4);
    let (key, value) = (&[7; 4], &[1; 4]);
    let errno = |flags| map.update(key, value, flags).unwrap_err().errno();
    assert_eq!(errno(ElemFlags::EXIST), Some(Errno::ENOENT));
    map.update(key, value, ElemFlags::NOEXIST).unwrap();
    assert_eq!(errno(ElemFlags::NOEXIST), Some(Errno::EEXIST));
    map.update(key, &[2; 4], ElemFlags::EXIST).unwrap();
    // No lock in these values, one value for all CPUs.
    for flags in [ElemFlags::LOCK, ElemFlags::cpu(0), ElemFlags::ALL_CPUS] {
        assert_eq!(errno(flags), Some(Errno::EINVAL), "{flags:?}");
        assert!(map.lookup_with(key, flags).is_err());
        let taken = map.take(key, flags).unwrap_err();
        assert_eq!(taken.errno(), Some(Errno::EINVAL), "{flags:?}");
    }
    match map.take(key, ElemFlags::ANY) {
        Ok(taken) => assert_eq!(taken, Some(vec![2; 4])),
        // Hashes before Linux 5.14.
        Err(error) => assert_eq!(error.errno(), Some(Errno::ENOTSUPP)),
    }
    map.delete(key).unwrap();
    assert!(!map.delete(key).unwrap());
    assert_eq!(map.take(key, ElemFlags::ANY).ok().flatten(), None);
}

#[test]
fn buffers_are_as_long_as_the_kernel_says() {
    let root = own_bpffs();
    let system = host();
    let path = format!("{root}/pinned");
    make(&system, MapType::HASH, 4, 64).pin(&path).unwrap();
    // Somebody takes it for a map of other sizes.
    let map = Map::from_pin(&system, &path).unwrap();
    let mut small = [0xee; 8];
    for (key, value) in [(4, 8), (8, 64), (3, 64), (4, 63), (4, 65), (0, 64)] {
        let (key, mut buffer) = (vec![0; key], vec![0xee_u8; value]);
        let error = map
            .lookup_into(&key, &mut buffer, ElemFlags::ANY)
            .unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EINVAL));
        assert!(map.update(&key, &buffer, ElemFlags::ANY).is_err());
        assert!(map.take_into(&key, &mut buffer, ElemFlags::ANY).is_err());
        assert!(map.update_batch(&key, &buffer, ElemFlags::ANY).is_err());
        assert!(buffer.iter().all(|&byte| byte == 0xee));
    }
    assert!(map.delete(&[0; 5]).is_err() && map.delete_batch(&[0; 5]).is_err());
    assert!(
        map.lookup_into(&[0; 4], &mut small, ElemFlags::cpu(0))
            .is_err()
    );
    let error = HashMap::<u32, u64>::try_from(&map).unwrap_err();
    let want = "values of map `` have 64 bytes, the view's 8";
    assert_eq!(error.to_string(), want);
    assert!(HashMap::<u64, [u8; 64]>::try_from(&map).is_err());
    let error = Array::<[u8; 64]>::try_from(&map).unwrap_err();
    assert_eq!(
        error.to_string(),
        "map `` is of type hash, the view for array, insn_array"
    );
    HashMap::<u32, [u8; 64]>::try_from(&map).unwrap();
}

#[test]
fn a_masked_list_of_cpus_makes_no_buffer_short() {
    let count = host().possible_cpus().unwrap();
    let before = make(&host(), MapType::PERCPU_ARRAY, 4, 12).values_per_key();
    assert_eq!(before, count as usize, "nothing is masked yet");
    own_mounts();
    let fake = format!("/tmp/skep-cpus-{}", std::process::id());
    let other = if count == 1 { "0-3\n" } else { "0\n" };
    std::fs::write(&fake, other).unwrap();
    let file = "/sys/devices/system/cpu/possible";
    let bind = nix::mount::MsFlags::MS_BIND;
    let none = None::<&str>;
    nix::mount::mount(Some(fake.as_str()), file, none, bind, none).unwrap();
    std::fs::remove_file(&fake).unwrap();
    let system = host();
    assert_ne!(system.possible_cpus().unwrap(), count, "masked");
    for (map_type, key) in [
        (MapType::PERCPU_ARRAY, vec![0; 4]),
        (MapType::PERCPU_HASH, vec![9; 4]),
        (MapType::LRU_PERCPU_HASH, vec![9; 4]),
    ] {
        let map = make(&system, map_type, 4, 12);
        assert_eq!(map.values_per_key(), count as usize, "{map_type}");
        let all: Vec<u8> = (0..16 * count).map(|n| n as u8).collect();
        map.update(&key, &all, ElemFlags::ANY).unwrap();
        let read = map.lookup(&key).unwrap().unwrap();
        assert_eq!(read.len(), all.len());
        for (read, set) in read.chunks(16).zip(all.chunks(16)) {
            assert_eq!(read[..12], set[..12]);
        }
        let error = map.lookup_into(&key, &mut vec![0; 16 * count as usize + 16], ElemFlags::ANY);
        assert!(error.is_err());
    }
}

#[test]
fn batches_read_all_and_end_with_the_last() {
    let system = host();
    let params = MapParams {
        map_type: MapType::HASH,
        key_size: 4,
        value_size: 8,
        max_entries: 20_000,
        ..MapParams::default()
    };
    let map = Map::create(&system, &params).unwrap();
    let keys: Vec<u8> = (0..20_000_u32).flat_map(u32::to_ne_bytes).collect();
    let values: Vec<u8> = (0..20_000_u64)
        .map(|n| n * n)
        .flat_map(u64::to_ne_bytes)
        .collect();
    let done = map.update_batch(&keys, &values, ElemFlags::ANY).unwrap();
    assert_eq!((done.count, done.one_by_one), (20_000, false));
    // Buckets end where they end: a batch is short before the last, too.
    let view = HashMap::<u32, u64>::try_from(&map).unwrap();
    let mut seen: Vec<(u32, u64)> = view.iter().map(Result::unwrap).collect();
    seen.sort_unstable();
    assert_eq!(seen.len(), 20_000);
    assert!(
        seen.iter()
            .enumerate()
            .all(|(n, &(key, value))| (n, n * n) == (key as usize, value as usize))
    );
    let mut batches = map.batches();
    let mut counts = Vec::new();
    while let Some(chunk) = batches.next().unwrap() {
        counts.push(chunk.len());
    }
    assert!(!batches.one_by_one());
    let array = make(&system, MapType::ARRAY, 4, 4);
    let mut batches = array.batches();
    assert_eq!(batches.next().unwrap().unwrap().len(), 8);
    assert!(batches.next().unwrap().is_none() && !batches.one_by_one());
    assert_eq!(counts.iter().sum::<usize>(), 20_000);
    assert!(
        counts.len() >= 5 && counts.iter().all(|&count| count <= 4096),
        "{counts:?}"
    );

    // An element that is there already stops them, and is told.
    let failed = map
        .update_batch(&keys[..8], &values[..16], ElemFlags::NOEXIST)
        .unwrap_err();
    assert_eq!(
        (failed.done, failed.error.errno()),
        (0, Some(Errno::EEXIST))
    );
    assert!(view.remove(&1).unwrap() && view.remove(&5).unwrap());
    let failed = map
        .update_batch(&keys[4..12], &values[8..24], ElemFlags::NOEXIST)
        .unwrap_err();
    assert_eq!(failed.done, 1);
    assert!(
        failed
            .to_string()
            .starts_with("after 1 elements: update map"),
        "{failed}"
    );
    // One that is not there does not.
    let done = view.remove_all(&[0, 5, 1, 2, 70_000, 3]).unwrap();
    assert_eq!((done.count, done.one_by_one), (4, false));
    let mut rest = 0;
    let mut drain = map.drain();
    while let Some(chunk) = drain.next().unwrap() {
        rest += chunk.len();
    }
    assert_eq!(rest, 20_000 - 5);
    assert_eq!(map.keys().count(), 0);
    assert_eq!(map.entries().count(), 0);
}

#[test]
fn a_bucket_longer_than_the_buffers_is_read_all_the_same() {
    let system = host();
    let params = MapParams {
        map_type: MapType::HASH,
        key_size: 4,
        value_size: 200_000, // One is read at a time.
        max_entries: 32,
        ..MapParams::default()
    };
    let map = Map::create(&system, &params).unwrap();
    let value = |n: u32| n.to_ne_bytes().repeat(50_000);
    for n in 0..32_u32 {
        map.update(&n.to_ne_bytes(), &value(n), ElemFlags::ANY)
            .unwrap();
    }
    // That each of 32 has a bucket of its own does not happen.
    let mut batches = map.batches();
    let (mut seen, mut longest) = (Vec::new(), 0);
    while let Some(chunk) = batches.next().unwrap() {
        longest = longest.max(chunk.len());
        for (key, bytes) in chunk {
            let n = u32::from_ne_bytes(key.try_into().unwrap());
            assert!(bytes == value(n), "{n}");
            seen.push(n);
        }
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..32) && longest > 1 && !batches.one_by_one());
}

#[test]
fn without_batches_elements_are_taken_one_by_one() {
    own_network();
    let system = host();
    let map = make(&system, MapType::DEVMAP_HASH, 4, 4);
    let keys: Vec<u8> = [5_u32, 6, 7].iter().flat_map(|n| n.to_ne_bytes()).collect();
    let values = 1_u32.to_ne_bytes().repeat(3);
    let done = map.update_batch(&keys, &values, ElemFlags::ANY).unwrap();
    assert_eq!((done.count, done.one_by_one), (3, true));
    let mut batches = map.batches();
    let mut seen = BTreeMap::new();
    while let Some(chunk) = batches.next().unwrap() {
        seen.extend(chunk.map(|(key, value)| (key.to_vec(), value.to_vec())));
    }
    assert!(batches.one_by_one());
    assert_eq!(seen.len(), 3);
    assert!(seen.values().all(|value| *value == 1_u32.to_ne_bytes()));
    let failed = map.update_batch(&keys, &[&values[..8], &[0xff; 4]].concat(), ElemFlags::ANY);
    assert_eq!(failed.unwrap_err().done, 2);
    let mut drain = map.drain();
    let mut count = 0;
    while let Some(chunk) = drain.next().unwrap() {
        count += chunk.len();
    }
    assert_eq!((count, map.keys().count()), (3, 0));
    let done = map.delete_batch(&keys).unwrap();
    assert_eq!((done.count, done.one_by_one), (0, true));
}

#[test]
fn iteration_survives_others_who_change_the_map() {
    let system = host();
    let params = MapParams {
        map_type: MapType::HASH,
        key_size: 4,
        value_size: 4,
        max_entries: 40_000,
        ..MapParams::default()
    };
    let view = HashMap::<u32, u32>::try_from(&Map::create(&system, &params).unwrap()).unwrap();
    // These stay; the others come and go.
    let stay: Vec<(u32, u32)> = (0..10_000).map(|n| (n, n)).collect();
    view.insert_all(&stay).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for worker in 0..2_u32 {
            let (view, stop) = (view.clone(), &stop);
            scope.spawn(move || {
                let mut n = worker;
                while !stop.load(Relaxed) {
                    n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let key = 10_000 + n % 20_000;
                    view.insert(&key, &n).unwrap();
                    view.remove(&(10_000 + (n >> 7) % 20_000)).unwrap();
                }
            });
        }
        for _ in 0..5 {
            let mut seen: Vec<u32> = view
                .iter()
                .map(|e| e.unwrap().0)
                .filter(|&k| k < 10_000)
                .collect();
            seen.sort_unstable();
            let same = seen.iter().copied().eq(0..10_000);
            assert!(same, "{} of 10000, or some twice", seen.len());
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn a_walk_that_would_begin_again_says_so() {
    let system = host();
    let params = MapParams {
        map_type: MapType::LPM_TRIE,
        key_size: 8,
        value_size: 4,
        max_entries: 16,
        map_flags: 1,
        ..MapParams::default()
    };
    let map = Map::create(&system, &params).unwrap();
    let key = |n: u8| [&32_u32.to_ne_bytes()[..], &[10, 0, 0, n]].concat();
    let fill = || (1..=9).for_each(|n| map.update(&key(n), &[n; 4], ElemFlags::ANY).unwrap());
    fill();
    // What is given may be deleted.
    let mut seen = Vec::new();
    for given in map.keys() {
        let given = given.unwrap();
        assert!(map.delete(&given).unwrap());
        seen.push(given[7]);
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=9).collect::<Vec<u8>>());
    // What comes next may be, if the walk is told in time.
    fill();
    let order: Vec<Vec<u8>> = map.keys().map(Result::unwrap).collect();
    for entries in [false, true] {
        let mut walk: Box<dyn Iterator<Item = skep::Result<Vec<u8>>>> = match entries {
            true => Box::new(map.entries().map(|entry| entry.map(|(key, _)| key))),
            false => Box::new(map.keys()),
        };
        assert_eq!(walk.next().unwrap().unwrap(), order[0]);
        map.delete(&order[1]).unwrap();
        let rest: Result<Vec<_>, _> = walk.collect();
        match rest {
            // Kernels may know where the deleted key was.
            Ok(rest) => assert_eq!(rest, order[2..]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Restarted);
                assert_eq!(
                    error.to_string(),
                    "walk over map ``: the map changed meanwhile"
                );
            }
        }
        map.update(&order[1], &[0; 4], ElemFlags::ANY).unwrap();
    }
}

#[test]
fn a_walk_over_a_hash_never_gives_a_key_twice() {
    let system = host();
    // What is deleted when two keys were given: the next, or the first as well.
    for gone in [&[2][..], &[0, 2]] {
        let map = make(&system, MapType::HASH, 4, 4);
        for n in 0..8_u32 {
            map.update(&n.to_ne_bytes(), &[1; 4], ElemFlags::ANY)
                .unwrap();
        }
        let order: Vec<Vec<u8>> = map.keys().map(Result::unwrap).collect();
        let mut walk = map.keys();
        let given: Vec<Vec<u8>> = walk.by_ref().take(2).map(Result::unwrap).collect();
        assert_eq!(given, order[..2]);
        for &n in gone {
            assert!(map.delete(&order[n]).unwrap());
        }
        // The kernel gives the first key of all after one that has gone.
        let error = walk.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Restarted, "{gone:?}: {error}");
        assert!(walk.next().is_none(), "{gone:?}");
    }
}

#[test]
fn one_cpus_value_is_written_alone() {
    let system = host();
    let map = make(&system, MapType::PERCPU_ARRAY, 4, 4);
    let cpus = map.values_per_key();
    let key = 1_u32.to_ne_bytes();
    if let Err(error) = map.update(&key, &[0; 4], ElemFlags::ALL_CPUS) {
        assert!(error.to_string().contains("before Linux 6.19"), "{error}");
        assert!(!error.to_string().contains("a value has"), "{error}");
    }
    match map.update(&key, &[7; 4], ElemFlags::cpu(0)) {
        Ok(()) => {}
        Err(error) if error.errno() == Some(Errno::EINVAL) => {
            assert!(error.to_string().contains("before Linux 6.19"), "{error}");
            // The kernel looked at all values before it refused: there were as many.
            assert_eq!(map.lookup(&key).unwrap(), Some(vec![0; 8 * cpus]));
            skip!("no flags for one CPU's value: {error}");
        }
        Err(error) => panic!("{error}"),
    }
    let mut want = vec![0; 8 * cpus];
    want[..4].fill(7);
    assert_eq!(map.lookup(&key).unwrap().unwrap(), want);
    assert_eq!(
        map.lookup_with(&key, ElemFlags::cpu(0)).unwrap(),
        Some(vec![7; 4])
    );
    let beyond = map.lookup_with(&key, ElemFlags::cpu(1 << 20)).unwrap_err();
    assert_eq!(beyond.errno(), Some(Errno::ERANGE));
    map.update(&key, &[9; 4], ElemFlags::ALL_CPUS).unwrap();
    for cpu in 0..cpus as u32 {
        assert_eq!(
            map.lookup_with(&key, ElemFlags::cpu(cpu)).unwrap(),
            Some(vec![9; 4])
        );
    }
    let hash = make(&system, MapType::PERCPU_HASH, 4, 4);
    let keys: Vec<u8> = (0..4_u32).flat_map(u32::to_ne_bytes).collect();
    let done = hash
        .update_batch(&keys, &[5; 16], ElemFlags::ALL_CPUS)
        .unwrap();
    assert_eq!(done.count, 4);
    assert!(
        hash.entries()
            .all(|entry| entry.unwrap().1.chunks(8).all(|v| v[..4] == [5; 4]))
    );
}

#[test]
fn an_operation_that_a_type_lacks_is_named() {
    let system = host();
    let queue = make(&system, MapType::QUEUE, 0, 4);
    let error = queue.keys().next().unwrap().unwrap_err();
    let want = "next key of map `` (type queue has no such operation): BPF_MAP_GET_NEXT_KEY: EINVAL (Invalid argument)";
    assert_eq!(error.to_string(), want);
    let array = make(&system, MapType::ARRAY, 4, 4);
    let error = array.delete(&[0; 4]).unwrap_err();
    let want = "delete from map `` (type array has no such operation): BPF_MAP_DELETE_ELEM: EINVAL (Invalid argument)";
    assert_eq!(error.to_string(), want);
}
