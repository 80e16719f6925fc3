//! `cargo xtask test`: every tier, cheap failures first.

use crate::cmd::{self, cargo, command, has, is_root, root};
use crate::results::{Tier, Verdict};
use crate::suite::{self, Binary, Run};
use crate::{Result, apt, floors, nolibc, objects, parity, systems, vm};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What tiers share in one run.
pub(crate) struct Context {
    binaries: Option<Vec<Binary>>,
    kernels: Option<JoinHandle<()>>,
}

type Tiers = Result<Vec<Tier>>;

/// A tier: what it is called, and what runs it.
struct Row {
    name: &'static str,
    help: &'static str,
    run: fn(&mut Context) -> Tiers,
}

const ROWS: &[Row] = &[
    row("fmt", "rustfmt has nothing to change", |_| fmt()),
    row(
        "floors",
        "imports run downward, unsafe where allowed",
        |_| floors::tier().map(one),
    ),
    row(
        "objects",
        "committed BPF objects are their sources'",
        |_| objects::check().map(one),
    ),
    row("clippy", "no warning, in every set of features", |_| {
        clippy()
    }),
    row(
        "systems",
        "the library compiles for Windows and macOS",
        |_| systems::tier().map(one),
    ),
    row("docs", "rustdoc without warnings, examples run", |_| docs()),
    row("unit", "tests that need no privilege", unit),
    row("host", "tests on the running kernel, as root", host),
    row(
        "nolibc",
        "a freestanding program, here and as first process",
        |context| {
            context.await_kernels();
            nolibc::tier().map(one)
        },
    ),
    row(
        "mutate",
        "a minute of mutated input to every parser",
        mutate,
    ),
    row(
        "vm",
        "tests inside 5.10, 6.1, 6.12 and the newest",
        |context| {
            context.await_kernels();
            vm::tiers()
        },
    ),
    row("parity", "the ledger claims only what passed", |_| {
        parity::tier().map(one)
    }),
];

const fn row(name: &'static str, help: &'static str, run: fn(&mut Context) -> Tiers) -> Row {
    Row { name, help, run }
}

fn one(tier: Tier) -> Vec<Tier> {
    vec![tier]
}

/// The packages of the library.
const LIBRARY: &str = "-p skep-codec -p skep-sys -p skep";

/// `test [TIER...]`.
pub(crate) fn task(args: &[String]) -> Result {
    for name in args {
        if !ROWS.iter().any(|r| r.name == name) {
            let all: Vec<String> = ROWS
                .iter()
                .map(|r| format!("  {:9} {}", r.name, r.help))
                .collect();
            return Err(format!("no tier {name}; there are:\n{}", all.join("\n")));
        }
    }
    let chosen: Vec<&Row> = ROWS
        .iter()
        .filter(|r| args.is_empty() || args.iter().any(|a| a == r.name))
        .collect();
    if args.is_empty() {
        let _ = std::fs::remove_dir_all(crate::results::dir());
        for needs in [apt::CLANG, apt::QEMU, apt::HOST] {
            if let Err(why) = apt::ensure(needs) {
                println!("{why}");
            }
        }
    }
    let with_vm = chosen.iter().any(|r| r.name == "vm" || r.name == "nolibc");
    let mut context = Context {
        binaries: None,
        kernels: with_vm.then(|| std::thread::spawn(vm::prefetch)),
    };
    let mut done: Vec<Tier> = Vec::new();
    for row in chosen {
        println!("== {}: {}", row.name, row.help);
        let start = Instant::now();
        let tiers = (row.run)(&mut context).unwrap_or_else(|why| {
            let mut tier = Tier::new(row.name);
            tier.add(row.name, Verdict::Failed(why));
            vec![tier]
        });
        for mut tier in tiers {
            if tier.entries().is_empty() {
                tier.add(row.name, Verdict::Failed("no test ran".into()));
            }
            tier.save()?;
            let [passed, failed, skipped] = tier.counts();
            let name = tier.name();
            println!("   {name}: {passed} passed, {failed} failed, {skipped} skipped");
            done.push(tier);
        }
        println!("   {:.1} s", start.elapsed().as_secs_f32());
    }
    close(&done)
}

/// Names what was skipped, what held at the second run only and what failed, then the closing line.
fn close(done: &[Tier]) -> Result {
    println!();
    print!("{}", skips(done));
    let mut sum = [0; 3];
    let mut flaky = 0;
    for tier in done {
        for (total, count) in sum.iter_mut().zip(tier.counts()) {
            *total += count;
        }
        for (name, verdict) in tier.entries() {
            match verdict {
                Verdict::Flaky(why) => {
                    flaky += 1;
                    println!("flaky {}: {name}: {}", tier.name(), gist(why));
                }
                Verdict::Failed(why) => {
                    println!("failed {}: {name}: {}", tier.name(), gist(why));
                }
                Verdict::Passed | Verdict::Skipped(_) => {}
            }
        }
    }
    if flaky > 0 {
        println!("{flaky} held only when they were run once more: defects to mend");
    }
    let [passed, failed, skipped] = sum;
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 {
        Ok(())
    } else {
        Err("not all passed".into())
    }
}

/// What matters of a failure: what a panic says, or else the end.
fn gist(why: &str) -> String {
    let mut lines = why.lines().skip_while(|line| !line.contains("panicked at"));
    match lines.next() {
        Some(first) => [first]
            .into_iter()
            .chain(lines.take(6))
            .collect::<Vec<_>>()
            .join("\n"),
        None => cmd::tail(why, 12),
    }
}

/// What was skipped, tests of one reason in one line: how often, why, where, and which.
fn skips(done: &[Tier]) -> String {
    let mut reasons: BTreeMap<String, (usize, BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for tier in done {
        for (name, verdict) in tier.entries() {
            if let Verdict::Skipped(why) = verdict {
                let why = why.lines().next().unwrap_or_default();
                let why = why.chars().take(60).collect();
                let (count, tiers, tests) = reasons.entry(why).or_default();
                *count += 1;
                tiers.insert(tier.name());
                tests.insert(name.rsplit("::").next().unwrap_or(name));
            }
        }
    }
    let mut text = String::new();
    for (why, (count, tiers, tests)) in &reasons {
        let tiers: Vec<&str> = tiers.iter().copied().collect();
        let mut named: Vec<&str> = tests.iter().copied().take(3).collect();
        if tests.len() > named.len() {
            named.push("...");
        }
        let (tiers, tests) = (tiers.join(" "), named.join(" "));
        text.push_str(&format!("skipped {count} ({tiers}): {why}: {tests}\n"));
    }
    if !reasons.is_empty() {
        let dir = crate::results::dir();
        text.push_str(&format!("each by name in {}\n", dir.display()));
    }
    text
}

/// Runs a command for one entry of a tier.
fn step(tier: &mut Tier, name: &str, command: &mut Command) {
    tier.record(name, cmd::run(command));
}

/// Cargo workspaces, each with its manifest.
fn manifests() -> Vec<&'static str> {
    let all = [
        "Cargo.toml",
        "examples/freestanding/Cargo.toml",
        "bench/Cargo.toml",
        "fuzz/Cargo.toml",
    ];
    all.into_iter()
        .filter(|m| root().join(m).exists())
        .collect()
}

fn fmt() -> Tiers {
    let mut tier = Tier::new("fmt");
    if !has("rustfmt") {
        tier.unable("fmt", "no rustfmt");
        return Ok(one(tier));
    }
    for manifest in manifests() {
        let mut fmt = cargo("fmt --all --check --manifest-path");
        step(&mut tier, &format!("fmt::{manifest}"), fmt.arg(manifest));
    }
    Ok(one(tier))
}

fn clippy() -> Tiers {
    let mut tier = Tier::new("clippy");
    if !has("cargo-clippy") {
        tier.unable("clippy", "no cargo-clippy");
        return Ok(one(tier));
    }
    let sets = [
        ("default", "--workspace --all-targets"),
        ("all-features", "--workspace --all-targets --all-features"),
        (
            "no-default-features",
            &format!("{LIBRARY} --lib --no-default-features"),
        ),
    ];
    for (name, set) in sets {
        let mut clippy = cargo(&format!("clippy --quiet {set} -- -D warnings"));
        step(&mut tier, &format!("clippy::{name}"), &mut clippy);
    }
    let mut clippy = cargo("clippy --quiet --release --manifest-path");
    clippy.args(["examples/freestanding/Cargo.toml", "--target-dir"]);
    clippy.arg(cmd::target_dir().join("freestanding"));
    clippy.args(["--", "-D", "warnings"]);
    step(&mut tier, "clippy::freestanding", &mut clippy);
    Ok(one(tier))
}

fn docs() -> Tiers {
    let mut tier = Tier::new("docs");
    let mut doc = cargo(&format!("doc --quiet --no-deps --all-features {LIBRARY}"));
    doc.env("RUSTDOCFLAGS", "-D warnings");
    step(&mut tier, "docs::rustdoc", &mut doc);
    examples(&mut tier, "skep-codec")?;
    for package in ["skep-sys", "skep"] {
        if is_root() {
            examples(&mut tier, package)?;
        } else {
            tier.unable(format!("docs::examples::{package}"), "needs root");
        }
    }
    Ok(one(tier))
}

/// The doc examples of one package.
fn examples(tier: &mut Tier, package: &str) -> Result {
    let mut test = cargo(&format!("test --doc --all-features -p {package}"));
    let log = cmd::target_dir().join("skep-results/log/docs");
    cmd::mkdir(log.parent().unwrap_or(Path::new(".")))?;
    let ended = cmd::watch(&mut test, &log, Duration::from_secs(600))?;
    for line in ended.output.lines() {
        let Some((name, verdict)) = line
            .strip_prefix("test ")
            .and_then(|l| l.rsplit_once(" ... "))
        else {
            continue;
        };
        let name = format!("docs::{}", name.replace(' ', "_"));
        match verdict {
            "ok" => tier.add(name, Verdict::Passed),
            "ignored" => tier.add(name, Verdict::Skipped("ignored".into())),
            _ => tier.add(name, Verdict::Failed(cmd::tail(&ended.output, 60))),
        }
    }
    let built = match ended.code {
        Some(0 | 101) if ended.output.contains("test result: ") => Ok(()),
        _ => Err(cmd::tail(&ended.output, 60)),
    };
    tier.record(format!("docs::examples::{package}"), built);
    Ok(())
}

impl Context {
    /// Waits for the kernels that are being fetched meanwhile.
    fn await_kernels(&mut self) {
        if let Some(fetching) = self.kernels.take() {
            let _ = fetching.join();
        }
    }

    /// The workspace's test programs, built on first use.
    fn binaries(&mut self) -> Result<Vec<Binary>> {
        if let Some(binaries) = &self.binaries {
            return Ok(binaries.clone());
        }
        let built = suite::build(&mut cargo("test --quiet --workspace --all-features"))?;
        self.binaries = Some(built.clone());
        Ok(built)
    }
}

fn unit(context: &mut Context) -> Tiers {
    let mut tier = Tier::new("unit");
    let binaries = context.binaries()?;
    let chosen: Vec<&Binary> = binaries
        .iter()
        .filter(|b| b.is_test && !b.needs_kernel() && b.target != "mutate")
        .collect();
    let how = Run {
        jobs: std::thread::available_parallelism().map_or(2, usize::from),
        limit: Duration::from_secs(120),
        env: &[],
    };
    suite::run(&mut tier, &chosen, &how)?;
    Ok(one(tier))
}

/// Seconds that one ring is read for, a program at full speed on the other side.
const SOAK_SECONDS: u64 = 60;

fn host(context: &mut Context) -> Tiers {
    let mut tier = Tier::new("host");
    let binaries = context.binaries()?;
    let (able, unable): (Vec<&Binary>, Vec<&Binary>) = binaries
        .iter()
        .filter(|b| b.is_test && b.needs_kernel())
        .partition(|b| is_root() || !b.needs_root());
    let how = Run {
        jobs: 1,
        limit: Duration::from_secs(120),
        env: &[("SKEP_SOAK_SECONDS", SOAK_SECONDS.to_string())],
    };
    suite::run(&mut tier, &able, &how)?;
    for binary in unable {
        for test in binary.list()? {
            tier.unable(format!("{}::{test}", binary.prefix()), "needs root");
        }
    }
    Ok(one(tier))
}

/// Seconds of mutation.
const MUTATE_SECONDS: u64 = 60;

fn mutate(context: &mut Context) -> Tiers {
    let mut tier = Tier::new("mutate");
    let binaries = context.binaries()?;
    let chosen: Vec<&Binary> = binaries
        .iter()
        .filter(|b| b.is_test && b.target == "mutate")
        .collect();
    let how = Run {
        jobs: 1,
        limit: Duration::from_secs(MUTATE_SECONDS + 120),
        env: &[("SKEP_MUTATE_SECONDS", MUTATE_SECONDS.to_string())],
    };
    suite::run(&mut tier, &chosen, &how)?;
    Ok(one(tier))
}

/// `fuzz [TARGET] [SECONDS]`: coverage-guided, with nightly.
pub(crate) fn fuzz(args: &[String]) -> Result {
    let seconds = match args.get(1) {
        Some(text) => text.parse::<u32>().map_err(|e| format!("{text}: {e}"))?,
        None => 300,
    };
    if !has("cargo-fuzz") {
        println!("installing cargo-fuzz with cargo install");
        cmd::run(&mut cargo("install --locked cargo-fuzz"))?;
    }
    let list = cmd::read(cargo("+nightly fuzz list").current_dir(root().join("fuzz")))?;
    // `seed` is the program that fills the corpora, not a target.
    let targets: Vec<&str> = list
        .lines()
        .map(str::trim)
        .filter(|t| *t != "seed")
        .collect();
    let chosen: Vec<&str> = match args.first() {
        Some(name) => match targets.iter().find(|t| *t == name) {
            Some(target) => vec![target],
            None => {
                return Err(format!(
                    "no target {name}; there are: {}",
                    targets.join(" ")
                ));
            }
        },
        None => targets,
    };
    if root().join("fuzz/seed").exists() {
        cmd::run(command(root().join("fuzz/seed")).current_dir(root().join("fuzz")))?;
    }
    for target in chosen {
        println!("== {target} for {seconds} s");
        let mut fuzz = cargo("+nightly fuzz run");
        fuzz.current_dir(root()).arg(target).arg("--");
        fuzz.arg(format!("-max_total_time={seconds}"));
        cmd::run(fuzz.args(["-timeout=5", "-rss_limit_mb=2048", "-detect_leaks=0"]))?;
    }
    Ok(())
}
