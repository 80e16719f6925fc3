//! Toolchains and programs for other architectures, from Debian.

use super::arch::Arch;
use super::kernels::Apt;
use crate::Result;
use crate::cmd::{cache_dir, write};
use std::path::PathBuf;
use std::process::Command;

/// Sets `cargo` up to build for `arch`; the answer is further compiler flags.
pub(crate) fn prepare(arch: &Arch, cargo: &mut Command) -> Result<String> {
    let root = unpacked(arch, "rust", "libstd-rust-web-dev")?;
    cargo.env("RUSTC", "/usr/bin/rustc");
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
    let root = unpacked(arch, "busybox", "busybox-static")?;
    ["bin/busybox", "usr/bin/busybox"]
        .iter()
        .map(|p| root.join(p))
        .find(|p| p.exists())
        .ok_or("no busybox in its package".into())
}

/// A package of `arch`, unpacked into the cache.
fn unpacked(arch: &Arch, what: &str, package: &str) -> Result<PathBuf> {
    let dir = cache_dir().join(what).join(arch.name);
    let whole = dir.join(".whole");
    if !whole.exists() {
        let apt = Apt::new(arch)?;
        apt.unpack(&[format!("{package}:{}", arch.debian)], &dir)?;
        write(&whole, "")?;
    }
    Ok(dir)
}
