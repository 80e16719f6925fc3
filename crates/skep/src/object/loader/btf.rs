//! The object's types in the kernel, without what the kernel does not know.

use super::Loader;
use crate::error::Context;
use crate::probe::{Answer, Feature, is_unknown};
use crate::{ProgType, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::btf::{BtfFeatures, for_upload, with_named_contexts};
use skep_sys::Fd;

const UPLOAD: &str = "upload the object's BTF";

impl Loader<'_> {
    /// The object's BTF in the kernel; `None` if it has none or the kernel takes none.
    pub(super) fn btf(&mut self) -> Result<Option<&Fd>> {
        if self.btf.is_none() {
            self.btf = Some(self.upload_btf()?);
        }
        Ok(self.btf.as_ref().and_then(Option::as_ref))
    }

    /// Uploads as it is; and where the kernel refuses, once more without what it does not know. No
    /// kernel takes what some compilers write (GCC 12 writes functions without names): nothing goes
    /// unverified without it if there are no function records.
    fn upload_btf(&mut self) -> Result<Option<Fd>> {
        let Some(mut btf) = self.spec.btf.clone() else {
            return Ok(None);
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
        match self.system.load_btf(&encode)? {
            Err(error)
                if is_unknown(error.errno)
                    && (self.spec.ext.func_info.is_empty()
                        || self.system.probe(Feature::Btf) == Answer::No) =>
            {
                Ok(None)
            }
            answer => Ok(Some(answer.context(UPLOAD)?)),
        }
    }
}
