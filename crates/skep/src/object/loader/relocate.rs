//! CO-RE relocations of a program, answered by the kernel's types and its modules'.

use super::Loader;
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::btf::Btf;
use skep_codec::core_reloc::{Applied, Resolver, patch};
use skep_codec::object::Code;

impl<'a> Loader<'a> {
    /// Answers the CO-RE relocations of linked code. One that fails poisons its instruction and
    /// is told if the verifier comes there: instruction index and reason.
    pub(super) fn relocate(&mut self, code: &mut Code) -> Result<Vec<(usize, String)>> {
        let mut poisoned = Vec::new();
        if code.relos.is_empty() {
            return Ok(poisoned);
        }
        let mut resolver = match self.resolver.take() {
            Some(resolver) => resolver,
            None => self.resolver()?,
        };
        if code.relos.iter().any(|(_, relo)| resolver.lacks(relo)) {
            self.add_modules(&mut resolver);
        }
        let resolver = self.resolver.insert(resolver);
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
    fn resolver(&self) -> Result<Resolver<'a>> {
        let spec = self.spec;
        let Some(local) = spec.btf.as_deref() else {
            let what = "relocations without BTF";
            return Err(Error::new(ErrorKind::Codec, what));
        };
        let mut resolver = Resolver::new(local, spec.ext.core_relos.values().flatten());
        if resolver.needs_target() {
            match &self.options.kernel_btf {
                Some(given) => resolver.add_target("the kernel types given", given),
                None => resolver.add_target("vmlinux", self.kernel.vmlinux()?),
            }
        }
        Ok(resolver)
    }

    /// Has the resolver look into the modules for what the kernel lacks; types that the caller gave
    /// are all there is.
    fn add_modules(&mut self, resolver: &mut Resolver<'a>) {
        if self.knows_modules || self.options.kernel_btf.is_some() {
            return;
        }
        let mut modules: Vec<(String, &'a Btf)> = Vec::new();
        self.kernel.each_module(&mut |_, name, btf| {
            modules.push((name.into(), btf));
            false
        });
        resolver.add_targets(modules.iter().map(|(name, btf)| (name.as_str(), *btf)));
        self.knows_modules = true;
    }
}
