//! Types that go into the kernel, without what it does not know.

use super::{Answer, Feature};
use crate::Result;
use crate::system::System;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::btf::BtfFeatures;
use skep_sys::{CallError, Fd, bpf};

impl System {
    /// Loads types into the kernel as `encode` (mostly [`for_upload`]) writes them: whole, and
    /// where the kernel refuses that, once more without what it does not know. The kernel's answer
    /// is the inner one.
    ///
    /// [`for_upload`]: skep_codec::btf::for_upload
    ///
    /// # Errors
    /// Those of `encode`, and of the token's file system.
    ///
    /// # Kernel
    /// `BPF_BTF_LOAD`, since Linux 4.18.
    pub fn load_btf(
        &self,
        encode: &dyn Fn(&BtfFeatures) -> Result<Vec<u8>>,
    ) -> Result<Result<Fd, CallError>> {
        let token = self.token()?;
        let load = |bytes: Vec<u8>| bpf::btf_load(self.kernel(), &bytes, token, None);
        match load(encode(&BtfFeatures::ALL)?) {
            Err(error) if is_unknown(error.errno) && self.probe(Feature::Btf) != Answer::No => {
                Ok(load(encode(&known_to(self))?))
            }
            whole => Ok(whole),
        }
    }
}

/// Whether this is how a kernel refuses types that it does not know.
pub(crate) fn is_unknown(errno: Errno) -> bool {
    matches!(errno, Errno::EINVAL | Errno::E2BIG | Errno::ENOTSUPP)
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
