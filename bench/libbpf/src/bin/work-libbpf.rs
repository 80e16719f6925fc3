//! The cases, with libbpf-rs. It keeps nothing from one load to the next: `warm` is `load`.

#[path = "../../../measure.rs"]
mod measure;

use libbpf_rs::ObjectBuilder;
use libbpf_rs::btf::{Btf, types::Struct};

fn main() {
    let (case, what, count) = measure::arguments();
    match case.as_str() {
        "load" | "warm" => measure::run(count, || {
            let open = ObjectBuilder::default().open_file(&what).expect("open");
            open.load().expect("load")
        }),
        "btf" => measure::run(count, || {
            let btf = Btf::from_vmlinux().expect("kernel BTF");
            btf.type_by_name::<Struct<'_>>(&what).expect("the type");
            btf
        }),
        other => panic!("unknown case {other}"),
    }
}
