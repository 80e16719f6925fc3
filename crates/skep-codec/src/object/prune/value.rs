//! What is known of a register, and what instructions make of it. Nothing is known here that the
//! verifier of Linux 5.10 does not know in the same place.

use crate::bytes::Endian;
use crate::insn::Insn;
use crate::insn::names::{ALU32, ALU64, JMP32, LDX, MEM, MEMSX, MOV, X};
use crate::object::Data;

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Unknown,
    Number(u64),
    /// The address of a byte in the value of a map of constants.
    Place {
        map: usize,
        offset: u64,
    },
}
use Value::{Number, Place, Unknown};

/// What the registers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Registers([Value; 11]);

/// Maps whose contents are known.
pub(super) type Constants<'a> = &'a dyn Fn(usize) -> Option<&'a Data>;

impl Registers {
    /// At the start of a function.
    pub(super) const UNKNOWN: Self = Self([Unknown; 11]);

    fn value(&self, register: u8) -> Value {
        self.0
            .get(usize::from(register))
            .copied()
            .unwrap_or(Unknown)
    }

    pub(super) fn set(&mut self, register: u8, value: Value) {
        if let Some(place) = self.0.get_mut(usize::from(register)) {
            *place = value;
        }
    }

    /// After a call: of the scratch registers nothing is known.
    pub(super) fn call(&mut self) {
        for register in 0..6 {
            self.set(register, Unknown);
        }
    }

    /// Keeps what is known on both ways to a place; whether that is less than before.
    pub(super) fn meet(&mut self, other: &Self) -> bool {
        let before = *self;
        for (one, two) in self.0.iter_mut().zip(&other.0) {
            if one != two {
                *one = Unknown;
            }
        }
        *self != before
    }

    /// The second operand.
    fn operand(&self, insn: Insn) -> Value {
        match insn.code & X {
            0 => Number(i64::from(insn.imm) as u64),
            _ => self.value(insn.src),
        }
    }

    /// Arithmetic.
    pub(super) fn alu(&mut self, insn: Insn) {
        let (one, two) = (self.value(insn.dst), self.operand(insn));
        let value = match (insn.code & 0x07, insn.off) {
            (ALU64, 0) => wide(insn.code & 0xf0, one, two),
            (ALU32, 0) => narrow(insn.code & 0xf0, one, two),
            _ => Unknown,
        };
        self.set(insn.dst, value);
    }

    /// A load of memory.
    pub(super) fn load(&mut self, insn: Insn, constants: Constants<'_>, endian: Endian) {
        let read = match self.value(insn.src) {
            Place { map, offset } => {
                let offset = offset.wrapping_add_signed(insn.off.into());
                constants(map).and_then(|data| number(data, offset, insn.code, endian))
            }
            _ => None,
        };
        self.set(insn.dst, read.map_or(Unknown, Number));
    }

    /// Whether a comparison holds; `None` where that is not known.
    pub(super) fn compares(&self, insn: Insn) -> Option<bool> {
        let (Number(one), Number(two)) = (self.value(insn.dst), self.operand(insn)) else {
            return None;
        };
        let (one, two, signed) = match insn.code & 0x07 {
            JMP32 => {
                let signed = (i64::from(one as i32), i64::from(two as i32));
                (u64::from(one as u32), u64::from(two as u32), signed)
            }
            _ => (one, two, (one as i64, two as i64)),
        };
        Some(match insn.code >> 4 {
            0x1 => one == two,
            0x2 => one > two,
            0x3 => one >= two,
            0x4 => one & two != 0,
            0x5 => one != two,
            0x6 => signed.0 > signed.1,
            0x7 => signed.0 >= signed.1,
            0xa => one < two,
            0xb => one <= two,
            0xc => signed.0 < signed.1,
            0xd => signed.0 <= signed.1,
            _ => return None,
        })
    }
}

/// Arithmetic of 64 bits. The verifier gives up where others (division, negation) come in.
fn wide(operation: u8, one: Value, two: Value) -> Value {
    let (one, two) = match (operation, one, two) {
        (MOV, _, two) => return two,
        (0x00, Place { map, offset }, Number(two)) => {
            let offset = offset.wrapping_add(two);
            return Place { map, offset };
        }
        (_, Number(one), Number(two)) => (one, two),
        _ => return Unknown,
    };
    let shift = u32::try_from(two).unwrap_or(u32::MAX);
    let result = match operation {
        0x00 => Some(one.wrapping_add(two)),
        0x10 => Some(one.wrapping_sub(two)),
        0x40 => Some(one | two),
        0x50 => Some(one & two),
        0x60 => one.checked_shl(shift),
        0x70 => one.checked_shr(shift),
        0xa0 => Some(one ^ two),
        0xc0 => (one as i64).checked_shr(shift).map(|value| value as u64),
        _ => None,
    };
    result.map_or(Unknown, Number)
}

/// Arithmetic of 32 bits: the others are zero then.
fn narrow(operation: u8, one: Value, two: Value) -> Value {
    let (one, two) = match (operation, one, two) {
        (MOV, _, Number(two)) => return Number(u64::from(two as u32)),
        (_, Number(one), Number(two)) => (one as u32, two as u32),
        _ => return Unknown,
    };
    let result = match operation {
        0x00 => Some(one.wrapping_add(two)),
        0x10 => Some(one.wrapping_sub(two)),
        0x40 => Some(one | two),
        0x50 => Some(one & two),
        0x60 => one.checked_shl(two),
        0x70 => one.checked_shr(two),
        0xa0 => Some(one ^ two),
        0xc0 => (one as i32).checked_shr(two).map(|value| value as u32),
        _ => None,
    };
    result.map_or(Unknown, |value| Number(value.into()))
}

/// The number that a load reads.
fn number(data: &Data, offset: u64, code: u8, endian: Endian) -> Option<u64> {
    let len = match code & 0x18 {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    };
    let mut bytes = data.read(u32::try_from(offset).ok()?, len)?;
    if endian == Endian::Big {
        bytes.reverse();
    }
    let mut value = 0_u64;
    for byte in bytes.iter().rev() {
        value = value << 8 | u64::from(*byte);
    }
    let unused = 64_u32.saturating_sub(len.saturating_mul(8));
    match code & 0xe7 {
        mode if mode == LDX | MEM => Some(value),
        mode if mode == LDX | MEMSX => Some(((value << unused) as i64 >> unused) as u64),
        _ => None,
    }
}
