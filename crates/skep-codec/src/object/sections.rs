//! Section names: what program type a name means, and how it is attached.

mod table;
#[cfg(test)]
mod tests;
mod verb;

pub use table::TABLE;
pub use verb::Verb;

use crate::btf::Kind;
use crate::uapi::bpf::{AttachType, ProgType};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionDef {
    /// The name; a `+` at its end allows `/` and a target after it.
    pub pattern: &'static str,
    /// Program type.
    pub prog_type: ProgType,
    /// `expected_attach_type`.
    pub attach_type: Option<AttachType>,
    /// How it is attached.
    pub verb: Verb,
    flags: u8,
}

/// `BPF_F_SLEEPABLE`.
const F_SLEEPABLE: u32 = 1 << 4;
/// `BPF_F_XDP_HAS_FRAGS`.
const F_XDP_HAS_FRAGS: u32 = 1 << 5;

/// The program may sleep.
const S: u8 = 1;
/// The program takes packets in several buffers.
const F: u8 = 2;
/// Loaded for a kernel type or function, by BTF id.
const B: u8 = 4;
/// Loads without the attach type where the kernel does not know it.
const O: u8 = 8;
/// The hook is the return.
const R: u8 = 16;

impl SectionDef {
    /// A row of the caller's own. `pattern` ends in `+` (a `/` and a target may follow), in `/` (a
    /// target follows), or is the whole name; an empty one takes every name that means nothing
    /// else.
    pub const fn new(pattern: &'static str, prog_type: ProgType) -> Self {
        Self {
            pattern,
            prog_type,
            attach_type: None,
            verb: Verb::Custom,
            flags: 0,
        }
    }

    /// The same row with an `expected_attach_type`.
    #[must_use]
    pub const fn with_attach_type(mut self, attach_type: AttachType) -> Self {
        self.attach_type = Some(attach_type);
        self
    }

    /// The same row, attached in this way.
    #[must_use]
    pub const fn with_verb(mut self, verb: Verb) -> Self {
        self.verb = verb;
        self
    }

    /// The same row for programs that may sleep.
    #[must_use]
    pub const fn sleepable(mut self) -> Self {
        self.flags |= S;
        self
    }

    /// `prog_flags` of program load.
    pub const fn prog_flags(&self) -> u32 {
        let sleepable = if self.flags & S != 0 { F_SLEEPABLE } else { 0 };
        let frags = if self.flags & F != 0 {
            F_XDP_HAS_FRAGS
        } else {
            0
        };
        sleepable | frags
    }

    /// Whether it is loaded for a kernel type or function, by BTF id.
    pub const fn attach_btf(&self) -> bool {
        self.flags & B != 0
    }

    /// Whether it loads without the attach type where the kernel does not know that.
    pub const fn attach_type_optional(&self) -> bool {
        self.flags & O != 0
    }

    /// Whether the hook is the return of the function.
    pub const fn on_return(&self) -> bool {
        self.flags & R != 0
    }

    /// What a section name has after this row's name; `None` where the row does not match.
    fn matches<'n>(&self, name: &'n str) -> Option<Option<&'n str>> {
        let Some(stem) = self.pattern.strip_suffix('+') else {
            if self.pattern.ends_with('/') {
                return name.strip_prefix(self.pattern).map(Some);
            }
            return (name == self.pattern).then_some(None);
        };
        match name.strip_prefix(stem)? {
            "" => Some(None),
            rest => rest.strip_prefix('/').map(Some),
        }
    }
}

/// The row for a section name (without a leading `?`), and the target that the name gives.
///
/// `exact` is false for names that only older loaders took (`xdp_prog`, `classifier/name`): the
/// longest row that the name begins with, what follows being no part of a word.
pub fn find(name: &str) -> Option<Found<'_>> {
    find_with(name, &[])
}

/// [`find`] with rows of the caller's own, which come after the table's.
pub fn find_with<'n>(name: &'n str, own: &[SectionDef]) -> Option<Found<'n>> {
    let exact = |def: &SectionDef| {
        let target = def.matches(name)?;
        Some(Found {
            def: *def,
            target: target.filter(|t| !t.is_empty()),
            exact: true,
        })
    };
    for row in [TABLE, own].into_iter().flatten() {
        if let found @ Some(_) = exact(row) {
            return found;
        }
    }
    older(name).or_else(|| {
        let any = own.iter().find(|def| def.pattern.is_empty())?;
        Some(Found {
            def: *any,
            target: None,
            exact: true,
        })
    })
}

/// The row that older loaders took a name for.
fn older(name: &str) -> Option<Found<'_>> {
    let mut longest: Option<&SectionDef> = None;
    for def in TABLE {
        let fits = continued(name, def.pattern) || is_alias(name, def.pattern);
        if fits && longest.is_none_or(|other| other.pattern.len() <= def.pattern.len()) {
            longest = Some(def);
        }
    }
    Some(Found {
        def: *longest?,
        target: None,
        exact: false,
    })
}

/// Whether a name goes on after the pattern, with what is no part of a word.
fn continued(name: &str, pattern: &str) -> bool {
    match name.strip_prefix(pattern) {
        Some(rest) => rest.starts_with(|c: char| !c.is_ascii_alphabetic()),
        None => false,
    }
}

fn is_alias(name: &str, pattern: &str) -> bool {
    for (alias, row) in ALIASES {
        match name.strip_prefix(alias) {
            Some(rest) if *row == pattern && (rest.is_empty() || rest.starts_with('/')) => {
                return true;
            }
            _ => {}
        }
    }
    false
}

/// What [`find`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'n> {
    /// The row.
    pub def: SectionDef,
    /// What follows the slash.
    pub target: Option<&'n str>,
    /// Whether the name is one that current loaders take.
    pub exact: bool,
}

/// Names that other loaders take, and the row that is meant.
const ALIASES: &[(&str, &str)] = &[("socket_filter", "socket"), ("cgroup_skb", "cgroup/skb")];

/// What the kernel puts before the name of what a program is loaded for by BTF id, and the kind of
/// its type.
pub fn btf_target(attach_type: Option<AttachType>) -> (&'static str, Kind) {
    match attach_type {
        Some(AttachType::TRACE_RAW_TP) => ("btf_trace_", Kind::Typedef),
        Some(AttachType::TRACE_ITER) => ("bpf_iter_", Kind::Func),
        Some(AttachType::LSM_MAC | AttachType::LSM_CGROUP) => ("bpf_lsm_", Kind::Func),
        _ => ("", Kind::Func),
    }
}
