//! The kernel's types and its modules', as one load looks into them.

use super::names::{Looked, Names};
use crate::error::Context;
use crate::system::{System, gone};
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::btf::{Btf, Kinds, TypeId};
use skep_codec::map::Map as Ordered;
use skep_sys::Fd;
use skep_sys::bpf::{self, ObjKind};

/// The kernel's own types, and its modules' where those have not what is looked for. Modules are
/// listed once, and each is read when it is first looked into; what is wrong with one is kept for
/// the words of a search that fails.
pub(crate) struct KernelTypes<'a> {
    system: &'a System,
    modules: Option<Vec<Module>>,
    names: Names<'a>,
    troubles: Ordered<String, String>,
}

/// A module with types of its own.
struct Module {
    id: u32,
    name: String,
    fd: Fd,
}

/// Where a type was found.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) btf: &'a Btf,
    pub(crate) id: TypeId,
    /// The module; `None` for the kernel itself.
    pub(crate) module: Option<usize>,
}

impl<'a> KernelTypes<'a> {
    pub(crate) fn new(system: &'a System) -> Self {
        Self {
            system,
            modules: None,
            names: Names::default(),
            troubles: Ordered::new(),
        }
    }

    /// The kernel's own types.
    pub(crate) fn vmlinux(&self) -> Result<&'a Btf> {
        Ok(self.system.kernel_btf()?)
    }

    /// The descriptor of a module's types.
    pub(crate) fn fd(&self, module: usize) -> Option<&Fd> {
        Some(&self.modules.as_ref()?.get(module)?.fd)
    }

    /// Shows the modules' types to `look`, in the order in which the kernel loaded them, until it
    /// says that it has seen enough.
    pub(crate) fn each_module(&mut self, look: &mut dyn FnMut(usize, &str, &'a Btf) -> bool) {
        let modules = match self.modules.take() {
            Some(modules) => modules,
            None => self.list(),
        };
        for (index, module) in modules.iter().enumerate() {
            match self.system.module_btf(module.id, &module.fd) {
                Ok(btf) => {
                    if look(index, &module.name, btf) {
                        break;
                    }
                }
                Err(error) => {
                    self.troubles.insert(module.name.clone(), error.to_string());
                }
            }
        }
        self.modules = Some(modules);
    }

    /// The module of this name: its number, and its types.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]: there is none, or it has no types.
    pub(crate) fn module(&mut self, name: &str) -> Result<(usize, &'a Btf)> {
        let mut found = None;
        self.each_module(&mut |index, its, btf| {
            if its == name {
                found = Some((index, btf));
            }
            its == name
        });
        let missing = || {
            let what = format!("no module `{name}` with types ({})", self.looked());
            Error::new(ErrorKind::NotFound, what)
        };
        found.ok_or_else(missing)
    }

    /// Names that will be asked for, to be looked for together with the first that is.
    pub(crate) fn expect<'n>(&mut self, names: impl IntoIterator<Item = (&'n str, Kinds)>) {
        for (name, kinds) in names {
            self.names.add(name, kinds);
        }
    }

    /// Where each of these names is: in the kernel, else in the first module that has it. One pass
    /// over the kernel's types, and one over its modules' if need be, for these and all that are
    /// expected.
    ///
    /// # Errors
    /// If the kernel's own types cannot be read.
    pub(crate) fn find(&mut self, names: &[(&str, Kinds)]) -> Result<Vec<Option<Place<'a>>>> {
        self.expect(names.iter().copied());
        let is_open = |known: &Names<'_>, looked| names.iter().any(|n| known.is_open(*n, looked));
        if is_open(&self.names, Looked::Nowhere) {
            let btf = self.vmlinux()?;
            let open = self.names.open(Looked::Nowhere);
            self.names.look(&open, btf, None);
            self.names.note(&open, Looked::InKernel);
        }
        if is_open(&self.names, Looked::InKernel) {
            let mut known = core::mem::take(&mut self.names);
            let open = known.open(Looked::InKernel);
            self.each_module(&mut |module, _, btf| known.look(&open, btf, Some(module)));
            known.note(&open, Looked::InModules);
            self.names = known;
        }
        Ok(names.iter().map(|name| self.names.place(*name)).collect())
    }

    /// Where was looked, in words: `the kernel or its 23 modules`, and what could not be read.
    pub(crate) fn looked(&self) -> String {
        let mut text = match self.modules.as_ref().map(Vec::len) {
            None | Some(0) => "the kernel".to_string(),
            Some(1) => "the kernel or its module".to_string(),
            Some(count) => format!("the kernel or its {count} modules"),
        };
        for (name, why) in self.troubles.iter() {
            text.push_str(&format!(" ({name} cannot be read: {why})"));
        }
        text
    }

    /// The modules that have types.
    fn list(&mut self) -> Vec<Module> {
        let mut all = Vec::new();
        for id in self.system.ids(ObjKind::Btf) {
            let id = match id {
                Ok(id) => id,
                Err(error) => {
                    self.trouble("the list of modules", &error);
                    break;
                }
            };
            match module(self.system, id) {
                Ok(module) => all.extend(module),
                Err(error) if gone(Some(error.errno)) => {}
                Err(error) => self.trouble(&format!("BTF object {id}"), &error),
            }
        }
        all
    }

    fn trouble(&mut self, what: &str, why: &dyn core::fmt::Display) {
        self.troubles.insert(what.to_string(), why.to_string());
    }
}

/// The module that this BTF object is of; `None` for another object.
fn module(system: &System, id: u32) -> skep_sys::Result<Option<Module>> {
    let fd = system.fd_by_id(ObjKind::Btf, id)?;
    let info = bpf::btf_info(&fd)?;
    let is_module = info.kernel && info.name != "vmlinux";
    Ok(is_module.then_some(Module {
        id,
        name: info.name,
        fd,
    }))
}

impl System {
    /// The types of a module, read once: they go on where the kernel's end.
    fn module_btf(&self, id: u32, fd: &Fd) -> Result<&Arc<Btf>> {
        self.modules().get_or_try_init(id, || {
            let what = format_args!("BTF object {id}");
            let base = self.kernel_btf()?.clone();
            let data = bpf::btf_data(fd).context(what)?;
            let btf = Btf::parse(Arc::new(data), Some(base)).context(what)?;
            Ok::<_, Error>(Arc::new(btf))
        })
    }
}

impl core::fmt::Debug for KernelTypes<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.looked())
    }
}
