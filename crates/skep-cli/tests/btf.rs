//! `skep btf`: types of objects and of the running kernel.

mod common;

use common::{Scratch, json_lines, run, stderr, stdout};
use serde_json::json;
use skep::codec::btf::{Btf, BtfBuilder, Int, Kind, Member, Type, TypeId};
use skep::codec::bytes::Endian;
use skep::codec::elf::read_btf;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::{Command, Output};
use std::sync::Arc;

const GLOBALS: &[u8] = include_bytes!("../../../testdata/globals.bpf.el.o");
const GLOBALS_BIG: &[u8] = include_bytes!("../../../testdata/globals.bpf.eb.o");
const CORE: &[u8] = include_bytes!("../../../testdata/core.bpf.el.o");
const KMOD: &[u8] = include_bytes!("../../../testdata/kmod.bpf.el.o");
const KERNEL: &str = "/sys/kernel/btf/vmlinux";

/// The output of a command that must succeed.
fn answered(args: &[&str]) -> Option<Output> {
    let output = run(args)?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    Some(output)
}

fn kernel_btf() -> Option<Btf> {
    let Ok(bytes) = std::fs::read(KERNEL) else {
        println!("skep-skip: no {KERNEL}");
        return None;
    };
    Some(read_btf(bytes, None).expect("the kernel's BTF"))
}

#[test]
fn an_objects_types_are_printed_a_line_each() {
    let scratch = Scratch::new("btf-dump");
    let little = scratch.file("le.o", GLOBALS);
    let big = scratch.file("be.o", GLOBALS_BIG);
    let Some(output) = answered(&["btf", "dump", &little]) else {
        return;
    };
    let text = stdout(&output);
    let btf = read_btf(GLOBALS.to_vec(), None).unwrap();
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(heads.len(), btf.iter().count());
    let int = heads
        .iter()
        .find(|line| line.contains("'int'"))
        .expect("int");
    let rest = int.split_once(' ').unwrap().1;
    assert_eq!(
        rest,
        "INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED"
    );
    let other = answered(&["btf", "dump", &big]).unwrap();
    assert_eq!(stdout(&other), text, "the byte order is no matter");
    let rows = json_lines(&answered(&["btf", "dump", "--json", &little]).unwrap());
    assert_eq!(rows.len(), heads.len());
    for (row, ty) in rows.iter().zip(btf.iter()) {
        assert_eq!(row["id"], json!(ty.id().0));
        let members = ty.members().map(|m| m.unwrap());
        let offsets: Vec<u32> = members.map(|m| m.bit_offset).collect();
        let seen = row["members"].as_array().into_iter().flatten();
        let seen: Vec<_> = seen.map(|member| member["bits_offset"].clone()).collect();
        assert_eq!(json!(seen), json!(offsets), "{row}");
    }
}

#[test]
fn the_bytes_come_out_as_they_are() {
    let scratch = Scratch::new("btf-raw");
    let object = scratch.file("x.o", CORE);
    let Some(output) = answered(&["btf", "dump", "--raw", &object]) else {
        return;
    };
    let btf = read_btf(CORE.to_vec(), None).unwrap();
    assert_eq!(output.stdout, btf.as_bytes());
    let raw = scratch.file("x.btf", &output.stdout);
    let again = answered(&["btf", "dump", &raw]).unwrap();
    let direct = answered(&["btf", "dump", &object]).unwrap();
    assert_eq!(stdout(&again), stdout(&direct));
}

#[test]
fn what_cannot_be_read_is_told() {
    let scratch = Scratch::new("btf-wrong");
    let garbage = scratch.file("garbage", b"neither");
    for (args, says) in [
        (vec!["btf", "dump", "/nonexistent"], "No such file"),
        (vec!["btf", "dump", &garbage], "no BTF magic number"),
        (vec!["btf", "c", &garbage], "no BTF magic number"),
        (
            vec!["btf", "min", &garbage, "--btf", &garbage, "-o", "x"],
            "no BTF magic",
        ),
    ] {
        let Some(output) = run(&args) else { return };
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let text = stderr(&output);
        assert!(text.contains(says), "{args:?}: {text}");
    }
    let object = scratch.file("x.o", CORE);
    let output = run(&["btf", "c", &object, "--root", "nonesuch"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("`nonesuch`"));
}

/// A struct with all that it needs, and nothing else.
#[test]
fn a_root_brings_what_it_needs() {
    if kernel_btf().is_none() {
        return;
    }
    let Some(output) = answered(&["btf", "c", "--root", "list_head", "--guard", "MINE_H"]) else {
        return;
    };
    let text = stdout(&output);
    assert!(
        text.starts_with("#ifndef MINE_H\n#define MINE_H\n"),
        "{text}"
    );
    assert_eq!(text.matches("struct list_head {").count(), 1, "{text}");
    assert!(text.lines().count() < 30, "{text}");
    let rust = stdout(&answered(&["btf", "rust", "--root", "list_head"]).unwrap());
    let fields =
        "    pub next: u64, // struct list_head *\n    pub prev: u64, // struct list_head *\n";
    let declared = format!("\npub struct list_head {{\n{fields}}}\n");
    assert_eq!(rust.matches(&declared).count(), 1, "{rust}");
    assert_eq!(rust.matches("pub ").count(), 3, "{rust}");
}

#[test]
fn a_small_part_of_the_kernels_types_is_written() {
    let Some(kernel) = kernel_btf() else { return };
    let scratch = Scratch::new("btf-min");
    let object = scratch.file("core.o", CORE);
    let small = scratch.file("min.btf", b"");
    if answered(&["btf", "min", &object, "-o", &small]).is_none() {
        return;
    }
    let small = read_btf(std::fs::read(small).unwrap(), None).unwrap();
    let size = |btf: &Btf| {
        let id = btf
            .find("task_struct", Some(Kind::Struct))
            .expect("task_struct");
        btf.ty(id).unwrap().size()
    };
    assert_eq!(size(&small), size(&kernel));
    assert!(small.iter().count() < 500, "{} types", small.iter().count());
}

/// `struct skep_test_state` as `kmod.bpf.c` wants it, or an older one without what it wants.
fn state(b: &mut BtfBuilder, members: usize) {
    let int = |signed, bits| Int {
        signed,
        char: false,
        bool: false,
        offset: 0,
        bits,
    };
    let word = b.add_int("unsigned int", 4, int(false, 32));
    let long = b.add_int("long long unsigned int", 8, int(false, 64));
    let member = |name, ty, bit_offset| Member {
        name,
        ty,
        bit_offset,
        bit_size: 0,
    };
    let all = [
        member("magic", word, 0),
        member("runs", word, 32),
        member("last", long, 64),
    ];
    b.add_struct("skep_test_state", 16, &all[..members]);
}

#[test]
fn modules_are_looked_into_for_what_the_kernel_lacks() {
    let scratch = Scratch::new("btf-min-modules");
    let object = scratch.file("kmod.o", KMOD);
    let written =
        |name: &str, b: &BtfBuilder| scratch.file(name, &b.to_bytes(Endian::Little).unwrap());
    let mut empty = BtfBuilder::new();
    empty.add_typedef("nothing", TypeId::VOID);
    let mut old = BtfBuilder::new();
    state(&mut old, 2);
    let (kernel, old) = (written("vmlinux", &empty), written("old", &old));
    let on = |kernel: &str, name: &str| {
        let base = read_btf(std::fs::read(kernel).unwrap(), None).unwrap();
        let mut b = BtfBuilder::split(Arc::new(base));
        state(&mut b, 3);
        written(name, &b)
    };
    let (module, of_old) = (on(&kernel, "one"), on(&old, "two"));
    let garbage = scratch.file("garbage", b"no types");
    let small = scratch.file("min.btf", b"");
    let members = |args: &[&str]| {
        let all = [&["btf", "min", &object, "-o", &small, "--btf"], args].concat();
        let output = answered(&all)?;
        let btf = read_btf(std::fs::read(&small).unwrap(), None).unwrap();
        let found = btf.iter().filter(|ty| ty.name() == Ok("skep_test_state"));
        let names = found.map(|ty| ty.members().map(|m| m.unwrap().name.to_owned()).collect());
        let names: Vec<Vec<String>> = names.collect();
        Some((names, stderr(&output)))
    };
    let Some(without) = members(&[&kernel]) else {
        return;
    };
    assert_eq!(without, (vec![], String::new()));
    // What the object reads of it.
    let all = vec![["magic", "runs", "last"].map(str::to_owned).to_vec()];
    let args = [&kernel, "--module", &garbage, "--module", &module];
    let (found, said) = members(&args).unwrap();
    assert_eq!(found, all);
    assert!(
        said.starts_with("note: left out: ") && said.contains("garbage"),
        "{said}"
    );
    // The kernel's own counts, whatever it lacks.
    let (found, said) = members(&[&old, "--module", &of_old]).unwrap();
    let two = vec![["magic", "runs"].map(str::to_owned).to_vec()];
    assert_eq!((found, said), (two, String::new()));
}

/// The whole header, compiled: every struct and union whose name is its own has the kernel's size,
/// every member its place, bit-fields too.
#[test]
fn the_kernels_header_compiles_to_the_kernels_layouts() {
    let Some(kernel) = kernel_btf() else { return };
    if Command::new("clang-19").arg("--version").output().is_err() {
        println!("skep-skip: no clang-19");
        return;
    }
    let Some(output) = answered(&["btf", "c"]) else {
        return;
    };
    let scratch = Scratch::new("btf-c");
    scratch.file("vmlinux.h", &output.stdout);
    let kernel = kernel.indexed().unwrap();
    let mut named: BTreeMap<&str, Vec<Type<'_>>> = BTreeMap::new();
    // Structs, unions and enums share their names in C.
    let is_tag = |ty: &Type<'_>| ty.kind().is_composite() || ty.kind().is_enum();
    for ty in kernel.iter().filter(is_tag) {
        named.entry(ty.name().unwrap()).or_default().push(ty);
    }
    let own = named
        .iter()
        .filter(|(name, all)| !name.is_empty() && all.len() == 1);
    let own = own.map(|(name, all)| (*name, all[0]));
    let own: Vec<(&str, Type<'_>)> = own.filter(|(_, ty)| ty.kind().is_composite()).collect();
    assert!(own.len() > 1000, "{} structs", own.len());
    let mut source = String::from("#include \"vmlinux.h\"\n");
    let mut fields: Vec<&Type<'_>> = Vec::new();
    for (name, ty) in &own {
        let keyword = if ty.kind() == Kind::Union {
            "union"
        } else {
            "struct"
        };
        let size = ty.size().unwrap();
        let _ = writeln!(
            source,
            "_Static_assert(sizeof({keyword} {name}) == {size}, \"\");"
        );
        for member in ty.members().map(|member| member.unwrap()) {
            if member.bit_size == 0 && !member.name.is_empty() {
                let (field, at) = (member.name, member.bit_offset / 8);
                let _ = writeln!(
                    source,
                    "_Static_assert(__builtin_offsetof({keyword} {name}, {field}) == {at}, \"\");"
                );
            }
        }
        if ty.members().any(|member| member.unwrap().bit_size != 0) {
            let _ = writeln!(source, "{keyword} {name} variable_{};", fields.len());
            fields.push(ty);
        }
    }
    let compiled = compile(&scratch, &source);
    assert!(
        fields.len() > 50,
        "{} structs with bit-fields",
        fields.len()
    );
    for ty in fields {
        let name = ty.name().unwrap();
        let other = compiled.find(name, Some(ty.kind())).expect(name);
        let other = compiled.ty(other).unwrap();
        assert_eq!(bit_fields(&other), bit_fields(ty), "{name}");
    }
}

fn bit_fields<'a>(ty: &Type<'a>) -> Vec<(&'a str, u32, u8)> {
    let members = ty.members().map(|member| member.unwrap());
    // Bit-fields without a name are padding.
    let members = members.filter(|member| member.bit_size != 0 && !member.name.is_empty());
    members
        .map(|m| (m.name, m.bit_offset, m.bit_size))
        .collect()
}

fn compile(scratch: &Scratch, source: &str) -> Btf {
    let (from, to) = (scratch.file("x.c", b""), scratch.file("x.o", b""));
    std::fs::write(&from, source).expect("writing");
    let target = if cfg!(target_endian = "big") {
        "bpfeb"
    } else {
        "bpfel"
    };
    let output = Command::new("clang-19")
        .args(["-target", target, "-g", "-O0", "-c", &from, "-o", &to])
        .args(["-DBPF_NO_PRESERVE_ACCESS_INDEX", "-ferror-limit=5"])
        .output()
        .expect("clang");
    assert!(output.status.success(), "{}", stderr(&output));
    read_btf(std::fs::read(to).expect("the object"), None).expect("its BTF")
}
