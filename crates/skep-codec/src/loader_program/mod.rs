//! Loader programs: what loads an object, as a BPF program and its data.
//!
//! A loader program is of type `syscall`. It has the object's maps, types and programs in the one
//! value of its map, makes them by calls of bpf(2), puts descriptors and addresses into them, and
//! leaves the descriptors in its context. Whoever runs it needs to know nothing of objects, BTF
//! and relocations: the kernel does the CO-RE relocations. Nothing here asks a kernel: equal specs
//! give equal bytes on every machine.
//!
//! # Kernel
//! Programs of type `syscall` since 5.14, symbols without types since 5.16, CO-RE since 5.17.

pub mod attr;
mod blob;
mod build;
mod emit;
mod file;
mod maps;
mod programs;
mod step;
mod symbols;
#[cfg(test)]
mod tests;

pub use step::Step;

use crate::Result;
use crate::btf::{BtfFeatures, TypeId};
use crate::bytes::Endian;
use crate::insn::{self, Insn};
use crate::object::{self, ObjectSpec, Variable};
use crate::sha256::sha256;
use crate::uapi::bpf::{AttachType, MapType, ProgType};
use alloc::string::String;
use alloc::vec::Vec;

/// Where things are in a loader's context, in bytes.
pub mod context {
    /// What is being done ([`Step::from_raw`](super::Step::from_raw)): written.
    pub const STEP: u32 = 0;
    /// Level of the verifier's log.
    pub const LOG_LEVEL: u32 = 4;
    /// Address of the log's buffer.
    pub const LOG_BUFFER: u32 = 8;
    /// Its size in bytes.
    pub const LOG_SIZE: u32 = 16;
    /// Where maps begin.
    pub const MAPS: u32 = 24;
    /// Of a map: its descriptor, written; -1 where there is none.
    pub const FD: u32 = 0;
    /// Of a map: its capacity; 0 for the object's own.
    pub const MAX_ENTRIES: u32 = 4;
    /// Of a map of constants: address of its data; 0 for the object's own.
    pub const DATA: u32 = 8;
    /// Bytes that a map takes.
    pub const MAP_SIZE: u32 = 16;

    /// Where something of a map is.
    pub fn map(index: usize, field: u32) -> u32 {
        let before = (index as u32).saturating_mul(MAP_SIZE);
        before.saturating_add(MAPS).saturating_add(field)
    }
}

/// How a loader program is to be made.
#[derive(Clone, Copy, Debug)]
pub struct LoaderOptions<'a> {
    /// What the kernels understand of BTF that it is to run on. Default: what Linux 6.0 does.
    pub features: BtfFeatures,
    /// Lines of `CONFIG_X=value` (and `LINUX_KERNEL_VERSION=number` and its like) for the object's
    /// `__kconfig` variables: all of them, as a loader program cannot ask for any.
    pub kconfig: &'a str,
    /// Whether its instructions are to be signed: it then does nothing unless its data has the digest
    /// that they have in them, and takes neither capacities nor constants from whoever runs it.
    pub signed: bool,
}

impl Default for LoaderOptions<'_> {
    fn default() -> Self {
        Self {
            features: BtfFeatures {
                qmark_datasec: false,
                ..BtfFeatures::ALL
            },
            kconfig: "",
            signed: false,
        }
    }
}

/// What loads an object: a program, its data, and what is to be found in its context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderProgram {
    /// The object's name.
    pub name: String,
    /// Byte order.
    pub endian: Endian,
    /// The instructions. Index 0 of the descriptors that they name is the map of the data.
    pub insns: Vec<Insn>,
    /// The data: the value of an array of one element.
    pub blob: Vec<u8>,
    /// Whether the instructions check the data's digest.
    pub signed: bool,
    /// The signature of [`LoaderProgram::signed_bytes`], a detached PKCS#7 message; empty for none.
    pub signature: Vec<u8>,
    /// That of [`LoaderProgram::insns_bytes`], for kernels that check the instructions alone (Linux
    /// 6.18); empty for none.
    pub insns_signature: Vec<u8>,
    /// Bytes of its context.
    pub context_bytes: u32,
    /// Where the object's types are in the data, and how many bytes.
    pub btf: Option<(u32, u32)>,
    /// Maps, in the object's order.
    pub maps: Vec<LoaderMap>,
    /// Programs, in the object's order; their descriptors follow the maps.
    pub programs: Vec<LoaderProg>,
    /// Symbols of the kernel that it looks for.
    pub symbols: Vec<String>,
    /// Global variables; maps are those of `maps`.
    pub variables: Vec<Variable>,
}

/// A map that a loader program makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderMap {
    /// Name.
    pub name: String,
    /// Type.
    pub map_type: MapType,
    /// Capacity, as the object has it.
    pub max_entries: u32,
    /// Type of a key; 0 where not known.
    pub key_type: TypeId,
    /// Type of a value; 0 where not known.
    pub value_type: TypeId,
    /// How many bytes of constants it holds, if it does.
    pub constants: Option<u32>,
}

/// A program that a loader program loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderProg {
    /// Name of its function.
    pub name: String,
    /// Name of its section.
    pub section: String,
    /// Type.
    pub prog_type: ProgType,
    /// `expected_attach_type`; `None` where the type has none.
    pub attach_type: Option<AttachType>,
    /// What to attach to.
    pub target: Option<String>,
    /// Whether to attach it when everything is attached.
    pub autoattach: bool,
}

impl LoaderProgram {
    /// What loads this object, as it is now.
    ///
    /// # Errors
    /// A map's or program's own; `Unsupported`: what only a process can do, named with the map or
    /// program that wants it (maps of `struct_ops`, arenas, pins, `freplace`, USDT, values of the
    /// kernel's configuration that are not given); `TooLarge`.
    #[doc(alias = "gen_loader")]
    pub fn new(spec: &ObjectSpec, options: &LoaderOptions<'_>) -> Result<Self> {
        build::build(spec, options)
    }

    /// Where a program's descriptor is in the context.
    pub fn program_at(&self, index: usize) -> u32 {
        let first = context::map(self.maps.len(), context::FD);
        first.saturating_add((index as u32).saturating_mul(4))
    }

    /// The bytes of the instructions, as the kernel loads them.
    pub fn insns_bytes(&self) -> Vec<u8> {
        insn::encode(&self.insns, self.endian)
    }

    /// What a signature is of: the instructions, and the data after them.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = self.insns_bytes();
        bytes.extend_from_slice(&self.blob);
        bytes
    }

    /// SHA-256 of [`LoaderProgram::signed_bytes`], for who signs digests.
    pub fn signed_digest(&self) -> [u8; 32] {
        sha256(&self.signed_bytes())
    }

    /// SHA-256 of the instructions: the map of the data is exclusive to them.
    pub fn digest(&self) -> [u8; 32] {
        object::digest(&self.insns, self.endian)
    }
}
