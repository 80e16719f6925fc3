//! XDP: packets before the stack sees them.

use super::{Held, Hook, Link};
use crate::error::Context;
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{AttachType, Result};
use alloc::string::{String, ToString};
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};
use skep_sys::net;

/// An interface's XDP hook, held by a BPF link.
#[derive(Clone, Debug)]
pub struct Xdp {
    interface: Interface,
    flags: u32,
}

#[derive(Clone, Debug)]
enum Interface {
    Name(String),
    Index(u32),
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
        let interface = Interface::Name(interface.to_string());
        Self {
            interface,
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

    #[inline]
    fn ifindex(&self, system: &System) -> Result<u32> {
        match &self.interface {
            Interface::Index(index) => Ok(*index),
            Interface::Name(name) => net::if_nametoindex(system.kernel(), &c_string(name)?)
                .context(format_args!("find interface `{name}`")),
        }
    }
}

impl Hook for Xdp {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let ifindex = self.ifindex(program.system())?;
        let fd = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::Ifindex(ifindex),
            attach_type: AttachType::XDP,
            flags: self.flags,
            extra: LinkExtra::None,
        })?;
        let hook = match &self.interface {
            Interface::Name(name) => format!("XDP of {name}"),
            Interface::Index(index) => format!("XDP of interface {index}"),
        };
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}
