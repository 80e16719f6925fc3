//! What the kernel made of a program, and which source lines it comes from.

use super::Program;
use crate::error::Context;
use crate::{Error, ErrorKind, Result, SourceLine};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::btf::{Btf, TypeId};
use skep_codec::bytes::Endian;
use skep_codec::insn::{self, Insn, pseudo};
use skep_sys::bpf;

/// A loaded program as the kernel has it: instructions after the verifier rewrote them, functions,
/// source lines, and where their machine code is.
///
/// Calls of the program's own functions and callbacks are relative, as before the load. The
/// immediate of a wide load of a map is the map's id, that of a call to the kernel the distance of
/// its address from the kernel's `__bpf_call_base`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "bpf_prog_linfo")]
pub struct Xlated {
    /// Instructions.
    pub insns: Vec<Insn>,
    /// Functions in order of their instructions: at least one.
    pub functions: Vec<XlatedFunction>,
    /// Source lines in order of their instructions; none without line records (no BTF).
    pub lines: Vec<XlatedLine>,
}

/// A function of a loaded program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XlatedFunction {
    /// Its name; empty where the program has no function records (no BTF).
    pub name: String,
    /// Its first instruction.
    pub slot: usize,
    /// Address of its machine code; `None` where there is none or the kernel does not show it.
    pub address: Option<u64>,
    /// Bytes of its machine code; 0 where the kernel does not tell.
    pub jited_bytes: u32,
}

/// A source line of a loaded program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XlatedLine {
    /// The first instruction that comes from it.
    pub slot: usize,
    /// Where that one's machine code is; `None` where there is none or the kernel does not show it.
    pub address: Option<u64>,
    /// The line.
    pub source: SourceLine,
}

impl Program {
    /// What the kernel made of it: instructions, functions, source lines.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`] where the kernel does not show instructions (`CAP_BPF` is lacking,
    /// or constants are blinded and `kptr_restrict` is set).
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD`, since Linux 4.13; functions and lines since 5.0.
    #[inline]
    pub fn xlated(&self) -> Result<Xlated> {
        let what = &self.doing("read back");
        let bytes = bpf::prog_insns(self.fd()).context(what)?;
        if bytes.is_empty() {
            let what = format!("{what}: its instructions are not shown");
            return Err(Error::new(ErrorKind::Permission, what));
        }
        let btf = match self.info()?.btf_id {
            0 => None,
            id => Some(self.system().btf_by_id(id).context(what)?),
        };
        let mut insns = insn::decode(&bytes, Endian::NATIVE).context(what)?;
        let functions = self.xlated_functions(btf.as_ref()).context(what)?;
        insns_as_loaded(&mut insns, &functions);
        let lines = match &btf {
            Some(btf) => self.xlated_lines(btf).context(what)?,
            None => Vec::new(),
        };
        Ok(Xlated {
            insns,
            functions,
            lines,
        })
    }

    #[inline]
    fn xlated_functions(&self, btf: Option<&Arc<Btf>>) -> Result<Vec<XlatedFunction>> {
        let records = bpf::prog_func_info(self.fd())?;
        let addresses = bpf::prog_jited_ksyms(self.fd())?;
        let lengths = bpf::prog_jited_func_lens(self.fd())?;
        // Of a program that is not compiled, the address is the interpreter's.
        let machine_code = |number| {
            let len = lengths.get(number).copied().unwrap_or(0);
            let address = addresses.get(number).copied();
            (address.filter(|_| len > 0), len)
        };
        let mut functions = Vec::new();
        for (number, record) in records.iter().enumerate() {
            let ty = btf.and_then(|btf| btf.ty(TypeId(record.type_id)).ok());
            let name = ty.and_then(|ty| ty.name().ok()).unwrap_or_default();
            let (address, jited_bytes) = machine_code(number);
            functions.push(XlatedFunction {
                name: name.to_string(),
                slot: record.insn_off as usize,
                address,
                jited_bytes,
            });
        }
        if functions.is_empty() {
            let (address, jited_bytes) = machine_code(0);
            functions.push(XlatedFunction {
                address,
                jited_bytes,
                ..XlatedFunction::default()
            });
        }
        Ok(functions)
    }

    #[inline]
    fn xlated_lines(&self, btf: &Btf) -> Result<Vec<XlatedLine>> {
        let addresses = bpf::prog_jited_line_info(self.fd())?;
        let mut lines = Vec::new();
        for (number, record) in bpf::prog_line_info(self.fd())?.iter().enumerate() {
            let text = btf.string(record.line_off)?.trim();
            lines.push(XlatedLine {
                slot: record.insn_off as usize,
                address: addresses.get(number).copied(),
                source: SourceLine {
                    file: btf.string(record.file_name_off)?.to_string(),
                    line: record.line_col >> 10,
                    column: record.line_col & 0x3ff,
                    text: text.to_string(),
                },
            });
        }
        Ok(lines)
    }
}

/// Makes calls relative again. Once a program is compiled, a call's offset is what its immediate
/// was (as much of it as there is room for), and the immediate tells which function it is; in a
/// callback's address that is the immediate of the second slot.
#[inline]
fn insns_as_loaded(insns: &mut [Insn], functions: &[XlatedFunction]) {
    let mut slot = 0_usize;
    while let Some((insn, rest)) = insns.get_mut(slot..).and_then(<[_]>::split_first_mut) {
        if insn.is_pseudo_call() {
            let near = insn.off;
            let function = usize::try_from(insn.imm).ok();
            let function = function.and_then(|number| functions.get(number));
            insn.imm = i32::from(near);
            let away =
                function.map(|to| (to.slot as i64).wrapping_sub(slot as i64).wrapping_sub(1));
            let exact = away.filter(|away| *away as i16 == near);
            if let Some(imm) = exact.and_then(|away| i32::try_from(away).ok()) {
                insn.imm = imm;
            }
            insn.off = 0;
        }
        if insn.is_wide() {
            if let (pseudo::FUNC, Some(second)) = (insn.src, rest.first_mut()) {
                second.imm = 0;
            }
            slot = slot.saturating_add(1);
        }
        slot = slot.saturating_add(1);
    }
}

impl Xlated {
    /// The source line that an instruction comes from.
    #[doc(alias = "bpf_prog_linfo__lfind")]
    #[inline]
    pub fn line_at(&self, slot: usize) -> Option<&XlatedLine> {
        let function = self.functions.iter().rfind(|f| f.slot <= slot);
        let first = function.map_or(0, |function| function.slot);
        let line = self.lines.iter().rfind(|line| line.slot <= slot)?;
        (line.slot >= first).then_some(line)
    }

    /// The function whose machine code is at an address.
    #[inline]
    pub fn function_of(&self, address: u64) -> Option<&XlatedFunction> {
        self.functions.iter().find(|function| {
            let into = function.address.and_then(|at| address.checked_sub(at));
            into.is_some_and(|into| into < u64::from(function.jited_bytes))
        })
    }

    /// The source line that the machine code at an address comes from, as in a stack trace.
    #[doc(alias = "bpf_prog_linfo__lfind_addr_func")]
    #[inline]
    pub fn line_of(&self, address: u64) -> Option<&XlatedLine> {
        let start = self.function_of(address)?.address;
        let before = |line: &&XlatedLine| line.address >= start && line.address <= Some(address);
        let lines = self.lines.iter().filter(before);
        lines.max_by_key(|line| line.address)
    }
}
