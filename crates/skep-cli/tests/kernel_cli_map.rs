//! `skep map` against maps of this process. Needs root; touches only what it makes.

mod common;
#[path = "common/maps.rs"]
mod maps;

use common::{Scratch, root, run, skep, stderr, stdout};
use maps::{FLOWS, flows, id, ok, on};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::{Value, json};
use skep::map::MapParams;
use skep::probe::Answer;
use skep::{Map, MapType, System};
use std::{fs, process};

/// Runs `skep` on a map; standard error, if it failed.
fn failed(verb: &str, map: &str, args: &[&str]) -> String {
    let output = on(verb, map, args);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{verb} {args:?}: {}",
        stdout(&output)
    );
    assert_eq!(stdout(&output), "", "{verb} {args:?}");
    stderr(&output)
}

const NEW: &str = "{ addr = [0a 00 00 01], port = 443, vlan = 0 } = { packets = 0, limit = 10, \
    action = LIMIT, name = \"web\", low = 5, high = 0, ports = [0, -2], \
    points = [{ x = 0, y = 0 }, { x = -1, y = 0 }], on = true }\n";

#[test]
fn members_are_set_by_name_and_the_others_stay() {
    let Some(object) = flows() else { return };
    let flows = id(&object, "flows");
    let key = ["key.addr=10.0.0.1", "key.port=443"];
    let values = [
        "value.limit=10",
        "value.action=LIMIT",
        "value.name=web",
        "value.low=5",
        "value.ports[1]=-2",
        "value.points[1].x=-1",
        "value.on=true",
    ];
    assert_eq!(ok("set", &flows, &[&key[..], &values].concat()), "");
    assert_eq!(ok("get", &flows, &key), NEW);
    assert_eq!(ok("dump", &flows, &[]), NEW);
    ok(
        "set",
        &flows,
        &[
            &key[..],
            &["value.packets=0xffffffffffffffff", "value.low=0"],
        ]
        .concat(),
    );
    let row: Value =
        serde_json::from_str(&ok("get", &flows, &[&key[..], &["--json"]].concat())).expect("JSON");
    let value = json!({
        "packets": u64::MAX, "limit": 10, "action": "LIMIT", "name": "web", "low": 0, "high": 0,
        "ports": [0, -2], "points": [{"x": 0, "y": 0}, {"x": -1, "y": 0}], "on": true,
    });
    assert_eq!(
        row,
        json!({"key": {"addr": "0a000001", "port": 443, "vlan": 0}, "value": value})
    );
    // What is printed can be given back, in either form.
    let (_, text) = NEW.trim_end().split_once("} = ").expect("two sides");
    ok("set", &flows, &["key.port=1", &format!("value={text}")]);
    ok(
        "set",
        &flows,
        &[
            &format!("key={}", row["key"]),
            &format!("value={}", row["value"]),
        ],
    );
    assert_eq!(
        ok("get", &flows, &["key.port=1"]),
        NEW.replace("0a 00 00 01", "00 00 00 00")
            .replace("443", "1")
    );
    let again = ok("get", &flows, &[&key[..], &["--json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&again).expect("JSON"), row);
    assert_eq!(ok("dump", &flows, &["--json"]).lines().count(), 2);
    assert_eq!(ok("delete", &flows, &["key.port=1"]), "");
    let text = failed("delete", &flows, &["key.port=1"]);
    assert!(
        text.contains("has no key { addr = [00 00 00 00], port = 1"),
        "{text}"
    );
}

#[test]
fn what_is_wrong_is_shown_in_its_place() {
    let Some(object) = flows() else { return };
    let flows = id(&object, "flows");
    let set = |args: &[&str]| failed("set", &flows, &[&["key.port=1"], args].concat());
    let given = "value={ limit = 1, name = \"too long a name\" }";
    let column = given.find("\"too").expect("in it");
    let caret = format!("{:column$}^", "");
    let expected = format!("error: 15 bytes for an array of 8\n  {given}\n  {caret}\n");
    assert_eq!(set(&[given]), expected);
    let text = set(&["value.points[1].x=200"]);
    assert!(text.contains("200 does not fit 8 bits (signed)"), "{text}");
    let text = set(&["value.limits=1"]);
    assert!(
        text.contains("has no `limits`; it has packets, limit, action"),
        "{text}"
    );
    let text = set(&["value.action=NONE"]);
    let names = "'NONE' is no number and none of PASS, DROP, LIMIT";
    assert!(text.contains(names), "{text}");
    assert!(set(&[]).contains("value=VALUE or value.MEMBER=VALUE is missing"));
    let text = failed("get", &flows, &[]);
    assert!(
        text.contains("needs a key: key=VALUE or key.MEMBER=VALUE (8 bytes)"),
        "{text}"
    );
    let text = failed("get", &flows, &["key.port=1", "value.limit=1"]);
    assert!(text.contains("only `skep map set` takes a value"), "{text}");
    let text = failed("get", &flows, &["key.port=1", "cpu=0"]);
    assert!(text.contains("one value for all CPUs"), "{text}");
    assert_eq!(ok("dump", &flows, &[]), "empty\n");
    let text = failed("get", "no_map_of_this_name", &["key=1"]);
    assert!(text.contains("skep map list"), "{text}");
}

#[test]
fn flags_say_whether_a_key_may_be_there() {
    let Some(object) = flows() else { return };
    let (flows, locks) = (id(&object, "flows"), id(&object, "locks"));
    let set = |flag: &str| on("set", &flows, &["key.port=1", "value.limit=1", flag]);
    let text = stderr(&set("--exist"));
    assert!(text.contains("ENOENT"), "{text}");
    assert_eq!(set("--noexist").status.code(), Some(0));
    let text = stderr(&set("--noexist"));
    assert!(text.contains("EEXIST"), "{text}");
    assert_eq!(set("--exist").status.code(), Some(0));
    assert_eq!(set("--exists").status.code(), Some(2));
    let text = failed("set", &flows, &["key.port=1", "value.limit=1", "--lock"]);
    assert!(text.contains("EINVAL"), "{text}");
    ok(
        "set",
        &locks,
        &["key=1", "value.value=7", "--lock", "--noexist"],
    );
    ok("set", &locks, &["key=1", "value.value=8", "--lock"]);
    let row: Value =
        serde_json::from_str(&ok("get", &locks, &["key=1", "--lock", "--json"])).expect("JSON");
    assert_eq!(row["value"]["value"], 8);
}

/// A map of this process without types, and its id.
fn made(map_type: MapType, value_size: u32, max_entries: u32, map_flags: u32) -> (Map, String) {
    let params = MapParams {
        map_type,
        key_size: 4,
        value_size,
        max_entries,
        map_flags,
        ..MapParams::default()
    };
    let map = Map::create(&System::host().expect("a kernel"), &params).expect("a map");
    let id = map.id().to_string();
    (map, id)
}

#[test]
fn a_key_is_left_out_only_where_there_is_no_other() {
    if !root() || skep().is_none() {
        return;
    }
    let (_one, id) = made(MapType::ARRAY, 4, 1, 0);
    ok("set", &id, &["value=7"]);
    let get = ok("get", &id, &["--json"]);
    assert_eq!(get, ok("get", &id, &["key=0", "--json"]));
    for (map_type, entries) in [(MapType::ARRAY, 2), (MapType::HASH, 1)] {
        let (map, id) = made(map_type, 4, entries, 0);
        for verb in ["set", "get"] {
            let value: &[&str] = if verb == "set" { &["value=7"] } else { &[] };
            let text = failed(verb, &id, value);
            assert!(text.contains("needs a key"), "{map_type} {verb}: {text}");
        }
        assert!(failed("delete", &id, &[]).contains("needs a key"));
        let entries = map.entries().map(|entry| entry.expect("readable").1);
        assert!(entries.into_iter().all(|value| value == [0; 4]));
    }
}

#[test]
fn what_lies_in_memory_is_written_where_it_lies() {
    if !root() || skep().is_none() {
        return;
    }
    const MMAPABLE: u32 = 1 << 10;
    let (map, id) = made(MapType::ARRAY, 12, 3, MMAPABLE);
    ok(
        "set",
        &id,
        &["key=1", "value=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]"],
    );
    let value = |index: u32| map.lookup(&index.to_ne_bytes()).expect("there");
    let twelve: Vec<u8> = (1..=12).collect();
    let expected = [Some(vec![0; 12]), Some(twelve), Some(vec![0; 12])];
    assert_eq!([0, 1, 2].map(value), expected);
    // All elements are there already.
    let text = failed("set", &id, &["key=1", "value[0]=9", "--noexist"]);
    assert!(text.contains("EEXIST"), "{text}");
    let text = failed("get", &id, &["key=1", "--lock"]);
    assert!(text.contains("EINVAL"), "{text}");
    ok("freeze", &id, &[]);
    let text = failed("set", &id, &["key=1", "value[0]=9"]);
    assert!(text.contains("is frozen"), "{text}");
    assert_eq!([0, 1, 2].map(value), expected);
}

#[test]
fn values_of_one_cpu_or_of_all() {
    let Some(object) = flows() else { return };
    let per_cpu = id(&object, "per_cpu");
    let cpus = object.map("per_cpu").expect("a map").values_per_key();
    ok(
        "set",
        &per_cpu,
        &["key=7", "value.packets=3", "value.drops=1"],
    );
    ok("set", &per_cpu, &["key=7", "value.packets=9", "cpu=0"]);
    let row: Value =
        serde_json::from_str(&ok("get", &per_cpu, &["key=7", "--json"])).expect("JSON");
    let values = row["values"].as_array().expect("one a CPU");
    assert_eq!(values.len(), cpus);
    for (cpu, value) in values.iter().enumerate() {
        let packets = if cpu == 0 { 9 } else { 3 };
        assert_eq!(value, &json!({"packets": packets, "drops": 1}), "{cpu}");
    }
    assert_eq!(
        ok("get", &per_cpu, &["key=7", "cpu=0"]),
        "7 = { packets = 9, drops = 1 }\n"
    );
    // Each lies at a multiple of 8, however long it is.
    let (map, short) = made(MapType::PERCPU_ARRAY, 4, 1, 0);
    let all: Vec<u8> = (1..=cpus as u8)
        .flat_map(|cpu| [cpu, 0, 0, 0, 0, 0, 0, 0])
        .collect();
    map.update(&[0; 4], &all, skep::map::ElemFlags::ANY)
        .expect("there");
    let row: Value = serde_json::from_str(&ok("dump", &short, &["--json"])).expect("JSON");
    let each: Vec<Value> = (1..=cpus)
        .map(|cpu| json!(format!("{cpu:02x}000000")))
        .collect();
    assert_eq!(row["values"], json!(each));
    let beyond = format!("cpu={cpus}");
    let text = failed("set", &per_cpu, &["key=7", "value.packets=1", &beyond]);
    assert!(text.contains(&format!("values of {cpus} CPUs")), "{text}");
}

#[test]
fn maps_without_types_take_numbers_and_bytes() {
    let Some(object) = flows() else { return };
    let plain = id(&object, "plain");
    ok("set", &plain, &["key=300", "value=01:02:03:04:05:06"]);
    ok("set", &plain, &["key=[00 00 00 ff]", "value[5]=9"]);
    let mut lines: Vec<_> = ok("dump", &plain, &[]).lines().map(String::from).collect();
    lines.sort();
    let number: Vec<_> = 300_u32
        .to_ne_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let mut expected = [
        "[00 00 00 ff] = [00 00 00 00 00 09]".to_owned(),
        format!("[{}] = [01 02 03 04 05 06]", number.join(" ")),
    ];
    expected.sort();
    assert_eq!(lines, expected);
    assert_eq!(
        ok("get", &plain, &["key=\"000000ff\"", "--json"]),
        "{\"key\":\"000000ff\",\"value\":\"000000000009\"}\n"
    );
    let text = failed("set", &plain, &["key=1", "value=x"]);
    let told = "'x' is no number";
    assert!(text.contains(told), "{text}");
    let text = failed("set", &plain, &["key=", "value=1"]);
    assert!(
        text.contains("expected [VALUE, ...], the text ends"),
        "{text}"
    );
    let text = failed("set", &plain, &["key=0x100000000", "value=1"]);
    assert!(text.contains("does not fit 32 bits"), "{text}");
}

#[test]
fn prefixes_queues_and_slots() {
    let Some(object) = flows() else { return };
    let routes = id(&object, "routes");
    ok("set", &routes, &["key=10.0.0.0/8", "value=1"]);
    ok(
        "set",
        &routes,
        &["key={ len = 16, addr = 10.1.0.0 }", "value=2"],
    );
    assert_eq!(
        ok("get", &routes, &["key=10.1.2.3/32"]),
        "{ len = 32, addr = [0a 01 02 03] } = 2\n"
    );
    assert_eq!(
        ok("get", &routes, &["key=10.2.2.3/32"]).split(" = ").last(),
        Some("1\n")
    );

    let queue = id(&object, "queue");
    assert!(failed("get", &queue, &[]).contains("is empty"));
    ok("set", &queue, &["value=1"]);
    ok("set", &queue, &["value=2"]);
    let text = failed("set", &queue, &["value=3"]);
    assert!(text.contains("E2BIG"), "{text}");
    ok("set", &queue, &["value=3", "--exist"]);
    let bytes = |n: u32| {
        let bytes: Vec<_> = n.to_ne_bytes().iter().map(|b| format!("{b:02x}")).collect();
        format!("[{}]\n", bytes.join(" "))
    };
    assert_eq!(ok("get", &queue, &[]), bytes(2));
    assert_eq!(ok("delete", &queue, &[]), bytes(2));
    assert_eq!(ok("delete", &queue, &[]), bytes(3));
    assert!(failed("delete", &queue, &[]).contains("is empty"));
    let text = failed("get", &queue, &["key=1"]);
    assert!(text.contains("maps of type queue have no keys"), "{text}");

    let (jumps, program) = (
        id(&object, "jumps"),
        object.program("sample").expect("a program"),
    );
    let number = program.id().expect("an id").to_string();
    ok("set", &jumps, &["key=2", &format!("value={number}")]);
    assert_eq!(ok("dump", &jumps, &[]), format!("2 = {number}\n"));
    ok("delete", &jumps, &["key=2"]);
    assert!(failed("get", &jumps, &["key=2"]).contains("has no key 2"));
    let text = failed("set", &jumps, &["key=0", "value=no_such_program"]);
    assert!(text.contains("skep prog list"), "{text}");

    let (outer, inner) = (id(&object, "outer"), id(&object, "inner"));
    let text = failed(
        "set",
        &outer,
        &["key=5", &format!("value={inner}"), "--exist"],
    );
    assert!(text.contains("ENOENT"), "{text}");
    ok("set", &outer, &["key=5", &format!("value={inner}")]);
    assert_eq!(
        ok("dump", &outer, &["--json"])
            .trim_end()
            .split(':')
            .next_back(),
        Some(&*format!("{inner}}}"))
    );
}

#[test]
fn what_a_type_of_map_does_not_take_is_told() {
    let Some(object) = flows() else { return };
    let set = |name: &str, args: &[&str], told: &str| {
        let text = failed("set", &id(&object, name), args);
        assert!(text.contains(told), "{name} {args:?}: {text}");
    };
    for (key, told) in [
        (
            "10.0.0.0/33",
            "a prefix of 33 bits, of an address that has 32\n  key=10.0.0.0/33\n      ^",
        ),
        ("{ len = 40 }", "a prefix of 40 bits, of a key that has 32"),
        (
            "fe80::/10",
            "the address has 128 bits, the keys of this map have 32",
        ),
        (
            "10.0.0.0/x",
            "expected ADDRESS/LENGTH with a length from 0 to 32",
        ),
        ("10.0.0/8", "`10.0.0` is no address"),
        ("7", "expected { len = VALUE, addr = VALUE }, found `7`"),
    ] {
        set("routes", &[&format!("key={key}"), "value=1"], told);
    }
    set(
        "samples",
        &["value=1"],
        "elements of type ringbuf cannot be set",
    );
    set(
        "jumps",
        &["key=0", "value.x=1"],
        "value.x: it is given as a whole, by a program",
    );
    set(
        "jumps",
        &["key=0", "value=no_such"],
        "no program has the name `no_such`",
    );
    set(
        "tasks",
        &["key.pid=1", "value.drops=1"],
        "key.pid: it is given as a whole, by a process id",
    );
    let inner = id(&object, "plain");
    let told = "maps in it are of the type, the sizes and the flags of the one";
    set("outer", &["key=0", &format!("value={inner}")], told);
    set("devices", &["key=4", "value=lo"], "indices are below 4");
    set("devices", &["key=0", "value=99999"], "no such interface");
    set(
        "per_cpu",
        &["key.x=1", "value.drops=1"],
        "`.x`: a number has no member `x`",
    );
    set(
        "per_cpu",
        &["key=1", "value=[1, 2]"],
        "expected { packets = VALUE, drops = VALUE }",
    );
    set(
        "flows",
        &["key.port=1", "value.limit=1", "cpu=3"],
        "cpu=3: maps of type hash have one value",
    );
    let text = failed("get", &id(&object, "devices"), &["key=4"]);
    assert!(text.contains("has no key 4: indices are below 4"), "{text}");
}

#[test]
fn devices_and_processes_go_by_name() {
    let Some(object) = flows() else { return };
    let devices = id(&object, "devices");
    ok("set", &devices, &["key=1", "value=lo"]);
    assert_eq!(ok("get", &devices, &["key=1"]), "1 = 1\n");
    let text = failed("set", &devices, &["key=1", "value=no_such_dev"]);
    assert!(text.contains("interface `no_such_dev`"), "{text}");

    let tasks = id(&object, "tasks");
    let pid = format!("key={}", process::id());
    assert!(failed("get", &tasks, &[&pid]).contains("has no key"));
    ok("set", &tasks, &[&pid, "value.drops=4"]);
    let row: Value = serde_json::from_str(&ok("get", &tasks, &[&pid, "--json"])).expect("JSON");
    assert_eq!(row["value"], json!({"packets": 0, "drops": 4}));
    ok("delete", &tasks, &[&pid]);
    let text = failed("dump", &tasks, &[]);
    assert!(
        text.contains("`skep map get` reads the value of one process"),
        "{text}"
    );
}

#[test]
fn globals_are_written_in_place() {
    let Some(object) = flows() else { return };
    let data = object
        .maps()
        .iter()
        .find(|map| map.name().ends_with(".data"))
        .expect("a section");
    let limit = object.global("limit").expect("a global");
    let data = data.id().to_string();
    assert_eq!(ok("get", &data, &[]), "0 = { limit = 5 }\n");
    ok("set", &data, &["value.limit=6"]);
    assert_eq!(limit.bytes().expect("readable"), 6_u32.to_ne_bytes());
    let text = failed("freeze", &data, &[]);
    assert!(text.contains("mapped for writing"), "{text}");
    let plain = id(&object, "plain");
    ok("freeze", &plain, &[]);
    let text = failed("set", &plain, &["key=1", "value=[1]"]);
    assert!(text.contains("map `plain` is frozen"), "{text}");
}

/// A BPF file system for one test.
struct Bpffs(Scratch, String);

impl Bpffs {
    fn new(name: &str) -> Self {
        let scratch = Scratch::new(name);
        let place = scratch.file("x", b"");
        let place = place.trim_end_matches("/x").to_owned() + "/bpf";
        fs::create_dir_all(&place).expect("a directory");
        mount("bpf", &place, "bpf", MountFlags::empty(), None).expect("a BPF file system");
        Self(scratch, place)
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        let _ = unmount(&self.1, UnmountFlags::DETACH);
        let _ = &self.0;
    }
}

#[test]
fn maps_are_made_pinned_and_named_by_their_pins() {
    let Some(object) = flows() else { return };
    let bpffs = Bpffs::new("create");
    let pin = format!("{}/made", bpffs.1);
    let types = bpffs.0.file("flows.o", FLOWS.1);
    let create = |args: &[&str]| run(&[&["map", "create"], args].concat()).expect("ran before");
    let typed = [
        "--btf",
        &types,
        "--key-type",
        "struct flow_key",
        "--value-type",
        "struct flow",
    ];
    let output = create(
        &[
            &[
                "skep_made",
                "--type",
                "hash",
                "--entries",
                "8",
                "--pin",
                &pin,
                "--flags",
                "no_prealloc",
            ][..],
            &typed,
        ]
        .concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    ok("set", &pin, &["key.port=5", "value.action=DROP"]);
    let text = ok("dump", &pin, &[]);
    assert!(
        text.contains("port = 5") && text.contains("action = DROP"),
        "{text}"
    );
    let facts: Value = serde_json::from_str(&ok("show", &pin, &["--json"])).expect("JSON");
    assert_eq!(facts["name"], "skep_made");
    assert_eq!(
        (&facts["key_type"], &facts["value_type"]),
        (&json!("struct flow_key"), &json!("struct flow"))
    );
    assert_eq!(facts["flag_names"], json!(["NO_PREALLOC"]));
    let (_other, other) = made(MapType::ARRAY, 4, 1, 0);
    ok("pin", &other, &[&format!("{}/other", bpffs.1)]);
    let facts: Value = serde_json::from_str(&ok("show", &pin, &["--json"])).expect("JSON");
    assert_eq!(facts["pins"], json!([pin]));
    assert_eq!(facts["programs"], json!([]));
    let ring: Value =
        serde_json::from_str(&ok("show", &id(&object, "samples"), &["--json"])).expect("JSON");
    assert_eq!(ring["programs"][0]["name"], "sample");
    assert_eq!(
        (&facts["processes"], &facts["frozen"]),
        (&json!([]), &json!(false))
    );
    assert!(
        facts["memory_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 100),
        "{facts}"
    );
    let mounts = fs::read_to_string("/proc/self/mounts").expect("procfs");
    let text = ok("show", &pin, &[]);
    assert_eq!(
        fs::read_to_string("/proc/self/mounts").expect("procfs"),
        mounts
    );
    assert!(
        text.contains("struct flow_key") && text.contains(&pin),
        "{text}"
    );
    ok("get", "skep_made", &["key.port=5"]);

    let second = format!("{}/second", bpffs.1);
    ok("pin", &id(&object, "plain"), &[&second]);
    assert_eq!(ok("dump", &second, &[]), "empty\n");
    let pinned = |path: &str| failed("pin", &second, &[path]);
    assert!(pinned(&second).contains("is there already"));
    let nowhere = format!("{}/no/where", bpffs.1);
    assert!(
        pinned(&nowhere).contains("make it first"),
        "{}",
        pinned(&nowhere)
    );
    let elsewhere = bpffs.0.file("y", b"") + "z";
    assert!(
        pinned(&elsewhere).contains("mount -t bpf"),
        "{}",
        pinned(&elsewhere)
    );
    let output = create(&["x", "--type", "hash", "--entries", "8", "--pin", &nowhere]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("key_size is 0"), "{text}");
    let output = create(&["x", "--type=ringbuf", "--entries=1000", "--pin", &nowhere]);
    let text = stderr(&output);
    assert!(text.contains("power of two"), "{text}");
}

#[test]
fn bloom_filters_tell_what_they_may_have() {
    let Some(_) = flows() else { return };
    let system = System::host().expect("a kernel");
    if system.probe_map_type(MapType::BLOOM_FILTER) != Answer::Yes {
        println!("skep-skip: no bloom filters here");
        return;
    }
    let bpffs = Bpffs::new("bloom");
    let pin = format!("{}/bloom", bpffs.1);
    let args = [
        "map",
        "create",
        "skep_bloom",
        "--type",
        "bloom_filter",
        "--value",
        "4",
    ];
    let rest = ["--entries", "100", "--extra", "3", "--pin", &pin];
    let output = run(&[&args[..], &rest].concat()).expect("ran before");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    ok("set", &pin, &["value=7"]);
    assert_eq!(ok("get", &pin, &["value=7"]), "perhaps\n");
    assert_eq!(
        ok("get", &pin, &["value=8", "--json"]),
        "{\"contains\":false}\n"
    );
}

#[test]
fn names_that_several_maps_have_are_told_apart() {
    let (Some(_one), Some(_two)) = (flows(), flows()) else {
        return;
    };
    let text = failed("dump", "per_cpu", &[]);
    assert!(text.contains("several have the name `per_cpu`"), "{text}");
    assert!(text.matches("(percpu_hash)").count() >= 2, "{text}");
}
