//! Third-party objects: which engine opens which, and the lists of those that are measured.

use crate::ENGINES;
use crate::objects;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The objects, as lists that the workers read.
pub struct Corpus {
    /// What the objects are, in words.
    pub what: &'static str,
    /// How many there are.
    pub count: usize,
    /// How many each engine opens.
    pub opened: [usize; 3],
    /// How many all engines open.
    pub common: usize,
    /// A file that names all, a line each.
    pub all: PathBuf,
    /// A file that names those that all engines open.
    pub shared: PathBuf,
}

/// Copies the corpus without its debug information (as objects are shipped) and asks every engine
/// what it opens.
pub fn prepare(bin: &Path) -> Corpus {
    let (what, from) = find();
    let dir = bin.join("bench-corpus");
    let _ = std::fs::remove_dir_all(&dir);
    let mut originals = Vec::new();
    below(&from, &mut originals);
    originals.sort();
    let objects: Vec<String> = originals
        .iter()
        .filter_map(|original| ship(original, &from, &dir))
        .collect();
    let all = list(&dir.join("all"), &objects);
    let opened = ENGINES.map(|engine| opened(bin, engine, &all));
    let [skep, aya, libbpf] = &opened;
    let by_all = |object: &&String| [skep, aya, libbpf].iter().all(|set| set.contains(*object));
    let common: Vec<String> = objects.iter().filter(by_all).cloned().collect();
    Corpus {
        what,
        count: objects.len(),
        opened: [skep.len(), aya.len(), libbpf.len()],
        common: common.len(),
        shared: list(&dir.join("shared"), &common),
        all,
    }
}

/// What `cargo xtask corpus` has fetched; the tests' own objects without it.
fn find() -> (&'static str, PathBuf) {
    let home = || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cache/skep");
    let cache = std::env::var_os("SKEP_CACHE").map_or_else(home, PathBuf::from);
    let corpus = cache.join("corpus");
    if corpus.is_dir() {
        return ("what `cargo xtask corpus` fetches", corpus);
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    ("the tests' own, for want of `cargo xtask corpus`", tests)
}

/// All objects below a directory.
fn below(dir: &Path, into: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            below(&path, into);
        } else if path.extension().is_some_and(|end| end == "o") {
            into.push(path);
        }
    }
}

/// The object as it would be shipped; none of what the tool does not take for an object.
fn ship(original: &Path, from: &Path, to: &Path) -> Option<String> {
    let place = to.join(original.strip_prefix(from).expect("below it"));
    std::fs::create_dir_all(place.parent()?).expect("the directory for objects");
    let mut strip = Command::new("llvm-strip-19");
    strip.arg("-g").arg(original).arg("-o").arg(&place);
    let output = strip.output().expect("llvm-strip-19");
    output.status.success().then(|| place.display().to_string())
}

fn list(file: &Path, objects: &[String]) -> PathBuf {
    std::fs::write(file, objects.join("\n")).expect("writing the list");
    file.to_owned()
}

/// What an engine opens: its worker prints it.
fn opened(bin: &Path, engine: &str, all: &Path) -> BTreeSet<String> {
    let mut worker = Command::new(bin.join(format!("work-{engine}")));
    let text = objects::run(worker.arg("opens").arg(all).arg("1"));
    text.lines().map(str::to_owned).collect()
}
