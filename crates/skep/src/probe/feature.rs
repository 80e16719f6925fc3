//! The table of features: which kernel brought each, and how it is asked for.

use super::ask::Asked;
use super::{Answer, Origin, answer, btf, insns, link, map_flag, prog};
use crate::system::System;
use skep_codec::Errno;
use skep_codec::uapi::bpf::Cmd;
use skep_sys::bpf::knows_command;

/// What a feature is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Types, as objects bring them and the kernel has them.
    Btf,
    /// Flags and fields of maps, and commands on them.
    Map,
    /// Programs, how they are loaded and what they may be.
    Program,
    /// Instructions.
    Instruction,
    /// Links and other attachments.
    Link,
}

/// A row.
struct Row {
    feature: Feature,
    name: &'static str,
    group: Group,
    origin: Origin,
    ask: fn(&System) -> Asked,
}

macro_rules! features {
    ($($group:ident { $(
        $(#[$doc:meta])* $name:ident $since:literal [$($config:literal)*] $ask:expr;
    )+ })+) => {
        /// Something that not every kernel can do.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature { $($($(#[$doc])* $name,)+)+ }

        const TABLE: &[Row] = &[$($(Row {
            feature: Feature::$name,
            name: stringify!($name),
            group: Group::$group,
            origin: Origin { since: $since, config: &[$($config),*] },
            ask: $ask,
        },)+)+];
    };
}

features! {
Btf {
    /// BTF can be uploaded at all.
    Btf "4.18" [] btf::int_only;
    /// `BTF_KIND_FUNC` and `FUNC_PROTO`.
    BtfFunc "5.0" [] btf::func;
    /// `BTF_KIND_VAR` and `DATASEC`.
    BtfDatasec "5.2" [] btf::datasec;
    /// Functions of global linkage in BTF.
    BtfGlobalFunc "5.6" [] btf::global_func;
    /// Data sections without variables: constants of local arrays are in such.
    BtfEmptyDatasec "5.12" [] btf::empty_datasec;
    /// `BTF_KIND_FLOAT`.
    BtfFloat "5.13" [] btf::float;
    /// `BTF_KIND_DECL_TAG`.
    BtfDeclTag "5.16" [] btf::decl_tag;
    /// `BTF_KIND_TYPE_TAG`.
    BtfTypeTag "5.17" [] btf::type_tag;
    /// `BTF_KIND_ENUM64`.
    BtfEnum64 "6.0" [] btf::enum64;
    /// Data sections whose names begin with `?`.
    BtfQmarkDatasec "6.10" [] btf::qmark_datasec;
    /// The kernel's own types, in `/sys/kernel/btf/vmlinux`.
    KernelBtf "5.4" ["DEBUG_INFO_BTF"] btf::kernel;
}
Map {
    /// Names of maps.
    ObjectName "4.15" [] map_flag::name;
    /// Elements are allocated when they are made (`BPF_F_NO_PREALLOC`).
    MapNoPrealloc "4.6" [] map_flag::no_prealloc;
    /// An LRU list for each CPU (`BPF_F_NO_COMMON_LRU`).
    MapNoCommonLru "4.10" [] map_flag::no_common_lru;
    /// Memory of a chosen node (`BPF_F_NUMA_NODE`).
    MapNumaNode "4.14" [] map_flag::numa_node;
    /// Maps that user space can only read (`BPF_F_RDONLY`, `BPF_F_WRONLY`).
    MapRdonly "4.15" [] map_flag::rdonly;
    /// Stacks as build id and offset (`BPF_F_STACK_BUILD_ID`).
    MapStackBuildId "4.17" ["PERF_EVENTS"] map_flag::stack_build_id;
    /// Hash without a random seed (`BPF_F_ZERO_SEED`).
    MapZeroSeed "5.0" [] map_flag::zero_seed;
    /// Maps that programs can only read (`BPF_F_RDONLY_PROG`, `BPF_F_WRONLY_PROG`).
    MapRdonlyProg "5.2" [] map_flag::rdonly_prog;
    /// Global data: maps whose values instructions refer to directly.
    GlobalData "5.2" [] insns::global_data;
    /// `BPF_MAP_FREEZE`.
    MapFreeze "5.2" [] |s| knows_command(s.kernel(), Cmd::MAP_FREEZE);
    /// Array maps that user space can map (`BPF_F_MMAPABLE`).
    MmapableArray "5.5" [] map_flag::mmapable;
    /// Many elements in a call (`BPF_MAP_LOOKUP_BATCH`).
    MapBatch "5.6" [] |s| knows_command(s.kernel(), Cmd::MAP_LOOKUP_BATCH);
    /// Perf events stay when the map is closed (`BPF_F_PRESERVE_ELEMS`).
    MapPreserveElems "5.10" [] map_flag::preserve_elems;
    /// Inner arrays of different lengths (`BPF_F_INNER_MAP`).
    MapInnerMap "5.10" [] map_flag::inner_map;
    /// Maps and programs are charged to the memory cgroup, not to `RLIMIT_MEMLOCK`.
    MemcgAccounting "5.11" [] insns::ktime_get_coarse_ns;
    /// Arenas that give `SIGSEGV` where nothing is allocated (`BPF_F_SEGV_ON_FAULT`).
    MapSegvOnFault "6.9" ["BPF_JIT"] map_flag::segv_on_fault;
    /// Maps for one program only, by its digest.
    MapExclusive "6.18" [] map_flag::exclusive;
    /// Ring buffers that overwrite their oldest records (`BPF_F_RB_OVERWRITE`).
    MapRbOverwrite "6.19" [] map_flag::rb_overwrite;
}
Program {
    /// Names of programs.
    ProgName "4.15" [] prog::prog_name;
    /// What a program is to attach to is looked at when it is loaded.
    ExpectedAttachType "4.17" ["CGROUP_BPF"] prog::expected_attach_type;
    /// Programs of up to a million instructions, not 4096.
    LargeProgram "5.2" [] insns::large_program;
    /// Loops that the verifier can see the end of.
    BoundedLoop "5.3" [] insns::bounded_loop;
    /// `bpf_probe_read_kernel` and `bpf_probe_read_user`.
    ProbeReadKernel "5.5" ["BPF_EVENTS"] prog::probe_read_kernel;
    /// Programs at the entry and exit of kernel functions.
    Fentry "5.5" ["BPF_JIT" "FUNCTION_TRACER" "NET"] prog::fentry;
    /// Programs that replace what a kernel function returns.
    FmodRet "5.7" ["BPF_JIT" "FUNCTION_TRACER" "SECURITY"] prog::fmod_ret;
    /// A program's use of a map without naming it (`BPF_PROG_BIND_MAP`).
    ProgBindMap "5.10" [] |s| knows_command(s.kernel(), Cmd::PROG_BIND_MAP);
    /// A cookie for each attachment (`bpf_get_attach_cookie`).
    BpfCookie "5.15" ["BPF_EVENTS"] prog::cookie;
    /// System calls take their arguments in a `struct pt_regs`.
    SyscallWrapper "4.17" ["ARCH_HAS_SYSCALL_WRAPPER" "DEBUG_INFO_BTF"] btf::syscall_wrapper;
    /// Privilege lent by a BPF file system (`BPF_TOKEN_CREATE`).
    Token "6.9" [] |s| knows_command(s.kernel(), Cmd::TOKEN_CREATE);
    /// Parameters tagged `arg:ctx` are the program's context.
    ArgCtxTag "6.8" ["BPF_EVENTS"] prog::arg_ctx_tag;
    /// All maps of a program in one list.
    FdArrayCounted "6.14" [] prog::fd_array_counted;
    /// What a program prints is kept with it (`BPF_PROG_STREAM_READ_BY_FD`).
    ProgStream "6.17" [] |s| knows_command(s.kernel(), Cmd::PROG_STREAM_READ_BY_FD);
    /// One program at both entry and exit of a kernel function.
    Fsession "7.0" ["BPF_JIT" "FUNCTION_TRACER" "NET"] prog::fsession;
    /// Programs that belong to a `struct_ops` map (`BPF_PROG_ASSOC_STRUCT_OPS`).
    ProgAssocStructOps "7.0" ["BPF_JIT"] |s| knows_command(s.kernel(), Cmd::PROG_ASSOC_STRUCT_OPS);
    /// Programs at tracepoints of system calls that may sleep.
    SleepableTracepoint "7.2" ["BPF_EVENTS"] prog::sleepable_tracepoint;
}
Instruction {
    /// Jumps if less, which `-mcpu=v2` adds.
    InsnV2 "4.14" [] insns::v2;
    /// Functions within a program.
    BpfCall "4.16" [] insns::bpf_call;
    /// Jumps on 32 bits, which `-mcpu=v3` adds.
    InsnV3 "5.1" [] insns::jmp32;
    /// Atomic instructions that fetch, exchange, compare.
    Atomics "5.12" [] insns::atomics;
    /// The address of a function as a value.
    Callback "5.13" ["BPF_JIT"] insns::callback;
    /// All that `-mcpu=v4` adds.
    InsnV4 "6.6" [] insns::v4;
    /// Signed division and remainder (v4).
    SignedDiv "6.6" [] insns::sdiv;
    /// Moves that extend the sign (v4).
    MovSignExtend "6.6" [] insns::movsx;
    /// Loads that extend the sign (v4).
    LoadSignExtend "6.6" [] insns::ldsx;
    /// Jumps of 32 bits' reach (v4).
    LongJump "6.6" [] insns::gotol;
    /// Unconditional byte swap (v4).
    Bswap "6.6" [] insns::bswap;
    /// Loops that the kernel ends if they take too long.
    MayGoto "6.9" [] insns::may_goto;
    /// Loads that acquire and stores that release.
    LoadAcquire "6.15" [] insns::load_acquire;
    /// `may_goto` by the clock, not by count.
    TimedMayGoto "6.15" ["BPF_JIT"] insns::timed_may_goto;
    /// Jumps to a computed place.
    IndirectJump "6.19" ["BPF_JIT"] insns::gotox;
}
Link {
    /// Raw tracepoints (`BPF_RAW_TRACEPOINT_OPEN`).
    RawTracepoint "4.17" ["BPF_EVENTS"] |s| knows_command(s.kernel(), Cmd::RAW_TRACEPOINT_OPEN);
    /// Links to a cgroup.
    LinkCgroup "5.7" ["CGROUP_BPF"] link::cgroup;
    /// Links to a network namespace.
    LinkNetns "5.8" ["NET"] link::netns;
    /// Iterators (`BPF_ITER_CREATE`).
    LinkIter "5.8" [] |s| knows_command(s.kernel(), Cmd::ITER_CREATE);
    /// Links to an interface, XDP.
    LinkXdp "5.9" ["NET"] link::xdp;
    /// `BPF_LINK_DETACH`.
    LinkDetach "5.9" [] |s| knows_command(s.kernel(), Cmd::LINK_DETACH);
    /// Links to a perf event: kprobe, uprobe, tracepoint.
    LinkPerfEvent "5.15" ["PERF_EVENTS"] link::perf_event;
    /// Links to many kernel functions.
    LinkKprobeMulti "5.18" ["FPROBE"] link::kprobe_multi;
    /// Links of `struct_ops`.
    LinkStructOps "6.4" ["BPF_JIT"] link::struct_ops_link;
    /// Links to a netfilter hook.
    LinkNetfilter "6.4" ["NETFILTER_BPF_LINK"] link::netfilter;
    /// Links to an interface, tcx.
    LinkTcx "6.6" ["NET_XGRESS"] link::tcx;
    /// Links to many places in a file.
    LinkUprobeMulti "6.6" ["UPROBES"] link::uprobe_multi;
    /// Links to a netkit device.
    LinkNetkit "6.7" ["NETKIT"] link::netkit;
    /// Links to many kernel functions' entries and exits at once.
    LinkKprobeSession "6.10" ["FPROBE"] link::kprobe_session;
    /// Links to a sockmap.
    LinkSockmap "6.10" ["NET"] link::sockmap;
    /// Links to many places in a file, when they are come to and left.
    LinkUprobeSession "6.13" ["UPROBES"] link::uprobe_session;
    /// Attachments to a cgroup that go before those of cgroups below (`BPF_F_PREORDER`).
    CgroupPreorder "6.15" ["CGROUP_BPF"] link::cgroup_preorder;
    /// Attachments to a cgroup in a chosen order.
    CgroupOrder "6.17" ["CGROUP_BPF"] link::cgroup_order;
    /// Links to many kernel functions' entries, for tracing programs.
    LinkTracingMulti "7.2" ["DYNAMIC_FTRACE_WITH_DIRECT_CALLS"] link::tracing_multi;
}
}

/// Rows of the table.
pub(super) const COUNT: usize = TABLE.len();

impl Feature {
    /// Every feature, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.feature)
    }

    /// Its name, as the variant is spelled.
    pub fn name(self) -> &'static str {
        row(self).map_or("", |row| row.name)
    }

    /// What it is about.
    pub fn group(self) -> Group {
        row(self).map_or(Group::Program, |row| row.group)
    }
}

fn row(feature: Feature) -> Option<&'static Row> {
    TABLE.get(feature as usize)
}

/// Where a feature comes from.
pub(super) fn origin(feature: Feature) -> Origin {
    const NONE: Origin = Origin {
        since: "",
        config: &[],
    };
    row(feature).map_or(NONE, |row| row.origin)
}

/// Whether the kernel has a feature, asked now.
pub(super) fn ask(system: &System, feature: Feature) -> Answer {
    match row(feature) {
        Some(row) => answer((row.ask)(system)),
        None => Answer::Unknown(Errno::EINVAL),
    }
}
