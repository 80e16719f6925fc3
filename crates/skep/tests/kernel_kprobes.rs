//! Probes of kernel functions, attached and hit.

mod common;
#[path = "common/probes.rs"]
mod probes;

use common::{Seen, getpgid, host, load, need, own_tracefs, seen, skip};
use probes::{cookie, many, probes, program};
use skep::link::{Kprobe, KprobeMulti, ProbeMode};
use skep::{Errno, ErrorKind, Link, Object};
use std::path::Path;

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
    let how = "give the kernel function (Program::attach_to, link::Kprobe)";
    assert!(error.to_string().contains(how), "{error}");
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
