//! Interfaces that programs are attached to: by name or by index.

use crate::Result;
use crate::error::Context;
use crate::netlink::Netlink;
use crate::system::{System, c_string};
use alloc::string::{String, ToString};
use core::fmt;
use skep_sys::net;

/// Bytes of the longest name that is no alternative name.
const LONGEST: usize = 15;

/// An interface of the network namespace that a thread is in when it attaches.
#[derive(Clone, Debug)]
pub(super) enum Interface {
    Name(String),
    Index(u32),
}

impl Interface {
    #[inline]
    pub(super) fn named(name: &str) -> Self {
        Self::Name(name.to_string())
    }

    /// Its index.
    ///
    /// # Errors
    /// `ENODEV`: there is none of this name.
    #[inline]
    pub(super) fn ifindex(&self, system: &System) -> Result<u32> {
        match self {
            Self::Index(index) => Ok(*index),
            Self::Name(name) if name.len() > LONGEST => {
                self.ifindex_by(&mut Netlink::open(system)?)
            }
            Self::Name(name) => net::if_nametoindex(system.kernel(), &c_string(name)?)
                .context(format_args!("find interface `{name}`")),
        }
    }

    /// Its index, asked on this socket.
    #[inline]
    pub(super) fn ifindex_by(&self, netlink: &mut Netlink) -> Result<u32> {
        match self {
            Self::Index(index) => Ok(*index),
            Self::Name(name) => Ok(netlink.interface_named(name)?.ifindex),
        }
    }
}

impl fmt::Display for Interface {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "interface {index}"),
        }
    }
}
