//! The typed calls against the running kernel. Those that need root and lack it say so, and
//! count as skipped.

use skep_codec::Errno;
use skep_codec::uapi::bpf::{AttachType, MapType, ProgType};
use skep_codec::uapi::{flags, linux};
use skep_sys::bpf::{
    self, AttachParams, ElemFlags, LinkExtra, LinkKind, LinkParams, Log, MapFd, MapParams,
    Neighbour, ObjKind, ProgParams, Target, TestRunParams,
};
use skep_sys::perf::{self, Counter, PerfEvent, Sample, Wakeup};
use skep_sys::{CallError, Epoll, KernelRef, Mapping, file, host, net, poll, process};

const ANY: ElemFlags = ElemFlags::ANY;

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
    // Older kernels count maps against this limit, long after they are gone. Who may not raise it may
    // not make maps either.
    let _ = process::raise_memlock(&kernel);
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
    let cpus = bpf::count_cpus(&kernel, None).unwrap();
    let map = MapFd::new(array(&kernel, MapType::HASH).unwrap(), || {
        Ok::<_, CallError>(&cpus)
    })
    .unwrap();
    assert_eq!((map.key_len(), map.value_len()), (4, 12));
    assert_eq!(map.info().name, "skep_test_map");
    assert_eq!(map.info().max_entries, 3);

    let (key, value) = ([1, 0, 0, 0], [9_u8; 12]);
    let mut out = [0_u8; 12];
    assert!(!map.lookup(&key, &mut out, ANY).unwrap());
    map.update(&key, &value, ANY).unwrap();
    assert!(map.lookup(&key, &mut out, ANY).unwrap());
    assert_eq!(out, value);
    // BPF_NOEXIST on a key that is there.
    assert_eq!(
        map.update(&key, &value, ElemFlags::NOEXIST)
            .unwrap_err()
            .errno,
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
    let cpus = bpf::count_cpus(&kernel, None).unwrap();
    let map = MapFd::new(array(&kernel, MapType::PERCPU_HASH).unwrap(), || {
        Ok::<_, CallError>(&cpus)
    })
    .unwrap();
    let all = 16 * cpus.get() as usize;
    assert_eq!(map.value_len(), all);
    for (key, value) in [(3, all), (5, all), (4, 12), (4, all - 1), (4, all + 1)] {
        let error = map
            .lookup(&vec![0; key], &mut vec![0; value], ANY)
            .unwrap_err();
        assert_eq!(error.errno, Errno::EINVAL, "{key} {value}");
        let error = map.update(&vec![0; key], &vec![0; value], ANY).unwrap_err();
        assert_eq!(error.errno, Errno::EINVAL, "{key} {value}");
    }
    map.update(&[0; 4], &vec![1; all], ANY).unwrap();
    for (key, next) in [
        (Some(3), 4),
        (Some(5), 4),
        (Some(4), 3),
        (None, 3),
        (None, 5),
    ] {
        let key = key.map(|len| vec![0; len]);
        let error = map.next_key(key.as_deref(), &mut vec![0; next]);
        assert_eq!(error.unwrap_err().errno, Errno::EINVAL, "{key:?} {next}");
    }
}

#[test]
fn another_kernels_cpus_are_none_of_this_one() {
    let Some(kernel) = privileged() else { return };
    let cpus = bpf::count_cpus(&kernel, None).unwrap();
    let other: KernelRef = skep_sys::watch::Trace::new(kernel);
    let map = array(&other, MapType::PERCPU_ARRAY).unwrap();
    let error = MapFd::new(map, || Ok::<_, CallError>(&cpus)).unwrap_err();
    assert_eq!(error.errno, Errno::EXDEV);
}

#[test]
fn nothing_is_mapped_over_what_is_there() {
    let kernel = host();
    let page = file::page_size(&kernel).unwrap();
    let (prot, private) = (linux::PROT_READ, linux::MAP_PRIVATE | linux::MAP_ANONYMOUS);
    let there = Mapping::new(&kernel, page, prot, private, None, 0).unwrap();
    let fixed = private | linux::MAP_FIXED;
    let error = Mapping::new(&kernel, page, prot, fixed, None, 0).unwrap_err();
    assert_eq!(error.errno, Errno::EINVAL);
    let zeros = file::open(&kernel, c"/dev/zero", linux::O_RDONLY, 0).unwrap();
    let at = |flags| {
        let address = there.as_ptr().addr();
        Mapping::at(&kernel, address, page, prot, flags, &zeros)
            .unwrap_err()
            .errno
    };
    assert_eq!(at(linux::MAP_PRIVATE), Errno::EEXIST);
    assert_eq!(at(linux::MAP_PRIVATE | linux::MAP_FIXED), Errno::EINVAL);
}

/// A kernel that does not know one CPU's values reads all of them before it looks at flags.
#[test]
fn one_cpus_value_is_read_within_its_bytes() {
    let Some(kernel) = privileged() else { return };
    let cpus = bpf::count_cpus(&kernel, None).unwrap();
    let map = array(&kernel, MapType::PERCPU_ARRAY).unwrap();
    let map = MapFd::new(map, || Ok::<_, CallError>(&cpus)).unwrap();
    let page = file::page_size(&kernel).unwrap();
    let (prot, private) = (linux::PROT_READ, linux::MAP_PRIVATE | linux::MAP_ANONYMOUS);
    let two = Mapping::new(&kernel, 2 * page, prot, private, None, 0).unwrap();
    // SAFETY: the second page is part of the mapping, and nobody uses it.
    let gone = unsafe { kernel.munmap(two.as_ptr().wrapping_add(page).cast(), page) };
    assert_eq!(gone, 0);
    let start = two.as_ptr().wrapping_add(page - 12);
    // SAFETY: the last bytes of the first page, which nobody writes.
    let value = unsafe { core::slice::from_raw_parts(start, 12) };
    for flags in [ElemFlags::cpu(0), ElemFlags::ALL_CPUS] {
        match map.update(&[0; 4], value, flags) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.errno, Errno::EINVAL, "before Linux 6.19"),
        }
    }
}

#[test]
fn batches_read_everything_in_parts() {
    let Some(kernel) = privileged() else { return };
    let cpus = bpf::count_cpus(&kernel, None).unwrap();
    let params = MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 8,
        max_entries: 10,
        ..MapParams::default()
    };
    let map = MapFd::new(bpf::map_create(&kernel, &params).unwrap(), || {
        Ok::<_, CallError>(&cpus)
    })
    .unwrap();
    let keys: Vec<u8> = (0..10_u32).flat_map(u32::to_ne_bytes).collect();
    let values: Vec<u8> = (100..110_u64).flat_map(u64::to_ne_bytes).collect();
    assert_eq!(map.update_batch(&keys, &values, ANY), Ok(10));
    assert!(map.update_batch(&keys[1..], &values, ANY).is_err());

    let mut cursor = bpf::BatchCursor::default();
    let (mut seen, mut rounds) = (Vec::new(), 0);
    loop {
        let (mut k, mut v) = (vec![0; 16], vec![0; 32]);
        let (count, last) = map.lookup_batch(&mut cursor, &mut k, &mut v, ANY).unwrap();
        seen.extend_from_slice(&v[..count * 8]);
        rounds += 1;
        if last {
            break;
        }
    }
    assert_eq!(seen, values);
    assert_eq!(rounds, 3);

    // Flags go with batches: these values have no lock.
    let (mut k, mut v, lock) = (vec![0; 40], vec![0; 80], ElemFlags::LOCK);
    let read = map.lookup_batch(&mut bpf::BatchCursor::default(), &mut k, &mut v, lock);
    assert_eq!(read.unwrap_err().errno, Errno::EINVAL);
    let written = map.update_batch(&keys, &values, lock);
    assert_eq!(written.unwrap_err().0.errno, Errno::EINVAL);
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
fn information_comes_into_the_callers_bytes() {
    let Some(kernel) = privileged() else { return };
    let map = array(&kernel, MapType::ARRAY).unwrap();
    let mut info = [0_u8; 512];
    // SAFETY: everything is zero.
    let len = unsafe { bpf::obj_info(&map, &mut info) }.unwrap();
    let word = |at: usize| u32::from_ne_bytes(info[at..at + 4].try_into().unwrap());
    // `struct bpf_map_info`: type, id, key_size, value_size, max_entries.
    assert_eq!([0, 8, 12, 16].map(word), [MapType::ARRAY.0, 4, 12, 3]);
    assert!((80..512).contains(&len), "{len} bytes");
    assert_eq!(word(4), bpf::map_info(&map).unwrap().id);
    let mut odd = [0xff; 512];
    // SAFETY: a map's structure has no pointers.
    let error = unsafe { bpf::obj_info(&map, &mut odd) }.unwrap_err();
    assert_eq!(error.errno, Errno::E2BIG);
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
    let version = file::read_file(&kernel, c"/proc/version", 1 << 16).unwrap();
    assert_eq!(version, std::fs::read("/proc/version").unwrap());
    assert!(status.starts_with(b"Name:"));
    let error = file::read_file(&kernel, c"/proc/self/status", 100).unwrap_err();
    assert_eq!(error.errno, Errno::EFBIG);
    assert!(file::page_size(&kernel).unwrap().is_power_of_two());
    let names = file::read_dir(&kernel, c"/proc/self/fdinfo").unwrap();
    assert!(names.iter().any(|e| e.name == "0"));
    let error = file::read_dir(&kernel, c"/proc/self/status").unwrap_err();
    assert_eq!((error.call, error.errno), ("openat", Errno::ENOTDIR));
}

/// A program of this type that returns 7.
fn seven(kernel: &KernelRef, prog_type: ProgType, attach: AttachType) -> skep_sys::Fd {
    let insns = return_seven();
    let params = ProgParams {
        prog_type,
        insns: &insns,
        license: c"GPL",
        expected_attach_type: attach,
        ..ProgParams::default()
    };
    bpf::prog_load(kernel, &params, None).unwrap()
}

/// Links and plain attachments in order, on the loopback of a network namespace of its own.
#[test]
fn ordered_attachments_are_queried_updated_and_detached() {
    let Some(kernel) = privileged() else { return };
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
    let lo = net::if_nametoindex(&kernel, c"lo").unwrap();
    let hook = AttachType::TCX_INGRESS;
    let progs: Vec<_> = (0..3)
        .map(|_| seven(&kernel, ProgType::SCHED_CLS, AttachType(0)))
        .collect();
    let ids: Vec<u32> = progs
        .iter()
        .map(|p| bpf::prog_info(p).unwrap().id)
        .collect();
    let params = |prog, flags, neighbour| LinkParams {
        prog,
        target: Target::Ifindex(lo),
        attach_type: hook,
        flags,
        extra: LinkExtra::Relative {
            neighbour,
            expected_revision: 0,
        },
    };
    let first = match bpf::link_create(&params(&progs[0], 0, Neighbour::All)) {
        Err(error) if error.errno == Errno::EINVAL => {
            println!("skep-skip: no tcx in this kernel ({error})");
            return;
        }
        link => link.unwrap(),
    };
    // Before the first; and between them, an attachment without a link.
    let before = Neighbour::Prog(&progs[0]);
    let second = bpf::link_create(&params(&progs[1], flags::BEFORE, before)).unwrap();
    let plain = AttachParams {
        target: Target::Ifindex(lo),
        attach_type: hook,
        flags: flags::AFTER,
        neighbour: Neighbour::Link(&second),
        ..AttachParams::default()
    };
    bpf::prog_attach(&progs[2], &plain).unwrap();
    let query = || bpf::prog_query(&kernel, Target::Ifindex(lo), hook, 0).unwrap();
    let order = |now: &bpf::Attachments| now.list.iter().map(|a| a.prog_id).collect::<Vec<_>>();
    let now = query();
    assert_eq!(order(&now), [ids[1], ids[2], ids[0]]);
    let info = bpf::link_info(&second).unwrap();
    assert_eq!((now.list[0].link_id, now.list[1].link_id), (info.id, 0));
    let attach_type = hook;
    assert_eq!(
        info.kind,
        LinkKind::Tcx {
            ifindex: lo,
            attach_type
        }
    );

    // Only against the order that is now.
    let stale = AttachParams {
        expected_revision: now.revision - 1,
        ..plain
    };
    let error = bpf::prog_detach(&kernel, Some(&progs[2]), &stale).unwrap_err();
    assert_eq!(
        (error.call, error.errno),
        ("BPF_PROG_DETACH", Errno::ESTALE)
    );
    let plain = AttachParams {
        target: Target::Ifindex(lo),
        attach_type: hook,
        ..AttachParams::default()
    };
    bpf::prog_detach(&kernel, Some(&progs[2]), &plain).unwrap();
    // Only if it is the program that is there.
    let error = bpf::link_update(&first, &progs[2], Some(&progs[1])).unwrap_err();
    assert_eq!(error.errno, Errno::EPERM);
    bpf::link_update(&first, &progs[2], Some(&progs[0])).unwrap();
    assert_eq!(order(&query()), [ids[1], ids[2]]);
    drop(second);
    bpf::link_detach(&first).unwrap();
    assert_eq!(query().list, []);
}

#[test]
fn interfaces_by_name_and_index() {
    let kernel = host();
    let lo = net::if_nametoindex(&kernel, c"lo").unwrap();
    assert_eq!(net::if_indextoname(&kernel, lo).unwrap(), "lo");
    for name in [c"nothing0", c"a name too long for an interface", c""] {
        let error = net::if_nametoindex(&kernel, name).unwrap_err();
        assert_eq!(error.errno, Errno::ENODEV, "{name:?}");
    }
    let error = net::if_indextoname(&kernel, 0x7fff_ffff).unwrap_err();
    assert_eq!((error.call, error.errno), ("SIOCGIFNAME", Errno::ENODEV));
}

#[test]
fn perf_events_take_programs() {
    let Some(kernel) = privileged() else { return };
    let event = PerfEvent::Counter(Counter {
        kind: linux::PERF_TYPE_SOFTWARE,
        config: linux::PERF_COUNT_SW_CPU_CLOCK,
        sample: Sample::Frequency(100),
        ..Counter::default()
    });
    let event = perf::perf_event_open(&kernel, &event, 0, -1).unwrap();
    let prog = seven(&kernel, ProgType::PERF_EVENT, AttachType(0));
    perf::perf_event_set_bpf(&event, &prog).unwrap();
    let error = perf::perf_event_set_bpf(&event, &prog).unwrap_err();
    assert_eq!(error.errno, Errno::EEXIST);
    perf::perf_event_enable(&event).unwrap();
    perf::perf_event_disable(&event).unwrap();
    assert_ne!(perf::perf_event_id(&event).unwrap(), 0);
    for backward in [false, true] {
        let wakeup = match backward {
            true => Wakeup::Events(1),
            false => Wakeup::Bytes(4096),
        };
        let output = PerfEvent::BpfOutput { wakeup, backward };
        let output = perf::perf_event_open(&kernel, &output, -1, 0).unwrap();
        // Nothing to pause: it has no buffer.
        let error = perf::perf_event_pause_output(&output, true).unwrap_err();
        assert_eq!(error.errno, Errno::EINVAL);
    }
    let none = PerfEvent::Tracepoint { id: 0xffff_ffff };
    let error = perf::perf_event_open(&kernel, &none, -1, 0).unwrap_err();
    assert_eq!(error.call, "perf_event_open");
}

#[test]
fn waiting_says_which_descriptor() {
    let kernel = host();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let (other, _other_writer) = std::io::pipe().unwrap();
    let reader = skep_sys::Fd::duplicate(&kernel, &reader).unwrap();
    let other = skep_sys::Fd::duplicate(&kernel, &other).unwrap();
    let epoll = Epoll::new(&kernel).unwrap();
    epoll.add(&reader, 70).unwrap();
    epoll.add(&other, 80).unwrap();
    assert_eq!(epoll.add(&other, 80).unwrap_err().errno, Errno::EEXIST);
    let fds = [&other, &reader, epoll.fd()];
    let ready = poll::wait_readable(&fds, Some(1_000_000)).unwrap();
    assert_eq!(ready, [false, false, false]);
    assert_eq!(epoll.wait(Some(0), |_| ()), Ok(0));

    std::io::Write::write_all(&mut writer, b"x").unwrap();
    let ready = poll::wait_readable(&fds, None).unwrap();
    assert_eq!(ready, [false, true, true]);
    let mut tokens = Vec::new();
    assert_eq!(epoll.wait(None, |token| tokens.push(token)), Ok(1));
    assert_eq!(tokens, [70]);
    epoll.remove(&reader).unwrap();
    assert_eq!(epoll.wait(Some(0), |_| ()), Ok(0));
    assert_eq!(poll::wait_readable(&[], Some(0)).unwrap(), []);
}

#[test]
fn kernel_btf_is_what_the_file_says() {
    let kernel = host();
    let path = c"/sys/kernel/btf/vmlinux";
    let Ok(whole) = std::fs::read(path.to_str().unwrap()) else {
        println!("skep-skip: no kernel BTF");
        return;
    };
    let blob = file::kernel_btf(&kernel, path).unwrap();
    assert!((*blob).as_ref() == whole);
    assert_eq!(file::statfs_magic(&kernel, c"/sys"), Ok(linux::SYSFS_MAGIC));
    assert_eq!(file::statfs_magic(&kernel, c"/proc"), Ok(0x9fa0));
    // Another file system, another way: read, not mapped.
    let version = file::kernel_btf(&kernel, c"/proc/version").unwrap();
    assert_eq!((*version).as_ref(), std::fs::read("/proc/version").unwrap());
}

#[test]
fn fdinfo_tells_of_a_map() {
    let Some(kernel) = privileged() else { return };
    let map = array(&kernel, MapType::HASH).unwrap();
    let info = file::fdinfo(&map).unwrap();
    assert_eq!(file::fdinfo_value(&info, "value_size"), Some("12"));
    assert_eq!(file::fdinfo_value(&info, "value"), None);
    let id = bpf::map_info(&map).unwrap().id.to_string();
    if let Some(told) = file::fdinfo_value(&info, "map_id") {
        assert_eq!(told, id);
    }
}

/// Skips the test where the kernel lacks this kind of link, says what it tells of it otherwise.
fn link_kind(params: &LinkParams<'_>) -> Option<(skep_sys::Fd, LinkKind)> {
    match bpf::link_create(params) {
        Err(error) if matches!(error.errno, Errno::EINVAL | Errno::EOPNOTSUPP) => {
            println!("skep-skip: no such link in this kernel ({error})");
            None
        }
        link => {
            let link = link.unwrap();
            let info = bpf::link_info(&link).unwrap();
            Some((link, info.kind))
        }
    }
}

#[test]
fn iterator_links_tell_what_they_go_over() {
    let Some(kernel) = privileged() else { return };
    let Ok(blob) = file::kernel_btf(&kernel, c"/sys/kernel/btf/vmlinux") else {
        println!("skep-skip: no kernel BTF");
        return;
    };
    let btf = skep_codec::btf::Btf::parse(blob, None).unwrap();
    let func = btf.find("bpf_iter_bpf_map", Some(skep_codec::btf::Kind::Func));
    let mut insns = return_seven();
    // An iterator returns 0 or 1.
    insns[4..8].fill(0);
    let params = ProgParams {
        prog_type: ProgType::TRACING,
        insns: &insns,
        license: c"GPL",
        expected_attach_type: AttachType::TRACE_ITER,
        attach_btf_id: func.unwrap().0,
        ..ProgParams::default()
    };
    let prog = bpf::prog_load(&kernel, &params, None).unwrap();
    let params = LinkParams {
        prog: &prog,
        target: Target::None,
        attach_type: AttachType::TRACE_ITER,
        flags: 0,
        extra: LinkExtra::None,
    };
    let Some((link, kind)) = link_kind(&params) else {
        return;
    };
    let LinkKind::Iter { name, map_id, .. } = kind else {
        panic!("{kind:?}")
    };
    // 5.10 tells no name.
    assert!(["bpf_map", ""].contains(&name.as_str()), "{name}");
    assert_eq!(map_id, 0);
    let iter = bpf::iter_create(&link, 0).unwrap();
    assert_eq!(file::read_to_end(&iter, 1 << 16).unwrap(), b"");
}

#[test]
fn kprobe_multi_links_tell_where() {
    let Some(kernel) = privileged() else { return };
    let prog = seven(&kernel, ProgType::KPROBE, AttachType::TRACE_KPROBE_MULTI);
    let params = |syms, cookies| LinkParams {
        prog: &prog,
        target: Target::None,
        attach_type: AttachType::TRACE_KPROBE_MULTI,
        flags: 0,
        extra: LinkExtra::KprobeMulti {
            flags: 1,
            syms,
            addrs: &[],
            cookies,
        },
    };
    let Some((_link, kind)) = link_kind(&params(&[c"vfs_read", c"vfs_write"], &[5, 6])) else {
        return;
    };
    match kind {
        LinkKind::KprobeMulti {
            count: 2,
            flags: 1,
            addrs,
            ..
        } => assert_eq!(addrs.len(), 2),
        // Before 6.6 nothing is told.
        LinkKind::KprobeMulti { count: 0, .. } => {}
        other => panic!("{other:?}"),
    }
    let error = bpf::link_create(&params(&[c"no_such_function_here"], &[])).unwrap_err();
    assert_eq!(error.errno, Errno::ESRCH);
}

#[test]
fn uprobe_multi_links_tell_file_and_offsets() {
    let Some(kernel) = privileged() else { return };
    // A file that nobody runs: a breakpoint in it harms nobody.
    let file = std::env::temp_dir().join(format!("skep-uprobe-{}", std::process::id()));
    std::fs::write(&file, [0; 8192]).unwrap();
    let path = std::ffi::CString::new(file.to_str().unwrap()).unwrap();
    let prog = seven(&kernel, ProgType::KPROBE, AttachType::TRACE_UPROBE_MULTI);
    let link = link_kind(&LinkParams {
        prog: &prog,
        target: Target::None,
        attach_type: AttachType::TRACE_UPROBE_MULTI,
        flags: 0,
        extra: LinkExtra::UprobeMulti {
            flags: 0,
            path: &path,
            offsets: &[64, 4096],
            ref_ctr_offsets: &[],
            cookies: &[],
            pid: 0,
        },
    });
    std::fs::remove_file(&file).unwrap();
    let Some((_link, kind)) = link else { return };
    let LinkKind::UprobeMulti {
        path,
        count,
        offsets,
        ..
    } = kind
    else {
        panic!("{kind:?}")
    };
    // The kernel marks what has been removed.
    assert!(path.starts_with(file.to_str().unwrap()), "{path}");
    assert_eq!((count, &offsets[..]), (2, &[64, 4096][..]));
}
