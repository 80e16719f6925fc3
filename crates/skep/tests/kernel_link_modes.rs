//! Kernels that have no links to socket maps, network namespaces and perf events, and devices that
//! no machine here has.

mod common;
#[path = "common/refusing.rs"]
mod refusing;
#[path = "common/sockets.rs"]
mod sockets;

use common::{load, object, only, own_network};
use refusing::refusing;
use skep::codec::uapi::bpf::Cmd;
use skep::link::{LinkMode, Lirc, Netns, PerfEvent, Sockmap, SoftwareEvent};
use skep::map::SockMap;
use skep::sys::watch::Trace;
use skep::{AttachType, Errno, ErrorKind, System};
use sockets::{connection, count, fd, program, until};
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// A kernel before links.
fn older() -> (System, Arc<Trace>) {
    refusing(|cmd, _, _| (cmd == Cmd::LINK_CREATE).then_some(Errno::EINVAL))
}

#[test]
fn socket_maps_take_programs_without_links() {
    own_network();
    let (system, _trace) = older();
    let object = load(&system, &only(object!("sockmap"), &["refuse"]));
    let refuse = program(&object, "refuse");
    let on = || Sockmap::on(object.map("sockets").unwrap());
    let error = refuse.attach_to(on().mode(LinkMode::Link)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let link = refuse.attach_to(on()).unwrap();
    assert!(!link.is_bpf_link());
    assert_eq!(link.info().unwrap_err().kind(), ErrorKind::Unsupported);
    let (mut a, _b) = connection();
    let sockets = SockMap::try_from(object.map("sockets").unwrap()).unwrap();
    sockets.set(0, &a).unwrap();
    assert!(a.write(b"no").is_err());
    link.detach().unwrap();
    assert!(sockets.clear(0).unwrap());
    sockets.set(0, &a).unwrap();
    assert_eq!(a.write(b"yes").unwrap(), 3);
    assert_eq!(count(&object, "verdicts"), 1);
}

#[test]
fn another_takes_the_place_of_one_without_a_link() {
    own_network();
    let (system, _trace) = older();
    let object = load(&system, &only(object!("sockmap"), &["refuse", "redirect"]));
    let attach = |name| {
        let on = Sockmap::on(object.map("sockets").unwrap());
        program(&object, name).attach_to(on).unwrap()
    };
    let first = attach("redirect");
    let second = attach("refuse");
    let gone = first.detach().unwrap_err();
    assert_eq!(gone.errno(), Some(Errno::ENOENT), "{gone}");
    second.detach().unwrap();
}

#[test]
fn namespaces_take_flow_dissectors_without_links() {
    own_network();
    let (system, _trace) = older();
    let object = load(&system, &object!("netns"));
    let (steer, dissect) = (program(&object, "steer"), program(&object, "dissect"));
    let link = dissect.attach_to(Netns::own()).unwrap();
    assert!(!link.is_bpf_link());
    let same = dissect.attach_to(Netns::own()).unwrap_err();
    assert_eq!(same.errno(), Some(Errno::EINVAL), "it is there: {same}");
    link.detach().unwrap();
    drop(dissect.attach_to(Netns::own()).unwrap());
    let error = steer.attach_to(Netns::own()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(
        error
            .to_string()
            .contains("this kernel has no such links (LinkNetns)"),
        "{error}"
    );
}

#[test]
fn a_flow_dissector_stays_if_another_namespaces_thread_drops_it() {
    own_network();
    let (system, _trace) = older();
    let object = load(&system, &object!("netns"));
    let dissect = program(&object, "dissect");
    let link = dissect.attach_to(Netns::own()).unwrap();
    let elsewhere = std::thread::scope(|scope| {
        let detached = scope.spawn(|| {
            own_network();
            link.detach()
        });
        detached.join().unwrap()
    });
    let error = elsewhere.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
    assert!(
        dissect.attach_to(Netns::own()).is_err(),
        "it is there still"
    );
}

#[test]
fn perf_events_take_programs_without_links() {
    let (system, _trace) = older();
    let mut spec = only(object!("sampler"), &["sample"]);
    let mut pid = spec.variable("target_pid").unwrap();
    pid.set(std::process::id()).unwrap();
    let object = load(&system, &spec);
    let clock = || PerfEvent::software(SoftwareEvent::TaskClock).period(100_000);
    let link = program(&object, "sample").attach_to(clock()).unwrap();
    assert!(!link.is_bpf_link());
    until("no samples", || {
        std::hint::black_box((0..20_000_u64).fold(1, |a, b| a ^ b.wrapping_mul(a)));
        count(&object, "samples") > 0
    });
    let error = program(&object, "sample")
        .attach_to(clock().mode(LinkMode::Link))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
}

static ASKED: Mutex<Vec<(Cmd, Vec<u32>)>> = Mutex::new(Vec::new());

/// Takes every attachment, and notes target, program and type.
fn takes_all(cmd: Cmd, bytes: &[u8], _: u64) -> Option<Errno> {
    let attaches = matches!(cmd, Cmd::PROG_ATTACH | Cmd::PROG_DETACH);
    attaches.then(|| {
        let words = bytes
            .chunks(4)
            .take(4)
            .map(|b| u32::from_ne_bytes(b.try_into().unwrap()));
        ASKED.lock().unwrap().push((cmd, words.collect()));
        Errno::new(0)
    })
}

#[test]
fn infrared_devices_take_and_give_back_programs() {
    let (system, _trace) = refusing(takes_all);
    let object = load(&system, &object!("socket"));
    let filter = program(&object, "constant");
    let device = fd(&system, &File::open("/dev/null").unwrap());
    let link = filter.attach_to(Lirc::on(&device)).unwrap();
    assert_eq!(link.to_string(), "link of `constant` to infrared device");
    let (target, prog) = (link.fd().raw() as u32, filter.fd().raw() as u32);
    drop(link);
    let asked = ASKED.lock().unwrap();
    let lirc = AttachType::LIRC_MODE2.0;
    assert_eq!(asked[0], (Cmd::PROG_ATTACH, vec![target, prog, lirc, 0]));
    assert_eq!(asked[1], (Cmd::PROG_DETACH, vec![target, prog, lirc, 0]));
    assert_eq!(asked.len(), 2);
}

#[test]
fn what_is_no_infrared_device_is_told() {
    let system = common::host();
    let object = load(&system, &object!("socket"));
    let device = fd(&system, &File::open("/dev/null").unwrap());
    let error = program(&object, "constant")
        .attach_to(Lirc::on(&device))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(
        error.to_string().contains("of type socket_filter"),
        "{error}"
    );
}
