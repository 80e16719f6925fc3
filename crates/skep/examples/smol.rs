//! Two streams at once on smol (async-std would do as well): `smol PID [SECONDS]` counts the system
//! calls of a process, and lists maps meanwhile (root, or CAP_BPF and CAP_PERFMON).

use skep::aio::AsyncIoEvents;
use skep::events::{IterStream, Parts};
use skep::{Events, ObjectSpec, System};
use smol::Timer;
use smol::future::{or, try_zip};
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

/// How many events come until the stream ends.
async fn count(mut events: AsyncIoEvents) -> skep::Result<u64> {
    let mut count = 0;
    while events.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let pid: u32 = args.next().ok_or("usage: smol PID [SECONDS]")?.parse()?;
    let seconds: u64 = args.next().map_or(Ok(5), |text| text.parse())?;
    let system = System::host()?;
    let [calls, maps] = OBJECTS;

    let mut calls = ObjectSpec::parse(calls, "rawtp")?;
    calls.variable("target_pid")?.set(pid)?;
    let calls = calls.load(&system)?;
    let _links = calls.attach_all()?;
    let mut ring = Events::new(&system)?;
    ring.add(calls.ring("events")?)?;
    let stop = ring.stopper();

    let maps = ObjectSpec::parse(maps, "iter")?.load(&system)?;
    let lines = maps.program("lines")?.attach()?;
    let mut list = Events::new(&system)?;
    list.add(IterStream::new(lines.iter()?, Parts::Lines)?)?;

    let (ring, list) = (AsyncIoEvents::new(ring)?, AsyncIoEvents::new(list)?);
    let clock = async {
        Timer::after(Duration::from_secs(seconds)).await;
        stop.stop()?;
        // The streams end by themselves now.
        smol::future::pending().await
    };
    let (calls, maps) = smol::block_on(or(try_zip(count(ring), count(list)), clock))?;
    println!("{calls} system calls, {maps} maps");
    Ok(())
}
