//! Installing what is missing.

use crate::Result;
use crate::cmd::{command, has, is_root, run};
use std::path::Path;

/// A thing that a task needs, and the Debian package that has it.
pub(crate) struct Need {
    /// A program in `PATH`, or an absolute path.
    pub(crate) probe: &'static str,
    /// The package.
    pub(crate) package: &'static str,
}

const fn need(probe: &'static str, package: &'static str) -> Need {
    Need { probe, package }
}

/// To build BPF objects.
pub(crate) const CLANG: &[Need] = &[
    need("clang-19", "clang-19"),
    need("llvm-strip-19", "llvm-19"),
    need("/usr/include/bpf/bpf_helpers.h", "libbpf-dev"),
];

/// To build those BPF objects that need a newer compiler.
pub(crate) const CLANG_22: &[Need] = &[need("clang-22", "clang-22")];

/// To build those BPF objects that show what another compiler makes.
pub(crate) const GCC: &[Need] = &[need("bpf-gcc", "gcc-bpf")];

/// To build third-party objects.
pub(crate) const CORPUS: &[Need] = &[
    need("bpftool", "bpftool"),
    need("python3", "python3"),
    need("xz", "xz-utils"),
    need("zstd", "zstd"),
    need("/usr/include/linux/bpf.h", "linux-libc-dev"),
];

/// To build libbpf, for comparison.
pub(crate) const LIBBPF: &[Need] = &[
    need("/usr/include/libelf.h", "libelf-dev"),
    need("/usr/include/zlib.h", "zlib1g-dev"),
    need("pkg-config", "pkg-config"),
    need("make", "make"),
    need("cc", "gcc"),
];

/// To run x86-64 kernels.
pub(crate) const QEMU: &[Need] = &[
    need("qemu-system-x86_64", "qemu-system-x86"),
    need("/bin/busybox", "busybox-static"),
    need("xz", "xz-utils"),
    need(
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "debian-archive-keyring",
    ),
];

/// To build a kernel module.
pub(crate) const KMOD: &[Need] = &[
    need("unshare", "util-linux"),
    need("chroot", "coreutils"),
    need("readelf", "binutils"),
    need("zstd", "zstd"),
    need("xz", "xz-utils"),
];

/// To build and run for 64-bit Arm.
pub(crate) const AARCH64: &[Need] = &[
    need("qemu-system-aarch64", "qemu-system-arm"),
    need("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    need("/usr/aarch64-linux-gnu/lib/libc.a", "libc6-dev-arm64-cross"),
    need("/usr/bin/rustc", "rustc-web"),
];

/// To build and run for big-endian s390x.
pub(crate) const S390X: &[Need] = &[
    need("qemu-system-s390x", "qemu-system-misc"),
    need("s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu"),
    need("/usr/s390x-linux-gnu/lib/libc.a", "libc6-dev-s390x-cross"),
    need("/usr/bin/rustc", "rustc-web"),
];

/// For the tests of the host tier.
pub(crate) const HOST: &[Need] = &[need("ip", "iproute2")];

fn missing(needs: &[Need]) -> Vec<&'static str> {
    let there = |n: &&Need| !(has(n.probe) || Path::new(n.probe).exists());
    let mut packages: Vec<_> = needs.iter().filter(there).map(|n| n.package).collect();
    packages.dedup();
    packages
}

/// Sees to it that all of `needs` is there; says what it installs. The error names what is missing
/// where nothing can be installed.
pub(crate) fn ensure(needs: &[Need]) -> Result {
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !has("apt-get") || !is_root() {
        return Err(format!(
            "missing: {list} (install them, or run as root on Debian)"
        ));
    }
    println!("installing with apt-get: {list}");
    run(command("apt-get").args(["update", "-qq"]))?;
    let mut install = command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]);
    run(install.args(&packages).stdout(std::process::Stdio::null()))?;
    match missing(needs).join(" ") {
        left if left.is_empty() => Ok(()),
        left => Err(format!("still missing after apt-get install: {left}")),
    }
}
