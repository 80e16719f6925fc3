//! Functions of code sections, and which of them are programs.

use super::parse::{Parser, Role};
use super::sections::{self, Verb};
use super::{Function, ProgramSpec};
use crate::btf::BtfExt;
use crate::bytes::slice;
use crate::elf::{Section, Symbol, SymbolKind};
use crate::error::bail;
use crate::insn::{self, INSN_SIZE, Insn};
use crate::order;
use crate::uapi::bpf::ProgType;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::vec::Vec;

// On its own: a function that all stages are inlined into takes long to compile.
#[inline(never)]
pub(super) fn read(p: &mut Parser<'_>) {
    for index in 0..p.elf.sections.len() {
        if p.elf.sections.get(index).is_some_and(Section::is_code) {
            p.set_role(index, Role::Code);
            read_section(p, index);
        }
    }
}

fn read_section(p: &mut Parser<'_>, index: usize) {
    let Some(section) = p.elf.sections.get(index).cloned() else {
        return;
    };
    let symbols = functions(p.elf.symbols_in(index), &section);
    if symbols.is_empty() && section.size > 0 {
        let what = "code without a function symbol: nothing in it can be loaded";
        p.warn(Error::new(ErrorKind::NotFound, what).in_section(section.name));
    }
    let (mut last, mut end) = ((0, 0), 0);
    for symbol in symbols {
        let mut insns = body(p, &section, &symbol);
        let place = (symbol.value, symbol.size);
        if symbol.value < end && place != last && insns.is_ok() {
            let what = "overlaps with the function before it";
            insns = Err(Error::new(ErrorKind::Malformed, what));
        }
        if insns.is_ok() && symbol.value.saturating_add(symbol.size) > end {
            end = symbol.value.saturating_add(symbol.size);
        }
        last = place;
        let place_error = |e: Error| {
            e.in_section(section.name)
                .at(symbol.value)
                .of_symbol(symbol.name)
        };
        let (insns, error) = match insns {
            Ok(insns) => (insns, None),
            Err(error) => (Vec::new(), Some(place_error(error))),
        };
        let function = p.spec.functions.len();
        if !is_text(section.name) && !symbol.local {
            let program = program(p, &section, &symbol, function, error.clone());
            if lacks_record(&p.spec.ext, section.name, symbol.value) {
                let what = "no record of it in .BTF.ext: it is loaded without function records";
                p.warn(place_error(Error::new(ErrorKind::NotFound, what)));
            }
            p.spec.programs.push(program);
        }
        if error.is_none() {
            let at = (index, symbol.value);
            p.functions.change(at, |here| here.push(function));
        }
        p.spec.functions.push(Function {
            name: symbol.name.to_owned(),
            section: section.name.to_owned(),
            section_index: index,
            offset: symbol.value,
            insns,
            refs: Vec::new(),
            global: !symbol.local,
            weak: symbol.weak,
            hidden: symbol.hidden,
            moved: Default::default(),
            error,
        });
    }
}

/// Function symbols in order. Compilers up to clang 7 gave symbols neither types nor sizes: where a
/// section has none that is a function, each begins one, but labels (`LBB0_3`).
fn functions<'a>(all: Vec<Symbol<'a>>, section: &Section<'_>) -> Vec<Symbol<'a>> {
    let is_func = |symbol: &Symbol<'_>| symbol.kind == SymbolKind::Func;
    let typed = all.iter().any(is_func);
    let mut symbols = all;
    symbols.retain(|symbol| match typed {
        true => is_func(symbol),
        false => symbol.kind == SymbolKind::None && !is_label(symbol),
    });
    order::by_key(&mut symbols, |symbol| symbol.value);
    if !typed {
        let (mut next, mut end) = (section.size, section.size);
        for symbol in symbols.iter_mut().rev() {
            if symbol.value != next {
                (next, end) = (symbol.value, next);
            }
            symbol.size = end.saturating_sub(symbol.value);
        }
    }
    symbols
}

/// Whether a symbol is a place in a function.
fn is_label(symbol: &Symbol<'_>) -> bool {
    let name = symbol.name;
    name.is_empty() || symbol.local && (name.starts_with("LBB") || name.starts_with(".L"))
}

/// Whether a function has no record where others have.
fn lacks_record(ext: &BtfExt, section: &str, offset: u64) -> bool {
    !ext.func_info.is_empty() && ext.func_at(section, offset).is_none()
}

/// Whether a section holds functions that are no programs.
fn is_text(section: &str) -> bool {
    section == ".text" || section.starts_with(".text.")
}

fn body(p: &mut Parser<'_>, section: &Section<'_>, symbol: &Symbol<'_>) -> Result<Vec<Insn>> {
    let align = INSN_SIZE as u64;
    if symbol.name.is_empty() {
        bail!(Malformed, "a function without a name");
    }
    if symbol.size == 0 {
        bail!(Malformed, "a function without a size");
    }
    if !symbol.value.is_multiple_of(align) || !symbol.size.is_multiple_of(align) {
        bail!(Malformed, "begins or ends inside an instruction");
    }
    let (Ok(value), Ok(size)) = (symbol.value.try_into(), symbol.size.try_into()) else {
        bail!(TooLarge, "a function of {} bytes", symbol.size);
    };
    let bytes = slice(section.bytes()?, value, size, "function")?;
    p.spend(symbol.size)?;
    let insns = insn::decode(bytes, p.elf.endian)?;
    let mut index = 0_usize;
    while let Some(insn) = insns.get(index) {
        index = index.saturating_add(if insn.is_wide() { 2 } else { 1 });
    }
    if index != insns.len() {
        bail!(Malformed, "the last instruction is half a wide load");
    }
    Ok(insns)
}

fn program(
    p: &mut Parser<'_>,
    section: &Section<'_>,
    symbol: &Symbol<'_>,
    function: usize,
    error: Option<Error>,
) -> ProgramSpec {
    let (autoload, name) = match section.name.strip_prefix('?') {
        Some(name) => (false, name),
        None => (true, section.name),
    };
    let mut program = ProgramSpec {
        name: symbol.name.to_owned(),
        section: section.name.to_owned(),
        prog_type: ProgType::UNSPEC,
        attach_type: None,
        attach_type_optional: false,
        flags: 0,
        attach_btf: false,
        target: None,
        attach: Verb::None,
        on_return: false,
        autoload,
        autoattach: true,
        function,
        exception_callback: None,
        ifindex: 0,
        log_level: 0,
        error,
    };
    let Some(found) = sections::find_with(name, p.sections) else {
        return program;
    };
    if !found.exact {
        let what = format!("an old section name, taken for '{}'", found.def.pattern);
        let old = Error::new(ErrorKind::Mismatch, what).in_section(section.name);
        p.warn(old.of_symbol(symbol.name));
    }
    program.prog_type = found.def.prog_type;
    program.attach_type = found.def.attach_type;
    program.attach_type_optional = found.def.attach_type_optional();
    program.flags = found.def.prog_flags();
    program.attach_btf = found.def.attach_btf();
    program.target = found.target.map(ToOwned::to_owned);
    program.attach = found.def.verb;
    program.on_return = found.def.on_return();
    program
}
