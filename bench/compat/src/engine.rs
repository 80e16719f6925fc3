//! The children: each program of an object by itself, with one library.

pub mod libbpf;
pub mod skep;

use crate::row::{Line, Load};
use libbpf_sys as sys;
use std::ffi::CString;
use std::ptr::null;

/// The environment variable that names a file of types to relocate by.
pub const TYPES: &str = "COMPAT_BTF";

/// How many entries a map gets whose size the object leaves to its loader; none if a map of this
/// type may have no size.
fn entries(map_type: u32) -> Option<u32> {
    let page = 4096;
    match map_type {
        sys::BPF_MAP_TYPE_RINGBUF | sys::BPF_MAP_TYPE_USER_RINGBUF => Some(page),
        sys::BPF_MAP_TYPE_HASH
        | sys::BPF_MAP_TYPE_ARRAY
        | sys::BPF_MAP_TYPE_PROG_ARRAY
        | sys::BPF_MAP_TYPE_PERCPU_HASH
        | sys::BPF_MAP_TYPE_PERCPU_ARRAY
        | sys::BPF_MAP_TYPE_LRU_HASH
        | sys::BPF_MAP_TYPE_LRU_PERCPU_HASH
        | sys::BPF_MAP_TYPE_LPM_TRIE
        | sys::BPF_MAP_TYPE_ARRAY_OF_MAPS
        | sys::BPF_MAP_TYPE_HASH_OF_MAPS
        | sys::BPF_MAP_TYPE_DEVMAP
        | sys::BPF_MAP_TYPE_DEVMAP_HASH
        | sys::BPF_MAP_TYPE_CPUMAP
        | sys::BPF_MAP_TYPE_XSKMAP
        | sys::BPF_MAP_TYPE_SOCKMAP
        | sys::BPF_MAP_TYPE_SOCKHASH
        | sys::BPF_MAP_TYPE_QUEUE
        | sys::BPF_MAP_TYPE_STACK => Some(1),
        _ => None,
    }
}

/// Prints a line for the parent.
fn tell(line: &Line) {
    println!("{}", serde_json::to_string(line).unwrap());
}

/// A network and mounts of this process's own; `/sys/fs/bpf` is an empty file system.
pub fn isolate() {
    // SAFETY: no pointers; a child of a single thread.
    let made = unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWNET) };
    assert_eq!(made, 0, "unshare: {}", std::io::Error::last_os_error());
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: constant strings.
    unsafe { libc::mount(null(), c"/".as_ptr(), null(), flags, null()) };
    fresh_bpffs();
}

/// Forgets what was pinned.
fn fresh_bpffs() {
    let place = c"/sys/fs/bpf".as_ptr();
    // SAFETY: constant strings; in mounts of our own.
    unsafe {
        while libc::umount2(place, libc::MNT_DETACH) == 0 {}
        libc::mount(c"bpf".as_ptr(), place, c"bpf".as_ptr(), 0, null());
    }
}

/// The request for the program of this name (names are cut to 15 bytes) and, where there are
/// several, of this many instruction slots.
fn request_of(mut of_it: Vec<Load>, name: &str, slots: Option<usize>) -> Option<Load> {
    let short = &name.as_bytes()[..name.len().min(15)];
    of_it.retain(|load| load.name.as_bytes() == short);
    if let Some(slots) = slots
        && of_it.iter().any(|load| load.insns.len() == slots)
    {
        of_it.retain(|load| load.insns.len() == slots);
    }
    // One that went well counts: libraries may ask again for a log.
    match of_it.iter().position(|load| load.answer >= 0) {
        Some(good) => Some(of_it.swap_remove(good)),
        None => of_it.pop(),
    }
}

fn c_string(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}
