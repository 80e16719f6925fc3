//! Counts the system calls of one process, with all of the object known by name and type:
//! `typed PID [SECONDS]` (root, or CAP_BPF and CAP_PERFMON).
//!
//! `rawtp.rs` is what `skep obj rust` prints for `testdata/rawtp.bpf.c`, compiled beforehand:
//!
//! ```text
//! skep obj rust rawtp.bpf.el.o --embed ../../../../testdata/rawtp.bpf.el.o \
//!     --embed-be ../../../../testdata/rawtp.bpf.eb.o --record events=event > rawtp.rs
//! ```

#[rustfmt::skip] // as it is printed
mod rawtp;

use rawtp::OpenRawtp;
use skep::System;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let pid: u32 = args.next().ok_or("usage: typed PID [SECONDS]")?.parse()?;
    let seconds: u64 = args.next().map_or(Ok(5), |text| text.parse())?;

    let mut opened = OpenRawtp::open()?;
    opened.rodata().set_target_pid(pid)?;
    opened.maps().events()?.max_entries = 1 << 20;
    let rawtp = opened.load(&System::host()?)?;
    let links = rawtp.attach()?;
    let hook = links.count.as_ref().map_or("nothing", |link| link.hook());
    println!("attached to {hook}");

    let mut events = rawtp.maps().events()?;
    let hits = rawtp.bss().hits_cell()?;
    let end = Instant::now() + Duration::from_secs(seconds);
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        events.wait(Some(left))?;
        while let Some(event) = events.next()? {
            let comm = event.comm.split(|&byte| byte == 0).next();
            let comm = String::from_utf8_lossy(comm.unwrap_or_default());
            println!("{} {comm} {}", event.tid, event.syscall);
        }
    }
    let dropped = rawtp.bss().dropped()?;
    println!(
        "{} calls, {dropped} not shown for want of room",
        hits.load()
    );
    Ok(())
}
