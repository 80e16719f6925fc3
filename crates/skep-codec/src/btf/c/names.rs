//! Names that C takes: valid identifiers, each once in its namespace.

use crate::Result;
use crate::btf::{Btf, Type, TypeId};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

pub(super) struct Names<'a> {
    btf: &'a Btf,
    /// Names given to types.
    given: BTreeMap<TypeId, String>,
    /// How often each tag (`struct x`, `union x`, `enum x`) was given.
    tags: BTreeMap<String, u32>,
    /// The same for typedefs and enumerators.
    idents: BTreeMap<String, u32>,
}

impl<'a> Names<'a> {
    pub(super) fn new(btf: &'a Btf) -> Self {
        Self {
            btf,
            given: BTreeMap::new(),
            tags: BTreeMap::new(),
            idents: BTreeMap::new(),
        }
    }

    /// The tag of a struct, union or enum; empty for an anonymous one.
    pub(super) fn tag(&mut self, id: TypeId) -> Result<String> {
        self.of(id, true)
    }

    /// The name of a typedef.
    pub(super) fn ident(&mut self, id: TypeId) -> Result<String> {
        self.of(id, false)
    }

    /// The name of an enumerator.
    pub(super) fn enumerator(&mut self, name: &str) -> String {
        unique(&mut self.idents, name)
    }

    /// The tag of a forward declaration: that of a type declared elsewhere, never a new one.
    pub(super) fn forward(ty: &Type<'_>) -> Result<String> {
        Ok(identifier(ty.name()?))
    }

    fn of(&mut self, id: TypeId, tag: bool) -> Result<String> {
        if let Some(name) = self.given.get(&id) {
            return Ok(name.clone());
        }
        let name = self.btf.ty(id)?.name()?;
        if name.is_empty() {
            return Ok(String::new());
        }
        let space = if tag {
            &mut self.tags
        } else {
            &mut self.idents
        };
        let name = unique(space, name);
        self.given.insert(id, name.clone());
        Ok(name)
    }
}

fn unique(space: &mut BTreeMap<String, u32>, name: &str) -> String {
    let name = identifier(name);
    let count = space.entry(name.clone()).or_insert(0);
    *count = count.saturating_add(1);
    match count {
        1 => name,
        count => format!("{name}___{count}"),
    }
}

/// The name, with `_` for what C does not take (other languages put types into BTF, too).
pub(super) fn identifier(name: &str) -> String {
    // Built into every compiler, and of another size on the machine that BPF is compiled for.
    if name == "__builtin_va_list" {
        return "__target_va_list".to_owned();
    }
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(valid) {
        return name.to_owned();
    }
    let replaced = name.chars().map(|c| if valid(c) { c } else { '_' });
    replaced.collect()
}
