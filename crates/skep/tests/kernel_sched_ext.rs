//! A scheduler made of programs (sched_ext): in place while its link is. It schedules the whole
//! machine, so that it runs on emulated ones only.

mod common;

use common::{host, load, object, skip};
use std::fs;
use std::time::{Duration, Instant};

const STATE: &str = "/sys/kernel/sched_ext/state";
const NAME: &str = "/sys/kernel/sched_ext/root/ops";

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().into()
}

/// Waits until the kernel's state is this one.
fn becomes(state: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while text(STATE) != state {
        assert!(Instant::now() < end, "{} is not {state}", text(STATE));
        std::thread::yield_now();
    }
}

/// Whether this is a test machine: its first process is the one that runs the tests.
fn is_own_machine() -> bool {
    fs::read_to_string("/proc/1/cmdline").is_ok_and(|line| line.contains("/init"))
        && fs::metadata("/skep/tests").is_ok()
}

#[test]
fn a_scheduler_runs_while_its_link_is_there() {
    if fs::metadata(STATE).is_err() {
        skip!("no sched_ext in this kernel");
    }
    if !is_own_machine() {
        skip!("a scheduler is for machines that nobody else is on");
    }
    assert_eq!(text(STATE), "disabled");
    let mut spec = object!("scx");
    let mut target = spec.variable("target_tgid").unwrap();
    target.set(std::process::id()).unwrap();
    let object = load(&host(), &spec);
    let read = |name: &str| -> u64 { object.global(name).unwrap().read().unwrap() };
    let word = |name: &str| -> u32 { object.global(name).unwrap().read().unwrap() };
    let link = object.struct_ops_map("skep_scx").unwrap().attach().unwrap();
    becomes("enabled");
    assert!(text(NAME).starts_with("skep"), "{}", text(NAME));
    assert_eq!((word("begun"), word("ended")), (1, 0));
    let before = read("ours");
    let end = Instant::now() + Duration::from_secs(20);
    while read("ours") < before + 10 {
        assert!(Instant::now() < end, "{} of ours", read("ours"));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(read("ran") >= read("ours"));

    // There is one at a time.
    let other = load(&host(), &spec);
    let error = other.struct_ops_map("skep_scx").unwrap().attach();
    let error = error.unwrap_err();
    assert_eq!(error.errno(), Some(skep::Errno::EBUSY), "{error}");

    drop(link);
    becomes("disabled");
    let end = Instant::now() + Duration::from_secs(20);
    while word("ended") == 0 {
        assert!(Instant::now() < end);
        std::thread::yield_now();
    }
    let kind: i32 = object.global("ended_by").unwrap().read().unwrap();
    assert_eq!(kind, 64, "SCX_EXIT_UNREG");
    let ran = read("ran");
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(read("ran"), ran);
}
