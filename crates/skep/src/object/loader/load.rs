//! A program's load: what the kernel is told beside the instructions; its failure is its own.

use super::btf::WITHOUT;
use super::{Loaded, Loader, Prepared, explain, extension, jump_tables, target};
use crate::error::Context;
use crate::probe::{Answer, Feature};
use crate::prog::{self, Declared, Program};
use crate::system::c_string;
use crate::verifier_log::Refusal;
use crate::{AttachType, Error, ErrorKind, ProgType, Result, TypeId};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use skep_codec::bytes::Endian;
use skep_codec::insn;
use skep_codec::object::{Code, Data, DataKind, ProgramSpec, Verb};
use skep_sys::attr::{FuncInfo, LineInfo};
use skep_sys::bpf::{self, ProgParams};

/// The type or function of the kernel that a program is loaded for, where it is for one.
#[derive(Default)]
struct Goal {
    btf_id: TypeId,
    /// The module that has it; `None` for the kernel itself.
    module: Option<usize>,
    /// Of a struct of functions, the one that it is.
    member: Option<AttachType>,
}

impl Loader<'_> {
    /// Loads one program by itself: only what it uses is created, and whatever is wrong elsewhere
    /// in the file does not matter.
    ///
    /// # Errors
    /// The program's own. An index beyond the programs is [`ErrorKind::NotFound`].
    pub fn load_program(&mut self, index: usize) -> Result<Loaded> {
        match self.spec.programs.get(index) {
            Some(program) => self.load_as(program),
            None => {
                let what = format!("no program number {index}");
                Err(Error::new(ErrorKind::NotFound, what))
            }
        }
    }

    /// Loads a changed copy of one of the spec's programs: another type, name, target, other
    /// flags. As often as wanted, each time a program of its own.
    ///
    /// # Errors
    /// The program's own.
    #[doc(alias = "bpf_program__clone")]
    pub fn load_as(&mut self, program: &ProgramSpec) -> Result<Loaded> {
        let prepared = self.prepare_linked(program);
        let loaded = prepared.and_then(|prepared| self.load_code(program, &prepared));
        loaded.context(what(program))
    }

    /// Loads what was prepared, as it is now.
    ///
    /// # Errors
    /// The program's own.
    pub fn load_prepared(&mut self, program: &ProgramSpec, prepared: &Prepared) -> Result<Loaded> {
        let loaded = self.load_code(program, prepared);
        loaded.context(what(program))
    }

    fn load_code(&mut self, program: &ProgramSpec, prepared: &Prepared) -> Result<Loaded> {
        let tables = self.jump_tables(&prepared.code)?;
        let with_tables = jump_tables::put_in(&prepared.code, &tables)?;
        let code = with_tables.as_ref().unwrap_or(&prepared.code);
        let insns = insn::encode(&code.insns, Endian::NATIVE);
        let goal = self.goal(program)?;
        self.upload_btf()?;
        self.can_do_without_btf(program, code)?;
        let (funcs, lines) = self.records(program.prog_type, code);
        let license = c_string(self.spec.license.as_deref().unwrap_or_default())?;
        let attach_type = self.attach_type(program);
        let mut params = ProgParams {
            prog_type: program.prog_type,
            insns: &insns,
            license: &license,
            name: &program.name,
            kern_version: self.kern_version(program)?,
            prog_flags: program.flags,
            ifindex: program.ifindex,
            expected_attach_type: goal.member.or(attach_type).unwrap_or_default(),
            attach_btf_id: goal.btf_id.0,
            attach_target: goal.module.and_then(|module| self.kernel.fd(module)),
            token: self.system.token()?,
            fd_array: match code.externs.is_empty() {
                true => &[],
                false => self.externs.fd_array(),
            },
            ..Default::default()
        };
        if let Some(btf) = self.btf() {
            params.btf = Some(btf);
            params.func_info = &funcs;
            params.line_info = &lines;
        }
        if let Some(chosen) = self.options.attach_targets.get(&program.name) {
            params.attach_target = Some(chosen.program.fd());
            params.attach_btf_id = extension::btf_id(chosen, program)?.0;
        }
        let (spec, poisoned) = (self.spec, &prepared.poisoned);
        let without = matches!(self.btf, Some(Err(_)));
        let explain = |refusal: &mut Refusal| {
            explain::explain(refusal, spec, code, poisoned);
            if without {
                let hint = &mut refusal.digest.hint;
                hint.get_or_insert_with(|| WITHOUT.to_string());
            }
        };
        let request = prog::Request {
            params,
            attach_type_optional: program.attach_type_optional,
            log_level: self.options.log_level | program.log_level,
            log_bytes: self.options.log_bytes,
            explain: &explain,
        };
        let loaded = self.load_request(program, attach_type, &request, code.insns.len())?;
        self.bind_constants(&loaded.program, code);
        Ok(loaded)
    }

    fn goal(&mut self, program: &ProgramSpec) -> Result<Goal> {
        if program.prog_type == ProgType::STRUCT_OPS {
            let target = self.ops_target(self.index_of(program)?)?;
            return Ok(Goal {
                btf_id: target.ops.ops_type,
                module: target.ops.module,
                member: Some(AttachType(target.member)),
            });
        }
        if program.attach == Verb::TracingMulti {
            let module = target::module_of(&mut self.kernel, program)?;
            return Ok(Goal {
                module,
                ..Goal::default()
            });
        }
        let is_given = self.options.attach_targets.contains_key(&program.name);
        if !program.attach_btf || is_given {
            return Ok(Goal::default());
        }
        let (btf_id, module) = target::attach_target(&mut self.kernel, program)?;
        Ok(Goal {
            btf_id,
            module,
            member: None,
        })
    }

    /// Has the constants of the object live as long as the program, used by it or not: other tools
    /// read in them what it says of itself.
    #[doc(alias = "BPF_PROG_BIND_MAP")]
    fn bind_constants(&mut self, program: &Program, code: &Code) {
        for (index, spec) in self.spec.maps.iter().enumerate() {
            let is_constant = |data: &Data| data.kind == DataKind::Rodata;
            let bound = !spec.data.as_ref().is_some_and(is_constant)
                || code.maps.contains(&index)
                || self.is_exclusive(index);
            if let (true, false, Some(map)) = (self.binds, bound, self.made(index)) {
                // Nothing that the program needs: kernels before 5.10 cannot, and are not asked again.
                self.binds = bpf::prog_bind_map(program.fd(), map.fd(), 0).is_ok();
            }
        }
    }

    /// The program of the spec that this one is, or is a changed copy of.
    fn index_of(&self, program: &ProgramSpec) -> Result<usize> {
        let same = |known: &ProgramSpec| known.function == program.function;
        self.spec.programs.iter().position(same).ok_or_else(|| {
            let what = format!("program `{}` is of another object", program.name);
            Error::new(ErrorKind::NotFound, what)
        })
    }

    fn load_request(
        &self,
        program: &ProgramSpec,
        attach_type: Option<AttachType>,
        request: &prog::Request<'_>,
        insns: usize,
    ) -> Result<Loaded> {
        let now = || self.options.timed.then(|| self.system.now_ns()).transpose();
        let before = now()?;
        let loaded = prog::load(self.system, request)?;
        let load_ns = now()?
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before));
        let declared = Declared {
            section: program.section.clone(),
            verb: program.attach,
            target: program.target.clone(),
            attach_type,
            autoattach: program.autoattach,
            log: loaded.log,
            #[cfg(feature = "usdt")]
            usdt: self.usdt_specs(program),
        };
        Ok(Loaded {
            program: Program::new(
                self.system,
                loaded.fd,
                &program.name,
                program.prog_type,
                Some(declared),
            ),
            insns,
            load_ns,
        })
    }

    /// A USDT program is attached by one link to all its places, where the kernel has such links.
    fn attach_type(&self, program: &ProgramSpec) -> Option<AttachType> {
        let multi = program.attach == Verb::Usdt
            && program.attach_type.is_none()
            && self.system.probe(Feature::LinkUprobeMulti) == Answer::Yes;
        let multi = multi.then_some(AttachType::TRACE_UPROBE_MULTI);
        multi.or(program.attach_type)
    }

    /// Kernels before 5.0 load kprobes only for the version that they are.
    fn kern_version(&self, program: &ProgramSpec) -> Result<u32> {
        match self.spec.version {
            Some(version) => Ok(version),
            None if program.prog_type == ProgType::KPROBE => self.system.kernel_version(),
            None => Ok(0),
        }
    }

    /// Function and line records as the kernel takes them.
    fn records(&self, prog_type: ProgType, code: &Code) -> (Vec<FuncInfo>, Vec<LineInfo>) {
        let (mut funcs, mut lines) = (Vec::new(), Vec::new());
        for (at, id) in &code.funcs {
            funcs.push(FuncInfo {
                insn_off: *at as u32,
                type_id: self.replaced.get(&(prog_type, *id)).unwrap_or(id).0,
            });
        }
        for (at, line) in &code.lines {
            lines.push(LineInfo {
                insn_off: *at as u32,
                file_name_off: line.file_name_off,
                line_off: line.line_off,
                line_col: line.line_col,
            });
        }
        (funcs, lines)
    }
}

fn what(program: &ProgramSpec) -> impl fmt::Display {
    let (name, section) = (&program.name, &program.section);
    fmt::from_fn(move |f| write!(f, "load program `{name}` ({section})"))
}
