//! What a process has mapped: `/proc/PID/maps`.

use super::{System, c_string};
use crate::Result;
use crate::error::Context;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_sys::file;

/// Most bytes of a list of mappings.
const MOST: usize = 1 << 26;

/// A part of a process's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    /// Where in the file it begins.
    pub(crate) offset: u64,
    /// The file's inode; 0 where there is none.
    pub(crate) inode: u64,
    pub(crate) executable: bool,
    /// The file's path, or what the kernel calls the memory (`[heap]`); may be empty.
    pub(crate) path: String,
}

/// Where `/proc` has a process (0: the calling one).
#[inline]
pub(crate) fn process_dir(pid: u32) -> String {
    match pid {
        0 => "/proc/self".to_string(),
        pid => format!("/proc/{pid}"),
    }
}

/// What a process (0: the calling one) has mapped, in order of addresses.
///
/// # Errors
/// `ENOENT`: there is no such process; `EACCES`: it is another user's.
#[inline]
pub(crate) fn mappings(system: &System, pid: u32) -> Result<Vec<Mapping>> {
    let path = process_dir(pid) + "/maps";
    let text = file::read_file(system.kernel(), &c_string(&path)?, MOST);
    let text = text.context(format_args!("read {path}"))?;
    let lines = text.split(|&byte| byte == b'\n');
    Ok(lines.filter_map(mapping).collect())
}

/// A line: range, rights, offset, device, inode, and behind blanks the path.
#[inline]
fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut words = line.splitn(6, |&byte| byte == b' ');
    let mut word = || core::str::from_utf8(words.next()?).ok();
    let (range, rights, offset) = (word()?, word()?, word()?);
    let (_device, inode) = (word()?, word()?);
    let (begin, end) = range.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let path = words.next().unwrap_or_default();
    Some(Mapping {
        begin: hex(begin)?,
        end: hex(end)?,
        offset: hex(offset)?,
        inode: inode.parse().ok()?,
        executable: rights.contains('x'),
        path: String::from_utf8_lossy(path).trim_start().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_what_is_mapped_where() {
        let line =
            b"7f2c1a028000-7f2c1a17d000 r-xp 00028000 fe:01 1234      /usr/lib/a b.so (deleted)";
        let expected = Mapping {
            begin: 0x7f2c_1a02_8000,
            end: 0x7f2c_1a17_d000,
            offset: 0x28000,
            inode: 1234,
            executable: true,
            path: String::from("/usr/lib/a b.so (deleted)"),
        };
        assert_eq!(mapping(line), Some(expected));
        let data = mapping(b"7f2c1a000000-7f2c1a028000 r--p 00000000 fe:01 1234 /a");
        assert!(!data.unwrap().executable);
        assert_eq!(
            mapping(b"1000-2000 r-xp 00000000 00:00 0").unwrap().path,
            ""
        );
        for bad in [
            &b""[..],
            b"-",
            b"1-2",
            b"1-2 x",
            b"g-2 r-xp 0 0 0 /a",
            b"1-2 \xff 0 0 0",
            b"1-2 r-xp 0 0 x",
        ] {
            assert_eq!(mapping(bad), None);
        }
        for cut in 0..45 {
            assert_eq!(mapping(&line[..cut]), None, "{cut}");
        }
    }
}
