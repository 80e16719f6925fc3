//! Asking about flags and fields of `BPF_MAP_CREATE`: the smallest map that has them.

use super::ask::{Asked, array, map};
use super::map_type;
use crate::system::System;
use skep_codec::uapi::bpf::MapType;
use skep_codec::uapi::flags;
use skep_sys::bpf::MapParams;

fn array_with(system: &System, map_flags: u32) -> Asked {
    map(
        system,
        &MapParams {
            map_flags,
            ..array()
        },
    )
    .map(drop)
}

fn hash_with(system: &System, map_type: MapType, map_flags: u32) -> Asked {
    let params = MapParams {
        map_type,
        map_flags,
        ..array()
    };
    map(system, &params).map(drop)
}

pub(super) fn name(system: &System) -> Asked {
    let name = "skep_probe";
    map(system, &MapParams { name, ..array() }).map(drop)
}

pub(super) fn no_prealloc(system: &System) -> Asked {
    hash_with(system, MapType::HASH, flags::NO_PREALLOC)
}

pub(super) fn no_common_lru(system: &System) -> Asked {
    hash_with(system, MapType::LRU_HASH, flags::NO_COMMON_LRU)
}

pub(super) fn numa_node(system: &System) -> Asked {
    let numa_node = Some(0);
    map(
        system,
        &MapParams {
            numa_node,
            ..array()
        },
    )
    .map(drop)
}

pub(super) fn rdonly(system: &System) -> Asked {
    array_with(system, flags::RDONLY)
}

pub(super) fn stack_build_id(system: &System) -> Asked {
    let params = MapParams {
        map_type: MapType::STACK_TRACE,
        value_size: 32,
        map_flags: flags::STACK_BUILD_ID,
        ..array()
    };
    map(system, &params).map(drop)
}

pub(super) fn zero_seed(system: &System) -> Asked {
    hash_with(system, MapType::HASH, flags::ZERO_SEED)
}

pub(super) fn rdonly_prog(system: &System) -> Asked {
    array_with(system, flags::RDONLY_PROG)
}

pub(super) fn mmapable(system: &System) -> Asked {
    array_with(system, flags::MMAPABLE)
}

pub(super) fn preserve_elems(system: &System) -> Asked {
    hash_with(system, MapType::PERF_EVENT_ARRAY, flags::PRESERVE_ELEMS)
}

pub(super) fn inner_map(system: &System) -> Asked {
    array_with(system, flags::INNER_MAP)
}

pub(super) fn segv_on_fault(system: &System) -> Asked {
    map_type::arena(system, flags::SEGV_ON_FAULT)
}

pub(super) fn rb_overwrite(system: &System) -> Asked {
    let params = MapParams {
        map_type: MapType::RINGBUF,
        max_entries: system.page_size() as u32,
        map_flags: flags::RB_OVERWRITE,
        ..MapParams::default()
    };
    map(system, &params).map(drop)
}

/// For a program with this digest only.
pub(super) fn exclusive(system: &System) -> Asked {
    let excl_prog_hash = &[1; 32];
    let params = MapParams {
        excl_prog_hash,
        ..array()
    };
    map(system, &params).map(drop)
}
