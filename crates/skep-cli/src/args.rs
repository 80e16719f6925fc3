//! The command line.

mod btf;
mod hook;
mod map;
mod obj;

pub(crate) use btf::{BtfC, BtfDump, BtfMin, BtfRust, BtfSource, BtfVerb};
pub(crate) use hook::{Attach, Hook, Place};
pub(crate) use map::{Assign, Create, Delete, Dump, Get, MapVerb, Pin, Set, Side, Sort, Tail, Top};
pub(crate) use obj::{Disasm, Link, Loader, ObjVerb, Rust, Show};

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Loads, watches and checks eBPF programs.
#[derive(Debug, Parser)]
#[command(
    name = "skep",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(after_help = "\
Exit status: 0 all went well, 1 something failed, 2 wrong usage.
With --json every line of standard output is one JSON object.

Loading programs needs CAP_BPF and CAP_PERFMON (and CAP_NET_ADMIN for network hooks), or root.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load an object, attach its programs, print their events until Ctrl-C.
    Run(Run),
    /// Load each program of each object by itself and report what the kernel says.
    Verify(Verify),
    /// Tell what this kernel can do, and what this process may.
    Features(Features),
    /// Object files: what is in them, their instructions, several linked into one.
    Obj {
        #[command(subcommand)]
        verb: ObjVerb,
    },
    /// Programs that are in the kernel now, and their instructions.
    Prog {
        #[command(subcommand)]
        verb: ProgVerb,
    },
    /// Maps that are in the kernel now: what is in them, read and written by name and type.
    Map {
        #[command(subcommand)]
        verb: MapVerb,
    },
    /// Print what comes from a ring buffer or perf buffer that is in the kernel now.
    Tail(Tail),
    /// Links (attachments) that are in the kernel now.
    Link {
        #[command(subcommand)]
        verb: ListVerb,
    },
    /// Programs on the interfaces of this network namespace (XDP, tcx, netkit, traffic control) and on its
    /// routes.
    Net {
        #[command(subcommand)]
        verb: ListVerb,
    },
    /// Types: of the kernel, of objects, of files.
    Btf {
        #[command(subcommand)]
        verb: BtfVerb,
    },
}

/// `skep run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without OBJ a built-in tracer of process starts runs: a line for each program that is executed.

With OBJ every program is attached by its section name. Ring buffers and perf event arrays are read by BTF: the struct \
given by --type, else one named `event`, else the only candidate, else bytes in hex. In JSON the \
name of the ring buffer is the key \"map\" (\"_map\" where the struct has a field `map`).

Lines that programs print with bpf_printk appear under the name `printk`. The kernel does not say \
which program printed a line, so lines of others that print at the same time appear too.

A global named `dropped` or `lost` is the program's own count of lost events: it is shown at the end.

Examples:
  skep run                                      the built-in tracer
  skep run trace.bpf.o --set target_pid=1234 --json
  skep run count.bpf.o --attach count=xdp:veth0 --for 10")]
pub(crate) struct Run {
    /// BPF object file; without it the built-in tracer of process starts.
    #[arg(value_name = "OBJ")]
    pub(crate) object: Option<PathBuf>,
    /// Attach a program to HOOK: xdp:IFACE, ingress:IFACE, egress:IFACE, route:PREFIX@IFACE,
    /// cgroup:PATH, tracepoint:CATEGORY/NAME, raw_tp:NAME,
    /// kprobe:FUNCTION, ksyscall:NAME, uprobe:FILE:FUNCTION (kretprobe, ... for returns).
    #[arg(long, value_name = "PROG=HOOK", requires = "object")]
    pub(crate) attach: Vec<Attach>,
    /// The struct that a ring buffer or perf event array carries.
    #[arg(long = "type", value_name = "MAP=STRUCT", requires = "object")]
    pub(crate) types: Vec<Pair>,
    /// Set a global variable before loading: a number, true, an enumerator or a string.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<Pair>,
    /// Stop after this many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `skep verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Only the maps that a program uses are created, and nothing is attached: what is broken elsewhere \
in the file does not matter to it. Below the line of a refused program stands what the verifier \
complains of, at which instruction and source line, and what usually mends it.

JSON keys, null where there is no value: object program section opened loaded errno error insns \
verified_insns load_ns tag. An object that cannot be opened gives one line with \"opened\": false.")]
pub(crate) struct Verify {
    /// BPF object files.
    #[arg(required = true, value_name = "OBJ")]
    pub(crate) objects: Vec<PathBuf>,
    /// Print the whole verifier log of every program.
    #[arg(long, conflicts_with = "json")]
    pub(crate) log: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `skep features`.
#[derive(Debug, Args)]
#[command(after_help = "\
Every answer comes from trying: yes, no, or unknown where the kernel would not say for want of \
privilege, never from the kernel's version. SINCE is the first Linux release that has it, BUILT WITH \
the configuration options that it takes. What is made to try is gone when the answer is there; \
nothing is attached.

JSON: every line has \"group\" and \"name\". With \"answer\": yes, no, unknown (then \"errno\" says \
why), \"since\", \"config\"; lines of group helper have \"program_type\", too. The others have \"value\", \
null where it cannot be told.")]
pub(crate) struct Features {
    /// Also which helpers programs of each type may call.
    #[arg(long)]
    pub(crate) full: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Verbs of `prog`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProgVerb {
    /// List them.
    #[command(alias = "ls")]
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Print the instructions that the kernel runs, with source lines and names.
    #[command(after_help = PROG_DUMP)]
    Dump {
        /// Id, name or path of a pin.
        prog: String,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

const PROG_DUMP: &str = "\
These are the instructions after the verifier rewrote them: kernel addresses have become calls of \
functions of the kernel, dead code is gone. PROG is an id, a name where only one program has it, or \
the path of a pin (it has a /).

JSON: one object for each instruction, with the keys id function slot code text source place \
relocation label entries; null where there is no value.";

/// Verbs of `link` and `net`.
#[derive(Debug, Subcommand)]
pub(crate) enum ListVerb {
    /// List them.
    #[command(alias = "ls")]
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("it does not begin with a name and =".to_owned()),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn pairs_split_at_the_first_sign() {
        let pair: Pair = "a=b=c".parse().unwrap();
        assert_eq!((pair.name.as_str(), pair.value.as_str()), ("a", "b=c"));
        assert!("=x".parse::<Pair>().is_err());
        assert!("x".parse::<Pair>().is_err());
    }

    #[test]
    fn seconds_are_finite_and_not_negative() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["-1", "inf", "nan", "x", "1e300"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
