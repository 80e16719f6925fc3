use super::*;
use alloc::collections::BTreeSet;
use std::vec::Vec;

/// Each family of names: program type, then the names that it must have.
const FAMILIES: &[(ProgType, &str)] = &[
    (ProgType::SOCKET_FILTER, "socket"),
    (ProgType::SK_REUSEPORT, "sk_reuseport sk_reuseport/migrate"),
    (
        ProgType::KPROBE,
        "kprobe+ kretprobe+ kprobe.multi+ kretprobe.multi+ kprobe.session+ uprobe+ uprobe.s+ \
         uretprobe+ uretprobe.s+ uprobe.multi+ uprobe.multi.s+ uretprobe.multi+ \
         uretprobe.multi.s+ uprobe.session+ uprobe.session.s+ ksyscall+ kretsyscall+ usdt+ \
         usdt.s+",
    ),
    (ProgType::TRACEPOINT, "tracepoint+ tp+ tracepoint.s+ tp.s+"),
    (
        ProgType::RAW_TRACEPOINT,
        "raw_tp+ raw_tracepoint+ raw_tp.s+ raw_tracepoint.s+",
    ),
    (
        ProgType::RAW_TRACEPOINT_WRITABLE,
        "raw_tp.w+ raw_tracepoint.w+",
    ),
    (
        ProgType::TRACING,
        "tp_btf+ tp_btf.s+ fentry+ fentry.s+ fexit+ fexit.s+ fmod_ret+ fmod_ret.s+ fsession+ \
         fsession.s+ fentry.multi+ fentry.multi.s+ fexit.multi+ fexit.multi.s+ \
         fsession.multi+ fsession.multi.s+ iter+ iter.s+",
    ),
    (ProgType::EXT, "freplace+"),
    (ProgType::LSM, "lsm+ lsm.s+ lsm_cgroup+"),
    (ProgType::SYSCALL, "syscall"),
    (
        ProgType::XDP,
        "xdp xdp.frags xdp/devmap xdp.frags/devmap xdp/cpumap xdp.frags/cpumap",
    ),
    (
        ProgType::SCHED_CLS,
        "tc classifier tc/ingress tc/egress tcx/ingress tcx/egress netkit/primary netkit/peer",
    ),
    (ProgType::SCHED_ACT, "action"),
    (ProgType::PERF_EVENT, "perf_event"),
    (ProgType::SOCK_OPS, "sockops"),
    (ProgType::SK_MSG, "sk_msg"),
    (
        ProgType::SK_SKB,
        "sk_skb sk_skb/stream_parser sk_skb/stream_verdict sk_skb/verdict",
    ),
    (ProgType::LWT_IN, "lwt_in"),
    (ProgType::LWT_OUT, "lwt_out"),
    (ProgType::LWT_XMIT, "lwt_xmit"),
    (ProgType::LWT_SEG6LOCAL, "lwt_seg6local"),
    (ProgType::LIRC_MODE2, "lirc_mode2"),
    (ProgType::FLOW_DISSECTOR, "flow_dissector"),
    (
        ProgType::CGROUP_SKB,
        "cgroup/skb cgroup_skb/ingress cgroup_skb/egress",
    ),
    (
        ProgType::CGROUP_SOCK,
        "cgroup/sock cgroup/sock_create cgroup/sock_release cgroup/post_bind4 \
         cgroup/post_bind6",
    ),
    (
        ProgType::CGROUP_SOCK_ADDR,
        "cgroup/bind4 cgroup/bind6 cgroup/connect4 cgroup/connect6 cgroup/connect_unix \
         cgroup/sendmsg4 cgroup/sendmsg6 cgroup/sendmsg_unix cgroup/recvmsg4 cgroup/recvmsg6 \
         cgroup/recvmsg_unix cgroup/getpeername4 cgroup/getpeername6 cgroup/getpeername_unix \
         cgroup/getsockname4 cgroup/getsockname6 cgroup/getsockname_unix",
    ),
    (ProgType::CGROUP_SYSCTL, "cgroup/sysctl"),
    (
        ProgType::CGROUP_SOCKOPT,
        "cgroup/getsockopt cgroup/setsockopt",
    ),
    (ProgType::CGROUP_DEVICE, "cgroup/dev"),
    (ProgType::STRUCT_OPS, "struct_ops+ struct_ops.s+"),
    (ProgType::SK_LOOKUP, "sk_lookup"),
    (ProgType::NETFILTER, "netfilter"),
];

#[test]
fn every_name_has_its_row_and_no_other_has() {
    let mut left: Vec<&SectionDef> = TABLE.iter().collect();
    for (prog_type, names) in FAMILIES {
        for name in names.split_whitespace() {
            let at = left.iter().position(|def| def.pattern == name).expect(name);
            assert_eq!(left.remove(at).prog_type, *prog_type, "{name}");
        }
    }
    assert_eq!(left, Vec::<&SectionDef>::new());
    assert_eq!(TABLE.len(), 116);
    let names: BTreeSet<&str> = TABLE.iter().map(|def| def.pattern).collect();
    assert_eq!(names.len(), TABLE.len());
}

#[test]
fn flags_follow_from_the_names() {
    for def in TABLE {
        let name = def.pattern.trim_end_matches('+');
        let sleepable = name.ends_with(".s") || name == "syscall";
        assert_eq!(def.prog_flags() & F_SLEEPABLE != 0, sleepable, "{name}");
        let frags = name.starts_with("xdp.frags");
        assert_eq!(def.prog_flags() & F_XDP_HAS_FRAGS != 0, frags, "{name}");
        let on_return = name.starts_with("kret") || name.starts_with("uret");
        assert_eq!(def.on_return(), on_return, "{name}");
        // What takes a target attaches by it; the rest needs the caller.
        let named = def.pattern.ends_with('+');
        let needs_more = matches!(def.verb, Verb::StructOps | Verb::LsmCgroup);
        assert_eq!(def.verb.is_automatic(), named && !needs_more, "{name}");
    }
}

#[test]
fn names_are_matched() {
    let of = |name| find(name).map(|f| (f.def.pattern, f.target, f.exact));
    type Row<'a> = (&'a str, Option<&'a str>, bool);
    let cases: &[(&str, Option<Row<'_>>)] = &[
        ("xdp", Some(("xdp", None, true))),
        ("xdp/devmap", Some(("xdp/devmap", None, true))),
        ("xdp/name", Some(("xdp", None, false))),
        ("xdp_prog", Some(("xdp", None, false))),
        ("xdpdump", None),
        ("kprobe", Some(("kprobe+", None, true))),
        ("kprobe/", Some(("kprobe+", None, true))),
        (
            "kprobe/do_exit+4",
            Some(("kprobe+", Some("do_exit+4"), true)),
        ),
        ("kprobe.multi/a*", Some(("kprobe.multi+", Some("a*"), true))),
        ("kprobes/x", None),
        (
            "tp/sched/sched_switch",
            Some(("tp+", Some("sched/sched_switch"), true)),
        ),
        ("tp_btf/x", Some(("tp_btf+", Some("x"), true))),
        (
            "uprobe.s//bin/sh:f",
            Some(("uprobe.s+", Some("/bin/sh:f"), true)),
        ),
        ("tc", Some(("tc", None, true))),
        ("tc/ingress", Some(("tc/ingress", None, true))),
        ("tcp_thing", None),
        ("socket_filter/x", Some(("socket", None, false))),
        (
            "cgroup_skb/ingress/x",
            Some(("cgroup_skb/ingress", None, false)),
        ),
        ("", None),
        ("+", None),
    ];
    for (name, want) in cases {
        assert_eq!(of(name), *want, "{name}");
    }
}
