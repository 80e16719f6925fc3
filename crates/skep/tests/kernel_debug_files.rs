//! Functions of stripped programs and libraries, found by what files with their symbols say.

mod common;
#[path = "common/library.rs"]
mod library;
#[path = "common/probes.rs"]
mod probes;

use common::{host, load, need, own_mount, seen, skip};
use library::{Library, Loaded};
use probes::{cookie, many, probes, program};
use skep::codec::crc32::crc32;
use skep::link::{Uprobe, UprobeMulti};
use skep::{Error, ErrorKind, Link, Object, codec};
use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The function's name, which stripped files do not tell.
const NAME: &str = "skep_triple";
const LIB: &str = "/tmp/usr/lib/libtriple.so.1";
const DEBUG: &str = "/tmp/debug";
const ID: [u8; 4] = [0xab, 0xcd, 0x01, 0x23];

/// A stripped library with this id.
fn stripped(id: Option<&[u8]>) -> Library {
    Library {
        id: id.map(<[u8]>::to_vec),
        ..Library::default()
    }
}

/// The file with the symbols of such a library.
fn symbols(id: Option<&[u8]>) -> Library {
    Library {
        names: vec![NAME],
        no_code: true,
        ..stripped(id)
    }
}

fn put(path: &str, bytes: &[u8]) {
    fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Files of this test's own, below `/tmp`.
fn own_files() {
    own_mount("tmpfs").expect("tmpfs");
}

fn hook() -> Uprobe {
    Uprobe::new(LIB, NAME).debug_dir(DEBUG)
}

/// Called while attached and afterwards: seen once.
fn hit_once(object: &Object, link: Link, library: &Loaded) {
    let before = seen(object, "seen_uprobe").calls;
    library.triple(41);
    let after = seen(object, "seen_uprobe");
    assert_eq!((after.calls - before, after.value), (1, 41));
    drop(link);
    library.triple(42);
    assert_eq!(seen(object, "seen_uprobe").calls, after.calls);
}

/// That there is no such file, or none that fits.
fn refusal(object: &Object, hook: Uprobe) -> Error {
    let error = program(object, "user_entry").attach_to(hook).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    error
}

fn is_mismatch(error: &Error) -> bool {
    let kind = error.codec().map(codec::Error::kind);
    kind == Some(codec::ErrorKind::Mismatch)
}

#[test]
fn symbols_are_found_by_the_build_id() {
    own_files();
    put(LIB, &stripped(Some(&ID)).write());
    let system = host();
    let object = load(&system, &probes(&["user_entry"]));
    let library = Loaded::at(LIB, 0);
    let text = refusal(&object, hook()).to_string();
    assert!(
        text.ends_with(
            "no function `skep_triple`: it is stripped of its symbols, and there is no file with them: \
             in /tmp/debug none of build id abcd0123, and it names none"
        ),
        "{text}"
    );
    let path = format!("{DEBUG}/.build-id/ab/cd0123.debug");
    put(&path, &symbols(Some(&ID)).write());
    let entry = program(&object, "user_entry");
    let cookie = cookie(&system, 9);
    let link = entry.attach_to(hook().cookie(cookie)).unwrap();
    hit_once(&object, link, &library);
    assert_eq!(seen(&object, "seen_uprobe").cookie, cookie);
    // The second of two directories has it.
    let second = Uprobe::new(LIB, NAME)
        .debug_dir("/tmp/none")
        .debug_dir(DEBUG);
    hit_once(&object, entry.attach_to(second).unwrap(), &library);
    // What the file has not either.
    let error = refusal(&object, Uprobe::new(LIB, "skep_quadruple").debug_dir(DEBUG));
    assert!(!is_mismatch(&error), "{error}");
    for other in [Some(&[0xab, 0xcd, 0x01, 0x24][..]), None] {
        put(&path, &symbols(other).write());
        let error = refusal(&object, hook());
        assert!(is_mismatch(&error), "{error}");
        let id = other.map_or("none", |_| "abcd0124");
        let what = format!(
            "no function `skep_triple`: {path} is not the file with its symbols: \
             its build id is {id}, and not abcd0123"
        );
        assert!(error.to_string().ends_with(&what), "{error}");
    }
    put(&path, &stripped(Some(&ID)).write());
    let error = refusal(&object, hook());
    assert!(
        error.to_string().ends_with("symbols: it has none"),
        "{error}"
    );
    put(&path, b"#!/bin/sh");
    let error = program(&object, "user_entry")
        .attach_to(hook())
        .unwrap_err();
    assert!(error.to_string().contains("no ELF file"), "{error}");
}

#[test]
fn symbols_are_found_by_the_link() {
    own_files();
    let file = symbols(None).write();
    let linked = |crc32| Library {
        link: Some(("libtriple.debug".into(), crc32)),
        ..stripped(None)
    };
    put(LIB, &linked(crc32(&file)).write());
    // A name that leads there.
    std::os::unix::fs::symlink(LIB, "/tmp/lib.so").unwrap();
    let object = load(&host(), &probes(&["user_entry"]));
    let entry = program(&object, "user_entry");
    let library = Loaded::at(LIB, 0);
    let text = refusal(&object, hook()).to_string();
    let none = "it has no build id, nor libtriple.debug that it names (/tmp/debug)";
    assert!(text.ends_with(none), "{text}");
    for path in [
        "/tmp/usr/lib/libtriple.debug",
        "/tmp/usr/lib/.debug/libtriple.debug",
        "/tmp/debug/tmp/usr/lib/libtriple.debug",
    ] {
        put(path, &file);
        hit_once(&object, entry.attach_to(hook()).unwrap(), &library);
        let elsewhere = Uprobe::new("/tmp/lib.so", NAME).debug_dir(DEBUG);
        hit_once(&object, entry.attach_to(elsewhere).unwrap(), &library);
        put(path, &[&file[..], &[0]].concat());
        let error = refusal(&object, hook());
        assert!(is_mismatch(&error), "{error}");
        let what = format!(
            "{path} is not the file with its symbols: its CRC-32 is {:#010x}, and not {:#010x}",
            crc32(&[&file[..], &[0]].concat()),
            crc32(&file)
        );
        assert!(error.to_string().ends_with(&what), "{error}");
        fs::remove_file(path).unwrap();
    }
    // One of several that does not fit keeps nobody from one that does.
    put("/tmp/usr/lib/libtriple.debug", b"\x7fELF");
    put("/tmp/usr/lib/.debug/libtriple.debug", &file);
    hit_once(&object, entry.attach_to(hook()).unwrap(), &library);
    // A file that says it is its own.
    let own = Library {
        link: Some(("libtriple.so.1".into(), 1)),
        ..stripped(None)
    };
    put(LIB, &own.write());
    assert!(!is_mismatch(&refusal(&object, hook())));
}

#[test]
fn symbols_are_those_of_the_files_of_another_process() {
    own_files();
    let root = "/tmp/root";
    put(
        &format!("{root}/lib/libtriple.so"),
        &stripped(Some(&ID)).write(),
    );
    let path = format!("{root}/usr/lib/debug/.build-id/ab/cd0123.debug");
    put(&path, &symbols(Some(&ID)).write());
    let object = load(&host(), &probes(&["user_entry"]));
    let library = Loaded::at(&format!("{root}/lib/libtriple.so"), 0);
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).expect("own root directory");
        std::os::unix::fs::chroot(root).expect("another root");
        tell.send(nix::unistd::gettid().as_raw() as u32).unwrap();
        let _ = ended.recv();
    });
    let tid = told.recv().unwrap();
    let hook = Uprobe::new("/lib/libtriple.so", NAME).in_root_of(tid);
    let link = program(&object, "user_entry").attach_to(hook);
    drop(end);
    other.join().unwrap();
    hit_once(&object, link.unwrap(), &library);
}

#[test]
fn many_functions_of_a_stripped_file_are_found() {
    need!(LinkUprobeMulti);
    own_files();
    put(LIB, &stripped(Some(&ID)).write());
    let object = many(&["user_entries"]);
    let entries = program(&object, "user_entries");
    let library = Loaded::at(LIB, 0);
    let hooks = [
        UprobeMulti::matching(LIB, "skep_*"),
        UprobeMulti::functions(LIB, &[NAME]),
        UprobeMulti::matching(LIB, NAME),
    ]
    .map(|hook| hook.debug_dir(DEBUG));
    for hook in hooks.clone() {
        let error = entries.attach_to(hook).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("stripped of"), "{error}");
    }
    put(
        &format!("{DEBUG}/.build-id/ab/cd0123.debug"),
        &symbols(Some(&ID)).write(),
    );
    for hook in hooks {
        let link = entries.attach_to(hook).unwrap();
        let before = seen(&object, "seen_uprobe").calls;
        library.triple(1);
        assert_eq!(seen(&object, "seen_uprobe").calls, before + 1);
        drop(link);
        library.triple(2);
        assert_eq!(seen(&object, "seen_uprobe").calls, before + 1);
    }
    let none = UprobeMulti::matching(LIB, "none_*").debug_dir(DEBUG);
    let error = entries.attach_to(none).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// An xz file of bytes as they are.
fn xz(bytes: &[u8]) -> Vec<u8> {
    let sealed = |mut part: Vec<u8>| {
        part.resize(part.len().next_multiple_of(4), 0);
        let crc = crc32(&part).to_le_bytes();
        [part, crc.to_vec()].concat()
    };
    let header = sealed(vec![2, 0, 0x21, 1, 0, 0, 0, 0]);
    let mut block = header.clone();
    for (index, chunk) in bytes.chunks(1 << 16).enumerate() {
        block.push(if index == 0 { 1 } else { 2 });
        block.extend(((chunk.len() - 1) as u16).to_be_bytes());
        block.extend(chunk);
    }
    block.push(0);
    let packed = block.len();
    block.resize(packed.next_multiple_of(4), 0);
    block.extend(crc32(bytes).to_le_bytes());
    let number = |mut value: usize| {
        let mut bytes = Vec::new();
        while value > 0x7f {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    let mut index = vec![0, 1];
    index.extend(number(packed + 4));
    index.extend(number(bytes.len()));
    let index = sealed(index);
    let mut end = ((index.len() / 4 - 1) as u32).to_le_bytes().to_vec();
    end.extend([0, 1]);
    let crc = crc32(&end).to_le_bytes();
    let flags = crc32(&[0, 1]).to_le_bytes();
    let begin = [&b"\xfd7zXZ\0\0\x01"[..], &flags].concat();
    [begin, block, index, crc.to_vec(), end, b"YZ".to_vec()].concat()
}

#[test]
fn symbols_are_unpacked_out_of_the_file() {
    own_files();
    let file = symbols(None).write();
    let with = |packed: Vec<u8>| {
        let library = Library {
            packed: Some(packed),
            ..stripped(Some(&ID))
        };
        put(LIB, &library.write());
    };
    let object = load(&host(), &probes(&["user_entry"]));
    let entry = program(&object, "user_entry");
    let mut packed = vec![xz(&file)];
    // Others of this name unpack only.
    let version = Command::new("xz").arg("--version").output();
    if version.is_ok_and(|version| version.stdout.starts_with(b"xz (XZ Utils)")) {
        let mut child = Command::new("xz")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It reads all before it writes.
        child.stdin.take().unwrap().write_all(&file).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success());
        packed.push(done.stdout);
    }
    for packed in packed {
        with(packed);
        let library = Loaded::at(LIB, 0);
        hit_once(&object, entry.attach_to(hook()).unwrap(), &library);
        // A file that does not fit is no hindrance.
        put(
            "/tmp/debug/.build-id/ab/cd0123.debug",
            &symbols(None).write(),
        );
        hit_once(&object, entry.attach_to(hook()).unwrap(), &library);
        let missing = Uprobe::new(LIB, "skep_quadruple").debug_dir(DEBUG);
        let error = refusal(&object, missing);
        assert!(
            error.to_string().contains("look in .gnu_debugdata"),
            "{error}"
        );
    }
    let mut bad = xz(&file);
    let last = bad.len() / 2;
    bad[last] ^= 1;
    with(bad);
    let error = program(&object, "user_entry")
        .attach_to(hook())
        .unwrap_err();
    let what = "unpack .gnu_debugdata of /tmp/usr/lib/libtriple.so.1";
    assert!(error.to_string().contains(what), "{error}");
    assert!(
        error.to_string().contains("the checksum is another"),
        "{error}"
    );
}

/// What a stripped copy of this program is asked for.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn skep_stripped_target(number: u64) -> u64 {
    black_box(number.wrapping_mul(3))
}

#[test]
fn a_program_is_stripped_by_binutils() {
    const CHILD: &str = "SKEP_STRIPPED_CHILD";
    if std::env::var_os(CHILD).is_some() {
        // The copy: calls when it is told to.
        std::io::stdin().read_line(&mut String::new()).unwrap();
        let target: extern "C" fn(u64) -> u64 = black_box(skep_stripped_target);
        assert_eq!(target(7), 21);
        return;
    }
    if Command::new("objcopy").arg("--version").output().is_err() {
        skip!("no objcopy");
    }
    own_files();
    // Wherever it was started from.
    let own = format!("/proc/{}/exe", std::process::id());
    let objcopy = |args: &[&str]| {
        let done = Command::new("objcopy").args(args).status().unwrap();
        assert!(done.success(), "{args:?}");
    };
    fs::create_dir_all("/tmp/bin/.debug").unwrap();
    let (copy, debug) = ("/tmp/bin/copy", "/tmp/bin/.debug/copy.debug");
    objcopy(&["--only-keep-debug", &own, debug]);
    let link = format!("--add-gnu-debuglink={debug}");
    objcopy(&["--strip-all", &link, &own, copy]);
    let mut child = Command::new(copy)
        .args(["--exact", "a_program_is_stripped_by_binutils"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut spec = probes(&["user_entry"]);
    spec.variable("target_pid")
        .unwrap()
        .set(child.id())
        .unwrap();
    let object = load(&host(), &spec);
    let entry = program(&object, "user_entry");
    let hook = Uprobe::new(copy, "skep_stripped_target").debug_dir(DEBUG);
    fs::rename(debug, "/tmp/away").unwrap();
    let text = refusal(&object, hook.clone()).to_string();
    assert!(text.contains("nor copy.debug that it names"), "{text}");
    fs::rename("/tmp/away", debug).unwrap();
    let link = entry.attach_to(hook).unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    let seen = seen(&object, "seen_uprobe");
    assert_eq!((seen.calls, seen.value), (1, 7));
    drop(link);
}
