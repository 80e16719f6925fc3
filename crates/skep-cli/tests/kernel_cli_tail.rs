//! What `skep` shows of maps as they change: watched dumps, `skep map top`, `skep tail`, terminals.
//! Needs root; touches only what it makes.

mod common;
#[path = "common/maps.rs"]
mod maps;

use common::{Running, Scratch, json_lines, object, root, run, skep, stderr, stdout};
use maps::{flows, id, ok};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use serde_json::{Value, json};
use skep::map::MapParams;
use skep::prog::TestRun;
use skep::{MapType, ObjectSpec, System};
use std::io::{BufRead, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, process};

fn started(args: &[&str]) -> Running {
    Running::start(skep().expect("looked at before").args(args))
}

#[test]
fn a_watched_map_shows_its_changes() {
    let Some(object) = flows() else { return };
    let map = object.map("routes").expect("a map");
    let key = |last: u8| [&32_u32.to_ne_bytes()[..], &[10, 0, 0, last]].concat();
    let any = skep::map::ElemFlags::ANY;
    map.update(&key(1), &1_u32.to_ne_bytes(), any)
        .expect("room");
    map.update(&key(2), &2_u32.to_ne_bytes(), any)
        .expect("room");
    let id = map.id().to_string();
    let args = ["map", "dump", &id, "--watch", "0.2", "--for", "20"];
    let mut child = started(&args);
    let mut lines = child.lines();
    let mut next = || lines.next().expect("a line").expect("UTF-8");
    let line = |sign: &str, last: u8, value: u32| {
        format!("{sign} {{ len = 32, addr = [0a 00 00 0{last}] }} = {value}")
    };
    let mut first = [next(), next()];
    first.sort();
    assert_eq!(first, [line("+", 1, 1), line("+", 2, 2)]);
    map.update(&key(1), &7_u32.to_ne_bytes(), any)
        .expect("there");
    assert_eq!(next(), line("~", 1, 7));
    map.delete(&key(2)).expect("there");
    assert_eq!(next(), line("-", 2, 2));
    assert_eq!(child.interrupted(), Some(0));
}

#[test]
fn top_counts_what_is_in_maps() {
    let Some(object) = flows() else { return };
    let flows = id(&object, "flows");
    for port in 0..16 {
        ok(
            "set",
            &flows,
            &[&format!("key.port={port}"), "value.limit=1"],
        );
    }
    let ring = id(&object, "samples");
    let data = object
        .maps()
        .iter()
        .find(|map| map.name().ends_with(".data"))
        .expect("a section");
    let data = data.id().to_string();
    let args = [
        "map",
        "top",
        &flows,
        &ring,
        &data,
        "--interval",
        "0.1",
        "--for",
        "0.25",
        "--json",
    ];
    let output = run(&args).expect("ran before");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = json_lines(&output);
    assert!(rows.len() >= 6 && rows.len().is_multiple_of(3), "{rows:?}");
    let first = &rows[0];
    assert_eq!(first["id"].to_string(), flows);
    assert_eq!(
        (&first["entries"], &first["max_entries"]),
        (&json!(16), &json!(64))
    );
    assert_eq!(
        (&first["fill_percent"], &first["change"]),
        (&json!(25.0), &Value::Null)
    );
    assert_eq!(rows[3]["change"], 0);
    assert!(
        first["memory_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 1000),
        "{first}"
    );
    assert_eq!(
        (&rows[1]["entries"], &rows[1]["id"].to_string()),
        (&json!(0), &ring)
    );
    assert_eq!(
        (&rows[2]["entries"], &rows[2]["id"].to_string()),
        (&Value::Null, &data)
    );
    // Of an array of programs, the slots that hold one; and what came since the last look.
    let jumps = id(&object, "jumps");
    let number = object.program("sample").expect("a program").id();
    let value = format!("value={}", number.expect("an id"));
    ok("set", &jumps, &["key=2", &value]);
    let mut child = started(&[
        "map",
        "top",
        &jumps,
        &flows,
        "--interval",
        "0.1",
        "--for",
        "20",
        "--json",
    ]);
    let mut lines = child.lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a row").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    };
    assert_eq!(next()["entries"], 1);
    assert_eq!(next()["entries"], 16);
    ok("set", &flows, &["key.port=99", "value.limit=1"]);
    let changed = (0..100).map(|_| next()).find(|row| row["entries"] == 17);
    assert_eq!(changed.expect("seen")["change"], 1);
    assert_eq!(child.interrupted(), Some(0));
    let text = stdout(&run(&["map", "top", &flows, "--for", "0"]).expect("ran before"));
    assert!(text.starts_with("ID ") && text.contains(" 26.6 "), "{text}");
}

#[test]
fn tail_prints_a_ring_and_takes_it_only_when_told() {
    let Some(object) = flows() else { return };
    let ring = id(&object, "samples");
    let send = || {
        let program = object.program("sample").expect("a program");
        let ran = program.test_run(&TestRun {
            data: &[0; 64],
            ..TestRun::default()
        });
        assert_eq!(ran.expect("runs").return_value, 1);
    };
    let output = run(&["tail", &ring, "--for", "0"]).expect("ran before");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains(&format!("({})", process::id())) && text.contains("--steal"),
        "{text}"
    );
    let mut child = started(&["tail", &ring, "--steal", "--json", "--for", "20"]);
    let mut errors = child.errors();
    let mut line = String::new();
    errors.read_line(&mut line).expect("UTF-8");
    assert!(line.contains("reading samples as struct sample"), "{line}");
    send();
    send();
    let begun = Instant::now();
    let mut lines = child.lines();
    for number in 0..2 {
        let line = lines.next().expect("a record").expect("UTF-8");
        let row: Value = serde_json::from_str(&line).expect("JSON");
        let sample = json!({"map": "samples", "number": number, "action": "LIMIT", "text": "ok"});
        assert_eq!(row, sample);
    }
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(10),
        "{took:?}: shown as they come"
    );
    assert_eq!(child.interrupted(), Some(0));
    line.clear();
    errors.read_to_string(&mut line).expect("UTF-8");
    assert!(
        line.starts_with("2 records in ") && line.contains("0 discarded"),
        "{line}"
    );
    send();
    let output = run(&["tail", &ring, "--steal", "--for", "0"]).expect("ran before");
    assert_eq!(
        stdout(&output),
        "samples  { number = 2, action = LIMIT, text = \"ok\" }\n"
    );
    let output = run(&["tail", &ring, "--steal", "--type", "nonesuch"]).expect("ran before");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("sample"), "{}", stderr(&output));
    let output = run(&["tail", &id(&object, "flows"), "--steal"]).expect("ran before");
    assert!(
        stderr(&output).contains("skep map dump"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn tail_prints_a_perf_buffer() {
    if !root() || skep().is_none() {
        return;
    }
    let system = System::host().expect("a kernel");
    let (name, bytes) = object!("perf");
    let spec = ObjectSpec::parse(bytes, name).expect("a committed object");
    let object = spec.load(&system).expect("loads");
    let map = id(&object, "samples");
    // The only candidate is also what a map holds, so that it must be named.
    let args = [
        "tail", &map, "--steal", "--type", "sample", "--json", "--for", "20",
    ];
    let mut child = started(&args);
    let mut errors = child.errors();
    let mut line = String::new();
    errors.read_line(&mut line).expect("UTF-8");
    assert!(line.contains("reading samples as struct sample"), "{line}");
    let program = object.program("send").expect("a program");
    for _ in 0..3 {
        program
            .test_run(&TestRun {
                data: &[0; 64],
                ..TestRun::default()
            })
            .expect("runs");
    }
    let mut lines = child.lines();
    for _ in 0..3 {
        let line = lines.next().expect("a record").expect("UTF-8");
        let row: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (&row["map"], &row["size"]),
            (&json!("samples"), &json!(16)),
            "{line}"
        );
    }
    assert_eq!(child.interrupted(), Some(0));
    line.clear();
    errors.read_to_string(&mut line).expect("UTF-8");
    assert!(
        line.starts_with("3 records in ") && line.contains("; 0 lost"),
        "{line}"
    );
}

/// Sends samples of 16 bytes.
fn send(object: &skep::Object, count: u32) {
    let test = TestRun {
        data: &[0; 64],
        repeat: count,
        ..TestRun::default()
    };
    object
        .program("send")
        .expect("a program")
        .test_run(&test)
        .expect("runs");
}

/// Keeps this thread on the CPU where it runs: buffers and their losses are the CPU's.
fn stay() {
    let mut set = CpuSet::new();
    set.set(sched_getcpu());
    sched_setaffinity(None, &set).expect("a CPU that is there");
}

#[test]
fn tail_tells_what_was_lost() {
    if !root() || skep().is_none() {
        return;
    }
    let system = System::host().expect("a kernel");
    let loaded = |(name, bytes): (&str, &[u8])| {
        let spec = ObjectSpec::parse(bytes, name).expect("a committed object");
        spec.load(&system).expect("loads")
    };
    let perf = loaded(object!("perf"));
    let args = ["tail", &id(&perf, "samples"), "--steal", "--for", "20"];
    let mut child = started(&args);
    let mut errors = child.errors();
    let mut line = String::new();
    errors.read_line(&mut line).expect("UTF-8");
    let stopped = |signal| {
        let pid = Pid::from_raw(child.pid() as i32).expect("a process");
        kill_process(pid, signal).expect("it is there");
    };
    stopped(Signal::STOP);
    stay();
    send(&perf, 5000);
    let count = |name: &str| -> u64 {
        let global = perf.global(name).expect("a global");
        global.read().expect("readable")
    };
    let (sent, refused) = (count("sent"), count("refused"));
    assert!(refused > 0);
    stopped(Signal::CONT);
    let mut lines = child.lines();
    let mut shown = |count: u64| {
        for _ in 0..count {
            lines.next().expect("a record").expect("UTF-8");
        }
    };
    shown(sent);
    // The kernel tells of losses with the next sample of that CPU that finds room.
    send(&perf, 1);
    shown(1);
    assert_eq!(child.interrupted(), Some(0));
    line.clear();
    errors.read_to_string(&mut line).expect("UTF-8");
    assert!(line.contains(&format!("; {refused} lost")), "{line}");

    let rings = loaded(object!("rings"));
    rings
        .global("count")
        .expect("a global")
        .set(101_u32)
        .expect("writable");
    let half = rings.program("send_half").expect("a program");
    let test = TestRun {
        data: &[0; 64],
        ..TestRun::default()
    };
    half.test_run(&test).expect("runs");
    let output = run(&["tail", &id(&rings, "events"), "--steal", "--for", "0"]);
    let text = stderr(&output.expect("ran before"));
    assert!(
        text.contains("51 records in ") && text.contains("50 discarded"),
        "{text}"
    );
}

#[test]
fn tail_takes_the_types_of_programs_that_use_the_map() {
    let Some(_others) = flows() else { return };
    let params = MapParams {
        map_type: MapType::RINGBUF,
        max_entries: 4096,
        ..Default::default()
    };
    let map = skep::Map::create(&System::host().expect("a kernel"), &params);
    let id = map.as_ref().expect("a map").id().to_string();
    let output = run(&["tail", &id, "--steal", "--for", "0"]).expect("ran before");
    let text = stderr(&output);
    assert!(text.contains("as bytes: its types are not known"), "{text}");
}

/// The bar of a long dump: on a terminal, where the elements go elsewhere.
#[test]
fn a_long_dump_has_a_bar_on_a_terminal() {
    if !root() || skep().is_none() {
        return;
    }
    const ENTRIES: u32 = 800_000;
    let system = System::host().expect("a kernel");
    let params = MapParams {
        map_type: MapType::HASH,
        key_size: 4,
        value_size: 8,
        max_entries: ENTRIES,
        name: "skep_long",
        ..Default::default()
    };
    let map = skep::Map::create(&system, &params).expect("a map");
    let keys: Vec<u8> = (0..ENTRIES).flat_map(u32::to_ne_bytes).collect();
    let values = vec![1; ENTRIES as usize * 8];
    map.update_batch(&keys, &values, skep::map::ElemFlags::ANY)
        .expect("room");
    let scratch = Scratch::new("long");
    let elements = scratch.file("elements", b"");
    let Some(shown) = on_terminal(&format!("map dump {} > '{elements}'", map.id())) else {
        return;
    };
    assert!(shown.contains("of at most 800,000 elements"), "{shown}");
    let lines = fs::read_to_string(&elements).expect("readable");
    assert_eq!(lines.lines().count(), ENTRIES as usize);
}

/// What `skep` shows on a terminal, with its escapes.
fn on_terminal(args: &str) -> Option<String> {
    let command = format!("exec '{}' {args}", env!("CARGO_BIN_EXE_skep"));
    let output = process::Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        println!("skep-skip: no script(1) here");
        return None;
    };
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    Some(stdout(&output))
}

#[test]
fn a_terminal_is_drawn_anew_with_changes_marked() {
    const CLEAR: &str = "\u{1b}[H\u{1b}[2J";
    let Some(object) = flows() else { return };
    let flows = object.map("flows").expect("a map");
    let key = |port: u8| [0, 0, 0, 0, port, 0, 0, 0];
    let any = skep::map::ElemFlags::ANY;
    let value = vec![0; flows.value_size() as usize];
    for port in 0..40 {
        flows.update(&key(port), &value, any).expect("room");
    }
    let args = format!("map dump {} --watch 0.1 --for 0.35", flows.id());
    let Some(shown) = on_terminal(&args) else {
        return;
    };
    let screens: Vec<_> = shown.split(CLEAR).skip(1).collect();
    assert!(screens.len() >= 3, "{shown}");
    for screen in screens {
        assert!(
            screen.contains("40 elements, 0 changed, 0 gone"),
            "{screen}"
        );
        let lines: Vec<_> = screen.lines().collect();
        assert_eq!(lines.len(), 24, "{screen}");
        assert!(lines[23].contains("... 18 more"), "{screen}");
    }
    let shown = on_terminal(&format!("map top {} --for 0", flows.id())).expect("ran before");
    assert!(shown.starts_with(CLEAR), "{shown}");
    assert!(shown.contains("hash") && shown.contains("62.5"), "{shown}");
}
