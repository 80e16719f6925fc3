//! Drains a ring with libbpf-rs.

#[path = "../../../ring.rs"]
mod ring;

use libbpf_rs::{MapHandle, RingBufferBuilder};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

fn main() {
    ring::run(|path, copy| {
        let map: &'static MapHandle =
            Box::leak(Box::new(MapHandle::from_pinned_path(path).expect("map")));
        let records = Rc::new(Cell::new(0));
        let seen = records.clone();
        let mut buffer = [0; ring::LONGEST];
        let mut builder = RingBufferBuilder::new();
        let each = move |record: &[u8]| {
            match copy {
                true => {
                    buffer[..record.len()].copy_from_slice(record);
                    black_box(&buffer);
                }
                false => {
                    black_box(u64::from_ne_bytes(record[..8].try_into().unwrap()));
                }
            }
            seen.set(seen.get() + 1);
            0
        };
        builder.add(map, each).expect("add");
        let ring = builder.build().expect("ring");
        move || {
            records.set(0);
            ring.consume().expect("consume");
            records.get()
        }
    });
}
