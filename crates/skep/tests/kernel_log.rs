//! What programs log by `skep_log.h` becomes records of the `log` crate.
#![cfg(feature = "log")]

mod common;

use common::{host, load, object};
use log::{Level, LevelFilter, Log, Metadata, Record};
use skep::codec::bytes::Endian;
use skep::codec::log::decode;
use skep::log::KernelLog;
use skep::prog::TestRun;
use skep::ring::Woken;
use skep::{Events, Object};
use std::cell::RefCell;
use std::time::Duration;

/// A record, as a logger is given it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    level: Level,
    target: String,
    text: String,
    file: String,
}

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the records of each thread, but those about `unwanted`.
struct Keeper;

impl Log for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != "unwanted"
    }

    fn log(&self, record: &Record<'_>) {
        let line = Line {
            level: record.level(),
            target: record.target().to_owned(),
            text: record.args().to_string(),
            file: record.file().unwrap_or_default().to_owned(),
        };
        assert!(record.target() == "skep::log" || record.line() > Some(20));
        LINES.with_borrow_mut(|lines| lines.push(line));
    }

    fn flush(&self) {}
}

fn lines() -> Vec<Line> {
    LINES.take()
}

fn texts() -> Vec<String> {
    lines().into_iter().map(|line| line.text).collect()
}

/// The object, its logger set.
fn logging() -> Object {
    let _ = log::set_logger(&Keeper);
    log::set_max_level(LevelFilter::Trace);
    load(&host(), &object!("log"))
}

fn run(object: &Object, program: &str, times: u32) {
    let mut data = [0; 64];
    for (n, byte) in data.iter_mut().enumerate() {
        *byte = n as u8;
    }
    let run = TestRun {
        data: &data,
        repeat: times,
        ..Default::default()
    };
    let ran = object.program(program).unwrap().test_run(&run).unwrap();
    assert_eq!(ran.return_value, 2, "XDP_PASS");
}

#[test]
fn every_kind_of_argument_arrives() {
    let object = logging();
    let mut logs = KernelLog::open(&object).unwrap();
    assert_eq!(logs.forward().unwrap(), 0);
    run(&object, "kinds", 1);
    assert_eq!(
        logs.wait(Some(Duration::from_secs(5))).unwrap(),
        Woken::Ready
    );
    assert_eq!(logs.forward().unwrap(), 6);
    let expected = [
        (Level::Info, "bpf", "no arguments, {braces}"),
        (Level::Warn, "bpf", "200 -3 0xabcdef true z"),
        (
            Level::Error,
            "net",
            "16.17.18.19 1415:1617:1819:1a1b:1c1d:1e1f:2021:2223 00:01:02:03:04:05 16",
        ),
        (Level::Info, "bpf", "a name 0102ab a literal of some length"),
        (Level::Info, "bpf", "fffd ff fffffffe fffffffffffffffd 0xc8"),
        (Level::Info, "bpf", "eight: [1, 2, 3, 4, 5, 6, 7, -8]"),
    ];
    let expected = expected.map(|(level, target, text)| Line {
        level,
        target: target.into(),
        text: text.into(),
        file: "log.bpf.c".into(),
    });
    assert_eq!(lines(), expected);
}

#[test]
fn the_level_is_set_while_programs_run() {
    let object = logging();
    let mut logs = KernelLog::open(&object).unwrap();
    let mut count = |level| {
        logs.set_level(level).unwrap();
        run(&object, "levels", 1);
        logs.forward().unwrap()
    };
    assert_eq!(count(LevelFilter::Info), 3);
    assert_eq!(texts(), ["error", "warning", "information"]);
    assert_eq!(count(LevelFilter::Trace), 5);
    assert_eq!(texts()[3..], ["debugging", "trace"]);
    assert_eq!(count(LevelFilter::Error), 1);
    assert_eq!(count(LevelFilter::Off), 0);
    lines();
    // What this process does not want is not handed on.
    log::set_max_level(LevelFilter::Warn);
    assert_eq!(count(LevelFilter::Trace), 5);
    assert_eq!(texts(), ["error", "warning"]);
    log::set_max_level(LevelFilter::Trace);
}

#[test]
fn what_found_no_room_is_counted_and_told() {
    let object = logging();
    let mut logs = KernelLog::open(&object).unwrap();
    run(&object, "flood", 2000);
    let dropped = logs.dropped().unwrap();
    assert!(dropped > 100, "{dropped}");
    let count = logs.forward().unwrap() as u64;
    assert_eq!(count + dropped, 2000);
    let texts = texts();
    assert_eq!(texts[0], "run 0");
    assert_eq!(texts[count as usize - 1], format!("run {}", count - 1));
    let told = format!("{dropped} log records of programs found no room");
    assert_eq!(texts[count as usize..], [told]);
    assert_eq!(logs.forward().unwrap(), 0);
    assert!(lines().is_empty(), "told once");
    run(&object, "flood", 1);
    assert_eq!(logs.forward().unwrap(), 1);
}

#[test]
fn a_stream_takes_them_with_others() {
    let object = logging();
    let logs = KernelLog::open(&object).unwrap();
    let mut events = Events::new(&host()).unwrap();
    events.add(logs.into_ring()).unwrap();
    run(&object, "levels", 1);
    while let Some(event) = events.try_next().unwrap() {
        let entry = decode(event.bytes(), Endian::NATIVE).unwrap();
        let now = host().now_ns().unwrap();
        assert!(entry.time_ns > 0 && entry.time_ns <= now);
        assert!(entry.cpu < host().possible_cpus().unwrap());
        skep::log::emit(event.bytes());
    }
    assert_eq!(texts(), ["error", "warning", "information"]);
}

/// A record without arguments, as the header writes it.
fn record(level: u8, target: &str) -> Vec<u8> {
    let mut bytes = vec![1, level];
    bytes.extend([0; 2]);
    bytes.extend(30_u32.to_ne_bytes());
    bytes.resize(24, 0);
    for (kind, text) in [(0x40, target), (0x42, "said")] {
        bytes.extend([kind, 0]);
        bytes.extend((text.len() as u16).to_ne_bytes());
        bytes.resize(bytes.len() + 4, 0);
        bytes.extend(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    let size = bytes.len() as u16;
    bytes[2..4].copy_from_slice(&size.to_ne_bytes());
    bytes
}

#[test]
fn levels_are_the_loggers_and_targets_are_asked_for() {
    let _object = logging();
    for level in 0..8 {
        skep::log::emit(&record(level, "bpf"));
        skep::log::emit(&record(level, "unwanted"));
    }
    let lines = lines();
    assert!(
        lines
            .iter()
            .all(|l| (&*l.target, &*l.text) == ("bpf", "said"))
    );
    let levels: Vec<Level> = lines.into_iter().map(|line| line.level).collect();
    use Level::{Debug, Error, Info, Trace, Warn};
    assert_eq!(
        levels,
        [Error, Error, Warn, Info, Debug, Trace, Trace, Trace]
    );
}

#[test]
fn what_is_no_record_is_told() {
    let _object = logging();
    skep::log::emit(b"garbage");
    skep::log::emit(&[]);
    let lines = lines();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.target == "skep::log"));
    assert!(lines[0].text.contains("7 bytes that are no log record"));
}

#[test]
fn an_object_without_a_log_has_none() {
    let object = load(&host(), &object!("perf"));
    let error = KernelLog::open(&object).unwrap_err();
    assert_eq!(error.kind(), skep::ErrorKind::NotFound);
}
