//! `skep map show`: all that is known of one map.

use super::{fdinfo, row};
use crate::fail::Result;
use crate::find;
use crate::out::{HEAD, Out, printable, styled};
use serde_json::{Map as Object, Value, json};
use skep::codec::btf::{Btf, Kind};
use skep::sys::bpf::ObjKind;
use skep::{Map, Pinned, System, TypeId};
use std::fs;

/// `skep map show`.
pub(super) fn run(which: &str, json: bool) -> Result {
    let system = System::host()?;
    let map = find::map(&system, which)?;
    let facts = facts(&system, &map)?;
    let mut out = Out::new(json);
    if json {
        out.json(&Value::Object(facts))?;
    } else {
        for (name, value) in &facts {
            if let Some(text) = shown(value) {
                let head = styled(HEAD, format!("{:<18}", name.replace('_', " ")));
                out.line(&format!("{head}{}", printable(&text)))?;
            }
        }
    }
    out.flush()?;
    Ok(0)
}

/// A value for people; `None` where there is nothing to tell.
fn shown(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => return None,
        Value::Array(values) => {
            let texts: Vec<_> = values.iter().filter_map(shown).collect();
            texts.join(", ")
        }
        // A program or a process: its name and number.
        Value::Object(object) => {
            let texts: Vec<_> = object.values().filter_map(shown).collect();
            texts.join(" ")
        }
        other => other.to_string(),
    })
}

fn facts(system: &System, map: &Map) -> Result<Object<String, Value>> {
    let info = map.info()?;
    let procfs = fdinfo::of(map.fd());
    let mut facts = match row(&info) {
        Value::Object(facts) => facts,
        _ => Object::new(),
    };
    let mut put = |name: &str, value: Value| facts.insert(name.to_owned(), value);
    let types = map.types().unwrap_or_default();
    let name = |id: TypeId| {
        let (btf, ..) = types.as_ref()?;
        type_name(btf, id)
    };
    let ids = types.as_ref().map(|(_, key, value)| (*key, *value));
    put("key_type", json!(ids.and_then(|(key, _)| name(key))));
    put("value_type", json!(ids.and_then(|(_, value)| name(value))));
    put(
        "map_extra",
        json!((info.map_extra != 0).then_some(info.map_extra)),
    );
    put(
        "ifindex",
        json!((info.ifindex != 0).then_some(info.ifindex)),
    );
    put("memory_bytes", json!(procfs.memory_bytes()));
    put(
        "frozen",
        json!(procfs.get("frozen").map(|text| text == "1")),
    );
    put("programs", programs(system, info.id));
    let holders = fdinfo::holders(info.id).into_iter();
    let holders: Vec<_> = holders
        .map(|h| json!({"comm": h.comm, "pid": h.pid}))
        .collect();
    put("processes", json!(holders));
    put("pins", json!(pins(system, info.id)));
    Ok(facts)
}

/// The name of a type, as C has it.
fn type_name(btf: &Btf, id: TypeId) -> Option<String> {
    let ty = btf.ty(id).ok().filter(|_| id != TypeId::VOID)?;
    let name = ty.name().ok()?;
    let word = match ty.kind() {
        Kind::Struct => "struct ",
        Kind::Union => "union ",
        Kind::Enum | Kind::Enum64 => "enum ",
        _ => "",
    };
    Some(match name {
        "" => format!("{}(nameless, type {})", word, id.0),
        name => format!("{word}{name}"),
    })
}

/// The programs that use a map.
fn programs(system: &System, map_id: u32) -> Value {
    let programs = system.programs().unwrap_or_default();
    let users = programs.iter().filter(|info| {
        let program = system.program_by_id(info.id);
        program.is_ok_and(|p| p.map_ids().is_ok_and(|ids| ids.contains(&map_id)))
    });
    users
        .map(|info| json!({"name": info.name, "id": info.id}))
        .collect()
}

/// Where a map is pinned, in the BPF file systems that are mounted here; what this process may not
/// look at is left out.
fn pins(system: &System, map_id: u32) -> Vec<String> {
    let wanted = Pinned {
        kind: ObjKind::Map,
        id: map_id,
    };
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let dirs = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        // Other places escape spaces by octal numbers.
        (kind == "bpf").then(|| place.replace("\\040", " "))
    });
    let all = dirs.flat_map(|dir| system.pinned(&dir).unwrap_or_default());
    let its = all.filter(|(_, pinned)| pinned.as_ref().is_ok_and(|pinned| *pinned == wanted));
    let mut found: Vec<String> = its.map(|(path, _)| path).collect();
    found.sort();
    found.dedup();
    found
}
