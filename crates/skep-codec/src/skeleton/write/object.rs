//! The types of the whole object: before the load, and after it.

use super::{Lead, Writer, literal, shown};
use alloc::string::String;

impl Writer<'_> {
    /// Both types, with the functions that lead to views.
    pub(super) fn object(&mut self, name: &str, opened: &str, loaded: &str, notes: &str) {
        let partial = self.wanted.partial;
        let (before, after) = match partial {
            true => ("self.spec", "self.object"),
            false => ("&mut self.spec", "&self.object"),
        };
        let before = leads(&self.before, "&mut self", "'_", before);
        let after = match partial {
            true => leads(&self.after, "self", "'a", after),
            false => leads(&self.after, "&self", "'_", after),
        };
        let embedded = self.embedded();
        let values = [
            ("name", &*literal(name)),
            ("shown", &shown(name)),
            ("opened", opened),
            ("loaded", loaded),
            ("notes", notes),
            ("embedded", &embedded),
            ("before", &before),
            ("after", &after),
        ];
        self.put(if partial { PARTIAL } else { WHOLE }, &values);
    }

    /// The bytes of the object file, and `open`, if there are any.
    fn embedded(&self) -> String {
        let constant = |path: &str| {
            let path = literal(path);
            format!("    pub const OBJECT: &'static [u8] = include_bytes!({path});\n")
        };
        let Some(path) = self.wanted.embed else {
            return String::new();
        };
        let mut out = String::from("    /// The object file.\n");
        match self.wanted.embed_be {
            None => out.push_str(&constant(path)),
            Some(big) => {
                out.extend(["    #[cfg(target_endian = \"little\")]\n", &constant(path)]);
                out.push_str("    /// The object file.\n");
                out.extend(["    #[cfg(target_endian = \"big\")]\n", &constant(big)]);
            }
        }
        out.push_str(OPEN);
        out
    }
}

/// The functions that lead to views.
fn leads(leads: &[Lead], receiver: &str, life: &str, of: &str) -> String {
    let mut out = String::new();
    for Lead { ident, ty, doc } in leads {
        out.extend(["\n    /// ", doc, "\n    pub fn ", ident, "(", receiver]);
        out.extend([") -> ", ty, "<", life, "> {\n        "]);
        out.extend([ty, "(", of, ")\n    }\n"]);
    }
    out
}

const OPEN: &str = "
    /// Parses the object file that this program has in it.
    pub fn open() -> ::skep::Result<Self> {
        Self::parse(Self::OBJECT)
    }

";

const WHOLE: &str = "\
// Typed access to the BPF object $shown: what `skep obj rust` prints, not to be edited.
$notes
/// The object $shown, to be edited and loaded.
$allow
#[derive(Clone, Debug)]
pub struct $opened {
    /// All that the object file says.
    pub spec: ::skep::ObjectSpec,
}

$allow
impl $opened {
$embedded    /// Parses an object file that has the same names.
    ///
    /// # Errors
    /// No BPF object, or one that lacks something: it is named.
    pub fn parse(bytes: &[u8]) -> ::skep::Result<Self> {
        let spec = ::skep::ObjectSpec::parse(bytes, $name)?;
        spec.require(&NAMES)?;
        ::core::result::Result::Ok(Self { spec })
    }

    /// Loads it: see [`skep::ObjectSpec::load`].
    pub fn load(&self, system: &::skep::System) -> ::skep::Result<$loaded> {
        let object = self.spec.load(system)?;
        ::core::result::Result::Ok($loaded { object })
    }

    /// Loads it with options.
    pub fn load_with(
        &self,
        system: &::skep::System,
        options: &::skep::LoadOptions,
    ) -> ::skep::Result<$loaded> {
        let object = self.spec.load_with(system, options)?;
        ::core::result::Result::Ok($loaded { object })
    }
$before}

/// The object $shown, loaded.
$allow
#[derive(Debug)]
pub struct $loaded {
    /// All that was loaded.
    pub object: ::skep::Object,
}

$allow
impl $loaded {
    /// Attaches what attaches by itself: see [`skep::Object::attach_all`].
    pub fn attach(&self) -> ::skep::Result<Links> {
        ::core::result::Result::Ok(Links::of(self.object.attach_all()?))
    }
$after}
";

const PARTIAL: &str = "\
// Typed access to what comes of the BPF object $shown in another one: what
// `skep obj rust --partial` prints, not to be edited.
$notes
/// What comes of $shown in an object that is not loaded yet.
$allow
#[derive(Debug)]
pub struct $opened<'a> {
    /// The object.
    pub spec: &'a mut ::skep::ObjectSpec,
}

$allow
impl<'a> $opened<'a> {
    /// Looks up all that must be there.
    ///
    /// # Errors
    /// What is missing is named.
    pub fn bind(spec: &'a mut ::skep::ObjectSpec) -> ::skep::Result<Self> {
        spec.require(&NAMES)?;
        ::core::result::Result::Ok(Self { spec })
    }
$before}

/// What comes of $shown in a loaded object.
$allow
#[derive(Clone, Copy, Debug)]
pub struct $loaded<'a> {
    /// The object.
    pub object: &'a ::skep::Object,
}

$allow
impl<'a> $loaded<'a> {
    /// Looks up all that must be there.
    ///
    /// # Errors
    /// What is missing is named.
    pub fn bind(object: &'a ::skep::Object) -> ::skep::Result<Self> {
        object.require(&NAMES)?;
        ::core::result::Result::Ok(Self { object })
    }
$after}
";
