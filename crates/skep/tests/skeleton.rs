//! Typed access to objects, compiled: what is generated for every committed object, in a crate of
//! its own that has `skep` without its default features.

use skep::codec::elf::Elf;
use skep::codec::skeleton::Skeleton;
use std::collections::BTreeSet;
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
    let (mut modules, mut texts, mut objects_seen) = (String::new(), BTreeSet::new(), 0);
    for path in objects() {
        objects_seen += 1;
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
            // The two byte orders mostly have the same.
            let number = texts.len();
            if texts.insert(text.replace(".eb.o", ".el.o")) {
                modules.push_str(&format!("/// {name}\npub mod m{number} {{\n{text}}}\n"));
            }
        }
    }
    if objects_seen == 0 {
        return;
    }
    assert!(
        texts.len() >= objects_seen,
        "{} of {objects_seen}",
        texts.len()
    );
    if let Some(Err(why)) = compiled("skeletons", &modules) {
        panic!("{}", why.get(..6000).unwrap_or(&why));
    }
}

/// The object with this symbol made weak.
fn weakened(mut bytes: Vec<u8>, name: &str) -> Vec<u8> {
    let elf = Elf::parse(&bytes, &mut Vec::new()).unwrap();
    let contents = |name| elf.section(name).unwrap().1.bytes().unwrap().to_vec();
    let (names, symbols) = (contents(".strtab"), contents(".symtab"));
    let place = |all: &[u8], part: &[u8]| all.windows(part.len()).position(|w| w == part).unwrap();
    let at = place(&names, format!("\0{name}\0").as_bytes()) as u32 + 1;
    let begin = place(&bytes, &symbols);
    for symbol in (begin..begin + symbols.len()).step_by(24) {
        if bytes[symbol..symbol + 4] == at.to_le_bytes() {
            bytes[symbol + 4] = 2 << 4 | bytes[symbol + 4] & 0xf;
        }
    }
    bytes
}

#[test]
fn a_part_may_do_without_what_is_weak_or_not_loaded() {
    let partial = Skeleton {
        partial: true,
        ..Skeleton::default()
    };
    let needed = |bytes: &[u8]| {
        let text = partial.to_rust(bytes, "part.bpf.o").unwrap();
        let names = text.split("\nconst NAMES: ").nth(1).unwrap().to_owned();
        names.split("\n};").next().unwrap().to_owned()
    };
    let Ok(half) = fs::read(testdata().join("linked2.bpf.el.o")) else {
        println!("skep-skip: no objects here");
        return;
    };
    let before = needed(&half);
    let variables = ["(\"bonus\", 4)", "(\"factor\", 4)", "(\"apart\", 4)"];
    assert!(
        variables.iter().all(|name| before.contains(name)),
        "{before}"
    );
    // Of its file only: others may have another one.
    assert!(!before.contains("twin_data"), "{before}");
    let after = needed(&weakened(half, "bonus"));
    assert_eq!(after, before.replace("        (\"bonus\", 4),\n", ""));

    let ops = needed(&fs::read(testdata().join("ops.bpf.el.o")).unwrap());
    assert!(
        ops.contains("\"skep_first\"") && !ops.contains("\"skep_odd\""),
        "{ops}"
    );
    let externs = needed(&fs::read(testdata().join("externs.bpf.el.o")).unwrap());
    assert!(
        externs.contains("\"config\"") && !externs.contains("\"symbols\""),
        "{externs}"
    );
}

/// A committed object in which names are replaced by others of the same length, wherever they are.
fn renamed(object: &str, names: &[(&str, &str)]) -> Option<Vec<u8>> {
    let Ok(mut bytes) = fs::read(testdata().join(object)) else {
        println!("skep-skip: no objects here");
        return None;
    };
    for (old, new) in names {
        assert_eq!(old.len(), new.len(), "{old} {new}");
        let mut count = 0;
        while let Some(at) = bytes.windows(old.len()).position(|w| w == old.as_bytes()) {
            bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
            count += 1;
        }
        assert!(count > 0, "{old}");
    }
    Some(bytes)
}

#[test]
fn names_are_never_code() {
    let evil = [
        ("\0target_pid\0", "\0\"+evil()+\"\0"),
        ("\0events\0", "\0*/}{//\0"),
        ("\0dropped\0", "\0`]#![a}\0"),
        ("\0count\0", "\0\u{202e}fn\0"),
        ("\0hits\0", "\0self\0"),
        ("\0event\0", "\0usize\0"),
        ("\0time_ns\0", "\0a\\\n\\n\"{\0"),
        ("\0pid\0", "\0use\0"),
        ("\0tid\0", "\0a.b\0"),
        ("\0syscall\0", "\0__bytes\0"),
    ];
    let shadows = [
        ("\0point\0", "\0Clone\0"),
        ("\0config\0", "\0Option\0"),
        ("\0mode\0", "\0Some\0"),
        ("\0rw_u8\0", "\0match\0"),
        ("\0ro_u8\0", "\0r.u_8\0"),
        ("\0ro_s8\0", "\0r_u.8\0"),
        ("\0ro_u32\0", "\0set_me\0"),
        ("\0rw_u32\0", "\0set__z\0"),
    ];
    let evil = renamed("rawtp.bpf.el.o", &evil);
    let (Some(evil), Some(shadows)) = (evil, renamed("globals.bpf.el.o", &shadows)) else {
        return;
    };
    let mut modules = String::new();
    for (number, bytes) in [evil, shadows].iter().enumerate() {
        let hostile = Skeleton {
            name: Some("Some\"\n}"),
            types: &["usize"][..usize::from(number == 0)],
            ..Skeleton::default()
        };
        let text = hostile.to_rust(bytes, "a\nb.bpf.o").unwrap();
        assert!(text.is_ascii() && text.lines().all(|line| !line.starts_with("evil")));
        if number == 0 {
            for note in [
                "    /// `\\\"+evil()+\\\"`, 4 bytes.\n    pub fn __evil____(&mut self)",
                "    /// `*/}{//`: ringbuf.\n    pub fn ______(self)",
                "is left out: no such name",
                "pub fn self_(&mut self)",
            ] {
                assert!(text.contains(note), "{note}: {text}");
            }
        }
        let same = "// Note: the variable `r_u.8` is called `r_u_8___2`.\n";
        assert!(number == 0 || text.contains(same), "{text}");
        modules.push_str(&format!("/// Hostile.\npub mod m{number} {{\n{text}}}\n"));
    }
    if let Some(Err(why)) = compiled("hostile", &modules) {
        panic!("{}", why.get(..6000).unwrap_or(&why));
    }
}
