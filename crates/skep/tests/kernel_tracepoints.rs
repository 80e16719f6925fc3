//! Tracepoints in each of their forms: cookies, ways to attach, programs that sleep or write.

mod common;

use common::{getpgid, host, load, need, object, only, only_us, own_tracefs, run, seen, skip};
use skep::link::{LinkMode, RawTracepoint, Tracepoint, Tracing};
use skep::prog::TestRun;
use skep::{Errno, Error, ErrorKind, Link, Object, ObjectSpec};
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

const COOKIE: u64 = 0x5ee9_0000_0000_0042;

/// The object with one of its programs, to see getpgid of this process only.
fn tracepoints(program: &str, with_cookie: bool) -> ObjectSpec {
    let mut spec = only(object!("tracepoints"), &[program]);
    only_us(&mut spec);
    let nr = libc::SYS_getpgid as u64;
    spec.variable("nr").unwrap().set(nr).unwrap();
    let cookie = u8::from(with_cookie);
    spec.variable("with_cookie").unwrap().set(cookie).unwrap();
    spec
}

fn call() {
    getpgid(std::process::id() as i32);
}

/// Attached, hit once, detached, not hit: what was seen.
fn hit_once(object: &Object, link: Link, name: &str) -> common::Seen {
    let before = seen(object, name).calls;
    call();
    let after = seen(object, name);
    assert_eq!(after.calls - before, 1);
    drop(link);
    call();
    assert_eq!(seen(object, name).calls, after.calls, "still attached");
    after
}

/// Whether a load failed because programs of this type cannot ask for cookies.
fn knows_no_cookies(error: &Error) -> bool {
    let text = error.to_string();
    text.contains("get_attach_cookie") || text.contains("bpf_get_attach")
}

#[test]
fn tracepoints_are_attached_as_is_asked() {
    let Some(tracefs) = own_tracefs() else {
        skip!("no tracefs in this kernel");
    };
    let object = load(&host(), &tracepoints("by_perf", false));
    let program = object.program("by_perf").unwrap();
    let hook = Tracepoint::new("syscalls", "sys_enter_getpgid").in_tracefs(&tracefs);
    let by_ioctl = program.attach_to(hook.clone().mode(LinkMode::Attach));
    let by_ioctl = by_ioctl.unwrap();
    assert!(!by_ioctl.is_bpf_link());
    let found = hit_once(&object, by_ioctl, "seen_perf");
    assert_eq!(found.value, u64::from(std::process::id()));
    let error = program
        .attach_to(hook.clone().mode(LinkMode::Attach).cookie(1))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("cookies need a BPF link"),
        "{error}"
    );
    let has_links = host()
        .probe(skep::probe::Feature::LinkPerfEvent)
        .is_usable();
    let any = program.attach_to(&hook).unwrap();
    assert_eq!(any.is_bpf_link(), has_links);
    hit_once(&object, any, "seen_perf");
    match program.attach_to(hook.mode(LinkMode::Link)) {
        Ok(link) => {
            assert!(has_links && link.is_bpf_link());
            hit_once(&object, link, "seen_perf");
        }
        Err(error) => {
            assert!(!has_links, "{error}");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
            let what = "no BPF links to perf events (since Linux 5.15)";
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}

#[test]
fn tracepoints_carry_cookies() {
    need!(BpfCookie);
    let Some(tracefs) = own_tracefs() else {
        skip!("no tracefs in this kernel");
    };
    let object = load(&host(), &tracepoints("by_perf", true));
    let hook = Tracepoint::new("syscalls", "sys_enter_getpgid").in_tracefs(&tracefs);
    let program = object.program("by_perf").unwrap();
    let link = program.attach_to(hook.clone().cookie(COOKIE)).unwrap();
    assert_eq!(hit_once(&object, link, "seen_perf").cookie, COOKIE);
    let link = program.attach_to(hook).unwrap();
    assert_eq!(hit_once(&object, link, "seen_perf").cookie, 0);
}

#[test]
fn raw_tracepoints_carry_cookies() {
    let object = match tracepoints("by_raw", true).load(&host()) {
        Err(error) if knows_no_cookies(&error) => skip!("no cookies: {error}"),
        object => object.unwrap(),
    };
    let program = object.program("by_raw").unwrap();
    let hook = RawTracepoint::new("sys_enter");
    let link = program.attach_to(hook.clone().cookie(COOKIE)).unwrap();
    assert_eq!(link.hook(), "raw tracepoint sys_enter");
    let found = hit_once(&object, link, "seen_raw");
    assert_eq!(
        (found.cookie, found.value),
        (COOKIE, libc::SYS_getpgid as u64)
    );
    let link = program.attach_to(hook).unwrap();
    assert_eq!(hit_once(&object, link, "seen_raw").cookie, 0);
}

#[test]
fn btf_tracepoints_carry_cookies() {
    let object = match tracepoints("by_btf", true).load(&host()) {
        Err(error) if knows_no_cookies(&error) => skip!("no cookies: {error}"),
        object => object.unwrap(),
    };
    let program = object.program("by_btf").unwrap();
    let link = match program.attach_to(Tracing::new().cookie(COOKIE)) {
        Err(error) if error.errno() == Some(Errno::EINVAL) => skip!("no cookies: {error}"),
        link => link.unwrap(),
    };
    let found = hit_once(&object, link, "seen_btf");
    assert_eq!(
        (found.cookie, found.value),
        (COOKIE, libc::SYS_getpgid as u64)
    );
    let link = program.attach().unwrap();
    assert_eq!(hit_once(&object, link, "seen_btf").cookie, 0);
}

#[test]
fn raw_tracepoints_that_cannot_be_say_why() {
    let object = load(&host(), &tracepoints("by_raw", false));
    let program = object.program("by_raw").unwrap();
    let error = program.attach_to(RawTracepoint::new("no_such_tracepoint"));
    let error = error.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("no_such_tracepoint (there is none of this name)"),
        "{text}"
    );
    match program.attach_to(RawTracepoint::new("sys_enter").cookie(1)) {
        // Whoever does not ask for it may be given one.
        Ok(link) => drop(hit_once(&object, link, "seen_raw")),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains("has no cookies"), "{error}");
        }
    }
}

#[test]
fn a_program_writes_what_a_tracepoint_lets_it() {
    const ANSWER: i32 = 73;
    let mut spec = only(object!("tracepoints"), &["refuse", "plain"]);
    only_us(&mut spec);
    spec.variable("answer").unwrap().set(-ANSWER).unwrap();
    let object = load(&host(), &spec);
    assert_eq!(run(&object, "plain"), 0);
    let refuse = object.program("refuse").unwrap();
    // By its section, `raw_tp.w/bpf_test_finish`.
    let link = refuse.attach().unwrap();
    let plain = object.program("plain").unwrap();
    let run_it = || {
        plain.test_run(&TestRun {
            data: &[0; 64],
            ..Default::default()
        })
    };
    let error = run_it().unwrap_err();
    assert_eq!(error.errno().unwrap().raw(), ANSWER, "{error}");
    assert_eq!(seen(&object, "seen_written").calls, 1);
    drop(link);
    assert_eq!(run_it().unwrap().return_value, 0);
    // One that has nothing to write to.
    let error = refuse
        .attach_to(RawTracepoint::new("sys_enter"))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(
        error.to_string().contains("something to write to"),
        "{error}"
    );
}

/// A page of this program's file that nobody has looked at yet.
struct Page(*mut libc::c_void);

impl Page {
    fn new() -> Self {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let (private, fd) = (libc::MAP_PRIVATE, file.as_raw_fd());
        // SAFETY: a new mapping, wherever the kernel likes.
        let page = unsafe { libc::mmap(null_mut(), 4096, libc::PROT_READ, private, fd, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        Self(page)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and lent to nobody.
        unsafe { libc::munmap(self.0, 4096) };
    }
}

#[test]
fn programs_at_tracepoints_sleep() {
    need!(SleepableTracepoint);
    let begin = std::fs::read("/proc/self/exe").unwrap();
    let begin = u64::from_ne_bytes(begin[..8].try_into().unwrap());
    let tracefs = own_tracefs().expect("tracefs");
    for (name, seen) in [
        ("sleeping_perf", "seen_perf"),
        ("sleeping_raw", "seen_raw"),
        ("sleeping_btf", "seen_btf"),
    ] {
        // It takes a fault to read it, for which a program has to sleep.
        let page = Page::new();
        let mut spec = tracepoints(name, false);
        let address = page.0.expose_provenance() as u64;
        spec.variable("address").unwrap().set(address).unwrap();
        let object = load(&host(), &spec);
        let program = object.program(name).unwrap();
        let link = match name {
            "sleeping_perf" => program
                .attach_to(Tracepoint::new("syscalls", "sys_enter_getpgid").in_tracefs(&tracefs)),
            _ => program.attach(),
        };
        assert_eq!(
            hit_once(&object, link.unwrap(), seen).value,
            begin,
            "{name}"
        );
    }
    // Where none may sleep.
    let object = load(&host(), &tracepoints("sleeping_raw", false));
    let program = object.program("sleeping_raw").unwrap();
    let error = program
        .attach_to(RawTracepoint::new("sched_switch"))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(error.to_string().contains("leave to sleep"), "{error}");
}
