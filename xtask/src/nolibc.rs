//! The proof that skep needs no C library: a freestanding program that loads and runs a BPF
//! program, here and as the first process of a machine.

use crate::cmd::{cargo, command, has, is_root, mkdir, read, target_dir, watch};
use crate::results::Tier;
use crate::{Result, apt, vm};
use std::path::Path;
use std::time::Duration;

const MANIFEST: &str = "examples/freestanding/Cargo.toml";

/// What the program prints when all is well.
const PROOF: &str = "skep-freestanding: length returned 50";

/// Builds, inspects and runs it.
pub(crate) fn tier() -> Result<Tier> {
    let mut tier = Tier::new("nolibc");
    let dir = target_dir().join("freestanding");
    let mut build = cargo("build --quiet --release --manifest-path");
    build.arg(MANIFEST).arg("--target-dir").arg(&dir);
    let built = crate::cmd::run(&mut build);
    let usable = built.is_ok();
    tier.record("nolibc::builds", built);
    if !usable {
        return Ok(tier);
    }
    let program = dir.join("release/skep-freestanding");
    if has("nm") && has("readelf") {
        tier.record("nolibc::no_undefined_symbol", symbols(&program));
        tier.record("nolibc::nothing_dynamic", segments(&program));
    } else {
        tier.unable("nolibc::no_undefined_symbol", "no binutils");
        tier.unable("nolibc::nothing_dynamic", "no binutils");
    }
    if is_root() {
        tier.record("nolibc::runs_here", here(&program));
    } else {
        tier.unable("nolibc::runs_here", "needs root");
    }
    match apt::ensure(apt::QEMU) {
        Ok(()) => tier.record("nolibc::runs_as_first_process", alone(&program)),
        Err(why) => tier.unable("nolibc::runs_as_first_process", why),
    }
    Ok(tier)
}

fn symbols(program: &Path) -> Result {
    match read(command("nm").arg("-u").arg(program))?.trim() {
        "" => Ok(()),
        some => Err(format!("undefined: {some}")),
    }
}

fn segments(program: &Path) -> Result {
    let text = read(command("readelf").args(["-lW"]).arg(program))?;
    match ["INTERP", "DYNAMIC"]
        .iter()
        .find(|kind| text.contains(**kind))
    {
        None => Ok(()),
        Some(kind) => Err(format!("it has a segment {kind}")),
    }
}

fn here(program: &Path) -> Result {
    let log = target_dir().join("skep-results/log/nolibc");
    mkdir(log.parent().unwrap_or(Path::new(".")))?;
    let ended = watch(&mut command(program), &log, Duration::from_secs(60))?;
    if ended.code == Some(0) && ended.output.trim() == PROOF {
        return Ok(());
    }
    Err(format!(
        "exit code {:?}, output {:?}",
        ended.code, ended.output
    ))
}

fn alone(program: &Path) -> Result {
    let boot = vm::lone("", program, "nolibc-vm")?;
    if boot.output.lines().any(|l| l.ends_with(PROOF)) && boot.code == Some(0) {
        return Ok(());
    }
    Err(format!(
        "exit code {:?}:\n{}",
        boot.code,
        crate::cmd::tail(&boot.output, 40)
    ))
}
