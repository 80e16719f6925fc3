//! The cases, with libbpf-rs. It keeps nothing from one load to the next: `warm` is `load`.

#[path = "../../../measure.rs"]
mod measure;

use libbpf_rs::ObjectBuilder;
use libbpf_rs::btf::{Btf, types::Struct};
use libbpf_rs::libbpf_sys as sys;

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
        "dedup" => measure::run(count, dedup),
        "c" => measure::run(count, || {
            let text = c();
            assert!(text.windows(20).any(|at| at == b"struct task_struct {"));
            text
        }),
        "open" | "opens" => {
            libbpf_rs::set_print(None);
            measure::open_all(&case, &what, count, |path| {
                ObjectBuilder::default().open_file(path).is_ok()
            });
        }
        other => panic!("unknown case {other}"),
    }
}

/// A `struct btf` that is freed.
struct Raw(*mut sys::btf);

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: it came from libbpf, and nobody else frees it.
        unsafe { sys::btf__free(self.0) };
    }
}

fn kernel() -> Raw {
    // SAFETY: no argument; the result is checked.
    let btf = unsafe { sys::btf__load_vmlinux_btf() };
    assert!(!btf.is_null(), "kernel BTF");
    Raw(btf)
}

fn count(btf: &Raw) -> u32 {
    // SAFETY: `btf` is live.
    unsafe { sys::btf__type_cnt(btf.0) }
}

/// All types of a kernel are different: none may go.
fn dedup() -> Raw {
    let kernel = kernel();
    // SAFETY: no argument; the result is checked.
    let copy = Raw(unsafe { sys::btf__new_empty() });
    assert!(!copy.0.is_null(), "new");
    // SAFETY: both are live.
    assert!(unsafe { sys::btf__add_btf(copy.0, kernel.0) } > 0, "append");
    let before = count(&copy);
    // SAFETY: `copy` is live, and no options are a null pointer.
    assert_eq!(
        unsafe { sys::btf__dedup(copy.0, std::ptr::null()) },
        0,
        "dedup"
    );
    assert_eq!(count(&copy), before);
    copy
}

unsafe extern "C" {
    fn vsnprintf(
        to: *mut std::ffi::c_char,
        len: usize,
        format: *const std::ffi::c_char,
        args: *mut sys::__va_list_tag,
    ) -> i32;
}

/// What libbpf prints goes to the end of the vector that is the context.
unsafe extern "C" fn print(
    context: *mut std::ffi::c_void,
    format: *const std::ffi::c_char,
    args: *mut sys::__va_list_tag,
) {
    // SAFETY: the context is the vector that `c` gave, which nobody else uses meanwhile.
    let text: &mut Vec<u8> = unsafe { &mut *context.cast() };
    // No piece that libbpf prints of the kernel's types is longer.
    text.reserve(4096);
    // SAFETY: 4096 bytes after the end are the vector's own; format and arguments are libbpf's.
    let len = unsafe { vsnprintf(text.as_mut_ptr().add(text.len()).cast(), 4096, format, args) };
    assert!((0..4096).contains(&len), "a piece of {len} bytes");
    // SAFETY: so many bytes have been written.
    unsafe { text.set_len(text.len() + len as usize) };
}

fn c() -> Vec<u8> {
    let kernel = kernel();
    let mut text: Vec<u8> = Vec::new();
    let context = std::ptr::from_mut(&mut text).cast();
    // SAFETY: the types and the vector outlive the dump.
    let dump = unsafe { sys::btf_dump__new(kernel.0, Some(print), context, std::ptr::null()) };
    assert!(!dump.is_null(), "dump");
    for id in 1..count(&kernel) {
        // SAFETY: `dump` is live, and there is a type of that id.
        assert_eq!(
            unsafe { sys::btf_dump__dump_type(dump, id) },
            0,
            "type {id}"
        );
    }
    // SAFETY: nobody uses it any more.
    unsafe { sys::btf_dump__free(dump) };
    text
}
