//! Perf events that count: watched memory, units by name, counters that are read, buffers.

mod common;
#[path = "common/sampler.rs"]
mod sampler;
#[path = "common/sockets.rs"]
mod sockets;

use common::{host, need, skip};
use sampler::{busy, busy_until, clock, ends, ours, samples, samples_come};
use skep::link::{
    Breakpoint, CacheEvent, CacheOp, CacheResult, HardwareEvent, LinkMode, PerfEvent, SoftwareEvent,
};
use skep::sys::attr::PerfEventAttr;
use skep::sys::perf::{Wakeup, perf_event_read};
use skep::sys::poll::wait_readable;
use skep::sys::{Kernel, KernelRef, Mapping, file};
use skep::{Errno, ErrorKind, System};
use sockets::{count, program};
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

static WATCHED: AtomicU64 = AtomicU64::new(0);

#[test]
fn memory_is_watched() {
    let address = (&raw const WATCHED).expose_provenance() as u64;
    let watch = |on| PerfEvent::breakpoint(on, address, 8);
    let system = host();
    // What the machine says and what it does are not the same everywhere.
    let counted = match watch(Breakpoint::Write).open(&system) {
        Ok(event) => {
            WATCHED.store(7, Ordering::SeqCst);
            perf_event_read(&event).unwrap().value
        }
        Err(error) => {
            let errno = error.errno().unwrap();
            assert!(
                [
                    Errno::ENOENT,
                    Errno::EOPNOTSUPP,
                    Errno::ENODEV,
                    Errno::ENOSPC
                ]
                .contains(&errno),
                "{error}"
            );
            0
        }
    };
    if counted == 0 {
        skip!("this machine watches no memory");
    }
    let object = ours("sample");
    let link = program(&object, "sample")
        .attach_to(watch(Breakpoint::Write))
        .unwrap();
    for n in 1..=10 {
        WATCHED.store(n, Ordering::SeqCst);
        assert_eq!((samples(&object), count(&object, "address")), (n, address));
        assert_eq!(WATCHED.load(Ordering::SeqCst), n);
    }
    assert_eq!(samples(&object), 10, "reading is not writing");
    drop(link);
    WATCHED.store(11, Ordering::SeqCst);
    assert_eq!(samples(&object), 10);
    let error = PerfEvent::breakpoint(Breakpoint::Write, address, 3)
        .open(&system)
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
}

#[test]
fn a_unit_is_found_by_its_name() {
    let units = std::path::Path::new("/sys/bus/event_source/devices");
    if !units.join("software").exists() {
        skip!("sysfs has no units");
    }
    let object = ours("sample");
    let hook = PerfEvent::unit("software", SoftwareEvent::CpuClock as u64).period(1_000_000);
    let link = samples_come(&object, hook);
    assert_eq!(link.hook(), "event 0x0 of unit software");
    ends(link, &object);
    let none = PerfEvent::unit("no_such_unit", 0).period(1);
    let error = program(&object, "sample").attach_to(none).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(
        error.to_string().contains("no unit `no_such_unit`"),
        "{error}"
    );
}

#[test]
fn a_counter_is_read() {
    let event = PerfEvent::software(SoftwareEvent::TaskClock)
        .open(&host())
        .unwrap();
    busy();
    let first = perf_event_read(&event).unwrap();
    assert!(first.value > 0 && first.running_ns > 0, "{first:?}");
    assert!(first.enabled_ns >= first.running_ns, "{first:?}");
    busy();
    let second = perf_event_read(&event).unwrap();
    assert!(
        second.value > first.value && second.enabled_ns > first.enabled_ns,
        "{second:?}"
    );
    let object = ours("sample");
    let error = perf_event_read(program(&object, "sample").fd()).unwrap_err();
    assert_eq!(error.errno, Errno::EINVAL, "{error}");
}

/// `data_head` of `struct perf_event_mmap_page`.
const HEAD: usize = 1024;

/// An event of the caller's, whose buffer gets what the program lets through.
fn caller_opened(name: &str, mode: LinkMode) {
    let system = host();
    let object = ours(name);
    let event = clock().wakeup(Wakeup::Events(3)).open(&system).unwrap();
    // Readable and writable, shared: a page, and 16 of records.
    let buffer = Mapping::new(
        system.kernel(),
        17 * file::page_size(system.kernel()).unwrap(),
        3,
        1,
        Some(&event),
        0,
    )
    .unwrap();
    // SAFETY: within the mapping, which the kernel writes.
    let head = || unsafe {
        buffer
            .as_ptr()
            .wrapping_add(HEAD)
            .cast::<u64>()
            .read_volatile()
    };
    let link = program(&object, name)
        .attach_to(PerfEvent::on(&event).mode(mode))
        .unwrap();
    let readable = || wait_readable(&[&event], Some(0)).unwrap()[0];
    let before = head();
    if name == "record" {
        // What came before the program is forgotten.
        readable();
        busy_until("nobody is woken", readable);
        // Samples of which nothing is told but that they are, 8 bytes each.
        assert!(head() > before && head() >= 3 * 8, "{}", head());
    } else {
        busy_until("no samples", || samples(&object) >= 10);
        assert_eq!(head(), before);
    }
    drop(link);
    let (before, seen) = (perf_event_read(&event).unwrap(), samples(&object));
    busy();
    assert_eq!(samples(&object), seen);
    let after = perf_event_read(&event).unwrap();
    // The event is the caller's; without a link it had to be stopped.
    assert_eq!(after.value > before.value, mode == LinkMode::Link);
}

#[test]
fn a_program_goes_to_an_event_of_the_callers() {
    caller_opened("sample", LinkMode::Attach);
}

#[test]
fn a_program_goes_to_an_event_of_the_callers_by_a_link() {
    need!(LinkPerfEvent);
    caller_opened("sample", LinkMode::Link);
}

#[test]
fn a_reader_is_woken_after_so_many() {
    caller_opened("record", LinkMode::Attach);
}

/// What was asked for: the first words of the attribute, thread, CPU, flags.
type Asked = Arc<Mutex<Vec<(Vec<u64>, i32, i32, u64)>>>;

/// A kernel without events, which notes what it is asked for.
struct Noting(Asked, KernelRef);

// SAFETY: every method is the running kernel's, which keeps the contract, or answers an errno.
unsafe impl Kernel for Noting {
    unsafe fn openat(&self, dir_fd: c_int, path: &CStr, flags: c_int, mode: c_uint) -> isize {
        // SAFETY: the same call, with the caller's promise.
        unsafe { self.1.openat(dir_fd, path, flags, mode) }
    }

    unsafe fn read(&self, fd: c_int, buf: *mut c_void, len: usize) -> isize {
        // SAFETY: the same call, with the caller's promise.
        unsafe { self.1.read(fd, buf, len) }
    }

    unsafe fn close(&self, fd: c_int) -> isize {
        // SAFETY: the same call, with the caller's promise.
        unsafe { self.1.close(fd) }
    }

    unsafe fn perf_event_open(
        &self,
        attr: *mut c_void,
        pid: c_int,
        cpu: c_int,
        _: c_int,
        flags: u64,
    ) -> isize {
        // SAFETY: the caller's promise: a whole attribute.
        let words = unsafe { std::slice::from_raw_parts(attr.cast::<u64>(), 9) };
        self.0
            .lock()
            .unwrap()
            .push((words.to_vec(), pid, cpu, flags));
        -(Errno::ENOENT.raw() as isize)
    }
}

#[test]
fn events_are_asked_for_as_the_kernel_numbers_them() {
    let asked = Asked::default();
    let system = System::new(Arc::new(Noting(asked.clone(), host().kernel().clone()))).unwrap();
    let open = |hook: PerfEvent<'_>| {
        let error = hook.open(&system).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
        assert!(
            error.to_string().contains("this machine does not count it"),
            "{error}"
        );
        asked.lock().unwrap().pop().unwrap()
    };
    let kind = |words: &[u64]| {
        (
            words[0].to_ne_bytes()[..4]
                .try_into()
                .map(u32::from_ne_bytes)
                .unwrap(),
            words[1],
        )
    };
    let (words, pid, cpu, flags) = open(PerfEvent::hardware(HardwareEvent::BranchMisses).period(9));
    assert_eq!((kind(&words), words[2]), ((0, 5), 9));
    assert_eq!((pid, cpu, flags), (0, -1, 8));
    let cache = PerfEvent::cache(CacheEvent::Dtlb, CacheOp::Write, CacheResult::Miss);
    let (words, pid, cpu, _) = open(cache.frequency(99).cpu(3));
    assert_eq!((kind(&words), words[2]), ((3, 0x1_0103), 99));
    assert_eq!((pid, cpu), (-1, 3));
    assert_eq!(words[5], PerfEventAttr::flag(PerfEventAttr::FREQ));
    let raw = PerfEvent::raw(0x1c2)
        .more_config(7, 8)
        .pid(12)
        .cpu(1)
        .inherited();
    let (words, pid, cpu, _) = open(raw.wakeup(Wakeup::Bytes(512)));
    assert_eq!((kind(&words), words[7], words[8]), ((4, 0x1c2), 7, 8));
    assert_eq!((pid, cpu), (12, 1));
    let flags =
        PerfEventAttr::flag(PerfEventAttr::INHERIT) | PerfEventAttr::flag(PerfEventAttr::WATERMARK);
    assert_eq!(words[5], flags);
    let (words, ..) = open(PerfEvent::breakpoint(Breakpoint::Execute, 0x1234, 8));
    assert_eq!(
        (kind(&words), words[2], words[7], words[8]),
        ((5, 0), 1, 0x1234, 8)
    );
    let pair: [u8; 8] = words[6].to_ne_bytes();
    assert_eq!(pair[4..], 4_u32.to_ne_bytes(), "HW_BREAKPOINT_X");
}
