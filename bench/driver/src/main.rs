//! Measures skep beside aya and libbpf-rs: the same objects, the same operations, one process for
//! each engine and case, engines taking turns in every round; medians over the rounds.
//!
//! `bench [--rounds N] [--no-build] [--write]` as root. `--no-build` leaves out the clean builds,
//! `--write` keeps the tables in `RESULTS.md`. `bench rings [--rounds N] [--write]` measures ring
//! buffers (`RINGS.md`).

mod btf;
mod build;
mod child;
mod corpus;
mod objects;
mod report;
mod rings;
mod stats;

use child::{Cost, Sample};
use std::path::{Path, PathBuf};
use std::process::Command;

pub const ENGINES: [&str; 3] = ["skep", "aya", "libbpf"];

/// An operation: the worker's case, what it works on, how often in one process.
pub struct Case {
    pub title: &'static str,
    pub case: &'static str,
    pub what: String,
    /// How often, by engine: enough for the clock ticks that CPU time is counted in; 0 where an engine
    /// cannot do it.
    pub counts: [u32; 3],
}

/// All rounds of one case: `samples[engine][round]`; `memory` from processes that do it once.
pub struct Measured {
    pub case: Case,
    pub samples: [Vec<Sample>; 3],
    pub memory: [Vec<Sample>; 3],
}

/// The cold starts: `[raw, skep, aya, libbpf]`, each start.
pub type Cold = [Vec<Cost>; 4];

struct Options {
    rounds: usize,
    build: bool,
    write: bool,
    rings: bool,
}

fn main() {
    let options = options();
    build::check_needs();
    let bench = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let bin = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .to_path_buf();
    if options.rings {
        return rings::run(bench, &bin, options.rounds, options.write);
    }
    build::workers(bench, &bin);
    let objects = objects::build(&bin.join("bench-objects"));
    let corpus = corpus::prepare(&bin);
    let mut measured: Vec<Measured> = cases(&objects, &corpus).into_iter().map(empty).collect();
    let mut cold = Cold::default();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for m in &mut measured {
            one_round(m, &bin, round);
        }
        cold_round(&mut cold, &bin, &objects.small, round);
    }
    let builds = options.build.then(|| build::measure(bench, &bin));
    let text = report::markdown(&measured, &corpus, &cold, builds.as_ref(), options.rounds);
    println!("{text}");
    if options.write {
        std::fs::write(bench.join("RESULTS.md"), text).expect("writing RESULTS.md");
    }
}

fn options() -> Options {
    let mut options = Options {
        rounds: 7,
        build: true,
        write: false,
        rings: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => {
                options.rounds = args
                    .next()
                    .and_then(|n| n.parse().ok())
                    .expect("--rounds N")
            }
            "--no-build" => options.build = false,
            "--write" => options.write = true,
            "rings" => options.rings = true,
            other => panic!("unknown argument {other}"),
        }
    }
    options
}

fn cases(objects: &objects::Objects, corpus: &corpus::Corpus) -> Vec<Case> {
    let case = |title, case, what: &Path, counts| Case {
        title,
        case,
        what: what.to_str().unwrap().into(),
        counts,
    };
    vec![
        case(
            "small: one program, no CO-RE",
            "load",
            &objects.small,
            [5000, 50, 5000],
        ),
        case(
            "small, kernel kept from the load before",
            "warm",
            &objects.small,
            [5000, 50, 5000],
        ),
        case(
            "core: 300 CO-RE relocations over 50 structs",
            "load",
            &objects.core,
            [20, 5, 10],
        ),
        case(
            "core, kernel kept from the load before",
            "warm",
            &objects.core,
            [20, 5, 10],
        ),
        case(
            "functions: 200 subprograms",
            "load",
            &objects.functions,
            [100, 20, 100],
        ),
        case(
            "open kernel BTF, find `task_struct`",
            "btf",
            Path::new("task_struct"),
            [100, 30, 100],
        ),
        case(
            "deduplicate kernel BTF: copy all types, find that all differ",
            "dedup",
            Path::new("vmlinux"),
            [5, 0, 5],
        ),
        case(
            "kernel BTF as C, into memory",
            "c",
            Path::new("vmlinux"),
            [5, 0, 5],
        ),
        case(
            "open the corpus: what all three open",
            "open",
            &corpus.shared,
            [1, 1, 1],
        ),
        case("open the corpus: all of it", "open", &corpus.all, [1, 1, 1]),
    ]
}

fn empty(case: Case) -> Measured {
    Measured {
        case,
        samples: Default::default(),
        memory: Default::default(),
    }
}

fn one_round(measured: &mut Measured, bin: &Path, round: usize) {
    let case = &measured.case;
    for turn in 0..ENGINES.len() {
        let engine = (turn + round) % ENGINES.len();
        if case.counts[engine] == 0 {
            continue;
        }
        let worker = |count: u32| {
            let mut command = Command::new(bin.join(format!("work-{}", ENGINES[engine])));
            command.args([case.case, &case.what, &count.to_string()]);
            child::worker(&mut command)
        };
        measured.samples[engine].push(worker(case.counts[engine]));
        measured.memory[engine].push(worker(1));
    }
}

fn cold_round(cold: &mut Cold, bin: &Path, object: &PathBuf, round: usize) {
    for turn in 0..20 * cold.len() {
        let engine = (turn + round) % cold.len();
        let name = ["raw", "skep", "aya", "libbpf"][engine];
        let mut command = Command::new(bin.join(format!("hello-{name}")));
        cold[engine].push(child::timed(command.arg(object)));
    }
}
