//! Instructions as they are shown: lines of text, or an object each.

use crate::out::{DIM, HEAD, Out, printable, styled};
use serde_json::{Map, Value, json};
use skep::codec::object::TextLine;
use std::io;

/// A function's heading.
pub(super) fn head(out: &mut Out, text: &str) -> io::Result<()> {
    out.line(&styled(HEAD, format!("{}:", printable(text))))
}

/// A function's lines, and an empty one.
pub(super) fn text(out: &mut Out, lines: &[TextLine]) -> io::Result<()> {
    for line in lines {
        let text = printable(&line.to_string());
        match line {
            TextLine::Insn { slot, .. } => {
                let indent = 4_usize.saturating_sub(slot.to_string().len());
                out.line(&format!("{:indent$}{text}", ""))?;
            }
            TextLine::Label { .. } => out.line(&text)?,
            _ => out.line(&format!("    {}", styled(DIM, text)))?,
        }
    }
    out.line("")
}

/// A function's instructions, an object each that begins with what is the same of all.
pub(super) fn rows(out: &mut Out, same: &Map<String, Value>, lines: &[TextLine]) -> io::Result<()> {
    let (mut source, mut place, mut relocation) = (Value::Null, Value::Null, Value::Null);
    let (mut label, mut entries) = (Value::Null, Value::Null);
    for line in lines {
        match line {
            TextLine::Source { text, place: at } => {
                (source, place) = (json!(text), json!(at));
            }
            TextLine::Relocation(what) => relocation = json!(what),
            TextLine::Label {
                name,
                entries: from,
            } => (label, entries) = (json!(name), json!(from)),
            TextLine::Insn { slot, code, text } => {
                let mut row = same.clone();
                let cells = [
                    ("slot", json!(slot)),
                    ("code", json!(code)),
                    ("text", json!(text)),
                    ("source", source.take()),
                    ("place", place.take()),
                    ("relocation", relocation.take()),
                    ("label", label.take()),
                    ("entries", entries.take()),
                ];
                row.extend(cells.map(|(key, value)| (key.to_owned(), value)));
                out.json(&Value::Object(row))?;
            }
        }
    }
    Ok(())
}
