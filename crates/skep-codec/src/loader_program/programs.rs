//! Programs: their instructions in the data, what is put into them, their load.

use super::attr::prog_load as load;
use super::build::Build;
use super::emit::{EQ, R2, R6, R7, RSH, U32};
use super::maps::at;
use super::step::Step;
use super::symbols::Symbol;
use crate::Result;
use crate::error::bail;
use crate::insn::{self, INSN_SIZE};
use crate::object::sections::btf_target;
use crate::object::{self, Address, Code, ExternKind, Lowering, ProgramSpec, Target, Verb};
use crate::uapi::bpf::{Cmd, ProgType, obj_name};
use alloc::vec::Vec;

/// A program to be loaded.
pub(super) struct Planned {
    /// Of the spec.
    pub(super) index: usize,
    pub(super) code: Code,
    /// Its instructions in the data.
    insns: u32,
}

/// # Errors
/// `Unsupported`: what only a process can do.
fn check(program: &ProgramSpec, code: &Code) -> Result<()> {
    let target = program.target.as_deref().unwrap_or_default();
    let module = target.split_once(':').map(|(module, _)| module);
    let by_module = program.attach_btf || program.attach == Verb::TracingMulti;
    let why = match program.attach {
        _ if program.prog_type == ProgType::STRUCT_OPS => {
            "its struct has to be matched with the kernel's"
        }
        Verb::Freplace => "the program that it is for has to be loaded before",
        Verb::Usdt => "the arguments of its probes have to be put into maps",
        _ if !code.jump_tables.is_empty() => "it has jump tables",
        _ if by_module && module.is_some_and(|module| module != "vmlinux") => {
            "its target names a module; without, it is looked for in all"
        }
        _ => return Ok(()),
    };
    bail!(
        Unsupported,
        "a loader program cannot load program `{}` ({}): {why}",
        program.name,
        program.section
    );
}

impl Build<'_> {
    /// Links every program that is wanted, and notes which symbols they name.
    pub(super) fn plan_programs(&mut self) -> Result<()> {
        let spec = self.spec;
        for (index, program) in spec.programs.iter().enumerate() {
            if !program.autoload {
                continue;
            }
            let name = |e: crate::Error| e.of_symbol(&program.name);
            let code = object::link_program(spec, program).map_err(name)?;
            check(program, &code)?;
            for index in &code.externs {
                let kind = spec.externs.get(*index).map(|wanted| wanted.kind);
                let is_symbol = !matches!(kind, Some(ExternKind::Kconfig { .. }) | None);
                if is_symbol && !self.symbols.iter().any(|known| known.index == *index) {
                    let (index, uses) = (*index, Vec::new());
                    self.symbols.push(Symbol { index, uses });
                }
            }
            self.programs.push(Planned {
                index,
                code,
                insns: 0,
            });
        }
        Ok(())
    }

    /// Puts the instructions of all programs into the data.
    pub(super) fn place_programs(&mut self) -> Result<()> {
        let mut programs = core::mem::take(&mut self.programs);
        for program in &mut programs {
            let code = &mut program.code;
            let before = code.insns.clone();
            let map_fd = |index: usize| self.map_slot(index).map(|_| 0);
            let address = |_| Address::Missing;
            let known = Lowering {
                map_fd: &map_fd,
                address: &address,
            };
            object::lower(code, &known)?;
            let bytes = insn::encode(&code.insns, self.out.blob.endian);
            program.insns = self.out.blob.add(&bytes)?;
            for reference in &code.refs {
                let Target::Extern(index) = reference.to else {
                    continue;
                };
                let place = slot_at(program.insns, reference.insn);
                let symbol = self.symbols.iter_mut().find(|known| known.index == index);
                if let (Some(symbol), Some(insn)) = (symbol, before.get(reference.insn)) {
                    symbol.uses.push((place, *insn));
                }
            }
        }
        self.programs = programs;
        Ok(())
    }

    /// Puts the maps' descriptors into the instructions of all programs: maps are made by now.
    pub(super) fn put_maps(&mut self) {
        for made in self.maps.clone() {
            let mut places = Vec::new();
            for program in &self.programs {
                for reference in &program.code.refs {
                    let map = match reference.to {
                        Target::Map(map) | Target::MapValue { map, .. } => map,
                        _ => continue,
                    };
                    if map == made.spec {
                        places.push(at(slot_at(program.insns, reference.insn), 4));
                    }
                }
            }
            let slot = super::context::map(made.index, super::context::FD);
            self.out.put_fd(slot, &places);
        }
    }

    pub(super) fn load_programs(&mut self) -> Result<()> {
        let spec = self.spec;
        let license = spec.license.as_deref().unwrap_or_default();
        let (license, _) = self.out.blob.text(license)?;
        let programs = core::mem::take(&mut self.programs);
        for (number, planned) in programs.iter().enumerate() {
            let Some(program) = spec.programs.get(planned.index) else {
                continue;
            };
            let name = |e: crate::Error| e.of_symbol(&program.name);
            let attr = self.out.blob.room(load::SIZE)?;
            self.out.put_address(license, at(attr, load::LICENSE));
            self.attributes(program, planned, attr);
            self.records(program.prog_type, &planned.code, attr)
                .map_err(name)?;
            if program.attach_btf {
                self.find_target(program, number, attr).map_err(name)?;
            }
            let logs = [load::LOG_LEVEL, load::LOG_SIZE, load::LOG_BUF].map(|log| at(attr, log));
            let [level, size, buffer] = logs;
            self.out.put_log(level, size, buffer);
            self.out.step(Step::LoadProgram(number));
            self.out.bpf(Cmd::PROG_LOAD, attr, load::SIZE)?;
            self.out.keep(self.layout.program(number));
            if program.attach_btf {
                self.out.close_fd(self.layout.target)?;
            }
        }
        self.programs = programs;
        Ok(())
    }

    fn attributes(&mut self, program: &ProgramSpec, planned: &Planned, attr: u32) {
        let attach_type = program.attach_type.unwrap_or_default();
        for (field, value) in [
            (load::PROG_TYPE, program.prog_type.0),
            (load::INSN_CNT, planned.code.insns.len() as u32),
            (load::KERN_VERSION, self.spec.version.unwrap_or(0)),
            (load::PROG_FLAGS, program.flags),
            (load::PROG_IFINDEX, program.ifindex),
            (load::EXPECTED_ATTACH_TYPE, attach_type.0),
        ] {
            self.out.blob.put_u32(at(attr, field), value);
        }
        let name = obj_name(&program.name);
        self.out.blob.put(at(attr, load::PROG_NAME), &name);
        self.out.put_address(planned.insns, at(attr, load::INSNS));
        if let Some(fds) = self.fd_array.filter(|_| !planned.code.externs.is_empty()) {
            self.out.put_address(fds, at(attr, load::FD_ARRAY));
        }
    }

    /// Functions, lines and the relocations that the kernel is to do.
    fn records(&mut self, prog_type: ProgType, code: &Code, attr: u32) -> Result<()> {
        let has_types = self.spec.btf.is_some() && !code.funcs.is_empty();
        if !code.relos.is_empty() && !has_types {
            bail!(
                Unsupported,
                "the kernel does CO-RE relocations only for programs with function records"
            );
        }
        if !has_types {
            return Ok(());
        }
        let (mut funcs, mut lines, mut relos) = (Vec::new(), Vec::new(), Vec::new());
        for (insn, id) in &code.funcs {
            let id = self.replaced.get(&(prog_type, *id)).unwrap_or(id);
            funcs.extend([*insn as u32, id.0]);
        }
        for (insn, line) in &code.lines {
            let place = [line.file_name_off, line.line_off, line.line_col];
            lines.push(*insn as u32);
            lines.extend(place);
        }
        for (insn, relo) in &code.relos {
            let bytes = insn.saturating_mul(INSN_SIZE) as u32;
            let kind = relo.kind as u32;
            relos.extend([bytes, relo.type_id.0, relo.access_off, kind]);
        }
        let btf = self.layout.btf;
        self.out.put_fd(btf, &[at(attr, load::PROG_BTF_FD)]);
        for (words, size, [records, count, record]) in [
            (
                funcs,
                8,
                [
                    load::FUNC_INFO,
                    load::FUNC_INFO_CNT,
                    load::FUNC_INFO_REC_SIZE,
                ],
            ),
            (
                lines,
                16,
                [
                    load::LINE_INFO,
                    load::LINE_INFO_CNT,
                    load::LINE_INFO_REC_SIZE,
                ],
            ),
            (
                relos,
                16,
                [
                    load::CORE_RELOS,
                    load::CORE_RELO_CNT,
                    load::CORE_RELO_REC_SIZE,
                ],
            ),
        ] {
            if words.is_empty() {
                continue;
            }
            let place = self.out.blob.words(&words)?;
            let number = words.len().checked_div(size as usize >> 2).unwrap_or(0) as u32;
            self.out.blob.put_u32(at(attr, count), number);
            self.out.blob.put_u32(at(attr, record), size);
            self.out.put_address(place, at(attr, records));
        }
        Ok(())
    }

    /// What a program is for, by name: put into its attributes.
    fn find_target(&mut self, program: &ProgramSpec, number: usize, attr: u32) -> Result<()> {
        let Some(target) = program.target.as_deref() else {
            bail!(NotFound, "section `{}` names no target", program.section);
        };
        let (prefix, kind) = btf_target(program.attach_type);
        let name = target.strip_prefix("vmlinux:").unwrap_or(target);
        self.out.step(Step::FindTarget(number));
        self.find_type(&format!("{prefix}{name}"), kind)?;
        let out = &mut self.out;
        out.fail_if_negative()?;
        out.address(R2, at(attr, load::ATTACH_BTF_ID));
        out.store(U32, R2, 0, R7);
        out.alu(RSH, R7, 32);
        out.address(R2, at(attr, load::ATTACH_PROG_FD));
        out.store(U32, R2, 0, R7);
        let own = out.jump_if(EQ, R7, 0);
        out.store(U32, R6, self.layout.target as i16, R7);
        out.close(own)
    }
}

/// Where an instruction is in the data.
fn slot_at(insns: u32, slot: usize) -> u32 {
    insns.saturating_add(slot.saturating_mul(INSN_SIZE) as u32)
}
