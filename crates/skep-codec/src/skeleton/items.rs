//! What is in an object, with the names and types that Rust is to have for it.

use super::views::{self, View};
use super::{Skeleton, not_found, shown};
use crate::Result;
use crate::btf::rust_names::{Members, identifier};
use crate::btf::{Btf, Kind, PlainTypes, TypeId};
use crate::elf::Elf;
use crate::error::bail;
use crate::map::Map;
use crate::object::{Data, DataKind, ExternKind, MapSpec, ObjectSpec, Variable};
use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Values of more bytes than this are not put on the stack: they stay bytes.
const LARGE: u64 = 64 << 10;
/// Bytes of names that any file may have.
const MIN_NAMES: usize = 1 << 20;
/// Functions that the types of the whole object have beside those of its sections.
const RESERVED: [&str; 11] = [
    "attach",
    "bind",
    "load",
    "load_with",
    "maps",
    "object",
    "open",
    "parse",
    "programs",
    "spec",
    "struct_ops",
];
/// Linkage of a variable that only its file sees.
const STATIC: u32 = 0;

/// Something with a name.
pub(super) struct Item {
    /// Its name in the object.
    pub(super) name: String,
    /// What the function is called.
    pub(super) ident: String,
    /// Whether it may be missing.
    pub(super) optional: bool,
}

/// A map, and how it is looked at when it is loaded.
pub(super) struct MapItem {
    pub(super) item: Item,
    /// Its name in the loaded object.
    pub(super) loaded: String,
    pub(super) what: String,
    pub(super) view: View,
}

/// A variable.
pub(super) struct Var {
    pub(super) item: Item,
    pub(super) size: u32,
    /// Its type; `None` for what is too large to be put on the stack.
    pub(super) ty: Option<String>,
}

/// A data section, or a `struct_ops` map: variables together.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) ident: String,
    pub(super) kind: DataKind,
    pub(super) vars: Vec<Var>,
    /// Of a `struct_ops` map, its functions.
    pub(super) funcs: Vec<Item>,
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
    ops: Members,
}

/// What types are asked of, and what is said of those that cannot be had.
pub(super) struct Types<'a> {
    btf: Option<&'a Btf>,
    plain: Option<PlainTypes<'a>>,
    notes: Notes,
}

/// What is said, and how many bytes of names there may still be: a file's symbols may all have one
/// long name.
struct Notes {
    lines: Vec<String>,
    room: Option<usize>,
}

impl Types<'_> {
    /// The type of a value of this size: bytes where it is not known; `None` if it is large.
    pub(super) fn value(&mut self, id: TypeId, size: u32, context: &str) -> Option<String> {
        if u64::from(size) > LARGE {
            return None;
        }
        let same = |btf: &Btf| btf.size_of(id).is_ok_and(|bytes| bytes == size.into());
        let known = id != TypeId::VOID && self.btf.is_some_and(same);
        if let Some(plain) = self.plain.as_mut().filter(|_| known) {
            match plain.of(id, context) {
                Ok(name) => return Some(name),
                Err(error) => {
                    let why = error.to_string();
                    let note = format!("{} is bytes: {}", shown(context), why.escape_default());
                    self.notes.lines.push(note);
                }
            }
        }
        Some(format!("[u8; {size}]"))
    }

    /// The types that the object has.
    pub(super) fn btf(&self) -> Option<&Btf> {
        self.btf
    }

    /// The type of this name.
    fn named(&self, name: &str) -> Result<TypeId> {
        let found = self.btf.and_then(|btf| btf.find(name, None));
        found.ok_or_else(|| not_found("type", name))
    }
}

/// Names that have been given, and which were met again.
#[derive(Default)]
struct Once {
    seen: Map<String, ()>,
    idents: Members,
}

impl Once {
    /// The item of this name, if it is the first.
    fn item(&mut self, what: &str, name: &str, notes: &mut Notes) -> Option<Item> {
        notes.room = notes.room.and_then(|room| room.checked_sub(name.len()));
        notes.room?;
        if self.seen.contains_key(name) {
            notes
                .lines
                .push(format!("a second {what} {} is left out", shown(name)));
            return None;
        }
        self.seen.insert(name.to_owned(), ());
        let ident = self.idents.fresh(name.trim_start_matches('.'));
        // Dots are what names of sections begin with.
        if ident.strip_prefix("r#").unwrap_or(&ident) != name && !name.starts_with('.') {
            notes
                .lines
                .push(format!("{what} {} is called `{ident}`", shown(name)));
        }
        Some(Item {
            name: name.to_owned(),
            ident,
            optional: false,
        })
    }
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
            notes: Notes {
                lines: Vec::new(),
                room: bytes.len().saturating_mul(4).checked_add(MIN_NAMES),
            },
        };
        let mut items = Self::default();
        items.maps(wanted, spec, &mut types)?;
        items.programs(wanted, spec, &mut types.notes);
        items.sections(wanted, spec, &mut types);
        if wanted.partial {
            items.optional(bytes)?;
        }
        for name in wanted.types {
            let id = types.named(name)?;
            if let Some(plain) = &mut types.plain {
                plain.of(id, name)?;
            }
        }
        if types.notes.room.is_none() {
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
            let record = wanted.records.iter().find(|(of, _)| *of == map.name);
            let record = record.map(|(_, ty)| types.named(ty)).transpose()?;
            self.maps.push(MapItem {
                loaded: map.name.clone(),
                what: map.map_type.to_string(),
                view: views::of(map, record, &item.ident, types),
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
                self.programs.push(item);
            }
        }
    }

    fn sections(&mut self, wanted: &Skeleton<'_>, spec: &ObjectSpec, types: &mut Types<'_>) {
        let linkages = linkages(spec);
        let mut of_maps: Map<usize, Vec<&Variable>> = Map::new();
        let mut seen: Map<&str, ()> = Map::new();
        for variable in &spec.variables {
            let hidden = linkages.get(&variable.name) == Some(&STATIC);
            // What has types and is none of them is the compiler's own.
            let nobodys = spec.btf.is_some() && variable.type_id == TypeId::VOID;
            if nobodys || (wanted.partial && hidden) {
                continue;
            }
            // Variables of all sections are found by name alone.
            if seen.contains_key(variable.name.as_str()) {
                let name = shown(&variable.name);
                types
                    .notes
                    .lines
                    .push(format!("a second variable {name} is left out"));
                continue;
            }
            seen.insert(&variable.name, ());
            of_maps.change(variable.map, |all| all.push(variable));
        }
        let mut idents = Members::default();
        for taken in RESERVED {
            idents.fresh(taken);
        }
        for (index, map) in spec.maps.iter().enumerate() {
            let Some(data) = &map.data else { continue };
            let variables = of_maps.get(&index).map_or(&[][..], Vec::as_slice);
            let section = section(spec, map, data, variables, types);
            if !section.vars.is_empty() || !section.funcs.is_empty() {
                let ident = match data.kind {
                    DataKind::Arena => "arena",
                    _ => section.name.trim_start_matches('.'),
                };
                let ident = match data.kind {
                    DataKind::StructOps => self.ops.fresh(ident),
                    _ => idents.fresh(ident),
                };
                self.sections.push(Section { ident, ..section });
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

/// A data section's variables, or a `struct_ops` map's members.
fn section(
    spec: &ObjectSpec,
    map: &MapSpec,
    data: &Data,
    variables: &[&Variable],
    types: &mut Types<'_>,
) -> Section {
    let is_ops = data.kind == DataKind::StructOps;
    let (name, prefix) = match is_ops {
        true => (&map.name, format!("{}.", map.name)),
        false => (&data.section, String::new()),
    };
    let mut known = Once::default();
    let mut vars = Vec::new();
    for variable in variables {
        let bare = variable
            .name
            .strip_prefix(&prefix)
            .unwrap_or(&variable.name);
        let item = known.item("variable", bare, &mut types.notes);
        vars.extend(item.map(|item| var(item, variable, types)));
    }
    if data.kind == DataKind::Kconfig {
        kconfig(spec, &mut vars, &mut known, types);
    }
    let funcs = match is_ops {
        true => functions(map, &mut known, types),
        false => Vec::new(),
    };
    Section {
        name: name.clone(),
        ident: String::new(),
        kind: data.kind,
        vars,
        funcs,
    }
}

fn var(item: Item, variable: &Variable, types: &mut Types<'_>) -> Var {
    let ty = types.value(variable.type_id, variable.size, &identifier(&item.name));
    Var {
        item: Item {
            name: variable.name.clone(),
            ..item
        },
        size: variable.size,
        ty,
    }
}

/// The kernel's configuration, as the object wants it.
fn kconfig(spec: &ObjectSpec, vars: &mut Vec<Var>, known: &mut Once, types: &mut Types<'_>) {
    for wanted in spec.externs.iter().filter(|e| e.error.is_none()) {
        let ExternKind::Kconfig { size, ty, .. } = wanted.kind else {
            continue;
        };
        if let Some(mut item) = known.item("variable", &wanted.name, &mut types.notes) {
            let ty = types.value(ty, size, &identifier(&item.name));
            item.optional = true;
            vars.push(Var { item, size, ty });
        }
    }
}

/// The members of a `struct_ops` map that programs stand for.
fn functions(map: &MapSpec, known: &mut Once, types: &mut Types<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    let Some(Ok(ty)) = types.btf.map(|btf| btf.ty(map.value_type)) else {
        return items;
    };
    for member in ty.members().flatten() {
        let target = ty.btf().peel(member.ty);
        if !member.name.is_empty() && target.is_ok_and(|ty| ty.kind() == Kind::Ptr) {
            items.extend(known.item("function", member.name, &mut types.notes));
        }
    }
    items
}

/// Linkages of variables by name, as the types have them.
fn linkages(spec: &ObjectSpec) -> Map<String, u32> {
    let mut linkages = Map::new();
    let Some(btf) = spec.btf.as_deref() else {
        return linkages;
    };
    let sections = spec.maps.iter().filter_map(|map| map.data.as_ref());
    for data in sections.filter(|data| data.kind != DataKind::StructOps) {
        let Ok(section) = btf.ty(data.datasec) else {
            continue;
        };
        for variable in section.variables().flatten() {
            if let Ok(ty) = btf.ty(variable.ty)
                && let (Ok(name), Ok(linkage)) = (ty.name(), ty.linkage())
            {
                linkages.insert(name.to_owned(), linkage);
            }
        }
    }
    linkages
}
