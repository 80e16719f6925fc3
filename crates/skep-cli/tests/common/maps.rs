//! Maps of this process, and the binary that is to look at them.

use crate::common::{object, root, run, skep, stderr, stdout};
use skep::codec::object::MapSpec;
use skep::probe::Answer;
use skep::{Object, ObjectSpec, System};
use std::process::Output;

pub(crate) const FLOWS: (&str, &[u8]) = object!("flows");

/// The maps of `flows.bpf.c`, of this process, if there is root and a binary.
pub(crate) fn flows() -> Option<Object> {
    if !root() {
        return None;
    }
    skep()?;
    let system = System::host().expect("a kernel");
    let spec = ObjectSpec::parse(FLOWS.1, FLOWS.0).expect("a committed object");
    let lacks = |map: &&MapSpec| system.probe_map_type(map.map_type) == Answer::No;
    if let Some(map) = spec.maps.iter().find(lacks) {
        println!("skep-skip: no maps of type {} in this kernel", map.map_type);
        return None;
    }
    Some(spec.load(&system).expect("loads"))
}

/// The id of a map, as the command line takes it.
pub(crate) fn id(object: &Object, name: &str) -> String {
    object.map(name).expect("a map").id().to_string()
}

/// Runs `skep` on a map; standard output, if all went well.
pub(crate) fn ok(verb: &str, map: &str, args: &[&str]) -> String {
    let output = on(verb, map, args);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{verb} {args:?}: {}",
        stderr(&output)
    );
    assert_eq!(stderr(&output), "", "{verb} {args:?}");
    stdout(&output)
}

/// Runs `skep` on a map.
pub(crate) fn on(verb: &str, map: &str, args: &[&str]) -> Output {
    let words = [&["map", verb, map], args].concat();
    run(&words).expect("looked at before")
}
