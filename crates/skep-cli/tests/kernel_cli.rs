//! The binary against the running kernel. Needs root; touches only what it makes.

mod common;

use common::{Running, Scratch, json_lines, object, root, run, skep, stderr, stdout};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::{fs, process, thread, time::Duration};

fn put(scratch: &Scratch, (name, bytes): (&str, &[u8])) -> String {
    scratch.file(&format!("{name}.o"), bytes)
}

/// Starts `skep` and waits until it says on standard error that it is attached.
fn attached(command: &mut Command) -> (Running, BufReader<process::ChildStderr>) {
    let mut running = Running::start(command);
    let mut errors = running.errors();
    let mut line = String::new();
    while !line.starts_with("attached ") {
        line.clear();
        let read = errors.read_line(&mut line).expect("UTF-8");
        assert_ne!(read, 0, "ended before it was attached");
    }
    (running, errors)
}

/// Rows of a list command.
fn list(noun: &str) -> Vec<Value> {
    let output = run(&[noun, "list", "--json"]).expect("looked at before");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    json_lines(&output)
}

#[test]
fn verify_tells_of_each_program() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("verify");
    let rawtp = put(&scratch, object!("rawtp"));
    let Some(output) = run(&["verify", "--json", &rawtp]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let rows = json_lines(&output);
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(row["object"], json!(rawtp));
    assert_eq!(row["program"], json!("count"));
    assert_eq!(row["section"], json!("raw_tp/sys_enter"));
    assert_eq!(row["opened"], json!(true));
    assert_eq!(row["loaded"], json!(true));
    assert_eq!((&row["errno"], &row["error"]), (&Value::Null, &Value::Null));
    assert!(row["insns"].as_u64().is_some_and(|n| n > 20), "{row}");
    assert!(row["load_ns"].as_u64().is_some_and(|n| n > 1000), "{row}");
    let tag = row["tag"].as_str().expect("a tag");
    assert!(
        tag.len() == 16 && tag.bytes().all(|b| b.is_ascii_hexdigit()),
        "{tag}"
    );
}

#[test]
fn verify_pins_nothing() {
    if !root() {
        return;
    }
    let (scratch, Some(skep)) = (Scratch::new("pins"), skep()) else {
        return;
    };
    let pinned = put(&scratch, object!("pinned"));
    // Where maps are pinned by default, nothing can be.
    let script = "mount -t tmpfs none /sys/fs/bpf && \"$0\" verify \"$1\" && ls /sys/fs/bpf";
    let mut apart = Command::new("unshare");
    apart.args(["-m", "sh", "-c", script]);
    let output = apart.arg(skep.get_program()).arg(&pinned).output();
    let output = output.expect("unshare");
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.starts_with("ok ") && text.lines().count() == 1,
        "{text}"
    );
}

#[test]
fn run_says_which_maps_stay_pinned() {
    if !root() {
        return;
    }
    let (scratch, Some(skep)) = (Scratch::new("stay"), skep()) else {
        return;
    };
    let pinned = put(&scratch, object!("pinned"));
    // A socket filter is attached to nothing: the run fails, and its pin stays all the same.
    let script = "mount -t bpf bpf /sys/fs/bpf && \"$0\" run \"$1\" --for 0; ls /sys/fs/bpf";
    let mut apart = Command::new("unshare");
    apart.args(["-m", "sh", "-c", script]);
    let output = apart.arg(skep.get_program()).arg(&pinned).output();
    let output = output.expect("unshare");
    let text = stderr(&output);
    assert!(
        text.contains("a map stays pinned, as the object asks: /sys/fs/bpf/pinned_count"),
        "{text}"
    );
    assert!(stdout(&output).contains("pinned_count"), "{text}");
}

#[test]
fn verify_explains_each_refusal() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("broken");
    let broken = put(&scratch, object!("broken"));
    let Some(output) = run(&["verify", "--json", &broken]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(1));
    let rows = json_lines(&output);
    let loaded = |name: &str| {
        let row = rows.iter().find(|row| row["program"] == json!(name));
        row.expect("a row for each program")["loaded"] == json!(true)
    };
    assert!(
        !loaded("endless") && !loaded("beyond") && loaded("good"),
        "{rows:?}"
    );
    for row in rows.iter().filter(|r| r["loaded"] == false) {
        assert!(row["errno"].as_i64().is_some_and(|e| e > 0), "{row}");
        assert!(row["insns"].as_u64().is_some(), "{row}");
    }
    let text = stdout(&run(&["verify", &broken]).expect("ran before"));
    assert!(text.contains(": return values[skb->len];"), "{text}");
    assert!(text.contains("hint:"), "{text}");
}

#[test]
fn run_prints_typed_events_of_the_chosen_process() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("run");
    let rawtp = put(&scratch, object!("rawtp"));
    let set = format!("target_pid={}", process::id());
    let args = ["run", &rawtp, "--set", &set, "--json", "--for", "1"];
    let Some(mut command) = skep() else { return };
    let (running, _errors) = attached(command.args(args));
    for _ in 0..5 {
        fs::metadata("/proc/self").expect("procfs");
        thread::sleep(Duration::from_millis(10));
    }
    let output = running.finish();
    assert_eq!(output.status.code(), Some(0));
    let events = json_lines(&output);
    assert!(events.len() >= 10, "{} events", events.len());
    for event in &events {
        assert_eq!(event["map"], json!("events"));
        assert_eq!(event["pid"], json!(process::id()));
        let comm = event["comm"].as_str().expect("a string");
        assert!(!comm.is_empty() && comm.len() < 16, "{comm}");
        let keys: Vec<_> = event.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["map", "time_ns", "pid", "tid", "syscall", "comm"]);
    }
}

#[test]
fn the_demo_sees_a_process_start() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("demo");
    let program = scratch.file("skep-demo-child", b"#!/bin/sh\n");
    fs::copy("/bin/sh", &program).expect("a copy of the shell");
    let Some(mut command) = skep() else { return };
    let (running, _errors) = attached(command.args(["run", "--json", "--for", "1.5"]));
    let mut permissions = fs::metadata(&program).expect("there").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(&program, permissions).expect("own file");
    let mut child = Command::new(&program)
        .args(["-c", "exit 0"])
        .spawn()
        .expect("starts");
    let pid = child.id();
    child.wait().expect("ends");
    let output = running.finish();
    assert_eq!(output.status.code(), Some(0));
    let events = json_lines(&output);
    let event = events
        .iter()
        .find(|e| e["pid"] == json!(pid))
        .expect("the event");
    assert_eq!(event["filename"], json!(program));
    assert_eq!(event["ppid"], json!(process::id()));
    assert_eq!(event["comm"], json!("skep-demo-child"));
    assert_eq!(event["uid"], json!(0));
}

#[test]
fn lists_show_a_run_and_ctrl_c_leaves_nothing() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("lists");
    let rawtp = put(&scratch, object!("rawtp"));
    let set = format!("target_pid={}", process::id());
    let Some(mut command) = skep() else { return };
    command.args(["run", &rawtp, "--set", &set, "--json"]);
    let programs_before = ids(&list("prog"));
    let (running, mut errors) = attached(&mut command);
    let mine = |rows: Vec<Value>, before: &[u64]| -> Vec<Value> {
        let new = |row: &Value| row["id"].as_u64().is_some_and(|id| !before.contains(&id));
        rows.into_iter().filter(new).collect()
    };
    let program = mine(list("prog"), &programs_before)
        .into_iter()
        .find(|row| row["name"] == json!("count") && owns(running.pid(), "prog_id", &row["id"]))
        .expect("the program in the list");
    assert_eq!(program["type"], json!("raw_tracepoint"));
    let links = list("link");
    let link = links
        .iter()
        .find(|row| row["prog_id"] == program["id"])
        .expect("its link");
    assert_eq!(link["tracepoint"], json!("sys_enter"), "{link}");
    let map_ids = program["map_ids"].as_array().expect("ids");
    let maps = list("map");
    let map = |part: &str| {
        maps.iter()
            .find(|m| {
                map_ids.contains(&m["id"]) && m["name"].as_str().is_some_and(|n| n.contains(part))
            })
            .unwrap_or_else(|| panic!("no map {part}"))
    };
    assert_eq!(map("events")["type"], json!("ringbuf"));
    dumped(program["id"].as_u64().expect("an id"), &map(".bss")["id"]);
    let bss = map(".bss")["id"].to_string();
    let output = run(&["map", "dump", "--json", &bss]).expect("ran before");
    let dump = json_lines(&output);
    let [entry] = dump.as_slice() else {
        panic!("{dump:?} {}", stderr(&output));
    };
    assert!(
        entry["value"]["hits"].as_u64().is_some_and(|n| n > 0),
        "{entry}"
    );
    let ring = map("events")["id"].to_string();
    let output = run(&["map", "dump", &ring]).expect("ran before");
    assert_eq!(output.status.code(), Some(1));

    running.interrupt();
    let output = running.finish();
    assert_eq!(output.status.code(), Some(0));
    let mut summary = String::new();
    while errors.read_line(&mut summary).expect("UTF-8") > 0 {}
    assert!(
        summary.contains("events in ") && summary.contains(" lost"),
        "{summary}"
    );
    // The kernel frees a program some time after its last user is gone.
    let id = program["id"].as_u64().expect("an id");
    let gone = (0..50).any(|_| {
        thread::sleep(Duration::from_millis(100));
        !ids(&list("prog")).contains(&id)
    });
    assert!(gone, "program {id} is still there");
}

/// The instructions of the loaded program, with source lines and names.
fn dumped(id: u64, bss: &Value) {
    let output = run(&["prog", "dump", &id.to_string(), "--json"]).expect("ran before");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = json_lines(&output);
    let same = |row: &Value| row["id"] == json!(id) && row["function"] == json!("count");
    assert!(rows.iter().all(same), "{rows:?}");
    let hits = rows
        .iter()
        .find(|row| row["source"] == json!("__sync_fetch_and_add(&hits, 1);"))
        .expect("the source line");
    let place = hits["place"].as_str().expect("a place");
    assert!(place.ends_with("testdata/rawtp.bpf.c:38"), "{place}");
    let named = format!(".bss][0]+0 ; id {bss}");
    let text = |row: &&Value| row["text"].as_str().is_some_and(|t| t.ends_with(&named));
    assert!(rows.iter().any(|row| text(&row)), "{rows:?}");
    let text = stdout(&run(&["prog", "dump", &id.to_string()]).expect("ran before"));
    assert!(text.starts_with("count:\n"), "{text}");
    let line = format!("    ; __sync_fetch_and_add(&hits, 1); @ {place}\n");
    assert!(text.contains(&line), "{text}");
}

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().filter_map(|row| row["id"].as_u64()).collect()
}

/// Whether a process has a descriptor of this kind with this id.
fn owns(pid: u32, kind: &str, id: &Value) -> bool {
    let wanted = format!("{kind}:\t{id}");
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("procfs");
    infos.flatten().any(|info| {
        fs::read_to_string(info.path()).is_ok_and(|text| text.lines().any(|l| l == wanted))
    })
}

#[test]
fn an_xdp_program_asks_for_its_interface() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("xdp");
    let xdp = put(&scratch, object!("xdp"));
    let Some(output) = run(&["run", &xdp, "--for", "1"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("--attach pass=xdp:IFACE"), "{text}");
    assert!(text.contains("--attach drop=xdp:IFACE"), "{text}");
}

#[test]
fn a_probe_goes_where_it_is_told() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("probes");
    let object = put(&scratch, object!("probes"));
    let exe = std::env::current_exe().expect("own path");
    let hook = format!("anywhere=uprobe:{}:main", exe.display());
    let Some(output) = run(&["run", &object, "--attach", &hook, "--for", "0.2"]) else {
        return;
    };
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let attached = format!("attached anywhere to function main in {}", exe.display());
    assert!(text.contains(&attached), "{text}");
    // The section names a function that is not in the file.
    assert!(text.contains("user_entry is not attached: "), "{text}");
    assert!(text.contains("no function `skep_probe_target`"), "{text}");
}

/// The binary in a network of its own where interface `skep0` is up, with something going on
/// beside it; `None`, said, where there is no such network.
fn on_own_veth(beside: &str, args: &str) -> Option<Output> {
    skep()?;
    let script = format!(
        "ip link add skep0 type veth peer name skep1 && ip link set skep0 up && \
         ip link show skep1 > /dev/null || exit 9; {beside} exec {} {args}",
        env!("CARGO_BIN_EXE_skep")
    );
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c", &script])
        .output();
    match output {
        Ok(output) if output.status.code() != Some(9) => return Some(output),
        Ok(_) => println!("skep-skip: no veth here whose other end can be named"),
        Err(_) => println!("skep-skip: no unshare here"),
    }
    None
}

#[test]
fn an_xdp_program_runs_on_its_own_interface() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("veth");
    let xdp = put(&scratch, object!("xdp"));
    let args = format!("run {xdp} --attach pass=xdp:skep0 --for 0.5");
    let Some(output) = on_own_veth("", &args) else {
        return;
    };
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("attached "), "{text}");
}

#[test]
fn classifiers_go_to_interfaces() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("tcx");
    let object = put(&scratch, object!("tcx"));
    let hooks = "--attach first=ingress:skep0 --attach second=egress:skep0";
    let args = format!("run {object} {hooks} --for 0.2");
    let Some(output) = on_own_veth("", &args) else {
        return;
    };
    let text = stderr(&output);
    if text.contains("EINVAL") {
        println!("skep-skip: no tcx in this kernel: {text}");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{text}");
    for told in [
        "attached first to tcx ingress of skep0",
        "attached second to tcx egress of skep0",
        "third is not attached: give --attach third=ingress:IFACE",
    ] {
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn what_is_on_interfaces_is_listed() {
    if !root() || skep().is_none() {
        return;
    }
    let scratch = Scratch::new("net");
    let (tcx, xdp) = (put(&scratch, object!("tcx")), put(&scratch, object!("xdp")));
    let skep = env!("CARGO_BIN_EXE_skep");
    let script = format!(
        "ip link add skep0 type veth && ip link set skep0 up || exit 9
         {skep} run {tcx} --attach first=ingress:skep0 --attach second=ingress:skep0 --for 60 & classifiers=$!
         {skep} run {xdp} --attach pass=xdp:skep0 --for 60 & xdp=$!
         left=100
         until {skep} net list | grep -q second && {skep} net list | grep -q xdp; do
             left=$((left - 1)); [ $left -gt 0 ] || break; sleep 0.1
         done
         {skep} net list --json; status=$?
         {skep} net list
         kill -TERM $classifiers $xdp; wait; exit $status"
    );
    let mut shell = Command::new("unshare");
    let output = shell.args(["-n", "sh", "-c", &script]).output().unwrap();
    let text = stderr(&output);
    if output.status.code() == Some(9) || text.contains("EINVAL") {
        println!("skep-skip: no veth or no links to interfaces here: {text}");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{text}");
    let printed = stdout(&output);
    let rows: Vec<Value> = printed
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let told: Vec<_> = rows
        .iter()
        .map(|row| [&row["interface"], &row["hook"], &row["name"]].map(|v| v.as_str().unwrap()))
        .collect();
    let expected = [
        ["skep0", "xdp native", "pass"],
        ["skep0", "tcx ingress", "first"],
        ["skep0", "tcx ingress", "second"],
    ];
    assert_eq!(told, expected, "{printed}{text}");
    assert!(rows.iter().all(|row| row["prog_id"].as_u64().unwrap() > 0));
    assert!(printed.contains("INTERFACE  HOOK"), "{printed}");
}

#[test]
fn a_program_of_a_cgroup_goes_where_it_is_told() {
    if !root() || skep().is_none() {
        return;
    }
    let scratch = Scratch::new("cgroup");
    let object = put(&scratch, object!("cgskb"));
    let mount = format!("{object}.hierarchy");
    let group = format!("{mount}/skep-cli-{}", process::id());
    let script = format!(
        "mkdir {mount} && mount -t cgroup2 skep {mount} && mkdir {group} || exit 9
         {} run {object} --attach egress=cgroup:{group} --for 0.2
         status=$?; rmdir {group}; exit $status",
        env!("CARGO_BIN_EXE_skep")
    );
    let mut shell = Command::new("unshare");
    let output = shell.args(["-m", "sh", "-c", &script]).output().unwrap();
    if output.status.code() == Some(9) {
        println!("skep-skip: no cgroup2 to make one in");
        return;
    }
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let attached = format!("attached egress to cgroup_inet_egress of cgroup {group}");
    assert!(text.contains(&attached), "{text}");
    let told = "drop_egress is not attached: give --attach drop_egress=cgroup:PATH";
    assert!(text.contains(told), "{text}");
}

#[test]
fn a_route_runs_a_program_and_is_listed() {
    if !root() || skep().is_none() {
        return;
    }
    let scratch = Scratch::new("route");
    let object = put(&scratch, object!("lwt"));
    let skep = env!("CARGO_BIN_EXE_skep");
    let script = format!(
        "ip link add skep0 type veth && ip link set skep0 up || exit 9
         {skep} run {object} --attach go=route:10.78.0.0/16@skep0 --for 60 & run=$!
         left=100
         until {skep} net list | grep -q route; do
             left=$((left - 1)); [ $left -gt 0 ] || break; sleep 0.1
         done
         {skep} net list --json; status=$?
         kill -TERM $run; wait
         {skep} net list --json; exit $status"
    );
    let mut shell = Command::new("unshare");
    let output = shell.args(["-n", "sh", "-c", &script]).output().unwrap();
    let text = stderr(&output);
    if output.status.code() == Some(9) || text.contains("CONFIG_LWTUNNEL_BPF") {
        println!("skep-skip: no veth or no such routes here: {text}");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{text}");
    let told = "come is not attached: give --attach come=route:PREFIX@IFACE";
    assert!(text.contains(told), "{text}");
    let attached = "attached go to lwt_out of the route to 10.78.0.0/16";
    assert!(text.contains(attached), "{text}");
    // There while it ran, and not afterwards.
    let rows = json_lines(&output);
    let [row] = rows.as_slice() else {
        panic!("{rows:?}{text}");
    };
    assert_eq!(row["interface"], json!("skep0"));
    assert_eq!(row["hook"], json!("route 10.78.0.0/16 out"));
    let name = row["name"].as_str().unwrap();
    assert!(name.starts_with("go:"), "{name}");
}

#[test]
fn perf_event_arrays_are_read_like_rings() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("perf");
    let perf = put(&scratch, object!("perf"));
    let args = format!("run {perf} --attach send=xdp:skep0 --type samples=sample --json --for 4");
    // The other end says that it is there, when it is.
    let Some(output) = on_own_veth("(sleep 1; ip link set skep1 up) &", &args) else {
        return;
    };
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("reading samples as struct sample"), "{text}");
    let rows = json_lines(&output);
    assert!(!rows.is_empty(), "{text}");
    for row in &rows {
        let (map, size) = (&row["map"], &row["size"]);
        assert_eq!((map, size), (&json!("samples"), &json!(16)), "{row}");
    }
}

#[test]
fn wrong_names_are_told_the_right_ones() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("names");
    let rawtp = put(&scratch, object!("rawtp"));
    for (option, value, told) in [
        ("--attach", "nothing=xdp:lo", "count"),
        ("--type", "nothing=event", "events"),
        ("--type", "events=nothing", "event"),
        ("--set", "nothing=1", "nothing"),
        ("--set", "target_pid=many", "many"),
        ("--set", "target_pid.low=1", "'target_pid={low=1}'"),
    ] {
        let Some(output) = run(&["run", &rawtp, option, value, "--for", "0"]) else {
            return;
        };
        assert_eq!(output.status.code(), Some(1), "{option} {value}");
        assert!(
            stderr(&output).contains(told),
            "{option} {value}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn without_privilege_the_capability_is_named() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("nobody");
    let Some(_) = skep() else { return };
    let copy = scratch.file(
        "skep",
        &fs::read(env!("CARGO_BIN_EXE_skep")).expect("readable"),
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&copy, mode).expect("own file");
    let mut command = Command::new(&copy);
    let output = command
        .args(["run", "--for", "1"])
        .uid(65534)
        .gid(65534)
        .output();
    let output = output.expect("starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stderr(&output);
    assert!(
        text.contains("CAP_BPF") && text.contains("CAP_PERFMON"),
        "{text}"
    );
    assert!(text.contains("setcap") && text.contains("sudo"), "{text}");
    // What all maps lack is said once, not of each.
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.windows(2).all(|two| two[0] != two[1]), "{text}");
    let output = Command::new(&copy)
        .args(["map", "list"])
        .uid(65534)
        .gid(65534)
        .output();
    let output = output.expect("starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("CAP_SYS_ADMIN"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    if !root() {
        return;
    }
    let Some(mut command) = skep() else { return };
    let mut child = command
        .args(["prog", "list", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn tracepoints_need_no_mounted_tracefs() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("tracepoint");
    let object = put(&scratch, object!("tracepoint"));
    let mounts = || fs::read_to_string("/proc/mounts").expect("procfs");
    let before = mounts();
    let Some(output) = run(&["run", &object, "--for", "0.2"]) else {
        return;
    };
    let text = stderr(&output);
    if text.contains("tracefs is not mounted and cannot be") {
        println!("skep-skip: no tracefs");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("attached exec to tracepoint sched/sched_process_exec"),
        "{text}"
    );
    assert_eq!(mounts(), before);
}

#[test]
fn what_a_program_prints_is_shown_and_the_trace_left_as_it_was() {
    if !root() {
        return;
    }
    let scratch = Scratch::new("printk");
    let object = put(&scratch, object!("printk"));
    let set = format!("target_pid={}", process::id());
    let Some(mut command) = skep() else { return };
    let args = ["run", &object, "--set", &set, "--json", "--for", "1"];
    let (running, mut errors) = attached(command.args(args));
    for _ in 0..5 {
        fs::metadata("/proc/self").expect("procfs");
    }
    let output = running.finish();
    assert_eq!(output.status.code(), Some(0));
    let mut text = String::new();
    while errors.read_line(&mut text).expect("UTF-8") > 0 {}
    let lines = json_lines(&output);
    let ending = format!(" of process {}", process::id());
    let own = |line: &&Value| {
        line["printk"]
            .as_str()
            .is_some_and(|l| l.ends_with(&ending))
    };
    let mine = lines.iter().filter(own).count();
    assert!(mine >= 5, "{mine} lines; {text}");
}

/// The types of the module in `testdata/kmod`, where it is loaded.
#[test]
fn the_smallest_types_have_the_modules_in_them() {
    use skep::codec::elf::read_btf;

    if !std::path::Path::new("/sys/kernel/btf/skep_test").exists() {
        println!("skep-skip: no module skep_test");
        return;
    }
    let scratch = Scratch::new("btf-min-module");
    let object = put(&scratch, object!("kmod"));
    let small = scratch.file("min.btf", b"");
    let Some(output) = run(&["btf", "min", &object, "-o", &small]) else {
        return;
    };
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(0), String::new())
    );
    let small = read_btf(std::fs::read(small).unwrap(), None).unwrap();
    let state = small
        .find("skep_test_state", None)
        .expect("the module's type");
    let state = small.ty(state).unwrap();
    let members: Vec<_> = state.members().map(|m| m.unwrap()).collect();
    assert_eq!(state.size(), Some(16));
    let last = members.iter().find(|member| member.name == "last");
    assert_eq!(last.map(|member| member.bit_offset), Some(64));
    assert!(small.iter().count() < 50, "{} types", small.iter().count());
}
