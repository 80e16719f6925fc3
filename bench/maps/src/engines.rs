//! The maps, and bare system calls on them.

use skep::map::{Map, MapParams};
use skep::{MapType, System};
use std::os::fd::AsRawFd;

pub const ENTRIES: u64 = 1_000_000;

/// `struct` of `BPF_MAP_*_ELEM`.
#[repr(C)]
struct Elem {
    fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// `struct` of `BPF_MAP_*_BATCH`.
#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    fd: u32,
    elem_flags: u64,
    flags: u64,
}

fn bpf<T>(cmd: i64, attr: &mut T) -> i64 {
    // SAFETY: `attr` is this command's, and its pointers are of live values of this file's callers.
    unsafe { libc::syscall(libc::SYS_bpf, cmd, std::ptr::from_mut(attr), size_of::<T>()) }
}

fn elem<K, V>(cmd: i64, fd: i32, key: *const K, value: *mut V) -> bool {
    let mut attr = Elem {
        fd: fd as u32,
        pad: 0,
        key: key as u64,
        value: value as u64,
        flags: 0,
    };
    bpf(cmd, &mut attr) == 0
}

pub fn lookup<K, V>(fd: i32, key: &K, value: &mut V) -> bool {
    elem(1, fd, key, value)
}

pub fn update(fd: i32, key: &u64, value: &mut u64) -> bool {
    elem(2, fd, key, value)
}

pub fn delete(fd: i32, key: &u64) -> bool {
    elem(3, fd, key, std::ptr::null_mut::<u64>())
}

pub fn next_key(fd: i32, key: Option<&u64>, next: &mut u64) -> bool {
    elem(
        4,
        fd,
        key.map_or(std::ptr::null(), std::ptr::from_ref),
        next,
    )
}

/// A batch of 4096; how many there were, and whether it was the last.
pub fn batch(
    cmd: i64,
    fd: i32,
    cursor: Option<&mut u64>,
    keys: &mut [u64],
    values: &mut [u64],
    first: bool,
) -> (usize, bool) {
    let cursor = cursor.map_or(0, |c| std::ptr::from_mut(c) as u64);
    let mut attr = Batch {
        in_batch: if first { 0 } else { cursor },
        out_batch: cursor,
        keys: keys.as_ptr() as u64,
        values: values.as_ptr() as u64,
        count: keys.len() as u32,
        fd: fd as u32,
        elem_flags: 0,
        flags: 0,
    };
    let done = bpf(cmd, &mut attr);
    (attr.count as usize, done != 0)
}

pub fn hash(system: &System, entries: u64, map_flags: u32) -> Map {
    let params = MapParams {
        map_type: MapType::HASH,
        key_size: 8,
        value_size: 8,
        max_entries: entries as u32,
        map_flags,
        name: "bench",
        ..MapParams::default()
    };
    Map::create(system, &params).expect("a hash")
}

pub fn array(system: &System, map_type: MapType, map_flags: u32) -> Map {
    let params = MapParams {
        map_type,
        key_size: 4,
        value_size: 8,
        max_entries: 16,
        map_flags,
        name: "bench",
        ..MapParams::default()
    };
    Map::create(system, &params).expect("an array")
}

pub fn raw(map: &Map) -> i32 {
    map.fd().as_raw_fd()
}
