//! Which CPUs there are.

use super::read_file;
use crate::{CallError, KernelRef, Result};
use alloc::vec::Vec;
use core::ffi::CStr;
use core::ops::RangeInclusive;
use skep_codec::Errno;

/// More CPUs than any kernel has.
const LIMIT: u32 = 1 << 16;

/// CPUs that could ever be online, by what the kernel's files say. Buffers are not made by it: see
/// [`CpuCount`](crate::bpf::CpuCount).
#[derive(Clone, Debug)]
pub struct PossibleCpus(Vec<RangeInclusive<u32>>);

impl PossibleCpus {
    /// How many.
    pub fn count(&self) -> u32 {
        count(&self.0)
    }

    /// Their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().cloned().flatten()
    }
}

fn count(ranges: &[RangeInclusive<u32>]) -> u32 {
    ranges
        .iter()
        .map(|r| r.end().saturating_sub(*r.start()).saturating_add(1))
        .fold(0, u32::saturating_add)
}

/// Asks which CPUs could ever be online.
///
/// # Kernel
/// `/sys/devices/system/cpu/possible`.
pub fn possible_cpus(kernel: &KernelRef) -> Result<PossibleCpus> {
    let ranges = read_list(kernel, c"/sys/devices/system/cpu/possible")?;
    Ok(PossibleCpus(ranges))
}

/// The CPUs that are online, ascending.
///
/// # Kernel
/// `/sys/devices/system/cpu/online`.
pub fn online_cpus(kernel: &KernelRef) -> Result<Vec<u32>> {
    let ranges = read_list(kernel, c"/sys/devices/system/cpu/online")?;
    Ok(ranges.into_iter().flatten().collect())
}

fn read_list(kernel: &KernelRef, path: &CStr) -> Result<Vec<RangeInclusive<u32>>> {
    let text = read_file(kernel, path, 1 << 16)?;
    parse_cpu_list(&text).ok_or(CallError::new("read", Errno::EBADMSG))
}

/// Ranges of a list such as `0-3,5`, ascending and apart; `None` for anything else, and for
/// none at all.
pub fn parse_cpu_list(text: &[u8]) -> Option<Vec<RangeInclusive<u32>>> {
    let text = core::str::from_utf8(text).ok()?.trim_ascii();
    let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        let after_previous = ranges.last().is_none_or(|r| *r.end() < first);
        if first > last || !after_previous {
            return None;
        }
        ranges.push(first..=last);
    }
    Some(ranges)
}

/// Digits only, below the limit.
fn number(text: &str) -> Option<u32> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|&n| n < LIMIT)
}

#[cfg(test)]
mod tests {
    use super::{count, parse_cpu_list};
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn lists_that_kernels_write() {
        for (text, want) in [
            ("0\n", vec![0]),
            ("0-1\n", vec![0, 1]),
            ("0-2,5,7-8\n", vec![0, 1, 2, 5, 7, 8]),
            ("3", vec![3]),
        ] {
            let ranges = parse_cpu_list(text.as_bytes()).unwrap();
            assert_eq!(count(&ranges), want.len() as u32);
            let cpus: Vec<u32> = ranges.into_iter().flatten().collect();
            assert_eq!(cpus, want);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "\n",
            "-",
            "1-",
            "-1",
            "2-1",
            "0,0",
            "0-3,2",
            "a",
            "0-4294967295",
            "1,",
            "+1",
            "0 -1",
            "65536",
            "0-3,5-\u{ff}",
        ] {
            assert_eq!(parse_cpu_list(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_cpu_list(b"\xff\xfe"), None);
        assert_eq!(count(&parse_cpu_list(b"0-65535").unwrap()), 65536);
    }
}
