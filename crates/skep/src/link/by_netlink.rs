//! Programs that are attached by netlink, and taken away again.

use crate::netlink::{Classifier, Existing, Filter, Netlink, XdpMode};
use crate::prog::Program;
use crate::{Errno, Error, Result};
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
        let (mode, _) = found.ok_or_else(|| gone(Errno::ENOENT, program))?;
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
        }
    }

    /// Makes sure that a classifier is there, with this program: others may have changed it.
    #[inline]
    fn is_there(&mut self, told: &Filter, program: &Program) -> Result<()> {
        let errno = match self.netlink.filter(&told.place)? {
            Some(there) if there.prog_id == program.id()? => return Ok(()),
            Some(_) => Errno::EEXIST,
            None => Errno::ENOENT,
        };
        Err(gone(errno, program))
    }
}

#[cold]
fn gone(errno: Errno, program: &Program) -> Error {
    let error = Error::from(CallError::new("RTM_GETTFILTER", errno));
    error.context(format_args!("`{}` is not there any more", program.name()))
}
