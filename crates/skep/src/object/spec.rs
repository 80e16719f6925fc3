//! What an object file says, to look at and to edit before it is loaded.

use super::{LoadOptions, Loader, Object};
use crate::Result;
use crate::error::Context;
use crate::plain::{Plain, read};
use crate::system::System;
#[cfg(any(feature = "std", feature = "values"))]
use crate::{Error, ErrorKind};
use alloc::vec;
use core::ops::{Deref, DerefMut};
use skep_codec::btf::TypeId;
use skep_codec::object::{self, SectionDef};

/// An object file, parsed. Pure: no kernel has been asked, and the same bytes give the same spec
/// on every machine. It derefs to [`skep_codec::object::ObjectSpec`], whose fields (maps,
/// programs, externs) can be read and edited.
#[derive(Clone, Debug)]
pub struct ObjectSpec(object::ObjectSpec);

impl Deref for ObjectSpec {
    type Target = object::ObjectSpec;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for ObjectSpec {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl ObjectSpec {
    /// Parses an object; `name` is the file's name, of which the part before the first dot
    /// becomes the object's.
    ///
    /// # Errors
    /// [`ErrorKind::Codec`] if this is no BPF object at all. What is wrong with one program or
    /// map is kept with it, and concerns only it.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        Self::parse_with(bytes, name, &[])
    }

    /// [`ObjectSpec::parse`] with section names of the caller's own. What they mean beyond type and
    /// flags is for the caller to do: to edit the programs before they load, and to attach them
    /// ([`Object::attach_each_with`]).
    ///
    /// # Errors
    /// See [`ObjectSpec::parse`].
    #[doc(alias = "libbpf_register_prog_handler")]
    pub fn parse_with(bytes: &[u8], name: &str, sections: &[SectionDef]) -> Result<Self> {
        let spec = object::ObjectSpec::parse_with(bytes, name, sections);
        Ok(Self(spec.context(format_args!("read object `{name}`"))?))
    }

    /// Reads and parses an object file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Permission`], or [`ErrorKind::Invalid`] for what is no
    /// file that can be read; see [`ObjectSpec::parse`].
    #[cfg(feature = "std")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
                _ => ErrorKind::Invalid,
            };
            Error::new(kind, format!("read {}: {error}", path.display()))
        })?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self::parse(&bytes, &name.to_string_lossy()).context(format_args!("{}", path.display()))
    }

    /// The global variable of this name, to be set before loading.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with the names there are.
    pub fn variable(&mut self, name: &str) -> Result<VariableMut<'_>> {
        let variable = super::named("variable", name, &self.0.variables, |v| &v.name)?.clone();
        Ok(VariableMut {
            variable,
            spec: &mut self.0,
        })
    }

    /// Loads it: maps created, programs verified.
    ///
    /// # Errors
    /// Every program that failed is in [`Error::failures`].
    pub fn load(&self, system: &System) -> Result<Object> {
        self.load_with(system, &LoadOptions::default())
    }

    /// [`ObjectSpec::load`] with options.
    ///
    /// # Errors
    /// Every map and program that failed: see [`Error::map_failures`], [`Error::failures`].
    pub fn load_with(&self, system: &System, options: &LoadOptions) -> Result<Object> {
        #[cfg(feature = "prune")]
        if options.prune {
            return super::loader::load_pruned(&self.0, system, options);
        }
        Loader::new(system, &self.0, options).load()
    }

    /// A loader that loads programs one at a time, each by itself.
    pub fn loader<'a>(&'a self, system: &'a System, options: &'a LoadOptions) -> Loader<'a> {
        Loader::new(system, &self.0, options)
    }
}

/// A global variable of a spec.
#[derive(Debug)]
pub struct VariableMut<'a> {
    spec: &'a mut object::ObjectSpec,
    variable: object::Variable,
}

impl VariableMut<'_> {
    /// Its type in the object's BTF; void if the object has none.
    pub fn type_id(&self) -> TypeId {
        self.variable.type_id
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.variable.size as usize
    }

    /// Sets its value. From text, `set_text` does, by feature `values`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the type has not the variable's size, or the variable is a float
    /// or a pointer.
    pub fn set<T: Plain>(&mut self, value: T) -> Result<()> {
        let mut bytes = vec![0; T::SIZE];
        value.write_to(&mut bytes);
        self.set_bytes(&bytes)
    }

    /// Its value, as the object has it or as it was set.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the type has another size.
    pub fn value<T: Plain>(&mut self) -> Result<T> {
        let variable = self.spec.variable(&self.variable.name)?;
        read(&variable.bytes(), &self.variable.name)
    }

    /// Sets its bytes, in the object's byte order.
    pub fn set_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let set =
            |spec: &mut object::ObjectSpec| spec.variable(&self.variable.name)?.set_bytes(bytes);
        set(self.spec).context(format_args!("set variable `{}`", self.variable.name))
    }

    /// Sets it from text, by its BTF type: a number, `true`, an enumerator's name, a string, or
    /// members in braces. By feature `values`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: the object has no type for it; the text is none of that type.
    #[cfg(feature = "values")]
    pub fn set_text(&mut self, text: &str) -> Result<()> {
        let type_id = self.type_id();
        let name = &self.variable.name;
        let Some(types) = self.spec.btf.clone().filter(|_| type_id != TypeId::VOID) else {
            let what = format!("the type of `{name}` is not known");
            return Err(Error::new(ErrorKind::Unsupported, what));
        };
        let mut bytes = vec![0; self.size()];
        types
            .encode(type_id, text, &mut bytes)
            .context(format_args!("set variable `{name}`"))?;
        self.set_bytes(&bytes)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_file_that_cannot_be_read_says_why() {
        let open = |path| ObjectSpec::open(path).unwrap_err();
        let missing = open("/nowhere/at/all.o");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let text = missing.to_string();
        assert!(text.starts_with("read /nowhere/at/all.o: "), "{text}");
        assert_eq!(open("/").kind(), ErrorKind::Invalid);
    }
}
