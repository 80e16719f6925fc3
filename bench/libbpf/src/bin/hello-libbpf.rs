//! Loads every program of the object named by the first argument, with libbpf-rs.

use libbpf_rs::ObjectBuilder;

fn main() {
    let path = std::env::args().nth(1).expect("an object");
    let open = ObjectBuilder::default().open_file(path).expect("open");
    open.load().expect("load");
}
