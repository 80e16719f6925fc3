//! `skep prog`: programs in the kernel now.

use super::{code, listing};
use crate::args::ProgVerb;
use crate::fail::Result;
use crate::find;
use crate::json::hex;
use crate::out::{Column, Out};
use serde_json::{Value, json};
use skep::System;
use skep::prog::ProgInfo;
use skep::sys::bpf::prog_map_ids;

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("TYPE", "type"),
    ("NAME", "name"),
    ("TAG", "tag"),
    ("UID", "uid"),
    ("INSNS", "verified_insns"),
    ("MAPS", "map_ids"),
    ("RUNS", "run_cnt"),
];

/// Does what a verb says.
pub(super) fn run(verb: &ProgVerb) -> Result {
    match verb {
        ProgVerb::List { json } => list(*json),
        ProgVerb::Dump { prog, json } => dump(prog, *json),
    }
}

/// `skep prog list`.
fn list(json: bool) -> Result {
    let system = System::host()?;
    let programs = system.programs().map_err(listing)?;
    let rows: Vec<_> = programs.iter().map(|info| row(&system, info)).collect();
    let mut out = Out::new(json);
    out.rows(COLUMNS, &rows)?;
    out.flush()?;
    Ok(0)
}

fn row(system: &System, info: &ProgInfo) -> Value {
    let program = system.program_by_id(info.id).ok();
    let map_ids = program.and_then(|program| prog_map_ids(program.fd()).ok());
    json!({
        "id": info.id,
        "type": info.prog_type.to_string(),
        "name": info.name,
        "tag": hex(&info.tag),
        "gpl_compatible": info.gpl_compatible,
        "uid": info.created_by_uid,
        "loaded_at_ns": info.load_time_ns,
        "map_ids": map_ids,
        "btf_id": (info.btf_id != 0).then_some(info.btf_id),
        "xlated_bytes": info.xlated_prog_len,
        "jited_bytes": info.jited_prog_len,
        "verified_insns": info.verified_insns,
        "run_time_ns": info.run_time_ns,
        "run_cnt": info.run_cnt,
    })
}

/// `skep prog dump`.
fn dump(which: &str, json: bool) -> Result {
    let system = System::host()?;
    let program = find::program(&system, which)?;
    let functions = program.listing()?;
    let mut out = Out::new(json);
    let id = json!(program.id()?);
    for function in &functions {
        if !json {
            code::head(&mut out, &function.name)?;
            code::text(&mut out, &function.lines)?;
            continue;
        }
        let name = json!(function.name);
        let same = [("id".to_owned(), id.clone()), ("function".to_owned(), name)];
        code::rows(&mut out, &same.into_iter().collect(), &function.lines)?;
    }
    out.flush()?;
    Ok(0)
}
