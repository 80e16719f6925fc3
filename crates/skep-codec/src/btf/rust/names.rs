//! Names that Rust takes, each once.

use crate::Result;
use crate::btf::c::names::{Tally, Text};
use crate::btf::{Btf, Type, TypeId};
use crate::map::Map;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Types that Rust has a name for: nothing else may have it.
const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16",
    "u32", "u64", "u128", "usize",
];

/// Words that no name can be without `r#`.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Words that no name can be at all.
const NEVER: [&str; 5] = ["Self", "_", "crate", "self", "super"];

pub(super) fn is_primitive(name: &str) -> bool {
    PRIMITIVES.contains(&name)
}

/// The name, with `_` for what Rust does not take.
pub(crate) fn identifier(name: &str) -> Cow<'_, str> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = match name.chars().all(valid) {
        true => Cow::Borrowed(name),
        false => Cow::Owned(name.replace(|c| !valid(c), "_")),
    };
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => Cow::Owned(format!("_{name}")),
        false => name,
    }
}

/// A name without the `r#` that [`escaped`] gives to some.
pub(crate) fn bare(ident: &str) -> &str {
    ident.strip_prefix("r#").unwrap_or(ident)
}

/// A name as Rust takes it.
pub(crate) fn escaped(name: &str) -> String {
    let name = identifier(name);
    match &*name {
        never if NEVER.contains(&never) => format!("{name}_"),
        word if KEYWORDS.contains(&word) => format!("r#{name}"),
        _ => name.into_owned(),
    }
}

/// The names of types and constants.
pub(super) struct Names<'a> {
    pub(super) text: Text<'a>,
    /// The name of each type that has one by now.
    given: Vec<Option<Box<str>>>,
    taken: Tally<'a>,
    /// Types that have a name; those from `declared` on have no declaration yet.
    queue: Vec<TypeId>,
    declared: usize,
}

impl<'a> Names<'a> {
    pub(super) fn new(btf: &'a Btf) -> Self {
        let mut taken = Tally::default();
        for name in PRIMITIVES {
            taken.count(Cow::Borrowed(name));
        }
        Self {
            text: Text::new(btf),
            given: alloc::vec![None; btf.id_end() as usize],
            taken,
            queue: Vec::new(),
            declared: 0,
        }
    }

    /// The name of a type, which will be declared; an anonymous one's is `context`.
    pub(super) fn of(&mut self, ty: &Type<'a>, context: &str) -> Result<String> {
        let place = ty.id().0 as usize;
        if let Some(Some(known)) = self.given.get(place) {
            return Ok(known.to_string());
        }
        let own = self.text.at(ty.name_offset())?;
        let name = self.fresh(if own.is_empty() { context } else { own });
        if let Some(slot) = self.given.get_mut(place) {
            *slot = Some(name.as_str().into());
        }
        self.queue.push(ty.id());
        Ok(name)
    }

    /// A name that nothing has, like this one.
    pub(super) fn fresh(&mut self, name: &str) -> String {
        numbered(&identifier(bare(name)), &mut |name| {
            self.taken.count(name.to_string().into())
        })
    }

    /// How many types have a name.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes all names but the first `len` back; nothing else gets them.
    pub(super) fn forget(&mut self, len: usize) {
        for id in self.queue.drain(len.min(self.queue.len())..) {
            if let Some(slot) = self.given.get_mut(id.0 as usize) {
                *slot = None;
            }
        }
        self.declared = len;
    }

    /// The next type that has a name and no declaration.
    pub(super) fn next(&mut self) -> Option<(TypeId, String)> {
        let id = *self.queue.get(self.declared)?;
        self.declared = self.declared.saturating_add(1);
        let name = self.given.get(id.0 as usize)?.as_deref()?;
        Some((id, name.to_string()))
    }
}

/// The names inside of one type, or of one `impl`.
#[derive(Default)]
pub(crate) struct Members(Map<String, u32>);

impl Members {
    /// A name that no other member has, like this one.
    pub(crate) fn fresh(&mut self, name: &str) -> String {
        numbered(&identifier(name), &mut |name| {
            let mut times = 0;
            self.0.change(name.to_string(), |count| {
                *count = count.saturating_add(1);
                times = *count;
            });
            times
        })
    }
}

/// The name, with a number if it was given before; `count` tells how often that was.
fn numbered(name: &str, count: &mut dyn FnMut(&str) -> u32) -> String {
    let mut nth = count(name);
    if nth == 1 {
        return escaped(name);
    }
    let mut name = name.to_string();
    // Where the name with its number is another's, that gets a number, too.
    while nth > 1 {
        name = format!("{name}___{nth}");
        nth = count(&name);
    }
    name
}
