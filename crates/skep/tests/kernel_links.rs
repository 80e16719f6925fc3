//! Links that are opened again, changed and cut.

mod common;

use common::{hello, host, load, make, object, own_bpffs, own_network, skip};
use skep::link::{Link, RawTracepoint, Xdp};
use skep::map::PerCpuArray;
use skep::{Errno, ErrorKind, MapType, Object};
use std::time::Duration;

/// Whether datagrams arrive.
fn arrives() -> bool {
    hello().is_ok()
}

/// `pass` on this network's loopback; `None` on kernels without XDP links.
fn passing(object: &Object) -> Option<Link> {
    let pass = object.program("pass").unwrap();
    match pass.attach_to(Xdp::on("lo").generic()) {
        Err(error) if error.errno() == Some(Errno::EINVAL) => None,
        link => Some(link.unwrap()),
    }
}

macro_rules! linked {
    ($object:expr) => {
        match passing($object) {
            Some(link) => link,
            None => skip!("no XDP links in this kernel"),
        }
    };
}

#[test]
fn a_pinned_link_is_opened_again() {
    own_network();
    let (system, dir) = (host(), own_bpffs());
    let object = load(&system, &object!("xdp"));
    let link = linked!(&object);
    let (id, path) = (link.info().unwrap().id, format!("{dir}/link"));
    drop(link.pin(&path).unwrap());

    let counts = PerCpuArray::<u64>::try_from(object.map("counts").unwrap()).unwrap();
    let packets = || counts.get(0).unwrap().unwrap().iter().sum::<u64>();
    assert!(arrives() && packets() > 0, "the pin holds it");
    let opened = Link::from_pin(&system, &path).unwrap();
    assert_eq!((opened.info().unwrap().id, opened.name()), (id, "pass"));
    assert_eq!(
        opened.program().unwrap().id().unwrap(),
        object.program("pass").unwrap().id().unwrap()
    );
    assert_eq!(opened.to_string(), format!("link of `pass` to xdp {id}"));
    let by_id = system.link_by_id(id).unwrap();
    assert!(by_id.is_bpf_link() && by_id.name() == "pass");

    std::fs::remove_file(&path).unwrap();
    drop(by_id);
    let before = packets();
    assert!(arrives() && packets() > before, "one descriptor is left");
    drop(opened);
    // Kernels may detach a moment later.
    let gone = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        system.link_by_id(id).err()
    });
    let gone = gone.expect("none is left");
    assert_eq!(gone.errno(), Some(Errno::ENOENT), "{gone}");
    let before = packets();
    assert!(arrives() && packets() == before);
}

#[test]
fn another_program_takes_a_links_place() {
    own_network();
    let system = host();
    let object = load(&system, &object!("xdp"));
    let (pass, drops) = (
        object.program("pass").unwrap(),
        object.program("drop").unwrap(),
    );
    let mut link = linked!(&object);
    assert!(arrives());
    link.update(drops).unwrap();
    assert_eq!(link.name(), "drop");
    assert!(!arrives());
    let info = link.info().unwrap();
    assert_eq!(info.prog_id, drops.id().unwrap());

    let other = link.update_from(pass, pass).unwrap_err();
    assert_eq!(other.errno(), Some(Errno::EPERM), "{other}");
    assert_eq!(link.name(), "drop");
    link.update_from(drops, pass).unwrap();
    assert!(arrives());

    let socket = load(&system, &object!("socket"));
    let wrong = link.update(socket.program("constant").unwrap());
    let wrong = wrong.unwrap_err();
    assert_eq!(wrong.errno(), Some(Errno::EINVAL), "{wrong}");
    assert!(wrong.to_string().contains("to `constant`"), "{wrong}");
    assert_eq!(link.name(), "pass");
}

#[test]
fn a_link_is_cut_whoever_holds_it() {
    own_network();
    let (system, dir) = (host(), own_bpffs());
    let object = load(&system, &object!("xdp"));
    let mut link = linked!(&object);
    link.update(object.program("drop").unwrap()).unwrap();
    let link = link.pin(&format!("{dir}/link")).unwrap();
    assert!(!arrives());
    link.force_detach().unwrap();
    assert!(arrives());
    // It is there still, and holds nothing: the place is free.
    assert_eq!(
        link.info().unwrap().prog_id,
        link.program().unwrap().id().unwrap()
    );
    drop(linked!(&object));
}

#[test]
fn only_links_are_opened_and_changed() {
    let (system, dir) = (host(), own_bpffs());
    let path = format!("{dir}/map");
    make(&system, MapType::ARRAY, 4, 4).pin(&path).unwrap();
    let error = Link::from_pin(&system, &path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let none = Link::from_pin(&system, &format!("{dir}/none")).unwrap_err();
    assert_eq!(none.errno(), Some(Errno::ENOENT), "{none}");
    let nul = Link::from_pin(&system, "a\0b").unwrap_err();
    assert_eq!(nul.kind(), ErrorKind::Invalid, "{nul}");
    let nul = load(&system, &object!("xdp"))
        .program("pass")
        .unwrap()
        .attach_to(Xdp::on("l\0"))
        .unwrap_err();
    assert_eq!(nul.kind(), ErrorKind::Invalid, "{nul}");

    let object = load(&system, &object!("rawtp"));
    let program = &object.programs()[0];
    let mut link = program.attach_to(RawTracepoint::new("sys_enter")).unwrap();
    let error = link.update(program).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(link.force_detach().is_err());
    assert_eq!(link.name(), program.name());
}
