//! Variables, by their sections, and members of `struct_ops` maps.

use super::Skeleton;
use super::names::{Item, Once};
use super::types::Types;
use crate::btf::rust_names::Members;
use crate::btf::{Kind, STATIC, TypeId};
use crate::map::Map;
use crate::object::{Data, DataKind, ExternKind, MapSpec, ObjectSpec, Variable};
use alloc::string::String;
use alloc::vec::Vec;

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

/// All sections and `struct_ops` maps.
pub(super) fn sections(
    wanted: &Skeleton<'_>,
    spec: &ObjectSpec,
    types: &mut Types<'_>,
) -> Vec<Section> {
    let of_maps = variables(wanted, spec, types);
    let (mut idents, mut ops) = (Members::default(), Members::default());
    for taken in RESERVED {
        idents.fresh(taken);
    }
    let mut sections = Vec::new();
    for (index, map) in spec.maps.iter().enumerate() {
        let Some(data) = &map.data else { continue };
        let variables = of_maps.get(&index).map_or(&[][..], Vec::as_slice);
        let mut section = section(spec, map, data, variables, types);
        let none = section.vars.is_empty() && section.funcs.is_empty();
        if none || !types.notes.is_name("section", &section.name) {
            continue;
        }
        let bare = section.name.trim_start_matches('.');
        section.ident = match data.kind {
            DataKind::StructOps => ops.fresh(bare),
            DataKind::Arena => idents.fresh("arena"),
            _ => idents.fresh(bare),
        };
        sections.push(section);
    }
    sections
}

/// The variables of each map, of those with the same name the first: they are found by name alone.
fn variables<'a>(
    wanted: &Skeleton<'_>,
    spec: &'a ObjectSpec,
    types: &mut Types<'_>,
) -> Map<usize, Vec<&'a Variable>> {
    // Of a library, what only its files see is no part of somebody else's object.
    let linkages = match wanted.partial {
        true => linkages(spec),
        false => Map::new(),
    };
    let mut of_maps: Map<usize, Vec<&Variable>> = Map::new();
    let mut seen: Map<&str, ()> = Map::new();
    for variable in &spec.variables {
        let name = variable.name.as_str();
        let hidden = linkages.get(name) == Some(&STATIC);
        // What has types and is none of them is the compiler's own.
        let nobodys = spec.btf.is_some() && variable.type_id == TypeId::VOID;
        if nobodys || hidden || !types.notes.is_name("variable", name) {
            continue;
        }
        if seen.contains_key(name) {
            types.notes.second("variable", name);
            continue;
        }
        seen.insert(name, ());
        of_maps.change(variable.map, |all| all.push(variable));
    }
    of_maps
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
    let ty = types.value(variable.type_id, variable.size, &item.name);
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
            let ty = types.value(ty, size, &item.name);
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
fn linkages(spec: &ObjectSpec) -> Map<&str, u32> {
    let mut linkages = Map::new();
    let Some(btf) = spec.btf.as_deref() else {
        return linkages;
    };
    let mut seen: Map<TypeId, ()> = Map::new();
    let sections = spec.maps.iter().filter_map(|map| map.data.as_ref());
    for data in sections.filter(|data| data.kind != DataKind::StructOps) {
        if seen.contains_key(&data.datasec) {
            continue;
        }
        seen.insert(data.datasec, ());
        let Ok(section) = btf.ty(data.datasec) else {
            continue;
        };
        for variable in section.variables().flatten() {
            if let Ok(ty) = btf.ty(variable.ty)
                && let (Ok(name), Ok(linkage)) = (ty.name(), ty.linkage())
            {
                linkages.insert(name, linkage);
            }
        }
    }
    linkages
}
