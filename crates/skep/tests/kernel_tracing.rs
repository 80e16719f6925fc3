//! Programs at entry and exit of kernel functions, in place of what they return, and at LSM hooks.
//! They rest on trampolines.

mod common;

use common::{Seen, host, load, object, seen, skip};
use skep::link::{LinkKind, Tracing, TracingMulti};
use skep::probe::{Answer, Feature};
use skep::prog::TestRun;
use skep::{Errno, Error, ErrorKind, Link, Object, ObjectSpec, Program};

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

#[test]
fn entry_and_exit_are_seen_by_one_program() {
    let answer = host().probe(Feature::Fsession);
    if answer != Answer::Yes {
        skip!("sessions of functions: {answer}");
    }
    let object = load(&host(), &only("both"));
    let program = object.program("both").unwrap();
    let link = program.attach().unwrap();
    assert_eq!(link.hook(), "entry and exit of bpf_fentry_test1");
    run(program);
    assert_eq!(seen(&object, "seen_both").calls, 2);
    drop(link);
    run(program);
    assert_eq!(seen(&object, "seen_both").calls, 2);
}

macro_rules! need_many {
    () => {
        let answer = host().probe(Feature::LinkTracingMulti);
        if answer != Answer::Yes {
            skip!("tracing programs at many functions: {answer}");
        }
    };
}

/// Calls that a program of many functions saw in one run.
fn calls(object: &Object, name: &str) -> u64 {
    let before = seen(object, "seen_many").calls;
    run(object.program(name).unwrap());
    seen(object, "seen_many").calls - before
}

#[test]
fn many_functions_are_traced_by_one_link() {
    need_many!();
    for (name, times) in [("many_entries", 1), ("many_exits", 1), ("many_both", 2)] {
        let object = load(&host(), &only(name));
        let link = object.program(name).unwrap().attach().unwrap();
        assert_eq!(link.hook(), "kernel functions bpf_fentry_test?");
        let count = calls(&object, name);
        assert!(count >= 8 * times, "{name}: {count} calls");
        if let LinkKind::TracingMulti { count: of, ids, .. } = link.info().unwrap().kind {
            assert_eq!((u64::from(of) * times, ids.len()), (count, of as usize));
        }
        drop(link);
        assert_eq!(calls(&object, name), 0, "{name}: detached");
    }
}

#[test]
fn each_of_many_functions_has_its_cookie() {
    need_many!();
    let mut spec = only("many_entries");
    spec.variable("with_cookie").unwrap().set(1_u8).unwrap();
    let object = load(&host(), &spec);
    let program = object.program("many_entries").unwrap();
    let two = TracingMulti::functions(&["bpf_fentry_test3", "bpf_fentry_test1"]);
    let link = program
        .attach_to(two.clone().cookies(&[1 << 40, 2]))
        .unwrap();
    run(program);
    let seen = seen(&object, "seen_many");
    assert_eq!((seen.calls, seen.cookie), (2, (1 << 40) + 2));
    drop(link);

    let wrong = program.attach_to(two.cookies(&[1])).unwrap_err();
    assert_eq!(wrong.errno(), Some(Errno::EINVAL), "{wrong}");
    let btf = host().kernel_btf().unwrap().clone();
    let function = btf.find("bpf_fentry_test2", Some(skep::codec::btf::Kind::Func));
    let _link = program.attach_to(TracingMulti::ids(&[function.unwrap().0]));
    assert_eq!(calls(&object, "many_entries"), 1);
}

#[test]
fn functions_that_are_not_there_are_named() {
    need_many!();
    let object = load(&host(), &only("many_entries"));
    let program = object.program("many_entries").unwrap();
    let refused = |hook| program.attach_to(hook).unwrap_err();
    let none = refused(TracingMulti::functions(&[
        "bpf_fentry_test1",
        "no_such_thing",
    ]));
    assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
    assert!(none.to_string().contains("`no_such_thing`"), "{none}");
    let none = refused(TracingMulti::matching("no_such_*"));
    assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
    let module = refused(TracingMulti::matching("veth:veth_*"));
    assert_eq!(module.kind(), ErrorKind::Invalid, "{module}");
    assert!(
        module.to_string().contains("fentry.multi/veth:"),
        "{module}"
    );
}

#[test]
fn functions_of_a_module_are_traced() {
    need_many!();
    // The pair needs the module, if it is one.
    common::own_network();
    let Some(_) = common::pair() else {
        skip!("no veth here");
    };
    let spec = only("many_of_module");
    let object = match spec.load(&host()) {
        Err(error) if error.failures()[0].error.kind() == ErrorKind::NotFound => {
            skip!("no module veth with types: {error}")
        }
        object => object.unwrap(),
    };
    let link = object.program("many_of_module").unwrap().attach().unwrap();
    assert!(common::ip("link del skep0"));
    assert!(seen(&object, "seen_many").calls > 0, "{link}");
}
