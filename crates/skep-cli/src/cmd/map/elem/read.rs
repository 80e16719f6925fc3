//! `skep map get` and `skep map delete`.

use super::super::view::View;
use super::{Given, Key, Target, lock};
use crate::args::{Delete, Get};
use crate::fail::{Failure, Result};
use crate::out::{Out, printable};
use skep::MapType;
use skep::map::MapKey;

/// `skep map get`.
pub(in super::super) fn get(args: &Get) -> Result {
    let target = Target::open(&args.map)?;
    let given = Given::of(&args.assigns)?;
    if target.map.map_type() == MapType::BLOOM_FILTER {
        return contains(&target, &given, args.json);
    }
    given.no_value()?;
    let key = target.key(&given)?;
    let flags = lock(args.lock);
    let start = match given.cpu {
        Some(_) => target
            .starts(target.value_len(), given.cpu)?
            .first()
            .copied(),
        None => None,
    };
    let found = match target.is_keyless() {
        true => target.map.peek()?,
        false => target.map.lookup_with(&key.bytes, flags)?,
    };
    let Some(value) = found else {
        return Err(missing(&target, &key));
    };
    let mut out = Out::new(args.json);
    match start.and_then(|start| value.get(start..)) {
        Some(one) => print(&mut out, &target.view.of_one_cpu(), &key.bytes, one)?,
        None => print(&mut out, &target.view, &key.bytes, &value)?,
    }
    out.flush()?;
    Ok(0)
}

/// Whether a bloom filter may have a value.
fn contains(target: &Target, given: &Given<'_>, json: bool) -> Result {
    let mut value = vec![0; target.view.value.size];
    if given.value.is_empty() {
        let what = "a bloom filter tells whether it has a value: value=VALUE is missing";
        return Err(Failure::Said(what.to_owned()));
    }
    for assign in &given.value {
        target.view.value.assign(assign, &mut value)?;
    }
    let contains = target.map.contains(&value)?;
    let mut out = Out::new(json);
    match json {
        true => out.json(&serde_json::json!({ "contains": contains }))?,
        false => out.line(if contains { "perhaps" } else { "no" })?,
    }
    out.flush()?;
    Ok(0)
}

fn print(out: &mut Out, view: &View, key: &[u8], value: &[u8]) -> std::io::Result<()> {
    match out.is_json() {
        true => out.json(&view.json(key, value)),
        false => out.line(&printable(&view.text(key, value))),
    }
}

fn missing(target: &Target, key: &Key) -> Failure {
    let name = target.map.name();
    let kind = target.map.map_type().kind();
    let indexed = kind.is_some_and(|kind| kind.key == MapKey::Index);
    let index = key
        .bytes
        .first_chunk()
        .map(|bytes| u32::from_ne_bytes(*bytes));
    let entries = target.map.max_entries();
    let shown = target.view.key.decode(&key.bytes);
    Failure::Said(match index.filter(|index| indexed && *index >= entries) {
        _ if target.is_keyless() => format!("map `{name}` is empty"),
        Some(_) => format!("map `{name}` has no key {shown}: indices are below {entries}"),
        None => format!("map `{name}` has no key {shown}"),
    })
}

/// `skep map delete`.
pub(in super::super) fn delete(args: &Delete) -> Result {
    let target = Target::open(&args.map)?;
    let given = Given::of(&args.assigns)?;
    given.no_value()?;
    let key = target.key(&given)?;
    if target.is_keyless() {
        let Some(value) = target.map.pop()? else {
            return Err(missing(&target, &key));
        };
        let mut out = Out::new(args.json);
        print(&mut out, &target.view, &[], &value)?;
        out.flush()?;
        return Ok(0);
    }
    match target.map.delete(&key.bytes)? {
        true => Ok(0),
        false => Err(missing(&target, &key)),
    }
}
