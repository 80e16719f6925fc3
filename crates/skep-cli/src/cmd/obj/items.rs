//! What is in an object, as rows.

use super::types;
use serde_json::{Map, Value, json};
use skep::ObjectSpec;
use skep::codec::Error;
use skep::codec::btf::{Btf, TypeId};
use skep::codec::bytes::Endian;
use skep::codec::object::{ExternKind, Function, MapSpec, Pinning, Slot, link};

fn text(error: Option<&Error>) -> Value {
    error.map(ToString::to_string).into()
}

/// The name of an attach or program type; null for none.
fn known(value: impl ToString, none: bool) -> Value {
    match none {
        true => Value::Null,
        false => value.to_string().into(),
    }
}

pub(super) fn programs(spec: &ObjectSpec) -> Vec<Value> {
    let rows = spec.programs.iter().enumerate().map(|(index, program)| {
        let own = spec.functions.get(program.function).map(|f| f.insns.len());
        let linked = link(spec, index);
        let maps = linked.as_ref().map(|code| {
            let names = code.maps.iter().filter_map(|map| spec.maps.get(*map));
            names.map(|map| map.name.as_str()).collect::<Vec<_>>()
        });
        let error = linked.as_ref().err();
        json!({
            "name": program.name,
            "section": program.section,
            "type": known(program.prog_type, program.prog_type.0 == 0),
            "attach_type": program.attach_type.map(|ty| ty.to_string()),
            "target": program.target,
            "insns": own,
            "linked_insns": linked.as_ref().ok().map(|code| code.insns.len()),
            "bytes": own.map(|insns| insns * 8),
            "flags": program.flags,
            "autoload": program.autoload,
            "maps": maps.ok(),
            "error": text(error),
        })
    });
    rows.collect()
}

pub(super) fn maps(spec: &ObjectSpec) -> Vec<Value> {
    spec.maps.iter().map(|map| one_map(spec, map)).collect()
}

fn one_map(spec: &ObjectSpec, map: &MapSpec) -> Value {
    let btf = spec.btf.as_deref();
    let type_name = |id: TypeId| types::name(btf, id);
    let slots = map.slots.iter().map(|(index, slot)| {
        let name = match slot {
            Slot::Map(map) => spec.maps.get(*map).map(|map| &map.name),
            Slot::Program(program) => spec.programs.get(*program).map(|program| &program.name),
        };
        json!({"index": index, "name": name})
    });
    json!({
        "name": map.name,
        "type": map.map_type.to_string(),
        "key_size": map.key_size,
        "value_size": map.value_size,
        "max_entries": map.max_entries,
        "map_flags": map.map_flags,
        "map_extra": map.map_extra,
        "numa_node": map.numa_node,
        "pinning": match &map.pinning {
            Pinning::None => Value::Null,
            Pinning::Path(path) => path.as_str().into(),
            _ => "by_name".into(),
        },
        "key": type_name(map.key_type),
        "value": type_name(map.value_type),
        "section": map.data.as_ref().map(|data| &data.section),
        "inner": map.inner.as_deref().map(|inner| one_map(spec, inner)),
        "slots": slots.collect::<Vec<_>>(),
        "autocreate": map.autocreate,
        "error": text(map.error.as_ref()),
    })
}

pub(super) fn variables(spec: &ObjectSpec) -> Vec<Value> {
    let rows = spec.variables.iter().map(|variable| {
        let map = spec.maps.get(variable.map);
        json!({
            "name": variable.name,
            "map": map.map(|map| &map.name),
            "offset": variable.offset,
            "size": variable.size,
            "type": types::name(spec.btf.as_deref(), variable.type_id),
        })
    });
    rows.collect()
}

pub(super) fn externs(spec: &ObjectSpec) -> Vec<Value> {
    let btf = spec.btf.as_deref();
    let rows = spec.externs.iter().map(|wanted| {
        let (kind, ty) = match wanted.kind {
            ExternKind::Kconfig { ty, .. } => ("kconfig", types::name(btf, ty)),
            ExternKind::Func(id) => ("function", types::name(btf, id)),
            ExternKind::Var(id) => ("variable", types::name(btf, id)),
            ExternKind::Address => ("address", None),
            _ => ("unknown", None),
        };
        json!({
            "name": wanted.name,
            "kind": kind,
            "weak": wanted.weak,
            "type": ty,
            "error": text(wanted.error.as_ref()),
        })
    });
    rows.collect()
}

pub(super) fn functions(spec: &ObjectSpec) -> Vec<Value> {
    let linkage = |function: &Function| match (function.global, function.weak, function.hidden) {
        (false, ..) => "static",
        (_, _, true) => "hidden",
        (_, true, _) => "weak",
        _ => "global",
    };
    let rows = spec.functions.iter().map(|function| {
        json!({
            "name": function.name,
            "section": function.section,
            "offset": function.offset,
            "insns": function.insns.len(),
            "linkage": linkage(function),
            "error": text(function.error.as_ref()),
        })
    });
    rows.collect()
}

/// Numbers of types and records; null without types.
pub(super) fn btf(spec: &ObjectSpec) -> Value {
    let Some(btf) = spec.btf.as_deref() else {
        return Value::Null;
    };
    let total = |counts: &mut dyn Iterator<Item = usize>| counts.sum::<usize>();
    let ext = &spec.ext;
    json!({
        "bytes": btf.as_bytes().len(),
        "types": btf.iter().count(),
        "kinds": kinds(btf),
        "func_info": total(&mut ext.func_info.values().map(Vec::len)),
        "line_info": total(&mut ext.line_info.values().map(Vec::len)),
        "core_relos": total(&mut ext.core_relos.values().map(Vec::len)),
    })
}

fn kinds(btf: &Btf) -> Value {
    let mut counts = Map::new();
    for ty in btf.iter() {
        let kind = format!("{:?}", ty.kind()).to_lowercase();
        let count = counts.entry(kind).or_insert(json!(0));
        *count = json!(count.as_u64().unwrap_or(0) + 1);
    }
    counts.sort_keys();
    Value::Object(counts)
}

pub(super) fn endian(spec: &ObjectSpec) -> &'static str {
    match spec.endian {
        Endian::Little => "little",
        Endian::Big => "big",
    }
}
