//! A map from its specification, older kernels met halfway.

use super::{ElemFlags, Map, Shape};
use crate::error::Context;
use crate::probe::{Answer, Feature, raise_memlock};
use crate::system::System;
use crate::{Error, MapType, ProgType, Result};
use alloc::sync::Arc;
use alloc::vec;
use skep_codec::Errno;
use skep_codec::btf::{Btf, TypeId};
use skep_codec::object::{Data, DataKind, MapSpec};
use skep_codec::uapi::flags;
use skep_codec::uapi::map_kind::{MapKey, MapOps, MapValue};
use skep_sys::bpf::{self, MapParams};
use skep_sys::{CallError, Fd};

/// What a map is created with, besides its specification.
#[derive(Default)]
pub(crate) struct Created<'a> {
    /// The object's BTF, in the kernel and in memory.
    pub(crate) btf: Option<(&'a Fd, &'a Arc<Btf>)>,
    /// The inner map, for a map of maps.
    pub(crate) inner: Option<&'a Map>,
    /// Digest of the only program that may use it; empty for all.
    pub(crate) exclusive_to: &'a [u8],
    /// The kernel's type of the value, for a `struct_ops` map, and the module that has it.
    pub(crate) kernel_type: Option<(TypeId, Option<&'a Fd>)>,
}

/// Creates a map, and fills it if it holds a data section.
pub(crate) fn create(system: &System, spec: &MapSpec, with: &Created<'_>) -> Result<Map> {
    let what = format_args!("create map `{}`", spec.name);
    let shape = Shape::of(system, spec)?;
    let attr = MapParams {
        token: system.token()?,
        ..attributes(&shape, spec, with)
    };
    let internal = spec.data.is_some();
    let fd = first_accepted(system, attr, internal)
        .map_err(|error| explain(system, &attr, error))
        .context(what)?;
    let map = adopt(system, spec, fd, with.btf.map(|(_, btf)| btf))?;
    fill(&map, spec)?;
    Ok(map)
}

/// A live map as the object's own: by the object's name for it, with the object's types.
pub(crate) fn adopt(
    system: &System,
    spec: &MapSpec,
    fd: Fd,
    btf: Option<&Arc<Btf>>,
) -> Result<Map> {
    // The kernel's type of a struct_ops value is not the object's.
    let own = spec.value_type != TypeId::VOID && spec.map_type != MapType::STRUCT_OPS;
    let types = btf.filter(|_| own);
    let types = types.map(|btf| (btf.clone(), spec.key_type, spec.value_type));
    Map::with_types(system, fd, Some(&spec.name), types)
}

fn attributes<'a>(shape: &Shape, spec: &'a MapSpec, with: &Created<'a>) -> MapParams<'a> {
    let mut attr = MapParams {
        map_type: shape.map_type,
        key_size: shape.key_size,
        value_size: shape.value_size,
        max_entries: shape.max_entries,
        map_flags: shape.map_flags,
        map_extra: shape.map_extra,
        numa_node: spec.numa_node,
        ifindex: spec.ifindex,
        inner_map: with.inner.map(Map::fd),
        name: &spec.name,
        excl_prog_hash: with.exclusive_to,
        ..Default::default()
    };
    if let Some((ty, module)) = with.kernel_type {
        attr.btf = with.btf.map(|(fd, _)| fd);
        attr.value_type_btf = module;
        attr.btf_vmlinux_value_type_id = ty.0;
    } else if let Some((btf, _)) = with.btf.filter(|_| takes_types(spec)) {
        attr.btf = Some(btf);
        attr.btf_key_type_id = spec.key_type.0;
        attr.btf_value_type_id = spec.value_type.0;
    }
    attr
}

/// Whether the kernel lets maps of this type have key and value types, and there are any: no key
/// type without a value type.
fn takes_types(spec: &MapSpec) -> bool {
    spec.map_type.allows(MapOps::TYPES) && spec.value_type != TypeId::VOID
}

/// Tries as asked; with a higher limit of locked memory if the kernel is one that counts maps
/// against it; without what the kernel does not know; without types. `internal`: the map holds a
/// section of the object, so that nobody counts on mapping it.
fn first_accepted(
    system: &System,
    mut attr: MapParams<'_>,
    internal: bool,
) -> Result<Fd, CallError> {
    let create = |attr: &MapParams<'_>| bpf::map_create(system.kernel(), attr);
    let mut answer = with_memory(system, &attr);
    let refused = |answer: &Result<Fd, CallError>| {
        matches!(answer, Err(error) if matches!(
            error.errno,
            Errno::EINVAL | Errno::ENOTSUPP | Errno::EOPNOTSUPP | Errno::E2BIG
        ))
    };
    // Older kernels (5.10 does) read their own types when they verify their first program.
    if attr.btf_vmlinux_value_type_id != 0
        && matches!(&answer, Err(error) if error.errno == Errno::ENOTSUPP)
        && system.probe_prog_type(ProgType::SOCKET_FILTER) == Answer::Yes
    {
        answer = create(&attr);
    }
    // The first answer is the one to report if nothing of this helps.
    if refused(&answer) && simplify(system, &mut attr, internal) {
        answer = create(&attr).or(answer);
    }
    if refused(&answer) && (attr.btf_key_type_id, attr.btf_value_type_id) != (0, 0) {
        attr.btf = None;
        (attr.btf_key_type_id, attr.btf_value_type_id) = (0, 0);
        answer = create(&attr).or(answer);
    }
    answer
}

/// Tries as asked, and again with a higher limit of locked memory if the kernel is one that counts
/// maps against it.
pub(super) fn with_memory(system: &System, attr: &MapParams<'_>) -> Result<Fd, CallError> {
    let answer = bpf::map_create(system.kernel(), attr);
    match &answer {
        Err(error) if lacks_memory(error.errno, attr.map_type) && raise_memlock(system)? => {
            bpf::map_create(system.kernel(), attr)
        }
        _ => answer,
    }
}

/// Takes away what this kernel is known not to have; whether that was anything.
fn simplify(system: &System, attr: &mut MapParams<'_>, internal: bool) -> bool {
    let lacks = |feature| system.probe(feature) == Answer::No;
    let mapped = internal && attr.map_flags & flags::MMAPABLE != 0;
    let unmap = mapped && lacks(Feature::MmapableArray);
    if unmap {
        attr.map_flags &= !flags::MMAPABLE;
    }
    let unname = !attr.name.is_empty() && lacks(Feature::ObjectName);
    if unname {
        attr.name = "";
    }
    unmap || unname
}

fn is_ring(map_type: MapType) -> bool {
    matches!(map_type, MapType::RINGBUF | MapType::USER_RINGBUF)
}

/// What is wrong with a map that the kernel does not take, as far as its type tells.
#[cold]
pub(super) fn explain(system: &System, params: &MapParams<'_>, error: CallError) -> Error {
    let kind = params.map_type.kind();
    let Some(kind) = kind.filter(|_| error.errno == Errno::EINVAL) else {
        return error.into();
    };
    let (key, value, entries) = (params.key_size, params.value_size, params.max_entries);
    let page = system.page_size() as u32;
    let is_stored = matches!(kind.value, MapValue::Bytes | MapValue::PerCpu);
    let why = match kind.key {
        MapKey::Index | MapKey::Fd if key != 4 => format!("keys have 4 bytes, not {key}"),
        MapKey::Fd if params.btf_key_type_id == 0 || params.btf_value_type_id == 0 => {
            "keys and values need types (BTF)".into()
        }
        MapKey::Fd if entries != 0 => format!("max_entries is 0 for this type, not {entries}"),
        MapKey::None if key != 0 => format!("there are no keys, and not of {key} bytes"),
        MapKey::Bytes if key == 0 => "key_size is 0".into(),
        _ if is_stored && value == 0 => "value_size is 0".into(),
        MapKey::Index | MapKey::Bytes | MapKey::Prefix if entries == 0 => "max_entries is 0".into(),
        _ if is_ring(params.map_type) && !(entries.is_power_of_two() && entries % page == 0) => {
            format!(
                "max_entries, its bytes, is a power of two of whole pages ({page}), not {entries}"
            )
        }
        _ => return error.into(),
    };
    Error::from(error).context(why)
}

/// Whether a map of this type may have been refused for want of memory that may be locked: device
/// maps then say what they say of wrong sizes.
fn lacks_memory(errno: Errno, map_type: MapType) -> bool {
    let is_devmap = matches!(map_type, MapType::DEVMAP | MapType::DEVMAP_HASH);
    errno == Errno::EPERM || (errno == Errno::EINVAL && is_devmap)
}

/// Writes a data section into its map, and freezes what programs may only read.
fn fill(map: &Map, spec: &MapSpec) -> Result<()> {
    let array = |data: &&Data| !matches!(data.kind, DataKind::Arena | DataKind::StructOps);
    let Some(data) = spec.data.as_ref().filter(array) else {
        return Ok(());
    };
    if data.bytes.iter().any(|&byte| byte != 0) {
        let mut value = vec![0; map.value_size() as usize];
        for (to, from) in value.iter_mut().zip(&data.bytes) {
            *to = *from;
        }
        map.update(&0_u32.to_ne_bytes(), &value, ElemFlags::ANY)?;
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
