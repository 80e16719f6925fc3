//! Events beside other tasks on tokio: `tokio PID [SECONDS]` counts the system calls of a process
//! (root, or CAP_BPF and CAP_PERFMON).

use skep::aio::TokioEvents;
use skep::{Events, ObjectSpec, System};
use std::time::Duration;

#[cfg(target_endian = "little")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/rawtp.bpf.el.o");
#[cfg(target_endian = "big")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/rawtp.bpf.eb.o");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let pid: u32 = args.next().ok_or("usage: tokio PID [SECONDS]")?.parse()?;
    let seconds: u64 = args.next().map_or(Ok(5), |text| text.parse())?;
    let system = System::host()?;
    let mut spec = ObjectSpec::parse(OBJECT, "rawtp")?;
    spec.variable("target_pid")?.set(pid)?;
    let object = spec.load(&system)?;
    let _links = object.attach_all()?;

    let mut events = Events::new(&system)?;
    events.add(object.ring("events")?)?;
    let stop = events.stopper();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stop.stop()
    });
    let mut events = TokioEvents::new(events)?;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut count = 0_u64;
    loop {
        // The branch that loses is dropped: no event goes with it.
        tokio::select! {
            event = events.next() => match event? {
                Some(_) => count += 1,
                None => break,
            },
            _ = tick.tick() => println!("{count} system calls so far"),
        }
    }
    println!("{count} system calls");
    Ok(())
}
