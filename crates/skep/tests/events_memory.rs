//! Streams over rings in plain memory and over files: what is told of each source, what comes during
//! a wait, where output is cut.

#[path = "../../../fuzz/src/ring.rs"]
#[expect(unreachable_pub, dead_code, reason = "a library in the fuzz workspace")]
mod memory;

use memory::{DISCARD, RingKernel};
use skep::codec::uapi::flags::RB_OVERWRITE;
use skep::events::{IterStream, Parts};
use skep::link::IterReader;
use skep::{Errno, ErrorKind, Events, MapType, RingBuf, System};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A stream of this ring alone, the ring's name in it.
fn stream(kernel: &Arc<RingKernel>) -> (Events, skep::events::SourceId) {
    let map = kernel.map();
    let mut events = Events::new(map.system()).unwrap();
    let id = events.add(RingBuf::open(&map).unwrap()).unwrap();
    (events, id)
}

/// Sends numbers as records of 8 bytes.
fn send(kernel: &RingKernel, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let position = kernel.reserve(8).unwrap();
        kernel.submit(position, &number.to_ne_bytes());
    }
}

fn next(events: &mut Events) -> Option<u64> {
    let event = events.next().unwrap()?;
    Some(event.read().unwrap())
}

#[test]
fn what_a_ring_has_lost_is_told_of_it() {
    let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
    let (mut events, id) = stream(&kernel);
    for word in [8, 8 | DISCARD, 8 | DISCARD, 8] {
        let position = kernel.reserve(8).unwrap();
        kernel.set_header(position, word);
    }
    while events.try_next().unwrap().is_some() {}
    let stats = events.stats(id).unwrap();
    assert_eq!(
        (stats.events, stats.discarded, stats.overwritten_bytes),
        (2, 2, 0)
    );

    let kernel = RingKernel::new(MapType::RINGBUF, RB_OVERWRITE, 4096, 0);
    let (mut events, id) = stream(&kernel);
    send(&kernel, 0..300);
    while events.try_next().unwrap().is_some() {}
    let stats = events.stats(id).unwrap();
    assert_eq!((stats.events, stats.overwritten_bytes), (255, 45 * 16));
}

#[test]
fn the_end_comes_when_it_is_told_and_stays() {
    let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
    let (mut events, _) = stream(&kernel);
    send(&kernel, 0..200);
    events.end_in(SECOND).unwrap();
    assert_eq!(next(&mut events), Some(0));
    // It counts anew, however lately the clock was looked at.
    events.end_in(Duration::ZERO).unwrap();
    for _ in 0..3 {
        assert_eq!(next(&mut events), None);
    }
    assert_eq!(
        events.try_next().unwrap().unwrap().read::<u64>().unwrap(),
        1
    );
    events.end_in(SECOND).unwrap();
    assert_eq!(next(&mut events), Some(2));
}

#[test]
fn a_wait_survives_signals_and_ends_in_time() {
    let kernel = RingKernel::with(MapType::RINGBUF, 0, 4096, 0, |kernel, wait| match wait {
        1 => -(Errno::EINTR.raw() as isize),
        2 => {
            send(kernel, 7..8);
            1
        }
        _ => 0,
    });
    let (mut events, _) = stream(&kernel);
    events.end_in(SECOND).unwrap();
    assert_eq!(next(&mut events), Some(7));
    assert_eq!(next(&mut events), None);
    let waits: Vec<i64> = kernel.waits().into_iter().map(|(_, ns)| ns).collect();
    assert_eq!(waits.len(), 3);
    assert!(
        waits
            .iter()
            .all(|ns| (999_000_000..=1_000_000_000).contains(ns))
    );
}

/// Who polls the stream's descriptor is told once of what comes: what came while wake-ups were
/// forgotten is looked for.
#[test]
fn what_comes_while_wake_ups_are_forgotten_is_given() {
    let kernel = RingKernel::with(MapType::RINGBUF, 0, 4096, 0, |kernel, _| {
        kernel.submit(0, &9_u64.to_ne_bytes());
        0
    });
    let (mut events, _) = stream(&kernel);
    assert_eq!(kernel.reserve(8), Some(0), "a program is at work on it");
    let event = events
        .try_next()
        .unwrap()
        .expect("what was committed since");
    assert_eq!(event.read::<u64>().unwrap(), 9);
    assert_eq!(kernel.waits(), [(1, 0)]);
    assert!(events.try_next().unwrap().is_none());
}

#[test]
fn a_corrupt_ring_is_told_once_and_others_go_on() {
    let broken = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
    let (mut events, id) = stream(&broken);
    let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
    events.add(RingBuf::open(&kernel.map()).unwrap()).unwrap();
    send(&broken, 0..3);
    send(&kernel, 10..12);
    assert_eq!(next(&mut events), Some(0));
    broken.producer().store(1 << 20, Relaxed);
    let mut seen = vec![];
    let mut failed = 0;
    for _ in 0..8 {
        match events.try_next() {
            Ok(event) => seen.extend(event.map(|event| event.read::<u64>().unwrap())),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                failed += 1;
            }
        }
    }
    assert_eq!((seen, failed), (vec![1, 2, 10, 11], 1));
    assert_eq!(events.stats(id).unwrap().events, 3);
}

/// Everything that comes of a file, cut so.
fn cut(text: &[u8], parts: Parts) -> skep::Result<Vec<Vec<u8>>> {
    let path = std::env::temp_dir().join(format!("skep-cut-{}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let system = System::host().unwrap();
    let reader = IterReader::from_pin(&system, path.to_str().unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut events = Events::new(&system).unwrap();
    events.add(IterStream::new(reader, parts)?).unwrap();
    let mut all = Vec::new();
    while let Some(event) = events.next()? {
        all.push(event.bytes().to_vec());
    }
    assert!(events.try_next()?.is_none(), "an end is one");
    Ok(all)
}

#[test]
fn what_is_read_is_cut_where_it_is_said() {
    let lines = |text: &[u8]| cut(text, Parts::Lines).unwrap();
    assert_eq!(lines(b"one\n\nthree\n"), [&b"one"[..], b"", b"three"]);
    assert_eq!(lines(b"one\ntwo"), [b"one", b"two"], "the last has no end");
    assert!(lines(b"").is_empty());
    // Over the ends of reads: 64 KiB at a time.
    let many: Vec<String> = (0..30_000).map(|n| format!("line {n}")).collect();
    let text = many.join("\n") + "\n";
    assert!(
        lines(text.as_bytes())
            .iter()
            .eq(many.iter().map(|line| line.as_bytes()))
    );
    let long = vec![b'x'; 200_000];
    assert_eq!(
        lines(&[&long[..], b"\nend\n"].concat()),
        [&long[..], b"end"]
    );
    let error = cut(&vec![b'x'; 3 << 20], Parts::Lines).unwrap_err();
    assert!(error.to_string().contains("longer than 1 MiB"), "{error}");

    let bytes = |text: &[u8], len| cut(text, Parts::Bytes(len)).unwrap();
    assert_eq!(bytes(b"abcdef", 3), [b"abc", b"def"]);
    assert_eq!(bytes(b"abcde", 3), [&b"abc"[..], b"de"]);
    let whole = vec![b'y'; 1 << 20];
    assert!(bytes(&whole, 1 << 20) == [&whole[..]]);
    for len in [0, (1 << 20) + 1, usize::MAX] {
        assert!(cut(b"abc", Parts::Bytes(len)).is_err(), "{len}");
    }
    assert_eq!(cut(b"abc\n", Parts::Reads).unwrap(), [b"abc\n"]);
}
