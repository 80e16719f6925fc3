//! Rings on the heap, the kernel's end played by the test.

use super::{Consumer, Desc, Memory, Producer};
use crate::{Error, ErrorKind};
use alloc::vec::Vec;
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

struct Heap {
    producer: AtomicU32,
    consumer: AtomicU32,
    flags: AtomicU32,
    entries: Vec<Cell<Desc>>,
}

impl Heap {
    /// An empty ring of four, at this position.
    fn at(position: u32) -> Self {
        let none = Desc { addr: 0, len: 0 };
        Self {
            producer: AtomicU32::new(position),
            consumer: AtomicU32::new(position),
            flags: AtomicU32::new(0),
            entries: alloc::vec![Cell::new(none); 4],
        }
    }
}

impl Memory for &Heap {
    fn entries(&self) -> u32 {
        4
    }
    fn producer(&self) -> &AtomicU32 {
        &self.producer
    }
    fn consumer(&self) -> &AtomicU32 {
        &self.consumer
    }
    fn flags(&self) -> &AtomicU32 {
        &self.flags
    }
    fn load(&self, position: u32) -> Desc {
        self.entries[position as usize % 4].get()
    }
    fn store(&self, position: u32, desc: Desc) {
        self.entries[position as usize % 4].set(desc);
    }
}

fn desc(number: u32) -> Desc {
    let addr = u64::from(number) * 4096;
    Desc { addr, len: number }
}

/// Positions before and across the wrap at 2^32.
const STARTS: [u32; 4] = [0, 1, u32::MAX - 1, u32::MAX];

#[test]
fn entries_come_out_as_they_went_in() {
    for start in STARTS {
        let heap = Heap::at(start);
        let (mut producer, mut consumer) = (Producer::new(&heap), Consumer::new(&heap));
        let (mut sent, mut seen) = (0, 0);
        for round in 0..50 {
            for _ in 0..=round % 4 {
                sent += u32::from(producer.push(desc(sent)).unwrap());
            }
            let before = heap.producer.load(Relaxed);
            assert_eq!(before, start.wrapping_add(seen), "not yet published");
            producer.publish();
            while let Some(found) = consumer.peek().unwrap() {
                assert_eq!(found, desc(seen));
                consumer.advance();
                seen += 1;
            }
            consumer.publish();
            assert_eq!(seen, sent);
        }
        assert_eq!(heap.consumer.load(Relaxed), start.wrapping_add(sent));
    }
}

#[test]
fn a_full_ring_takes_no_more_until_some_is_taken() {
    for start in STARTS {
        let heap = Heap::at(start);
        let mut producer = Producer::new(&heap);
        for number in 0..4 {
            assert!(producer.push(desc(number)).unwrap());
        }
        assert!(!producer.push(desc(4)).unwrap());
        assert_eq!(producer.waiting().unwrap(), 0, "none published");
        producer.publish();
        assert_eq!(producer.waiting().unwrap(), 4);
        heap.consumer.store(start.wrapping_add(1), Relaxed);
        assert!(producer.push(desc(4)).unwrap());
        assert!(!producer.push(desc(5)).unwrap());
        assert_eq!(heap.entries[start as usize % 4].get(), desc(4));
    }
}

#[test]
fn positions_that_cannot_be_are_errors() {
    for start in STARTS {
        let heap = Heap::at(start);
        let (mut producer, mut consumer) = (Producer::new(&heap), Consumer::new(&heap));
        for ahead in [5, 1 << 31, u32::MAX] {
            heap.producer.store(start.wrapping_add(ahead), Relaxed);
            let error = Error::from(consumer.peek().unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            // The consumer's is ahead of what was published.
            heap.consumer.store(start.wrapping_add(ahead), Relaxed);
            let error = Error::from(producer.waiting().unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            heap.consumer.store(start, Relaxed);
        }
        // It goes back behind what was taken already.
        heap.producer.store(start.wrapping_add(2), Relaxed);
        for _ in 0..2 {
            consumer.peek().unwrap().unwrap();
            consumer.advance();
        }
        heap.producer.store(start.wrapping_add(1), Relaxed);
        assert!(consumer.peek().is_err());
        heap.producer.store(start.wrapping_add(4), Relaxed);
        assert!(consumer.peek().unwrap().is_some());
    }
}

#[test]
fn the_flag_says_who_wants_to_be_woken() {
    let heap = Heap::at(0);
    let producer = Producer::new(&heap);
    assert!(!producer.needs_wakeup());
    heap.flags.store(1, Relaxed);
    assert!(producer.needs_wakeup());
}
