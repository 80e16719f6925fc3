//! The cases, with skep. `load` asks everything anew, `warm` keeps one `System`.

#[path = "../../../measure.rs"]
mod measure;

use skep::codec::btf::Kind;
use skep::{Object, ObjectSpec, System};

fn main() {
    let (case, what, count) = measure::arguments();
    let host = || System::host().expect("the kernel");
    match case.as_str() {
        "load" => measure::run(count, || load(&host(), &what)),
        "warm" => {
            let system = host();
            drop(load(&system, &what));
            measure::run(count, || load(&system, &what));
        }
        "btf" => measure::run(count, || {
            let system = host();
            let btf = system.kernel_btf().expect("kernel BTF");
            btf.find(&what, Some(Kind::Struct)).expect("the type");
            system
        }),
        other => panic!("unknown case {other}"),
    }
}

fn load(system: &System, path: &str) -> Object {
    let spec = ObjectSpec::open(path).expect("open");
    spec.load(system).expect("load")
}
