//! What can go wrong in a command, and how it is told.

use crate::caps;
use skep::ErrorKind;
use std::{fmt, io};

/// The result of a command: its exit status.
pub(crate) type Result<T = u8, E = Failure> = std::result::Result<T, E>;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Skep(skep::Error),
    Io(io::Error),
    Said(String),
    /// Text that cannot be read: the line, the byte where it goes wrong, why.
    Text {
        line: String,
        at: usize,
        why: String,
    },
}

impl Failure {
    /// The reader of standard output went away: no error, only the end.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<skep::Error> for Failure {
    fn from(error: skep::Error) -> Self {
        Self::Skep(error)
    }
}

impl From<skep::codec::Error> for Failure {
    fn from(error: skep::codec::Error) -> Self {
        Self::Skep(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Said(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skep(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Said(text) => f.write_str(text),
            Self::Text { why, .. } => f.write_str(why),
        }
    }
}

/// What to do about a missing privilege, where that is the trouble.
pub(crate) fn advice(error: &skep::Error) -> Option<String> {
    let denied = |e: &skep::Error| e.kind() == ErrorKind::Permission;
    let any = denied(error) || error.failures().iter().any(|f| denied(&f.error));
    any.then(caps::advice_for_load)
}

/// The error of a program without what the line says before it anyway.
pub(crate) fn of_program(error: &skep::Error, program: &str, section: &str) -> String {
    let text = error.to_string();
    let head = format!("load program `{program}` ({section}): ");
    text.strip_prefix(&head).unwrap_or(&text).to_owned()
}
