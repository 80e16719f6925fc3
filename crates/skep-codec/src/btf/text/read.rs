//! A cursor over text that knows how far it has come and how deep in brackets it is.

use super::mark;
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::{Cow, ToOwned};
use alloc::vec::Vec;
use core::net::IpAddr;

pub(super) struct Text<'a> {
    all: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            all: text,
            at: 0,
            depth: 0,
        }
    }

    /// What has not been read, from its first character on that is no space.
    fn rest(&mut self) -> &'a str {
        let rest = self.all.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        let spaces = rest.len().saturating_sub(trimmed.len());
        self.at = self.at.saturating_add(spaces);
        trimmed
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// Where the next thing begins.
    pub(super) fn offset(&mut self) -> usize {
        self.rest();
        self.at
    }

    pub(super) fn is_over(&mut self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn is_nested(&self) -> bool {
        self.depth != 0
    }

    pub(super) fn end(&mut self) -> Result<()> {
        match self.is_over() {
            true => Ok(()),
            false => Err(self.expected("the end")),
        }
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let there = self.rest().as_bytes().first() == Some(&byte);
        self.skip(there.into());
        there
    }

    /// Goes into brackets, if they are next.
    pub(super) fn open(&mut self, bracket: u8) -> bool {
        let there = self.eat(bracket);
        self.depth = self.depth.saturating_add(there.into());
        there
    }

    /// Leaves brackets, if they end here.
    pub(super) fn close(&mut self, bracket: u8) -> bool {
        let there = self.eat(bracket);
        self.depth = self.depth.saturating_sub(there.into());
        there
    }

    /// A comma, or nothing before the closing bracket.
    pub(super) fn separator(&mut self, bracket: u8) -> Result<()> {
        if self.eat(b',') || self.rest().as_bytes().first() == Some(&bracket) {
            return Ok(());
        }
        let what = format!("a comma or {}", char::from(bracket));
        Err(self.expected(&what))
    }

    pub(super) fn expected(&mut self, what: &str) -> Error {
        let rest = self.rest();
        let found = match rest.char_indices().nth(16) {
            None if rest.is_empty() => "the text ends".to_owned(),
            None => format!("found `{rest}`"),
            Some((end, _)) => format!("found `{}...`", rest.get(..end).unwrap_or(rest)),
        };
        let what = format!("expected {what}, {found}");
        mark(Error::new(ErrorKind::Malformed, what), self.at)
    }

    /// A word that ends at a comma, or at a bracket if it is inside of some; the text in quotes, if
    /// it has them.
    pub(super) fn word(&mut self) -> Result<Cow<'a, str>> {
        let rest = self.rest();
        if rest.starts_with('"') {
            let (at, bytes) = (self.at, self.quoted()?);
            return match alloc::string::String::from_utf8(bytes) {
                Ok(text) => Ok(text.into()),
                Err(_) => Err(mark(Error::new(ErrorKind::Malformed, "no UTF-8"), at)),
            };
        }
        let nested = self.is_nested();
        let ends = |byte: u8| byte == b',' || nested && matches!(byte, b']' | b'}');
        let len = match rest.strip_prefix('\'').and_then(|t| closing(t, b'\'')) {
            // A character, its two quotes.
            Some(inner) => inner.saturating_add(2),
            None => rest.bytes().position(ends).unwrap_or(rest.len()),
        };
        self.skip(len);
        Ok(rest.get(..len).unwrap_or(rest).trim_end().into())
    }

    /// The path of a member, in quotes or not.
    pub(super) fn name(&mut self) -> Result<Cow<'a, str>> {
        let rest = self.rest();
        if rest.starts_with('"') {
            return self.word();
        }
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '$');
        let len = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        if len == 0 {
            return Err(self.expected("the name of a member"));
        }
        self.skip(len);
        Ok(rest.get(..len).unwrap_or(rest).into())
    }

    /// Text: in quotes, or up to the end at the top, or a word.
    pub(super) fn string(&mut self) -> Result<Vec<u8>> {
        let rest = self.rest();
        if rest.starts_with('"') {
            return self.quoted();
        }
        if self.is_nested() {
            return Ok(self.word()?.as_bytes().to_vec());
        }
        self.skip(rest.len());
        Ok(rest.trim_end().as_bytes().to_vec())
    }

    fn quoted(&mut self) -> Result<Vec<u8>> {
        let (at, rest) = (self.at, self.rest());
        let inner = rest.get(1..).unwrap_or_default();
        let Some(len) = closing(inner, b'"') else {
            let error = Error::new(ErrorKind::Malformed, "text without its closing quote");
            return Err(mark(error, at));
        };
        self.skip(len.saturating_add(2));
        unescape(inner.get(..len).unwrap_or_default()).map_err(|error| mark(error, at))
    }

    /// `len` bytes as `"0aff"`, `[0a ff]`, `0a:ff` or an address; `None` if the text is a list.
    pub(super) fn bytes(&mut self, len: usize) -> Result<Option<Vec<u8>>> {
        let rest = self.rest();
        let at = self.at;
        if rest.starts_with('"') {
            let text = self.word()?;
            return match digits(&text).or_else(|| address(&text, len)) {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(mark(no_hex(), at)),
            };
        }
        let inside = rest.strip_prefix('[').and_then(|t| t.split_once(']'));
        if let Some((inner, _)) = inside {
            let parts = inner.split_ascii_whitespace();
            if inner.contains(',') || parts.clone().count() < 2 {
                return Ok(None);
            }
            let bytes: Option<Vec<u8>> = parts.map(pair).collect();
            self.skip(inner.len().saturating_add(2));
            return bytes.map(Some).ok_or_else(|| mark(no_hex(), at));
        }
        let end = |c| matches!(c, ',' | '}' | ']');
        let word = rest.split(end).next().unwrap_or_default().trim_end();
        let bytes = address(word, len).or_else(|| {
            let parts = word.contains(':').then(|| word.split(':').map(pair));
            parts?.collect()
        });
        if bytes.is_some() {
            self.skip(word.len());
        }
        Ok(bytes)
    }
}

fn no_hex() -> Error {
    let what = "expected bytes: two hex digits each, or an address";
    Error::new(ErrorKind::Malformed, what)
}

/// An internet address of so many bytes.
fn address(text: &str, len: usize) -> Option<Vec<u8>> {
    match (text.parse().ok()?, len) {
        (IpAddr::V4(address), 4) => Some(address.octets().to_vec()),
        (IpAddr::V6(address), 16) => Some(address.octets().to_vec()),
        _ => None,
    }
}

fn pair(text: &str) -> Option<u8> {
    match digits(text)?.as_slice() {
        &[byte] => Some(byte),
        _ => None,
    }
}

/// Hex digits, two a byte.
fn digits(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = text.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    });
    bytes.collect()
}

/// Where the closing quote of text is that began before it.
fn closing(text: &str, quote: u8) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == quote && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// Text without its escapes: those of C, of Rust and of JSON.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let c = match c {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('0') => '\0',
                Some(c @ ('\\' | '\'' | '"' | '/')) => c,
                Some('x') => {
                    match hex(&mut rest, 2) {
                        Some(byte) => out.push(byte as u8),
                        None => bail!(Malformed, "\\x without its two digits"),
                    }
                    continue;
                }
                Some('u') => match unicode(&mut rest) {
                    Some(c) => c,
                    None => bail!(Malformed, "\\u without the digits of a character"),
                },
                _ => bail!(Malformed, "a backslash before nothing known"),
            },
            c => c,
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(out)
}

fn hex(rest: &mut core::str::Chars<'_>, digits: u32) -> Option<u32> {
    let digit = |all: u32, _| Some(all << 4 | rest.next()?.to_digit(16)?);
    (0..digits).try_fold(0, digit)
}

/// `{1f600}` as Rust has it, `d83d\ude00` as JSON has it.
fn unicode(rest: &mut core::str::Chars<'_>) -> Option<char> {
    if let Some(braced) = rest.as_str().strip_prefix('{') {
        let (digits, after) = braced.split_once('}')?;
        *rest = after.chars();
        return char::from_u32(u32::from_str_radix(digits, 16).ok()?);
    }
    let first = hex(rest, 4)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    let (slash, u) = (rest.next()?, rest.next()?);
    let second = hex(rest, 4)?.checked_sub(0xdc00)?;
    if (slash, u) != ('\\', 'u') || second > 0x3ff {
        return None;
    }
    let high = (first & 0x3ff) << 10;
    char::from_u32((high | second).saturating_add(0x10000))
}
