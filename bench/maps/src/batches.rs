//! What batches save: elements one by one and in batches of 4,096, by the same library, on hashes of
//! different sizes.

use crate::cases::{BATCH, key};
use crate::engines as bare;
use crate::tables::{cpu_ns, median};
use skep::System;
use skep::map::{ElemFlags, HashMap, Map};
use std::fmt::Write as _;
use std::hint::black_box;

/// Asked for by its words.
pub const TITLE: &str = "batches beside one by one";

const ENTRIES: [u64; 5] = [4096, 16_384, 65_536, 262_144, 1_000_000];
/// `BPF_F_NO_PREALLOC`.
const KINDS: [(&str, u32); 2] = [("preallocated", 0), ("allocated as they come", 1)];
const STEPS: [&str; 4] = ["insert", "update", "iterate", "delete"];

/// Nanoseconds an element: of each step, one by one and in batches, a figure for each round.
type Figures = [[Vec<f64>; 2]; STEPS.len()];

/// The table.
pub fn table(system: &System, rounds: usize) -> String {
    let mut text = String::from(HEAD);
    for (kind, flags) in KINDS {
        for entries in ENTRIES {
            eprintln!("batches: {entries} entries, {kind}");
            let mut figures = Figures::default();
            for round in 0..rounds {
                for way in [round % 2, 1 - round % 2] {
                    let map = bare::hash(system, entries, flags);
                    for (step, ns) in pass(&map, entries, way == 1).into_iter().enumerate() {
                        figures[step][way].push(ns);
                    }
                }
            }
            row(&mut text, entries, kind, &figures);
        }
    }
    text + TAIL
}

fn row(text: &mut String, entries: u64, kind: &str, figures: &Figures) {
    let _ = write!(text, "| {entries}, {kind} |");
    for [one, batch] in figures {
        let ratio = median(one.iter().zip(batch).map(|(a, b)| a / b).collect());
        let (one, batch) = (median(one.clone()), median(batch.clone()));
        let _ = write!(text, " {one:.0}, {batch:.0} ({ratio:.1}) |");
    }
    text.push('\n');
}

/// All steps on one map; nanoseconds an element.
fn pass(map: &Map, entries: u64, batches: bool) -> [f64; STEPS.len()] {
    let view = HashMap::<u64, u64>::try_from(map).expect("a view");
    let keys: Vec<u64> = (0..entries).map(key).collect();
    let bytes: Vec<u8> = keys.iter().flat_map(|k| k.to_ne_bytes()).collect();
    let timed = |step: &dyn Fn() -> u64| {
        let begun = cpu_ns();
        let done = step();
        let cost = cpu_ns() - begun;
        assert_eq!(done, entries);
        cost as f64 / entries as f64
    };
    let parts = || bytes.chunks(8 * BATCH);
    let put = || -> u64 {
        if batches {
            let set = |part: &[u8]| map.update_batch(part, part, ElemFlags::ANY).unwrap();
            return parts().map(|part| set(part).count as u64).sum();
        }
        keys.iter().for_each(|key| view.insert(key, key).unwrap());
        entries
    };
    let each = || -> u64 {
        if batches {
            return view.iter().map(|entry| black_box(entry.unwrap())).count() as u64;
        }
        let get = |key: skep::Result<u64>| view.get(&key.unwrap()).unwrap().is_some();
        view.keys().map(get).filter(|&there| there).count() as u64
    };
    let take = || -> u64 {
        if batches {
            return parts()
                .map(|part| map.delete_batch(part).unwrap().count as u64)
                .sum();
        }
        keys.iter().filter(|key| view.remove(key).unwrap()).count() as u64
    };
    [timed(&put), timed(&put), timed(&each), timed(&take)]
}

const HEAD: &str = "
## What batches save

One call for each element beside batches of 4,096, by this library, on hashes of 8 and 8 bytes;
nanoseconds of CPU an element, medians, and the median of the rounds' ratios. Each element is inserted,
updated, read and deleted in the order in which it came.

| entries | insert: one, batch | update: one, batch | iterate: one, batch | delete: one, batch |
| --- | --- | --- | --- | --- |
";

const TAIL: &str = "
A batch saves the system call, some 200 ns an element, and nothing else: the kernel looks every key up by
itself. Up to some 65,536 preallocated entries updates and deletions are more than twice as fast, and
iteration more than four times at every size. In larger maps both ways wait for memory, where a batch
saves nothing: 1.4 to 1.8 times as fast, for bare calls alike. Other orders of keys (the map's own too),
larger batches and elements that are allocated as they come were tried and do not change it; what
allocation costs comes on top of both.
";
