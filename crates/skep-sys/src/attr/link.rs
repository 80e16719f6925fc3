//! Attributes of the commands on links. `BPF_LINK_CREATE` is a struct a kind of link: they
//! share the first 16 bytes.

use super::plain;

plain! {
    /// `BPF_RAW_TRACEPOINT_OPEN`.
    RawTpOpen: "bpf_attr" "raw_tracepoint." from 0, min 12 {
        name: u64,
        prog_fd: u32,
        _pad: u32,
        cookie: u64,
    }

    /// `BPF_LINK_CREATE` of links that ask for nothing more than a BTF id, if that.
    LinkCreate: "bpf_attr" "link_create." from 0, min 16 {
        /// Also `map_fd`.
        prog_fd: u32,
        /// Also `target_ifindex`.
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        target_btf_id: u32,
    }

    /// `BPF_LINK_CREATE` of an iterator.
    LinkCreateIter: "bpf_attr" "link_create." from 0, min 16 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        iter_info: u64,
        iter_info_len: u32,
        _pad: u32,
    }

    /// `BPF_LINK_CREATE` on a perf event.
    LinkCreatePerfEvent: "bpf_attr" "link_create." from 0, min 16 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        bpf_cookie: u64 = "perf_event.bpf_cookie",
    }

    /// `BPF_LINK_CREATE` on many kernel functions.
    LinkCreateKprobeMulti: "bpf_attr" "link_create." from 0, min 16 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        multi_flags: u32 = "kprobe_multi.flags",
        cnt: u32 = "kprobe_multi.cnt",
        syms: u64 = "kprobe_multi.syms",
        addrs: u64 = "kprobe_multi.addrs",
        cookies: u64 = "kprobe_multi.cookies",
    }

    /// `BPF_LINK_CREATE` of a tracing program (fentry, fexit, LSM, tp_btf, freplace).
    LinkCreateTracing: "bpf_attr" "link_create." from 0, min 16 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        target_btf_id: u32 = "tracing.target_btf_id",
        _pad: u32,
        cookie: u64 = "tracing.cookie",
    }

    /// `BPF_LINK_CREATE` of a netfilter hook.
    LinkCreateNetfilter: "bpf_attr" "link_create." from 0, min 16 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        pf: u32 = "netfilter.pf",
        hooknum: u32 = "netfilter.hooknum",
        priority: i32 = "netfilter.priority",
        netfilter_flags: u32 = "netfilter.flags",
    }

    /// `BPF_LINK_CREATE` of links with an order: tcx, netkit, cgroup.
    LinkCreateRelative: "bpf_attr" "link_create." from 0, min 16 {
        prog_fd: u32,
        /// Also `target_ifindex`.
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        /// Also `relative_id`; the same in `netkit` and `cgroup`.
        relative_fd: u32 = "tcx.relative_fd",
        _pad: u32,
        expected_revision: u64 = "tcx.expected_revision",
    }

    /// `BPF_LINK_CREATE` on many places of a user program.
    LinkCreateUprobeMulti: "bpf_attr" "link_create." from 0, min 16 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        path: u64 = "uprobe_multi.path",
        offsets: u64 = "uprobe_multi.offsets",
        ref_ctr_offsets: u64 = "uprobe_multi.ref_ctr_offsets",
        cookies: u64 = "uprobe_multi.cookies",
        cnt: u32 = "uprobe_multi.cnt",
        multi_flags: u32 = "uprobe_multi.flags",
        pid: u32 = "uprobe_multi.pid",
        _pad: u32,
    }

    /// `BPF_LINK_CREATE` of a tracing program on many kernel functions.
    LinkCreateTracingMulti: "bpf_attr" "link_create." from 0, min 16 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        ids: u64 = "tracing_multi.ids",
        cookies: u64 = "tracing_multi.cookies",
        cnt: u32 = "tracing_multi.cnt",
        _pad: u32,
    }

    /// `BPF_LINK_UPDATE`.
    LinkUpdate: "bpf_attr" "link_update." from 0, min 12 {
        link_fd: u32,
        /// Also `new_map_fd`.
        new_prog_fd: u32,
        flags: u32,
        /// Also `old_map_fd`.
        old_prog_fd: u32,
    }

    /// `BPF_LINK_DETACH`.
    LinkDetach: "bpf_attr" "link_detach." from 0, min 4 {
        link_fd: u32,
    }

    /// `BPF_ITER_CREATE`.
    IterCreate: "bpf_attr" "iter_create." from 0, min 8 {
        link_fd: u32,
        flags: u32,
    }

    /// `union bpf_iter_link_info` for an iterator over a map's elements.
    IterMap: "bpf_iter_link_info" "" from 0, min 4 {
        map_fd: u32 = "map.map_fd",
    }

    /// `union bpf_iter_link_info` for an iterator over cgroups.
    IterCgroup: "bpf_iter_link_info" "" from 0, min 16 {
        order: u32 = "cgroup.order",
        cgroup_fd: u32 = "cgroup.cgroup_fd",
        cgroup_id: u64 = "cgroup.cgroup_id",
    }

    /// `union bpf_iter_link_info` for an iterator over tasks.
    IterTask: "bpf_iter_link_info" "" from 0, min 12 {
        tid: u32 = "task.tid",
        pid: u32 = "task.pid",
        pid_fd: u32 = "task.pid_fd",
    }
}
