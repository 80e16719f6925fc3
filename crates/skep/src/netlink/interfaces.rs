//! Interfaces: all, by index, by name.

use super::{Listing, Netlink};
use crate::error::Context;
use crate::system::c_string;
use crate::{Errno, Error, ErrorKind, Result};
use core::fmt::Display;
use skep_codec::netlink::Request;
use skep_codec::netlink::link::{self, Interface};

impl Netlink {
    /// All interfaces of the network namespace, by index.
    ///
    /// # Kernel
    /// `RTM_GETLINK`, a listing.
    #[inline]
    pub fn interfaces(&mut self) -> Result<Listing<Interface>> {
        let listed = self.route.list(&link::list(), Interface::read);
        listed.context("list interfaces")
    }

    /// The interface with this index.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]: there is none (`ENODEV`).
    ///
    /// # Kernel
    /// `RTM_GETLINK`.
    #[inline]
    pub fn interface(&mut self, ifindex: u32) -> Result<Interface> {
        if ifindex == 0 {
            // To the kernel, that is a listing of all.
            return Err(Error::new(
                ErrorKind::NotFound,
                "no interface has the index 0",
            ));
        }
        let found = self.find(&link::by_index(ifindex));
        found.map_err(|error| missing(error, &ifindex))
    }

    /// The interface with this name, which may be an alternative one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]: there is none (`ENODEV`).
    ///
    /// # Kernel
    /// `RTM_GETLINK`; alternative names since Linux 5.5.
    #[inline]
    pub fn interface_named(&mut self, name: &str) -> Result<Interface> {
        c_string(name)?;
        let found = self.find(&link::by_name(name));
        found.map_err(|error| missing(error, &format_args!("`{name}`")))
    }

    #[inline]
    fn find(&mut self, request: &Request) -> Result<Interface> {
        self.route.get(request, Interface::read)
    }
}

#[cold]
fn missing(error: Error, which: &dyn Display) -> Error {
    match error.errno() {
        // A name too long to be one is out of range, or invalid.
        Some(Errno::ENODEV | Errno::ERANGE) => {
            let what = format!("no interface {which} in this network namespace");
            error.explained(ErrorKind::NotFound, what)
        }
        _ => error.context(format_args!("look up interface {which}")),
    }
}
