//! The command line itself: help, versions, wrong usage.

mod common;

use common::{run, stderr, stdout};

#[test]
fn wrong_usage_is_status_2() {
    let wrong: &[&[&str]] = &[
        &[],
        &["nonsense"],
        &["verify"],
        &["verify", "--log", "--json", "x.o"],
        &["run", "--for", "soon"],
        &["run", "--attach", "count=xdp:lo"],
        &["run", "x.o", "--attach", "count"],
        &["run", "x.o", "--attach", "count=probe:x"],
        &["run", "x.o", "--set", "name"],
        &["map", "dump"],
        &["map", "dump", "x", "--for", "1"],
        &["map", "get"],
        &["map", "get", "x", "port=1"],
        &["map", "set", "x"],
        &["map", "set", "x", "key"],
        &["map", "set", "x", "key=1", "--exist", "--noexist"],
        &["map", "create", "x", "--type", "hash"],
        &["map", "create", "x", "--type", "hsh", "--pin", "p"],
        &[
            "map", "create", "x", "--type", "hash", "--pin", "p", "--flags", "no",
        ],
        &[
            "map",
            "create",
            "x",
            "--type",
            "hash",
            "--pin",
            "p",
            "--key-type",
            "u32",
        ],
        &["map", "pin", "x"],
        &["map", "top", "--sort", "name"],
        &["tail"],
        &["tail", "x", "--for", "soon"],
        &["prog"],
        &["obj"],
        &["obj", "show"],
        &["obj", "disasm", "--json"],
        &["obj", "link", "x.o"],
        &["obj", "link", "-o", "y.o"],
        &["obj", "loader", "x.o"],
    ];
    for args in wrong {
        let Some(output) = run(args) else { return };
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_wrong_hook_is_told_the_right_ones() {
    let Some(output) = run(&["run", "x.o", "--attach", "count=probe:x"]) else {
        return;
    };
    let text = stderr(&output);
    assert!(
        text.contains("xdp:IFACE") && text.contains("raw_tp:NAME"),
        "{text}"
    );
}

#[test]
fn a_wrong_assignment_is_told_the_right_form() {
    let Some(output) = run(&["map", "set", "flows", "port=1"]) else {
        return;
    };
    let text = stderr(&output);
    assert!(
        text.contains("key[.MEMBER]=VALUE") && text.contains("cpu=N"),
        "{text}"
    );
}

#[test]
fn help_names_the_commands_and_the_exit_status() {
    let Some(output) = run(&["--help"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for part in [
        "run",
        "verify",
        "features",
        "obj",
        "prog",
        "map",
        "link",
        "tail",
        "Exit status",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn without_a_terminal_there_are_no_escapes() {
    let Some(output) = run(&["verify", "/nonexistent.o"]) else {
        return;
    };
    assert!(!output.stdout.contains(&0x1b), "{}", stdout(&output));
}
