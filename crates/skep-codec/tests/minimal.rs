//! Minimal BTF of a kernel: every relocation comes to the same answer with it as with the whole.
#![cfg(feature = "btf-edit")]

mod kernel;

use kernel::vmlinux;
use skep_codec::ErrorKind;
use skep_codec::btf::{Btf, BtfExt, CoreKind, CoreRelo, Kind};
use skep_codec::bytes::Endian;
use skep_codec::core_reloc::{Minimal, Resolution, Resolver};
use skep_codec::elf::Elf;

#[path = "../../../fuzz/src/seeds.rs"]
#[allow(dead_code, unreachable_pub, reason = "a library in the fuzz workspace")]
mod seeds;

/// What a relocation comes to, but for ids of types and words of failures.
fn outcome(resolver: &mut Resolver<'_>, relo: &CoreRelo) -> String {
    match resolver.resolve(relo) {
        Ok(Resolution::Value(mut value)) => {
            if relo.kind == CoreKind::TypeIdTarget {
                value.target = u64::from(value.target != 0);
            }
            let access = value
                .access
                .map(|a| (a.local_bytes, a.target_bytes, a.refused.is_some()));
            format!(
                "{} {} {} {access:?}",
                value.local, value.target, value.check_local
            )
        }
        Ok(Resolution::Failed(failure)) => format!("failed {}", failure.asked()),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// Checks all relocations of the objects; returns how many found their field, and how many did not.
fn assert_same(kernel: &Btf, objects: &[(String, Vec<u8>)]) -> (usize, usize, Btf) {
    let mut minimal = Minimal::new(kernel);
    for (_, object) in objects {
        minimal.add_object(object).unwrap();
    }
    let small = minimal.build().unwrap().to_btf(kernel.endian()).unwrap();
    let (mut found, mut failed) = (0, 0);
    for (name, object) in objects {
        let elf = Elf::parse(object, &mut Vec::new()).unwrap();
        let bytes = |name: &str| {
            elf.section(name)
                .map(|(_, section)| section.bytes().unwrap())
        };
        let (Some(types), Some(ext)) = (bytes(".BTF"), bytes(".BTF.ext")) else {
            continue;
        };
        let local = Btf::from_bytes(types).unwrap();
        let ext = BtfExt::parse(ext, &local).unwrap();
        let relos = || ext.all_core_relos();
        let [mut whole, mut part] = [kernel, &small].map(|target| {
            let mut resolver = Resolver::new(&local, relos());
            resolver.add_target("vmlinux", target);
            resolver
        });
        for relo in relos() {
            let (expected, seen) = (outcome(&mut whole, relo), outcome(&mut part, relo));
            assert_eq!(seen, expected, "{name}: {}", whole.describe(relo));
            match seen.starts_with("failed") {
                true => failed += 1,
                false => found += 1,
            }
        }
    }
    (found, failed, small)
}

#[test]
fn objects_relocate_to_the_same_with_a_small_part_of_the_kernels_types() {
    let Some(kernel) = vmlinux() else { return };
    let native =
        |(_, object): &(String, Vec<u8>)| (object[5] == 1) == (Endian::NATIVE == Endian::Little);
    let objects: Vec<_> = seeds::objects().into_iter().filter(native).collect();
    let (found, failed, small) = assert_same(&kernel, &objects);
    assert!(found > 30 && failed > 0, "{found} found, {failed} failed");
    let (part, all) = (small.as_bytes().len(), kernel.as_bytes().len());
    assert!(part * 200 < all, "{part} of {all} bytes");
    // Structs are as large as they are, with the members that are asked for.
    let task = |btf: &Btf| {
        let id = btf.find("task_struct", Some(Kind::Struct)).unwrap();
        let ty = btf.ty(id).unwrap();
        let place = |name| {
            let named = ty.members().map(|m| m.unwrap()).find(|m| m.name == name);
            named.map(|member| member.bit_offset)
        };
        (ty.size(), place("pid"), place("comm"))
    };
    assert_eq!(task(&small), task(&kernel));
    assert!(small.iter().all(|ty| ty.kind() != Kind::Func));
}

#[test]
fn files_that_are_no_objects_are_refused() {
    let Some(kernel) = vmlinux() else { return };
    let mut minimal = Minimal::new(&kernel);
    let error = minimal.add_object(b"\x7fELF and nothing else").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    let nothing = minimal.build().unwrap().to_btf(Endian::Little).unwrap();
    assert_eq!(nothing.iter().count(), 0);
}

/// Third-party objects: a directory of them in `SKEP_OBJECTS`.
#[test]
fn objects_of_others_relocate_to_the_same() {
    let Some(kernel) = vmlinux() else { return };
    let Some(dir) = std::env::var_os("SKEP_OBJECTS") else {
        println!("skep-skip: SKEP_OBJECTS names no directory of objects");
        return;
    };
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_object = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "o");
    let objects: Vec<_> = entries
        .filter(is_object)
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    let (found, failed, small) = assert_same(&kernel, &objects);
    println!(
        "{} objects: {found} found, {failed} failed, {} types",
        objects.len(),
        small.iter().count()
    );
}
