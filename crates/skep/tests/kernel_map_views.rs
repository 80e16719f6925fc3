//! Typed views of maps, each kind with what the kernel gives it.

mod common;

use common::{host, load, make, object, only, own_cgroup, own_network, run, skip};
use skep::codec::uapi::linux;
use skep::map::{
    Array, BloomFilter, BuildIdFrame, CgroupArray, CpuMap, DevMap, ElemFlags, HashMap,
    LocalStorage, LpmTrie, Map, MapOfMaps, MapParams, PerCpuArray, PerCpuHashMap, PerfEventArray,
    ProgArray, Queue, ReuseportSockArray, SockHash, SockMap, Stack, StackTraceMap, XskMap,
};
use skep::probe::Answer;
use skep::prog::TestRun;
use skep::sys::perf::{PerfEvent, Sample, perf_event_open};
use skep::{Errno, ErrorKind, MapType, Object, Plain, System, plain};
use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

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
    assert_eq!(flows.at(&FLOW).unwrap(), Some(pair));

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
    let text = refusal::<Swapped, Pair>(map);
    assert_eq!(text, format!("{key}`type` is at byte 6, in the view at 4"));
    assert_eq!(
        refusal::<Named, Pair>(map),
        format!("{key}it has no field `protocol`")
    );
    let text = refusal::<Wider, Pair>(map);
    assert_eq!(text, format!("{key}`port` has 2 bytes, in the view 4"));
    let text = refusal::<Flow, Inside>(map);
    let want = "value of map `flows`: field `flow`: it has no field `protocol`";
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
        assert_eq!(hash.at(&FLOW).unwrap(), None);
        hash.insert_with(&FLOW, &1, ElemFlags::NOEXIST).unwrap();
        let error = hash.insert_with(&FLOW, &2, ElemFlags::NOEXIST).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EEXIST), "{map_type}");
        hash.insert(&FLOW, &3).unwrap();
        assert_eq!(hash.at(&FLOW).unwrap(), Some(3));
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
    assert_eq!(hits.at(&FLOW).unwrap(), None);
    let values: Vec<[u32; 3]> = (0..cpus as u32).map(|cpu| [cpu, 2 * cpu, 100]).collect();
    hits.insert(&FLOW, &values).unwrap();
    let locks = HashMap::<Flow, Locked>::try_from(object.map("locks").unwrap()).unwrap();
    locks.insert(&FLOW, &Locked { lock: 0, count: 5 }).unwrap();
    assert_eq!(run(&object, "count"), 1);
    let read = hits.at(&FLOW).unwrap().unwrap();
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
        assert_eq!(hits.at(&FLOW).unwrap().unwrap()[0], [8; 3]);
    }
    assert!(hits.remove(&FLOW).unwrap() && hits.keys().next().is_none());

    let map = make(&system, MapType::LRU_PERCPU_HASH, 4, 4);
    let lru = PerCpuHashMap::<u32, u32>::try_from(&map).unwrap();
    lru.insert_all(&1, &2).unwrap();
    assert_eq!(lru.at(&1).unwrap(), Some(vec![2; cpus]));
    let map = make(&system, MapType::PERCPU_ARRAY, 4, 2);
    let array = PerCpuArray::<u16>::try_from(&map).unwrap();
    let values: Vec<u16> = (1..=cpus as u16).collect();
    array.set(7, &values).unwrap();
    assert_eq!(
        (array.at(7).unwrap(), array.at(8).unwrap()),
        (Some(values), None)
    );
    assert_eq!(array.at(0).unwrap(), Some(vec![0; cpus]));
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
    let value = locks.at_with(&FLOW, ElemFlags::LOCK).unwrap();
    // The lock itself is not shown.
    assert_eq!(value, Some(Locked { lock: 0, count: 6 }));
    let new = Locked { lock: 0, count: 9 };
    locks
        .insert_with(&FLOW, &new, ElemFlags::LOCK | ElemFlags::EXIST)
        .unwrap();
    assert_eq!(locks.at(&FLOW).unwrap(), Some(new));
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
        trie.at(16, &[10, 1, 2, 3]).unwrap(),
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
fn tail_calls_go_where_the_array_says() {
    let system = host();
    let object = views(&system);
    let targets = ProgArray::try_from(object.map("targets").unwrap()).unwrap();
    assert_eq!((run(&object, "jump"), targets.at(2).unwrap()), (7, None));
    let target = object.program("target").unwrap();
    targets.set(2, target.fd()).unwrap();
    assert_eq!(run(&object, "jump"), 42);
    assert_eq!(targets.at(2).unwrap(), Some(target.id().unwrap()));
    let error = targets
        .set(2, object.program("on_dev").unwrap().fd())
        .unwrap_err();
    assert_eq!(
        error.errno(),
        Some(Errno::EINVAL),
        "another type of program"
    );
    assert_eq!(
        targets.set(4, target.fd()).unwrap_err().errno(),
        Some(Errno::E2BIG)
    );
    assert!(targets.clear(2).unwrap() && !targets.clear(2).unwrap());
    assert_eq!(run(&object, "jump"), 7);
}

#[test]
fn maps_are_held_by_maps() {
    let system = host();
    let inner = make(&system, MapType::ARRAY, 4, 4);
    for (map_type, key_size) in [(MapType::ARRAY_OF_MAPS, 4), (MapType::HASH_OF_MAPS, 4)] {
        let params = MapParams {
            map_type,
            key_size,
            value_size: 4,
            max_entries: 3,
            inner_map: Some(inner.fd()),
            ..MapParams::default()
        };
        let outer = Map::create(&system, &params).unwrap();
        let outer = MapOfMaps::<u32>::try_from(&outer).unwrap();
        assert!(outer.at(&1).unwrap().is_none());
        let other = make(&system, MapType::ARRAY, 4, 4);
        Array::<u32>::try_from(&other).unwrap().set(5, &55).unwrap();
        outer.insert(&1, &other).unwrap();
        assert_eq!(outer.at(&1).unwrap().unwrap().id(), other.id());
        drop(other);
        let view: Array<u32> = outer.view(&1).unwrap().unwrap();
        assert_eq!(view.at(5).unwrap(), Some(55), "it lives in the outer map");
        assert!(outer.view::<Array<u64>>(&1).is_err());
        let error = outer
            .insert(&2, &make(&system, MapType::ARRAY, 4, 8))
            .unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EINVAL), "not like the inner map");
        assert!(outer.remove(&1).unwrap());
        assert!(outer.at(&1).unwrap().is_none());
    }
}

#[test]
fn interfaces_and_cpus_are_targets_with_programs() {
    own_network();
    let system = host();
    let object = views(&system);
    let on_dev = object.program("on_dev").unwrap();
    for name in ["devices", "devices_by_key"] {
        let devices = DevMap::try_from(object.map(name).unwrap()).unwrap();
        assert!(devices.at(3).unwrap().is_none());
        devices.insert(3, 1, Some(on_dev.fd())).unwrap();
        let target = devices.at(3).unwrap().unwrap();
        assert_eq!((target.number, target.prog_id), (1, on_dev.id().unwrap()));
        devices.insert(3, 1, None).unwrap();
        assert_eq!(devices.at(3).unwrap().unwrap().prog_id, 0);
        assert!(devices.insert(3, 77, None).is_err(), "no such interface");
        let wrong = object.program("on_cpu").unwrap();
        assert!(devices.insert(3, 1, Some(wrong.fd())).is_err());
        devices.remove(3).unwrap();
        assert!(devices.at(3).unwrap().is_none());
    }
    let plain = DevMap::try_from(&make(&system, MapType::DEVMAP, 4, 4)).unwrap();
    plain.insert(0, 1, None).unwrap();
    assert_eq!(plain.at(0).unwrap().unwrap().number, 1);
    let error = plain.insert(0, 1, Some(on_dev.fd())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);

    let cpus = CpuMap::try_from(object.map("cpus").unwrap()).unwrap();
    let on_cpu = object.program("on_cpu").unwrap();
    cpus.insert(0, 192, Some(on_cpu.fd())).unwrap();
    let target = cpus.at(0).unwrap().unwrap();
    assert_eq!((target.number, target.prog_id), (192, on_cpu.id().unwrap()));
    cpus.insert(0, 64, None).unwrap();
    assert_eq!(cpus.at(0).unwrap().unwrap().prog_id, 0);
    assert_eq!(
        cpus.insert(0, 20_000, None).unwrap_err().errno(),
        Some(Errno::EOVERFLOW)
    );
    cpus.remove(0).unwrap();
    assert!(cpus.at(0).unwrap().is_none());
}

/// A connection over the loopback interface.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// `SO_COOKIE`.
fn cookie(socket: &impl AsRawFd) -> u64 {
    let mut cookie = 0_u64;
    let mut len = size_of::<u64>() as u32;
    // SAFETY: a u64 and its length.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut len,
        )
    };
    assert_eq!(done, 0);
    cookie
}

#[test]
fn sockets_are_held_and_told() {
    own_network();
    let system = host();
    if system.probe_map_type(MapType::SOCKMAP) != Answer::Yes {
        skip!("no socket maps");
    }
    let (client, server) = connection();
    let map = SockMap::try_from(&make(&system, MapType::SOCKMAP, 4, 8)).unwrap();
    map.set(2, &client).unwrap();
    assert_eq!(
        (map.at(2).unwrap(), map.at(1).unwrap()),
        (Some(cookie(&client)), None)
    );
    map.set(2, &server).unwrap();
    assert_eq!(map.at(2).unwrap(), Some(cookie(&server)));
    assert!(map.clear(2).unwrap() && !map.clear(2).unwrap());
    assert!(map.set(8, &client).is_err() && map.set(0, &File::open("/").unwrap()).is_err());
    let narrow = SockMap::try_from(&make(&system, MapType::SOCKMAP, 4, 4)).unwrap();
    narrow.set(0, &client).unwrap();
    assert_eq!(narrow.at(0).unwrap_err().kind(), ErrorKind::Unsupported);

    let hash = SockHash::<[u8; 6]>::try_from(&make(&system, MapType::SOCKHASH, 6, 8)).unwrap();
    hash.insert(b"client", &client).unwrap();
    hash.insert(b"server", &server).unwrap();
    assert_eq!(hash.at(b"server").unwrap(), Some(cookie(&server)));
    assert_eq!(hash.keys().filter_map(Result::ok).count(), 2);
    drop(server);
    drop(client);
    assert!(!hash.remove(b"nobody").unwrap());

    let socket = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Inet,
        nix::sys::socket::SockType::Datagram,
        nix::sys::socket::SockFlag::empty(),
        None,
    )
    .unwrap();
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::ReusePort, &true).unwrap();
    let address = nix::sys::socket::SockaddrIn::new(127, 0, 0, 1, 0);
    nix::sys::socket::bind(socket.as_raw_fd(), &address).unwrap();
    let map = make(&system, MapType::REUSEPORT_SOCKARRAY, 4, 8);
    let array = ReuseportSockArray::try_from(&map).unwrap();
    array.set(1, &socket).unwrap();
    assert_eq!(
        (array.at(1).unwrap(), array.at(0).unwrap()),
        (Some(cookie(&socket)), None)
    );
    assert!(array.clear(1).unwrap() && array.at(1).unwrap().is_none());
    let alone = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(array.set(0, &alone).is_err(), "bound without SO_REUSEPORT");
}

#[test]
fn af_xdp_sockets_are_put_into_slots() {
    own_network();
    let system = host();
    if system.probe_map_type(MapType::XSKMAP) != Answer::Yes {
        skip!("no maps of AF_XDP sockets");
    }
    let map = XskMap::try_from(&make(&system, MapType::XSKMAP, 4, 4)).unwrap();
    // SAFETY: there are no pointers.
    let socket = owned(unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW, 0) });
    let entries = 64_u32;
    // SAFETY: a u32 and its length.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_XDP,
            libc::XDP_RX_RING,
            (&raw const entries).cast(),
            size_of::<u32>() as u32,
        )
    };
    assert_eq!(done, 0);
    map.set(3, &socket).unwrap();
    assert!(
        map.map().lookup(&3_u32.to_ne_bytes()).is_err(),
        "they cannot be read"
    );
    map.clear(3).unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(map.set(3, &other).is_err());
}

#[test]
fn cgroups_and_perf_events_are_put_into_slots() {
    let system = host();
    let Some(cgroup) = own_cgroup() else {
        skip!("no cgroup2 to make one in");
    };
    let groups = CgroupArray::try_from(&make(&system, MapType::CGROUP_ARRAY, 4, 4)).unwrap();
    groups.set(1, &cgroup.open()).unwrap();
    assert!(groups.set(1, &File::open("/").unwrap()).is_err());
    assert!(groups.clear(1).unwrap() && !groups.clear(1).unwrap());

    let events = PerfEventArray::try_from(&make(&system, MapType::PERF_EVENT_ARRAY, 4, 4)).unwrap();
    let clock = PerfEvent::Counter {
        kind: linux::PERF_TYPE_SOFTWARE,
        config: linux::PERF_COUNT_SW_CPU_CLOCK,
        sample: Sample::Frequency(1),
    };
    let event = perf_event_open(system.kernel(), &clock, -1, 0).unwrap();
    events.set(0, &event).unwrap();
    assert_eq!(
        events.set(8, &event).unwrap_err().errno(),
        Some(Errno::E2BIG)
    );
    assert!(events.clear(0).unwrap() && !events.clear(0).unwrap());
}

/// What a call that makes descriptors answers.
fn owned(fd: i32) -> OwnedFd {
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: it is new, and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A value comes, is changed and goes with each of these; no value has what is `other`.
fn values_hang_on(name: &str, on: &OwnedFd, other: &OwnedFd) {
    let system = host();
    let mut spec = only(object!("kinds"), &[]);
    spec.maps
        .iter_mut()
        .for_each(|map| map.autocreate = map.name == name);
    if system.probe_map_type(spec.map(name).unwrap().map_type) != Answer::Yes {
        skip!("no {name}");
    }
    let object = load(&system, &spec);
    let storage = LocalStorage::<Two>::try_from(object.map(name).unwrap()).unwrap();
    let (zero, two) = (
        Two {
            first: 0,
            second: 0,
        },
        Two {
            first: 1,
            second: 2,
        },
    );
    assert_eq!(storage.at(on).unwrap(), None);
    let error = storage
        .insert_with(on, &zero, ElemFlags::EXIST)
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT));
    storage.insert(on, &zero).unwrap();
    let error = storage
        .insert_with(on, &two, ElemFlags::NOEXIST)
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EEXIST));
    storage.insert(on, &two).unwrap();
    assert_eq!(storage.at(on).unwrap(), Some(two));
    assert!(storage.at(other).is_err() && storage.insert(other, &two).is_err());
    assert!(storage.remove(on).unwrap() && !storage.remove(on).unwrap());
}

fn root() -> OwnedFd {
    File::open("/").unwrap().into()
}

fn socket() -> OwnedFd {
    UdpSocket::bind("127.0.0.1:0").unwrap().into()
}

#[test]
fn values_hang_on_sockets() {
    own_network();
    values_hang_on("sk_storage", &socket(), &root());
}

#[test]
fn values_hang_on_tasks() {
    // SAFETY: there are no pointers.
    let task = unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
    values_hang_on("task_storage", &owned(task as i32), &root());
}

#[test]
fn values_hang_on_files() {
    let file: OwnedFd = File::open("/proc/self/exe").unwrap().into();
    let system = host();
    if system.probe_map_type(MapType::INODE_STORAGE) != Answer::Yes {
        skip!("no inode storage");
    }
    let mut spec = only(object!("kinds"), &[]);
    spec.maps
        .iter_mut()
        .for_each(|map| map.autocreate = map.name == "inode_storage");
    let object = load(&system, &spec);
    let storage = LocalStorage::<Two>::try_from(object.map("inode_storage").unwrap()).unwrap();
    let two = Two {
        first: 1,
        second: 2,
    };
    storage.insert(&file, &two).unwrap();
    let again: OwnedFd = File::open("/proc/self/exe").unwrap().into();
    assert_eq!(
        storage.at(&again).unwrap(),
        Some(two),
        "another descriptor of the same file"
    );
    assert_eq!(storage.at(&root()).unwrap(), None);
    assert!(storage.remove(&again).unwrap() && !storage.remove(&file).unwrap());
    let map = storage.map();
    assert!(map.lookup(&i32::MAX.to_ne_bytes()).is_err());
}

#[test]
fn values_hang_on_cgroups() {
    let Some(cgroup) = own_cgroup() else {
        skip!("no cgroup2 to make one in");
    };
    values_hang_on("cgrp_storage", &cgroup.open().into(), &root());
}

plain! {
    #[derive(Debug, PartialEq)]
    struct Two { first: u32, second: u32 }
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
    let frames = kernel.at(kernel_id).unwrap().unwrap();
    assert!(!frames.is_empty() && frames.iter().all(|&address| address != 0));
    assert_eq!(
        kernel.ids().map(Result::unwrap).collect::<Vec<u32>>(),
        [kernel_id]
    );
    assert_eq!(
        kernel.build_ids_at(kernel_id).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert_eq!(kernel.at((kernel_id + 1) % 16).unwrap(), None);

    let files = StackTraceMap::try_from(object.map("files").unwrap()).unwrap();
    assert!(files.has_build_ids() && files.at(0).is_err());
    let user_id = u32::try_from(id("user_id")).expect("a stack of this process");
    let frames = files.build_ids_at(user_id).unwrap().unwrap();
    let known =
        |frame: &BuildIdFrame| [BuildIdFrame::VALID, BuildIdFrame::IP].contains(&frame.status);
    assert!(!frames.is_empty() && frames.iter().all(known), "{frames:?}");
    assert!(kernel.remove(kernel_id).unwrap() && kernel.at(kernel_id).unwrap().is_none());
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
        (cell.load(), array.at(3).unwrap()),
        ([1, 2, 3], Some([1, 2, 3]))
    );
    array.set(3, &[4, 5, 6]).unwrap();
    assert_eq!(cell.load(), [4, 5, 6]);
    assert!(array.cell(5).unwrap().is_none());
    let memory = map.memory().unwrap();
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
    assert_eq!(array.at(3).unwrap(), Some([4, 8, 6]));
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
    assert_eq!(array.at(7).unwrap(), Some([3, 0, 0, 0]));
    assert_eq!(array.iter().count(), 8);
    map.freeze().unwrap();
    assert!(array.set(7, &[4, 0, 0, 0]).is_err());
}
