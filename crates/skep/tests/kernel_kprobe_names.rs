//! Kernel functions that share a name, and such as the compiler gave another.

mod common;
#[path = "common/probes.rs"]
mod probes;

use common::{host, load, need, own_tracefs, seen, skip};
use probes::{cookie, many, probes, program};
use skep::link::{Kprobe, KprobeMulti, ProbeMode, SameName};
use skep::{Errno, ErrorKind, Link, Object};
use std::fs;
use std::path::Path;

/// Every list of procfs that has functions of its own by this name calls it when it is read.
const NAME: &str = "m_start";
const LISTS: [&str; 3] = ["/proc/self/mounts", "/proc/self/maps", "/proc/modules"];
/// Writing here calls the functions of the test's own module.
const RUN: &str = "/sys/kernel/skep_test/run";

macro_rules! need_kprobes {
    () => {
        if !Path::new("/sys/bus/event_source/devices/kprobe/type").exists() {
            skip!("this kernel has no kprobes");
        }
    };
}

macro_rules! need_module {
    () => {
        if !Path::new(RUN).exists() {
            skip!("no module skep_test");
        }
    };
}

/// Addresses of the kernel's own functions of this name, in order.
fn addresses(name: &str) -> Vec<u64> {
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap();
    let mut all = Vec::new();
    for line in symbols.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        if let [address, "t" | "T", found] = words[..]
            && found == name
        {
            all.push(u64::from_str_radix(address, 16).unwrap());
        }
    }
    all.sort_unstable();
    all
}

/// Which lists call what is probed.
fn lists_that_hit(object: &Object) -> [bool; 3] {
    LISTS.map(|list| {
        let before = seen(object, "seen_entry").calls;
        assert!(!fs::read(list).unwrap().is_empty());
        seen(object, "seen_entry").calls > before
    })
}

/// The lists that call it while it is attached; none does afterwards.
fn hit(object: &Object, link: Link) -> [bool; 3] {
    let found = lists_that_hit(object);
    drop(link);
    assert_eq!(lists_that_hit(object), [false; 3], "still attached");
    found
}

#[test]
fn one_of_a_name_is_chosen_or_all_are_probed() {
    need_kprobes!();
    let system = host();
    let object = load(&system, &probes(&["anywhere"]));
    let anywhere = program(&object, "anywhere");
    let all = addresses(NAME);
    assert!(all.len() >= LISTS.len(), "{all:x?}");
    // The kernel's own, not those of modules.
    let own = Kprobe::new(NAME).in_module("");
    let error = anywhere.attach_to(own.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let text = error.to_string();
    let count = all.len();
    assert!(
        text.contains(&format!(
            "{count} functions have this name: {NAME} at {:#x}",
            all[0]
        )),
        "{text}"
    );
    assert!(
        all.iter()
            .all(|address| text.contains(&format!("{address:#x}"))),
        "{text}"
    );
    assert!(
        text.ends_with("say which (Kprobe::same_name, in_module, at)"),
        "{text}"
    );
    let wanted = cookie(&system, 12);
    let mut times = [0; 3];
    for (number, &address) in all.iter().enumerate() {
        let hook = own.clone().same_name(SameName::Nth(number)).cookie(wanted);
        let link = anywhere.attach_to(hook).unwrap();
        assert_eq!(link.hook(), format!("kernel function {NAME}"));
        assert_eq!(link.is_bpf_link(), wanted != 0);
        let found = hit(&object, link);
        let by_address = anywhere.attach_to(Kprobe::at(address)).unwrap();
        assert_eq!(hit(&object, by_address), found);
        for (times, hit) in times.iter_mut().zip(found) {
            *times += u32::from(hit);
        }
    }
    assert_eq!(times, [1; 3], "each list has a function of its own");
    assert_eq!(
        seen(&object, "seen_entry").cookie,
        0,
        "the last was without"
    );
    let link = anywhere.attach_to(own.clone().same_name(SameName::All).cookie(wanted));
    assert_eq!(hit(&object, link.unwrap()), [true; 3]);
    assert_eq!(seen(&object, "seen_entry").cookie, wanted);
    let tracefs = own_tracefs().expect("tracefs");
    let hook = own.clone().same_name(SameName::All).in_tracefs(&tracefs);
    let link = anywhere.attach_to(hook.mode(ProbeMode::Tracefs)).unwrap();
    assert_eq!(hit(&object, link), [true; 3]);
    let events = fs::read_to_string(format!("{tracefs}/kprobe_events")).unwrap();
    assert!(!events.contains("skep/"), "{events}");
    let error = anywhere
        .attach_to(own.same_name(SameName::Nth(count)))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("no number {count} of {count}, counted")),
        "{text}"
    );
}

#[test]
fn several_of_a_name_are_told_by_who_asks_for_one() {
    need_kprobes!();
    let object = load(&host(), &probes(&["anywhere"]));
    match program(&object, "anywhere").attach_to(Kprobe::new(NAME)) {
        Err(error) => {
            assert_eq!(error.errno(), Some(Errno::EADDRNOTAVAIL), "{error}");
            let text = error.to_string();
            let told = |address: &u64| text.contains(&format!("{NAME} at {address:#x}"));
            assert!(addresses(NAME).iter().all(told), "{text}");
        }
        // It takes one of them and does not tell which.
        Ok(link) => {
            drop(link);
            skip!("this kernel takes any of several functions");
        }
    }
}

#[test]
fn all_of_a_name_are_probed_by_one_bpf_link() {
    need!(LinkKprobeMulti);
    let object = many(&["entries"]);
    let entries = program(&object, "entries");
    let hook = KprobeMulti::functions(&[NAME]).same_name(SameName::All);
    let link = entries.attach_to(hook).unwrap();
    assert!(link.is_bpf_link());
    assert_eq!(hit(&object, link), [true; 3]);
    let hook = KprobeMulti::matching("m_sta*").same_name(SameName::All);
    let error = entries.attach_to(hook).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let hook = KprobeMulti::functions(&["no_such_function"]).same_name(SameName::All);
    let error = entries.attach_to(hook).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

fn run(number: u64) {
    // It says that nobody answers; what is probed was called before.
    let _ = fs::write(RUN, number.to_string());
}

/// Called while attached and afterwards: seen once.
fn hit_by_module(object: &Object, link: Link) {
    let before = seen(object, "seen_entry").calls;
    run(1234);
    let after = seen(object, "seen_entry");
    assert_eq!((after.calls - before, after.value), (1, 1234));
    drop(link);
    run(1235);
    assert_eq!(seen(object, "seen_entry").calls, after.calls);
}

#[test]
fn a_function_of_a_module_is_told_from_the_kernels() {
    need_kprobes!();
    need_module!();
    let object = load(&host(), &probes(&["anywhere"]));
    let anywhere = program(&object, "anywhere");
    let hook = Kprobe::new(NAME).in_module("skep_test");
    let link = anywhere.attach_to(hook.clone()).unwrap();
    assert_eq!(lists_that_hit(&object), [false; 3]);
    hit_by_module(&object, link);
    let all = anywhere.attach_to(Kprobe::new(NAME).same_name(SameName::All));
    hit_by_module(&object, all.unwrap());
    let error = anywhere.attach_to(hook.in_module("no_such_module"));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("no function `m_start` in module no_such_module"),
        "{text}"
    );
}

#[test]
fn what_the_compiler_made_of_a_function_is_found_where_asked_for() {
    need_kprobes!();
    need_module!();
    let object = load(&host(), &probes(&["anywhere"]));
    let anywhere = program(&object, "anywhere");
    let error = anywhere
        .attach_to(Kprobe::new("skep_test_changed"))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
    let text = error.to_string();
    let hint = "no function `skep_test_changed`; what the compiler made of it goes by \
                Kprobe::or_changed: skep_test_changed.isra.0 at 0x";
    assert!(
        text.contains(hint) && text.contains("[skep_test]"),
        "{text}"
    );
    let hook = Kprobe::new("skep_test_changed").or_changed();
    hit_by_module(&object, anywhere.attach_to(&hook).unwrap());
    // What there is by its own name is that.
    let own = Kprobe::new("skep_test_mix").or_changed();
    drop(anywhere.attach_to(own).unwrap());
    // A part is not the whole.
    let left = Kprobe::new("skep_test_left").or_changed();
    let error = anywhere.attach_to(left).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = error.to_string();
    let hint = "the compiler left parts of it: skep_test_left.part.0 at 0x";
    assert!(text.contains(hint), "{text}");
}

#[test]
fn how_many_may_be_under_way_is_of_returns_and_tracefs() {
    let object = load(&host(), &probes(&["anywhere", "leave"]));
    let refusal = |hook: Kprobe| {
        let error = program(&object, "leave").attach_to(hook).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        error.to_string()
    };
    let hook = Kprobe::new("security_task_getpgid").max_active(8);
    let text = refusal(hook.clone());
    assert!(text.contains("only of returns"), "{text}");
    for mode in [ProbeMode::Link, ProbeMode::Perf] {
        let text = refusal(hook.clone().on_return().mode(mode));
        assert!(text.contains("is for tracefs to say"), "{text}");
    }
}
