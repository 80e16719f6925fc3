//! Network namespaces: socket look-up and the flow dissector.

use super::held::HeldTarget;
use super::mode::Place;
use super::{Hook, Link, LinkMode};
use crate::error::Context;
use crate::probe::Feature;
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{AttachType, Errno, ProgType, Result};
use alloc::string::{String, ToString};
use skep_sys::Fd;
use skep_sys::bpf::Target;
use skep_sys::net::netns;

/// A network namespace: where sockets are looked up (`sk_lookup`) and packets are dissected
/// (`flow_dissector`).
#[derive(Clone, Debug)]
#[doc(alias = "bpf_program__attach_netns")]
pub struct Netns<'a> {
    place: Namespace<'a>,
    mode: LinkMode,
}

#[derive(Clone, Debug)]
enum Namespace<'a> {
    Own,
    Path(String),
    Fd(&'a Fd),
}

impl<'a> Netns<'a> {
    /// The calling thread's.
    ///
    /// # Errors
    /// When attached: `E2BIG` if there is a flow dissector already (or 64 programs that look
    /// sockets up); `EEXIST` if the initial namespace has one, which is for all, or one is to go
    /// there while others have their own.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE`: flow dissectors since Linux 5.8, socket look-up since 5.9. For flow
    /// dissectors of the thread's own namespace else `BPF_PROG_ATTACH`, since 4.20: such a link is
    /// dropped by a thread of the same namespace, or the program stays.
    #[inline]
    pub fn own() -> Self {
        Self::of(Namespace::Own)
    }

    /// The one that is mounted here: `/proc/PID/ns/net`, `/run/netns/NAME`; as [`Netns::own`].
    #[inline]
    pub fn open(path: &str) -> Self {
        Self::of(Namespace::Path(path.to_string()))
    }

    /// The one that this descriptor is of; as [`Netns::own`].
    #[inline]
    pub fn at(namespace: &'a Fd) -> Self {
        Self::of(Namespace::Fd(namespace))
    }

    #[inline]
    fn of(place: Namespace<'a>) -> Self {
        Self {
            place,
            mode: LinkMode::Auto,
        }
    }

    /// Attaches in this way, and in no other.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for
    /// [`LinkMode::Attach`] of a program that is no flow dissector, or to another namespace than the
    /// thread's own.
    #[must_use]
    #[inline]
    pub fn mode(mut self, mode: LinkMode) -> Self {
        self.mode = mode;
        self
    }

    #[inline]
    fn opened(&self, system: &System) -> Result<Fd> {
        match &self.place {
            Namespace::Fd(fd) => Ok(fd.try_clone()?),
            Namespace::Own => {
                netns::current(system.kernel()).context("open this thread's network namespace")
            }
            Namespace::Path(path) => netns::open(system.kernel(), &c_string(path)?)
                .context(format_args!("open the network namespace at {path}")),
        }
    }

    /// Where `BPF_PROG_ATTACH` goes: it knows flow dissectors and the thread's own namespace only.
    #[inline]
    fn older(&self, fd: &Fd, attach_type: AttachType) -> Result<Option<HeldTarget>> {
        match (&self.place, attach_type) {
            (Namespace::Own, AttachType::FLOW_DISSECTOR) => Ok(Some(HeldTarget {
                own: true,
                ..HeldTarget::new(fd.try_clone()?, attach_type)
            })),
            _ => Ok(None),
        }
    }
}

impl Hook for Netns<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let (attach_type, kind) = match program.prog_type() {
            ProgType::FLOW_DISSECTOR => (AttachType::FLOW_DISSECTOR, "flow dissector"),
            _ => (AttachType::SK_LOOKUP, "socket look-up"),
        };
        let fd = self.opened(program.system())?;
        let hook = match &self.place {
            Namespace::Path(path) => format!("{kind} of network namespace {path}"),
            _ => format!("{kind} of a network namespace"),
        };
        let place = Place {
            target: Target::Fd(&fd),
            older: self.older(&fd, attach_type)?,
            attach_type,
            mode: self.mode,
            feature: Feature::LinkNetns,
        };
        place.attach(program, hook).map_err(|error| {
            let why = error.errno().map_or("", why);
            error.context(format_args!("a {kind}{why}"))
        })
    }
}

/// What a refusal of the kernel means here.
#[inline]
fn why(errno: Errno) -> &'static str {
    match errno {
        Errno::E2BIG => " (the namespace has as many as it takes)",
        Errno::EEXIST => {
            " (one without a link is there; of flow dissectors, the initial namespace has one for \
             all, or others have their own)"
        }
        _ => "",
    }
}
