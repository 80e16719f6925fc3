//! Samples of all CPUs from a perf event array: `perf [COUNT]` (root, or CAP_BPF, CAP_PERFMON and
//! CAP_NET_ADMIN).
//!
//! The program is `testdata/perf.bpf.c`, compiled beforehand. It sends a sample at each test run;
//! the buffers are small, so that with a large COUNT some find no room.

use skep::ring::{PerfBuffer, PerfOptions, Wakeup, Woken};
use skep::{ObjectSpec, System, prog::TestRun};
use std::time::Duration;

#[cfg(target_endian = "little")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/perf.bpf.el.o");
#[cfg(target_endian = "big")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/perf.bpf.eb.o");

skep::plain! {
    /// What begins a `struct sample` of the program.
    struct Sample {
        number: u64,
        cpu: u32,
        size: u32,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1);
    let count: u32 = count.map_or(Ok(5), |text| text.parse())?;
    let object = ObjectSpec::parse(OBJECT, "perf")?.load(&System::host()?)?;
    let options = PerfOptions {
        bytes_per_cpu: 16 << 10,
        wakeup: Wakeup::Events(1),
        cpus: None,
    };
    let mut buffer = PerfBuffer::open_with(object.map("samples")?, options)?;
    let run = TestRun {
        data: &[0; 64],
        repeat: count,
        ..TestRun::default()
    };
    object.program("send")?.test_run(&run)?;
    // What was lost is told with the next sample that finds room.
    while buffer.wait(Some(Duration::from_millis(100)))? == Woken::Ready {
        while let Some(sample) = buffer.next()? {
            let Sample { number, cpu, size } = sample.read()?;
            println!("sample {number} of {size} bytes from CPU {cpu}");
        }
    }
    for cpu in buffer.stats() {
        println!("CPU {}: {} read, {} lost", cpu.cpu, cpu.samples, cpu.lost);
    }
    println!("{} refused", object.global("refused")?.read::<u64>()?);
    Ok(())
}
