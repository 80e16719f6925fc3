//! Programs and libraries, looked up in: what their names stand for, in themselves and in files of
//! symbols beside them.

mod debug;

use super::parts::Parts;
use super::{System, c_string};
use crate::Result;
use crate::error::Context;
use crate::{Error, ErrorKind};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::OnceCell;
pub(crate) use debug::Search;
use debug::Symbols;
use skep_codec::elf::{Function, Image, ReadAt, SHT_DYNSYM, SHT_SYMTAB, find_in_archive};
use skep_codec::order;
use skep_codec::uapi::linux::O_RDONLY;
use skep_sys::{Fd, file};

/// A program or library: a file, or stored in a zip archive as it is.
pub(crate) struct Binary {
    fd: Fd,
    /// The file, or the archive.
    path: String,
    /// Where it begins in that, and its length.
    begin: u64,
    len: u64,
    pub(crate) image: Image,
    /// Where its symbols are, if it was stripped of them, or why they are nowhere.
    symbols: OnceCell<Result<Symbols>>,
}

impl Binary {
    /// Opens a file, or what an archive has of this name (`ARCHIVE!/NAME`), and reads its tables.
    #[inline]
    pub(crate) fn open(system: &System, path: &str) -> Result<Self> {
        let what = format_args!("read {path}");
        let (path, name) = match path.split_once("!/") {
            Some((archive, name)) => (archive, Some(name)),
            None => (path, None),
        };
        let fd = file::open(system.kernel(), &c_string(path)?, O_RDONLY, 0).context(what)?;
        let size = file::file_size(&fd).context(what)?;
        let (begin, len) = match name {
            Some(name) => {
                let parts = Parts::within(&fd, 0, size);
                let place = parts.ask(|read| find_in_archive(name, size, read));
                place.context(what)?
            }
            None => (0, size),
        };
        let image = Parts::within(&fd, begin, len).ask(|read| Image::open(read));
        Ok(Self {
            path: path.to_string(),
            begin,
            len,
            image: image.context(what)?,
            fd,
            symbols: OnceCell::new(),
        })
    }

    /// The path of its file, or of its archive.
    #[inline]
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Its inode's number.
    #[inline]
    pub(crate) fn inode(&self) -> Result<u64> {
        file::inode(&self.fd).context(format_args!("read {}", self.path))
    }

    /// Asks the file.
    #[inline]
    pub(crate) fn read<T>(
        &self,
        ask: impl FnOnce(&Image, ReadAt<'_>) -> skep_codec::Result<T>,
    ) -> Result<T> {
        let parts = Parts::within(&self.fd, self.begin, self.len);
        let answer = parts.ask(|read| ask(&self.image, read));
        answer.context(format_args!("look in {}", self.path))
    }

    /// Where in the file a function begins.
    #[inline]
    pub(crate) fn function(&self, name: &str, search: &Search<'_>) -> Result<u64> {
        let address = match self.read(|image, read| image.function(name, read)) {
            Err(error) if error.kind() == ErrorKind::NotFound && self.is_stripped() => {
                let symbols = self.symbols(search, &error)?;
                symbols.read(|image, read| image.function(name, read))
            }
            answer => answer,
        };
        self.offset_of(address?)
    }

    /// Where in the file all functions begin whose names fit, each place once: of the table for other
    /// programs, or if none of it fits of the one for debuggers.
    #[inline]
    pub(crate) fn matching(
        &self,
        fits: &dyn Fn(&str) -> bool,
        pattern: &str,
        search: &Search<'_>,
    ) -> Result<Vec<u64>> {
        let mut offsets = Vec::new();
        for table in [SHT_DYNSYM, SHT_SYMTAB] {
            if offsets.is_empty() {
                self.read(|image, read| {
                    image.each_function(table, read, &mut |function| {
                        self.note(function, fits, &mut offsets);
                    })
                })?;
            }
        }
        if offsets.is_empty() {
            let what = format!("no function of {} matches `{pattern}`", self.path);
            let none = Error::new(ErrorKind::NotFound, what);
            if !self.is_stripped() {
                return Err(none);
            }
            self.symbols(search, &none)?.read(|image, read| {
                image.each_function(SHT_SYMTAB, read, &mut |function| {
                    self.note(function, fits, &mut offsets);
                })
            })?;
            if offsets.is_empty() {
                return Err(none);
            }
        }
        order::by_key(&mut offsets, |offset| *offset);
        offsets.dedup();
        Ok(offsets)
    }

    /// Notes where in the file a function begins, if its name fits.
    #[inline]
    fn note(&self, function: &Function<'_>, fits: &dyn Fn(&str) -> bool, offsets: &mut Vec<u64>) {
        if fits(function.name) {
            let offset = self.image.file_offset(function.address);
            offsets.extend(offset.and_then(|offset| offset.checked_add(self.begin)));
        }
    }

    /// Whether it has no table of symbols for debuggers.
    #[inline]
    fn is_stripped(&self) -> bool {
        let mut sections = self.image.sections.iter();
        sections.all(|section| section.kind != SHT_SYMTAB)
    }

    /// Where in the file, or in the archive, is what has this address in memory.
    #[inline]
    pub(crate) fn offset_of(&self, address: u64) -> Result<u64> {
        let offset = self.image.file_offset(address);
        let offset = offset.and_then(|offset| offset.checked_add(self.begin));
        offset.ok_or_else(|| {
            let what = format!("nothing of {} is loaded at {address:#x}", self.path);
            Error::new(ErrorKind::NotFound, what)
        })
    }

    /// Where in the archive is what is at this offset of its file; where there is none, as it is.
    #[inline]
    pub(crate) fn moved(&self, offset: u64) -> u64 {
        self.begin.wrapping_add(offset)
    }
}
