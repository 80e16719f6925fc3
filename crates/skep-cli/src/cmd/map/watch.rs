//! `skep map dump --watch`: a map read again and again.

use super::dump::each;
use super::view::View;
use crate::fail::Result;
use crate::out::{BAD, DIM, GOOD, HEAD, Out, printable, styled};
use crate::stop::Stop;
use serde_json::Value;
use skep::Map;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Keys and values at one time.
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// How an element is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Added,
    Changed,
    Removed,
}

/// Reads until it is time to stop.
pub(super) fn run(
    map: &Map,
    view: &View,
    out: &mut Out,
    interval: Duration,
    duration: Option<Duration>,
) -> Result {
    let stop = Stop::catch(duration)?;
    let mut last = Entries::new();
    let mut first = true;
    loop {
        let begun = Instant::now();
        let now = read(map)?;
        let changes = changes(&last, &now);
        if out.is_screen() {
            draw(map, view, out, &now, if first { &[] } else { &changes })?;
        } else {
            for (key, change) in &changes {
                let value = now.get(*key).or_else(|| last.get(*key));
                let value = value.map(Vec::as_slice).unwrap_or_default();
                line(view, out, (key, value), *change)?;
            }
        }
        out.flush()?;
        (last, first) = (now, false);
        if !stop.sleep(interval.saturating_sub(begun.elapsed())) {
            return Ok(0);
        }
    }
}

fn read(map: &Map) -> Result<Entries> {
    let mut entries = Entries::new();
    each(map, |key, value| {
        entries.insert(key.to_vec(), value.to_vec());
        Ok(())
    })?;
    Ok(entries)
}

/// What is different, in order of key.
fn changes<'a>(last: &'a Entries, now: &'a Entries) -> Vec<(&'a Vec<u8>, Change)> {
    let gone = last.keys().filter(|key| !now.contains_key(*key));
    let gone = gone.map(|key| (key, Change::Removed));
    let here = now.iter().filter_map(|(key, value)| match last.get(key) {
        None => Some((key, Change::Added)),
        Some(old) if old != value => Some((key, Change::Changed)),
        Some(_) => None,
    });
    let mut all: Vec<_> = gone.chain(here).collect();
    all.sort();
    all
}

/// One change on a line of its own.
fn line(view: &View, out: &mut Out, entry: (&[u8], &[u8]), change: Change) -> Result<()> {
    let (key, value) = entry;
    let (word, sign, style) = match change {
        Change::Added => ("added", "+", GOOD),
        Change::Changed => ("changed", "~", HEAD),
        Change::Removed => ("removed", "-", BAD),
    };
    if out.is_json() {
        let mut row = serde_json::Map::new();
        row.insert("change".to_owned(), Value::from(word));
        if let Value::Object(entry) = view.json(key, value) {
            row.extend(entry);
        }
        out.json(&Value::Object(row))?;
    } else {
        let text = printable(&view.text(key, value));
        out.line(&format!("{} {text}", styled(style, sign)))?;
    }
    Ok(())
}

/// The whole map on a terminal, as far as it fits, what has changed first.
fn draw(
    map: &Map,
    view: &View,
    out: &mut Out,
    now: &Entries,
    changes: &[(&Vec<u8>, Change)],
) -> Result<()> {
    out.clear()?;
    let gone = changes
        .iter()
        .filter(|(_, c)| *c == Change::Removed)
        .count();
    let head = format!(
        "{} ({}): {} elements, {} changed, {gone} gone",
        map.name(),
        map.id(),
        now.len(),
        changes.len() - gone
    );
    out.line(&styled(HEAD, printable(&head)))?;
    let changed: BTreeMap<_, _> = changes.iter().copied().collect();
    let mut rows = out.rows_left(1);
    let (marked, plain): (Vec<_>, Vec<_>) =
        now.iter().partition(|(key, _)| changed.contains_key(key));
    let all = marked.iter().chain(&plain);
    for (place, (key, value)) in all.enumerate() {
        if rows <= 1 && place + 1 < now.len() {
            let more = format!("... {} more", now.len() - place);
            out.line(&styled(DIM, more))?;
            break;
        }
        rows = rows.saturating_sub(1);
        let text = printable(&view.text(key, value));
        match changed.get(key) {
            Some(Change::Added) => out.line(&styled(GOOD, text))?,
            Some(_) => out.line(&styled(HEAD, text))?,
            None => out.line(&text)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_found_by_key() {
        let entries = |list: &[(u8, u8)]| -> Entries {
            list.iter().map(|(k, v)| (vec![*k], vec![*v])).collect()
        };
        let (last, now) = (
            entries(&[(1, 1), (2, 2), (3, 3)]),
            entries(&[(2, 2), (3, 4), (5, 5)]),
        );
        let found = changes(&last, &now);
        let expected = [
            (&vec![1], Change::Removed),
            (&vec![3], Change::Changed),
            (&vec![5], Change::Added),
        ];
        assert_eq!(found, expected);
        assert!(changes(&now, &now).is_empty());
    }
}
