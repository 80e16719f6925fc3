//! What reading an event costs: perf buffers drained by skep, aya and libbpf-rs; and skep's streams,
//! blocking and on run times. Each reader has a buffer of its own that the same program fills; they
//! take turns in each round; medians over the rounds.
//!
//! `bench-events [--rounds N] [--write] [WORD]` as root; `--write` keeps the tables in `EVENTS.md`.

mod readers;
#[path = "../../tables.rs"]
mod tables;

use readers::Reader;
use std::fmt::Write as _;
use tables::{Options, kernel, median};

/// Rounds on the same buffers: where one lies in memory alone makes its readers a tenth faster or
/// slower.
const BUFFERS: usize = 3;

fn main() {
    let options = Options::of_arguments();
    readers::stay_on_one_cpu();
    let mut text = head(options.rounds);
    for (size, count) in [(64, 60_000), (1024, 5000)] {
        let tables: [(&str, &dyn Fn() -> Vec<Reader>); 3] = [
            (
                "Perf buffer, {size} bytes: drained, the first word read in place or copied",
                &|| readers::drains(size, count, false),
            ),
            (
                "Perf buffer, {size} bytes: drained, every byte copied",
                &|| readers::drains(size, count, true),
            ),
            ("Stream over a perf buffer, {size} bytes", &|| {
                readers::streams(size, count)
            }),
        ];
        for (title, readers) in tables {
            let title = title.replace("{size}", &size.to_string());
            if options.wants(&title) {
                table(&mut text, &title, readers, options.rounds);
            }
        }
    }
    options.finish(&text, concat!(env!("CARGO_MANIFEST_DIR"), "/../EVENTS.md"));
}

fn head(rounds: usize) -> String {
    format!(
        "# Reading events: skep beside aya 0.14.0 and libbpf-rs 0.27.2\n\nKernel {}, {rounds} \
         rounds; nanoseconds of CPU an event, median [best], and the median of the rounds' ratios to the \
         first line. Built without LTO.\n\nOf a turn's events all are \
         there already, 5 MB of them. A run time is left for the other tasks' sake every 1,024 events, \
         which costs as much as a hundred events with cold caches. Every third round all readers get new \
         buffers: of two that do the same, one was up to a fifth faster by where its buffer lay.\n",
        kernel()
    )
}

/// One table: each reader's figures.
fn table(text: &mut String, title: &str, make: &dyn Fn() -> Vec<Reader>, rounds: usize) {
    eprintln!("{title}");
    let mut readers = make();
    let mut figures: Vec<Vec<f64>> = vec![Vec::new(); readers.len()];
    for round in 0..rounds {
        if round % BUFFERS == BUFFERS - 1 {
            readers = make();
        }
        for turn in 0..readers.len() {
            let index = (turn + round) % readers.len();
            let reader = &mut readers[index];
            let (cost, read) = (reader.turn)();
            assert_eq!(read, reader.count, "{}", reader.name);
            figures[index].push(cost as f64 / read as f64);
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
