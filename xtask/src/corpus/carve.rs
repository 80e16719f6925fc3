//! BPF objects inside other files.

use crate::Result;
use crate::cmd::{files_below, write};
use std::fs;
use std::ops::Range;
use std::path::Path;

/// `EM_BPF`.
const BPF: u16 = 247;
/// `SHT_NOBITS`: takes no room in the file.
const NOBITS: u32 = 8;

/// Writes every object inside the files below `from`, named by file and number.
pub(super) fn carve(from: &Path, to: &Path) -> Result<usize> {
    let mut count = 0;
    for file in files_below(from, "") {
        if file.is_symlink() || !file.is_file() {
            continue;
        }
        let bytes = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        for (number, place) in objects(&bytes).into_iter().enumerate() {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let object = to.join(format!("{name}-{number}.bpf.o"));
            write(&object, &bytes[place])?;
            count += 1;
        }
    }
    Ok(count)
}

/// Where there are little-endian BPF objects.
fn objects(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    let magic = b"\x7fELF\x02\x01";
    while let Some(next) = find(&bytes[at..], magic) {
        at += next;
        if let Some(end) = end(&bytes[at..]).filter(|end| *end <= bytes.len() - at) {
            found.push(at..at + end);
        }
        at += magic.len();
    }
    found
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Bytes of the BPF object that begins here; `None` if this is none.
fn end(bytes: &[u8]) -> Option<usize> {
    let half = |at| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let word = |at| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let long = |at| usize::try_from(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?)).ok();
    if half(18)? != BPF {
        return None;
    }
    let (table, size, count) = (long(40)?, half(58)? as usize, half(60)? as usize);
    let mut end = table.checked_add(size * count)?;
    for number in 0..count {
        let header = table.checked_add(number * size)?;
        if word(header + 4)? != NOBITS {
            end = end.max(long(header + 24)?.checked_add(long(header + 32)?)?);
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_in_their_place() {
        let object = fs::read(crate::cmd::root().join("testdata/xdp.bpf.el.o")).unwrap();
        let mut file = b"before\x7fELF\x02\x01 no object".to_vec();
        let first = file.len();
        file.extend(&object);
        file.extend(b"between");
        let second = file.len();
        file.extend(&object);
        let ranges = [first..first + object.len(), second..second + object.len()];
        assert_eq!(objects(&file), ranges);
        // Cut short: not there.
        assert_eq!(objects(&file[..file.len() - 1]), ranges[..1]);
    }
}
