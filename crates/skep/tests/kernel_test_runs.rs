//! Test runs: on packets, contexts, CPUs, real frames; and what programs print when they run.

mod common;

use common::{host, load, make, object, own_network, skip};
use skep::codec::btf::Kind;
use skep::prog::{Stream, TestRun};
use skep::{Errno, MapType, Object, Program};

const PACKET: [u8; 64] = [0xab; 64];
/// Bytes of `struct __sk_buff` up to what follows `cb`, room for more than all of them, and where
/// `mark` and `cb[1]` are.
const SK_BUFF: usize = 68;
const ROOM: usize = 512;
const MARK: usize = 8;
const CB_1: usize = 52;

fn runs() -> Object {
    load(&host(), &object!("runs"))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn a_context_comes_back_as_the_program_left_it() {
    let object = runs();
    let mut context = [0; SK_BUFF];
    context[MARK..MARK + 4].copy_from_slice(&35_u32.to_ne_bytes());
    let run = TestRun {
        data: &PACKET,
        context: &context,
        data_out_bytes: 128,
        context_out_bytes: ROOM,
        ..TestRun::default()
    };
    let ran = object.program("mark").unwrap().test_run(&run).unwrap();
    assert_eq!((ran.return_value, &ran.data[..]), (5, &PACKET[..]));
    assert!((SK_BUFF..ROOM).contains(&ran.context.len()));
    assert_eq!(word(&ran.context, MARK), 42);
    assert_eq!(word(&ran.context, CB_1), 64);
    let none = TestRun {
        context_out_bytes: 0,
        data_out_bytes: 0,
        ..run
    };
    let ran = object.program("mark").unwrap().test_run(&none).unwrap();
    assert!(ran.context.is_empty() && ran.data.is_empty());
}

#[test]
fn a_raw_tracepoints_program_runs_on_the_cpu_that_is_named() {
    let object = runs();
    let arguments = [30_u64, 12].map(u64::to_ne_bytes).concat();
    let program = object.program("where").unwrap();
    for cpu in 0..host().possible_cpus().unwrap().min(2) {
        let run = TestRun {
            context: &arguments,
            flags: TestRun::ON_CPU,
            cpu,
            ..TestRun::default()
        };
        let ran = match program.test_run(&run) {
            Err(error) if error.errno() == Some(Errno::ENXIO) => continue, // it is off
            ran => ran.unwrap(),
        };
        assert_eq!(ran.return_value, 42);
        let seen = object.global("cpu").and_then(|global| global.read::<u32>());
        assert_eq!(seen.unwrap(), cpu);
    }
    let nowhere = TestRun {
        context: &arguments,
        flags: TestRun::ON_CPU,
        cpu: 1 << 20,
        ..TestRun::default()
    };
    let error = program.test_run(&nowhere).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENXIO), "{error}");
}

#[test]
fn real_frames_come_in_batches() {
    own_network();
    let object = runs();
    let run = TestRun {
        data: &PACKET,
        repeat: 1000,
        flags: TestRun::LIVE_FRAMES,
        batch_size: 100,
        ..TestRun::default()
    };
    match object.program("frames").unwrap().test_run(&run) {
        Err(error) if error.errno() == Some(Errno::EINVAL) => {
            skip!("no test runs with real frames: {error}")
        }
        ran => drop(ran.unwrap()),
    }
    let count = object
        .global("count")
        .and_then(|global| global.read::<u64>());
    assert_eq!(count.unwrap(), 1000);
    let too_many = TestRun {
        batch_size: 1 << 20,
        ..run
    };
    assert!(
        object
            .program("frames")
            .unwrap()
            .test_run(&too_many)
            .is_err()
    );
}

fn text(program: &Program, stream: Stream) -> String {
    let (mut all, mut buffer) = (Vec::new(), [0; 16]);
    loop {
        let len = program.read_stream(stream, &mut buffer).unwrap();
        all.extend_from_slice(&buffer[..len]);
        if len == 0 {
            return String::from_utf8(all).unwrap();
        }
    }
}

#[test]
fn what_a_program_prints_is_read_in_order() {
    let system = host();
    let types = system.kernel_btf().unwrap();
    let names = ["bpf_stream_vprintk_impl", "bpf_stream_vprintk"];
    if !names
        .iter()
        .any(|name| types.find(name, Some(Kind::Func)).is_some())
    {
        skip!("no streams of programs in this kernel");
    }
    let object = load(&system, &object!("stream"));
    let program = object.program("tell").unwrap();
    for len in [20, 64] {
        let run = TestRun {
            data: &PACKET[..len],
            ..TestRun::default()
        };
        program.test_run(&run).unwrap();
    }
    let answer = object
        .global("answer")
        .and_then(|global| global.read::<i32>());
    if answer
        .as_ref()
        .is_ok_and(|answer| *answer == -Errno::ENOMEM.raw())
    {
        skip!("this kernel gives no memory to streams");
    }
    assert_eq!(answer.unwrap(), 0);
    assert_eq!(text(program, Stream::Stdout), "20 bytes\n64 bytes\n");
    assert_eq!(text(program, Stream::Stderr), "verdict 2\nverdict 2\n");
    assert_eq!(text(program, Stream::Stdout), "");
}

#[test]
fn a_map_is_kept_by_a_program_that_does_not_use_it() {
    let object = runs();
    let program = object.program("frames").unwrap();
    let map = make(&host(), MapType::ARRAY, 4, 4);
    let id = map.id();
    assert!(!program.map_ids().unwrap().contains(&id));
    program.bind_map(&map).unwrap();
    drop(map);
    assert!(program.map_ids().unwrap().contains(&id));
    assert_eq!(host().map_by_id(id).unwrap().id(), id);
}

#[test]
fn a_descriptor_of_a_process_tells_its_program() {
    let object = runs();
    let program = object.program("where").unwrap();
    let Ok(link) = program.attach() else {
        skip!("no raw tracepoint here")
    };
    let fd = link.fd().raw();
    let told = host().task_fd(std::process::id(), fd as u32).unwrap();
    assert_eq!(told.prog_id, program.id().unwrap());
    assert_eq!((told.fd_type, told.name.as_str()), (0, "sys_enter"));
    let error = host().task_fd(std::process::id(), 0).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::new(524)), "{error}"); // ENOTSUPP
}

#[test]
fn everything_is_listed_with_what_the_kernel_knows() {
    let system = host();
    let object = runs();
    let program = object.program("where").unwrap();
    let info = program.info().unwrap();
    let programs = system.programs().unwrap();
    assert!(programs.is_sorted_by_key(|other| other.id));
    let found = programs.iter().find(|other| other.id == info.id).unwrap();
    assert_eq!((found.name.as_str(), found.tag), ("where", info.tag));
    let ids: Vec<u32> = system.maps().unwrap().iter().map(|map| map.id).collect();
    assert!(object.maps().iter().all(|map| ids.contains(&map.id())));
    let types = system.btfs().unwrap();
    let own = types.iter().find(|types| types.id == info.btf_id).unwrap();
    assert!(!own.kernel && own.size > 24);
    let kernels = types.iter().find(|types| types.name == "vmlinux");
    // Before 5.11 sets have no names, and the kernel's is not among them.
    let nameless = types.iter().all(|types| types.name.is_empty());
    assert!(kernels.map_or(nameless, |types| types.kernel), "{types:?}");
    if let Ok(link) = program.attach() {
        let links = system.links().unwrap();
        assert!(
            links.iter().any(|other| other.prog_id == info.id),
            "{link:?}"
        );
    }
}
