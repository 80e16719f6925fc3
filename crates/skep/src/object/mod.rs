//! Objects: what a file says (`ObjectSpec`), loaded into a kernel (`Object`).

mod attach;
mod global;
mod loader;
#[cfg(feature = "loader-program")]
mod loader_program;
mod names;
mod options;
mod spec;

pub use global::Global;
pub use loader::{Loaded, Loader, Prepared};
#[cfg(feature = "loader-program")]
pub use loader_program::{LoaderOptions, LoaderProgram, LoaderRun};
pub use names::Names;
pub use options::{AttachTarget, LoadOptions, PinReuse};
pub use spec::{ObjectSpec, VariableMut};

use crate::link::{Link, Links, StructOps};
use crate::map::Map;
use crate::prog::Program;
use crate::ring::{PerfBuffer, RingBuf, UserRingBuf};
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::btf::Btf;
use skep_codec::text::joined;

/// A loaded object: its maps and programs. Dropping it gives up its handles; what is attached
/// stays attached as long as its [`Link`] does.
#[derive(Debug)]
pub struct Object {
    name: String,
    maps: Vec<Map>,
    programs: Vec<Program>,
    btf: Option<Arc<Btf>>,
    globals: Vec<Global>,
    struct_ops: Vec<StructOps>,
    warnings: Vec<Error>,
}

impl Object {
    /// The object's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is not as the file has it, without harm: types that the kernel refused, which programs
    /// are not verified by.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }

    /// Its maps, in the file's order; data sections are maps too.
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// The map of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the names there are.
    pub fn map(&self, name: &str) -> Result<&Map> {
        named("map", name, &self.maps, Map::name)
    }

    /// Its loaded programs, in the file's order.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The program of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the names there are.
    pub fn program(&self, name: &str) -> Result<&Program> {
        named("program", name, &self.programs, Program::name)
    }

    /// The consumer of the ring buffer map of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the names there are; those of [`RingBuf::open`].
    #[inline]
    pub fn ring(&self, name: &str) -> Result<RingBuf> {
        RingBuf::open(self.map(name)?)
    }

    /// The producer of the user ring buffer map of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the names there are; those of [`UserRingBuf::open`].
    #[inline]
    pub fn user_ring(&self, name: &str) -> Result<UserRingBuf> {
        UserRingBuf::open(self.map(name)?)
    }

    /// The reader of the perf event array of this name, with the options of
    /// [`PerfBuffer::open`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the names there are; those of [`PerfBuffer::open`].
    #[inline]
    pub fn perf(&self, name: &str) -> Result<PerfBuffer> {
        PerfBuffer::open(self.map(name)?)
    }

    /// The global variable of this name, as programs see it now.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the names there are.
    pub fn global(&self, name: &str) -> Result<&Global> {
        named("variable", name, &self.globals, |global| &global.name)
    }

    /// The object's own types.
    pub fn btf(&self) -> Option<&Arc<Btf>> {
        self.btf.as_ref()
    }

    /// Its `struct_ops` maps.
    pub fn struct_ops(&self) -> &[StructOps] {
        &self.struct_ops
    }

    /// The `struct_ops` map of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the names there are.
    pub fn struct_ops_map(&self, name: &str) -> Result<&StructOps> {
        named("struct_ops map", name, &self.struct_ops, StructOps::name)
    }

    /// Attaches every program by its section name, and every `struct_ops` map. If one fails,
    /// those before it are detached again. Programs whose section does not say where
    /// ([`ErrorKind::NeedsTarget`]) and programs that never attach by themselves are left alone.
    ///
    /// # Errors
    /// Those of [`Program::attach`] and [`StructOps::attach`] for the first that fails.
    #[inline]
    pub fn attach_all(&self) -> Result<Links> {
        let mut links = Links::new();
        for (_, answer) in self.attach_each() {
            match answer {
                Ok(link) => links.push(link),
                Err(error) if error.kind() == ErrorKind::NeedsTarget => {}
                Err(error) => return Err(error),
            }
        }
        for ops in self.struct_ops.iter().filter(|ops| ops.autoattach) {
            links.push(ops.attach()?);
        }
        Ok(links)
    }

    /// Attaches every program by its section name, with an answer for each.
    #[inline]
    pub fn attach_each(&self) -> impl Iterator<Item = (&Program, Result<Link>)> {
        self.attach_each_with(|_| None)
    }

    /// [`Object::attach_each`] where the caller is asked first: for section names of its own.
    #[inline]
    pub fn attach_each_with(
        &self,
        mut own: impl FnMut(&Program) -> Option<Result<Link>>,
    ) -> impl Iterator<Item = (&Program, Result<Link>)> {
        let wanted = |p: &&Program| p.declared().is_none_or(|declared| declared.autoattach);
        let programs = self.programs.iter().filter(wanted);
        programs.map(move |program| {
            let link = own(program).unwrap_or_else(|| program.attach());
            (program, link)
        })
    }
}

/// The one of this name, or an error that tells the names there are.
fn named<'a, T>(what: &str, name: &str, all: &'a [T], its: fn(&T) -> &str) -> Result<&'a T> {
    let mut names = Vec::new();
    for one in all {
        match its(one) {
            own if own == name => return Ok(one),
            own => names.push(own),
        }
    }
    Err(missing(what, name, &names))
}

/// The error for a name that is not there, with those that are.
fn missing(what: &str, name: &str, names: &[&str]) -> Error {
    let have = match names.is_empty() {
        true => String::from("there is none"),
        false => format!("there are: {}", joined(names, ", ")),
    };
    Error::new(ErrorKind::NotFound, format!("no {what} `{name}`; {have}"))
}
