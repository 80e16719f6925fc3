//! Objects from their sources.

use crate::Result;
use crate::cmd::{cargo, command, files, files_below, mkdir, read, write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// How the sources of a corpus are compiled; see [`super::list::Take::Built`].
pub(super) struct Recipe<'a> {
    pub(super) root: &'a Path,
    pub(super) programs: &'a [&'a str],
    pub(super) suffix: &'a str,
    pub(super) except: &'a [&'a str],
    pub(super) headers: &'a [&'a str],
    pub(super) flags: &'a [&'a str],
    /// Headers that all have: see [`super::origin::common_headers`].
    pub(super) common: &'a Path,
}

/// The selftests' Makefile has these two so.
const NO_INLINE: &[&str] = &["test_l4lb_noinline.c", "test_xdp_noinline.c"];

/// Compiles all, two at a time; what does not compile is told in `failures.txt` beside the
/// objects. How many there are, and how many failed.
pub(super) fn build(recipe: &Recipe<'_>, to: &Path) -> Result<(usize, usize)> {
    let sources = sources(recipe)?;
    let next = Mutex::new(sources.iter());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(source) = next.lock().ok().and_then(|mut all| all.next()) {
                    if let Err(why) = compile(recipe, source, to) {
                        let error = why.lines().find(|line| line.contains("error:"));
                        let error = error.or(why.lines().next()).unwrap_or_default();
                        if let Ok(mut failed) = failed.lock() {
                            failed.push(format!("{}: {error}", source.display()));
                        }
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().map_err(|e| e.to_string())?;
    failed.sort();
    write(&to.join("failures.txt"), failed.join("\n"))?;
    Ok((sources.len() - failed.len(), failed.len()))
}

/// Links the objects whose names begin so, without those that are tests, into one beside them.
pub(super) fn link(name: &str, place: &Path) -> Result {
    let of_it = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        file.starts_with(name) && !file.contains("selftest")
    };
    let objects = files(place, ".bpf.o").into_iter().filter(of_it);
    let to = place.join(format!("{name}linked.bpf.o"));
    let mut link = cargo("run --quiet --package skep-cli -- obj link --output");
    read(link.arg(to).args(objects)).map(drop)
}

/// The programs, relative to the root.
fn sources(recipe: &Recipe<'_>) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for start in recipe.programs {
        let starts = match start.strip_suffix('*') {
            None => vec![recipe.root.join(start)],
            Some(stem) => starting(recipe.root, stem),
        };
        all.extend(
            starts
                .iter()
                .flat_map(|dir| files_below(dir, recipe.suffix)),
        );
    }
    let mut sources = Vec::new();
    for path in all {
        let path = path.strip_prefix(recipe.root).map_err(|e| e.to_string())?;
        let text = path.to_string_lossy();
        if !recipe.except.iter().any(|part| text.contains(part)) {
            sources.push(path.to_path_buf());
        }
    }
    Ok(sources)
}

fn starting(root: &Path, stem: &str) -> Vec<PathBuf> {
    let mut all = files(root, "");
    all.retain(|p| {
        p.file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with(stem))
    });
    all
}

fn compile(recipe: &Recipe<'_>, source: &Path, to: &Path) -> Result {
    // Names need not be different in all directories.
    let dir = source.parent().unwrap_or(Path::new(""));
    let first = recipe.programs.first().copied().unwrap_or_default();
    let name = source.strip_prefix(first).unwrap_or(source);
    let name = name.to_string_lossy().replace('/', "__");
    let name = name.trim_end_matches(recipe.suffix);
    mkdir(to)?;
    let system = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let mut clang = command("clang-19");
    clang.current_dir(recipe.root);
    clang.args(["--target=bpf", "-mcpu=v3", "-O2", "-g", "-w"]);
    clang.args(["-D__TARGET_ARCH_x86", "-D__x86_64__"]);
    clang.args(recipe.flags);
    if NO_INLINE.iter().any(|name| source.ends_with(name)) {
        clang.arg("-fno-inline");
    }
    for header in recipe.headers {
        clang.arg("-I").arg(header);
    }
    // A crate's own headers are relative to its `src/bpf`.
    for above in source.ancestors().filter(|a| a.ends_with("src/bpf")) {
        clang.arg("-I").arg(above).arg("-I").arg(above.join("lib"));
    }
    clang.arg("-I").arg(dir).arg("-I").arg(recipe.common);
    clang.args(["-idirafter", &system, "-idirafter", "/usr/include"]);
    let object = to.join(format!("{name}.bpf.o"));
    read(clang.arg("-c").arg(source).arg("-o").arg(object))?;
    Ok(())
}
