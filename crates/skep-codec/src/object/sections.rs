//! The table of section names: what program type a name means, and how it is attached.

use crate::uapi::bpf::{AttachType, ProgType};

/// How a program is attached. [`Verb::is_automatic`] says for which the section's name is enough.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Not at all, or only by something that is not a link (a route, a queue discipline).
    None,
    /// Test-run or run by a system call.
    Run,
    /// A socket.
    Socket,
    /// A group of sockets that share a port.
    Reuseport,
    /// A kernel function, perf event.
    Kprobe,
    /// Several kernel functions, one link.
    KprobeMulti,
    /// A system call's handler.
    Ksyscall,
    /// A user function, perf event.
    Uprobe,
    /// Several user functions, one link.
    UprobeMulti,
    /// A statically defined user probe.
    Usdt,
    /// A tracepoint, perf event.
    Tracepoint,
    /// A raw tracepoint by name.
    RawTracepoint,
    /// What the program was loaded for, by BTF id: `tp_btf`, `fentry`, `fexit`, `fmod_ret`.
    Tracing,
    /// Several kernel functions by BTF id.
    TracingMulti,
    /// A function of another program.
    Freplace,
    /// A security hook.
    Lsm,
    /// A security hook, for a cgroup.
    LsmCgroup,
    /// An iterator.
    Iter,
    /// An interface's XDP hook.
    Xdp,
    /// A slot of a device map or CPU map.
    XdpMap,
    /// An interface's traffic control hook (tcx, or clsact where the kernel is older).
    Tc,
    /// A netkit device.
    Netkit,
    /// A perf event that the caller opens.
    PerfEvent,
    /// A cgroup.
    Cgroup,
    /// A socket map.
    Sockmap,
    /// A network namespace.
    Netns,
    /// An infrared device.
    Lirc,
    /// A netfilter hook.
    Netfilter,
    /// With the `struct_ops` map that holds it.
    StructOps,
    /// As the caller does it, whose own section name it is.
    Custom,
}

impl Verb {
    /// Whether the section's name can say all that attaching needs.
    pub const fn is_automatic(self) -> bool {
        use Verb::{
            Freplace, Iter, Kprobe, KprobeMulti, Ksyscall, Lsm, RawTracepoint, Tracepoint, Tracing,
            TracingMulti, Uprobe, UprobeMulti, Usdt,
        };
        matches!(
            self,
            Kprobe
                | KprobeMulti
                | Ksyscall
                | Uprobe
                | UprobeMulti
                | Usdt
                | Tracepoint
                | RawTracepoint
                | Tracing
                | TracingMulti
                | Freplace
                | Lsm
                | Iter
        )
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionDef {
    /// The name; a `+` at its end allows `/` and a target after it.
    pub pattern: &'static str,
    /// Program type.
    pub prog_type: ProgType,
    /// `expected_attach_type`.
    pub attach_type: Option<AttachType>,
    /// How it is attached.
    pub verb: Verb,
    flags: u8,
}

/// `BPF_F_SLEEPABLE`.
const F_SLEEPABLE: u32 = 1 << 4;
/// `BPF_F_XDP_HAS_FRAGS`.
const F_XDP_HAS_FRAGS: u32 = 1 << 5;

/// The program may sleep.
const S: u8 = 1;
/// The program takes packets in several buffers.
const F: u8 = 2;
/// Loaded for a kernel type or function, by BTF id.
const B: u8 = 4;
/// Loads without the attach type where the kernel does not know it.
const O: u8 = 8;
/// The hook is the return.
const R: u8 = 16;

impl SectionDef {
    /// A row of the caller's own. `pattern` ends in `+` (a `/` and a target may follow), in `/` (a
    /// target follows), or is the whole name; an empty one takes every name that means nothing
    /// else.
    pub const fn new(pattern: &'static str, prog_type: ProgType) -> Self {
        Self {
            pattern,
            prog_type,
            attach_type: None,
            verb: Verb::Custom,
            flags: 0,
        }
    }

    /// The same row with an `expected_attach_type`.
    #[must_use]
    pub const fn with_attach_type(mut self, attach_type: AttachType) -> Self {
        self.attach_type = Some(attach_type);
        self
    }

    /// The same row, attached in this way.
    #[must_use]
    pub const fn with_verb(mut self, verb: Verb) -> Self {
        self.verb = verb;
        self
    }

    /// The same row for programs that may sleep.
    #[must_use]
    pub const fn sleepable(mut self) -> Self {
        self.flags |= S;
        self
    }

    /// `prog_flags` of program load.
    pub const fn prog_flags(&self) -> u32 {
        let sleepable = if self.flags & S != 0 { F_SLEEPABLE } else { 0 };
        let frags = if self.flags & F != 0 {
            F_XDP_HAS_FRAGS
        } else {
            0
        };
        sleepable | frags
    }

    /// Whether it is loaded for a kernel type or function, by BTF id.
    pub const fn attach_btf(&self) -> bool {
        self.flags & B != 0
    }

    /// Whether it loads without the attach type where the kernel does not know that.
    pub const fn attach_type_optional(&self) -> bool {
        self.flags & O != 0
    }

    /// Whether the hook is the return of the function.
    pub const fn on_return(&self) -> bool {
        self.flags & R != 0
    }

    /// What a section name has after this row's name; `None` where the row does not match.
    fn matches<'n>(&self, name: &'n str) -> Option<Option<&'n str>> {
        let Some(stem) = self.pattern.strip_suffix('+') else {
            if self.pattern.ends_with('/') {
                return name.strip_prefix(self.pattern).map(Some);
            }
            return (name == self.pattern).then_some(None);
        };
        match name.strip_prefix(stem)? {
            "" => Some(None),
            rest => rest.strip_prefix('/').map(Some),
        }
    }
}

/// The row for a section name (without a leading `?`), and the target that the name gives.
///
/// `exact` is false for names that only older loaders took (`xdp_prog`, `classifier/name`): the
/// longest row that the name begins with, what follows being no part of a word.
pub fn find(name: &str) -> Option<Found<'_>> {
    find_with(name, &[])
}

/// [`find`] with rows of the caller's own, which come after the table's.
pub fn find_with<'n>(name: &'n str, own: &[SectionDef]) -> Option<Found<'n>> {
    let exact = |def: &SectionDef| {
        let target = def.matches(name)?;
        Some(Found {
            def: *def,
            target: target.filter(|t| !t.is_empty()),
            exact: true,
        })
    };
    let known = || TABLE.iter().chain(own).find_map(exact);
    known().or_else(|| older(name)).or_else(|| {
        let any = own.iter().find(|def| def.pattern.is_empty())?;
        Some(Found {
            def: *any,
            target: None,
            exact: true,
        })
    })
}

/// The row that older loaders took a name for.
fn older(name: &str) -> Option<Found<'_>> {
    let older = TABLE.iter().filter(|def| {
        let rest = name.strip_prefix(def.pattern);
        rest.is_some_and(|rest| rest.starts_with(|c: char| !c.is_ascii_alphabetic()))
    });
    let aliases = ALIASES
        .iter()
        .filter(|(alias, _)| match name.strip_prefix(alias) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        });
    let named = aliases.filter_map(|&(_, row)| TABLE.iter().find(|def| def.pattern == row));
    let def = older.chain(named).max_by_key(|def| def.pattern.len())?;
    Some(Found {
        def: *def,
        target: None,
        exact: false,
    })
}

/// What [`find`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'n> {
    /// The row.
    pub def: SectionDef,
    /// What follows the slash.
    pub target: Option<&'n str>,
    /// Whether the name is one that current loaders take.
    pub exact: bool,
}

/// Names that other loaders take, and the row that is meant.
const ALIASES: &[(&str, &str)] = &[("socket_filter", "socket"), ("cgroup_skb", "cgroup/skb")];

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
    "lwt_in" LWT_IN 0 None 0;
    "lwt_out" LWT_OUT 0 None 0;
    "lwt_xmit" LWT_XMIT 0 None 0;
    "lwt_seg6local" LWT_SEG6LOCAL 0 None 0;
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

#[cfg(test)]
mod tests {
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
}
