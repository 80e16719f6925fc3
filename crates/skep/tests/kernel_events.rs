//! Rings, perf event arrays and iterators in one stream, with an end, alone and with run times.

mod common;

use common::{getpgid, host, load, object, only_us, skip};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use skep::events::{IterStream, Parts, Source};
use skep::prog::TestRun;
use skep::sys::watch::Trace;
use skep::{Errno, ErrorKind, Events, Link, Object, System};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

fn run_on(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu).unwrap();
    sched_setaffinity(Pid::from_raw(0), &set).unwrap();
}

/// Records of our system calls.
fn calls(system: &System) -> (Object, Vec<Link>) {
    let mut spec = object!("rawtp");
    only_us(&mut spec);
    let object = load(system, &spec);
    let links = object.attach_all().unwrap();
    (object, links)
}

/// Sends samples of 16 bytes.
fn send(object: &Object, count: u32) {
    let run = TestRun {
        data: &[0; 64],
        repeat: count,
        ..Default::default()
    };
    object.program("send").unwrap().test_run(&run).unwrap();
}

#[test]
fn every_source_has_its_turn() {
    let system = host();
    run_on(0);
    let (rings, links) = calls(&system);
    let perf = load(&system, &object!("perf"));
    let mut events = Events::new(&system).unwrap();
    let ring = events.add(rings.ring("events").unwrap()).unwrap();
    let samples = events.add(perf.perf("samples").unwrap()).unwrap();
    send(&perf, 500);
    while rings.global("hits").unwrap().read::<u64>().unwrap() < 500 {
        getpgid(0);
    }
    drop(links);
    let mut order = Vec::new();
    events.end_in(5 * SECOND).unwrap();
    let mut numbers = Vec::new();
    while numbers.len() < 500 || order.len() < 1000 {
        let event = events.next().unwrap().expect("in time");
        order.push(event.source());
        if event.source() == samples {
            assert_eq!(event.cpu(), Some(0));
            numbers.push(event.read::<[u64; 2]>().unwrap()[0]);
        } else {
            assert_eq!((event.source(), event.cpu()), (ring, None));
            assert_eq!(event.bytes().len(), 40);
            assert!(event.read::<u32>().is_err(), "another size");
        }
    }
    assert_eq!(numbers, (0..500).collect::<Vec<u64>>());
    // Neither waits until the other is empty.
    let longest = order.chunk_by(|a, b| a == b).map(<[_]>::len).take(8).max();
    assert!(longest <= Some(64), "{longest:?} of one in a row");
    while events.try_next().unwrap().is_some() {}
    let stats = events.stats(samples).unwrap();
    assert_eq!((stats.events, stats.lost), (500, 0));
    assert!(events.stats(ring).unwrap().events >= 500);
    let Some(Source::Perf(buffer)) = events.remove(samples).unwrap() else {
        panic!("the buffer");
    };
    assert_eq!(buffer.lost(), 0);
    assert!(events.remove(samples).unwrap().is_none());
    assert!(events.stats(samples).is_none());
    // What was taken out can be put in again.
    let again = events.remove(ring).unwrap().unwrap();
    assert!(events.next().unwrap().is_none(), "no source is the end");
    let again = events.add(again).unwrap();
    assert!(again != ring && again != samples);
    events.add(buffer).unwrap();
}

/// A buffer that another part of this process has made senseless: its CPU is left out.
#[test]
fn a_cpu_that_fails_is_told_once_and_the_others_are_heard() {
    let system = host();
    let cpus = skep::sys::file::online_cpus(system.kernel()).unwrap();
    let [first, second, ..] = cpus[..] else {
        skip!("one CPU only");
    };
    let perf = load(&system, &object!("perf"));
    let mut events = Events::new(&system).unwrap();
    events.add(perf.perf("samples").unwrap()).unwrap();
    run_on(first as usize);
    send(&perf, 1);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let buffers = maps.lines().filter(|line| line.contains("[perf_event]"));
    let starts = buffers.map(|line| line.split('-').next().unwrap());
    let heads = starts.map(|start| {
        let start = usize::from_str_radix(start, 16).unwrap();
        std::ptr::with_exposed_provenance_mut::<u64>(start + 1024)
    });
    // SAFETY: `data_head` of a buffer that this process has mapped to be written.
    let head = heads
        .into_iter()
        .find(|head| unsafe { head.read_volatile() } != 0);
    // SAFETY: as above.
    unsafe { head.expect("one that was written").write_volatile(1 << 40) };
    run_on(second as usize);
    send(&perf, 2);
    let (mut seen, mut failed) = (Vec::new(), 0);
    for _ in 0..6 {
        match events.try_next() {
            Ok(event) => seen.extend(event.map(|event| event.cpu())),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                failed += 1;
            }
        }
    }
    assert_eq!((seen, failed), (vec![Some(second); 2], 1));
}

#[test]
fn losses_are_told() {
    let system = host();
    run_on(0);
    let perf = load(&system, &object!("perf"));
    let mut events = Events::new(&system).unwrap();
    let id = events.add(perf.perf("samples").unwrap()).unwrap();
    send(&perf, 5000);
    let count = |name: &str| perf.global(name).unwrap().read::<u64>().unwrap();
    let refused = count("refused");
    assert!(refused > 0);
    while events.try_next().unwrap().is_some() {}
    send(&perf, 1);
    while events.try_next().unwrap().is_some() {}
    let stats = events.stats(id).unwrap();
    assert_eq!((stats.events, stats.lost), (count("sent"), refused));
}

#[test]
fn it_ends_in_time_and_when_told() {
    let system = host();
    let perf = load(&system, &object!("perf"));
    let mut events = Events::new(&system).unwrap();
    events.add(perf.perf("samples").unwrap()).unwrap();
    let begun = Instant::now();
    events.end_in(SECOND / 10).unwrap();
    assert!(events.next().unwrap().is_none());
    assert!(events.next().unwrap().is_none(), "over is over");
    let took = begun.elapsed();
    assert!(took >= SECOND / 10 && took < 5 * SECOND, "{took:?}");
    events.end_in(20 * SECOND).unwrap();
    let stop = events.stopper();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(SECOND / 5);
        stop.stop().unwrap();
        stop.stop().unwrap();
    });
    let begun = Instant::now();
    assert!(events.next().unwrap().is_none());
    let took = begun.elapsed();
    assert!(took >= SECOND / 10 && took < 10 * SECOND, "{took:?}");
    stopper.join().unwrap();
    // What came meanwhile is still to be had.
    run_on(0);
    send(&perf, 2);
    assert!(events.next().unwrap().is_none());
    assert!(events.try_next().unwrap().is_some());
    assert!(events.try_next().unwrap().is_some());
    assert!(events.try_next().unwrap().is_none());
}

#[test]
fn it_ends_while_events_keep_coming() {
    let system = host();
    let (rings, _links) = calls(&system);
    let mut events = Events::new(&system).unwrap();
    events.add(rings.ring("events").unwrap()).unwrap();
    events.end_in(SECOND / 5).unwrap();
    let begun = Instant::now();
    let mut count = 0_u64;
    while events.next().unwrap().is_some() {
        count += 1;
        getpgid(0);
    }
    assert!(count > 100, "{count}");
    assert!(begun.elapsed() < 5 * SECOND);
}

#[test]
fn a_sleeping_stream_makes_no_calls() {
    let trace = Trace::new(host().kernel().clone());
    let system = System::new(trace.clone()).unwrap();
    let perf = load(&system, &object!("perf"));
    let (rings, links) = calls(&host());
    drop(links);
    let mut events = Events::new(&system).unwrap();
    events.add(perf.perf("samples").unwrap()).unwrap();
    let map = rings.map("events").unwrap();
    let ring = skep::Map::from_fd(&system, map.fd().try_clone().unwrap()).unwrap();
    events.add(skep::RingBuf::open(&ring).unwrap()).unwrap();
    while events.try_next().unwrap().is_some() {}
    let before = trace.total();
    events.end_in(SECOND).unwrap();
    assert!(events.next().unwrap().is_none());
    let calls = trace.total() - before;
    assert!(calls <= 12, "{calls} calls in a second of sleep: {trace:?}");
    assert!(trace.count("epoll_wait") <= 3);
}

#[test]
fn a_source_comes_once() {
    let system = host();
    let (rings, _links) = calls(&system);
    let mut events = Events::new(&system).unwrap();
    assert!(events.next().unwrap().is_none(), "no source is the end");
    events.add(rings.ring("events").unwrap()).unwrap();
    let again = events.add(rings.ring("events").unwrap()).unwrap_err();
    assert_eq!(again.errno(), Some(Errno::EEXIST));
    assert!(again.to_string().contains("a source already"), "{again}");
    assert!(again.to_string().contains("`events`"), "{again}");
    assert_eq!(format!("{events:?}").matches("RingBuf").count(), 1);
}

/// Iterators over maps, or why there are none.
fn iterators(system: &System) -> Option<(Object, Vec<Link>)> {
    match object!("iter").load(system) {
        Ok(object) => {
            let attach = |name: &str| object.program(name).unwrap().attach().unwrap();
            let links = vec![attach("lines"), attach("records")];
            Some((object, links))
        }
        Err(error) => {
            println!("skep-skip: no iterators over maps: {error}");
            None
        }
    }
}

#[test]
fn iterators_are_sources_that_end() {
    let system = host();
    let Some((object, links)) = iterators(&system) else {
        return;
    };
    let link = |name: &str| links.iter().find(|link| link.name() == name).unwrap();
    let mut expected: Vec<u32> = object.maps().iter().map(|map| map.id()).collect();
    expected.sort_unstable();
    let mut events = Events::new(&system).unwrap();
    let text = IterStream::new(link("lines").iter().unwrap(), Parts::Lines).unwrap();
    let text = events.add(text).unwrap();
    let ids = IterStream::new(link("records").iter().unwrap(), Parts::Bytes(8)).unwrap();
    let ids = events.add(ids).unwrap();
    let (mut lines, mut records) = (Vec::new(), Vec::new());
    while let Some(event) = events.next().unwrap() {
        if event.source() == text {
            lines.push(String::from_utf8(event.bytes().to_vec()).unwrap());
        } else {
            assert_eq!(event.source(), ids);
            let [id, entries] = event.read::<[u32; 2]>().unwrap();
            records.push((id, entries));
        }
    }
    for map in object.maps() {
        let line = format!("map {} of {}", map.id(), map.max_entries());
        assert!(lines.contains(&line), "{line} in {lines:?}");
        assert!(records.contains(&(map.id(), map.max_entries())));
    }
    let whole = link("lines").iter().unwrap().read_to_end(1 << 20).unwrap();
    let whole = String::from_utf8(whole).unwrap();
    assert!(
        expected
            .iter()
            .all(|id| whole.contains(&format!("map {id} of ")))
    );
    let error = link("lines").iter().unwrap().read_to_end(3).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EFBIG));
    assert!(IterStream::new(link("lines").iter().unwrap(), Parts::Bytes(0)).is_err());
}

#[test]
fn an_iterator_goes_over_one_map() {
    let system = host();
    let Some((object, _)) = iterators(&system) else {
        return;
    };
    let table = object.map("table").unwrap();
    for n in 1..=3_u32 {
        let value = u64::from(n) * 100;
        let any = skep::map::ElemFlags::ANY;
        table
            .update(&n.to_ne_bytes(), &value.to_ne_bytes(), any)
            .unwrap();
    }
    let elements = object.program("elements").unwrap();
    let link = elements
        .attach_to(skep::link::Iter::over_map(table))
        .unwrap();
    assert_eq!(link.hook(), "iterator bpf_map_elem");
    let text = link.iter().unwrap().read_to_end(1 << 16).unwrap();
    let mut lines: Vec<&str> = std::str::from_utf8(&text).unwrap().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["1 is 100", "2 is 200", "3 is 300"]);
}
