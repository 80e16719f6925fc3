//! Lightweight tunnels: programs that a route runs.

use super::by_netlink::{ByNetlink, Placed};
use super::interface::Interface;
use super::{Held, Hook, Link};
use crate::netlink::{Existing, Netlink, RoutePlace, Tunnel};
use crate::prog::Program;
use crate::{Errno, Error, ErrorKind, ProgType, Result};
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::IpAddr;
use skep_codec::uapi::netlink::{RT_TABLE_LOCAL, RTN_LOCAL};

/// A route that runs a program on packets (`lwt_in`, `lwt_out`, `lwt_xmit`, `lwt_seg6local`), held by
/// netlink: attaching makes the route, dropping the link removes it. It stays when this process ends
/// without dropping the link, and [`Link::pin`] is not for it.
#[derive(Clone, Debug)]
#[doc(alias = "lightweight tunnel")]
pub struct Lwt {
    tunnel: Tunnel,
    interface: Option<Interface>,
    others: Vec<Program>,
}

impl Lwt {
    /// A route to addresses that begin with these bits of `address`. Where they go is said by
    /// [`Lwt::dev`], [`Lwt::via`] or both.
    ///
    /// ```no_run
    /// # fn attach(program: &skep::Program) -> skep::Result<()> {
    /// let to = "10.78.0.0".parse().unwrap();
    /// let link = program.attach_to(skep::link::Lwt::to(to, 16).dev("eth0").headroom(40))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When attached: `EEXIST`: there is such a route; `EINVAL`: the prefix is too long, or there is no
    /// such gateway; `ENETUNREACH`, `EHOSTUNREACH`: none that can be reached; `ENETDOWN`: the interface
    /// is down; `EOPNOTSUPP`: the kernel has no such tunnels.
    ///
    /// # Kernel
    /// `RTM_NEWROUTE`, with programs since Linux 4.10 (`CONFIG_LWTUNNEL_BPF`), for segments of IPv6
    /// since 4.18 (`CONFIG_IPV6_SEG6_BPF`). Needs `CAP_NET_ADMIN`.
    #[inline]
    pub fn to(address: IpAddr, prefix_len: u8) -> Self {
        let place = RoutePlace {
            to: address,
            prefix_len,
            ..RoutePlace::default()
        };
        Self {
            tunnel: Tunnel {
                place,
                ..Tunnel::default()
            },
            interface: None,
            others: Vec::new(),
        }
    }

    /// Packets go to the interface of this name.
    #[must_use]
    #[inline]
    pub fn dev(mut self, interface: &str) -> Self {
        self.interface = Some(Interface::named(interface));
        self
    }

    /// Packets go to the interface of this index.
    #[must_use]
    #[inline]
    pub fn dev_index(mut self, ifindex: u32) -> Self {
        self.interface = Some(Interface::Index(ifindex));
        self
    }

    /// Packets go to this machine.
    #[must_use]
    #[inline]
    pub fn via(mut self, gateway: IpAddr) -> Self {
        self.tunnel.place.gateway = Some(gateway);
        self
    }

    /// Packets have arrived: the addresses are this machine's, and the table is where such are looked
    /// up.
    #[must_use]
    #[inline]
    pub fn local(mut self) -> Self {
        self.tunnel.place.route_type = RTN_LOCAL;
        self.tunnel.place.table = RT_TABLE_LOCAL;
        self
    }

    /// The table that the route is in, instead of the main one (of [`Lwt::local`], its own).
    #[must_use]
    #[inline]
    pub fn table(mut self, table: u32) -> Self {
        self.tunnel.place.table = table;
        self
    }

    /// Of routes to the same addresses, the one with the lowest is taken (the metric).
    #[must_use]
    #[inline]
    pub fn priority(mut self, priority: u32) -> Self {
        self.tunnel.place.priority = priority;
        self
    }

    /// Bytes before packets that a program of type `lwt_xmit` may need for headers, 256 at most.
    #[must_use]
    #[inline]
    #[doc(alias = "LWT_BPF_XMIT_HEADROOM")]
    pub fn headroom(mut self, bytes: u32) -> Self {
        self.tunnel.headroom = bytes;
        self
    }

    /// The route runs this one, too, which is of another type.
    #[must_use]
    #[inline]
    pub fn and(mut self, program: &Program) -> Self {
        self.others.push(program.clone());
        self
    }

    /// In the place of the route to the same addresses with the same priority, if there is one.
    #[must_use]
    #[inline]
    pub fn or_replace(mut self) -> Self {
        self.tunnel.existing = Existing::Allow;
        self
    }
}

impl Hook for Lwt {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let mut netlink = Netlink::open(program.system())?;
        let mut tunnel = self.tunnel;
        if let Some(interface) = &self.interface {
            tunnel.place.ifindex = interface.ifindex_by(&mut netlink)?;
        }
        tunnel.place = tunnel.place.settled();
        let mut all = Vec::from([program]);
        all.extend(&self.others);
        let made = netlink.set_route(&tunnel, &all);
        made.map_err(|error| explained(error, &tunnel, program))?;
        let hook = format!("{} of the route to {}", program.prog_type(), tunnel.place);
        let others = self.others.clone();
        let held = ByNetlink::new(netlink, Placed::Route { tunnel, others });
        Ok(Link::new(program, hook, Held::Netlink(Box::new(held))))
    }
}

/// Says what is wrong where the kernel says less than is known.
#[cold]
fn explained(error: Error, tunnel: &Tunnel, program: &Program) -> Error {
    let place = &tunnel.place;
    let of_segments = program.prog_type() == ProgType::LWT_SEG6LOCAL;
    let nowhere = place.ifindex == 0 && place.gateway.is_none();
    let (kind, what) = match error.errno() {
        Some(Errno::EEXIST) => (
            error.kind(),
            format!(
                "there is a route to {place} of this priority: give another priority(), or attach \
                 with or_replace()"
            ),
        ),
        Some(Errno::EOPNOTSUPP) => {
            let config = match of_segments {
                true => "CONFIG_IPV6_SEG6_BPF",
                false => "CONFIG_LWTUNNEL_BPF",
            };
            let what = format!("this kernel's routes run no such programs ({config})");
            (ErrorKind::Unsupported, what)
        }
        Some(_) if of_segments && place.to.is_ipv4() => {
            let what = "segments are addresses of IPv6".to_string();
            (ErrorKind::Invalid, what)
        }
        Some(Errno::EINVAL | Errno::ENODEV) if nowhere => {
            let what = "the route leads nowhere: give dev(), via() or both".to_string();
            (ErrorKind::Invalid, what)
        }
        _ => return error,
    };
    error.explained(kind, what)
}
