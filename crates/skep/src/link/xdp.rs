//! XDP: packets before the stack sees them.

use super::interface::Interface;
use super::{Held, Hook, Link};
use crate::prog::Program;
use crate::{AttachType, Result};
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// An interface's XDP hook, held by a BPF link.
#[derive(Clone, Debug)]
pub struct Xdp {
    interface: Interface,
    flags: u32,
}

const SKB_MODE: u32 = 1 << 1;
const DRV_MODE: u32 = 1 << 2;
const HW_MODE: u32 = 1 << 3;

impl Xdp {
    /// The interface of this name in this process's network namespace; the kernel chooses the
    /// mode: the driver's own where it has one, else generic.
    ///
    /// # Errors
    /// When attached: `ENODEV` for an unknown interface, `EBUSY` if a program is attached.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_XDP`, since Linux 5.9.
    #[inline]
    pub fn on(interface: &str) -> Self {
        Self {
            interface: Interface::named(interface),
            flags: 0,
        }
    }

    /// The interface of this index.
    #[inline]
    pub fn on_index(ifindex: u32) -> Self {
        Self {
            interface: Interface::Index(ifindex),
            flags: 0,
        }
    }

    /// Only in the driver (`XDP_FLAGS_DRV_MODE`).
    #[must_use]
    #[inline]
    pub fn native(mut self) -> Self {
        self.flags = DRV_MODE;
        self
    }

    /// Only in the generic stack (`XDP_FLAGS_SKB_MODE`).
    #[must_use]
    #[inline]
    pub fn generic(mut self) -> Self {
        self.flags = SKB_MODE;
        self
    }

    /// Only in the hardware (`XDP_FLAGS_HW_MODE`).
    #[must_use]
    #[inline]
    pub fn hardware(mut self) -> Self {
        self.flags = HW_MODE;
        self
    }
}

impl Hook for Xdp {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let ifindex = self.interface.ifindex(program.system())?;
        let fd = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::Ifindex(ifindex),
            attach_type: AttachType::XDP,
            flags: self.flags,
            extra: LinkExtra::None,
        })?;
        let hook = format!("XDP of {}", self.interface);
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}
