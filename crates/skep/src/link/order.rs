//! Order among the programs of a hook.

use super::{Held, Link};
use crate::prog::Program;
use skep_codec::Errno;
use skep_codec::uapi::flags;
use skep_sys::bpf::{LinkExtra, Neighbour};

/// Where a program goes among those of its hook, which run one after the other; last unless said.
///
/// ```
/// # use skep::link::Order;
/// let first = Order::first().revision(7);
/// assert_eq!(first.expected_revision(), 7);
/// ```
///
/// # Kernel
/// tcx since Linux 6.6, netkit since 6.7, cgroups since 6.17
/// ([`Feature::CgroupOrder`](crate::probe::Feature::CgroupOrder)).
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "relative_fd")]
pub struct Order<'a> {
    flags: u32,
    neighbour: Neighbour<'a>,
    revision: u64,
}

impl<'a> Order<'a> {
    /// Before all others.
    #[doc(alias = "BPF_F_BEFORE")]
    #[inline]
    pub fn first() -> Self {
        Self::at(flags::BEFORE, Neighbour::All)
    }

    /// After all others.
    #[doc(alias = "BPF_F_AFTER")]
    #[inline]
    pub fn last() -> Self {
        Self::at(flags::AFTER, Neighbour::All)
    }

    /// Just before this program or link (`&program`, `&link`, [`Neighbour::ProgId`],
    /// [`Neighbour::LinkId`]).
    ///
    /// # Errors
    /// When attached: `ENOENT` if that is not attached there.
    #[inline]
    pub fn before(neighbour: impl Into<Neighbour<'a>>) -> Self {
        Self::at(flags::BEFORE, neighbour.into())
    }

    /// Just after this program or link.
    ///
    /// # Errors
    /// When attached: `ENOENT` if that is not attached there.
    #[inline]
    pub fn after(neighbour: impl Into<Neighbour<'a>>) -> Self {
        Self::at(flags::AFTER, neighbour.into())
    }

    /// Only if nothing has changed there since that revision
    /// ([`Attachments::revision`](super::Attachments::revision)).
    ///
    /// # Errors
    /// When attached: `ESTALE` if something has.
    #[must_use]
    #[doc(alias = "expected_revision")]
    #[inline]
    pub fn revision(mut self, revision: u64) -> Self {
        self.revision = revision;
        self
    }

    /// `BPF_F_BEFORE`, `BPF_F_AFTER`, or 0 where nothing is said.
    #[inline]
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// Whom it goes before or after.
    #[inline]
    pub fn neighbour(&self) -> Neighbour<'a> {
        self.neighbour
    }

    /// The revision that is expected; 0 for any.
    #[inline]
    pub fn expected_revision(&self) -> u64 {
        self.revision
    }

    /// As `BPF_LINK_CREATE` is told of it, beside the flags.
    #[inline]
    pub fn extra(&self) -> LinkExtra<'a> {
        LinkExtra::Relative {
            neighbour: self.neighbour,
            expected_revision: self.revision,
        }
    }

    /// What it means that such a place was refused.
    #[inline]
    pub(super) fn refused(&self, errno: Errno) -> Option<&'static str> {
        match (errno, self.neighbour) {
            (Errno::ESTALE, _) => Some("what is attached there has changed since that revision"),
            (Errno::ENOENT, Neighbour::All) => None,
            (Errno::ENOENT, _) => {
                Some("what it is to go before or after is not attached there in this order")
            }
            _ => None,
        }
    }

    #[inline]
    fn at(flags: u32, neighbour: Neighbour<'a>) -> Self {
        Self {
            flags,
            neighbour,
            revision: 0,
        }
    }
}

impl<'a> From<&'a Program> for Neighbour<'a> {
    #[inline]
    fn from(program: &'a Program) -> Self {
        Self::Prog(program.fd())
    }
}

impl<'a> From<&'a Link> for Neighbour<'a> {
    /// The link; its program, where it is no BPF link.
    #[inline]
    fn from(link: &'a Link) -> Self {
        match (&link.held, link.program()) {
            (Held::Bpf(_), _) | (_, None) => Self::Link(link.fd()),
            (_, Some(program)) => Self::Prog(program.fd()),
        }
    }
}
