//! A loader program run: its data in a map, its context, what it leaves there.

use super::{LoaderProgram, LoaderRun};
use crate::error::Context;
use crate::map::{ElemFlags, Map, MapParams, Shape};
use crate::object::{Global, Object, named};
use crate::prog::{self, Declared, Program, Request};
use crate::system::System;
use crate::verifier_log::{Refusal, digest};
use crate::{Error, ErrorKind, MapType, ProgType, Result, TypeId};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::btf::Btf;
use skep_codec::bytes::Endian;
use skep_codec::loader_program::{LoaderMap, LoaderProg, Step, context};
use skep_codec::object::sections::find;
use skep_codec::object::{MapSpec, Verb};
use skep_codec::uapi::flags;
use skep_sys::Fd;
use skep_sys::bpf::{self, Log, ProgParams, SyscallRun};

/// Room for the log of a program that is refused: the whole of nearly every one.
const LOG_BYTES: usize = (16 << 20) - 1;

impl LoaderProgram {
    #[inline]
    pub(super) fn load(&self, system: &System, run: &LoaderRun) -> Result<Object> {
        if self.endian != Endian::NATIVE {
            let (its, ours) = (self.endian, Endian::NATIVE);
            let what = format!("it is for {its:?}-endian machines, this one is {ours:?}-endian");
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        let mut memory = self.context(system, run)?;
        let mut inputs = Vec::new();
        for (name, bytes) in run.constants.iter() {
            inputs.push((self.constants_at(name, bytes.len())?, bytes.as_slice()));
        }
        let data = self.data_map(system)?;
        let program = self.program(system, &data, run)?;
        let mut places = Vec::new();
        for index in 0..self.maps.len() {
            places.push(context::map(index, context::FD));
        }
        for index in 0..self.programs.len() {
            places.push(self.program_at(index));
        }
        let once = SyscallRun {
            context: &mut memory,
            fds: &places,
            inputs: &inputs,
            output: None,
        };
        let fds = self.run_once(&program, once)?;
        self.object(system, fds)
    }

    /// The context that the program is to see.
    #[inline]
    fn context(&self, system: &System, run: &LoaderRun) -> Result<Vec<u8>> {
        let mut memory = vec![0; self.context_bytes as usize];
        if let (true, Some(name)) = (self.signed, run.max_entries.keys().next()) {
            let what = format!("it is signed: `{name}` has the capacity that it has");
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        for name in run.max_entries.keys() {
            named("map", name, &self.maps, |map| &map.name)?;
        }
        for (index, map) in self.maps.iter().enumerate() {
            let given = run.max_entries.get(map.name.as_str());
            let mut spec = MapSpec::default();
            spec.map_type = map.map_type;
            spec.max_entries = given.copied().unwrap_or(map.max_entries);
            let entries = Shape::of(system, &spec)?.max_entries;
            if !self.signed && entries != map.max_entries {
                put(
                    &mut memory,
                    context::map(index, context::MAX_ENTRIES),
                    entries,
                );
            }
        }
        Ok(memory)
    }

    /// Where the address of a map's constants is to be.
    #[inline]
    fn constants_at(&self, name: &str, len: usize) -> Result<u32> {
        let map = named("map", name, &self.maps, |map| &map.name)?;
        let why = match map.constants {
            None => "it has no constants".into(),
            Some(_) if self.signed => "what it holds is signed".into(),
            Some(size) if size as usize != len => format!("{len} bytes for {size}"),
            Some(_) => {
                let index = self.maps.iter().position(|other| other.name == name);
                return Ok(context::map(index.unwrap_or(0), context::DATA));
            }
        };
        let what = format!("constants of map `{name}`: {why}");
        Err(Error::new(ErrorKind::Invalid, what))
    }

    /// The map that the program has its data in.
    #[inline]
    fn data_map(&self, system: &System) -> Result<Map> {
        let digest = self.digest();
        let params = MapParams {
            map_type: MapType::ARRAY,
            key_size: 4,
            value_size: self.blob.len() as u32,
            max_entries: 1,
            name: "__loader.map",
            excl_prog_hash: if self.signed { &digest } else { &[] },
            ..MapParams::default()
        };
        let map = Map::create(system, &params)?;
        map.update(&0_u32.to_ne_bytes(), &self.blob, ElemFlags::ANY)?;
        if self.signed {
            map.freeze()?;
            bpf::map_hash(map.fd()).context("ask for the digest of the data")?;
        }
        Ok(map)
    }

    /// Loads it by the signature that this kernel takes: kernels know one kind each.
    #[inline]
    fn program(&self, system: &System, data: &Map, run: &LoaderRun) -> Result<Fd> {
        let [whole, insns] = [&*self.signature, &*self.insns_signature];
        let loaded = match (whole, insns) {
            ([_, ..], [_, ..]) => match self.load_signed(system, data, run, whole) {
                Err(error) if error.errno() == Some(Errno::EKEYREJECTED) => self
                    .load_signed(system, data, run, insns)
                    .map_err(|_| error),
                loaded => loaded,
            },
            ([], _) => self.load_signed(system, data, run, insns),
            (_, []) => self.load_signed(system, data, run, whole),
        };
        loaded.context("load the loader program")
    }

    /// Loads it by this signature, or by none.
    fn load_signed(
        &self,
        system: &System,
        data: &Map,
        run: &LoaderRun,
        signature: &[u8],
    ) -> Result<Fd> {
        let insns = self.insns_bytes();
        let params = ProgParams {
            prog_type: ProgType::SYSCALL,
            insns: &insns,
            license: c"Dual MIT/GPL",
            prog_flags: flags::SLEEPABLE,
            name: "__loader.prog",
            fd_array: &[data.fd().raw()],
            // A signature of the data, too, wants all maps listed. A kernel that knows none looks at listed
            // maps before it knows which program they are exclusive to.
            fd_array_counted: !signature.is_empty() && signature == self.signature,
            signature,
            keyring_id: run.keyring_id.unwrap_or(0),
            token: system.token()?,
            ..ProgParams::default()
        };
        let request = Request {
            params,
            attach_type_optional: false,
            log_level: 0,
            log_bytes: None,
            explain: &|_| (),
        };
        let loaded = prog::load(system, &request);
        let loaded = loaded.map_err(|error| match error.errno() {
            Some(errno) if !signature.is_empty() => explained(error, errno),
            _ => error,
        });
        Ok(loaded?.fd)
    }

    /// Runs it; once more with a log if it was refused to load a program.
    #[inline]
    fn run_once(&self, program: &Fd, mut run: SyscallRun<'_>) -> Result<Vec<Fd>> {
        let refused = match bpf::prog_run_syscall(program, &mut run) {
            Ok(fds) => return Ok(fds),
            Err(error) => error,
        };
        let step = Step::from_raw(word(run.context, context::STEP));
        let what = self.describe(step);
        let log = match step {
            Step::LoadProgram(_) => log_of(program, &mut run),
            _ => String::new(),
        };
        Err(match log.is_empty() {
            true => Error::from(refused).context(what),
            false => {
                let digest = digest(&log);
                Error::refused(refused, Refusal { log, digest }).context(what)
            }
        })
    }

    /// The descriptors, by name and with types.
    #[inline]
    fn object(&self, system: &System, fds: Vec<Fd>) -> Result<Object> {
        let mut fds = fds.into_iter();
        let btf = match self.btf_bytes() {
            [] => None,
            bytes => Some(Arc::new(Btf::from_bytes(bytes).context("read its types")?)),
        };
        let mut maps = Vec::new();
        for (map, fd) in self.maps.iter().zip(&mut fds) {
            maps.push(live_map(system, map, fd, btf.as_ref())?);
        }
        let mut programs = Vec::new();
        for (program, fd) in self.programs.iter().zip(&mut fds) {
            programs.push(live_program(system, program, fd)?);
        }
        let mut globals = Vec::new();
        for variable in &self.variables {
            if let Some(map) = maps.get(variable.map) {
                globals.push(Global {
                    name: variable.name.clone(),
                    map: map.clone(),
                    offset: variable.offset as usize,
                    size: variable.size as usize,
                    type_id: variable.type_id,
                });
            }
        }
        Ok(Object {
            name: self.name.clone(),
            maps,
            programs,
            btf,
            globals,
            struct_ops: Vec::new(),
            warnings: Vec::new(),
        })
    }
}

/// The log of the program that is refused.
#[inline]
fn log_of(program: &Fd, run: &mut SyscallRun<'_>) -> String {
    let Some(mut buffer) = Log::buffer(LOG_BYTES) else {
        return String::new();
    };
    put(run.context, context::LOG_LEVEL, 1_u32);
    put(run.context, context::LOG_SIZE, LOG_BYTES as u32);
    let mut again = SyscallRun {
        context: run.context,
        fds: run.fds,
        inputs: run.inputs,
        output: Some((context::LOG_BUFFER, &mut buffer)),
    };
    // It fails as it did before; what the log says is what it is run for.
    drop(bpf::prog_run_syscall(program, &mut again));
    let log = Log::new(1, &mut buffer);
    String::from_utf8_lossy(log.text()).into_owned()
}

#[inline]
fn live_map(system: &System, map: &LoaderMap, fd: Fd, btf: Option<&Arc<Btf>>) -> Result<Map> {
    let types = btf.filter(|_| map.value_type != TypeId::VOID);
    let types = types.map(|btf| (btf.clone(), map.key_type, map.value_type));
    Map::with_types(system, fd, Some(&map.name), types)
}

#[inline]
fn live_program(system: &System, program: &LoaderProg, fd: Fd) -> Result<Program> {
    let section = &program.section;
    let row = find(section.strip_prefix('?').unwrap_or(section));
    let declared = Declared {
        section: section.clone(),
        verb: row.map_or(Verb::None, |row| row.def.verb),
        target: program.target.clone(),
        attach_type: program.attach_type,
        autoattach: program.autoattach,
        log: String::new(),
        #[cfg(feature = "usdt")]
        usdt: None,
    };
    let info = bpf::prog_info(&fd).context("ask the kernel about a program")?;
    if info.prog_type != program.prog_type {
        let what = format!("program `{}` is of another type", program.name);
        return Err(Error::new(ErrorKind::Corrupt, what));
    }
    let (name, prog_type) = (&program.name, program.prog_type);
    Ok(Program::new(system, fd, name, prog_type, Some(declared)))
}

/// What a refused signature means.
#[cold]
fn explained(error: Error, errno: Errno) -> Error {
    let why = match errno {
        Errno::ENOKEY => "the keyring has no key that the signature is by",
        Errno::EKEYREJECTED => "the signature is of something else, or by another key",
        Errno::EBADMSG => "the signature is no detached PKCS#7 message",
        Errno::EOPNOTSUPP => "this kernel checks no signatures (CONFIG_SYSTEM_DATA_VERIFICATION)",
        _ => return error,
    };
    error.context(why)
}

fn put(memory: &mut [u8], at: u32, value: u32) {
    let places = memory.iter_mut().skip(at as usize);
    for (to, from) in places.zip(value.to_ne_bytes()) {
        *to = from;
    }
}

fn word(memory: &[u8], at: u32) -> u32 {
    let bytes = memory.get(at as usize..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}
