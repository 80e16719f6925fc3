//! The child of skep.

use super::{TYPES, entries, fresh_bpffs, request_of, tell};
use crate::row::{Line, Row};
use crate::spy;
use skep::codec::btf::{Btf, Kind};
use skep::codec::object::{MapSpec, ProgramSpec};
use skep::{LoadOptions, ObjectSpec, System};
use std::collections::BTreeMap;

/// Loads the programs of an object from `first` on.
pub fn run(path: &str, first: usize) {
    let system = System::new(skep::sys::vtable::libc_kernel()).expect("a system");
    let types = std::env::var(TYPES).ok();
    let types = types.map(|path| system.btf_file(&path).expect("types"));
    let options = LoadOptions {
        kernel_btf: types,
        ..Default::default()
    };
    let mut spec = match ObjectSpec::open(path) {
        Ok(spec) => spec,
        Err(error) => return tell(&Line::Closed(format!("{error:#}"))),
    };
    spec.maps.iter_mut().for_each(size);
    let expected = spec.btf.as_deref().map(expectations).unwrap_or_default();
    for (index, program) in spec.programs.iter().enumerate().skip(first) {
        let section = program.section.trim_start_matches('?').to_owned();
        tell(&Line::Begin(index, program.name.clone(), section));
        fresh_bpffs();
        spy::take();
        let outcome = spec.loader(&system, &options).load_program(index);
        let expects = expected.get(&program.name).map(|s| (*s).to_owned());
        tell(&Line::Done(Box::new(row(index, program, outcome, expects))));
    }
}

/// A size for a map that has none, and for the maps inside it.
fn size(map: &mut MapSpec) {
    if let (0, Some(entries)) = (map.max_entries, entries(map.map_type.0)) {
        map.max_entries = entries;
    }
    map.inner.as_deref_mut().into_iter().for_each(size);
}

fn row(
    index: usize,
    program: &ProgramSpec,
    outcome: skep::Result<skep::object::Loaded>,
    expects: Option<String>,
) -> Row {
    let error = outcome.as_ref().err();
    let refusal = error.and_then(skep::Error::refusal);
    let why = error.map(|error| match refusal {
        Some(refusal) => format!("{error}: {}", refusal.digest.complaint),
        None => error.to_string(),
    });
    Row {
        index,
        name: program.name.clone(),
        section: program.section.trim_start_matches('?').to_owned(),
        ok: outcome.is_ok(),
        errno: error.and_then(skep::Error::errno).map_or(0, |e| e.raw()),
        error: why.unwrap_or_default(),
        expects,
        load: request_of(spy::take(), &program.name, None),
    }
}

/// What the kernel's selftests note of their programs, by function; newer ones number their notes
/// (`comment:7:test_expect_success`).
fn expectations(btf: &Btf) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for tag in btf.iter().filter(|t| t.kind() == Kind::DeclTag) {
        let note = tag.name().ok().and_then(|n| n.strip_prefix("comment:"));
        let words = note.map(|n| n.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':'));
        let expects = match words {
            Some("test_expect_success") => "success",
            Some("test_expect_failure") => "failure",
            _ => continue,
        };
        let function = tag.target().and_then(|id| btf.ty(id).ok());
        if let Some(Ok(name)) = function.map(|f| f.name()) {
            found.insert(name.to_owned(), expects);
        }
    }
    found
}
