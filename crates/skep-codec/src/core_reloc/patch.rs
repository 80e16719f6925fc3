//! Values into instructions.

use super::{Access, Failure, Resolution, Value};
use crate::Result;
use crate::error::bail;
use crate::insn::Insn;

/// Immediate of the call that takes the place of an instruction whose relocation failed. The
/// verifier refuses a call of this number where it is reached, and shows the number.
pub const POISON_IMM: i32 = 0x0bad_2310;

/// What [`patch`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The instruction has its value.
    Patched,
    /// The instruction has become an invalid call, for this reason.
    Poisoned(Failure),
}

const CLASS: u8 = 0x07;
const SIZE: u8 = 0x18;
const SRC_REG: u8 = 0x08;

/// Applies a resolution to `insns[index]` (and the slot after it, for a wide load).
///
/// # Errors
/// An instruction that cannot take this kind of value, does not hold what the compiler should have
/// put there, or has no room for the new value. The instructions are then as they were.
pub fn patch(insns: &mut [Insn], index: usize, resolution: &Resolution) -> Result<Applied> {
    let Some((insn, rest)) = insns.get_mut(index..).and_then(<[Insn]>::split_first_mut) else {
        bail!(NotFound, "no instruction {index}");
    };
    let value = match resolution {
        Resolution::Value(value) => value,
        Resolution::Failed(failure) => {
            poison(insn, rest.first_mut());
            return Ok(Applied::Poisoned(failure.clone()));
        }
    };
    match insn.code & CLASS {
        4 | 7 => immediate(insn, value)?,
        1..=3 => return memory(insn, value),
        0 => wide(insn, rest.first_mut(), value)?,
        _ => bail!(
            Malformed,
            "instruction {:#04x} takes no relocation",
            insn.code
        ),
    }
    Ok(Applied::Patched)
}

fn poison(insn: &mut Insn, second: Option<&mut Insn>) {
    let call = Insn {
        code: Insn::CALL,
        imm: POISON_IMM,
        ..Insn::default()
    };
    if let (true, Some(second)) = (insn.is_wide(), second) {
        *second = call;
    }
    *insn = call;
}

fn expect(value: &Value, holds: u64, also: u64) -> Result<()> {
    if value.check_local && holds != value.local && also != value.local {
        bail!(
            Mismatch,
            "the instruction holds {holds:#x}, {:#x} was expected",
            value.local
        );
    }
    Ok(())
}

fn immediate(insn: &mut Insn, value: &Value) -> Result<()> {
    if insn.code & SRC_REG != 0 {
        bail!(Malformed, "instruction {:#04x} has no immediate", insn.code);
    }
    expect(
        value,
        i64::from(insn.imm) as u64,
        u64::from(insn.imm as u32),
    )?;
    let low = value.target as u32;
    if u64::from(low) != value.target && i64::from(low as i32) as u64 != value.target {
        bail!(
            TooLarge,
            "{:#x} does not fit a 32-bit immediate",
            value.target
        );
    }
    insn.imm = low as i32;
    Ok(())
}

fn memory(insn: &mut Insn, value: &Value) -> Result<Applied> {
    let holds = i64::from(insn.off) as u64;
    expect(value, holds, holds)?;
    let Some(off) = i16::try_from(value.target).ok() else {
        bail!(TooLarge, "offset {} does not fit 16 bits", value.target);
    };
    let mut code = insn.code;
    match &value.access {
        Some(Access {
            refused: Some(why), ..
        }) => {
            poison(insn, None);
            return Ok(Applied::Poisoned(why.clone()));
        }
        Some(access) if access.local_bytes != access.target_bytes => {
            if size_bits(access.local_bytes) != Some(code & SIZE) {
                bail!(
                    Mismatch,
                    "the instruction does not access the {} bytes of its field",
                    access.local_bytes
                );
            }
            let Some(size) = size_bits(access.target_bytes) else {
                bail!(Unsupported, "access to {} bytes", access.target_bytes);
            };
            code = (code & !SIZE) | size;
        }
        _ => {}
    }
    (insn.code, insn.off) = (code, off);
    Ok(Applied::Patched)
}

fn size_bits(bytes: u64) -> Option<u8> {
    match bytes {
        1 => Some(0x10),
        2 => Some(0x08),
        4 => Some(0x00),
        8 => Some(0x18),
        _ => None,
    }
}

fn wide(insn: &mut Insn, second: Option<&mut Insn>, value: &Value) -> Result<()> {
    let Some(second) = second.filter(|s| (s.code, s.dst, s.src, s.off) == (0, 0, 0, 0)) else {
        bail!(Malformed, "wide load without its second half");
    };
    if !insn.is_wide() || insn.src != 0 || insn.off != 0 {
        bail!(
            Malformed,
            "instruction {:#04x} is no plain wide load",
            insn.code
        );
    }
    let holds = u64::from(second.imm as u32) << 32 | u64::from(insn.imm as u32);
    expect(value, holds, holds)?;
    insn.imm = value.target as u32 as i32;
    second.imm = (value.target >> 32) as u32 as i32;
    Ok(())
}
