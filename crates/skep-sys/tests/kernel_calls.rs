//! The typed calls against the running kernel. Those that need root and lack it say so, and
//! count as skipped.

use skep_sys::bpf::{self, Log, MapFd, MapParams, ObjKind, ProgParams, TestRunParams};
use skep_sys::{KernelRef, file, host};

use skep_codec::Errno;
use skep_codec::uapi::bpf::{Cmd, MapType, ProgType};

/// `r0 = 7; exit` in this machine's byte order.
fn return_seven() -> Vec<u8> {
    use skep_codec::bytes::Endian;
    use skep_codec::insn::{Insn, encode};
    let mov = Insn {
        code: 0xb7,
        imm: 7,
        ..Insn::default()
    };
    let exit = Insn {
        code: Insn::EXIT,
        ..Insn::default()
    };
    encode(&[mov, exit], Endian::NATIVE)
}

fn array(kernel: &KernelRef, map_type: MapType) -> skep_sys::Result<skep_sys::Fd> {
    bpf::map_create(
        kernel,
        &MapParams {
            map_type,
            key_size: 4,
            value_size: 12,
            max_entries: 3,
            name: "skep-test map",
            ..MapParams::default()
        },
    )
}

/// `None`, said aloud, where this process may not use bpf(2).
fn privileged() -> Option<KernelRef> {
    let kernel = host();
    match array(&kernel, MapType::HASH) {
        Err(error) if error.errno == Errno::EPERM => {
            println!("skep-skip: bpf(2) needs CAP_BPF ({error})");
            None
        }
        _ => Some(kernel),
    }
}

#[test]
fn map_elements_round_trip() {
    let Some(kernel) = privileged() else { return };
    let cpus = file::possible_cpus(&kernel).unwrap();
    let map = MapFd::new(array(&kernel, MapType::HASH).unwrap(), &cpus).unwrap();
    assert_eq!((map.key_len(), map.value_len()), (4, 12));
    assert_eq!(map.info().name, "skep_test_map");
    assert_eq!(map.info().max_entries, 3);

    let (key, value) = ([1, 0, 0, 0], [9_u8; 12]);
    let mut out = [0_u8; 12];
    assert!(!map.lookup(&key, &mut out, 0).unwrap());
    map.update(&key, &value, 0).unwrap();
    assert!(map.lookup(&key, &mut out, 0).unwrap());
    assert_eq!(out, value);
    // BPF_NOEXIST on a key that is there.
    assert_eq!(
        map.update(&key, &value, 1).unwrap_err().errno,
        Errno::EEXIST
    );

    let mut next = [0; 4];
    assert!(map.next_key(None, &mut next).unwrap());
    assert_eq!(next, key);
    assert!(!map.next_key(Some(&key), &mut next).unwrap());
    assert!(map.delete(&key).unwrap());
    assert!(!map.delete(&key).unwrap());
}

#[test]
fn wrong_lengths_never_reach_the_kernel() {
    let Some(kernel) = privileged() else { return };
    let cpus = file::possible_cpus(&kernel).unwrap();
    let map = MapFd::new(array(&kernel, MapType::PERCPU_HASH).unwrap(), &cpus).unwrap();
    let all = 16 * cpus.count() as usize;
    assert_eq!(map.value_len(), all);
    for (key, value) in [(3, all), (5, all), (4, 12), (4, all - 1), (4, all + 1)] {
        let error = map
            .lookup(&vec![0; key], &mut vec![0; value], 0)
            .unwrap_err();
        assert_eq!(error.errno, Errno::EINVAL, "{key} {value}");
        let error = map.update(&vec![0; key], &vec![0; value], 0).unwrap_err();
        assert_eq!(error.errno, Errno::EINVAL, "{key} {value}");
    }
    map.update(&[0; 4], &vec![1; all], 0).unwrap();
}

#[test]
fn batches_read_everything_in_parts() {
    let Some(kernel) = privileged() else { return };
    let cpus = file::possible_cpus(&kernel).unwrap();
    let params = MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 8,
        max_entries: 10,
        ..MapParams::default()
    };
    let map = MapFd::new(bpf::map_create(&kernel, &params).unwrap(), &cpus).unwrap();
    let keys: Vec<u8> = (0..10_u32).flat_map(u32::to_ne_bytes).collect();
    let values: Vec<u8> = (100..110_u64).flat_map(u64::to_ne_bytes).collect();
    assert_eq!(map.update_batch(&keys, &values, 0), Ok(10));
    assert!(map.update_batch(&keys[1..], &values, 0).is_err());

    let mut cursor = bpf::BatchCursor::default();
    let (mut seen, mut rounds) = (Vec::new(), 0);
    loop {
        let (mut k, mut v) = (vec![0; 16], vec![0; 32]);
        let (count, last) = map.lookup_batch(&mut cursor, &mut k, &mut v, 0).unwrap();
        seen.extend_from_slice(&v[..count * 8]);
        rounds += 1;
        if last {
            break;
        }
    }
    assert_eq!(seen, values);
    assert_eq!(rounds, 3);
}

#[test]
fn a_program_loads_runs_and_tells_of_itself() {
    let Some(kernel) = privileged() else { return };
    let insns = return_seven();
    let params = ProgParams {
        prog_type: ProgType::SOCKET_FILTER,
        insns: &insns,
        license: c"GPL",
        name: "seven",
        ..ProgParams::default()
    };
    let prog = bpf::prog_load(&kernel, &params, None).unwrap();
    let packet = [0; 64];
    let run = bpf::prog_test_run(
        &prog,
        &mut TestRunParams {
            data_in: &packet,
            ..TestRunParams::default()
        },
    )
    .unwrap();
    assert_eq!((run.retval, run.data_len), (7, 64));

    let info = bpf::prog_info(&prog).unwrap();
    assert_eq!(info.name, "seven");
    assert_eq!(info.prog_type, ProgType::SOCKET_FILTER);
    assert!(info.gpl_compatible);
    assert_eq!(
        bpf::prog_insns(&prog).unwrap().len(),
        info.xlated_prog_len as usize
    );
    assert_eq!(bpf::prog_map_ids(&prog).unwrap(), []);

    let again = bpf::fd_by_id(&kernel, ObjKind::Prog, info.id, 0, None).unwrap();
    assert_eq!(bpf::prog_info(&again).unwrap().tag, info.tag);
    let mut ids = Vec::new();
    let mut at = 0;
    while let Some(id) = bpf::next_id(&kernel, ObjKind::Prog, at).unwrap() {
        ids.push(id);
        at = id;
    }
    assert!(ids.contains(&info.id), "{ids:?}");

    // A map's question to a program is refused or harmless, never out of bounds.
    let _ = bpf::map_info(&prog);
}

#[test]
fn a_refused_program_leaves_its_log() {
    let Some(kernel) = privileged() else { return };
    // `exit` alone: r0 was never set.
    let insns = &return_seven()[8..];
    let params = ProgParams {
        prog_type: ProgType::SOCKET_FILTER,
        insns,
        license: c"GPL",
        ..ProgParams::default()
    };
    let mut buf = vec![0xff; 4096];
    let mut log = Log::new(1, &mut buf);
    let error = bpf::prog_load(&kernel, &params, Some(&mut log)).unwrap_err();
    assert_eq!((error.call, error.errno), ("BPF_PROG_LOAD", Errno::EACCES));
    let text = String::from_utf8_lossy(log.text()).into_owned();
    assert!(text.contains("R0 !read_ok"), "{text}");
    // Since 6.4 the kernel says how long the text is, with its NUL.
    assert!(
        log.true_size == 0 || log.true_size as usize == text.len() + 1,
        "{} {}",
        log.true_size,
        text.len()
    );

    let half = insns.get(..7).unwrap();
    let params = ProgParams {
        insns: half,
        ..params
    };
    assert_eq!(
        bpf::prog_load(&kernel, &params, None).unwrap_err().errno,
        Errno::EINVAL
    );
}

#[test]
fn raw_tracepoint_link_tells_its_name() {
    let Some(kernel) = privileged() else { return };
    let insns = return_seven();
    let params = ProgParams {
        prog_type: ProgType::RAW_TRACEPOINT,
        insns: &insns,
        license: c"GPL",
        ..ProgParams::default()
    };
    let prog = bpf::prog_load(&kernel, &params, None).unwrap();
    let link = bpf::raw_tracepoint_open(&prog, Some(c"sys_enter"), 0).unwrap();
    match bpf::link_info(&link) {
        Ok(info) => assert!(
            matches!(&info.kind, bpf::LinkKind::RawTracepoint { name, .. } if name == "sys_enter"),
            "{info:?}"
        ),
        Err(error) => assert_eq!(error.errno, Errno::EINVAL, "no link information before 5.8"),
    }
    let missing = bpf::raw_tracepoint_open(&prog, Some(c"no_such_tracepoint"), 0);
    assert_eq!(missing.unwrap_err().errno, Errno::ENOENT);
}

#[test]
fn files_of_proc_and_sys() {
    let kernel = host();
    let status = file::read_file(&kernel, c"/proc/self/status", 1 << 20).unwrap();
    assert_eq!(status, {
        let len = status.len();
        let again = std::fs::read("/proc/self/status").unwrap();
        assert!(len.abs_diff(again.len()) < 64);
        status.clone()
    });
    assert!(status.starts_with(b"Name:"));
    let error = file::read_file(&kernel, c"/proc/self/status", 100).unwrap_err();
    assert_eq!(error.errno, Errno::EFBIG);
    assert!(file::page_size(&kernel).unwrap().is_power_of_two());
    let names = file::read_dir(&kernel, c"/proc/self/fdinfo").unwrap();
    assert!(names.iter().any(|e| e.name == "0"));
    let error = file::read_dir(&kernel, c"/proc/self/status").unwrap_err();
    assert_eq!((error.call, error.errno), ("openat", Errno::ENOTDIR));
    assert_eq!(Cmd::ALL.len(), 38);
}
