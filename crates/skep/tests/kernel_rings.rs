//! Ring buffers between programs of the running kernel and this process.

mod common;
#[path = "common/signals.rs"]
mod signals;

use common::{host, load, object, skip};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use signals::Signals;
use skep::prog::TestRun;
use skep::ring::{RingBuf, Woken, wait_any};
use skep::sys::watch::Trace;
use skep::{ErrorKind, MapType, Object, System};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A record of program `send`, with its header.
const SMALL: u64 = 72;

/// An object whose programs fill ring `events`.
struct Producer(Object);

impl Producer {
    fn new(system: &System) -> Self {
        Self(load(system, &object!("rings")))
    }

    fn ring(&self) -> RingBuf {
        self.0.ring("events").unwrap()
    }

    /// Runs a program that sends `count` records.
    fn send(&self, program: &str, count: u32) {
        self.0.global("count").unwrap().set(count).unwrap();
        common::run(&self.0, program);
    }

    fn read(&self, global: &str) -> u64 {
        self.0.global(global).unwrap().read().unwrap()
    }

    /// What `bpf_ringbuf_query` answers: data that wait, size, positions.
    fn ask(&self) -> [u64; 5] {
        common::run(&self.0, "ask");
        self.0.global("asked").unwrap().read().unwrap()
    }
}

/// Numbers of all records that are there, each checked to be whole.
fn drain(ring: &mut RingBuf) -> Vec<u64> {
    let mut all = Vec::new();
    while let Some(record) = ring.next().unwrap() {
        let words: [u64; 8] = record.read().unwrap();
        assert_eq!(words, [words[0]; 8]);
        assert_eq!(record.field::<u64>(56).unwrap(), words[0]);
        all.push(words[0]);
    }
    all
}

#[test]
fn space_goes_back_in_batches() {
    let producer = Producer::new(&host());
    let mut ring = producer.ring();
    let published = || producer.ask()[2];
    producer.send("send", 200);
    for number in 0..200_u64 {
        let before = ring.consumer_position();
        let record = ring.next().unwrap().unwrap();
        assert_eq!((record.len(), record.position()), (64, before));
        assert_eq!(record.field::<u64>(0).unwrap(), number);
        drop(record);
        // An eighth of 64 KiB is 113.8 records.
        let batches = (number + 1) / 114;
        assert_eq!(published(), batches * 114 * SMALL, "after record {number}");
    }
    ring.publish();
    assert_eq!(published(), 200 * SMALL, "when told to");
    producer.send("send", 1);
    assert!(ring.next().unwrap().is_some());
    assert_eq!(published(), 200 * SMALL);
    assert!(ring.next().unwrap().is_none());
    assert_eq!(published(), 201 * SMALL, "when nothing is left");
    producer.send("send", 1);
    assert!(ring.next().unwrap().is_some());
    drop(ring);
    assert_eq!(published(), 202 * SMALL, "when closed");
}

#[test]
fn a_forgotten_record_comes_again() {
    let producer = Producer::new(&host());
    let mut ring = producer.ring();
    producer.send("send", 2);
    for _ in 0..3 {
        let record = ring.next().unwrap().unwrap();
        assert_eq!(record.field::<u64>(0).unwrap(), 0);
        std::mem::forget(record);
    }
    assert_eq!(drain(&mut ring), [0, 1]);
}

#[test]
fn fill_level_agrees_with_the_kernels() {
    let producer = Producer::new(&host());
    let mut ring = producer.ring();
    assert_eq!(ring.size_bytes(), 65536);
    producer.send("send", 100);
    drop(ring.next().unwrap().unwrap());
    ring.publish();
    let [waits, size, consumer, position, _] = producer.ask();
    assert_eq!(waits, 99 * SMALL);
    assert_eq!(ring.available_bytes(), waits);
    assert_eq!(ring.size_bytes(), size);
    assert_eq!(ring.consumer_position(), consumer);
    assert_eq!(ring.producer_position(), position);
    assert_eq!(ring.overwrite_position(), None);
    // All that fits, and what does not is counted by the program.
    producer.send("send", 1024);
    assert_eq!(producer.read("dropped"), 1124 - 911);
    assert_eq!(ring.available_bytes(), 910 * SMALL);
    assert_eq!(drain(&mut ring).len(), 910);
    assert_eq!(ring.available_bytes(), 0);
}

#[test]
fn records_given_back_unused_are_counted_and_not_seen() {
    let producer = Producer::new(&host());
    let mut ring = producer.ring();
    producer.send("send_half", 101);
    let mut seen = Vec::new();
    while let Some(record) = ring.next().unwrap() {
        seen.push(record.read::<u64>().unwrap());
    }
    assert_eq!(seen, (0..=100).step_by(2).collect::<Vec<u64>>());
    assert_eq!(ring.discarded(), 50);
    assert_eq!(ring.available_bytes(), 0);
}

#[test]
fn records_of_every_length_come_whole() {
    let producer = Producer::new(&host());
    let mut ring = producer.ring();
    let fill: Vec<u8> = (0..2048).map(|n| (n % 251) as u8).collect();
    producer
        .0
        .global("bytes")
        .unwrap()
        .set_bytes(&fill)
        .unwrap();
    let mut bytes = Vec::new();
    for len in 0..2048_u32 {
        producer.0.global("len").unwrap().set(len).unwrap();
        producer.send("send_any", 1);
        let record = ring.next().unwrap().unwrap();
        record.read_into(&mut bytes);
        let mut wanted = fill[..len as usize].to_vec();
        let number = u64::from(len).to_ne_bytes();
        let numbered = wanted.len().min(8);
        wanted[..numbered].copy_from_slice(&number[..numbered]);
        assert_eq!(bytes, wanted, "{len} bytes");
        assert_eq!(record.to_vec(), wanted);
        let wrong = record.read::<[u8; 3]>().err().map(|e| e.kind());
        assert_eq!(wrong, (len != 3).then_some(ErrorKind::Invalid));
        assert!(record.field::<u64>(len as usize).is_err());
        assert!(record.field::<u8>(usize::MAX).is_err());
    }
    // 2 MB through 64 KiB.
    assert!(ring.consumer_position() > 2 << 20);
}

#[test]
fn a_reopened_ring_goes_on_where_the_last_one_stopped() {
    let producer = Producer::new(&host());
    producer.send("send", 300);
    let mut ring = producer.ring();
    for _ in 0..10 {
        ring.next().unwrap().unwrap();
    }
    drop(ring);
    let mut ring = producer.ring();
    assert_eq!(ring.consumer_position(), 10 * SMALL);
    assert_eq!(drain(&mut ring), (10..300).collect::<Vec<u64>>());
    // Empty, full of old bytes: nothing comes of them.
    drop(ring);
    assert!(producer.ring().next().unwrap().is_none());
}

#[test]
fn other_maps_are_no_rings() {
    let producer = Producer::new(&host());
    let map = producer
        .0
        .maps()
        .iter()
        .find(|m| m.map_type() == MapType::ARRAY)
        .unwrap();
    let error = RingBuf::open(map).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("is no ring buffer"), "{error}");
}

#[test]
fn a_wait_ends_in_time() {
    let producer = Producer::new(&host());
    let mut ring = producer.ring();
    let begun = Instant::now();
    let short = Duration::from_millis(50);
    assert_eq!(ring.wait(Some(short)).unwrap(), Woken::TimedOut);
    assert!(begun.elapsed() >= short);
    assert_eq!(ring.wait(Some(Duration::ZERO)).unwrap(), Woken::TimedOut);
    assert!(ring.records(Some(short)).next().unwrap().is_none());
    assert_eq!(wait_any(&mut [], None).unwrap(), Woken::TimedOut);
    producer.send("send", 1);
    assert_eq!(ring.wait(None).unwrap(), Woken::Ready);
    assert_eq!(drain(&mut ring), [0]);
    // A record given back unused is none, though it wakes.
    producer.send("send_half", 2);
    let mut records = ring.records(Some(short));
    assert!(records.next().unwrap().is_some());
    let begun = Instant::now();
    assert!(records.next().unwrap().is_none());
    assert!(begun.elapsed() >= short);
}

/// The kernel is told of what was read before a wait: otherwise it would say that there is more.
#[test]
fn a_wait_after_the_last_record_sleeps() {
    let trace = Trace::new(host().kernel().clone());
    let producer = Producer::new(&System::new(trace.clone()).unwrap());
    let mut ring = producer.ring();
    producer.send("send", 3);
    for number in 0..3_u64 {
        let record = ring.next().unwrap().unwrap();
        assert_eq!(record.field::<u64>(0).unwrap(), number);
    }
    let before = trace.count("poll");
    let time = Some(Duration::from_millis(100));
    assert_eq!(ring.wait(time).unwrap(), Woken::TimedOut);
    assert!(trace.count("poll") - before <= 2, "{trace:?}");
}

#[test]
fn signals_are_told_and_end_no_records() {
    let producer = Producer::new(&host());
    let mut ring = producer.ring();
    let _signals = Signals::every(Duration::from_millis(10));
    assert_eq!(ring.wait(None).unwrap(), Woken::Signal);
    assert_eq!(
        ring.wait(Some(Duration::from_secs(5))).unwrap(),
        Woken::Signal
    );
    let begun = Instant::now();
    let time = Duration::from_millis(200);
    assert!(ring.records(Some(time)).next().unwrap().is_none());
    let took = begun.elapsed();
    assert!(took >= time, "{took:?}: what was left was waited for");
    assert!(took < time * 5, "{took:?}: time went on");
}

#[test]
fn one_wait_for_many_rings() {
    let system = host();
    let producers: Vec<Producer> = (0..3).map(|_| Producer::new(&system)).collect();
    let mut rings: Vec<RingBuf> = producers.iter().map(Producer::ring).collect();
    for turn in [2_usize, 0, 1] {
        let begun = Instant::now();
        let woken = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(30));
                producers[turn].send("send", 1);
            });
            let mut all: Vec<&mut RingBuf> = rings.iter_mut().collect();
            wait_any(&mut all, Some(Duration::from_secs(10))).unwrap()
        });
        assert_eq!(woken, Woken::Ready);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}: no wake-up");
        let ready: Vec<bool> = rings.iter_mut().map(RingBuf::is_ready).collect();
        let wanted: Vec<bool> = (0..3).map(|n| n == turn).collect();
        assert_eq!(ready, wanted);
        assert_eq!(drain(&mut rings[turn]).len(), 1);
    }
}

/// An epoll set that tells changes only.
fn edges(ring: &RingBuf) -> Epoll {
    let set = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
    set.add(ring.fd(), EpollEvent::new(flags, 0)).unwrap();
    set
}

/// After `None` a commit wakes even who waits for changes only: a wake-up that is lost makes this
/// hang until the time is over.
#[test]
fn no_wake_up_is_lost() {
    const RECORDS: u64 = 30_000;
    let producer = Producer::new(&host());
    let mut ring = producer.ring();
    let edges = edges(&ring);
    let sent = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            producer.0.global("count").unwrap().set(1_u32).unwrap();
            let program = producer.0.program("send").unwrap();
            let run = TestRun {
                data: &[0; 64],
                repeat: 3,
                ..Default::default()
            };
            while producer.read("seq") < RECORDS {
                program.test_run(&run).unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut seen = 0;
        while seen + producer.read("dropped") < RECORDS {
            let changed = edges.wait(&mut [EpollEvent::empty()], 10_000_u16).unwrap();
            assert_eq!(changed, 1, "a wake-up was lost after {seen} records");
            seen += drain(&mut ring).len() as u64;
        }
    });
}

/// Programs on every CPU at once, a busy consumer: all that was not dropped comes once.
#[test]
fn many_producers_one_consumer() {
    const RUNS: u32 = 300;
    let system = host();
    let producer = Producer::new(&system);
    let mut ring = producer.ring();
    producer.0.global("len").unwrap().set(24_u32).unwrap();
    producer.0.global("count").unwrap().set(100_u32).unwrap();
    let working = AtomicU32::new(2);
    let mut seen = 0_u64;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..RUNS {
                    common::run(&producer.0, "send_half");
                }
                working.fetch_sub(1, Ordering::Release);
            });
        }
        loop {
            let last = working.load(Ordering::Acquire) == 0;
            while let Some(record) = ring.next().unwrap() {
                assert_eq!(record.len(), 8);
                drop(record);
                seen += 1;
            }
            if last {
                break;
            }
        }
    });
    // What a program gives back or finds no room for is half of what it tries, or counted.
    assert_eq!(ring.available_bytes(), 0);
    assert_eq!((seen + ring.discarded()) * 16, ring.producer_position());
    assert!(seen > 0);
}

/// A producer whose ring writes over what was not read, if this kernel has that.
fn overwriting(system: &System) -> Option<Producer> {
    let mut spec = object!("rings");
    spec.map_mut("events").unwrap().map_flags |= skep::codec::uapi::flags::RB_OVERWRITE;
    spec.map_mut("events").unwrap().max_entries = 16384;
    match spec.load(system) {
        Ok(object) => Some(Producer(object)),
        Err(error) => {
            assert_eq!(error.map_failures().len(), 1, "{error}");
            assert_eq!(
                error.map_failures()[0].error.errno(),
                Some(skep::Errno::EINVAL)
            );
            None
        }
    }
}

#[test]
fn overwrite_mode_keeps_the_newest() {
    let Some(producer) = overwriting(&host()) else {
        skip!("no rings that are overwritten");
    };
    let mut ring = producer.ring();
    producer.send("send", 100);
    assert_eq!(drain(&mut ring), (0..100).collect::<Vec<u64>>());
    assert_eq!(ring.overwritten_bytes(), 0);
    producer.send("send", 1000);
    assert_eq!(producer.read("dropped"), 0);
    let [waits, _, _, position, oldest] = producer.ask();
    assert_eq!(ring.overwrite_position(), Some(oldest));
    assert_eq!(ring.available_bytes(), waits);
    // 227 records of 72 bytes fit in 16 KiB.
    assert_eq!(waits, 227 * SMALL);
    assert_eq!(drain(&mut ring), (1100 - 227..1100).collect::<Vec<u64>>());
    assert_eq!(ring.overwritten_bytes(), (1000 - 227) * SMALL);
    assert_eq!(
        (ring.available_bytes(), ring.consumer_position()),
        (0, position)
    );
    // A record that is held while the ring goes round.
    producer.send("send", 1);
    let record = ring.next().unwrap().unwrap();
    assert_eq!(record.field::<u64>(0).unwrap(), 1100);
    producer.send("send", 500);
    assert!(record.is_overwritten());
    assert_eq!(
        record.field::<u64>(0).unwrap_err().kind(),
        ErrorKind::Overwritten
    );
    drop(record);
    assert_eq!(drain(&mut ring).last(), Some(&1600));
    // And one who opens it anew begins with the oldest.
    producer.send("send", 1000);
    drop(ring);
    let mut ring = producer.ring();
    assert_eq!(drain(&mut ring), (2601 - 227..2601).collect::<Vec<u64>>());
}

#[test]
fn overwrite_mode_is_read_while_it_is_written() {
    let Some(producer) = overwriting(&host()) else {
        skip!("no rings that are overwritten");
    };
    let mut ring = producer.ring();
    producer.0.global("count").unwrap().set(1000_u32).unwrap();
    let stop = AtomicBool::new(false);
    let (mut seen, mut went, mut last) = (0_u64, 0_u64, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                common::run(&producer.0, "send");
            }
        });
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            let Some(record) = ring.next().unwrap() else {
                continue;
            };
            match record.read::<[u64; 8]>() {
                Ok(words) => {
                    // Other machines may tell too late.
                    if cfg!(target_arch = "x86_64") {
                        assert_eq!(words, [words[0]; 8]);
                        assert!(seen == 0 || words[0] > last, "in order");
                    }
                    (last, seen) = (words[0], seen + 1);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Overwritten);
                    went += 1;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    while ring.next().unwrap().is_some() {
        seen += 1;
    }
    assert!(seen > 0);
    let total = (seen + went) * SMALL + ring.overwritten_bytes();
    assert_eq!(total, ring.producer_position());
}
