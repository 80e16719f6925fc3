//! `bench rings`: what a record of a ring buffer costs its reader, by skep, aya, libbpf-rs, a loop
//! written by hand, and a copy of as many bytes of private memory.

use crate::stats::{best, median};
use crate::{build, objects};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Drains in one process.
const DRAINS: usize = 15;
const SIZES: [usize; 2] = [64, 1024];
const WORKS: [(&str, &str); 2] = [("word", "first word"), ("copy", "copy")];
/// What takes turns: the worker, and whether it uses private memory.
const ENGINES: [(&str, &str, bool); 5] = [
    ("by hand", "ring-raw", false),
    ("skep", "ring-skep", false),
    ("libbpf", "ring-libbpf", false),
    ("aya", "ring-aya", false),
    ("memory", "ring-raw", true),
];
const BY_HAND: usize = 0;
const SKEP: usize = 1;
const LIBBPF: usize = 2;

/// Nanoseconds for a record, the best drain and the median one, of each round.
type Rounds = Vec<[f64; 2]>;

/// Measures, prints, and with `write` keeps the table in `RINGS.md`.
pub fn run(bench: &Path, bin: &Path, rounds: usize, write: bool) {
    build::workers(bench, bin);
    let place = Place::new();
    let scratch = bin.join("bench-objects");
    let dirs = SIZES.map(|size| {
        let object = objects::ring(&scratch, size);
        let dir = format!("{}/{size}", place.0);
        std::fs::create_dir(&dir).expect("a directory in bpffs");
        let mut setup = Command::new(bin.join("ring-skep"));
        output(setup.arg("setup").arg(object).arg(&dir));
        dir
    });
    let mut all: [[[Rounds; 5]; 2]; 2] = Default::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for (size, dir) in dirs.iter().enumerate() {
            for (work, (name, _)) in WORKS.iter().enumerate() {
                for turn in 0..ENGINES.len() {
                    let engine = (turn + round) % ENGINES.len();
                    let (_, worker, memory) = ENGINES[engine];
                    let mut command = Command::new(bin.join(worker));
                    command.args([dir, *name, &DRAINS.to_string()]);
                    if memory {
                        command.env("RING_MEMORY", SIZES[size].to_string());
                    }
                    all[size][work][engine].push(numbers(&output(&mut command)));
                }
            }
        }
    }
    let text = report(&all, rounds);
    println!("{text}");
    if write {
        std::fs::write(bench.join("RINGS.md"), text).expect("writing RINGS.md");
    }
}

/// A bpffs that only this process and its children see.
struct Place(String);

impl Place {
    fn new() -> Self {
        let dir = "/tmp";
        let at = c"/tmp".as_ptr();
        let bpf = c"bpf".as_ptr();
        // SAFETY: all texts end with a zero; no data is a null pointer.
        let mounted = unsafe {
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(
                    std::ptr::null(),
                    c"/".as_ptr(),
                    std::ptr::null(),
                    libc::MS_REC | libc::MS_PRIVATE,
                    std::ptr::null(),
                ) == 0
                && libc::mount(bpf, at, bpf, 0, std::ptr::null()) == 0
        };
        assert!(mounted, "a bpffs: {}", std::io::Error::last_os_error());
        Self(dir.into())
    }
}

fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn numbers(text: &str) -> [f64; 2] {
    let mut words = text.split_whitespace().map(|word| word.parse().unwrap());
    let median = words.next().unwrap();
    [words.next().unwrap(), median]
}

/// The median over the rounds of this engine's best drain over another's.
fn ratio(engines: &[Rounds; 5], engine: usize, other: usize) -> f64 {
    let rounds = engines[engine].iter().zip(&engines[other]);
    median(rounds.map(|(mine, theirs)| mine[0] / theirs[0]))
}

fn report(all: &[[[Rounds; 5]; 2]; 2], rounds: usize) -> String {
    let mut out = format!(
        "# A record of a ring buffer: skep beside aya 0.14.0 and libbpf-rs 0.27.2 (libbpf 1.7.0)\n\n\
         Drains of a full ring of 4 MiB that a program has just filled, without link-time \
         optimisation; nanoseconds of CPU time for a record: the best drain of each process, median over \
         {rounds} rounds with the engines taking turns, the best of all in brackets. `by hand` publishes \
         its position once a drain; `memory` reads as many bytes of private memory.\n\n"
    );
    out.push_str("| record |");
    for (name, _, _) in ENGINES {
        let _ = write!(out, " {name} |");
    }
    out.push_str(" skep / by hand | skep / libbpf |\n|");
    out.push_str(&" --- |".repeat(ENGINES.len() + 3));
    out.push('\n');
    let mut targets = String::new();
    for (size, works) in SIZES.iter().zip(all) {
        for ((_, what), engines) in WORKS.iter().zip(works) {
            let _ = write!(out, "| {size} B, {what} |");
            for rounds in engines {
                let bests = || rounds.iter().map(|round| round[0]);
                let _ = write!(out, " {:.2} [{:.2}] |", median(bests()), best(bests()));
            }
            let [hand, libbpf] = [BY_HAND, LIBBPF].map(|other| ratio(engines, SKEP, other));
            let _ = writeln!(out, " {hand:.3} | {libbpf:.3} |");
            for (other, limit, measured) in [("by hand", 1.1, hand), ("libbpf", 1.0, libbpf)] {
                let verdict = if measured <= limit {
                    "met"
                } else {
                    "**missed**"
                };
                let _ = writeln!(
                    targets,
                    "| {size} B, {what}: skep over {other} | {limit} | {measured:.3} | {verdict} |"
                );
            }
        }
    }
    let _ = write!(
        out,
        "\n## Targets\n\n| what | at most | measured | |\n| --- | --- | --- | --- |\n{targets}"
    );
    out
}
