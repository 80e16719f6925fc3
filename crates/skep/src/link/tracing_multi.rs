//! Entry and exit of many kernel functions by one link.

use super::glob::is_pattern;
use super::multi::{Places, traceable};
use super::{Held, Hook, Link};
use crate::btf::KernelTypes;
use crate::error::Context;
use crate::prog::Program;
use crate::system::System;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::btf::{Btf, Kind, Kinds, TypeId, Wanted};
use skep_codec::order;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// Entry (`fentry.multi`), exit (`fexit.multi`) or both (`fsession.multi`) of many kernel functions; a
/// program is loaded for the kernel's own, or by its section's name for those of one module.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_tracing_multi_opts")]
pub struct TracingMulti {
    places: Places,
    module: Option<String>,
    cookies: Vec<u64>,
    tracefs: Option<String>,
}

impl TracingMulti {
    /// All functions whose names match a pattern of `*` and `?`, of the kernel itself or of a module
    /// (`MODULE:PATTERN`): those of tracefs's `available_filter_functions`, or where none is mounted of
    /// `/proc/kallsyms`, whose types are known and whose arguments programs can be given.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::NotFound`] if there is none; `ENOENT` if one cannot be traced;
    /// `EINVAL` if one must not be, and on older kernels; `E2BIG` for more than 1,048,576.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_TRACE_FENTRY_MULTI`, `BPF_TRACE_FEXIT_MULTI` or
    /// `BPF_TRACE_FSESSION_MULTI`, since Linux 7.2.
    #[doc(alias = "bpf_program__attach_tracing_multi")]
    #[inline]
    pub fn matching(pattern: &str) -> Self {
        let (module, pattern) = match pattern.split_once(':') {
            Some(("vmlinux", pattern)) => (None, pattern),
            Some((module, pattern)) => (Some(module.to_string()), pattern),
            None => (None, pattern),
        };
        Self {
            module,
            ..Self::of(Places::Pattern(pattern.to_string()))
        }
    }

    /// The functions of these names.
    #[inline]
    pub fn functions(names: &[&str]) -> Self {
        Self::of(Places::named(names))
    }

    /// The functions with these BTF ids, of the types that the program was loaded for.
    #[inline]
    pub fn ids(ids: &[u32]) -> Self {
        Self::of(Places::Numbers(ids.iter().map(|&id| id.into()).collect()))
    }

    #[inline]
    fn of(places: Places) -> Self {
        Self {
            places,
            module: None,
            cookies: Vec::new(),
            tracefs: None,
        }
    }

    /// The functions are this module's.
    #[must_use]
    #[inline]
    pub fn of_module(mut self, module: &str) -> Self {
        self.module = Some(module.to_string());
        self
    }

    /// What `bpf_get_attach_cookie` answers at each, in their order.
    ///
    /// # Errors
    /// When attached: `EINVAL` if there are not as many as functions.
    #[must_use]
    #[inline]
    pub fn cookies(mut self, cookies: &[u64]) -> Self {
        self.cookies = cookies.to_vec();
        self
    }

    /// Looks functions up in a tracefs that is mounted elsewhere.
    #[must_use]
    #[inline]
    pub fn in_tracefs(mut self, mount: &str) -> Self {
        self.tracefs = Some(mount.to_string());
        self
    }

    /// As it is for a program, which its section's name may bind to a module.
    #[inline]
    fn bound_to(&self, program: &Program) -> Result<Self> {
        let target = program.declared().and_then(|d| d.target.as_deref());
        let bound = target.and_then(|target| Self::matching(target).module);
        match (&self.module, program.declared()) {
            (Some(module), Some(_)) if bound.as_ref() != Some(module) => {
                let what = format!(
                    "the program is loaded for functions of {}, not of module `{module}` (its section \
                     says so: `fentry.multi/{module}:*`)",
                    owner(bound.as_deref())
                );
                Err(Error::new(ErrorKind::Invalid, what))
            }
            (None, Some(_)) => Ok(Self {
                module: bound,
                ..self.clone()
            }),
            _ => Ok(self.clone()),
        }
    }

    #[inline]
    fn resolve(&self, system: &System) -> Result<Vec<u32>> {
        let mut kernel = KernelTypes::new(system);
        match &self.places {
            Places::Numbers(ids) => Ok(ids.iter().map(|&id| id as u32).collect()),
            Places::Pattern(pattern) if is_pattern(pattern) => {
                let names = traceable(system, pattern, self.tracefs.as_deref())?;
                let found = self.find(&mut kernel, &names, true)?;
                let ids: Vec<u32> = found.into_iter().flatten().collect();
                if ids.is_empty() {
                    let looked = owner(self.module.as_deref());
                    let what = format!("{looked} has no function `{pattern}` that is traceable");
                    return Err(Error::new(ErrorKind::NotFound, what));
                }
                Ok(ids)
            }
            Places::Pattern(name) => self.each(&mut kernel, core::slice::from_ref(name)),
            Places::Names(names) => self.each(&mut kernel, names),
        }
    }

    /// Every one of these, or an error.
    #[inline]
    fn each(&self, kernel: &mut KernelTypes<'_>, names: &[String]) -> Result<Vec<u32>> {
        let found = self.find(kernel, names, false)?;
        let pairs = names.iter().zip(found);
        pairs
            .map(|(name, id)| {
                id.ok_or_else(|| {
                    let what = format!(
                        "{} has no function `{name}` in its types",
                        owner(self.module.as_deref())
                    );
                    Error::new(ErrorKind::NotFound, what)
                })
            })
            .collect()
    }

    /// The id of each name, of functions that programs can be given the arguments of, or of all.
    #[inline]
    fn find(
        &self,
        kernel: &mut KernelTypes<'_>,
        names: &[String],
        checked: bool,
    ) -> Result<Vec<Option<u32>>> {
        let btf = self.types(kernel)?;
        let wanted = names
            .iter()
            .map(|name| (name.as_str(), Kinds::of(Kind::Func)));
        let found = btf.find_many(&Wanted::new(wanted));
        let choose = |ids: Vec<TypeId>| {
            let id = *ids.first()?;
            (!checked || is_given(btf, id).unwrap_or(false)).then_some(id.0)
        };
        Ok(found.into_iter().map(choose).collect())
    }

    #[inline]
    fn types<'a>(&self, kernel: &mut KernelTypes<'a>) -> Result<&'a Btf> {
        match &self.module {
            None => kernel.vmlinux(),
            Some(module) => Ok(kernel.module(module)?.1),
        }
    }
}

#[inline]
fn owner(module: Option<&str>) -> String {
    match module {
        None => "the kernel".to_string(),
        Some(module) => format!("module `{module}`"),
    }
}

/// Whether the kernel hands a function's arguments on: twelve at most, of 16 bytes at most, none
/// variable, and no struct comes back.
#[inline]
fn is_given(btf: &Btf, id: TypeId) -> skep_codec::Result<bool> {
    const MAX_ARGS: usize = 12;
    const MAX_BYTES: u64 = 16;
    let Some(proto) = btf.ty(id)?.target() else {
        return Ok(false);
    };
    let proto = btf.ty(proto)?;
    let returned = proto.target().unwrap_or_default();
    if proto.params().len() > MAX_ARGS
        || (returned != TypeId(0) && btf.peel(returned)?.kind().is_composite())
    {
        return Ok(false);
    }
    for param in proto.params() {
        let ty = param?.ty;
        if ty == TypeId(0) || btf.size_of(ty)? > MAX_BYTES {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Hook for TracingMulti {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let hook = self.places.hook("kernel functions", false);
        let bound = self.bound_to(program).context(&hook)?;
        let mut ids = bound.resolve(program.system()).context(&hook)?;
        if self.cookies.is_empty() {
            // Static functions of one name are one to the kernel.
            order::by(&mut ids, |a, b| a.cmp(b));
            ids.dedup();
        }
        let declared = program.declared().and_then(|declared| declared.attach_type);
        let link = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::None,
            attach_type: declared.unwrap_or_default(),
            flags: 0,
            extra: LinkExtra::TracingMulti {
                ids: &ids,
                cookies: &self.cookies,
            },
        });
        let fd = link.map_err(|error| {
            let why = match error.errno {
                Errno::ENOENT => " (one cannot be traced)",
                Errno::EOPNOTSUPP => " (this kernel has no links to many functions)",
                _ => "",
            };
            Error::from(error).context(format_args!("{hook}{why}"))
        })?;
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}
