//! The text of the Rust file.

mod functions;
mod object;
mod views;

use super::items::Items;
use super::names::Item;
use super::sections::{Section, Var};
use super::{Skeleton, camel, literal, shown};
use crate::btf::rust_names::Members;
use crate::object::{DataKind, ObjectSpec};
use crate::text::joined;
use alloc::string::String;
use alloc::vec::Vec;

/// Names are the object's; what is not used is no fault.
const ALLOW: &str = "#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]";

pub(super) struct Writer<'a> {
    wanted: &'a Skeleton<'a>,
    spec: &'a ObjectSpec,
    items: &'a Items,
    out: String,
    /// Names of the file's types.
    taken: Members,
    /// Functions of the type before the load, and of the one after it, that lead to views.
    before: Vec<Lead>,
    after: Vec<Lead>,
}

/// A function that leads to a view.
struct Lead {
    ident: String,
    ty: String,
    doc: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(wanted: &'a Skeleton<'a>, spec: &'a ObjectSpec, items: &'a Items) -> Self {
        let mut taken = Members::default();
        let fixed = [
            "Links",
            "MapSpecs",
            "Maps",
            "NAMES",
            "ProgramSpecs",
            "Programs",
            "StructOpsSpecs",
            "types",
        ];
        for name in fixed {
            taken.fresh(name);
        }
        Self {
            wanted,
            spec,
            items,
            out: String::new(),
            taken,
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// All of it.
    pub(super) fn file(mut self) -> String {
        let name = self.wanted.name.unwrap_or(&self.spec.name);
        let base = camel(name);
        let loaded = self.taken.fresh(&base);
        let opened = self.taken.fresh(&format!("Open{base}"));
        self.maps();
        self.programs();
        self.sections();
        self.struct_ops();
        let views = core::mem::take(&mut self.out);
        let mut notes = String::new();
        for note in &self.items.notes {
            notes.extend(["// Note: ", note, ".\n"]);
        }
        self.object(name, &opened, &loaded, &notes);
        self.names();
        self.out.push_str(&views);
        if !self.wanted.partial {
            self.links();
        }
        self.types();
        self.out
    }

    /// Writes a template with values for what begins with `$`.
    fn put(&mut self, template: &str, values: &[(&str, &str)]) {
        let mut pieces = template.split('$');
        self.out.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let end = piece.find(|c: char| c != '_' && !c.is_ascii_lowercase());
            let (name, rest) = piece
                .split_at_checked(end.unwrap_or(piece.len()))
                .unwrap_or_default();
            let value = values.iter().find(|(known, _)| *known == name);
            let value = value.map_or(ALLOW, |(_, value)| value);
            self.out.extend([value, rest]);
        }
    }

    fn data(&self) -> impl Iterator<Item = &'a Section> + use<'a> {
        let all = self.items.sections.iter();
        all.filter(|section| section.kind != DataKind::StructOps)
    }

    fn ops(&self) -> impl Iterator<Item = &'a Section> + use<'a> {
        let all = self.items.sections.iter();
        all.filter(|section| section.kind == DataKind::StructOps)
    }

    /// What must be there.
    fn names(&mut self) {
        let list = |names: Vec<String>| match names.is_empty() {
            true => "&[]".into(),
            false => format!("&[\n        {},\n    ]", joined(&names, ",\n        ")),
        };
        let maps = self.items.maps.iter().filter(|map| !map.item.optional);
        let maps = list(maps.map(|map| literal(&map.loaded)).collect());
        let programs = self.items.programs.iter().filter(|item| !item.optional);
        let programs = list(programs.map(|item| literal(&item.name)).collect());
        let vars = self.data().flat_map(|section| &section.vars);
        let vars = vars.filter(|var| !var.item.optional);
        let one = |var: &Var| format!("({}, {})", literal(&var.item.name), var.size);
        let vars = list(vars.map(one).collect());
        self.put(
            NAMES,
            &[("maps", &maps), ("programs", &programs), ("vars", &vars)],
        );
    }

    /// What attached by itself, by name.
    fn links(&mut self) {
        let mut idents = Members::default();
        idents.fresh("others");
        let programs = self.items.programs.iter().map(|item| &item.name);
        let ops = self.ops().map(|section| &section.name);
        let (mut fields, mut slots) = (String::new(), String::new());
        for name in programs.chain(ops) {
            let (ident, shown, literal) = (idents.fresh(name), shown(name), literal(name));
            fields.extend(["    /// ", &shown, ", if it attached by itself.\n    pub "]);
            fields.extend([&ident, ": ::core::option::Option<::skep::Link>,\n"]);
            let indent = "                ";
            slots.extend([indent, &literal, " => &mut links.", &ident, ",\n"]);
        }
        self.put(LINKS, &[("fields", &fields), ("slots", &slots)]);
    }

    /// The module with the types.
    fn types(&mut self) {
        let text = self.items.types.trim_start();
        if text.is_empty() {
            return;
        }
        self.put(TYPES, &[]);
        for line in text.lines() {
            let indent = if line.is_empty() { "" } else { "    " };
            self.out.extend([indent, line, "\n"]);
        }
        self.out.push_str("}\n");
    }
}

const NAMES: &str = "
/// What must be in the object: maps, programs, and variables with their sizes.
const NAMES: ::skep::object::Names<'static> = ::skep::object::Names {
    maps: $maps,
    programs: $programs,
    variables: $vars,
};
";

const LINKS: &str = "
/// What is attached, until it is dropped.
$allow
#[derive(Debug, Default)]
pub struct Links {
$fields    /// What had no name when this file was made.
    pub others: ::skep::link::Links,
}

$allow
impl Links {
    fn of(all: ::skep::link::Links) -> Self {
        let mut links = Self::default();
        for link in all {
            let mut none = ::core::option::Option::None;
            let slot = match link.name() {
$slots                _ => &mut none,
            };
            if let ::core::option::Option::Some(link) = slot.replace(link) {
                links.others.push(link);
            }
            links.others.extend(none);
        }
        links
    }
}
";

const TYPES: &str = "
/// Types as the object has them. Their layouts are checked when this is compiled.
#[allow(missing_docs)]
$allow
pub mod types {
";
