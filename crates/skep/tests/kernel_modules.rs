//! What kernel modules have: functions to call, functions to trace, types of their own.

mod common;

use common::{host, load, logs, object, own_network, pair, skip};
use skep::probe::{Answer, Feature};
use skep::prog::TestRun;
use skep::{ErrorKind, LoadOptions, Object, ObjectSpec, System, plain};
use std::path::Path;
use std::time::{Duration, Instant};

plain! {
    /// `seen` of `modules.bpf.c`.
    #[derive(Debug)]
    struct Seen {
        count: u64,
        ifindex: u32,
        peer: u32,
        error: i32,
        has_priv: i32,
        has_other: i32,
        pad: u32,
    }
}

fn seen(object: &Object) -> Seen {
    object.global("seen").unwrap().read().unwrap()
}

/// Only this program of `modules.bpf.c`.
fn only(program: &str) -> ObjectSpec {
    common::only(object!("modules"), &[program])
}

/// Whether this kernel has the module, and its types.
fn has_types(module: &str) -> bool {
    Path::new("/sys/kernel/btf").join(module).exists()
}

#[test]
fn functions_of_a_module_are_called() {
    if !has_types("nf_conntrack") {
        skip!("no module nf_conntrack with types");
    }
    let system = host();
    let spec = only("lookup");
    let object = match spec.load(&system) {
        Ok(object) => object,
        Err(error) if common::takes_a_jit(&error) => skip!("{error}"),
        Err(error) => panic!("{error}\n{}", logs(&error)),
    };
    let run = TestRun {
        data: &[0; 64],
        ..Default::default()
    };
    let answer = object.program("lookup").unwrap().test_run(&run).unwrap();
    assert_eq!(answer.return_value, 2, "XDP_PASS: no such connection");
    let seen = seen(&object);
    // nf_conntrack's own answer: ENOENT.
    assert_eq!((seen.count, seen.error), (1, -2));
}

fn traced(system: &System, program: &str) {
    own_network();
    let Some((one, other)) = pair() else {
        skip!("no veth pair can be made");
    };
    let trampolines = system.probe(Feature::Fentry);
    if trampolines != Answer::Yes {
        skip!("programs at functions: {trampolines}");
    }
    let mut spec = only(program);
    spec.variable("target_ifindex").unwrap().set(one).unwrap();
    let object = load(system, &spec);
    let links = match object.attach_all() {
        Err(error) if common::takes_a_jit(&error) => skip!("{error}"),
        links => links.unwrap(),
    };
    assert_eq!(links.len(), 1);
    let until = Instant::now() + Duration::from_secs(20);
    while seen(&object).count == 0 && Instant::now() < until {
        let socket = std::net::UdpSocket::bind("[::]:0").unwrap();
        // All nodes on the link of this end.
        let all = std::net::SocketAddrV6::new("ff02::1".parse().unwrap(), 9, 0, one);
        let _ = socket.send_to(b"skep", all);
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(links);
    let seen = seen(&object);
    assert!(seen.count > 0, "nothing was sent");
    assert_eq!((seen.ifindex, seen.peer), (one, other));
    assert_eq!((seen.has_priv, seen.has_other), (1, 0));
}

#[test]
fn a_function_of_a_module_is_traced_and_its_types_are_followed() {
    if !has_types("veth") {
        skip!("no module veth with types");
    }
    traced(&host(), "sent");
}

#[test]
fn a_module_may_be_named() {
    if !has_types("veth") {
        skip!("no module veth with types");
    }
    traced(&host(), "sent_by_module");
    let spec = object!("modules");
    let index = spec
        .programs
        .iter()
        .position(|p| p.name == "of_another_module");
    let options = LoadOptions::default();
    let system = host();
    let error = spec
        .loader(&system, &options)
        .load_program(index.unwrap())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = "no function `veth_xmit` in module `nf_conntrack`";
    assert!(error.to_string().contains(text), "{error}");
}

/// A module's types that cannot be read are no trouble to what another module has.
#[cfg(feature = "libc")]
mod broken {
    use super::*;
    use core::ffi::{c_int, c_uint, c_void};
    use skep::sys::SysVTable;
    use std::ffi::CStr;

    const OBJ_GET_INFO_BY_FD: c_int = 15;

    /// `struct bpf_btf_info`, and `union bpf_attr` where it is asked for.
    #[repr(C)]
    struct Info {
        btf: u64,
        btf_size: u32,
        id: u32,
        name: u64,
        name_len: u32,
        kernel: u32,
    }

    #[repr(C)]
    struct Attr {
        fd: u32,
        len: u32,
        info: u64,
    }

    /// The name of the BTF object behind a descriptor, by a question of our own.
    fn name(fd: u32) -> String {
        let mut text = [0_u8; 64];
        let info = Info {
            btf: 0,
            btf_size: 0,
            id: 0,
            name: text.as_mut_ptr() as u64,
            name_len: 64,
            kernel: 0,
        };
        let len = size_of::<Info>() as u32;
        let attr = Attr {
            fd,
            len,
            info: &raw const info as u64,
        };
        // SAFETY: the attribute, the information and the text are as long as they say.
        let answer = unsafe { libc::syscall(libc::SYS_bpf, OBJ_GET_INFO_BY_FD, &attr, 16) };
        match (answer, CStr::from_bytes_until_nul(&text)) {
            (0, Ok(name)) => name.to_string_lossy().into_owned(),
            _ => String::new(),
        }
    }

    /// bpf(2), but the types of veth and of one that comes before nf_conntrack are garbage.
    unsafe extern "C" fn bpf(_: *mut c_void, cmd: c_int, attr: *mut c_void, size: c_uint) -> isize {
        // SAFETY: the caller vouches for the attribute.
        let answer = unsafe { libc::syscall(libc::SYS_bpf, cmd, attr, size) };
        if answer < 0 {
            return -(std::io::Error::last_os_error().raw_os_error().unwrap() as isize);
        }
        if cmd == OBJ_GET_INFO_BY_FD {
            // SAFETY: a successful question had such an attribute.
            let asked = unsafe { &*attr.cast::<Attr>() };
            // SAFETY: and information of at least these fields, or fewer, which are not looked at.
            let info = unsafe { &mut *(asked.info as *mut Info) };
            let of_btf = asked.len as usize == size_of::<Info>() && info.btf_size > 24;
            if of_btf && info.btf != 0 && matches!(&*name(asked.fd), "veth" | "nf_defrag_ipv4") {
                // SAFETY: the kernel has just written this many bytes there.
                unsafe { core::ptr::write_bytes(info.btf as *mut u8, 0xa5, 24) };
            }
        }
        answer as isize
    }

    #[test]
    fn one_broken_module_breaks_no_other() {
        if !has_types("nf_conntrack") || !has_types("veth") {
            skip!("no modules with types");
        }
        let table = SysVTable {
            bpf: Some(bpf),
            ..SysVTable::libc()
        };
        // SAFETY: the C library's functions, and one that hands on to it.
        let kernel = unsafe { table.into_kernel() }.unwrap();
        let system = System::new(kernel).unwrap();
        load(&system, &only("lookup"));
        let error = only("sent").load(&system).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("no function `veth_xmit` in the kernel or its"),
            "{text}"
        );
        assert!(text.contains("(veth cannot be read: "), "{text}");
    }
}
