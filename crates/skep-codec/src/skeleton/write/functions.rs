//! Functions of views.

use super::{Item, Section, Var, Writer, literal, shown};
use crate::btf::rust_names::{Members, bare};
use crate::object::DataKind;
use alloc::string::String;

impl Writer<'_> {
    /// A function of a view.
    pub(super) fn function(&mut self, doc: &str, head: &str, answer: &str, body: &str) {
        let gap = if self.out.ends_with("{\n") { "" } else { "\n" };
        let values = [
            ("gap", gap),
            ("doc", doc),
            ("head", head),
            ("answer", answer),
            ("body", body),
        ];
        self.put(FUNCTION, &values);
    }

    /// Functions that read and set what is not loaded yet.
    pub(super) fn before(&mut self, section: &Section) {
        let mut idents = taken(section);
        for Var { item, size, ty } in &section.vars {
            let (name, ident, shown) = (literal(&item.name), &item.ident, shown(&item.name));
            let doc = format!("{shown}, {size} bytes.");
            let Some(ty) = ty else {
                let answer = "::skep::object::VariableMut<'a>";
                let body = format!("self.0.variable({name})");
                self.function(&doc, &format!("{ident}(self)"), answer, &body);
                continue;
            };
            let body = format!("self.0.variable({name})?.value()");
            self.function(&doc, &format!("{ident}(&mut self)"), ty, &body);
            let head = format!("{}(&mut self, value: {ty})", setter(&mut idents, item));
            let body = format!("self.0.variable({name})?.set(value)");
            self.function(&format!("Sets {shown}."), &head, "()", &body);
        }
        for item in &section.funcs {
            let (map, name) = (literal(&section.name), literal(&item.name));
            let shown = shown(&item.name);
            let doc = format!("Sets the function {shown}: a program of this name, or none.");
            let setter = setter(&mut idents, item);
            let head = format!("{setter}(&mut self, program: ::core::option::Option<&str>)");
            let body = ok(&format!("self.0.set_func({map}, {name}, program)?"));
            self.function(&doc, &head, "()", &body);
        }
        self.out.push_str("}\n");
    }

    /// Functions that read and set what is loaded.
    pub(super) fn after(&mut self, section: &Section) {
        let mut idents = taken(section);
        let constant = matches!(section.kind, DataKind::Rodata | DataKind::Kconfig);
        for Var { item, size, ty } in &section.vars {
            let (name, ident, shown) = (literal(&item.name), &item.ident, shown(&item.name));
            let doc = format!("{shown}, {size} bytes.");
            let Some(ty) = ty else {
                let body = format!("self.0.global({name})");
                self.function(&doc, &format!("{ident}(self)"), "&'a ::skep::Global", &body);
                continue;
            };
            let body = format!("self.0.global({name})?.read()");
            self.function(&doc, &format!("{ident}(self)"), ty, &body);
            if constant {
                continue;
            }
            let head = format!("{}(self, value: {ty})", setter(&mut idents, item));
            let body = format!("self.0.global({name})?.set(value)");
            self.function(
                &format!("Sets {shown} for all programs."),
                &head,
                "()",
                &body,
            );
            let cell = idents.fresh(&format!("{}_cell", bare(ident)));
            let answer = format!("::skep::map::Cell<'a, {ty}>");
            let body = format!("self.0.global({name})?.cell()");
            let doc = format!("{shown} in memory, without system calls.");
            self.function(&doc, &format!("{cell}(self)"), &answer, &body);
        }
        self.out.push_str("}\n");
    }
}

/// An expression of what did not fail.
pub(super) fn ok(value: &str) -> String {
    format!("::core::result::Result::Ok({value})")
}

/// Names of functions that read, which others must not have.
fn taken(section: &Section) -> Members {
    let mut idents = Members::default();
    let vars = section.vars.iter().map(|var| &var.item);
    for item in vars.chain(&section.funcs) {
        idents.fresh(bare(&item.ident));
    }
    idents
}

/// Name of the function that sets it.
fn setter(idents: &mut Members, item: &Item) -> String {
    idents.fresh(&format!("set_{}", bare(&item.ident)))
}

const FUNCTION: &str = "\
$gap    /// $doc
    pub fn $head -> ::skep::Result<$answer> {
        $body
    }
";
