//! Netlink: interfaces, their XDP programs, routes that run programs, queueing disciplines,
//! classifiers and actions.

mod action;
mod batch;
mod conversation;
mod features;
mod interfaces;
mod namespace;
mod route;
mod tc;
mod xdp;

pub use batch::Batch;
pub use namespace::Namespace;
pub use route::Tunnel;
pub use tc::Classifier;

use crate::Result;
use crate::error::Context;
use crate::system::System;
use alloc::vec::Vec;
use conversation::Conversation;
use core::ops::{ControlFlow, Deref};
use skep_codec::netlink::{Message, Request};
use skep_codec::uapi::netlink::{NETLINK_GENERIC, NETLINK_ROUTE};
use skep_sys::net::netns as sys_netns;

/// What the kernel says of a request that it refuses.
pub use skep_codec::netlink::Ack;
pub use skep_codec::netlink::action::Action;
pub use skep_codec::netlink::genl::{DeviceFeatures, RxMetadata, XdpFeatures, XskFeatures};
pub use skep_codec::netlink::link::{Interface, XdpMode, XdpProgs};
pub use skep_codec::netlink::route::{Route, RouteHook, RoutePlace, RouteProgram};
pub use skep_codec::netlink::tc::{Existing, Filter, FilterPlace, Handle, Qdisc};

/// A socket to the kernel's interfaces, kept open: an operation is two system calls, and so is a
/// whole [`Batch`] of them.
///
/// It belongs to one network namespace, and so does every index of an interface. It may go from
/// thread to thread; each operation wants it for itself (`&mut`), because requests and answers take
/// turns. Who works in many threads opens one in each.
///
/// ```no_run
/// # fn main() -> skep::Result<()> {
/// let mut netlink = skep::netlink::Netlink::open(&skep::System::host()?)?;
/// for interface in netlink.interfaces()? {
///     for (mode, program) in interface.xdp.attached() {
///         println!("{}: program {program}, {mode}", interface.name);
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Netlink {
    system: System,
    route: Conversation,
    /// For what devices can do: opened when it is first asked, with the number of its family.
    generic: Option<(Conversation, u16)>,
    /// Where it was opened, if that is not where its caller's thread was.
    netns: Option<Namespace>,
}

impl Netlink {
    /// A socket in the network namespace that this thread is in.
    ///
    /// # Errors
    /// `EPROTONOSUPPORT`: a kernel without networks.
    ///
    /// # Kernel
    /// `NETLINK_ROUTE`, with `NETLINK_EXT_ACK` (since Linux 4.12), `NETLINK_CAP_ACK` (4.2) and
    /// `NETLINK_GET_STRICT_CHK` (4.20) where it has them. Asking needs no capability, changing needs
    /// `CAP_NET_ADMIN`.
    #[inline]
    pub fn open(system: &System) -> Result<Self> {
        let route = Conversation::open(system, NETLINK_ROUTE).context("open a netlink socket")?;
        Ok(Self {
            system: system.clone(),
            route,
            generic: None,
            netns: None,
        })
    }

    /// A socket in another network namespace, where this thread is for as long as that takes.
    ///
    /// # Errors
    /// Those of [`Namespace::enter`] and [`Netlink::open`].
    #[inline]
    pub fn open_in(system: &System, netns: &Namespace) -> Result<Self> {
        let kept = netns.try_clone()?;
        let mut opened = netns.enter(|| Self::open(system))??;
        opened.netns = Some(kept);
        Ok(opened)
    }

    /// What tells this socket's network namespace from others, as long as the machine runs.
    ///
    /// # Errors
    /// `ENOPROTOOPT` before Linux 5.14.
    ///
    /// # Kernel
    /// `SO_NETNS_COOKIE`, since Linux 5.14.
    #[inline]
    pub fn netns_cookie(&self) -> Result<u64> {
        let cookie = sys_netns::cookie(self.route.socket());
        cookie.context("ask for a socket's network namespace")
    }

    /// Its socket, to requests on routes and interfaces.
    #[inline]
    pub(crate) fn socket(&self) -> &skep_sys::Fd {
        self.route.socket()
    }

    /// The system that it was opened on.
    #[inline]
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Sends any request that changes something, and waits until it is done.
    ///
    /// # Errors
    /// The kernel's errno, and its own explanation: [`Error::ack`](crate::Error::ack). An error that
    /// says that answers were lost leaves it open whether it was done.
    #[inline]
    pub fn change(&mut self, request: &Request) -> Result<()> {
        self.route.change(request)
    }

    /// Sends any request for a listing, and hands on each message of the answer, until that breaks
    /// off. Whether what was listed has changed meanwhile, so that some of it may be missing or
    /// there twice.
    ///
    /// # Errors
    /// The kernel's, as in [`Netlink::change`]; the first of `each`.
    #[inline]
    pub fn each(
        &mut self,
        request: &Request,
        each: &mut dyn FnMut(&Message<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<bool> {
        self.route.each(request, each)
    }

    /// Sends all requests of a batch at once: the kernel does one after the other, whatever becomes
    /// of those before. What became of each, in order.
    ///
    /// # Errors
    /// If that is not known, since answers were lost.
    ///
    /// # Kernel
    /// Two system calls, and one more for each request that is refused. More than 64 requests are
    /// sent in several goes.
    #[inline]
    pub fn run(&mut self, batch: &Batch<'_>) -> Result<Vec<Result<()>>> {
        self.route.run(batch.requests())
    }

    /// The conversation with the family `netdev`, and its number.
    #[inline]
    fn generic(&mut self) -> Result<&mut (Conversation, u16)> {
        let found = match self.generic.take() {
            Some(found) => found,
            None => {
                let open = || Conversation::open(&self.system, NETLINK_GENERIC);
                let opened = match &self.netns {
                    Some(netns) => netns.enter(open)?,
                    None => open(),
                };
                let mut opened = opened.context("open a socket of generic netlink")?;
                let family = features::family(&mut opened)?;
                (opened, family)
            }
        };
        Ok(self.generic.insert(found))
    }
}

/// What the kernel listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    all: Vec<T>,
    interrupted: bool,
}

impl<T> Listing<T> {
    /// Whether it changed each time that it was listed, thirty times: some of it may be missing, or
    /// there twice.
    #[doc(alias = "NLM_F_DUMP_INTR")]
    #[inline]
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }
}

impl<T> Deref for Listing<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.all
    }
}

impl<T> IntoIterator for Listing<T> {
    type Item = T;
    type IntoIter = alloc::vec::IntoIter<T>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}
