//! Probes of kernel functions and of functions of user space, attached and hit.

mod common;

use common::{getpgid, host, load, object, only, own_mount, own_mounts, own_tracefs, skip};
use skep::codec::elf::{Image, in_memory};
use skep::link::{Kprobe, KprobeMulti, ProbeMode, Uprobe, UprobeMulti};
use skep::probe::Feature;
use skep::{Errno, ErrorKind, Link, Object, ObjectSpec, Program, System};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

skep::plain! {
    #[derive(Debug, PartialEq)]
    struct Seen {
        calls: u64,
        cookie: u64,
        value: u64,
    }
}

/// Where `struct pt_regs` has the first argument and the returned value.
#[cfg(target_arch = "x86_64")]
const REGISTERS: (u32, u32) = (112, 80);
#[cfg(target_arch = "aarch64")]
const REGISTERS: (u32, u32) = (0, 0);
#[cfg(target_arch = "s390x")]
const REGISTERS: (u32, u32) = (40, 40);
#[cfg(target_arch = "riscv64")]
const REGISTERS: (u32, u32) = (80, 80);

/// The object, to see this process only; nothing of it is loaded that is not asked for.
fn probes(programs: &[&str]) -> ObjectSpec {
    let mut spec = only(object!("probes"), programs);
    common::only_us(&mut spec);
    spec.variable("arg_off").unwrap().set(REGISTERS.0).unwrap();
    spec.variable("ret_off").unwrap().set(REGISTERS.1).unwrap();
    spec
}

fn seen(object: &Object, name: &str) -> Seen {
    object.global(name).unwrap().read().unwrap()
}

/// Whether the kernel has kprobes: their unit is there, or another way to them.
fn has_kprobes() -> bool {
    Path::new("/sys/bus/event_source/devices/kprobe/type").exists()
}

macro_rules! need_kprobes {
    () => {
        if !has_kprobes() {
            skip!("this kernel has no kprobes");
        }
    };
}

/// A cookie, where the kernel has cookies.
fn cookie(system: &System, cookie: u64) -> u64 {
    if system.probe(Feature::BpfCookie).is_usable() {
        cookie
    } else {
        0
    }
}

/// getpgid of this process, by its number: the kernel then asks its security hook.
fn call() {
    getpgid(std::process::id() as i32);
}

#[test]
fn kernel_functions_are_probed_by_section() {
    need_kprobes!();
    let system = host();
    let object = load(&system, &probes(&["entry", "leave"]));
    let links = object.attach_all().unwrap();
    let hooks: Vec<_> = links.iter().map(Link::hook).collect();
    assert_eq!(
        hooks,
        [
            "kernel function security_task_getpgid",
            "return of kernel function security_task_getpgid"
        ]
    );
    for _ in 0..7 {
        call();
    }
    assert_eq!(seen(&object, "seen_entry").calls, 7);
    // The first argument is a task.
    assert!(seen(&object, "seen_entry").value > u64::MAX / 2 || cfg!(target_arch = "s390x"));
    let zero = Seen {
        calls: 7,
        cookie: 0,
        value: 0,
    };
    assert_eq!(seen(&object, "seen_return"), zero);
    drop(links);
    call();
    assert_eq!(seen(&object, "seen_entry").calls, 7);
    assert_eq!(seen(&object, "seen_return").calls, 7);
}

#[test]
fn system_calls_are_probed_by_section() {
    need_kprobes!();
    let system = host();
    let object = load(&system, &probes(&["syscall_entry", "syscall_return"]));
    // Asked before: some machines ask by the same system call.
    let group = nix::unistd::getpgrp().as_raw() as u64;
    let links = object.attach_all().unwrap();
    assert_eq!(links[0].hook(), "system call getpgid");
    for _ in 0..3 {
        call();
    }
    assert_eq!(seen(&object, "seen_syscall").calls, 3);
    let returned = seen(&object, "seen_sysret");
    assert_eq!((returned.calls, returned.value), (3, group));
    drop(links);
    call();
    assert_eq!(seen(&object, "seen_sysret").calls, 3);
    // What there is not is not found under any name.
    let hook = Kprobe::syscall("no_such_call");
    let error = object.program("syscall_entry").unwrap().attach_to(hook);
    assert_eq!(error.unwrap_err().errno(), Some(Errno::ENOENT));
}

/// Attached, hit twice, detached, not hit.
fn hit_twice(object: &Object, link: Link, name: &str) -> Seen {
    let before = seen(object, name).calls;
    call();
    call();
    let after = seen(object, name);
    drop(link);
    call();
    assert_eq!(seen(object, name).calls, after.calls, "still attached");
    assert_eq!(after.calls - before, 2);
    after
}

#[test]
fn every_way_to_a_kprobe_carries_its_cookie() {
    need_kprobes!();
    let system = host();
    let object = load(&system, &probes(&["entry", "leave"]));
    let (entry, leave) = (program(&object, "entry"), program(&object, "leave"));
    let tracefs = own_tracefs().expect("tracefs");
    let function = "security_task_getpgid";
    let wanted = cookie(&system, 77);
    let hooks = [
        (Kprobe::new(function), entry, "seen_entry"),
        (Kprobe::new(function).on_return(), leave, "seen_return"),
    ];
    for (hook, program, name) in hooks {
        let hook = hook.in_tracefs(&tracefs);
        for mode in [ProbeMode::Auto, ProbeMode::Link, ProbeMode::Tracefs] {
            if mode == ProbeMode::Link && wanted == 0 {
                continue;
            }
            let hook = hook.clone().mode(mode).cookie(wanted);
            let link = program.attach_to(hook).unwrap();
            assert_eq!(link.is_bpf_link(), wanted != 0, "{mode:?}");
            assert_eq!(hit_twice(&object, link, name).cookie, wanted, "{mode:?}");
        }
        let by_ioctl = hook.mode(ProbeMode::Perf);
        let link = program.attach_to(&by_ioctl).unwrap();
        assert!(!link.is_bpf_link());
        assert_eq!(hit_twice(&object, link, name).cookie, 0);
        let error = program.attach_to(by_ioctl.cookie(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("cookies"), "{error}");
    }
    // Nothing is left of those that tracefs made.
    let events = std::fs::read_to_string(format!("{tracefs}/kprobe_events")).unwrap();
    assert!(!events.contains("skep/"), "{events}");
    let many = Kprobe::new(function).on_return().max_active(64);
    let link = leave.attach_to(many.in_tracefs(&tracefs)).unwrap();
    let events = std::fs::read_to_string(format!("{tracefs}/kprobe_events")).unwrap();
    assert!(events.contains("r64:skep/r64"), "{events}");
    hit_twice(&object, link, "seen_return");
}

fn program<'o>(object: &'o Object, name: &str) -> &'o Program {
    object.program(name).unwrap()
}

/// The address of a kernel function.
fn address(name: &str) -> u64 {
    let symbols = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let line = symbols
        .lines()
        .find(|line| line.split_whitespace().nth(2) == Some(name));
    u64::from_str_radix(line.unwrap().split(' ').next().unwrap(), 16).unwrap()
}

#[test]
fn a_kprobe_goes_to_an_address() {
    need_kprobes!();
    let object = load(&host(), &probes(&["anywhere"]));
    let hook = Kprobe::at(address("security_task_getpgid"));
    let link = program(&object, "anywhere").attach_to(hook).unwrap();
    assert!(link.hook().starts_with("kernel function at 0xffff") || cfg!(target_arch = "s390x"));
    hit_twice(&object, link, "seen_entry");
    // The next instruction that can be probed is within the function, and come to.
    let function = Kprobe::new("security_task_getpgid");
    let mut within = (1..=32).filter_map(|offset| {
        let link = program(&object, "anywhere").attach_to(function.clone().offset(offset));
        Some((link.ok()?, offset))
    });
    let (link, offset) = within.next().expect("an instruction");
    let text = format!("kernel function security_task_getpgid+{offset:#x}");
    assert_eq!(link.hook(), text);
    hit_twice(&object, link, "seen_entry");
    // The section names none.
    let error = program(&object, "anywhere").attach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget);
    assert!(error.to_string().contains("kprobe:FUNCTION"), "{error}");
}

#[test]
fn refused_kprobes_say_why() {
    need_kprobes!();
    let object = load(&host(), &probes(&["anywhere"]));
    let refusal = |hook: Kprobe| program(&object, "anywhere").attach_to(hook).unwrap_err();
    let missing = refusal(Kprobe::new("no_such_function_at_all"));
    assert_eq!(missing.errno(), Some(Errno::ENOENT));
    let text = missing.to_string();
    assert!(
        text.contains("no_such_function_at_all (the kernel has no"),
        "{text}"
    );
    let within = refusal(Kprobe::new("security_task_getpgid").offset(1));
    let errno = within.errno().unwrap();
    assert!(matches!(errno, Errno::EILSEQ | Errno::EINVAL), "{within}");
    assert!(
        within.to_string().contains("security_task_getpgid+0x1 ("),
        "{within}"
    );
    let offset = refusal(Kprobe::new("security_task_getpgid").on_return().offset(4));
    assert_eq!(offset.kind(), ErrorKind::Invalid);
    let nul = refusal(Kprobe::new("a\0b"));
    assert_eq!(nul.kind(), ErrorKind::Invalid);
}

/// What uprobes are put on: gives back three times what it takes.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn skep_probe_target(number: u64) -> u64 {
    black_box(number.wrapping_mul(3))
}

/// The same for probes with a counter: all probes of a place must agree on it.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn skep_counted_target(number: u64) -> u64 {
    black_box(number.wrapping_mul(5))
}

/// What the kernel counts up while a uprobe says so. Not zero, to be in the file.
#[unsafe(no_mangle)]
pub static SKEP_PROBE_COUNTER: AtomicU16 = AtomicU16::new(5);

/// This program's own file.
const SELF: &str = "/proc/self/exe";

/// Calls the function through a pointer that no compiler sees through.
fn call_target(number: u64) {
    let target: extern "C" fn(u64) -> u64 = black_box(skep_probe_target);
    assert_eq!(target(number), number * 3);
}

/// Attached, hit twice, detached, not hit.
fn user_hit_twice(object: &Object, link: Link, name: &str) -> Seen {
    let before = seen(object, name).calls;
    call_target(13);
    call_target(14);
    let after = seen(object, name);
    drop(link);
    call_target(15);
    assert_eq!(seen(object, name).calls, after.calls, "still attached");
    assert_eq!(after.calls - before, 2);
    after
}

#[test]
fn functions_of_a_file_are_probed_by_section() {
    let system = host();
    let object = load(&system, &probes(&["user_entry", "user_return"]));
    let links = object.attach_all().unwrap();
    let hooks: Vec<_> = links.iter().map(Link::hook).collect();
    assert_eq!(
        hooks,
        [
            "function skep_probe_target in /proc/self/exe",
            "return of function skep_probe_target in /proc/self/exe"
        ]
    );
    for number in 0..5 {
        call_target(100 + number);
    }
    let wanted = |value| Seen {
        calls: 5,
        cookie: 0,
        value,
    };
    assert_eq!(seen(&object, "seen_uprobe"), wanted(104));
    assert_eq!(seen(&object, "seen_uretprobe"), wanted(312));
    drop(links);
    call_target(1);
    assert_eq!(seen(&object, "seen_uprobe"), wanted(104));
}

#[test]
fn every_way_to_a_uprobe_carries_its_cookie() {
    let system = host();
    let object = load(&system, &probes(&["user_entry", "user_return"]));
    let tracefs = own_tracefs().expect("tracefs");
    let wanted = cookie(&system, 78);
    let hook = Uprobe::new(SELF, "skep_probe_target").in_tracefs(&tracefs);
    let hooks = [
        (hook.clone(), "user_entry", "seen_uprobe", 14),
        (hook.on_return(), "user_return", "seen_uretprobe", 42),
    ];
    for (hook, name, seen, value) in hooks {
        let program = program(&object, name);
        let (auto, tracefs) = (ProbeMode::Auto, ProbeMode::Tracefs);
        for (mode, cookie) in [(auto, wanted), (tracefs, wanted), (ProbeMode::Perf, 0)] {
            // Of this process only, and of all.
            for hook in [hook.clone(), hook.clone().process(0)] {
                let link = program.attach_to(hook.mode(mode).cookie(cookie)).unwrap();
                assert_eq!(link.is_bpf_link(), cookie != 0, "{mode:?}");
                let seen = user_hit_twice(&object, link, seen);
                assert_eq!((seen.cookie, seen.value), (cookie, value), "{mode:?}");
            }
        }
    }
    let events = std::fs::read_to_string(format!("{tracefs}/uprobe_events")).unwrap();
    assert!(!events.contains("skep/"), "{events}");
}

/// The tables of this program's file.
fn own_image() -> Image {
    let file = std::fs::read(SELF).unwrap();
    Image::open(&mut in_memory(&file)).unwrap()
}

/// Where this program's memory begins, less where its file begins: what addresses are moved by.
fn moved_by(file: &str) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let file = std::fs::canonicalize(file).unwrap();
    let line = maps
        .lines()
        .find(|line| line.ends_with(file.to_str().unwrap()));
    let mut words = line.unwrap().split_whitespace();
    let begin = words.next().unwrap().split('-').next().unwrap();
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let first = own_image().segments[0];
    number(begin) - (first.address - first.offset)
}

/// The address of something of this program as its file has it.
fn address_in_file<T>(place: *const T) -> u64 {
    place.expose_provenance() as u64 - moved_by(SELF)
}

#[test]
fn uprobes_go_to_addresses_and_offsets() {
    let object = load(&host(), &probes(&["user_entry"]));
    let program = program(&object, "user_entry");
    let target: extern "C" fn(u64) -> u64 = skep_probe_target;
    let address = address_in_file(target as *const u8);
    let link = program
        .attach_to(Uprobe::at_address(SELF, address))
        .unwrap();
    let file = std::fs::read_link(SELF).unwrap();
    assert_eq!(link.hook(), format!("address {address:#x} in {SELF}"));
    assert_eq!(user_hit_twice(&object, link, "seen_uprobe").value, 14);
    let offset = own_image().file_offset(address).unwrap();
    let hook = Uprobe::at_offset(file.to_str().unwrap(), offset);
    let link = program.attach_to(hook).unwrap();
    assert_eq!(user_hit_twice(&object, link, "seen_uprobe").value, 14);
    // The same, counted from elsewhere.
    let hook = Uprobe::at_offset(SELF, offset - 2).offset(2).process(0);
    let link = program.attach_to(hook).unwrap();
    assert_eq!(user_hit_twice(&object, link, "seen_uprobe").value, 14);
}

#[test]
fn a_uprobe_counts_its_users() {
    let object = load(&host(), &probes(&["user_entry"]));
    let program = program(&object, "user_entry");
    let address = address_in_file(&raw const SKEP_PROBE_COUNTER);
    let counter = own_image().file_offset(address).unwrap();
    let users = || SKEP_PROBE_COUNTER.load(Ordering::SeqCst);
    assert_eq!(users(), 5);
    let hook = Uprobe::new(SELF, "skep_counted_target").ref_counter(counter);
    let link = program.attach_to(&hook).unwrap();
    assert_eq!(users(), 6);
    let other = program.attach_to(hook.clone().process(0)).unwrap();
    // It counts processes' places, not programs.
    assert_eq!(users(), 6);
    drop(link);
    assert_eq!(users(), 6);
    let target: extern "C" fn(u64) -> u64 = black_box(skep_counted_target);
    assert_eq!(target(9), 45);
    let seen = seen(&object, "seen_uprobe");
    assert_eq!((seen.calls, seen.value), (1, 9));
    drop(other);
    assert_eq!(users(), 5);
    let error = program.attach_to(hook.ref_counter(1 << 32)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn uprobes_that_cannot_be_say_why() {
    let object = load(&host(), &probes(&["user_entry"]));
    let refusal = |hook: Uprobe| {
        let error = program(&object, "user_entry").attach_to(hook).unwrap_err();
        (error.kind(), error.errno(), error.to_string())
    };
    let (kind, _, text) = refusal(Uprobe::new(SELF, "no_such_function"));
    assert_eq!(kind, ErrorKind::NotFound, "{text}");
    assert!(
        text.ends_with("look in /proc/self/exe: no function `no_such_function`"),
        "{text}"
    );
    let (_, errno, text) = refusal(Uprobe::new("/no/such/file", "main"));
    assert_eq!(errno, Some(Errno::ENOENT), "{text}");
    let (kind, _, text) = refusal(Uprobe::new("libnothing.so.9", "main"));
    assert_eq!(kind, ErrorKind::NotFound, "{text}");
    assert!(text.contains("no library `libnothing.so.9` in"), "{text}");
    let (kind, _, text) = refusal(Uprobe::new("no-such-program", "main"));
    assert_eq!(kind, ErrorKind::NotFound, "{text}");
    let (_, errno, text) = refusal(Uprobe::at_offset(SELF, 1 << 40));
    assert_eq!(errno, Some(Errno::EINVAL), "{text}");
    assert!(
        text.contains("offset 0x10000000000 in /proc/self/exe (the file has no"),
        "{text}"
    );
    let (kind, _, text) = refusal(Uprobe::new("/proc/self/maps", "main"));
    assert_eq!(kind, ErrorKind::Unsupported, "{text}");
    assert!(text.contains("no ELF file"), "{text}");
    let (_, errno, text) = refusal(Uprobe::new(SELF, "skep_probe_target").process(i32::MAX as u32));
    assert_eq!(errno, Some(Errno::ESRCH), "{text}");
}

/// The object of probes of many places, with these programs.
fn many(programs: &[&str]) -> Object {
    let mut spec = only(object!("multi"), programs);
    common::only_us(&mut spec);
    load(&host(), &spec)
}

macro_rules! need {
    ($feature:ident) => {
        if !host().probe(Feature::$feature).is_usable() {
            skip!("{} is not to be had", Feature::$feature.name());
        }
    };
}

fn getsid() {
    let own = nix::unistd::getpid();
    nix::unistd::getsid(Some(own)).expect("getsid");
}

#[test]
fn many_kernel_functions_are_probed_by_one_link() {
    need!(LinkKprobeMulti);
    let object = many(&["entries", "returns"]);
    // By the pattern of the section, and of all that the kernel lists.
    let links = object.attach_all().unwrap();
    assert_eq!(links[0].hook(), "kernel functions security_task_get?*id");
    assert_eq!(
        links[1].hook(),
        "returns of kernel functions security_task_getsid"
    );
    call();
    getsid();
    assert_eq!(seen(&object, "seen_entry").calls, 2);
    assert_eq!(seen(&object, "seen_return").calls, 1);
    drop(links);
    call();
    getsid();
    assert_eq!(seen(&object, "seen_entry").calls, 2);
    let entries = program(&object, "entries");
    let tracefs = own_tracefs().expect("tracefs");
    let hook = KprobeMulti::matching("security_task_get*id").in_tracefs(&tracefs);
    let link = entries.attach_to(hook).unwrap();
    call();
    assert_eq!(seen(&object, "seen_entry").calls, 3);
    drop(link);
    let names = ["security_task_getsid", "security_task_getpgid"];
    let addresses = names.map(address);
    let hooks = [
        KprobeMulti::functions(&names),
        KprobeMulti::addresses(&addresses),
    ];
    for hook in hooks {
        let link = entries.attach_to(hook.cookies(&[21, 22])).unwrap();
        call();
        assert_eq!(seen(&object, "seen_entry").cookie, 22);
        getsid();
        assert_eq!(seen(&object, "seen_entry").cookie, 21);
        drop(link);
    }
    let refusal = |hook: KprobeMulti| entries.attach_to(hook).unwrap_err();
    let error = refusal(KprobeMulti::matching("no_such_function_*"));
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = refusal(KprobeMulti::functions(&["no_such_function"]));
    assert!(
        error.to_string().contains("(one is not there, or"),
        "{error}"
    );
    let error = refusal(KprobeMulti::functions(&names).cookies(&[1]));
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
}

#[test]
fn a_session_sees_entry_and_return_of_kernel_functions() {
    need!(LinkKprobeSession);
    let object = many(&["session"]);
    let links = object.attach_all().unwrap();
    getsid();
    assert_eq!(seen(&object, "seen_session").calls, 2);
    drop(links);
    getsid();
    assert_eq!(seen(&object, "seen_session").calls, 2);
}

macro_rules! targets {
    ($($name:ident)+) => {$(
        /// Gives back more than it takes.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $name(number: u64) -> u64 {
            black_box(number.wrapping_add(line!().into()))
        }
    )+};
}
// What probes of many places are put on.
targets! {
    skep_many_one
    skep_many_two
    skep_many_too
}

/// Calls each of them once.
fn call_many() {
    for target in [skep_many_one, skep_many_two, skep_many_too] {
        let target: extern "C" fn(u64) -> u64 = black_box(target);
        assert!(target(1) > 1);
    }
}

#[test]
fn many_functions_of_a_file_are_probed_by_one_link() {
    need!(LinkUprobeMulti);
    let object = many(&["user_entries", "user_returns"]);
    let links = object.attach_all().unwrap();
    assert_eq!(links[0].hook(), "functions skep_many_* in /proc/self/exe");
    call_many();
    assert_eq!(seen(&object, "seen_uprobe").calls, 3);
    assert_eq!(seen(&object, "seen_uretprobe").calls, 1);
    drop(links);
    call_many();
    assert_eq!(seen(&object, "seen_uprobe").calls, 3);
    let entries = program(&object, "user_entries");
    let names = ["skep_many_two", "skep_many_one"];
    let (image, file) = (own_image(), std::fs::read(SELF).unwrap());
    let offsets = names.map(|name| {
        let address = image.function(name, &mut in_memory(&file)).unwrap();
        image.file_offset(address).unwrap()
    });
    let hooks = [
        UprobeMulti::functions(SELF, &names),
        UprobeMulti::offsets(SELF, &offsets).process(0),
    ];
    for hook in hooks {
        let link = entries.attach_to(hook.cookies(&[31, 32])).unwrap();
        black_box(skep_many_two as extern "C" fn(u64) -> u64)(1);
        assert_eq!(seen(&object, "seen_uprobe").cookie, 31);
        black_box(skep_many_one as extern "C" fn(u64) -> u64)(1);
        assert_eq!(seen(&object, "seen_uprobe").cookie, 32);
        drop(link);
    }
    let refusal = |hook: UprobeMulti| entries.attach_to(hook).unwrap_err();
    let error = refusal(UprobeMulti::matching(SELF, "no_such_*"));
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    // Not by an event, for it is a program for many places: no word of cookies, which there are.
    let error = entries.attach_to(Uprobe::new(SELF, "skep_many_one").cookie(1));
    assert_eq!(error.unwrap_err().errno(), Some(Errno::EINVAL));
    let error = refusal(UprobeMulti::functions(SELF, &names).cookies(&[1]));
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
}

#[test]
fn a_session_sees_entry_and_return_of_functions_of_a_file() {
    need!(LinkUprobeSession);
    let object = many(&["user_session"]);
    let links = object.attach_all().unwrap();
    call_many();
    assert_eq!(seen(&object, "seen_usession").calls, 4);
    drop(links);
    call_many();
    assert_eq!(seen(&object, "seen_usession").calls, 4);
}

/// This program's file.
fn own_file() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

#[test]
fn files_are_found_by_their_names() {
    let object = load(&host(), &probes(&["user_entry"]));
    let program = program(&object, "user_entry");
    let file = own_file();
    let name = file.file_name().unwrap().to_str().unwrap();
    // What the process has in its memory.
    let hook = |file: &str| Uprobe::new(file, "skep_probe_target");
    let link = program.attach_to(hook(name).process(0)).unwrap();
    assert_eq!(user_hit_twice(&object, link, "seen_uprobe").value, 14);
    // A program on the search path, behind a directory that has none of the name.
    assert!(program.attach_to(hook(name)).is_err());
    let path = format!("/no/such/directory:{}", file.parent().unwrap().display());
    // SAFETY: no other thread of this process reads or writes its environment.
    unsafe { std::env::set_var("PATH", path) };
    let link = program.attach_to(hook(name)).unwrap();
    assert_eq!(user_hit_twice(&object, link, "seen_uprobe").value, 14);
    // A library, by the path of libraries.
    own_mount("tmpfs").expect("tmpfs");
    std::fs::copy(&file, "/tmp/libskep_probe.so.1").unwrap();
    assert!(program.attach_to(hook("libskep_probe.so.1")).is_err());
    // SAFETY: as above.
    unsafe { std::env::set_var("LD_LIBRARY_PATH", "/tmp") };
    let link = program.attach_to(hook("libskep_probe.so.1")).unwrap();
    assert_eq!(
        link.hook(),
        "function skep_probe_target in libskep_probe.so.1"
    );
    // It is another file than the one that runs.
    call_target(1);
    assert_eq!(seen(&object, "seen_uprobe").calls, 4);
}

#[test]
fn a_file_is_the_one_that_another_process_sees() {
    let object = load(&host(), &probes(&["user_entry"]));
    let program = program(&object, "user_entry");
    let file = own_file();
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        // A place of its own, where the program's file is under another name.
        own_mounts();
        let (none, flags) = (None::<&str>, nix::mount::MsFlags::MS_BIND);
        let dir = file.parent().unwrap();
        nix::mount::mount(Some(dir), "/tmp", none, flags, none).expect("bind mount");
        tell.send(nix::unistd::gettid().as_raw() as u32).unwrap();
        let _ = ended.recv();
    });
    let tid = told.recv().unwrap();
    let name = own_file().file_name().unwrap().to_str().unwrap().to_owned();
    let path = format!("/tmp/{name}");
    let hook = Uprobe::new(&path, "skep_probe_target");
    let error = program.attach_to(&hook).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
    let link = program.attach_to(hook.in_root_of(tid)).unwrap();
    drop(end);
    other.join().unwrap();
    assert_eq!(user_hit_twice(&object, link, "seen_uprobe").value, 14);
}
