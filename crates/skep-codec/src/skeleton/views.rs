//! What a loaded map is looked at by: the typed views of the library.

use super::items::Types;
use super::literal;
use crate::btf::TypeId;
use crate::btf::rust_names::identifier;
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
pub(super) fn of(
    map: &MapSpec,
    record: Option<TypeId>,
    ident: &str,
    types: &mut Types<'_>,
) -> View {
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
            match types.record(ty, ident) {
                Some(record) => viewed(format!("::skep::ring::Ring<{record}>")),
                None => simple("::skep::RingBuf", "ring"),
            }
        }
        MapType::USER_RINGBUF => simple("::skep::ring::UserRingBuf", "user_ring"),
        MapType::PERF_EVENT_ARRAY => simple("::skep::ring::PerfBuffer", "perf"),
        MapType::ARENA => memory(&name),
        map_type => match shape(map_type).and_then(|shape| typed(map, &shape, ident, types)) {
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
fn typed(map: &MapSpec, shape: &Shape, ident: &str, types: &mut Types<'_>) -> Option<String> {
    let ident = identifier(ident);
    let mut key = || types.value(map.key_type, map.key_size, &format!("{ident}_key"));
    Some(match shape {
        Shape::Bare(view) => (*view).into(),
        Shape::Key(view) => format!("{view}<{}>", key()?),
        Shape::Value(view) => {
            let value = types.value(map.value_type, map.value_size, &format!("{ident}_value"))?;
            format!("{view}<{value}>")
        }
        Shape::Both(view) => {
            let key = key()?;
            let value = types.value(map.value_type, map.value_size, &format!("{ident}_value"))?;
            format!("{view}<{key}, {value}>")
        }
        Shape::Prefix(view) => {
            let (data, size) = types.after_prefix(map)?;
            let key = types.value(data, size, &format!("{ident}_key"))?;
            let value = types.value(map.value_type, map.value_size, &format!("{ident}_value"))?;
            format!("{view}<{key}, {value}>")
        }
    })
}

impl Types<'_> {
    /// The type of a ring buffer's records, if there is one.
    fn record(&mut self, id: TypeId, ident: &str) -> Option<String> {
        let btf = self.btf().filter(|_| id != TypeId::VOID)?;
        let size = u32::try_from(btf.size_of(id).ok()?).ok()?;
        self.value(id, size, &format!("{}_record", identifier(ident)))
    }

    /// What follows the prefix's length in the key of a trie: its type, if it is one member, and
    /// its size.
    fn after_prefix(&self, map: &MapSpec) -> Option<(TypeId, u32)> {
        let size = map.key_size.checked_sub(4)?;
        let members = || {
            let ty = self.btf()?.peel(map.key_type).ok()?;
            let mut members = ty.members().skip(1);
            let data = members.next()?.ok()?;
            let alone = members.next().is_none() && data.bit_offset == 32 && data.bit_size == 0;
            alone.then_some(data.ty)
        };
        Some((members().unwrap_or_default(), size))
    }
}
