//! Two halves of a program, linked into one object, on the running kernel.
#![cfg(feature = "linker")]

mod common;

use common::{half, host, load, run};
use skep::ObjectSpec;
use skep::codec::linker::{self, Input};
use std::process::Command;

fn linked(halves: &[Input<'_>]) -> Vec<u8> {
    linker::link(halves).unwrap_or_else(|e| panic!("{e}"))
}

/// What `one` gives: its own twin, 300, the other half's, 40000 + 2 * 3, and so on; the letter is
/// the second of "first"; the millions are the kernel's PIDTYPE_PGID, 2.
const SUM: u32 = 40_006 + 7 + 3 + 60 + 2 + 20 + 300 + b'i' as u32 + 2_000_000;

#[test]
fn halves_become_one_program() {
    let system = host();
    let (first, second) = (half!("linked1"), half!("linked2"));
    let spec = ObjectSpec::parse(&linked(&[first, second]), "linked.bpf.o").unwrap();
    let object = load(&system, &spec);
    assert_eq!(run(&object, "one"), SUM);
    // `scale` adds 2 to the steps, the first half's twin 1.
    assert_eq!(object.global("steps").unwrap().read::<u32>().unwrap(), 3);
    assert_eq!(run(&object, "two"), 5005, "through the program array");
    let shared = object.map("shared").unwrap().lookup(&0_u32.to_ne_bytes());
    assert_eq!(shared.unwrap(), Some(1_u64.to_ne_bytes().to_vec()));
}

#[test]
fn the_order_of_files_decides_between_weak_functions() {
    let system = host();
    let (first, second) = (half!("linked1"), half!("linked2"));
    let spec = ObjectSpec::parse(&linked(&[second, first]), "linked.bpf.o").unwrap();
    assert_eq!(run(&load(&system, &spec), "one"), SUM + 10);
}

/// The kernel's tags of all programs, by name.
fn tags(spec: &ObjectSpec) -> Vec<(String, String)> {
    let object = load(&host(), spec);
    let tag = |program: &skep::Program| {
        let tag = program.info().unwrap().tag;
        let hex = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        (program.name().to_owned(), hex)
    };
    object.programs().iter().map(tag).collect()
}

fn bpftool(args: &[&str]) -> Option<String> {
    let out = Command::new("bpftool").args(args).output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "bpftool {args:?}: {text}{error}");
    Some(text)
}

/// What `bpftool gen object` makes of the same files is the same to the kernel; and libbpf loads
/// what we make.
#[test]
fn bpftool_agrees() {
    if bpftool(&["version"]).is_none() {
        common::skip!("no bpftool");
    }
    let dir = env!("CARGO_TARGET_TMPDIR");
    let path = |name: &str| format!("{dir}/agree-{name}.bpf.o");
    let (first, second) = (half!("linked1"), half!("linked2"));
    std::fs::write(path("1"), first.bytes).unwrap();
    std::fs::write(path("2"), second.bytes).unwrap();
    bpftool(&["gen", "object", &path("theirs"), &path("1"), &path("2")]);
    let ours = linked(&[first, second]);
    std::fs::write(path("ours"), &ours).unwrap();
    let ours = tags(&ObjectSpec::parse(&ours, "linked.bpf.o").unwrap());
    assert_eq!(ours.len(), 3);
    let theirs = ObjectSpec::open(path("theirs")).unwrap();
    assert_eq!(tags(&theirs), ours);
    let pins = format!("{}/linked", common::own_bpffs());
    bpftool(&["prog", "loadall", &path("ours"), &pins]);
    for (name, tag) in ours {
        let shown = bpftool(&["prog", "show", "pinned", &format!("{pins}/{name}")]);
        assert!(shown.unwrap().contains(&format!("tag {tag}")), "{name}");
    }
}
