//! Global variables, to be looked at and set before the object is loaded.

use super::{Data, ObjectSpec};
use crate::btf::TypeId;
use crate::bytes::Endian;
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;

/// A global variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Name.
    pub name: String,
    /// The map that holds it.
    pub map: usize,
    /// Byte offset in the map's value.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// Type; 0 where not known.
    pub type_id: TypeId,
}

/// A global variable of an [`ObjectSpec`], to be set.
#[derive(Debug)]
pub struct VariableMut<'a> {
    variable: Variable,
    endian: Endian,
    data: &'a mut Data,
}

impl ObjectSpec {
    /// The global variable of this name.
    ///
    /// # Errors
    /// `NotFound`.
    #[inline]
    pub fn variable(&mut self, name: &str) -> Result<VariableMut<'_>> {
        let Some(variable) = self.variables.iter().find(|v| v.name == name).cloned() else {
            bail!(NotFound, "no global variable named '{name}'");
        };
        let map = self.maps.get_mut(variable.map);
        match map.and_then(|map| map.data.as_mut()) {
            Some(data) => Ok(VariableMut {
                endian: self.endian,
                variable,
                data,
            }),
            None => bail!(NotFound, "variable '{name}' has lost its map's data"),
        }
    }
}

impl VariableMut<'_> {
    /// What it is and where.
    #[inline]
    pub fn variable(&self) -> &Variable {
        &self.variable
    }

    /// Its bytes as they are now, in the object's byte order.
    #[inline]
    pub fn bytes(&self) -> Vec<u8> {
        let (offset, size) = (self.variable.offset, self.variable.size);
        self.data.read(offset, size).unwrap_or_default()
    }

    /// Sets its bytes.
    ///
    /// # Errors
    /// `Mismatch`: not exactly as many as the variable has.
    #[inline]
    pub fn set_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let size = self.variable.size;
        if bytes.len() != size as usize {
            let what = format!("{} bytes for a variable of {size}", bytes.len());
            return Err(Error::new(ErrorKind::Mismatch, what).of_symbol(&self.variable.name));
        }
        self.data.write(self.variable.offset, bytes)
    }

    /// Sets an integer of 1, 2, 4 or 8 bytes (any Rust integer, or a `bool`).
    ///
    /// # Errors
    /// `TooLarge`: the value does not fit. `Mismatch`: the variable is no integer by its size.
    pub fn set(&mut self, value: impl Into<i128>) -> Result<()> {
        let value = value.into();
        let size = self.variable.size;
        let symbol = |e: Error| e.of_symbol(&self.variable.name);
        if !matches!(size, 1 | 2 | 4 | 8) {
            let what = format!("an integer for a variable of {size} bytes");
            return Err(symbol(Error::new(ErrorKind::Mismatch, what)));
        }
        let bits = size.saturating_mul(8);
        let (low, high) = (-1_i128 << bits.saturating_sub(1), 1_i128 << bits);
        if value < low || value >= high {
            let what = format!("{value} for a variable of {size} bytes");
            return Err(symbol(Error::new(ErrorKind::TooLarge, what)));
        }
        let wide = (value as u64).to_le_bytes();
        let mut bytes = wide.get(..size as usize).unwrap_or_default().to_vec();
        if self.endian == Endian::Big {
            bytes.reverse();
        }
        self.set_bytes(&bytes)
    }
}
