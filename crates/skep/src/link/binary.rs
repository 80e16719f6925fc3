//! Programs and libraries of user space: found by their names, looked up in.

use crate::Result;
use crate::error::Context;
use crate::system::mappings::{mappings, process_dir};
use crate::system::parts::Parts;
use crate::system::{System, c_string};
use crate::{Error, ErrorKind};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::elf::{Image, ReadAt, SHT_DYNSYM, SHT_SYMTAB};
use skep_codec::uapi::linux::O_RDONLY;
use skep_codec::{order, text};
use skep_sys::{Fd, file, process};

/// A program or library in a file.
pub(super) struct Binary {
    fd: Fd,
    path: String,
    pub(super) image: Image,
}

impl Binary {
    /// Opens a file and reads its tables.
    #[inline]
    pub(super) fn open(system: &System, path: &str) -> Result<Self> {
        let what = format_args!("read {path}");
        let fd = file::open(system.kernel(), &c_string(path)?, O_RDONLY, 0).context(what)?;
        let image = Parts::new(&fd).and_then(|parts| parts.ask(|read| Image::open(read)));
        let image = image.context(what)?;
        Ok(Self {
            fd,
            path: path.to_string(),
            image,
        })
    }

    /// Its path.
    #[cfg(feature = "usdt")]
    #[inline]
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Its inode's number.
    #[cfg(feature = "usdt")]
    #[inline]
    pub(super) fn inode(&self) -> Result<u64> {
        file::inode(&self.fd).context(format_args!("read {}", self.path))
    }

    /// Asks the file.
    #[inline]
    pub(super) fn read<T>(
        &self,
        ask: impl FnOnce(&Image, ReadAt<'_>) -> skep_codec::Result<T>,
    ) -> Result<T> {
        let answer = Parts::new(&self.fd)?.ask(|read| ask(&self.image, read));
        answer.context(format_args!("look in {}", self.path))
    }

    /// Where in the file a function begins.
    #[inline]
    pub(super) fn function(&self, name: &str) -> Result<u64> {
        self.offset_of(self.read(|image, read| image.function(name, read))?)
    }

    /// Where in the file all functions begin whose names fit, each place once: of the table for other
    /// programs, or if none of it fits of the one for debuggers.
    #[inline]
    pub(super) fn matching(&self, fits: &dyn Fn(&str) -> bool, pattern: &str) -> Result<Vec<u64>> {
        for table in [SHT_DYNSYM, SHT_SYMTAB] {
            let mut offsets = Vec::new();
            self.read(|image, read| {
                image.each_function(table, read, &mut |function| {
                    if fits(function.name) {
                        offsets.extend(image.file_offset(function.address));
                    }
                })
            })?;
            if !offsets.is_empty() {
                order::by_key(&mut offsets, |offset| *offset);
                offsets.dedup();
                return Ok(offsets);
            }
        }
        let what = format!("no function of {} matches `{pattern}`", self.path);
        Err(Error::new(ErrorKind::NotFound, what))
    }

    /// Where in the file is what has this address in memory.
    #[inline]
    pub(super) fn offset_of(&self, address: u64) -> Result<u64> {
        self.image.file_offset(address).ok_or_else(|| {
            let what = format!("nothing of {} is loaded at {address:#x}", self.path);
            Error::new(ErrorKind::NotFound, what)
        })
    }
}

/// The file that is meant by a name: a path as it is; a library that the process has loaded; what is
/// found in the directories of libraries (`LD_LIBRARY_PATH` first) or of programs (`PATH`). In the
/// file system of process `root`, if one is given.
#[inline]
pub(super) fn find(
    system: &System,
    name: &str,
    pid: Option<u32>,
    root: Option<u32>,
) -> Result<String> {
    let root = root.map_or(String::new(), |pid| process_dir(pid) + "/root");
    if name.contains('/') {
        return Ok(match name.starts_with('/') {
            true => format!("{root}{name}"),
            false => name.to_string(),
        });
    }
    if let Some(pid) = pid
        && let Some(path) = mapped(system, name, pid)?
    {
        return Ok(path);
    }
    let is_library = name.ends_with(".so") || text::contains(name, ".so.");
    for dirs in directories(system, is_library)? {
        for dir in dirs.split(':').filter(|dir| !dir.is_empty()) {
            let path = format!("{root}{dir}/{name}");
            if is_elf(system, &path)? {
                return Ok(path);
            }
        }
    }
    let what = match is_library {
        true => format!("no library `{name}` in the directories of libraries"),
        false => format!("no program `{name}` in the directories of programs"),
    };
    Err(Error::new(ErrorKind::NotFound, what))
}

#[inline]
fn directories(system: &System, is_library: bool) -> Result<Vec<String>> {
    let mut all = Vec::new();
    if !is_library {
        all.extend(variable("PATH"));
        all.push("/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".to_string());
        return Ok(all);
    }
    let machine = process::machine(system.kernel()).context("ask for the machine")?;
    all.extend(variable("LD_LIBRARY_PATH"));
    all.push("/usr/lib64:/lib64:/usr/lib:/lib".to_string());
    all.push(format!(
        "/usr/lib/{machine}-linux-gnu:/lib/{machine}-linux-gnu"
    ));
    Ok(all)
}

#[cfg(feature = "std")]
#[inline]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(not(feature = "std"))]
#[inline]
fn variable(_: &str) -> Option<String> {
    None
}

#[inline]
fn is_elf(system: &System, path: &str) -> Result<bool> {
    let Ok(fd) = file::open(system.kernel(), &c_string(path)?, O_RDONLY, 0) else {
        return Ok(false);
    };
    Ok(file::read_at(&fd, 0, 4).is_ok_and(|magic| magic == b"\x7fELF"))
}

/// The file of this name that a process has in its memory, in the process's file system.
#[inline]
fn mapped(system: &System, name: &str, pid: u32) -> Result<Option<String>> {
    let is_file = |path: &str| path.starts_with('/') && path.rsplit('/').next() == Some(name);
    let all = mappings(system, pid)?;
    let mut paths = all.into_iter().map(|mapping| mapping.path);
    let found = paths.find(|path| is_file(path));
    Ok(found.map(|path| format!("{}/root{path}", process_dir(pid))))
}
