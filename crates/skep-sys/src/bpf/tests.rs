//! What reaches the kernel: command, size and bytes of each attribute, seen by a kernel that
//! only writes down.

use super::*;
use crate::attr;
use crate::kernel::{Kernel, KernelRef};
use alloc::sync::Arc;
use core::ffi::{c_int, c_uint, c_void};
use skep_codec::Errno;
use skep_codec::uapi::bpf::{AttachType, MapType, ProgType};
use std::sync::Mutex;
use std::vec::Vec;

/// A call that came: command, and as many bytes as were said.
type Seen = (u32, Vec<u8>);

/// Writes down what it is asked, and answers `answer`; information is all `info`.
struct Scribe {
    seen: Mutex<Vec<Seen>>,
    answer: isize,
    info: u8,
}

// SAFETY: reads `size` bytes of `attr`, and writes `info_len` bytes to where `ObjInfo` says. Its
// descriptors are numbers that it never made, which is fine where all they meet is this kernel.
unsafe impl Kernel for Scribe {
    unsafe fn bpf(&self, cmd: c_int, attr: *mut c_void, size: c_uint) -> isize {
        // SAFETY: the caller's promise.
        let bytes = unsafe { core::slice::from_raw_parts(attr.cast::<u8>(), size as usize) };
        self.seen.lock().unwrap().push((cmd as u32, bytes.to_vec()));
        if cmd as u32 == Cmd::OBJ_GET_INFO_BY_FD.0 && self.answer >= 0 {
            let ask = attr::ObjInfo::from_prefix(bytes);
            let to = core::ptr::with_exposed_provenance_mut::<u8>(ask.info as usize);
            // SAFETY: the caller's promise: `info` is `info_len` bytes.
            unsafe { to.write_bytes(self.info, ask.info_len as usize) };
        }
        self.answer
    }
    unsafe fn close(&self, _: c_int) -> isize {
        0
    }
}

fn scribe(answer: isize) -> (Arc<Scribe>, KernelRef) {
    let scribe = Arc::new(Scribe {
        seen: Mutex::default(),
        answer,
        info: 0,
    });
    (scribe.clone(), scribe)
}

fn fd(kernel: &KernelRef, raw: c_int) -> Fd {
    // SAFETY: this kernel takes any number for a descriptor.
    unsafe { Fd::from_raw(raw, kernel.clone()) }
}

/// The only call so far.
fn take(scribe: &Scribe) -> Seen {
    let mut seen = core::mem::take(&mut *scribe.seen.lock().unwrap());
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.pop().unwrap()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn no_cpu_at_all_is_an_error() {
    // It takes every call, and writes nothing.
    let (_, kernel) = scribe(9);
    let error = count_cpus(&kernel, None).unwrap_err();
    assert_eq!(error.errno, Errno::EOVERFLOW);
}

#[test]
fn zero_tails_are_trimmed_to_the_last_field_in_use() {
    let (scribe, kernel) = scribe(9);
    let plain = MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        ..MapParams::default()
    };
    drop(map_create(&kernel, &plain));
    let (cmd, bytes) = take(&scribe);
    // Up to `numa_node`, as the first kernels with names knew it.
    assert_eq!((cmd, bytes.len()), (Cmd::MAP_CREATE.0, 28));

    for (params, len) in [
        (MapParams { name: "m", ..plain }, 44),
        (
            MapParams {
                ifindex: 1,
                ..plain
            },
            48,
        ),
        (
            MapParams {
                btf_value_type_id: 1,
                ..plain
            },
            60,
        ),
        (
            MapParams {
                map_extra: 1,
                ..plain
            },
            72,
        ),
        (
            MapParams {
                excl_prog_hash: &[1; 32],
                ..plain
            },
            92,
        ),
    ] {
        drop(map_create(&kernel, &params));
        assert_eq!(take(&scribe).1.len(), len, "{params:?}");
    }

    let insns = [0_u8; 16];
    let prog = ProgParams {
        prog_type: ProgType::XDP,
        insns: &insns,
        ..ProgParams::default()
    };
    drop(prog_load(&kernel, &prog, None));
    let (cmd, bytes) = take(&scribe);
    assert_eq!((cmd, bytes.len()), (Cmd::PROG_LOAD.0, 48));
    assert_eq!((word(&bytes, 0), word(&bytes, 4)), (ProgType::XDP.0, 2));
    // With a log, up to where the kernel says how long it is.
    let mut buf = [1; 64];
    let mut log = Log::new(2, &mut buf);
    drop(prog_load(&kernel, &prog, Some(&mut log)));
    let (_, bytes) = take(&scribe);
    assert_eq!(bytes.len(), 144);
    assert_eq!((word(&bytes, 24), word(&bytes, 28)), (2, 64));
    assert_eq!(log.text(), b"");
    // A log of level 0 is none: no buffer may be given then.
    let mut log = Log::new(0, &mut buf);
    drop(prog_load(&kernel, &prog, Some(&mut log)));
    assert_eq!(take(&scribe).1.len(), 48);
}

#[test]
fn flags_follow_from_what_is_given() {
    let (scribe, kernel) = scribe(9);
    let (token, btf) = (fd(&kernel, 5), fd(&kernel, 6));
    let params = MapParams {
        numa_node: Some(0),
        token: Some(&token),
        value_type_btf: Some(&btf),
        map_flags: 0x400,
        ..MapParams::default()
    };
    drop(map_create(&kernel, &params));
    let map = attr::MapCreate::from_prefix(&take(&scribe).1);
    assert_eq!(map.map_flags, 0x400 | 4 | 0x8000 | 0x1_0000);
    assert_eq!((map.map_token_fd, map.value_type_btf_obj_fd), (5, 6));

    drop(fd_by_id(&kernel, ObjKind::Map, 77, 8, Some(&token)));
    let (cmd, bytes) = take(&scribe);
    let get = attr::GetId::from_prefix(&bytes);
    assert_eq!(cmd, Cmd::MAP_GET_FD_BY_ID.0);
    assert_eq!((get.start_id, get.open_flags), (77, 8 | 0x1_0000));
    assert_eq!(get.fd_by_id_token_fd, 5);

    obj_pin(&btf, Some(&token), c"here").unwrap();
    let pin = attr::ObjPin::from_prefix(&take(&scribe).1);
    assert_eq!((pin.bpf_fd, pin.file_flags, pin.path_fd), (6, 0x4000, 5));

    let params = AttachParams {
        target: Target::Ifindex(3),
        attach_type: AttachType::TCX_INGRESS,
        flags: 8,
        neighbour: Neighbour::LinkId(40),
        expected_revision: 6,
        ..AttachParams::default()
    };
    prog_attach(&btf, &params).unwrap();
    let at = attr::ProgAttach::from_prefix(&take(&scribe).1);
    assert_eq!((at.target_fd, at.attach_bpf_fd, at.relative_fd), (3, 6, 40));
    assert_eq!(
        (at.attach_flags, at.expected_revision),
        (8 | 0x20 | 0x2000, 6)
    );
}

#[test]
fn each_function_asks_for_its_command() {
    let (scribe, kernel) = scribe(3);
    let (a, b) = (fd(&kernel, 7), fd(&kernel, 8));

    macro_rules! asks {
        ($($call:expr => $cmd:ident;)+) => {$({
            let _ = $call;
            let (cmd, _) = scribe.seen.lock().unwrap().drain(..).next_back().unwrap();
            assert_eq!(Cmd(cmd), Cmd::$cmd);
        })+};
    }
    let link = |extra| LinkParams {
        prog: &a,
        target: Target::Fd(&b),
        attach_type: AttachType::XDP,
        flags: 0,
        extra,
    };
    let attach = AttachParams::default();
    asks! {
        obj_pin(&a, None, c"x") => OBJ_PIN;
        obj_get(&kernel, None, c"x", 0) => OBJ_GET;
        prog_attach(&a, &attach) => PROG_ATTACH;
        prog_detach(&kernel, None, &attach) => PROG_DETACH;
        prog_test_run(&a, &mut TestRunParams::default()) => PROG_TEST_RUN;
        next_id(&kernel, ObjKind::Prog, 0) => PROG_GET_NEXT_ID;
        next_id(&kernel, ObjKind::Map, 0) => MAP_GET_NEXT_ID;
        next_id(&kernel, ObjKind::Btf, 0) => BTF_GET_NEXT_ID;
        next_id(&kernel, ObjKind::Link, 0) => LINK_GET_NEXT_ID;
        fd_by_id(&kernel, ObjKind::Prog, 1, 0, None) => PROG_GET_FD_BY_ID;
        fd_by_id(&kernel, ObjKind::Btf, 1, 0, None) => BTF_GET_FD_BY_ID;
        fd_by_id(&kernel, ObjKind::Link, 1, 0, None) => LINK_GET_FD_BY_ID;
        prog_info(&a) => OBJ_GET_INFO_BY_FD;
        prog_query(&kernel, Target::Ifindex(1), AttachType::XDP, 0) => PROG_QUERY;
        raw_tracepoint_open(&a, None, 0) => RAW_TRACEPOINT_OPEN;
        btf_load(&kernel, &[1], None, None) => BTF_LOAD;
        task_fd_query(&kernel, 1, 2) => TASK_FD_QUERY;
        link_create(&link(LinkExtra::None)) => LINK_CREATE;
        link_update(&a, &b, None) => LINK_UPDATE;
        link_detach(&a) => LINK_DETACH;
        enable_stats(&kernel, 0) => ENABLE_STATS;
        iter_create(&a, 0) => ITER_CREATE;
        prog_bind_map(&a, &b, 0) => PROG_BIND_MAP;
        prog_assoc_struct_ops(&a, &b) => PROG_ASSOC_STRUCT_OPS;
        token_create(&a, 0) => TOKEN_CREATE;
        prog_stream_read(&a, 1, &mut [0; 4]) => PROG_STREAM_READ_BY_FD;
    }
}

#[test]
fn links_of_each_kind_lay_their_part_out() {
    let (scribe, kernel) = scribe(3);
    let (prog, other) = (fd(&kernel, 7), fd(&kernel, 8));
    let create = |extra| {
        let params = LinkParams {
            prog: &prog,
            target: Target::None,
            attach_type: AttachType::TRACE_ITER,
            flags: 0,
            extra,
        };
        link_create(&params).map(drop)
    };
    create(LinkExtra::None).unwrap();
    assert_eq!(take(&scribe).1.len(), 16);
    create(LinkExtra::PerfEvent { cookie: 5 }).unwrap();
    let bytes = take(&scribe).1;
    assert_eq!((bytes.len(), word(&bytes, 0), word(&bytes, 8)), (24, 7, 28));

    let (names, cookies) = ([c"a", c"b"], [1, 2]);
    let multi = |cookies| LinkExtra::KprobeMulti {
        flags: 1,
        syms: &names,
        addrs: &[],
        cookies,
    };
    create(multi(&cookies)).unwrap();
    let probe = attr::LinkCreateKprobeMulti::from_prefix(&take(&scribe).1);
    assert_eq!((probe.multi_flags, probe.cnt, probe.addrs), (1, 2, 0));
    assert!(probe.syms != 0 && probe.cookies == cookies.as_ptr() as u64);
    // Lists of different lengths would be read beyond their end.
    assert_eq!(create(multi(&[1])).unwrap_err().errno, Errno::EINVAL);
    let uprobe = |offsets, ref_ctr_offsets| LinkExtra::UprobeMulti {
        flags: 0,
        path: c"/bin/true",
        offsets,
        ref_ctr_offsets,
        cookies: &[],
        pid: 0,
    };
    assert_eq!(
        create(uprobe(&[1, 2], &[1])).unwrap_err().errno,
        Errno::EINVAL
    );
    assert!(scribe.seen.lock().unwrap().is_empty());
    create(uprobe(&[1, 2], &[])).unwrap();
    let probe = attr::LinkCreateUprobeMulti::from_prefix(&take(&scribe).1);
    assert_eq!((probe.cnt, probe.ref_ctr_offsets, probe.cookies), (2, 0, 0));

    let functions = |cookies| LinkExtra::TracingMulti {
        ids: &[7, 8],
        cookies,
    };
    assert_eq!(create(functions(&[1])).unwrap_err().errno, Errno::EINVAL);
    assert!(scribe.seen.lock().unwrap().is_empty());
    create(functions(&cookies)).unwrap();
    let functions = attr::LinkCreateTracingMulti::from_prefix(&take(&scribe).1);
    assert_eq!(functions.cnt, 2);
    assert!(functions.ids != 0 && functions.cookies == cookies.as_ptr() as u64);

    create(LinkExtra::Iter(IterTarget::Map(&other))).unwrap();
    let iter = attr::LinkCreateIter::from_prefix(&take(&scribe).1);
    assert_eq!(iter.iter_info_len, 4);
}

#[test]
fn answers_that_cannot_be_are_errors() {
    // A descriptor beyond `int`, from a kernel that is wrong.
    let (_, kernel) = scribe(1 << 40);
    let error = obj_get(&kernel, None, c"x", 0).unwrap_err();
    assert_eq!((error.call, error.errno), ("BPF_OBJ_GET", Errno::EBADF));
    let (_, kernel) = scribe(-4095);
    assert_eq!(
        obj_get(&kernel, None, c"x", 0).unwrap_err().errno.raw(),
        4095
    );

    // Lists longer than anything: not asked for, not allocated.
    let kernel: KernelRef = Arc::new(Scribe {
        seen: Mutex::default(),
        answer: 0,
        info: 0xff,
    });
    let object = fd(&kernel, 4);
    for error in [
        prog_map_ids(&object).unwrap_err(),
        prog_insns(&object).unwrap_err(),
        btf_data(&object).unwrap_err(),
    ] {
        assert_eq!(error.errno, Errno::EFBIG);
    }
    // Sizes whose product has no room: no map that could be read with a short buffer.
    let info = map_info(&object).unwrap();
    assert_eq!((info.key_size, info.value_size), (u32::MAX, u32::MAX));
    assert_eq!(link_info(&object).unwrap().kind, LinkKind::Unknown);
}

#[test]
fn names_are_cut_and_cleaned() {
    assert_eq!(&obj_name("a-b c.d_é"), b"a_b_c.d___\0\0\0\0\0\0");
    assert_eq!(&obj_name("0123456789abcdefgh"), b"0123456789abcde\0");
}

#[test]
fn eagain_is_asked_again_but_not_for_ever() {
    let (scribe, kernel) = scribe(-(Errno::EAGAIN.raw() as isize));
    let error = prog_load(&kernel, &ProgParams::default(), None).unwrap_err();
    assert_eq!(error.errno, Errno::EAGAIN);
    assert_eq!(scribe.seen.lock().unwrap().len(), 5);
}
