//! Programs that are held without a link, and taken away again.

use super::Target;
use crate::prog::Program;
use crate::{AttachType, Result};
use skep_codec::Errno;
use skep_sys::bpf::{self, AttachParams};
use skep_sys::{CallError, Fd};

/// What a program was attached to by `BPF_PROG_ATTACH`.
pub(super) struct HeldTarget {
    pub(super) target: Fd,
    pub(super) attach_type: AttachType,
    /// The kernel takes away whatever is there: it is asked first whether that is ours.
    pub(super) takes_any: bool,
}

impl HeldTarget {
    /// Takes a program away.
    ///
    /// # Errors
    /// `ENOENT`: it is not attached there any more.
    #[inline]
    pub(super) fn detach(&self, program: &Program) -> Result<()> {
        let (target, attach_type) = (Target::Fd(&self.target), self.attach_type);
        if self.takes_any {
            let id = program.id()?;
            let there = program.system().attached(target, attach_type)?;
            if there.list.iter().all(|attached| attached.prog_id != id) {
                return Err(CallError::new("BPF_PROG_DETACH", Errno::ENOENT).into());
            }
        }
        let params = AttachParams {
            target,
            attach_type,
            ..AttachParams::default()
        };
        let kernel = self.target.kernel();
        Ok(bpf::prog_detach(kernel, Some(program.fd()), &params)?)
    }
}
