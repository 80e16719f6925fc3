//! What is in an object, with the names and types that Rust is to have for it.

use super::names::{Item, Notes, Once};
use super::sections::{Section, sections};
use super::types::Types;
use super::views::{self, View};
use super::{Skeleton, shown};
use crate::Result;
use crate::btf::PlainTypes;
use crate::elf::Elf;
use crate::error::bail;
use crate::map::Map;
use crate::object::{DataKind, MapSpec, ObjectSpec};
use alloc::string::String;
use alloc::vec::Vec;

/// A map, and how it is looked at when it is loaded.
pub(super) struct MapItem {
    pub(super) item: Item,
    /// Its name in the loaded object.
    pub(super) loaded: String,
    pub(super) view: View,
}

/// All of it.
#[derive(Default)]
pub(super) struct Items {
    pub(super) maps: Vec<MapItem>,
    pub(super) programs: Vec<Item>,
    pub(super) sections: Vec<Section>,
    /// The declarations of types.
    pub(super) types: String,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

impl Items {
    pub(super) fn read(
        wanted: &Skeleton<'_>,
        spec: &ObjectSpec,
        bytes: &[u8],
        plain: Option<PlainTypes<'_>>,
    ) -> Result<Self> {
        let mut types = Types {
            btf: spec.btf.as_deref(),
            plain,
            notes: Notes::new(bytes.len()),
        };
        let mut items = Self::default();
        items.maps(wanted, spec, &mut types)?;
        items.programs(wanted, spec, &mut types.notes);
        items.sections = sections(wanted, spec, &mut types);
        if wanted.partial {
            items.optional(bytes)?;
        }
        for name in wanted.types {
            let id = types.named(name)?;
            if let Some(plain) = &mut types.plain {
                plain.of(id, name)?;
            }
        }
        if types.notes.is_over() {
            bail!(TooLarge, "names multiply to too much Rust");
        }
        items.notes = types.notes.lines;
        items.types = types.plain.map_or_else(String::new, PlainTypes::into_text);
        Ok(items)
    }

    fn maps(
        &mut self,
        wanted: &Skeleton<'_>,
        spec: &ObjectSpec,
        types: &mut Types<'_>,
    ) -> Result<()> {
        let mut once = Once::default();
        for map in &spec.maps {
            let section = map.data.as_ref().filter(|_| is_data(map));
            // Of a library, its sections become parts of others.
            if section.is_some() && wanted.partial {
                continue;
            }
            // A data map's own name is cut; its section's is not.
            let name = section.map_or(&map.name, |data| &data.section);
            let Some(mut item) = once.item("map", name, &mut types.notes) else {
                continue;
            };
            item.optional = !map.autocreate || map.error.is_some();
            item.what = format!("{}: {}.", shown(name), map.map_type);
            let record = wanted.records.iter().find(|(of, _)| *of == map.name);
            let record = record.map(|(_, ty)| types.named(ty)).transpose()?;
            self.maps.push(MapItem {
                loaded: map.name.clone(),
                view: views::of(map, record, types),
                item,
            });
        }
        Ok(())
    }

    fn programs(&mut self, wanted: &Skeleton<'_>, spec: &ObjectSpec, notes: &mut Notes) {
        let mut once = Once::default();
        for program in &spec.programs {
            if let Some(mut item) = once.item("program", &program.name, notes) {
                item.optional = wanted.partial && !program.autoload;
                let (name, section) = (shown(&program.name), shown(&program.section));
                item.what = format!("{name} in section {section}.");
                self.programs.push(item);
            }
        }
    }

    /// Marks what the object says may be missing: what is weak.
    fn optional(&mut self, bytes: &[u8]) -> Result<()> {
        let elf = Elf::parse(bytes, &mut Vec::new())?;
        let mut weak: Map<&str, ()> = Map::new();
        for symbol in elf.symbols.iter().filter(|symbol| symbol.weak) {
            weak.insert(symbol.name, ());
        }
        let maps = self.maps.iter_mut().map(|map| &mut map.item);
        let vars = self.sections.iter_mut().flat_map(|s| &mut s.vars);
        let vars = vars.map(|var| &mut var.item);
        for item in maps.chain(&mut self.programs).chain(vars) {
            item.optional |= weak.contains_key(item.name.as_str());
        }
        Ok(())
    }
}

/// Whether a map is a section of data, and not a map with a name of its own.
fn is_data(map: &MapSpec) -> bool {
    let kind = map.data.as_ref().map(|data| data.kind);
    kind.is_some_and(|kind| !matches!(kind, DataKind::Arena | DataKind::StructOps))
}
