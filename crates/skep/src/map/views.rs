//! Typed views: the one generic layer, thin over a map's bytes.
//!
//! A view is made of a map by `TryFrom<&Map>`: the map's type and sizes must be as the kernel
//! reports them, and structs must be, field for field, what the map's types say.

mod descriptor;
mod hash;
mod layout;
mod nested;
mod per_cpu;
mod queue;
mod slots;
mod stack_trace;
mod storage;
mod target;
mod trie;

pub use descriptor::Descriptor;
pub use hash::{Array, HashMap};
pub use nested::MapOfMaps;
pub use per_cpu::{PerCpuArray, PerCpuHashMap};
pub use queue::{BloomFilter, Queue, Stack};
pub use slots::{
    CgroupArray, PerfEventArray, ProgArray, ReuseportSockArray, SockHash, SockMap, XskMap,
};
pub use stack_trace::{BuildIdFrame, StackTraceMap};
pub use storage::LocalStorage;
pub use target::{CpuMap, DevMap, Target};
pub use trie::LpmTrie;

use super::{ElemFlags, Map};
use crate::error::Context;
use crate::plain::{Plain, read, with_bytes, with_room};
use crate::{Error, ErrorKind, MapType, Result};
use alloc::string::ToString;
use alloc::vec::Vec;
use skep_codec::btf::TypeId;
use skep_codec::text::joined;

/// Checks that a map is of one of these types.
#[inline]
fn check_type(map: &Map, types: &[MapType]) -> Result<()> {
    if types.contains(&map.map_type()) {
        return Ok(());
    }
    let types: Vec<_> = types.iter().map(ToString::to_string).collect();
    let what = format!(
        "map `{}` is of type {}, the view for {}",
        map.name(),
        map.map_type(),
        joined(&types, ", ")
    );
    Err(Error::new(ErrorKind::Invalid, what))
}

/// Checks the size that one part of a map's elements has in a view.
#[inline]
fn check_size(map: &Map, part: &str, have: u32, want: usize) -> Result<()> {
    if have as usize == want {
        return Ok(());
    }
    let what = format!(
        "{part}s of map `{}` have {have} bytes, the view's {want}",
        map.name()
    );
    Err(Error::new(ErrorKind::Invalid, what))
}

/// Checks a view's types against what the kernel reports and against the map's own types.
#[inline]
fn check<K: Plain, V: Plain>(map: &Map, types: &[MapType]) -> Result<()> {
    check_type(map, types)?;
    check_size(map, "key", map.key_size(), K::SIZE)?;
    check_size(map, "value", map.value_size(), V::SIZE)?;
    if K::FIELDS.is_empty() && V::FIELDS.is_empty() {
        return Ok(());
    }
    let types = match map.types() {
        Ok(types) => types,
        // Others' types are not for everybody to see; sizes fit.
        Err(error) if error.kind() == ErrorKind::Permission => None,
        Err(error) => return Err(error),
    };
    let Some((btf, key, value)) = types else {
        return Ok(());
    };
    for (part, id, fields) in [("key", key, K::FIELDS), ("value", value, V::FIELDS)] {
        if id != TypeId::VOID {
            layout::compare(&btf, id, fields)
                .context(format_args!("{part} of map `{}`", map.name()))?;
        }
    }
    Ok(())
}

/// Looks a value up: typed key, typed value.
#[inline]
fn at<K: Plain, V: Plain>(map: &Map, key: &K, flags: ElemFlags) -> Result<Option<V>> {
    with_bytes(key, |key| {
        with_room::<V, _>(|value| {
            let found = map.lookup_into(key, value, flags)?;
            found.then(|| read(value, "map value")).transpose()
        })
    })
}

/// Looks a value up and deletes it.
#[inline]
fn take<K: Plain, V: Plain>(map: &Map, key: &K) -> Result<Option<V>> {
    with_bytes(key, |key| {
        with_room::<V, _>(|value| {
            let found = map.take_into(key, value, ElemFlags::ANY)?;
            found.then(|| read(value, "map value")).transpose()
        })
    })
}

/// Sets a value.
#[inline]
fn set<K: Plain, V: Plain>(map: &Map, key: &K, value: &V, flags: ElemFlags) -> Result<()> {
    with_bytes(key, |key| {
        with_bytes(value, |value| map.update(key, value, flags))
    })
}

/// Deletes a key.
#[inline]
fn remove<K: Plain>(map: &Map, key: &K) -> Result<bool> {
    with_bytes(key, |key| map.delete(key))
}

/// Keys by type.
#[inline]
fn keys<K: Plain>(map: &Map) -> impl Iterator<Item = Result<K>> + '_ {
    map.keys().map(|key| read(&key?, "map key"))
}

/// Keys and values by type.
#[inline]
fn iter<K: Plain, V: Plain>(map: &Map) -> impl Iterator<Item = Result<(K, V)>> + '_ {
    let mut entries = map.entries();
    core::iter::from_fn(move || {
        entries.next_by(|key, value| Ok((read(key, "map key")?, read(value, "map value")?)))
    })
}

/// A view: its name, its parameters, how a map is checked.
macro_rules! view {
    ($(#[$doc:meta])* $name:ident [$($param:ident)*] [$($bound:ident)*], $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<$($param),*>(crate::Map, core::marker::PhantomData<($($param,)*)>);

        impl<$($param),*> $name<$($param),*> {
            /// The map, as bytes.
            #[inline]
            pub fn map(&self) -> &crate::Map {
                &self.0
            }
        }

        impl<$($param: $bound),*> TryFrom<&crate::Map> for $name<$($param),*> {
            type Error = crate::Error;

            #[inline]
            fn try_from(map: &crate::Map) -> crate::Result<Self> {
                let check: fn(&crate::Map) -> crate::Result<()> = $check;
                check(map)?;
                Ok(Self(map.clone(), core::marker::PhantomData))
            }
        }
    };
}
use view;
