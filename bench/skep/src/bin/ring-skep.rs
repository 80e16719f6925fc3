//! Drains a ring with skep; `ring-skep setup OBJECT DIR` pins map and program first.

#[path = "../../../ring.rs"]
mod ring;

use skep::{Map, ObjectSpec, RingBuf, System};
use std::hint::black_box;

fn main() {
    let system = System::host().expect("the kernel");
    let args: Vec<String> = std::env::args().collect();
    if let [_, setup, object, dir] = &args[..]
        && setup == "setup"
    {
        let object = ObjectSpec::open(object).expect("open");
        let object = object.load(&system).expect("load");
        let pin = |name| format!("{dir}/{name}");
        object
            .map("events")
            .unwrap()
            .pin(&pin("events"))
            .expect("pin");
        object
            .program("fill")
            .unwrap()
            .pin(&pin("fill"))
            .expect("pin");
        return;
    }
    ring::run(|path, copy| {
        let map = Map::from_pin(&system, path).expect("map");
        let mut ring = RingBuf::open(&map).expect("ring");
        let mut buffer = [0; ring::LONGEST];
        move || {
            let mut records = 0;
            while let Some(record) = ring.next().expect("record") {
                match copy {
                    true => {
                        record.copy_to(&mut buffer);
                        black_box(&buffer);
                    }
                    false => _ = black_box(record.field::<u64>(0).expect("word")),
                }
                records += 1;
            }
            records
        }
    });
}
