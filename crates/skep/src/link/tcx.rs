//! What an interface receives and sends, seen by programs in an order: tcx, and netkit devices.

use super::interface::Interface;
use super::mode::has_no;
use super::{Held, Hook, Link, Order, Tc};
use crate::netlink::Handle;
use crate::probe::Feature;
use crate::prog::Program;
use crate::{AttachType, Errno, Error, Result};
use skep_sys::bpf::{self, LinkParams, Target};

/// A place on an interface that holds several programs.
#[derive(Clone, Debug)]
struct Place<'a> {
    interface: Interface,
    attach_type: AttachType,
    order: Order<'a>,
}

/// Packets that an interface receives or sends. Several programs run one after the other, each until
/// one answers something else than `TCX_NEXT`; before classifiers of traffic control.
///
/// ```no_run
/// # fn example(object: &skep::Object) -> Result<(), skep::Error> {
/// use skep::link::{Order, Tcx};
/// let link = object.program("count")?.attach_to(Tcx::ingress("eth0").order(Order::first()))?;
/// # drop(link);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "bpf_tcx_opts")]
pub struct Tcx<'a> {
    place: Place<'a>,
    or_classifier: bool,
}

impl<'a> Tcx<'a> {
    /// Packets that the interface of this name in this thread's network namespace receives.
    ///
    /// # Errors
    /// When attached: `ENODEV` for an unknown interface; `EINVAL` before Linux 6.6; what its
    /// [`Order`] tells.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_TCX_INGRESS` or `BPF_TCX_EGRESS`, since Linux 6.6, with
    /// `CONFIG_NET_XGRESS`. Needs `CAP_NET_ADMIN`.
    #[doc(alias = "bpf_program__attach_tcx")]
    #[inline]
    pub fn ingress(interface: &str) -> Self {
        Self::at(interface, AttachType::TCX_INGRESS)
    }

    /// Packets that the interface of this name sends; see [`Tcx::ingress`].
    #[inline]
    pub fn egress(interface: &str) -> Self {
        Self::at(interface, AttachType::TCX_EGRESS)
    }

    #[inline]
    fn at(interface: &str, attach_type: AttachType) -> Self {
        Self {
            place: Place::named(interface, attach_type),
            or_classifier: false,
        }
    }

    /// The interface of this index instead.
    #[must_use]
    #[inline]
    pub fn on_index(mut self, ifindex: u32) -> Self {
        self.place.interface = Interface::Index(ifindex);
        self
    }

    /// Where among the programs of that interface and direction; after all others unless said.
    #[must_use]
    #[inline]
    pub fn order(mut self, order: Order<'a>) -> Self {
        self.place.order = order;
        self
    }

    /// Before Linux 6.6 a classifier instead, before all others there ([`Tc`]), unless an order is
    /// wanted, which classifiers do not have: [`Link::is_bpf_link`] tells which it is.
    #[must_use]
    #[inline]
    pub fn or_classifier(mut self) -> Self {
        self.or_classifier = true;
        self
    }

    #[inline]
    fn may_classify(&self) -> bool {
        self.or_classifier && self.place.order.flags() == 0
    }

    /// The same place, for a classifier.
    #[inline]
    fn classifier(&self) -> Tc {
        let parent = match self.place.attach_type {
            AttachType::TCX_INGRESS => Handle::INGRESS,
            _ => Handle::EGRESS,
        };
        Tc::at(self.place.interface.clone(), parent)
    }
}

/// Packets that one end of a netkit pair sends, before they reach the other one.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_netkit_opts")]
pub struct Netkit<'a>(Place<'a>);

impl<'a> Netkit<'a> {
    /// What the pair's primary end of this name sends.
    ///
    /// # Errors
    /// When attached: `ENODEV` for an unknown interface; `ENXIO`: it is no netkit device; `EACCES`:
    /// it is the peer, whose programs are attached at the primary end as well; `EINVAL` before
    /// Linux 6.7; what its [`Order`] tells.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_NETKIT_PRIMARY` or `BPF_NETKIT_PEER`, since Linux 6.7, with
    /// `CONFIG_NETKIT`. Needs `CAP_NET_ADMIN`.
    #[doc(alias = "bpf_program__attach_netkit")]
    #[inline]
    pub fn primary(interface: &str) -> Self {
        Self(Place::named(interface, AttachType::NETKIT_PRIMARY))
    }

    /// What the other end sends of the pair whose primary end has this name; see
    /// [`Netkit::primary`].
    #[inline]
    pub fn peer(primary: &str) -> Self {
        Self(Place::named(primary, AttachType::NETKIT_PEER))
    }

    /// The primary end of this index instead.
    #[must_use]
    #[inline]
    pub fn on_index(mut self, ifindex: u32) -> Self {
        self.0.interface = Interface::Index(ifindex);
        self
    }

    /// Where among the programs of that end; after all others unless said.
    #[must_use]
    #[inline]
    pub fn order(mut self, order: Order<'a>) -> Self {
        self.0.order = order;
        self
    }
}

impl Place<'_> {
    #[inline]
    fn named(interface: &str, attach_type: AttachType) -> Self {
        Self {
            interface: Interface::named(interface),
            attach_type,
            order: Order::default(),
        }
    }

    #[inline]
    fn attach(&self, program: &Program, kind: &str) -> Result<Link> {
        let hook = format!("{kind} of {}", self.interface);
        let link = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::Ifindex(self.interface.ifindex(program.system())?),
            attach_type: self.attach_type,
            flags: self.order.flags(),
            extra: self.order.extra(),
        });
        let fd = link.map_err(|error| {
            let why = self
                .order
                .refused(error.errno)
                .or(self.refused(error.errno));
            let error = Error::from(error);
            match why {
                Some(why) => error.context(format_args!("{hook} ({why})")),
                None => error.context(hook.as_str()),
            }
        })?;
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }

    #[inline]
    fn refused(&self, errno: Errno) -> Option<&'static str> {
        let netkit = [AttachType::NETKIT_PRIMARY, AttachType::NETKIT_PEER];
        match (errno, netkit.contains(&self.attach_type)) {
            (Errno::ENXIO, true) => Some("it is no netkit device"),
            (Errno::EACCES, true) => Some("it is the peer: give the primary end for both"),
            _ => None,
        }
    }
}

impl Hook for Tcx<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let kind = match self.place.attach_type {
            AttachType::TCX_INGRESS => "tcx ingress",
            _ => "tcx egress",
        };
        match self.place.attach(program, kind) {
            Err(error) if self.may_classify() && has_no(Feature::LinkTcx, program, &error) => {
                self.classifier().attach(program)
            }
            attached => attached,
        }
    }
}

impl Hook for Netkit<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let kind = match self.0.attach_type {
            AttachType::NETKIT_PRIMARY => "netkit primary",
            _ => "netkit peer",
        };
        self.0.attach(program, kind)
    }
}
