//! Toolchains and programs for other architectures, from Debian.

use super::arch::Arch;
use super::kernels::Apt;
use crate::Result;
use crate::cmd::{cache_dir, command, read, write};
use std::path::PathBuf;
use std::process::Command;

/// Sets `cargo` up to build for `arch`; the answer is further compiler flags.
pub(crate) fn prepare(arch: &Arch, cargo: &mut Command) -> Result<String> {
    // The library has to be of the compiler's own version.
    let compiler = "/usr/bin/rustc";
    let shown = read(command(compiler).arg("--version"))?;
    let version = shown.split_whitespace().nth(1).unwrap_or_default();
    let root = unpacked(arch, "rust", "libstd-rust-web-dev", version)?;
    cargo.env("RUSTC", compiler);
    Ok(format!(
        " --sysroot {} -C linker={}-linux-gnu-gcc",
        root.join("usr").display(),
        arch.name
    ))
}

/// A static busybox that runs on `arch`.
pub(crate) fn busybox(arch: &Arch) -> Result<PathBuf> {
    if arch.name == std::env::consts::ARCH {
        return Ok("/bin/busybox".into());
    }
    let root = unpacked(arch, "busybox", "busybox-static", "")?;
    ["bin/busybox", "usr/bin/busybox"]
        .iter()
        .map(|p| root.join(p))
        .find(|p| p.exists())
        .ok_or("no busybox in its package".into())
}

/// A package of `arch` whose version begins with this, unpacked into the cache.
fn unpacked(arch: &Arch, what: &str, package: &str, version: &str) -> Result<PathBuf> {
    let dir = cache_dir().join(what).join(arch.name);
    let dir = match version {
        "" => dir,
        version => dir.join(version),
    };
    let whole = dir.join(".whole");
    if !whole.exists() {
        let package = format!("{package}:{}", arch.debian);
        Apt::new(arch)?.unpack_version_of(&package, version, &dir)?;
        write(&whole, "")?;
    }
    Ok(dir)
}
