//! Attributes of the commands on maps.

use super::plain;

plain! {
    /// `BPF_MAP_CREATE`.
    MapCreate: "bpf_attr" "" from 0, min 28 {
        map_type: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        map_flags: u32,
        inner_map_fd: u32,
        numa_node: u32,
        map_name: [u8; 16],
        map_ifindex: u32,
        btf_fd: u32,
        btf_key_type_id: u32,
        btf_value_type_id: u32,
        btf_vmlinux_value_type_id: u32,
        map_extra: u64,
        value_type_btf_obj_fd: i32,
        map_token_fd: i32,
        excl_prog_hash: u64,
        excl_prog_hash_size: u32,
        _pad: u32,
    }

    /// `BPF_MAP_LOOKUP_ELEM`, `UPDATE_ELEM`, `DELETE_ELEM`, `GET_NEXT_KEY`,
    /// `LOOKUP_AND_DELETE_ELEM`, `FREEZE`.
    MapElem: "bpf_attr" "" from 0, min 32 {
        map_fd: u32,
        _pad: u32,
        key: u64,
        /// Also `next_key`.
        value: u64,
        flags: u64,
    }

    /// `BPF_MAP_FREEZE`, which takes nothing but the map.
    MapFreeze: "bpf_attr" "" from 0, min 4 {
        map_fd: u32,
    }

    /// `BPF_MAP_LOOKUP_BATCH`, `LOOKUP_AND_DELETE_BATCH`, `UPDATE_BATCH`, `DELETE_BATCH`.
    MapBatch: "bpf_attr" "batch." from 0, min 56 {
        in_batch: u64,
        out_batch: u64,
        keys: u64,
        values: u64,
        count: u32,
        map_fd: u32,
        elem_flags: u64,
        flags: u64,
    }
}
