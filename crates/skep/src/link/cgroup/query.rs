//! What is attached to a cgroup.

use super::Cgroup;
use crate::link::{Attachments, LinkInfo, LinkKind, Target};
use crate::system::System;
use crate::{AttachType, Result};
use alloc::vec::Vec;
use skep_sys::file;

impl Cgroup<'_> {
    /// What is attached to this cgroup itself, in order. `attach_flags` tell how
    /// ([`CgroupMode::of`](super::CgroupMode::of)).
    ///
    /// # Errors
    /// Those of opening it, and of [`System::attached`].
    ///
    /// # Kernel
    /// `BPF_PROG_QUERY`, since Linux 4.15; the revision since 6.17.
    #[inline]
    pub fn attached(&self, system: &System, attach_type: AttachType) -> Result<Attachments> {
        self.with_dir(system, |dir| system.attached(Target::Fd(dir), attach_type))
    }

    /// What runs for its processes: programs of cgroups above, too, in the order in which they run.
    ///
    /// # Errors
    /// Those of opening it, and of [`System::effective`].
    #[inline]
    pub fn effective(&self, system: &System, attach_type: AttachType) -> Result<Attachments> {
        self.with_dir(system, |dir| system.effective(Target::Fd(dir), attach_type))
    }

    /// Links that hold programs to this cgroup itself, in order of id. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// Those of opening it, and of [`System::links`].
    #[inline]
    pub fn links(&self, system: &System) -> Result<Vec<LinkInfo>> {
        let id = self.with_dir(system, |dir| Ok(file::inode(dir)?))?;
        let mut links = system.links()?;
        links.retain(
            |link| matches!(link.kind, LinkKind::Cgroup { cgroup_id, .. } if cgroup_id == id),
        );
        Ok(links)
    }
}
