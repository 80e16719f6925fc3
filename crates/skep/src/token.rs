//! BPF tokens: privilege that a BPF file system lends to those who can reach it.

use crate::error::Context;
use crate::{Error, ErrorKind, Result};
use alloc::ffi::CString;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::uapi::linux::{O_DIRECTORY, O_RDONLY};
use skep_sys::{Fd, KernelRef, bpf, file};

/// Where a BPF file system usually is.
const USUAL: &str = "/sys/fs/bpf";
/// Enough for a hundred thousand mounts.
const MOUNTS_LIMIT: usize = 1 << 24;

/// Where the BPF token comes from that a system loads maps, programs and BTF with; see
/// [`System::with_token`](crate::System::with_token).
///
/// # Kernel
/// `BPF_TOKEN_CREATE`, since Linux 6.9: in a user namespace of its own, a process may do what the
/// BPF file system of that namespace was mounted for (`delegate_cmds` and the like).
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub enum Token {
    /// From the path that the environment variable `LIBBPF_BPF_TOKEN_PATH` names, where it is set
    /// (empty: no token) and the feature `std` is on; else from the first BPF file system of this
    /// process that delegates something, `/sys/fs/bpf` before others. If there is none, without.
    #[default]
    Auto,
    /// None.
    Off,
    /// From the BPF file system mounted here; an error if that gives none.
    Path(String),
    /// This one.
    Fd(Arc<Fd>),
}

impl Token {
    /// Gets it.
    ///
    /// # Errors
    /// If a certain one is wanted that is not to be had.
    pub(crate) fn open(&self, kernel: &KernelRef) -> Result<Option<Arc<Fd>>> {
        let from = |path: &str| {
            let what = format_args!("make a BPF token from {path}");
            let token = from_path(kernel, path).context(what)?;
            Ok(Some(Arc::new(token)))
        };
        match self {
            Self::Off => Ok(None),
            Self::Fd(fd) => Ok(Some(fd.clone())),
            Self::Path(path) => from(path),
            Self::Auto => match variable() {
                Some(path) if path.is_empty() => Ok(None),
                Some(path) => from(&path),
                None => Ok(search(kernel)?.map(Arc::new)),
            },
        }
    }
}

/// The environment variable that libbpf takes the path from, too.
#[cfg(feature = "std")]
fn variable() -> Option<String> {
    let value = std::env::var_os("LIBBPF_BPF_TOKEN_PATH")?;
    Some(value.to_string_lossy().into_owned())
}

#[cfg(not(feature = "std"))]
fn variable() -> Option<String> {
    None
}

/// A token from the BPF file system mounted at a path.
fn from_path(kernel: &KernelRef, path: &str) -> Result<Fd> {
    let invalid = |_| Error::new(ErrorKind::Invalid, "a path with a NUL byte");
    let path = CString::new(path).map_err(invalid)?;
    let dir = file::open(kernel, &path, O_RDONLY | O_DIRECTORY, 0)?;
    Ok(bpf::token_create(&dir, 0)?)
}

/// The first token that a mounted BPF file system gives. Nearly always the usual place answers:
/// in the first user namespace, `EOPNOTSUPP`, for there are no tokens.
fn search(kernel: &KernelRef) -> Result<Option<Fd>> {
    let token = match from_path(kernel, USUAL) {
        Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => return Ok(None),
        answer => if_any(answer)?,
    };
    if token.is_some() {
        return Ok(token);
    }
    let what = "look for BPF file systems in /proc/self/mounts";
    let mounts = file::read_file(kernel, c"/proc/self/mounts", MOUNTS_LIMIT).context(what);
    let mounts = if_any(mounts)?.unwrap_or_default();
    for path in delegating(&String::from_utf8_lossy(&mounts)) {
        let token = if_any(from_path(kernel, &path))?;
        if token.is_some() {
            return Ok(token);
        }
    }
    Ok(None)
}

/// `None` where there is no such file, where this process may not, where the kernel cannot.
fn if_any<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.errno() {
            Some(
                Errno::ENOENT
                | Errno::ENOTDIR
                | Errno::EACCES
                | Errno::EPERM
                | Errno::EINVAL
                | Errno::EOPNOTSUPP
                | Errno::ENOSYS,
            ) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Where BPF file systems are mounted that delegate something, of lines of `/proc/self/mounts`.
fn delegating(mounts: &str) -> Vec<String> {
    let mut places = Vec::new();
    for line in mounts.lines() {
        // A device, a place, a kind, options.
        let mut words = line.split(' ').skip(1);
        let (Some(path), Some("bpf"), Some(options)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        if options.split(',').any(|o| o.starts_with("delegate_")) {
            places.push(unescape(path));
        }
    }
    places
}

/// A path as the kernel writes it there: blanks, tabs, line ends, backslashes in octal.
fn unescape(text: &str) -> String {
    const ESCAPES: [(&str, &str); 4] = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let known = ESCAPES.iter().find(|(code, _)| escape.starts_with(code));
        let (code, plain) = known.copied().unwrap_or(("\\", "\\"));
        out.push_str(plain);
        rest = escape.strip_prefix(code).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{delegating, unescape};

    #[test]
    fn file_systems_that_delegate_are_found() {
        let mounts = "\
proc /proc proc rw,nosuid 0 0
bpf /sys/fs/bpf bpf rw,nosuid,mode=700 0 0
none /run/a\\040b bpf rw,delegate_cmds=map_create:prog_load,delegate_maps=any 0 0
none /delegate_cmds ext4 rw,delegate_cmds=any 0 0
none /last bpf rw,delegate_progs=0x2 0 0
broken
";
        assert_eq!(delegating(mounts), ["/run/a b", "/last"]);
    }

    #[test]
    fn escapes_of_mounts_are_undone() {
        for (text, want) in [
            ("/plain", "/plain"),
            ("/a\\040b\\011c\\012d\\134e", "/a b\tc\nd\\e"),
            ("/\\134040", "/\\040"),
            ("/\\", "/\\"),
            ("/\\04", "/\\04"),
        ] {
            assert_eq!(unescape(text), want);
        }
    }
}
