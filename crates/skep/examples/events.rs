//! Several sources in one stream: system calls of a process from a ring buffer, and the list of
//! maps from an iterator: `events PID [SECONDS]` (root, or CAP_BPF and CAP_PERFMON).

use skep::events::{IterStream, Parts};
use skep::{Events, ObjectSpec, System};
use std::time::Duration;

#[cfg(target_endian = "little")]
const OBJECTS: [&[u8]; 2] = [
    include_bytes!("../../../testdata/rawtp.bpf.el.o"),
    include_bytes!("../../../testdata/iter.bpf.el.o"),
];
#[cfg(target_endian = "big")]
const OBJECTS: [&[u8]; 2] = [
    include_bytes!("../../../testdata/rawtp.bpf.eb.o"),
    include_bytes!("../../../testdata/iter.bpf.eb.o"),
];

skep::plain! {
    /// `struct event` of `testdata/rawtp.bpf.c`.
    struct Call {
        time_ns: u64,
        pid: u32,
        tid: u32,
        number: i64,
        comm: [u8; 16],
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let pid: u32 = args.next().ok_or("usage: events PID [SECONDS]")?.parse()?;
    let seconds: u64 = args.next().map_or(Ok(5), |text| text.parse())?;
    let system = System::host()?;
    let [calls, maps] = OBJECTS;

    let mut calls = ObjectSpec::parse(calls, "rawtp")?;
    calls.variable("target_pid")?.set(pid)?;
    let calls = calls.load(&system)?;
    let _links = calls.attach_all()?;
    let maps = ObjectSpec::parse(maps, "iter")?.load(&system)?;
    let lines = maps.program("lines")?.attach()?;

    let mut events = Events::new(&system)?;
    let ring = events.add(calls.ring("events")?)?;
    let text = events.add(IterStream::new(lines.iter()?, Parts::Lines)?)?;
    events.end_in(Duration::from_secs(seconds))?;
    while let Some(event) = events.next()? {
        if event.source() == ring {
            let Call {
                time_ns,
                tid,
                number,
                ..
            } = event.read()?;
            println!("{time_ns} thread {tid}: system call {number}");
        } else if event.source() == text {
            println!("{}", String::from_utf8_lossy(event.bytes()));
        }
    }
    for (name, id) in [("ring", ring), ("iterator", text)] {
        println!("{name}: {:?}", events.stats(id).ok_or("it was added")?);
    }
    println!("{} dropped", calls.global("dropped")?.read::<u64>()?);
    Ok(())
}
