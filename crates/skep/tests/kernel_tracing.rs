//! Programs at entry and exit of kernel functions, in place of what they return, and at LSM hooks.
//! They rest on trampolines.

mod common;

use common::{Seen, host, load, object, seen, skip};
use skep::link::Tracing;
use skep::probe::{Answer, Feature};
use skep::prog::TestRun;
use skep::{Errno, Error, Link, ObjectSpec, Program};

/// What `modify` has the kernel's function return: `-ESRCH`.
const ANSWER: i32 = -3;
const COOKIE: u64 = 0x1234_5678_9abc_def0;

/// One program of the object, not loaded yet.
fn only(program: &str) -> ObjectSpec {
    let mut spec = common::only(object!("tracing"), &[program]);
    common::only_us(&mut spec);
    spec.variable("answer").unwrap().set(ANSWER).unwrap();
    spec
}

/// Why programs cannot be at functions here.
fn lacking() -> Option<String> {
    let answer = host().probe(Feature::Fentry);
    (answer != Answer::Yes).then(|| format!("programs at functions: {answer}"))
}

/// Calls the functions that are there to be traced.
fn run(program: &Program) -> u32 {
    let ran = program.test_run(&TestRun::default());
    ran.unwrap().return_value
}

/// Asks for this process's group, as the hook sees it.
fn group() -> nix::Result<nix::unistd::Pid> {
    nix::unistd::getpgid(Some(nix::unistd::getpid()))
}

#[test]
fn entry_and_exit_of_functions_are_seen() {
    if let Some(why) = lacking() {
        skip!("{why}");
    }
    let cases = [
        // bpf_fentry_test1(1); bpf_fentry_test2(2, 3) is their sum.
        ("entry", "seen_entry", 1, "entry of bpf_fentry_test1"),
        ("leaving", "seen_exit", 5, "exit of bpf_fentry_test2"),
    ];
    for (name, counter, value, hook) in cases {
        let object = load(&host(), &only(name));
        let program = object.program(name).unwrap();
        run(program);
        assert_eq!(seen(&object, counter).calls, 0, "{name}: not attached");
        let link = program.attach().unwrap();
        assert_eq!(link.hook(), hook);
        run(program);
        let expected = Seen {
            calls: 1,
            cookie: 0,
            value,
        };
        assert_eq!(seen(&object, counter), expected, "{name}");
        link.detach().unwrap();
        run(program);
        assert_eq!(seen(&object, counter).calls, 1, "{name}: detached");
    }
}

/// Attached, the program has the kernel refuse us our group with this error.
fn refuses_the_group(name: &str, counter: &str, hook: &str, error: nix::errno::Errno) {
    let object = load(&host(), &only(name));
    group().unwrap();
    let link = object.program(name).unwrap().attach().unwrap();
    assert_eq!(link.hook(), hook);
    assert_eq!(group().unwrap_err(), error);
    let seen = seen(&object, counter);
    assert_eq!((seen.calls, seen.value), (1, 0));
    drop(link);
    group().unwrap();
}

#[test]
fn a_function_returns_what_a_program_says() {
    if let Some(why) = lacking() {
        skip!("{why}");
    }
    let hook = "return value of security_task_getpgid";
    refuses_the_group("modify", "seen_modified", hook, nix::errno::Errno::ESRCH);
}

#[test]
fn an_lsm_hook_refuses() {
    if let Some(why) = lacking() {
        skip!("{why}");
    }
    let hook = "LSM hook task_getpgid";
    refuses_the_group("refuse", "seen_hook", hook, nix::errno::Errno::EPERM);
}

/// Attaches with a cookie; `None` on kernels that have none for these.
fn with_cookie(program: &Program) -> Option<Link> {
    match program.attach_to(Tracing::new().cookie(COOKIE)) {
        Err(error) if error.errno() == Some(Errno::EINVAL) => None,
        link => Some(link.unwrap()),
    }
}

#[test]
fn functions_carry_cookies() {
    if let Some(why) = lacking() {
        skip!("{why}");
    }
    let cases = [
        ("entry", "seen_entry"),
        ("leaving", "seen_exit"),
        ("modify", "seen_modified"),
        ("refuse", "seen_hook"),
    ];
    for (name, counter) in cases {
        let mut spec = only(name);
        spec.variable("with_cookie").unwrap().set(1_u8).unwrap();
        let object = match spec.load(&host()) {
            Err(error) if knows_no_cookies(&error) => skip!("no cookies: {error}"),
            object => object.unwrap(),
        };
        let program = object.program(name).unwrap();
        let Some(link) = with_cookie(program) else {
            skip!("no cookies for programs at functions");
        };
        match name {
            "modify" | "refuse" => drop(group().unwrap_err()),
            _ => drop(run(program)),
        }
        assert_eq!(seen(&object, counter).cookie, COOKIE, "{name}");
        drop(link);
    }
}

fn knows_no_cookies(error: &Error) -> bool {
    let mut failures = error.failures().iter();
    failures.any(|failure| failure.error.to_string().contains("get_attach_cookie"))
}
