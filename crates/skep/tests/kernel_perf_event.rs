//! Programs of perf events.

mod common;
#[path = "common/sampler.rs"]
mod sampler;
#[path = "common/sockets.rs"]
mod sockets;

use common::{Cgroup, host, load, need, object, own_cgroup, skip};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use sampler::{busy, busy_until, clock, ends, ours, sampler, samples, samples_come};
use skep::link::{LinkKind, LinkMode, PerfEvent, SoftwareEvent};
use skep::sys::Mapping;
use skep::{Errno, ErrorKind};
use sockets::{count, program};
use std::io::Write;
use std::process::{Child, Command, Stdio};

fn clock_samples(mode: LinkMode) {
    let object = ours("sample");
    let link = samples_come(&object, clock().mode(mode));
    assert_eq!(link.is_bpf_link(), mode == LinkMode::Link);
    assert_eq!(link.hook(), "software event CpuClock");
    assert_eq!(
        (count(&object, "others"), count(&object, "period")),
        (0, 1_000_000)
    );
    ends(link, &object);
}

#[test]
fn a_clock_samples_by_a_link() {
    need!(LinkPerfEvent);
    clock_samples(LinkMode::Link);
}

#[test]
fn a_clock_samples_without_a_link() {
    clock_samples(LinkMode::Attach);
}

#[test]
fn a_clock_samples_so_often_a_second() {
    let object = ours("sample");
    let link = samples_come(
        &object,
        PerfEvent::software(SoftwareEvent::TaskClock).frequency(500),
    );
    assert_eq!(count(&object, "others"), 0);
    ends(link, &object);
}

#[test]
fn page_faults_are_seen_each() {
    let object = ours("sample");
    let hook = PerfEvent::software(SoftwareEvent::PageFaults).period(1);
    let _link = program(&object, "sample").attach_to(hook).unwrap();
    let before = samples(&object);
    let system = host();
    let bytes = 64 * 4096;
    let memory = Mapping::new(system.kernel(), bytes, 3, 0x22, None, 0).unwrap();
    for page in 0..64 {
        // SAFETY: within the mapping, which is ours alone.
        unsafe { memory.as_ptr().wrapping_add(page * 4096).write_volatile(1) };
    }
    assert!(samples(&object) - before >= 64, "{}", samples(&object));
}

#[test]
fn the_kernel_tells_the_event() {
    need!(LinkPerfEvent);
    let object = ours("tell");
    let link = samples_come(&object, clock().cookie(0x1234_5678_9abc));
    assert_eq!(count(&object, "cookie"), 0x1234_5678_9abc);
    drop(link);
    let hook = PerfEvent::software(SoftwareEvent::PageFaults)
        .period(1)
        .cookie(77);
    let link = program(&object, "tell").attach_to(hook).unwrap();
    match link.info().unwrap().kind {
        // Kernels before 6.6 do not tell, those before 6.9 no cookies.
        LinkKind::Event {
            kind,
            config,
            cookie,
        } => {
            assert!(matches!((kind, config), (1, 2) | (0, 0)), "{kind} {config}");
            assert!(matches!(cookie, 0 | 77), "{cookie}");
        }
        other => assert_eq!(other, LinkKind::Unknown),
    }
    let error = program(&object, "tell")
        .attach_to(clock().cookie(1).mode(LinkMode::Attach))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

/// A process that is busy once it is told, and ends with its owner.
struct Busy(Child);

impl Busy {
    fn new() -> Self {
        let script = "read line; while :; do :; done";
        let child = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    fn start(&mut self) {
        self.0.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn another_process_is_sampled() {
    let mut child = Busy::new();
    let object = sampler("sample", child.0.id());
    let link = program(&object, "sample")
        .attach_to(clock().pid(child.0.id()))
        .unwrap();
    child.start();
    busy_until("no samples", || samples(&object) >= 3);
    assert_eq!(count(&object, "others"), 0);
    ends(link, &object);
}

/// Runs a process that counts to 20000, to its end.
fn run_child() {
    let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
    assert!(
        Command::new("sh")
            .args(["-c", script])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn what_is_made_later_is_sampled_if_asked() {
    let object = ours("sample");
    let link = program(&object, "sample").attach_to(clock()).unwrap();
    run_child();
    assert_eq!(count(&object, "others"), 0);
    ends(link, &object);
    let link = program(&object, "sample")
        .attach_to(clock().inherited())
        .unwrap();
    busy_until("no samples", || {
        run_child();
        count(&object, "others") > 0
    });
    drop(link);
}

/// Keeps this thread, and what it makes, on one CPU: which.
fn pinned() -> u32 {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).unwrap();
    let cpu = (0..CpuSet::count())
        .rfind(|&cpu| allowed.is_set(cpu).unwrap())
        .unwrap();
    let mut set = CpuSet::new();
    set.set(cpu).unwrap();
    sched_setaffinity(this, &set).unwrap();
    cpu as u32
}

#[test]
fn all_of_a_cpu_is_sampled() {
    let cpu = pinned();
    let object = ours("sample");
    let link = samples_come(&object, clock().cpu(cpu));
    drop(link);
    let object = ours("sample");
    let link = samples_come(&object, clock().pid(0).cpu(cpu));
    assert_eq!(count(&object, "others"), 0);
    ends(link, &object);
}

#[test]
fn a_cgroup_is_sampled() {
    let Some(group) = own_cgroup() else {
        skip!("no cgroup2 to make one in");
    };
    let cpu = pinned();
    let child = Busy::new();
    // Dropped in this order: the process ends before the cgroup goes.
    let (mut child, group): (Busy, Cgroup) = (child, group);
    let fd = sockets::fd(&host(), &group.open());
    let object = sampler("sample", child.0.id());
    let hook = || clock().cgroup(&fd);
    let error = program(&object, "sample").attach_to(hook()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let link = match program(&object, "sample").attach_to(hook().cpu(cpu)) {
        Err(error) if matches!(error.errno(), Some(Errno::EBADF | Errno::ENOENT)) => {
            assert!(
                error.to_string().contains("do not know the cgroup"),
                "{error}"
            );
            skip!("perf events know no cgroups of version 2 here: {error}");
        }
        link => link.unwrap(),
    };
    std::fs::write(
        format!("{}/cgroup.procs", group.0),
        child.0.id().to_string(),
    )
    .unwrap();
    // We are busy outside of it; the child may still be beginning.
    busy();
    assert_eq!(count(&object, "others"), 0);
    let before = samples(&object);
    child.start();
    busy_until("no samples", || samples(&object) >= before + 3);
    assert_eq!(count(&object, "others"), 0);
    ends(link, &object);
    drop(child);
    drop(group);
}

#[test]
fn what_no_event_is_is_told() {
    let object = ours("sample");
    let sample = program(&object, "sample");
    let refused = |hook: PerfEvent<'_>| sample.attach_to(hook).unwrap_err();
    let error = refused(PerfEvent::software(SoftwareEvent::CpuClock));
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(
        error.to_string().contains("without a period or frequency"),
        "{error}"
    );
    let error = refused(clock().frequency(1_000_000_000));
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(
        error.to_string().contains("perf_event_max_sample_rate"),
        "{error}"
    );
    let error = refused(clock().cpu(1 << 20));
    assert!(
        matches!(error.errno(), Some(Errno::EINVAL | Errno::ENODEV)),
        "{error}"
    );
    let mut child = Busy::new();
    let pid = child.0.id();
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    let error = refused(clock().pid(pid));
    assert_eq!(error.errno(), Some(Errno::ESRCH), "{error}");
    assert!(
        error.to_string().contains("there is no such thread"),
        "{error}"
    );
    let xdp = load(&host(), &object!("xdp"));
    let error = program(&xdp, "pass").attach_to(clock()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(error.to_string().contains("of type xdp"), "{error}");
    let error = sample.attach().unwrap_err();
    assert!(error.to_string().contains("link::PerfEvent"), "{error}");
}
