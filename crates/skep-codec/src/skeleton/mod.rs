//! Typed access: a Rust file that knows what is in an object file, by name and by type.

mod items;
mod names;
mod sections;
mod types;
mod views;
mod write;

use crate::btf::PlainTypes;
use crate::btf::rust_names::escaped;
use crate::object::ObjectSpec;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::Cow;
use alloc::string::String;
use items::Items;
use write::Writer;

/// What [`Skeleton::to_rust`] is to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skeleton<'a> {
    /// Name of the type. Default: the object's name.
    pub name: Option<&'a str>,
    /// Path of the object file, from the Rust file's directory: it becomes part of the program.
    pub embed: Option<&'a str>,
    /// Path of the same object compiled for big-endian machines.
    pub embed_be: Option<&'a str>,
    /// Access to what this object brings into another one that somebody else opens.
    pub partial: bool,
    /// More types to declare, by name.
    pub types: &'a [&'a str],
    /// Types of the records of ring buffers that are declared without: map and type.
    pub records: &'a [(&'a str, &'a str)],
}

impl Skeleton<'_> {
    /// The Rust file for an object. It needs the crate `skep` and nothing else, has no unsafe code,
    /// and is the same every time. `file_name` is the object file's.
    ///
    /// Before the load there are functions for every variable, map, program and member of a
    /// `struct_ops` map, after it for live variables, views of maps, programs and links. Types come
    /// from the object's BTF and are checked by rustc; what it does not tell is bytes. Of things with
    /// the same name the first counts; a comment at the top names the others.
    ///
    /// # Errors
    /// No object; `NotFound`: a type or map that was asked for is not in it.
    #[doc(alias = "bpftool gen skeleton")]
    #[doc(alias = "bpftool gen subskeleton")]
    pub fn to_rust(&self, bytes: &[u8], file_name: &str) -> Result<String> {
        // The name makes those of data maps.
        let spec = ObjectSpec::parse(bytes, self.name.unwrap_or(file_name))?;
        for (map, _) in self.records {
            if spec.map(map).is_none() {
                return Err(not_found("map", map));
            }
        }
        let btf = spec.btf.as_deref();
        // Types that cannot be read one after the other are as good as none.
        let indexed = btf.and_then(|btf| btf.indexed().ok());
        let types = indexed.as_ref().map(PlainTypes::new);
        let items = Items::read(self, &spec, bytes, types)?;
        Ok(Writer::new(self, &spec, &items).file())
    }
}

/// What a module is called that is made of this file: its name up to the first dot, as Rust takes it.
pub fn module_name(file_name: &str) -> String {
    let name = file_name.split('.').next().unwrap_or_default();
    escaped(name)
}

fn not_found(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no {what} `{name}`"))
}

/// A name as a literal in quotation marks, of ASCII only.
fn literal(name: &str) -> String {
    format!("\"{}\"", name.escape_default())
}

/// A name as comments have it: of ASCII only, in one line, and not all of a very long one.
fn shown(name: &str) -> String {
    let mut out = String::from("`");
    out.extend(name.escape_default().take(200));
    out.push('`');
    out
}

/// `RodataExtra` of `.rodata.extra`: each word's first letter raised.
fn camel(name: &str) -> Cow<'_, str> {
    let mut out = String::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        out.extend([&first.to_ascii_uppercase(), rest]);
    }
    match out.is_empty() {
        true => "Object".into(),
        false => out.into(),
    }
}
