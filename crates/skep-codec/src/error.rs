//! One error for all parsers: what is wrong, and where in which bytes.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
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

/// An error with its place: section, byte offset in it, symbol, as far as they are known. As large
/// as a pointer, and cheap to clone and to drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Arc<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    what: Cow<'static, str>,
    section: Option<String>,
    offset: Option<u64>,
    symbol: Option<String>,
}

/// Part of a place.
enum Part {
    Section(String),
    Offset(u64),
    Symbol(String),
}

impl Error {
    /// An error of `kind`; `what` completes the sentence "... : what".
    #[cold]
    pub fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self::of(kind, what.into())
    }

    /// [`Error::new`] of a text that is put together.
    #[cold]
    pub(crate) fn says(kind: ErrorKind, what: fmt::Arguments<'_>) -> Self {
        Self::of(kind, alloc::fmt::format(what).into())
    }

    #[cold]
    fn of(kind: ErrorKind, what: Cow<'static, str>) -> Self {
        Self(Arc::new(Inner {
            kind,
            what,
            section: None,
            offset: None,
            symbol: None,
        }))
    }

    /// Names the section, unless one is named already.
    #[must_use]
    pub fn in_section(self, section: impl Into<String>) -> Self {
        self.place(Part::Section(section.into()))
    }

    /// Names the byte offset inside the section, unless one is named already.
    #[must_use]
    pub fn at(self, offset: u64) -> Self {
        self.place(Part::Offset(offset))
    }

    /// Names the symbol, unless one is named already.
    #[must_use]
    pub fn of_symbol(self, symbol: impl Into<String>) -> Self {
        self.place(Part::Symbol(symbol.into()))
    }

    #[cold]
    #[inline(never)]
    fn place(mut self, part: Part) -> Self {
        let known = Arc::make_mut(&mut self.0);
        match part {
            Part::Section(name) if known.section.is_none() => known.section = Some(name),
            Part::Offset(offset) if known.offset.is_none() => known.offset = Some(offset),
            Part::Symbol(name) if known.symbol.is_none() => known.symbol = Some(name),
            _ => {}
        }
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
        return Err($crate::Error::says($crate::ErrorKind::$kind, format_args!($($arg)+)))
    };
}
pub(crate) use bail;
