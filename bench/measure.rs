//! What an operation costs this process; included by every engine's worker, so that all are
//! measured by the same code and no engine pays for a crate it does not need.
//!
//! Worker protocol: one line, `wall_ns user_ns system_ns peak_kib private_kib`, times per
//! operation, memory as growth over the state before the first operation.

use std::time::{Duration, Instant};

#[repr(C)]
#[derive(Default)]
struct Rusage {
    user: [i64; 2],
    system: [i64; 2],
    rest: [i64; 14],
}

unsafe extern "C" {
    fn getrusage(who: i32, usage: *mut Rusage) -> i32;
}

/// User and system time of this process so far.
fn cpu() -> (Duration, Duration) {
    let mut usage = Rusage::default();
    // SAFETY: `usage` is as large as the C structure (16 longs and two times).
    assert_eq!(unsafe { getrusage(0, &mut usage) }, 0, "getrusage");
    let time = |t: [i64; 2]| Duration::new(t[0] as u64, t[1] as u32 * 1000);
    (time(usage.user), time(usage.system))
}

/// The number in the line of `file` that begins with `key`, in KiB.
fn kib(file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(file).expect(file);
    let lines = text.lines().filter_map(|line| line.strip_prefix(key));
    lines
        .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

/// Peak RSS (from here on: the kernel's mark is reset) and private memory.
fn memory() -> (u64, u64) {
    let rollup = "/proc/self/smaps_rollup";
    let private = kib(rollup, "Private_Clean:") + kib(rollup, "Private_Dirty:");
    (kib("/proc/self/status", "VmHWM:"), private)
}

/// Runs `operation` `count` times, each result dropped before the next, and prints what it cost.
pub fn run<T>(count: u32, mut operation: impl FnMut() -> T) {
    // Reading the files once makes the buffers that reading them costs.
    memory();
    std::fs::write("/proc/self/clear_refs", "5").expect("resetting the peak");
    let before = memory();
    let cpu_before = cpu();
    let begun = Instant::now();
    let mut kept: Option<T> = None;
    for _ in 0..count {
        drop(kept.take());
        kept = Some(operation());
    }
    let wall = begun.elapsed();
    let cpu_after = cpu();
    let after = memory();
    drop(kept);
    let each = |time: Duration| time.as_nanos() / u128::from(count);
    println!(
        "{} {} {} {} {}",
        each(wall),
        each(cpu_after.0 - cpu_before.0),
        each(cpu_after.1 - cpu_before.1),
        after.0.saturating_sub(before.0),
        after.1.saturating_sub(before.1),
    );
}

/// The cases of many objects, whose paths `file` has, a line each: `open` opens one after the other,
/// `opens` prints those that can be opened. `one` says whether it could.
pub fn open_all(case: &str, file: &str, count: u32, one: impl Fn(&str) -> bool) {
    let text = std::fs::read_to_string(file).expect(file);
    let opened = || text.lines().filter(|path| one(path));
    match case {
        "opens" => opened().for_each(|path| println!("{path}")),
        _ => run(count, || opened().count()),
    }
}

/// The worker's arguments: what to do, with what, how often.
pub fn arguments() -> (String, String, u32) {
    let mut args = std::env::args().skip(1);
    let mut next = || {
        args.next()
            .expect("usage: work-ENGINE load|warm|btf|open|... WHAT COUNT")
    };
    let (case, what) = (next(), next());
    let count = next().parse().expect("a count");
    (case, what, count)
}
