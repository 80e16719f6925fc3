//! `skep obj`: object files without a kernel.

mod common;

use common::{Scratch, json_lines, run, stderr, stdout, testdata};
use serde_json::{Value, json};

/// The item of this name in a list of a shown object.
fn item<'a>(object: &'a Value, list: &str, name: &str) -> &'a Value {
    let items = object[list].as_array().expect(list);
    let found = items.iter().find(|item| item["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {items:#?}"))
}

#[test]
fn show_tells_what_is_in_a_file_of_either_byte_order() {
    let scratch = Scratch::new("show");
    for (bytes, endian) in [
        (testdata!("maps.bpf.el.o"), "little"),
        (testdata!("maps.bpf.eb.o"), "big"),
    ] {
        let path = scratch.file("maps.bpf.o", bytes);
        let Some(output) = run(&["obj", "show", "--json", &path]) else {
            return;
        };
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let [shown] = &json_lines(&output)[..] else {
            panic!("{}", stdout(&output))
        };
        assert_eq!(shown["object"], path);
        assert_eq!(shown["license"], "Dual MIT/GPL");
        assert_eq!(shown["endian"], endian);
        assert_eq!(shown["btf"]["func_info"], 2);
        assert_eq!(shown["btf"]["kinds"]["func"], 2);
        let hash = item(shown, "maps", "hash");
        assert_eq!(hash["key"], "struct pair");
        assert_eq!(
            (&hash["key_size"], &hash["max_entries"]),
            (&json!(8), &json!(16))
        );
        let outer = item(shown, "maps", "outer");
        assert_eq!(outer["inner"]["type"], "array");
        assert_eq!(outer["slots"][1], json!({"index": 2, "name": "inner_b"}));
        let touch = item(shown, "programs", "touch");
        assert_eq!(
            (&touch["type"], &touch["section"]),
            (&json!("socket_filter"), &json!("socket"))
        );
        assert_eq!(touch["maps"].as_array().unwrap().len(), 8);
        assert_eq!(touch["bytes"], touch["insns"].as_u64().unwrap() * 8);
        assert_eq!(touch["error"], Value::Null);
        assert_eq!(shown["warnings"], json!([]));
    }
}

#[test]
fn show_puts_errors_beside_what_has_them() {
    let scratch = Scratch::new("odd");
    let path = scratch.file("odd.bpf.o", testdata!("odd.bpf.el.o"));
    let Some(output) = run(&["obj", "show", &path]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for part in [
        "9 programs",
        "contradiction: .maps+0x8 (contradiction): setting 'key': 4 bytes here, 8 bytes elsewhere",
        "the section name 'nonsense/name' means no program type",
        "note: classifier/callback (callback): an old section name, taken for 'classifier'",
        "12 functions",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let missing = run(&["obj", "show", "/nonexistent.o", &path]).unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("/nonexistent.o"));
    assert_eq!(stdout(&missing), text, "the other file is shown");
}

#[test]
fn show_names_externs_and_variables_by_type() {
    let scratch = Scratch::new("externs");
    let path = scratch.file("externs.bpf.o", testdata!("externs.bpf.el.o"));
    let Some(output) = run(&["obj", "show", "--json", &path]) else {
        return;
    };
    let shown = &json_lines(&output)[0];
    let name = item(shown, "externs", "CONFIG_DEFAULT_HOSTNAME");
    assert_eq!(
        (&name["kind"], &name["type"]),
        (&json!("kconfig"), &json!("char[16]"))
    );
    let function = item(shown, "externs", "no_such_function___v2");
    assert_eq!(
        (&function["kind"], &function["weak"]),
        (&json!("function"), &json!(true))
    );
    let hz = item(shown, "variables", "hz");
    assert_eq!(
        (&hz["map"], &hz["size"], &hz["type"]),
        (&json!("externs.bss"), &json!(8), &json!("__u64"))
    );
}

#[test]
fn disasm_has_source_lines_names_and_relocations() {
    let scratch = Scratch::new("disasm");
    let path = scratch.file("linked1.bpf.o", testdata!("linked1.bpf.el.o"));
    let Some(output) = run(&["obj", "disasm", "-f", "one", &path]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "one (socket):\n",
        "    ; __u32 zero = 0; @ ./testdata/linked1.bpf.c:",
        "   1: (63) *(u32 *)(r10 -4) = r1\n",
        "   6: (85) call bpf_map_lookup_elem#1\n",
        "    ; CO-RE: value of an enumerator enum pid_type::PIDTYPE_PGID\n",
        "(85) call scale\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("tail (socket)"));
    let all = run(&["obj", "disasm", "--json", &path]).unwrap();
    let rows = json_lines(&all);
    let of = |name: &str| rows.iter().filter(|row| row["function"] == name).count();
    assert!(of("one") > 40 && of("tail") > 3 && of("twin") > 5);
    let relocated: Vec<_> = rows
        .iter()
        .filter(|row| !row["relocation"].is_null())
        .collect();
    assert_eq!(relocated.len(), 1);
    assert_eq!(relocated[0]["code"], 0x18);
    let none = run(&["obj", "disasm", "-f", "nothing", &path]).unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("no function named `nothing`"));
}

#[test]
fn link_writes_one_file() {
    let scratch = Scratch::new("link");
    let one = scratch.file("one.bpf.o", testdata!("linked1.bpf.el.o"));
    let two = scratch.file("two.bpf.o", testdata!("linked2.bpf.el.o"));
    let whole = scratch.file("whole.bpf.o", b"");
    let Some(output) = run(&["obj", "link", "-o", &whole, &one, &two]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    let shown = &json_lines(&run(&["obj", "show", "--json", &whole]).unwrap())[0];
    let names: Vec<_> = shown["programs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["name"])
        .collect();
    assert_eq!(names, ["tail", "one", "two"]);
    assert_eq!(shown["externs"].as_array().unwrap().len(), 1);
    let before = std::fs::read(&whole).unwrap();
    let told = run(&["obj", "link", "--json", "-o", &whole, &one, &two]).unwrap();
    let want = json!({"output": whole, "bytes": before.len(), "objects": [one, two]});
    assert_eq!(json_lines(&told), [want]);
    let twice = run(&["obj", "link", "-o", &whole, &two, &two]).unwrap();
    assert_eq!(twice.status.code(), Some(1));
    let text = stderr(&twice);
    assert!(
        text.contains("defined in") && text.contains("two.bpf.o"),
        "{text}"
    );
    assert!(
        std::fs::read(&whole).unwrap() == before,
        "nothing is written"
    );
}

#[test]
fn a_loader_program_is_written_and_signed() {
    let scratch = Scratch::new("loader");
    let object = scratch.file("maps.bpf.o", testdata!("maps.bpf.el.o"));
    let [file, insns] = ["maps.loader", "maps.insns"].map(|name| scratch.file(name, b""));
    let signature = scratch.file("maps.p7s", b"by a key");
    let first = ["obj", "loader", &object, "-o", &file, "--signed"];
    let Some(output) = run(&[&first[..], &["--to-sign", &insns, "--json"]].concat()) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = &json_lines(&output)[0];
    assert_eq!(told["programs"], json!(["tail", "touch"]));
    assert_eq!(
        (&told["signed"], &told["output"]),
        (&json!(false), &json!(file))
    );
    let read = || skep::object::LoaderProgram::parse(&std::fs::read(&file).unwrap()).unwrap();
    assert!(read().signed && read().signature.is_empty());
    assert_eq!(std::fs::read(&insns).unwrap(), read().signed_bytes());
    let before = read().signed_bytes();
    let again = [
        "obj",
        "loader",
        &object,
        "-o",
        &file,
        "--signature",
        &signature,
    ];
    let output = run(&again).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    assert_eq!(
        (read().signature.clone(), read().signed_bytes()),
        (b"by a key".to_vec(), before)
    );
    let externs = scratch.file("externs.bpf.o", testdata!("externs.bpf.el.o"));
    let refused = run(&["obj", "loader", &externs, "-o", &file]).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("give it as `CONFIG_BPF=...`"));
    assert_eq!(read().signature, b"by a key", "nothing is written");
}

#[test]
fn rust_knows_what_is_in_an_object() {
    let scratch = Scratch::new("typed");
    let path = scratch.file("rawtp.bpf.o", testdata!("rawtp.bpf.el.o"));
    let Some(output) = run(&["obj", "rust", &path, "--record", "events=event"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "pub struct OpenRawtp {",
        "pub fn set_target_pid(&mut self, value: types::__u32) -> ::skep::Result<()> {",
        "pub fn events(self) -> ::skep::Result<::skep::ring::Ring<types::event>> {",
        "pub fn hits_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u64>> {",
        "    pub count: ::core::option::Option<::skep::Link>,",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("include_bytes!") && !text.contains("unsafe"));
    let named = [
        "obj",
        "skeleton",
        &path,
        "--name",
        "call_tracer",
        "--embed",
        "rawtp.bpf.o",
    ];
    let text = stdout(&run(&named).unwrap());
    assert!(text.contains("pub struct OpenCallTracer {"), "{text}");
    // What the parser calls its maps with that name.
    assert!(text.contains("ObjectSpec::parse(bytes, \"call_tracer\")"));
    assert!(text.contains("\"call_tra.rodata\""), "{text}");
    assert!(text.contains("include_bytes!(\"rawtp.bpf.o\")"), "{text}");
    let partial = stdout(&run(&["obj", "rust", "--partial", &path]).unwrap());
    assert!(
        partial.contains("pub fn bind(object: &'a ::skep::Object)"),
        "{partial}"
    );
    assert!(!partial.contains("pub fn load"), "{partial}");
}

#[test]
fn rust_of_several_objects_is_modules_and_what_is_not_there_is_told() {
    let scratch = Scratch::new("modules");
    let tracer = scratch.file("rawtp.bpf.o", testdata!("rawtp.bpf.el.o"));
    let other = scratch.file("loop.bpf.o", testdata!("globals.bpf.el.o"));
    let Some(output) = run(&["obj", "rust", &tracer, &other]) else {
        return;
    };
    let text = stdout(&output);
    assert!(text.contains("pub mod rawtp {\n"), "{text}");
    assert!(text.contains("pub mod r#loop {\n"), "{text}");
    let failures = [
        (&["--type", "nothing", &tracer][..], "no type `nothing`"),
        (&["--record", "nothing=event", &tracer], "no map `nothing`"),
        (
            &["--record", "events=nothing", &tracer],
            "no type `nothing`",
        ),
        (
            &["--name", "x", &tracer, &other],
            "--name and --embed are of one object",
        ),
        (&[&tracer, &tracer], "a second module `rawtp`"),
        (&["/nonexistent.o"], "/nonexistent.o"),
    ];
    for (args, why) in failures {
        let output = run(&[&["obj", "rust"], args].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(output.stdout.is_empty());
        assert!(
            stderr(&output).contains(why),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}
