//! Typed views of maps, each kind with what the kernel gives it.

mod common;

use common::{host, load, make, object, run, skip};
use skep::map::{
    Array, BloomFilter, BuildIdFrame, ElemFlags, HashMap, LpmTrie, Map, MapParams, PerCpuArray,
    PerCpuHashMap, Queue, Stack, StackTraceMap,
};
use skep::probe::Answer;
use skep::prog::TestRun;
use skep::{Errno, ErrorKind, MapType, Object, Plain, System, plain};

/// What a call that this kernel may lack gives: `None` if it does.
fn unless_lacking<T>(answer: skep::Result<T>) -> Option<T> {
    match answer {
        Ok(done) => Some(done),
        Err(error) => {
            let lacking = [Errno::ENOTSUPP, Errno::EOPNOTSUPP, Errno::EINVAL];
            assert!(
                error.errno().is_some_and(|e| lacking.contains(&e)),
                "{error}"
            );
            None
        }
    }
}

plain! {
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Flow { address: u32, port: u16, r#type: u8, _pad: u8 }
}

const FLOW: Flow = Flow {
    address: 0x0a00_0001,
    port: 443,
    r#type: 6,
    _pad: 0,
};

plain! {
    #[derive(Debug, PartialEq)]
    struct Pair { flow: Flow, low: u32, high: u32 }
}

plain! {
    #[derive(Debug, PartialEq)]
    struct Locked { lock: u32, count: u32 }
}

/// The object of this test; the maps that this kernel lacks, with the programs that use them, aside.
fn views(system: &System) -> Object {
    load(system, &object!("views"))
}

#[test]
fn structs_are_compared_with_the_maps_types() {
    let system = host();
    let object = views(&system);
    let map = object.map("flows").unwrap();
    let flows = HashMap::<Flow, Pair>::try_from(map).unwrap();
    let pair = Pair {
        flow: FLOW,
        low: 1,
        high: 2,
    };
    flows.insert(&FLOW, &pair).unwrap();
    assert_eq!(flows.get(&FLOW).unwrap(), Some(pair));

    fn refusal<K: Plain + std::fmt::Debug, V: Plain + std::fmt::Debug>(map: &Map) -> String {
        let error = HashMap::<K, V>::try_from(map).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    }
    plain! {
        #[derive(Debug)]
        struct Swapped { address: u32, r#type: u8, pad: u8, port: u16 }
    }
    plain! {
        #[derive(Debug)]
        struct Named { address: u32, port: u16, protocol: u8, pad: u8 }
    }
    plain! {
        #[derive(Debug)]
        struct Wider { address: u32, port: u32 }
    }
    plain! {
        #[derive(Debug)]
        struct Inside { flow: Named, both: u64 }
    }
    plain! {
        #[derive(Debug)]
        struct Partly { address: u32, _rest: [u8; 4] }
    }
    let key = "key of map `flows`: ";
    let missing = "it has no field `protocol` (the name of padding begins with `_`)";
    let text = refusal::<Swapped, Pair>(map);
    assert_eq!(text, format!("{key}`type` is at byte 6, in the view at 4"));
    let text = refusal::<Named, Pair>(map);
    assert_eq!(text, format!("{key}{missing}"));
    let text = refusal::<Wider, Pair>(map);
    assert_eq!(text, format!("{key}`port` has 2 bytes, in the view 4"));
    let text = refusal::<Flow, Inside>(map);
    let want = format!("value of map `flows`: field `flow`: {missing}");
    assert_eq!(text, want);
    let hits = object.map("hits").unwrap();
    let error = PerCpuHashMap::<Flow, Triple>::try_from(hits).unwrap_err();
    let want = "value of map `hits`: it is no struct, but Array";
    assert_eq!(error.to_string(), want);
    // Without fields, or with some left out on purpose: by size.
    HashMap::<u64, [u8; 16]>::try_from(map).unwrap();
    HashMap::<Partly, Pair>::try_from(map).unwrap();
    // As the kernel tells, where no object is at hand.
    let same = system.map_by_id(map.id()).unwrap();
    assert!(HashMap::<Named, Pair>::try_from(&same).is_err());
    HashMap::<Flow, Pair>::try_from(&same).unwrap();
}

plain! {
    #[derive(Debug)]
    struct Triple { a: u32, b: u32, c: u32 }
}

#[test]
fn hashes_of_each_kind_take_their_operations() {
    let system = host();
    for map_type in [MapType::HASH, MapType::LRU_HASH, MapType::RHASH] {
        if system.probe_map_type(map_type) != Answer::Yes {
            println!("this kernel has no {map_type}");
            continue;
        }
        let map = make(&system, map_type, 8, 8);
        let hash = HashMap::<Flow, u64>::try_from(&map).unwrap();
        assert_eq!(hash.get(&FLOW).unwrap(), None);
        hash.insert_with(&FLOW, &1, ElemFlags::NOEXIST).unwrap();
        let error = hash.insert_with(&FLOW, &2, ElemFlags::NOEXIST).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EEXIST), "{map_type}");
        hash.insert(&FLOW, &3).unwrap();
        assert_eq!(hash.get(&FLOW).unwrap(), Some(3));
        let more: Vec<(Flow, u64)> = (1..6)
            .map(|n| (Flow { port: n, ..FLOW }, u64::from(n)))
            .collect();
        assert_eq!(hash.insert_all(&more).unwrap().count, 5);
        let mut all: Vec<_> = hash.iter().map(Result::unwrap).collect();
        all.sort_unstable();
        assert_eq!(
            (all.len(), all[..5] == more, all[5]),
            (6, true, (FLOW, 3)),
            "{map_type}"
        );
        let mut keys: Vec<Flow> = hash.keys().map(Result::unwrap).collect();
        keys.sort_unstable();
        assert!(keys.iter().eq(all.iter().map(|(key, _)| key)));
        // These values have no lock.
        let error = hash.get_with(&FLOW, ElemFlags::LOCK).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EINVAL), "{map_type}");
        if let Some(taken) = unless_lacking(hash.take(&FLOW)) {
            assert_eq!((taken, hash.take(&FLOW).unwrap()), (Some(3), None));
        }
        let gone: Vec<Flow> = more.iter().map(|(key, _)| *key).collect();
        assert_eq!(hash.remove_all(&gone).unwrap().count, 5);
        assert!(!hash.remove(&gone[0]).unwrap());
    }
}

#[test]
fn each_cpu_has_its_value() {
    let system = host();
    let object = views(&system);
    let hits = PerCpuHashMap::<Flow, [u32; 3]>::try_from(object.map("hits").unwrap()).unwrap();
    let cpus = hits.map().values_per_key();
    // A key that is not there is not there: no zeros.
    assert_eq!(hits.get(&FLOW).unwrap(), None);
    let values: Vec<[u32; 3]> = (0..cpus as u32).map(|cpu| [cpu, 2 * cpu, 100]).collect();
    hits.insert(&FLOW, &values).unwrap();
    let locks = HashMap::<Flow, Locked>::try_from(object.map("locks").unwrap()).unwrap();
    locks.insert(&FLOW, &Locked { lock: 0, count: 5 }).unwrap();
    assert_eq!(run(&object, "count"), 1);
    let read = hits.get(&FLOW).unwrap().unwrap();
    let third: u32 = read.iter().map(|value| value[2]).sum();
    assert_eq!(third, 100 * cpus as u32 + 1, "one CPU ran the program");
    assert!(
        read.iter()
            .zip(&values)
            .all(|(read, set)| read[..2] == set[..2])
    );
    let error = hits.insert(&FLOW, &values[1..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    hits.insert_all(&FLOW, &[7; 3]).unwrap();
    let all: Vec<(Flow, Vec<[u32; 3]>)> = hits.iter().map(Result::unwrap).collect();
    assert_eq!(all, [(FLOW, vec![[7; 3]; cpus])]);
    if let Some(value) = unless_lacking(hits.at_cpu(&FLOW, 0)) {
        assert_eq!(value, Some([7; 3]));
        hits.insert_cpu(&FLOW, 0, &[8; 3]).unwrap();
        assert_eq!(hits.get(&FLOW).unwrap().unwrap()[0], [8; 3]);
    }
    assert!(hits.remove(&FLOW).unwrap() && hits.keys().next().is_none());

    let map = make(&system, MapType::LRU_PERCPU_HASH, 4, 4);
    let lru = PerCpuHashMap::<u32, u32>::try_from(&map).unwrap();
    lru.insert_all(&1, &2).unwrap();
    assert_eq!(lru.get(&1).unwrap(), Some(vec![2; cpus]));
    let map = make(&system, MapType::PERCPU_ARRAY, 4, 2);
    let array = PerCpuArray::<u16>::try_from(&map).unwrap();
    let values: Vec<u16> = (1..=cpus as u16).collect();
    array.set(7, &values).unwrap();
    assert_eq!(
        (array.get(7).unwrap(), array.get(8).unwrap()),
        (Some(values), None)
    );
    assert_eq!(array.get(0).unwrap(), Some(vec![0; cpus]));
    if unless_lacking(array.set_cpu(0, 0, &9)).is_some() {
        assert_eq!(array.at_cpu(0, 0).unwrap(), Some(9));
    }
}

#[test]
fn values_are_written_under_their_lock() {
    let system = host();
    let object = views(&system);
    let locks = HashMap::<Flow, Locked>::try_from(object.map("locks").unwrap()).unwrap();
    locks.insert(&FLOW, &Locked { lock: 0, count: 5 }).unwrap();
    object
        .map("hits")
        .unwrap()
        .update(
            &key_bytes(),
            &vec![0; 16 * object.map("hits").unwrap().values_per_key()],
            ElemFlags::ANY,
        )
        .unwrap();
    assert_eq!(run(&object, "count"), 1);
    let value = locks.get_with(&FLOW, ElemFlags::LOCK).unwrap();
    // The lock itself is not shown.
    assert_eq!(value, Some(Locked { lock: 0, count: 6 }));
    let new = Locked { lock: 0, count: 9 };
    locks
        .insert_with(&FLOW, &new, ElemFlags::LOCK | ElemFlags::EXIST)
        .unwrap();
    assert_eq!(locks.get(&FLOW).unwrap(), Some(new));
    let mut batches = locks.map().batches();
    assert_eq!(batches.next().unwrap().unwrap().len(), 1);
}

fn key_bytes() -> [u8; 8] {
    let mut bytes = [0; 8];
    FLOW.write_to(&mut bytes);
    bytes
}

#[test]
fn tries_find_the_longest_prefix() {
    let system = host();
    let map = make(&system, MapType::LPM_TRIE, 8, 4);
    let trie = LpmTrie::<[u8; 4], u32>::try_from(&map).unwrap();
    for (bits, data, value) in [
        (8, [10, 0, 0, 0], 1),
        (16, [10, 1, 0, 0], 2),
        (32, [10, 1, 2, 3], 3),
    ] {
        trie.insert(bits, &data, &value).unwrap();
    }
    assert_eq!(trie.longest_match(&[10, 9, 9, 9]).unwrap(), Some(1));
    assert_eq!(trie.longest_match(&[10, 1, 9, 9]).unwrap(), Some(2));
    assert_eq!(trie.longest_match(&[10, 1, 2, 3]).unwrap(), Some(3));
    assert_eq!(trie.longest_match(&[11, 1, 2, 3]).unwrap(), None);
    assert_eq!(
        trie.get(16, &[10, 1, 2, 3]).unwrap(),
        Some(2),
        "no longer than asked"
    );
    assert!(trie.insert(33, &[0; 4], &0).is_err());
    let mut all: Vec<_> = trie.iter().map(Result::unwrap).collect();
    all.sort_unstable();
    assert_eq!(
        all,
        [
            (8, [10, 0, 0, 0], 1),
            (16, [10, 1, 0, 0], 2),
            (32, [10, 1, 2, 3], 3)
        ]
    );
    assert!(trie.remove(16, &[10, 1, 0, 0]).unwrap() && !trie.remove(16, &[10, 1, 0, 0]).unwrap());
    assert_eq!(trie.longest_match(&[10, 1, 9, 9]).unwrap(), Some(1));
}

#[test]
fn queues_and_stacks_take_values() {
    let system = host();
    let queue = Queue::<u32>::try_from(&make(&system, MapType::QUEUE, 0, 4)).unwrap();
    let stack = Stack::<u32>::try_from(&make(&system, MapType::STACK, 0, 4)).unwrap();
    assert_eq!(
        (
            queue.pop().unwrap(),
            stack.pop().unwrap(),
            queue.peek().unwrap()
        ),
        (None, None, None)
    );
    for n in 1..=8 {
        queue.push(&n).unwrap();
        stack.push(&n).unwrap();
    }
    assert_eq!(queue.push(&9).unwrap_err().errno(), Some(Errno::E2BIG));
    queue.push_over(&9).unwrap();
    stack.push_over(&9).unwrap();
    assert_eq!(
        (queue.peek().unwrap(), stack.peek().unwrap()),
        (Some(2), Some(9))
    );
    let popped: Vec<u32> = std::iter::from_fn(|| queue.pop().unwrap()).collect();
    assert_eq!(popped, [2, 3, 4, 5, 6, 7, 8, 9]);
    let popped: Vec<u32> = std::iter::from_fn(|| stack.pop().unwrap()).collect();
    assert_eq!((popped.len(), popped[0]), (8, 9));
    assert!(
        Queue::<u64>::try_from(queue.map()).is_err()
            && Stack::<u32>::try_from(queue.map()).is_err()
    );
}

#[test]
fn filters_know_what_is_not_there() {
    let system = host();
    if system.probe_map_type(MapType::BLOOM_FILTER) != Answer::Yes {
        skip!("no bloom filters");
    }
    let filter = BloomFilter::<u64>::try_from(&make(&system, MapType::BLOOM_FILTER, 0, 8)).unwrap();
    assert!(!filter.contains(&1).unwrap());
    filter.insert(&1).unwrap();
    assert!(filter.contains(&1).unwrap());
    assert!(
        (2..50).any(|n| !filter.contains(&n).unwrap()),
        "some are certainly not there"
    );
}

#[test]
fn stacks_are_read_as_addresses_or_build_ids() {
    let system = host();
    let object = views(&system);
    let test = TestRun {
        data: &[],
        ..Default::default()
    };
    object.program("stack").unwrap().test_run(&test).unwrap();
    let id = |name: &str| object.global(name).unwrap().read::<i32>().unwrap();
    let kernel = StackTraceMap::try_from(object.map("stacks").unwrap()).unwrap();
    let kernel_id = u32::try_from(id("kernel_id")).expect("a stack of the kernel");
    let frames = kernel.get(kernel_id).unwrap().unwrap();
    assert!(!frames.is_empty() && frames.iter().all(|&address| address != 0));
    assert_eq!(
        kernel.ids().map(Result::unwrap).collect::<Vec<u32>>(),
        [kernel_id]
    );
    assert_eq!(
        kernel.build_ids_at(kernel_id).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert_eq!(kernel.get((kernel_id + 1) % 16).unwrap(), None);

    let files = StackTraceMap::try_from(object.map("files").unwrap()).unwrap();
    assert!(files.has_build_ids() && files.get(0).is_err());
    let user_id = u32::try_from(id("user_id")).expect("a stack of this process");
    let frames = files.build_ids_at(user_id).unwrap().unwrap();
    let known =
        |frame: &BuildIdFrame| [BuildIdFrame::VALID, BuildIdFrame::IP].contains(&frame.status);
    assert!(!frames.is_empty() && frames.iter().all(known), "{frames:?}");
    assert!(kernel.remove(kernel_id).unwrap() && kernel.get(kernel_id).unwrap().is_none());
}

#[test]
fn elements_in_memory_are_cells() {
    let system = host();
    let params = MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 12,
        max_entries: 5,
        map_flags: 1 << 10,
        ..MapParams::default()
    };
    let map = Map::create(&system, &params).unwrap();
    let array = Array::<[u32; 3]>::try_from(&map).unwrap();
    let cell = array.cell(3).unwrap().unwrap();
    cell.store(&[1, 2, 3]).unwrap();
    assert_eq!(
        (cell.load(), array.get(3).unwrap()),
        ([1, 2, 3], Some([1, 2, 3]))
    );
    array.set(3, &[4, 5, 6]).unwrap();
    assert_eq!(cell.load(), [4, 5, 6]);
    assert!(array.cell(5).unwrap().is_none());
    let memory = map.memory().unwrap();
    // Elements lie at multiples of 8.
    let longer = MapParams {
        value_size: 4,
        max_entries: system.page_size() as u32 / 4,
        ..params
    };
    let longer = Map::create(&system, &longer).unwrap();
    assert_eq!(longer.memory().unwrap().len(), 2 * system.page_size());
    let last = Array::<u32>::try_from(&longer).unwrap();
    let cell = last.cell(last.len() - 1).unwrap().unwrap();
    cell.store(&7).unwrap();
    assert_eq!(last.get(last.len() - 1).unwrap(), Some(7));
    let word = memory.cell::<u32>(3 * 16 + 4).unwrap();
    assert_eq!(word.fetch_add(10).unwrap(), 5);
    assert_eq!(word.compare_exchange(14, 0).unwrap(), (false, 15));
    assert_eq!(word.compare_exchange(15, u32::MAX).unwrap(), (true, 15));
    assert_eq!(
        (
            word.fetch_add(2).unwrap(),
            word.swap(8).unwrap(),
            word.load()
        ),
        (u32::MAX, 1, 8)
    );
    assert_eq!(array.get(3).unwrap(), Some([4, 8, 6]));
    let signed = memory.cell::<i64>(8).unwrap();
    signed.store(&-1).unwrap();
    assert_eq!((signed.fetch_add(-1).unwrap(), signed.load()), (-1, -2));
    assert_eq!(
        memory.cell::<u64>(4).unwrap_err().kind(),
        ErrorKind::Invalid,
        "not aligned"
    );
    assert!(memory.cell::<u64>(memory.len()).is_err() && memory.cell::<u8>(usize::MAX).is_err());
    let at = memory.address() as u64;
    assert_eq!(
        (memory.offset_of(at + 48), memory.offset_of(at - 1)),
        (Some(48), None)
    );
    assert_eq!(memory.offset_of(at + memory.len() as u64), None);

    let object = load(&system, &object!("globals"));
    let counter = object.global("rw_u32").unwrap();
    let cell = counter.cell::<u32>().unwrap();
    cell.store(&77).unwrap();
    run(&object, "bump");
    assert_eq!(cell.load(), 78);
    assert!(counter.cell::<u64>().is_err(), "another size");
    let constant = object.global("ro_u32").unwrap();
    let error = constant.cell::<u32>().unwrap().store(&1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
}

#[test]
fn instruction_arrays_are_arrays_of_offsets() {
    let system = host();
    if system.probe_map_type(MapType::INSN_ARRAY) != Answer::Yes {
        skip!("no instruction arrays");
    }
    let map = make(&system, MapType::INSN_ARRAY, 4, 16);
    let array = Array::<[u32; 4]>::try_from(&map).unwrap();
    array.set(7, &[3, 0, 0, 0]).unwrap();
    assert_eq!(array.get(7).unwrap(), Some([3, 0, 0, 0]));
    assert_eq!(array.iter().count(), 8);
    map.freeze().unwrap();
    assert!(array.set(7, &[4, 0, 0, 0]).is_err());
}

#[test]
fn what_does_not_fit_is_told() {
    let system = host();
    let hash = make(&system, MapType::HASH, 4, 4);
    let hash = HashMap::<u32, u32>::try_from(&hash).unwrap();
    for key in 0..8 {
        hash.insert(&key, &key).unwrap();
    }
    let error = hash.insert(&8, &8).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::E2BIG), "{error}");
    let told = "update map ``: it is full, with 8 entries: ";
    assert!(error.to_string().starts_with(told), "{error}");
    let array = make(&system, MapType::ARRAY, 4, 4);
    let array = Array::<u32>::try_from(&array).unwrap();
    let error = array.set(8, &8).unwrap_err();
    assert!(
        error.to_string().contains(": indices are below 8: "),
        "{error}"
    );
    let trie = MapParams {
        map_type: MapType::LPM_TRIE,
        key_size: 8,
        value_size: 4,
        max_entries: 8,
        map_flags: skep::codec::uapi::flags::NO_PREALLOC,
        ..MapParams::default()
    };
    let trie = Map::create(&system, &trie).unwrap();
    let long = [33_u32.to_ne_bytes(), [10, 0, 0, 0]].concat();
    let told = ": a prefix of 33 bits, of a key that has 32: ";
    let error = trie.update(&long, &[0; 4], ElemFlags::ANY).unwrap_err();
    assert!(error.to_string().contains(told), "{error}");
    let error = trie.delete(&long).unwrap_err();
    assert!(error.to_string().contains(told), "{error}");

    let refused = |map_type, key_size, value_size, max_entries| {
        let params = MapParams {
            map_type,
            key_size,
            value_size,
            max_entries,
            ..MapParams::default()
        };
        let error = Map::create(&system, &params).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
        error.to_string()
    };
    let told = refused(MapType::ARRAY, 8, 4, 1);
    assert!(told.contains("keys have 4 bytes, not 8"), "{told}");
    let told = refused(MapType::HASH, 0, 4, 1);
    assert!(told.contains("key_size is 0"), "{told}");
    let told = refused(MapType::HASH, 4, 4, 0);
    assert!(told.contains("max_entries is 0"), "{told}");
    let told = refused(MapType::SK_STORAGE, 4, 8, 0);
    assert!(told.contains("need types (BTF)"), "{told}");
    let told = refused(MapType::RINGBUF, 0, 0, 1000);
    assert!(told.contains("power of two of whole pages"), "{told}");
}
