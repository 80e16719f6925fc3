//! Probes of functions of user space, attached and hit.

mod common;
#[path = "common/probes.rs"]
mod probes;

use common::{Seen, host, load, need, own_mount, own_mounts, own_tracefs, seen};
use probes::{cookie, many, probes, program};
use skep::codec::elf::{Image, in_memory};
use skep::link::{ProbeMode, Uprobe, UprobeMulti};
use skep::{Errno, ErrorKind, Link, Object};
use std::hint::black_box;
use std::sync::atomic::{AtomicU16, Ordering};

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
