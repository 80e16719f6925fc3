//! What building with each engine costs: CPU time of a clean release build of its hello-loader,
//! crates in the library's tree, size of the stripped binary.

use crate::ENGINES;
use crate::child::{self, Cost};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What one engine costs to build.
pub struct Build {
    pub cost: Cost,
    pub crates_normal: usize,
    pub crates_all: usize,
    pub stripped_bytes: u64,
}

fn cargo(bench: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(bench);
    cargo
}

/// What the rivals and the objects need beside cargo: a command or file, and its Debian package.
const NEEDS: [(&str, &str); 6] = [
    ("/usr/bin/clang-19", "clang-19"),
    ("/usr/bin/llvm-strip-19", "llvm-19"),
    ("/usr/include/libelf.h", "libelf-dev"),
    ("/usr/include/zlib.h", "zlib1g-dev"),
    ("/usr/bin/pkg-config", "pkg-config"),
    ("/usr/bin/strip", "binutils"),
];

/// Names what is missing, or goes on.
pub fn check_needs() {
    let missing = NEEDS.iter().filter(|(path, _)| !Path::new(path).exists());
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        eprintln!("missing: apt-get install {}", missing.join(" "));
        std::process::exit(1);
    }
}

/// Builds the workers and hello-loaders beside the driver.
pub fn workers(bench: &Path, bin: &Path) {
    let mut build = cargo(bench);
    build.args(["build", "--release", "--workspace", "--target-dir"]);
    let status = build.arg(bin.parent().unwrap()).status().expect("cargo");
    assert!(status.success(), "building the workers");
}

/// A clean build of each, one after the other, in a directory that is deleted afterwards.
pub fn measure(bench: &Path, bin: &Path) -> [Build; 3] {
    ENGINES.map(|engine| {
        eprintln!("clean build with {engine}");
        let scratch = bin.join("bench-clean");
        let _ = std::fs::remove_dir_all(&scratch);
        let mut build = cargo(bench);
        build.args(["build", "--release", "--offline", "-j2", "--target-dir"]);
        build.arg(&scratch).arg("--no-default-features");
        build.args([
            "-p",
            &format!("bench-{engine}"),
            "--bin",
            &format!("hello-{engine}"),
        ]);
        let cost = child::timed(&mut build);
        let binary = scratch.join("release").join(format!("hello-{engine}"));
        child::timed(Command::new("strip").arg(&binary));
        let stripped_bytes = std::fs::metadata(&binary).expect("the binary").len();
        std::fs::remove_dir_all(&scratch).expect("clearing up");
        Build {
            cost,
            crates_normal: crates(bench, engine, "normal"),
            crates_all: crates(bench, engine, "normal,build"),
            stripped_bytes,
        }
    })
}

/// How many crates the hello-loader of this engine takes, itself left out.
fn crates(bench: &Path, engine: &str, edges: &str) -> usize {
    let package = format!("bench-{engine}");
    let mut tree = cargo(bench);
    tree.args(["tree", "--offline", "--prefix", "none", "--format", "{p}"]);
    tree.args(["--edges", edges, "--package", &package]);
    // As it is built: nothing that other members of this workspace ask for.
    tree.arg("--no-default-features");
    let output = tree.output().expect("cargo tree");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)"));
    lines
        .filter(|line| !line.is_empty())
        .collect::<BTreeSet<_>>()
        .len()
        .saturating_sub(1)
}
