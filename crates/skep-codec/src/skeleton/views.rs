//! What a loaded map is looked at by: the typed views of the library.

use super::literal;
use super::types::Types;
use crate::btf::TypeId;
use crate::object::MapSpec;
use crate::uapi::bpf::MapType;
use alloc::string::String;

/// The type that a map is looked at by, and how it is made.
pub(super) struct View {
    pub(super) ty: String,
    /// An expression of `self.0`, the object: a `Result`.
    pub(super) make: String,
}

/// Which values a view has types for.
enum Shape {
    /// It has none.
    Bare(&'static str),
    Key(&'static str),
    Value(&'static str),
    Both(&'static str),
    /// A key after four bytes, and a value.
    Prefix(&'static str),
}

fn shape(map_type: MapType) -> Option<Shape> {
    use Shape::{Bare, Both, Key, Prefix, Value};
    Some(match map_type {
        MapType::ARRAY | MapType::INSN_ARRAY => Value("Array"),
        MapType::HASH | MapType::LRU_HASH | MapType::RHASH | MapType::CGROUP_STORAGE => {
            Both("HashMap")
        }
        MapType::PERCPU_ARRAY => Value("PerCpuArray"),
        MapType::PERCPU_HASH | MapType::LRU_PERCPU_HASH | MapType::PERCPU_CGROUP_STORAGE => {
            Both("PerCpuHashMap")
        }
        MapType::LPM_TRIE => Prefix("LpmTrie"),
        MapType::QUEUE => Value("Queue"),
        MapType::STACK => Value("Stack"),
        MapType::BLOOM_FILTER => Value("BloomFilter"),
        MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS => Key("MapOfMaps"),
        MapType::SOCKHASH => Key("SockHash"),
        MapType::SK_STORAGE
        | MapType::TASK_STORAGE
        | MapType::INODE_STORAGE
        | MapType::CGRP_STORAGE => Value("LocalStorage"),
        MapType::PROG_ARRAY => Bare("ProgArray"),
        MapType::CGROUP_ARRAY => Bare("CgroupArray"),
        MapType::XSKMAP => Bare("XskMap"),
        MapType::SOCKMAP => Bare("SockMap"),
        MapType::REUSEPORT_SOCKARRAY => Bare("ReuseportSockArray"),
        MapType::DEVMAP | MapType::DEVMAP_HASH => Bare("DevMap"),
        MapType::CPUMAP => Bare("CpuMap"),
        MapType::STACK_TRACE => Bare("StackTraceMap"),
        _ => return None,
    })
}

/// The view of a map; `record` is the type of a ring buffer's records, where it does not say.
pub(super) fn of(map: &MapSpec, record: Option<TypeId>, types: &mut Types<'_>) -> View {
    let name = literal(&map.name);
    let simple = |ty: &str, make: &str| View {
        ty: ty.into(),
        make: format!("self.0.{make}({name})"),
    };
    if map.error.is_some()
        || map
            .data
            .as_ref()
            .is_some_and(|data| !data.section.is_empty())
    {
        return match map.map_type {
            MapType::STRUCT_OPS => simple("&'a ::skep::link::StructOps", "struct_ops_map"),
            MapType::ARENA => memory(&name),
            _ => simple("&'a ::skep::Map", "map"),
        };
    }
    let viewed = |ty: String| View {
        ty,
        make: format!("::core::convert::TryFrom::try_from(self.0.map({name})?)"),
    };
    match map.map_type {
        MapType::RINGBUF => {
            let ty = record.unwrap_or(map.value_type);
            match types.record(ty, map) {
                Some(record) => viewed(format!("::skep::ring::Ring<{record}>")),
                None => simple("::skep::RingBuf", "ring"),
            }
        }
        MapType::USER_RINGBUF => simple("::skep::ring::UserRingBuf", "user_ring"),
        MapType::PERF_EVENT_ARRAY => simple("::skep::ring::PerfBuffer", "perf"),
        MapType::ARENA => memory(&name),
        map_type => match shape(map_type).and_then(|shape| typed(map, &shape, types)) {
            Some(ty) => viewed(format!("::skep::map::{ty}")),
            None => simple("&'a ::skep::Map", "map"),
        },
    }
}

fn memory(name: &str) -> View {
    View {
        ty: "&'a ::skep::map::Memory".into(),
        make: format!("self.0.map({name})?.memory()"),
    }
}

/// A view with its parameters; `None` where one of them is too large for the stack.
fn typed(map: &MapSpec, shape: &Shape, types: &mut Types<'_>) -> Option<String> {
    let (view, key, value) = match shape {
        Shape::Bare(view) => return Some((*view).into()),
        Shape::Key(view) => (view, types.key(map)?, None),
        Shape::Value(view) => (view, types.map_value(map)?, None),
        Shape::Both(view) => (view, types.key(map)?, Some(types.map_value(map)?)),
        Shape::Prefix(view) => (view, types.after_prefix(map)?, Some(types.map_value(map)?)),
    };
    Some(match value {
        Some(value) => format!("{view}<{key}, {value}>"),
        None => format!("{view}<{key}>"),
    })
}
