//! `skep obj`: object files, without a kernel.

mod disasm;
mod items;
mod link;
mod loader;
mod rust;
mod show;
mod types;

use crate::args::ObjVerb;
use crate::fail::Result;
use crate::out::{BAD, printable, styled};
use skep::ObjectSpec;
use std::path::Path;

/// Runs the command.
pub(crate) fn run(verb: &ObjVerb) -> Result {
    match verb {
        ObjVerb::Show(args) => show::run(args),
        ObjVerb::Disasm(args) => disasm::run(args),
        ObjVerb::Link(args) => link::run(args),
        ObjVerb::Loader(args) => loader::run(args),
        ObjVerb::Rust(args) => rust::run(args),
    }
}

/// Opens an object, or says why not.
fn open(path: &Path) -> Option<ObjectSpec> {
    match ObjectSpec::open(path) {
        Ok(spec) => Some(spec),
        Err(error) => {
            let text = printable(&error.to_string());
            anstream::eprintln!("{}{text}", styled(BAD, "error: "));
            None
        }
    }
}
