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
    /// The kernel knows only what the calling thread has, and wants no descriptor.
    pub(super) own: bool,
}

impl HeldTarget {
    /// Where programs are one beside the other, or each takes its place only.
    #[inline]
    pub(super) fn new(target: Fd, attach_type: AttachType) -> Self {
        Self {
            target,
            attach_type,
            takes_any: false,
            own: false,
        }
    }

    /// What the kernel is told.
    #[inline]
    fn params(&self) -> AttachParams<'_> {
        let target = match self.own {
            true => Target::None,
            false => Target::Fd(&self.target),
        };
        AttachParams {
            target,
            attach_type: self.attach_type,
            ..AttachParams::default()
        }
    }

    /// Attaches a program, with no flags.
    #[inline]
    pub(super) fn attach(&self, program: &Program) -> Result<()> {
        Ok(bpf::prog_attach(program.fd(), &self.params())?)
    }

    /// Takes a program away.
    ///
    /// # Errors
    /// `ENOENT`: it is not attached there any more.
    #[inline]
    pub(super) fn detach(&self, program: &Program) -> Result<()> {
        if self.takes_any {
            let id = program.id()?;
            let target = Target::Fd(&self.target);
            let there = program.system().attached(target, self.attach_type)?;
            if there.list.iter().all(|attached| attached.prog_id != id) {
                return Err(CallError::new("BPF_PROG_DETACH", Errno::ENOENT).into());
            }
        }
        let kernel = self.target.kernel();
        Ok(bpf::prog_detach(
            kernel,
            Some(program.fd()),
            &self.params(),
        )?)
    }
}
