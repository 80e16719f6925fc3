//! Functions and instructions of programs and libraries.

use super::binary::{self, Binary, Search};
use super::probe::{self, Options, ProbeMode, function_and_offset};
use super::{Hook, Link};
use crate::error::Context;
use crate::prog::Program;
use crate::system::System;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A place in a program or library of user space.
///
/// The file is a path, or a name without a slash: then it is a library that the process has loaded,
/// if one is given, or what is found in the directories of libraries (`LD_LIBRARY_PATH` first) or of
/// programs (`PATH`). What runs from within a zip archive, where it is stored as it is, is
/// `ARCHIVE!/NAME`, its offsets counted from its beginning.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_uprobe_opts")]
pub struct Uprobe {
    file: String,
    place: Place,
    offset: u64,
    ref_counter: u64,
    root: Option<u32>,
    debug_dirs: Vec<String>,
    options: Options,
}

#[derive(Clone, Debug)]
enum Place {
    Function(String),
    Offset(u64),
    Address(u64),
}

impl Uprobe {
    /// The entry of a function, by its name in the file's table of symbols; of one of its versions,
    /// by `NAME@VERSION`. What a file was stripped of is looked up in the file with its symbols, as
    /// debuggers find that: by its build id in `/usr/lib/debug/.build-id`, or by the name that the file
    /// tells (`.gnu_debuglink`), beside it, in `.debug` or below `/usr/lib/debug`.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::NotFound`] if there is no such file or function; with a `Mismatch`
    /// of the codec, if there is a file with symbols, but of another build id or checksum.
    ///
    /// # Kernel
    /// `perf_event_open` of the unit `uprobe` (since Linux 4.17), else a probe of tracefs.
    #[inline]
    pub fn new(file: &str, function: &str) -> Self {
        Self::of(file, Place::Function(function.to_string()))
    }

    /// The instruction at this offset in the file.
    #[inline]
    pub fn at_offset(file: &str, offset: u64) -> Self {
        Self::of(file, Place::Offset(offset))
    }

    /// The instruction at this address, as the file has addresses (as `nm` shows them): not where a
    /// process has it.
    #[inline]
    pub fn at_address(file: &str, address: u64) -> Self {
        Self::of(file, Place::Address(address))
    }

    /// As a section says after its slash: `FILE:FUNCTION` or `FILE:FUNCTION+OFFSET`; `None` if it
    /// names no function.
    #[inline]
    pub(crate) fn declared(text: &str) -> Result<Option<Self>> {
        let Some((file, place)) = text.split_once(':') else {
            return Ok(None);
        };
        let (function, offset) = function_and_offset(place)?;
        Ok(Some(Self::new(file, function).offset(offset)))
    }

    #[inline]
    fn of(file: &str, place: Place) -> Self {
        Self {
            file: file.to_string(),
            place,
            offset: 0,
            ref_counter: 0,
            root: None,
            debug_dirs: Vec::new(),
            options: Options::default(),
        }
    }

    /// When the function returns that begins there, not when it is entered.
    #[doc(alias = "uretprobe")]
    #[must_use]
    #[inline]
    pub fn on_return(mut self) -> Self {
        self.options.on_return = true;
        self
    }

    /// So many bytes further on.
    #[must_use]
    #[inline]
    pub fn offset(mut self, bytes: u64) -> Self {
        self.offset = bytes;
        self
    }

    /// Only in this process (0: the calling one), not in all.
    #[must_use]
    #[inline]
    pub fn process(mut self, pid: u32) -> Self {
        self.options.pid = Some(pid);
        self
    }

    /// The file is the one that this process has by that path: in a container, say.
    #[must_use]
    #[inline]
    pub fn in_root_of(mut self, pid: u32) -> Self {
        self.root = Some(pid);
        self
    }

    /// Looks in this directory, and in others that are given, for files with symbols, as
    /// `/usr/lib/debug` has them.
    #[doc(alias = "debug-file-directory")]
    #[must_use]
    #[inline]
    pub fn debug_dir(mut self, dir: &str) -> Self {
        self.debug_dirs.push(dir.to_string());
        self
    }

    /// Counts up, for as long as it is attached, the 16-bit number at this offset in the file.
    ///
    /// # Kernel
    /// Since Linux 4.20.
    #[doc(alias = "ref_ctr_offset")]
    #[doc(alias = "semaphore")]
    #[must_use]
    #[inline]
    pub fn ref_counter(mut self, offset: u64) -> Self {
        self.ref_counter = offset;
        self
    }

    /// What `bpf_get_attach_cookie` answers in the program.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Unsupported`] before Linux 5.15.
    #[must_use]
    #[inline]
    pub fn cookie(mut self, cookie: u64) -> Self {
        self.options.cookie = cookie;
        self
    }

    /// Attaches in this way, and in no other.
    #[must_use]
    #[inline]
    pub fn mode(mut self, mode: ProbeMode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Makes the probe, if tracefs is to make it, in one that is mounted here.
    #[must_use]
    #[inline]
    pub fn in_tracefs(mut self, mount: &str) -> Self {
        self.options.tracefs = Some(mount.to_string());
        self
    }

    /// The file, and the offset in it.
    #[inline]
    fn resolve(&self, system: &System) -> Result<(String, u64)> {
        let path = binary::find(system, &self.file, self.options.pid, self.root)?;
        if let Place::Offset(offset) = self.place
            && !binary::is_in_archive(&path)
        {
            return Ok((path, offset.wrapping_add(self.offset)));
        }
        let binary = Binary::open(system, &path)?;
        let dirs = &self.debug_dirs;
        let begin = match &self.place {
            Place::Function(name) => binary.function(name, &Search { system, dirs })?,
            Place::Address(address) => binary.offset_of(*address)?,
            Place::Offset(offset) => binary.moved(*offset),
        };
        Ok((binary.path().to_string(), begin.wrapping_add(self.offset)))
    }

    /// What it is, in words.
    #[inline]
    fn hook(&self) -> String {
        let kind = match self.options.on_return {
            true => "return of ",
            false => "",
        };
        let more = match self.offset {
            0 => String::new(),
            offset => format!("+{offset:#x}"),
        };
        let place = match &self.place {
            Place::Function(name) => format!("function {name}"),
            Place::Offset(offset) => format!("offset {offset:#x}"),
            Place::Address(address) => format!("address {address:#x}"),
        };
        format!("{kind}{place}{more} in {}", self.file)
    }
}

impl Hook for Uprobe {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let hook = self.hook();
        if self.ref_counter > u64::from(u32::MAX) {
            let what = format!("{hook}: a counter beyond the first 4 GiB of the file");
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let (path, offset) = self.resolve(program.system()).context(&hook)?;
        let place = (path.as_str(), offset, self.ref_counter);
        let link = probe::attach_in_file(program, place, &self.options, hook.clone());
        link.map_err(|error| {
            let why = error.errno().map_or("", why);
            error.context(format_args!("{hook}{why}"))
        })
    }
}

/// What a refusal of the kernel means here.
#[inline]
fn why(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOENT => " (there is no such file)",
        Errno::EINVAL => " (the file has no such place, or no instruction that can be probed)",
        Errno::ESRCH => " (there is no such process)",
        _ => "",
    }
}
