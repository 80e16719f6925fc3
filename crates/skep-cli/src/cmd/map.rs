//! `skep map`: maps in the kernel now, and what is in them.

use super::{listing, type_id};
use crate::fail::{Failure, Result};
use crate::json;
use crate::out::{Column, DIM, Out, printable, styled};
use serde_json::{Value, json};
use skep::codec::btf::{self, Btf};
use skep::map::MapInfo;
use skep::{Map, System, TypeId};
use std::sync::Arc;

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("TYPE", "type"),
    ("NAME", "name"),
    ("KEY", "key_size"),
    ("VALUE", "value_size"),
    ("ENTRIES", "max_entries"),
    ("FLAGS", "flags"),
    ("BTF", "btf_id"),
];

/// `skep map list`.
pub(crate) fn list(json: bool) -> Result {
    let system = System::host()?;
    let maps = system.maps().map_err(listing)?;
    let rows: Vec<_> = maps.iter().map(row).collect();
    let mut out = Out::new(json);
    out.rows(COLUMNS, &rows)?;
    out.flush()?;
    Ok(0)
}

fn row(info: &MapInfo) -> Value {
    json!({
        "id": info.id,
        "type": info.map_type.to_string(),
        "name": info.name,
        "key_size": info.key_size,
        "value_size": info.value_size,
        "max_entries": info.max_entries,
        "flags": info.map_flags,
        "btf_id": (info.btf_id != 0).then_some(info.btf_id),
        "btf_key_type_id": type_id(TypeId(info.btf_key_type_id)),
        "btf_value_type_id": type_id(TypeId(info.btf_value_type_id)),
    })
}

/// `skep map dump`.
pub(crate) fn dump(which: &str, json: bool) -> Result {
    let system = System::host()?;
    let map = find(&system, which)?;
    let reader = Reader::new(&map)?;
    let mut out = Out::new(json);
    let mut entries = 0_u64;
    for entry in map.entries() {
        let (key, value) = entry.map_err(|error| unreadable(&map, error))?;
        if json {
            out.json(&reader.json(&key, &value))?;
        } else {
            out.line(&printable(&reader.text(&key, &value)))?;
        }
        entries += 1;
    }
    if !json && entries == 0 {
        out.line(&styled(DIM, "empty"))?;
    }
    out.flush()?;
    Ok(0)
}

/// The map with this id, or the only one with this name.
fn find(system: &System, which: &str) -> Result<Map> {
    if let Ok(id) = which.parse() {
        return system.map_by_id(id).map_err(listing);
    }
    let maps = system.maps().map_err(listing)?;
    let ids: Vec<u32> = maps
        .iter()
        .filter(|m| m.name == which)
        .map(|m| m.id)
        .collect();
    match ids.as_slice() {
        [id] => system.map_by_id(*id).map_err(listing),
        [] => Err(Failure::Said(format!(
            "no map has the name or id `{which}`: see `skep map list` (the kernel keeps 15 \
             characters of a name)"
        ))),
        several => Err(Failure::Said(format!(
            "several maps have the name `{which}`: give one of the ids {several:?}"
        ))),
    }
}

fn unreadable(map: &Map, error: skep::Error) -> Failure {
    Failure::Said(format!(
        "a {} map cannot be read key by key: {error}",
        map.map_type()
    ))
}

/// How the bytes of a map's keys and values are shown.
struct Reader {
    types: Option<(Arc<Btf>, TypeId, TypeId)>,
    /// Bytes of one CPU's value and of the place it takes, for a per-CPU map.
    per_cpu: Option<(usize, usize)>,
}

impl Reader {
    fn new(map: &Map) -> Result<Self> {
        let size = map.value_size() as usize;
        let per_cpu = map.map_type().is_per_cpu();
        Ok(Self {
            types: map.types()?,
            per_cpu: per_cpu.then_some((size, size.next_multiple_of(8).max(8))),
        })
    }

    fn key(&self, bytes: &[u8]) -> btf::Value {
        let types = self.types.as_ref();
        value(types.map(|(btf, key, _)| (btf, *key)), bytes)
    }

    /// One value; one a CPU for a per-CPU map.
    fn values(&self, bytes: &[u8]) -> Vec<btf::Value> {
        let types = self.types.as_ref().map(|(btf, _, ty)| (btf, *ty));
        match self.per_cpu {
            None => vec![value(types, bytes)],
            Some((size, place)) => bytes
                .chunks(place)
                .map(|chunk| value(types, chunk.get(..size).unwrap_or(chunk)))
                .collect(),
        }
    }

    fn json(&self, key: &[u8], bytes: &[u8]) -> Value {
        let values = self.values(bytes);
        match (self.per_cpu, values.as_slice()) {
            (None, [value]) => json!({"key": json::of(&self.key(key)), "value": json::of(value)}),
            (_, values) => {
                let values: Vec<_> = values.iter().map(json::of).collect();
                json!({"key": json::of(&self.key(key)), "values": values})
            }
        }
    }

    fn text(&self, key: &[u8], bytes: &[u8]) -> String {
        let values = self.values(bytes);
        let key = self.key(key);
        if self.per_cpu.is_none() {
            let value = values.first().map(ToString::to_string).unwrap_or_default();
            return format!("{key} = {value}");
        }
        let cpus = values.iter().enumerate();
        let cpus: Vec<_> = cpus.map(|(cpu, v)| format!("cpu{cpu}: {v}")).collect();
        format!("{key} = {}", cpus.join(", "))
    }
}

/// Bytes by their type; bytes where there is none or it does not fit.
fn value(ty: Option<(&Arc<Btf>, TypeId)>, bytes: &[u8]) -> btf::Value {
    ty.filter(|(_, id)| *id != TypeId::VOID)
        .and_then(|(btf, id)| btf.decode(id, bytes).ok())
        .unwrap_or_else(|| btf::Value::Bytes(bytes.to_vec()))
}
