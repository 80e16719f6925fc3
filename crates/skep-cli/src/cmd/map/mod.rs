//! `skep map`: maps in the kernel now, and what is in them.

mod create;
mod dump;
mod elem;
pub(crate) mod fdinfo;
mod refs;
mod show;
mod top;
pub(crate) mod view;
mod watch;

use super::{listing, type_id};
use crate::args::MapVerb;
use crate::fail::{Failure, Result};
use crate::find;
use crate::map_flags;
use crate::out::{Column, Out};
use serde_json::{Value, json};
use skep::map::MapInfo;
use skep::{Errno, System, TypeId};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("TYPE", "type"),
    ("NAME", "name"),
    ("KEY", "key_size"),
    ("VALUE", "value_size"),
    ("ENTRIES", "max_entries"),
    ("FLAGS", "flag_names"),
    ("BTF", "btf_id"),
];

/// Does what a verb says.
pub(super) fn run(verb: &MapVerb) -> Result {
    match verb {
        MapVerb::List { json } => list(*json),
        MapVerb::Show { map, json } => show::run(map, *json),
        MapVerb::Dump(args) => dump::run(args),
        MapVerb::Get(args) => elem::get(args),
        MapVerb::Set(args) => elem::set(args),
        MapVerb::Delete(args) => elem::delete(args),
        MapVerb::Create(args) => create::run(args),
        MapVerb::Pin(args) => create::pin(args),
        MapVerb::Freeze { map } => freeze(map),
        MapVerb::Top(args) => top::run(args),
    }
}

/// `skep map list`.
fn list(json: bool) -> Result {
    let system = System::host()?;
    let maps = system.maps().map_err(listing)?;
    let rows: Vec<_> = maps.iter().map(row).collect();
    let mut out = Out::new(json);
    out.rows(COLUMNS, &rows)?;
    out.flush()?;
    Ok(0)
}

/// What the kernel says of a map.
fn row(info: &MapInfo) -> Value {
    json!({
        "id": info.id,
        "type": info.map_type.to_string(),
        "name": info.name,
        "key_size": info.key_size,
        "value_size": info.value_size,
        "max_entries": info.max_entries,
        "flags": info.map_flags,
        "flag_names": map_flags::names(info.map_flags),
        "btf_id": (info.btf_id != 0).then_some(info.btf_id),
        "btf_key_type_id": type_id(TypeId(info.btf_key_type_id)),
        "btf_value_type_id": type_id(TypeId(info.btf_value_type_id)),
    })
}

/// `skep map freeze`.
fn freeze(which: &str) -> Result {
    let system = System::host()?;
    let map = find::map(&system, which)?;
    map.freeze().map_err(|error| match error.errno() {
        Some(Errno::EBUSY) => Failure::Said(format!(
            "{error}: it is mapped for writing, or frozen already"
        )),
        _ => Failure::Skep(error),
    })?;
    Ok(0)
}
