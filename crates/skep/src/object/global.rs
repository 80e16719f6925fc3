//! Global variables of a loaded object, as programs see them now.

use crate::error::Context;
use crate::map::{Cell, ElemFlags, Map, Memory};
use crate::plain::{Plain, read};
use crate::{Error, ErrorKind, MapType, Result};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::btf::TypeId;
use skep_codec::uapi::flags;

/// A global variable of a loaded object, in its data map.
#[derive(Clone, Debug)]
pub struct Global {
    pub(super) name: String,
    pub(super) map: Map,
    pub(super) offset: usize,
    pub(super) size: usize,
    pub(super) type_id: TypeId,
}

const KEY: [u8; 4] = 0_u32.to_ne_bytes();

impl Global {
    /// Its name.
    #[inline]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type in the object's BTF; void if it has none.
    #[inline]
    pub fn type_id(&self) -> TypeId {
        self.type_id
    }

    /// The map that holds it.
    #[inline]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Its size in bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Its bytes now. A number of up to eight bytes is read in one piece where the map can be
    /// mapped; larger variables may be changed by programs meanwhile.
    #[inline]
    pub fn bytes(&self) -> Result<Vec<u8>> {
        if let Some(memory) = self.memory()? {
            let mut bytes = vec![0; self.size];
            memory.read(self.offset, &mut bytes)?;
            return Ok(bytes);
        }
        let mut section = self.section()?;
        let bytes = self.part(&mut section)?.to_vec();
        Ok(bytes)
    }

    /// Its value now; as [`Global::bytes`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the type has another size.
    pub fn read<T: Plain>(&self) -> Result<T> {
        read(&self.bytes()?, &self.name)
    }

    /// It in memory, to be read and written again and again without system calls.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the type has another size; as [`Map::memory`] if its map cannot be
    /// mapped.
    pub fn cell<T: Plain>(&self) -> Result<Cell<'_, T>> {
        if T::SIZE != self.size {
            let (have, name) = (T::SIZE, &self.name);
            let what = format!("{have} bytes for variable `{name}` of {}", self.size);
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        self.map.memory()?.cell(self.offset)
    }

    /// Sets its value for all programs from now on; as [`Global::set_bytes`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the type has another size.
    pub fn set<T: Plain>(&self, value: T) -> Result<()> {
        let mut bytes = vec![0; T::SIZE];
        value.write_to(&mut bytes);
        self.set_bytes(&bytes)
    }

    /// Sets its bytes. A number of up to eight bytes is written in one piece where the map can be
    /// mapped. Where it cannot (no variable of the section is seen outside its file, or before
    /// Linux 5.5), the whole section is written back, and what programs change of it meanwhile is
    /// lost.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`] for a constant: set it before the load. [`ErrorKind::Invalid`]:
    /// not as many bytes as it has.
    #[inline]
    pub fn set_bytes(&self, bytes: &[u8]) -> Result<()> {
        let what = format_args!("set variable `{}`", self.name);
        if bytes.len() != self.size {
            let (new, size) = (bytes.len(), self.size);
            let what = format!("{new} bytes for variable `{}` of {size}", self.name);
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        if self.map.shape().map_flags & flags::RDONLY_PROG != 0 {
            let why = "it is constant: set it before the object is loaded";
            return Err(Error::new(ErrorKind::Permission, why).context(what));
        }
        if let Some(memory) = self.memory()? {
            return memory.write(self.offset, bytes).context(what);
        }
        let mut section = self.section()?;
        self.part(&mut section)?.copy_from_slice(bytes);
        self.map
            .update(&KEY, &section, ElemFlags::ANY)
            .context(what)
    }

    /// The map's memory, if it can be mapped.
    #[inline]
    fn memory(&self) -> Result<Option<&Memory>> {
        let arena = self.map.map_type() == MapType::ARENA;
        if !arena && self.map.shape().map_flags & flags::MMAPABLE == 0 {
            return Ok(None);
        }
        match self.map.memory() {
            // A kernel of the caller's own may have no mappings; an array's elements are had
            // without.
            Err(error) if !arena && error.errno() == Some(Errno::ENOSYS) => Ok(None),
            memory => memory.map(Some),
        }
    }

    #[inline]
    fn section(&self) -> Result<Vec<u8>> {
        Ok(self.map.lookup(&KEY)?.unwrap_or_default())
    }

    #[inline]
    fn part<'a>(&self, section: &'a mut [u8]) -> Result<&'a mut [u8]> {
        let end = self.offset.saturating_add(self.size);
        section.get_mut(self.offset..end).ok_or_else(|| {
            let what = format!("variable `{}` is outside its map", self.name);
            Error::new(ErrorKind::Corrupt, what)
        })
    }
}
