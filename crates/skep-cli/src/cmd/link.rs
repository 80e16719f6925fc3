//! `skep link`: links in the kernel now.

use super::listing;
use crate::fail::Result;
use crate::out::{Column, Out};
use serde_json::{Map, Value, json};
use skep::System;
use skep::link::{LinkInfo, LinkKind};
use std::fs;

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("TYPE", "type"),
    ("PROG", "prog_id"),
    ("NAME", "prog_name"),
    ("WHERE", "target"),
];

/// `skep link list`.
pub(crate) fn list(json: bool) -> Result {
    let system = System::host()?;
    let links = system.links().map_err(listing)?;
    let rows: Vec<_> = links.iter().map(|info| row(&system, info)).collect();
    let mut out = Out::new(json);
    out.rows(COLUMNS, &rows)?;
    out.flush()?;
    Ok(0)
}

fn row(system: &System, info: &LinkInfo) -> Value {
    let program = system.program_by_id(info.prog_id).ok();
    let mut row = Map::from_iter([
        ("id".to_owned(), json!(info.id)),
        ("type".to_owned(), json!(info.link_type.to_string())),
        ("prog_id".to_owned(), json!(info.prog_id)),
        (
            "prog_name".to_owned(),
            json!(program.map(|p| p.name().to_owned())),
        ),
    ]);
    let detail = detail(&info.kind);
    row.insert("target".to_owned(), json!(target(&info.kind, &detail)));
    if let Value::Object(detail) = detail {
        row.extend(detail);
    }
    Value::Object(row)
}

/// What the type of link tells more, as JSON.
fn detail(kind: &LinkKind) -> Value {
    let known = of_place(kind).or_else(|| of_probe(kind));
    known.unwrap_or(Value::Null)
}

/// Of what hangs on a place: an interface, a cgroup, a map, a network namespace.
fn of_place(kind: &LinkKind) -> Option<Value> {
    Some(match kind {
        LinkKind::Cgroup {
            cgroup_id,
            attach_type,
        } => json!({"cgroup_id": cgroup_id, "attach_type": attach_type.to_string()}),
        LinkKind::Iter {
            name,
            map_id,
            cgroup_id,
            order,
            tid,
            pid,
        } => json!({
            "iterator": name, "map_id": map_id, "cgroup_id": cgroup_id, "order": order,
            "tid": tid, "pid": pid,
        }),
        LinkKind::Netns {
            netns_ino,
            attach_type,
        } => json!({"netns_ino": netns_ino, "attach_type": attach_type.to_string()}),
        LinkKind::Xdp { ifindex } => json!({"ifindex": ifindex}),
        LinkKind::StructOps { map_id } => json!({"map_id": map_id}),
        LinkKind::Netfilter {
            pf,
            hooknum,
            priority,
            flags,
        } => json!({"pf": pf, "hooknum": hooknum, "priority": priority, "flags": flags}),
        LinkKind::Tcx {
            ifindex,
            attach_type,
        }
        | LinkKind::Netkit {
            ifindex,
            attach_type,
        } => json!({"ifindex": ifindex, "attach_type": attach_type.to_string()}),
        LinkKind::Sockmap {
            map_id,
            attach_type,
        } => json!({"map_id": map_id, "attach_type": attach_type.to_string()}),
        _ => return None,
    })
}

/// Of what hangs on code: functions, tracepoints, perf events.
fn of_probe(kind: &LinkKind) -> Option<Value> {
    Some(match kind {
        LinkKind::RawTracepoint { name, cookie } | LinkKind::Tracepoint { name, cookie } => {
            json!({"tracepoint": name, "cookie": cookie})
        }
        LinkKind::Tracing {
            attach_type,
            target_obj_id,
            target_btf_id,
            cookie,
        } => json!({
            "attach_type": attach_type.to_string(), "target_obj_id": target_obj_id,
            "target_btf_id": target_btf_id, "cookie": cookie,
        }),
        LinkKind::KprobeMulti {
            count,
            flags,
            missed,
            ..
        } => json!({"count": count, "flags": flags, "missed": missed}),
        LinkKind::TracingMulti {
            attach_type, count, ..
        } => json!({"attach_type": attach_type.to_string(), "count": count}),
        LinkKind::UprobeMulti {
            path,
            count,
            flags,
            pid,
            ..
        } => json!({"path": path, "count": count, "flags": flags, "pid": pid}),
        LinkKind::Uprobe {
            file_name,
            offset,
            cookie,
            retprobe,
            ..
        } => json!({
            "path": file_name, "offset": offset, "cookie": cookie, "retprobe": retprobe,
        }),
        LinkKind::Kprobe {
            func_name,
            offset,
            missed,
            cookie,
            retprobe,
            ..
        } => json!({
            "function": func_name, "offset": offset, "missed": missed, "cookie": cookie,
            "retprobe": retprobe,
        }),
        LinkKind::Event {
            kind,
            config,
            cookie,
        } => json!({"event_type": kind, "config": config, "cookie": cookie}),
        _ => return None,
    })
}

/// Where the program hangs, for people.
fn target(kind: &LinkKind, detail: &Value) -> Option<String> {
    match kind {
        LinkKind::Xdp { ifindex }
        | LinkKind::Tcx { ifindex, .. }
        | LinkKind::Netkit { ifindex, .. } => {
            Some(interface(*ifindex).unwrap_or_else(|| format!("ifindex {ifindex}")))
        }
        _ => {
            let keys = ["tracepoint", "function", "path", "iterator", "attach_type"];
            let told = keys.iter().find_map(|key| detail.get(key)?.as_str());
            told.filter(|text| !text.is_empty()).map(str::to_owned)
        }
    }
}

/// The name of an interface of this network namespace.
fn interface(ifindex: u32) -> Option<String> {
    let has = |entry: &fs::DirEntry| {
        fs::read_to_string(entry.path().join("ifindex"))
            .is_ok_and(|text| text.trim() == ifindex.to_string())
    };
    let entry = fs::read_dir("/sys/class/net").ok()?.flatten().find(has)?;
    entry.file_name().into_string().ok()
}
