//! Sends messages to a program and reads records that a program sends: `messages` (root, or
//! CAP_BPF and CAP_NET_ADMIN), Linux 6.1 or later.
//!
//! The programs are `testdata/userring.bpf.c` and `testdata/rings.bpf.c`, compiled beforehand, and
//! run here by hand; elsewhere a hook would run them.

use skep::prog::TestRun;
use skep::{ErrorKind, Object, ObjectSpec, System};

macro_rules! object {
    ($name:literal) => {{
        #[cfg(target_endian = "little")]
        const BYTES: &[u8] = include_bytes!(concat!("../../../testdata/", $name, ".bpf.el.o"));
        #[cfg(target_endian = "big")]
        const BYTES: &[u8] = include_bytes!(concat!("../../../testdata/", $name, ".bpf.eb.o"));
        ObjectSpec::parse(BYTES, $name)
    }};
}

fn run(object: &Object, program: &str) -> skep::Result<u32> {
    let run = TestRun {
        data: &[0; 64],
        ..TestRun::default()
    };
    Ok(object.program(program)?.test_run(&run)?.return_value)
}

/// Fills a user ring buffer, has it drained when it is full, and asks for the sum.
fn to_the_kernel(system: &System) -> skep::Result<()> {
    let object = object!("userring")?.load(system)?;
    let mut ring = object.user_ring("messages")?;
    let (mut number, mut drained) = (0_u64, 0);
    while number < 1000 {
        match ring.reserve(16) {
            Ok(mut slot) => {
                slot.put(0, &number)?;
                slot.put(8, &(number * number))?;
                slot.commit();
                number += 1;
            }
            Err(error) if error.kind() == ErrorKind::Full => drained += run(&object, "drain")?,
            Err(error) => return Err(error),
        }
    }
    drained += run(&object, "drain")?;
    let sum: u64 = object.global("sum")?.read()?;
    println!("{drained} messages drained; their squares add up to {sum}");
    Ok(())
}

/// Reads what a program sends: one field of each record, in place.
fn from_the_kernel(system: &System) -> skep::Result<()> {
    let object = object!("rings")?.load(system)?;
    let mut ring = object.ring("events")?;
    object.global("count")?.set(1000_u32)?;
    run(&object, "send")?;
    let (waiting, size) = (ring.available_bytes(), ring.size_bytes());
    println!("{waiting} of {size} bytes wait to be read");
    let (mut records, mut sum) = (0, 0);
    while let Some(record) = ring.next()? {
        sum += record.field::<u64>(0)?;
        records += 1;
    }
    let dropped: u64 = object.global("dropped")?.read()?;
    println!("{records} records, {dropped} found no room; their numbers add up to {sum}");
    Ok(())
}

fn main() -> skep::Result<()> {
    let system = System::host()?;
    to_the_kernel(&system)?;
    from_the_kernel(&system)
}
