//! Runs the binary.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "not every test target uses every function"
)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::{env, fs, process};

/// The bytes of a file of the test data.
macro_rules! testdata {
    ($($name:literal),+) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/", $($name),+))
    };
}
pub(crate) use testdata;

/// The committed object of this name, in this machine's byte order: its name and its bytes.
macro_rules! object {
    ($name:literal) => {{
        #[cfg(target_endian = "little")]
        let bytes: &[u8] = $crate::common::testdata!($name, ".bpf.el.o");
        #[cfg(target_endian = "big")]
        let bytes: &[u8] = $crate::common::testdata!($name, ".bpf.eb.o");
        ($name, bytes)
    }};
}
pub(crate) use object;

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

/// A child that is ended when the test is.
pub(crate) struct Running(Option<Child>);

impl Running {
    /// Starts it, its output to be read.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().expect("the binary starts")))
    }

    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("runs")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.as_ref().expect("runs").id()
    }

    /// What it prints, line by line.
    pub(crate) fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.child().stdout.take().expect("piped")).lines()
    }

    /// What it says on standard error.
    pub(crate) fn errors(&mut self) -> BufReader<ChildStderr> {
        BufReader::new(self.child().stderr.take().expect("piped"))
    }

    pub(crate) fn interrupt(&self) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill").success());
    }

    /// Its status after an interrupt.
    pub(crate) fn interrupted(&mut self) -> Option<i32> {
        self.interrupt();
        self.child().wait().expect("ends").code()
    }

    pub(crate) fn finish(mut self) -> Output {
        let child = self.0.take().expect("runs");
        child.wait_with_output().expect("ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
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
