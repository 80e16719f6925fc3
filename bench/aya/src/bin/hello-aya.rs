//! Loads every socket filter of the object named by the first argument, with aya.

use aya::Ebpf;
use aya::programs::Program;

fn main() {
    let path = std::env::args().nth(1).expect("an object");
    let mut object = Ebpf::load_file(path).expect("open");
    for (name, program) in object.programs_mut() {
        let Program::SocketFilter(filter) = program else {
            panic!("{name} is no socket filter");
        };
        filter.load().expect(name);
    }
}
