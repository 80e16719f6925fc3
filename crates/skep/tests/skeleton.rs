//! Typed access to objects, compiled: what is generated for every committed object, in a crate of
//! its own that has `skep` without its default features.

use skep::codec::skeleton::Skeleton;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// The committed objects; none, said, on a machine that has only the tests.
fn objects() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(testdata()) else {
        println!("skep-skip: no objects here");
        return vec![];
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "o"));
    paths.sort();
    paths
}

/// Compiles modules in a crate of their own, with clippy where there is one; what rustc complains
/// of. `None` where there is no cargo.
fn compiled(name: &str, modules: &str) -> Option<Result<(), String>> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(dir.join("src")).unwrap();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = manifest.join("../../Cargo.lock");
    let Ok(lock) = fs::read(lock) else {
        println!("skep-skip: no sources here");
        return None;
    };
    fs::write(dir.join("Cargo.lock"), lock).unwrap();
    let skep = manifest.display();
    let text = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
         [dependencies]\nskep = {{ path = \"{skep}\", default-features = false }}\n\n[workspace]\n"
    );
    fs::write(dir.join("Cargo.toml"), text).unwrap();
    let head = "#![no_std]\n#![deny(warnings, missing_docs, unreachable_pub)]\n#![forbid(unsafe_code)]\n//! Typed.\n";
    fs::write(dir.join("src/lib.rs"), format!("{head}{modules}")).unwrap();
    let has_clippy = Command::new("cargo").args(["clippy", "-V"]).output();
    let verb = match has_clippy {
        Err(_) => {
            println!("skep-skip: no cargo here");
            return None;
        }
        Ok(output) if output.status.success() => "clippy",
        Ok(_) => "check",
    };
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&dir).args([verb, "--quiet", "--offline"]);
    // One for all: the library is compiled once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skeleton-target");
    cargo
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS");
    let output = cargo.output().unwrap();
    Some(match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    })
}

/// The file of this name in the crate, and what is generated for it.
fn generated(file: &str, object: &str, wanted: &Skeleton<'_>) -> Option<(String, String)> {
    let there = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
    let bytes = fs::read(testdata().join(format!("{object}.bpf.el.o")));
    let (Ok(there), Ok(bytes)) = (there, bytes) else {
        println!("skep-skip: no sources here");
        return None;
    };
    let text = wanted.to_rust(&bytes, &format!("{object}.bpf.el.o"));
    Some((there, text.unwrap()))
}

#[test]
fn committed_files_are_what_is_generated() {
    let example = ("examples/typed/rawtp.rs", "rawtp", [("events", "event")]);
    let tests = [
        ("tests/typed/globals.rs", "globals"),
        ("tests/typed/kconfig.rs", "kconfig"),
        ("tests/typed/ops.rs", "ops"),
        ("tests/typed/views.rs", "views"),
    ];
    let tests = tests.iter().map(|(file, object)| (*file, *object, &[][..]));
    let all = [(example.0, example.1, &example.2[..])];
    for (file, object, records) in all.into_iter().chain(tests) {
        let path = |endian| format!("../../../../testdata/{object}.bpf.{endian}.o");
        let (little, big) = (path("el"), path("eb"));
        let wanted = Skeleton {
            embed: Some(&little),
            embed_be: Some(&big),
            records,
            ..Skeleton::default()
        };
        let Some((there, text)) = generated(file, object, &wanted) else {
            return;
        };
        let how = format!("skep obj rust {object}.bpf.el.o --embed {little} --embed-be {big}");
        assert!(there == text, "{file} is another than `{how}` prints");
    }
    let wanted = Skeleton {
        partial: true,
        ..Skeleton::default()
    };
    let file = "tests/typed/linked2.rs";
    let (there, text) = generated(file, "linked2", &wanted).unwrap();
    assert!(
        there == text,
        "{file} is another than `skep obj rust --partial` prints"
    );
}

#[test]
fn every_object_gets_rust_that_compiles() {
    let (mut modules, mut count) = (String::new(), 0);
    for path in objects() {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        let embed = path.display().to_string();
        let whole = Skeleton {
            embed: Some(&embed),
            ..Skeleton::default()
        };
        let partial = Skeleton {
            partial: true,
            ..Skeleton::default()
        };
        for skeleton in [whole, partial] {
            let text = skeleton.to_rust(&bytes, &name).unwrap();
            assert_eq!(
                skeleton.to_rust(&bytes, &name).unwrap(),
                text,
                "the same every time"
            );
            assert!(text.is_ascii(), "{name}");
            modules.push_str(&format!("/// {name}\npub mod m{count} {{\n{text}}}\n"));
            count += 1;
        }
    }
    if count == 0 {
        return;
    }
    assert!(count > 100, "{count} modules");
    if let Some(Err(why)) = compiled("skeletons", &modules) {
        panic!("{}", why.get(..6000).unwrap_or(&why));
    }
}
