//! Watches the system calls of one process: `trace PID [SECONDS]` (root, or CAP_BPF and
//! CAP_PERFMON).
//!
//! The program is `testdata/rawtp.bpf.c`, compiled beforehand: no clang is needed here.

use skep::{LoadOptions, ObjectSpec, System};
use std::time::{Duration, Instant};

#[cfg(target_endian = "little")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/rawtp.bpf.el.o");
#[cfg(target_endian = "big")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/rawtp.bpf.eb.o");

skep::plain! {
    /// `struct event` of the program.
    struct Event {
        time_ns: u64,
        pid: u32,
        tid: u32,
        syscall: i64,
        comm: [u8; 16],
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let pid: u32 = args.next().ok_or("usage: trace PID [SECONDS]")?.parse()?;
    let seconds: u64 = args.next().map_or(Ok(5), |text| text.parse())?;

    let mut spec = ObjectSpec::parse(OBJECT, "rawtp")?;
    spec.variable("target_pid")?.set(pid)?;
    let object = spec.load_with(&System::host()?, &LoadOptions::default())?;
    let _links = object.attach_all()?;

    let mut ring = object.ring("events")?;
    let end = Instant::now() + Duration::from_secs(seconds);
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        ring.wait(Some(left))?;
        while let Some(record) = ring.next()? {
            let event: Event = record.read()?;
            let comm = event
                .comm
                .split(|&byte| byte == 0)
                .next()
                .unwrap_or_default();
            let comm = String::from_utf8_lossy(comm);
            let (time, tid) = (event.time_ns, event.tid);
            println!("{time} {} {tid} {comm} {}", event.pid, event.syscall);
        }
    }
    println!(
        "{} calls, {} not shown for want of room",
        object.global("hits")?.read::<u64>()?,
        object.global("dropped")?.read::<u64>()?
    );
    Ok(())
}
