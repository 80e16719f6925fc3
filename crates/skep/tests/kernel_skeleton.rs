//! Typed access that was generated beforehand, on the running kernel.
#![cfg(feature = "linker")]

mod common;

#[rustfmt::skip]
mod typed {
    #[path = "../../examples/typed/rawtp.rs"]
    pub(crate) mod rawtp;
    pub(crate) mod globals;
    pub(crate) mod kconfig;
    pub(crate) mod linked2;
    pub(crate) mod ops;
    pub(crate) mod views;
}

use common::{bytes, getpgid, half, host, only, own_network, run, skip};
use skep::codec::linker;
use skep::{ErrorKind, LoadOptions, ObjectSpec};
use std::time::Duration;
use typed::globals::{OpenGlobals, types as globals};
use typed::kconfig::OpenKconfig;
use typed::linked2::{Linked2, OpenLinked2};
use typed::ops::OpenOps;
use typed::rawtp::OpenRawtp;
use typed::views::{OpenViews, types as views};

#[test]
fn a_tracer_is_set_up_and_read_by_names_and_types() {
    let mut opened = OpenRawtp::open().unwrap();
    assert_eq!(opened.rodata().target_pid().unwrap(), 0);
    opened.rodata().set_target_pid(std::process::id()).unwrap();
    assert_eq!(opened.rodata().target_pid().unwrap(), std::process::id());
    opened.maps().events().unwrap().max_entries = 1 << 16;
    let rawtp = opened.load(&host()).unwrap();
    assert_eq!(rawtp.rodata().target_pid().unwrap(), std::process::id());
    let mut events = rawtp.maps().events().unwrap();
    assert_eq!(events.ring().size_bytes(), 1 << 16);
    let links = rawtp.attach().unwrap();
    let link = links.count.as_ref().expect("it attaches by itself");
    assert_eq!(link.hook(), "raw tracepoint sys_enter");
    assert!(links.others.is_empty());

    const CALLS: usize = 50;
    for _ in 0..CALLS {
        getpgid(0);
    }
    let number = libc::SYS_getpgid;
    let mut seen = 0;
    for event in events.records(Some(Duration::from_millis(100))) {
        let event = event.unwrap();
        assert_eq!(event.pid, std::process::id());
        assert!(event.time_ns > 0 && event.comm[0] != 0);
        seen += usize::from(event.syscall == number);
        if seen == CALLS {
            break;
        }
    }
    assert_eq!(seen, CALLS);
    let hits = rawtp.bss().hits_cell().unwrap();
    assert!(hits.load() >= CALLS as u64);
    assert_eq!(rawtp.bss().dropped().unwrap(), 0);
    drop(links);
    let before = hits.load();
    getpgid(0);
    assert_eq!(hits.load(), before, "detached");
    rawtp.bss().set_hits(7).unwrap();
    assert_eq!((hits.load(), rawtp.bss().hits().unwrap()), (7, 7));
}

#[test]
fn what_is_switched_off_is_not_loaded() {
    let mut opened = OpenRawtp::open().unwrap();
    opened.programs().count().unwrap().autoload = false;
    let rawtp = opened.load(&host()).unwrap();
    let error = rawtp.programs().count().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(rawtp.attach().unwrap().count.is_none());
    assert_eq!(rawtp.maps().events().unwrap().next().unwrap(), None);
}

#[test]
fn another_object_in_its_place_is_an_error_that_names_what_it_lacks() {
    let error = OpenRawtp::parse(bytes!("globals")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    for lacking in ["map `events`", "program `count`", "variable `target_pid`"] {
        assert!(text.contains(lacking), "{text}");
    }
}

#[test]
fn variables_of_every_section_are_set_and_read_by_their_types() {
    let mut opened = OpenGlobals::open().unwrap();
    let mut rodata = opened.rodata();
    let config = rodata.ro_config().unwrap();
    assert_eq!(
        (config.level, config.mode),
        (50, globals::mode::MODE_NEGATIVE)
    );
    assert_eq!(config.points[2], globals::point { x: 5, y: -6 });
    assert_eq!(&config.name, b"points\0\0\0\0\0\0");
    assert_eq!(rodata.ro_s64().unwrap(), -8);
    rodata.set_ro_mode(globals::mode::MODE_ON).unwrap();
    let level = globals::config {
        level: 60,
        ..config
    };
    rodata.set_ro_config(level).unwrap();
    rodata.set_ro_text(*b"typed\0\0\0\0\0\0\0\0\0\0\0").unwrap();
    opened.rodata_extra().set_extra_ro(100).unwrap();
    opened.bss().set_zero_array([1, 2, 3, 4]).unwrap();

    let object = opened.load(&host()).unwrap();
    // As it stands 66; a mode of 1 for 7, a level of 60 for 50, 100 for 21.
    assert_eq!(run(&object.object, "sum"), 66 - 6 + 10 + 79);
    let seen = object.bss().seen().unwrap();
    assert_eq!(seen.numbers[7], -8);
    assert_eq!(seen.mode, globals::mode::MODE_ON);
    assert_eq!(&seen.text[..6], b"typed\0");
    assert_eq!(seen.config.level, 60);
    assert_eq!(object.rodata().ro_config().unwrap().level, 60);
    assert_eq!(object.rodata_extra().extra_ro().unwrap(), 100);

    object
        .data()
        .set_rw_point(globals::point { x: 1, y: 2 })
        .unwrap();
    object.data_extra().set_extra_rw(5).unwrap();
    run(&object.object, "bump");
    assert_eq!(
        object.data().rw_point().unwrap(),
        globals::point { x: 101, y: -98 }
    );
    assert_eq!(&object.data().rw_text().unwrap(), b"Before\0\0");
    assert_eq!(object.bss().zero_array().unwrap(), [1, 2, 3, 3]);
    assert_eq!(
        object.bss().zero_static().unwrap(),
        1,
        "of its file only, and found"
    );
    assert_eq!(object.data_extra().extra_rw_cell().unwrap().load(), 6);
}

#[test]
fn maps_are_views_of_the_objects_own_types() {
    let mut opened = OpenViews::open().unwrap();
    // Of the rest this kernel may not have all.
    for map in ["devices", "devices_by_key", "cpus", "stacks", "files"] {
        opened.spec.map_mut(map).unwrap().autocreate = false;
    }
    opened.spec = only(opened.spec, &["target"]);
    let object = opened.load(&host()).unwrap();
    let flows = object.maps().flows().unwrap();
    let flow = views::flow {
        address: 1,
        port: 2,
        r#type: 3,
        pad: 0,
    };
    let mut pair = views::pair {
        flow,
        ..Default::default()
    };
    pair.__anon_1.set_both(0x0000_0009_0000_0007);
    flows.insert(&flow, &pair).unwrap();
    let found = flows.get(&flow).unwrap().unwrap();
    assert_eq!(found, pair);
    let halves = found.__anon_1.__anon_1();
    assert_eq!(halves.low + halves.high, 16);
    let hits = object.maps().hits().unwrap();
    hits.insert_all(&flow, &[1, 2, 3]).unwrap();
    let all = hits.get(&flow).unwrap().unwrap();
    assert!(all.iter().all(|values| *values == [1, 2, 3]));
    object
        .maps()
        .targets()
        .unwrap()
        .set(2, object.programs().target().unwrap().fd())
        .unwrap();
}

#[test]
fn the_kernels_configuration_is_read_by_its_types() {
    let options = LoadOptions {
        kconfig: "CONFIG_SKEP_HEX=0x7b\nCONFIG_SKEP_TEXT=\"abc\"\nCONFIG_SKEP_SHORT=-3".into(),
        ..LoadOptions::default()
    };
    let opened = OpenKconfig::open().unwrap();
    let object = match opened.load_with(&host(), &options) {
        Ok(object) => object,
        Err(error) => skip!("no configuration to be read: {error}"),
    };
    let kconfig = object.kconfig();
    assert!(kconfig.LINUX_KERNEL_VERSION().unwrap() >= 0x50000);
    assert_eq!(kconfig.CONFIG_BPF_SYSCALL().unwrap(), 1);
    assert_eq!(kconfig.CONFIG_SKEP_HEX().unwrap(), 0x7b);
    assert_eq!(kconfig.CONFIG_SKEP_SHORT().unwrap(), -3);
    assert_eq!(&kconfig.CONFIG_SKEP_TEXT().unwrap(), b"abc\0\0\0\0\0");
    run(&object.object, "read");
    let seen = object.bss().seen().unwrap();
    assert_eq!(seen.hz, kconfig.CONFIG_HZ().unwrap());
    assert_eq!(seen.text, kconfig.CONFIG_SKEP_TEXT().unwrap());
}

#[test]
fn structs_of_functions_are_changed_by_their_members() {
    own_network();
    let mut opened = OpenOps::open().unwrap();
    let mut name = [0; 16];
    name[..10].copy_from_slice(b"skep_typed");
    let mut plain = opened.struct_ops().skep_plain();
    assert_eq!(&plain.name().unwrap()[..10], b"skep_plain");
    plain.set_name(name).unwrap();
    plain.set_cong_avoid(Some("cong_avoid_second")).unwrap();
    let error = plain.set_cong_avoid(Some("nobody")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    opened.maps().skep_first().unwrap().autocreate = false;
    opened.maps().skep_second().unwrap().autocreate = false;
    let object = match opened.load(&host()) {
        Ok(object) => object,
        Err(error) if host().kernel_btf().is_err() || !error.map_failures().is_empty() => {
            skip!("no struct_ops for TCP in this kernel: {error}")
        }
        Err(error) => panic!("{error}"),
    };
    let ops = object.maps().skep_plain().unwrap();
    let names: Vec<_> = ops
        .programs()
        .iter()
        .map(|program| program.name())
        .collect();
    assert_eq!(names, ["ssthresh", "cong_avoid_second", "undo_cwnd"]);
    let links = object.attach().unwrap();
    assert!(links.skep_plain.is_some() && links.skep_first.is_none());
    let known = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control");
    assert!(
        known
            .unwrap()
            .split_whitespace()
            .any(|name| name == "skep_typed")
    );
}

#[test]
fn a_library_finds_its_part_of_somebody_elses_object() {
    let system = host();
    let bytes = linker::link(&[half!("linked1"), half!("linked2")]).unwrap();
    let mut spec = ObjectSpec::parse(&bytes, "app.bpf.o").unwrap();
    let mut part = OpenLinked2::bind(&mut spec).unwrap();
    assert_eq!(part.data().bonus().unwrap(), 7);
    part.data().set_bonus(8).unwrap();
    part.rodata().set_factor(4).unwrap();
    part.maps().own().unwrap().max_entries = 16;
    let object = spec.load(&system).unwrap();
    let part = Linked2::bind(&object).unwrap();
    assert_eq!(part.rodata().factor().unwrap(), 4);
    assert_eq!(part.programs().two().unwrap().name(), "two");
    let own = part.maps().own().unwrap();
    own.insert(&1, &2).unwrap();
    assert_eq!(
        (own.get(&1).unwrap(), own.map().max_entries()),
        (Some(2), 16)
    );
    let with = run(&object, "one");
    part.data().set_bonus(100).unwrap();
    // It also counts the runs, and adds that letter of "first".
    let more = u32::from(b'r' - b'i');
    assert_eq!(run(&object, "one") - with, 92 + more);
    assert_eq!(part.maps().shared().unwrap().get(0).unwrap(), Some(2));

    // Without the library.
    let mut alone = ObjectSpec::parse(bytes!("rawtp"), "app.bpf.o").unwrap();
    let error = OpenLinked2::bind(&mut alone).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    for lacking in ["map `own`", "program `two`", "variable `bonus`"] {
        assert!(text.contains(lacking), "{text}");
    }
    let object = alone.load(&system).unwrap();
    let text = Linked2::bind(&object).unwrap_err().to_string();
    assert!(text.contains("lacks map `own`"), "{text}");
}
