//! Queueing disciplines, and the classifiers that run programs.

use super::action::{no_actions, set_action};
use super::{Existing, Filter, FilterPlace, Handle, Listing, Netlink, Qdisc};
use crate::error::Context;
use crate::prog::Program;
use crate::{Errno, Error, ProgType, Result};
use alloc::string::ToString;
use alloc::vec::Vec;
use skep_codec::netlink::Request;
use skep_codec::netlink::tc::{Sees, SetFilter};

/// A classifier that runs a program: where, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classifier {
    /// Where; the kernel chooses what is 0.
    pub place: FilterPlace,
    /// What the program answers is what becomes of the packet (`TC_ACT_`), which is usual; else it
    /// names the class, and no program can drop.
    pub direct_action: bool,
    /// The class of packets that the program gives none.
    pub classid: Option<Handle>,
    /// Never in hardware.
    pub skip_hw: bool,
    /// Never in software.
    pub skip_sw: bool,
    /// Whether one may be there already.
    pub existing: Existing,
    /// Of a program that is an action: the number of the action. One that is there is taken as it is,
    /// whatever its program; 0 has the kernel choose a new one.
    pub action: u32,
}

impl Default for Classifier {
    #[inline]
    fn default() -> Self {
        Self {
            place: FilterPlace::default(),
            direct_action: true,
            classid: None,
            skip_hw: false,
            skip_sw: false,
            existing: Existing::Refuse,
            action: 0,
        }
    }
}

impl Classifier {
    #[inline]
    pub(super) fn request(&self, program: &Program) -> Request {
        let set = SetFilter {
            place: self.place,
            sees: match program.prog_type() {
                ProgType::SCHED_ACT => Sees::Action(set_action(program, self.action)),
                _ => Sees::Program(program.fd().raw(), program.name()),
            },
            direct_action: self.direct_action,
            classid: self.classid,
            skip_hw: self.skip_hw,
            skip_sw: self.skip_sw,
            existing: self.existing,
        };
        set.request()
    }
}

/// `clsact` of an interface: where packets come in and go out, and nothing is queued.
#[inline]
fn clsact(ifindex: u32) -> Qdisc {
    Qdisc {
        ifindex,
        handle: Handle::new(0xffff, 0),
        parent: Handle::CLSACT,
        kind: "clsact".to_string(),
    }
}

impl Netlink {
    /// All queueing disciplines of all interfaces.
    ///
    /// # Kernel
    /// `RTM_GETQDISC`, a listing.
    #[inline]
    pub fn qdiscs(&mut self) -> Result<Listing<Qdisc>> {
        let listed = self.route.list(&Qdisc::list(), Qdisc::read);
        listed.context("list queueing disciplines")
    }

    /// Makes a queueing discipline that needs no settings, of any kind that the kernel has.
    ///
    /// # Errors
    /// `EEXIST`: there is one in this place; `ENOENT`: the kernel has no such kind.
    ///
    /// # Kernel
    /// `RTM_NEWQDISC`.
    #[inline]
    pub fn create_qdisc(&mut self, qdisc: &Qdisc) -> Result<()> {
        let made = self.change(&qdisc.create());
        made.context(format_args!(
            "make {} of interface {}",
            qdisc.kind, qdisc.ifindex
        ))
    }

    /// Removes a queueing discipline, and all that classifies packets in it.
    ///
    /// # Errors
    /// `ENOENT`, `EINVAL`: there is none of this kind in this place.
    ///
    /// # Kernel
    /// `RTM_DELQDISC`.
    #[inline]
    pub fn delete_qdisc(&mut self, qdisc: &Qdisc) -> Result<()> {
        let removed = self.change(&qdisc.delete());
        removed.context(format_args!(
            "remove {} of interface {}",
            qdisc.kind, qdisc.ifindex
        ))
    }

    /// Makes `clsact` on an interface, which classifiers of what comes in and goes out need; `false`
    /// if it is there already.
    ///
    /// # Errors
    /// `EEXIST`: `ingress` has its place. `ENOENT`: the kernel has none (`CONFIG_NET_SCH_INGRESS`).
    ///
    /// # Kernel
    /// `RTM_NEWQDISC`, since Linux 4.5.
    #[doc(alias = "bpf_tc_hook_create")]
    #[inline]
    pub fn create_clsact(&mut self, ifindex: u32) -> Result<bool> {
        let clsact = clsact(ifindex);
        match self.create_qdisc(&clsact) {
            Ok(()) => Ok(true),
            Err(error) if error.errno() == Some(Errno::EEXIST) => {
                match self.in_place_of_clsact(ifindex)? {
                    Some(there) if there.kind == clsact.kind => Ok(false),
                    Some(there) => Err(in_its_place(error, &there)),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Whether an interface has `clsact`.
    ///
    /// # Kernel
    /// `RTM_GETQDISC`, a listing.
    #[inline]
    pub fn has_clsact(&mut self, ifindex: u32) -> Result<bool> {
        let there = self.in_place_of_clsact(ifindex)?;
        Ok(there.is_some_and(|there| there.kind == "clsact"))
    }

    /// Removes `clsact` from an interface, and all classifiers in it, whoever made them.
    ///
    /// # Errors
    /// `ENOENT`, `EINVAL`: there is none.
    ///
    /// # Kernel
    /// `RTM_DELQDISC`.
    #[doc(alias = "bpf_tc_hook_destroy")]
    #[inline]
    pub fn delete_clsact(&mut self, ifindex: u32) -> Result<()> {
        self.delete_qdisc(&clsact(ifindex))
    }

    #[inline]
    fn in_place_of_clsact(&mut self, ifindex: u32) -> Result<Option<Qdisc>> {
        let is_there = |q: &Qdisc| q.ifindex == ifindex && q.parent == Handle::CLSACT;
        Ok(self.qdiscs()?.into_iter().find(is_there))
    }

    /// Has a classifier run a program, or take every packet and run a program of type `sched_act` as
    /// an action, for as long as nobody takes it away: [`link::Tc`](crate::link::Tc) is what takes it
    /// away again. What is told has the priority and the handle that the kernel chose.
    ///
    /// # Errors
    /// `EEXIST`: there is one in this place, and the classifier refuses that; `ENOENT`: there is none
    /// to replace; `EINVAL`: the interface has no such parent (`clsact` is to be made first), or the
    /// program is of another type.
    ///
    /// # Kernel
    /// `RTM_NEWTFILTER`, with programs since Linux 4.1.
    #[doc(alias = "bpf_tc_attach")]
    #[inline]
    pub fn set_filter(&mut self, program: &Program, classifier: &Classifier) -> Result<Filter> {
        let (request, place) = (classifier.request(program), classifier.place);
        let mut told = self.route.change_told(&request, Filter::read);
        if program.prog_type() == ProgType::SCHED_ACT {
            told = told.map_err(|error| no_actions(error, program));
        }
        told.context(format_args!(
            "have `{}` classify at {} of interface {}",
            program.name(),
            place.parent,
            place.ifindex
        ))
    }

    /// The classifier in a place; `None` if there is none, or one that runs no program.
    ///
    /// # Errors
    /// `ENODEV`: there is no such interface.
    ///
    /// # Kernel
    /// `RTM_GETTFILTER`.
    #[doc(alias = "bpf_tc_query")]
    #[inline]
    pub fn filter(&mut self, place: &FilterPlace) -> Result<Option<Filter>> {
        match self.route.get(&place.get(), Filter::read) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(None),
            // There is no such chain any more, or something else is wrong: the list knows.
            Err(error) if error.errno() == Some(Errno::EINVAL) => {
                let listed = self.filters(place.ifindex, place.parent)?;
                Ok(listed.into_iter().find(|filter| filter.place == *place))
            }
            Err(error) => Err(error.context(at("ask about the classifier", place))),
        }
    }

    /// Takes the classifier in a place away.
    ///
    /// # Errors
    /// `ENOENT`: there is none; `EINVAL`: the interface has no such parent.
    ///
    /// # Kernel
    /// `RTM_DELTFILTER`.
    #[doc(alias = "bpf_tc_detach")]
    #[inline]
    pub fn delete_filter(&mut self, place: &FilterPlace) -> Result<()> {
        let removed = self.change(&place.delete());
        removed.map_err(|error| error.context(at("remove the classifier", place)))
    }

    /// All classifiers that run programs above one place of an interface, in the order in which they
    /// see packets.
    ///
    /// # Kernel
    /// `RTM_GETTFILTER`, a listing.
    #[inline]
    pub fn filters(&mut self, ifindex: u32, parent: Handle) -> Result<Listing<Filter>> {
        let listed = self
            .route
            .list(&FilterPlace::list(ifindex, parent), Filter::read);
        listed.context(format_args!(
            "list classifiers at {parent} of interface {ifindex}"
        ))
    }

    /// All classifiers that run programs in the network namespace, by interface.
    ///
    /// # Kernel
    /// `RTM_GETQDISC` and `RTM_GETTFILTER`, a listing for each place. What is removed meanwhile is
    /// left out.
    #[inline]
    pub fn all_filters(&mut self) -> Result<Vec<Filter>> {
        let mut all = Vec::new();
        for qdisc in self.qdiscs()? {
            let parents = match qdisc.kind.as_str() {
                "clsact" => &[Handle::INGRESS, Handle::EGRESS][..],
                _ => &[qdisc.handle],
            };
            for parent in parents {
                match self.filters(qdisc.ifindex, *parent) {
                    Ok(found) => all.extend(found),
                    Err(error) if has_no_filters(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(all)
    }
}

#[cold]
fn in_its_place(error: Error, there: &Qdisc) -> Error {
    error.context(format_args!("`{}` is where clsact would be", there.kind))
}

/// Whether it is gone, or one that classifies nothing.
#[inline]
fn has_no_filters(error: &Error) -> bool {
    let errno = error.errno();
    matches!(
        errno,
        Some(Errno::ENODEV | Errno::ENOENT | Errno::EINVAL | Errno::EOPNOTSUPP)
    )
}

#[cold]
fn at(doing: &str, place: &FilterPlace) -> alloc::string::String {
    format!(
        "{doing} {:#x} of priority {} at {} of interface {}",
        place.handle, place.priority, place.parent, place.ifindex
    )
}
