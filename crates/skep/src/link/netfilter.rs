//! Netfilter hooks.

use super::{Held, Hook, Link};
use crate::prog::Program;
use crate::{AttachType, Errno, Result};
use skep_codec::uapi::flags;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// Where a packet is on its way through the stack, `NF_INET_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetfilterHook {
    /// It has come in, and is not routed yet.
    #[doc(alias = "NF_INET_PRE_ROUTING")]
    PreRouting = 0,
    /// It is for this machine.
    #[doc(alias = "NF_INET_LOCAL_IN")]
    LocalIn = 1,
    /// It is passed on to another machine.
    #[doc(alias = "NF_INET_FORWARD")]
    Forward = 2,
    /// It was made here.
    #[doc(alias = "NF_INET_LOCAL_OUT")]
    LocalOut = 3,
    /// It is routed, and about to leave.
    #[doc(alias = "NF_INET_POST_ROUTING")]
    PostRouting = 4,
}

/// A netfilter hook of the calling thread's network namespace.
#[derive(Clone, Copy, Debug)]
#[doc(alias = "bpf_netfilter_opts")]
pub struct Netfilter {
    family: u32,
    hook: NetfilterHook,
    priority: i32,
    flags: u32,
}

/// `NFPROTO_IPV4`.
const IPV4: u32 = 2;
/// `NFPROTO_IPV6`.
const IPV6: u32 = 10;

impl Netfilter {
    /// Packets of IPv4, at priority 0.
    ///
    /// # Errors
    /// When attached: `EBUSY` if a program is there with this priority; `ERANGE` for the very
    /// first and the very last priority, or defragmentation at one that is before it.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_NETFILTER`, since Linux 6.4 (`CONFIG_NETFILTER_BPF_LINK`).
    #[doc(alias = "NFPROTO_IPV4")]
    #[inline]
    pub fn ipv4(hook: NetfilterHook) -> Self {
        Self::of(IPV4, hook)
    }

    /// Packets of IPv6; as [`Netfilter::ipv4`].
    #[doc(alias = "NFPROTO_IPV6")]
    #[inline]
    pub fn ipv6(hook: NetfilterHook) -> Self {
        Self::of(IPV6, hook)
    }

    #[inline]
    fn of(family: u32, hook: NetfilterHook) -> Self {
        Self {
            family,
            hook,
            priority: 0,
            flags: 0,
        }
    }

    /// Its place among all that is at the hook: the lowest comes first. Tables and connection
    /// tracking have theirs too (`NF_IP_PRI_*`).
    #[must_use]
    #[inline]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Packets are put together of their fragments before the program sees them.
    ///
    /// # Errors
    /// When attached: `ENOENT`, `EOPNOTSUPP` if the kernel cannot (`CONFIG_NF_DEFRAG_IPV4`,
    /// `CONFIG_NF_DEFRAG_IPV6`).
    ///
    /// # Kernel
    /// `BPF_F_NETFILTER_IP_DEFRAG`, since Linux 6.6.
    #[doc(alias = "BPF_F_NETFILTER_IP_DEFRAG")]
    #[must_use]
    #[inline]
    pub fn defragmented(mut self) -> Self {
        self.flags |= flags::NETFILTER_IP_DEFRAG;
        self
    }
}

impl Hook for Netfilter {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let family = if self.family == IPV4 { "IPv4" } else { "IPv6" };
        let hook = format!(
            "netfilter hook {:?} of {family}, priority {}",
            self.hook, self.priority
        );
        let link = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::None,
            attach_type: AttachType::NETFILTER,
            flags: 0,
            extra: LinkExtra::Netfilter {
                pf: self.family,
                hooknum: self.hook as u32,
                priority: self.priority,
                flags: self.flags,
            },
        });
        match link {
            Ok(fd) => Ok(Link::new(program, hook, Held::Bpf(fd))),
            Err(error) => {
                let why = why(error.errno);
                Err(crate::Error::from(error).context(format_args!("{hook}{why}")))
            }
        }
    }
}

/// What a refusal of the kernel means here.
#[inline]
fn why(errno: Errno) -> &'static str {
    match errno {
        Errno::EBUSY => " (a program is there with this priority: choose another)",
        Errno::ERANGE => {
            " (the very first and last are the kernel's own, and fragments are put together at -400)"
        }
        Errno::EAFNOSUPPORT => " (the kernel has no netfilter for this family)",
        _ => "",
    }
}
