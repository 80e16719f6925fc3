//! The table of map types: what the smallest map of each is.

use super::ask::{Asked, array, btf, int, map};
use super::{Answer, Origin, answer, memlock};
use crate::system::System;
use skep_codec::Errno;
use skep_codec::btf::BtfBuilder;
use skep_codec::uapi::bpf::MapType;
use skep_codec::uapi::flags;
use skep_sys::CallError;
use skep_sys::bpf::MapParams;

/// What a map of a type takes beside sizes.
enum Needs {
    Nothing,
    /// `max_entries` is bytes: a page.
    Page,
    /// An array to be like.
    Inner,
    /// BTF types of key and value.
    Btf,
    /// A kernel type; one that will not do gives `ENOTSUPP`.
    KernelType,
}

/// A row: sizes of key and value, number of elements, flags.
pub(super) struct Row {
    map_type: MapType,
    pub(super) origin: Origin,
    sizes: [u32; 3],
    map_flags: u32,
    needs: Needs,
}

/// The row of a type.
pub(super) fn row(map_type: MapType) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.map_type == map_type)
}

macro_rules! rows {
    ($($name:ident $since:literal [$($config:literal)*] $key:literal $value:literal $entries:literal
        $flags:expr, $needs:ident;)+) => {
        const TABLE: &[Row] = &[$(Row {
            map_type: MapType::$name,
            origin: Origin { since: $since, config: &[$($config),*] },
            sizes: [$key, $value, $entries],
            map_flags: $flags,
            needs: Needs::$needs,
        },)+];
    };
}

rows! {
    HASH "3.19" [] 4 4 1 0, Nothing;
    ARRAY "3.19" [] 4 4 1 0, Nothing;
    PROG_ARRAY "4.2" [] 4 4 1 0, Nothing;
    PERF_EVENT_ARRAY "4.3" [] 4 4 1 0, Nothing;
    PERCPU_HASH "4.6" [] 4 4 1 0, Nothing;
    PERCPU_ARRAY "4.6" [] 4 4 1 0, Nothing;
    STACK_TRACE "4.6" ["PERF_EVENTS"] 4 8 1 0, Nothing;
    CGROUP_ARRAY "4.8" ["CGROUPS"] 4 4 1 0, Nothing;
    LRU_HASH "4.10" [] 4 4 1 0, Nothing;
    LRU_PERCPU_HASH "4.10" [] 4 4 1 0, Nothing;
    LPM_TRIE "4.11" [] 8 4 1 flags::NO_PREALLOC, Nothing;
    ARRAY_OF_MAPS "4.12" [] 4 4 1 0, Inner;
    HASH_OF_MAPS "4.12" [] 4 4 1 0, Inner;
    DEVMAP "4.14" ["NET"] 4 4 1 0, Nothing;
    SOCKMAP "4.14" ["NET" "BPF_STREAM_PARSER"] 4 4 1 0, Nothing;
    CPUMAP "4.15" ["NET"] 4 4 1 0, Nothing;
    XSKMAP "4.18" ["XDP_SOCKETS"] 4 4 1 0, Nothing;
    SOCKHASH "4.18" ["NET" "BPF_STREAM_PARSER"] 4 4 1 0, Nothing;
    CGROUP_STORAGE "4.19" ["CGROUP_BPF"] 16 4 0 0, Nothing;
    REUSEPORT_SOCKARRAY "4.19" ["INET"] 4 8 1 0, Nothing;
    PERCPU_CGROUP_STORAGE "4.20" ["CGROUP_BPF"] 16 4 0 0, Nothing;
    QUEUE "4.20" [] 0 4 1 0, Nothing;
    STACK "4.20" [] 0 4 1 0, Nothing;
    SK_STORAGE "5.2" ["NET"] 4 4 0 flags::NO_PREALLOC, Btf;
    DEVMAP_HASH "5.4" ["NET"] 4 4 1 0, Nothing;
    STRUCT_OPS "5.6" ["BPF_JIT"] 4 4 1 0, KernelType;
    RINGBUF "5.8" [] 0 0 0 0, Page;
    INODE_STORAGE "5.10" ["BPF_LSM"] 4 4 0 flags::NO_PREALLOC, Btf;
    TASK_STORAGE "5.11" [] 4 4 0 flags::NO_PREALLOC, Btf;
    BLOOM_FILTER "5.16" [] 0 4 1 0, Nothing;
    USER_RINGBUF "6.1" [] 0 0 0 0, Page;
    CGRP_STORAGE "6.2" ["CGROUPS"] 4 4 0 flags::NO_PREALLOC, Btf;
    ARENA "6.9" ["BPF_JIT"] 0 0 1 flags::MMAPABLE, Nothing;
    INSN_ARRAY "6.19" ["BPF_JIT"] 4 16 1 0, Nothing;
    RHASH "7.2" [] 4 4 1 flags::NO_PREALLOC, Nothing;
}

/// Whether the kernel has this type.
pub(super) fn ask(system: &System, map_type: MapType) -> Answer {
    match row(map_type) {
        Some(row) => match answer(create(system, row)) {
            // Device maps of Linux 5.4 to 5.10 say this where no more memory may be locked.
            Answer::No if memlock::is_used_up(system) => Answer::Unknown(Errno::EPERM),
            answer => answer,
        },
        // Without knowing what it takes, there is no telling a "no" from a wrong question.
        None => Answer::Unknown(Errno::EOPNOTSUPP),
    }
}

/// An arena with flags beside the one that it must have.
pub(super) fn arena(system: &System, map_flags: u32) -> Asked {
    let params = MapParams {
        map_type: MapType::ARENA,
        max_entries: 1,
        map_flags: flags::MMAPABLE | map_flags,
        ..MapParams::default()
    };
    map(system, &params).map(drop)
}

/// A struct_ops map of a type that is none of the kernel's: a kernel that has struct_ops, and the
/// flags, says `ENOTSUPP`.
pub(super) fn struct_ops(system: &System, map_flags: u32) -> Asked {
    let params = MapParams {
        map_type: MapType::STRUCT_OPS,
        btf_vmlinux_value_type_id: 1,
        map_flags,
        ..array()
    };
    knows(map(system, &params).map(drop), Errno::ENOTSUPP)
}

fn create(system: &System, row: &Row) -> Asked {
    let [key_size, value_size, max_entries] = row.sizes;
    let mut params = MapParams {
        map_type: row.map_type,
        key_size,
        value_size,
        max_entries,
        map_flags: row.map_flags,
        ..MapParams::default()
    };
    match row.needs {
        Needs::Nothing => {}
        Needs::Page => params.max_entries = system.page_size() as u32,
        Needs::Inner => {
            let inner = map(system, &array())?;
            params.inner_map = Some(&inner);
            return map(system, &params).map(drop);
        }
        Needs::Btf => {
            let add = |builder: &mut BtfBuilder| {
                int(builder);
            };
            let btf = btf(system, add)?;
            params.btf = Some(&btf);
            (params.btf_key_type_id, params.btf_value_type_id) = (1, 1);
            return map(system, &params).map(drop);
        }
        Needs::KernelType => return struct_ops(system, 0),
    }
    map(system, &params).map(drop)
}

/// Takes the error that shows that the kernel knows what it refuses for a success.
pub(super) fn knows(asked: Asked, by: Errno) -> Asked {
    match asked {
        Err(CallError { errno, .. }) if errno == by => Ok(()),
        asked => asked,
    }
}
