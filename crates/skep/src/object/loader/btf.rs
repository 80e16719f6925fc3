//! The object's types in the kernel, without what the kernel does not know.

use super::Loader;
use crate::error::Context;
use crate::probe::{self, Feature};
use crate::system::System;
use crate::{ProgType, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::btf::{BtfFeatures, with_named_contexts};
use skep_sys::bpf;
use skep_sys::{CallError, Fd};

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
        if !args.is_empty() && self.system.probe(Feature::ArgCtxTag) == probe::Answer::No {
            let types: Vec<ProgType> = self.spec.programs.iter().map(|p| p.prog_type).collect();
            let (named, replaced) = with_named_contexts(&btf, args, &types)?;
            (btf, self.replaced) = (Arc::new(named), replaced);
        }
        let token = self.system.token()?;
        let upload = |features: &BtfFeatures| -> Result<Result<Fd, CallError>> {
            let statics: Vec<&str> = self.spec.static_functions().collect();
            let bytes = skep_codec::btf::for_upload(&btf, &self.spec.layouts, &statics, features)?;
            Ok(bpf::btf_load(self.system.kernel(), &bytes, token, None))
        };
        let does_not_know = |errno| matches!(errno, Errno::EINVAL | Errno::E2BIG | Errno::ENOTSUPP);
        match upload(&BtfFeatures::ALL)? {
            Err(error) if does_not_know(error.errno) => {}
            whole => return Ok(Some(whole.context(UPLOAD)?)),
        }
        if self.system.probe(Feature::Btf) == probe::Answer::No {
            return Ok(None);
        }
        match upload(&known_to(self.system))? {
            Err(error) if does_not_know(error.errno) && self.spec.ext.func_info.is_empty() => {
                Ok(None)
            }
            answer => Ok(Some(answer.context(UPLOAD)?)),
        }
    }
}

/// What this kernel's BTF knows. What could not be asked is taken for known.
fn known_to(system: &System) -> BtfFeatures {
    let has = |feature| system.probe(feature).is_usable();
    BtfFeatures {
        func: has(Feature::BtfFunc),
        func_global: has(Feature::BtfGlobalFunc),
        datasec: has(Feature::BtfDatasec),
        empty_datasec: has(Feature::BtfEmptyDatasec),
        qmark_datasec: has(Feature::BtfQmarkDatasec),
        float: has(Feature::BtfFloat),
        decl_tag: has(Feature::BtfDeclTag),
        type_tag: has(Feature::BtfTypeTag),
        enum64: has(Feature::BtfEnum64),
    }
}
