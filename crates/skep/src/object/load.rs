//! From a spec to a live object: maps, BTF, CO-RE, programs, each program's failure its own.

use super::{Global, Object, explain, resolve};
use crate::error::{Context, ProgramFailure};
use crate::map::{self, Created, Map};
use crate::probe::Feature;
use crate::prog::{self, Declared, Program};
use crate::system::{System, c_string};
use crate::verifier_log::Refusal;
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::btf::BtfFeatures;
use skep_codec::bytes::Endian;
use skep_codec::core_reloc::{Applied, Resolver, patch};
use skep_codec::insn;
use skep_codec::object::{
    self, Address, Code, Data, DataKind, Lowering, MapSpec, ObjectSpec, ProgramSpec, Slot,
};
use skep_sys::attr::{FuncInfo, LineInfo};
use skep_sys::bpf::{self, ProgParams};
use skep_sys::{CallError, Fd};

const UPLOAD: &str = "upload the object's BTF";

/// How to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Verifier log level for every program: 0 (default) only logs refusals, 1 states, 2 more,
    /// 4 statistics.
    pub log_level: u32,
    /// Whether to raise `RLIMIT_MEMLOCK` on kernels that count BPF memory against it (before
    /// Linux 5.11). Default: yes.
    pub raise_memlock: bool,
    /// Whether to measure how long the kernel takes over a program. Default: no.
    pub timed: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            log_level: 0,
            raise_memlock: true,
            timed: false,
        }
    }
}

/// A program loaded by itself.
#[derive(Debug)]
pub struct Loaded {
    /// The program.
    pub program: Program,
    /// The verifier's log, if [`LoadOptions::log_level`] asked for one.
    pub log: String,
    /// Instruction slots passed to the kernel.
    pub insns: usize,
    /// How long the kernel took, by `CLOCK_MONOTONIC`; `None` unless [`LoadOptions::timed`].
    pub load_ns: Option<u64>,
}

/// Loads a spec into a system, whole or a program at a time. Maps and BTF are made when a program
/// first needs them, and kept for the next.
pub struct Loader<'a> {
    system: &'a System,
    spec: &'a ObjectSpec,
    options: &'a LoadOptions,
    btf: Option<Option<Fd>>,
    maps: Vec<Option<Map>>,
    resolver: Option<Resolver<'a>>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(system: &'a System, spec: &'a ObjectSpec, options: &'a LoadOptions) -> Self {
        Self {
            system,
            spec,
            options,
            btf: None,
            maps: spec.maps.iter().map(|_| None).collect(),
            resolver: None,
        }
    }

    /// Everything that the spec wants loaded.
    pub(super) fn load(mut self) -> Result<Object> {
        for (index, map) in self.spec.maps.iter().enumerate() {
            if map.autocreate {
                self.map(index)?;
            }
        }
        let mut programs: Vec<Option<Program>> = Vec::new();
        let mut failures = Vec::new();
        for (index, program) in self.spec.programs.iter().enumerate() {
            let loaded = program.autoload.then(|| self.load_program(index));
            programs.push(match loaded {
                Some(Ok(loaded)) => Some(loaded.program),
                Some(Err(error)) => {
                    failures.push(failure(program, error));
                    None
                }
                None => None,
            });
        }
        if !failures.is_empty() {
            let all = self.spec.programs.iter().filter(|p| p.autoload).count();
            let what = alloc::format!("{} of {all} programs did not load", failures.len());
            return Err(Error::several(what, failures));
        }
        self.fill_slots(&programs)?;
        Ok(self.into_object(programs))
    }

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
        if program.attach_btf {
            params.attach_btf_id = resolve::attach_target(self.system, program)?.0;
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
            self.map(index)?;
        }
        let symbols = resolve::symbols(self.system, self.spec, code)?;
        let map_fd = |index: usize| Some(self.maps.get(index)?.as_ref()?.fd().raw());
        let address = |index| symbols.get(&index).copied().unwrap_or(Address::Missing);
        let known = Lowering {
            map_fd: &map_fd,
            address: &address,
        };
        Ok(object::lower(code, &known)?)
    }

    /// The map of this index, created if this is the first to ask.
    fn map(&mut self, index: usize) -> Result<Map> {
        if let Some(Some(map)) = self.maps.get(index) {
            return Ok(map.clone());
        }
        let Some(spec) = self.spec.maps.get(index) else {
            let what = alloc::format!("no map number {index}");
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        let map = match spec
            .data
            .clone()
            .filter(|data| data.kind == DataKind::Kconfig)
        {
            Some(data) => self.create_kconfig(index, spec, data)?,
            None => self.create_map(spec)?,
        };
        if let Some(slot) = self.maps.get_mut(index) {
            *slot = Some(map.clone());
        }
        Ok(map)
    }

    /// The map of the kernel's configuration, its values filled in.
    fn create_kconfig(&mut self, index: usize, spec: &MapSpec, mut data: Data) -> Result<Map> {
        resolve::fill_kconfig(self.system, self.spec, index, &mut data)?;
        let mut filled = spec.clone();
        filled.data = Some(data);
        self.create_map(&filled)
    }

    fn create_map(&mut self, spec: &MapSpec) -> Result<Map> {
        if let Some(error) = &spec.error {
            return Err(error.clone()).context(|| alloc::format!("map `{}`", spec.name));
        }
        let inner = match &spec.inner {
            Some(inner) => Some(self.create_map(inner)?),
            None => None,
        };
        self.btf()?;
        let btf = self
            .btf
            .as_ref()
            .and_then(Option::as_ref)
            .zip(self.spec.btf.as_ref());
        let created = Created {
            btf,
            inner: inner.as_ref(),
            raise_memlock: self.options.raise_memlock,
        };
        map::create(self.system, spec, &created)
    }

    /// The object's BTF in the kernel; `None` if it has none or the kernel takes none.
    fn btf(&mut self) -> Result<Option<&Fd>> {
        if self.btf.is_none() {
            self.btf = Some(self.upload_btf()?);
        }
        Ok(self.btf.as_ref().and_then(Option::as_ref))
    }

    /// Uploads as it is; and where the kernel refuses, once more without what it does not know.
    fn upload_btf(&self) -> Result<Option<Fd>> {
        let Some(btf) = &self.spec.btf else {
            return Ok(None);
        };
        let upload = |features: &BtfFeatures| -> Result<Result<Fd, CallError>> {
            let statics: Vec<&str> = self.spec.static_functions().collect();
            let bytes = skep_codec::btf::for_upload(btf, &self.spec.layouts, &statics, features)?;
            Ok(bpf::btf_load(self.system.kernel(), &bytes, None, None))
        };
        let does_not_know = |errno| matches!(errno, Errno::EINVAL | Errno::E2BIG);
        match upload(&BtfFeatures::ALL)? {
            Err(error) if does_not_know(error.errno) => {}
            whole => return Ok(Some(whole.context(|| UPLOAD.to_string())?)),
        }
        if self.system.probe(Feature::Btf) == crate::probe::Answer::No {
            return Ok(None);
        }
        let answer = upload(&known_to(self.system))?;
        Ok(Some(
            answer.context(|| "upload the object's BTF".to_string())?,
        ))
    }

    /// Puts the maps and programs that the object names into its maps of maps and program arrays.
    fn fill_slots(&self, programs: &[Option<Program>]) -> Result<()> {
        for (spec, map) in self.spec.maps.iter().zip(&self.maps) {
            let Some(map) = map else {
                continue;
            };
            for (key, slot) in &spec.slots {
                let fd = match slot {
                    Slot::Map(index) => self.maps.get(*index).and_then(Option::as_ref).map(Map::fd),
                    Slot::Program(index) => programs
                        .get(*index)
                        .and_then(Option::as_ref)
                        .map(Program::fd),
                };
                // A program that is not wanted leaves its slot empty, as libbpf does.
                if let Some(fd) = fd {
                    map.update(&key.to_ne_bytes(), &fd.raw().to_ne_bytes(), 0)?;
                }
            }
        }
        Ok(())
    }

    fn into_object(self, programs: Vec<Option<Program>>) -> Object {
        let globals = self.spec.variables.iter().filter_map(|variable| {
            Some(Global {
                name: variable.name.to_string(),
                map: self.maps.get(variable.map)?.clone()?,
                offset: variable.offset as usize,
                size: variable.size as usize,
                type_id: variable.type_id,
            })
        });
        Object {
            name: self.spec.name.clone(),
            globals: globals.collect(),
            programs: programs.into_iter().flatten().collect(),
            btf: self.spec.btf.clone(),
            maps: self.maps.into_iter().flatten().collect(),
        }
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

fn failure(program: &ProgramSpec, error: Error) -> ProgramFailure {
    ProgramFailure {
        program: program.name.clone(),
        section: program.section.clone(),
        error,
    }
}

/// What this kernel's BTF knows. What could not be asked is taken for known.
fn known_to(system: &System) -> BtfFeatures {
    let has = |feature| system.probe(feature).is_usable();
    BtfFeatures {
        func: has(Feature::BtfFunc),
        func_global: has(Feature::BtfGlobalFunc),
        datasec: has(Feature::BtfDatasec),
        qmark_datasec: has(Feature::BtfQmarkDatasec),
        float: has(Feature::BtfFloat),
        decl_tag: has(Feature::BtfDeclTag),
        type_tag: has(Feature::BtfTypeTag),
        enum64: has(Feature::BtfEnum64),
    }
}
