//! One error for all parsers: what is wrong, and where in which bytes.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// The result of a codec function.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What kind of trouble the bytes are in.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes end before the structure does.
    Truncated,
    /// A field holds what it must not.
    Malformed,
    /// Valid as far as can be told, but not something this crate knows.
    Unsupported,
    /// Nesting or reference chains beyond the limit (a cycle, usually).
    TooDeep,
    /// A size or count beyond the limit.
    TooLarge,
    /// A name or id that something refers to does not exist.
    NotFound,
    /// Several candidates, and they disagree.
    Ambiguous,
    /// Two things that must agree do not.
    Mismatch,
}

/// An error with its place: section, byte offset in it, symbol, as far as they are known.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    what: Cow<'static, str>,
    section: Option<String>,
    offset: Option<u64>,
    symbol: Option<String>,
}

impl Error {
    /// An error of `kind`; `what` completes the sentence "... : what".
    #[cold]
    pub fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            section: None,
            offset: None,
            symbol: None,
        }))
    }

    /// Names the section, unless one is named already.
    #[must_use]
    pub fn in_section(mut self, section: impl Into<String>) -> Self {
        self.0.section.get_or_insert_with(|| section.into());
        self
    }

    /// Names the byte offset inside the section, unless one is named already.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Names the symbol, unless one is named already.
    #[must_use]
    pub fn of_symbol(mut self, symbol: impl Into<String>) -> Self {
        self.0.symbol.get_or_insert_with(|| symbol.into());
        self
    }

    /// What kind of trouble.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is wrong, without the place.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The section, where known.
    pub fn section(&self) -> Option<&str> {
        self.0.section.as_deref()
    }

    /// The byte offset inside the section (inside the input where no section is named).
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// The symbol, where known.
    pub fn symbol(&self) -> Option<&str> {
        self.0.symbol.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(section) = &self.0.section {
            write!(f, "{section}")?;
        }
        if let Some(offset) = self.0.offset {
            write!(f, "+{offset:#x}")?;
        }
        match &self.0.symbol {
            Some(symbol) if self.0.section.is_none() && self.0.offset.is_none() => {
                write!(f, "{symbol}")?;
            }
            Some(symbol) => write!(f, " ({symbol})")?,
            None => {}
        }
        if self.0.section.is_some() || self.0.offset.is_some() || self.0.symbol.is_some() {
            f.write_str(": ")?;
        }
        f.write_str(&self.0.what)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl core::error::Error for Error {}

/// Shorthand for `Err(Error::new(..))`.
macro_rules! bail {
    ($kind:ident, $($arg:tt)+) => {
        return Err($crate::Error::new($crate::ErrorKind::$kind, alloc::format!($($arg)+)))
    };
}
pub(crate) use bail;
