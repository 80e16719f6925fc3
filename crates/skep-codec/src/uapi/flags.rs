//! Flags of `linux/bpf.h`, by their kernel names less `BPF_F_` where they have it.

macro_rules! flags {
    ($($name:ident = $raw:literal, $kernel:literal;)+) => {
        $(#[doc = concat!("`", $kernel, "`.")] pub const $name: u32 = $raw;)+
        /// Kernel name and value of those that the kernel's BTF names, for comparison.
        pub const ALL: &[(&str, u32)] = &[$(($kernel, $raw),)+];
    };
}

flags! {
    ANY = 0, "BPF_ANY";
    NOEXIST = 1, "BPF_NOEXIST";
    EXIST = 2, "BPF_EXIST";
    LOCK = 4, "BPF_F_LOCK";
    CPU = 8, "BPF_F_CPU";
    ALL_CPUS = 0x10, "BPF_F_ALL_CPUS";
    NO_PREALLOC = 1, "BPF_F_NO_PREALLOC";
    NO_COMMON_LRU = 2, "BPF_F_NO_COMMON_LRU";
    NUMA_NODE = 4, "BPF_F_NUMA_NODE";
    RDONLY = 8, "BPF_F_RDONLY";
    WRONLY = 0x10, "BPF_F_WRONLY";
    STACK_BUILD_ID = 0x20, "BPF_F_STACK_BUILD_ID";
    ZERO_SEED = 0x40, "BPF_F_ZERO_SEED";
    RDONLY_PROG = 0x80, "BPF_F_RDONLY_PROG";
    WRONLY_PROG = 0x100, "BPF_F_WRONLY_PROG";
    CLONE = 0x200, "BPF_F_CLONE";
    MMAPABLE = 0x400, "BPF_F_MMAPABLE";
    PRESERVE_ELEMS = 0x800, "BPF_F_PRESERVE_ELEMS";
    INNER_MAP = 0x1000, "BPF_F_INNER_MAP";
    LINK = 0x2000, "BPF_F_LINK";
    PATH_FD = 0x4000, "BPF_F_PATH_FD";
    VTYPE_BTF_OBJ_FD = 0x8000, "BPF_F_VTYPE_BTF_OBJ_FD";
    TOKEN_FD = 0x1_0000, "BPF_F_TOKEN_FD";
    SEGV_ON_FAULT = 0x2_0000, "BPF_F_SEGV_ON_FAULT";
    NO_USER_CONV = 0x4_0000, "BPF_F_NO_USER_CONV";
    RB_OVERWRITE = 0x8_0000, "BPF_F_RB_OVERWRITE";
    KPROBE_MULTI_RETURN = 1, "BPF_F_KPROBE_MULTI_RETURN";
    UPROBE_MULTI_RETURN = 1, "BPF_F_UPROBE_MULTI_RETURN";
}

/// `BPF_F_STRICT_ALIGNMENT` of `BPF_PROG_LOAD`.
pub const STRICT_ALIGNMENT: u32 = 1;
/// `BPF_F_ANY_ALIGNMENT` of `BPF_PROG_LOAD`.
pub const ANY_ALIGNMENT: u32 = 2;
/// `BPF_F_TEST_RND_HI32` of `BPF_PROG_LOAD`.
pub const TEST_RND_HI32: u32 = 4;
/// `BPF_F_TEST_STATE_FREQ` of `BPF_PROG_LOAD`.
pub const TEST_STATE_FREQ: u32 = 8;
/// `BPF_F_SLEEPABLE` of `BPF_PROG_LOAD`.
pub const SLEEPABLE: u32 = 0x10;
/// `BPF_F_XDP_HAS_FRAGS` of `BPF_PROG_LOAD`.
pub const XDP_HAS_FRAGS: u32 = 0x20;
/// `BPF_F_XDP_DEV_BOUND_ONLY` of `BPF_PROG_LOAD`.
pub const XDP_DEV_BOUND_ONLY: u32 = 0x40;
/// `BPF_F_TEST_REG_INVARIANTS` of `BPF_PROG_LOAD`.
pub const TEST_REG_INVARIANTS: u32 = 0x80;

/// `BPF_F_ALLOW_OVERRIDE` of `BPF_PROG_ATTACH`.
pub const ALLOW_OVERRIDE: u32 = 1;
/// `BPF_F_ALLOW_MULTI` of `BPF_PROG_ATTACH`.
pub const ALLOW_MULTI: u32 = 2;
/// `BPF_F_REPLACE` of `BPF_PROG_ATTACH` and `BPF_LINK_UPDATE`.
pub const REPLACE: u32 = 4;
/// `BPF_F_BEFORE` of ordered attachments.
pub const BEFORE: u32 = 8;
/// `BPF_F_AFTER` of ordered attachments.
pub const AFTER: u32 = 0x10;
/// `BPF_F_ID` of ordered attachments: the neighbour is named by id.
pub const ID: u32 = 0x20;
/// `BPF_F_PREORDER` of cgroup attachments.
pub const PREORDER: u32 = 0x40;

/// `BPF_F_QUERY_EFFECTIVE` of `BPF_PROG_QUERY`.
pub const QUERY_EFFECTIVE: u32 = 1;
/// `BPF_F_TEST_RUN_ON_CPU` of `BPF_PROG_TEST_RUN`.
pub const TEST_RUN_ON_CPU: u32 = 1;
/// `BPF_F_TEST_XDP_LIVE_FRAMES` of `BPF_PROG_TEST_RUN`.
pub const TEST_XDP_LIVE_FRAMES: u32 = 2;
/// `BPF_F_NETFILTER_IP_DEFRAG` of `BPF_LINK_CREATE`.
pub const NETFILTER_IP_DEFRAG: u32 = 1;

/// `BPF_LOG_LEVEL1`: the verifier's states and decisions.
pub const LOG_LEVEL1: u32 = 1;
/// `BPF_LOG_LEVEL2`: and every instruction.
pub const LOG_LEVEL2: u32 = 2;
/// `BPF_LOG_STATS`: statistics only.
pub const LOG_STATS: u32 = 4;
/// `BPF_LOG_FIXED`: keep the log's beginning, not its end (since 6.4).
pub const LOG_FIXED: u32 = 8;

/// `XDP_FLAGS_UPDATE_IF_NOEXIST`.
pub const XDP_UPDATE_IF_NOEXIST: u32 = 1;
/// `XDP_FLAGS_SKB_MODE`: generic.
pub const XDP_SKB_MODE: u32 = 2;
/// `XDP_FLAGS_DRV_MODE`: native.
pub const XDP_DRV_MODE: u32 = 4;
/// `XDP_FLAGS_HW_MODE`: offloaded.
pub const XDP_HW_MODE: u32 = 8;
/// `XDP_FLAGS_REPLACE`.
pub const XDP_REPLACE: u32 = 0x10;
