//! The running kernel's types.

use skep_codec::btf::Btf;
use std::sync::Arc;

pub(crate) const PATH: &str = "/sys/kernel/btf/vmlinux";

/// The running kernel's types; says so where it has none.
pub(crate) fn vmlinux() -> Option<Btf> {
    let Ok(bytes) = std::fs::read(PATH) else {
        println!("skep-skip: no {PATH}");
        return None;
    };
    Some(Btf::parse(Arc::new(bytes), None).unwrap())
}
