//! `skep features` against the running kernel.

mod common;

use common::{Scratch, json_lines, root, run, skep, stderr, stdout};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{fs, path::Path};

/// The row of this group and name.
fn row<'a>(rows: &'a [Value], group: &str, name: &str) -> &'a Value {
    let is = |row: &&Value| row["group"] == group && row["name"] == name;
    let mut found = rows.iter().filter(is);
    let row = found.next().unwrap_or_else(|| panic!("no {group} {name}"));
    assert!(found.next().is_none(), "{group} {name} twice");
    row
}

#[test]
fn features_tells_of_kernel_and_process() {
    if !root() {
        return;
    }
    let Some(output) = run(&["features", "--json"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = json_lines(&output);
    let filter = row(&rows, "program_type", "socket_filter");
    assert_eq!(
        *filter,
        json!({
            "group": "program_type", "name": "socket_filter", "answer": "yes", "errno": null,
            "since": "3.19", "config": ["NET"],
        })
    );
    assert_eq!(row(&rows, "map_type", "array")["answer"], "yes");
    assert_eq!(row(&rows, "map", "mmapable_array")["answer"], "yes");
    assert_eq!(row(&rows, "capability", "cap_net_admin")["value"], true);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs");
    assert_eq!(row(&rows, "kernel", "release")["value"], release.trim());
    let setting = fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled");
    let setting: i64 = setting.expect("procfs").trim().parse().expect("a number");
    let told = row(&rows, "sysctl", "kernel.unprivileged_bpf_disabled");
    assert_eq!(told["value"], setting);
    assert!(rows.iter().all(|row| row["group"] != "helper"));
    let answers = rows.iter().filter(|row| row.get("answer").is_some());
    assert!(answers.count() > 140);

    let text = run(&["features"]).expect("ran before");
    let text = stdout(&text);
    for heading in ["This process", "Program types", "Map types", "Links"] {
        assert!(text.contains(heading), "{text}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let filter = lines.iter().find(|l| l.starts_with("socket_filter "));
    let words: Vec<&str> = filter.expect("a row").split_whitespace().collect();
    assert_eq!(words, ["socket_filter", "yes", "3.19", "NET"]);
}

/// Without privilege nothing that the kernel can do is a "no", and it is said what is missing.
#[test]
fn features_without_privilege_says_so() {
    if !root() || skep().is_none() {
        return;
    }
    // Where nobody can reach it.
    let scratch = Scratch::new("nobody");
    let binary = fs::read(env!("CARGO_BIN_EXE_skep")).expect("the binary");
    let path = scratch.file("skep", &binary);
    for path in [
        Path::new(&path),
        Path::new(&path).parent().expect("a directory"),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
    }
    let mut command = Command::new(&path);
    let output = command
        .args(["features", "--json"])
        .uid(65534)
        .gid(65534)
        .output();
    let output = output.expect("starts");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = json_lines(&output);
    let filter = row(&rows, "program_type", "xdp");
    assert_eq!(
        (&filter["answer"], &filter["errno"]),
        (&json!("unknown"), &json!("EPERM"))
    );
    assert_eq!(row(&rows, "capability", "cap_bpf")["value"], false);
    assert!(rows.iter().all(|row| row["answer"] != "no"));
    let advice = stderr(&output);
    assert!(advice.contains("lacks CAP_BPF"), "{advice}");
}

/// Where skep says more than bpftool, and why.
const MORE: &[(&str, &str)] = &[
    (
        "tracing",
        "bpftool asks by fentry, which a kernel may forbid, and about no helpers",
    ),
    ("struct_ops", "bpftool asks about no helpers"),
    ("lsm", "bpftool asks about no helpers"),
    (
        "cgroup_sockopt",
        "bpftool asks about getsockopt programs only",
    ),
    (
        "cgroup_sock_addr",
        "bpftool asks about connect programs only",
    ),
    (
        "cgroup_sock",
        "bpftool asks about sock_create programs only",
    ),
    (
        "kprobe",
        "bpftool asks about programs that may not sleep only",
    ),
    ("syscall", "bpftool before 7.2 asks about no helpers"),
];

#[test]
fn bpftool_agrees() {
    let Ok(theirs) = Command::new("bpftool")
        .args(["-j", "feature", "probe", "kernel", "full"])
        .output()
    else {
        println!("skep-skip: no bpftool here");
        return;
    };
    if !root() {
        return;
    }
    let Some(ours) = run(&["features", "--full", "--json"]) else {
        return;
    };
    let rows = json_lines(&ours);
    let theirs: Value = serde_json::from_slice(&theirs.stdout).expect("bpftool speaks JSON");
    let may_differ = |name: &str| MORE.iter().any(|(more, _)| *more == name);
    let mut differences = Vec::new();
    for (key, group, tail) in [
        ("program_types", "program_type", "_prog_type"),
        ("map_types", "map_type", "_map_type"),
    ] {
        for (name, has) in theirs[key].as_object().expect("a table") {
            let name = name.trim_start_matches("have_").trim_end_matches(tail);
            let answer = &row(&rows, group, name)["answer"];
            let more = answer == "yes" && may_differ(name);
            if (answer == "yes") != *has && !more {
                differences.push(format!("{group} {name}: {answer}, bpftool {has}"));
            }
        }
    }
    let helpers = |name: &str| -> BTreeSet<String> {
        let list = theirs["helpers"][format!("{name}_available_helpers")].as_array();
        let names = list.into_iter().flatten().filter_map(Value::as_str);
        names
            .map(|name| name.trim_start_matches("bpf_").to_owned())
            .collect()
    };
    // No socket filter makes system calls: this bpftool does not know how this kernel says so
    // (Linux 6.8 changed the words).
    if helpers("socket_filter").contains("sys_bpf") {
        println!("this bpftool is too old to ask this kernel about helpers");
    } else {
        compare_helpers(&rows, &helpers, &may_differ, &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn compare_helpers(
    rows: &[Value],
    theirs: &dyn Fn(&str) -> BTreeSet<String>,
    may_differ: &dyn Fn(&str) -> bool,
    differences: &mut Vec<String>,
) {
    let mut ours: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in rows
        .iter()
        .filter(|row| row["group"] == "helper" && row["answer"] == "yes")
    {
        let program = row["program_type"].as_str().expect("a name");
        let name = row["name"].as_str().expect("a name");
        ours.entry(program).or_default().insert(name.to_owned());
    }
    let known: BTreeSet<String> = ours.keys().flat_map(|program| theirs(program)).collect();
    for (program, mut ours) in ours {
        // Newer ones it does not ask about.
        ours.retain(|name| known.contains(name));
        let theirs = theirs(program);
        let lacks: Vec<_> = theirs.difference(&ours).collect();
        if !lacks.is_empty() {
            differences.push(format!("{program}: bpftool has {lacks:?}"));
        }
        let more: Vec<_> = ours.difference(&theirs).collect();
        if !more.is_empty() && !may_differ(program) {
            differences.push(format!("{program}: bpftool lacks {more:?}"));
        }
    }
}
