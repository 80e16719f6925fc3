//! The module of `testdata/kmod`: a struct of functions, a variable and a function that no kernel
//! has itself.

mod common;

use common::{host, load, object, run, skip};
use skep::{ErrorKind, Object, ObjectSpec, plain};
use std::fs;
use std::path::Path;

const RUN: &str = "/sys/kernel/skep_test/run";
const MAGIC: u32 = 0x736b_6570;

plain! {
    /// `seen` of `kmod.bpf.c`.
    #[derive(Debug)]
    struct Seen {
        magic: u32,
        runs: u32,
        last: u64,
        mixed: u64,
        done: u64,
        has_type: u32,
        last_offset: u32,
    }
}

fn seen(object: &Object) -> Seen {
    object.global("seen").unwrap().read().unwrap()
}

/// Whether the module is there: it is not built for every kernel.
fn is_there() -> bool {
    Path::new(RUN).exists()
}

/// The object with these of its structs alone.
fn with(structs: &[&str]) -> ObjectSpec {
    let mut spec = object!("kmod");
    for name in ["by_map", "first", "second"] {
        spec.map_mut(name).unwrap().autocreate = structs.contains(&name);
    }
    spec
}

/// Has the module call the functions of the struct that is registered, and tells their answer.
fn call(number: u64) -> std::io::Result<u64> {
    fs::write(RUN, number.to_string())?;
    Ok(fs::read_to_string(RUN)?.trim().parse().unwrap())
}

fn nobody_answers() -> bool {
    call(1).unwrap_err().kind() == std::io::ErrorKind::NotFound
}

#[test]
fn a_struct_of_a_module_is_made_of_programs() {
    if !is_there() {
        skip!("no module skep_test");
    }
    let object = load(&host(), &with(&["by_map"]));
    let ops = object.struct_ops_map("by_map").unwrap();
    assert_eq!((ops.programs().len(), ops.has_link()), (2, false));
    assert!(nobody_answers());
    let links = object.attach_all().unwrap();
    assert_eq!(links.len(), 1);
    // apply calls the module's function: 14 * 3 + 1.
    assert_eq!(call(14).unwrap(), 43);
    let before = seen(&object);
    assert_eq!((before.magic, before.last, before.done), (MAGIC, 14, 43));
    assert_eq!(call(15).unwrap(), 46);
    let after = seen(&object);
    assert_eq!((after.runs, after.last), (before.runs + 1, 15));
    // What the kernel has of it, by the module's own type.
    let value = ops.map().lookup(&[0; 4]).unwrap().unwrap();
    let (btf, _, ty) = ops.map().types().unwrap().unwrap();
    let text = btf.decode(ty, &value).unwrap().to_string();
    assert!(text.contains("factor = 3"), "{text}");
    drop(links);
    assert!(nobody_answers());
}

#[test]
fn a_struct_of_a_module_is_swapped_under_its_link() {
    if !is_there() {
        skip!("no module skep_test");
    }
    let mut spec = with(&["first", "second"]);
    spec.variable("second.factor")
        .unwrap()
        .set(100_u32)
        .unwrap();
    let object = load(&host(), &spec);
    let (first, second) = (
        object.struct_ops_map("first").unwrap(),
        object.struct_ops_map("second").unwrap(),
    );
    assert_eq!((first.programs().len(), second.programs().len()), (1, 2));
    let mut link = first.attach().unwrap();
    assert!(link.is_bpf_link());
    assert_eq!(call(2).unwrap(), 2 * 5 + 1);
    assert_eq!(seen(&object).done, 0, "the first has no function `done`");
    link.update_struct_ops(second).unwrap();
    assert_eq!(call(2).unwrap(), 102);
    assert_eq!(seen(&object).done, 102);
    drop(link);
    assert!(nobody_answers());
}

#[test]
fn a_member_that_a_modules_struct_lacks_is_named() {
    if !is_there() {
        skip!("no module skep_test");
    }
    let mut spec = with(&["by_map"]);
    let mut member = spec.variable("by_map.no_such_member").unwrap();
    member.set(1_u64).unwrap();
    let error = spec.load(&host()).unwrap_err();
    let error = &error.map_failures()[0].error;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let want = "map `by_map`: member `no_such_member`: it is set, and this kernel's struct \
                skep_test_ops has none";
    assert_eq!(error.to_string(), want);
}

#[test]
fn a_modules_variable_is_read_and_its_function_called() {
    if !is_there() {
        skip!("no module skep_test");
    }
    let mut spec = with(&[]);
    spec.program_mut("look").unwrap().autoload = true;
    let object = load(&host(), &spec);
    assert_eq!(run(&object, "look"), 2, "XDP_PASS");
    let seen = seen(&object);
    assert_eq!((seen.magic, seen.mixed), (MAGIC, 6 * 7 + 1));
    assert_eq!((seen.has_type, seen.last_offset), (1, 8));
}
