//! Drains a ring with aya.

#[path = "../../../ring.rs"]
mod ring;

use aya::maps::{Map, MapData, RingBuf};
use std::hint::black_box;

fn main() {
    ring::run(|path, copy| {
        let data = MapData::from_pin(path).expect("map");
        let map = Map::from_map_data(data).expect("a known type");
        let mut ring = RingBuf::try_from(map).expect("ring");
        let mut buffer = [0; ring::LONGEST];
        move || {
            let mut records = 0;
            while let Some(record) = ring.next() {
                match copy {
                    true => {
                        buffer[..record.len()].copy_from_slice(&record);
                        black_box(&buffer);
                    }
                    false => {
                        black_box(u64::from_ne_bytes(record[..8].try_into().unwrap()));
                    }
                }
                records += 1;
            }
            records
        }
    });
}
