//! Kernel functions that share a name, or that the compiler gave another.

use crate::system::{System, kallsyms};
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::order;
use skep_codec::text::joined;

/// Which of several kernel functions of one name is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameName {
    /// None of them: that there are several is an error, which tells where they are.
    #[default]
    Refuse,
    /// That of this number, counted from 0 in order of addresses.
    Nth(usize),
    /// All.
    All,
}

/// The name of kernel functions, and which of those that have it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) which: SameName,
    /// Of this module; empty for the kernel itself.
    pub(super) module: Option<String>,
    /// Whether names will do that the compiler made of it.
    pub(super) changed: bool,
}

/// A function that has such a name.
struct Found {
    address: u64,
    name: String,
    module: String,
}

impl Named {
    #[inline]
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_string(),
            which: SameName::Refuse,
            module: None,
            changed: false,
        }
    }

    /// Whether the kernel finds it by its name alone, or refuses to.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.which == SameName::Refuse && self.module.is_none() && !self.changed
    }

    /// The addresses of those that are meant.
    ///
    /// # Errors
    /// `NotFound`: there is none, or not so many; `Invalid`: there are several, and it was not said
    /// which; `Permission`: the kernel shows no addresses.
    #[inline]
    pub(super) fn addresses(&self, system: &System) -> Result<Vec<u64>> {
        let mut found = self.find(system, |name| {
            name == self.name || self.changed && is_changed(name, &self.name)
        })?;
        // What has the name itself is meant before what the compiler made of others.
        if found.iter().any(|one| one.name == self.name) {
            found.retain(|one| one.name == self.name);
        }
        if found.iter().any(|one| one.address == 0) {
            let what = "the kernel shows no addresses of its functions (CAP_SYSLOG, kptr_restrict)";
            return Err(Error::new(ErrorKind::Permission, what));
        }
        let count = found.len();
        let one = match (self.which, count) {
            (_, 0) => return Err(Error::new(ErrorKind::NotFound, self.missing(system))),
            (SameName::All, _) => return Ok(found.iter().map(|one| one.address).collect()),
            (SameName::Refuse, 1) => 0,
            (SameName::Refuse, _) => return Err(Error::new(ErrorKind::Invalid, several(&found))),
            (SameName::Nth(number), _) => number,
        };
        let Some(one) = found.get(one) else {
            let what = format!(
                "no number {one} of {count}, counted from 0: {}",
                told(&found)
            );
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        Ok(alloc::vec![one.address])
    }

    /// Functions whose names fit, in order of addresses.
    #[inline]
    fn find(&self, system: &System, fits: impl Fn(&str) -> bool) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        kallsyms::each_line(system, kallsyms::PATH, &mut |line| {
            let Some((address, [b"t" | b"T" | b"w" | b"W", name, module])) = kallsyms::symbol(line)
            else {
                return;
            };
            let (Ok(name), Ok(module)) = (core::str::from_utf8(name), core::str::from_utf8(module))
            else {
                return;
            };
            if fits(name) && self.module.as_deref().is_none_or(|wanted| wanted == module) {
                found.push(Found {
                    address,
                    name: name.to_string(),
                    module: module.to_string(),
                });
            }
        })?;
        order::by_key(&mut found, |one| one.address);
        Ok(found)
    }

    /// Why there is none, and what there is.
    #[cold]
    pub(super) fn missing(&self, system: &System) -> String {
        let place = match self.module.as_deref() {
            None => String::new(),
            Some("") => " of its own".to_string(),
            Some(module) => format!(" in module {module}"),
        };
        let made_of_it = |name: &str| {
            let rest = name.strip_prefix(self.name.as_str());
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        // Without a list there is nothing to tell.
        let changed = self.find(system, made_of_it).unwrap_or_default();
        let what = format!("the kernel has no function `{}`{place}", self.name);
        match changed.iter().any(|one| is_changed(&one.name, &self.name)) {
            _ if changed.is_empty() => what + " to probe: it may be inlined",
            true => format!(
                "{what}; what the compiler made of it goes by Kprobe::or_changed: {}",
                told(&changed)
            ),
            false => format!("{what}; the compiler left parts of it: {}", told(&changed)),
        }
    }

    /// That there are several, where the kernel says so.
    #[cold]
    pub(super) fn ambiguous(&self, system: &System) -> String {
        let found = self.find(system, |name| name == self.name);
        several(&found.unwrap_or_default())
    }
}

/// Whether a compiler makes such a name of another, of a whole function: `NAME.isra.0`,
/// `NAME.constprop.0`, `NAME.llvm.123`, `NAME.lto_priv.0`, or several of them.
#[inline]
fn is_changed(name: &str, plain: &str) -> bool {
    let rest = name.strip_prefix(plain);
    let Some(rest) = rest.and_then(|rest| rest.strip_prefix('.')) else {
        return false;
    };
    let mut parts = rest.split('.');
    while let Some(part) = parts.next() {
        let known = matches!(part, "isra" | "constprop" | "llvm" | "lto_priv");
        let number = parts.next().unwrap_or_default();
        if !known || number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
    }
    true
}

#[cold]
fn several(found: &[Found]) -> String {
    format!(
        "{} functions have this name: {}; say which (Kprobe::same_name, in_module, at)",
        found.len(),
        told(found)
    )
}

/// Names, addresses and modules.
#[cold]
fn told(found: &[Found]) -> String {
    /// Most that are told.
    const MOST: usize = 16;
    let tell = |one: &Found| match one.module.as_str() {
        "" => format!("{} at {:#x}", one.name, one.address),
        module => format!("{} at {:#x} [{module}]", one.name, one.address),
    };
    let more = if found.len() > MOST { ", ..." } else { "" };
    let texts: Vec<String> = found.iter().take(MOST).map(tell).collect();
    joined(&texts, ", ") + more
}

#[cfg(test)]
mod tests {
    use super::is_changed;

    #[test]
    fn whole_functions_have_changed_names_and_parts_have_others() {
        for name in [
            "f.isra.0",
            "f.constprop.12",
            "f.isra.0.constprop.1",
            "f.llvm.1234567890123456789",
            "f.lto_priv.0",
        ] {
            assert!(is_changed(name, "f"), "{name}");
        }
        for name in [
            "f",
            "f.",
            "f.cold",
            "f.part.0",
            "f.isra.0.cold",
            "f.isra",
            "f.isra.",
            "f.isra.x",
            "ff.isra.0",
            "f_isra.0",
        ] {
            assert!(!is_changed(name, "f"), "{name}");
        }
    }
}
