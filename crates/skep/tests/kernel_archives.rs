//! Functions of libraries that run from within archives, and versions of functions of one name.

mod common;
#[path = "common/library.rs"]
mod library;
#[path = "common/probes.rs"]
mod probes;

use common::{host, load, need, own_mount, seen, skip};
use library::{CODE, CODE_AT, FUNCTION, Library, Loaded};
use probes::{cookie, many, probes, program};
use skep::link::{Uprobe, UprobeMulti};
use skep::{ErrorKind, Link, Object};
use std::ffi::{CStr, CString, c_char, c_void};
use std::fs;
use std::ptr::null_mut;

const NAME: &str = "skep_triple";
const MEMBER: &str = "/tmp/app.zip!/lib/libtriple.so";

/// A zip archive of files that are stored as they are: names, bytes, and where each begins is a
/// multiple of what.
fn archive(files: &[(&str, &[u8], usize)]) -> Vec<u8> {
    let (mut out, mut entries) = (Vec::new(), Vec::new());
    for (name, bytes, align) in files {
        let (offset, len) = (out.len() as u32, bytes.len() as u32);
        let begin = out.len() + 30 + name.len();
        let extra = begin.next_multiple_of(*align) - begin;
        let mut common = vec![0; 8];
        common.extend(skep::codec::crc32::crc32(bytes).to_le_bytes());
        common.extend([len.to_le_bytes(), len.to_le_bytes()].concat());
        common.extend((name.len() as u16).to_le_bytes());
        out.extend(b"PK\x03\x04\x0a\0\0\0");
        out.extend(&common[2..]);
        out.extend((extra as u16).to_le_bytes());
        out.extend(name.bytes());
        out.resize(out.len() + extra, 0);
        out.extend(*bytes);
        entries.extend(b"PK\x01\x02\x0a\0\x0a\0\0\0");
        entries.extend(&common[2..]);
        entries.extend([0; 12]);
        entries.extend(offset.to_le_bytes());
        entries.extend(name.bytes());
    }
    let (begin, count) = (out.len() as u32, files.len() as u16);
    out.extend(&entries);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend((entries.len() as u32).to_le_bytes());
    out.extend(begin.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// Writes an archive with the library in it, and tells where that begins.
fn write_archive(library: &Library, align: usize) -> u64 {
    let library = library.write();
    let files: [(&str, &[u8], usize); 3] = [
        ("a.txt", b"something before it", 1),
        ("lib/libtriple.so", &library, align),
        ("b.txt", b"and something behind it", 1),
    ];
    let bytes = archive(&files);
    fs::write("/tmp/app.zip", &bytes).unwrap();
    let mut all = bytes.windows(library.len());
    all.position(|part| part == library).unwrap() as u64
}

/// Called while attached and afterwards: seen once.
fn hit_once(object: &Object, link: Link, call: impl Fn()) {
    let before = seen(object, "seen_uprobe").calls;
    call();
    assert_eq!(seen(object, "seen_uprobe").calls, before + 1);
    drop(link);
    call();
    assert_eq!(seen(object, "seen_uprobe").calls, before + 1);
}

fn with_symbols() -> Library {
    Library {
        names: vec!["another", NAME],
        ..Library::default()
    }
}

#[test]
fn a_library_in_an_archive_is_probed() {
    own_mount("tmpfs").expect("tmpfs");
    let begin = write_archive(&with_symbols(), 0x4000);
    let system = host();
    let object = load(&system, &probes(&["user_entry"]));
    let entry = program(&object, "user_entry");
    let library = Loaded::at("/tmp/app.zip", begin);
    let cookie = cookie(&system, 3);
    let hooks = [
        Uprobe::new(MEMBER, NAME),
        Uprobe::at_address(MEMBER, CODE + FUNCTION),
        Uprobe::at_offset(MEMBER, CODE_AT + FUNCTION),
        Uprobe::at_offset(MEMBER, CODE_AT).offset(FUNCTION),
    ];
    for hook in hooks {
        let link = entry.attach_to(hook.cookie(cookie)).unwrap();
        hit_once(&object, link, || library.triple(5));
        let seen = seen(&object, "seen_uprobe");
        assert_eq!((seen.cookie, seen.value), (cookie, 5));
    }
    let link = entry.attach_as(&format!("uprobe/{MEMBER}:{NAME}")).unwrap();
    assert_eq!(link.hook(), format!("function {NAME} in {MEMBER}"));
    hit_once(&object, link, || library.triple(6));
    let refusal = |file: &str| {
        let error = entry.attach_to(Uprobe::new(file, NAME)).unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, text) = refusal("/tmp/app.zip!/lib/no.so");
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(
        text.contains("the archive has no file `lib/no.so`"),
        "{text}"
    );
    let (kind, text) = refusal("/proc/self/exe!/lib/no.so");
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(text.ends_with("no zip archive"), "{text}");
    let (kind, text) = refusal("/tmp/app.zip!/a.txt");
    assert_eq!(kind, ErrorKind::Unsupported, "{text}");
    write_archive(&with_symbols(), 8);
    let (kind, text) = refusal(MEMBER);
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(
        text.contains("no page begins: nothing runs from there"),
        "{text}"
    );
}

#[test]
fn many_functions_of_a_library_in_an_archive_are_probed() {
    need!(LinkUprobeMulti);
    own_mount("tmpfs").expect("tmpfs");
    let begin = write_archive(&with_symbols(), 0x4000);
    let object = many(&["user_entries"]);
    let library = Loaded::at("/tmp/app.zip", begin);
    for hook in [
        UprobeMulti::matching(MEMBER, "skep_tri*"),
        UprobeMulti::functions(MEMBER, &["another"]),
        UprobeMulti::offsets(MEMBER, &[CODE_AT + FUNCTION]),
    ] {
        let link = program(&object, "user_entries").attach_to(hook).unwrap();
        hit_once(&object, link, || library.triple(7));
    }
}

unsafe extern "C" {
    fn dlvsym(handle: *mut c_void, name: *const c_char, version: *const c_char) -> *mut c_void;
}

/// `realpath` of a version of the C library.
type RealPath = unsafe extern "C" fn(*const c_char, *mut c_char) -> *mut c_char;

fn realpath(version: &str) -> Option<RealPath> {
    let version = CString::new(version).unwrap();
    // SAFETY: strings; no handle is what all libraries have.
    let found = unsafe { dlvsym(null_mut(), c"realpath".as_ptr(), version.as_ptr()) };
    // SAFETY: every version of this function has this type.
    (!found.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, RealPath>(found) })
}

#[test]
fn versions_of_a_function_are_told_apart() {
    let (old, new) = match std::env::consts::ARCH {
        "s390x" => ("GLIBC_2.2", "GLIBC_2.3"),
        _ => ("GLIBC_2.2.5", "GLIBC_2.3"),
    };
    let (Some(old_call), Some(new_call)) = (realpath(old), realpath(new)) else {
        skip!("a C library without two versions of realpath");
    };
    let call = |function: RealPath, path: &CStr| {
        let mut room = [0; libc::PATH_MAX as usize + 1];
        // SAFETY: a string, and room for the longest path.
        assert!(!unsafe { function(path.as_ptr(), room.as_mut_ptr()) }.is_null());
    };
    let object = load(&host(), &probes(&["user_entry"]));
    let attach = |name: &str| {
        let hook = Uprobe::new("libc.so.6", name).process(0);
        program(&object, "user_entry").attach_to(hook)
    };
    let calls = || seen(&object, "seen_uprobe").calls;
    for (name, sees_old, sees_new) in [
        (format!("realpath@{old}"), 1, 0),
        (format!("realpath@@{new}"), 0, 1),
        (format!("realpath@{new}"), 0, 1),
        // Without a version it is the one that programs are linked with.
        ("realpath".to_string(), 0, 1),
    ] {
        let link = attach(&name).unwrap();
        let before = calls();
        call(old_call, c"/proc");
        // The one may call the other, but the other does not call the one.
        assert!(calls() - before >= sees_old, "{name}");
        let before = calls();
        call(new_call, c"/proc");
        assert_eq!(calls() - before, sees_new, "{name}");
        drop(link);
    }
    let error = attach("realpath@GLIBC_9.9").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let what = "no function `realpath@GLIBC_9.9`";
    assert!(error.to_string().contains(what), "{error}");
}
