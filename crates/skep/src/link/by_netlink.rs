//! Programs that are attached by netlink, and taken away again.

use crate::netlink::{Classifier, Existing, Filter, Netlink, Tunnel, XdpMode};
use crate::prog::Program;
use crate::{Errno, Error, ProgType, Result};
use alloc::vec::Vec;
use skep_sys::{CallError, Fd};

/// What is attached by netlink, and the socket that it was attached on: of its network namespace.
pub(super) struct ByNetlink {
    netlink: Netlink,
    placed: Placed,
}

/// What is attached, and where.
#[derive(Clone)]
pub(super) enum Placed {
    Xdp {
        ifindex: u32,
        /// The mode that was asked for: what takes it off again must ask for the same.
        asked: Option<XdpMode>,
        /// The mode that it is in.
        mode: XdpMode,
    },
    Filter {
        classifier: Classifier,
        /// As the kernel told it.
        told: Filter,
        made_clsact: bool,
    },
    Route {
        tunnel: Tunnel,
        /// What it runs beside the link's program.
        others: Vec<Program>,
    },
}

impl ByNetlink {
    #[inline]
    pub(super) fn new(netlink: Netlink, placed: Placed) -> Self {
        Self { netlink, placed }
    }

    #[inline]
    pub(super) fn socket(&self) -> &Fd {
        self.netlink.socket()
    }

    #[inline]
    pub(super) fn placed(&self) -> &Placed {
        &self.placed
    }

    /// What is known of the place now.
    #[inline]
    pub(super) fn place(&mut self, placed: Placed) {
        self.placed = placed;
    }

    /// The mode in which an interface has this program.
    #[inline]
    pub(super) fn mode_of(&mut self, program: &Program, ifindex: u32) -> Result<XdpMode> {
        let id = program.id()?;
        let there = self.netlink.xdp(ifindex)?;
        let found = there.attached().find(|&(_, there)| there == id);
        let (mode, _) = found.ok_or_else(|| gone("RTM_GETLINK", Errno::ENOENT, program))?;
        Ok(mode)
    }

    /// Takes the program away, if it is still there.
    #[inline]
    pub(super) fn detach(&mut self, program: &Program) -> Result<()> {
        match self.placed.clone() {
            Placed::Xdp { ifindex, asked, .. } => {
                self.netlink.detach_xdp(ifindex, Some(program), asked)
            }
            Placed::Filter { told, .. } => {
                self.is_there(&told, program)?;
                self.netlink.delete_filter(&told.place)
            }
            Placed::Route { tunnel, others } => {
                let all = with(program, &others);
                self.has_route(&tunnel, program, &all)?;
                self.netlink.delete_route(&tunnel, &all)
            }
        }
    }

    /// Puts another program in the place of `old`.
    #[inline]
    pub(super) fn update(&mut self, old: &Program, new: &Program) -> Result<()> {
        match self.placed.clone() {
            Placed::Xdp { ifindex, asked, .. } => {
                self.netlink.replace_xdp(ifindex, old, new, asked)
            }
            Placed::Filter {
                mut classifier,
                told,
                made_clsact,
            } => {
                self.is_there(&told, old)?;
                if classifier.action != 0 && new.prog_type() == ProgType::SCHED_ACT {
                    // The classifier takes an action of a number as it is.
                    return self.netlink.replace_action(new, classifier.action);
                }
                classifier.place = told.place;
                classifier.existing = Existing::Replace;
                let told = self.netlink.set_filter(new, &classifier)?;
                self.placed = Placed::Filter {
                    classifier,
                    told,
                    made_clsact,
                };
                Ok(())
            }
            Placed::Route {
                mut tunnel, others, ..
            } => {
                self.has_route(&tunnel, old, &with(old, &others))?;
                tunnel.existing = Existing::Replace;
                self.netlink.set_route(&tunnel, &with(new, &others))
            }
        }
    }

    /// Makes sure that a route is there, with these programs: others may have changed it.
    #[inline]
    fn has_route(&mut self, tunnel: &Tunnel, program: &Program, all: &[&Program]) -> Result<()> {
        let errno = match self.netlink.runs(tunnel, all)? {
            Some(true) => return Ok(()),
            Some(false) => Errno::EEXIST,
            None => Errno::ESRCH,
        };
        Err(gone("RTM_GETROUTE", errno, program))
    }

    /// Makes sure that a classifier is there, with this program: others may have changed it.
    #[inline]
    fn is_there(&mut self, told: &Filter, program: &Program) -> Result<()> {
        let errno = match self.netlink.filter(&told.place)? {
            Some(there) if runs(&there, program)? => return Ok(()),
            Some(_) => Errno::EEXIST,
            None => Errno::ENOENT,
        };
        Err(gone("RTM_GETTFILTER", errno, program))
    }
}

/// Whether a classifier runs this program, itself or as an action.
#[inline]
pub(super) fn runs(there: &Filter, program: &Program) -> Result<bool> {
    let id = program.id()?;
    let mut actions = there.actions.iter();
    Ok(there.prog_id == id || actions.any(|action| action.prog_id == id))
}

/// A link's program, and what goes with it.
#[inline]
fn with<'a>(program: &'a Program, others: &'a [Program]) -> Vec<&'a Program> {
    let mut all = Vec::from([program]);
    all.extend(others);
    all
}

#[cold]
fn gone(request: &'static str, errno: Errno, program: &Program) -> Error {
    let error = Error::from(CallError::new(request, errno));
    error.context(format_args!("`{}` is not there any more", program.name()))
}
