//! Every system call of a whole application made to fail, one after the other: an error comes
//! back each time, and nothing is left behind.

mod common;

use common::{getpgid, object, only_us};
use skep::codec::uapi::bpf::Cmd;
use skep::ring::Woken;
use skep::sys::watch::{Fault, Trace};
use skep::{Errno, ObjectSpec, System};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// The tests count descriptors of the whole process: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// load + attach + read + detach; how many records it read.
fn application(system: &System, spec: &ObjectSpec) -> skep::Result<usize> {
    let object = spec.load(system)?;
    let links = object.attach_all()?;
    let mut ring = object.ring("events")?;
    getpgid(0);
    let mut records = 0;
    while records == 0 && ring.wait(Some(Duration::from_secs(5)))? == Woken::Ready {
        while ring.next()?.is_some() {
            records += 1;
        }
    }
    object.global("hits")?.read::<u64>()?;
    drop(links);
    Ok(records)
}

/// What this process holds: open descriptors, and the ids of its programs, maps and links.
#[derive(Debug, PartialEq)]
struct Held {
    descriptors: usize,
    programs: usize,
    maps: usize,
    links: usize,
}

/// Descriptors from `/proc/self/fd`; kernel objects by name, for other tests run beside this.
fn held(system: &System) -> Held {
    let programs = system.programs().unwrap();
    let programs: Vec<u32> = programs
        .iter()
        .filter(|p| p.name == ours())
        .map(|p| p.id)
        .collect();
    let maps = system.maps().unwrap();
    let links = system.links().unwrap();
    Held {
        descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        programs: programs.len(),
        maps: maps.iter().filter(|m| m.name.starts_with(&ours())).count(),
        links: links
            .iter()
            .filter(|l| programs.contains(&l.prog_id))
            .count(),
    }
}

/// The kernel's name of what this process loads: so that it counts nobody else's.
fn ours() -> String {
    format!("sf{}", std::process::id())
}

fn spec(mut spec: ObjectSpec) -> ObjectSpec {
    only_us(&mut spec);
    for program in &mut spec.programs {
        program.name = ours();
    }
    for (number, map) in spec.maps.iter_mut().enumerate() {
        if map.name != "events" {
            map.name = format!("{}_{number}", ours());
        }
    }
    spec
}

/// Waits for what the kernel frees a little later than it is let go.
fn settles_to(system: &System, before: &Held) -> Held {
    let mut now = held(system);
    for _ in 0..100 {
        if now == *before {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        now = held(system);
    }
    now
}

/// Fails call 1, 2, 3, ... of `run` with this errno until a run has no such call any more.
/// Returns how many calls failed, and how many of those runs went well all the same.
fn fail_each(errno: Errno, run: impl Fn(&System) -> skep::Result<usize>) -> (u64, u64) {
    let host = common::host();
    // So that kernels before 5.11 need not try twice; newer ones do not look at the limit.
    let _ = skep::sys::process::raise_memlock(host.kernel());
    let before = held(&host);
    let (mut nth, mut survived) = (0, 0);
    // Before Linux 6.16 kernel BTF is read a page at a time: over a thousand calls alike, of
    // which every hundredth is enough.
    let (mut reads, mut step) = (0, 1);
    loop {
        nth += step;
        let trace = Trace::new(host.kernel().clone());
        let fault = Fault::nth(trace.clone(), nth, errno);
        let answer = System::new(fault.clone()).and_then(|system| run(&system));
        let hit = fault.hit();
        drop(fault);
        assert_eq!(
            trace.open_fds(),
            0,
            "descriptors after call {nth} ({hit:?}) failed"
        );
        assert_eq!(
            trace.open_mappings(),
            0,
            "mappings after call {nth} ({hit:?}) failed"
        );
        reads = if hit.is_some_and(|call| call == "read") {
            reads + 1
        } else {
            0
        };
        if reads == 0 && step > 1 {
            // Past the last of them: back, and on by one.
            nth -= step;
            step = 1;
            continue;
        }
        step = if reads > 50 { 100 } else { 1 };
        match (hit, answer) {
            (None, answer) => {
                assert!(answer.unwrap() > 0, "the run without a fault reads records");
                assert_eq!(settles_to(&host, &before), before, "after {errno}");
                return (nth - 1, survived);
            }
            (Some(call), Ok(_)) => {
                println!("call {nth}, {call}: survived {errno}");
                survived += 1;
            }
            (Some(_), Err(error)) => {
                assert!(error.to_string().contains(errno.name().unwrap()), "{error}")
            }
        }
        assert!(nth < 5000, "it ends");
    }
}

#[test]
fn every_call_may_fail_and_says_so() {
    let _alone = alone();
    let spec = spec(object!("rawtp"));
    // No kernel means "I do not know this" by EIO: nothing may be tried another way.
    let (calls, survived) = fail_each(Errno::EIO, |system| application(system, &spec));
    assert!(calls >= 10, "{calls} calls");
    assert_eq!(survived, 0);
}

/// A load's calls in order: what each is, and the error that it ended with, if any.
fn record(spec: &ObjectSpec) -> Vec<String> {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let noted = calls.clone();
    let trace = Trace::with(common::host().kernel().clone(), move |call| {
        let name = call.cmd.map_or(call.name.into(), |cmd| cmd.to_string());
        let error = if call.answer < 0 { call.answer } else { 0 };
        noted.lock().unwrap().push(format!("{name} {error}"));
    });
    let system = System::new(trace.clone()).unwrap();
    drop(spec.load(&system).unwrap());
    drop(system);
    assert_eq!((trace.open_fds(), trace.open_mappings()), (0, 0));
    let calls = calls.lock().unwrap().clone();
    let of = |name: &str| calls.iter().filter(|call| call.starts_with(name)).count() as u64;
    assert_eq!(of("close "), trace.count("close"));
    assert_eq!(of("prog_load "), trace.count_cmd(Cmd::PROG_LOAD));
    calls
}

#[test]
fn two_loads_are_the_same_calls() {
    let _alone = alone();
    let _ = skep::sys::process::raise_memlock(common::host().kernel());
    let spec = object!("rawtp");
    let first = record(&spec);
    assert_eq!(record(&spec), first);
    let loads = first.iter().filter(|call| *call == "prog_load 0").count();
    let maps = first.iter().filter(|call| *call == "map_create 0").count();
    assert!(loads >= 1 && maps >= spec.maps.len(), "{first:?}");
}

#[test]
fn nothing_leaks_where_another_way_is_tried() {
    let _alone = alone();
    let spec = spec(object!("rawtp"));
    for errno in [Errno::EINVAL, Errno::EPERM, Errno::ENOMEM, Errno::EMFILE] {
        let (calls, _) = fail_each(errno, |system| application(system, &spec));
        assert!(calls >= 10, "{calls} calls");
    }
}

#[test]
fn core_relocated_programs_fail_cleanly_too() {
    let _alone = alone();
    if common::host().kernel_btf().is_err() {
        common::skip!("this kernel has no BTF");
    }
    let spec = spec(object!("tpbtf"));
    let (calls, survived) = fail_each(Errno::EIO, |system| application(system, &spec));
    assert!(calls >= 10, "{calls} calls");
    assert_eq!(survived, 0);
}

#[test]
fn a_load_that_fails_anywhere_leaves_no_pin() {
    let _alone = alone();
    let options = skep::LoadOptions {
        pin_root: format!("{}/skep", common::own_bpffs()),
        ..Default::default()
    };
    let pin = std::path::PathBuf::from(format!("{}/pinned_count", options.pin_root));
    let spec = object!("pinned");
    let (calls, survived) = fail_each(Errno::EIO, |system| {
        let loaded = spec.load_with(system, &options);
        assert_eq!(pin.exists(), loaded.is_ok());
        let object = loaded?;
        std::fs::remove_file(&pin).unwrap();
        Ok(object.maps().len())
    });
    assert!(calls >= 6, "{calls} calls");
    assert_eq!(survived, 0);
}

#[test]
fn arenas_fail_cleanly_too() {
    let _alone = alone();
    let spec = object!("arena");
    if let Err(error) = spec.load(&common::host()) {
        common::skip!("no arenas: {error}");
    }
    let (calls, survived) = fail_each(Errno::EIO, |system| {
        let object = spec.load(system)?;
        Ok(object.global("counter")?.read::<u64>()? as usize)
    });
    assert!(calls >= 8, "{calls} calls");
    assert_eq!(survived, 0);
}

#[test]
fn user_rings_fail_cleanly_too() {
    let _alone = alone();
    let spec = object!("userring");
    if let Err(error) = spec.load(&common::host()) {
        common::skip!("no user ring buffers: {error}");
    }
    let (calls, survived) = fail_each(Errno::EIO, |system| {
        let object = spec.load(system)?;
        let mut ring = object.user_ring("messages")?;
        ring.send(&[0; 4000])?;
        let short = Duration::from_millis(1);
        match ring.reserve_wait(1000, Some(short)).map(drop) {
            Err(error) if error.kind() == skep::ErrorKind::Full => Ok(1),
            answer => answer.map(|()| 0),
        }
    });
    assert!(calls >= 8, "{calls} calls");
    assert_eq!(survived, 0);
}

#[test]
fn a_decorated_kernel_is_closed_through_itself() {
    let _alone = alone();
    let trace = Trace::new(common::host().kernel().clone());
    let system = System::new(trace.clone()).unwrap();
    let spec = spec(object!("rawtp"));
    assert!(application(&system, &spec).unwrap() > 0);
    assert!(trace.count("bpf") >= 5 && trace.count("mmap") >= 2);
    assert_eq!((trace.open_fds(), trace.open_mappings()), (0, 0));
    drop(system);
    assert_eq!(
        Arc::strong_count(&trace),
        1,
        "nothing holds the kernel any more"
    );
}

/// Samples through a stream, a wait in vain, the newest of a history; how many samples.
fn stream(system: &System, spec: &ObjectSpec) -> skep::Result<usize> {
    let object = spec.load(system)?;
    let perf = skep::MapType::PERF_EVENT_ARRAY;
    let map = object.maps().iter().find(|map| map.map_type() == perf);
    let map = map.expect("the array");
    let run = skep::prog::TestRun {
        data: &[0; 64],
        repeat: 3,
        ..Default::default()
    };
    let mut events = skep::Events::new(system)?;
    let id = events.add(skep::ring::PerfBuffer::open(map)?)?;
    object.programs()[0].test_run(&run)?;
    events.end_in(Duration::from_millis(1))?;
    while events.next()?.is_some() {}
    while events.try_next()?.is_some() {}
    events.stopper().stop()?;
    let mut count = events.stats(id).map_or(0, |stats| stats.events as usize);
    events.remove(id)?;
    let mut history = skep::ring::PerfHistory::open(map, 1)?;
    object.programs()[0].test_run(&run)?;
    for cpu in history.snapshot()? {
        count += cpu.samples.len();
    }
    Ok(count / 6)
}

#[test]
fn perf_buffers_and_streams_fail_cleanly_too() {
    let _alone = alone();
    let mut spec = object!("perf");
    for program in &mut spec.programs {
        program.name = ours();
    }
    let (calls, survived) = fail_each(Errno::EIO, |system| stream(system, &spec));
    assert!(calls >= 20, "{calls} calls");
    assert_eq!(survived, 0);
    for errno in [Errno::EINVAL, Errno::EPERM, Errno::ENOMEM, Errno::EMFILE] {
        fail_each(errno, |system| stream(system, &spec));
    }
}
