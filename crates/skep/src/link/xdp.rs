//! XDP: packets before the stack sees them.

mod explain;

use super::by_netlink::{ByNetlink, Placed};
use super::interface::Interface;
use super::mode::has_no;
use super::{Held, Hook, Link};
use crate::netlink::{Netlink, XdpMode};
use crate::probe::Feature;
use crate::prog::Program;
use crate::{AttachType, Errno, Error, Result};
use alloc::boxed::Box;
use explain::explained;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// An interface's XDP hook, held by a BPF link or by netlink.
#[derive(Clone, Debug)]
pub struct Xdp {
    interface: Interface,
    mode: Option<XdpMode>,
    way: Way,
    or_generic: bool,
    replacing: Option<Program>,
}

/// What a program is attached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Link,
    LinkOrNetlink,
    Netlink,
}

impl Xdp {
    /// The interface of this name in this thread's network namespace; the kernel chooses the
    /// mode: the driver's own where it has one, else generic. [`Link::xdp_mode`] tells which.
    ///
    /// # Errors
    /// When attached: `ENODEV` for an unknown interface, `EBUSY` if a program is attached.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_XDP`, since Linux 5.9.
    #[inline]
    pub fn on(interface: &str) -> Self {
        Self::at(Interface::named(interface))
    }

    /// The interface of this index.
    #[inline]
    pub fn on_index(ifindex: u32) -> Self {
        Self::at(Interface::Index(ifindex))
    }

    #[inline]
    fn at(interface: Interface) -> Self {
        Self {
            interface,
            mode: None,
            way: Way::Link,
            or_generic: false,
            replacing: None,
        }
    }

    /// Only in the driver (`XDP_FLAGS_DRV_MODE`).
    #[must_use]
    #[inline]
    pub fn native(self) -> Self {
        self.mode(XdpMode::Native)
    }

    /// Only in the generic stack (`XDP_FLAGS_SKB_MODE`).
    #[must_use]
    #[inline]
    pub fn generic(self) -> Self {
        self.mode(XdpMode::Generic)
    }

    /// Only in the hardware (`XDP_FLAGS_HW_MODE`).
    #[must_use]
    #[inline]
    pub fn hardware(self) -> Self {
        self.mode(XdpMode::Hardware)
    }

    #[inline]
    fn mode(mut self, mode: XdpMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// In the driver, and where that refuses, in the generic stack: [`Link::xdp_mode`] tells which, and
    /// [`Link::hook`] why.
    #[must_use]
    #[inline]
    pub fn or_generic(mut self) -> Self {
        self.or_generic = true;
        self
    }

    /// By netlink: the program stays when this process ends without dropping the link, and
    /// [`Link::pin`] is not for it.
    ///
    /// # Kernel
    /// `RTM_SETLINK` with `IFLA_XDP`, since Linux 4.8.
    #[must_use]
    #[inline]
    pub fn by_netlink(mut self) -> Self {
        self.way = Way::Netlink;
        self
    }

    /// By a BPF link, or by netlink on kernels without such links: [`Link::is_bpf_link`] tells which.
    #[must_use]
    #[inline]
    pub fn or_netlink(mut self) -> Self {
        self.way = Way::LinkOrNetlink;
        self
    }

    /// In the place of this program, at one blow, only if it is there; by netlink. (A BPF link's program
    /// is replaced by [`Link::update`].)
    ///
    /// # Errors
    /// When attached: `EEXIST`: another program is there, or none; `EBUSY`: a BPF link holds the place.
    ///
    /// # Kernel
    /// `RTM_SETLINK` with `XDP_FLAGS_REPLACE`, since Linux 5.7.
    #[must_use]
    #[inline]
    pub fn replacing(mut self, old: &Program) -> Self {
        self.replacing = Some(old.clone());
        self.by_netlink()
    }

    #[inline]
    fn attach_in(&self, program: &Program, mode: Option<XdpMode>) -> Result<Link> {
        if self.way == Way::Netlink {
            return self.attach_by_netlink(program, mode);
        }
        match self.attach_by_link(program, mode) {
            Err(error)
                if self.way == Way::LinkOrNetlink && has_no(Feature::LinkXdp, program, &error) =>
            {
                self.attach_by_netlink(program, mode)
            }
            attached => attached,
        }
    }

    #[inline]
    fn attach_by_link(&self, program: &Program, mode: Option<XdpMode>) -> Result<Link> {
        let ifindex = self.interface.ifindex(program.system())?;
        let created = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::Ifindex(ifindex),
            attach_type: AttachType::XDP,
            flags: mode.map_or(0, XdpMode::flag),
            extra: LinkExtra::None,
        });
        let fd = created.map_err(|error| explained(error.into(), program, ifindex, mode))?;
        let hook = format!("XDP of {}", self.interface);
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }

    #[inline]
    fn attach_by_netlink(&self, program: &Program, asked: Option<XdpMode>) -> Result<Link> {
        let mut netlink = Netlink::open(program.system())?;
        let ifindex = self.interface.ifindex_by(&mut netlink)?;
        let attached = match &self.replacing {
            Some(old) => netlink.replace_xdp(ifindex, old, program, asked),
            None => netlink.attach_xdp(ifindex, program, asked),
        };
        attached.map_err(|error| explained(error, program, ifindex, asked))?;
        // From here on it is taken off again, whatever else goes wrong.
        let mode = asked.unwrap_or(XdpMode::Native);
        let placed = |mode| Placed::Xdp {
            ifindex,
            asked,
            mode,
        };
        let mut held = ByNetlink::new(netlink, placed(mode));
        if asked.is_none() {
            match held.mode_of(program, ifindex) {
                Ok(mode) => held.place(placed(mode)),
                Err(error) => {
                    drop(held.detach(program));
                    return Err(error);
                }
            }
        }
        let hook = format!("XDP of {} by netlink", self.interface);
        Ok(Link::new(program, hook, Held::Netlink(Box::new(held))))
    }
}

impl Hook for Xdp {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        if !self.or_generic {
            return self.attach_in(program, self.mode);
        }
        match self.attach_in(program, Some(XdpMode::Native)) {
            Err(refused) if driver_cannot(&refused) => {
                let mut link = self.attach_in(program, Some(XdpMode::Generic))?;
                link.hook = format!("{}, generic since native is refused ({refused})", link.hook);
                Ok(link)
            }
            attached => attached,
        }
    }
}

impl Link {
    /// Where on its interface an XDP program runs; `None` for other links, and if it has been taken
    /// off. Of a BPF link, it is asked in the network namespace that this thread is in.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD` and `RTM_GETLINK`; nothing, where it was attached by netlink.
    #[inline]
    pub fn xdp_mode(&self) -> Result<Option<XdpMode>> {
        if let Held::Netlink(held) = &self.held {
            return Ok(match held.placed() {
                Placed::Xdp { mode, .. } => Some(*mode),
                _ => None,
            });
        }
        let (Held::Bpf(_), Some(program)) = (&self.held, self.program()) else {
            return Ok(None);
        };
        let info = self.info()?;
        let super::LinkKind::Xdp { ifindex } = info.kind else {
            return Ok(None);
        };
        if ifindex == 0 {
            return Ok(None);
        }
        let there = Netlink::open(program.system())?.xdp(ifindex)?;
        let mut there = there.attached();
        Ok(there
            .find(|&(_, id)| id == info.prog_id)
            .map(|(mode, _)| mode))
    }
}

/// Whether a driver refuses a program that the generic stack may take.
#[inline]
fn driver_cannot(error: &Error) -> bool {
    matches!(
        error.errno(),
        Some(Errno::EOPNOTSUPP | Errno::ERANGE | Errno::EINVAL)
    )
}
