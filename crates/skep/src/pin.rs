//! Pins: names in a bpffs that keep objects alive.

use crate::error::Context;
use crate::system::{System, c_string, gone};
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::ffi::CStr;
use skep_codec::Errno;
use skep_codec::uapi::linux::BPF_FS_MAGIC;
use skep_sys::bpf::{self, ObjKind};
use skep_sys::file::{self, DirEntry};
use skep_sys::{CallError, Fd, KernelRef};

/// Rights of a directory that is made for a pin.
const DIR_MODE: u32 = 0o700;

/// Pins an object; the directory is made if only that is missing.
#[inline]
pub(crate) fn pin(object: &Fd, path: &CStr) -> skep_sys::Result<()> {
    let first = bpf::obj_pin(object, None, path);
    let Err(error) = first else { return first };
    let dir = parent(path).filter(|_| error.errno == Errno::ENOENT);
    let Some((above, dir)) = dir.and_then(|dir| Some((parent(&dir)?, dir))) else {
        return first;
    };
    let kernel = object.kernel();
    // Elsewhere, a directory would be all that there is in the end.
    if file::statfs_magic(kernel, &above)? != BPF_FS_MAGIC {
        return first;
    }
    match file::make_dir(kernel, &dir, DIR_MODE) {
        Err(error) if error.errno != Errno::EEXIST => Err(error),
        _ => bpf::obj_pin(object, None, path),
    }
}

/// Pins an object where the caller says, in a directory that is there.
#[inline]
pub(crate) fn pin_at(object: &Fd, path: &str) -> Result<()> {
    let path = c_string(path)?;
    let pinned = bpf::obj_pin(object, None, &path);
    pinned.map_err(|error| not_pinned(object.kernel(), &path, error))
}

/// Says what is wrong with a place where nothing could be pinned, as far as it can be told.
#[cold]
pub(crate) fn not_pinned(kernel: &KernelRef, path: &CStr, error: CallError) -> Error {
    let dir = parent(path).unwrap_or_else(|| c".".into());
    let shown = dir.to_string_lossy();
    let has_dot = || {
        path.to_bytes()
            .rsplit(|b| *b == b'/')
            .next()
            .is_some_and(|n| n.contains(&b'.'))
    };
    let (kind, what) = match (error.errno, file::statfs_magic(kernel, &dir)) {
        (Errno::ENOENT, Err(_)) => {
            let what = format!("there is no directory {shown}: make it first (mkdir)");
            (ErrorKind::NotFound, what)
        }
        (Errno::EEXIST, _) => (ErrorKind::Call, "something is there already".into()),
        (Errno::EPERM | Errno::EINVAL, Ok(magic)) if magic != BPF_FS_MAGIC => {
            let what = format!(
                "{shown} is in no bpffs: take a path in one (usually /sys/fs/bpf), or mount one \
                 (mount -t bpf bpf DIRECTORY)"
            );
            (ErrorKind::Invalid, what)
        }
        (Errno::EPERM, Ok(_)) if has_dot() => {
            (ErrorKind::Invalid, "names in a bpffs have no dot".into())
        }
        _ => return error.into(),
    };
    Error::from(error).explained(kind, what)
}

/// Says of a path where nothing could be opened what is there.
#[cold]
fn not_opened(kernel: &KernelRef, path: &CStr, error: CallError) -> Error {
    let (kind, what) = match error.errno {
        Errno::ENOENT => (ErrorKind::NotFound, "nothing is pinned there"),
        Errno::EACCES if !is_bpffs(kernel, path) => (ErrorKind::Invalid, "it is in no bpffs"),
        _ => return error.into(),
    };
    Error::from(error).explained(kind, what.into())
}

#[inline]
fn is_bpffs(kernel: &KernelRef, path: &CStr) -> bool {
    file::statfs_magic(kernel, path) == Ok(BPF_FS_MAGIC)
}

/// What is pinned there; `None` if nothing is.
#[inline]
pub(crate) fn open(kernel: &KernelRef, path: &CStr) -> skep_sys::Result<Option<Fd>> {
    match bpf::obj_get(kernel, None, path, 0) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if error.errno == Errno::ENOENT => Ok(None),
        Err(error) => Err(error),
    }
}

#[inline]
fn parent(path: &CStr) -> Option<alloc::ffi::CString> {
    let bytes = path.to_bytes();
    let end = bytes.iter().rposition(|&byte| byte == b'/')?;
    alloc::ffi::CString::new(bytes.get(..end.max(1))?).ok()
}

/// What a file of a bpffs keeps alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// A program, a map or a link.
    pub kind: ObjKind,
    /// The kernel's id of it.
    pub id: u32,
}

/// `DT_DIR`, `DT_REG`.
const DIRECTORY: u8 = 4;
const FILE: u8 = 8;
/// What /proc tells of each kind; a link tells of its program, too.
const IDS: [(&str, ObjKind); 3] = [
    ("link_id", ObjKind::Link),
    ("prog_id", ObjKind::Prog),
    ("map_id", ObjKind::Map),
];

impl System {
    /// Everything that is pinned in and below a directory of a bpffs, by path. What goes away
    /// meanwhile is left out; what cannot be looked at has an error of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: no directory of a bpffs; those of statfs(2) and getdents64(2).
    ///
    /// # Kernel
    /// `BPF_OBJ_GET`, since Linux 4.4.
    #[inline]
    pub fn pinned(&self, dir: &str) -> Result<Vec<(String, Result<Pinned>)>> {
        let what = format_args!("list the pins in {dir}");
        let magic = file::statfs_magic(self.kernel(), &c_string(dir)?).context(what)?;
        if magic != BPF_FS_MAGIC {
            let what = format!("{dir} is in no bpffs");
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let mut found = Vec::new();
        let mut dirs = vec![dir.trim_end_matches('/').to_string()];
        let mut entries = read_dir(self, dir)?;
        while let Some(dir) = dirs.pop() {
            for entry in entries {
                let path = format!("{dir}/{}", entry.name);
                match entry.kind {
                    DIRECTORY => dirs.push(path),
                    FILE => match pinned(self, &path) {
                        Err(error) if gone(error.errno()) => {}
                        pinned => found.push((path, pinned)),
                    },
                    _ => {}
                }
            }
            let Some(next) = dirs.last() else {
                break;
            };
            entries = match read_dir(self, next) {
                Ok(entries) => entries,
                Err(error) => {
                    if !gone(error.errno()) {
                        found.push((next.clone(), Err(error)));
                    }
                    Vec::new()
                }
            };
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }
}

#[inline]
fn read_dir(system: &System, dir: &str) -> Result<Vec<DirEntry>> {
    let entries = file::read_dir(system.kernel(), &c_string(dir)?);
    entries.context(format_args!("list {dir}"))
}

/// Opens the pin of an object of this kind, and only of that.
///
/// The kernel does not look what it is, and tells of any object as if it were the one asked about;
/// where there is no /proc, neither does this.
#[inline]
pub(crate) fn open_as(system: &System, path: &str, kind: ObjKind, what: &str) -> Result<Fd> {
    let c_path = c_string(path)?;
    let fd = bpf::obj_get(system.kernel(), None, &c_path, 0)
        .map_err(|error| not_opened(system.kernel(), &c_path, error))
        .context(format_args!("open pinned {what} {path}"))?;
    if is_another(&fd, kind) {
        let what = format!("open pinned {what} {path}: what is pinned there is no {what}");
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    Ok(fd)
}

/// A descriptor that is of such an object, as far as the kernel tells: see [`open_as`].
#[inline]
pub(crate) fn of_kind(fd: Fd, kind: ObjKind, what: &str) -> Result<Fd> {
    if is_another(&fd, kind) {
        let what = format!("descriptor {} is of no {what}", fd.raw());
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    Ok(fd)
}

fn is_another(fd: &Fd, kind: ObjKind) -> bool {
    let info = file::fdinfo(fd).unwrap_or_default();
    kind_of(&info).is_some_and(|found| found.kind != kind)
}

#[inline]
fn kind_of(info: &[u8]) -> Option<Pinned> {
    IDS.iter().find_map(|(key, kind)| {
        let id = file::fdinfo_value(info, key)?.trim().parse().ok()?;
        Some(Pinned { kind: *kind, id })
    })
}

/// What is pinned at a path.
#[inline]
fn pinned(system: &System, path: &str) -> Result<Pinned> {
    let fd = bpf::obj_get(system.kernel(), None, &c_string(path)?, 0);
    let fd = fd.context(format_args!("open pin {path}"))?;
    let info = file::fdinfo(&fd).context(format_args!("look at pin {path}"))?;
    kind_of(&info).ok_or_else(|| {
        let what = format!("{path} is no program, map or link");
        Error::new(ErrorKind::Unsupported, what)
    })
}
