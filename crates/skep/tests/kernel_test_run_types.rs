//! Test runs of every type of program that has them, beside those of `kernel_test_runs.rs`.

mod common;

use common::{host, need, object, only, skip};
use skep::probe::Answer;
use skep::prog::{TestRun, TestRunResult};
use skep::{Object, ProgType};

/// A packet of IPv4, header of Ethernet first, so long in all.
fn packet(bytes: usize) -> Vec<u8> {
    let mut packet = vec![0; bytes];
    packet[12..15].copy_from_slice(&[8, 0, 0x45]);
    packet
}

/// The object with this program alone.
fn alone(program: &str) -> Object {
    let mut spec = only(object!("testruns"), &[program]);
    spec.program_mut(program).unwrap().autoload = true;
    common::load(&host(), &spec)
}

fn run(program: &str, run: &TestRun<'_>) -> TestRunResult {
    let object = alone(program);
    object.program(program).unwrap().test_run(run).unwrap()
}

fn on_packet(program: &str, bytes: usize) -> u32 {
    let data = &packet(bytes);
    let once = TestRun {
        data,
        ..TestRun::default()
    };
    run(program, &once).return_value
}

#[test]
fn sockets_and_cgroups_see_packets_without_their_link_header() {
    assert_eq!(on_packet("filter", 64), 50);
    assert_eq!((on_packet("egress", 54), on_packet("egress", 55)), (1, 0));
}

#[test]
fn an_action_sees_the_whole_frame() {
    let data = &packet(64);
    let once = TestRun {
        data,
        context_out_bytes: 512,
        ..TestRun::default()
    };
    let ran = run("act", &once);
    assert_eq!(ran.return_value, 2, "TC_ACT_SHOT");
    assert_eq!(ran.context[8..12], 64_u32.to_ne_bytes(), "mark");
}

#[test]
fn tunnel_programs_run_on_packets() {
    for program in ["tunnel_in", "tunnel_out", "tunnel_xmit"] {
        let answers = [54, 55].map(|bytes| on_packet(program, bytes));
        assert_eq!(answers, [2, 0], "BPF_DROP and BPF_OK of {program}");
    }
}

#[test]
fn a_flow_dissector_gives_its_keys_back() {
    let data = &packet(64);
    let once = TestRun {
        data,
        data_out_bytes: 128,
        ..TestRun::default()
    };
    let ran = run("dissect", &once);
    // `struct bpf_flow_keys`.
    let port = 0x1234_u16.to_ne_bytes();
    // `BPF_OK`; older kernels say whether it was that.
    assert!(ran.return_value <= 1, "{}", ran.return_value);
    assert_eq!(ran.data.len(), 56);
    assert_eq!((ran.data[9], &ran.data[12..14]), (17, &port[..]));
}

#[test]
fn a_socket_look_up_runs_on_its_context() {
    if host().probe_prog_type(ProgType::SK_LOOKUP) != Answer::Yes {
        skip!("no socket look-up");
    }
    let mut answers = [0, 0];
    for (answer, port) in answers.iter_mut().zip([80_u32, 81]) {
        // `struct bpf_sk_lookup`: family, protocol, local port.
        let mut context = [0; 64];
        for (at, word) in [(8, libc::AF_INET as u32), (12, 17), (60, port)] {
            context[at..at + 4].copy_from_slice(&word.to_ne_bytes());
        }
        let once = TestRun {
            context: &context,
            ..TestRun::default()
        };
        let object = alone("lookup");
        match object.program("lookup").unwrap().test_run(&once) {
            Ok(ran) => *answer = ran.return_value,
            // ENOTSUPP
            Err(error) if error.errno() == Some(skep::Errno::new(524)) => skip!("{error}"),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(answers, [0, 1], "SK_DROP and SK_PASS");
}

#[test]
fn a_program_of_system_calls_writes_to_its_context() {
    if host().probe_prog_type(ProgType::SYSCALL) != Answer::Yes {
        skip!("no programs of system calls");
    }
    let given = [21_u64, 0].map(u64::to_ne_bytes).concat();
    let once = TestRun {
        context: &given,
        ..TestRun::default()
    };
    let ran = run("call", &once);
    assert_eq!(ran.return_value, 7);
    assert_eq!(ran.context, [21_u64, 42].map(u64::to_ne_bytes).concat());
    assert_eq!(given[8..], [0; 8], "what was given is as it was");
}

#[test]
fn a_netfilter_program_says_what_becomes_of_a_packet() {
    need!(LinkNetfilter);
    assert_eq!(on_packet("verdict", 64), 0, "NF_DROP");
}
