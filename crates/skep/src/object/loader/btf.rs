//! The object's types in the kernel, without what the kernel does not know.

use super::Loader;
use crate::error::Context;
use crate::probe::{Answer, Feature, is_unknown};
use crate::{Error, ProgType, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::btf::{BtfFeatures, for_upload, with_named_contexts};
use skep_codec::object::{Code, ProgramSpec};
use skep_sys::Fd;

const UPLOAD: &str = "upload the object's BTF";
pub(super) const WITHOUT: &str = "loaded without the object's types, which the kernel refused";

impl Loader<'_> {
    /// Sees to it that the object's BTF is in the kernel, if it takes it.
    pub(super) fn upload_btf(&mut self) -> Result<()> {
        if self.btf.is_none() {
            self.btf = Some(self.uploaded()?);
        }
        Ok(())
    }

    /// The object's BTF in the kernel; `None` if it has none or the kernel refused it.
    pub(super) fn btf(&self) -> Option<&Fd> {
        self.btf.as_ref()?.as_ref().ok()?.as_ref()
    }

    /// Types that the kernel refused are left out, as no kernel takes what some compilers write (GCC
    /// 12 writes functions without names) and not every kernel what others do.
    ///
    /// # Errors
    /// The kernel's refusal, where the program would then be verified in another way or be another
    /// one: it has global functions, which are verified by themselves, or an exception callback.
    pub(super) fn can_do_without_btf(&self, program: &ProgramSpec, code: &Code) -> Result<()> {
        let by_itself = |(_, index): &(usize, usize)| {
            let function = self.spec.functions.get(*index);
            function.is_some_and(|f| f.global && !f.hidden)
        };
        let has_records = !code.funcs.is_empty();
        let is_needed =
            program.exception_callback.is_some() || code.functions.iter().skip(1).any(by_itself);
        match has_records && is_needed {
            true => self.taken_btf(),
            false => Ok(()),
        }
    }

    /// # Errors
    /// The kernel's refusal of the object's BTF.
    pub(super) fn taken_btf(&self) -> Result<()> {
        match &self.btf {
            Some(Err(error)) => Err(error.clone()).context(UPLOAD),
            _ => Ok(()),
        }
    }

    /// What is not as the object has it in what was loaded so far: the kernel refused its BTF.
    pub fn warnings(&self) -> Vec<Error> {
        let refused = self.taken_btf().err();
        let refused = refused.map(|error| error.context(WITHOUT));
        refused.into_iter().collect()
    }

    /// Uploads as it is; and where the kernel refuses, once more without what it does not know.
    fn uploaded(&mut self) -> Result<Result<Option<Fd>>> {
        let Some(mut btf) = self.spec.btf.clone() else {
            return Ok(Ok(None));
        };
        let args = &self.spec.context_args;
        if !args.is_empty() && self.system.probe(Feature::ArgCtxTag) == Answer::No {
            let types: Vec<ProgType> = self.spec.programs.iter().map(|p| p.prog_type).collect();
            let (named, replaced) = with_named_contexts(&btf, args, &types)?;
            (btf, self.replaced) = (Arc::new(named), replaced);
        }
        let encode = |features: &BtfFeatures| {
            let statics: Vec<&str> = self.spec.static_functions().collect();
            Ok(for_upload(&btf, &self.spec.layouts, &statics, features)?)
        };
        Ok(match self.system.load_btf(&encode)? {
            Ok(fd) => Ok(Some(fd)),
            Err(error) if !error.errno().is_some_and(is_unknown) => {
                return Err(error).context(UPLOAD);
            }
            Err(_) if self.system.probe(Feature::Btf) == Answer::No => Ok(None),
            Err(error) => Err(error),
        })
    }
}
