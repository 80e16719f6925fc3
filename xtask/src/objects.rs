//! BPF objects from their C sources, the same bytes every time.

use crate::Result;
use crate::cmd::{command, files, mkdir, read, root, target_dir};
use crate::{apt, results::Tier};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Directories with `NAME.bpf.c`, relative to the root. The objects are committed beside them.
const DIRS: &[&str] = &["testdata", "crates/skep-cli/demo"];

/// Clang's target and what the object's name ends in.
const ORDERS: &[(&str, &str)] = &[("bpfel", ".bpf.el.o"), ("bpfeb", ".bpf.eb.o")];

/// `objects [--check]`: puts what differs in the place of what is committed, or only compares.
pub(crate) fn task(args: &[String]) -> Result {
    apt::ensure(apt::CLANG)?;
    match args {
        [] => {
            let scratch = scratch()?;
            for source in sources() {
                for order in ORDERS {
                    let object = object_of(&source, order.1);
                    let fresh = scratch.join(object.file_name().unwrap_or_default());
                    build(&source, order.0, &fresh)?;
                    if compare(&source, &object, &fresh).is_err() {
                        fs::copy(&fresh, root().join(&object)).map_err(|e| e.to_string())?;
                        println!("built {}", object.display());
                    }
                }
            }
            Ok(())
        }
        [flag] if flag == "--check" => check()?.verdict(),
        _ => Err("usage: cargo xtask objects [--check]".into()),
    }
}

/// Rebuilds into the target directory and compares.
pub(crate) fn check() -> Result<Tier> {
    let mut tier = Tier::new("objects");
    if let Err(why) = apt::ensure(apt::CLANG) {
        tier.unable("objects", why);
        return Ok(tier);
    }
    let scratch = scratch()?;
    for source in sources() {
        for order in ORDERS {
            let object = object_of(&source, order.1);
            let name = format!("objects::{}", object.display());
            let fresh = scratch.join(object.file_name().unwrap_or_default());
            let built = build(&source, order.0, &fresh);
            tier.record(name, built.and_then(|()| compare(&source, &object, &fresh)));
        }
    }
    Ok(tier)
}

/// Where objects are built.
fn scratch() -> Result<PathBuf> {
    let scratch = target_dir().join("objects");
    mkdir(&scratch)?;
    Ok(scratch)
}

fn compare(source: &Path, object: &Path, fresh: &Path) -> Result {
    let text = |e| format!("{}: {e}", object.display());
    let committed = fs::read(root().join(object)).map_err(text)?;
    let built = fs::read(fresh).map_err(text)?;
    if committed == built {
        return Ok(());
    }
    // GCC puts its types into another order each time: their length is compared, and all else.
    if choice(source)?.as_deref() == Some(GCC) && committed.len() == built.len() {
        let before = without_types(&root().join(object), fresh)?;
        if before == without_types(fresh, fresh)? {
            return Ok(());
        }
    }
    let at = committed.iter().zip(&built).position(|(a, b)| a != b);
    Err(format!(
        "differs from its source: {} bytes committed, {} built, first difference at {}",
        committed.len(),
        built.len(),
        at.unwrap_or(committed.len().min(built.len()))
    ))
}

/// All sources, relative to the root.
fn sources() -> Vec<PathBuf> {
    let all = DIRS
        .iter()
        .flat_map(|dir| files(&root().join(dir), ".bpf.c"));
    all.filter_map(|p| p.strip_prefix(root()).ok().map(Path::to_path_buf))
        .collect()
}

fn object_of(source: &Path, suffix: &str) -> PathBuf {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    source.with_file_name(format!("{}{suffix}", name.trim_end_matches(".bpf.c")))
}

/// An object's bytes without `.BTF`; written beside `fresh`.
fn without_types(object: &Path, fresh: &Path) -> Result<Vec<u8>> {
    let bare = fresh.with_extension("bare");
    let mut copy = command("llvm-objcopy-19");
    read(copy.arg("--remove-section=.BTF").arg(object).arg(&bare))?;
    fs::read(&bare).map_err(|e| format!("{}: {e}", bare.display()))
}

/// The second line of a source that GCC compiles.
const GCC: &str = "// gcc: 12";

/// The second line of a source, which may choose the compiler.
fn choice(source: &Path) -> Result<Option<String>> {
    let text = fs::read_to_string(root().join(source));
    let text = text.map_err(|e| format!("{}: {e}", source.display()))?;
    Ok(text.lines().nth(1).map(str::to_owned))
}

/// The compiler for a source: a newer clang, for what an older one cannot do, or GCC.
fn compiler(source: &Path, order: &str) -> Result<Command> {
    // Instructions of the fourth set (sign extension, indirect jumps) are what 22 is for.
    let (name, cpu) = match choice(source)?.as_deref() {
        Some("// clang: 22") => {
            apt::ensure(apt::CLANG_22)?;
            ("clang-22", "-mcpu=v4")
        }
        Some(GCC) => {
            apt::ensure(apt::GCC)?;
            let mut gcc = command("bpf-gcc");
            let big = order == "bpfeb";
            gcc.args([
                "-gbtf",
                if big {
                    "-mbig-endian"
                } else {
                    "-mlittle-endian"
                },
            ]);
            gcc.args(["-idirafter", "/usr/include"]);
            return Ok(gcc);
        }
        _ => ("clang-19", "-mcpu=v3"),
    };
    let mut clang = command(name);
    clang.args(["-target", order, cpu, "-g", "-fdebug-compilation-dir=."]);
    Ok(clang)
}

/// One object. Paths in it are relative, DWARF is stripped, BTF stays.
fn build(source: &Path, order: &str, object: &Path) -> Result {
    let system = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let prefix = format!("-ffile-prefix-map={}=.", root().display());
    let mut compiler = compiler(source, order)?;
    compiler.args(["-O2", "-Wall", "-Werror", prefix.as_str()]);
    compiler.args(["-idirafter", system.as_str(), "-c"]);
    if choice(source)?.as_deref() == Some(GCC) {
        // It writes its directory and the source's name into the types, mapped or not.
        let text = File::open(root().join(source)).map_err(|e| e.to_string())?;
        compiler.current_dir("/").stdin(text).args(["-x", "c", "-"]);
    } else {
        compiler.arg(source);
    }
    read(compiler.arg("-o").arg(object))?;
    read(command("llvm-strip-19").arg("-g").arg(object))?;
    Ok(())
}
