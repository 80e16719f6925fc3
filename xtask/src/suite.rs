//! The test binaries of the workspace: built once, run a process a test.

use crate::Result;
use crate::cmd::{self, Ended, command, read, root, tail, watch};
use crate::results::{Tier, Verdict};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What a test prints to say that it could not run, followed by the reason.
pub(crate) const SKIP_MARK: &str = "skep-skip: ";

/// A program with tests in it, or one that tests start.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    /// The package.
    pub(crate) package: String,
    /// The cargo target: the library's, the binary's or the integration test's name.
    pub(crate) target: String,
    /// `lib`, `bin`, `test`.
    pub(crate) kind: String,
    /// Whether it is a test program.
    pub(crate) is_test: bool,
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Binary {
    /// What the names of its tests begin with.
    pub(crate) fn prefix(&self) -> String {
        match self.kind.as_str() {
            "test" => format!("{}::{}", self.package, self.target),
            "bin" => format!("{}::bin/{}", self.package, self.target),
            _ => self.package.clone(),
        }
    }

    /// Whether its tests ask a real kernel: tiers `host` and `vm`, not `unit`.
    pub(crate) fn needs_kernel(&self) -> bool {
        self.kind == "test" && (self.target.starts_with("kernel") || self.target == "layout")
    }

    /// Whether its tests need privilege.
    pub(crate) fn needs_root(&self) -> bool {
        self.needs_kernel() && self.target != "layout"
    }

    /// The names of its tests.
    pub(crate) fn list(&self) -> Result<Vec<String>> {
        let text = read(command(&self.path).args(["--list", "--format", "terse"]))?;
        let names = text.lines().filter_map(|l| l.strip_suffix(": test"));
        Ok(names.map(str::to_string).collect())
    }
}

/// Builds with `cargo test --no-run` and these arguments.
pub(crate) fn build(cargo: &mut Command) -> Result<Vec<Binary>> {
    cargo.args(["--no-run", "--message-format=json-render-diagnostics"]);
    let out = cargo
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| e.to_string())?;
    if !out.status.success() {
        return Err(format!("{}: {}", cmd::show(cargo), out.status));
    }
    let text = String::from_utf8_lossy(&out.stdout);
    Ok(text.lines().filter_map(artifact).collect())
}

/// The executable that a line of cargo's messages is about.
fn artifact(line: &str) -> Option<Binary> {
    if !line.contains(r#""reason":"compiler-artifact""#) {
        return None;
    }
    let path = field(line, r#""executable":""#)?;
    let id = field(line, r#""package_id":""#)?;
    let (place, version) = id.rsplit_once('#')?;
    let package = match version.split_once('@') {
        Some((name, _)) => name,
        None => place.rsplit('/').next()?,
    };
    let target = line.split_once(r#""target":{"#)?.1;
    Some(Binary {
        package: package.to_string(),
        target: field(target, r#""name":""#)?.to_string(),
        kind: field(target, r#""kind":[""#)?.to_string(),
        is_test: line.contains(r#""test":true},"features""#),
        path: path.into(),
    })
}

fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.split_once(key)?.1;
    rest.split_once('"').map(|(value, _)| value)
}

/// One test to run.
struct Job<'a> {
    binary: &'a Binary,
    test: String,
}

/// How to run tests.
pub(crate) struct Run<'a> {
    /// How many at once.
    pub(crate) jobs: usize,
    /// For one test.
    pub(crate) limit: Duration,
    /// Set for each test.
    pub(crate) env: &'a [(&'a str, String)],
}

/// Runs every test of `binaries` in a process of its own.
pub(crate) fn run(tier: &mut Tier, binaries: &[&Binary], how: &Run) -> Result {
    let mut jobs = Vec::new();
    for binary in binaries {
        for test in binary.list()? {
            jobs.push(Job { binary, test });
        }
    }
    let logs = cmd::target_dir().join("skep-results/log");
    cmd::mkdir(&logs)?;
    let next = AtomicUsize::new(0);
    let done = Mutex::new(vec![None; jobs.len()]);
    std::thread::scope(|scope| {
        for worker in 0..how.jobs {
            let log = logs.join(format!("{}-{worker}", tier.name()));
            let (jobs, next, done) = (&jobs, &next, &done);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(n) else { break };
                    let verdict = twice(|| one(job, how, &log).unwrap_or_else(Verdict::Failed));
                    if let Ok(mut done) = done.lock() {
                        done[n] = Some(verdict);
                    }
                }
            });
        }
    });
    let done = done.into_inner().map_err(|e| e.to_string())?;
    for (job, verdict) in jobs.iter().zip(done) {
        let lost = || Verdict::Failed("the runner lost it".into());
        let name = format!("{}::{}", job.binary.prefix(), job.test);
        tier.add(name, verdict.unwrap_or_else(lost));
    }
    Ok(())
}

/// Runs a test, and once more when it fails.
fn twice(mut run: impl FnMut() -> Verdict) -> Verdict {
    match run() {
        Verdict::Failed(first) => match run() {
            Verdict::Passed => Verdict::Flaky(first),
            _ => Verdict::Failed(first),
        },
        held => held,
    }
}

fn one(job: &Job, how: &Run, log: &Path) -> Result<Verdict> {
    let mut command = command(&job.binary.path);
    command.current_dir(package_dir(&job.binary.package));
    command.args([job.test.as_str(), "--exact", "--nocapture"]);
    command.args(["--test-threads", "1"]);
    command.envs(how.env.iter().map(|(k, v)| (*k, v.as_str())));
    Ok(judge(&watch(&mut command, log, how.limit)?))
}

/// Where cargo would run this package's tests.
fn package_dir(package: &str) -> PathBuf {
    match package {
        "xtask" => root().join(package),
        _ => root().join("crates").join(package),
    }
}

/// A libtest process of one test, judged.
fn judge(ended: &Ended) -> Verdict {
    let why = ended
        .output
        .lines()
        .find_map(|l| l.split_once(SKIP_MARK).map(|(_, why)| why));
    match ended.code {
        Some(0) if ended.output.contains("1 ignored") => Verdict::Skipped("ignored".into()),
        Some(0) if !ended.output.contains("1 passed") => {
            Verdict::Failed(format!("did not run:\n{}", tail(&ended.output, 20)))
        }
        Some(0) => why.map_or(Verdict::Passed, |why| Verdict::Skipped(why.trim().into())),
        _ if ended.timed_out => Verdict::Failed(format!(
            "killed after {} s:\n{}",
            ended.took.as_secs(),
            tail(&ended.output, 40)
        )),
        code => Verdict::Failed(format!(
            "exit code {}:\n{}",
            code.map_or("none (a signal)".into(), |c| c.to_string()),
            tail(&ended.output, 40)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: i32, output: &str) -> Ended {
        Ended {
            code: Some(code),
            timed_out: false,
            output: output.into(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn a_skip_is_no_pass() {
        let ran = "running 1 test\ntest result: ok. 1 passed; 0 failed; 0 ignored;";
        assert_eq!(judge(&ended(0, ran)), Verdict::Passed);
        let skip = format!("test a ... skep-skip: no KPROBES\nok\n{ran}");
        assert_eq!(
            judge(&ended(0, &skip)),
            Verdict::Skipped("no KPROBES".into())
        );
        let none = "test result: ok. 0 passed; 0 failed; 0 ignored; 3 filtered out";
        assert!(matches!(judge(&ended(0, none)), Verdict::Failed(_)));
        assert!(matches!(judge(&ended(101, ran)), Verdict::Failed(_)));
    }

    #[test]
    fn a_second_run_tells_the_flaky_from_the_failed() {
        let fails = || Verdict::Failed("first".into());
        let runs = |verdicts: Vec<Verdict>| {
            let mut left = verdicts.into_iter();
            twice(|| left.next().unwrap())
        };
        assert_eq!(runs(vec![Verdict::Passed]), Verdict::Passed);
        assert_eq!(runs(vec![fails(), fails()]), fails());
        let flaky = Verdict::Flaky("first".into());
        assert_eq!(runs(vec![fails(), Verdict::Passed]), flaky);
        let skips = Verdict::Skipped("none".into());
        assert_eq!(runs(vec![fails(), skips]), fails());
    }

    #[test]
    fn artifacts_are_named_as_cargo_names_them() {
        let line = r#"{"reason":"compiler-artifact","package_id":"path+file:///w/crates/skep-sys#0.1.0","manifest_path":"/w/crates/skep-sys/Cargo.toml","target":{"kind":["test"],"crate_types":["bin"],"name":"layout","src_path":"/w/crates/skep-sys/tests/layout.rs","edition":"2024","doc":false,"doctest":false,"test":true},"profile":{"opt_level":"1","debuginfo":1,"debug_assertions":true,"overflow_checks":true,"test":true},"features":["std"],"filenames":["/t/layout-1"],"executable":"/t/layout-1","fresh":true}"#;
        let binary = artifact(line).unwrap();
        assert_eq!(binary.prefix(), "skep-sys::layout");
        assert_eq!(binary.path, Path::new("/t/layout-1"));
        assert!(binary.is_test && binary.needs_kernel() && !binary.needs_root());
        let named = line.replace("skep-sys#0.1.0", "sys#skep-sys@0.1.0");
        assert_eq!(artifact(&named).unwrap().package, "skep-sys");
        let library = line.replace(r#""executable":"/t/layout-1""#, r#""executable":null"#);
        assert!(artifact(&library).is_none());
    }
}
