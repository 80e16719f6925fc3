//! The kernel's symbols, addresses by name and names by address: one pass over `/proc/kallsyms`
//! for all of them.

use crate::error::Context;
use crate::system::System;
use crate::{Error, ErrorKind, Result};
#[cfg(feature = "asm")]
use alloc::string::String;
use alloc::vec;
use core::ffi::CStr;
use skep_codec::map::Map as Ordered;
use skep_codec::uapi::linux::O_RDONLY;
use skep_sys::file;

/// The list.
pub(crate) const PATH: &CStr = c"/proc/kallsyms";
/// Bytes read together; longer than any line.
const CHUNK: usize = 1 << 16;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// Nothing in this kernel.
    Missing,
    /// This address.
    At(u64),
    /// Several addresses, these among them.
    Several(u64, u64),
}

/// What these names stand for.
///
/// # Errors
/// If the list of symbols cannot be read.
pub(crate) fn symbols<'n>(system: &System, names: &[&'n str]) -> Result<Ordered<&'n [u8], Symbol>> {
    let mut wanted = Ordered::new();
    for name in names {
        wanted.insert(name.as_bytes(), Symbol::Missing);
    }
    each_line(system, PATH, &mut |line| note(line, &mut wanted))?;
    Ok(wanted)
}

/// Sets the names of what begins at these addresses: of several the first; empty stays what has
/// none.
///
/// # Errors
/// If the list of symbols cannot be read.
#[cfg(feature = "asm")]
pub(crate) fn names_at(system: &System, wanted: &mut [(u64, String)]) -> Result<()> {
    each_line(system, PATH, &mut |line| {
        let Some((address, _, name)) = parts(line) else {
            return;
        };
        let address = number(address);
        for (at, known) in wanted.iter_mut() {
            if Some(*at) == address && known.is_empty() {
                *known = String::from_utf8_lossy(name).into_owned();
            }
        }
    })
}

/// Hands on the name of every function.
///
/// # Errors
/// If the list of symbols cannot be read.
#[inline]
pub(crate) fn each_function(system: &System, take: &mut dyn FnMut(&[u8])) -> Result<()> {
    each_line(system, PATH, &mut |line| {
        if let Some((_, b"t" | b"T" | b"w" | b"W", name)) = parts(line) {
            take(name);
        }
    })
}

/// Hands on every line of a file, one of those that the kernel writes while they are read.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn each_line(system: &System, path: &CStr, take: &mut dyn FnMut(&[u8])) -> Result<()> {
    let what = format_args!("read {}", path.to_string_lossy());
    let fd = file::open(system.kernel(), path, O_RDONLY, 0).context(what)?;
    let mut buffer = vec![0; CHUNK];
    let mut kept = 0_usize;
    loop {
        let room = buffer.get_mut(kept..).unwrap_or_default();
        if room.is_empty() {
            let what = format!("a line of {} is too long", path.to_string_lossy());
            return Err(Error::new(ErrorKind::Corrupt, what));
        }
        let got = file::read(&fd, room).context(what)?;
        let end = kept.saturating_add(got);
        let bytes = buffer.get(..end).unwrap_or_default();
        let whole = match bytes.iter().rposition(|&byte| byte == b'\n') {
            Some(last) => last.saturating_add(1),
            None if got == 0 => end,
            None => 0,
        };
        for line in bytes
            .get(..whole)
            .unwrap_or_default()
            .split(|&b| b == b'\n')
        {
            take(line);
        }
        if got == 0 {
            return Ok(());
        }
        buffer.copy_within(whole..end, 0);
        kept = end.saturating_sub(whole);
    }
}

/// A line: address, letter of the kind, name, and a module behind a tab.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let (address, kind, rest) = (words.next()?, words.next()?, words.next()?);
    let name = rest.split(|&byte| byte == b'\t').next()?;
    Some((address, kind, name))
}

/// A line: the address, and letter of the kind, name, module without its brackets.
#[inline]
pub(crate) fn symbol(line: &[u8]) -> Option<(u64, [&[u8]; 3])> {
    let (address, kind, name) = parts(line)?;
    let module = line.split(|&byte| byte == b'\t').nth(1).unwrap_or_default();
    let module = module.strip_prefix(b"[").unwrap_or(module);
    let module = module.strip_suffix(b"]").unwrap_or(module);
    Some((number(address)?, [kind, name, module]))
}

fn number(address: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(address).ok()?;
    u64::from_str_radix(text, 16).ok()
}

/// Notes the address of a line whose name is wanted.
fn note(line: &[u8], wanted: &mut Ordered<&[u8], Symbol>) {
    let Some((address, kind, name)) = parts(line) else {
        return;
    };
    let Some(symbol) = wanted.get_mut(essential(kind, name)) else {
        return;
    };
    let Some(address) = number(address) else {
        return;
    };
    *symbol = match *symbol {
        Symbol::Missing => Symbol::At(address),
        Symbol::At(first) if first != address => Symbol::Several(first, address),
        same => same,
    };
}

/// A static variable's name without what the linker of LLVM puts after it.
fn essential<'l>(kind: &[u8], name: &'l [u8]) -> &'l [u8] {
    const LLVM: &[u8] = b".llvm.";
    if kind != b"d" {
        return name;
    }
    let at = name.windows(LLVM.len()).position(|part| part == LLVM);
    at.and_then(|at| name.get(..at)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whole_and_twice() {
        let lines = [
            "ffffffff81000000 T _text",
            "ffffffff81000010 t twice",
            "ffffffff81000020 t twice",
            "ffffffff81000030 d table.llvm.123",
            "ffffffff81000040 t code.llvm.123",
            "ffffffffc0000000 t in_module\t[module]",
            "0000000000000000 A zero",
            "not a line",
            "",
        ];
        let names = [
            "_text",
            "twice",
            "table",
            "code",
            "in_module",
            "zero",
            "_tex",
            "line",
        ];
        let mut wanted = names
            .iter()
            .map(|name| (name.as_bytes(), Symbol::Missing))
            .collect();
        for line in lines {
            note(line.as_bytes(), &mut wanted);
        }
        let found = names.map(|name| *wanted.get(name.as_bytes()).unwrap());
        let expected = [
            Symbol::At(0xffff_ffff_8100_0000),
            Symbol::Several(0xffff_ffff_8100_0010, 0xffff_ffff_8100_0020),
            Symbol::At(0xffff_ffff_8100_0030),
            Symbol::Missing,
            Symbol::At(0xffff_ffff_c000_0000),
            Symbol::At(0),
            Symbol::Missing,
            Symbol::Missing,
        ];
        assert_eq!(found, expected);
    }
}
