//! The project's tasks: `cargo xtask TASK`.
#![forbid(unsafe_code)]

mod apt;
mod cmd;
mod corpus;
mod floors;
mod nolibc;
mod objects;
mod parity;
mod results;
mod suite;
mod systems;
mod tiers;
mod vm;

use std::process::ExitCode;

/// An error is the text to show.
pub(crate) type Result<T = (), E = String> = std::result::Result<T, E>;

/// A name to call, what it takes, what it does, and the function.
struct Task {
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result,
}

const TASKS: &[Task] = &[
    task(
        "test",
        "[TIER...]",
        "everything, or the tiers named",
        tiers::task,
    ),
    task(
        "vm",
        "KERNEL... [-- FILTER...]",
        "kernel tests inside QEMU: 5.10, newest, aarch64, s390x:6.1 ...",
        vm::task,
    ),
    task(
        "objects",
        "[--check]",
        "rebuild the committed BPF objects from their C sources",
        objects::task,
    ),
    task(
        "corpus",
        "[NAME...]",
        "fetch and build third-party objects; prints where they are",
        corpus::task,
    ),
    task(
        "compat",
        "KERNEL|host [CORPUS...]",
        "skep and libbpf on every program of the corpus",
        corpus::compat::task,
    ),
    task(
        "floors",
        "",
        "check imports, unsafe code and dependencies",
        floors::task,
    ),
    task(
        "parity",
        "",
        "check docs/parity.md against the last results",
        parity::task,
    ),
    task(
        "fuzz",
        "[TARGET] [SECONDS]",
        "coverage-guided fuzzing, with nightly",
        tiers::fuzz,
    ),
];

const fn task(
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result,
) -> Task {
    Task {
        name,
        usage,
        help,
        run,
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let task = args
        .first()
        .and_then(|name| TASKS.iter().find(|t| t.name == name));
    let Some(task) = task else {
        eprintln!("usage: cargo xtask TASK\n");
        for task in TASKS {
            let call = format!("{} {}", task.name, task.usage);
            eprintln!("  {call:34} {}", task.help);
        }
        return ExitCode::from(2);
    };
    match (task.run)(args.get(1..).unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask {}: {why}", task.name);
            ExitCode::FAILURE
        }
    }
}
