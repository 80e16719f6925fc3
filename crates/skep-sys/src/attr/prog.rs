//! Attributes of the commands on programs and BTF.

use super::plain;

plain! {
    /// `BPF_PROG_LOAD`.
    ProgLoad: "bpf_attr" "" from 0, min 48 {
        prog_type: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log_buf: u64,
        kern_version: u32,
        prog_flags: u32,
        prog_name: [u8; 16],
        prog_ifindex: u32,
        expected_attach_type: u32,
        prog_btf_fd: u32,
        func_info_rec_size: u32,
        func_info: u64,
        func_info_cnt: u32,
        line_info_rec_size: u32,
        line_info: u64,
        line_info_cnt: u32,
        attach_btf_id: u32,
        /// Also `attach_btf_obj_fd`.
        attach_prog_fd: u32,
        core_relo_cnt: u32,
        fd_array: u64,
        core_relos: u64,
        core_relo_rec_size: u32,
        log_true_size: u32,
        prog_token_fd: i32,
        fd_array_cnt: u32,
        signature: u64,
        signature_size: u32,
        keyring_id: i32,
    }

    /// `BPF_PROG_TEST_RUN`.
    TestRun: "bpf_attr" "test." from 0, min 40 {
        prog_fd: u32,
        retval: u32,
        data_size_in: u32,
        data_size_out: u32,
        data_in: u64,
        data_out: u64,
        repeat: u32,
        duration: u32,
        ctx_size_in: u32,
        ctx_size_out: u32,
        ctx_in: u64,
        ctx_out: u64,
        flags: u32,
        cpu: u32,
        batch_size: u32,
        _pad: u32,
    }

    /// `BPF_PROG_ATTACH`, `BPF_PROG_DETACH`.
    ProgAttach: "bpf_attr" "" from 0, min 16 {
        /// Also `target_ifindex`.
        target_fd: u32,
        attach_bpf_fd: u32,
        attach_type: u32,
        attach_flags: u32,
        replace_bpf_fd: u32,
        /// Also `relative_id`.
        relative_fd: u32,
        expected_revision: u64,
    }

    /// `BPF_PROG_QUERY`.
    ProgQuery: "bpf_attr" "query." from 0, min 28 {
        /// Also `target_ifindex`.
        target_fd: u32,
        attach_type: u32,
        query_flags: u32,
        attach_flags: u32,
        prog_ids: u64,
        /// Also `count`, since 6.6.
        prog_cnt: u32,
        _pad: u32,
        prog_attach_flags: u64,
        link_ids: u64,
        link_attach_flags: u64,
        revision: u64,
    }

    /// `BPF_PROG_BIND_MAP`.
    ProgBindMap: "bpf_attr" "prog_bind_map." from 0, min 12 {
        prog_fd: u32,
        map_fd: u32,
        flags: u32,
    }

    /// `BPF_PROG_ASSOC_STRUCT_OPS`.
    ProgAssocStructOps: "bpf_attr" "prog_assoc_struct_ops." from 0, min 12 {
        map_fd: u32,
        prog_fd: u32,
        flags: u32,
    }

    /// `BPF_PROG_STREAM_READ_BY_FD`.
    ProgStreamRead: "bpf_attr" "prog_stream_read." from 0, min 20 {
        stream_buf: u64,
        stream_buf_len: u32,
        stream_id: u32,
        prog_fd: u32,
        _pad: u32,
    }

    /// `BPF_BTF_LOAD`.
    BtfLoad: "bpf_attr" "" from 0, min 28 {
        btf: u64,
        btf_log_buf: u64,
        btf_size: u32,
        btf_log_size: u32,
        btf_log_level: u32,
        btf_log_true_size: u32,
        btf_flags: u32,
        btf_token_fd: i32,
    }

    /// A function of a program, `struct bpf_func_info`.
    FuncInfo: "bpf_func_info" "" from 0, min 8 {
        insn_off: u32,
        type_id: u32,
    }

    /// A source line of a program, `struct bpf_line_info`.
    LineInfo: "bpf_line_info" "" from 0, min 16 {
        insn_off: u32,
        file_name_off: u32,
        line_off: u32,
        line_col: u32,
    }

    /// A relocation that the kernel is to do, `struct bpf_core_relo`.
    CoreRelo: "bpf_core_relo" "" from 0, min 16 {
        insn_off: u32,
        type_id: u32,
        access_str_off: u32,
        kind: u32,
    }
}
