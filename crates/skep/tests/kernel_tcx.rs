//! Programs on what an interface receives and sends, in an order: tcx and netkit.

mod common;

use common::{hello, host, ip, load, object, own_network, skip};
use skep::link::{Link, LinkKind, Netkit, Order, Target, Tcx};
use skep::probe::{Answer, Feature};
use skep::{AttachType, Errno, Error, Object, Program};
use std::net::UdpSocket;

/// `ETH_P_IP` as a packet has it.
const IP: u32 = 0x0800_u16.to_be() as u32;

macro_rules! need {
    ($feature:ident) => {
        let answer = host().probe(Feature::$feature);
        if answer != Answer::Yes {
            skip!("{}: {answer}", stringify!($feature));
        }
    };
}

/// The programs, which count packets of this protocol only.
fn programs(protocol: u32) -> Object {
    let mut spec = object!("tcx");
    spec.variable("protocol").unwrap().set(protocol).unwrap();
    load(&host(), &spec)
}

fn attach<'o>(object: &'o Object, name: &str, hook: Tcx<'_>) -> (&'o Program, Link) {
    let program = object.program(name).unwrap();
    (program, program.attach_to(hook).unwrap())
}

/// Digits of the programs that one packet to ourselves met, and whether it arrived.
fn met(object: &Object) -> (u64, bool) {
    let order = object.global("order").unwrap();
    order.set(0_u64).unwrap();
    let arrived = hello().is_ok();
    (order.read().unwrap(), arrived)
}

fn loopback() -> Target<'static> {
    Target::Ifindex(1)
}

/// Ids of the programs there, in order, and the revision.
fn there(attach_type: AttachType) -> (Vec<u32>, u64) {
    let found = host().attached(loopback(), attach_type).unwrap();
    let ids = found.list.iter().map(|each| each.prog_id).collect();
    (ids, found.revision)
}

fn refused(error: &Error, errno: Errno, words: &str) {
    assert_eq!(error.errno(), Some(errno), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn packets_in_and_out_are_seen_and_dropped() {
    need!(LinkTcx);
    own_network();
    let object = programs(IP);
    assert_eq!(met(&object), (0, true));
    let (_, link) = attach(&object, "first", Tcx::ingress("lo"));
    assert_eq!(link.to_string(), "link of `first` to tcx ingress of lo");
    assert!(matches!(
        link.info().unwrap().kind,
        LinkKind::Tcx {
            ifindex: 1,
            attach_type: AttachType::TCX_INGRESS,
        }
    ));
    assert_eq!(met(&object), (1, true));
    // By index, what is sent: it is not received any more.
    let (_, out) = attach(&object, "drops", Tcx::egress("?").on_index(1));
    assert_eq!(out.hook(), "tcx egress of interface 1");
    assert_eq!(met(&object), (9, false));
    drop(out);
    assert_eq!(met(&object), (1, true));
    drop(link);
    assert_eq!(met(&object), (0, true));
}

#[test]
fn programs_run_in_the_order_that_is_asked_for() {
    need!(LinkTcx);
    own_network();
    let object = programs(IP);
    let (second, of_second) = attach(&object, "second", Tcx::ingress("lo"));
    let (third, of_third) = attach(&object, "third", Tcx::ingress("lo"));
    assert_eq!(met(&object), (23, true));
    let (first, of_first) = attach(&object, "first", Tcx::ingress("lo").order(Order::first()));
    assert_eq!(met(&object), (123, true));
    let id = |program: &Program| program.id().unwrap();
    let (ids, _) = there(AttachType::TCX_INGRESS);
    assert_eq!(ids, [first, second, third].map(id));
    assert_eq!(there(AttachType::TCX_EGRESS).0, []);
    drop(of_first);

    // Beside others, named in each way that there is.
    for (order, expected) in [
        (Order::before(&of_third), 213),
        (Order::after(&of_second), 213),
        (Order::before(second), 123),
        (Order::after(third), 231),
        (Order::last(), 231),
        (Order::before(skep::link::Neighbour::ProgId(id(third))), 213),
        (
            Order::after(skep::link::Neighbour::LinkId(of_third.info().unwrap().id)),
            231,
        ),
    ] {
        let (_, _link) = attach(&object, "first", Tcx::ingress("lo").order(order));
        assert_eq!(met(&object), (expected, true), "{order:?}");
    }

    // The first that decides is the last that sees the packet.
    let (_, _drops) = attach(
        &object,
        "drops",
        Tcx::ingress("lo").order(Order::after(second)),
    );
    assert_eq!(met(&object), (29, false));
}

#[test]
fn an_order_that_cannot_be_is_told() {
    need!(LinkTcx);
    own_network();
    let object = programs(IP);
    let [first, second] = ["first", "second"].map(|name| object.program(name).unwrap());
    let link = first.attach_to(Tcx::ingress("lo")).unwrap();
    let (_, revision) = there(AttachType::TCX_INGRESS);

    let stale = Order::last().revision(revision + 1);
    let error = second
        .attach_to(Tcx::ingress("lo").order(stale))
        .unwrap_err();
    refused(&error, Errno::ESTALE, "has changed since that revision");
    let now = Order::first().revision(revision);
    let _second = second.attach_to(Tcx::ingress("lo").order(now)).unwrap();
    assert_eq!(met(&object), (21, true));

    let nobody = object.program("third").unwrap();
    let beside = Tcx::ingress("lo").order(Order::before(nobody));
    let error = object
        .program("drops")
        .unwrap()
        .attach_to(beside)
        .unwrap_err();
    refused(&error, Errno::ENOENT, "is not attached there");
    let twice = first.attach_to(Tcx::ingress("lo")).unwrap_err();
    refused(&twice, Errno::EEXIST, "tcx ingress of lo");
    let nowhere = second.attach_to(Tcx::egress("no-such-if")).unwrap_err();
    refused(&nowhere, Errno::ENODEV, "no-such-if");
    drop(link);
    assert_eq!(met(&object), (2, true));
}

#[test]
fn another_program_takes_the_place_of_one() {
    need!(LinkTcx);
    own_network();
    let object = programs(IP);
    let (_, mut link) = attach(&object, "first", Tcx::ingress("lo"));
    let (_, _third) = attach(&object, "third", Tcx::ingress("lo"));
    link.update(object.program("second").unwrap()).unwrap();
    assert_eq!(met(&object), (23, true));
    // Cut by the interface's end, it is there still, and holds nothing.
    link.force_detach().unwrap();
    assert_eq!(met(&object), (3, true));
    assert!(matches!(
        link.info().unwrap().kind,
        LinkKind::Tcx { ifindex: 0, .. }
    ));
}

/// A netkit pair, both ends up, each with a network of its own; the index of the primary end.
fn netkit() -> Option<u32> {
    // The kernel names the other end.
    ip("link add skep0 type netkit").then_some(())?;
    for (end, network) in [("skep0", 1), ("nk0", 2)] {
        assert!(ip(&format!("addr add 10.9.{network}.1/24 dev {end}")));
        assert!(ip(&format!("link set {end} up")));
    }
    Some(nix::net::if_::if_nametoindex("skep0").unwrap())
}

/// Sends a datagram into this network, by the end that has it; digits of the programs that it met.
fn sent(object: &Object, network: u32) -> u64 {
    let order = object.global("order").unwrap();
    order.set(0_u64).unwrap();
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // What is dropped on the way may be told.
    drop(socket.send_to(b"hello", format!("10.9.{network}.2:9")));
    order.read().unwrap()
}

#[test]
fn a_netkit_pair_runs_programs_of_both_ends() {
    own_network();
    let Some(index) = netkit() else {
        skip!("no netkit devices here");
    };
    need!(LinkNetkit);
    let object = programs(IP);
    let attach = |name: &str, hook| object.program(name).unwrap().attach_to(hook);
    let primary = attach("first", Netkit::primary("skep0")).unwrap();
    assert_eq!(primary.hook(), "netkit primary of skep0");
    assert_eq!((sent(&object, 1), sent(&object, 2)), (1, 0));
    let peer = attach("second", Netkit::peer("?").on_index(index)).unwrap();
    assert!(matches!(
        peer.info().unwrap().kind,
        LinkKind::Netkit {
            attach_type: AttachType::NETKIT_PEER,
            ..
        }
    ));
    assert_eq!((sent(&object, 1), sent(&object, 2)), (1, 2));
    let before = Order::before(&peer);
    let third = object.program("third").unwrap();
    let _third = third.attach_to(Netkit::peer("skep0").order(before));
    assert_eq!(sent(&object, 2), 32);
    drop(peer);
    assert_eq!((sent(&object, 1), sent(&object, 2)), (1, 3));
    let ends = [AttachType::NETKIT_PRIMARY, AttachType::NETKIT_PEER];
    let at = |end| host().attached(Target::Ifindex(index), end).unwrap().list;
    assert_eq!(ends.map(|end| at(end).len()), [1, 1]);

    let lo = attach("first", Netkit::primary("lo")).unwrap_err();
    refused(&lo, Errno::ENXIO, "no netkit device");
    let other = attach("first", Netkit::primary("nk0")).unwrap_err();
    refused(&other, Errno::EACCES, "give the primary end");
}
