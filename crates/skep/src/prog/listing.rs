//! Loaded programs as text, with the names of what they refer to.

use super::{Program, Xlated};
use crate::Result;
use crate::system::{System, kallsyms};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use skep_codec::btf::{Kind, TypeId};
use skep_codec::insn::{Insn, Symbol, disasm, pseudo};
use skep_codec::object::TextLine;

/// A function of a loaded program as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its instructions, and the source lines that they come from.
    pub lines: Vec<TextLine>,
}

impl Program {
    /// Its functions as text: the instructions that the kernel runs, in the kernel's syntax, with
    /// source lines and with the names of functions, maps and kernel symbols. What has a name that
    /// cannot be learnt (`kptr_restrict`, no `CAP_SYS_ADMIN`) keeps its number.
    ///
    /// # Errors
    /// See [`Program::xlated`].
    #[doc(alias = "xlated")]
    pub fn listing(&self) -> Result<Vec<Listed>> {
        let xlated = self.xlated()?;
        let names = Names::of(self.system(), &xlated);
        let mut listed = Vec::with_capacity(xlated.functions.len());
        for (number, function) in xlated.functions.iter().enumerate() {
            let after = xlated.functions.get(number.saturating_add(1));
            let end = after.map_or(xlated.insns.len(), |next| next.slot);
            listed.push(Listed {
                name: match function.name.is_empty() {
                    true => self.name().into(),
                    false => function.name.clone(),
                },
                lines: lines(&xlated, &names, function.slot, end),
            });
        }
        Ok(listed)
    }
}

/// The lines of the instructions from one slot up to another.
fn lines(xlated: &Xlated, names: &Names, start: usize, end: usize) -> Vec<TextLine> {
    let mut lines = Vec::new();
    let mut sources = xlated.lines.iter().peekable();
    let (mut last, mut slot) = (None, start);
    while let Some(&insn) = xlated.insns.get(slot).filter(|_| slot < end) {
        let mut here = None;
        while let Some(line) = sources.next_if(|line| line.slot <= slot) {
            here = (line.slot == slot).then_some(&line.source);
        }
        let here = here.filter(|source| !source.text.is_empty());
        let told = here.map(|source| TextLine::Source {
            text: source.text.clone(),
            place: format!("{}:{}", source.file, source.line),
        });
        if told.is_some() && told != last {
            lines.extend(told.clone());
            last = told;
        }
        let next = xlated.insns.get(slot.saturating_add(1)).copied();
        let symbol = names.symbol(xlated, slot, insn, next);
        let words = disasm(insn, next).with(symbol.as_ref());
        let is_map = matches!(symbol, Some(Symbol::Map(_) | Symbol::MapValue { .. }));
        let remark = is_map.then(|| format!("id {}", insn.imm));
        lines.push(TextLine::insn(slot, insn.code, &words, remark.as_deref()));
        slot = slot.saturating_add(words.slots());
    }
    lines
}

/// What instructions refer to.
struct Names {
    /// Maps by id.
    maps: Vec<(u32, String)>,
    /// Where calls are counted from; 0 if that is not known.
    call_base: u64,
    /// Symbols of the kernel by address, an empty name where there is none.
    kernel: Vec<(u64, String)>,
    /// Functions of the kernel by type.
    functions: Vec<(i32, String)>,
}

impl Names {
    /// Looks up what a program refers to. What cannot be found has no name.
    fn of(system: &System, xlated: &Xlated) -> Self {
        let base = "__bpf_call_base";
        let found = kallsyms::symbols(system, &[base]).ok();
        let call_base = found.and_then(|found| match found.get(base.as_bytes()) {
            Some(kallsyms::Symbol::At(address)) => Some(*address),
            _ => None,
        });
        let mut names = Self {
            maps: vec![],
            call_base: call_base.unwrap_or(0),
            kernel: vec![],
            functions: vec![],
        };
        for (slot, &insn) in xlated.insns.iter().enumerate() {
            let next = xlated.insns.get(slot.saturating_add(1)).copied();
            names.note(system, insn, next);
        }
        if !names.kernel.is_empty() {
            // Names are an addition: numbers stay where there are none.
            let _ = kallsyms::names_at(system, &mut names.kernel);
        }
        names
    }

    /// Looks up, or remembers to look up, what an instruction refers to.
    fn note(&mut self, system: &System, insn: Insn, next: Option<Insn>) {
        match refers_to(insn, next, self.call_base) {
            Some(Refers::Map(id)) if self.maps.iter().all(|(known, _)| *known != id) => {
                let name = system.map_by_id(id).map(|map| map.name().into());
                self.maps.push((id, name.unwrap_or_default()));
            }
            Some(Refers::Kernel(address))
                if self.kernel.iter().all(|(known, _)| *known != address) =>
            {
                self.kernel.push((address, String::new()));
            }
            _ => {}
        }
        if insn.code == Insn::CALL && insn.src == pseudo::KFUNC_CALL && insn.off == 0 {
            // Where the distance has no room in the instruction, it is the function's type.
            let ty = system.kernel_btf().ok().and_then(|btf| {
                let ty = btf.ty(TypeId(u32::try_from(insn.imm).ok()?)).ok()?;
                (ty.kind() == Kind::Func).then_some(ty)
            });
            if let Some(name) = ty.and_then(|ty| ty.name().ok()) {
                self.functions.push((insn.imm, name.into()));
            }
        }
    }

    fn symbol(
        &self,
        xlated: &Xlated,
        slot: usize,
        insn: Insn,
        next: Option<Insn>,
    ) -> Option<Symbol> {
        let call = insn.code == Insn::CALL;
        if call && insn.src == pseudo::KFUNC_CALL {
            let mut known = self.functions.iter();
            if let Some((_, name)) = known.find(|(imm, _)| *imm == insn.imm) {
                return Some(Symbol::Call(name.clone()));
            }
        }
        match refers_to(insn, next, self.call_base)? {
            Refers::Map(id) => {
                let (_, name) = self.maps.iter().find(|(known, _)| *known == id)?;
                let map = match name.is_empty() {
                    true => format!("id:{id}"),
                    false => name.clone(),
                };
                Some(match (insn.src, next) {
                    (pseudo::MAP_VALUE, Some(next)) => Symbol::MapValue {
                        map,
                        offset: next.imm as u32,
                    },
                    _ => Symbol::Map(map),
                })
            }
            Refers::Function(away) => {
                let to = (slot as i64).wrapping_add(i64::from(away)).wrapping_add(1);
                let mut functions = xlated.functions.iter();
                let function = functions.find(|f| f.slot as i64 == to && !f.name.is_empty())?;
                Some(match call {
                    true => Symbol::Call(function.name.clone()),
                    false => Symbol::Function(function.name.clone()),
                })
            }
            Refers::Kernel(address) => {
                let (_, name) = self.kernel.iter().find(|(known, _)| *known == address)?;
                let kind = if call { Symbol::Call } else { Symbol::Ksym };
                (!name.is_empty()).then(|| kind(name.clone()))
            }
        }
    }
}

/// What an instruction of a loaded program refers to.
enum Refers {
    /// A map, by its id.
    Map(u32),
    /// A function of the program, so many instructions after the next.
    Function(i32),
    /// An address in the kernel.
    Kernel(u64),
}

fn refers_to(insn: Insn, next: Option<Insn>, call_base: u64) -> Option<Refers> {
    /// Addresses of the kernel are in the upper half.
    const KERNEL: u64 = 1 << 63;
    /// A tail call keeps the helper's number.
    const TAIL_CALL: i32 = 12;
    match (insn.code, insn.src) {
        (Insn::LD_IMM64, pseudo::MAP_FD | pseudo::MAP_VALUE) => Some(Refers::Map(insn.imm as u32)),
        (Insn::LD_IMM64, pseudo::FUNC) | (Insn::CALL, pseudo::CALL) => {
            Some(Refers::Function(insn.imm))
        }
        (Insn::LD_IMM64, 0) => {
            let high = u64::from(next?.imm as u32);
            let address = high << 32 | u64::from(insn.imm as u32);
            (address >= KERNEL).then_some(Refers::Kernel(address))
        }
        (Insn::CALL, 0 | pseudo::KFUNC_CALL) if call_base != 0 && insn.imm != TAIL_CALL => {
            let away = i64::from(insn.imm);
            Some(Refers::Kernel(call_base.wrapping_add_signed(away)))
        }
        _ => None,
    }
}
