//! Machines to emulate.

/// An architecture: how it is called by whom, and how QEMU runs it.
pub(crate) struct Arch {
    /// As Rust says it.
    pub(crate) name: &'static str,
    /// As Debian says it.
    pub(crate) debian: &'static str,
    /// What its kernel packages end in.
    pub(crate) flavour: &'static str,
    /// The kernel series used when none is named.
    pub(crate) series: &'static str,
    /// Rust's target.
    pub(crate) target: &'static str,
    /// The emulator and its machine options.
    pub(crate) qemu: &'static [&'static str],
    /// The kernel's console.
    pub(crate) console: &'static str,
    /// Whether the emulator's exit status can be set from inside.
    pub(crate) exit_port: bool,
}

/// The machine of the named series.
pub(crate) const X86_64: Arch = Arch {
    name: "x86_64",
    debian: "amd64",
    flavour: "cloud-amd64",
    series: "",
    target: "x86_64-unknown-linux-gnu",
    qemu: &[
        "qemu-system-x86_64",
        "-cpu",
        "max",
        "-device",
        "isa-debug-exit,iobase=0xf4,iosize=1",
    ],
    console: "ttyS0",
    exit_port: true,
};

/// Little-endian 64-bit Arm.
pub(crate) const AARCH64: Arch = Arch {
    name: "aarch64",
    debian: "arm64",
    flavour: "cloud-arm64",
    series: "6.12",
    target: "aarch64-unknown-linux-gnu",
    qemu: &["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72"],
    console: "ttyAMA0",
    exit_port: false,
};

/// Big-endian.
pub(crate) const S390X: Arch = Arch {
    name: "s390x",
    debian: "s390x",
    flavour: "s390x",
    series: "6.12",
    target: "s390x-unknown-linux-gnu",
    qemu: &["qemu-system-s390x", "-M", "s390-ccw-virtio", "-cpu", "max"],
    console: "ttysclp0",
    exit_port: false,
};
