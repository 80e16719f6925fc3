//! How cgroups hold programs, and which.

use crate::{AttachType, ProgType};
use skep_codec::uapi::flags;
use skep_sys::bpf::Attachments;

/// How a cgroup holds a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "CgroupAttachMode")]
#[non_exhaustive]
pub enum CgroupMode {
    /// By a BPF link, since Linux 5.7. It stands beside others, as [`CgroupMode::Multi`] does.
    #[default]
    Link,
    /// By a BPF link; on kernels that have none to cgroups as [`CgroupMode::Multi`].
    Auto,
    /// Without a link, since Linux 4.10: the only program, here and in all cgroups below.
    Single,
    /// Without a link, since Linux 4.10: the only program here; one of a cgroup below runs in its
    /// place there.
    #[doc(alias = "BPF_F_ALLOW_OVERRIDE")]
    Override,
    /// Without a link, since Linux 4.15: beside others, here and below, which all run.
    #[doc(alias = "BPF_F_ALLOW_MULTI")]
    Multi,
}

impl CgroupMode {
    /// How a cgroup holds what is attached to it: [`CgroupMode::Multi`] for links, too. `None` if
    /// nothing is, or it was asked what is effective: kernels do not tell that.
    #[inline]
    pub fn of(attached: &Attachments) -> Option<Self> {
        let first = attached.list.first()?;
        // LSM hooks tell of each program.
        match attached.attach_flags | first.flags {
            0 => Some(Self::Single),
            all if all & flags::ALLOW_MULTI != 0 => Some(Self::Multi),
            _ => Some(Self::Override),
        }
    }

    /// As `BPF_PROG_ATTACH` is told.
    #[inline]
    pub(super) fn flags(self) -> u32 {
        match self {
            Self::Single => 0,
            Self::Override => flags::ALLOW_OVERRIDE,
            Self::Link | Self::Auto | Self::Multi => flags::ALLOW_MULTI,
        }
    }

    #[inline]
    pub(super) fn has_link(self) -> bool {
        matches!(self, Self::Link | Self::Auto)
    }
}

/// What programs of a type attach to cgroups as; nothing for other types.
#[inline]
pub(super) fn attach_types(prog_type: ProgType) -> &'static [AttachType] {
    use AttachType as At;
    match prog_type {
        ProgType::CGROUP_SKB => &[At::CGROUP_INET_INGRESS, At::CGROUP_INET_EGRESS],
        ProgType::CGROUP_SOCK => &[
            At::CGROUP_INET_SOCK_CREATE,
            At::CGROUP_INET_SOCK_RELEASE,
            At::CGROUP_INET4_POST_BIND,
            At::CGROUP_INET6_POST_BIND,
        ],
        ProgType::CGROUP_SOCK_ADDR => SOCK_ADDR,
        ProgType::CGROUP_SOCKOPT => &[At::CGROUP_GETSOCKOPT, At::CGROUP_SETSOCKOPT],
        ProgType::CGROUP_SYSCTL => &[At::CGROUP_SYSCTL],
        ProgType::CGROUP_DEVICE => &[At::CGROUP_DEVICE],
        ProgType::SOCK_OPS => &[At::CGROUP_SOCK_OPS],
        ProgType::LSM => &[At::LSM_CGROUP],
        _ => &[],
    }
}

const SOCK_ADDR: &[AttachType] = &[
    AttachType::CGROUP_INET4_BIND,
    AttachType::CGROUP_INET6_BIND,
    AttachType::CGROUP_INET4_CONNECT,
    AttachType::CGROUP_INET6_CONNECT,
    AttachType::CGROUP_UNIX_CONNECT,
    AttachType::CGROUP_UDP4_SENDMSG,
    AttachType::CGROUP_UDP6_SENDMSG,
    AttachType::CGROUP_UNIX_SENDMSG,
    AttachType::CGROUP_UDP4_RECVMSG,
    AttachType::CGROUP_UDP6_RECVMSG,
    AttachType::CGROUP_UNIX_RECVMSG,
    AttachType::CGROUP_INET4_GETPEERNAME,
    AttachType::CGROUP_INET6_GETPEERNAME,
    AttachType::CGROUP_UNIX_GETPEERNAME,
    AttachType::CGROUP_INET4_GETSOCKNAME,
    AttachType::CGROUP_INET6_GETSOCKNAME,
    AttachType::CGROUP_UNIX_GETSOCKNAME,
];
