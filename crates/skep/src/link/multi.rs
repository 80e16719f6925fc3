//! What links to many places at once have in common.

use super::glob::matches;
use super::tracefs::mounts;
use crate::prog::Program;
use crate::system::{System, c_string, kallsyms};
use crate::{AttachType, Errno, Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::order;

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

/// Kernel functions that match, each name once: of tracefs's `available_filter_functions`, or where
/// none is mounted of `/proc/kallsyms`.
#[inline]
pub(super) fn traceable(
    system: &System,
    pattern: &str,
    mount: Option<&str>,
) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut take = |name: &[u8]| {
        if let Ok(name) = core::str::from_utf8(name)
            && matches(pattern, name)
        {
            names.push(name.to_string());
        }
    };
    let mut found = false;
    for mount in mounts(mount) {
        let path = c_string(&format!("{mount}/available_filter_functions"))?;
        // A name, and a module behind a blank.
        let first = |line: &[u8], take: &mut dyn FnMut(&[u8])| {
            take(line.split(|&byte| byte == b' ').next().unwrap_or_default());
        };
        match kallsyms::each_line(system, &path, &mut |line| first(line, &mut take)) {
            Err(error) if error.errno() == Some(Errno::ENOENT) => {}
            answer => {
                answer?;
                found = true;
                break;
            }
        }
    }
    if !found {
        kallsyms::each_function(system, &mut take)?;
    }
    order::by(&mut names, |a, b| a.cmp(b));
    names.dedup();
    if names.is_empty() {
        let what = format!("no kernel function matches `{pattern}`");
        return Err(Error::new(ErrorKind::NotFound, what));
    }
    Ok(names)
}
