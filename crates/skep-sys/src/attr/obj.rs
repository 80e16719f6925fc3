//! Attributes of the commands on any object: pins, ids, descriptors, information.

use super::plain;

plain! {
    /// `BPF_OBJ_PIN`, `BPF_OBJ_GET`.
    ObjPin: "bpf_attr" "" from 0, min 12 {
        pathname: u64,
        bpf_fd: u32,
        file_flags: u32,
        path_fd: i32,
        _pad: u32,
    }

    /// `BPF_*_GET_NEXT_ID`, `BPF_*_GET_FD_BY_ID`.
    GetId: "bpf_attr" "" from 0, min 8 {
        /// Also `prog_id`, `map_id`, `btf_id`, `link_id`.
        start_id: u32,
        next_id: u32,
        open_flags: u32,
        fd_by_id_token_fd: i32,
    }

    /// `BPF_OBJ_GET_INFO_BY_FD`.
    ObjInfo: "bpf_attr" "info." from 0, min 16 {
        bpf_fd: u32,
        info_len: u32,
        info: u64,
    }

    /// `BPF_TASK_FD_QUERY`.
    TaskFdQuery: "bpf_attr" "task_fd_query." from 0, min 48 {
        pid: u32,
        fd: u32,
        flags: u32,
        buf_len: u32,
        buf: u64,
        prog_id: u32,
        fd_type: u32,
        probe_offset: u64,
        probe_addr: u64,
    }

    /// `BPF_ENABLE_STATS`.
    EnableStats: "bpf_attr" "enable_stats." from 0, min 4 {
        kind: u32 = "type",
    }

    /// `BPF_TOKEN_CREATE`.
    TokenCreate: "bpf_attr" "token_create." from 0, min 8 {
        flags: u32,
        bpffs_fd: u32,
    }
}
