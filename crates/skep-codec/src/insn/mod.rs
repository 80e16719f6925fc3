//! BPF instructions: eight bytes each, a wide load two of them.

#[cfg(any(test, feature = "asm"))]
pub mod asm;
#[cfg(any(test, feature = "asm"))]
mod disasm;
#[cfg(any(test, feature = "asm"))]
mod fields;
#[cfg_attr(not(feature = "asm"), allow(dead_code))]
pub(crate) mod names;
#[cfg(any(test, feature = "asm"))]
mod symbol;
#[cfg(any(test, feature = "asm"))]
mod text;

#[cfg(any(test, feature = "asm"))]
pub use disasm::{Disasm, Listing, disasm, listing};
#[cfg(any(test, feature = "asm"))]
pub use symbol::Symbol;
#[cfg(any(test, feature = "asm"))]
pub use text::{Assembly, SyntaxError, assemble};

use crate::bytes::Endian;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;

/// One instruction slot (`struct bpf_insn`). A wide load (`ld_imm64`) takes two slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Insn {
    /// Operation code.
    pub code: u8,
    /// Destination register, 0 to 10.
    pub dst: u8,
    /// Source register, or a pseudo value (`BPF_PSEUDO_*`).
    pub src: u8,
    /// Signed offset.
    pub off: i16,
    /// Signed immediate.
    pub imm: i32,
}

/// Bytes an instruction slot takes.
pub const INSN_SIZE: usize = 8;

impl Insn {
    /// `BPF_LD | BPF_IMM | BPF_DW`: the first slot of a wide load.
    pub const LD_IMM64: u8 = 0x18;
    /// `BPF_JMP | BPF_CALL`.
    pub const CALL: u8 = 0x85;
    /// `BPF_JMP | BPF_EXIT`.
    pub const EXIT: u8 = 0x95;

    /// One slot of its eight bytes.
    pub fn from_bytes(bytes: [u8; INSN_SIZE], endian: Endian) -> Self {
        let [code, regs, o0, o1, i0, i1, i2, i3] = bytes;
        let (low, high) = (regs & 0xf, regs >> 4);
        let (dst, src) = match endian {
            Endian::Little => (low, high),
            Endian::Big => (high, low),
        };
        Self {
            code,
            dst,
            src,
            off: endian.i16([o0, o1]),
            imm: endian.i32([i0, i1, i2, i3]),
        }
    }

    /// The eight bytes of this slot.
    pub fn to_bytes(self, endian: Endian) -> [u8; INSN_SIZE] {
        let (dst, src) = (self.dst & 0xf, self.src & 0xf);
        let regs = match endian {
            Endian::Little => dst | (src << 4),
            Endian::Big => src | (dst << 4),
        };
        let [o0, o1] = endian.put_i16(self.off);
        let [i0, i1, i2, i3] = endian.put_i32(self.imm);
        [self.code, regs, o0, o1, i0, i1, i2, i3]
    }

    /// Whether this is the first slot of a wide load.
    pub fn is_wide(self) -> bool {
        self.code == Self::LD_IMM64
    }

    /// How many instructions a jump skips; `None` for what is no jump, or one to an address.
    pub(crate) fn jump(&self) -> Option<i32> {
        match self.code {
            names::GOTOL => Some(self.imm),
            Self::CALL | Self::EXIT | names::GOTOX | names::CALLX => None,
            code if matches!(code & 0x07, names::JMP | names::JMP32) => Some(self.off.into()),
            _ => None,
        }
    }

    /// Points a jump or call in this slot at another slot; the distance, where it is too far.
    pub(crate) fn aim(&mut self, from: usize, to: usize) -> Result<(), i64> {
        let away = (to as i64).saturating_sub(from as i64).saturating_sub(1);
        let fits = match self.code {
            Self::CALL | names::GOTOL => i32::try_from(away).map(|imm| self.imm = imm),
            _ => i16::try_from(away).map(|off| self.off = off),
        };
        fits.map_err(|_| away)
    }

    /// Whether this calls another BPF function (`BPF_PSEUDO_CALL`).
    pub fn is_pseudo_call(self) -> bool {
        self.code == Self::CALL && self.src == pseudo::CALL
    }
}

/// Values of the source register that give a call or a wide load another meaning.
pub mod pseudo {
    /// `BPF_PSEUDO_CALL`: the immediate is a relative call to a BPF function.
    pub const CALL: u8 = 1;
    /// `BPF_PSEUDO_KFUNC_CALL`: the immediate is the BTF id of a kernel function.
    pub const KFUNC_CALL: u8 = 2;
    /// `BPF_PSEUDO_MAP_FD`: the immediate is a map descriptor.
    pub const MAP_FD: u8 = 1;
    /// `BPF_PSEUDO_MAP_VALUE`: map descriptor, and an offset in the second slot.
    pub const MAP_VALUE: u8 = 2;
    /// `BPF_PSEUDO_BTF_ID`: the immediate is the BTF id of a kernel variable.
    pub const BTF_ID: u8 = 3;
    /// `BPF_PSEUDO_FUNC`: the immediate is a relative reference to a BPF function.
    pub const FUNC: u8 = 4;
    /// `BPF_PSEUDO_MAP_IDX`: a map, by its place among the descriptors given at load.
    pub const MAP_IDX: u8 = 5;
    /// `BPF_PSEUDO_MAP_IDX_VALUE`: such a map, and an offset in the second slot.
    pub const MAP_IDX_VALUE: u8 = 6;
}

/// Instruction slots from bytes; a length that is no multiple of eight is an error.
pub fn decode(bytes: &[u8], endian: Endian) -> Result<Vec<Insn>> {
    let (slots, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!("{} bytes are no whole number of instructions", bytes.len()),
        ));
    }
    let mut insns = Vec::with_capacity(slots.len());
    for slot in slots {
        insns.push(Insn::from_bytes(*slot, endian));
    }
    Ok(insns)
}

/// The bytes of instruction slots.
pub fn encode(insns: &[Insn], endian: Endian) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(insns.len().saturating_mul(INSN_SIZE));
    for insn in insns {
        bytes.extend_from_slice(&insn.to_bytes(endian));
    }
    bytes
}
