//! The last pure step: descriptors, ids and addresses put into instructions.

use super::link::Code;
use super::{Ref, Target};
use crate::Result;
use crate::bytes::Endian;
use crate::error::bail;
use crate::insn::{self, Insn, pseudo};
use crate::sha256::sha256;
use crate::uapi::bpf::Helper;

/// What the running kernel gave for what [`Code`] has symbolic.
pub struct Lowering<'a> {
    /// The descriptor of a map; `None` for one that was not created.
    pub map_fd: &'a dyn Fn(usize) -> Option<i32>,
    /// Where an extern was found.
    pub address: &'a dyn Fn(usize) -> Address,
}

/// Where an extern was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Nowhere: its address is 0, and a call of it makes the verifier refuse the program, should
    /// it get there.
    Missing,
    /// At this address of the kernel.
    Value(u64),
    /// A variable or function that the kernel's BTF knows, for a load of its address.
    Btf {
        /// Its BTF id.
        id: u32,
        /// Descriptor of the module's BTF; 0 for the kernel's own.
        btf_fd: i32,
    },
    /// A function that may be called.
    Kfunc {
        /// Its BTF id.
        id: u32,
        /// Index into the descriptors given at load of the module's BTF; 0 for the kernel's own.
        fd_index: i16,
        /// Descriptor of the module's BTF, for a load of the address; 0 for the kernel's own.
        btf_fd: i32,
    },
}

/// The number of a helper function that does not exist: a map that was not created is used. The
/// map's index is added.
pub const POISON_MAP: i32 = 2_001_000_000;
/// The number of a helper function that does not exist: a kernel function that this kernel lacks
/// is called. The extern's index is added.
pub const POISON_KFUNC: i32 = 2_002_000_000;

/// Puts what the kernel gave into the instructions. `code.refs` stays, for diagnostics.
///
/// # Errors
/// A reference from an instruction of the wrong kind (of an edited function).
pub fn lower(code: &mut Code, to: &Lowering<'_>) -> Result<()> {
    let Code { insns, refs, .. } = code;
    for reference in refs.iter() {
        one(insns, reference, to)?;
    }
    Ok(())
}

/// Puts the descriptors of the maps made of jump tables into the instructions: a step of its own,
/// as each load of a program wants maps of its own.
///
/// # Errors
/// A table without a descriptor, or a reference from an instruction of the wrong kind.
pub fn lower_jump_tables(code: &mut Code, table_fd: &dyn Fn(usize) -> Option<i32>) -> Result<()> {
    let Code { insns, refs, .. } = code;
    for reference in refs.iter() {
        if let Target::JumpTable(table) = reference.to {
            let Some(fd) = table_fd(table) else {
                bail!(NotFound, "jump table {table} was not created");
            };
            wide(insns, reference.insn, pseudo::MAP_VALUE, fd, 0)?;
        }
    }
    Ok(())
}

fn one(insns: &mut [Insn], reference: &Ref, to: &Lowering<'_>) -> Result<()> {
    match reference.to {
        Target::Map(map) => match (to.map_fd)(map) {
            Some(fd) => wide(insns, reference.insn, pseudo::MAP_FD, fd, 0),
            None => poison_wide(insns, reference.insn, POISON_MAP, map),
        },
        Target::MapValue { map, offset } => match (to.map_fd)(map) {
            Some(fd) => wide(insns, reference.insn, pseudo::MAP_VALUE, fd, offset as i32),
            None => poison_wide(insns, reference.insn, POISON_MAP, map),
        },
        Target::Extern(index) => external(insns, reference.insn, index, (to.address)(index)),
        Target::Call(_) | Target::FuncAddr(_) | Target::JumpTable(_) => Ok(()),
    }
}

fn external(insns: &mut [Insn], at: usize, index: usize, address: Address) -> Result<()> {
    let is_call = insns.get(at).is_some_and(|insn| insn.code == Insn::CALL);
    match address {
        Address::Kfunc { id, fd_index, .. } if is_call => {
            let kfunc = Insn {
                code: Insn::CALL,
                src: pseudo::KFUNC_CALL,
                off: fd_index,
                imm: id as i32,
                dst: 0,
            };
            set(insns, at, kfunc)
        }
        Address::Missing if is_call => set(insns, at, poison(POISON_KFUNC, index)),
        _ if is_call => bail!(Mismatch, "a call of an extern that is no function"),
        Address::Missing => wide(insns, at, 0, 0, 0),
        Address::Value(value) => wide(insns, at, 0, value as i32, (value >> 32) as i32),
        Address::Btf { id, btf_fd } | Address::Kfunc { id, btf_fd, .. } => {
            wide(insns, at, pseudo::BTF_ID, id as i32, btf_fd)
        }
    }
}

fn set(insns: &mut [Insn], at: usize, new: Insn) -> Result<()> {
    match insns.get_mut(at) {
        Some(insn) => {
            *insn = new;
            Ok(())
        }
        None => bail!(Malformed, "a reference beyond the last instruction"),
    }
}

/// Both halves of a wide load.
fn halves(insns: &mut [Insn], at: usize) -> Result<&mut [Insn; 2]> {
    let pair = insns
        .get_mut(at..)
        .and_then(|rest| rest.first_chunk_mut::<2>());
    match pair {
        Some(pair) if pair.first().is_some_and(|insn| insn.is_wide()) => Ok(pair),
        _ => bail!(
            Malformed,
            "a reference from an instruction that is no wide load"
        ),
    }
}

fn wide(insns: &mut [Insn], at: usize, src: u8, low: i32, high: i32) -> Result<()> {
    let [first, second] = halves(insns, at)?;
    (first.src, first.imm, second.imm) = (src, low, high);
    Ok(())
}

/// Calls in place of a wide load: refused if reached, dropped by the verifier as dead code if not.
fn poison_wide(insns: &mut [Insn], at: usize, number: i32, index: usize) -> Result<()> {
    let poison = poison(number, index);
    *halves(insns, at)? = [poison, poison];
    Ok(())
}

fn poison(number: i32, index: usize) -> Insn {
    let index = i32::try_from(index).unwrap_or(i32::MAX);
    Insn {
        code: Insn::CALL,
        imm: number.saturating_add(index),
        ..Insn::default()
    }
}

/// Helpers that read kernel or user memory, and the one that read both before they existed.
const PROBE_READS: [(Helper, Helper); 4] = [
    (Helper::PROBE_READ_KERNEL, Helper::PROBE_READ),
    (Helper::PROBE_READ_USER, Helper::PROBE_READ),
    (Helper::PROBE_READ_KERNEL_STR, Helper::PROBE_READ_STR),
    (Helper::PROBE_READ_USER_STR, Helper::PROBE_READ_STR),
];

/// The helper that an instruction calls in place of which an older one could be called.
fn older_probe_read(insn: &Insn) -> Option<Helper> {
    if insn.code != Insn::CALL || insn.src != 0 {
        return None;
    }
    let known = PROBE_READS.iter().find(|(new, _)| new.0 as i32 == insn.imm);
    known.map(|(_, old)| *old)
}

/// Whether [`downgrade_probe_read`] would change something.
pub fn calls_probe_read(insns: &[Insn]) -> bool {
    insns.iter().any(|insn| older_probe_read(insn).is_some())
}

/// SHA-256 of instructions as the kernel takes it of a program that it is to load: map descriptors
/// do not count.
///
/// # Kernel
/// What `excl_prog_hash` of map creation is compared with, since Linux 6.18.
pub fn digest(insns: &[Insn], endian: Endian) -> [u8; 32] {
    let mut plain = insns.to_vec();
    let mut at = 0;
    while let Some(rest) = plain.get_mut(at..) {
        let Some(first) = rest.first() else { break };
        let wide = first.is_wide();
        if wide && matches!(first.src, pseudo::MAP_FD | pseudo::MAP_VALUE) {
            rest.iter_mut().take(2).for_each(|insn| insn.imm = 0);
        }
        at = at.saturating_add(if wide { 2 } else { 1 });
    }
    sha256(&insn::encode(&plain, endian))
}

/// Replaces the helpers that read kernel or user memory by the one that read both before they
/// existed (`bpf_probe_read`, `bpf_probe_read_str`).
///
/// # Kernel
/// For kernels before 5.5.
pub fn downgrade_probe_read(insns: &mut [Insn]) {
    for insn in insns {
        if let Some(old) = older_probe_read(insn) {
            insn.imm = old.0 as i32;
        }
    }
}
