//! A file a noun.

mod attach;
mod btf;
mod code;
mod demo;
mod features;
mod link;
mod map;
mod net;
mod obj;
mod prog;
mod run;
mod streams;
mod tail;
mod trace;
mod verify;

use crate::args::{BtfVerb, Command, ListVerb};
use crate::caps;
use crate::fail::{self, Failure, Result};
use crate::out::{BAD, HEAD, printable, styled};
use skep::ErrorKind;
use skep::codec::btf::TypeId;
use std::fmt::Write;

/// Does what the command line says; the answer is the exit status.
pub(crate) fn dispatch(command: &Command) -> Result {
    match command {
        Command::Run(args) if args.object.is_none() => demo::run(args),
        Command::Run(args) => run::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Features(args) => features::run(args),
        Command::Obj { verb } => obj::run(verb),
        Command::Prog { verb } => prog::run(verb),
        Command::Map { verb } => map::run(verb),
        Command::Tail(args) => tail::run(args),
        Command::Link {
            verb: ListVerb::List { json },
        } => link::list(*json),
        Command::Net {
            verb: ListVerb::List { json },
        } => net::list(*json),
        Command::Btf {
            verb: BtfVerb::Dump(args),
        } => btf::dump(args),
        Command::Btf {
            verb: BtfVerb::C(args),
        } => btf::c(args),
        Command::Btf {
            verb: BtfVerb::Rust(args),
        } => btf::rust(args),
        Command::Btf {
            verb: BtfVerb::Min(args),
        } => btf::min(args),
    }
}

/// A failed command, as standard error shows it: the error, each failed program with what the
/// verifier says, and what to do.
pub(crate) fn complaint(failure: &Failure) -> String {
    let mut text = styled(BAD, "error: ");
    let Failure::Skep(error) = failure else {
        text.push_str(&printable(&failure.to_string()));
        if let Failure::Text { line, at, .. } = failure {
            let before = line.get(..*at).unwrap_or(line);
            let column = printable(before).chars().count();
            let _ = write!(text, "\n  {}\n  {:column$}^", printable(line), "");
        }
        return text;
    };
    if error.failures().is_empty() {
        match error.refusal() {
            Some(refusal) => text.push_str(&verify::digest(refusal)),
            None => text.push_str(&printable(&error.to_string())),
        }
    } else {
        let failures = error.failures();
        let _ = write!(text, "{} did not load", count(failures.len(), "program"));
        // What keeps all maps from being made is said once.
        let mut said = Vec::new();
        for failed in error.map_failures() {
            let why = failed.error.to_string();
            if !said.contains(&why) {
                let _ = write!(text, "\n{}", printable(&why));
                said.push(why);
            }
        }
    }
    for failed in error.failures() {
        let head = format!("{} ({})", failed.program, failed.section);
        let _ = write!(text, "\n{}", styled(HEAD, printable(&head)));
        match failed.error.refusal() {
            Some(refusal) => text.push_str(&verify::digest(refusal)),
            None => {
                let why = fail::of_program(&failed.error, &failed.program, &failed.section);
                let _ = write!(text, ": {}", printable(&why));
            }
        }
    }
    if let Some(advice) = fail::advice(error) {
        let _ = write!(text, "\n{advice}");
    }
    text
}

/// Tells what is odd in a file, or to the kernel, and keeps nothing from going on.
fn notes<E: std::fmt::Display>(head: &str, warnings: &[E]) {
    for warning in warnings {
        anstream::eprintln!("{}", printable(&format!("note: {head}{warning}")));
    }
}

/// `1 program`, `2 programs`.
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Adds what to do to an error about listing.
pub(crate) fn listing(error: skep::Error) -> Failure {
    match caps::advice_for_listing() {
        Some(advice) if error.kind() == ErrorKind::Permission => {
            Failure::Said(format!("{error}: {advice}"))
        }
        _ => Failure::Skep(error),
    }
}

/// A BTF id for JSON: null where there is none.
fn type_id(id: TypeId) -> Option<u32> {
    (id != TypeId::VOID).then_some(id.0)
}
