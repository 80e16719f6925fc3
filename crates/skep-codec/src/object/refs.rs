//! Relocations: which instruction refers to which map, function, variable or extern.

use super::externs::ExternKind;
use super::parse::{MapPlace, Parser, Role};
use super::{Function, Ref, Slot, Target};
use crate::elf::{Reloc, SHT_NOBITS, Symbol, SymbolKind};
use crate::error::bail;
use crate::insn::{INSN_SIZE, Insn, pseudo};
use crate::order;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;

const SIZE: u64 = INSN_SIZE as u64;

// On its own: a function that all stages are inlined into takes long to compile.
#[inline(never)]
pub(super) fn read(p: &mut Parser<'_>) {
    for section in 0..p.elf.sections.len() {
        let relocs = match p.elf.relocs.get_mut(section) {
            Some(relocs) => core::mem::take(relocs),
            None => continue,
        };
        match p.roles.get(section) {
            Some(Role::Code) => code(p, section, &relocs),
            Some(Role::Maps) => relocs.iter().for_each(|reloc| slot(p, section, reloc)),
            Some(Role::Data(_)) => relocs.iter().for_each(|reloc| data(p, section, reloc)),
            _ => {}
        }
    }
    relative(p);
}

fn code(p: &mut Parser<'_>, section: usize, relocs: &[Reloc]) {
    for reloc in relocs {
        let Some((start, functions)) = p.functions.at_or_below(section, reloc.offset) else {
            continue;
        };
        let Some((&first, aliases)) = functions.split_first() else {
            continue;
        };
        // Nothing is allocated where there are none.
        let aliases = aliases.to_vec();
        let distance = reloc.offset.saturating_sub(start);
        for function in core::iter::once(first).chain(aliases) {
            let Some(insns) = p.spec.functions.get(function).map(|f| &f.insns) else {
                continue;
            };
            let index = usize::try_from(distance / SIZE).unwrap_or(usize::MAX);
            let Some(&insn) = insns.get(index) else {
                continue;
            };
            let target = if let Err(error) = p.spend(SIZE) {
                Err(error)
            } else if distance.is_multiple_of(SIZE) {
                target(p, reloc, insn)
            } else {
                Err(Error::new(
                    ErrorKind::Malformed,
                    "a relocation inside an instruction",
                ))
            };
            let Some(function) = p.spec.functions.get_mut(function) else {
                continue;
            };
            match target {
                Ok(to) => function.refs.push(Ref { insn: index, to }),
                Err(error) => {
                    let error = error.in_section(&function.section).at(reloc.offset);
                    function
                        .error
                        .get_or_insert(error.of_symbol(&function.name));
                }
            }
        }
    }
}

/// What a relocated instruction refers to.
fn target(p: &Parser<'_>, reloc: &Reloc, insn: Insn) -> Result<Target> {
    let Some(symbol) = p.elf.symbols.get(reloc.symbol) else {
        bail!(
            NotFound,
            "a relocation for symbol {}, which is not there",
            reloc.symbol
        );
    };
    if insn.code == Insn::CALL {
        call(p, reloc, symbol, insn)
    } else if insn.is_wide() {
        address(p, reloc, symbol, insn)
    } else {
        bail!(
            Unsupported,
            "relocation of kind {} against '{}' for an instruction ({:#04x}) that is neither a call nor a wide load",
            reloc.kind,
            symbol.name,
            insn.code
        )
    }
}

fn call(p: &Parser<'_>, reloc: &Reloc, symbol: &Symbol<'_>, insn: Insn) -> Result<Target> {
    if symbol.undefined {
        return external(p, reloc.symbol, symbol, 0);
    }
    let Some(section) = symbol
        .section
        .filter(|&s| p.roles.get(s) == Some(&Role::Code))
    else {
        bail!(
            NotFound,
            "a call of '{}', which is no function",
            symbol.name
        );
    };
    // The immediate counts instructions from the one after the call.
    let Some(offset) = offset(
        symbol.value,
        (i64::from(insn.imm)).saturating_add(1).saturating_mul(8),
    ) else {
        bail!(Malformed, "a call to before the start of its section");
    };
    function_at(p, section, offset, symbol.name).map(Target::Call)
}

fn address(p: &Parser<'_>, reloc: &Reloc, symbol: &Symbol<'_>, insn: Insn) -> Result<Target> {
    let addend = i64::from(insn.imm);
    if symbol.undefined {
        return external(p, reloc.symbol, symbol, addend);
    }
    let name = symbol.name;
    let Some(section) = symbol.section else {
        bail!(
            Unsupported,
            "'{name}' is defined in no section (a common symbol? compile with -fno-common)"
        );
    };
    let Some(offset) = offset(symbol.value, addend) else {
        bail!(Malformed, "an address before the start of its section");
    };
    match p.roles.get(section) {
        Some(Role::Code) => function_at(p, section, offset, name).map(Target::FuncAddr),
        Some(Role::Maps) => match p.map_at.get(&(section, offset)) {
            Some(place) => Ok(Target::Map(place.map)),
            None => bail!(
                NotFound,
                "an address ('{name}') where no map definition begins"
            ),
        },
        Some(Role::JumpTables) => match p.jump_tables.get(&(section, offset)) {
            Some(table) => table.clone().map(Target::JumpTable),
            None => bail!(NotFound, "an address ('{name}') where no jump table begins"),
        },
        Some(&Role::Data(map)) => match u32::try_from(offset) {
            Ok(offset) => Ok(Target::MapValue { map, offset }),
            Err(_) => bail!(TooLarge, "an address {offset:#x} into a data section"),
        },
        _ => {
            let section = p.elf.sections.get(section).map_or("", |s| s.name);
            bail!(
                NotFound,
                "refers to '{name}' in section '{section}', which is not loaded"
            )
        }
    }
}

fn offset(value: u64, addend: i64) -> Option<u64> {
    value.checked_add_signed(addend)
}

/// The function at this place; of aliases the first.
fn function_at(p: &Parser<'_>, section: usize, offset: u64, name: &str) -> Result<usize> {
    let found = p
        .functions
        .get(&(section, offset))
        .and_then(|all| all.first());
    match found {
        Some(&function) => Ok(function),
        None => {
            let section = p.elf.sections.get(section).map_or("", |s| s.name);
            bail!(NotFound, "no function at {section}+{offset:#x} ('{name}')")
        }
    }
}

fn external(p: &Parser<'_>, index: usize, symbol: &Symbol<'_>, addend: i64) -> Result<Target> {
    let Some(&index) = p.extern_of.get(&index) else {
        bail!(NotFound, "'{}' is defined nowhere", symbol.name);
    };
    let kind = p.spec.externs.get(index).map(|e| e.kind);
    match kind {
        Some(ExternKind::Kconfig { map, offset: o, .. }) => match offset(u64::from(o), addend) {
            Some(offset) if offset <= u64::from(u32::MAX) => Ok(Target::MapValue {
                map,
                offset: offset as u32,
            }),
            _ => bail!(Malformed, "an address outside .kconfig"),
        },
        _ if addend != 0 && addend != -1 => {
            bail!(Unsupported, "'{}' with an addend of {addend}", symbol.name)
        }
        _ => Ok(Target::Extern(index)),
    }
}

/// A pointer in a map definition: a map or a program put into a slot.
fn slot(p: &mut Parser<'_>, section: usize, reloc: &Reloc) {
    let found = p.map_at.at_or_below(section, reloc.offset);
    let Some((start, place)) = found.map(|(start, place)| (start, *place)) else {
        return;
    };
    let distance = reloc.offset.saturating_sub(start);
    let slot = slot_of(p, section, reloc, distance, &place);
    let Some(map) = p.spec.maps.get_mut(place.map) else {
        return;
    };
    match slot {
        Ok(slot) => map.slots.push(slot),
        Err(error) => {
            let section = p.elf.sections.get(section).map_or("", |s| s.name);
            let error = error
                .in_section(section)
                .at(reloc.offset)
                .of_symbol(&map.name);
            map.error.get_or_insert(error);
        }
    }
}

fn slot_of(
    p: &Parser<'_>,
    section: usize,
    reloc: &Reloc,
    distance: u64,
    place: &MapPlace,
) -> Result<(u32, Slot)> {
    let into = distance
        .checked_sub(place.values)
        .filter(|_| distance < place.size);
    let slot = into.and_then(|into| into.checked_div(place.stride));
    let Some(slot) = slot.and_then(|slot| u32::try_from(slot).ok()) else {
        bail!(
            Unsupported,
            "a pointer in a map definition that belongs to no slot"
        );
    };
    let Some(symbol) = p.elf.symbols.get(reloc.symbol) else {
        bail!(
            NotFound,
            "a relocation for symbol {}, which is not there",
            reloc.symbol
        );
    };
    let Some(target) = symbol.section else {
        bail!(NotFound, "'{}' is defined nowhere", symbol.name);
    };
    let addend = if symbol.kind == SymbolKind::Section {
        stored(p, section, reloc.offset)?
    } else {
        0
    };
    let offset = symbol.value.wrapping_add(addend);
    match p.roles.get(target) {
        Some(Role::Maps) => match p.map_at.get(&(target, offset)) {
            Some(place) => Ok((slot, Slot::Map(place.map))),
            None => bail!(NotFound, "slot {slot}: no map definition begins there"),
        },
        Some(Role::Code) => {
            let function = p.functions.get(&(target, offset));
            // Programs are in the order of their functions.
            let programs = &p.spec.programs;
            let program = function
                .into_iter()
                .flatten()
                .find_map(|function| programs.binary_search_by_key(function, |p| p.function).ok());
            match program {
                Some(program) => Ok((slot, Slot::Program(program))),
                None => bail!(NotFound, "slot {slot}: '{}' is no program", symbol.name),
            }
        }
        _ => bail!(
            NotFound,
            "slot {slot}: '{}' is neither map nor program",
            symbol.name
        ),
    }
}

/// The eight bytes that a relocation is about.
fn stored(p: &Parser<'_>, section: usize, offset: u64) -> Result<u64> {
    let section = p.elf.sections.get(section);
    let bytes = section.map_or(Ok(&[][..]), |s| s.bytes())?;
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let word = bytes.get(start..).and_then(|rest| rest.first_chunk::<8>());
    match word {
        Some(word) => Ok(p.elf.endian.u64(*word)),
        None => bail!(Truncated, "a relocation beyond the end of its section"),
    }
}

/// Pointers in global data cannot be filled in: the kernel has no addresses to give.
fn data(p: &mut Parser<'_>, section: usize, reloc: &Reloc) {
    let Some(section) = p.elf.sections.get(section) else {
        return;
    };
    let symbol = p.elf.symbols.get(reloc.symbol);
    let name = symbol.map_or("", |s| s.name);
    // Labels of compiler-made tables (jump tables, string tables) are of no interest.
    if section.kind == SHT_NOBITS {
        return;
    }
    let what = format!("a pointer in global data (to '{name}') is left zero");
    let error = Error::new(ErrorKind::Unsupported, what);
    let error = error.in_section(section.name).at(reloc.offset);
    p.warn(error);
}

/// Calls and function addresses that need no relocation: the immediate says where, and the
/// function is in the same section.
fn relative(p: &mut Parser<'_>) {
    for index in 0..p.spec.functions.len() {
        let Some(function) = p.spec.functions.get_mut(index) else {
            continue;
        };
        order::by_key(&mut function.refs, |r| r.insn as u64);
        refuse_twice(function);
        let (section, start) = (function.section_index, function.offset);
        for unrelocated in unrelocated(function) {
            let Unrelocated { at, func, imm } = unrelocated;
            let insn_offset = start.saturating_add((at as u64).saturating_mul(SIZE));
            let away = imm.saturating_add(1).saturating_mul(8);
            let found = match offset(insn_offset, away) {
                Some(offset) => function_at(p, section, offset, "a relative call"),
                None => Err(Error::new(
                    ErrorKind::Malformed,
                    "a call to before its section",
                )),
            };
            let Some(function) = p.spec.functions.get_mut(index) else {
                continue;
            };
            match found {
                Ok(callee) => {
                    let to = if func {
                        Target::FuncAddr(callee)
                    } else {
                        Target::Call(callee)
                    };
                    function.refs.push(Ref { insn: at, to });
                }
                Err(error) => {
                    let error = error.in_section(&function.section).at(insn_offset);
                    function
                        .error
                        .get_or_insert(error.of_symbol(&function.name));
                }
            }
        }
        if let Some(function) = p.spec.functions.get_mut(index) {
            order::by_key(&mut function.refs, |r| r.insn as u64);
        }
    }
}

fn refuse_twice(function: &mut Function) {
    let mut pairs = function.refs.windows(2);
    if pairs.any(|pair| matches!(pair, [a, b] if a.insn == b.insn)) {
        let what = "several relocations for one instruction";
        let error = Error::new(ErrorKind::Malformed, what).of_symbol(&function.name);
        function
            .error
            .get_or_insert(error.in_section(&function.section));
    }
}

/// An instruction that refers to a function without a relocation.
struct Unrelocated {
    at: usize,
    /// The address of the function, not a call.
    func: bool,
    imm: i64,
}

fn unrelocated(function: &Function) -> Vec<Unrelocated> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some(insn) = function.insns.get(at) {
        let func = insn.is_wide() && insn.src == pseudo::FUNC;
        let known = || function.refs.binary_search_by_key(&at, |r| r.insn).is_ok();
        if (func || insn.is_pseudo_call()) && !known() {
            let imm = insn.imm.into();
            found.push(Unrelocated { at, func, imm });
        }
        at = at.saturating_add(if insn.is_wide() { 2 } else { 1 });
    }
    found
}
