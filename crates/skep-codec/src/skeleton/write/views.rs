//! Types that wrap a reference to the object, by which what is in it is found.

use super::functions::ok;
use super::{DataKind, Item, Lead, Vec, Writer, camel, literal, shown};

impl Writer<'_> {
    /// Begins a view of what is not loaded yet.
    fn view_before(&mut self, ident: &str, ty: &str, doc: &str) {
        self.put(BEFORE, &[("doc", doc), ("ty", ty)]);
        self.before.push(lead(ident, ty, doc));
    }

    /// Begins a view of what is loaded.
    fn view_after(&mut self, ident: &str, ty: &str, doc: &str) {
        self.put(AFTER, &[("doc", doc), ("ty", ty)]);
        self.after.push(lead(ident, ty, doc));
    }

    pub(super) fn maps(&mut self) {
        let maps = &self.items.maps;
        if maps.is_empty() {
            return;
        }
        self.view_before("maps", "MapSpecs", "Maps as they are declared.");
        for map in maps {
            let Item {
                name, ident, what, ..
            } = &map.item;
            let body = ok(&format!("self.0.map_mut({})?", literal(name)));
            let answer = "&'a mut ::skep::codec::object::MapSpec";
            self.function(what, &format!("{ident}(self)"), answer, &body);
        }
        self.out.push_str("}\n");
        self.view_after("maps", "Maps", "The maps.");
        for map in maps {
            let Item { ident, what, .. } = &map.item;
            self.function(
                what,
                &format!("{ident}(self)"),
                &map.view.ty,
                &map.view.make,
            );
        }
        self.out.push_str("}\n");
    }

    pub(super) fn programs(&mut self) {
        let programs = &self.items.programs;
        if programs.is_empty() {
            return;
        }
        self.view_before("programs", "ProgramSpecs", "Programs as they are declared.");
        for item in programs {
            let body = ok(&format!("self.0.program_mut({})?", literal(&item.name)));
            let answer = "&'a mut ::skep::codec::object::ProgramSpec";
            self.function(&item.what, &format!("{}(self)", item.ident), answer, &body);
        }
        self.out.push_str("}\n");
        self.view_after("programs", "Programs", "The programs that were loaded.");
        for item in programs {
            let body = format!("self.0.program({})", literal(&item.name));
            let answer = "&'a ::skep::Program";
            self.function(&item.what, &format!("{}(self)", item.ident), answer, &body);
        }
        self.out.push_str("}\n");
    }

    pub(super) fn sections(&mut self) {
        for section in self.data() {
            let base = camel(section.name.trim_start_matches('.'));
            let shown = shown(&section.name);
            if section.kind != DataKind::Kconfig {
                let ty = self.taken.fresh(&format!("{base}Spec"));
                let doc = format!("Variables in {shown} before the load.");
                self.view_before(&section.ident, &ty, &doc);
                self.before(section);
            }
            let ty = self.taken.fresh(&base);
            let doc = format!("Variables in {shown}, as programs see them now.");
            self.view_after(&section.ident, &ty, &doc);
            self.after(section);
        }
    }

    /// `struct_ops` maps before the load, by their members.
    pub(super) fn struct_ops(&mut self) {
        let mut types = Vec::new();
        for section in self.ops() {
            let ty = self.taken.fresh(&format!("{}Spec", camel(&section.name)));
            let doc = format!("Members of {} before the load.", shown(&section.name));
            self.put(BEFORE, &[("doc", &doc), ("ty", &ty)]);
            self.before(section);
            types.push(ty);
        }
        if types.is_empty() {
            return;
        }
        let doc = "Structs of functions, by their members.";
        self.view_before("struct_ops", "StructOpsSpecs", doc);
        for (section, ty) in self.ops().zip(&types) {
            let values = [
                ("shown", &*shown(&section.name)),
                ("ident", &section.ident),
                ("ty", ty),
            ];
            self.put(MEMBERS, &values);
        }
        self.out.push_str("}\n");
    }
}

fn lead(ident: &str, ty: &str, doc: &str) -> Lead {
    Lead {
        ident: ident.into(),
        ty: ty.into(),
        doc: doc.into(),
    }
}

const BEFORE: &str = "
/// $doc
$allow
#[derive(Debug)]
pub struct $ty<'a>(&'a mut ::skep::ObjectSpec);

$allow
impl<'a> $ty<'a> {
";

const AFTER: &str = "
/// $doc
$allow
#[derive(Clone, Copy, Debug)]
pub struct $ty<'a>(&'a ::skep::Object);

$allow
impl<'a> $ty<'a> {
";

const MEMBERS: &str = "\
    /// $shown, by its members.
    pub fn $ident(self) -> $ty<'a> {
        $ty(self.0)
    }
";
