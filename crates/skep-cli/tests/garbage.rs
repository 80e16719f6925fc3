//! Files that are no BPF objects: a line that says so, status 1, never a crash.

mod common;
#[path = "../../../fuzz/src/random.rs"]
mod random;

use common::{Scratch, json_lines, run, stdout};
use random::Random;
use serde_json::{Value, json};

const KEYS: [&str; 11] = [
    "object",
    "program",
    "section",
    "opened",
    "loaded",
    "errno",
    "error",
    "insns",
    "verified_insns",
    "load_ns",
    "tag",
];
const RAWTP: &[u8] = include_bytes!("../../../testdata/rawtp.bpf.el.o");

/// `verify --json` of one file that cannot be opened: its only line.
fn refused(path: &str) -> Option<Value> {
    let output = run(&["verify", "--json", path])?;
    assert_eq!(output.status.code(), Some(1), "{path}");
    let lines = json_lines(&output);
    let [line] = lines.as_slice() else {
        panic!("{path}: {lines:?}");
    };
    let keys: Vec<_> = line.as_object().expect("an object").keys().collect();
    assert_eq!(keys, KEYS, "{path}");
    assert_eq!(line["object"], json!(path));
    assert_eq!(line["opened"], json!(false), "{path}");
    assert_eq!(line["loaded"], json!(false), "{path}");
    assert!(
        line["error"].as_str().is_some_and(|e| !e.is_empty()),
        "{line}"
    );
    assert_eq!(line["program"], Value::Null);
    Some(line.clone())
}

/// Bytes that look like nothing, the same every time.
fn random(len: usize) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..len).map(|_| random.next() as u8).collect()
}

/// The head of a PE file: the DOS header with the offset of `PE\0\0`.
fn pe() -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    bytes[0x84..0x86].copy_from_slice(&[0x64, 0x86]);
    bytes
}

#[test]
fn what_is_no_object_is_one_line() {
    let scratch = Scratch::new("garbage");
    let files: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("text", b"int main(void) { return 0; }\n"),
        ("random", &random(4096)),
        ("magic", b"\x7fELF"),
        ("pe.exe", &pe()),
        ("header", &RAWTP[..64]),
        ("half", &RAWTP[..RAWTP.len() / 2]),
    ];
    for (name, bytes) in files {
        if refused(&scratch.file(name, bytes)).is_none() {
            return;
        }
    }
}

#[test]
fn what_cannot_be_read_is_one_line() {
    for path in ["/", "/nonexistent/object.o", "/dev/null"] {
        if refused(path).is_none() {
            return;
        }
    }
}

#[test]
fn this_host_program_is_no_bpf_object() {
    refused(env!("CARGO_BIN_EXE_skep"));
}

#[test]
fn text_mode_has_a_line_for_every_file() {
    let Some(output) = run(&["verify", "/", "/nonexistent.o"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    let lines: Vec<_> = text.lines().collect();
    let [first, second] = lines.as_slice() else {
        panic!("{text}");
    };
    assert!(first.starts_with("FAIL  /: not opened: "), "{text}");
    assert!(
        second.starts_with("FAIL  /nonexistent.o: not opened: "),
        "{text}"
    );
}

#[test]
fn no_truncation_of_an_object_crashes() {
    let scratch = Scratch::new("truncated");
    for len in (0..RAWTP.len()).step_by(97) {
        let path = scratch.file("cut", &RAWTP[..len]);
        let Some(output) = run(&["verify", "--json", &path]) else {
            return;
        };
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{len}: {output:?}"
        );
        assert!(!json_lines(&output).is_empty(), "{len}");
        assert!(output.stderr.is_empty(), "{len}: {output:?}");
    }
}

#[test]
fn run_says_why_it_cannot_open() {
    let Some(output) = run(&["run", "/nonexistent.o"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(1));
    let text = common::stderr(&output);
    assert!(text.contains("/nonexistent.o"), "{text}");
    assert!(
        text.contains("ENOENT") || text.contains("No such file"),
        "{text}"
    );
}
