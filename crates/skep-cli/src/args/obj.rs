//! `skep obj`.

use super::Pair;
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
    /// Make of an object a BPF program that loads it, to be run without the object.
    Loader(Loader),
    /// Print Rust that knows an object's programs, maps and variables by name and type.
    #[command(visible_alias = "skeleton")]
    Rust(Rust),
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

/// `skep obj loader`.
#[derive(Debug, Args)]
#[command(after_help = "\
The file has the program and its data, and the names of what it loads; skep::object::LoaderProgram \
reads and runs it. No kernel is asked, so that equal objects give equal files. What only a process \
can do (struct_ops, arenas, pins, freplace, USDT) is an error.

To sign: write what is to be signed by --to-sign, sign it, and make the file again with the \
signature. Linux 6.18 takes signatures of the instructions alone, for which there are options of \
their own; the instructions check the data.

Example:
  skep obj loader app.bpf.o -o app.loader --signed --to-sign app.bytes
  openssl cms -sign -binary -noattr -nocerts -nosmimecap -outform DER \\
    -in app.bytes -signer cert.pem -inkey key.pem -out app.p7s
  skep obj loader app.bpf.o -o app.loader --signature app.p7s")]
pub(crate) struct Loader {
    /// BPF object file.
    #[arg(value_name = "OBJ")]
    pub(crate) object: PathBuf,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Lines of CONFIG_X=value for the object's __kconfig variables.
    #[arg(long, value_name = "FILE")]
    pub(crate) kconfig: Option<PathBuf>,
    /// Have the program check its data.
    #[arg(long)]
    pub(crate) signed: bool,
    /// Write the instructions and the data after them, which are what is signed, to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) to_sign: Option<PathBuf>,
    /// Put in this signature of them, a detached PKCS#7 message in DER; implies --signed.
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
    /// Write the instructions alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) insns_to_sign: Option<PathBuf>,
    /// Put in this signature of the instructions alone; implies --signed.
    #[arg(long, value_name = "FILE")]
    pub(crate) insns_signature: Option<PathBuf>,
    /// Say what was written, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `skep obj rust`.
#[derive(Debug, Args)]
#[command(after_help = "\
A file for a module of its own, which needs the crate skep and nothing else; no clang, no build \
script. Before the load it has a function for every variable, map, program and member of a \
struct_ops map, after it variables as programs see them now, maps as typed views, programs and \
links. Types are the object's own, and rustc checks how they lie. What the object does not tell is \
bytes.

With --partial it is for the code of a library: it binds to an object that somebody else opens and \
into which the library's object was linked (skep obj link). What is missing there is an error that \
names it, but for what is weak or not loaded unless asked for.

Of several objects each is a module.

Examples:
  skep obj rust app.bpf.o --embed app.bpf.o > src/app.rs
  skep obj rust app.bpf.o --record events=event > src/app.rs
  skep obj rust lib.bpf.o --partial > src/lib_bpf.rs")]
pub(crate) struct Rust {
    /// BPF object files.
    #[arg(required = true, value_name = "OBJ")]
    pub(crate) objects: Vec<PathBuf>,
    /// Name of the type; without it the object's.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Make the object file part of the program: its path, from the Rust file's directory.
    #[arg(long, value_name = "PATH")]
    pub(crate) embed: Option<String>,
    /// The same, compiled for big-endian machines.
    #[arg(long, value_name = "PATH", requires = "embed")]
    pub(crate) embed_be: Option<String>,
    /// Only what a library needs in somebody else's object.
    #[arg(long, visible_alias = "subskeleton", conflicts_with_all = ["embed", "embed_be"])]
    pub(crate) partial: bool,
    /// Declare this type, too; may be given several times.
    #[arg(long = "type", value_name = "NAME")]
    pub(crate) types: Vec<String>,
    /// Type of the records of a ring buffer that is declared without; may be given several times.
    #[arg(long = "record", value_name = "MAP=TYPE")]
    pub(crate) records: Vec<Pair>,
}
