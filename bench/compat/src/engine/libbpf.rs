//! The child of libbpf.

use super::{TYPES, c_string, entries, fresh_bpffs, request_of, tell};
use crate::row::{Line, Row};
use crate::spy;
use libbpf_sys as sys;
use libc::{c_char, c_int};
use std::ffi::CStr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::{null, null_mut};
use std::sync::Mutex;

/// What libbpf said of the current program.
static SAID: Mutex<String> = Mutex::new(String::new());

unsafe extern "C" {
    fn vsnprintf(
        to: *mut c_char,
        len: usize,
        format: *const c_char,
        args: *mut sys::__va_list_tag,
    ) -> c_int;
}

/// Keeps what libbpf prints; the verifier's log is cut.
unsafe extern "C" fn listen(
    level: sys::libbpf_print_level,
    format: *const c_char,
    args: *mut sys::__va_list_tag,
) -> c_int {
    if level > sys::LIBBPF_WARN {
        return 0;
    }
    let mut text: [c_char; 4096] = [0; 4096];
    // SAFETY: libbpf's format and arguments; the text is cut to its place.
    unsafe { vsnprintf(text.as_mut_ptr(), text.len(), format, args) };
    // SAFETY: ends in NUL.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy();
    let mut said = SAID.lock().unwrap();
    if said.len() < 16384 {
        said.push_str(&text);
    }
    0
}

fn said() -> String {
    std::mem::take(&mut SAID.lock().unwrap())
}

/// Loads the programs of an object from `first` on, each in an object opened for it.
pub fn run(path: &str, first: usize) {
    // SAFETY: the function lives as long as the process.
    unsafe { sys::libbpf_set_print(Some(listen)) };
    let mut index = first;
    while one(path, index) {
        index += 1;
    }
}

/// Whether there was a program of this index.
fn one(path: &str, index: usize) -> bool {
    fresh_bpffs();
    said();
    let types = std::env::var(TYPES).ok().map(|path| c_string(&path));
    let options = sys::bpf_object_open_opts {
        sz: size_of::<sys::bpf_object_open_opts>() as _,
        btf_custom_path: types.as_ref().map_or(null(), |path| path.as_ptr()),
        ..Default::default()
    };
    // SAFETY: C strings and options that outlive the call.
    let object = unsafe { sys::bpf_object__open_file(c_string(path).as_ptr(), &options) };
    if object.is_null() {
        let error = std::io::Error::last_os_error();
        if index == 0 {
            tell(&Line::Closed(format!("{error}: {}", said().trim())));
        }
        return false;
    }
    let wanted = choose(object, index);
    if !wanted.is_null() {
        let inner: Vec<OwnedFd> = maps(object).filter_map(size).collect();
        load(object, wanted, index);
        drop(inner);
    }
    // SAFETY: opened above, not used again.
    unsafe { sys::bpf_object__close(object) };
    !wanted.is_null()
}

/// The program of this index, the only one to be loaded.
fn choose(object: *mut sys::bpf_object, index: usize) -> *mut sys::bpf_program {
    let mut wanted = null_mut();
    let (mut program, mut count) = (null_mut(), 0);
    loop {
        // SAFETY: the object is open, the program one of its own.
        program = unsafe { sys::bpf_object__next_program(object, program) };
        if program.is_null() {
            return wanted;
        }
        if count == index {
            wanted = program;
        }
        // SAFETY: as above.
        unsafe { sys::bpf_program__set_autoload(program, count == index) };
        count += 1;
    }
}

fn text(pointer: *const c_char) -> String {
    // SAFETY: names that libbpf gives are C strings.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .into_owned()
}

fn load(object: *mut sys::bpf_object, program: *mut sys::bpf_program, index: usize) {
    // SAFETY: a program of an open object.
    let (name, section, kind) = unsafe {
        (
            text(sys::bpf_program__name(program)),
            text(sys::bpf_program__section_name(program)),
            sys::bpf_program__type(program),
        )
    };
    tell(&Line::Begin(index, name.clone(), section.clone()));
    if kind != sys::BPF_PROG_TYPE_STRUCT_OPS {
        without_struct_ops(object);
    }
    said();
    spy::take();
    // SAFETY: an open object that was not loaded.
    let got = unsafe { sys::bpf_object__load(object) };
    // Programs of the same `struct_ops` map come with it; they may be refused, and have names that
    // begin alike.
    // SAFETY: a program of an open object.
    let (fd, slots) = unsafe {
        (
            sys::bpf_program__fd(program),
            sys::bpf_program__insn_cnt(program),
        )
    };
    let mut loads = spy::take();
    // Its descriptor may have been that of a program that only tried the kernel, and is closed.
    let its = loads.iter().rposition(|load| fd >= 0 && load.answer == fd);
    let load = match its {
        Some(its) => Some(loads.swap_remove(its)),
        None => request_of(loads, &name, Some(slots as usize)),
    };
    let ok = load.as_ref().is_some_and(|load| load.answer >= 0);
    let row = Row {
        index,
        name,
        section,
        ok,
        errno: if ok { 0 } else { -got },
        error: if ok { String::new() } else { said() },
        expects: None,
        load,
    };
    tell(&Line::Done(Box::new(row)));
}

/// All maps of an object that is open.
fn maps(object: *mut sys::bpf_object) -> impl Iterator<Item = *mut sys::bpf_map> {
    let mut map = null_mut();
    std::iter::from_fn(move || {
        // SAFETY: the object is open, the map one of its own.
        map = unsafe { sys::bpf_object__next_map(object, map) };
        (!map.is_null()).then_some(map)
    })
}

/// The size for a map that has none.
fn missing_size(map: *mut sys::bpf_map) -> Option<u32> {
    // SAFETY: a map of an object that is open.
    let (has, kind) = unsafe { (sys::bpf_map__max_entries(map), sys::bpf_map__type(map)) };
    entries(kind).filter(|_| has == 0)
}

/// A size for a map that has none. One inside it cannot be given a size: another is made for it.
fn size(map: *mut sys::bpf_map) -> Option<OwnedFd> {
    // SAFETY: a map of an object that is open and was not loaded; libbpf's names are C strings.
    unsafe {
        if let Some(entries) = missing_size(map) {
            sys::bpf_map__set_max_entries(map, entries);
        }
        let inner = sys::bpf_map__inner_map(map);
        let entries = (!inner.is_null()).then(|| missing_size(inner)).flatten()?;
        let options = sys::bpf_map_create_opts {
            sz: size_of::<sys::bpf_map_create_opts>() as _,
            map_flags: sys::bpf_map__map_flags(inner),
            ..Default::default()
        };
        let fd = sys::bpf_map_create(
            sys::bpf_map__type(inner),
            sys::bpf_map__name(inner),
            sys::bpf_map__key_size(inner),
            sys::bpf_map__value_size(inner),
            entries,
            &options,
        );
        if fd < 0 || sys::bpf_map__set_inner_map_fd(map, fd) < 0 {
            return None;
        }
        Some(OwnedFd::from_raw_fd(fd))
    }
}

/// A `struct_ops` map brings its programs with it.
fn without_struct_ops(object: *mut sys::bpf_object) {
    for map in maps(object) {
        // SAFETY: a map of an object that is open.
        unsafe {
            if sys::bpf_map__type(map) == sys::BPF_MAP_TYPE_STRUCT_OPS {
                sys::bpf_map__set_autocreate(map, false);
            }
        }
    }
}
