//! What code that was written for an object needs of it.

use super::{Global, Object, ObjectSpec};
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::text::joined;

/// Names that must be in an object: [`ObjectSpec::require`], [`Object::require`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// Maps.
    pub maps: &'a [&'a str],
    /// Programs.
    pub programs: &'a [&'a str],
    /// Variables, and their sizes in bytes.
    pub variables: &'a [(&'a str, usize)],
}

impl Names<'_> {
    /// Answers with all that an object lacks, which knows whether it has a map, whether it has a
    /// program, and the size of a variable.
    #[inline]
    fn check(
        &self,
        object: &str,
        has_map: &dyn Fn(&str) -> bool,
        has_program: &dyn Fn(&str) -> bool,
        size_of: &dyn Fn(&str) -> Option<usize>,
    ) -> Result<()> {
        let mut lacking: Vec<String> = Vec::new();
        for name in self.maps.iter().filter(|name| !has_map(name)) {
            lacking.push(format!("map `{name}`"));
        }
        for name in self.programs.iter().filter(|name| !has_program(name)) {
            lacking.push(format!("program `{name}`"));
        }
        for (name, size) in self.variables {
            match size_of(name) {
                None => lacking.push(format!("variable `{name}`")),
                Some(found) if found != *size => {
                    lacking.push(format!(
                        "variable `{name}` of {size} bytes (it has {found})"
                    ));
                }
                Some(_) => {}
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let what = format!("object `{object}` lacks {}", joined(&lacking, ", "));
        Err(Error::new(ErrorKind::NotFound, what))
    }
}

impl ObjectSpec {
    /// Checks that the object has all of this.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with all that is missing.
    #[inline]
    pub fn require(&self, names: &Names<'_>) -> Result<()> {
        let spec: &skep_codec::object::ObjectSpec = self;
        names.check(
            &spec.name,
            &|name| spec.map(name).is_some(),
            &|name| spec.program(name).is_some(),
            &|name| {
                let found = spec.variables.iter().find(|v| v.name == name);
                found.map(|variable| variable.size as usize)
            },
        )
    }
}

impl Object {
    /// Checks that the object has all of this, loaded.
    ///
    /// # Errors
    /// See [`ObjectSpec::require`].
    #[inline]
    pub fn require(&self, names: &Names<'_>) -> Result<()> {
        names.check(
            self.name(),
            &|name| self.map(name).is_ok(),
            &|name| self.program(name).is_ok(),
            &|name| self.global(name).ok().map(Global::size),
        )
    }
}
