//! Children and what they cost.

use std::mem::MaybeUninit;
use std::process::Command;
use std::time::{Duration, Instant};

/// What a child cost.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub wall: Duration,
    pub user: Duration,
    pub system: Duration,
}

/// What a worker printed; times per operation.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    pub wall_us: f64,
    pub user_us: f64,
    pub system_us: f64,
    pub peak_kib: f64,
    pub private_kib: f64,
}

/// Runs a worker (see `measure.rs`) in a process of its own.
pub fn worker(command: &mut Command) -> Sample {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    let [wall, user, system, peak_kib, private_kib] = numbers[..] else {
        panic!("{command:?} said {text:?}");
    };
    Sample {
        wall_us: wall / 1e3,
        user_us: user / 1e3,
        system_us: system / 1e3,
        peak_kib,
        private_kib,
    }
}

/// Runs `command` to its end; the CPU time is that of the child and of its children.
pub fn timed(command: &mut Command) -> Cost {
    let before = children();
    let begun = Instant::now();
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let wall = begun.elapsed();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    let after = children();
    Cost {
        wall,
        user: after.0 - before.0,
        system: after.1 - before.1,
    }
}

/// User and system time of all children waited for so far.
fn children() -> (Duration, Duration) {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel fills the structure, which is valid when all zero besides.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    (time(usage.ru_utime), time(usage.ru_stime))
}
