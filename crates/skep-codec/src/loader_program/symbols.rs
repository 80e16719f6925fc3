//! Symbols of the kernel: looked for when the loader runs, put into instructions.

use super::build::Build;
use super::emit::{EQ, R0, R1, R2, R3, R4, R6, R7, R10, RSH, U16, U32, U64};
use super::step::Step;
use crate::Result;
use crate::btf::Kind;
use crate::error::bail;
use crate::insn::{Insn, pseudo};
use crate::object::{Extern, ExternKind};
use crate::uapi::bpf::Helper;
use alloc::vec::Vec;

/// `-ENOENT`: no such symbol.
const MISSING: i32 = -2;

/// A symbol and the instructions that name it.
pub(super) struct Symbol {
    /// Of the spec's externs.
    pub(super) index: usize,
    /// Where its instructions are in the data, and as they are in the file.
    pub(super) uses: Vec<(u32, Insn)>,
}

impl Symbol {
    pub(super) fn is_called(&self) -> bool {
        self.uses.iter().any(|(_, insn)| insn.code == Insn::CALL)
    }
}

impl Build<'_> {
    /// Looks for all of them. Instructions begin as if nothing was there, and stay so where a weak
    /// symbol is not.
    pub(super) fn find_symbols(&mut self) -> Result<()> {
        let symbols = core::mem::take(&mut self.symbols);
        if symbols.iter().any(Symbol::is_called) {
            let count = symbols.len().saturating_add(1);
            if count > i16::MAX as usize {
                bail!(TooLarge, "{count} symbols of the kernel");
            }
            // The first is nobody's: index 0 is the kernel itself.
            self.fd_array = Some(self.out.blob.words(&alloc::vec![0; count])?);
        }
        for (index, symbol) in symbols.iter().enumerate() {
            let Some(wanted) = self.spec.externs.get(symbol.index) else {
                continue;
            };
            self.out.step(Step::FindSymbol(index));
            match wanted.kind {
                ExternKind::Func(_) => {
                    self.find_type(wanted.essential_name(), Kind::Func)?;
                    self.typed(index, symbol, wanted)?;
                }
                ExternKind::Var(_) => {
                    self.find_type(&wanted.name, Kind::Var)?;
                    self.typed(index, symbol, wanted)?;
                }
                _ => self.untyped(symbol, wanted)?,
            }
        }
        self.symbols = symbols;
        Ok(())
    }

    /// r7 = the id of a kernel type below, a descriptor of its module's types above; or an error.
    pub(super) fn find_type(&mut self, name: &str, kind: Kind) -> Result<()> {
        let (text, len) = self.out.blob.text(name)?;
        let out = &mut self.out;
        out.address(R1, text);
        out.mov(R2, len as i32);
        out.mov(R3, kind.raw().into());
        out.mov(R4, 0);
        out.call(Helper::BTF_FIND_BY_NAME_KIND);
        out.copy(R7, R0);
        Ok(())
    }

    fn typed(&mut self, index: usize, symbol: &Symbol, wanted: &Extern) -> Result<()> {
        let number = index.saturating_add(1) as i32;
        let slot = self.layout.symbol(index);
        let place = self
            .fd_array
            .map(|at| at.saturating_add((number as u32) << 2));
        let endian = self.out.blob.endian;
        let out = &mut self.out;
        let missing = wanted.weak.then(|| out.jump_if(EQ, R7, MISSING));
        out.fail_if_negative()?;
        // r3: the module's descriptor, r4: its number among the descriptors of calls; 0 for the
        // kernel's own.
        out.copy(R3, R7);
        out.alu(RSH, R3, 32);
        out.mov(R4, 0);
        let own = out.jump_if(EQ, R3, 0);
        out.store(U32, R6, slot as i16, R3);
        out.mov(R4, number);
        if let Some(place) = place {
            out.address(R2, place);
            out.store(U32, R2, 0, R3);
        }
        out.close(own)?;
        for (at, insn) in &symbol.uses {
            let is_call = insn.code == Insn::CALL;
            let src = match is_call {
                true => pseudo::KFUNC_CALL,
                false => pseudo::BTF_ID,
            };
            out.address(R2, *at);
            out.store_imm(U32, R2, first_word(*insn, src, endian));
            out.store(U32, R2, 4, R7);
            match is_call {
                true => out.store(U16, R2, 2, R4),
                false => out.store(U32, R2, 12, R3),
            }
        }
        match missing {
            Some(missing) => out.close(missing),
            None => Ok(()),
        }
    }

    fn untyped(&mut self, symbol: &Symbol, wanted: &Extern) -> Result<()> {
        let (text, len) = self.out.blob.text(&wanted.name)?;
        let out = &mut self.out;
        out.mov(R1, 0);
        out.store(U64, R10, -8, R1);
        out.address(R1, text);
        out.mov(R2, len as i32);
        out.mov(R3, 0);
        out.copy(R4, R10);
        out.alu(0, R4, -8);
        out.call(Helper::KALLSYMS_LOOKUP_NAME);
        out.copy(R7, R0);
        let missing = wanted.weak.then(|| out.jump_if(EQ, R7, MISSING));
        out.fail_if_negative()?;
        out.op(0x79, R3, R10, -8, 0);
        out.copy(R4, R3);
        out.alu(RSH, R4, 32);
        for (at, _) in &symbol.uses {
            out.address(R2, *at);
            out.store(U32, R2, 4, R3);
            out.store(U32, R2, 12, R4);
        }
        match missing {
            Some(missing) => out.close(missing),
            None => Ok(()),
        }
    }
}

/// Code and registers of an instruction that names a symbol, as the number that they are in memory.
fn first_word(insn: Insn, src: u8, endian: crate::bytes::Endian) -> i32 {
    let found = Insn {
        src,
        off: 0,
        imm: 0,
        dst: if insn.code == Insn::CALL { 0 } else { insn.dst },
        ..insn
    };
    let [a, b, c, d, ..] = found.to_bytes(endian);
    endian.i32([a, b, c, d])
}
