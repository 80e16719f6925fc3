//! From a spec to a live object: maps, BTF, CO-RE, programs, each program's failure its own.

mod btf;
mod explain;
mod externs;
mod kconfig;
mod maps;
mod programs;
mod target;

use super::{Global, LoadOptions, Object};
use crate::error::ProgramFailure;
use crate::map::Map;
use crate::prog::Program;
use crate::system::System;
use crate::{Error, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::core_reloc::Resolver;
use skep_codec::object::{ObjectSpec, ProgramSpec};
use skep_sys::Fd;

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

fn failure(program: &ProgramSpec, error: Error) -> ProgramFailure {
    ProgramFailure {
        program: program.name.clone(),
        section: program.section.clone(),
        error,
    }
}
