//! The library compiles where it is no Linux: objects are read and prepared there.

use crate::Result;
use crate::cmd::{cargo, command, has, read, run};
use crate::results::Tier;

/// Rust's targets.
const TARGETS: &[&str] = &["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// Sets of features.
const SETS: &[(&str, &str)] = &[("default", ""), ("all-features", "--all-features")];

/// Checks for each system; nothing is linked, so that no other tool is needed.
pub(crate) fn tier() -> Result<Tier> {
    let mut tier = Tier::new("systems");
    for target in TARGETS {
        if let Err(why) = ensure(target) {
            tier.unable(format!("systems::{target}"), why);
            continue;
        }
        for (name, set) in SETS {
            let packages = "-p skep-codec -p skep-sys -p skep";
            let mut check = cargo(&format!("check --quiet --target {target} {packages} {set}"));
            check.env("RUSTFLAGS", "-D warnings");
            tier.record(format!("systems::{target}::{name}"), run(&mut check));
        }
    }
    Ok(tier)
}

/// Sees to it that there is a standard library for the target.
fn ensure(target: &str) -> Result {
    if !has("rustup") {
        return Err("no rustup".into());
    }
    let installed = read(command("rustup").args(["target", "list", "--installed"]))?;
    if installed.lines().any(|line| line == target) {
        return Ok(());
    }
    println!("installing with rustup: {target}");
    read(command("rustup").args(["target", "add", target])).map(drop)
}
