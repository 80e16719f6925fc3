//! A program joined with the functions that it reaches.

use super::{Function, ObjectSpec, ProgramSpec, Ref, Target};
use crate::btf::{CoreRelo, LineInfo, TypeId};
use crate::error::bail;
use crate::insn::{INSN_SIZE, Insn, pseudo};
use crate::map::Map;
use crate::order;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use core::ops::Range;

/// Most instructions that a linked program may have; the kernel takes no more either.
pub const MAX_INSNS: usize = 1_000_000;

/// A program and all functions that it reaches, in one piece. Indices (`usize` beside a record)
/// are instruction slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// Instructions: the program first. Calls between functions are done.
    pub insns: Vec<Insn>,
    /// References to maps and externs, still symbolic; in order of instruction.
    pub refs: Vec<Ref>,
    /// CO-RE relocations to be done.
    pub relos: Vec<(usize, CoreRelo)>,
    /// The `Func` of each function; empty if the program itself has none.
    pub funcs: Vec<(usize, TypeId)>,
    /// Source lines; empty unless every function's first instruction has one.
    pub lines: Vec<(usize, LineInfo)>,
    /// Where each function in it begins, and which it is (an index into
    /// [`ObjectSpec::functions`]).
    pub functions: Vec<(usize, usize)>,
    /// Maps that it refers to.
    pub maps: Vec<usize>,
    /// Externs that it refers to.
    pub externs: Vec<usize>,
    /// Jump tables that it refers to (indices into [`ObjectSpec::jump_tables`]), and the
    /// instruction slots that their entries lead to.
    pub jump_tables: Vec<(usize, Vec<u32>)>,
}

/// Joins a program with the functions that it calls or takes the address of. The spec is not
/// changed, and the result depends on nothing else.
///
/// # Errors
/// The program's or a reached function's own error; `TooLarge`: more than [`MAX_INSNS`].
pub fn link(spec: &ObjectSpec, program: usize) -> Result<Code> {
    match spec.programs.get(program) {
        Some(program) => link_program(spec, program),
        None => bail!(NotFound, "no program {program}"),
    }
}

/// [`link`] for a program that need not be in the spec: a changed copy of one that is.
///
/// # Errors
/// See [`link`].
pub fn link_program(spec: &ObjectSpec, program: &ProgramSpec) -> Result<Code> {
    program.check()?;
    let mut placed = Placed::default();
    placed.reach(spec, program.function)?;
    if let Some(callback) = program.exception_callback {
        placed.reach(spec, callback)?;
    }
    let mut code = Code::default();
    let mut has_lines = true;
    for (&index, &base) in placed.order.iter().zip(&placed.bases) {
        let function = function(spec, index)?;
        code.functions.push((base, index));
        code.insns.extend_from_slice(&function.insns);
        join(spec, &mut code, function, base, &placed)?;
        relos(spec, &mut code, function, base)?;
        func(spec, &mut code, function, base)?;
        has_lines &= lines(spec, &mut code, function, base);
    }
    if !has_lines {
        code.lines.clear();
    }
    each_once(&mut code.maps);
    each_once(&mut code.externs);
    Ok(code)
}

/// In order, each once.
fn each_once(indices: &mut Vec<usize>) {
    order::by_key(indices, |index| *index as u64);
    let mut last = None;
    indices.retain(|&index| last.replace(index) != Some(index));
}

fn function(spec: &ObjectSpec, index: usize) -> Result<&Function> {
    match spec.functions.get(index) {
        Some(function) => match &function.error {
            None => Ok(function),
            Some(error) => Err(error.clone()),
        },
        None => bail!(NotFound, "no function {index}"),
    }
}

/// Functions in the order in which libbpf appends them (each before what it calls, at its first
/// mention), and where each begins: equal code gets an equal tag.
#[derive(Default)]
struct Placed {
    order: Vec<usize>,
    bases: Vec<usize>,
    base_of: Map<usize, usize>,
    end: usize,
}

impl Placed {
    /// Appends a function that is not there yet; whether it was not.
    fn append(&mut self, spec: &ObjectSpec, index: usize) -> Result<bool> {
        if self.base_of.contains_key(&index) {
            return Ok(false);
        }
        self.base_of.insert(index, self.end);
        self.order.push(index);
        self.bases.push(self.end);
        self.end = self.end.saturating_add(function(spec, index)?.insns.len());
        if self.end > MAX_INSNS {
            bail!(
                TooLarge,
                "more than {MAX_INSNS} instructions with all it calls"
            );
        }
        Ok(true)
    }

    /// Appends a function and all that it reaches.
    fn reach(&mut self, spec: &ObjectSpec, entry: usize) -> Result<()> {
        if !self.append(spec, entry)? {
            return Ok(());
        }
        // Functions half walked, and the next of their references.
        let mut stack = alloc::vec![(entry, 0_usize)];
        while let Some((index, next)) = stack.last_mut() {
            let Some(reference) = function(spec, *index)?.refs.get(*next) else {
                stack.pop();
                continue;
            };
            *next = next.saturating_add(1);
            if let Target::Call(callee) | Target::FuncAddr(callee) = reference.to
                && self.append(spec, callee)?
            {
                stack.push((callee, 0));
            }
        }
        Ok(())
    }
}

/// Does a function's calls, and notes what stays symbolic.
fn join(
    spec: &ObjectSpec,
    code: &mut Code,
    function: &Function,
    base: usize,
    placed: &Placed,
) -> Result<()> {
    for reference in &function.refs {
        let at = base.saturating_add(reference.insn);
        match reference.to {
            Target::Call(callee) | Target::FuncAddr(callee) => {
                let wide = matches!(reference.to, Target::FuncAddr(_));
                call(code, at, placed.base_of.get(&callee).copied(), wide)?;
                continue;
            }
            Target::Map(map) | Target::MapValue { map, .. } => code.maps.push(map),
            Target::Extern(index) => {
                check_extern(spec, index, function, reference.insn)?;
                code.externs.push(index);
            }
            Target::JumpTable(table) => jumps(spec, code, function, base, table)?,
        };
        if reference.insn >= function.insns.len() {
            bail!(
                Malformed,
                "a reference beyond the end of '{}'",
                function.name
            );
        }
        code.refs.push(Ref {
            insn: at,
            to: reference.to,
        });
    }
    Ok(())
}

/// Notes where a jump table leads now.
fn jumps(
    spec: &ObjectSpec,
    code: &mut Code,
    function: &Function,
    base: usize,
    table: usize,
) -> Result<()> {
    let Some(known) = spec.jump_tables.get(table) else {
        bail!(NotFound, "no jump table {table}");
    };
    let slots = known.slots(function, base)?;
    match code.jump_tables.iter().find(|(index, _)| *index == table) {
        Some((_, same)) if *same == slots => {}
        Some(_) => bail!(Unsupported, "a jump table of two functions"),
        None => code.jump_tables.push((table, slots)),
    }
    Ok(())
}

/// Points a call or a wide load at a function: both count from the slot after their first.
fn call(code: &mut Code, at: usize, to: Option<usize>, wide: bool) -> Result<()> {
    let distance = to.and_then(|to| {
        let (to, after) = (
            i64::try_from(to).ok()?,
            i64::try_from(at).ok()?.checked_add(1)?,
        );
        i32::try_from(to.checked_sub(after)?).ok()
    });
    let (Some(insn), Some(distance)) = (code.insns.get_mut(at), distance) else {
        bail!(Malformed, "a call that leads nowhere");
    };
    if wide != insn.is_wide() || (!wide && insn.code != Insn::CALL) {
        bail!(
            Malformed,
            "a reference to a function from another kind of instruction"
        );
    }
    insn.imm = distance;
    insn.src = if wide { pseudo::FUNC } else { pseudo::CALL };
    if wide && let Some(second) = code.insns.get_mut(at.saturating_add(1)) {
        second.imm = 0;
    }
    Ok(())
}

/// The part of `records` (in order of offset) that lies in `function`.
pub(super) fn part<'r, T>(
    records: Option<&'r Vec<T>>,
    function: &Function,
    offset: fn(&T) -> u32,
) -> &'r [T] {
    let records = records.map_or(&[][..], Vec::as_slice);
    records
        .get(places(records, function, offset))
        .unwrap_or_default()
}

/// Where that part is.
pub(super) fn places<T>(records: &[T], function: &Function, offset: fn(&T) -> u32) -> Range<usize> {
    let bytes = (function.slots_in_file() as u64).saturating_mul(INSN_SIZE as u64);
    let (start, end) = (function.offset, function.offset.saturating_add(bytes));
    let first = records.partition_point(|r| u64::from(offset(r)) < start);
    let last = records.partition_point(|r| u64::from(offset(r)) < end);
    first..last
}

/// The slot in the file of a record's instruction, from its function on; `None` inside an
/// instruction.
pub(super) fn slot(function: &Function, insn_off: u32) -> Option<usize> {
    let distance = u64::from(insn_off).checked_sub(function.offset)?;
    let whole = distance.is_multiple_of(INSN_SIZE as u64);
    let slot = usize::try_from(distance >> 3).ok()?;
    whole.then_some(slot)
}

fn relos(spec: &ObjectSpec, code: &mut Code, function: &Function, base: usize) -> Result<()> {
    let records = spec.ext.core_relos.get(&function.section);
    // An instruction that should have been relocated and was not would read the wrong place.
    let lost = spec
        .ext
        .errors
        .iter()
        .find(|e| match (e.section(), e.symbol()) {
            (Some("core_relo"), Some(section)) => section == function.section,
            (Some("core_relo" | ".BTF.ext"), None) => records.is_none(),
            _ => false,
        });
    if let Some(lost) = lost {
        let what = format!("its CO-RE relocations cannot be read: {lost}");
        let error = Error::new(lost.kind(), what).in_section(&function.section);
        return Err(error.of_symbol(&function.name));
    }
    for relo in part(records, function, |r| r.insn_off) {
        let Some(at) = slot(function, relo.insn_off) else {
            let what = "a CO-RE relocation inside an instruction";
            let error = Error::new(ErrorKind::Malformed, what).in_section(&function.section);
            return Err(error.at(u64::from(relo.insn_off)).of_symbol(&function.name));
        };
        // That of an instruction which was replaced is gone with it.
        let now = function.slot_now(at);
        code.relos
            .extend(now.map(|at| (base.saturating_add(at), *relo)));
    }
    Ok(())
}

/// The kernel wants a record of every function or of none: none if the program itself has none,
/// as libbpf has it. One that is lost later would go unnoticed, with all that the verifier checks
/// by it: an error.
fn func(spec: &ObjectSpec, code: &mut Code, function: &Function, base: usize) -> Result<()> {
    let own = spec.ext.func_at(&function.section, function.offset);
    if base == 0 || !code.funcs.is_empty() {
        code.funcs.extend(own.map(|record| (base, record.type_id)));
    }
    if own.is_none() && !code.funcs.is_empty() {
        let what = "no record of this function in .BTF.ext, as its program has";
        let error = Error::new(ErrorKind::NotFound, what).in_section(&function.section);
        return Err(error.at(function.offset).of_symbol(&function.name));
    }
    Ok(())
}

fn lines(spec: &ObjectSpec, code: &mut Code, function: &Function, base: usize) -> bool {
    let records = spec.ext.line_info.get(&function.section);
    let before = code.lines.len();
    let records = part(records, function, |r| r.insn_off);
    // The first instruction must have a line: one that was put there has that of what it replaces.
    if function.is_edited() && function.slot_now(0) != Some(0) {
        code.lines
            .extend(records.first().map(|first| (base, *first)));
    }
    for record in records {
        let at = slot(function, record.insn_off).and_then(|at| function.slot_now(at));
        let at = at.map(|at| base.saturating_add(at));
        // The kernel refuses a line for the second half of a wide load (its code is 0) and two
        // lines for one instruction.
        let first_half = |&at: &usize| code.insns.get(at).is_some_and(|insn| insn.code != 0);
        let Some(at) = at.filter(first_half) else {
            continue;
        };
        if code.lines.last().is_none_or(|&(last, _)| last < at) {
            code.lines.push((at, *record));
        }
    }
    code.lines.get(before).is_some_and(|&(at, _)| at == base)
}

/// An extern's own error, with the place that needs it.
fn check_extern(spec: &ObjectSpec, index: usize, function: &Function, insn: usize) -> Result<()> {
    let Some(found) = spec.externs.get(index) else {
        bail!(NotFound, "no extern {index}");
    };
    let Some(error) = &found.error else {
        return Ok(());
    };
    let error = error.clone().in_section(&function.section);
    if function.is_edited() {
        return Err(error);
    }
    let distance = (insn as u64).saturating_mul(INSN_SIZE as u64);
    Err(error.at(function.offset.saturating_add(distance)))
}
