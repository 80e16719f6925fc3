//! From a spec to a live object: maps, BTF, CO-RE, programs, each program's failure its own.

mod arena;
mod btf;
mod explain;
mod extension;
mod externs;
mod jump_tables;
mod kconfig;
mod kernel_struct;
mod load;
mod maps;
mod pins;
mod programs;
#[cfg(feature = "prune")]
mod prune;
mod relocate;
mod struct_ops;
mod target;
#[cfg(feature = "usdt")]
mod usdt;

pub use programs::Prepared;
#[cfg(feature = "prune")]
pub(super) use prune::load_pruned;

use super::{Global, LoadOptions, Object};
use crate::btf::KernelTypes;
use crate::error::{MapFailure, ProgramFailure};
use crate::map::Map;
use crate::prog::Program;
use crate::system::System;
use crate::{Error, MapType, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::btf::Replaced;
use skep_codec::core_reloc::Resolver;
use skep_codec::map::Map as Ordered;
use skep_codec::object::{Data, Extern, ObjectSpec, ProgramSpec};
use skep_sys::Fd;

/// A program loaded by itself.
#[derive(Debug)]
pub struct Loaded {
    /// The program.
    pub program: Program,
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
    /// The object's BTF, once it was uploaded; or how the kernel refused it.
    btf: Option<Result<Option<Fd>>>,
    /// Functions that are said in another way for this kernel.
    replaced: Replaced,
    maps: Vec<Option<Result<Map>>>,
    /// Maps that were there before.
    reused: Vec<usize>,
    pins: pins::Pins,
    /// Where the globals of arenas begin.
    arena_bases: Ordered<usize, u32>,
    /// `struct_ops` maps as the kernel has them.
    ops: Ordered<usize, Result<Arc<struct_ops::KernelOps>>>,
    /// `.kconfig` maps' data that is known before they are made.
    kconfig: Ordered<usize, Result<Data>>,
    /// The kernel's types and its modules'.
    kernel: KernelTypes<'a>,
    externs: externs::Externs,
    resolver: Option<Resolver<'a>>,
    /// Whether the resolver knows the modules' types.
    knows_modules: bool,
    prepared: Vec<Option<Prepared>>,
    /// Whether programs can be bound to maps that they do not use, for all that is known.
    binds: bool,
    /// What the object's USDT programs share, once there is one.
    #[cfg(feature = "usdt")]
    usdt: skep_sys::Once<Arc<crate::prog::UsdtSpecs>>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(system: &'a System, spec: &'a ObjectSpec, options: &'a LoadOptions) -> Self {
        let mut kernel = KernelTypes::new(system);
        for (name, kinds) in target::names(spec) {
            kernel.expect([(&*name, kinds)]);
        }
        kernel.expect(externs::names(spec));
        Self {
            system,
            spec,
            options,
            btf: None,
            replaced: Replaced::default(),
            maps: spec.maps.iter().map(|_| None).collect(),
            reused: Vec::new(),
            pins: pins::Pins::default(),
            arena_bases: Ordered::new(),
            ops: Ordered::new(),
            kconfig: Ordered::new(),
            kernel,
            externs: externs::Externs::default(),
            resolver: None,
            knows_modules: false,
            prepared: spec.programs.iter().map(|_| None).collect(),
            binds: true,
            #[cfg(feature = "usdt")]
            usdt: skep_sys::Once::new(),
        }
    }

    /// All but the last step: makes the maps that the spec wants, and the instructions of the
    /// programs. Nothing is verified yet.
    ///
    /// # Errors
    /// Every map and program that failed.
    #[doc(alias = "bpf_object__prepare")]
    pub fn prepare(&mut self) -> Result<()> {
        let maps = self.load_maps();
        let mut failures = Vec::new();
        for (index, program) in self.spec.programs.iter().enumerate() {
            if !self.wants_program(index, program) {
                continue;
            }
            match self.prepare_program(program) {
                Ok(prepared) => drop(self.keep(index, Some(prepared))),
                Err(error) => failures.push(failure(program, error)),
            }
        }
        if maps.is_empty() && failures.is_empty() {
            return Ok(());
        }
        Err(self.failed(maps, failures))
    }

    /// A program that [`Loader::prepare`] prepared, to be looked at and changed before it loads.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), also for one that is not to be loaded.
    pub fn prepared(&mut self, name: &str) -> Result<&mut Prepared> {
        let index = self.spec.programs.iter().position(|p| p.name == name);
        let place = index.and_then(|index| self.prepared.get_mut(index));
        place.and_then(Option::as_mut).ok_or_else(|| {
            let what = format!("no program `{name}` is prepared");
            Error::new(crate::ErrorKind::NotFound, what)
        })
    }

    /// Keeps what was prepared of a program, and gives back what was kept before.
    fn keep(&mut self, index: usize, prepared: Option<Prepared>) -> Option<Prepared> {
        let place = self.prepared.get_mut(index)?;
        core::mem::replace(place, prepared)
    }

    /// Everything that the spec wants loaded, prepared or not.
    ///
    /// # Errors
    /// Every map and program that failed.
    pub fn load(mut self) -> Result<Object> {
        let mut maps = self.load_maps();
        let mut programs: Vec<Option<Program>> = Vec::new();
        let mut failures = Vec::new();
        for (index, program) in self.spec.programs.iter().enumerate() {
            let wanted = self.wants_program(index, program);
            let loaded = wanted.then(|| match self.keep(index, None) {
                Some(prepared) => self.load_prepared(program, &prepared),
                None => self.load_as(program),
            });
            programs.push(match loaded {
                Some(Ok(loaded)) => Some(loaded.program),
                Some(Err(error)) => {
                    failures.push(failure(program, error));
                    None
                }
                None => None,
            });
        }
        maps.extend(self.load_slots());
        if !maps.is_empty() || !failures.is_empty() {
            return Err(self.failed(maps, failures));
        }
        self.fill_slots(&programs)?;
        self.pins.keep();
        Ok(self.into_object(programs))
    }

    /// Makes every map that the spec wants, if not only those that are used; what is wrong with
    /// one is no trouble to the others.
    fn load_maps(&mut self) -> Vec<MapFailure> {
        let mut failures = Vec::new();
        for (index, spec) in self.spec.maps.iter().enumerate() {
            let unasked = !self.options.only_used_maps || spec.map_type == MapType::STRUCT_OPS;
            if unasked
                && self.is_wanted(index)
                && let Err(error) = self.map(index)
            {
                let map = spec.name.clone();
                failures.push(MapFailure { map, error });
            }
        }
        failures
    }

    fn failed(&self, maps: Vec<MapFailure>, programs: Vec<ProgramFailure>) -> Error {
        let of = |failed: usize, all: usize, what| format!("{failed} of {all} {what}");
        let mut wanted = 0_usize;
        for (index, program) in self.spec.programs.iter().enumerate() {
            wanted = wanted.saturating_add(self.wants_program(index, program).into());
        }
        let of_programs = of(programs.len(), wanted, "programs did not load");
        let wanted = self.spec.maps.iter().filter(|m| m.autocreate).count();
        let of_maps = of(maps.len(), wanted, "maps could not be made");
        let what = match (maps.is_empty(), programs.is_empty()) {
            (true, _) => of_programs,
            (_, true) => of_maps,
            _ => format!("{of_maps}, {of_programs}"),
        };
        Error::several(what, maps, programs)
    }

    fn into_object(self, programs: Vec<Option<Program>>) -> Object {
        let mut globals = Vec::new();
        let variables = self.spec.variables.iter().cloned();
        let kconfig = self.spec.externs.iter().filter_map(Extern::variable);
        for v in variables.chain(kconfig) {
            let made = self.made(v.map);
            if let Some(made) = made.filter(|map| map.map_type() != MapType::STRUCT_OPS) {
                globals.push(Global {
                    offset: self.data_base(v.map).wrapping_add(v.offset) as usize,
                    size: v.size as usize,
                    type_id: v.type_id,
                    map: made.clone(),
                    name: v.name,
                });
            }
        }
        Object {
            name: self.spec.name.clone(),
            globals,
            warnings: self.warnings(),
            struct_ops: self.struct_ops(&programs),
            programs: programs.into_iter().flatten().collect(),
            btf: self.spec.btf.clone(),
            maps: self.maps.into_iter().flatten().flatten().collect(),
        }
    }
}

fn failure(program: &ProgramSpec, error: Error) -> ProgramFailure {
    ProgramFailure {
        program: program.name.clone(),
        section: program.section.clone(),
        error,
    }
}
