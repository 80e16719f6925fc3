//! A line of text, read word by word.

use super::{Result, SyntaxError};
use alloc::string::String;

/// What has not been read of a line.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
    line: usize,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '?')
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, line: usize) -> Self {
        let mut cursor = Self {
            text,
            rest: text,
            line,
        };
        cursor.skip();
        cursor
    }

    /// Line and column.
    pub(super) fn place(&self) -> (usize, usize) {
        let at = self.text.len().saturating_sub(self.rest.len());
        (self.line, at.saturating_add(1))
    }

    pub(super) fn error(&self, what: impl Into<String>) -> SyntaxError {
        let ((line, column), what) = (self.place(), what.into());
        SyntaxError { line, column, what }
    }

    /// Past white space and comments.
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with(';') || self.rest.starts_with("//") {
            self.rest = "";
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Past a sign or word that must not be part of a longer word.
    pub(super) fn eat(&mut self, what: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(what) else {
            return false;
        };
        if what.ends_with(is_word) && rest.starts_with(is_word) {
            return false;
        }
        self.rest = rest;
        self.skip();
        true
    }

    pub(super) fn expect(&mut self, what: &str) -> Result<()> {
        if self.eat(what) {
            return Ok(());
        }
        Err(self.error(match self.is_done() {
            true => format!("the line ends where '{what}' is wanted"),
            false => format!("'{}' where '{what}' is wanted", self.word_or_sign()),
        }))
    }

    /// Past the longest of these signs that is next; its place in the table.
    pub(super) fn one_of(&mut self, table: &[&str]) -> Option<usize> {
        let next = table.iter().enumerate();
        let next = next.filter(|(_, sign)| !sign.is_empty() && self.rest.starts_with(**sign));
        let (at, sign) = next.max_by_key(|(_, sign)| sign.len())?;
        self.rest = self.rest.get(sign.len()..)?;
        self.skip();
        Some(at)
    }

    /// The next word, without going past it; a single sign where there is none.
    pub(super) fn word_or_sign(&self) -> &'a str {
        let end = self.rest.find(|c| !is_word(c));
        match end.unwrap_or(self.rest.len()) {
            0 => self.rest.get(..self.sign_len()).unwrap_or_default(),
            end => self.rest.get(..end).unwrap_or_default(),
        }
    }

    fn sign_len(&self) -> usize {
        self.rest.chars().next().map_or(0, char::len_utf8)
    }

    /// The next word: letters, digits, `_`, `.`, `$`, `?`.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let word = self.word_or_sign();
        if !word.starts_with(is_word) {
            return None;
        }
        self.rest = self.rest.get(word.len()..)?;
        self.skip();
        Some(word)
    }

    /// A name, up to a closing sign.
    pub(super) fn until(&mut self, close: char) -> Result<&'a str> {
        let Some((name, rest)) = self.rest.split_once(close) else {
            return Err(self.error(format!("no '{close}' on this line")));
        };
        self.rest = rest;
        self.skip();
        Ok(name.trim())
    }

    /// A label, with its colon.
    pub(super) fn label(&mut self) -> Option<&'a str> {
        let mut ahead = *self;
        let name = ahead.word()?;
        if !ahead.eat(":") || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        *self = ahead;
        Some(name)
    }

    /// Past `12: (b7)`, which a verifier's log has before an instruction.
    pub(super) fn skip_slot(&mut self) {
        let mut ahead = *self;
        let slot = ahead.word().and_then(|word| word.parse::<u32>().ok());
        if slot.is_none() || !ahead.eat(":") {
            return;
        }
        *self = ahead;
        if ahead.eat("(") {
            let code = ahead.word();
            let hex = code.is_some_and(|code| u8::from_str_radix(code, 16).is_ok());
            if hex && ahead.eat(")") {
                *self = ahead;
            }
        }
    }

    /// A register, and whether it is its 32-bit half (`w3`).
    pub(super) fn register(&mut self) -> Option<(u8, bool)> {
        let mut ahead = *self;
        let word = ahead.word()?;
        let (digits, half) = match word.strip_prefix('r') {
            Some(digits) => (digits, false),
            None => (word.strip_prefix('w')?, true),
        };
        let plain = digits.len() == 1 || !digits.starts_with('0');
        let number: u8 = digits.parse().ok().filter(|&n| n < 16 && plain)?;
        *self = ahead;
        Some((number, half))
    }

    /// A whole register, `r0` to `r15`.
    pub(super) fn reg(&mut self) -> Result<u8> {
        let mut ahead = *self;
        match ahead.register() {
            Some((number, false)) => {
                *self = ahead;
                Ok(number)
            }
            _ => Err(self.error(format!("'{}' is no register", self.word_or_sign()))),
        }
    }

    /// A number: decimal or hex, with a sign or without; and whether it is in hex.
    pub(super) fn number(&mut self) -> Result<(i128, bool)> {
        let mut ahead = *self;
        let negative = ahead.eat("-");
        if !negative {
            ahead.eat("+");
        }
        let word = ahead.word().unwrap_or_default();
        let (digits, hex) = match word.strip_prefix("0x") {
            Some(digits) => (digits, true),
            None => (word, false),
        };
        let value = u64::from_str_radix(digits, if hex { 16 } else { 10 });
        let (Ok(value), false) = (value, digits.starts_with('+')) else {
            return Err(self.error(format!("'{}' is no number", self.word_or_sign())));
        };
        *self = ahead;
        let value = i128::from(value);
        Ok((
            if negative {
                value.wrapping_neg()
            } else {
                value
            },
            hex,
        ))
    }

    /// A number of 32 bits, signed or not.
    pub(super) fn imm(&mut self) -> Result<i32> {
        let before = *self;
        let (value, _) = self.number()?;
        let signed = i32::try_from(value);
        let bits = signed.or_else(|_| u32::try_from(value).map(|value| value as i32));
        bits.map_err(|_| before.error(format!("{value} does not fit into 32 bits")))
    }

    /// A number of 16 bits, signed.
    pub(super) fn off(&mut self) -> Result<i16> {
        let before = *self;
        let (value, _) = self.number()?;
        i16::try_from(value).map_err(|_| before.error(format!("{value} does not fit into 16 bits")))
    }

    /// A number of 8 bits.
    pub(super) fn byte(&mut self) -> Result<u8> {
        let before = *self;
        let (value, _) = self.number()?;
        u8::try_from(value).map_err(|_| before.error(format!("{value} does not fit into 8 bits")))
    }
}
