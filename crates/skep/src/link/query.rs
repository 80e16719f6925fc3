//! What is attached somewhere.

use crate::error::Context;
use crate::system::System;
use crate::{AttachType, Result};
use skep_codec::uapi::flags;
use skep_sys::bpf::{self, Attachments, Target};

impl System {
    /// What is attached to an interface (tcx, netkit), a cgroup, a network namespace, a socket map
    /// or a lirc device, in the order in which it runs.
    ///
    /// # Errors
    /// `EINVAL`: the kernel cannot tell for this type of attachment, or the target is of another
    /// sort; `EBADF`: it is no cgroup; `ENODEV`: there is no such interface; `EPERM`: no
    /// `CAP_NET_ADMIN`.
    ///
    /// # Kernel
    /// `BPF_PROG_QUERY`: cgroups since Linux 4.15, network namespaces since 5.8, socket maps since
    /// 5.18, interfaces since 6.6.
    #[doc(alias = "bpf_prog_query")]
    #[inline]
    pub fn attached(&self, target: Target<'_>, attach_type: AttachType) -> Result<Attachments> {
        query(self, target, attach_type, 0)
    }

    /// What runs for a cgroup: programs of those above it, too, in the order in which they run.
    ///
    /// # Errors
    /// Those of [`System::attached`].
    ///
    /// # Kernel
    /// `BPF_PROG_QUERY` with `BPF_F_QUERY_EFFECTIVE`, since Linux 4.15.
    #[doc(alias = "BPF_F_QUERY_EFFECTIVE")]
    #[inline]
    pub fn effective(&self, target: Target<'_>, attach_type: AttachType) -> Result<Attachments> {
        query(self, target, attach_type, flags::QUERY_EFFECTIVE)
    }
}

#[inline]
fn query(
    system: &System,
    target: Target<'_>,
    attach_type: AttachType,
    query_flags: u32,
) -> Result<Attachments> {
    bpf::prog_query(system.kernel(), target, attach_type, query_flags)
        .context(format_args!("ask what is attached as {attach_type}"))
}
