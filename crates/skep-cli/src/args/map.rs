//! `skep map` and `skep tail`.

use super::seconds;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Verbs of `map`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
MAP is an id, a name where only one map has it, or the path of a pin (it has a /). The kernel keeps \
15 characters of a name.")]
pub(crate) enum MapVerb {
    /// List them.
    #[command(alias = "ls")]
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// All that is known of one: types, memory, who has it.
    Show {
        /// Id, name or path of a pin.
        map: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print every key and value, decoded by BTF.
    Dump(Dump),
    /// Print the value of a key; the next one of a queue or stack.
    #[command(alias = "lookup", visible_alias = "peek")]
    Get(Get),
    /// Set values; push them, for a queue or stack.
    #[command(aliases = ["update", "push"])]
    Set(Set),
    /// Delete a key; take the next value out of a queue or stack.
    #[command(aliases = ["rm", "pop"])]
    Delete(Delete),
    /// Make a map, and pin it.
    Create(Create),
    /// Pin a map.
    Pin(Pin),
    /// Forbid changes from user space, for good; programs still may.
    Freeze {
        /// Id, name or path of a pin.
        map: String,
    },
    /// Watch how full maps are, and what memory they take.
    Top(Top),
}

/// `skep map dump`.
#[derive(Debug, Args)]
#[command(after_help = "\
Elements are read many at a time where the kernel can. What is added or deleted meanwhile may be \
missing.

With --watch the map is read again and again, until Ctrl-C: on a terminal it is drawn anew with \
changed elements marked, else each change is a line of its own that begins with + (new), ~ (changed) \
or - (gone). In JSON these lines have the key \"change\": added, changed or removed.

JSON: one object for each element, {\"key\":..., \"value\":...}; \"values\", one for each CPU, in a \
per-CPU map.")]
pub(crate) struct Dump {
    /// Id, name or path of a pin.
    pub(crate) map: String,
    /// Read again every so many seconds, and show what changes.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1",
          value_parser = seconds)]
    pub(crate) watch: Option<Duration>,
    /// Stop watching after this many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds, requires = "watch")]
    pub(crate) duration: Option<Duration>,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `skep map get`.
#[derive(Debug, Args)]
#[command(after_help = HOW)]
pub(crate) struct Get {
    /// Id, name or path of a pin.
    pub(crate) map: String,
    /// The key: key=VALUE, key.MEMBER=VALUE; of a per-CPU map one value by cpu=N.
    #[arg(value_name = "key...=VALUE")]
    pub(crate) assigns: Vec<Assign>,
    /// Read under the value's `struct bpf_spin_lock`.
    #[arg(long)]
    pub(crate) lock: bool,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `skep map set`.
#[derive(Debug, Args)]
#[command(after_help = HOW)]
pub(crate) struct Set {
    /// Id, name or path of a pin.
    pub(crate) map: String,
    /// Key and value: key.MEMBER=VALUE value.MEMBER=VALUE; of a per-CPU map one value by cpu=N.
    #[arg(value_name = "key|value...=VALUE", required = true)]
    pub(crate) assigns: Vec<Assign>,
    /// Only if the key is there (a full queue or stack: the oldest value goes).
    #[arg(long, conflicts_with = "noexist")]
    pub(crate) exist: bool,
    /// Only if the key is not there.
    #[arg(long)]
    pub(crate) noexist: bool,
    /// Read and write under the value's `struct bpf_spin_lock`.
    #[arg(long)]
    pub(crate) lock: bool,
}

/// `skep map delete`.
#[derive(Debug, Args)]
#[command(after_help = HOW)]
pub(crate) struct Delete {
    /// Id, name or path of a pin.
    pub(crate) map: String,
    /// The key: key=VALUE, key.MEMBER=VALUE.
    #[arg(value_name = "key...=VALUE")]
    pub(crate) assigns: Vec<Assign>,
    /// A value that was taken out, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

const HOW: &str = "\
Keys and values are given by the members of their types, or as a whole:
  skep map set flows key.port=443 key.addr=10.0.0.1 value.limit=10
  skep map set flows key='{ port = 443 }' value='{\"limit\": 10, \"name\": \"x\"}'
  skep map set counters key=5 value=7 cpu=2
  skep map set jumps key=0 value=PROG            (PROG, MAP: id, name or path of a pin)
  skep map set outer key=0 value=MAP
Numbers are decimal, 0x, 0o or 0b; enumerators are given by name; arrays as [1, 2] or element by \
element, value.a[2]=1; text for an array of char; bytes as 0a:ff, [0a ff] or \"0aff\" or an address \
(10.0.0.1, fe80::1). What `skep map dump` prints, with and without --json, can be given back.

Members that are not named are zero in a new element and stay as they are in one that is there: it is \
read, changed and written, so that what a program changes between these steps is lost (memory that \
can be mapped, such as global variables, is written directly, and only where it changes).

In a prefix trie a key can be given as key=10.0.0.0/8, or key=10.0.0.1 for all bits. Keys are named \
by what they stand for where the kernel wants a descriptor: a process id (task storage), a path (inode \
and cgroup storage). Device maps take the name of an interface.";

/// `skep map create`.
#[derive(Debug, Args)]
#[command(after_help = "\
A map goes away with its last user, so that a new one must be pinned.

Examples:
  skep map create flows --type hash --key 4 --value 8 --entries 1024 --pin /sys/fs/bpf/flows
  skep map create flows --type hash --btf app.bpf.o --key-type 'struct flow' --value-type __u64 \\
      --entries 1024 --pin /sys/fs/bpf/flows
  skep map create outer --type array_of_maps --key 4 --value 4 --entries 8 --inner flows \\
      --pin /sys/fs/bpf/outer")]
pub(crate) struct Create {
    /// Its name; the kernel keeps 15 characters.
    pub(crate) name: String,
    /// Type: hash, array, lru_hash, ringbuf, lpm_trie and so on.
    #[arg(long = "type", value_name = "TYPE", value_parser = map_type)]
    pub(crate) map_type: skep::MapType,
    /// Path in a BPF file system.
    #[arg(long, value_name = "PATH")]
    pub(crate) pin: String,
    /// Bytes of a key.
    #[arg(long, value_name = "BYTES", conflicts_with = "key_type")]
    pub(crate) key: Option<u32>,
    /// Bytes of a value.
    #[arg(long, value_name = "BYTES", conflicts_with = "value_type")]
    pub(crate) value: Option<u32>,
    /// The most elements; bytes, for a ring buffer; pages, for an arena.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) entries: u32,
    /// Flags by their kernel names, with or without BPF_F_ (no_prealloc,mmapable), or a number.
    #[arg(long, value_name = "FLAGS", value_parser = map_flags, default_value = "0")]
    pub(crate) flags: u32,
    /// `map_extra`: hash functions of a bloom filter, address of an arena.
    #[arg(long, value_name = "NUMBER", value_parser = number, default_value = "0")]
    pub(crate) extra: u64,
    /// Memory node.
    #[arg(long, value_name = "NODE")]
    pub(crate) numa: Option<u32>,
    /// Interface that it is offloaded to.
    #[arg(long, value_name = "IFACE")]
    pub(crate) dev: Option<String>,
    /// For a map of maps: a map that the inner ones are like.
    #[arg(long, value_name = "MAP")]
    pub(crate) inner: Option<String>,
    /// Object or BTF file that has the types of key and value.
    #[arg(long, value_name = "FILE")]
    pub(crate) btf: Option<PathBuf>,
    /// Type of the key.
    #[arg(long, value_name = "TYPE", requires = "btf")]
    pub(crate) key_type: Option<String>,
    /// Type of the value.
    #[arg(long, value_name = "TYPE", requires = "btf")]
    pub(crate) value_type: Option<String>,
}

/// `skep map pin`.
#[derive(Debug, Args)]
#[command(after_help = "Nothing is mounted and no directory is made.")]
pub(crate) struct Pin {
    /// Id, name or path of another pin.
    pub(crate) map: String,
    /// Path in a BPF file system.
    pub(crate) path: String,
}

/// `skep map top`.
#[derive(Debug, Args)]
#[command(after_help = "\
ENTRIES are counted by walking over the map (at most a million; then the number ends with +); of a \
ring buffer they are the bytes that wait to be read. CHANGE is since the last time. An array is \
always full: it has no number. Nothing in a map changes by being counted. The kernel counts no \
operations: how often a map is read or written cannot be told.

JSON: an object for each map and time, with the keys seconds id type name entries counted_all change \
max_entries fill_percent memory_bytes; null where there is no value.")]
pub(crate) struct Top {
    /// Ids, names or pins; all maps if none is given.
    pub(crate) maps: Vec<String>,
    /// Look again every so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "2")]
    pub(crate) interval: Duration,
    /// Stop after this many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// Which maps come first.
    #[arg(long, value_enum, default_value_t = Sort::Fill)]
    pub(crate) sort: Sort,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `top` sorts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// The fullest first.
    Fill,
    /// Those that take most memory first.
    Memory,
    /// Those with most entries first.
    Entries,
    /// In order of id.
    Id,
}

/// `skep tail`.
#[derive(Debug, Args)]
#[command(after_help = "\
Records are decoded by BTF: of the struct given by --type, else of one named `event`, else of the only \
one that it can be, in the types of the programs that use the map or of --btf FILE; else they are \
bytes in hex.

With --for 0 what is there already is printed.

A ring buffer has one consumer. What is read here is not read by another process, so that one that \
has the map open is named and nothing is read unless --steal says so.")]
pub(crate) struct Tail {
    /// Id, name or path of a pin.
    pub(crate) map: String,
    /// The struct that it carries.
    #[arg(long = "type", value_name = "STRUCT")]
    pub(crate) record: Option<String>,
    /// Object or BTF file that has the struct.
    #[arg(long, value_name = "FILE")]
    pub(crate) btf: Option<PathBuf>,
    /// Read although another process has the map open.
    #[arg(long)]
    pub(crate) steal: bool,
    /// Stop after this many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a part of the command line sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Key,
    Value,
    Cpu,
}

/// `key=VALUE`, `value.member[2]=VALUE`, `cpu=N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assign {
    pub(crate) side: Side,
    /// What follows `key` or `value`: nothing, or members and elements.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl FromStr for Assign {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected key[.MEMBER]=VALUE, value[.MEMBER]=VALUE or cpu=N".to_owned();
        let (place, text) = text.split_once('=').ok_or_else(expected)?;
        let end = place.find(['.', '[']).unwrap_or(place.len());
        let (name, path) = place.split_at(end);
        let side = match name {
            "key" => Side::Key,
            "value" => Side::Value,
            "cpu" if path.is_empty() => Side::Cpu,
            _ => return Err(expected()),
        };
        Ok(Self {
            side,
            path: path.to_owned(),
            text: text.to_owned(),
        })
    }
}

impl Assign {
    /// The part before the sign.
    pub(crate) fn place(&self) -> String {
        let name = match self.side {
            Side::Key => "key",
            Side::Value => "value",
            Side::Cpu => "cpu",
        };
        format!("{name}{}", self.path)
    }
}

fn map_type(text: &str) -> Result<skep::MapType, String> {
    let known = |name: &str| skep::MapType::from_name(name);
    let short = text.strip_prefix("BPF_MAP_TYPE_").unwrap_or(text);
    known(short)
        .or_else(|| short.parse().ok().map(skep::MapType))
        .filter(|ty| *ty != skep::MapType::UNSPEC)
        .ok_or_else(|| {
            let names = skep::MapType::ALL.iter().skip(1);
            let names: Vec<_> = names.map(|(_, ty)| ty.to_string()).collect();
            format!("the types are {}", names.join(", "))
        })
}

fn number(text: &str) -> Result<u64, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "expected a number".to_owned())
}

fn map_flags(text: &str) -> Result<u32, String> {
    text.split([',', '|']).try_fold(0, |all, word| {
        let word = word.trim();
        let flag = number(word).ok().and_then(|n| u32::try_from(n).ok());
        let named = || {
            let upper = word.to_ascii_uppercase();
            let name = upper.strip_prefix("BPF_F_").unwrap_or(&upper);
            crate::map_flags::by_name(name)
        };
        match flag.or_else(named) {
            Some(flag) => Ok(all | flag),
            None => Err(format!("`{word}` is none of {}", crate::map_flags::known())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_split_at_the_first_sign() {
        let parse = |text: &str| text.parse::<Assign>();
        let assign = parse("value.a[2].b={ c = 1 }").unwrap();
        assert_eq!(assign.side, Side::Value);
        assert_eq!(assign.path, ".a[2].b");
        assert_eq!(assign.text, "{ c = 1 }");
        assert_eq!(assign.place(), "value.a[2].b");
        assert_eq!(parse("key[1]=").unwrap().path, "[1]");
        assert_eq!(parse("cpu=3").unwrap().side, Side::Cpu);
        for wrong in ["key", "keys=1", "port=1", "=1", "cpu.x=1", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn types_and_flags_go_by_name_or_number() {
        assert_eq!(map_type("hash"), Ok(skep::MapType::HASH));
        assert_eq!(
            map_type("BPF_MAP_TYPE_LPM_TRIE"),
            Ok(skep::MapType::LPM_TRIE)
        );
        assert_eq!(map_type("99"), Ok(skep::MapType(99)));
        assert!(map_type("hsh").unwrap_err().contains("hash"));
        assert_eq!(map_flags("0"), Ok(0));
        assert_eq!(map_flags("no_prealloc,BPF_F_MMAPABLE|0x2"), Ok(0x403));
        assert!(map_flags("no").unwrap_err().contains("NO_PREALLOC"));
    }
}
