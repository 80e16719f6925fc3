//! Traffic control, the older way: classifiers of a queueing discipline that run programs, themselves or
//! as actions.

use super::by_netlink::{ByNetlink, Placed, runs};
use super::interface::Interface;
use super::{Held, Hook, Link};
use crate::netlink::{Classifier, Filter, FilterPlace, Handle, Netlink};
use crate::prog::Program;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::boxed::Box;

/// A classifier on an interface (`cls_bpf`), held by netlink. A program of type `sched_act` is run by it
/// as an action (`act_bpf`), on every packet; what that leaves (`TC_ACT_UNSPEC`) goes to the next one. It
/// stays when this process ends without
/// dropping the link, and [`Link::pin`] is not for it.
#[derive(Clone, Debug)]
pub struct Tc {
    interface: Interface,
    classifier: Classifier,
}

impl Tc {
    /// Packets that come in by the interface of this name. Where `clsact` is missing, it is made, and
    /// stays: [`Link::made_clsact`].
    ///
    /// # Errors
    /// When attached: `ENODEV` for an unknown interface; `EEXIST`: there is one of this priority and
    /// handle; `EINVAL`: the interface has no such parent.
    ///
    /// # Kernel
    /// `RTM_NEWTFILTER`, since Linux 4.1; `RTM_NEWQDISC` of `clsact`, since Linux 4.5. Needs
    /// `CONFIG_NET_CLS_BPF` and `CONFIG_NET_SCH_INGRESS`.
    #[inline]
    pub fn ingress(interface: &str) -> Self {
        Self::at(Interface::named(interface), Handle::INGRESS)
    }

    /// Packets that go out by the interface of this name; see [`Tc::ingress`].
    #[inline]
    pub fn egress(interface: &str) -> Self {
        Self::at(Interface::named(interface), Handle::EGRESS)
    }

    /// What this queueing discipline or class of the interface classifies.
    #[inline]
    pub fn below(interface: &str, parent: Handle) -> Self {
        Self::at(Interface::named(interface), parent)
    }

    #[inline]
    pub(super) fn at(interface: Interface, parent: Handle) -> Self {
        let place = FilterPlace {
            parent,
            ..FilterPlace::default()
        };
        let classifier = Classifier {
            place,
            ..Classifier::default()
        };
        Self {
            interface,
            classifier,
        }
    }

    /// The interface of this index instead.
    #[must_use]
    #[inline]
    pub fn on_index(mut self, ifindex: u32) -> Self {
        self.interface = Interface::Index(ifindex);
        self
    }

    /// Lower ones see packets first; 0 has the kernel choose one before all others.
    #[must_use]
    #[inline]
    pub fn priority(mut self, priority: u16) -> Self {
        self.classifier.place.priority = priority;
        self
    }

    /// Its number among those of the same priority; 0 has the kernel choose one.
    #[must_use]
    #[inline]
    pub fn handle(mut self, handle: u32) -> Self {
        self.classifier.place.handle = handle;
        self
    }

    /// The chain that it is in, where others send packets (`TC_ACT_GOTO_CHAIN`).
    #[must_use]
    #[inline]
    pub fn chain(mut self, chain: u32) -> Self {
        self.classifier.place.chain = chain;
        self
    }

    /// The number of the action, of a program that is one. One that is there is taken, which several
    /// classifiers may have ([`Netlink::create_action`](crate::netlink::Netlink::create_action)).
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it runs another program.
    #[must_use]
    #[inline]
    pub fn action(mut self, index: u32) -> Self {
        self.classifier.action = index;
        self
    }

    /// Only packets of this type (`ETH_P_IP`).
    #[must_use]
    #[inline]
    pub fn protocol(mut self, protocol: u16) -> Self {
        self.classifier.place.protocol = protocol;
        self
    }

    /// The class of packets that the program gives none.
    #[must_use]
    #[inline]
    pub fn classid(mut self, classid: Handle) -> Self {
        self.classifier.classid = Some(classid);
        self
    }

    /// The program names the class of a packet, and does not decide what becomes of it.
    #[must_use]
    #[inline]
    pub fn classify(mut self) -> Self {
        self.classifier.direct_action = false;
        self
    }

    /// Never in hardware.
    #[must_use]
    #[inline]
    pub fn skip_hw(mut self) -> Self {
        self.classifier.skip_hw = true;
        self
    }

    /// In the place of the classifier of this priority and handle, if there is one.
    #[must_use]
    #[inline]
    pub fn or_replace(mut self) -> Self {
        self.classifier.existing = crate::netlink::Existing::Allow;
        self
    }
}

impl Hook for Tc {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let mut netlink = Netlink::open(program.system())?;
        let mut classifier = self.classifier;
        let ifindex = self.interface.ifindex_by(&mut netlink)?;
        let parent = classifier.place.parent;
        classifier.place.ifindex = ifindex;
        // Where `ingress` is instead of `clsact`, what is to see packets that go out would see those
        // that come in.
        let mut made_clsact = parent == Handle::EGRESS && netlink.create_clsact(ifindex)?;
        let mut told = netlink.set_filter(program, &classifier);
        let is_missing = |error: &Error| error.errno() == Some(Errno::EINVAL);
        if parent == Handle::INGRESS && told.as_ref().is_err_and(is_missing) {
            made_clsact = match netlink.create_clsact(ifindex) {
                // `ingress` does as well.
                Err(error) if error.errno() == Some(Errno::EEXIST) => false,
                made => made?,
            };
            // If it was there, that is not why.
            if made_clsact {
                told = netlink.set_filter(program, &classifier);
            }
        }
        let told = told?;
        if !runs(&told, program)? {
            // An action that was there: neither is it changed for others, nor are packets left to it.
            netlink.delete_filter(&told.place)?;
            let what = format!("the action {} runs another program", classifier.action);
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let hook = format!(
            "traffic control of {}, {parent}, priority {}, handle {:#x}",
            self.interface, told.place.priority, told.place.handle
        );
        let placed = Placed::Filter {
            classifier,
            told,
            made_clsact,
        };
        let held = ByNetlink::new(netlink, placed);
        Ok(Link::new(program, hook, Held::Netlink(Box::new(held))))
    }
}

impl Link {
    /// The classifier that it is, with the priority and handle that the kernel chose; `None` for other
    /// links.
    #[inline]
    pub fn filter(&self) -> Option<&Filter> {
        match self.placed()? {
            Placed::Filter { told, .. } => Some(told),
            _ => None,
        }
    }

    /// Whether `clsact` was made for it. It stays when the link is dropped: others may use it by then
    /// ([`Netlink::delete_clsact`] removes it).
    #[inline]
    pub fn made_clsact(&self) -> bool {
        matches!(
            self.placed(),
            Some(Placed::Filter {
                made_clsact: true,
                ..
            })
        )
    }

    #[inline]
    fn placed(&self) -> Option<&Placed> {
        match &self.held {
            Held::Netlink(held) => Some(held.placed()),
            _ => None,
        }
    }
}
