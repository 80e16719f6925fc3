//! Runs the binary.
#![allow(dead_code, reason = "not every test target uses every function")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, process};

/// The binary, unless this machine has only the test (a guest kernel).
pub(crate) fn skep() -> Option<Command> {
    let path = Path::new(env!("CARGO_BIN_EXE_skep"));
    if !path.exists() {
        println!("skep-skip: no skep binary here");
        return None;
    }
    let mut command = Command::new(path);
    command.env_remove("CLICOLOR_FORCE");
    Some(command)
}

/// Runs the binary to its end.
pub(crate) fn run(args: &[&str]) -> Option<Output> {
    Some(skep()?.args(args).output().expect("the binary starts"))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8 on standard output")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8 on standard error")
}

/// Every line of standard output as JSON.
pub(crate) fn json_lines(output: &Output) -> Vec<Value> {
    let text = stdout(output);
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(parse).collect()
}

/// A directory that is removed with all that is in it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("skep-cli-{name}-{}", process::id()));
        fs::create_dir_all(&path).expect("a directory for the test");
        Self(path)
    }

    /// Writes a file; its path.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a file for the test");
        path.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether tests that need root can run here; says why not.
pub(crate) fn root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let root = status.lines().any(|l| l.starts_with("Uid:\t0\t"));
    if !root {
        println!("skep-skip: needs root");
    }
    root
}
