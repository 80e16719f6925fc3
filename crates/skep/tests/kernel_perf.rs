//! Perf event arrays: samples of all CPUs through one reader.

mod common;
#[path = "common/signals.rs"]
mod signals;

use common::{host, load, object, own_mounts};
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use signals::Signals;
use skep::prog::TestRun;
use skep::ring::{PerfBuffer, PerfHistory, PerfOptions, Wakeup, Woken};
use skep::sys::watch::{Fault, Trace};
use skep::{Errno, ErrorKind, Object, System};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

skep::plain! {
    /// What begins a `struct sample`.
    #[derive(Debug, PartialEq, Eq)]
    struct Head {
        number: u64,
        cpu: u32,
        size: u32,
    }
}

/// The program, and what it counts.
struct Sender(Object);

impl Sender {
    fn new(system: &System) -> Self {
        Self(load(system, &object!("perf")))
    }

    /// Sends `count` samples of `size` bytes on a CPU.
    fn send(&self, cpu: u32, size: u32, count: u32) {
        run_on(cpu);
        self.0.global("size").unwrap().set(size).unwrap();
        let run = TestRun {
            data: &[0; 64],
            repeat: count,
            ..Default::default()
        };
        let ran = self.0.program("send").unwrap().test_run(&run).unwrap();
        assert_eq!(ran.return_value, 2, "XDP_PASS");
    }

    fn count(&self, name: &str) -> u64 {
        self.0.global(name).unwrap().read().unwrap()
    }

    fn open(&self, options: PerfOptions) -> PerfBuffer {
        PerfBuffer::open_with(self.0.map("samples").unwrap(), options).unwrap()
    }

    fn one_page(&self) -> PerfBuffer {
        self.open(PerfOptions {
            bytes_per_cpu: 1,
            ..PerfOptions::default()
        })
    }
}

fn run_on(cpu: u32) {
    let mut set = CpuSet::new();
    set.set(cpu as usize).unwrap();
    sched_setaffinity(Pid::from_raw(0), &set).unwrap();
}

fn online(system: &System) -> Vec<u32> {
    skep::sys::file::online_cpus(system.kernel()).unwrap()
}

/// Heads of all samples that are there.
fn drain(buffer: &mut PerfBuffer) -> Vec<Head> {
    let mut all = Vec::new();
    while let Some(sample) = buffer.next().unwrap() {
        let bytes = sample.to_vec();
        let head: Head = skep::Plain::read_from(&bytes[..16]).unwrap();
        assert_eq!(head.cpu, sample.cpu());
        let filling = sample.len() - head.size as usize;
        assert!(filling < 8, "{filling} bytes more than sent");
        all.push(head);
    }
    all
}

#[test]
fn every_cpu_is_heard() {
    let system = host();
    let sender = Sender::new(&system);
    let mut buffer = sender.open(PerfOptions::default());
    assert_eq!(buffer.wait(Some(Duration::ZERO)).unwrap(), Woken::TimedOut);
    let cpus = online(&system);
    for &cpu in &cpus {
        sender.send(cpu, 16, 3);
    }
    assert_eq!(
        buffer.wait(Some(Duration::from_secs(5))).unwrap(),
        Woken::Ready
    );
    let mut seen = drain(&mut buffer);
    seen.sort_by_key(|head| (head.cpu, head.number));
    let expected = cpus.iter().flat_map(|&cpu| {
        (0..3).map(move |number| Head {
            number,
            cpu,
            size: 16,
        })
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
    let stats: Vec<_> = buffer.stats().map(|s| (s.cpu, s.samples, s.lost)).collect();
    let each = cpus.iter().map(|&cpu| (cpu, 3, 0)).collect::<Vec<_>>();
    assert_eq!(stats, each);
    // Each has its turn, whatever the others send.
    for &cpu in &cpus {
        sender.send(cpu, 16, 200);
    }
    let seen = drain(&mut buffer);
    assert_eq!(seen.len(), 200 * cpus.len());
    let turns = seen.chunk_by(|a, b| a.cpu == b.cpu).map(<[Head]>::len);
    assert!(cpus.len() == 1 || turns.max() <= Some(64 + 8));
    sender.send(cpus[0], 16, 1);
    let sample = buffer.next().unwrap().unwrap();
    assert_eq!(sample.read::<Head>().unwrap().number, 203);
    assert_eq!(
        sample.read::<u32>().unwrap_err().kind(),
        ErrorKind::Invalid,
        "another size"
    );
    drop(sample);
    // 4 bytes before it: a record of whole words ends 7 bytes later.
    sender.send(cpus[0], 21, 1);
    let sample = buffer.next().unwrap().unwrap();
    assert_eq!(sample.len(), 28);
    assert!(sample.read::<[u8; 21]>().is_ok() && sample.read::<[u8; 20]>().is_err());
}

#[test]
fn samples_wrap_and_none_is_lost_that_has_room() {
    let system = host();
    let sender = Sender::new(&system);
    let mut buffer = sender.one_page();
    let mut number = 0;
    for round in 0..100 {
        // Sizes with every filling, whose records end everywhere in the page.
        let size = 16 + round % 61 * 3;
        sender.send(0, size, 5);
        let seen = drain(&mut buffer);
        let numbers: Vec<u64> = seen.iter().map(|head| head.number).collect();
        assert_eq!(numbers, (number..number + 5).collect::<Vec<_>>(), "{round}");
        assert!(seen.iter().all(|head| head.size == size));
        number += 5;
    }
    assert_eq!((buffer.lost(), sender.count("refused")), (0, 0));
}

#[test]
fn what_found_no_room_is_counted() {
    let system = host();
    let sender = Sender::new(&system);
    let mut buffer = sender.one_page();
    let page = system.page_size() as u32;
    sender.send(0, 100, page / 100 + 20);
    let (sent, refused) = (sender.count("sent"), sender.count("refused"));
    assert!(sent > 0 && refused >= 20, "{sent} sent, {refused} refused");
    let error = sender.0.global("error").unwrap().read::<i64>().unwrap();
    assert_eq!(error, -i64::from(Errno::ENOSPC.raw()));
    assert_eq!(drain(&mut buffer).len() as u64, sent);
    assert_eq!(buffer.lost(), 0, "the kernel tells it with the next one");
    sender.send(0, 100, 1);
    assert_eq!(drain(&mut buffer).len(), 1);
    assert_eq!(buffer.lost(), refused);
    // The largest record that there can be is longer than a page.
    sender.send(0, 4095, 2);
    let (before, fits) = (sender.count("refused"), page > 4200);
    assert_eq!(before - refused, if fits { 0 } else { 2 });
}

/// Whether a wait that began before ends only after `send`.
fn wakes(buffer: &mut PerfBuffer, before: impl FnOnce(), send: impl FnOnce()) -> bool {
    let woken = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let answer = buffer.wait(Some(Duration::from_secs(10))).unwrap();
            woken.store(true, Ordering::SeqCst);
            answer
        });
        std::thread::sleep(Duration::from_millis(300));
        before();
        std::thread::sleep(Duration::from_millis(300));
        let early = woken.load(Ordering::SeqCst);
        send();
        waiter.join().unwrap() == Woken::Ready && !early
    })
}

#[test]
fn the_reader_is_woken_by_count_or_by_bytes() {
    let system = host();
    let sender = Sender::new(&system);
    for (wakeup, before, after) in [
        (Wakeup::Events(1), 0, 1),
        (Wakeup::Events(8), 7, 1),
        (Wakeup::Bytes(1000), 5, 30),
    ] {
        let mut buffer = sender.open(PerfOptions {
            wakeup,
            ..PerfOptions::default()
        });
        let send = |count| {
            if count > 0 {
                sender.send(0, 36, count);
            }
        };
        let begun = Instant::now();
        assert!(
            wakes(&mut buffer, || send(before), || send(after)),
            "{wakeup:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(9));
        assert_eq!(drain(&mut buffer).len() as u32, before + after);
    }
}

#[test]
fn a_wait_ends_in_time() {
    let system = host();
    let mut buffer = Sender::new(&system).one_page();
    let begun = Instant::now();
    let woken = buffer.wait(Some(Duration::from_millis(80))).unwrap();
    assert_eq!(woken, Woken::TimedOut);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(80), "{waited:?}");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
}

#[test]
fn signals_are_told() {
    let mut buffer = Sender::new(&host()).one_page();
    let _signals = Signals::every(Duration::from_millis(10));
    assert_eq!(buffer.wait(None).unwrap(), Woken::Signal);
}

#[test]
fn a_paused_buffer_takes_nothing() {
    let system = host();
    let sender = Sender::new(&system);
    let mut buffer = sender.one_page();
    sender.send(0, 16, 2);
    buffer.pause().unwrap();
    sender.send(0, 16, 3);
    buffer.resume().unwrap();
    sender.send(0, 16, 1);
    let numbers: Vec<u64> = drain(&mut buffer).iter().map(|head| head.number).collect();
    assert_eq!(numbers, [0, 1, 5]);
}

#[test]
fn a_history_keeps_what_is_newest() {
    let system = host();
    let sender = Sender::new(&system);
    let mut history = PerfHistory::open(sender.0.map("samples").unwrap(), 1).unwrap();
    let numbers = |samples: &[Vec<u8>]| -> Vec<u64> {
        let number = |bytes: &Vec<u8>| u64::from_ne_bytes(bytes[..8].try_into().unwrap());
        samples.iter().map(number).collect()
    };
    let mut look = || {
        let mut all = history.snapshot().unwrap();
        let first = all.remove(0);
        assert_eq!(first.cpu, 0);
        assert!(all.iter().all(|cpu| cpu.samples.is_empty()));
        first
    };
    assert!(look().samples.is_empty());
    sender.send(0, 100, 5);
    let first = look();
    assert_eq!(numbers(&first.samples), [0, 1, 2, 3, 4]);
    assert!(first.samples.iter().all(|s| s.len() == 100) && !first.overwritten);
    assert!(look().samples.is_empty(), "nothing new");
    for round in 1..20 {
        // More than the buffer holds, each time another size, so that the oldest is cut anywhere.
        let (size, before) = (16 + round * 8, sender.count("sent"));
        let count = system.page_size() as u32 / size * 3;
        sender.send(0, size, count);
        let history = look();
        assert!(history.overwritten);
        let end = before + u64::from(count);
        let seen = numbers(&history.samples);
        let fit = system.page_size() as u64 / (u64::from(size) + 16) - 1;
        assert!(seen.len() as u64 >= fit, "{} of {fit}", seen.len());
        let newest = end - seen.len() as u64..end;
        assert_eq!(seen, newest.collect::<Vec<_>>(), "size {size}");
    }
    assert_eq!(sender.count("refused"), 0, "it is never full");
}

#[test]
fn a_history_is_read_while_it_is_written() {
    let system = host();
    let sender = Sender::new(&system);
    let samples = sender.0.map("samples").unwrap();
    let mut history = PerfHistory::open(samples, 4 * system.page_size()).unwrap();
    let stop = AtomicBool::new(false);
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                sender.send(0, 50, 20_000);
            }
        });
        for _ in 0..50 {
            // A look is long, and so is what comes between two rounds of sending: only in the
            // midst of one is there something to see.
            let before = sender.count("sent");
            while sender.count("sent") < before + 100 && !sending.is_finished() {
                std::thread::yield_now();
            }
            for cpu in history.snapshot().unwrap() {
                seen.extend(cpu.samples);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let head = |sample: &Vec<u8>| -> Head { skep::Plain::read_from(&sample[..16]).unwrap() };
    let seen: Vec<Head> = seen.iter().map(head).collect();
    assert!(seen.len() >= 50 * 100, "{}", seen.len());
    assert!(seen.iter().all(|head| (head.cpu, head.size) == (0, 50)));
    assert!(seen.is_sorted_by(|before, after| before.number < after.number));
}

/// Tells this thread that other CPUs are online.
fn pretend_online(list: Option<&str>) {
    const FILE: &str = "/sys/devices/system/cpu/online";
    let _ = umount(FILE);
    let Some(list) = list else { return };
    let file = format!("/tmp/skep-online-{}", std::process::id());
    std::fs::write(&file, list).unwrap();
    let bind = MsFlags::MS_BIND;
    mount(Some(file.as_str()), FILE, None::<&str>, bind, None::<&str>).unwrap();
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn cpus_come_and_go() {
    let system = host();
    let cpus = online(&system);
    let [first, second, ..] = cpus[..] else {
        common::skip!("one CPU only");
    };
    own_mounts();
    let sender = Sender::new(&system);
    pretend_online(Some(&first.to_string()));
    let mut buffer = sender.one_page();
    sender.send(second, 16, 1);
    assert_eq!(sender.count("refused"), 1, "it has no buffer");
    pretend_online(None);
    assert_eq!(buffer.add_online_cpus().unwrap(), cpus[1..]);
    sender.send(second, 16, 2);
    // It goes before it is read to the end, and comes back.
    pretend_online(Some(&first.to_string()));
    assert!(buffer.add_online_cpus().unwrap().is_empty());
    pretend_online(None);
    assert!(buffer.add_online_cpus().unwrap().contains(&second));
    sender.send(second, 16, 1);
    let numbers: Vec<u64> = drain(&mut buffer).iter().map(|head| head.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(buffer.stats().filter(|s| s.cpu == second).count(), 2);
    assert!(buffer.add_online_cpus().unwrap().is_empty());
    assert_eq!(buffer.stats().filter(|s| s.cpu == second).count(), 1);
    // By hand, over one that is there.
    assert!(buffer.add_cpu(first).unwrap());
    sender.send(first, 16, 1);
    assert_eq!(drain(&mut buffer).len(), 1);
}

#[test]
fn a_cpu_that_goes_while_opening_is_left_out() {
    let cpus = online(&host());
    let mut opened = Vec::new();
    for nth in 1..200 {
        let fault = Fault::nth(host().kernel().clone(), nth, Errno::ENODEV);
        let system = match System::new(fault.clone()) {
            Ok(system) => system,
            Err(_) => continue,
        };
        let Ok(object) = object!("perf").load(&system) else {
            continue;
        };
        let buffer = PerfBuffer::open(object.map("samples").unwrap());
        if fault.hit() == Some("perf_event_open") {
            opened.push(buffer.unwrap().stats().count());
        }
    }
    assert_eq!(opened, vec![cpus.len() - 1; cpus.len()]);
}

#[test]
fn only_perf_event_arrays_with_room_are_opened() {
    let system = host();
    let sender = Sender::new(&system);
    let error = PerfBuffer::open(sender.0.map("scratch").unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), "map `scratch` is no perf event array");
    let mut spec = object!("perf");
    spec.map_mut("samples").unwrap().max_entries = 1;
    let small = load(&system, &spec);
    let samples = small.map("samples").unwrap();
    let only = |cpus: &[u32]| PerfOptions {
        cpus: Some(cpus.to_vec()),
        ..PerfOptions::default()
    };
    PerfBuffer::open_with(samples, only(&[0])).unwrap();
    if online(&system).len() > 1 {
        let error = PerfBuffer::open(samples).unwrap_err();
        assert!(error.to_string().contains("no place for CPU 1"), "{error}");
    }
    let huge = PerfOptions {
        bytes_per_cpu: usize::MAX,
        ..PerfOptions::default()
    };
    assert!(PerfBuffer::open_with(samples, huge).is_err());
}

#[test]
fn nothing_is_left_open() {
    let trace = Trace::new(host().kernel().clone());
    let system = System::new(trace.clone()).unwrap();
    let object = load(&system, &object!("perf"));
    let map = object.map("samples").unwrap().clone();
    drop(object);
    let (fds, mappings) = (trace.open_fds(), trace.open_mappings());
    let mut buffer = PerfBuffer::open(&map).unwrap();
    assert!(trace.open_mappings() > mappings);
    assert!(buffer.next().unwrap().is_none());
    buffer.add_cpu(0).unwrap();
    drop(buffer);
    drop(PerfHistory::open(&map, 1).unwrap());
    assert_eq!((trace.open_fds(), trace.open_mappings()), (fds, mappings));
}
