//! The cases, with aya.

#[path = "../../../measure.rs"]
mod measure;

use aya::programs::Program;
use aya::{Btf, Ebpf, EbpfLoader};
use aya_obj::btf::BtfKind;

fn main() {
    let (case, what, count) = measure::arguments();
    match case.as_str() {
        "load" => measure::run(count, || load(&mut EbpfLoader::new(), &what)),
        "warm" => {
            let btf = Btf::from_sys_fs().expect("kernel BTF");
            measure::run(count, || load(EbpfLoader::new().btf(Some(&btf)), &what));
        }
        "btf" => measure::run(count, || {
            let btf = Btf::from_sys_fs().expect("kernel BTF");
            let id = btf.id_by_type_name_kind(&what, BtfKind::Struct);
            id.expect("the type");
            btf
        }),
        "open" | "opens" => measure::open_all(&case, &what, count, open),
        other => panic!("unknown case {other}"),
    }
}

/// What `EbpfLoader` does before it asks the kernel.
fn open(path: &str) -> bool {
    let bytes = std::fs::read(path).expect(path);
    aya_obj::Object::parse(&bytes).is_ok()
}

fn load(loader: &mut EbpfLoader<'_>, path: &str) -> Ebpf {
    let mut object = loader.load_file(path).expect("open");
    for (name, program) in object.programs_mut() {
        let Program::SocketFilter(filter) = program else {
            panic!("{name} is no socket filter");
        };
        filter.load().expect(name);
    }
    object
}
