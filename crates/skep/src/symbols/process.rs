//! Functions of a process.

use super::{FileSymbols, Symbol};
use crate::Result;
use crate::error::Context;
use crate::system::{System, c_string};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str;
use skep_codec::uapi::linux::O_RDONLY;
use skep_sys::{Fd, file};

/// Most bytes of a list of mappings.
const MOST: usize = 1 << 26;

/// The functions of a process: those of the files that it has mapped as code. Files are read when
/// an address in them is asked for.
#[derive(Clone, Debug)]
pub struct ProcessSymbols {
    system: System,
    pid: u32,
    /// In order of their addresses.
    code: Vec<Code>,
    /// Those that were asked for: by path, `None` for what is no file with symbols.
    files: Vec<(String, Option<FileSymbols>)>,
}

/// A mapping that may be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Code {
    begin: u64,
    end: u64,
    offset: u64,
    path: String,
}

impl ProcessSymbols {
    /// What process `pid` has mapped now.
    ///
    /// # Errors
    /// `ENOENT`: there is no such process; `EACCES`: it is another user's.
    ///
    /// # Kernel
    /// `/proc/PID/maps`, proc_pid_maps(5).
    pub fn read(system: &System, pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/maps");
        let text = file::read_file(system.kernel(), &c_string(&path)?, MOST);
        let text = text.context(format_args!("read {path}"))?;
        let lines = text.split(|&byte| byte == b'\n');
        Ok(Self {
            system: system.clone(),
            pid,
            code: lines.filter_map(code).collect(),
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
    fn file(&self, code: &Code) -> Result<Option<FileSymbols>> {
        if !code.path.starts_with('/') {
            return Ok(None);
        }
        let pid = self.pid;
        let exact = format!("/proc/{pid}/map_files/{:x}-{:x}", code.begin, code.end);
        let fd = match self.open(&exact) {
            Ok(fd) => fd,
            Err(_) => self.open(&format!("/proc/{pid}/root{}", code.path))?,
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

/// A line of `/proc/PID/maps`, of what may be executed.
fn code(line: &[u8]) -> Option<Code> {
    let mut words = line.splitn(6, |&byte| byte == b' ');
    let mut word = || str::from_utf8(words.next()?).ok();
    let (range, rights, offset) = (word()?, word()?, word()?);
    let (begin, end) = range.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let path = words.nth(2).unwrap_or_default();
    rights.contains('x').then_some(())?;
    Some(Code {
        begin: hex(begin)?,
        end: hex(end)?,
        offset: hex(offset)?,
        path: String::from_utf8_lossy(path).trim_start().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_executed_is_found_in_lines() {
        let line =
            b"7f2c1a028000-7f2c1a17d000 r-xp 00028000 fe:01 1234      /usr/lib/a b.so (deleted)";
        let expected = Code {
            begin: 0x7f2c_1a02_8000,
            end: 0x7f2c_1a17_d000,
            offset: 0x28000,
            path: String::from("/usr/lib/a b.so (deleted)"),
        };
        assert_eq!(code(line), Some(expected));
        assert_eq!(
            code(b"7f2c1a000000-7f2c1a028000 r--p 00000000 fe:01 1234 /a"),
            None
        );
        assert_eq!(code(b"1000-2000 r-xp 00000000 00:00 0").unwrap().path, "");
        for bad in [
            &b""[..],
            b"-",
            b"1-2",
            b"1-2 x",
            b"g-2 r-xp 0 0 0 /a",
            b"1-2 \xff 0 0 0",
        ] {
            assert_eq!(code(bad), None);
        }
    }
}
