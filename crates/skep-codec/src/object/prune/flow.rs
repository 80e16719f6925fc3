//! Which instructions of a function run: every way from its start on that constants do not close.

use super::value::{Constants, Registers, Value};
use crate::insn::Insn;
use crate::insn::names::{
    ABS, ALU32, ALU64, ATOMIC, CALLX, COMPARE, GOTO, GOTOL, GOTOX, IND, JMP, JMP32, LDX, MAY_GOTO,
    MEM, ST, STX, pick,
};
use crate::object::link::{part, slot};
use crate::object::{Function, ObjectSpec, Target};
use alloc::vec;
use alloc::vec::Vec;

/// Where the instruction after this one is.
enum Next {
    On,
    Jump(usize),
    /// One or the other.
    Both(usize),
    /// Wherever a jump table leads.
    Tables,
    End,
}

/// The number of a slot that no jump leads to.
const NOWHERE: usize = usize::MAX;

/// The most slots of a function that jumps may lead to: no such function is the work of a compiler.
const MAX_TARGETS: usize = 1 << 16;

struct Flow<'a> {
    function: &'a Function,
    constants: Constants<'a>,
    endian: crate::bytes::Endian,
    runs: Vec<bool>,
    /// Instructions that a CO-RE relocation changes.
    relocated: Vec<usize>,
    /// The number, in `known`, of each slot that jumps lead to.
    number_of: Vec<usize>,
    known: Vec<Option<Registers>>,
    /// Slots to go on from.
    work: Vec<usize>,
    /// Where jump tables lead.
    tables: Vec<usize>,
}

/// Whether each slot may run; `None` where all may, or nothing can be told.
pub(super) fn runs<'a>(
    spec: &ObjectSpec,
    function: &'a Function,
    constants: Constants<'a>,
) -> Option<Vec<bool>> {
    let constant =
        |target| matches!(target, Target::MapValue { map, .. } if constants(map).is_some());
    if function.error.is_some() || !function.refs.iter().any(|r| constant(r.to)) {
        return None;
    }
    let mut flow = Flow::new(spec, function, constants)?;
    flow.enter(0, &Registers::UNKNOWN)?;
    while let Some(at) = flow.work.pop() {
        flow.walk(at)?;
    }
    Some(flow.runs)
}

impl<'a> Flow<'a> {
    fn new(spec: &ObjectSpec, function: &'a Function, constants: Constants<'a>) -> Option<Self> {
        let mut relocated = Vec::new();
        let relos = spec.ext.core_relos.get(&function.section);
        for relo in part(relos, function, |relo| relo.insn_off) {
            relocated.extend(function.slot_now(slot(function, relo.insn_off)?));
        }
        relocated.sort_unstable();
        let mut tables = Vec::new();
        for reference in &function.refs {
            if let Target::JumpTable(table) = reference.to {
                let slots = spec.jump_tables.get(table)?.slots(function, 0).ok()?;
                tables.extend(slots.into_iter().map(|slot| slot as usize));
            }
        }
        let len = function.insns.len();
        let mut flow = Self {
            function,
            constants,
            endian: spec.endian,
            runs: vec![false; len],
            relocated,
            number_of: vec![NOWHERE; len],
            known: Vec::new(),
            work: Vec::new(),
            tables: Vec::new(),
        };
        flow.mark(0)?;
        for &slot in &tables {
            flow.mark(slot)?;
        }
        for (at, insn) in function.insns.iter().enumerate() {
            // The second half of a wide load is none: its code is 0.
            if let Some(target) = insn.jump().and_then(|away| target(at, away)) {
                flow.mark(target)?;
            }
        }
        flow.tables = tables;
        Some(flow)
    }

    /// Notes a slot that jumps lead to.
    fn mark(&mut self, slot: usize) -> Option<()> {
        let number = self.number_of.get_mut(slot)?;
        if *number == NOWHERE {
            *number = Some(self.known.len()).filter(|&number| number < MAX_TARGETS)?;
            self.known.push(None);
        }
        Some(())
    }

    /// Comes to a slot that jumps lead to, knowing this; from there it goes on if that is news.
    fn enter(&mut self, slot: usize, registers: &Registers) -> Option<()> {
        let number = self.number_of.get(slot).copied()?;
        let news = match self.known.get_mut(number)? {
            Some(known) => known.meet(registers),
            place => {
                *place = Some(*registers);
                true
            }
        };
        if news {
            self.work.push(slot);
        }
        Some(())
    }

    /// Goes on from a slot up to the next that jumps lead to.
    fn walk(&mut self, start: usize) -> Option<()> {
        let number = self.number_of.get(start).copied()?;
        let mut registers = self.known.get(number).copied()??;
        let mut at = start;
        loop {
            let insn = self.function.insns.get(at).copied()?;
            let slots = if insn.is_wide() { 2 } else { 1 };
            for run in self.runs.get_mut(at..at.checked_add(slots)?)? {
                *run = true;
            }
            let next = self.step(at, insn, &mut registers)?;
            at = at.checked_add(slots)?;
            match next {
                Next::On => {}
                Next::Both(target) => self.enter(target, &registers)?,
                Next::Jump(target) => return self.enter(target, &registers),
                Next::Tables if self.tables.is_empty() => return None,
                Next::Tables => {
                    let tables = core::mem::take(&mut self.tables);
                    let all = tables.iter().map(|&slot| self.enter(slot, &registers));
                    let answer = all.collect();
                    self.tables = tables;
                    return answer;
                }
                Next::End => return Some(()),
            }
            if self.number_of.get(at).copied()? != NOWHERE {
                return self.enter(at, &registers);
            }
        }
    }

    /// What an instruction does to the registers, and where it leads; `None` for one that is not
    /// known.
    fn step(&self, at: usize, insn: Insn, registers: &mut Registers) -> Option<Next> {
        let relocated = self.relocated.binary_search(&at).is_ok();
        match insn.code & 0x07 {
            JMP | JMP32 if relocated => return None,
            JMP | JMP32 => return jump(at, insn, registers),
            ALU64 | ALU32 => registers.alu(insn),
            LDX => registers.load(insn, self.constants, self.endian),
            ST | STX if insn.code & 0xe0 == MEM => return Some(Next::On),
            STX if insn.code & 0xe0 == ATOMIC => {
                // Which of them gets what was there before depends on the operation.
                for register in [insn.dst, insn.src, 0] {
                    registers.set(register, Value::Unknown);
                }
            }
            _ if insn.is_wide() => registers.set(insn.dst, self.address(at, insn)?),
            0 if matches!(insn.code & 0xe0, ABS | IND) => registers.call(),
            _ => return None,
        }
        if relocated {
            registers.set(insn.dst, Value::Unknown);
        }
        Some(Next::On)
    }

    /// What a wide load gives.
    fn address(&self, at: usize, insn: Insn) -> Option<Value> {
        let second = self.function.insns.get(at.checked_add(1)?)?;
        let refs = &self.function.refs;
        let reference = refs.binary_search_by_key(&at, |r| r.insn).ok();
        Some(
            match reference.and_then(|index| refs.get(index)).map(|r| r.to) {
                Some(Target::MapValue { map, offset }) if (self.constants)(map).is_some() => {
                    let offset = offset.into();
                    Value::Place { map, offset }
                }
                None if insn.src == 0 => {
                    let (low, high) = (insn.imm as u32, second.imm as u32);
                    Value::Number(u64::from(high) << 32 | u64::from(low))
                }
                _ => Value::Unknown,
            },
        )
    }
}

fn target(at: usize, away: i32) -> Option<usize> {
    at.checked_add(1)?.checked_add_signed(away as isize)
}

fn jump(at: usize, insn: Insn, registers: &mut Registers) -> Option<Next> {
    let there = insn.jump().map(|away| target(at, away));
    Some(match (insn.code, there) {
        (Insn::EXIT, _) => Next::End,
        (Insn::CALL | CALLX, _) => {
            registers.call();
            Next::On
        }
        (GOTOX, _) => Next::Tables,
        (GOTO | GOTOL, Some(there)) => Next::Jump(there?),
        (MAY_GOTO, Some(there)) => Next::Both(there?),
        (code, Some(there)) if !pick(&COMPARE, code >> 4).is_empty() => {
            match registers.compares(insn) {
                Some(true) => Next::Jump(there?),
                Some(false) => Next::On,
                None => Next::Both(there?),
            }
        }
        _ => return None,
    })
}
