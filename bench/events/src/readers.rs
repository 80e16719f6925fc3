//! Who reads, and what.

use crate::tables::cpu_ns;
use aya::maps::perf::PerfEvent;
use aya::maps::{Map as AyaMap, MapData, PerfEventArray};
use libbpf_rs::{MapHandle, PerfBufferBuilder};
use skep::aio::{AsyncEvents, AsyncIoEvents, Readiness, TokioEvents};
use skep::prog::TestRun;
use skep::ring::{PerfBuffer, PerfOptions};
use skep::{Events, Object, ObjectSpec, System};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

const OBJECT: &[u8] = include_bytes!("../../../testdata/perf.bpf.el.o");
/// Bytes of each CPU's buffer, for all readers.
const BUFFER: usize = 8 << 20;
/// As libbpf and aya count it.
const PAGES: usize = BUFFER / 4096;

/// A reader with a buffer of its own.
pub struct Reader {
    pub name: &'static str,
    /// Events of a turn.
    pub count: u64,
    /// Fills the buffer and empties it: nanoseconds for how many events.
    pub turn: Box<dyn FnMut() -> (u64, u64)>,
}

/// The filling program writes to the buffer of the CPU it runs on.
pub fn stay_on_one_cpu() {
    // SAFETY: a set of CPUs is plain bits; the call reads it.
    let done = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(0, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    assert_eq!(done, 0, "sched_setaffinity");
}

/// A program and its array.
fn sender(size: u32) -> Object {
    let object = ObjectSpec::parse(OBJECT, "perf").expect("the object");
    let object = object
        .load(&System::host().expect("a system"))
        .expect("loaded");
    object
        .global("size")
        .and_then(|g| g.set(size))
        .expect("size");
    object
}

/// `read` over the array of `object`, which is filled by its program.
fn reader(
    name: &'static str,
    object: Object,
    count: u64,
    mut read: impl FnMut() -> u64 + 'static,
) -> Reader {
    let turn = move || {
        fill(&object, count);
        let begun = cpu_ns();
        let read = read();
        (cpu_ns() - begun, read)
    };
    Reader {
        name,
        count,
        turn: Box::new(turn),
    }
}

/// Has the program of `object` send.
fn fill(object: &Object, count: u64) {
    let run = TestRun {
        data: &[0; 64],
        repeat: count as u32,
        ..TestRun::default()
    };
    object
        .program("send")
        .and_then(|p| p.test_run(&run))
        .expect("sent");
    assert_eq!(
        object
            .global("refused")
            .and_then(|g| g.read::<u64>())
            .expect("refused"),
        0
    );
}

fn skep_buffer(object: &Object) -> PerfBuffer {
    let options = PerfOptions {
        bytes_per_cpu: BUFFER,
        ..PerfOptions::default()
    };
    let map = object.map("samples").expect("the array");
    PerfBuffer::open_with(map, options).expect("a buffer")
}

/// The first word, or a copy of all.
#[inline]
fn take(sample: &[u8], out: &mut [u8], copy: bool) -> u64 {
    if copy {
        let len = sample.len().min(out.len());
        out[..len].copy_from_slice(&sample[..len]);
        black_box(&*out);
    }
    u64::from_ne_bytes(sample[..8].try_into().expect("eight bytes"))
}

fn skep(size: u32, count: u64, copy: bool) -> Reader {
    let object = sender(size);
    let mut buffer = skep_buffer(&object);
    let mut out = vec![0; 2048];
    reader("skep", object, count, move || {
        let (mut read, mut sum) = (0, 0_u64);
        let mut word = [0; 8];
        while let Some(sample) = buffer.next().expect("a sample") {
            if copy {
                sample.copy_to(&mut out);
                black_box(&*out);
            }
            sample.copy_to(&mut word);
            sum = sum.wrapping_add(u64::from_ne_bytes(word));
            read += 1;
        }
        black_box(sum);
        read
    })
}

fn aya(size: u32, count: u64, copy: bool) -> Reader {
    let object = sender(size);
    let id = object.map("samples").expect("the array").id();
    let map = MapData::from_id(id).expect("the array");
    let mut array = PerfEventArray::try_from(AyaMap::PerfEventArray(map)).expect("an array");
    let mut buffer = array.open(0, Some(PAGES)).expect("a buffer");
    let mut out = vec![0; 2048];
    reader("aya", object, count, move || {
        let (mut read, mut sum) = (0, 0_u64);
        buffer.for_each(|event| {
            if let PerfEvent::Sample { head, tail } = event {
                // A sample over the end of the buffer is in two parts.
                if head.len() >= 8 {
                    sum = sum.wrapping_add(take(head, &mut out, copy));
                }
                if copy {
                    let at = head.len().min(out.len());
                    let len = tail.len().min(out.len() - at);
                    out[at..at + len].copy_from_slice(&tail[..len]);
                }
                read += 1;
            }
        });
        black_box(sum);
        read
    })
}

fn libbpf(size: u32, count: u64, copy: bool) -> Reader {
    let object = sender(size);
    let id = object.map("samples").expect("the array").id();
    // It lives as long as the process: the buffer borrows it.
    let map = Box::leak(Box::new(MapHandle::from_map_id(id).expect("the array")));
    let read = Rc::new(Cell::new(0_u64));
    let counted = read.clone();
    let mut out = vec![0; 2048];
    let buffer = PerfBufferBuilder::new(&*map)
        .sample_cb(move |_, sample: &[u8]| {
            black_box(take(sample, &mut out, copy));
            counted.set(counted.get() + 1);
        })
        .pages(PAGES)
        .build()
        .expect("a buffer");
    reader("libbpf-rs", object, count, move || {
        read.set(0);
        buffer.consume().expect("consumed");
        read.get()
    })
}

/// The drains of one size.
pub fn drains(size: u32, count: u64, copy: bool) -> Vec<Reader> {
    vec![
        libbpf(size, count, copy),
        skep(size, count, copy),
        aya(size, count, copy),
    ]
}

fn stream(object: &Object) -> Events {
    let mut events =
        Events::new(object.map("samples").expect("the array").system()).expect("a stream");
    events.add(skep_buffer(object)).expect("added");
    events
}

/// A turn on a run time. It fills while it runs: a program enters its run time once, however many
/// events come.
async fn turn<R: Readiness>(
    object: &Object,
    events: &mut AsyncEvents<R>,
    count: u64,
) -> (u64, u64) {
    fill(object, count);
    let (begun, mut read) = (cpu_ns(), 0);
    while read < count && black_box(events.next().await.expect("an event")).is_some() {
        read += 1;
    }
    (cpu_ns() - begun, read)
}

/// The same stream by each way of waiting.
pub fn streams(size: u32, count: u64) -> Vec<Reader> {
    let object = sender(size);
    let mut events = stream(&object);
    let blocking = reader("blocking", object, count, move || {
        (0..count)
            .filter(|_| black_box(events.next().expect("an event")).is_some())
            .count() as u64
    });
    let object = sender(size);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("tokio");
    let made = stream(&object);
    let mut events = runtime.block_on(async { TokioEvents::new(made).expect("registered") });
    let on_tokio = move || runtime.block_on(turn(&object, &mut events, count));
    let object = sender(size);
    let mut events = AsyncIoEvents::new(stream(&object)).expect("registered");
    let on_async_io = move || futures_lite::future::block_on(turn(&object, &mut events, count));
    vec![
        blocking,
        Reader {
            name: "tokio",
            count,
            turn: Box::new(on_tokio),
        },
        Reader {
            name: "async-io",
            count,
            turn: Box::new(on_async_io),
        },
    ]
}
