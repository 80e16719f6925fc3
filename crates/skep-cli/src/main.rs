//! The command-line tool: arguments in, one command run, an exit status out.
#![forbid(unsafe_code)]

mod args;
mod btf_text;
mod caps;
mod cmd;
mod decode;
mod fail;
mod find;
mod json;
mod map_flags;
mod out;
mod printk;
mod stop;
mod tracefs;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    match cmd::dispatch(&cli.command) {
        Ok(status) => ExitCode::from(status),
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            anstream::eprintln!("{}", cmd::complaint(&failure));
            ExitCode::FAILURE
        }
    }
}
