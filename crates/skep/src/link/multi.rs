//! What links to many places at once have in common.

use crate::AttachType;
use crate::prog::Program;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Which of many.
#[derive(Clone, Debug)]
pub(super) enum Places {
    Pattern(String),
    Names(Vec<String>),
    Numbers(Vec<u64>),
}

impl Places {
    #[inline]
    pub(super) fn named(names: &[&str]) -> Self {
        Self::Names(names.iter().map(ToString::to_string).collect())
    }

    /// What they are, in words.
    #[inline]
    pub(super) fn hook(&self, what: &str, on_return: bool) -> String {
        let kind = if on_return { "returns of " } else { "" };
        match self {
            Self::Pattern(pattern) => format!("{kind}{what} {pattern}"),
            Self::Names(names) => format!("{kind}{} {what}", names.len()),
            Self::Numbers(numbers) => format!("{kind}{} {what}", numbers.len()),
        }
    }
}

/// Whether a program's section says this of it.
#[inline]
pub(super) fn declared_as(program: &Program, attach_type: AttachType) -> bool {
    let declared = program.declared();
    declared.is_some_and(|declared| declared.attach_type == Some(attach_type))
}
