//! Routes: which, in which table, to where.

use super::msg::Request;
use crate::uapi::netlink::{
    AF_INET, AF_INET6, IP6_RT_PRIO_USER, RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE,
    RT_TABLE_MAIN, RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_PRIORITY, RTA_TABLE, RTA_VIA, RTM_GETROUTE,
    RTN_LOCAL, RTN_UNICAST, RTPROT_STATIC,
};
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of `struct rtmsg`.
pub(super) const RTMSG: usize = 12;

/// Where packets go, and by which route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutePlace {
    /// The addresses that packets go to: those that begin as this one.
    pub to: IpAddr,
    /// In so many bits.
    pub prefix_len: u8,
    /// The table that it is in; 0 stands for the main one.
    pub table: u32,
    /// Of routes to the same addresses, the lowest is taken. 0 stands for 1024 in IPv6.
    pub priority: u32,
    /// What becomes of packets: they go on (`RTN_UNICAST`), or have arrived (`RTN_LOCAL`).
    pub route_type: u8,
    /// The interface that they go to; 0 has the kernel find it by the gateway.
    pub ifindex: u32,
    /// The machine that they go to.
    pub gateway: Option<IpAddr>,
}

impl Default for RoutePlace {
    #[inline]
    fn default() -> Self {
        Self {
            to: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            prefix_len: 0,
            table: 0,
            priority: 0,
            route_type: RTN_UNICAST,
            ifindex: 0,
            gateway: None,
        }
    }
}

impl fmt::Display for RoutePlace {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.to, self.prefix_len)
    }
}

/// What a family of addresses is called.
#[inline]
fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

impl RoutePlace {
    /// As the kernel has it: nothing stands for something else.
    #[inline]
    pub fn settled(mut self) -> Self {
        self.to = prefix(self.to, self.prefix_len);
        if self.table == 0 {
            self.table = RT_TABLE_MAIN;
        }
        if self.priority == 0 && self.to.is_ipv6() {
            self.priority = IP6_RT_PRIO_USER;
        }
        self
    }

    /// Whether `there`, which the kernel tells of, is this one. What was left to the kernel is not
    /// compared.
    #[inline]
    pub fn is(&self, there: &Self) -> bool {
        let left = Self {
            ifindex: if self.ifindex == 0 {
                there.ifindex
            } else {
                self.ifindex
            },
            ..self.settled()
        };
        left == *there
    }

    /// `struct rtmsg`, and what all requests have.
    #[inline]
    pub(super) fn request(&self, name: &'static str, kind: u16, flags: u16) -> Request {
        let settled = self.settled();
        let scope = match (settled.route_type, settled.gateway) {
            (RTN_LOCAL, _) => RT_SCOPE_HOST,
            (_, None) => RT_SCOPE_LINK,
            _ => RT_SCOPE_UNIVERSE,
        };
        let (table, route_type) = (settled.table as u8, settled.route_type);
        let mut head = [0; RTMSG];
        head[..2].copy_from_slice(&[family(self.to), self.prefix_len]);
        head[4..8].copy_from_slice(&[table, RTPROT_STATIC, scope, route_type]);
        let mut request = Request::new(name, kind, flags, &head);
        put_address(&mut request, RTA_DST, settled.to);
        request.put_u32(RTA_TABLE, settled.table);
        request.put_u32(RTA_PRIORITY, settled.priority);
        if self.ifindex != 0 {
            request.put_u32(RTA_OIF, self.ifindex);
        }
        match self.gateway {
            Some(gateway) if gateway.is_ipv4() == self.to.is_ipv4() => {
                put_address(&mut request, RTA_GATEWAY, gateway);
            }
            Some(IpAddr::V6(gateway)) => {
                let mut via = Vec::from(u16::from(AF_INET6).to_ne_bytes());
                via.extend(gateway.octets());
                request.put(RTA_VIA, &via);
            }
            // The kernel refuses a gateway of IPv4 for IPv6.
            Some(gateway) => put_address(&mut request, RTA_GATEWAY, gateway),
            None => {}
        }
        request
    }

    /// Asks for all routes in its table, of its family and to its interface, as a listing.
    #[inline]
    pub fn list(&self) -> Request {
        let mut request = list(family(self.to));
        request.put_u32(RTA_TABLE, self.settled().table);
        if self.ifindex != 0 {
            request.put_u32(RTA_OIF, self.ifindex);
        }
        request
    }
}

/// The beginning of an address, and zeros.
#[inline]
fn prefix(address: IpAddr, len: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(u32::from(len)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & !rest))
        }
        IpAddr::V6(address) => {
            let rest = u128::MAX.checked_shr(u32::from(len)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !rest))
        }
    }
}

#[inline]
fn put_address(request: &mut Request, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(address) => request.put(kind, &address.octets()),
        IpAddr::V6(address) => request.put(kind, &address.octets()),
    };
}

#[inline]
fn list(family: u8) -> Request {
    let mut head = [0; RTMSG];
    head[0] = family;
    Request::new("RTM_GETROUTE", RTM_GETROUTE, 0, &head)
}

/// Asks for all routes of both families, as a listing each.
#[inline]
pub fn lists() -> [Request; 2] {
    [list(AF_INET), list(AF_INET6)]
}
