//! Where fields are in `union bpf_attr`, a module a command. Offsets in bytes; `SIZE` is what the
//! command is given.

/// `BPF_MAP_CREATE`.
pub mod map_create {
    #![expect(missing_docs, reason = "the kernel's names")]
    pub const MAP_TYPE: u32 = 0;
    pub const KEY_SIZE: u32 = 4;
    pub const VALUE_SIZE: u32 = 8;
    pub const MAX_ENTRIES: u32 = 12;
    pub const MAP_FLAGS: u32 = 16;
    pub const INNER_MAP_FD: u32 = 20;
    pub const NUMA_NODE: u32 = 24;
    pub const MAP_NAME: u32 = 28;
    pub const MAP_IFINDEX: u32 = 44;
    pub const BTF_FD: u32 = 48;
    pub const BTF_KEY_TYPE_ID: u32 = 52;
    pub const BTF_VALUE_TYPE_ID: u32 = 56;
    pub const MAP_EXTRA: u32 = 64;
    pub const SIZE: u32 = 72;
}

/// `BPF_MAP_UPDATE_ELEM`; `BPF_MAP_FREEZE` takes its first field.
pub mod map_elem {
    #![expect(missing_docs, reason = "the kernel's names")]
    pub const MAP_FD: u32 = 0;
    pub const KEY: u32 = 8;
    pub const VALUE: u32 = 16;
    pub const SIZE: u32 = 32;
    pub const FREEZE_SIZE: u32 = 4;
}

/// `BPF_PROG_LOAD`.
pub mod prog_load {
    #![expect(missing_docs, reason = "the kernel's names")]
    pub const PROG_TYPE: u32 = 0;
    pub const INSN_CNT: u32 = 4;
    pub const INSNS: u32 = 8;
    pub const LICENSE: u32 = 16;
    pub const LOG_LEVEL: u32 = 24;
    pub const LOG_SIZE: u32 = 28;
    pub const LOG_BUF: u32 = 32;
    pub const KERN_VERSION: u32 = 40;
    pub const PROG_FLAGS: u32 = 44;
    pub const PROG_NAME: u32 = 48;
    pub const PROG_IFINDEX: u32 = 64;
    pub const EXPECTED_ATTACH_TYPE: u32 = 68;
    pub const PROG_BTF_FD: u32 = 72;
    pub const FUNC_INFO_REC_SIZE: u32 = 76;
    pub const FUNC_INFO: u32 = 80;
    pub const FUNC_INFO_CNT: u32 = 88;
    pub const LINE_INFO_REC_SIZE: u32 = 92;
    pub const LINE_INFO: u32 = 96;
    pub const LINE_INFO_CNT: u32 = 104;
    pub const ATTACH_BTF_ID: u32 = 108;
    pub const ATTACH_PROG_FD: u32 = 112;
    pub const CORE_RELO_CNT: u32 = 116;
    pub const FD_ARRAY: u32 = 120;
    pub const CORE_RELOS: u32 = 128;
    pub const CORE_RELO_REC_SIZE: u32 = 136;
    pub const SIZE: u32 = 144;
}

/// `BPF_BTF_LOAD`.
pub mod btf_load {
    #![expect(missing_docs, reason = "the kernel's names")]
    pub const BTF: u32 = 0;
    pub const BTF_SIZE: u32 = 16;
    pub const SIZE: u32 = 32;
}
