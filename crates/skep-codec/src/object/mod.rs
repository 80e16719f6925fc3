//! BPF object files: bytes -> [`ObjectSpec`] (edit it) -> [`link`] -> [`lower`] -> instructions.
//!
//! Everything here is pure: no kernel is asked, and the result is the same on every machine. An
//! error belongs to the program, map, function or extern that has it; the rest of the file does
//! not suffer.
//!
//! ```text
//! parse:  elf -> sections -> functions, programs, maps, data, externs -> references
//! link:   a program and every function it reaches -> Code: calls done, maps and externs symbolic
//! lower:  map descriptors, ids and addresses put into Code
//! ```

mod code;
mod data;
mod edit;
mod externs;
mod jump_tables;
mod kconfig;
mod legacy;
mod link;
mod lower;
mod maps;
mod parse;
#[cfg(any(test, feature = "prune"))]
mod prune;
mod refs;
pub mod sections;
mod struct_ops;
mod tags;
#[cfg(any(test, feature = "asm"))]
mod text;
mod values;

use crate::uapi::flags;
pub use data::{Data, DataKind, MAX_DATA};
pub use externs::{Extern, ExternKind, KconfigKind};
pub use jump_tables::JumpTable;
pub use kconfig::Kconfig;
pub use link::{Code, MAX_INSNS, link, link_program};
pub use lower::{
    Address, Lowering, POISON_KFUNC, POISON_MAP, calls_probe_read, digest, downgrade_probe_read,
    lower, lower_jump_tables,
};
#[cfg(any(test, feature = "linker"))]
pub(crate) use maps::definition as map_definition;
pub use sections::{SectionDef, Verb};
#[cfg(any(test, feature = "asm"))]
pub use text::{FunctionText, TextLine};
pub use values::{Variable, VariableMut};

use crate::btf::{Btf, BtfExt, TypeId};
pub use crate::btf::{ContextArg, SectionLayout};
use crate::bytes::Endian;
use crate::error::bail;
use crate::insn::Insn;
use crate::uapi::bpf::{AttachType, MapType, ProgType};
use crate::{Error, Result};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// All that an object file says. Indices (`usize`) point into its vectors.
#[derive(Clone, Debug)]
pub struct ObjectSpec {
    /// Name of the object: the file's name up to the first dot.
    pub name: String,
    /// Byte order of instructions and data.
    pub endian: Endian,
    /// Text of the `license` section; `None` where there is none: the kernel then takes the
    /// programs for not GPL compatible.
    pub license: Option<String>,
    /// Number in the `version` section (read by kernels before 5.0 only).
    pub version: Option<u32>,
    /// The types.
    pub btf: Option<Arc<Btf>>,
    /// Function, line and CO-RE records.
    pub ext: BtfExt,
    /// Maps, global data included.
    pub maps: Vec<MapSpec>,
    /// Global variables, in order of map and offset.
    pub variables: Vec<Variable>,
    /// Programs, in order of section and offset.
    pub programs: Vec<ProgramSpec>,
    /// All functions, programs' own included, in order of section and offset.
    pub functions: Vec<Function>,
    /// Targets of indirect jumps.
    pub jump_tables: Vec<JumpTable>,
    /// Parameters that are tagged as the program's context.
    pub context_args: Vec<ContextArg>,
    /// Kernel symbols and configuration values wanted.
    pub externs: Vec<Extern>,
    /// Where variables lie in their sections, for the upload of BTF.
    pub layouts: Vec<SectionLayout>,
    /// What is odd, or could not be read, and belongs to no item.
    pub warnings: Vec<Error>,
}

/// A map to be created.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct MapSpec {
    /// Name. A data section's map is named as libbpf does (object and section, 15 bytes in all).
    pub name: String,
    /// Type.
    pub map_type: MapType,
    /// Size of a key in bytes.
    pub key_size: u32,
    /// Size of a value in bytes.
    pub value_size: u32,
    /// Capacity; 0 lets the loader choose (perf event arrays: the number of CPUs).
    pub max_entries: u32,
    /// `BPF_F_*` of map creation.
    pub map_flags: u32,
    /// Bloom filter's hash functions, arena's address.
    pub map_extra: u64,
    /// NUMA node to allocate on.
    pub numa_node: Option<u32>,
    /// Network device that it is offloaded to; 0 for none.
    pub ifindex: u32,
    /// Name of the only program that may use it (exclusive maps, Linux 6.18).
    #[doc(alias = "excl_prog")]
    pub exclusive_to: Option<String>,
    /// Whether it is shared through a pin.
    pub pinning: Pinning,
    /// Type of a key; 0 where not known.
    pub key_type: TypeId,
    /// Type of a value; 0 where not known.
    pub value_type: TypeId,
    /// What the inner maps of a map of maps look like.
    pub inner: Option<Box<MapSpec>>,
    /// Contents set by the object: index and what is put there.
    pub slots: Vec<(u32, Slot)>,
    /// Contents of a map of global data.
    pub data: Option<Data>,
    /// Whether to create it.
    pub autocreate: bool,
    /// Whether to attach it when everything is attached (`struct_ops` maps).
    pub autoattach: bool,
    /// Byte offset of the definition in its section.
    pub offset: u64,
    /// Why it cannot be created.
    pub error: Option<Error>,
}

/// How a map is shared by a pin.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pinning {
    /// Not pinned.
    #[default]
    None,
    /// `LIBBPF_PIN_BY_NAME`: pinned under its name, reused when it is there already.
    ByName,
    /// The same, at this path.
    #[doc(alias = "set_pin_path")]
    Path(String),
}

/// What the object puts into a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A map, into a map of maps.
    Map(usize),
    /// A program, into a program array or a `struct_ops` value.
    Program(usize),
}

/// A program to be loaded.
#[derive(Clone, Debug)]
pub struct ProgramSpec {
    /// Name of its function.
    pub name: String,
    /// Name of its section, as it is in the file.
    pub section: String,
    /// Type; `UNSPEC` where the section's name means none: it may be set.
    pub prog_type: ProgType,
    /// `expected_attach_type`; `None` where the type has none.
    pub attach_type: Option<AttachType>,
    /// Kernels too old to know the attach type load the program without it.
    pub attach_type_optional: bool,
    /// `prog_flags` of program load.
    pub flags: u32,
    /// Whether it is loaded for a kernel type or function, by BTF id.
    pub attach_btf: bool,
    /// What follows the slash in the section's name: what to attach to.
    pub target: Option<String>,
    /// How it is attached.
    pub attach: Verb,
    /// Whether the hook is the return of the function (`kretprobe`, `uretprobe`, ...).
    pub on_return: bool,
    /// Whether to load it (no for a section name that begins with `?`).
    pub autoload: bool,
    /// Whether to attach it when everything is attached.
    pub autoattach: bool,
    /// Its function.
    pub function: usize,
    /// The function that runs when the program throws (tag `exception_callback:NAME`).
    pub exception_callback: Option<usize>,
    /// The network device that it is for; 0 for none. [`ProgramSpec::bound_to_device`] binds it to
    /// the device, else it is offloaded there.
    pub ifindex: u32,
    /// Level of the verifier's log for this program, beside that of the load as a whole.
    pub log_level: u32,
    /// Why it cannot be loaded.
    pub error: Option<Error>,
}

impl ProgramSpec {
    /// Binds an XDP program to a network device: it may ask the driver what that knows of a packet
    /// (`bpf_xdp_metadata_rx_hash` and others), and attaches there only, in the driver.
    ///
    /// # Kernel
    /// `BPF_F_XDP_DEV_BOUND_ONLY`, since Linux 6.3.
    #[doc(alias = "BPF_F_XDP_DEV_BOUND_ONLY")]
    #[inline]
    pub fn bound_to_device(&mut self, ifindex: u32) -> &mut Self {
        self.ifindex = ifindex;
        self.flags |= flags::XDP_DEV_BOUND_ONLY;
        self
    }

    /// Whether it can be loaded, as far as that can be told without a kernel.
    ///
    /// # Errors
    /// What is wrong with it; `Unsupported` for a program without a type.
    pub fn check(&self) -> Result<()> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if self.prog_type != ProgType::UNSPEC {
            return Ok(());
        }
        let name = self.section.strip_prefix('?').unwrap_or(&self.section);
        let what = format!("the section name '{name}' means no program type");
        let unknown = Error::new(crate::ErrorKind::Unsupported, what);
        Err(unknown.in_section(&self.section).of_symbol(&self.name))
    }
}

/// A function: a program's own, or one that programs call.
#[derive(Clone, Debug)]
pub struct Function {
    /// Name of its symbol.
    pub name: String,
    /// Name of its section.
    pub section: String,
    /// ELF index of its section: names need not be unique.
    pub section_index: usize,
    /// Byte offset in the section.
    pub offset: u64,
    /// Its instructions, as in the file. They may be changed one by one;
    /// [`splice`](Function::splice) also adds and removes some.
    pub insns: Vec<Insn>,
    /// What its instructions refer to, in order of instruction.
    pub refs: Vec<Ref>,
    /// Whether its symbol is not local.
    pub global: bool,
    /// Whether its symbol is weak.
    pub weak: bool,
    /// Whether its symbol is hidden: verified like a static function.
    pub hidden: bool,
    /// Where the instructions of the file are now.
    moved: edit::Moved,
    /// Why no program can contain it.
    pub error: Option<Error>,
}

/// A reference from an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ref {
    /// Index of the (first slot of the) instruction.
    pub insn: usize,
    /// What it refers to.
    pub to: Target,
}

/// What an instruction refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A map's descriptor (`ld_imm64`).
    Map(usize),
    /// The address of a byte in the value of a map with one element (`ld_imm64`).
    MapValue {
        /// The map.
        map: usize,
        /// Byte offset in the value.
        offset: u32,
    },
    /// A call of a function.
    Call(usize),
    /// The address of a function (`ld_imm64`), for a callback.
    FuncAddr(usize),
    /// The address of a jump table (`ld_imm64`).
    JumpTable(usize),
    /// An extern: its address (`ld_imm64`), or a call of it.
    Extern(usize),
}

impl ObjectSpec {
    /// Reads a BPF object. `name` is the file's name: it makes the names of data maps.
    ///
    /// # Errors
    /// The bytes are no 64-bit relocatable BPF ELF file. Anything else that is wrong is kept with
    /// the item that it concerns, or in [`ObjectSpec::warnings`].
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        Self::parse_with(bytes, name, &[])
    }

    /// [`ObjectSpec::parse`] with section names of the caller's own. A name that libbpf knows
    /// keeps its meaning.
    ///
    /// # Errors
    /// See [`ObjectSpec::parse`].
    #[doc(alias = "libbpf_register_prog_handler")]
    pub fn parse_with(bytes: &[u8], name: &str, sections: &[SectionDef]) -> Result<Self> {
        parse::parse(bytes, name, sections)
    }

    /// The map of this name; a data map also answers to its section's name.
    pub fn map(&self, name: &str) -> Option<&MapSpec> {
        self.map_index(name).and_then(|index| self.maps.get(index))
    }

    /// [`ObjectSpec::map`], to be edited.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn map_mut(&mut self, name: &str) -> Result<&mut MapSpec> {
        let index = self.map_index(name);
        match index.and_then(|index| self.maps.get_mut(index)) {
            Some(map) => Ok(map),
            None => bail!(NotFound, "no map named '{name}'"),
        }
    }

    /// Index of the map of this name.
    pub fn map_index(&self, name: &str) -> Option<usize> {
        let by_name = self.maps.iter().position(|map| map.name == name);
        by_name.or_else(|| {
            let section = |map: &MapSpec| map.data.as_ref().is_some_and(|d| d.section == name);
            self.maps.iter().position(section)
        })
    }

    /// The program of this name.
    pub fn program(&self, name: &str) -> Option<&ProgramSpec> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// [`ObjectSpec::program`], to be edited.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn program_mut(&mut self, name: &str) -> Result<&mut ProgramSpec> {
        let found = self.programs.iter_mut().find(|p| p.name == name);
        match found {
            Some(program) => Ok(program),
            None => bail!(NotFound, "no program named '{name}'"),
        }
    }

    /// Names of the functions that the verifier is to take for static: hidden ones.
    pub fn static_functions(&self) -> impl Iterator<Item = &str> {
        let hidden = self.functions.iter().filter(|f| f.global && f.hidden);
        hidden.map(|function| function.name.as_str())
    }

    /// Whether something in the object needs the kernel's BTF: CO-RE, typed kernel symbols, or a
    /// program that attaches by BTF id.
    pub fn wants_kernel_btf(&self) -> bool {
        self.ext.core_relos.values().any(|relos| !relos.is_empty())
            || self.externs.iter().any(Extern::is_typed_ksym)
            || self.programs.iter().any(|p| p.autoload && p.attach_btf)
    }
}
