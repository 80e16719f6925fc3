//! Rings for long: consumers that are killed and come again, and one that stays.

mod common;

use common::{host, load, object};
use skep::prog::TestRun;
use skep::{Map, Object, RingBuf};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many consumers are killed.
const LIVES: u64 = 100;
/// Where the ring is pinned, for a consumer in a process of its own. The log is its input.
const PIN: &str = "SKEP_RING_PIN";

/// What a consumer writes of each record while it holds it: position and number.
type Entry = [u64; 2];
const ENTRY: usize = size_of::<Entry>();

fn read(object: &Object, global: &str) -> u64 {
    object.global(global).unwrap().read().unwrap()
}

/// Sends at full speed until told to stop.
fn produce(object: &Object, stop: &AtomicBool) {
    object.global("count").unwrap().set(1000_u32).unwrap();
    let program = object.program("send").unwrap();
    let run = TestRun {
        data: &[0; 64],
        repeat: 20,
        ..Default::default()
    };
    while !stop.load(Ordering::Relaxed) {
        program.test_run(&run).unwrap();
    }
}

/// The log, which outlives its readers and writers; entries are appended in one piece.
fn new_log() -> File {
    let path = std::env::temp_dir().join(format!("skep-ring-{}", std::process::id()));
    let mut options = OpenOptions::new();
    let log = options
        .read(true)
        .append(true)
        .create_new(true)
        .open(&path)
        .unwrap();
    std::fs::remove_file(path).unwrap();
    log
}

fn entry(bytes: &[u8]) -> Entry {
    let word = |part: &[u8]| u64::from_ne_bytes(part.try_into().unwrap());
    [word(&bytes[..8]), word(&bytes[8..])]
}

/// Bytes of the log: of whole entries.
fn len(log: &File) -> u64 {
    let len = log.metadata().unwrap().len();
    assert_eq!(len % ENTRY as u64, 0, "half an entry");
    len
}

/// Logs each record of the pinned ring, but those that a consumer before has logged and not given
/// back: until killed, or until the ring is empty.
fn consume(pin: &str, mut log: File, until_empty: bool) {
    let map = Map::from_pin(&host(), pin).unwrap();
    let last = len(&log).checked_sub(ENTRY as u64).map(|start| {
        let mut bytes = [0; ENTRY];
        log.read_exact_at(&mut bytes, start).unwrap();
        entry(&bytes)[0]
    });
    let mut ring = RingBuf::open(&map).unwrap();
    loop {
        while let Some(record) = ring.next().unwrap() {
            let position = record.position();
            if last.is_some_and(|last| position <= last) {
                continue;
            }
            let words: [u64; 8] = record.read().unwrap();
            assert_eq!(words, [words[0]; 8], "a whole record");
            let entry = [position, words[0]].map(u64::to_ne_bytes);
            log.write_all(&entry.concat()).unwrap();
        }
        if until_empty {
            return;
        }
        ring.wait(None).unwrap();
    }
}

/// Starts a consumer and waits until it has logged something.
fn start(pin: &str, log: &File) -> Child {
    let before = len(log);
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed_consumers_lose_nothing_and_repeat_nothing",
        ])
        .env(PIN, pin)
        .stdin(log.try_clone().unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let give_up = Instant::now() + Duration::from_secs(20);
    while len(log) == before {
        assert!(Instant::now() < give_up, "the consumer reads nothing");
        std::thread::sleep(Duration::from_micros(200));
    }
    child
}

/// A hundred consumers of one pinned ring, each killed at some moment, while a program sends at
/// full speed: every record is logged once, or was counted by the program.
#[test]
fn killed_consumers_lose_nothing_and_repeat_nothing() {
    if let Ok(pin) = std::env::var(PIN) {
        let log = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
        return consume(&pin, log.into(), false);
    }
    let log = new_log();
    let pin = format!("{}/ring", common::own_bpffs());
    let object = load(&host(), &object!("rings"));
    object.map("events").unwrap().pin(&pin).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| produce(&object, &stop));
        for life in 0..LIVES {
            let mut child = start(&pin, &log);
            std::thread::sleep(Duration::from_micros(life * 7919 % 4000));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    consume(&pin, log.try_clone().unwrap(), true);
    let mut bytes = vec![0; len(&log) as usize];
    log.read_exact_at(&mut bytes, 0).unwrap();
    let entries: Vec<Entry> = bytes.chunks_exact(ENTRY).map(entry).collect();
    for pair in entries.windows(2) {
        let ([position, number], [next_position, next_number]) = (pair[0], pair[1]);
        assert!(position < next_position && number < next_number, "{pair:?}");
    }
    let (sent, dropped) = (read(&object, "seq"), read(&object, "dropped"));
    assert_eq!(entries.len() as u64 + dropped, sent);
    println!(
        "{sent} sent, {dropped} found no room, {} logged once",
        entries.len()
    );
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * host().page_size() as u64
}

/// A program at full speed for `SKEP_SOAK_SECONDS` (2): what it sends is read or counted as lost,
/// and nothing grows.
#[test]
fn a_soak_leaves_memory_flat() {
    let seconds = std::env::var("SKEP_SOAK_SECONDS").map_or(2, |text| text.parse().unwrap());
    let object = load(&host(), &object!("rings"));
    let mut ring = object.ring("events").unwrap();
    let stop = AtomicBool::new(false);
    let (mut seen, mut last, mut bytes) = (0_u64, None, Vec::new());
    let mut drain = |ring: &mut RingBuf| {
        while let Some(record) = ring.records(Some(Duration::ZERO)).next().unwrap() {
            record.read_into(&mut bytes);
            let number = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
            assert!(last.is_none_or(|last| last < number), "in order");
            (last, seen) = (Some(number), seen + 1);
            if seen.is_multiple_of(1 << 14) {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| produce(&object, &stop));
        let begun = Instant::now();
        let warm = Duration::from_millis(500);
        let mut before = 0;
        while begun.elapsed() < Duration::from_secs(seconds) {
            if before == 0 && begun.elapsed() > warm {
                before = resident();
            }
            drain(&mut ring);
            ring.wait(Some(Duration::from_millis(10))).unwrap();
        }
        let after = resident();
        stop.store(true, Ordering::Relaxed);
        assert!(
            after <= before + (256 << 10),
            "{before} bytes grew to {after}"
        );
    });
    while ring.available_bytes() > 0 {
        drain(&mut ring);
    }
    let (sent, dropped) = (read(&object, "seq"), read(&object, "dropped"));
    println!("{seconds} s: {sent} sent, {dropped} found no room, {seen} read");
    assert_eq!(seen + dropped, sent);
}
