//! `bench/compat` over the corpus, here or in another kernel.

use super::directory;
use crate::cmd::{cargo, command, files_below, mkdir, read, root, run, target_dir};
use crate::{Result, apt, vm};
use std::path::PathBuf;
use std::time::Duration;

/// A machine that emulates: most of the time goes into the verifier.
const BUDGET: vm::Budget = vm::Budget {
    memory: 4096,
    limit: Duration::from_secs(3 * 3600),
};

/// `compat KERNEL|host [CORPUS...]`: every program of the corpora named, or of all.
pub(crate) fn task(args: &[String]) -> Result {
    let Some((kernel, corpora)) = args.split_first() else {
        return Err("name a kernel series, or host".into());
    };
    apt::ensure(apt::CLANG)?;
    apt::ensure(apt::LIBBPF)?;
    let program = build()?;
    let results = target_dir().join("skep-results");
    mkdir(&results)?;
    let pairs = match kernel.as_str() {
        "host" => {
            let pairs = results.join("compat-host.jsonl");
            let mut here = command(&program);
            here.arg("--twice").arg("--json").arg(&pairs);
            run(here
                .args(chosen(corpora))
                .stdout(std::process::Stdio::null()))?;
            pairs
        }
        series => guest(series, &program, corpora)?,
    };
    let report = results.join(format!("compat-{kernel}.md"));
    let text = read(command(&program).arg("--from").arg(&pairs).arg("--all"))?;
    crate::cmd::write(&report, &text)?;
    let totals: Vec<&str> = text
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .collect();
    println!("{}\nwhole report: {}", totals.join("\n"), report.display());
    Ok(())
}

/// The directories of these corpora.
fn chosen(corpora: &[String]) -> Vec<PathBuf> {
    match corpora {
        [] => vec![directory()],
        named => named.iter().map(|name| directory().join(name)).collect(),
    }
}

/// The program, with all its libraries in it.
fn build() -> Result<PathBuf> {
    let dir = target_dir().join("vm/bench");
    let triple = "x86_64-unknown-linux-gnu";
    let mut build = cargo("build --quiet --release --package compat --features static");
    build.current_dir(root().join("bench"));
    build.args(["--target", triple, "--target-dir"]).arg(&dir);
    build.env("LIBBPF_SYS_LIBRARY_PATH", "/usr/lib/x86_64-linux-gnu");
    build.env(
        "RUSTFLAGS",
        "-C target-feature=+crt-static -C relocation-model=static -C strip=symbols",
    );
    run(&mut build)?;
    Ok(dir.join(triple).join("release/compat"))
}

/// Runs in a machine; its console has the pairs.
fn guest(series: &str, program: &std::path::Path, corpora: &[String]) -> Result<PathBuf> {
    let stripped = target_dir().join("vm/corpus");
    let mut files = vec![("skep/compat".to_string(), program.to_path_buf())];
    for dir in chosen(corpora) {
        for object in files_below(&dir, ".o") {
            let name = object
                .strip_prefix(directory())
                .map_err(|e| e.to_string())?;
            let small = stripped.join(name);
            mkdir(small.parent().unwrap_or(&stripped))?;
            // Objects that are broken on purpose go as they are.
            let mut strip = command("llvm-strip-19");
            if read(strip.arg("-g").arg(&object).arg("-o").arg(&small)).is_err() {
                std::fs::copy(&object, &small).map_err(|e| format!("{}: {e}", small.display()))?;
            }
            files.push((format!("corpus/{}", name.display()), small));
        }
    }
    let name = format!("compat-{series}");
    let script = "/skep/compat --limit 100 --json /dev/console /corpus > /dev/null\n";
    let boot = || vm::script(series, script, &files, &name, &BUDGET);
    let mut ended = boot()?;
    if !ended.output.contains("skep-guest: up") {
        // An emulated machine on a busy host may fail to start.
        ended = boot()?;
    }
    let pairs = target_dir().join(format!("skep-results/{name}.jsonl"));
    crate::cmd::write(&pairs, &ended.output)?;
    if !ended.output.contains("skep-guest: script ended with 0") {
        println!("the machine did not come to its end: what it printed counts");
    }
    Ok(pairs)
}
