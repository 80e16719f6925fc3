//! Functions of a file.

use super::{Symbol, Table};
use crate::Result;
use crate::error::Context;
use crate::system::parts::Parts;
use crate::system::{System, c_string};
use skep_codec::elf::{Image, SHT_DYNSYM, SHT_SYMTAB};
use skep_codec::uapi::linux::O_RDONLY;
use skep_sys::{Fd, file};

/// The functions of a program or library by their places in the file: stacks with build ids tell
/// such places ([`BuildIdFrame`](crate::map::BuildIdFrame)).
#[derive(Clone, Debug)]
pub struct FileSymbols {
    image: Image,
    table: Table,
}

impl FileSymbols {
    /// Reads the symbols of an ELF file: its own and those for dynamic linking, whichever it has.
    ///
    /// # Errors
    /// What does not hold together in the file.
    pub fn read(system: &System, path: &str) -> Result<Self> {
        let what = format_args!("read the symbols of {path}");
        let fd = file::open(system.kernel(), &c_string(path)?, O_RDONLY, 0).context(what)?;
        Self::of(&fd, path).context(what)
    }

    pub(super) fn of(fd: &Fd, name: &str) -> Result<Self> {
        let parts = Parts::new(fd)?;
        let image = parts.ask(|read| Image::open(read))?;
        let mut table = Table::default();
        for kind in [SHT_SYMTAB, SHT_DYNSYM] {
            parts.ask(|read| {
                image.each_function(kind, read, &mut |function| {
                    table.add(function.address, function.len, function.name, name);
                })
            })?;
        }
        table.sort();
        Ok(Self { image, table })
    }

    /// What lies at this offset in the file.
    pub fn at(&self, offset: u64) -> Option<Symbol<'_>> {
        self.table.at(self.image.address(offset)?)
    }
}
