//! The table of program types: the ways in which programs of each are loaded.

use super::ask::{EXIT, ZERO, as_call, verify};
use super::{Answer, Origin, answer};
use crate::system::System;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::btf::{Kind, TypeId};
use skep_codec::uapi::bpf::{AttachType, ProgType};
use skep_codec::uapi::flags;
use skep_sys::CallError;
use skep_sys::bpf::ProgParams;

/// A row.
pub(super) struct Row {
    prog_type: ProgType,
    pub(super) origin: Origin,
    /// Ways to load: helpers differ with what a program attaches to, and whether it may sleep.
    pub(super) ways: &'static [Way],
}

/// One way to load a program.
#[derive(Clone, Copy)]
pub(super) struct Way {
    attach: AttachType,
    prog_flags: u32,
    /// The kernel type that it is loaded for.
    pub(super) target: Option<(Kind, &'static str)>,
}

impl Way {
    /// What `BPF_PROG_LOAD` takes.
    pub(super) fn params(&self, system: &System, prog_type: ProgType) -> ProgParams<'static> {
        ProgParams {
            prog_type,
            kern_version: match prog_type {
                // Looked at before Linux 5.0; where it cannot be told, newer kernels do not mind.
                ProgType::KPROBE => system.kernel_version().unwrap_or(0),
                _ => 0,
            },
            expected_attach_type: self.attach,
            prog_flags: self.prog_flags,
            ..ProgParams::default()
        }
    }

    const fn sleeping(self) -> Self {
        Self {
            prog_flags: flags::SLEEPABLE,
            ..self
        }
    }
}

/// Without an attach type.
const PLAIN: Way = at(AttachType(0));

const fn at(attach: AttachType) -> Way {
    Way {
        attach,
        prog_flags: 0,
        target: None,
    }
}

const fn on(attach: AttachType, kind: Kind, name: &'static str) -> Way {
    Way {
        attach,
        prog_flags: 0,
        target: Some((kind, name)),
    }
}

/// The row of a type.
pub(super) fn row(prog_type: ProgType) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.prog_type == prog_type)
}

macro_rules! rows {
    ($($name:ident $since:literal [$($config:literal)*] $ways:expr;)+) => {
        const TABLE: &[Row] = &[$(Row {
            prog_type: ProgType::$name,
            origin: Origin { since: $since, config: &[$($config),*] },
            ways: const { &$ways },
        },)+];
    };
}

use AttachType as At;

rows! {
    SOCKET_FILTER "3.19" ["NET"] [PLAIN];
    KPROBE "4.1" ["BPF_EVENTS"] [PLAIN, PLAIN.sleeping(), at(At::TRACE_KPROBE_MULTI)];
    SCHED_CLS "4.1" ["NET"] [PLAIN];
    SCHED_ACT "4.1" ["NET"] [PLAIN];
    TRACEPOINT "4.7" ["BPF_EVENTS"] [PLAIN];
    XDP "4.8" ["NET"] [PLAIN];
    PERF_EVENT "4.9" ["BPF_EVENTS"] [PLAIN];
    CGROUP_SKB "4.10" ["CGROUP_BPF"] [PLAIN, at(At::CGROUP_INET_EGRESS)];
    CGROUP_SOCK "4.10" ["CGROUP_BPF"] [
        at(At::CGROUP_INET_SOCK_CREATE), at(At::CGROUP_INET_SOCK_RELEASE),
        at(At::CGROUP_INET4_POST_BIND),
    ];
    LWT_IN "4.10" ["NET"] [PLAIN];
    LWT_OUT "4.10" ["NET"] [PLAIN];
    LWT_XMIT "4.10" ["NET"] [PLAIN];
    SOCK_OPS "4.13" ["CGROUP_BPF"] [PLAIN];
    SK_SKB "4.14" ["NET"] [PLAIN];
    CGROUP_DEVICE "4.15" ["CGROUP_BPF"] [PLAIN];
    SK_MSG "4.17" ["NET"] [PLAIN];
    RAW_TRACEPOINT "4.17" ["BPF_EVENTS"] [PLAIN];
    CGROUP_SOCK_ADDR "4.17" ["CGROUP_BPF"] [
        at(At::CGROUP_INET4_CONNECT), at(At::CGROUP_INET4_BIND), at(At::CGROUP_UDP4_SENDMSG),
        at(At::CGROUP_UDP4_RECVMSG), at(At::CGROUP_INET4_GETPEERNAME),
    ];
    LWT_SEG6LOCAL "4.18" ["NET"] [PLAIN];
    LIRC_MODE2 "4.18" ["BPF_LIRC_MODE2"] [at(At::LIRC_MODE2)];
    SK_REUSEPORT "4.19" ["INET"] [PLAIN];
    FLOW_DISSECTOR "4.20" ["NET"] [PLAIN];
    CGROUP_SYSCTL "5.2" ["CGROUP_BPF"] [PLAIN];
    RAW_TRACEPOINT_WRITABLE "5.2" ["BPF_EVENTS"] [PLAIN];
    CGROUP_SOCKOPT "5.3" ["CGROUP_BPF"] [
        at(At::CGROUP_GETSOCKOPT), at(At::CGROUP_SETSOCKOPT),
    ];
    TRACING "5.5" ["BPF_EVENTS" "DEBUG_INFO_BTF"] [
        on(At::TRACE_RAW_TP, Kind::Typedef, "btf_trace_sys_enter"),
        on(At::TRACE_ITER, Kind::Func, "bpf_iter_task"),
        on(At::TRACE_ITER, Kind::Func, "bpf_iter_task").sleeping(),
        on(At::TRACE_FENTRY, Kind::Func, "bpf_fentry_test1"),
        on(At::TRACE_FEXIT, Kind::Func, "bpf_fentry_test1"),
        on(At::MODIFY_RETURN, Kind::Func, "security_file_open"),
    ];
    STRUCT_OPS "5.6" ["BPF_JIT"] [on(At(0), Kind::Struct, "tcp_congestion_ops")];
    EXT "5.6" ["BPF_JIT"] [PLAIN];
    LSM "5.7" ["BPF_LSM"] [
        on(At::LSM_MAC, Kind::Func, "bpf_lsm_file_open"),
        on(At::LSM_MAC, Kind::Func, "bpf_lsm_file_open").sleeping(),
        on(At::LSM_MAC, Kind::Func, "bpf_lsm_bprm_committed_creds").sleeping(),
        on(At::LSM_CGROUP, Kind::Func, "bpf_lsm_socket_bind"),
    ];
    SK_LOOKUP "5.9" ["INET"] [at(At::SK_LOOKUP)];
    SYSCALL "5.14" [] [PLAIN.sleeping()];
    NETFILTER "6.4" ["NETFILTER_BPF_LINK"] [at(At::NETFILTER)];
}

/// The kernel type that a way to load is for; all of them are looked up once.
pub(super) fn target_id(system: &System, kind: Kind, name: &str) -> Result<TypeId, CallError> {
    let look_up = || {
        let btf = system.kernel_btf().map_err(|error| as_call(&error))?;
        let mut ids = Vec::new();
        for (kind, name) in targets() {
            ids.push(btf.find(name, Some(kind)).unwrap_or(TypeId::VOID));
        }
        Ok(ids)
    };
    let ids = system.probes().targets.get_or_try_init(look_up)?;
    for (target, &id) in targets().iter().zip(ids) {
        if *target == (kind, name) && id != TypeId::VOID {
            return Ok(id);
        }
    }
    Err(CallError::new("probe", Errno::ENOENT))
}

/// The kernel types that the table's ways to load are for.
fn targets() -> Vec<(Kind, &'static str)> {
    let mut targets = Vec::new();
    for row in TABLE {
        for way in row.ways {
            targets.extend(way.target);
        }
    }
    targets
}

/// Types that are loaded for a type of the kernel's.
const FOR_A_TYPE: [ProgType; 4] = [
    ProgType::TRACING,
    ProgType::STRUCT_OPS,
    ProgType::EXT,
    ProgType::LSM,
];

/// Whether the kernel has this type. A target, where it must have one, is the kernel's first type
/// and never fits: but a kernel that comes to complaining of it knows the type.
pub(super) fn ask(system: &System, prog_type: ProgType) -> Answer {
    let Some(way) = row(prog_type).and_then(|row| row.ways.first()) else {
        return Answer::Unknown(Errno::EOPNOTSUPP);
    };
    let params = ProgParams {
        attach_btf_id: u32::from(FOR_A_TYPE.contains(&prog_type)),
        ..way.params(system, prog_type)
    };
    match verify(system, &params, &[ZERO, EXIT]) {
        (Err(_), log) if !log.is_empty() => Answer::Yes,
        (result, _) => answer(result.map(drop)),
    }
}
