//! `skep map top`: how full maps are, and what memory they take.

use super::{fdinfo, listing};
use crate::args::{Sort, Top};
use crate::fail::Result;
use crate::find;
use crate::out::{Column, Out};
use crate::stop::Stop;
use serde_json::{Value, json};
use skep::map::{MapKey, MapOps, MapValue};
use skep::{Map, MapType, RingBuf, System};
use std::collections::BTreeMap;
use std::time::Instant;

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("TYPE", "type"),
    ("NAME", "name"),
    ("ENTRIES", "entries_text"),
    ("CHANGE", "change"),
    ("MAX", "max_entries"),
    ("FILL%", "fill_percent"),
    ("MEMORY", "memory_bytes"),
];

/// Elements that are counted in one map.
const MOST: u64 = 1 << 20;

/// What there is in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    entries: u64,
    /// Whether these are all.
    all: bool,
}

/// `skep map top`.
pub(super) fn run(args: &Top) -> Result {
    let system = System::host()?;
    let stop = Stop::catch(args.duration)?;
    let mut out = Out::new(args.json);
    let mut last = BTreeMap::new();
    loop {
        let begun = Instant::now();
        let maps = chosen(&system, &args.maps)?;
        let now: Vec<_> = maps.iter().map(|map| (map, count(map))).collect();
        let seconds = stop.elapsed().as_secs_f64();
        let mut rows: Vec<Value> = now
            .iter()
            .map(|(map, count)| row(map, *count, last.get(&map.id()).copied(), seconds))
            .collect();
        sort(&mut rows, args.sort);
        show(&mut out, &rows)?;
        last = now
            .iter()
            .filter_map(|(map, count)| Some((map.id(), count.as_ref()?.entries)))
            .collect();
        if !stop.sleep(args.interval.saturating_sub(begun.elapsed())) {
            return Ok(0);
        }
    }
}

fn show(out: &mut Out, rows: &[Value]) -> Result<()> {
    if out.is_screen() {
        out.clear()?;
        let fits = out.rows_left(2);
        out.rows(COLUMNS, rows.get(..fits).unwrap_or(rows))?;
    } else {
        out.rows(COLUMNS, rows)?;
    }
    out.flush()?;
    Ok(())
}

fn chosen(system: &System, names: &[String]) -> Result<Vec<Map>> {
    if !names.is_empty() {
        return names.iter().map(|name| find::map(system, name)).collect();
    }
    let maps = system.maps().map_err(listing)?;
    // What is gone since it was listed has no row.
    Ok(maps
        .iter()
        .filter_map(|info| system.map_by_id(info.id).ok())
        .collect())
}

fn row(map: &Map, count: Option<Count>, last: Option<u64>, seconds: f64) -> Value {
    let entries = count.map(|count| count.entries);
    let change = entries
        .zip(last)
        .map(|(now, last)| now as i64 - last as i64);
    let text = count.map(|count| {
        let more = if count.all { "" } else { "+" };
        format!("{}{more}", count.entries)
    });
    let max = map.max_entries();
    let fill = entries.filter(|_| max != 0);
    let fill = fill.map(|entries| (entries as f64 * 1000.0 / f64::from(max)).round() / 10.0);
    json!({
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "id": map.id(),
        "type": map.map_type().to_string(),
        "name": map.name(),
        "entries": entries,
        "entries_text": text,
        "counted_all": count.map(|count| count.all),
        "change": change,
        "max_entries": max,
        "fill_percent": fill,
        "memory_bytes": fdinfo::of(map.fd()).memory_bytes(),
    })
}

fn sort(rows: &mut [Value], by: Sort) {
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap_or(-1.0);
    let key = match by {
        Sort::Fill => "fill_percent",
        Sort::Memory => "memory_bytes",
        Sort::Entries => "entries",
        Sort::Id => return rows.sort_by_key(|row| row["id"].as_u64()),
    };
    rows.sort_by(|a, b| number(b, key).total_cmp(&number(a, key)));
}

/// How many elements a map has; bytes that wait, for a ring buffer; `None` where the kernel does
/// not tell, or every place has an element.
fn count(map: &Map) -> Option<Count> {
    if map.map_type() == MapType::RINGBUF {
        return Some(Count {
            entries: RingBuf::open(map).ok()?.available_bytes(),
            all: true,
        });
    }
    let kind = map.map_type().kind()?;
    match (kind.key, kind.value) {
        _ if !kind.ops.contains(MapOps::NEXT_KEY) => None,
        (MapKey::Bytes | MapKey::Prefix, _) => walk(map),
        (MapKey::Index, MapValue::Prog | MapValue::Map | MapValue::Target) => slots(map),
        _ => None,
    }
}

/// Keys, without their values.
fn walk(map: &Map) -> Option<Count> {
    let mut entries = 0;
    for key in map.keys() {
        // A walk that had to begin again has counted some twice.
        key.ok()?;
        entries += 1;
        if entries == MOST {
            return Some(Count {
                entries,
                all: false,
            });
        }
    }
    Some(Count { entries, all: true })
}

/// Slots of an array that hold something.
fn slots(map: &Map) -> Option<Count> {
    let looked = u64::from(map.max_entries()).min(MOST);
    let mut entries = 0;
    for index in 0..looked as u32 {
        entries += u64::from(map.lookup(&index.to_ne_bytes()).ok()?.is_some());
    }
    Some(Count {
        entries,
        all: looked == u64::from(map.max_entries()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_what_is_asked_and_nothing_comes_last() {
        let row = |id, fill: Value, memory: u64| json!({"id": id, "fill_percent": fill, "memory_bytes": memory, "entries": id});
        let mut rows = [
            row(1, json!(null), 9),
            row(2, json!(0.5), 5),
            row(3, json!(99.0), 7),
        ];
        let mut ids = |by| {
            sort(&mut rows, by);
            rows.iter()
                .map(|r| r["id"].as_u64().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(Sort::Fill), [3, 2, 1]);
        assert_eq!(ids(Sort::Memory), [1, 3, 2]);
        assert_eq!(ids(Sort::Entries), [3, 2, 1]);
        assert_eq!(ids(Sort::Id), [1, 2, 3]);
    }
}
