//! What batches save: elements one by one and in batches of 4,096, by the same library, on hashes of
//! different sizes; and what the kernel's part of them costs by itself.

use crate::cases::{BATCH, key};
use crate::engines as bare;
use crate::inside::Inside;
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

/// How the elements are gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    One,
    Batch,
    /// By a program in the kernel, which does not iterate.
    Inside,
}

const WAYS: [Way; 3] = [Way::One, Way::Batch, Way::Inside];

/// Nanoseconds an element: of each step, each way, a figure for each round.
type Figures = [[Vec<f64>; WAYS.len()]; STEPS.len()];

/// The table.
pub fn table(system: &System, rounds: usize) -> String {
    let mut text = String::from(HEAD);
    for (kind, flags) in KINDS {
        for entries in ENTRIES {
            eprintln!("batches: {entries} entries, {kind}");
            let mut figures = Figures::default();
            for round in 0..rounds {
                for turn in 0..WAYS.len() {
                    let way = WAYS[(turn + round) % WAYS.len()];
                    let map = bare::hash(system, entries, flags);
                    let inside = Inside::new(system, &map);
                    let costs = pass(&map, &inside, entries, way);
                    for (figures, ns) in figures.iter_mut().zip(costs) {
                        figures[way as usize].extend(ns);
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
    for [one, others @ ..] in figures {
        let _ = write!(text, " {:.0}", median(one.clone()));
        for other in others.iter().filter(|other| !other.is_empty()) {
            let ratio = median(one.iter().zip(other).map(|(a, b)| a / b).collect());
            let _ = write!(text, ", {:.0} ({ratio:.1})", median(other.clone()));
        }
        text.push_str(" |");
    }
    text.push('\n');
}

/// All steps on one map; nanoseconds an element, `None` of what this way has not.
fn pass(map: &Map, inside: &Inside, entries: u64, way: Way) -> [Option<f64>; STEPS.len()] {
    let view = HashMap::<u64, u64>::try_from(map).expect("a view");
    let keys: Vec<u64> = (0..entries).map(key).collect();
    let bytes: Vec<u8> = keys.iter().flat_map(|k| k.to_ne_bytes()).collect();
    let timed = |step: &dyn Fn() -> u64| {
        let begun = cpu_ns();
        let done = step();
        let cost = cpu_ns() - begun;
        assert_eq!(done, entries);
        Some(cost as f64 / entries as f64)
    };
    let parts = || bytes.chunks(8 * BATCH);
    let put = || -> u64 {
        let set = |part: &[u8]| map.update_batch(part, part, ElemFlags::ANY).unwrap();
        match way {
            Way::One => keys.iter().for_each(|key| view.insert(key, key).unwrap()),
            Way::Batch => return parts().map(|part| set(part).count as u64).sum(),
            Way::Inside => return inside.update(&bytes),
        }
        entries
    };
    let each = || -> u64 {
        if way == Way::Batch {
            return view.iter().filter(|entry| black_box(entry).is_ok()).count() as u64;
        }
        let get = |key: skep::Result<u64>| view.get(&key.unwrap()).unwrap().is_some();
        view.keys().map(get).filter(|&there| there).count() as u64
    };
    let take = || -> u64 {
        let delete = |part: &[u8]| map.delete_batch(part).unwrap().count as u64;
        match way {
            Way::One => keys.iter().filter(|key| view.remove(key).unwrap()).count() as u64,
            Way::Batch => parts().map(delete).sum(),
            Way::Inside => inside.delete(&bytes),
        }
    };
    let (insert, update) = (timed(&put), timed(&put));
    let iterate = (way != Way::Inside).then(|| timed(&each)).flatten();
    [insert, update, iterate, timed(&take)]
}

const HEAD: &str = r#"
## What batches save

One call for each element, batches of 4,096, both by this library, and a program in the kernel ("bare"),
which makes no call and copies nothing, on hashes of 8 and 8 bytes; nanoseconds of CPU an element,
medians, and how many times as fast as one call for each (median of the rounds' ratios). Each element is
inserted, updated, read and deleted in the order in which it came.

| entries | insert: one, batch, bare | update: one, batch, bare | iterate: one, batch | delete: one, batch, bare |
| --- | --- | --- | --- | --- |
"#;

const TAIL: &str = "
A batch saves the system call, some 200 ns an element, and nothing else: the kernel copies and looks up
every key by itself. Up to some 65,536 preallocated entries updates and deletions are more than twice as
fast, and iteration more than four times at every size. In larger maps both ways wait for memory, where a
batch saves nothing.

Twice as fast for updates and deletions of a million entries, the target that there was, is out of reach
of any user space here: a program in the kernel, which pays for neither call nor copy, does not reach it
either (last figures of that row). What remains for a library is to cost nothing beside the bare call, in
batches as well: the first table. Other orders of keys (the map's own too), larger batches and elements
that are allocated as they come were tried and do not change it.
";
