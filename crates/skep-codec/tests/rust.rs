//! Types as Rust, compiled: rustc checks every layout.
#![cfg(feature = "dump-rust")]

mod kernel;

use skep_codec::btf::{Btf, Kind, Type, TypeId, dump_rust};
use skep_codec::elf::read_btf;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

/// Compiles a module; what rustc complains of, or `None` where there is no rustc.
fn compiled(name: &str, text: &str) -> Option<Result<(), String>> {
    let dir = env::temp_dir().join(format!("skep-rust-{name}-{}", process::id()));
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("types.rs");
    fs::write(&file, text).unwrap();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "--crate-type=lib", "--emit=metadata"]);
    rustc.args(["-Dwarnings", "--out-dir"]).arg(&dir).arg(&file);
    let output = rustc.output();
    fs::remove_dir_all(&dir).unwrap();
    let Ok(output) = output else {
        println!("skep-skip: no rustc here");
        return None;
    };
    Some(match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    })
}

fn checked(name: &str, btf: &Btf) -> Option<String> {
    let text = dump_rust(btf, &[]).unwrap();
    if let Err(why) = compiled(name, &text)? {
        let first: Vec<&str> = why.lines().take(60).collect();
        panic!("{name}: {}", first.join("\n"));
    }
    Some(text)
}

fn objects() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let Ok(entries) = fs::read_dir(dir) else {
        println!("skep-skip: no objects here");
        return vec![];
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "o"));
    paths.sort();
    paths
}

#[test]
fn types_of_every_object_have_the_layout_they_say() {
    // One compilation for all: a module each.
    let mut all = String::new();
    let mut count = 0;
    for path in objects() {
        let Ok(btf) = read_btf(fs::read(&path).unwrap(), None) else {
            continue;
        };
        let text = dump_rust(&btf, &[]).unwrap();
        all.push_str(&format!("pub mod m{count} {{\n{text}}}\n"));
        count += 1;
    }
    if count == 0 {
        return;
    }
    if let Some(Err(why)) = compiled("objects", &all) {
        panic!("{why}");
    }
    assert!(count > 50, "{count} objects");
}

/// Some of the kernel's types, and all that they hold: all of them take rustc a minute.
fn some(btf: &Btf) -> Vec<TypeId> {
    let known = [
        "task_struct",
        "sk_buff",
        "net_device",
        "inode",
        "tcp_sock",
        "bpf_map",
        "bpf_prog",
    ];
    let known = known
        .iter()
        .filter_map(|name| btf.find(name, Some(Kind::Struct)));
    let named = |ty: &Type<'_>| ty.kind().is_composite() && !ty.is_anonymous();
    let each = btf.iter().filter(named).step_by(20);
    known.chain(each.map(|ty| ty.id())).collect()
}

#[test]
fn the_kernels_types_have_the_layout_they_say() {
    let Some(btf) = kernel::vmlinux() else { return };
    let roots = some(&btf);
    let text = dump_rust(&btf, &roots).unwrap();
    assert!(
        dump_rust(&btf, &roots).unwrap() == text,
        "the same every time"
    );
    assert_eq!(text.matches("\npub struct task_struct {\n").count(), 1);
    let types = text.matches("\npub struct ").count() + text.matches("\npub union ").count();
    let checks = text.matches("offset_of!").count();
    println!("{types} types, {checks} members checked");
    assert!(types >= roots.len() && checks > 4 * types);
    if let Some(Err(why)) = compiled("vmlinux", &text) {
        panic!("{}", why.get(..4000).unwrap_or(&why));
    }
}

#[test]
#[ignore = "takes rustc a minute"]
fn all_of_the_kernels_types_have_the_layout_they_say() {
    let Some(btf) = kernel::vmlinux() else { return };
    checked("vmlinux-all", &btf);
}

#[test]
fn a_wrong_layout_does_not_compile() {
    let globals = include_bytes!("../../../testdata/globals.bpf.el.o");
    let btf = read_btf(globals.to_vec(), None).unwrap();
    let Some(text) = checked("right", &btf) else {
        return;
    };
    let at = text.find("    assert!(::core::mem::size_of").unwrap();
    let (before, after) = text.split_at(at);
    let wrong = format!("{before}{}", after.replacen(" == ", " == 1 + ", 1));
    let why = compiled("wrong", &wrong).unwrap().unwrap_err();
    assert!(why.contains("assertion failed"), "{why}");
}
