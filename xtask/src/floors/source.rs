//! A source file without comments, literals and tests.

use std::collections::BTreeMap;

/// The code of one file; what is no code is blank, so that lines keep their numbers.
pub(crate) struct Source {
    text: String,
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        let mut text = blank(text);
        if let Some(at) = tests_at(&text) {
            text.truncate(at);
        }
        Self { text }
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    /// The first line with this word.
    pub(crate) fn word(&self, word: &str) -> Option<usize> {
        let mut places = self.text.match_indices(word);
        let place = places.find(|(at, _)| {
            let after = self.text.get(at + word.len()..).unwrap_or_default();
            !ends_in_name(self.text.get(..*at)) && !after.starts_with(is_name)
        });
        place.map(|(at, _)| self.line(at))
    }

    /// The first line with this path, not as the tail of another one.
    pub(crate) fn path(&self, path: &str) -> Option<usize> {
        let mut places = self.text.match_indices(path);
        let place = places.find(|(at, _)| !ends_in_name(self.text.get(..*at)));
        place.map(|(at, _)| self.line(at))
    }

    /// First names after `crate::`, and after as many `super::` as lead to the crate's root from a
    /// module `depth` deep; each with its line.
    pub(crate) fn imports(&self, depth: usize) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let up = "super::".repeat(depth);
        for start in ["crate::", up.as_str()] {
            for (at, _) in self.text.match_indices(start) {
                let before = self.text.get(..at).unwrap_or_default();
                if ends_in_name(Some(before)) || before.ends_with("::") || before.ends_with('$') {
                    continue;
                }
                let rest = self.text.get(at + start.len()..).unwrap_or_default();
                for name in heads(rest) {
                    found.push((self.line(at), name));
                }
            }
        }
        found
    }

    /// What `use module::{A, B as C}` in the crate's root hands on: name -> module.
    pub(crate) fn exports(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (at, _) in self.text.match_indices("use ") {
            let rest = self.text.get(at + 4..).unwrap_or_default();
            let statement = rest.split(';').next().unwrap_or_default();
            let Some((module, names)) = statement.split_once("::") else {
                continue;
            };
            for name in names.split(['{', '}', ',']) {
                let name = name.rsplit(" as ").next().unwrap_or(name);
                let name = name.rsplit("::").next().unwrap_or(name).trim();
                if !name.is_empty() {
                    found.insert(name.to_string(), module.trim().to_string());
                }
            }
        }
        found
    }
}

/// The modules that a file is, from the root down: `link/xdp.rs` is `link`, `xdp`.
pub(crate) fn modules_of(path: &str) -> Vec<&str> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" | "main" => Vec::new(),
        path => path.split('/').collect(),
    }
}

/// The first name of a path, or of each path in a group.
fn heads(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest.chars().take_while(|c| is_name(*c)).collect()];
    };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut name = String::new();
    let mut open = true;
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut name));
                open = true;
            }
            c if depth == 0 && open && is_name(c) => name.push(c),
            c if depth == 0 && !name.is_empty() && !is_name(c) => open = false,
            _ => {}
        }
    }
    names.push(name);
    names.retain(|n| !n.is_empty());
    names
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn ends_in_name(before: Option<&str>) -> bool {
    before.is_some_and(|b| b.ends_with(is_name))
}

/// Where the tests at the foot begin.
fn tests_at(text: &str) -> Option<usize> {
    let mut places = text.match_indices("#[cfg(test)]");
    let place = places.find(|(at, mark)| {
        let rest = text.get(at + mark.len()..).unwrap_or_default();
        let end = rest.find(['{', ';']).unwrap_or(rest.len());
        let (statement, body) = rest.split_at(end);
        statement.trim().starts_with("mod ") && body.starts_with('{')
    });
    place.map(|(at, _)| at)
}

/// Comments and literals replaced by blanks.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let raw_ok = !out.ends_with(is_name);
        let skip = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block(rest),
            '"' => string(rest),
            'r' if raw_ok => raw(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skip == 0 {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            continue;
        }
        let (gone, left) = rest.split_at(skip);
        out.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = left;
    }
    out
}

/// The length of a block comment, nested ones with it.
fn block(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(text.len(), char::len_utf8);
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a raw string; 0 when it is none.
fn raw(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    let body = text.get(1 + hashes..).unwrap_or_default();
    if !body.starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let found = body.get(1..).and_then(|b| b.find(&end));
    found.map_or(text.len(), |at| 1 + hashes + 1 + at + end.len())
}

/// The length of a character literal; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            let after = at + c.len_utf8();
            let close = text.get(after..).and_then(|t| t.find('\''));
            close.map_or(0, |n| after + n + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}
