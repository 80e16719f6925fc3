//! Loads every program of the object named by the first argument, with skep.

use skep::{ObjectSpec, System};

fn main() {
    let path = std::env::args().nth(1).expect("an object");
    let system = System::host().expect("the kernel");
    let spec = ObjectSpec::open(path).expect("open");
    spec.load(&system).expect("load");
}
