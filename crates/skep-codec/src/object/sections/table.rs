//! The table of section names.

use super::{B, F, O, R, S, SectionDef, Verb};
use crate::uapi::bpf::{AttachType, ProgType};

/// A row: pattern, program type, attach type (`0` for none), verb, flags.
macro_rules! rows {
    ($($pattern:literal $prog:ident $attach:tt $verb:ident $flags:expr;)+) => {
        /// Every section name that libbpf 1.8 knows.
        pub const TABLE: &[SectionDef] = &[$(SectionDef {
            pattern: $pattern,
            prog_type: ProgType::$prog,
            attach_type: rows!(@ $attach),
            verb: Verb::$verb,
            flags: $flags,
        },)+];
    };
    (@ 0) => { None };
    (@ $attach:ident) => { Some(AttachType::$attach) };
}

rows! {
    "socket" SOCKET_FILTER 0 Socket 0;
    "sk_reuseport/migrate" SK_REUSEPORT SK_REUSEPORT_SELECT_OR_MIGRATE Reuseport 0;
    "sk_reuseport" SK_REUSEPORT SK_REUSEPORT_SELECT Reuseport 0;
    "kprobe+" KPROBE 0 Kprobe 0;
    "kretprobe+" KPROBE 0 Kprobe R;
    "uprobe+" KPROBE 0 Uprobe 0;
    "uprobe.s+" KPROBE 0 Uprobe S;
    "uretprobe+" KPROBE 0 Uprobe R;
    "uretprobe.s+" KPROBE 0 Uprobe S | R;
    "kprobe.multi+" KPROBE TRACE_KPROBE_MULTI KprobeMulti 0;
    "kretprobe.multi+" KPROBE TRACE_KPROBE_MULTI KprobeMulti R;
    "kprobe.session+" KPROBE TRACE_KPROBE_SESSION KprobeMulti 0;
    "uprobe.multi+" KPROBE TRACE_UPROBE_MULTI UprobeMulti 0;
    "uretprobe.multi+" KPROBE TRACE_UPROBE_MULTI UprobeMulti R;
    "uprobe.session+" KPROBE TRACE_UPROBE_SESSION UprobeMulti 0;
    "uprobe.multi.s+" KPROBE TRACE_UPROBE_MULTI UprobeMulti S;
    "uretprobe.multi.s+" KPROBE TRACE_UPROBE_MULTI UprobeMulti S | R;
    "uprobe.session.s+" KPROBE TRACE_UPROBE_SESSION UprobeMulti S;
    "ksyscall+" KPROBE 0 Ksyscall 0;
    "kretsyscall+" KPROBE 0 Ksyscall R;
    "usdt+" KPROBE 0 Usdt 0;
    "usdt.s+" KPROBE 0 Usdt S;
    "tc/ingress" SCHED_CLS TCX_INGRESS Tc O;
    "tc/egress" SCHED_CLS TCX_EGRESS Tc O;
    "tcx/ingress" SCHED_CLS TCX_INGRESS Tc 0;
    "tcx/egress" SCHED_CLS TCX_EGRESS Tc 0;
    "tc" SCHED_CLS 0 Tc 0;
    "classifier" SCHED_CLS 0 Tc 0;
    "action" SCHED_ACT 0 Tc 0;
    "netkit/primary" SCHED_CLS NETKIT_PRIMARY Netkit 0;
    "netkit/peer" SCHED_CLS NETKIT_PEER Netkit 0;
    "tracepoint+" TRACEPOINT 0 Tracepoint 0;
    "tp+" TRACEPOINT 0 Tracepoint 0;
    "tracepoint.s+" TRACEPOINT 0 Tracepoint S;
    "tp.s+" TRACEPOINT 0 Tracepoint S;
    "raw_tracepoint+" RAW_TRACEPOINT 0 RawTracepoint 0;
    "raw_tp+" RAW_TRACEPOINT 0 RawTracepoint 0;
    "raw_tracepoint.s+" RAW_TRACEPOINT 0 RawTracepoint S;
    "raw_tp.s+" RAW_TRACEPOINT 0 RawTracepoint S;
    "raw_tracepoint.w+" RAW_TRACEPOINT_WRITABLE 0 RawTracepoint 0;
    "raw_tp.w+" RAW_TRACEPOINT_WRITABLE 0 RawTracepoint 0;
    "tp_btf+" TRACING TRACE_RAW_TP Tracing B;
    "tp_btf.s+" TRACING TRACE_RAW_TP Tracing B | S;
    "fentry+" TRACING TRACE_FENTRY Tracing B;
    "fmod_ret+" TRACING MODIFY_RETURN Tracing B;
    "fexit+" TRACING TRACE_FEXIT Tracing B;
    "fentry.s+" TRACING TRACE_FENTRY Tracing B | S;
    "fmod_ret.s+" TRACING MODIFY_RETURN Tracing B | S;
    "fexit.s+" TRACING TRACE_FEXIT Tracing B | S;
    "fsession+" TRACING TRACE_FSESSION Tracing B;
    "fsession.s+" TRACING TRACE_FSESSION Tracing B | S;
    "fentry.multi+" TRACING TRACE_FENTRY_MULTI TracingMulti 0;
    "fexit.multi+" TRACING TRACE_FEXIT_MULTI TracingMulti 0;
    "fsession.multi+" TRACING TRACE_FSESSION_MULTI TracingMulti 0;
    "fentry.multi.s+" TRACING TRACE_FENTRY_MULTI TracingMulti S;
    "fexit.multi.s+" TRACING TRACE_FEXIT_MULTI TracingMulti S;
    "fsession.multi.s+" TRACING TRACE_FSESSION_MULTI TracingMulti S;
    "freplace+" EXT 0 Freplace B;
    "lsm+" LSM LSM_MAC Lsm B;
    "lsm.s+" LSM LSM_MAC Lsm B | S;
    "lsm_cgroup+" LSM LSM_CGROUP LsmCgroup B;
    "iter+" TRACING TRACE_ITER Iter B;
    "iter.s+" TRACING TRACE_ITER Iter B | S;
    "syscall" SYSCALL 0 Run S;
    "xdp.frags/devmap" XDP XDP_DEVMAP XdpMap F;
    "xdp/devmap" XDP XDP_DEVMAP XdpMap 0;
    "xdp.frags/cpumap" XDP XDP_CPUMAP XdpMap F;
    "xdp/cpumap" XDP XDP_CPUMAP XdpMap 0;
    "xdp.frags" XDP XDP Xdp F;
    "xdp" XDP XDP Xdp O;
    "perf_event" PERF_EVENT 0 PerfEvent 0;
    "lwt_in" LWT_IN 0 Route 0;
    "lwt_out" LWT_OUT 0 Route 0;
    "lwt_xmit" LWT_XMIT 0 Route 0;
    "lwt_seg6local" LWT_SEG6LOCAL 0 Route 0;
    "sockops" SOCK_OPS CGROUP_SOCK_OPS Cgroup O;
    "sk_skb/stream_parser" SK_SKB SK_SKB_STREAM_PARSER Sockmap O;
    "sk_skb/stream_verdict" SK_SKB SK_SKB_STREAM_VERDICT Sockmap O;
    "sk_skb/verdict" SK_SKB SK_SKB_VERDICT Sockmap O;
    "sk_skb" SK_SKB 0 Sockmap 0;
    "sk_msg" SK_MSG SK_MSG_VERDICT Sockmap O;
    "lirc_mode2" LIRC_MODE2 LIRC_MODE2 Lirc O;
    "flow_dissector" FLOW_DISSECTOR FLOW_DISSECTOR Netns O;
    "cgroup_skb/ingress" CGROUP_SKB CGROUP_INET_INGRESS Cgroup O;
    "cgroup_skb/egress" CGROUP_SKB CGROUP_INET_EGRESS Cgroup O;
    "cgroup/skb" CGROUP_SKB 0 Cgroup 0;
    "cgroup/sock_create" CGROUP_SOCK CGROUP_INET_SOCK_CREATE Cgroup 0;
    "cgroup/sock_release" CGROUP_SOCK CGROUP_INET_SOCK_RELEASE Cgroup 0;
    "cgroup/sock" CGROUP_SOCK CGROUP_INET_SOCK_CREATE Cgroup O;
    "cgroup/post_bind4" CGROUP_SOCK CGROUP_INET4_POST_BIND Cgroup 0;
    "cgroup/post_bind6" CGROUP_SOCK CGROUP_INET6_POST_BIND Cgroup 0;
    "cgroup/bind4" CGROUP_SOCK_ADDR CGROUP_INET4_BIND Cgroup 0;
    "cgroup/bind6" CGROUP_SOCK_ADDR CGROUP_INET6_BIND Cgroup 0;
    "cgroup/connect4" CGROUP_SOCK_ADDR CGROUP_INET4_CONNECT Cgroup 0;
    "cgroup/connect6" CGROUP_SOCK_ADDR CGROUP_INET6_CONNECT Cgroup 0;
    "cgroup/connect_unix" CGROUP_SOCK_ADDR CGROUP_UNIX_CONNECT Cgroup 0;
    "cgroup/sendmsg4" CGROUP_SOCK_ADDR CGROUP_UDP4_SENDMSG Cgroup 0;
    "cgroup/sendmsg6" CGROUP_SOCK_ADDR CGROUP_UDP6_SENDMSG Cgroup 0;
    "cgroup/sendmsg_unix" CGROUP_SOCK_ADDR CGROUP_UNIX_SENDMSG Cgroup 0;
    "cgroup/recvmsg4" CGROUP_SOCK_ADDR CGROUP_UDP4_RECVMSG Cgroup 0;
    "cgroup/recvmsg6" CGROUP_SOCK_ADDR CGROUP_UDP6_RECVMSG Cgroup 0;
    "cgroup/recvmsg_unix" CGROUP_SOCK_ADDR CGROUP_UNIX_RECVMSG Cgroup 0;
    "cgroup/getpeername4" CGROUP_SOCK_ADDR CGROUP_INET4_GETPEERNAME Cgroup 0;
    "cgroup/getpeername6" CGROUP_SOCK_ADDR CGROUP_INET6_GETPEERNAME Cgroup 0;
    "cgroup/getpeername_unix" CGROUP_SOCK_ADDR CGROUP_UNIX_GETPEERNAME Cgroup 0;
    "cgroup/getsockname4" CGROUP_SOCK_ADDR CGROUP_INET4_GETSOCKNAME Cgroup 0;
    "cgroup/getsockname6" CGROUP_SOCK_ADDR CGROUP_INET6_GETSOCKNAME Cgroup 0;
    "cgroup/getsockname_unix" CGROUP_SOCK_ADDR CGROUP_UNIX_GETSOCKNAME Cgroup 0;
    "cgroup/sysctl" CGROUP_SYSCTL CGROUP_SYSCTL Cgroup 0;
    "cgroup/getsockopt" CGROUP_SOCKOPT CGROUP_GETSOCKOPT Cgroup 0;
    "cgroup/setsockopt" CGROUP_SOCKOPT CGROUP_SETSOCKOPT Cgroup 0;
    "cgroup/dev" CGROUP_DEVICE CGROUP_DEVICE Cgroup O;
    "struct_ops+" STRUCT_OPS 0 StructOps 0;
    "struct_ops.s+" STRUCT_OPS 0 StructOps S;
    "sk_lookup" SK_LOOKUP SK_LOOKUP Netns 0;
    "netfilter" NETFILTER NETFILTER Netfilter 0;
}
