//! A program joined with the functions that it reaches.

use super::{Function, ObjectSpec, Ref, Target};
use crate::btf::{CoreRelo, LineInfo, TypeId};
use crate::error::bail;
use crate::insn::{INSN_SIZE, Insn, pseudo};
use crate::map::Map;
use crate::order;
use crate::{Error, ErrorKind, Result};
use alloc::format;
use alloc::vec::Vec;

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
    /// The `Func` of each function; empty unless every one has one, as the kernel demands.
    pub funcs: Vec<(usize, TypeId)>,
    /// Source lines; empty unless every function's first instruction has one.
    pub lines: Vec<(usize, LineInfo)>,
    /// The functions in it (indices into [`ObjectSpec::functions`]) and where each begins.
    pub functions: Vec<(usize, usize)>,
    /// Maps that it refers to.
    pub maps: Vec<usize>,
    /// Externs that it refers to.
    pub externs: Vec<usize>,
}

/// Joins a program with the functions that it calls or takes the address of. The spec is not
/// changed, and the result depends on nothing else.
///
/// # Errors
/// The program's or a reached function's own error; `TooLarge`: more than [`MAX_INSNS`].
pub fn link(spec: &ObjectSpec, program: usize) -> Result<Code> {
    let Some(program) = spec.programs.get(program) else {
        bail!(NotFound, "no program {program}");
    };
    if let Some(error) = &program.error {
        return Err(error.clone());
    }
    let placed = reach(spec, program.function)?;
    let mut code = Code::default();
    let (mut has_funcs, mut has_lines) = (true, true);
    for (&index, &base) in placed.order.iter().zip(&placed.bases) {
        let function = function(spec, index)?;
        code.functions.push((base, index));
        code.insns.extend_from_slice(&function.insns);
        join(&mut code, function, base, &placed)?;
        relos(spec, &mut code, function, base)?;
        has_funcs &= func(spec, &mut code, function, base);
        has_lines &= lines(spec, &mut code, function, base);
    }
    if !has_funcs {
        code.funcs.clear();
    }
    if !has_lines {
        code.lines.clear();
    }
    each_once(&mut code.maps);
    each_once(&mut code.externs);
    check_externs(spec, &code)?;
    Ok(code)
}

/// In order, each once.
fn each_once(indices: &mut Vec<usize>) {
    order::by_key(indices, |index| *index as u64);
    indices.dedup();
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

/// Functions in the order of their first mention, and where each begins.
struct Placed {
    order: Vec<usize>,
    bases: Vec<usize>,
    base_of: Map<usize, usize>,
}

fn reach(spec: &ObjectSpec, entry: usize) -> Result<Placed> {
    let mut placed = Placed {
        order: alloc::vec![entry],
        bases: alloc::vec![0],
        base_of: Map::from_iter([(entry, 0)]),
    };
    let mut end = function(spec, entry)?.insns.len();
    let mut next = 0_usize;
    while let Some(&index) = placed.order.get(next) {
        next = next.saturating_add(1);
        for reference in &function(spec, index)?.refs {
            let (Target::Call(callee) | Target::FuncAddr(callee)) = reference.to else {
                continue;
            };
            if placed.base_of.contains_key(&callee) {
                continue;
            }
            placed.base_of.insert(callee, end);
            placed.order.push(callee);
            placed.bases.push(end);
            end = end.saturating_add(function(spec, callee)?.insns.len());
            if end > MAX_INSNS {
                bail!(
                    TooLarge,
                    "more than {MAX_INSNS} instructions with all it calls"
                );
            }
        }
    }
    if end > MAX_INSNS {
        bail!(TooLarge, "more than {MAX_INSNS} instructions");
    }
    Ok(placed)
}

/// Does a function's calls, and notes what stays symbolic.
fn join(code: &mut Code, function: &Function, base: usize, placed: &Placed) -> Result<()> {
    for reference in &function.refs {
        let at = base.saturating_add(reference.insn);
        match reference.to {
            Target::Call(callee) | Target::FuncAddr(callee) => {
                let wide = matches!(reference.to, Target::FuncAddr(_));
                call(code, at, placed.base_of.get(&callee).copied(), wide)?;
                continue;
            }
            Target::Map(map) | Target::MapValue { map, .. } => code.maps.push(map),
            Target::Extern(index) => code.externs.push(index),
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
fn part<'r, T>(records: Option<&'r Vec<T>>, function: &Function, offset: fn(&T) -> u32) -> &'r [T] {
    let records = records.map_or(&[][..], Vec::as_slice);
    let bytes = (function.insns.len() as u64).saturating_mul(INSN_SIZE as u64);
    let (start, end) = (function.offset, function.offset.saturating_add(bytes));
    let first = records.partition_point(|r| u64::from(offset(r)) < start);
    let last = records.partition_point(|r| u64::from(offset(r)) < end);
    records.get(first..last).unwrap_or_default()
}

/// The slot of a record's instruction in the linked program; `None` inside an instruction.
fn slot(function: &Function, base: usize, insn_off: u32) -> Option<usize> {
    let distance = u64::from(insn_off).checked_sub(function.offset)?;
    let whole = distance.is_multiple_of(INSN_SIZE as u64);
    let slot = usize::try_from(distance >> 3).ok()?;
    whole.then_some(base.saturating_add(slot))
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
        let Some(at) = slot(function, base, relo.insn_off) else {
            let what = "a CO-RE relocation inside an instruction";
            let error = Error::new(ErrorKind::Malformed, what).in_section(&function.section);
            return Err(error.at(u64::from(relo.insn_off)).of_symbol(&function.name));
        };
        code.relos.push((at, *relo));
    }
    Ok(())
}

fn func(spec: &ObjectSpec, code: &mut Code, function: &Function, base: usize) -> bool {
    let records = spec.ext.func_info.get(&function.section);
    let first = part(records, function, |r| r.insn_off).first();
    let own = first.filter(|r| u64::from(r.insn_off) == function.offset);
    code.funcs.extend(own.map(|record| (base, record.type_id)));
    own.is_some()
}

fn lines(spec: &ObjectSpec, code: &mut Code, function: &Function, base: usize) -> bool {
    let records = spec.ext.line_info.get(&function.section);
    let before = code.lines.len();
    for record in part(records, function, |r| r.insn_off) {
        let at = slot(function, base, record.insn_off);
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

fn check_externs(spec: &ObjectSpec, code: &Code) -> Result<()> {
    for &index in &code.externs {
        let Some(found) = spec.externs.get(index) else {
            bail!(NotFound, "no extern {index}");
        };
        if let Some(error) = &found.error {
            return Err(error.clone());
        }
    }
    Ok(())
}
