//! Programs: which are loaded, how they are prepared and changed, what they are loaded for.

mod common;

use common::{host, load, logs, object, skip, takes_a_jit};
use skep::codec::btf::Kind;
use skep::codec::object::{SectionDef, Verb};
use skep::link::{Freplace, RawTracepoint, SocketFilter};
use skep::map::Array;
use skep::object::AttachTarget;
use skep::probe::{Answer, Feature};
use skep::prog::TestRun;
use skep::sys::bpf::{MapParams, map_create};
use skep::{Errno, ErrorKind, LoadOptions, MapType, ObjectSpec, ProgType, Program, System};

const PACKET: [u8; 64] = [0xab; 64];

/// `w0 = N` and `exit`, as the functions of `sections` are.
const PLAIN: usize = 2;

fn run(program: &Program) -> u32 {
    let run = TestRun {
        data: &PACKET,
        ..Default::default()
    };
    program.test_run(&run).expect("test run").return_value
}

fn run_on(program: &Program, context: u32) -> u32 {
    let run = TestRun {
        context: &context.to_ne_bytes(),
        ..Default::default()
    };
    program.test_run(&run).expect("test run").return_value
}

fn index(spec: &ObjectSpec, program: &str) -> usize {
    let index = spec.programs.iter().position(|p| p.name == program);
    index.expect(program)
}

/// Loads one program by itself, and shows the refusal if it fails.
fn alone(system: &System, spec: &ObjectSpec, program: &str) -> Program {
    alone_with(system, spec, program, &LoadOptions::default())
}

fn alone_with(system: &System, spec: &ObjectSpec, program: &str, options: &LoadOptions) -> Program {
    let loaded = spec
        .loader(system, options)
        .load_program(index(spec, program));
    match loaded {
        Ok(loaded) => loaded.program,
        Err(error) => panic!("{error}\n{}", logs(&error)),
    }
}

/// Whether the kernel has this function.
fn knows(system: &System, function: &str) -> bool {
    let btf = system.kernel_btf().expect("kernel BTF");
    btf.find(function, Some(Kind::Func)).is_some()
}

#[test]
fn only_what_is_wanted_is_loaded() {
    let system = host();
    let mut spec = object!("sections");
    let names = |spec: &ObjectSpec| -> Vec<String> {
        let object = load(&system, spec);
        object
            .programs()
            .iter()
            .map(|p| p.name().to_owned())
            .collect()
    };
    assert_eq!(names(&spec), ["always", "always_too"]);
    spec.program_mut("when_asked").unwrap().autoload = true;
    spec.program_mut("always").unwrap().autoload = false;
    assert_eq!(names(&spec), ["always_too", "when_asked"]);
    let object = load(&system, &spec);
    assert_eq!(run(object.program("always_too").unwrap()), 2);
    assert_eq!(run(object.program("when_asked").unwrap()), 3);
}

#[test]
fn a_hook_of_another_type_is_refused_by_type() {
    let object = load(&host(), &object!("socket"));
    let program = object.program("constant").unwrap();
    let error = program.attach_to(RawTracepoint::new("sys_enter"));
    let error = error.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    let text = error.to_string();
    assert!(text.contains("`constant`, of type socket_filter"), "{text}");
}

#[test]
fn a_type_may_be_set_by_hand() {
    let system = host();
    let mut spec = object!("sections");
    let unknown = spec.program_mut("unknown").unwrap();
    unknown.autoload = true;
    let error = spec.load(&system).unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}");
    };
    assert_eq!(failure.program, "unknown");
    assert_eq!(failure.error.kind(), ErrorKind::Unsupported);
    spec.program_mut("unknown").unwrap().prog_type = ProgType::SOCKET_FILTER;
    let object = load(&system, &spec);
    assert_eq!(run(object.program("unknown").unwrap()), 5);
}

#[test]
fn no_license_is_no_license() {
    let system = host();
    let mut spec = object!("sections");
    let options = LoadOptions::default();
    let gpl_only = index(&spec, "gpl_only");
    let error = spec.loader(&system, &options).load_program(gpl_only);
    let error = error.unwrap_err();
    assert!(logs(&error).contains("GPL"), "{error}");
    spec.license = Some("GPL".to_owned());
    alone(&system, &spec, "gpl_only");
}

#[test]
fn section_names_of_the_callers_own_load_and_attach() {
    const OWN: [SectionDef; 1] = [SectionDef::new("mine+", ProgType::SOCKET_FILTER)];
    let system = host();
    #[cfg(target_endian = "little")]
    let bytes = include_bytes!("../../../testdata/sections.bpf.el.o");
    #[cfg(target_endian = "big")]
    let bytes = include_bytes!("../../../testdata/sections.bpf.eb.o");
    let mut spec = ObjectSpec::parse_with(bytes, "sections", &OWN).unwrap();
    let own = spec.program_mut("own").unwrap();
    assert_eq!(own.attach, Verb::Custom);
    assert_eq!(own.target.as_deref(), Some("some/where"));
    own.autoload = true;
    spec.program_mut("always").unwrap().autoattach = false;
    let object = load(&system, &spec);
    assert_eq!(run(object.program("own").unwrap()), 4);

    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let socket = skep::sys::Fd::duplicate(system.kernel(), &socket).unwrap();
    let attached: Vec<_> = object
        .attach_each_with(|program| {
            let mine = program.section().starts_with("?mine");
            mine.then(|| program.attach_to(SocketFilter::on(&socket)))
        })
        .map(|(program, link)| (program.name(), link.map_err(|e| e.kind())))
        .collect();
    // `always` is not to be attached; `always_too` says no socket.
    let names: Vec<&str> = attached.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["always_too", "own"]);
    assert_eq!(*attached[0].1.as_ref().unwrap_err(), ErrorKind::NeedsTarget);
    assert!(attached[1].1.is_ok());
}

#[test]
fn prepared_then_changed_then_loaded() {
    let system = host();
    let spec = object!("sections");
    let options = LoadOptions::default();
    let mut loader = spec.loader(&system, &options);
    assert!(loader.prepared("always").is_err());
    loader.prepare().unwrap();
    assert!(loader.prepared("when_asked").is_err(), "not to be loaded");
    let always = loader.prepared("always").unwrap();
    assert_eq!(always.insns().len(), PLAIN);
    assert_eq!(always.insns()[0].imm, 1);
    always.insns_mut()[0].imm = 99;
    let object = loader.load().unwrap();
    assert_eq!(run(object.program("always").unwrap()), 99);
    assert_eq!(run(object.program("always_too").unwrap()), 2);
}

#[test]
fn prepared_instructions_name_live_maps() {
    let system = host();
    let spec = object!("socket");
    let options = LoadOptions::default();
    let mut loader = spec.loader(&system, &options);
    loader.prepare().unwrap();
    let prepared = loader.prepared("length").unwrap().clone();
    let loads = prepared
        .insns()
        .iter()
        .filter(|i| i.is_wide() && i.src == 1);
    let fds: Vec<i32> = loads.map(|insn| insn.imm).collect();
    assert!(!fds.is_empty());
    let object = loader.load().unwrap();
    let counts = object.map("counts").unwrap();
    assert!(fds.iter().all(|fd| *fd == counts.fd().raw()), "{fds:?}");
}

#[test]
fn one_program_loads_again_as_another() {
    let system = host();
    let spec = object!("sections");
    let options = LoadOptions::default();
    let mut loader = spec.loader(&system, &options);
    loader.prepare().unwrap();
    let mut other = spec.program("always").unwrap().clone();
    other.name = "always.again".to_owned();
    other.prog_type = ProgType::SCHED_CLS;
    let first = loader.load_as(&other).unwrap().program;
    other.log_level = 1;
    let second = loader.load_as(&other).unwrap().program;
    let infos = [first.info().unwrap(), second.info().unwrap()];
    assert_ne!(infos[0].id, infos[1].id);
    assert_eq!(infos[0].tag, infos[1].tag);
    for info in &infos {
        assert_eq!(
            (info.name.as_str(), info.prog_type),
            ("always.again", ProgType::SCHED_CLS)
        );
    }
    assert_eq!((first.log(), run(&first), run(&second)), ("", 1, 1));
    assert!(second.log().contains("processed"), "{}", second.log());
    // What was prepared is still there.
    let object = loader.load().unwrap();
    let always = object.program("always").unwrap();
    assert_eq!(always.prog_type(), ProgType::SOCKET_FILTER);
}

#[test]
fn logs_of_what_loads() {
    let system = host();
    let spec = object!("subprogs");
    let all = LoadOptions {
        log_level: 2,
        ..Default::default()
    };
    let whole = alone_with(&system, &spec, "first", &all);
    assert!(whole.log().contains("processed"), "{}", whole.log());
    assert!(whole.log().len() > 400);
    // Too little room costs the log, not the program.
    let little = LoadOptions {
        log_bytes: Some(200),
        ..all
    };
    let cut = alone_with(&system, &spec, "first", &little);
    assert!((1..200).contains(&cut.log().len()), "{}", cut.log());
    assert_eq!(run(&cut), run(&whole));
    assert_eq!(alone(&system, &spec, "first").log(), "");
}

/// Where there is not memory enough for the usual room, the log is as long as what there is.
#[test]
fn logs_in_little_memory() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let system = host();
    let spec = object!("subprogs");
    let all = LoadOptions {
        log_level: 2,
        ..Default::default()
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|l| l.strip_prefix("VmSize:"));
    let size = size.and_then(|kib| kib.trim().strip_suffix(" kB"));
    let size: u64 = size.unwrap().parse().unwrap();
    let limit = (size << 10) + (6 << 20);
    let (soft, hard) = getrlimit(Resource::RLIMIT_AS).unwrap();
    setrlimit(Resource::RLIMIT_AS, limit, hard).unwrap();
    let room = skep::sys::bpf::Log::buffer;
    // Allocators keep address space in reserve: all of it is used up, and a little given back.
    let mut held = Vec::with_capacity(1000);
    held.extend(std::iter::from_fn(|| room(1 << 20)).take(1000));
    held.truncate(held.len() - 6);
    assert!(room((16 << 20) - 1).is_none() && room(1 << 20).is_some());
    let little = alone_with(&system, &spec, "first", &all);
    setrlimit(Resource::RLIMIT_AS, soft, hard).unwrap();
    let whole = alone_with(&system, &spec, "first", &all);
    let first_line = |log: &str| log.lines().next().map(str::to_owned);
    assert_eq!(first_line(little.log()), first_line(whole.log()));
    assert!(little.log().contains("processed"), "{}", little.log());
}

#[test]
fn exceptions_end_in_their_callbacks() {
    let system = host();
    if !knows(&system, "bpf_throw") {
        skip!("this kernel has no bpf_throw");
    }
    let spec = object!("functions");
    let options = LoadOptions::default();
    for (program, want) in [("throws", 48), ("throws_deep", 1007)] {
        let loaded = spec
            .loader(&system, &options)
            .load_program(index(&spec, program));
        match loaded {
            Ok(loaded) => assert_eq!(run(&loaded.program), want, "{program}"),
            Err(error) if takes_a_jit(&error) || logs(&error).contains("JIT does not support") => {
                skip!("no JIT here that unwinds: {error}");
            }
            Err(error) => panic!("{error}\n{}", logs(&error)),
        }
    }
}

#[test]
fn callbacks_are_called() {
    let system = host();
    let spec = object!("functions");
    if !knows(&system, "bpf_for_each_map_elem") {
        skip!("this kernel has no bpf_for_each_map_elem");
    }
    let options = LoadOptions::default();
    let mut loader = spec.loader(&system, &options);
    let walks = match loader.load_program(index(&spec, "walks")) {
        Err(error) if logs(&error).contains("non-JITed programs") => {
            skip!("callbacks take a JIT, and this kernel has none");
        }
        loaded => loaded.unwrap().program,
    };
    let map = system.map_by_id(walks.map_ids().unwrap()[0]).unwrap();
    let values = Array::<u64>::try_from(&map).unwrap();
    for (key, value) in [(0, 1), (1, 20), (2, 300), (3, 4000)] {
        values.set(key, &value).unwrap();
    }
    assert_eq!(run(&walks), 4321);
    if !knows(&system, "bpf_loop") {
        skip!("this kernel has no bpf_loop");
    }
    assert_eq!(run(&alone(&system, &spec, "loops")), 6);
}

#[test]
fn contexts_are_known_by_their_tag_everywhere() {
    let system = host();
    let object = load(&system, &object!("context"));
    // 64 less the Ethernet header, and one for the context.
    assert_eq!(run(object.program("by_socket").unwrap()), 51);
    assert_eq!(run(object.program("by_xdp").unwrap()), 3);
    assert_eq!(
        object.program("by_tp").unwrap().prog_type(),
        ProgType::RAW_TRACEPOINT
    );
}

#[test]
fn functions_are_replaced() {
    let system = host();
    let spec = object!("replace");
    let object = load(&system, &spec);
    let target = object.program("target").unwrap();
    assert_eq!(run(target), 51);
    let options = |program: &str, function: Option<&str>| LoadOptions {
        attach_targets: FromIterator::from_iter([(
            program.to_owned(),
            AttachTarget {
                program: target.clone(),
                function: function.map(str::to_owned),
            },
        )]),
        ..Default::default()
    };
    let attempt = |program: &str, options: &LoadOptions| {
        spec.loader(&system, options)
            .load_program(index(&spec, program))
    };
    let error = attempt("plus_ten", &LoadOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget);
    let error = attempt("by_hand", &options("by_hand", None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget);
    let error = attempt("by_hand", &options("by_hand", Some("minus_one"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");

    let cases = [("plus_ten", None, 60), ("by_hand", Some("plus_one"), 70)];
    for (program, function, want) in cases {
        let loaded = match attempt(program, &options(program, function)) {
            Err(error) if system.probe(Feature::Fentry) != Answer::Yes => {
                skip!("functions cannot be replaced here: {error}");
            }
            loaded => loaded.unwrap().program,
        };
        match loaded.attach() {
            Ok(link) => {
                assert_eq!(run(target), want, "{program}");
                link.detach().unwrap();
                assert_eq!(run(target), 51);
                // The same, of another program than that which it was loaded for.
                let other = load(&system, &spec);
                let other = other.program("target").unwrap();
                let link = loaded.attach_to(Freplace::of(other, "plus_one")).unwrap();
                assert_eq!((run(other), run(target)), (want, 51));
                drop(link);
                assert_eq!(run(other), 51);
            }
            Err(error) if logs(&error).is_empty() && refuses_trampolines(&error) => {
                skip!("functions cannot be replaced here: {error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Whether the kernel has no trampolines, on which replacing rests.
fn refuses_trampolines(error: &skep::Error) -> bool {
    use skep::Errno;
    matches!(error.errno(), Some(Errno::ENOTSUPP | Errno::EOPNOTSUPP))
}

#[test]
fn indirect_jumps_lead_to_their_cases() {
    let system = host();
    let array = MapParams {
        map_type: MapType::INSN_ARRAY,
        key_size: 4,
        value_size: 16,
        max_entries: 1,
        ..Default::default()
    };
    if let Err(error) = map_create(system.kernel(), &array) {
        skip!("this kernel has no instruction arrays: {error}");
    }
    let object = load(&system, &object!("jumps"));
    let by_table = object.program("by_table").unwrap();
    let by_function = object.program("by_function").unwrap();
    for case in 0..16 {
        let value = case * case + 3;
        assert_eq!(run_on(by_table, case), 100 + value);
        assert_eq!(run_on(by_table, 16 + case), value);
        assert_eq!(run_on(by_function, case), value);
    }
    assert_eq!(run_on(by_function, 16), 1);
}
