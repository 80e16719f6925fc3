//! Running other programs.

use crate::Result;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let xtask = std::env::var("CARGO_MANIFEST_DIR");
    let xtask = xtask.unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask)
        .parent()
        .map_or_else(|| ".".into(), Path::to_path_buf)
}

/// Where cargo builds.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where things that outlive a build are kept: kernels, package lists, cross toolchains.
pub(crate) fn cache_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("SKEP_CACHE") {
        return root().join(dir);
    }
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into());
    Path::new(&home).join(".cache/skep")
}

/// Whether this run is a CI run, where what cannot run is a failure.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|v| v == "true" || v == "1")
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|l| l.strip_prefix("Uid:"));
    uid.and_then(|l| l.split_whitespace().nth(1)) == Some("0")
}

/// Whether `name` is a program in `PATH`.
pub(crate) fn has(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|dir| dir.join(name).is_file())
}

/// A command in the workspace's root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// `cargo` with these arguments, split at blanks.
pub(crate) fn cargo(args: &str) -> Command {
    let mut command = command("cargo");
    command.args(args.split_whitespace());
    command
}

/// How a command reads, for people.
pub(crate) fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|w| w.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs to success, output to the terminal.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command
        .status()
        .map_err(|e| format!("{}: {e}", show(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", show(command)))
    }
}

/// Runs to success and gives back stdout; stderr is shown only in the error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let out = command
        .output()
        .map_err(|e| format!("{}: {e}", show(command)))?;
    if out.status.success() {
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    } else {
        let err = String::from_utf8_lossy(&out.stderr);
        Err(format!(
            "{}: {}\n{}",
            show(command),
            out.status,
            tail(&err, 40)
        ))
    }
}

/// How a watched command ended.
pub(crate) struct Ended {
    /// The exit code; `None` after a signal or when the time was up.
    pub(crate) code: Option<i32>,
    /// The time was up.
    pub(crate) timed_out: bool,
    /// stdout and stderr as they came.
    pub(crate) output: String,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Runs with a time limit, stdout and stderr together in `log`.
pub(crate) fn watch(command: &mut Command, log: &Path, limit: Duration) -> Result<Ended> {
    let fail = |e: std::io::Error| format!("{}: {e}", log.display());
    let file = File::create(log).map_err(fail)?;
    let copy = file.try_clone().map_err(fail)?;
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(copy)
        .spawn()
        .map_err(|e| format!("{}: {e}", show(command)))?;
    let mut pause = Duration::from_millis(1);
    let mut timed_out = false;
    let status = loop {
        let done = child.try_wait().map_err(fail)?;
        if done.is_some() {
            break done;
        }
        if start.elapsed() > limit {
            timed_out = true;
            child.kill().map_err(fail)?;
            child.wait().map_err(fail)?;
            break None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    let output = String::from_utf8_lossy(&fs::read(log).map_err(fail)?).into_owned();
    Ok(Ended {
        code: status.and_then(|s| s.code()),
        timed_out,
        output,
        took: start.elapsed(),
    })
}

/// The last `lines` lines.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Creates a directory and its parents.
pub(crate) fn mkdir(dir: &Path) -> Result {
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))
}

/// Writes a file, and its directory if need be.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result {
    if let Some(dir) = path.parent() {
        mkdir(dir)?;
    }
    fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))
}

/// The files of a directory whose names end in `suffix`, sorted; none when there is no directory.
pub(crate) fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|e| e.path())
        .filter(|p| p.to_string_lossy().ends_with(suffix))
        .collect();
    found.sort();
    found
}

/// All files below a directory whose names end in `suffix`, sorted.
pub(crate) fn files_below(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in files(dir, "") {
        if path.is_dir() && !path.is_symlink() {
            found.extend(files_below(&path, suffix));
        } else if path.to_string_lossy().ends_with(suffix) {
            found.push(path);
        }
    }
    found
}
