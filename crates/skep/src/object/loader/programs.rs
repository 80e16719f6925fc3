//! A program: linked, relocated, lowered, loaded; its failure is its own.

use super::{Loaded, Loader, explain, externs, target};
use crate::error::Context;
use crate::prog::{self, Declared, Program};
use crate::system::c_string;
use crate::verifier_log::Refusal;
use crate::{AttachType, Error, ErrorKind, ProgType, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::bytes::Endian;
use skep_codec::core_reloc::{Applied, Resolver, patch};
use skep_codec::insn;
use skep_codec::object::{self, Address, Code, Lowering, ProgramSpec};
use skep_sys::attr::{FuncInfo, LineInfo};
use skep_sys::bpf::ProgParams;

impl<'a> Loader<'a> {
    /// Loads one program by itself: only what it uses is created, and whatever is wrong elsewhere
    /// in the file does not matter.
    ///
    /// # Errors
    /// The program's own. An index beyond the programs is [`ErrorKind::NotFound`].
    pub fn load_program(&mut self, index: usize) -> Result<Loaded> {
        let Some(program) = self.spec.programs.get(index) else {
            let what = alloc::format!("no program number {index}");
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        let what = || alloc::format!("load program `{}` ({})", program.name, program.section);
        self.load_linked(index, program).context(what)
    }

    fn load_linked(&mut self, index: usize, program: &ProgramSpec) -> Result<Loaded> {
        self.check_endian()?;
        let mut code = object::link(self.spec, index)?;
        let poisoned = self.relocate(&mut code)?;
        self.lower(&mut code)?;
        let insns = insn::encode(&code.insns, Endian::NATIVE);
        let ops = match program.prog_type {
            ProgType::STRUCT_OPS => Some(self.ops_target(index)?),
            _ => None,
        };
        self.btf()?;
        let btf = self.btf.as_ref().and_then(Option::as_ref);
        let (funcs, lines) = records(&code);
        let license = c_string(self.spec.license.as_deref().unwrap_or_default())?;
        let mut params = ProgParams {
            prog_type: program.prog_type,
            insns: &insns,
            license: &license,
            name: &program.name,
            kern_version: self.spec.version.unwrap_or(0),
            prog_flags: program.flags,
            expected_attach_type: program.attach_type.unwrap_or_default(),
            ..Default::default()
        };
        if let Some(btf) = btf {
            params.btf = Some(btf);
            params.func_info = &funcs;
            params.line_info = &lines;
        }
        if let Some(target) = &ops {
            params.attach_btf_id = target.ops.ops_type.0;
            params.expected_attach_type = AttachType(target.member);
        }
        if program.attach_btf {
            params.attach_btf_id = target::attach_target(self.system, program)?.0;
        }
        let spec = self.spec;
        let explain = |refusal: &mut Refusal| explain::explain(refusal, spec, &code, &poisoned);
        let request = prog::Request {
            params,
            log_level: self.options.log_level,
            raise_memlock: self.options.raise_memlock,
            explain: &explain,
        };
        let now = || self.options.timed.then(|| self.system.now_ns()).transpose();
        let before = now()?;
        let loaded = prog::load(self.system, &request)?;
        let load_ns = now()?
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before));
        let declared = Declared {
            section: program.section.clone(),
            verb: program.attach,
            target: program.target.clone(),
            attach_type: program.attach_type,
            autoattach: program.autoattach,
        };
        let prog_type = program.prog_type;
        let declared = Some(declared);
        Ok(Loaded {
            program: Program::new(self.system, loaded.fd, &program.name, prog_type, declared),
            log: loaded.log,
            insns: code.insns.len(),
            load_ns,
        })
    }

    fn check_endian(&self) -> Result<()> {
        if self.spec.endian == Endian::NATIVE {
            return Ok(());
        }
        let what = alloc::format!(
            "the object is for {:?}-endian machines, this one is {:?}-endian",
            self.spec.endian,
            Endian::NATIVE
        );
        Err(Error::new(ErrorKind::Unsupported, what))
    }

    /// Answers the CO-RE relocations of linked code. One that fails poisons its instruction and
    /// is told if the verifier comes there: instruction index and reason.
    fn relocate(&mut self, code: &mut Code) -> Result<Vec<(usize, String)>> {
        let mut poisoned = Vec::new();
        if code.relos.is_empty() {
            return Ok(poisoned);
        }
        let resolver = self.resolver()?;
        for (at, relo) in &code.relos {
            let answer = resolver.resolve(relo)?;
            match patch(&mut code.insns, *at, &answer)? {
                Applied::Patched => {}
                Applied::Poisoned(failure) => poisoned.push((*at, failure.to_string())),
            }
        }
        Ok(poisoned)
    }

    /// The resolver for all of the object's relocations: the kernel's types are scanned once.
    fn resolver(&mut self) -> Result<&mut Resolver<'a>> {
        if self.resolver.is_none() {
            let spec = self.spec;
            let Some(local) = spec.btf.as_deref() else {
                let what = "relocations without BTF";
                return Err(Error::new(ErrorKind::Codec, what));
            };
            let mut resolver = Resolver::new(local, spec.ext.core_relos.values().flatten());
            if resolver.needs_target() {
                resolver.add_target("vmlinux", self.system.kernel_btf()?);
            }
            self.resolver = Some(resolver);
        }
        let missing = || Error::new(ErrorKind::NotFound, "no resolver");
        self.resolver.as_mut().ok_or_else(missing)
    }

    /// Puts descriptors and kernel addresses into linked code; the maps it uses are created now.
    fn lower(&mut self, code: &mut Code) -> Result<()> {
        for index in code.maps.clone() {
            if self.is_wanted(index) {
                self.map(index)?;
            }
        }
        let symbols = externs::symbols(self.system, self.spec, code)?;
        let map_fd = |index: usize| Some(self.made(index)?.fd().raw());
        let address = |index| symbols.get(&index).copied().unwrap_or(Address::Missing);
        let known = Lowering {
            map_fd: &map_fd,
            address: &address,
        };
        Ok(object::lower(code, &known)?)
    }
}

/// Function and line records as the kernel takes them.
fn records(code: &Code) -> (Vec<FuncInfo>, Vec<LineInfo>) {
    let funcs = code.funcs.iter().map(|(at, id)| FuncInfo {
        insn_off: *at as u32,
        type_id: id.0,
    });
    let lines = code.lines.iter().map(|(at, line)| LineInfo {
        insn_off: *at as u32,
        file_name_off: line.file_name_off,
        line_off: line.line_off,
        line_col: line.line_col,
    });
    (funcs.collect(), lines.collect())
}
