//! A map from its specification: sizes completed as libbpf does, older kernels met halfway.

use super::Map;
use crate::error::Context;
use crate::probe::{Answer, Feature};
use crate::system::System;
use crate::{MapType, Result};
use alloc::sync::Arc;
use alloc::vec;
use skep_codec::Errno;
use skep_codec::btf::{Btf, TypeId};
use skep_codec::object::MapSpec;
use skep_sys::bpf::{self, MapParams};
use skep_sys::{CallError, Fd, process};

/// What a map is created with, besides its specification.
pub(crate) struct Created<'a> {
    /// The object's BTF, in the kernel and in memory.
    pub(crate) btf: Option<(&'a Fd, &'a Arc<Btf>)>,
    /// The inner map, for a map of maps.
    pub(crate) inner: Option<&'a Map>,
    /// Whether `RLIMIT_MEMLOCK` may be raised where the kernel charges maps to it.
    pub(crate) raise_memlock: bool,
}

/// Creates a map, and fills it if it holds a data section.
pub(crate) fn create(system: &System, spec: &MapSpec, with: &Created<'_>) -> Result<Map> {
    let what = || alloc::format!("create map `{}`", spec.name);
    let attr = attributes(system, spec, with)?;
    let fd = first_accepted(system, attr, with).context(what)?;
    let types = with.btf.filter(|_| spec.value_type != TypeId::VOID);
    let types = types.map(|(_, btf)| (btf.clone(), spec.key_type, spec.value_type));
    let map = Map::with_types(system, fd, Some(&spec.name), types)?;
    fill(&map, spec)?;
    Ok(map)
}

fn attributes<'a>(system: &System, spec: &'a MapSpec, with: &Created<'a>) -> Result<MapParams<'a>> {
    let mut attr = MapParams {
        map_type: spec.map_type,
        key_size: spec.key_size,
        value_size: spec.value_size,
        max_entries: entries(system, spec)?,
        map_flags: spec.map_flags,
        map_extra: spec.map_extra,
        numa_node: spec.numa_node,
        inner_map: with.inner.map(Map::fd),
        name: &spec.name,
        ..Default::default()
    };
    if let Some((btf, _)) = with.btf.filter(|_| takes_types(spec)) {
        attr.btf = Some(btf);
        attr.btf_key_type_id = spec.key_type.0;
        attr.btf_value_type_id = spec.value_type.0;
    }
    Ok(attr)
}

/// `max_entries` as the kernel wants it: a ring buffer's is a size in bytes, a perf event
/// array's without one is the number of CPUs.
fn entries(system: &System, spec: &MapSpec) -> Result<u32> {
    let page = system.page_size() as u32;
    Ok(match spec.map_type {
        MapType::RINGBUF | MapType::USER_RINGBUF => {
            let wanted = spec.max_entries.max(page);
            wanted
                .checked_next_power_of_two()
                .unwrap_or(spec.max_entries)
        }
        MapType::PERF_EVENT_ARRAY if spec.max_entries == 0 => system.possible_cpus()?,
        _ => spec.max_entries,
    })
}

/// Whether the kernel lets maps of this type have key and value types.
fn takes_types(spec: &MapSpec) -> bool {
    const WITHOUT: [MapType; 14] = [
        MapType::PERF_EVENT_ARRAY,
        MapType::CGROUP_ARRAY,
        MapType::STACK_TRACE,
        MapType::ARRAY_OF_MAPS,
        MapType::HASH_OF_MAPS,
        MapType::DEVMAP,
        MapType::DEVMAP_HASH,
        MapType::CPUMAP,
        MapType::XSKMAP,
        MapType::SOCKMAP,
        MapType::SOCKHASH,
        MapType::QUEUE,
        MapType::STACK,
        MapType::RINGBUF,
    ];
    !WITHOUT.contains(&spec.map_type)
        && spec.map_type != MapType::PROG_ARRAY
        && spec.map_type != MapType::ARENA
        && (spec.key_type, spec.value_type) != (TypeId::VOID, TypeId::VOID)
}

/// Tries as asked; without types if the kernel does not take them; with a higher limit of locked
/// memory if the kernel is one that counts maps against it.
fn first_accepted(
    system: &System,
    mut attr: MapParams<'_>,
    with: &Created<'_>,
) -> Result<Fd, CallError> {
    let create = |attr: &MapParams<'_>| bpf::map_create(system.kernel(), attr);
    let mut answer = create(&attr);
    if matches!(&answer, Err(error) if error.errno == Errno::EPERM)
        && with.raise_memlock
        && raise_memlock(system)?
    {
        answer = create(&attr);
    }
    let types_refused = |errno| matches!(errno, Errno::EINVAL | Errno::ENOTSUPP | Errno::E2BIG);
    if matches!(&answer, Err(error) if types_refused(error.errno)) && attr.btf.take().is_some() {
        attr.btf_key_type_id = 0;
        attr.btf_value_type_id = 0;
        // The first answer is the one to report if this does not help either.
        return create(&attr).or(answer);
    }
    answer
}

/// Raises `RLIMIT_MEMLOCK` to no limit unless this kernel is known to count BPF memory elsewhere
/// (since Linux 5.11); whether it did. Not known is reason enough: under a limit that is used up
/// the question itself is refused.
pub(crate) fn raise_memlock(system: &System) -> Result<bool, CallError> {
    if system.probe(Feature::MemcgAccounting) == Answer::Yes {
        return Ok(false);
    }
    match process::raise_memlock(system.kernel()) {
        Ok(()) => Ok(true),
        // No right to, or no such call: the refusal that led here stands.
        Err(error) if matches!(error.errno, Errno::EPERM | Errno::ENOSYS) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes a data section into its map, and freezes what programs may only read.
fn fill(map: &Map, spec: &MapSpec) -> Result<()> {
    let Some(data) = &spec.data else {
        return Ok(());
    };
    if data.bytes.iter().any(|&byte| byte != 0) {
        let mut value = vec![0; map.value_size() as usize];
        for (to, from) in value.iter_mut().zip(&data.bytes) {
            *to = *from;
        }
        map.update(&0_u32.to_ne_bytes(), &value, 0)?;
    }
    if data.read_only {
        match map.freeze() {
            // Linux before 5.2 has no freezing; the program still may not write.
            Err(error) if error.errno() == Some(Errno::EINVAL) => {}
            other => other?,
        }
    }
    Ok(())
}
