//! The consumer and the kernel's half of the protocol, in every order in which two CPUs with weak
//! memory can see each other's writes (loom). And the same with one barrier or step left out, each
//! of which must be found: a model that cannot fail shows nothing.

#![allow(unsafe_code)]

use super::{BUSY, Consumer, DISCARD, HEADER, Memory, order};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::String;
use std::vec::Vec;

/// All records are of 8 bytes and take 16.
const LEN: u32 = 8;
const WHOLE: u64 = 16;

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The consumer's fence between publishing and its last look.
    ConsumerFence,
    /// The barrier that the kernel's `xchg` of the header is.
    KernelFence,
    /// The release of the consumer position.
    Release,
    /// The acquire of the header.
    AcquireHeader,
    /// The acquire of the producer position.
    AcquireProducer,
    /// Publishing at the end of a drain.
    Publish,
    /// Reading a record before it and the next are given back.
    ReadFirst,
}

/// The shared memory, and whether who waits has been woken.
struct Ring {
    fault: Fault,
    consumer: AtomicU64,
    producer: AtomicU64,
    headers: Vec<AtomicU32>,
    payloads: Vec<UnsafeCell<u64>>,
    woken: Mutex<bool>,
    /// `rb->spinlock`.
    lock: Mutex<()>,
}

impl Ring {
    fn new(fault: Fault, slots: usize) -> Arc<Self> {
        Arc::new(Self {
            fault,
            consumer: AtomicU64::new(0),
            producer: AtomicU64::new(0),
            headers: (0..slots).map(|_| AtomicU32::new(0)).collect(),
            payloads: (0..slots).map(|_| UnsafeCell::new(0)).collect(),
            woken: Mutex::new(false),
            lock: Mutex::new(()),
        })
    }

    fn bytes(&self) -> u64 {
        self.headers.len() as u64 * WHOLE
    }

    fn slot(&self, position: u64) -> usize {
        (position % self.bytes() / WHOLE) as usize
    }

    /// This order, or relaxed where that is the fault.
    fn order(&self, order: Ordering, fault: Fault) -> Ordering {
        match self.fault == fault {
            true => Ordering::Relaxed,
            false => order,
        }
    }

    /// `__bpf_ringbuf_reserve`.
    fn reserve(&self) -> Option<u64> {
        let consumer = self.consumer.load(Ordering::Acquire);
        let _locked = self.lock.lock().unwrap();
        let position = self.producer.load(Ordering::Relaxed);
        let end = position + WHOLE;
        if end - consumer > self.bytes() - 1 {
            return None;
        }
        self.headers[self.slot(position)].store(LEN | BUSY, Ordering::Relaxed);
        self.producer.store(end, Ordering::Release);
        Some(position)
    }

    /// `bpf_ringbuf_commit`, after the program has written its record.
    fn commit(&self, position: u64, discard: bool) {
        let slot = self.slot(position);
        self.payloads[slot].with_mut(|payload| {
            // SAFETY: loom checks that nobody else is at it.
            unsafe { *payload = position }
        });
        let word = if discard { LEN | DISCARD } else { LEN };
        let exchange = |order| self.headers[slot].swap(word, order);
        if self.fault == Fault::KernelFence {
            exchange(Ordering::Release);
        } else {
            fence(Ordering::SeqCst);
            exchange(Ordering::AcqRel);
            fence(Ordering::SeqCst);
        }
        let consumer = self.consumer.load(Ordering::Acquire);
        if consumer % self.bytes() == position % self.bytes() {
            *self.woken.lock().unwrap() = true;
        }
    }

    /// Sends as many records as there is room for at the time, every second given back unused if
    /// asked; how many.
    fn produce(&self, tries: u64, discards: bool) -> u64 {
        let mut sent = 0;
        for number in 0..tries {
            if let Some(position) = self.reserve() {
                self.commit(position, discards && number % 2 == 0);
                sent += 1;
            }
        }
        sent
    }
}

impl Memory for Arc<Ring> {
    fn size(&self) -> u64 {
        self.bytes()
    }

    fn producer_position(&self) -> u64 {
        let order = self.order(order::PRODUCER, Fault::AcquireProducer);
        self.producer.load(order)
    }

    fn overwrite_position(&self) -> u64 {
        0
    }

    fn header(&self, position: u64) -> u32 {
        let order = self.order(order::HEADER, Fault::AcquireHeader);
        self.headers[self.slot(position)].load(order)
    }

    fn publish(&self, position: u64) {
        if self.fault != Fault::Publish {
            let order = self.order(order::CONSUMER, Fault::Release);
            self.consumer.store(position, order);
        }
    }

    fn full_fence(&self) {
        if self.fault != Fault::ConsumerFence {
            fence(order::FULL_FENCE);
        }
    }

    fn read_fence(&self) {
        fence(order::READ_FENCE);
    }
}

/// Reads until nothing is left, as who was woken does.
fn drain(consumer: &mut Consumer<Arc<Ring>>) {
    while let Some(len) = next(consumer) {
        let ring = consumer.memory.clone();
        if ring.fault == Fault::ReadFirst {
            ring.publish(consumer.position() + 2 * WHOLE);
        }
        let position = consumer.start() - HEADER;
        assert_eq!(len, LEN, "a record");
        let payload = ring.payloads[ring.slot(position)].with(|payload| {
            // SAFETY: loom checks that nobody writes it.
            unsafe { *payload }
        });
        assert_eq!(payload, position, "the record that was sent");
        consumer.release(len);
    }
}

fn next(consumer: &mut Consumer<Arc<Ring>>) -> Option<u32> {
    match consumer.next_known() {
        None => consumer.next().expect("the kernel's memory"),
        known => known,
    }
}

/// What runs beside each other.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// Records that the ring has room for, and one.
    slots: usize,
    producers: u64,
    /// Records that each producer tries to send.
    tries: u64,
    discards: bool,
    /// How far the published position may be behind while a drain lasts.
    batch: u64,
    /// How often a thread is stopped where it need not be, at most.
    preemptions: usize,
}

/// The kernel finds room for one record, so that memory is used again; it finds room for all.
const TIGHT: Case = Case {
    slots: 2,
    producers: 1,
    tries: 3,
    discards: false,
    batch: 1,
    preemptions: 5,
};
const WIDE: Case = Case {
    slots: 4,
    tries: 2,
    preemptions: 4,
    ..TIGHT
};

/// Producers beside a consumer that drains twice and then sleeps. If records are left, it must
/// have been woken since it began the second time.
fn run(fault: Fault, case: Case) {
    let ring = Ring::new(fault, case.slots);
    let threads: Vec<_> = (0..case.producers)
        .map(|_| {
            let ring = ring.clone();
            thread::spawn(move || ring.produce(case.tries, case.discards))
        })
        .collect();
    let mut consumer = Consumer::new(ring.clone(), 0, false).unwrap();
    consumer.batch = case.batch;
    for _ in 0..2 {
        *ring.woken.lock().unwrap() = false;
        drain(&mut consumer);
    }
    for thread in threads {
        thread.join().unwrap();
    }
    let woken = *ring.woken.lock().unwrap();
    let left = ring.producer.load(Ordering::Acquire) - consumer.position();
    assert!(left == 0 || woken, "a wake-up was lost");
}

/// What goes wrong in some order, if anything does.
fn trouble(fault: Fault, case: Case) -> Option<String> {
    wrong(case.preemptions, move || run(fault, case))
}

fn wrong(preemptions: usize, run: impl Fn() + Send + Sync + 'static) -> Option<String> {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    let check = AssertUnwindSafe(|| model.check(run));
    let panic: Box<_> = catch_unwind(check).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(text.unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap()).into()))
}

#[test]
fn every_record_comes_whole_and_wakes() {
    for case in [TIGHT, WIDE] {
        for batch in [1, u64::MAX] {
            for discards in [false, true] {
                let case = Case {
                    batch,
                    discards,
                    ..case
                };
                assert_eq!(trouble(Fault::None, case), None, "{case:?}");
            }
        }
    }
}

#[test]
fn producers_beside_each_other_are_no_trouble() {
    for batch in [1, u64::MAX] {
        let case = Case {
            producers: 2,
            tries: 1,
            preemptions: 3,
            batch,
            ..WIDE
        };
        assert_eq!(trouble(Fault::None, case), None, "{case:?}");
    }
}

#[test]
fn what_is_left_out_is_found() {
    let lost = "a wake-up was lost";
    let raced = "Causality violation";
    let late = Case {
        batch: u64::MAX,
        ..WIDE
    };
    for (fault, case, wanted) in [
        (Fault::ConsumerFence, WIDE, lost),
        (Fault::ConsumerFence, late, lost),
        (Fault::KernelFence, WIDE, lost),
        (Fault::Publish, WIDE, lost),
        (Fault::Release, TIGHT, raced),
        (Fault::AcquireHeader, TIGHT, raced),
        (Fault::AcquireProducer, TIGHT, "a record"),
        (Fault::ReadFirst, TIGHT, raced),
    ] {
        let found = trouble(fault, case).unwrap_or_default();
        assert!(found.contains(wanted), "{fault:?}: {found}");
    }
}

/// A ring with room for one record, which is written over while it is read; without the fence
/// before the last look, if that is the fault.
struct Going {
    fenced: bool,
    producer: AtomicU64,
    oldest: AtomicU64,
    header: AtomicU32,
    payload: AtomicU64,
}

impl Going {
    /// `__bpf_ringbuf_reserve` and a program, on a machine that keeps stores in order.
    fn overwrite(&self) {
        self.oldest.store(WHOLE, Ordering::Release);
        fence(Ordering::Release);
        self.header.store(LEN | BUSY, Ordering::Relaxed);
        self.producer.store(2 * WHOLE, Ordering::Release);
        self.payload.store(WHOLE, Ordering::Relaxed);
        self.header.store(LEN, Ordering::Release);
    }
}

impl Memory for Arc<Going> {
    fn size(&self) -> u64 {
        WHOLE
    }

    fn producer_position(&self) -> u64 {
        self.producer.load(order::PRODUCER)
    }

    fn overwrite_position(&self) -> u64 {
        self.oldest.load(order::OLDEST)
    }

    fn header(&self, _: u64) -> u32 {
        self.header.load(order::HEADER)
    }

    fn publish(&self, _: u64) {}

    fn full_fence(&self) {}

    fn read_fence(&self) {
        if self.fenced {
            fence(order::READ_FENCE);
        }
    }
}

/// What is said to be intact is the record that was asked for.
fn overwritten(fenced: bool) {
    let ring = Arc::new(Going {
        fenced,
        producer: AtomicU64::new(WHOLE),
        oldest: AtomicU64::new(0),
        header: AtomicU32::new(LEN),
        payload: AtomicU64::new(0),
    });
    let kernel = thread::spawn({
        let ring = ring.clone();
        move || ring.overwrite()
    });
    let mut consumer = Consumer::new(ring.clone(), 0, true).unwrap();
    if consumer.next().unwrap().is_some() {
        let payload = ring.payload.load(Ordering::Relaxed);
        let is_it = payload == consumer.position();
        assert!(is_it || !consumer.is_intact(), "another record");
    }
    kernel.join().unwrap();
}

#[test]
fn what_is_overwritten_is_not_said_to_be_intact() {
    assert_eq!(wrong(4, || overwritten(true)), None);
    let found = wrong(4, || overwritten(false)).unwrap_or_default();
    assert!(found.contains("another record"), "{found}");
}
