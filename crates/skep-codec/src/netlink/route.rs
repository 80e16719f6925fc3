//! Routes that run programs: those of lightweight tunnels, and of segments of IPv6.

use super::attr::Attr;
use super::msg::{Message, Request};
use super::place::RTMSG;
use super::tc::Existing;
use crate::Result;
use crate::uapi::netlink::{
    AF_INET, AF_INET6, LWT_BPF_IN, LWT_BPF_OUT, LWT_BPF_PROG_FD, LWT_BPF_PROG_NAME, LWT_BPF_XMIT,
    LWT_BPF_XMIT_HEADROOM, LWTUNNEL_ENCAP_BPF, LWTUNNEL_ENCAP_SEG6_LOCAL, NLM_F_CREATE, NLM_F_EXCL,
    NLM_F_REPLACE, RTA_DST, RTA_ENCAP, RTA_ENCAP_TYPE, RTA_GATEWAY, RTA_OIF, RTA_PRIORITY,
    RTA_TABLE, RTA_VIA, RTM_DELROUTE, RTM_NEWROUTE, SEG6_LOCAL_ACTION, SEG6_LOCAL_ACTION_END_BPF,
    SEG6_LOCAL_BPF, SEG6_LOCAL_BPF_PROG, SEG6_LOCAL_BPF_PROG_NAME,
};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// When a route runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteHook {
    /// On packets that have come in.
    #[doc(alias = "LWT_BPF_IN")]
    In,
    /// On packets of this machine that are to go out.
    #[doc(alias = "LWT_BPF_OUT")]
    Out,
    /// On packets that go out, just before they do: it may put headers before them.
    #[doc(alias = "LWT_BPF_XMIT")]
    Xmit,
    /// On packets whose next segment of IPv6 this is.
    #[doc(alias = "SEG6_LOCAL_ACTION_END_BPF")]
    Seg6Local,
}

impl fmt::Display for RouteHook {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Xmit => "xmit",
            Self::Seg6Local => "seg6local",
        })
    }
}

/// Kinds of attributes, and what runs by them.
const HOOKS: [(u16, RouteHook); 3] = [
    (LWT_BPF_IN, RouteHook::In),
    (LWT_BPF_OUT, RouteHook::Out),
    (LWT_BPF_XMIT, RouteHook::Xmit),
];

/// A route that is to run programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetRoute<'a> {
    /// Which route.
    pub place: RoutePlace,
    /// When, descriptor of the program, what listings call it. One for segments stands alone.
    pub programs: &'a [(RouteHook, i32, &'a str)],
    /// Bytes before packets that the program of [`RouteHook::Xmit`] may need.
    pub headroom: u32,
    /// Whether it may be there already.
    pub existing: Existing,
}

impl SetRoute<'_> {
    /// Makes or changes it.
    #[inline]
    pub fn request(&self) -> Request {
        let flags = match self.existing {
            Existing::Refuse => NLM_F_CREATE | NLM_F_EXCL,
            Existing::Replace => NLM_F_REPLACE,
            Existing::Allow => NLM_F_CREATE | NLM_F_REPLACE,
        };
        self.with_programs(self.place.request("RTM_NEWROUTE", RTM_NEWROUTE, flags))
    }

    /// Removes it, if its programs are called so (IPv6 does not look at them).
    #[inline]
    pub fn delete(&self) -> Request {
        self.with_programs(self.place.request("RTM_DELROUTE", RTM_DELROUTE, 0))
    }

    #[inline]
    fn with_programs(&self, mut request: Request) -> Request {
        let of_segments = self
            .programs
            .iter()
            .find(|(h, ..)| *h == RouteHook::Seg6Local);
        let encap = match of_segments {
            Some(_) => LWTUNNEL_ENCAP_SEG6_LOCAL,
            None => LWTUNNEL_ENCAP_BPF,
        };
        request.put(RTA_ENCAP_TYPE, &encap.to_ne_bytes());
        let nest = request.begin(RTA_ENCAP);
        match of_segments {
            Some((_, fd, name)) => {
                request.put_u32(SEG6_LOCAL_ACTION, SEG6_LOCAL_ACTION_END_BPF);
                let program = request.begin(SEG6_LOCAL_BPF);
                request.put(SEG6_LOCAL_BPF_PROG, &fd.to_ne_bytes());
                request.put_text(SEG6_LOCAL_BPF_PROG_NAME, name);
                request.end(&program);
            }
            None => {
                for (kind, hook) in HOOKS {
                    let Some((_, fd, name)) = self.programs.iter().find(|(h, ..)| *h == hook)
                    else {
                        continue;
                    };
                    let program = request.begin(kind);
                    request.put(LWT_BPF_PROG_FD, &fd.to_ne_bytes());
                    request.put_text(LWT_BPF_PROG_NAME, name);
                    request.end(&program);
                }
                if self.headroom != 0 {
                    request.put_u32(LWT_BPF_XMIT_HEADROOM, self.headroom);
                }
            }
        }
        request.end(&nest);
        request
    }
}

/// A program that a route runs, as the kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteProgram {
    /// When.
    pub hook: RouteHook,
    /// What it was called.
    pub name: String,
    /// Its id, which the kernel tells of programs for segments only.
    pub prog_id: Option<u32>,
}

/// A route that runs programs, as the kernel tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Which route.
    pub place: RoutePlace,
    /// Its programs.
    pub programs: Vec<RouteProgram>,
}

impl Route {
    /// A route out of `RTM_NEWROUTE`; `None` for other messages, and routes that run no programs.
    ///
    /// # Errors
    /// Attributes that are cut off, or too short for what they are.
    #[inline]
    pub fn read(message: &Message<'_>) -> Result<Option<Self>> {
        if message.header.kind != RTM_NEWROUTE {
            return Ok(None);
        }
        let mut reader = message.reader();
        let (family, prefix_len) = (reader.u8()?, reader.u8()?);
        reader.take(2)?;
        let table = reader.u8()?;
        reader.take(2)?;
        let mut place = RoutePlace {
            to: match family {
                AF_INET => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                AF_INET6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                _ => return Ok(None),
            },
            prefix_len,
            table: u32::from(table),
            route_type: reader.u8()?,
            ..RoutePlace::default()
        };
        let (mut encap_type, mut encap) = (0, None);
        for attr in message.attrs_after(RTMSG) {
            let attr = attr?;
            match attr.kind {
                RTA_DST => place.to = address(attr.value).unwrap_or(place.to),
                RTA_TABLE => place.table = attr.u32()?,
                RTA_PRIORITY => place.priority = attr.u32()?,
                RTA_OIF => place.ifindex = attr.u32()?,
                RTA_GATEWAY => place.gateway = address(attr.value),
                RTA_VIA => place.gateway = address(attr.value.get(2..).unwrap_or_default()),
                RTA_ENCAP_TYPE => encap_type = attr.u16()?,
                RTA_ENCAP => encap = Some(attr),
                _ => {}
            }
        }
        let Some(encap) = encap else {
            return Ok(None);
        };
        let programs = match encap_type {
            LWTUNNEL_ENCAP_BPF => of_tunnel(&encap)?,
            LWTUNNEL_ENCAP_SEG6_LOCAL => of_segment(&encap)?,
            _ => Vec::new(),
        };
        Ok((!programs.is_empty()).then_some(Self { place, programs }))
    }
}

#[inline]
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

#[inline]
fn of_tunnel(encap: &Attr<'_>) -> Result<Vec<RouteProgram>> {
    let mut programs = Vec::new();
    for attr in encap.attrs() {
        let attr = attr?;
        let Some((_, hook)) = HOOKS.into_iter().find(|(kind, _)| *kind == attr.kind) else {
            continue;
        };
        programs.push(program(hook, &attr, LWT_BPF_PROG_NAME, None)?);
    }
    Ok(programs)
}

#[inline]
fn of_segment(encap: &Attr<'_>) -> Result<Vec<RouteProgram>> {
    let mut programs = Vec::new();
    for attr in encap.attrs() {
        let attr = attr?;
        if attr.kind == SEG6_LOCAL_BPF {
            let (name, id) = (SEG6_LOCAL_BPF_PROG_NAME, SEG6_LOCAL_BPF_PROG);
            programs.push(program(RouteHook::Seg6Local, &attr, name, Some(id))?);
        }
    }
    Ok(programs)
}

/// What attributes tell of a program.
#[inline]
fn program(hook: RouteHook, told: &Attr<'_>, name: u16, id: Option<u16>) -> Result<RouteProgram> {
    let mut found = RouteProgram {
        hook,
        name: String::new(),
        prog_id: None,
    };
    for attr in told.attrs() {
        let attr = attr?;
        if attr.kind == name {
            found.name = attr.text();
        } else if Some(attr.kind) == id {
            found.prog_id = Some(attr.u32()?);
        }
    }
    Ok(found)
}

pub use super::place::{RoutePlace, lists};

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
