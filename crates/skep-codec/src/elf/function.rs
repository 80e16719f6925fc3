//! Functions of programs and libraries, by name.

use super::image::{Image, Place, ReadAt};
use crate::Result;
use crate::bytes::{Endian, Reader, c_str};
use crate::error::bail;
use alloc::vec::Vec;
use elf::abi;

/// A function of a program or library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function<'a> {
    /// Its name; in a table for the debugger with its version (`name@VERSION`).
    pub name: &'a str,
    /// Its address, as the file has it.
    pub address: u64,
    /// Its length in bytes; 0 where it is not told.
    pub len: u64,
    /// Whether its binding is `STB_WEAK`.
    pub weak: bool,
    /// Its version (`VER_NDX_*` or an index in the definitions), where the table tells versions.
    pub version: u16,
    /// Whether another version is meant by the name alone.
    pub hidden: bool,
}

/// What `.gnu.version` says of a symbol that is hidden.
const HIDDEN: u16 = 0x8000;
/// How many definitions of versions are looked at.
const VERSIONS: usize = 1 << 12;
/// How much of a table of symbols and its names all names may be together, in its sizes.
const NAMES: usize = 32;

impl Image {
    /// The address of the function of this name, which may have a version behind it: `name@VERSION`,
    /// or `name@@VERSION` for a default one.
    ///
    /// # Errors
    /// `NotFound`: there is none; `Ambiguous`: several are called so, and none is weak.
    #[doc(alias = "elf_find_func_offset")]
    #[inline]
    pub fn function(&self, name: &str, read: ReadAt<'_>) -> Result<u64> {
        let (plain, version) = match name.split_once('@') {
            Some((plain, version)) => (plain, Some(version.strip_prefix('@').unwrap_or(version))),
            None => (name, None),
        };
        for table in [abi::SHT_DYNSYM, abi::SHT_SYMTAB] {
            let dynamic = table == abi::SHT_DYNSYM;
            let wanted = match version {
                Some(version) if dynamic => match self.version(version, read)? {
                    Some(index) => Some(index),
                    None => continue,
                },
                _ => None,
            };
            let mut best: Option<(Rank, u64)> = None;
            let mut clash = None;
            self.each_function(table, read, &mut |function| {
                let fits = match version {
                    Some(_) if !dynamic => function.name == name,
                    _ => function.name.split('@').next() == Some(plain),
                };
                if !fits || wanted.is_some_and(|wanted| wanted != function.version) {
                    return;
                }
                let rank = Rank::of(function);
                match best {
                    Some((known, address)) if known == rank && address != function.address => {
                        clash = Some((rank, address, function.address));
                    }
                    Some((known, _)) if known >= rank => {}
                    _ => best = Some((rank, function.address)),
                }
            })?;
            match (best, clash) {
                (Some((Rank::Plain, _)), Some((Rank::Plain, one, other))) => {
                    bail!(Ambiguous, "`{name}` is at {one:#x} and at {other:#x}");
                }
                (Some((_, address)), _) => return Ok(address),
                (None, _) => {}
            }
        }
        bail!(NotFound, "no function `{name}`");
    }

    /// Every function that is defined, of one table of symbols: `SHT_DYNSYM` or `SHT_SYMTAB`.
    ///
    /// # Errors
    /// What does not hold together in the table.
    #[inline]
    pub fn each_function(
        &self,
        table: u32,
        read: ReadAt<'_>,
        take: &mut dyn FnMut(&Function<'_>),
    ) -> Result<()> {
        let Some(place) = self.of_kind(table) else {
            return Ok(());
        };
        let symbols = place.bytes(read)?;
        let Some(texts) = self.sections.get(place.link as usize) else {
            bail!(Malformed, "symbols without names");
        };
        let texts = texts.bytes(read)?;
        let versions = match self.of_kind(abi::SHT_GNU_VERSYM) {
            Some(place) if table == abi::SHT_DYNSYM => place.bytes(read)?,
            _ => Vec::new(),
        };
        let size = if self.is_64 { 24 } else { 16 };
        // Names may overlap, but not to make a small file's reading long.
        let room = texts.len().saturating_add(symbols.len());
        let mut room = room.saturating_mul(NAMES);
        for (index, entry) in symbols.chunks_exact(size).enumerate() {
            let Some((name, info, section, address, bytes)) = self.symbol(entry) else {
                continue;
            };
            let defined = section != abi::SHN_UNDEF && usize::from(section) < self.sections.len();
            if info & 0xf != abi::STT_FUNC || !defined {
                continue;
            }
            let rest = texts.get(name as usize..).unwrap_or_default();
            let name = c_str(rest);
            let len = name.as_ref().map_or(rest.len(), |name| name.len());
            let Some(left) = room.checked_sub(len) else {
                bail!(TooLarge, "names of functions");
            };
            room = left;
            let Ok(name) = name else {
                continue;
            };
            let version = version_of(&versions, index, self.endian);
            take(&Function {
                name,
                address,
                len: bytes,
                weak: info >> 4 == abi::STB_WEAK,
                version: version & !HIDDEN,
                hidden: version & HIDDEN != 0,
            });
        }
        Ok(())
    }

    #[inline]
    fn of_kind(&self, kind: u32) -> Option<&Place> {
        self.sections.iter().find(|place| place.kind == kind)
    }

    /// Name, kind and binding, section, value, size of a symbol.
    #[inline]
    fn symbol(&self, entry: &[u8]) -> Option<(u32, u8, u16, u64, u64)> {
        let mut r = Reader::new(entry, self.endian);
        let name = r.u32().ok()?;
        if self.is_64 {
            let (info, _) = (r.u8().ok()?, r.u8().ok()?);
            let section = r.u16().ok()?;
            return Some((name, info, section, r.u64().ok()?, r.u64().ok()?));
        }
        let (value, len) = (r.u32().ok()?, r.u32().ok()?);
        let (info, _) = (r.u8().ok()?, r.u8().ok()?);
        Some((name, info, r.u16().ok()?, value.into(), len.into()))
    }

    /// The index of a version by its name, of `.gnu.version_d`.
    #[inline]
    fn version(&self, name: &str, read: ReadAt<'_>) -> Result<Option<u16>> {
        let Some(place) = self.of_kind(abi::SHT_GNU_VERDEF) else {
            return Ok(None);
        };
        let texts = match self.sections.get(place.link as usize) {
            Some(texts) => texts.bytes(read)?,
            None => return Ok(None),
        };
        let definitions = place.bytes(read)?;
        let mut rest = definitions.as_slice();
        for _ in 0..VERSIONS {
            let Some((index, text, next)) = definition(rest, self.endian) else {
                break;
            };
            if matches!(texts.get(text as usize..).map(c_str), Some(Ok(text)) if text == name) {
                return Ok(Some(index));
            }
            match rest.get(next as usize..) {
                Some(after) if next != 0 => rest = after,
                _ => break,
            }
        }
        Ok(None)
    }
}

/// How well a symbol fits a name without a version: the better the later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Hidden,
    Weak,
    Plain,
}

impl Rank {
    #[inline]
    fn of(function: &Function<'_>) -> Self {
        match (function.hidden, function.weak) {
            (true, _) => Self::Hidden,
            (_, true) => Self::Weak,
            _ => Self::Plain,
        }
    }
}

/// Index, name and distance to the next of a definition of a version (`Elf64_Verdef`, which is the
/// same in files of 32 bits).
#[inline]
fn definition(bytes: &[u8], endian: Endian) -> Option<(u16, u32, u32)> {
    let field = |at: usize| Some(Reader::new(bytes.get(at..)?, endian));
    let index = field(4)?.u16().ok()?;
    let mut links = field(12)?;
    let (names, next) = (links.u32().ok()?, links.u32().ok()?);
    let text = field(names as usize)?.u32().ok()?;
    Some((index, text, next))
}

/// What `.gnu.version` says of a symbol; 0 where there is none.
#[inline]
fn version_of(versions: &[u8], index: usize, endian: Endian) -> u16 {
    let (pairs, _) = versions.as_chunks::<2>();
    pairs.get(index).map_or(0, |pair| endian.u16(*pair))
}

#[cfg(test)]
mod tests;
