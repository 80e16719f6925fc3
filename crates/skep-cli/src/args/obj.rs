//! `skep obj`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Verbs of `obj`.
#[derive(Debug, Subcommand)]
pub(crate) enum ObjVerb {
    /// What is in object files: programs, maps, variables, externs, functions, types.
    Show(Show),
    /// Instructions in the kernel's syntax, with names, source lines and CO-RE relocations.
    Disasm(Disasm),
    /// Link several object files into one.
    Link(Link),
}

/// `skep obj show`.
#[derive(Debug, Args)]
#[command(after_help = "\
No kernel is asked. What is wrong with a program, map, function or extern stands with it; the rest \
of the file does not suffer.

JSON: one object for each file, with the keys object license version endian btf programs maps \
variables externs functions warnings; null where there is no value.")]
pub(crate) struct Show {
    /// BPF object files.
    #[arg(required = true, value_name = "OBJ")]
    pub(crate) objects: Vec<PathBuf>,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `skep obj disasm`.
#[derive(Debug, Args)]
#[command(after_help = "\
Every function by itself, as in the file. A jump skips so many instructions (pc+3); maps, functions \
and symbols of the kernel stand by name. Where a jump table leads is a label (.L9), with the table's \
entries that lead there.

JSON: one object for each instruction, with the keys object section function slot code text source \
place relocation label entries; null where there is no value.")]
pub(crate) struct Disasm {
    /// BPF object files.
    #[arg(required = true, value_name = "OBJ")]
    pub(crate) objects: Vec<PathBuf>,
    /// Only this function; may be given several times.
    #[arg(long = "function", short = 'f', value_name = "NAME")]
    pub(crate) functions: Vec<String>,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `skep obj link`.
#[derive(Debug, Args)]
#[command(after_help = "\
Sections of the same name are joined, each global name becomes one symbol, types are merged. Of \
weak definitions the first counts. What no file defines stays open: the kernel may have it.

Example:
  skep obj link -o app.bpf.o core.bpf.o maps.bpf.o helpers.bpf.o")]
pub(crate) struct Link {
    /// BPF object files.
    #[arg(required = true, value_name = "OBJ")]
    pub(crate) objects: Vec<PathBuf>,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Say what was written, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
