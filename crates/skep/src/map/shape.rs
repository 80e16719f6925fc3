//! What a map is to be, completed as libbpf does, beside what the kernel says that one is.

use crate::system::System;
use crate::{MapType, Result};
use alloc::string::String;
use core::fmt::Write;
use skep_codec::object::MapSpec;
use skep_codec::uapi::flags;
use skep_sys::bpf::MapInfo;

/// The parts of a map's definition that the kernel reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) map_type: MapType,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    pub(crate) map_extra: u64,
}

impl Shape {
    /// What a map of this definition is in this kernel.
    pub(crate) fn of(system: &System, spec: &MapSpec) -> Result<Self> {
        let ring = is_ring(spec.map_type);
        let max_entries = match spec.map_type {
            _ if ring => ring_size(spec.max_entries, system.page_size() as u32),
            MapType::PERF_EVENT_ARRAY if spec.max_entries == 0 => system.possible_cpus()?,
            _ => spec.max_entries,
        };
        let numa = spec.numa_node.map_or(0, |_| flags::NUMA_NODE);
        Ok(Self {
            map_type: spec.map_type,
            // A ring's records have a type for its readers; the kernel wants none.
            key_size: if ring { 0 } else { spec.key_size },
            value_size: if ring { 0 } else { spec.value_size },
            max_entries,
            map_flags: spec.map_flags | numa,
            map_extra: spec.map_extra,
        })
    }

    /// What the kernel says.
    pub(crate) fn reported(info: &MapInfo) -> Self {
        // The kernel adds this flag to device maps by itself.
        let own = match info.map_type {
            MapType::DEVMAP | MapType::DEVMAP_HASH => flags::RDONLY_PROG,
            _ => 0,
        };
        Self {
            map_type: info.map_type,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            map_flags: info.map_flags & !own,
            map_extra: info.map_extra,
        }
    }

    /// Each part in which a live map is not what is wanted, in words; empty where it fits.
    pub(crate) fn differences(&self, live: &Self) -> String {
        let mut text = self.type_differences(live);
        let parts = [
            (
                "max_entries",
                self.max_entries.into(),
                live.max_entries.into(),
            ),
            ("map_flags", self.map_flags.into(), live.map_flags.into()),
            ("map_extra", self.map_extra, live.map_extra),
        ];
        list(&mut text, &parts);
        text
    }

    /// [`Shape::differences`] in what programs are verified by: type and sizes.
    pub(crate) fn type_differences(&self, live: &Self) -> String {
        let mut text = String::new();
        if self.map_type != live.map_type {
            text = format!("type is {}, not {}", live.map_type, self.map_type);
        }
        let parts = [
            ("key_size", self.key_size.into(), live.key_size.into()),
            ("value_size", self.value_size.into(), live.value_size.into()),
        ];
        list(&mut text, &parts);
        text
    }
}

fn list(text: &mut String, parts: &[(&str, u64, u64)]) {
    for (name, want, have) in parts.iter().filter(|(_, want, have)| want != have) {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = match *name {
            "map_flags" => write!(text, "{separator}{name} is {have:#x}, not {want:#x}"),
            _ => write!(text, "{separator}{name} is {have}, not {want}"),
        };
    }
}

fn is_ring(map_type: MapType) -> bool {
    matches!(map_type, MapType::RINGBUF | MapType::USER_RINGBUF)
}

/// A ring's size: the least power of two of pages that holds what is asked for. Nothing asked for,
/// or more than there can be, is left for the kernel to refuse.
fn ring_size(wanted: u32, page: u32) -> u32 {
    match wanted {
        0 => 0,
        _ => wanted
            .max(page)
            .checked_next_power_of_two()
            .unwrap_or(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_powers_of_two_of_pages() {
        let sizes = [
            (0, 0),
            (1, 4096),
            (4096, 4096),
            (4097, 8192),
            (12288, 16384),
            (1 << 31, 1 << 31),
            ((1 << 31) + 1, (1 << 31) + 1),
            (u32::MAX, u32::MAX),
        ];
        for (wanted, size) in sizes {
            assert_eq!(ring_size(wanted, 4096), size, "{wanted}");
        }
        assert_eq!(ring_size(4096, 65536), 65536);
    }

    #[test]
    fn differences_are_named() {
        let want = Shape {
            map_type: MapType::ARRAY,
            key_size: 4,
            value_size: 8,
            max_entries: 16,
            map_flags: 0,
            map_extra: 0,
        };
        assert_eq!(want.differences(&want), "");
        let live = Shape {
            map_type: MapType::HASH,
            value_size: 4,
            max_entries: 17,
            ..want
        };
        let text = want.differences(&live);
        assert_eq!(
            text,
            "type is hash, not array, value_size is 4, not 8, max_entries is 17, not 16"
        );
        assert_eq!(
            want.type_differences(&live),
            "type is hash, not array, value_size is 4, not 8"
        );
    }
}
