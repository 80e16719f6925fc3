//! A program's final code: linked, relocated, lowered.

use super::Loader;
use crate::error::Context;
use crate::probe::{Answer, Feature};
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::bytes::Endian;
use skep_codec::insn::Insn;
use skep_codec::object::{self, Address, Code, Lowering, ProgramSpec};

/// A program's instructions as the kernel is to get them. Descriptors and ids in them are good as
/// long as the loader that prepared them. It may be loaded several times, with other options.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) code: Code,
    /// Instructions that a failed relocation poisoned, and its words.
    pub(super) poisoned: Vec<(usize, String)>,
}

impl Prepared {
    /// The instructions.
    pub fn insns(&self) -> &[Insn] {
        &self.code.insns
    }

    /// The instructions, to be changed one for one: nothing moves.
    pub fn insns_mut(&mut self) -> &mut [Insn] {
        &mut self.code.insns
    }

    /// What they refer to, and which functions and lines they come from.
    pub fn code(&self) -> &Code {
        &self.code
    }
}

impl Loader<'_> {
    /// A program's instructions as the kernel is to get them: linked, relocated, lowered. The maps
    /// that it uses are made. It need not be one of the spec's: a changed copy will do.
    ///
    /// # Errors
    /// The program's own.
    pub fn prepare_program(&mut self, program: &ProgramSpec) -> Result<Prepared> {
        let what = format_args!("prepare program `{}` ({})", program.name, program.section);
        self.prepare_linked(program).context(what)
    }

    pub(super) fn prepare_linked(&mut self, program: &ProgramSpec) -> Result<Prepared> {
        self.check_endian()?;
        self.final_code(program, false)
    }

    /// What the kernel takes for this program's own: an exclusive map is told it when it is made,
    /// so that none is made here.
    pub(super) fn digest(&mut self, program: &ProgramSpec) -> Result<[u8; 32]> {
        let prepared = self.final_code(program, true)?;
        Ok(object::digest(&prepared.code.insns, Endian::NATIVE))
    }

    /// `without`: exclusive maps are not made, and have descriptor 0.
    fn final_code(&mut self, program: &ProgramSpec, without: bool) -> Result<Prepared> {
        let mut code = object::link_program(self.spec, program)?;
        let poisoned = self.relocate(&mut code)?;
        self.lower(&mut code, without)?;
        if object::calls_probe_read(&code.insns)
            && self.system.probe(Feature::ProbeReadKernel) == Answer::No
        {
            object::downgrade_probe_read(&mut code.insns);
        }
        Ok(Prepared { code, poisoned })
    }

    fn check_endian(&self) -> Result<()> {
        if self.spec.endian == Endian::NATIVE {
            return Ok(());
        }
        let what = format!(
            "the object is for {:?}-endian machines, this one is {:?}-endian",
            self.spec.endian,
            Endian::NATIVE
        );
        Err(Error::new(ErrorKind::Unsupported, what))
    }

    /// Puts descriptors and kernel addresses into linked code; the maps it uses are created now.
    fn lower(&mut self, code: &mut Code, without: bool) -> Result<()> {
        let missing = |loader: &Self, index| without && loader.is_exclusive(index);
        for index in code.maps.clone() {
            if self.is_wanted(index) && !missing(self, index) {
                self.map(index)?;
            }
        }
        self.place_arena_globals(code);
        self.externs
            .look_for(&code.externs, self.system, &mut self.kernel, self.spec)?;
        for index in &code.externs {
            self.externs.address(*index)?;
        }
        let map_fd = |index: usize| match self.made(index) {
            Some(map) => Some(map.fd().raw()),
            None => missing(self, index).then_some(0),
        };
        let address = |index| self.externs.address(index).unwrap_or(Address::Missing);
        let known = Lowering {
            map_fd: &map_fd,
            address: &address,
        };
        Ok(object::lower(code, &known)?)
    }
}
