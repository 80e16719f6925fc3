//! Origins of corpora, fetched by the ordinary clients of their registries.

use super::list::Origin;
use crate::Result;
use crate::cmd::{cargo, command, files, files_below, mkdir, read, write};
use crate::vm::{arch::X86_64, kernels::Apt};
use std::fs;
use std::path::Path;

/// What the selftests of a kernel are made of.
const MEMBERS: &[&str] = &[
    "tools/testing/selftests/bpf",
    "tools/lib/bpf",
    "tools/arch/x86/include",
    "tools/include",
    "include/uapi/linux",
    // `bpf_helpers_doc.py` once.
    "scripts/bpf_*doc.py",
];

/// Fetches an origin into a directory.
pub(super) fn fetch(origin: &Origin, into: &Path) -> Result {
    mkdir(into)?;
    match origin {
        Origin::Kernel(series) => kernel(series, into),
        Origin::Packages(names) => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            Apt::new(&X86_64)?.unpack(&names, into)
        }
        Origin::Source(package) => {
            Apt::of_sources()?.unpack_source(package, into)?;
            falco_config(into)
        }
        Origin::Crates(crates) => vendor(crates, into),
    }
}

fn kernel(series: &str, into: &Path) -> Result {
    let name = format!("linux-source-{series}");
    let unpacked = into.join(".package");
    Apt::new(&X86_64)?.unpack(std::slice::from_ref(&name), &unpacked)?;
    let archive = unpacked.join(format!("usr/src/{name}.tar.xz"));
    let mut tar = command("tar");
    tar.arg("-xf").arg(archive).arg("-C").arg(into);
    tar.args(["--strip-components=1", "--wildcards"]);
    read(tar.args(MEMBERS.iter().map(|m| format!("{name}/{m}"))))?;
    fs::remove_dir_all(&unpacked).map_err(|e| e.to_string())?;
    copy_headers(&into.join("tools/lib/bpf"), &into.join(".include/bpf"))?;
    let mut doc = command("python3");
    doc.args(files(&into.join("scripts"), "_doc.py"));
    doc.args(["--header", "--file"]);
    let helpers = read(doc.arg(into.join("tools/include/uapi/linux/bpf.h")))?;
    write(&into.join(".include/bpf/bpf_helper_defs.h"), helpers)
}

/// Headers that all corpora may use: the running kernel's types, and libbpf's newest for programs.
pub(super) fn common_headers(into: &Path) -> Result {
    let mut dump = command("bpftool");
    dump.args(["btf", "dump", "file", "/sys/kernel/btf/vmlinux"]);
    write(&into.join("vmlinux.h"), read(dump.args(["format", "c"]))?)?;
    let unpacked = into.join(".package");
    Apt::new(&X86_64)?.unpack(&["libbpf-dev".into()], &unpacked)?;
    copy_headers(&unpacked.join("usr/include/bpf"), &into.join("bpf"))?;
    fs::remove_dir_all(&unpacked).map_err(|e| e.to_string())
}

fn copy_headers(from: &Path, to: &Path) -> Result {
    mkdir(to)?;
    for header in files(from, ".h") {
        let place = to.join(header.file_name().unwrap_or_default());
        fs::copy(&header, place).map_err(|e| format!("{}: {e}", header.display()))?;
    }
    Ok(())
}

/// A package of its own that depends on the crates, with all that they depend on.
fn vendor(crates: &[(&str, &str)], into: &Path) -> Result {
    let mut manifest = String::from(
        "[package]\nname = \"corpus\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [workspace]\n[dependencies]\n",
    );
    for (name, version) in crates {
        manifest.push_str(&format!("{name} = \"={version}\"\n"));
    }
    let package = into.join(".package");
    write(&package.join("Cargo.toml"), manifest)?;
    write(&package.join("src/lib.rs"), "")?;
    println!("fetching {} crates and theirs", crates.len());
    let all = package.join("vendor");
    read(cargo("vendor --quiet").arg(&all).current_dir(&package))?;
    copy_headers(
        &all.join("libbpf-sys/libbpf/src"),
        &into.join(".include/bpf"),
    )?;
    for (name, _) in crates {
        let move_it = fs::rename(all.join(name), into.join(name));
        move_it.map_err(|e| format!("{name}: {e}"))?;
    }
    let types = into.join("scx_cargo/vmlinux.tar.zst");
    if types.exists() {
        let mut tar = command("tar");
        tar.args(["--zstd", "-xf"]).arg(types);
        read(tar.arg("-C").arg(into.join(".include")))?;
    }
    fs::remove_dir_all(&package).map_err(|e| e.to_string())
}

/// What Falco's build would write: versions, which no program depends on.
fn falco_config(root: &Path) -> Result {
    for template in files_below(&root.join("driver"), "driver_config.h.in") {
        let text = fs::read_to_string(&template).map_err(|e| e.to_string())?;
        let mut config = String::new();
        for line in text.lines().filter(|line| !line.contains("cmakedefine")) {
            let line = match line.split_once("${") {
                Some((head, tail)) => {
                    let after = tail.split_once('}').map_or("", |(_, after)| after);
                    format!("{head}0{after}")
                }
                None => line.to_string(),
            };
            config.push_str(&line);
            config.push('\n');
        }
        write(&template.with_extension(""), config)?;
    }
    Ok(())
}
