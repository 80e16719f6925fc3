//! What the corpora are made of.

/// A corpus: a directory of objects.
pub(super) struct Corpus {
    pub(super) name: &'static str,
    pub(super) origin: Origin,
    pub(super) take: Take,
}

/// Where it comes from.
pub(super) enum Origin {
    /// The kernel of this series, as Debian's `linux-source-*` has it.
    Kernel(&'static str),
    /// Debian packages with programs.
    Packages(&'static [&'static str]),
    /// A Debian source package.
    Source(&'static str),
    /// Crates, with exact versions.
    Crates(&'static [(&'static str, &'static str)]),
}

/// What is taken from it.
pub(super) enum Take {
    /// Objects inside other files, as skeletons have them.
    Carved,
    /// Files with this ending, which are objects.
    Files(&'static str),
    /// What clang makes of it. Paths are relative to the origin's directory; `*` at the end of a
    /// path is any one name.
    Built {
        /// Files and directories (with all below) of programs.
        programs: &'static [&'static str],
        /// What names of programs end in.
        suffix: &'static str,
        /// No programs: parts of their paths.
        except: &'static [&'static str],
        /// Directories of headers, before the common ones.
        headers: &'static [&'static str],
        /// More for clang.
        flags: &'static [&'static str],
        /// Beginnings of objects' names: all that begin so (but tests) are linked into one as well,
        /// as their application does it.
        linked: &'static [&'static str],
    },
}

/// The selftests of a kernel, as its Makefile builds them: for one version of the instructions.
const fn selftests(
    name: &'static str,
    series: &'static str,
    flags: &'static [&'static str],
) -> Corpus {
    Corpus {
        name,
        origin: Origin::Kernel(series),
        take: Take::Built {
            programs: &["tools/testing/selftests/bpf/progs"],
            suffix: ".c",
            except: &[],
            headers: &[
                ".include",
                "tools/testing/selftests/bpf",
                "tools/include/uapi",
            ],
            flags,
            linked: &[],
        },
    }
}

/// The selftests of atomic instructions are made where the compiler has these.
const ATOMICS: &str = "-DENABLE_ATOMICS_TESTS";

/// A source package whose programs need nothing of their own.
const fn source(
    name: &'static str,
    programs: &'static [&'static str],
    suffix: &'static str,
    headers: &'static [&'static str],
    flags: &'static [&'static str],
) -> Corpus {
    Corpus {
        name,
        origin: Origin::Source(name),
        take: Take::Built {
            programs,
            suffix,
            except: &[],
            headers,
            flags,
            linked: &[],
        },
    }
}

pub(super) const CORPORA: &[Corpus] = &[
    selftests("selftests-5.10", "5.10", &[ATOMICS]),
    selftests("selftests-6.1", "6.1", &[ATOMICS]),
    selftests("selftests-6.12", "6.12", &[ATOMICS]),
    selftests("selftests-7.3", "7.3", &[ATOMICS]),
    selftests("selftests-6.12-v4", "6.12", &[ATOMICS, "-mcpu=v4"]),
    Corpus {
        name: "programs",
        origin: Origin::Packages(&[
            "bpftop",
            "ir-keytable",
            "libbpf-tools",
            "libbpftune0",
            "libknot15",
            "libsystemd-shared",
            "libxdp1",
            "mimic",
            "opensnitch-ebpf-modules",
            "pwru",
            "qemu-system-x86",
            "xdp-tests",
            "xdp-tools",
        ]),
        take: Take::Carved,
    },
    Corpus {
        name: "cilium-ebpf",
        origin: Origin::Source("golang-github-cilium-ebpf"),
        take: Take::Files(".elf"),
    },
    Corpus {
        name: "scx",
        origin: Origin::Crates(&[
            ("scx_arena", "1.1.4"),
            ("scx_beerland", "1.1.4"),
            ("scx_bpf_compat", "1.1.4"),
            ("scx_bpfland", "1.1.4"),
            ("scx_cargo", "1.1.4"),
            ("scx_chaos", "1.1.4"),
            ("scx_cosmos", "1.1.7"),
            ("scx_flash", "1.1.4"),
            ("scx_lavd", "1.1.4"),
            ("scx_layered", "1.1.4"),
            ("scx_p2dq", "1.1.4"),
            ("scx_rustland_core", "2.4.15"),
            ("scx_rusty", "1.1.4"),
            ("scx_tickless", "1.1.4"),
        ]),
        take: Take::Built {
            programs: &["scx_*"],
            suffix: ".bpf.c",
            // Copies of what others have.
            except: &["scx_chaos/src/bpf/lib", "scx_chaos/src/bpf/scx_p2dq/lib"],
            headers: &[
                "scx_cargo/bpf_h",
                "scx_cargo/bpf_h/bpf-compat",
                ".include/vmlinux/arch/x86",
                ".include/vmlinux",
                ".include",
            ],
            flags: &[],
            linked: &["scx_lavd__", "scx_rusty__"],
        },
    },
    Corpus {
        name: "crates",
        origin: Origin::Crates(&[
            ("below", "0.9.0"),
            ("libbpf-rs", "0.27.2"),
            ("tracexec-backend-ebpf", "1.0.0"),
        ]),
        take: Take::Built {
            programs: &["below", "libbpf-rs", "tracexec-backend-ebpf"],
            suffix: ".bpf.c",
            except: &[],
            headers: &[
                ".include",
                "below/src/open_source/vmlinux",
                "tracexec-backend-ebpf/include",
            ],
            flags: &["-DTRACEXEC_TARGET_X86_64"],
            linked: &[],
        },
    },
    Corpus {
        name: "falcosecurity-libs",
        origin: Origin::Source("falcosecurity-libs"),
        take: Take::Built {
            programs: &["driver/modern_bpf/programs", "driver/modern_bpf/license"],
            suffix: ".bpf.c",
            except: &[],
            headers: &[".", "driver/modern_bpf"],
            flags: &[
                "-D__USE_VMLINUX__",
                "-D__always_inline=inline __attribute__((always_inline))",
            ],
            linked: &[""],
        },
    },
    source(
        "pcp",
        &["vendor/github.com/iovisor/bcc/libbpf-tools"],
        ".bpf.c",
        &["vendor/github.com/iovisor/bcc/libbpf-tools/x86"],
        &[],
    ),
    source("systemd", &["src"], ".bpf.c", &[], &[]),
    source("suricata", &["ebpf"], ".c", &["ebpf/include"], &[]),
    source(
        "iproute2",
        &["examples/bpf"],
        ".c",
        &["include", "include/uapi"],
        &[],
    ),
];
