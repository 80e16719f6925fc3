//! A kernel from outside: this crate fills a table of functions with the C library's, and a
//! whole load, attachment and reading of events goes through it.

mod common;

use common::{first_record, load, object, only_us, skip};
use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use skep::System;
use skep::codec::uapi::bpf::Helper;
use skep::probe::Answer;
use skep::sys::SysVTable;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// The context of the table: commands of bpf(2) and how often each was asked for, and how many
/// descriptors were closed.
#[derive(Default)]
struct Counts {
    cmds: Mutex<BTreeMap<c_int, u64>>,
    closed: Mutex<u64>,
}

/// -1 and `errno` as the kernel's convention.
fn ret(answer: isize) -> isize {
    if answer == -1 {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap();
        -(errno as isize)
    } else {
        answer
    }
}

// SAFETY of the functions below: they hand their arguments to the C library's function of the
// same name, for which the caller of the table vouches.

unsafe extern "C" fn bpf(
    context: *mut c_void,
    cmd: c_int,
    attr: *mut c_void,
    size: c_uint,
) -> isize {
    // SAFETY: the context of every table here is a `Counts` that outlives it.
    let counts = unsafe { &*context.cast::<Counts>() };
    *counts.cmds.lock().unwrap().entry(cmd).or_default() += 1;
    // SAFETY: see above.
    ret(unsafe { libc::syscall(libc::SYS_bpf, cmd, attr, size) } as isize)
}

unsafe extern "C" fn openat(
    _: *mut c_void,
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> isize {
    // SAFETY: see above.
    ret(unsafe { libc::openat(dir, path, flags, mode) } as isize)
}

unsafe extern "C" fn close(context: *mut c_void, fd: c_int) -> isize {
    // SAFETY: as in `bpf`.
    let counts = unsafe { &*context.cast::<Counts>() };
    *counts.closed.lock().unwrap() += 1;
    // SAFETY: see above.
    ret(unsafe { libc::close(fd) } as isize)
}

unsafe extern "C" fn read(_: *mut c_void, fd: c_int, buf: *mut c_void, len: usize) -> isize {
    // SAFETY: see above.
    ret(unsafe { libc::read(fd, buf, len) })
}

unsafe extern "C" fn mmap(
    _: *mut c_void,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: u64,
) -> isize {
    // SAFETY: see above; the kernel chooses the address.
    ret(unsafe { libc::mmap(core::ptr::null_mut(), len, prot, flags, fd, offset as i64) } as isize)
}

unsafe extern "C" fn munmap(_: *mut c_void, addr: *mut c_void, len: usize) -> isize {
    // SAFETY: see above.
    ret(unsafe { libc::munmap(addr, len) } as isize)
}

unsafe extern "C" fn ioctl(_: *mut c_void, fd: c_int, request: c_ulong, arg: usize) -> isize {
    // SAFETY: see above.
    ret(unsafe { libc::ioctl(fd, request as _, arg) } as isize)
}

unsafe extern "C" fn poll(_: *mut c_void, fds: *mut c_void, count: usize, ns: i64) -> isize {
    let ms = if ns < 0 {
        -1
    } else {
        ns.div_euclid(1_000_000) + 1
    };
    // SAFETY: see above.
    ret(unsafe { libc::poll(fds.cast(), count as _, ms as c_int) } as isize)
}

unsafe extern "C" fn epoll_create1(_: *mut c_void, flags: c_int) -> isize {
    // SAFETY: integers only.
    ret(unsafe { libc::epoll_create1(flags) } as isize)
}

unsafe extern "C" fn epoll_ctl(
    _: *mut c_void,
    set: c_int,
    op: c_int,
    fd: c_int,
    event: *mut c_void,
) -> isize {
    // SAFETY: see above.
    ret(unsafe { libc::epoll_ctl(set, op, fd, event.cast()) } as isize)
}

unsafe extern "C" fn epoll_wait(
    _: *mut c_void,
    set: c_int,
    events: *mut c_void,
    count: usize,
    ns: i64,
) -> isize {
    let ms = if ns < 0 {
        -1
    } else {
        ns.div_euclid(1_000_000) + 1
    };
    // SAFETY: see above.
    ret(unsafe { libc::epoll_wait(set, events.cast(), count as c_int, ms as c_int) } as isize)
}

unsafe extern "C" fn fcntl(_: *mut c_void, fd: c_int, op: c_int, arg: usize) -> isize {
    // SAFETY: see above.
    ret(unsafe { libc::fcntl(fd, op, arg) } as isize)
}

unsafe extern "C" fn prlimit64(
    _: *mut c_void,
    resource: c_int,
    new: *const c_void,
    old: *mut c_void,
) -> isize {
    // SAFETY: see above.
    ret(unsafe { libc::prlimit64(0, resource as _, new.cast(), old.cast()) } as isize)
}

unsafe extern "C" fn uname(_: *mut c_void, buf: *mut c_void) -> isize {
    // SAFETY: see above.
    ret(unsafe { libc::uname(buf.cast()) } as isize)
}

unsafe extern "C" fn clock_gettime(_: *mut c_void, clock: c_int) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a `struct timespec`.
    match ret(unsafe { libc::clock_gettime(clock, &raw mut time) } as isize) {
        0 => time.tv_sec * 1_000_000_000 + time.tv_nsec,
        errno => errno as i64,
    }
}

/// What the library needs, and not one function more: what is missing answers `ENOSYS`.
fn table(counts: &Arc<Counts>) -> SysVTable {
    SysVTable {
        context: Arc::as_ptr(counts).cast_mut().cast(),
        bpf: Some(bpf),
        openat: Some(openat),
        close: Some(close),
        read: Some(read),
        mmap: Some(mmap),
        munmap: Some(munmap),
        prlimit64: Some(prlimit64),
        ioctl: Some(ioctl),
        poll: Some(poll),
        epoll_create1: Some(epoll_create1),
        epoll_ctl: Some(epoll_ctl),
        epoll_wait: Some(epoll_wait),
        fcntl: Some(fcntl),
        uname: Some(uname),
        clock_gettime: Some(clock_gettime),
        ..SysVTable::empty()
    }
}

/// A system on a table, and the counts that outlive it: they are leaked.
fn system() -> (System, Arc<Counts>) {
    let counts: Arc<Counts> = Arc::default();
    // The table holds a pointer to it for as long as anything of the system lives.
    std::mem::forget(counts.clone());
    // SAFETY: the functions are the C library's, which keep the contract; the context lives for
    // ever and serves any thread.
    let kernel = unsafe { table(&counts).into_kernel() }.unwrap();
    (System::new(kernel).unwrap(), counts)
}

const MAP_CREATE: c_int = 0;
const PROG_LOAD: c_int = 5;
const RAW_TRACEPOINT_OPEN: c_int = 17;
const BTF_LOAD: c_int = 18;

#[test]
fn everything_goes_through_the_table() {
    let (system, counts) = system();
    let mut spec = object!("rawtp");
    only_us(&mut spec);
    let object = load(&system, &spec);
    let links = object.attach_all().unwrap();
    let mut ring = object.ring("events").unwrap();

    // `struct event`: the time, then the process.
    let event = first_record(&mut ring);
    let pid = u32::from_ne_bytes(event[8..12].try_into().unwrap());
    assert_eq!(pid, std::process::id());

    let cmds = counts.cmds.lock().unwrap().clone();
    assert!(cmds[&MAP_CREATE] >= object.maps().len() as u64, "{cmds:?}");
    assert!(cmds[&PROG_LOAD] >= 1, "{cmds:?}");
    assert_eq!(cmds[&RAW_TRACEPOINT_OPEN], 1, "{cmds:?}");

    let before = *counts.closed.lock().unwrap();
    drop((ring, links, object));
    // Maps, program and link at least were closed through the table too.
    assert!(*counts.closed.lock().unwrap() >= before + 3);
}

#[test]
fn one_entry_replaced_decides_alone() {
    /// A kernel that refuses every program, and is the host in all else.
    unsafe extern "C" fn refuse(
        context: *mut c_void,
        cmd: c_int,
        attr: *mut c_void,
        size: c_uint,
    ) -> isize {
        if cmd == PROG_LOAD {
            return -(libc::EPERM as isize);
        }
        // SAFETY: the caller's promise.
        unsafe { bpf(context, cmd, attr, size) }
    }
    let counts: Arc<Counts> = Arc::default();
    std::mem::forget(counts.clone());
    let table = SysVTable {
        bpf: Some(refuse),
        ..table(&counts)
    };
    // SAFETY: as in `system`.
    let kernel = unsafe { table.into_kernel() }.unwrap();
    let error = object!("rawtp")
        .load(&System::new(kernel).unwrap())
        .unwrap_err();
    let of_program = error.failures().first().map_or(&error, |f| &f.error);
    assert_eq!(of_program.errno(), Some(skep::Errno::EPERM), "{error:?}");
    // Two kernels in one process: the host's is as it was.
    load(&common::host(), &object!("rawtp"));
}

/// A kernel from before names, attach types and the helpers that tell kernel from user memory, and
/// the host's in all else.
unsafe extern "C" fn old(
    context: *mut c_void,
    cmd: c_int,
    attr: *mut c_void,
    size: c_uint,
) -> isize {
    // SAFETY: the caller's promise: `size` bytes of attributes.
    let given = unsafe { core::slice::from_raw_parts(attr.cast::<u8>(), size as usize) };
    let set = |from: usize, to: usize| given.iter().take(to).skip(from).any(|&b| b != 0);
    // `map_name`; `prog_name`, `expected_attach_type`.
    let newer = match cmd {
        MAP_CREATE => set(28, 44),
        PROG_LOAD => set(48, 64) || set(68, 72),
        _ => false,
    };
    if newer {
        return -(libc::E2BIG as isize);
    }
    if cmd == PROG_LOAD {
        let count = u32::from_ne_bytes(given[4..8].try_into().unwrap()) as usize;
        let insns = u64::from_ne_bytes(given[8..16].try_into().unwrap()) as *const [u8; 8];
        // SAFETY: the caller's promise: so many instructions are there.
        let insns = unsafe { core::slice::from_raw_parts(insns, count) };
        let helper = |insn: &[u8; 8]| i32::from_ne_bytes(insn[4..].try_into().unwrap());
        let newer = |insn: &&[u8; 8]| insn[..2] == [0x85, 0] && (112..=115).contains(&helper(insn));
        if insns.iter().any(|insn| newer(&insn)) {
            return -(libc::EINVAL as isize);
        }
    }
    // SAFETY: the caller's promise.
    unsafe { bpf(context, cmd, attr, size) }
}

#[test]
fn an_old_kernel_gets_what_it_knows() {
    let counts: Arc<Counts> = Arc::default();
    std::mem::forget(counts.clone());
    let table = SysVTable {
        bpf: Some(old),
        ..table(&counts)
    };
    // SAFETY: as in `system`.
    let kernel = unsafe { table.into_kernel() }.unwrap();
    let system = System::new(kernel).unwrap();
    if system.probe_helper(skep::ProgType::TRACEPOINT, Helper::PROBE_READ) == Answer::No {
        skip!("this kernel has no bpf_probe_read: user and kernel memory have the same addresses");
    }
    let mut spec = object!("sections");
    spec.license = Some("GPL".to_owned());
    let options = skep::LoadOptions::default();
    let mut loader = spec.loader(&system, &options);
    let reads = spec.program("gpl_only").unwrap();
    let prepared = loader.prepare_program(reads).unwrap();
    let calls: Vec<i32> = prepared
        .insns()
        .iter()
        .filter(|insn| insn.code == 0x85)
        .map(|insn| insn.imm)
        .collect();
    assert_eq!(calls, [4], "bpf_probe_read");
    let loaded = loader.load_prepared(reads, &prepared).unwrap();
    assert_eq!(loaded.program.info().unwrap().name, "");
    // The type of attachment is left out where the section's row allows it, and only there.
    let mut filter = spec.program("always").unwrap().clone();
    filter.prog_type = skep::ProgType::XDP;
    filter.attach_type = Some(skep::AttachType::XDP);
    assert!(loader.load_as(&filter).is_err());
    filter.attach_type_optional = true;
    loader.load_as(&filter).unwrap();
}

/// A kernel from before BTF.
unsafe extern "C" fn untyped(
    context: *mut c_void,
    cmd: c_int,
    attr: *mut c_void,
    size: c_uint,
) -> isize {
    if cmd == BTF_LOAD {
        return -(libc::EINVAL as isize);
    }
    // SAFETY: the caller's promise.
    unsafe { bpf(context, cmd, attr, size) }
}

#[test]
fn a_kernel_without_types_gets_none() {
    let counts: Arc<Counts> = Arc::default();
    std::mem::forget(counts.clone());
    let table = SysVTable {
        bpf: Some(untyped),
        ..table(&counts)
    };
    // SAFETY: as in `system`.
    let system = System::new(unsafe { table.into_kernel() }.unwrap()).unwrap();
    let object = load(&system, &object!("newer"));
    assert_eq!(common::run(&object, "pick"), 84);
    let info = object.program("pick").unwrap().info().unwrap();
    assert_eq!(
        (info.btf_id, info.nr_func_info, info.nr_line_info),
        (0, 0, 0)
    );
    assert_eq!(object.map("kept").unwrap().info().unwrap().btf_id, 0);
}

/// The `expected_attach_type` of the last program that [`noted`] loaded.
static EXPECTED: AtomicU32 = AtomicU32::new(u32::MAX);

unsafe extern "C" fn noted(
    context: *mut c_void,
    cmd: c_int,
    attr: *mut c_void,
    size: c_uint,
) -> isize {
    if cmd == PROG_LOAD {
        // SAFETY: the caller's promise: `size` bytes of attributes.
        let given = unsafe { core::slice::from_raw_parts(attr.cast::<u8>(), size as usize) };
        let expected = u32::from_ne_bytes(given[68..72].try_into().unwrap());
        EXPECTED.store(expected, Ordering::Relaxed);
    }
    // SAFETY: the caller's promise.
    unsafe { bpf(context, cmd, attr, size) }
}

#[test]
fn user_probes_are_loaded_for_the_link_that_the_kernel_has() {
    let counts: Arc<Counts> = Arc::default();
    std::mem::forget(counts.clone());
    let table = SysVTable {
        bpf: Some(noted),
        ..table(&counts)
    };
    // SAFETY: as in `system`.
    let system = System::new(unsafe { table.into_kernel() }.unwrap()).unwrap();
    let spec = object!("sections");
    let options = skep::LoadOptions::default();
    let program = spec.program("user_probe").unwrap();
    spec.loader(&system, &options).load_as(program).unwrap();
    let multi = system.probe(skep::probe::Feature::LinkUprobeMulti);
    let want = match multi {
        Answer::Yes => skep::AttachType::TRACE_UPROBE_MULTI.0,
        _ => 0,
    };
    assert_eq!(EXPECTED.load(Ordering::Relaxed), want, "{multi:?}");
}

/// Bytes that logs take in the kernel of [`wordy`].
const WORDY: u32 = 100 << 20;
/// Whether that kernel says so, as those since 6.4 do.
static TELLS: AtomicBool = AtomicBool::new(false);

/// A kernel of long logs: it refuses buffers that are too small for them.
unsafe extern "C" fn wordy(
    context: *mut c_void,
    cmd: c_int,
    attr: *mut c_void,
    size: c_uint,
) -> isize {
    const LOG_TRUE_SIZE: usize = 140;
    if cmd == PROG_LOAD {
        // SAFETY: the caller's promise: `size` bytes of attributes.
        let given = unsafe { core::slice::from_raw_parts_mut(attr.cast::<u8>(), size as usize) };
        let word = |at: usize| u32::from_ne_bytes(given[at..at + 4].try_into().unwrap());
        // `log_level`, `log_size`.
        if word(24) != 0 && word(28) < WORDY {
            if TELLS.load(Ordering::Relaxed) {
                given[LOG_TRUE_SIZE..LOG_TRUE_SIZE + 4].copy_from_slice(&WORDY.to_ne_bytes());
            }
            return -(libc::ENOSPC as isize);
        }
    }
    // SAFETY: the caller's promise.
    unsafe { bpf(context, cmd, attr, size) }
}

#[test]
fn a_log_is_whole_however_long() {
    let counts: Arc<Counts> = Arc::default();
    std::mem::forget(counts.clone());
    let table = SysVTable {
        bpf: Some(wordy),
        ..table(&counts)
    };
    // SAFETY: as in `system`.
    let system = System::new(unsafe { table.into_kernel() }.unwrap()).unwrap();
    let spec = object!("sections");
    let all = skep::LoadOptions {
        log_level: 1,
        ..Default::default()
    };
    // Where the kernel says how much it wants, and where it does not.
    for tells in [true, false] {
        TELLS.store(tells, Ordering::Relaxed);
        let loaded = spec.loader(&system, &all).load_program(0).unwrap();
        assert!(loaded.program.log().contains("processed"));
    }
    // Too little room is no reason not to load.
    let little = skep::LoadOptions {
        log_bytes: Some(4096),
        ..all
    };
    let loaded = spec.loader(&system, &little).load_program(0).unwrap();
    assert_eq!(loaded.program.log(), "");
}
