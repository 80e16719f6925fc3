//! Functions of a process.

use super::{FileSymbols, Symbol};
use crate::Result;
use crate::error::Context;
use crate::system::mappings::{Mapping, mappings, process_dir};
use crate::system::{System, c_string};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::uapi::linux::O_RDONLY;
use skep_sys::{Fd, file};

/// The functions of a process: those of the files that it has mapped as code. Files are read when
/// an address in them is asked for.
#[derive(Clone, Debug)]
pub struct ProcessSymbols {
    system: System,
    pid: u32,
    /// What may be executed, in order of addresses.
    code: Vec<Mapping>,
    /// Those that were asked for: by path, `None` for what is no file with symbols.
    files: Vec<(String, Option<FileSymbols>)>,
}

impl ProcessSymbols {
    /// What process `pid` (0: the calling one) has mapped now.
    ///
    /// # Errors
    /// `ENOENT`: there is no such process; `EACCES`: it is another user's.
    ///
    /// # Kernel
    /// `/proc/PID/maps`, proc_pid_maps(5).
    pub fn read(system: &System, pid: u32) -> Result<Self> {
        let mut code = mappings(system, pid)?;
        code.retain(|mapping| mapping.executable);
        Ok(Self {
            system: system.clone(),
            pid,
            code,
            files: Vec::new(),
        })
    }

    /// The function that this address lies in, of a file that has symbols.
    ///
    /// # Errors
    /// If a file that was mapped cannot be read: `EACCES`, `ENOENT` where it was deleted and this
    /// process may not look at others' mappings (`CAP_CHECKPOINT_RESTORE`).
    pub fn at(&mut self, address: u64) -> Result<Option<Symbol<'_>>> {
        let behind = self.code.partition_point(|code| code.begin <= address);
        let last = behind.checked_sub(1).and_then(|index| self.code.get(index));
        let Some(code) = last.filter(|code| address < code.end) else {
            return Ok(None);
        };
        let Some(offset) = (address - code.begin).checked_add(code.offset) else {
            return Ok(None);
        };
        let known = self.files.iter().position(|(path, _)| *path == code.path);
        let index = match known {
            Some(index) => index,
            None => {
                let symbols = self.file(code)?;
                self.files.push((code.path.clone(), symbols));
                self.files.len() - 1
            }
        };
        let file = self.files.get(index).and_then(|(_, file)| file.as_ref());
        Ok(file.and_then(|file| file.at(offset)))
    }

    /// The symbols of a mapped file, which may have been deleted, or be in another mount namespace.
    fn file(&self, code: &Mapping) -> Result<Option<FileSymbols>> {
        if !code.path.starts_with('/') {
            return Ok(None);
        }
        let dir = process_dir(self.pid);
        let exact = format!("{dir}/map_files/{:x}-{:x}", code.begin, code.end);
        let fd = match self.open(&exact) {
            Ok(fd) => fd,
            Err(_) => self.open(&format!("{dir}/root{}", code.path))?,
        };
        let symbols = FileSymbols::of(&fd, &code.path);
        symbols.map(Some).or_else(|error| match error.kind() {
            // Code that was mapped from what is no ELF file.
            crate::ErrorKind::Unsupported => Ok(None),
            _ => Err(error.context(format_args!("read the symbols of {}", code.path))),
        })
    }

    fn open(&self, path: &str) -> Result<Fd> {
        let fd = file::open(self.system.kernel(), &c_string(path)?, O_RDONLY, 0);
        fd.context(format_args!("open {path}"))
    }
}
