//! Asking about links: one is made that must fail, and how it fails tells.

use super::ask::{Asked, EXIT, ZERO, prog};
use super::map_type::{knows, struct_ops};
use crate::system::System;
use skep_codec::Errno;
use skep_codec::uapi::bpf::{AttachType, ProgType};
use skep_codec::uapi::flags;
use skep_sys::bpf::{self, LinkExtra, LinkParams, ProgParams, Target};

/// A target that is none: no descriptor is this, and no interface either.
const NOTHING: Target<'_> = Target::Ifindex(u32::MAX);
/// The loopback interface of every network namespace.
const LOOPBACK: Target<'_> = Target::Ifindex(1);

/// Tries to link a program that does nothing: loaded for `loaded_for`, linked as `attach_type`.
fn link(
    system: &System,
    (prog_type, loaded_for): (ProgType, AttachType),
    (attach_type, flags): (AttachType, u32),
    target: Target<'_>,
    extra: LinkExtra<'_>,
) -> Asked {
    let params = ProgParams {
        prog_type,
        expected_attach_type: loaded_for,
        ..ProgParams::default()
    };
    let prog = prog(system, &params, &[ZERO, EXIT])?;
    let params = LinkParams {
        prog: &prog,
        target,
        attach_type,
        flags,
        extra,
    };
    bpf::link_create(&params).map(drop)
}

/// [`link`] of a program that is loaded for what it is linked as.
fn link_as(
    system: &System,
    prog_type: ProgType,
    attach_type: AttachType,
    target: Target<'_>,
    extra: LinkExtra<'_>,
) -> Asked {
    let loaded_for = (prog_type, attach_type);
    link(system, loaded_for, (attach_type, 0), target, extra)
}

pub(super) fn cgroup(system: &System) -> Asked {
    let attach_type = AttachType::CGROUP_INET_INGRESS;
    let asked = link_as(
        system,
        ProgType::CGROUP_SKB,
        attach_type,
        NOTHING,
        LinkExtra::None,
    );
    knows(asked, Errno::EBADF)
}

/// Attachments to a cgroup in a chosen order: before all others, here.
pub(super) fn cgroup_order(system: &System) -> Asked {
    cgroup_with(system, flags::BEFORE)
}

pub(super) fn cgroup_preorder(system: &System) -> Asked {
    cgroup_with(system, flags::PREORDER)
}

fn cgroup_with(system: &System, flags: u32) -> Asked {
    let attach_type = AttachType::CGROUP_INET_INGRESS;
    let loaded_for = (ProgType::CGROUP_SKB, attach_type);
    let linked_as = (attach_type, flags);
    let asked = link(system, loaded_for, linked_as, NOTHING, LinkExtra::None);
    knows(asked, Errno::EBADF)
}

pub(super) fn netns(system: &System) -> Asked {
    let attach_type = AttachType::FLOW_DISSECTOR;
    let asked = link_as(
        system,
        ProgType::FLOW_DISSECTOR,
        attach_type,
        NOTHING,
        LinkExtra::None,
    );
    knows(asked, Errno::EBADF)
}

/// Native XDP is what loopback cannot do; a kernel that gets so far has the link.
pub(super) fn xdp(system: &System) -> Asked {
    let attach_type = AttachType::XDP;
    let asked = link(
        system,
        (ProgType::XDP, attach_type),
        (attach_type, flags::XDP_DRV_MODE),
        LOOPBACK,
        LinkExtra::None,
    );
    match asked {
        Err(error)
            if matches!(
                error.errno,
                Errno::EOPNOTSUPP | Errno::EEXIST | Errno::EBUSY
            ) =>
        {
            Ok(())
        }
        asked => asked,
    }
}

pub(super) fn perf_event(system: &System) -> Asked {
    let asked = link(
        system,
        (ProgType::TRACEPOINT, AttachType(0)),
        (AttachType::PERF_EVENT, 0),
        NOTHING,
        LinkExtra::None,
    );
    knows(asked, Errno::EBADF)
}

fn kprobe_multi_as(system: &System, attach_type: AttachType) -> Asked {
    let extra = LinkExtra::KprobeMulti {
        flags: 0,
        syms: &[c"no such function"],
        addrs: &[],
        cookies: &[],
    };
    let asked = link_as(system, ProgType::KPROBE, attach_type, Target::None, extra);
    knows(knows(asked, Errno::ESRCH), Errno::ENOENT)
}

pub(super) fn kprobe_multi(system: &System) -> Asked {
    kprobe_multi_as(system, AttachType::TRACE_KPROBE_MULTI)
}

pub(super) fn kprobe_session(system: &System) -> Asked {
    kprobe_multi_as(system, AttachType::TRACE_KPROBE_SESSION)
}

/// A directory has no code.
fn uprobe_multi_as(system: &System, attach_type: AttachType) -> Asked {
    let extra = LinkExtra::UprobeMulti {
        flags: 0,
        path: c"/",
        offsets: &[0],
        ref_ctr_offsets: &[],
        cookies: &[],
        pid: 0,
    };
    let asked = link_as(system, ProgType::KPROBE, attach_type, Target::None, extra);
    knows(asked, Errno::EBADF)
}

pub(super) fn uprobe_multi(system: &System) -> Asked {
    uprobe_multi_as(system, AttachType::TRACE_UPROBE_MULTI)
}

pub(super) fn uprobe_session(system: &System) -> Asked {
    uprobe_multi_as(system, AttachType::TRACE_UPROBE_SESSION)
}

/// To a type that is no function: a kernel that loads such programs knows such links, if it has
/// what they rest on.
pub(super) fn tracing_multi(system: &System) -> Asked {
    let attach_type = AttachType::TRACE_FENTRY_MULTI;
    let params = ProgParams {
        prog_type: ProgType::TRACING,
        expected_attach_type: attach_type,
        ..ProgParams::default()
    };
    let prog = prog(system, &params, &[ZERO, EXIT])?;
    let params = LinkParams {
        prog: &prog,
        target: Target::None,
        attach_type,
        flags: 0,
        extra: LinkExtra::TracingMulti {
            ids: &[0],
            cookies: &[],
        },
    };
    knows(bpf::link_create(&params).map(drop), Errno::EINVAL)
}

pub(super) fn struct_ops_link(system: &System) -> Asked {
    struct_ops(system, flags::LINK)
}

/// For a protocol family that is none.
pub(super) fn netfilter(system: &System) -> Asked {
    let extra = LinkExtra::Netfilter {
        pf: 0,
        hooknum: 0,
        priority: 0,
        flags: 0,
    };
    let attach_type = AttachType::NETFILTER;
    let asked = link_as(
        system,
        ProgType::NETFILTER,
        attach_type,
        Target::None,
        extra,
    );
    knows(asked, Errno::EAFNOSUPPORT)
}

/// To an interface that is none.
fn interface(system: &System, attach_type: AttachType) -> Asked {
    let target = Target::Ifindex(i32::MAX as u32);
    let asked = link_as(
        system,
        ProgType::SCHED_CLS,
        attach_type,
        target,
        LinkExtra::None,
    );
    knows(asked, Errno::ENODEV)
}

pub(super) fn tcx(system: &System) -> Asked {
    interface(system, AttachType::TCX_INGRESS)
}

pub(super) fn netkit(system: &System) -> Asked {
    interface(system, AttachType::NETKIT_PRIMARY)
}

pub(super) fn sockmap(system: &System) -> Asked {
    let attach_type = AttachType::SK_MSG_VERDICT;
    let asked = link_as(
        system,
        ProgType::SK_MSG,
        attach_type,
        NOTHING,
        LinkExtra::None,
    );
    knows(asked, Errno::EBADF)
}
