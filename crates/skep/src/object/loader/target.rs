//! What a tracing program is loaded for: a type or function of the kernel or of a module.

use crate::btf::{KernelTypes, Place};
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::btf::{Btf, Kind, Kinds, TypeId, Wanted};
use skep_codec::object::sections::btf_target;
use skep_codec::object::{ObjectSpec, ProgramSpec, Verb};
use skep_codec::text::joined;

/// The BTF id of what a tracing program is loaded for, and the module that has it. The target may
/// name the module: `module:function`.
///
/// # Errors
/// [`ErrorKind::NotFound`], with names that are near; [`ErrorKind::NeedsTarget`] where the section
/// names none.
pub(super) fn attach_target(
    kernel: &mut KernelTypes<'_>,
    program: &ProgramSpec,
) -> Result<(TypeId, Option<usize>)> {
    let Some(target) = program.target.as_deref() else {
        let what = format!("section `{}` names no target", program.section);
        return Err(Error::new(ErrorKind::NeedsTarget, what));
    };
    if program.attach == Verb::Freplace {
        let what = "freplace programs need their target program before they are loaded";
        return Err(Error::new(ErrorKind::NeedsTarget, what));
    }
    let wanted = Target::new(program, target);
    let place = match wanted.module {
        Some(module) => find_in(kernel, module, &wanted),
        None => {
            let found = kernel.find(&[(&wanted.name, Kinds::of(wanted.kind))])?;
            found.into_iter().next().flatten()
        }
    };
    match place {
        Some(place) => Ok((place.id, place.module)),
        None => Err(missing(kernel, &wanted)),
    }
}

/// The module that a program of many functions is for, if its section names one (`module:pattern`).
///
/// # Errors
/// [`ErrorKind::NotFound`]: no such module, or it has no types.
pub(super) fn module_of(
    kernel: &mut KernelTypes<'_>,
    program: &ProgramSpec,
) -> Result<Option<usize>> {
    let target = program.target.as_deref().unwrap_or_default();
    let Some((module, _)) = target.split_once(':').filter(|(m, _)| *m != "vmlinux") else {
        return Ok(None);
    };
    let (index, _) = kernel.module(module)?;
    Ok(Some(index))
}

/// Names that the object's programs are loaded for, of which the kernel may have any.
pub(super) fn names(spec: &ObjectSpec) -> impl Iterator<Item = (String, Kinds)> {
    let programs = spec.programs.iter();
    let programs = programs.filter(|p| p.attach_btf && p.attach != Verb::Freplace);
    programs.filter_map(|program| {
        let target = Target::new(program, program.target.as_deref()?);
        let anywhere = target.module.is_none();
        anywhere.then(|| (target.name, Kinds::of(target.kind)))
    })
}

/// A target as the kernel names it.
struct Target<'p> {
    /// The module that it is named with.
    module: Option<&'p str>,
    /// What comes before a name of its kind.
    prefix: &'static str,
    name: String,
    kind: Kind,
}

impl<'p> Target<'p> {
    fn new(program: &ProgramSpec, target: &'p str) -> Self {
        let (prefix, kind) = btf_target(program.attach_type);
        let (module, name) = match target.split_once(':') {
            Some(("vmlinux", name)) => (None, name),
            Some((module, name)) => (Some(module), name),
            None => (None, target),
        };
        Self {
            module,
            prefix,
            name: format!("{prefix}{name}"),
            kind,
        }
    }
}

fn find_in<'a>(
    kernel: &mut KernelTypes<'a>,
    module: &str,
    target: &Target<'_>,
) -> Option<Place<'a>> {
    let wanted = Wanted::new([(&*target.name, Kinds::of(target.kind))]);
    let (index, btf) = kernel.module(module).ok()?;
    let ids = btf.find_many(&wanted).into_iter().flatten();
    ids.into_iter().next().map(|id| Place {
        btf,
        id,
        module: Some(index),
    })
}

fn missing(kernel: &mut KernelTypes<'_>, target: &Target<'_>) -> Error {
    let (module, prefix, name) = (target.module, target.prefix, target.name.as_str());
    let mut near = Near {
        name,
        prefix: prefix.len(),
        kind: target.kind,
        names: Vec::new(),
    };
    match module {
        Some(module) => kernel.each_module(&mut |_, its, btf| {
            if its == module {
                near.look(btf);
            }
            its == module
        }),
        None => {
            if let Ok(btf) = kernel.vmlinux() {
                near.look(btf);
            }
            kernel.each_module(&mut |_, _, btf| {
                near.look(btf);
                false
            });
        }
    }
    let what = match prefix {
        "" => "function",
        "btf_trace_" => "tracepoint",
        "bpf_iter_" => "iterator",
        _ => "LSM hook",
    };
    let places = match module {
        Some(module) => format!("module `{module}` ({})", kernel.looked()),
        None => kernel.looked(),
    };
    let short = |name: &str| format!("`{}`", name.strip_prefix(prefix).unwrap_or(name));
    let names: Vec<String> = near.names.iter().map(|(_, name)| short(name)).collect();
    let near = match names.is_empty() {
        true => String::new(),
        false => format!("; near it are {}", joined(&names, ", ")),
    };
    let what = format!("no {what} {} in {places}{near}", short(name));
    Error::new(ErrorKind::NotFound, what)
}

/// The names most like one that is not there.
struct Near<'n> {
    name: &'n str,
    prefix: usize,
    kind: Kind,
    names: Vec<(usize, String)>,
}

impl Near<'_> {
    /// Most names that are told.
    const MOST: usize = 3;

    fn look(&mut self, btf: &Btf) {
        // A third of the letters may differ, without the prefix that all have; more is another name.
        let limit = (self.name.len().saturating_sub(self.prefix) / 3).clamp(1, 8);
        for ty in btf.iter().filter(|ty| ty.kind() == self.kind) {
            let Ok(name) = ty.name() else {
                continue;
            };
            if name.len().abs_diff(self.name.len()) > limit {
                continue;
            }
            let away = distance(self.name.as_bytes(), name.as_bytes());
            let known = self.names.iter().any(|(_, other)| other == name);
            if away <= limit && !known {
                let place = self.names.partition_point(|(other, _)| *other <= away);
                self.names.insert(place, (away, name.into()));
                self.names.truncate(Self::MOST);
            }
        }
    }
}

/// How many letters have to be changed, put in or left out to make one name of the other.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        // `before` is the cell to the left above, `left` the one to the left.
        let (mut before, mut left) = (i, i.saturating_add(1));
        for (above, y) in row.iter_mut().skip(1).zip(b) {
            let changed = before.saturating_add(usize::from(x != y));
            let cell = changed.min(left.min(*above).saturating_add(1));
            (before, *above, left) = (*above, cell, cell);
        }
        if let Some(first) = row.first_mut() {
            *first = i.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        for (a, b, away) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("do_unlinkat", "do_unlnkat", 1),
            ("vfs_read", "vfs_write", 4),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), away, "{a} {b}");
        }
    }
}
