//! What a library asks of the kernel: both go through the C library's `syscall`, which is ours.
//!
//! Of each `BPF_PROG_LOAD` the request is kept before the kernel sees it, so that programs can be
//! compared which this kernel refuses, and in more than the tag covers: offsets into data, function
//! and line records, the maps and what is in them.

use crate::row::Load;
use libc::{c_int, c_long};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::Mutex;

const PROG_LOAD: c_long = 5;
const INFO_BY_FD: c_long = 15;
const LOOKUP: c_long = 1;
/// `BPF_LD | BPF_IMM | BPF_DW`.
const LD_IMM64: u8 = 0x18;
const CALL: u8 = 0x85;

static LOADS: Mutex<Vec<Load>> = Mutex::new(Vec::new());

/// What was loaded since the last call.
pub fn take() -> Vec<Load> {
    std::mem::take(&mut LOADS.lock().unwrap())
}

/// The C library's function, for libbpf and for skep's table of C functions.
///
/// # Safety
/// As the system call asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number != libc::SYS_bpf || a != PROG_LOAD {
        // SAFETY: the caller's promise.
        return answer(unsafe { raw(number, [a, b, c, d, e, f]) });
    }
    let mut attr = [0; 160];
    let size = (c as usize).min(attr.len());
    // SAFETY: bpf(2) takes `c` bytes at `b`.
    unsafe { std::ptr::copy_nonoverlapping(b as *const u8, attr.as_mut_ptr(), size) };
    // SAFETY: the library filled the request for the kernel to read.
    let mut load = unsafe { request(&attr) };
    // SAFETY: the caller's promise.
    let got = unsafe { raw(number, [a, b, c, d, e, f]) };
    load.answer = got as i32;
    if got >= 0 {
        let info = info(got as c_int);
        load.tag = info[8..16].iter().map(|b| format!("{b:02x}")).collect();
    }
    LOADS.lock().unwrap().push(load);
    answer(got)
}

fn answer(got: c_long) -> c_long {
    if !(-4095..0).contains(&got) {
        return got;
    }
    // SAFETY: this thread's own.
    unsafe { *libc::__errno_location() = -got as c_int };
    -1
}

/// # Safety
/// As the system call asks.
unsafe fn raw(number: c_long, args: [c_long; 6]) -> c_long {
    let got;
    // SAFETY: the caller's promise; the kernel clobbers what is named.
    unsafe {
        std::arch::asm!("syscall", inlateout("rax") number => got, in("rdi") args[0],
            in("rsi") args[1], in("rdx") args[2], in("r10") args[3], in("r8") args[4],
            in("r9") args[5], lateout("rcx") _, lateout("r11") _);
    }
    got
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// # Safety
/// The pointers in `attr` are those of a program load.
unsafe fn request(attr: &[u8; 160]) -> Load {
    let bytes = |pointer: usize, len: usize| match u64_at(attr, pointer) {
        0 => &[],
        // SAFETY: the caller's promise.
        address => unsafe { std::slice::from_raw_parts(address as *const u8, len) },
    };
    let insns = bytes(8, u32_at(attr, 4) as usize * 8);
    let mut maps = BTreeMap::new();
    let insns = without_descriptors(insns, &mut maps);
    let license = match u64_at(attr, 16) {
        0 => String::new(),
        // SAFETY: a C string, by the caller's promise.
        text => unsafe { CStr::from_ptr(text as *const _) }
            .to_string_lossy()
            .into_owned(),
    };
    let name = attr[48..64].split(|b| *b == 0).next().unwrap_or_default();
    let records = |size: usize, at: usize, count: usize, words: &[usize]| {
        let (size, count) = (u32_at(attr, size) as usize, u32_at(attr, count) as usize);
        let all = bytes(at, size * count).chunks_exact(size.max(1));
        all.map(|record| words.iter().map(|w| u32_at(record, w * 4)).collect())
            .collect::<Vec<Vec<u32>>>()
    };
    Load {
        name: String::from_utf8_lossy(name).into_owned(),
        prog_type: u32_at(attr, 0),
        attach_type: u32_at(attr, 68),
        attach_btf_id: u32_at(attr, 108),
        attach_to_fd: u32_at(attr, 112) != 0,
        flags: u32_at(attr, 44),
        license,
        insns,
        maps: maps.into_values().collect(),
        has_btf: u32_at(attr, 72) != 0,
        funcs: records(76, 80, 88, &[0, 1]),
        // Offsets of strings may differ.
        lines: records(92, 96, 104, &[0, 3]),
        ..Load::default()
    }
}

/// Instructions in which a map's descriptor is a number made of its name, and the
/// descriptor of a module's BTF is 1.
fn without_descriptors(bytes: &[u8], maps: &mut BTreeMap<c_int, String>) -> Vec<u64> {
    let mut insns: Vec<u64> = bytes.chunks_exact(8).map(|insn| u64_at(insn, 0)).collect();
    let mut at = 0;
    while at < insns.len() {
        let (code, source) = (insns[at] as u8, (insns[at] >> 12) as u8 & 0xf);
        let low = insns[at] & 0xffff_ffff;
        if code == LD_IMM64 && at + 1 < insns.len() {
            let fd = (insns[at] >> 32) as c_int;
            match source {
                1 | 2 => {
                    let what = maps.entry(fd).or_insert_with(|| describe(fd));
                    let name = what.split(' ').next().unwrap_or_default();
                    insns[at] = low | (hash(name.as_bytes()) & 0x7fff_ffff) << 32;
                }
                3 if insns[at + 1] >> 32 != 0 => {
                    insns[at + 1] = insns[at + 1] & 0xffff_ffff | 1 << 32;
                }
                _ => {}
            }
            at += 1;
        } else if code == CALL && source == 2 && low >> 16 != 0 {
            // A place in the array of descriptors of modules.
            insns[at] = insns[at] & !0xffff_0000 | 1 << 16;
        }
        at += 1;
    }
    insns
}

/// `BPF_OBJ_GET_INFO_BY_FD` of a program or map.
fn info(fd: c_int) -> [u8; 256] {
    let mut info = [0_u8; 256];
    let mut attr = [0_u8; 16];
    attr[..4].copy_from_slice(&fd.to_ne_bytes());
    attr[4..8].copy_from_slice(&(info.len() as u32).to_ne_bytes());
    attr[8..].copy_from_slice(&(info.as_mut_ptr() as u64).to_ne_bytes());
    let args = [INFO_BY_FD, attr.as_mut_ptr() as c_long, 16, 0, 0, 0];
    // SAFETY: `info` is as long as the request says.
    unsafe { raw(libc::SYS_bpf, args) };
    info
}

/// A map in words: name, type, sizes, flags, types, contents of data.
fn describe(fd: c_int) -> String {
    let info = info(fd);
    let word = |at| u32_at(&info, at);
    let name = info[24..40].split(|b| *b == 0).next().unwrap_or_default();
    let mut text = format!(
        "{} type {} key {} value {} entries {} flags {:#x} key-type {} value-type {} kernel-type {} extra {}",
        String::from_utf8_lossy(name),
        word(0),
        word(8),
        word(12),
        word(16),
        word(20),
        word(68),
        word(72),
        word(44),
        u64_at(&info, 80),
    );
    // An array of one: data.
    if word(0) == 2 && word(16) == 1 {
        let mut value = vec![0_u8; (word(12) as usize).next_multiple_of(8)];
        let key = 0_u32;
        let mut attr = [0_u8; 32];
        attr[..4].copy_from_slice(&fd.to_ne_bytes());
        attr[8..16].copy_from_slice(&(&raw const key as u64).to_ne_bytes());
        attr[16..24].copy_from_slice(&(value.as_mut_ptr() as u64).to_ne_bytes());
        let args = [LOOKUP, attr.as_mut_ptr() as c_long, 32, 0, 0, 0];
        // SAFETY: key and value are of the sizes that the kernel told.
        let got = unsafe { raw(libc::SYS_bpf, args) };
        for word in value.chunks_exact_mut(8) {
            // A pointer of the kernel: an empty list's head to itself.
            if word[7] == 0xff && word[..7] != [0xff; 7] {
                word.copy_from_slice(&1_u64.to_ne_bytes());
            }
        }
        text.push_str(&format!(" lookup {got} data {:016x}", hash(&value)));
    }
    text
}

/// FNV-1a.
pub fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
