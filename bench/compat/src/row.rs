//! What one library did with one program, and both beside each other. All of it is JSON too.

use serde::{Deserialize, Serialize};

/// A program that was passed to the kernel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub name: String,
    pub prog_type: u32,
    pub attach_type: u32,
    pub attach_btf_id: u32,
    pub attach_to_fd: bool,
    pub flags: u32,
    pub license: String,
    /// Descriptors replaced by what they stand for.
    pub insns: Vec<u64>,
    pub maps: Vec<String>,
    pub has_btf: bool,
    /// Instruction and type.
    pub funcs: Vec<Vec<u32>>,
    /// Instruction and line.
    pub lines: Vec<Vec<u32>>,
    /// What the kernel said: a descriptor or a negative errno.
    pub answer: i32,
    pub tag: String,
}

/// What one library did with one program of an object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    pub index: usize,
    pub name: String,
    /// Without a question mark before it.
    pub section: String,
    pub ok: bool,
    pub errno: i32,
    pub error: String,
    /// What the object itself says of the program: `success` or `failure`.
    pub expects: Option<String>,
    /// The last request for the program; none if it did not come to that.
    pub load: Option<Load>,
}

/// A line that a child prints.
#[derive(Debug, Serialize, Deserialize)]
pub enum Line {
    /// The program of this index comes next.
    Begin(usize, String, String),
    /// It is done.
    Done(Box<Row>),
    /// The object could not be opened.
    Closed(String),
}

/// One side of a pair, as it is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Side {
    pub ok: bool,
    pub errno: i32,
    pub error: String,
    pub tag: String,
    pub insns: usize,
    /// The program came to the kernel.
    pub sent: bool,
    /// Names of the maps that it uses.
    #[serde(default)]
    pub maps: Vec<String>,
}

/// A program, by both libraries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pair {
    pub object: String,
    pub program: String,
    pub section: String,
    pub expects: Option<String>,
    pub skep: Side,
    pub libbpf: Side,
    /// What differs in what was sent, where both sent it.
    pub differs: Vec<String>,
}

/// A map's description begins with its name.
fn map_names(load: &Load) -> Vec<String> {
    let names = load.maps.iter().filter_map(|map| map.split(' ').next());
    names.map(str::to_owned).collect()
}

impl Side {
    pub fn new(row: &Row) -> Self {
        let load = row.load.as_ref();
        Self {
            ok: row.ok,
            errno: row.errno,
            error: row.error.clone(),
            tag: load.map(|l| l.tag.clone()).unwrap_or_default(),
            insns: load.map_or(0, |l| l.insns.len()),
            sent: load.is_some(),
            maps: load.map(map_names).unwrap_or_default(),
        }
    }

    pub fn absent(why: &str) -> Self {
        Self {
            error: why.to_owned(),
            ..Self::default()
        }
    }
}
