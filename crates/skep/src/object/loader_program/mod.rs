//! Loader programs: an object as a BPF program that loads it, made anywhere, run here.

mod run;
#[cfg(all(test, feature = "std"))]
mod tests;

use super::{Object, ObjectSpec};
use crate::error::Context;
use crate::system::System;
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};
use skep_codec::loader_program as codec;
use skep_codec::map::Map as Ordered;

/// How a loader program is made.
pub use skep_codec::loader_program::LoaderOptions;

/// An object as a BPF program that loads it. Made of a spec without a kernel, kept as bytes, signed;
/// run, it makes maps and programs with no need of ELF, BTF or relocations. It derefs to
/// [`skep_codec::loader_program::LoaderProgram`].
///
/// ```no_run
/// # fn main() -> Result<(), skep::Error> {
/// let spec = skep::ObjectSpec::open("tracer.bpf.o")?;
/// let bytes = spec.loader_program(&Default::default())?.to_bytes();
/// // Elsewhere:
/// let loader = skep::object::LoaderProgram::parse(&bytes)?;
/// let object = loader.run(&skep::System::host()?)?;
/// let _links = object.attach_all()?;
/// # Ok(()) }
/// ```
#[doc(alias = "light skeleton")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderProgram(codec::LoaderProgram);

impl Deref for LoaderProgram {
    type Target = codec::LoaderProgram;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for LoaderProgram {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// How to run a loader program.
#[derive(Clone, Debug, Default)]
pub struct LoaderRun {
    /// Capacities of maps, by name, in place of the object's.
    pub max_entries: Ordered<String, u32>,
    /// What maps of constants (`.rodata`, `.kconfig`) hold, by name, in place of the object's.
    pub constants: Ordered<String, Vec<u8>>,
    /// The keyring that the signature is checked with: 0 for the keys that the kernel was built with, 1
    /// for those and the secondary ones, 2 for the platform's; or the number of a keyring, -3 for the
    /// session's, -4 for the user's. `None` also runs what is not signed; a signature that is there is
    /// checked with the kernel's keys.
    pub keyring_id: Option<i32>,
}

impl ObjectSpec {
    /// The object, as it is now, as a program that loads it. No kernel is asked.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: what only a process can do, with the map or program that wants it;
    /// a map's or program's own.
    #[doc(alias = "gen_loader")]
    #[inline]
    pub fn loader_program(&self, options: &LoaderOptions<'_>) -> Result<LoaderProgram> {
        let made = codec::LoaderProgram::new(self, options);
        let what = format_args!("make a loader program of `{}`", self.name);
        made.map(LoaderProgram).context(what)
    }
}

impl LoaderProgram {
    /// What was kept ([`to_bytes`](codec::LoaderProgram::to_bytes)).
    ///
    /// # Errors
    /// [`ErrorKind::Codec`]: the bytes are no loader program; [`ErrorKind::Unsupported`]: they are of
    /// another version.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let read = codec::LoaderProgram::from_bytes(bytes);
        read.map(Self).context("read a loader program")
    }

    /// [`LoaderProgram::run_with`], as the object is.
    ///
    /// # Errors
    /// Those of [`LoaderProgram::run_with`].
    #[inline]
    pub fn run(&self, system: &System) -> Result<Object> {
        self.run_with(system, &LoaderRun::default())
    }

    /// Loads the object: makes a map of the data, and runs the program once.
    ///
    /// A program here can do with the kernel and with this process what it likes: run what you made, or
    /// what is signed ([`LoaderRun::keyring_id`]). A signature is of instructions and data, and not of the
    /// names that maps and programs are found by.
    ///
    /// # Errors
    /// The step that failed and the kernel's errno; nothing is left of the steps before it.
    /// [`ErrorKind::Verifier`] with the log, where a program was refused. [`ErrorKind::Invalid`]: a
    /// capacity or constants of something that has none, or of what is signed; a keyring for what is not.
    /// `ENOKEY`, `EKEYREJECTED`: the signature is by no key of the keyring, or is of something else.
    ///
    /// # Kernel
    /// `BPF_PROG_TEST_RUN` of a program of type `syscall`, since Linux 5.14; symbols without types
    /// since 5.16, CO-RE since 5.17; signatures since 6.18, with `CONFIG_SYSTEM_DATA_VERIFICATION`.
    #[inline]
    pub fn run_with(&self, system: &System, run: &LoaderRun) -> Result<Object> {
        let signed = match run.keyring_id {
            Some(_) => self.check_signed(),
            None => Ok(()),
        };
        signed
            .and_then(|()| self.load(system, run))
            .context(format_args!("load `{}` by its loader program", self.name))
    }

    #[inline]
    fn check_signed(&self) -> Result<()> {
        let is_unsigned = self.signature.is_empty() && self.insns_signature.is_empty();
        let what = match (is_unsigned, self.signed) {
            (true, _) => "it is not signed",
            (false, false) => "it is signed, but does not check its data",
            (false, true) => return Ok(()),
        };
        Err(Error::new(ErrorKind::Invalid, what))
    }
}
