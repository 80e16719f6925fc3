//! The examples run, and say what they are to say.

mod common;

use common::{ip, own_network, pair, skip};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The built example; `None`, said, on a machine that has only the tests.
fn example(name: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let dir = test.ancestors().nth(2).unwrap();
    let path = dir.join("examples").join(name);
    if !path.exists() {
        println!("skep-skip: no example {name} here");
        return None;
    }
    Some(path)
}

/// What an example prints.
fn output(name: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(example(name)?).args(args).output().unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{name}: {out}{err}");
    Some(out)
}

/// A process that makes system calls until it is dropped.
struct Caller(Child);

impl Caller {
    fn new() -> Self {
        let script = "while sleep 0.005; do :; done";
        let shell = Command::new("sh").args(["-c", script]).spawn();
        Self(shell.unwrap())
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What an example that watches a process for a second prints, and the process. (One that read what
/// is printed would make calls by it.)
fn watching(name: &str) -> Option<(String, u32)> {
    example(name)?;
    let caller = Caller::new();
    let pid = caller.0.id();
    Some((output(name, &[&pid.to_string(), "1"])?, pid))
}

/// The number before these words, in the last line that has them.
fn number_of(text: &str, words: &str) -> u64 {
    let line = text.lines().rev().find(|line| line.contains(words));
    let before = line.and_then(|line| line.split(words).next());
    let number = before.and_then(|text| text.split_whitespace().last()?.parse().ok());
    number.unwrap_or_else(|| panic!("a number before {words:?} in {text}"))
}

#[test]
fn inspect_lists_what_is_in_a_file() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/rawtp.bpf.el.o");
    if !file.exists() {
        println!("skep-skip: no objects here");
        return;
    }
    let Some(text) = output("inspect", &[file.to_str().unwrap()]) else {
        return;
    };
    assert!(
        text.contains("  program count (raw_tp/sys_enter): "),
        "{text}"
    );
    assert!(
        text.contains("  map events: ringbuf, 0 -> 0 bytes, "),
        "{text}"
    );
    assert!(text.contains("  variable target_pid: 4 bytes\n"), "{text}");
}

#[test]
fn trace_prints_system_calls() {
    let Some((text, pid)) = watching("trace") else {
        return;
    };
    assert!(number_of(&text, " calls, ") > 100, "{text}");
    let ours = format!(" {pid} ");
    assert!(text.lines().filter(|line| line.contains(&ours)).count() > 100);
}

#[test]
fn typed_names_what_it_prints() {
    let Some((text, _)) = watching("typed") else {
        return;
    };
    assert!(
        text.starts_with("attached to raw tracepoint sys_enter\n"),
        "{text}"
    );
    assert!(number_of(&text, " calls, ") > 100, "{text}");
    assert_eq!(number_of(&text, " not shown"), 0);
}

#[test]
fn events_of_a_ring_and_an_iterator_come_in_one_stream() {
    let Some((text, _)) = watching("events") else {
        return;
    };
    assert!(text.matches(": system call ").count() > 100, "{text}");
    assert!(text.lines().any(|line| line.starts_with("map ")), "{text}");
    assert_eq!(number_of(&text, " dropped"), 0);
}

#[test]
fn tokio_counts_beside_its_clock() {
    let Some((text, _)) = watching("tokio") else {
        return;
    };
    assert!(
        text.matches(" system calls so far\n").count() >= 1,
        "{text}"
    );
    assert!(number_of(&text, " system calls") > 100, "{text}");
}

#[test]
fn smol_reads_two_streams() {
    let Some((text, _)) = watching("smol") else {
        return;
    };
    assert!(number_of(&text, " system calls, ") > 100, "{text}");
    assert!(number_of(&text, " maps") >= 2, "{text}");
}

#[test]
fn maps_count_without_a_program() {
    let Some(text) = output("maps", &[]) else {
        return;
    };
    assert!(text.contains("202 addresses, 3 packets before\n"), "{text}");
    assert!(text.contains("the busiest: [10, 9, 9, 9] with 2 packets\n"));
    assert!(text.contains("last_port: 22, refused: 1"), "{text}");
    assert!(text.lines().last().unwrap().contains("EEXIST"), "{text}");
}

#[test]
fn messages_go_both_ways() {
    let Some(text) = output("messages", &[]) else {
        return;
    };
    let squares: u64 = (0..1000).map(|n| n * n).sum();
    let drained = format!("1000 messages drained; their squares add up to {squares}\n");
    assert!(text.starts_with(&drained), "{text}");
    let (records, dropped) = (
        number_of(&text, " records, "),
        number_of(&text, " found no room"),
    );
    assert_eq!(records + dropped, 1000);
    assert!(records > 100, "{text}");
}

#[test]
fn perf_samples_are_read_or_refused() {
    let Some(text) = output("perf", &["2000"]) else {
        return;
    };
    let samples = text
        .lines()
        .filter(|line| line.starts_with("sample "))
        .count() as u64;
    assert!(samples > 100, "{text}");
    assert_eq!(samples + number_of(&text, " refused"), 2000);
}

#[test]
fn log_shows_what_its_level_lets_through() {
    let Some(text) = output("log", &["warn"]) else {
        return;
    };
    assert!(text.contains("WARN "), "{text}");
    assert!(!text.contains("INFO "), "{text}");
    let Some(text) = output("log", &["trace"]) else {
        return;
    };
    assert!(text.contains("TRACE "), "{text}");
    assert_eq!(number_of(&text, " dropped"), 0);
}

/// A socket that sends pings, with a number and bytes, and receives their answers.
fn ping_socket() -> UdpSocket {
    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
    std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0").unwrap();
    let (family, kind) = (AddressFamily::Inet, SockType::Datagram);
    let socket = socket(family, kind, SockFlag::empty(), SockProtocol::Icmp).unwrap();
    let socket = UdpSocket::from(socket);
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket
}

#[test]
fn xsk_answers_pings() {
    let Some(example) = example("xsk") else {
        return;
    };
    own_network();
    let Some(_) = pair() else {
        skip!("no veth pair can be made");
    };
    assert!(ip("address add 10.9.0.1/24 dev skep0"));
    let mut running = Command::new(example)
        .args(["veth0", "10.9.0.2", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    assert_eq!(line(), "10.9.0.2 is here");
    let socket = ping_socket();
    socket.connect("10.9.0.2:0").unwrap();
    for number in 0..100 {
        let mut ping = vec![8, 0, 0, 0, 0, 0, 0, number];
        ping.extend((0..number).map(|byte| byte ^ 0x5a));
        socket.send(&ping).unwrap();
        let mut answer = [0; 256];
        let len = socket.recv(&mut answer).expect("an answer in time");
        // Checksum and identifier are the kernel's to fill in and to check.
        assert_eq!(answer[0], 0);
        assert_eq!(answer[6..len], ping[6..]);
    }
    let last = line();
    assert_eq!(number_of(&last, " pings and "), 100, "{last}");
    assert!(number_of(&last, " questions for") >= 1, "{last}");
    assert_eq!(number_of(&last, " answers lost"), 0, "{last}");
    assert_eq!(line(), "0 packets came too fast");
    assert!(running.wait().unwrap().success());
}

/// Every example is among those above.
#[test]
fn every_example_is_run() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(dir) = std::fs::read_dir(manifest.join("examples")) else {
        println!("skep-skip: no sources here");
        return;
    };
    let names = dir.map(|entry| entry.unwrap().path());
    let names: BTreeSet<String> = names
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let source = include_str!("kernel_examples.rs");
    for name in &names {
        let run = ["output", "watching", "example"].map(|run| format!("{run}(\"{name}\""));
        assert!(
            run.iter().any(|run| source.contains(run)),
            "{name} is not run"
        );
    }
    assert!(names.len() >= 10, "{names:?}");
}
