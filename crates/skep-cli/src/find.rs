//! Maps and programs by what people call them.

use crate::cmd::listing;
use crate::fail::{Failure, Result};
use skep::{Map, Program, System};

/// How a map or program is named: digits are an id, what has a slash is the path of a pin.
enum Which<'a> {
    Id(u32),
    Pin(&'a str),
    Name(&'a str),
}

impl<'a> Which<'a> {
    fn of(text: &'a str) -> Self {
        match text.parse() {
            Ok(id) => Self::Id(id),
            Err(_) if text.contains('/') => Self::Pin(text),
            Err(_) => Self::Name(text),
        }
    }
}

/// The map with this id or pin, or the only one with this name.
pub(crate) fn map(system: &System, which: &str) -> Result<Map> {
    match Which::of(which) {
        Which::Id(id) => system.map_by_id(id).map_err(listing),
        Which::Pin(path) => Ok(Map::from_pin(system, path)?),
        Which::Name(name) => {
            let maps = system.maps().map_err(listing)?;
            let named = maps.iter().filter(|map| same(&map.name, name));
            let found = named.map(|map| (map.id, map.map_type.to_string()));
            let id = only(("map", "map"), name, &found.collect::<Vec<_>>())?;
            system.map_by_id(id).map_err(listing)
        }
    }
}

/// The program with this id or pin, or the only one with this name.
pub(crate) fn program(system: &System, which: &str) -> Result<Program> {
    match Which::of(which) {
        Which::Id(id) => system.program_by_id(id).map_err(listing),
        Which::Pin(path) => Ok(Program::from_pin(system, path)?),
        Which::Name(name) => {
            let programs = system.programs().map_err(listing)?;
            let named = programs.iter().filter(|prog| same(&prog.name, name));
            let found = named.map(|prog| (prog.id, prog.prog_type.to_string()));
            let id = only(("program", "prog"), name, &found.collect::<Vec<_>>())?;
            system.program_by_id(id).map_err(listing)
        }
    }
}

/// Whether a name is the kernel's, which keeps 15 bytes of it.
fn same(kernels: &str, name: &str) -> bool {
    const KEPT: usize = 15;
    let kept = name.as_bytes().get(..KEPT).unwrap_or(name.as_bytes());
    !name.is_empty() && kernels.as_bytes() == kept
}

/// The one that was found; what it is, and the command that lists such, are told where it is not one.
fn only((noun, verb): (&str, &str), name: &str, found: &[(u32, String)]) -> Result<u32> {
    match found {
        [(id, _)] => Ok(*id),
        [] => Err(Failure::Said(format!(
            "no {noun} has the name `{name}`: see `skep {verb} list` (a pin is named by a path with a \
             /, such as ./{name})"
        ))),
        several => {
            let ids = several.iter().map(|(id, kind)| format!("{id} ({kind})"));
            let ids: Vec<_> = ids.collect();
            Err(Failure::Said(format!(
                "several have the name `{name}`: give one of the ids {}",
                ids.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_long_as_the_kernel_keeps_them() {
        assert!(same("flows", "flows"));
        assert!(same("a_name_of_many_", "a_name_of_many_letters"));
        assert!(!same("a_name_of_many", "a_name_of_many_letters"));
        assert!(!same("", ""));
    }

    #[test]
    fn several_are_listed() {
        assert!(matches!(
            only(("map", "map"), "x", &[(7, "hash".into())]),
            Ok(7)
        ));
        let none = only(("map", "map"), "x", &[]).unwrap_err().to_string();
        assert!(
            none.contains("skep map list") && none.contains("./x"),
            "{none}"
        );
        let both = [(7, "hash".to_owned()), (9, "array".to_owned())];
        let text = only(("map", "map"), "x", &both).unwrap_err().to_string();
        assert!(text.ends_with("7 (hash), 9 (array)"), "{text}");
    }
}
