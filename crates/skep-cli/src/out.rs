//! Standard output: lines of text, tables, or one JSON object a line.

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

/// Headings.
pub(crate) const HEAD: Style = Style::new().bold();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Text in a style; the style is dropped where the output is no terminal or `NO_COLOR` is set.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A column of a table: heading and the key of its value in each row.
pub(crate) type Column = (&'static str, &'static str);

/// Where results go. What is written becomes visible at [`Out::flush`] and at the end.
pub(crate) struct Out {
    to: BufWriter<StdoutLock<'static>>,
    styles: bool,
    json: bool,
}

impl Out {
    /// Standard output, as text or as JSON.
    pub(crate) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        Self {
            styles: AutoStream::choice(&stdout) != ColorChoice::Never,
            to: BufWriter::new(stdout.lock()),
            json,
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// One line of text.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        if self.styles {
            writeln!(self.to, "{text}")
        } else {
            writeln!(self.to, "{}", anstream::adapter::strip_str(text))
        }
    }

    /// Bytes as they are: lines without styles, or no text at all.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)
    }

    /// One value on a line of its own.
    pub(crate) fn json(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.to, "{value}")
    }

    /// Rows (JSON objects): as they are in JSON; else a table of `columns`.
    pub(crate) fn rows(&mut self, columns: &[Column], rows: &[Value]) -> io::Result<()> {
        if self.json {
            return rows.iter().try_for_each(|row| self.json(row));
        }
        if rows.is_empty() {
            return self.line(&styled(DIM, "none"));
        }
        for (number, line) in table(columns, rows).lines().enumerate() {
            match number {
                0 => self.line(&styled(HEAD, line.trim_end()))?,
                _ => self.line(line.trim_end())?,
            }
        }
        Ok(())
    }

    /// Whether this is a terminal that text can be drawn on again and again.
    pub(crate) fn is_screen(&self) -> bool {
        !self.json && self.styles && io::stdout().is_terminal()
    }

    /// Begins a screen anew.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.to.write_all(b"\x1b[H\x1b[2J")
    }

    /// Lines that the screen has below so many.
    pub(crate) fn rows_left(&self, used: usize) -> usize {
        const UNKNOWN: u16 = 24;
        let size = rustix::termios::tcgetwinsize(io::stdout());
        let rows = size.map_or(UNKNOWN, |size| size.ws_row);
        let rows = if rows == 0 { UNKNOWN } else { rows };
        usize::from(rows).saturating_sub(used)
    }

    /// Makes what was written visible.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes a text that is all there is to say.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = Out::new(false);
    out.bytes(text.as_bytes())?;
    out.flush()
}

fn table(columns: &[Column], rows: &[Value]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|(head, _)| *head));
    for row in rows {
        table.add_row(columns.iter().map(|(_, key)| cell(row.get(key))));
    }
    let last = columns.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    table.to_string()
}

/// A value as a table shows it.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Array(values)) if values.is_empty() => "-".to_owned(),
        Some(Value::Array(values)) => {
            let cells: Vec<_> = values.iter().map(|v| cell(Some(v))).collect();
            cells.join(",")
        }
        Some(other) => other.to_string(),
    }
}

/// Text with control characters escaped: names come from the kernel and from files, and must not
/// steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_align_and_show_what_is_missing() {
        let rows = [
            json!({"id": 7, "name": "count", "maps": [1, 2]}),
            json!({"id": 12345, "name": null, "maps": []}),
        ];
        let text = table(&[("ID", "id"), ("NAME", "name"), ("MAPS", "maps")], &rows);
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            ["ID     NAME   MAPS", "7      count  1,2", "12345  -      -"]
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
        assert_eq!(printable("größe"), "größe");
    }
}
