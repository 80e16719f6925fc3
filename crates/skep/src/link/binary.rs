//! Programs and libraries of user space, found by their names.

use crate::Result;
use crate::error::Context;
pub(super) use crate::system::binary::{Binary, Search};
use crate::system::mappings::{mappings, process_dir};
use crate::system::{System, c_string};
use crate::{Error, ErrorKind};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::text;
use skep_codec::uapi::linux::O_RDONLY;
use skep_sys::{file, process};

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

/// Whether a path is that of something in an archive.
#[inline]
pub(super) fn is_in_archive(path: &str) -> bool {
    text::contains(path, "!/")
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
