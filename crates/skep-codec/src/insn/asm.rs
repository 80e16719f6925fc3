//! Instructions by name: for probes, tests and programs written by hand.
//!
//! ```
//! use skep_codec::insn::asm::{Asm, Cond, Reg, Width};
//! let insns = Asm::new()
//!     .mov(Reg::R0, 0)
//!     .load(Width::U32, Reg::R2, Reg::R1, 0)
//!     .jump_if(Cond::Eq, Reg::R2, 0, "out")
//!     .mov(Reg::R0, 1)
//!     .label("out")
//!     .exit()
//!     .finish()?;
//! assert_eq!(insns.len(), 5);
//! # Ok::<(), skep_codec::Error>(())
//! ```

use super::names::{ALU32, ALU64, ATOMIC, JMP, LDX, MEM, ST, STX, X};
use super::{Insn, pseudo};
use crate::Result;
use crate::error::bail;
use crate::uapi::bpf::Helper;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Reg {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    /// The frame pointer, read-only.
    R10,
}

/// The second operand of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A register.
    Reg(Reg),
    /// An immediate, sign-extended.
    Imm(i32),
}

impl From<Reg> for Operand {
    fn from(reg: Reg) -> Self {
        Self::Reg(reg)
    }
}

impl From<i32> for Operand {
    fn from(imm: i32) -> Self {
        Self::Imm(imm)
    }
}

/// Width of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Width {
    /// Four bytes.
    U32 = 0x00,
    /// Two bytes.
    U16 = 0x08,
    /// One byte.
    U8 = 0x10,
    /// Eight bytes.
    U64 = 0x18,
}

/// An operation on two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Alu {
    Add = 0x00,
    Sub = 0x10,
    Mul = 0x20,
    Div = 0x30,
    Or = 0x40,
    And = 0x50,
    Lsh = 0x60,
    Rsh = 0x70,
    Mod = 0x90,
    Xor = 0xa0,
    Mov = 0xb0,
    Arsh = 0xc0,
}

/// A condition; those that begin with `S` compare signed numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Cond {
    Eq = 0x10,
    Gt = 0x20,
    Ge = 0x30,
    /// Some bit of both is set.
    Set = 0x40,
    Ne = 0x50,
    SGt = 0x60,
    SGe = 0x70,
    Lt = 0xa0,
    Le = 0xb0,
    SLt = 0xc0,
    SLe = 0xd0,
}

/// Instructions in the making.
#[derive(Clone, Debug, Default)]
pub struct Asm {
    insns: Vec<Insn>,
    labels: BTreeMap<String, usize>,
    /// Jumps and calls whose label is to be looked up.
    jumps: Vec<(usize, String)>,
    twice: Option<String>,
}

impl Asm {
    /// No instructions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an instruction as it is.
    #[must_use]
    pub fn insn(mut self, insn: Insn) -> Self {
        self.insns.push(insn);
        self
    }

    fn two(self, code: u8, dst: Reg, operand: Operand, off: i16) -> Self {
        let (code, src, imm) = match operand {
            Operand::Reg(reg) => (code | X, reg as u8, 0),
            Operand::Imm(imm) => (code, 0, imm),
        };
        self.insn(Insn {
            code,
            dst: dst as u8,
            src,
            off,
            imm,
        })
    }

    /// `dst = operand`.
    #[must_use]
    pub fn mov(self, dst: Reg, operand: impl Into<Operand>) -> Self {
        self.alu(Alu::Mov, dst, operand)
    }

    /// `dst op= operand`, 64 bits.
    #[must_use]
    pub fn alu(self, op: Alu, dst: Reg, operand: impl Into<Operand>) -> Self {
        self.two(ALU64 | op as u8, dst, operand.into(), 0)
    }

    /// `dst op= operand`, the lower 32 bits.
    #[must_use]
    pub fn alu32(self, op: Alu, dst: Reg, operand: impl Into<Operand>) -> Self {
        self.two(ALU32 | op as u8, dst, operand.into(), 0)
    }

    /// `dst = *(src + off)`.
    #[must_use]
    pub fn load(self, width: Width, dst: Reg, src: Reg, off: i16) -> Self {
        self.insn(Insn {
            code: LDX | MEM | width as u8,
            dst: dst as u8,
            src: src as u8,
            off,
            imm: 0,
        })
    }

    /// `*(dst + off) = operand`.
    #[must_use]
    pub fn store(self, width: Width, dst: Reg, off: i16, operand: impl Into<Operand>) -> Self {
        let (class, src, imm) = match operand.into() {
            Operand::Reg(reg) => (STX, reg as u8, 0),
            Operand::Imm(imm) => (ST, 0, imm),
        };
        self.insn(Insn {
            code: class | MEM | width as u8,
            dst: dst as u8,
            src,
            off,
            imm,
        })
    }

    /// `*(dst + off) += src`, atomically (four or eight bytes).
    #[must_use]
    pub fn atomic_add(self, width: Width, dst: Reg, off: i16, src: Reg) -> Self {
        self.insn(Insn {
            code: STX | ATOMIC | width as u8,
            dst: dst as u8,
            src: src as u8,
            off,
            imm: 0,
        })
    }

    /// A wide load: `dst = value`.
    #[must_use]
    pub fn load_imm64(self, dst: Reg, value: u64) -> Self {
        self.wide(dst, 0, value as i32, (value >> 32) as i32)
    }

    /// `dst` = the map with this descriptor.
    #[must_use]
    pub fn load_map_fd(self, dst: Reg, fd: i32) -> Self {
        self.wide(dst, pseudo::MAP_FD, fd, 0)
    }

    /// `dst` = the address of a byte in the first value of the map with this descriptor.
    #[must_use]
    pub fn load_map_value(self, dst: Reg, fd: i32, offset: u32) -> Self {
        self.wide(dst, pseudo::MAP_VALUE, fd, offset as i32)
    }

    /// `dst` = the address of the variable with this id in the kernel's BTF.
    #[must_use]
    pub fn load_btf_id(self, dst: Reg, id: u32) -> Self {
        self.wide(dst, pseudo::BTF_ID, id as i32, 0)
    }

    fn wide(self, dst: Reg, src: u8, low: i32, high: i32) -> Self {
        let first = Insn {
            code: Insn::LD_IMM64,
            dst: dst as u8,
            src,
            off: 0,
            imm: low,
        };
        self.insn(first).insn(Insn {
            imm: high,
            ..Insn::default()
        })
    }

    /// Calls a helper function.
    #[must_use]
    pub fn call(self, helper: Helper) -> Self {
        self.call_with(0, helper.0 as i32)
    }

    /// Calls the kernel function with this id in the kernel's BTF.
    #[must_use]
    pub fn call_kfunc(self, id: u32) -> Self {
        self.call_with(pseudo::KFUNC_CALL, id as i32)
    }

    /// Calls the function that begins at a label.
    #[must_use]
    pub fn call_label(mut self, label: &str) -> Self {
        self.jumps.push((self.insns.len(), label.to_owned()));
        self.call_with(pseudo::CALL, 0)
    }

    fn call_with(self, src: u8, imm: i32) -> Self {
        self.insn(Insn {
            code: Insn::CALL,
            src,
            imm,
            ..Insn::default()
        })
    }

    /// Jumps to a label.
    #[must_use]
    pub fn jump(mut self, label: &str) -> Self {
        self.jumps.push((self.insns.len(), label.to_owned()));
        self.insn(Insn {
            code: JMP,
            ..Insn::default()
        })
    }

    /// Jumps to a label if `dst cond operand`.
    #[must_use]
    pub fn jump_if(
        mut self,
        cond: Cond,
        dst: Reg,
        operand: impl Into<Operand>,
        label: &str,
    ) -> Self {
        self.jumps.push((self.insns.len(), label.to_owned()));
        self.two(JMP | cond as u8, dst, operand.into(), 0)
    }

    /// The next instruction can be jumped to by this name.
    #[must_use]
    pub fn label(mut self, name: &str) -> Self {
        if self
            .labels
            .insert(name.to_owned(), self.insns.len())
            .is_some()
        {
            self.twice = Some(name.to_owned());
        }
        self
    }

    /// Returns from the function, or ends the program, with r0.
    #[must_use]
    pub fn exit(self) -> Self {
        self.insn(Insn {
            code: Insn::EXIT,
            ..Insn::default()
        })
    }

    /// The instructions, with every label's place put in.
    ///
    /// # Errors
    /// `NotFound`: a label that is nowhere. `Ambiguous`: one that is in two places. `TooLarge`: a
    /// jump too far for its instruction.
    pub fn finish(mut self) -> Result<Vec<Insn>> {
        if let Some(label) = self.twice {
            bail!(Ambiguous, "label '{label}' is in two places");
        }
        for (at, label) in &self.jumps {
            let Some(&to) = self.labels.get(label) else {
                bail!(NotFound, "no label '{label}'");
            };
            let Some(insn) = self.insns.get_mut(*at) else {
                continue;
            };
            if let Err(away) = insn.aim(*at, to) {
                bail!(TooLarge, "label '{label}' is {away} instructions away");
            }
        }
        Ok(self.insns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::bytes::Endian;
    use crate::insn::{decode, encode};

    #[test]
    fn bytes_are_those_of_the_assembler() {
        // What clang-19 -target bpfel makes of the same instructions (llvm-objdump -d).
        let insns = Asm::new()
            .mov(Reg::R0, 0)
            .load(Width::U32, Reg::R2, Reg::R1, 4)
            .jump_if(Cond::Ne, Reg::R2, 7, "out")
            .store(Width::U64, Reg::R10, -8, Reg::R2)
            .store(Width::U8, Reg::R10, -9, 1)
            .alu32(Alu::Rsh, Reg::R2, 3)
            .atomic_add(Width::U64, Reg::R10, -8, Reg::R2)
            .load_imm64(Reg::R3, 0x1122_3344_5566_7788)
            .call(Helper::KTIME_GET_NS)
            .label("out")
            .exit()
            .finish()
            .unwrap();
        let want: &[[u8; 8]] = &[
            [0xb7, 0x00, 0, 0, 0, 0, 0, 0],
            [0x61, 0x12, 4, 0, 0, 0, 0, 0],
            [0x55, 0x02, 7, 0, 7, 0, 0, 0],
            [0x7b, 0x2a, 0xf8, 0xff, 0, 0, 0, 0],
            [0x72, 0x0a, 0xf7, 0xff, 1, 0, 0, 0],
            [0x74, 0x02, 0, 0, 3, 0, 0, 0],
            [0xdb, 0x2a, 0xf8, 0xff, 0, 0, 0, 0],
            [0x18, 0x03, 0, 0, 0x88, 0x77, 0x66, 0x55],
            [0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11],
            [0x85, 0, 0, 0, 5, 0, 0, 0],
            [0x95, 0, 0, 0, 0, 0, 0, 0],
        ];
        let bytes = encode(&insns, Endian::Little);
        assert_eq!(bytes.as_chunks::<8>().0, want);
        let big = encode(&insns, Endian::Big);
        assert_eq!(&big[8..16], [0x61, 0x21, 0, 4, 0, 0, 0, 0]);
        assert_eq!(decode(&big, Endian::Big).unwrap(), insns);
    }

    #[test]
    fn labels() {
        let insns = Asm::new()
            .label("loop")
            .call_label("callee")
            .jump("loop")
            .label("callee")
            .exit()
            .finish()
            .unwrap();
        assert_eq!((insns[0].imm, insns[0].src, insns[1].off), (1, 1, -2));
        let kind = |asm: Asm| asm.finish().unwrap_err().kind();
        assert_eq!(kind(Asm::new().jump("nowhere")), ErrorKind::NotFound);
        assert_eq!(kind(Asm::new().label("a").label("a")), ErrorKind::Ambiguous);
        let far = (0..40_000).fold(Asm::new().jump("far"), |asm, _| asm.exit());
        assert_eq!(kind(far.label("far")), ErrorKind::TooLarge);
    }
}
