//! `skep btf` on the types of a module of the running kernel.

mod common;

use common::{json_lines, run, stderr, stdout};
use serde_json::json;
use skep::System;
use skep::codec::btf::Kind;
use skep::codec::elf::read_btf;
use skep::sys::bpf::{self, ObjKind};
use std::fs;
use std::path::Path;
use std::process::Output;

/// A module, and a struct that only it has.
const MODULE: (&str, &str) = ("veth", "veth_priv");

fn shown(module: &str) -> bool {
    let there = Path::new("/sys/kernel/btf").join(module).exists();
    if !there {
        println!("skep-skip: no module {module} with types");
    }
    there
}

/// The output of a command that must succeed.
fn answered(args: &[&str]) -> Option<Output> {
    let output = run(args)?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    Some(output)
}

/// The id that the kernel's BTF object of this name has.
fn id_of(name: &str) -> Option<u32> {
    let host = skep::sys::host();
    let mut id = 0;
    while let Ok(Some(next)) = bpf::next_id(&host, ObjKind::Btf, id) {
        let fd = bpf::fd_by_id(&host, ObjKind::Btf, next, 0, None);
        let info = fd.and_then(|fd| bpf::btf_info(&fd));
        if info.is_ok_and(|info| info.name == name) {
            return Some(next);
        }
        id = next;
    }
    None
}

#[test]
fn a_modules_types_are_printed_on_top_of_the_kernels() {
    let (module, name) = MODULE;
    if !shown(module) {
        return;
    }
    let Some(text) = answered(&["btf", "dump", "--module", module]) else {
        return;
    };
    let bytes = fs::read(Path::new("/sys/kernel/btf").join(module)).unwrap();
    let raw = answered(&["btf", "dump", "--module", module, "--raw"]).unwrap();
    assert_eq!(raw.stdout, bytes);

    let kernel = System::host().unwrap().kernel_btf().unwrap().clone();
    let last = kernel.iter().last().unwrap().id();
    let btf = read_btf(bytes, Some(kernel)).unwrap();
    let ty = btf.find(name, Some(Kind::Struct)).expect(name);
    let own: Vec<_> = btf.iter().map(|ty| ty.id()).collect();
    assert!(own.iter().all(|id| *id > last), "only its own");
    let text = stdout(&text);
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(heads.len(), own.len());
    let head = format!(
        "[{}] STRUCT '{name}' size={}",
        ty.0,
        btf.ty(ty).unwrap().size().unwrap()
    );
    assert!(heads.iter().any(|line| line.starts_with(&head)), "{head}");

    let rows = json_lines(&answered(&["btf", "dump", "--module", module, "--json"]).unwrap());
    assert_eq!(rows.len(), own.len());
    let row = rows.iter().find(|row| row["name"] == name).expect(name);
    assert_eq!(row["id"], json!(ty.0));
    let members = row["members"].as_array().expect("members");
    let peer = members.iter().find(|member| member["name"] == "peer");
    assert_eq!(peer.expect("peer")["bits_offset"], json!(0));

    // The kernel's list of BTF objects needs root, and has no modules on some kernels.
    if let Some(id) = id_of(module) {
        let by_id = answered(&["btf", "dump", "--id", &id.to_string()]).unwrap();
        assert_eq!(stdout(&by_id), text);
    }
}

#[test]
fn a_modules_types_are_declared_in_c() {
    let (module, name) = MODULE;
    if !shown(module) {
        return;
    }
    let Some(whole) = answered(&["btf", "c", "--module", module]) else {
        return;
    };
    let whole = stdout(&whole);
    let defined = format!("\nstruct {name} {{\n");
    assert_eq!(whole.matches(&defined).count(), 1, "{whole}");
    // What it points to is the kernel's, and need only be known by name.
    assert!(whole.contains("\nstruct net_device;\n"), "{whole}");
    assert!(whole.contains("\tstruct net_device *peer;\n"), "{whole}");
    // Far from all of the kernel's types.
    assert!(whole.lines().count() < 5000);
    let root = answered(&["btf", "c", "--module", module, "--root", name]).unwrap();
    let root = stdout(&root);
    assert_eq!(root.matches(&defined).count(), 1, "{root}");
    assert!(root.len() < whole.len());
}

#[test]
fn a_module_that_is_not_there_is_named() {
    let Some(output) = run(&["btf", "c", "--module", "no_such_module"]) else {
        return;
    };
    assert_ne!(output.status.code(), Some(0));
    let error = stderr(&output);
    assert!(error.contains("no_such_module"), "{error}");
    assert!(output.stdout.is_empty());
}
