//! A full ring buffer drained again and again; included by every engine's worker, so that all are
//! measured by the same code.
//!
//! Worker protocol: `ring-ENGINE DIR word|copy COUNT` over a pinned map `events` and the pinned
//! program `fill`; one line, `median_ns best_ns records`: CPU time of the draining thread for a
//! record, over the drains.

use std::ffi::CString;

#[cfg(target_arch = "x86_64")]
const SYS_BPF: i64 = 321;
#[cfg(not(target_arch = "x86_64"))]
const SYS_BPF: i64 = 280;
const OBJ_GET: i64 = 7;
const TEST_RUN: i64 = 10;
const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
/// The longest record.
#[allow(dead_code)]
pub const LONGEST: usize = 1024;

unsafe extern "C" {
    fn syscall(number: i64, ...) -> i64;
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

fn bpf<T>(cmd: i64, attr: &mut T) -> i64 {
    // SAFETY: both commands read and write `attr` and buffers in it, alive during the call.
    let answer = unsafe { syscall(SYS_BPF, cmd, std::ptr::from_mut(attr), size_of::<T>()) };
    assert!(
        answer >= 0,
        "bpf({cmd}): {}",
        std::io::Error::last_os_error()
    );
    answer
}

/// The descriptor of what is pinned here.
pub fn pinned(path: &str) -> i32 {
    let path = CString::new(path).unwrap();
    let mut attr = [path.as_ptr() as u64, 0];
    bpf(OBJ_GET, &mut attr) as i32
}

#[repr(C)]
#[derive(Default)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    rest: [u32; 9],
}

/// Runs the program until the ring is full.
fn fill(program: i32) {
    let packet = [0_u8; 64];
    bpf(
        TEST_RUN,
        &mut TestRun {
            prog_fd: program as u32,
            data_size_in: packet.len() as u32,
            data_in: packet.as_ptr() as u64,
            repeat: 64,
            ..TestRun::default()
        },
    );
}

fn now_ns() -> i64 {
    let mut time = [0; 2];
    // SAFETY: `time` is a `struct timespec`.
    assert_eq!(
        unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mut time) },
        0
    );
    time[0] * 1_000_000_000 + time[1]
}

/// Fills and drains, and prints what a record costs. `open` gets the path of the map and whether
/// records are copied whole or only their first word is read; what it gives back drains the ring
/// and says how many records there were.
pub fn run<D: FnMut() -> u64>(open: impl FnOnce(&str, bool) -> D) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, work, count] = &args[..] else {
        panic!("usage: ring-ENGINE DIR word|copy COUNT");
    };
    let program = pinned(&format!("{dir}/fill"));
    let mut drain = open(&format!("{dir}/events"), work == "copy");
    drain();
    let mut records = 0;
    let mut each: Vec<f64> = (0..count.parse().expect("a count"))
        .map(|_| {
            fill(program);
            let before = now_ns();
            records = drain();
            let took = now_ns() - before;
            assert!(records > 1000, "{records} records");
            took as f64 / records as f64
        })
        .collect();
    each.sort_by(f64::total_cmp);
    println!("{} {} {records}", each[each.len() / 2], each[0]);
}
