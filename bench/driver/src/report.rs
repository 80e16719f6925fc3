//! The tables, as Markdown.

use crate::build::Build;
use crate::child::{Cost, Sample};
use crate::corpus::Corpus;
use crate::stats::{best, median};
use crate::{Cold, ENGINES, Measured};
use std::fmt::Write as _;

/// The whole report.
pub fn markdown(
    all: &[Measured],
    corpus: &Corpus,
    cold: &Cold,
    builds: Option<&[Build; 3]>,
    rounds: usize,
) -> String {
    let mut out = format!(
        "# skep beside aya 0.14.0 and libbpf-rs 0.27.2 (libbpf 1.7.0)\n\n\
         Kernel {}, {} processors, {rounds} rounds, engines taking turns in each; medians over the \
         rounds, the best round in brackets. Times are for one operation: open, relocate, load and \
         drop, everything asked of the kernel anew unless the title says otherwise. CPU time is counted in clock ticks: trust the sum more than its split. Memory is the \
         growth of a fresh process that does it once. `x` is the median of the rounds' ratios to \
         libbpf.\n",
        std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .unwrap_or_default()
            .trim(),
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    for m in all {
        case(&mut out, m);
    }
    who_opens(&mut out, corpus);
    cold_start(&mut out, cold);
    if let Some(builds) = builds {
        build(&mut out, builds);
    }
    targets(&mut out, all, cold, builds);
    out
}

fn case(out: &mut String, m: &Measured) {
    let _ = write!(
        out,
        "\n## {}\n\n| engine | user µs | x | user + system µs | x | wall µs | peak RSS KiB | private KiB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        m.case.title
    );
    for (engine, name) in ENGINES.iter().enumerate() {
        if m.case.counts[engine] == 0 {
            let _ = writeln!(out, "| {name} | - | - | - | - | - | - | - |");
            continue;
        }
        let of = |f: fn(&Sample) -> f64| median(m.samples[engine].iter().map(f));
        let memory = |f: fn(&Sample) -> f64| median(m.memory[engine].iter().map(f));
        let _ = writeln!(
            out,
            "| {name} | {:.1} | {:.3} | {:.1} | {:.3} | {:.1} [{:.1}] | {:.0} | {:.0} |",
            of(|s| s.user_us),
            ratio(m, engine, |s| s.user_us),
            of(cpu),
            ratio(m, engine, cpu),
            of(|s| s.wall_us),
            best(m.samples[engine].iter().map(|s| s.wall_us)),
            memory(|s| s.peak_kib),
            memory(|s| s.private_kib),
        );
    }
}

fn cpu(sample: &Sample) -> f64 {
    sample.user_us + sample.system_us
}

/// The median over the rounds of this engine's figure over libbpf's.
fn ratio(m: &Measured, engine: usize, figure: fn(&Sample) -> f64) -> f64 {
    let rounds = m.samples[engine].iter().zip(&m.samples[2]);
    // A round in which no clock tick fell on either says nothing.
    let ratios = rounds.map(|(mine, libbpf)| figure(mine) / figure(libbpf));
    median(ratios.filter(|ratio| ratio.is_finite()))
}

/// What belongs to the cases that open the corpus.
fn who_opens(out: &mut String, corpus: &Corpus) {
    let _ = write!(
        out,
        "\n## The corpus: {} objects, {}\n\nWithout debug information, as objects are shipped. An \
         operation opens all of them, one after the other, and asks the kernel for nothing.\n\n\
         | engine | opens | refuses |\n| --- | --- | --- |\n",
        corpus.count, corpus.what
    );
    for (engine, opened) in ENGINES.iter().zip(corpus.opened) {
        let _ = writeln!(out, "| {engine} | {opened} | {} |", corpus.count - opened);
    }
    let _ = writeln!(out, "| all three | {} | |", corpus.common);
}

const COLD: [&str; 4] = ["bare BPF_PROG_LOAD", "skep", "aya", "libbpf"];

fn wall_ms(cost: &Cost) -> f64 {
    cost.wall.as_secs_f64() * 1e3
}

fn cold_start(out: &mut String, cold: &Cold) {
    let mean =
        |costs: &[Cost], f: fn(&Cost) -> f64| costs.iter().map(f).sum::<f64>() / costs.len() as f64;
    let raw = median(cold[0].iter().map(wall_ms));
    out.push_str(
        "\n## Cold start: exec, load `small`, exit\n\n\
         | engine | wall ms | x bare | user ms (mean) | system ms (mean) |\n| --- | --- | --- | --- | --- |\n",
    );
    for (name, costs) in COLD.iter().zip(cold) {
        let wall = median(costs.iter().map(wall_ms));
        let _ = writeln!(
            out,
            "| {name} | {wall:.2} [{:.2}] | {:.2} | {:.2} | {:.2} |",
            best(costs.iter().map(wall_ms)),
            wall / raw,
            mean(costs, |c| c.user.as_secs_f64() * 1e3),
            mean(costs, |c| c.system.as_secs_f64() * 1e3),
        );
    }
}

fn build(out: &mut String, builds: &[Build; 3]) {
    out.push_str(
        "\n## Build: a hello-loader, clean, release\n\n\
         | engine | CPU s | wall s | crates | with build dependencies | stripped bytes |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for (name, b) in ENGINES.iter().zip(builds) {
        let _ = writeln!(
            out,
            "| {name} | {:.1} | {:.1} | {} | {} | {} |",
            (b.cost.user + b.cost.system).as_secs_f64(),
            b.cost.wall.as_secs_f64(),
            b.crates_normal,
            b.crates_all,
            b.stripped_bytes,
        );
    }
}

fn targets(out: &mut String, all: &[Measured], cold: &Cold, builds: Option<&[Build; 3]>) {
    out.push_str("\n## Targets\n\n| what | at most | measured | |\n| --- | --- | --- | --- |\n");
    let mut row = |what: &str, limit: f64, measured: f64| {
        let verdict = if measured <= limit {
            "met"
        } else {
            "**missed**"
        };
        let _ = writeln!(out, "| {what} | {limit} | {measured:.3} | {verdict} |");
    };
    let [small, _, core, _, _, btf, dedup, c, open, _] = all else {
        unreachable!("ten cases");
    };
    row(
        "core: user CPU over libbpf's",
        0.1,
        ratio(core, 0, |s| s.user_us),
    );
    row("small: CPU over libbpf's", 1.0, ratio(small, 0, cpu));
    row(
        "small: wall over libbpf's",
        1.0,
        ratio(small, 0, |s| s.wall_us),
    );
    row(
        "kernel BTF: user CPU over libbpf's",
        0.5,
        ratio(btf, 0, |s| s.user_us),
    );
    let private = |engine: usize| median(btf.memory[engine].iter().map(|s| s.private_kib));
    row(
        "kernel BTF: private memory over libbpf's",
        1.0,
        private(0) / private(2),
    );
    row(
        "deduplication: CPU over libbpf's",
        1.0,
        ratio(dedup, 0, cpu),
    );
    row("BTF as C: CPU over libbpf's", 1.0, ratio(c, 0, cpu));
    row(
        "open the corpus: CPU over libbpf's",
        1.0,
        ratio(open, 0, cpu),
    );
    let start = |engine: usize| median(cold[engine].iter().map(wall_ms));
    row("cold start over a bare load's", 1.3, start(1) / start(0));
    if let Some([skep, aya, _]) = builds {
        let cpu = |b: &Build| (b.cost.user + b.cost.system).as_secs_f64();
        row("clean build: CPU over aya's", 0.5, cpu(skep) / cpu(aya));
        row("crates in the default tree", 8.0, skep.crates_normal as f64);
    }
}
