//! Map operations of skep, aya and libbpf-rs beside bare system calls: all on the same maps, in one
//! process, in small turns that change their order in every round; medians over the rounds.
//!
//! `bench-maps [--rounds N] [--write] [WORD]` as root; `--write` keeps the table in `MAPS.md`.

mod batches;
mod cases;
mod engines;
mod inside;
#[path = "../../tables.rs"]
mod tables;

use cases::Case;
use std::fmt::Write as _;
use tables::{Options, cpu_ns, kernel, median};

pub const ENGINES: [&str; 4] = ["bare", "skep", "aya", "libbpf-rs"];

/// Nanoseconds of an element, a figure for each round.
type Figures = [Vec<f64>; ENGINES.len()];

fn main() {
    let options = Options::of_arguments();
    let mut text = head(options.rounds);
    for mut case in cases::all() {
        if !options.wants(case.title) {
            continue;
        }
        eprintln!("{}", case.title);
        let rounds = (options.rounds / case.costs).max(3);
        let figures = measure(&mut case, rounds);
        row(&mut text, &case, &figures);
    }
    if options.wants(batches::TITLE) {
        let system = skep::System::host().expect("the kernel");
        text.push_str(&batches::table(&system, (options.rounds / 6).max(3)));
    }
    options.finish(&text, concat!(env!("CARGO_MANIFEST_DIR"), "/../MAPS.md"));
}

fn measure(case: &mut Case, rounds: usize) -> Figures {
    let mut figures = Figures::default();
    let has = |engine: &usize| case.work[*engine].is_some();
    let engines: Vec<usize> = (0..ENGINES.len()).filter(has).collect();
    for round in 0..rounds {
        // Each comes before each other as often as after it.
        let mut turns = engines.clone();
        turns.rotate_left(round / 2 % engines.len());
        if round % 2 == 1 {
            turns.reverse();
        }
        for engine in turns {
            let Some(work) = &mut case.work[engine] else {
                continue;
            };
            (case.prepare)();
            let begun = cpu_ns();
            let elements = work();
            let cost = cpu_ns() - begun;
            if case.elements == 0 || elements == case.elements {
                figures[engine].push(cost as f64 / elements as f64);
            } else {
                case.wrong[engine] = Some(elements);
            }
        }
    }
    figures
}

fn head(rounds: usize) -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let mut text = format!(
        "# Operations on maps: skep beside aya 0.14.0, libbpf-rs 0.27.2 and bare system calls\n\n\
         Kernel {}, {cpus} processors, {rounds} rounds (fewer of what takes long), turns of some \
         10,000 operations; nanoseconds of CPU an element, median [best], and the median of the rounds' \
         ratios to the bare calls. Hash of 1,000,000 entries of 8 and 8 bytes, keys in no order.\n\n|  |",
        kernel()
    );
    for name in ENGINES {
        let _ = write!(text, " {name} |");
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(ENGINES.len()));
    text.push('\n');
    text
}

fn row(text: &mut String, case: &Case, figures: &Figures) {
    let _ = write!(text, "| {} |", case.title);
    for (engine, all) in figures.iter().enumerate() {
        if let Some(elements) = case.wrong[engine] {
            let _ = write!(text, " {elements} of {} entries |", case.elements);
            continue;
        }
        if all.is_empty() {
            text.push_str(" - |");
            continue;
        }
        let best = all.iter().copied().fold(f64::INFINITY, f64::min);
        let ratio = median(all.iter().zip(&figures[0]).map(|(a, b)| a / b).collect());
        let digits = if best < 10.0 { 2 } else { 0 };
        let _ = write!(text, " {:.digits$} [{best:.digits$}]", median(all.clone()));
        let _ = match engine {
            0 => write!(text, " |"),
            _ => write!(text, " x {ratio:.3} |"),
        };
    }
    text.push('\n');
}
