//! What `BPF_OBJ_GET_INFO_BY_FD` answers about programs, maps, BTF and tokens.

use super::plain;

plain! {
    /// `struct bpf_prog_info`.
    RawProgInfo: "bpf_prog_info" "" from 0, min 0 {
        kind: u32 = "type",
        id: u32,
        tag: [u8; 8],
        jited_prog_len: u32,
        xlated_prog_len: u32,
        jited_prog_insns: u64,
        xlated_prog_insns: u64,
        load_time: u64,
        created_by_uid: u32,
        nr_map_ids: u32,
        map_ids: u64,
        name: [u8; 16],
        ifindex: u32,
        /// One bit: the first of the word, which is the lowest on little-endian machines.
        gpl_compatible: u32,
        netns_dev: u64,
        netns_ino: u64,
        nr_jited_ksyms: u32,
        nr_jited_func_lens: u32,
        jited_ksyms: u64,
        jited_func_lens: u64,
        btf_id: u32,
        func_info_rec_size: u32,
        func_info: u64,
        nr_func_info: u32,
        nr_line_info: u32,
        line_info: u64,
        jited_line_info: u64,
        nr_jited_line_info: u32,
        line_info_rec_size: u32,
        jited_line_info_rec_size: u32,
        nr_prog_tags: u32,
        prog_tags: u64,
        run_time_ns: u64,
        run_cnt: u64,
        recursion_misses: u64,
        verified_insns: u32,
        attach_btf_obj_id: u32,
        attach_btf_id: u32,
        _pad: u32,
    }

    /// `struct bpf_map_info`.
    RawMapInfo: "bpf_map_info" "" from 0, min 0 {
        kind: u32 = "type",
        id: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        map_flags: u32,
        name: [u8; 16],
        ifindex: u32,
        btf_vmlinux_value_type_id: u32,
        netns_dev: u64,
        netns_ino: u64,
        btf_id: u32,
        btf_key_type_id: u32,
        btf_value_type_id: u32,
        btf_vmlinux_id: u32,
        map_extra: u64,
        hash: u64,
        hash_size: u32,
        _pad: u32,
    }

    /// `struct bpf_btf_info`.
    RawBtfInfo: "bpf_btf_info" "" from 0, min 0 {
        btf: u64,
        btf_size: u32,
        id: u32,
        name: u64,
        name_len: u32,
        kernel_btf: u32,
    }

    /// `struct bpf_token_info`.
    TokenInfo: "bpf_token_info" "" from 0, min 0 {
        allowed_cmds: u64,
        allowed_maps: u64,
        allowed_progs: u64,
        allowed_attachs: u64,
    }
}
