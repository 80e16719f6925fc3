//! The cases, with skep. `load` asks everything anew, `warm` keeps one `System`.

#[path = "../../../measure.rs"]
mod measure;

use skep::codec::btf::{BtfBuilder, Kind, dump_c};
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
        "dedup" => measure::run(count, || dedup(&host())),
        "c" => measure::run(count, || {
            let system = host();
            let btf = system.kernel_btf().expect("kernel BTF");
            let text = dump_c(btf, &[]).expect("C");
            assert!(text.contains("struct task_struct {"));
            text
        }),
        "open" | "opens" => {
            measure::open_all(&case, &what, count, |path| ObjectSpec::open(path).is_ok());
        }
        other => panic!("unknown case {other}"),
    }
}

fn load(system: &System, path: &str) -> Object {
    let spec = ObjectSpec::open(path).expect("open");
    spec.load(system).expect("load")
}

/// All types of a kernel are different: none may go.
fn dedup(system: &System) -> BtfBuilder {
    let btf = system.kernel_btf().expect("kernel BTF");
    let mut copy = BtfBuilder::new();
    copy.append(btf).expect("append");
    let before = copy.next_id();
    copy.dedup().expect("dedup");
    assert_eq!(copy.next_id(), before);
    copy
}
