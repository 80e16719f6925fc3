//! What `BPF_OBJ_GET_INFO_BY_FD` answers about links: a head, and a part a type of link.

use super::plain;

plain! {
    /// The head of `struct bpf_link_info`; the part of the link's type follows in `rest`.
    RawLinkInfo: "bpf_link_info" "" from 0, min 0 {
        kind: u32 = "type",
        id: u32,
        prog_id: u32,
        _pad: u32,
        /// Raw bytes of the part.
        _pad2: [u64; 8],
    }

    /// Part of a raw tracepoint link.
    LinkRawTracepoint: "bpf_link_info" "raw_tracepoint." from 16, min 0 {
        tp_name: u64,
        tp_name_len: u32,
        _pad: u32,
        cookie: u64,
    }

    /// Part of a tracing link.
    LinkTracing: "bpf_link_info" "tracing." from 16, min 0 {
        attach_type: u32,
        target_obj_id: u32,
        target_btf_id: u32,
        _pad: u32,
        cookie: u64,
    }

    /// Part of a cgroup link.
    LinkCgroup: "bpf_link_info" "cgroup." from 16, min 0 {
        cgroup_id: u64,
        attach_type: u32,
        _pad: u32,
    }

    /// Part of an iterator link, over a map and over cgroups.
    LinkIter: "bpf_link_info" "iter." from 16, min 0 {
        target_name: u64,
        target_name_len: u32,
        map_id: u32 = "map.map_id",
        cgroup_id: u64 = "cgroup.cgroup_id",
        order: u32 = "cgroup.order",
        _pad: u32,
    }

    /// Part of an iterator link over tasks.
    LinkIterTask: "bpf_link_info" "iter." from 16, min 0 {
        target_name: u64,
        target_name_len: u32,
        _pad: u32,
        tid: u32 = "task.tid",
        pid: u32 = "task.pid",
    }

    /// Part of a network namespace link.
    LinkNetns: "bpf_link_info" "netns." from 16, min 0 {
        netns_ino: u32,
        attach_type: u32,
    }

    /// Part of an XDP link.
    LinkXdp: "bpf_link_info" "xdp." from 16, min 0 {
        ifindex: u32,
    }

    /// Part of a struct_ops link.
    LinkStructOps: "bpf_link_info" "struct_ops." from 16, min 0 {
        map_id: u32,
    }

    /// Part of a netfilter link.
    LinkNetfilter: "bpf_link_info" "netfilter." from 16, min 0 {
        pf: u32,
        hooknum: u32,
        priority: i32,
        flags: u32,
    }

    /// Part of a kprobe_multi link.
    LinkKprobeMulti: "bpf_link_info" "kprobe_multi." from 16, min 0 {
        addrs: u64,
        count: u32,
        flags: u32,
        missed: u64,
        cookies: u64,
    }

    /// Part of a uprobe_multi link.
    LinkUprobeMulti: "bpf_link_info" "uprobe_multi." from 16, min 0 {
        path: u64,
        offsets: u64,
        ref_ctr_offsets: u64,
        cookies: u64,
        path_size: u32,
        count: u32,
        flags: u32,
        pid: u32,
    }

    /// Part of a link of a tracing program on many kernel functions.
    LinkTracingMulti: "bpf_link_info" "tracing_multi." from 16, min 0 {
        attach_type: u32,
        count: u32,
        btf_obj_id: u32,
        _pad: u32,
        ids: u64,
        addrs: u64,
        cookies: u64,
    }

    /// Part of a perf event link on a uprobe.
    LinkUprobe: "bpf_link_info" "perf_event." from 16, min 0 {
        kind: u32 = "type",
        _pad: u32,
        file_name: u64 = "uprobe.file_name",
        name_len: u32 = "uprobe.name_len",
        offset: u32 = "uprobe.offset",
        cookie: u64 = "uprobe.cookie",
        ref_ctr_offset: u64 = "uprobe.ref_ctr_offset",
    }

    /// Part of a perf event link on a kprobe.
    LinkKprobe: "bpf_link_info" "perf_event." from 16, min 0 {
        kind: u32 = "type",
        _pad: u32,
        func_name: u64 = "kprobe.func_name",
        name_len: u32 = "kprobe.name_len",
        offset: u32 = "kprobe.offset",
        addr: u64 = "kprobe.addr",
        missed: u64 = "kprobe.missed",
        cookie: u64 = "kprobe.cookie",
    }

    /// Part of a perf event link on a tracepoint.
    LinkTracepoint: "bpf_link_info" "perf_event." from 16, min 0 {
        kind: u32 = "type",
        _pad: u32,
        tp_name: u64 = "tracepoint.tp_name",
        name_len: u32 = "tracepoint.name_len",
        _pad2: u32,
        cookie: u64 = "tracepoint.cookie",
    }

    /// Part of a perf event link on another event.
    LinkEvent: "bpf_link_info" "perf_event." from 16, min 0 {
        kind: u32 = "type",
        _pad: u32,
        config: u64 = "event.config",
        event_type: u32 = "event.type",
        _pad2: u32,
        cookie: u64 = "event.cookie",
    }

    /// Part of a tcx link.
    LinkTcx: "bpf_link_info" "tcx." from 16, min 0 {
        ifindex: u32,
        attach_type: u32,
    }

    /// Part of a netkit link.
    LinkNetkit: "bpf_link_info" "netkit." from 16, min 0 {
        ifindex: u32,
        attach_type: u32,
    }

    /// Part of a sockmap link.
    LinkSockmap: "bpf_link_info" "sockmap." from 16, min 0 {
        map_id: u32,
        attach_type: u32,
    }
}
