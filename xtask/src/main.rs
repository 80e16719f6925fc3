//! The project's tasks: `cargo xtask TASK`.

mod apt;
mod cmd;
mod objects;
mod results;

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

const TASKS: &[Task] = &[Task {
    name: "objects",
    usage: "[--check]",
    help: "rebuild the committed BPF objects from their C sources",
    run: objects::task,
}];

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
