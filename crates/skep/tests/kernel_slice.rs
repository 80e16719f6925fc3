//! One road through everything, on the running kernel: each kind of program of the first slice is
//! loaded, attached and watched.

mod common;

use common::{first_record, getpgid, host, load, object, only_us, skip};
use skep::link::{SocketFilter, Tracepoint, Xdp};
use skep::map::{Array, ElemFlags, HashMap, PerCpuArray};
use skep::prog::TestRun;
use skep::ring::Woken;
use skep::{ErrorKind, Link, Map, MapType, Object, ObjectSpec, Plain, Program, RingBuf, System};
use std::net::UdpSocket;
use std::time::Duration;

skep::plain! {
    #[derive(Debug)]
    struct RawEvent {
        time_ns: u64,
        pid: u32,
        tid: u32,
        syscall: i64,
        comm: [u8; 16],
    }
}

const PACKET: [u8; 64] = [0xab; 64];

fn run(program: &Program) -> u32 {
    let run = TestRun {
        data: &PACKET,
        ..Default::default()
    };
    program.test_run(&run).expect("test run").return_value
}

#[test]
fn socket_filter_runs_and_counts() {
    let system = host();
    let object = load(&system, &object!("socket"));
    let length = object.program("length").unwrap();
    // The Ethernet header is taken off before a socket filter sees the packet.
    assert_eq!(run(length), 50);
    assert_eq!(run(length), 50);
    assert_eq!(run(object.program("constant").unwrap()), 42);
    let counts = Array::<u64>::try_from(object.map("counts").unwrap()).unwrap();
    assert_eq!(counts.get(0).unwrap(), Some(2));
    assert_eq!(counts.get(1).unwrap(), Some(100));
    assert_eq!(counts.get(2).unwrap(), None);
    let info = length.info().unwrap();
    assert_eq!(info.name, "length");
    assert_eq!(
        length.map_ids().unwrap(),
        [object.map("counts").unwrap().id()]
    );
}

#[test]
fn socket_filter_trims_what_a_socket_receives() {
    common::own_network();
    let system = host();
    let object = load(&system, &object!("socket"));
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let exchange = || {
        sender
            .send_to(&[7; 100], receiver.local_addr().unwrap())
            .unwrap();
        receiver.recv(&mut [0; 200]).unwrap()
    };
    assert_eq!(exchange(), 100);
    let socket = skep::sys::Fd::duplicate(system.kernel(), &receiver).unwrap();
    let hook = SocketFilter::on(&socket);
    let link = object.program("constant").unwrap().attach_to(hook).unwrap();
    // 42 bytes with the UDP header of 8.
    assert_eq!(exchange(), 34);
    link.detach().unwrap();
    assert_eq!(exchange(), 100);
}

#[test]
fn raw_tracepoint_sends_events() {
    let system = host();
    let mut spec = object!("rawtp");
    only_us(&mut spec);
    let object = load(&system, &spec);
    let links = object.attach_all().unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].hook(), "raw tracepoint sys_enter");
    let mut ring = object.ring("events").unwrap();
    let event = RawEvent::read_from(&first_record(&mut ring)).unwrap();
    assert_eq!(event.pid, std::process::id());
    assert!(event.time_ns > 0 && event.time_ns <= system.now_ns().unwrap());
    assert!(object.global("hits").unwrap().read::<u64>().unwrap() > 0);
    drop(links);
    // Detached: the ring runs dry and stays so.
    while ring.next().unwrap().is_some() {}
    getpgid(0);
    assert_eq!(
        ring.wait(Some(Duration::from_millis(50))).unwrap(),
        Woken::TimedOut
    );
}

#[test]
fn ring_wraps_many_times_and_loses_nothing_unseen() {
    let system = host();
    let mut spec = object!("rawtp");
    only_us(&mut spec);
    spec.map_mut("events").unwrap().max_entries = 4096;
    let object = load(&system, &spec);
    let _links = object.attach_all().unwrap();
    let mut ring = object.ring("events").unwrap();
    let mut seen = 0_u64;
    let mut last = 0;
    for _ in 0..2000 {
        getpgid(0);
        while let Some(record) = ring.next().unwrap() {
            assert_eq!(record.len(), 40);
            let event: RawEvent = record.read().unwrap();
            assert!(event.time_ns >= last, "in order");
            (last, seen) = (event.time_ns, seen + 1);
        }
    }
    drop(_links);
    while ring.next().unwrap().is_some() {
        seen += 1;
    }
    let counter = |name: &str| object.global(name).unwrap().read::<u64>().unwrap();
    assert_eq!(counter("hits"), seen + counter("dropped"));
    assert!(seen >= 2000);
}

#[test]
fn btf_tracepoint_sends_events() {
    let system = host();
    let mut spec = object!("tpbtf");
    only_us(&mut spec);
    let object = load(&system, &spec);
    let links = object.attach_all().unwrap();
    assert_eq!(links[0].hook(), "BTF tracepoint sys_enter");
    let mut ring = object.ring("events").unwrap();
    getpgid(0);
    assert_eq!(
        ring.wait(Some(Duration::from_secs(5))).unwrap(),
        Woken::Ready
    );
    assert_eq!(ring.next().unwrap().unwrap().len(), 24);
    assert!(object.global("hits").unwrap().read::<u64>().unwrap() > 0);
}

#[test]
fn tracepoint_counts() {
    let Some(tracefs) = common::own_tracefs() else {
        skip!("no tracefs in this kernel");
    };
    let system = host();
    let mut spec = object!("tracepoint");
    only_us(&mut spec);
    let object = load(&system, &spec);
    let hook = Tracepoint::new("syscalls", "sys_enter_getpgid").in_tracefs(&tracefs);
    let link = object.program("getpgid").unwrap().attach_to(hook).unwrap();
    getpgid(12345);
    let global = |name: &str| object.global(name).unwrap().read::<u64>().unwrap();
    assert_eq!(global("calls"), 1);
    assert_eq!(global("last_arg"), 12345);
    link.detach().unwrap();
    getpgid(1);
    assert_eq!(global("calls"), 1);
    let absent = Tracepoint::new("syscalls", "no_such").in_tracefs(&tracefs);
    let error = object
        .program("getpgid")
        .unwrap()
        .attach_to(absent)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains("no tracepoint syscalls/no_such"),
        "{error}"
    );
}

#[test]
fn xdp_counts_packets_and_drops() {
    common::own_network();
    let system = host();
    let object = load(&system, &object!("xdp"));
    let counts = PerCpuArray::<u64>::try_from(object.map("counts").unwrap()).unwrap();
    let packets = || counts.get(0).unwrap().unwrap().iter().sum::<u64>();
    assert_eq!(
        counts.get(0).unwrap().unwrap().len() as u32,
        system.possible_cpus().unwrap()
    );
    let link = object
        .program("pass")
        .unwrap()
        .attach_to(Xdp::on("lo").generic())
        .unwrap();
    assert!(
        link.is_bpf_link()
            && link.info().unwrap().prog_id == object.program("pass").unwrap().id().unwrap()
    );
    assert_eq!(common::hello().unwrap(), 5);
    assert!(packets() >= 1);
    let busy = object
        .program("drop")
        .unwrap()
        .attach_to(Xdp::on("lo").generic())
        .unwrap_err();
    assert_eq!(busy.errno(), Some(skep::Errno::EBUSY));
    link.detach().unwrap();
    let link = object
        .program("drop")
        .unwrap()
        .attach_to(Xdp::on("lo").generic())
        .unwrap();
    assert!(common::hello().is_err(), "dropped");
    drop(link);
    assert_eq!(common::hello().unwrap(), 5);
}

#[test]
fn xdp_needs_an_interface_and_says_so() {
    let system = host();
    let object = load(&system, &object!("xdp"));
    let error = object.program("pass").unwrap().attach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget);
    assert!(error.to_string().contains("link::Xdp"), "{error}");
    assert!(object.attach_all().unwrap().is_empty());
    let nowhere = object
        .program("pass")
        .unwrap()
        .attach_to(Xdp::on("no-such-if0"));
    assert_eq!(nowhere.unwrap_err().errno(), Some(skep::Errno::ENODEV));
}

#[test]
fn globals_are_set_before_and_read_after() {
    let system = host();
    let mut spec = object!("globals");
    spec.variable("ro_u32").unwrap().set(1005_u32).unwrap();
    spec.variable("ro_text").unwrap().set_text("other").unwrap();
    spec.variable("ro_mode")
        .unwrap()
        .set_text("MODE_ON")
        .unwrap();
    assert!(
        spec.variable("ro_u32").unwrap().set(5_u8).is_err(),
        "another size"
    );
    let unknown = spec.variable("no_such").unwrap_err();
    assert!(unknown.to_string().contains("ro_u32"), "{unknown}");
    let object = load(&system, &spec);
    run(object.program("sum").unwrap());
    let seen = object.global("seen").unwrap().bytes().unwrap();
    let number = |index: usize| i64::from_ne_bytes(seen[index * 8..][..8].try_into().unwrap());
    assert_eq!(
        [number(0), number(1), number(4), number(7)],
        [1, -2, 1005, -8]
    );
    assert!(seen.windows(6).any(|w| w == b"other\0"));
    run(object.program("bump").unwrap());
    let read = |name: &str| object.global(name).unwrap().read::<u32>().unwrap();
    assert_eq!(read("rw_u32"), 13);
    assert_eq!(read("extra_rw"), 23);
    assert_eq!(
        object
            .global("rw_point")
            .unwrap()
            .read::<[i32; 2]>()
            .unwrap(),
        [114, -115]
    );
    let zero = object.global("zero_u64").unwrap().read::<u64>().unwrap();
    assert_eq!(zero, 0x0102_0304_0506_0708);
}

#[test]
fn read_only_data_is_frozen() {
    let system = host();
    let object = load(&system, &object!("globals"));
    let rodata = object
        .maps()
        .iter()
        .find(|map| map.name().ends_with(".rodata"))
        .unwrap();
    let value = rodata.lookup(&[0; 4]).unwrap().unwrap();
    let error = rodata.update(&[0; 4], &value, ElemFlags::ANY).unwrap_err();
    assert_eq!(error.errno(), Some(skep::Errno::EPERM));
}

#[test]
fn subprograms_are_joined() {
    let system = host();
    let mut spec = object!("subprogs");
    spec.variable("bonus").unwrap().set(1000_i32).unwrap();
    let object = load(&system, &spec);
    let ran = |name: &str| run(object.program(name).unwrap());
    // The packet is 50 bytes long: twice(50) + 1, and plus_three(50) + bonus.
    assert_eq!([ran("first"), ran("second"), ran("alone")], [107, 1053, 5]);
    let calls = Array::<u64>::try_from(object.map("calls").unwrap()).unwrap();
    assert_eq!(calls.get(0).unwrap(), Some(2));
}

#[test]
fn maps_take_their_operations() {
    let system = host();
    let object = load(&system, &object!("maps"));
    let hash = object
        .maps()
        .iter()
        .find(|m| m.map_type() == MapType::HASH)
        .unwrap();
    let key = |n: u8| vec![n; hash.key_size() as usize];
    let value = vec![9; hash.value_size() as usize];
    for n in 1..=5 {
        hash.update(&key(n), &value, ElemFlags::ANY).unwrap();
    }
    let mut keys: Vec<_> = hash.keys().map(Result::unwrap).collect();
    keys.sort();
    assert_eq!(keys, (1..=5).map(key).collect::<Vec<_>>());
    assert!(hash.entries().all(|entry| entry.unwrap().1 == value));
    assert!(hash.delete(&key(3)).unwrap());
    assert!(!hash.delete(&key(3)).unwrap());
    assert_eq!(hash.lookup(&key(3)).unwrap(), None);
    assert_eq!(
        hash.update(&key(1), &value, ElemFlags::NOEXIST)
            .unwrap_err()
            .errno(),
        Some(skep::Errno::EEXIST)
    );
    let error = hash.lookup(&[0; 1]).unwrap_err().to_string();
    assert!(error.contains(" bytes, not 1)"), "{error}");
    assert!(
        HashMap::<u8, u8>::try_from(hash).is_err(),
        "a view of another size"
    );
}

#[test]
fn every_failing_program_is_reported() {
    let system = host();
    let error = object!("broken").load(&system).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Several);
    let failures = error.failures();
    let names: Vec<_> = failures.iter().map(|f| f.program.as_str()).collect();
    assert_eq!(names, ["endless", "beyond", "unchecked"]);
    for failure in failures {
        let refusal = failure.error.refusal().expect("verifier log");
        assert!(
            refusal.log.contains("processed"),
            "whole log: {}",
            refusal.log
        );
        let source = refusal.digest.source.as_ref().expect("source line");
        assert!(
            source.file.ends_with("broken.bpf.c") && source.line > 0,
            "{source}"
        );
        assert!(
            refusal.digest.insn.is_some() && refusal.digest.hint.is_some(),
            "{refusal}"
        );
    }
    let unchecked = failures[2].error.refusal().unwrap();
    assert_eq!(
        unchecked.digest.complaint,
        "R0 invalid mem access 'map_value_or_null'"
    );
    // Since Linux 7.3 the verifier explains itself: of that the digest has the reason only.
    let explains = unchecked.log.contains("\nReason:\n");
    let reason = unchecked.digest.reason.as_deref();
    assert_eq!(explains, reason.is_some(), "{unchecked}");
    assert!(reason.is_none_or(|reason| reason.contains("NULL") && !reason.contains("Suggestion")));
    let endless = &failures[0].error.refusal().unwrap().digest.complaint;
    assert!(!endless.contains("state:"), "{endless}");
    assert_eq!(
        unchecked.digest.source.as_ref().unwrap().text,
        "return *value;"
    );
}

#[test]
fn a_program_loads_by_itself_whatever_the_others_are() {
    let system = host();
    let spec = object!("broken");
    let options = skep::LoadOptions {
        timed: true,
        ..Default::default()
    };
    let mut loader = spec.loader(&system, &options);
    let loaded: Vec<_> = (0..spec.programs.len())
        .map(|n| loader.load_program(n))
        .collect();
    assert_eq!(
        loaded.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [false, false, false, true]
    );
    let good = loaded[3].as_ref().unwrap();
    assert!(good.load_ns.unwrap() > 0 && good.insns > 3);
    // Told since Linux 5.16.
    let verified = good.program.info().unwrap().verified_insns as usize;
    assert!(verified == 0 || verified >= good.insns / 2, "{verified}");
}

#[test]
fn pins_outlive_their_handles() {
    let dir = common::own_bpffs();
    let system = host();
    let object = load(&system, &object!("socket"));
    let (map, program) = (
        object.map("counts").unwrap(),
        object.program("length").unwrap(),
    );
    map.pin(&format!("{dir}/m")).unwrap();
    program.pin(&format!("{dir}/p")).unwrap();
    let id = map.id();
    run(program);
    drop(object);
    let map = Map::from_pin(&system, &format!("{dir}/m")).unwrap();
    assert_eq!((map.id(), map.value_size()), (id, 8));
    assert_eq!(map.lookup(&[0; 4]).unwrap().unwrap(), 1_u64.to_ne_bytes());
    let program = Program::from_pin(&system, &format!("{dir}/p")).unwrap();
    assert_eq!((program.name(), run(&program)), ("length", 50));
    assert!(system.maps().unwrap().iter().any(|m| m.id == id));
    assert!(
        system
            .programs()
            .unwrap()
            .iter()
            .any(|p| p.name == "length")
    );
}

#[test]
fn handles_cross_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    shared::<(System, Object, Program, Map, Link, ObjectSpec, skep::Error)>();
    sent::<RingBuf>();
    assert_eq!(size_of::<skep::Error>(), size_of::<usize>());
}
