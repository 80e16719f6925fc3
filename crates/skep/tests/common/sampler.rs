//! What tests of perf events share: the object, and a busy CPU.
#![allow(dead_code)]

use crate::common::{host, load, object, only};
use crate::sockets::{LONG, count};
use skep::link::{PerfEvent, SoftwareEvent};
use skep::{Link, Object};
use std::time::{Duration, Instant};

/// A clock of the calling thread, a sample each millisecond.
pub(crate) fn clock<'a>() -> PerfEvent<'a> {
    PerfEvent::software(SoftwareEvent::CpuClock).period(1_000_000)
}

/// The program of this name, which counts samples of this process as such.
pub(crate) fn sampler(name: &str, pid: u32) -> Object {
    let mut spec = only(object!("sampler"), &[name]);
    spec.variable("target_pid").unwrap().set(pid).unwrap();
    load(&host(), &spec)
}

pub(crate) fn ours(name: &str) -> Object {
    sampler(name, std::process::id())
}

pub(crate) fn samples(object: &Object) -> u64 {
    count(object, "samples")
}

/// Keeps a CPU busy until it is so; panics if that takes too long.
pub(crate) fn busy_until(what: &str, mut so: impl FnMut() -> bool) {
    let give_up = Instant::now() + LONG;
    while !so() {
        assert!(Instant::now() < give_up, "{what}");
        std::hint::black_box((0..20_000_u64).fold(1, |a, b| a ^ b.wrapping_mul(a)));
    }
}

/// Keeps a CPU busy for 20 samples' time.
pub(crate) fn busy() {
    let end = Instant::now() + Duration::from_millis(20);
    busy_until("the clock stands", || Instant::now() >= end);
}

/// Dropped, it samples no more; kernels may take a moment.
pub(crate) fn ends(link: Link, object: &Object) {
    drop(link);
    let counted = || samples(object) + count(object, "others");
    busy_until("it goes on", || {
        let before = counted();
        busy();
        counted() == before
    });
}

pub(crate) fn samples_come(object: &Object, hook: PerfEvent<'_>) -> Link {
    let link = object.programs()[0].attach_to(hook).unwrap();
    busy_until("no samples", || samples(object) >= 3);
    link
}
