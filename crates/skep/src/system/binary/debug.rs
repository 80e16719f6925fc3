//! Where the symbols are that files were stripped of: in other files, or packed in themselves.

use super::Binary;
use crate::error::Context;
use crate::system::mappings::process_dir;
use crate::system::{System, c_string};
use crate::{Errno, Error, ErrorKind, Result};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use skep_codec::crc32::Crc32;
use skep_codec::elf::{DebugLink, Image, ReadAt};
use skep_codec::text::joined;
use skep_sys::file;

/// Where distributions put them.
const DEBUG_DIR: &str = "/usr/lib/debug";
/// The section of an ELF file with symbols, packed by xz.
const PACKED: &str = ".gnu_debugdata";
/// Bytes that are read together for a checksum.
const CHUNK: usize = 1 << 20;

/// Where files with symbols are looked for.
pub(crate) struct Search<'a> {
    pub(crate) system: &'a System,
    /// In these directories; in [`DEBUG_DIR`], if there are none.
    pub(crate) dirs: &'a [String],
}

/// The symbols of a file that was stripped of them.
pub(super) enum Symbols {
    File(Box<Binary>),
    /// Unpacked out of the file itself.
    #[cfg(feature = "xz")]
    Unpacked(Box<Image>, Vec<u8>),
}

impl Symbols {
    /// Asks them.
    #[inline]
    pub(super) fn read<T>(
        &self,
        ask: impl FnOnce(&Image, ReadAt<'_>) -> skep_codec::Result<T>,
    ) -> Result<T> {
        match self {
            Self::File(file) => file.read(ask),
            #[cfg(feature = "xz")]
            Self::Unpacked(image, bytes) => {
                let answer = ask(image, &mut skep_codec::elf::in_memory(bytes));
                answer.context(format_args!("look in {PACKED}"))
            }
        }
    }
}

/// What a file has to be like.
struct Wanted {
    id: Option<Vec<u8>>,
    link: Option<DebugLink>,
}

impl Binary {
    /// Its symbols; `missing` says what they are looked for.
    #[inline]
    pub(super) fn symbols(&self, search: &Search<'_>, missing: &Error) -> Result<&Symbols> {
        let found = self.symbols.get_or_init(|| self.find_symbols(search));
        match found {
            Ok(symbols) => Ok(symbols),
            Err(error) => {
                let what = missing.to_string();
                Err(error.clone().explained(ErrorKind::NotFound, what))
            }
        }
    }

    #[inline]
    fn find_symbols(&self, search: &Search<'_>) -> Result<Symbols> {
        match self.find_debug_file(search) {
            Ok(file) => Ok(Symbols::File(Box::new(file))),
            Err(error) => self.packed().unwrap_or(Err(error)),
        }
    }

    /// The symbols that are packed in the file itself.
    #[cfg(feature = "xz")]
    #[inline]
    fn packed(&self) -> Option<Result<Symbols>> {
        /// More than any linker makes: bytes packed and unpacked.
        const MOST: (u64, usize) = (1 << 26, 1 << 28);
        let len = self.image.section(PACKED)?.len;
        let what = format_args!("unpack {PACKED} of {}", self.path);
        if len > MOST.0 {
            let large = format!("{len} bytes are too many");
            return Some(Err(Error::new(ErrorKind::Codec, large)).context(what));
        }
        let symbols = self.read(|image, read| {
            let packed = image
                .section(PACKED)
                .map(|place| read(place.offset, len as usize));
            let bytes = skep_codec::xz::unxz(&packed.unwrap_or_else(|| Ok(Vec::new()))?, MOST.1)?;
            let image = Image::open(&mut skep_codec::elf::in_memory(&bytes))?;
            Ok(Symbols::Unpacked(Box::new(image), bytes))
        });
        Some(symbols.context(what))
    }

    #[cfg(not(feature = "xz"))]
    #[inline]
    fn packed(&self) -> Option<Result<Symbols>> {
        self.image.section(PACKED)?;
        let what = format!(
            "{PACKED} has symbols of {}, and this library is built without its feature `xz`",
            self.path
        );
        Some(Err(Error::new(ErrorKind::Unsupported, what)))
    }

    #[inline]
    fn find_debug_file(&self, search: &Search<'_>) -> Result<Self> {
        let wanted = Wanted {
            id: self.read(|image, read| image.build_id(read))?,
            link: self.read(|image, read| image.debug_link(read))?,
        };
        let dirs = self.debug_dirs(search);
        let mut paths = by_id(&dirs, &wanted);
        if let Some(link) = &wanted.link {
            let named = self.by_link(search, &dirs, link);
            paths.extend(named.into_iter().map(|path| (path, Some(link.crc32))));
        }
        let mut refused = None;
        for (path, crc32) in paths {
            match self.candidate(search.system, &path, &wanted, crc32) {
                Ok(Some(file)) => return Ok(file),
                Ok(None) => {}
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| none(&dirs, &wanted)))
    }

    /// Directories of files with symbols: as the caller says, or where those are of the system that
    /// the file is of.
    #[inline]
    fn debug_dirs(&self, search: &Search<'_>) -> Vec<String> {
        match search.dirs {
            [] => alloc::vec![format!("{}{DEBUG_DIR}", self.root())],
            dirs => dirs.to_vec(),
        }
    }

    /// What a path begins with that goes by another process's root directory.
    #[inline]
    fn root(&self) -> &str {
        let rest = self.path.strip_prefix("/proc/").unwrap_or_default();
        let behind = rest.split_once('/').map_or("", |(_, rest)| rest);
        match behind.strip_prefix("root/") {
            Some(path) => {
                let len = self.path.len().saturating_sub(path.len());
                self.path.get(..len.saturating_sub(1)).unwrap_or_default()
            }
            None => "",
        }
    }

    /// Where a file lies that a link names: beside this one, below that, or as this one lies below
    /// the directories of such files.
    #[inline]
    fn by_link(&self, search: &Search<'_>, dirs: &[String], link: &DebugLink) -> Vec<String> {
        let mut own = Vec::new();
        own.extend(directory(&self.path));
        // A path through links may lead elsewhere than to where the file lies.
        if self.root().is_empty() {
            let path = format!("{}/fd/{}", process_dir(0), self.fd.raw());
            let path = c_string(&path).map(|path| file::read_link(search.system.kernel(), &path));
            let real = match &path {
                Ok(Ok(path)) => core::str::from_utf8(path).ok().and_then(directory),
                _ => None,
            };
            own.extend(real.filter(|real| !own.contains(real)));
        }
        let mut paths = Vec::new();
        for own in &own {
            paths.push(format!("{own}/{}", link.name));
            paths.push(format!("{own}/.debug/{}", link.name));
            let below = own.strip_prefix(self.root()).unwrap_or(own);
            for dir in dirs {
                paths.push(format!("{dir}{below}/{}", link.name));
            }
        }
        paths
    }

    /// The file of this path, if it has the symbols of this one; `None`, if it is not there.
    ///
    /// # Errors
    /// `Mismatch`, of the codec: it has another build id, or is not the file whose checksum was noted.
    #[inline]
    fn candidate(
        &self,
        system: &System,
        path: &str,
        wanted: &Wanted,
        crc32: Option<u32>,
    ) -> Result<Option<Self>> {
        let file = match Self::open(system, path) {
            Err(error) if matches!(error.errno(), Some(Errno::ENOENT | Errno::ENOTDIR)) => {
                return Ok(None);
            }
            answer => answer?,
        };
        let refuse = |what: String| {
            let what = format!("{path} is not the file with its symbols: {what}");
            Err(skep_codec::Error::new(skep_codec::ErrorKind::Mismatch, what).into())
        };
        if file.is_stripped() {
            return match file.inode()? == self.inode()? {
                true => Ok(None),
                false => refuse("it has none".to_string()),
            };
        }
        let id = file.read(|image, read| image.build_id(read))?;
        if id != wanted.id && (crc32.is_none() || id.is_some()) {
            let name = |id: &Option<Vec<u8>>| id.as_deref().map_or("none".to_string(), hex);
            let (id, wanted) = (name(&id), name(&wanted.id));
            return refuse(format!("its build id is {id}, and not {wanted}"));
        }
        if let Some(wanted) = crc32 {
            let found = file.checksum()?;
            if found != wanted {
                let what = format!("its CRC-32 is {found:#010x}, and not {wanted:#010x}");
                return refuse(what);
            }
        }
        Ok(Some(file))
    }

    /// The checksum of the whole file.
    #[inline]
    fn checksum(&self) -> Result<u32> {
        let mut crc = Crc32::new();
        let mut done = 0_u64;
        loop {
            let bytes = file::read_at(&self.fd, done, CHUNK);
            let bytes = bytes.context(format_args!("read {}", self.path))?;
            if bytes.is_empty() {
                return Ok(crc.value());
            }
            crc.add(&bytes);
            done = done.saturating_add(bytes.len() as u64);
        }
    }
}

/// The directory that a file is in, without a slash at its end.
#[inline]
fn directory(path: &str) -> Option<String> {
    path.rsplit_once('/').map(|(dir, _)| dir.to_string())
}

/// Where files are that are named by build ids.
#[inline]
fn by_id(dirs: &[String], wanted: &Wanted) -> Vec<(String, Option<u32>)> {
    let Some((first, rest)) = wanted.id.as_deref().and_then(|id| id.split_first()) else {
        return Vec::new();
    };
    let name = format!("{}/{}.debug", hex(&[*first]), hex(rest));
    let path = |dir: &String| (format!("{dir}/.build-id/{name}"), None);
    dirs.iter().map(path).collect()
}

#[inline]
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // A string takes all.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Nothing was there.
#[cold]
fn none(dirs: &[String], wanted: &Wanted) -> Error {
    let dirs = joined(dirs, ", ");
    let link = match &wanted.link {
        Some(link) => format!("nor {} that it names", link.name),
        None => "and it names none".to_string(),
    };
    let what = match wanted.id.as_deref() {
        Some(id) => format!(
            "it is stripped of its symbols, and there is no file with them: in {dirs} none of build id {}, {link}",
            hex(id)
        ),
        None => format!(
            "it is stripped of its symbols, and there is no file with them: it has no build id, {link} ({dirs})"
        ),
    };
    Error::new(ErrorKind::NotFound, what)
}
