//! Views of maps that hold something of the kernel's (programs, maps, interfaces, sockets, cgroups,
//! perf events), and of values that hang on something.

mod common;

use common::{host, load, make, object, only, own_cgroup, own_network, run, skip};
use skep::codec::uapi::linux;
use skep::map::{
    Array, CgroupArray, CpuMap, DevMap, ElemFlags, LocalStorage, Map, MapOfMaps, MapParams,
    PerfEventArray, ProgArray, ReuseportSockArray, SockHash, SockMap, XskMap,
};
use skep::probe::Answer;
use skep::sys::perf::{Counter, PerfEvent, Sample, perf_event_open};
use skep::{Errno, ErrorKind, MapType, plain};
use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The reason is in the error's words.
fn told(error: &skep::Error, why: &str) {
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn tail_calls_go_where_the_array_says() {
    let system = host();
    let object = load(&system, &object!("views"));
    let targets = ProgArray::try_from(object.map("targets").unwrap()).unwrap();
    assert_eq!((run(&object, "jump"), targets.get(2).unwrap()), (7, None));
    let target = object.program("target").unwrap();
    targets.set(2, target.fd()).unwrap();
    assert_eq!(run(&object, "jump"), 42);
    assert_eq!(targets.get(2).unwrap(), Some(target.id().unwrap()));
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
        assert!(outer.get(&1).unwrap().is_none());
        let other = make(&system, MapType::ARRAY, 4, 4);
        Array::<u32>::try_from(&other).unwrap().set(5, &55).unwrap();
        outer.insert(&1, &other).unwrap();
        assert_eq!(outer.get(&1).unwrap().unwrap().id(), other.id());
        drop(other);
        let view: Array<u32> = outer.view(&1).unwrap().unwrap();
        assert_eq!(view.get(5).unwrap(), Some(55), "it lives in the outer map");
        assert!(outer.view::<Array<u64>>(&1).is_err());
        let error = outer
            .insert(&2, &make(&system, MapType::ARRAY, 4, 8))
            .unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EINVAL), "not like the inner map");
        told(
            &error,
            ": maps in it are of the type, the sizes and the flags ",
        );
        assert!(outer.remove(&1).unwrap());
        assert!(outer.get(&1).unwrap().is_none());
    }
}

#[test]
fn interfaces_and_cpus_are_targets_with_programs() {
    own_network();
    let system = host();
    let object = load(&system, &object!("views"));
    let on_dev = object.program("on_dev").unwrap();
    for name in ["devices", "devices_by_key"] {
        let devices = DevMap::try_from(object.map(name).unwrap()).unwrap();
        assert!(devices.get(3).unwrap().is_none());
        devices.insert(3, 1, Some(on_dev.fd())).unwrap();
        let target = devices.get(3).unwrap().unwrap();
        assert_eq!((target.number, target.prog_id), (1, on_dev.id().unwrap()));
        devices.insert(3, 1, None).unwrap();
        assert_eq!(devices.get(3).unwrap().unwrap().prog_id, 0);
        told(
            &devices.insert(3, 77, None).unwrap_err(),
            ": no such interface, ",
        );
        let wrong = object.program("on_cpu").unwrap();
        let error = devices.insert(3, 1, Some(wrong.fd())).unwrap_err();
        told(
            &error,
            "or a program that is not for device maps (`xdp/devmap`): ",
        );
        devices.remove(3).unwrap();
        assert!(devices.get(3).unwrap().is_none());
    }
    let plain = DevMap::try_from(&make(&system, MapType::DEVMAP, 4, 4)).unwrap();
    plain.insert(0, 1, None).unwrap();
    assert_eq!(plain.get(0).unwrap().unwrap().number, 1);
    let error = plain.insert(0, 1, Some(on_dev.fd())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);

    let cpus = CpuMap::try_from(object.map("cpus").unwrap()).unwrap();
    let on_cpu = object.program("on_cpu").unwrap();
    cpus.insert(0, 192, Some(on_cpu.fd())).unwrap();
    let target = cpus.get(0).unwrap().unwrap();
    assert_eq!((target.number, target.prog_id), (192, on_cpu.id().unwrap()));
    cpus.insert(0, 64, None).unwrap();
    assert_eq!(cpus.get(0).unwrap().unwrap().prog_id, 0);
    let error = cpus.insert(0, 20_000, None).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EOVERFLOW));
    told(&error, ": a CPU's queue has at most 16384 packets: ");
    cpus.remove(0).unwrap();
    assert!(cpus.get(0).unwrap().is_none());
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
        (map.get(2).unwrap(), map.get(1).unwrap()),
        (Some(cookie(&client)), None)
    );
    map.set(2, &server).unwrap();
    assert_eq!(map.get(2).unwrap(), Some(cookie(&server)));
    assert!(map.clear(2).unwrap() && !map.clear(2).unwrap());
    assert!(map.clear(map.len()).is_err(), "no slot at all");
    assert!(map.set(8, &client).is_err() && map.set(0, &File::open("/").unwrap()).is_err());
    let narrow = SockMap::try_from(&make(&system, MapType::SOCKMAP, 4, 4)).unwrap();
    narrow.set(0, &client).unwrap();
    assert_eq!(narrow.get(0).unwrap_err().kind(), ErrorKind::Unsupported);
    let narrow = SockHash::<u32>::try_from(&make(&system, MapType::SOCKHASH, 4, 4)).unwrap();
    narrow.insert(&1, &client).unwrap();
    narrow.insert(&2, &server).unwrap();
    let mut keys: Vec<u32> = narrow.keys().map(Result::unwrap).collect();
    keys.sort_unstable();
    assert_eq!(keys, [1, 2], "without values to be read");
    // Nor is it seen by them whether a key is still there: the next one is.
    let mut walk = narrow.keys();
    let first = walk.next().unwrap().unwrap();
    assert!(narrow.remove(&(3 - first)).unwrap());
    let error = walk.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Restarted);

    let hash = SockHash::<[u8; 6]>::try_from(&make(&system, MapType::SOCKHASH, 6, 8)).unwrap();
    hash.insert(b"client", &client).unwrap();
    hash.insert(b"server", &server).unwrap();
    assert_eq!(hash.get(b"server").unwrap(), Some(cookie(&server)));
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
        (array.get(1).unwrap(), array.get(0).unwrap()),
        (Some(cookie(&socket)), None)
    );
    assert!(array.clear(1).unwrap() && array.get(1).unwrap().is_none());
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
    let error = groups.set(1, &File::open("/").unwrap()).unwrap_err();
    told(&error, ": no descriptor of a cgroup of version 2: ");
    assert!(groups.clear(1).unwrap() && !groups.clear(1).unwrap());

    let events = PerfEventArray::try_from(&make(&system, MapType::PERF_EVENT_ARRAY, 4, 4)).unwrap();
    let clock = PerfEvent::Counter(Counter {
        kind: linux::PERF_TYPE_SOFTWARE,
        config: linux::PERF_COUNT_SW_CPU_CLOCK,
        sample: Sample::Frequency(1),
        ..Counter::default()
    });
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

plain! {
    #[derive(Debug, PartialEq)]
    struct Two { first: u32, second: u32 }
}

/// A storage as it is declared; `None`, said, where the kernel has none of its type.
fn storage(name: &str) -> Option<LocalStorage<Two>> {
    let system = host();
    let mut spec = only(object!("kinds"), &[]);
    for map in &mut spec.maps {
        map.autocreate = map.name == name;
    }
    if system.probe_map_type(spec.map(name).unwrap().map_type) != Answer::Yes {
        println!("skep-skip: no {name}");
        return None;
    }
    let object = load(&system, &spec);
    Some(LocalStorage::try_from(object.map(name).unwrap()).unwrap())
}

/// A value comes, is changed and goes with each of these; no value has what is `other`.
fn values_hang_on(name: &str, on: &OwnedFd, other: &OwnedFd) {
    let Some(storage) = storage(name) else { return };
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
    assert_eq!(storage.get(on).unwrap(), None);
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
    assert_eq!(storage.get(on).unwrap(), Some(two));
    assert!(storage.get(other).is_err() && storage.insert(other, &two).is_err());
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
    let Some(storage) = storage("inode_storage") else {
        return;
    };
    let two = Two {
        first: 1,
        second: 2,
    };
    storage.insert(&file, &two).unwrap();
    let again: OwnedFd = File::open("/proc/self/exe").unwrap().into();
    assert_eq!(
        storage.get(&again).unwrap(),
        Some(two),
        "another descriptor of the same file"
    );
    assert_eq!(storage.get(&root()).unwrap(), None);
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
