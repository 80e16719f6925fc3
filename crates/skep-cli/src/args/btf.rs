//! `skep btf`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Verbs of `btf`.
#[derive(Debug, Subcommand)]
pub(crate) enum BtfVerb {
    /// Print every type: of the running kernel, a module, a BTF object, a file.
    Dump(BtfDump),
    /// Print types as C declarations that compile, such as a vmlinux.h.
    C(BtfC),
    /// Print types as Rust declarations that compile, and check their own layout.
    Rust(BtfRust),
    /// Write as much of a kernel's types as the given objects' CO-RE relocations need.
    Min(BtfMin),
}

/// Where types come from.
#[derive(Debug, Args)]
pub(crate) struct BtfSource {
    /// BTF file, or ELF file with a .BTF section; without it the running kernel.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The BTF object with this id in the kernel.
    #[arg(long, value_name = "N", conflicts_with = "file")]
    pub(crate) id: Option<u32>,
    /// A module of the running kernel.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "id"])]
    pub(crate) module: Option<String>,
    /// The BTF file that FILE continues (split BTF).
    #[arg(long, value_name = "FILE", requires = "file")]
    pub(crate) base: Option<PathBuf>,
}

/// `skep btf dump`.
#[derive(Debug, Args)]
#[command(after_help = "\
A line for each type, with its id, kind, name and properties; members, parameters, enumerators and \
variables follow, a line each. Of split BTF only its own types are printed.

Examples:
  skep btf dump                                  the running kernel's types
  skep btf dump prog.bpf.o
  skep btf dump mod.btf --base vmlinux.btf --json")]
pub(crate) struct BtfDump {
    #[command(flatten)]
    pub(crate) source: BtfSource,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// The BTF itself, byte for byte.
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
}

/// `skep btf c`.
#[derive(Debug, Args)]
#[command(after_help = "\
Enums come first and the rest by name. Types with the same name get a number (`___2`).

Examples:
  skep btf c > vmlinux.h
  skep btf c --root task_struct --root bpf_map > mine.h
  skep btf c --module nf_conntrack")]
pub(crate) struct BtfC {
    #[command(flatten)]
    pub(crate) source: BtfSource,
    /// Only the types with this name and what they need.
    #[arg(long, value_name = "NAME")]
    pub(crate) root: Vec<String>,
    /// Name of the header's include guard.
    #[arg(long, value_name = "MACRO", default_value = "__VMLINUX_H__", value_parser = macro_name)]
    pub(crate) guard: String,
}

/// `skep btf rust`.
#[derive(Debug, Args)]
#[command(after_help = "\
A file for a module of its own. Structs and unions lie as in memory, padding is a member, and rustc \
checks every size and offset. Pointers are u64 (what they point to is a comment), bool is u8, enums \
are newtypes with constants, bit-fields that lie together are one integer.

With --root a file has these types and what they hold, not what they point to.

Examples:
  skep btf rust --root task_struct --root sk_buff > src/kernel.rs
  skep btf rust prog.bpf.o > src/types.rs")]
pub(crate) struct BtfRust {
    #[command(flatten)]
    pub(crate) source: BtfSource,
    /// Only the types with this name and what they hold.
    #[arg(long, value_name = "NAME")]
    pub(crate) root: Vec<String>,
}

/// `skep btf min`.
#[derive(Debug, Args)]
#[command(after_help = "\
The objects' relocations come to the same answers with what is written as with the whole. Give it \
to a loader on a kernel that is built without BTF. Modules are looked into for types that the \
kernel itself lacks; what is needed of them is written into the same file.

Examples:
  skep btf min prog.bpf.o -o min.btf             of the running kernel
  skep btf min *.bpf.o --btf 5.4.0-42.btf -o 5.4.0-42.min.btf
  skep btf min *.bpf.o --btf vmlinux.btf --module veth.btf --module tun.btf -o min.btf")]
pub(crate) struct BtfMin {
    /// BPF object files.
    #[arg(required = true, value_name = "OBJ")]
    pub(crate) objects: Vec<PathBuf>,
    /// The kernel's BTF file; without it the running kernel's.
    #[arg(long, value_name = "FILE")]
    pub(crate) btf: Option<PathBuf>,
    /// A module's BTF file, which continues that of --btf; without --btf all of the running
    /// kernel's modules.
    #[arg(long, value_name = "FILE", requires = "btf")]
    pub(crate) module: Vec<PathBuf>,
    /// Where to write it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

fn macro_name(text: &str) -> Result<String, String> {
    let valid = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let digit = text.starts_with(|c: char| c.is_ascii_digit());
    match !text.is_empty() && !digit && text.chars().all(valid) {
        true => Ok(text.to_owned()),
        false => Err("expected a name of letters, digits and _".to_owned()),
    }
}
