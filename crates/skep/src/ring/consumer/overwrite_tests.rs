//! A record that is written over while its header is read, in overwrite mode.

use super::{Consumer, Memory};
use core::cell::Cell;

/// Two records of 16 bytes with their headers, the second of 8; the first goes at the first look.
struct Torn {
    producer: u64,
    oldest: Cell<u64>,
    /// What the first record's header has become when it is looked at.
    header: u32,
    moves: bool,
}

impl Memory for Torn {
    fn size(&self) -> u64 {
        64
    }

    fn producer_position(&self) -> u64 {
        self.producer
    }

    fn overwrite_position(&self) -> u64 {
        self.oldest.get()
    }

    fn header(&self, position: u64) -> u32 {
        match position {
            0 => {
                self.oldest.set(if self.moves { 24 } else { 0 });
                self.header
            }
            _ => 8,
        }
    }

    fn publish(&self, _: u64) {}

    fn full_fence(&self) {}

    fn read_fence(&self) {}
}

fn consumer(header: u32, moves: bool) -> Consumer<Torn> {
    let memory = Torn {
        producer: 40,
        oldest: Cell::new(0),
        header,
        moves,
    };
    Consumer::new(memory, 0, true).unwrap()
}

#[test]
fn what_is_left_of_a_record_that_went_is_not_judged() {
    // Payload of the record that came in its place: a length that no ring has, or a flag.
    for header in [16, 0x3fff_ffff, super::BUSY, super::DISCARD | 8] {
        let mut consumer = consumer(header, true);
        assert_eq!(consumer.next().unwrap(), Some(8), "{header:#x}");
        assert_eq!(consumer.position(), 24);
        assert_eq!((consumer.overwritten(), consumer.discarded()), (24, 0));
    }
    let mut stays = consumer(0x3fff_ffff, false);
    assert!(stays.next().is_err());
    assert_eq!(consumer(16, false).next().unwrap(), Some(16));
}
