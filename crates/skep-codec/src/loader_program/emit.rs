//! The loader's instructions. r6 is the context, r7 what came last.

use super::blob::Blob;
use super::context;
use super::step::Step;
use crate::Result;
use crate::bytes::Endian;
use crate::error::bail;
use crate::insn::names::{ALU64, GOTO, JMP, JMP32, LDX, MEM, MOV, ST, STX, X};
use crate::insn::{Insn, pseudo};
use crate::uapi::bpf::{Cmd, Helper};
use alloc::vec::Vec;

pub(super) const R0: u8 = 0;
pub(super) const R1: u8 = 1;
pub(super) const R2: u8 = 2;
pub(super) const R3: u8 = 3;
pub(super) const R4: u8 = 4;
pub(super) const R6: u8 = 6;
pub(super) const R7: u8 = 7;
pub(super) const R10: u8 = 10;

/// Widths of memory accesses, and conditions (`s` compares signed numbers).
pub(super) const U16: u8 = 0x08;
pub(super) const U32: u8 = 0x00;
pub(super) const U64: u8 = 0x18;
pub(super) const EQ: u8 = 0x10;
pub(super) const NE: u8 = 0x50;
pub(super) const SLT: u8 = 0xc0;
pub(super) const RSH: u8 = 0x70;

/// A jump reaches so many instructions; some less than it could, for what comes in between.
const REACH: usize = 30_000;

/// A jump whose end is not there yet.
#[must_use]
pub(super) struct Open(usize);

pub(super) struct Emit {
    pub(super) insns: Vec<Insn>,
    pub(super) blob: Blob,
    /// Where to jump to when something failed.
    failed: usize,
}

impl Emit {
    pub(super) fn new(endian: Endian) -> Self {
        Self {
            insns: Vec::new(),
            blob: Blob::new(endian),
            failed: 0,
        }
    }

    pub(super) fn op(&mut self, code: u8, dst: u8, src: u8, off: i16, imm: i32) {
        self.insns.push(Insn {
            code,
            dst,
            src,
            off,
            imm,
        });
    }

    pub(super) fn mov(&mut self, dst: u8, imm: i32) {
        self.op(ALU64 | MOV, dst, 0, 0, imm);
    }

    pub(super) fn copy(&mut self, dst: u8, src: u8) {
        self.op(ALU64 | MOV | X, dst, src, 0, 0);
    }

    pub(super) fn alu(&mut self, op: u8, dst: u8, imm: i32) {
        self.op(ALU64 | op, dst, 0, 0, imm);
    }

    /// `dst = *(src + off)`.
    pub(super) fn load(&mut self, width: u8, dst: u8, src: u8, off: u32) {
        self.op(LDX | MEM | width, dst, src, off as i16, 0);
    }

    /// `*(dst + off) = src`.
    pub(super) fn store(&mut self, width: u8, dst: u8, off: i16, src: u8) {
        self.op(STX | MEM | width, dst, src, off, 0);
    }

    /// `*(dst) = imm`.
    pub(super) fn store_imm(&mut self, width: u8, dst: u8, imm: i32) {
        self.op(ST | MEM | width, dst, 0, 0, imm);
    }

    pub(super) fn wide(&mut self, dst: u8, src: u8, low: i32, high: i32) {
        self.op(Insn::LD_IMM64, dst, src, 0, low);
        self.op(0, 0, 0, 0, high);
    }

    /// `dst` = the address of a byte of the data.
    pub(super) fn address(&mut self, dst: u8, at: u32) {
        self.wide(dst, pseudo::MAP_IDX_VALUE, 0, at as i32);
    }

    pub(super) fn call(&mut self, helper: Helper) {
        self.op(Insn::CALL, 0, 0, 0, helper.0 as i32);
    }

    /// Jumps if a register is so; to be closed where it leads.
    pub(super) fn jump_if(&mut self, cond: u8, reg: u8, imm: i32) -> Open {
        self.op(JMP | cond, reg, 0, 0, imm);
        Open(self.insns.len().wrapping_sub(1))
    }

    pub(super) fn jump(&mut self) -> Open {
        self.op(GOTO, 0, 0, 0, 0);
        Open(self.insns.len().wrapping_sub(1))
    }

    /// The jump leads to the next instruction.
    pub(super) fn close(&mut self, open: Open) -> Result<()> {
        let to = self.insns.len();
        self.aim(open.0, to)
    }

    fn aim(&mut self, from: usize, to: usize) -> Result<()> {
        match self.insns.get_mut(from).map(|insn| insn.aim(from, to)) {
            Some(Err(away)) => bail!(TooLarge, "a jump over {away} instructions"),
            _ => Ok(()),
        }
    }

    /// Jumps to where everything is undone. That is at the beginning: stepping stones lead there.
    fn fail_if(&mut self, code: u8, dst: u8, src: u8) -> Result<()> {
        let from = self.insns.len();
        if from.saturating_sub(self.failed) > REACH {
            let over = self.jump();
            let stone = self.jump();
            self.aim(stone.0, self.failed)?;
            self.failed = stone.0;
            self.close(over)?;
        }
        let from = self.insns.len();
        self.op(code, dst, src, 0, 0);
        self.aim(from, self.failed)
    }

    pub(super) fn fail_if_negative(&mut self) -> Result<()> {
        self.fail_if(JMP | SLT, R7, 0)
    }

    pub(super) fn fail_if_differ(&mut self, left: u8, right: u8) -> Result<()> {
        self.fail_if(JMP | NE | X, left, right)
    }

    /// Says in the context what is done next.
    pub(super) fn step(&mut self, step: Step) {
        self.mov(R1, step.raw() as i32);
        self.store(U32, R6, context::STEP as i16, R1);
    }

    /// Begins: no descriptor is open yet. Ends where everything goes that fails: what is open is
    /// closed, the error returned.
    pub(super) fn begin(&mut self, slots: &[u32]) -> Result<()> {
        self.copy(R6, R1);
        self.mov(R1, -1);
        for slot in slots {
            self.store(U32, R6, *slot as i16, R1);
        }
        let start = self.jump();
        self.failed = self.insns.len();
        for slot in slots {
            self.close_fd(*slot)?;
        }
        self.copy(R0, R7);
        self.op(Insn::EXIT, 0, 0, 0, 0);
        self.close(start)
    }

    /// Ends well: what only the load needed is closed.
    pub(super) fn end(&mut self, slots: &[u32]) -> Result<()> {
        for slot in slots {
            self.close_fd(*slot)?;
        }
        self.mov(R0, 0);
        self.op(Insn::EXIT, 0, 0, 0, 0);
        Ok(())
    }

    /// Closes the descriptor of a slot, if there is one.
    pub(super) fn close_fd(&mut self, slot: u32) -> Result<()> {
        self.load(U32, R1, R6, slot);
        self.op(JMP32 | SLT, R1, 0, 0, 0);
        let none = Open(self.insns.len().wrapping_sub(1));
        self.call(Helper::SYS_CLOSE);
        self.mov(R1, -1);
        self.store(U32, R6, slot as i16, R1);
        self.close(none)
    }

    /// One call of bpf(2), its attributes in the data; fails if it does.
    pub(super) fn bpf(&mut self, cmd: Cmd, attr: u32, size: u32) -> Result<()> {
        self.mov(R1, cmd.0 as i32);
        self.address(R2, attr);
        self.mov(R3, size as i32);
        self.call(Helper::SYS_BPF);
        self.copy(R7, R0);
        self.fail_if_negative()
    }

    /// Puts a new descriptor into its slot.
    pub(super) fn keep(&mut self, slot: u32) {
        self.store(U32, R6, slot as i16, R7);
    }

    /// Puts the descriptor of a slot to these places of the data.
    pub(super) fn put_fd(&mut self, slot: u32, places: &[u32]) {
        if !places.is_empty() {
            self.load(U32, R1, R6, slot);
        }
        for at in places {
            self.address(R2, *at);
            self.store(U32, R2, 0, R1);
        }
    }

    /// Puts a word of the context to a place of the data.
    pub(super) fn put_word(&mut self, width: u8, word: u32, at: u32) {
        self.load(width, R1, R6, word);
        self.address(R2, at);
        self.store(width, R2, 0, R1);
    }

    /// Puts the address of a part of the data to a place of it.
    pub(super) fn put_address(&mut self, of: u32, at: u32) {
        self.address(R1, of);
        self.address(R2, at);
        self.store(U64, R2, 0, R1);
    }

    /// What a call writes into its log, and where.
    pub(super) fn put_log(&mut self, level: u32, size: u32, buffer: u32) {
        self.put_word(U32, context::LOG_LEVEL, level);
        self.put_word(U32, context::LOG_SIZE, size);
        self.put_word(U64, context::LOG_BUFFER, buffer);
    }
}
