//! Which fields of an instruction mean something. The kernel refuses programs whose other fields
//! are not zero, and its text does not have them.

use super::names::*;
use super::{Insn, pseudo};

const DST: u8 = 1;
const SRC: u8 = 2;
const OFF: u8 = 4;
const IMM: u8 = 8;

/// Whether the kernel's text for an instruction says all of it; `next` is the slot after it.
pub(super) fn are_told(insn: Insn, next: Option<Insn>) -> bool {
    let used = match insn.code & 0x07 {
        0x00 => return load(insn, next),
        LDX => access(insn, DST | SRC | OFF),
        ST if insn.code == NOSPEC => Some(0),
        ST => access(insn, DST | OFF | IMM).filter(|_| insn.code & 0xe0 == MEM),
        STX if insn.code & 0xe0 == ATOMIC => atomic(insn),
        STX => access(insn, DST | SRC | OFF).filter(|_| insn.code & 0xe0 == MEM),
        ALU32 | ALU64 => alu(insn),
        _ => jump(insn),
    };
    used.is_some_and(|used| only(insn, used))
}

/// Whether fields other than these are zero, and registers are ones that an instruction can name.
fn only(insn: Insn, used: u8) -> bool {
    let fine = |bit: u8, zero: bool| used & bit != 0 || zero;
    fine(DST, insn.dst == 0)
        && fine(SRC, insn.src == 0)
        && fine(OFF, insn.off == 0)
        && fine(IMM, insn.imm == 0)
        && insn.dst < 16
        && insn.src < 16
}

fn load(insn: Insn, next: Option<Insn>) -> bool {
    match insn.code & 0xe0 {
        0 if insn.is_wide() => {
            let Some(next) = next.filter(|&next| next.code == 0 && only(next, IMM)) else {
                return false;
            };
            let one_word = matches!(insn.src, pseudo::MAP_FD | pseudo::FUNC | pseudo::MAP_IDX);
            insn.src <= pseudo::MAP_IDX_VALUE
                && only(insn, DST | SRC | IMM)
                && (!one_word || next.imm == 0)
        }
        _ if insn.code & 0x18 == 0x18 => false,
        ABS => only(insn, IMM),
        IND => only(insn, SRC | IMM),
        _ => false,
    }
}

/// A load or store of memory.
fn access(insn: Insn, used: u8) -> Option<u8> {
    match insn.code & 0xe0 {
        MEM => Some(used),
        MEMSX if insn.code & 0x18 != 0x18 => Some(used),
        _ => None,
    }
}

fn atomic(insn: Insn) -> Option<u8> {
    let whole_word = matches!(insn.code & 0x18, 0x00 | 0x18);
    let known = match insn.imm {
        LOAD_ACQ | STORE_REL => true,
        XCHG | CMPXCHG => whole_word,
        imm => whole_word && ATOMICS.iter().any(|op| op.0 == imm & !FETCH),
    };
    known.then_some(DST | SRC | OFF | IMM)
}

fn alu(insn: Insn) -> Option<u8> {
    let (wide, register) = (insn.code & 0x07 == ALU64, insn.code & X != 0);
    let operands = if register { DST | SRC } else { DST | IMM };
    match insn.code & 0xf0 {
        NEG => (!register).then_some(DST),
        MOV if register => match insn.off {
            0 | 8 | 16 => Some(DST | SRC | OFF),
            32 if wide => Some(DST | SRC | OFF),
            CAST if wide => Some(DST | SRC | OFF | IMM),
            PERCPU if wide => Some(DST | SRC | OFF),
            _ => None,
        },
        0x30 | 0x90 => matches!(insn.off, 0 | 1).then_some(operands | OFF),
        0xd0 => {
            let known = matches!(insn.code, LE | BE | BSWAP);
            (known && matches!(insn.imm, 16 | 32 | 64)).then_some(DST | IMM)
        }
        0xe0 | 0xf0 => None,
        _ => Some(operands),
    }
}

fn jump(insn: Insn) -> Option<u8> {
    match insn.code {
        GOTO => Some(OFF),
        GOTOL => Some(IMM),
        GOTOX | CALLX => Some(DST),
        Insn::EXIT => Some(0),
        Insn::CALL => match insn.src {
            0 | pseudo::CALL => Some(SRC | IMM),
            pseudo::KFUNC_CALL => Some(SRC | OFF | IMM),
            _ => None,
        },
        MAY_GOTO => (insn.src < 2).then_some(SRC | OFF),
        code if pick(&COMPARE, code >> 4).is_empty() => None,
        code if code & X != 0 => Some(DST | SRC | OFF),
        _ => Some(DST | OFF | IMM),
    }
}
