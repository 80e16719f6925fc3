//! What reading an event costs: perf buffers drained by skep, aya and libbpf-rs; and skep's streams,
//! blocking and on run times. Each reader has a buffer of its own that the same program fills; they
//! take turns in each round; medians over the rounds.
//!
//! `bench-events [--rounds N] [--write]` as root; `--write` keeps the tables in `EVENTS.md`.

mod readers;

use readers::Reader;
use std::fmt::Write as _;
use std::time::Instant;

fn main() {
    let mut args = std::env::args().skip(1);
    let (mut rounds, mut write) = (31, false);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => {
                rounds = args
                    .next()
                    .and_then(|n| n.parse().ok())
                    .expect("--rounds N")
            }
            "--write" => write = true,
            other => panic!("unknown argument {other}"),
        }
    }
    readers::stay_on_one_cpu();
    let mut text = head(rounds);
    for (size, count) in [(64, 8000), (1024, 500)] {
        table(
            &mut text,
            &format!("Perf buffer, {size} bytes: drained, the first word read in place or copied"),
            &mut readers::drains(size, count, false),
            rounds,
        );
        table(
            &mut text,
            &format!("Perf buffer, {size} bytes: drained, every byte copied"),
            &mut readers::drains(size, count, true),
            rounds,
        );
        table(
            &mut text,
            &format!("Stream over a perf buffer, {size} bytes"),
            &mut readers::streams(size, count),
            rounds,
        );
    }
    println!("{text}");
    if write {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../EVENTS.md");
        std::fs::write(file, text).expect("writing EVENTS.md");
    }
}

fn head(rounds: usize) -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "# Reading events: skep beside aya 0.14.0 and libbpf-rs 0.27.2\n\nKernel {}, {rounds} \
         rounds; nanoseconds an event, median [best], and the median of the rounds' ratios to the \
         first line. Built without LTO.\n",
        kernel.trim()
    )
}

/// One table: each reader's figures.
fn table(text: &mut String, title: &str, readers: &mut [Reader], rounds: usize) {
    eprintln!("{title}");
    let mut figures: Vec<Vec<f64>> = vec![Vec::new(); readers.len()];
    for round in 0..rounds {
        for turn in 0..readers.len() {
            let index = (turn + round) % readers.len();
            let reader = &mut readers[index];
            (reader.fill)();
            let begun = Instant::now();
            let read = (reader.read)();
            let wall = begun.elapsed();
            assert_eq!(read, reader.count, "{}", reader.name);
            figures[index].push(wall.as_nanos() as f64 / read as f64);
        }
    }
    let _ = write!(
        text,
        "\n## {title}\n\n| reader | ns | ratio |\n| --- | --- | --- |\n"
    );
    for (reader, all) in readers.iter().zip(&figures) {
        let best = all.iter().copied().fold(f64::INFINITY, f64::min);
        let ratios = all.iter().zip(&figures[0]).map(|(a, b)| a / b).collect();
        let _ = writeln!(
            text,
            "| {} | {:.2} [{best:.2}] | {:.3} |",
            reader.name,
            median(all.clone()),
            median(ratios)
        );
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
