//! Types that go into the kernel, without what it does not know.

use super::{Answer, Feature};
use crate::system::System;
use crate::{Error, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::btf::BtfFeatures;
use skep_sys::bpf::{self, Log};
use skep_sys::{CallError, Fd};

/// As much as every kernel takes for a log of types. What is not written takes no memory.
const LOG_LEN: usize = (16 << 20) - 1;

impl System {
    /// Loads types into the kernel as `encode` (mostly [`for_upload`]) writes them: whole, and
    /// where the kernel refuses that, once more without what it does not know. The kernel's answer
    /// is the inner one: a refusal tells what the kernel's log ends with.
    ///
    /// [`for_upload`]: skep_codec::btf::for_upload
    ///
    /// # Errors
    /// Those of `encode`, and of the token's file system.
    ///
    /// # Kernel
    /// `BPF_BTF_LOAD`, since Linux 4.18.
    pub fn load_btf(&self, encode: &dyn Fn(&BtfFeatures) -> Result<Vec<u8>>) -> Result<Result<Fd>> {
        let token = self.token()?;
        let load = |bytes: &[u8], log: Option<&mut Log<'_>>| {
            bpf::btf_load(self.kernel(), bytes, token, log)
        };
        match load(&encode(&BtfFeatures::ALL)?, None) {
            Err(error) if is_unknown(error.errno) && self.probe(Feature::Btf) != Answer::No => {}
            answer => return Ok(answer.map_err(Error::from)),
        }
        let bytes = encode(&known_to(self))?;
        let error = match load(&bytes, None) {
            Err(error) => error,
            Ok(fd) => return Ok(Ok(fd)),
        };
        Ok(Err(match reason(&|log| load(&bytes, Some(log))) {
            Some(reason) => Error::from(error).context(reason),
            None => error.into(),
        }))
    }
}

/// What the kernel's log says at its end, where it ends with the refusal.
#[cold]
fn reason(load: &dyn Fn(&mut Log<'_>) -> Result<Fd, CallError>) -> Option<String> {
    let mut buffer = Log::buffer(LOG_LEN)?;
    let mut log = Log::new(1, &mut buffer);
    match load(&mut log) {
        // Kernels before 6.4 keep the beginning of what is too long.
        Err(error) if is_unknown(error.errno) => {}
        _ => return None,
    }
    said(&String::from_utf8_lossy(log.text()))
}

/// The line that a log of types ends with, if it says what is wrong; that of a member with its type.
/// Some refusals are silent: then the last line describes the last type that was looked at.
fn said(log: &str) -> Option<String> {
    let mut lines = log.lines().rev().filter(|line| !line.trim().is_empty());
    let last = lines.next()?;
    if !has_reason(last) {
        return None;
    }
    let mut said = String::from(last.trim());
    if last.starts_with(char::is_whitespace) {
        let of = lines.find(|line| !line.starts_with(char::is_whitespace))?;
        said = format!("{of}: {said}");
    }
    Some(said)
}

/// Whether something follows what a line tells of a type (`[3] INT int size=4 bits_offset=0`), of a
/// member (`x type_id=3 bits_offset=0`) or of the header (`version: 1`).
fn has_reason(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut described = match words[..] {
        // With its kind.
        [_, "FWD", ..] => 4,
        _ if line.starts_with('[') => 3,
        [first, _, ..] if first.ends_with(':') => 2,
        _ => 0,
    };
    for (n, word) in words.iter().enumerate() {
        let field = word.contains('=') && !word.starts_with('!');
        // `args=(2 a, 3 b)`, `(anon)`
        if field || word.ends_with(')') {
            described = described.max(n + 1);
        }
    }
    words.len() > described
}

/// Whether this is how a kernel refuses types that it does not know.
pub(crate) fn is_unknown(errno: Errno) -> bool {
    matches!(errno, Errno::EINVAL | Errno::E2BIG | Errno::ENOTSUPP)
}

/// What this kernel's BTF knows. What could not be asked is taken for known.
fn known_to(system: &System) -> BtfFeatures {
    let has = |feature| system.probe(feature).is_usable();
    BtfFeatures {
        func: has(Feature::BtfFunc),
        func_global: has(Feature::BtfGlobalFunc),
        datasec: has(Feature::BtfDatasec),
        empty_datasec: has(Feature::BtfEmptyDatasec),
        qmark_datasec: has(Feature::BtfQmarkDatasec),
        float: has(Feature::BtfFloat),
        decl_tag: has(Feature::BtfDeclTag),
        type_tag: has(Feature::BtfTypeTag),
        enum64: has(Feature::BtfEnum64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: &str = "magic: 0xeb9f\nversion: 1\n[1] INT int size=4 bits_offset=0 nr_bits=32 \
        encoding=SIGNED\n[2] STRUCT pair size=8 vlen=2\n\ta type_id=1 bits_offset=0\n\
        \tb type_id=1 bits_offset=32\n";

    #[test]
    fn the_last_line_is_told_where_it_has_a_reason() {
        for reason in [
            "[3] INT char size=1 bits_offset=0 nr_bits=8 encoding=SIGNED CHAR Unsupported encoding",
            "[3] INT int meta_left:2 meta_needed:4",
            "[3] PTR (anon) type_id=1 Invalid name",
            "[3] FWD gone struct vlen != 0",
            "[3] FUNC_PROTO (anon) return=0 args=(1 a, 1 b) Invalid arg#1",
            "[3] VAR counter type_id=1 linkage=2 Linkage not supported",
            "Invalid string section",
        ] {
            assert_eq!(said(&format!("{TYPES}{reason}\n")).as_deref(), Some(reason));
        }
        let member = format!("{TYPES}\tc type_id=1 bits_offset=70 Invalid bits_offset\n\n");
        let told = "[2] STRUCT pair size=8 vlen=2: c type_id=1 bits_offset=70 Invalid bits_offset";
        assert_eq!(said(&member).as_deref(), Some(told));
    }

    #[test]
    fn a_silent_refusal_has_no_reason() {
        for last in [
            "",
            "\n",
            "[3] PTR (anon) type_id=1",
            "[3] FWD gone struct",
            "[3] FWD (anon) union",
            "[3] FUNC_PROTO (anon) return=0 args=(1 a, 1 b)",
            "[3] FUNC_PROTO (anon) return=0 args=(void)",
            "[3] DATASEC .bss size=4 vlen=1\n\t type_id=2 offset=0 size=4",
            "[3] ENUM color size=4 vlen=1\n\tRED val=0",
            "btf_total_size: 120",
        ] {
            assert_eq!(said(&format!("{TYPES}{last}")), None, "{last}");
        }
        assert_eq!(said(""), None);
    }
}
