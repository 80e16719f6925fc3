//! Programs of sockets and of groups of sockets that share a port.

mod common;
#[path = "common/sockets.rs"]
mod sockets;

use common::{host, load, object, only, own_network, skip};
use skep::codec::btf::Kind;
use skep::link::{Reuseport, SocketFilter};
use skep::map::ReuseportSockArray;
use skep::{Errno, ErrorKind, Object};
use sockets::{accepted, count, fd, free_port, listener, local, program, set, udp};
use std::io::ErrorKind::WouldBlock;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;

/// Three sockets of one port.
fn group() -> [UdpSocket; 3] {
    let first = udp(0);
    let port = first.local_addr().unwrap().port();
    [first, udp(port), udp(port)]
}

/// Sends a datagram to the group: whose it is. Nobody else gets one.
fn whose(sender: &UdpSocket, group: &[UdpSocket]) -> Option<usize> {
    sender
        .send_to(b"hello", group[0].local_addr().unwrap())
        .unwrap();
    // It arrives while it is sent; the one after it, sent to the sender, arrives later.
    sender
        .send_to(b"done", sender.local_addr().unwrap())
        .unwrap();
    sender.recv(&mut [0; 9]).unwrap();
    let got = |socket: &UdpSocket| {
        socket.set_nonblocking(true).unwrap();
        match socket.recv(&mut [0; 9]) {
            Ok(len) => len == 5,
            Err(error) if error.kind() == WouldBlock => false,
            Err(error) => panic!("{error}"),
        }
    };
    let got: Vec<bool> = group.iter().map(got).collect();
    assert!(got.iter().filter(|got| **got).count() <= 1, "{got:?}");
    got.iter().position(|got| *got)
}

fn sender() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(sockets::LONG)).unwrap();
    socket
}

fn choosing() -> Object {
    load(&host(), &only(object!("reuse"), &["choose", "second"]))
}

#[test]
fn a_program_chooses_the_socket_of_a_group() {
    own_network();
    let (system, object) = (host(), choosing());
    let (sender, group) = (sender(), group());
    let map = ReuseportSockArray::try_from(object.map("group").unwrap()).unwrap();
    for (slot, socket) in (0..).zip(&group) {
        map.set(slot, socket).unwrap();
    }
    let by_hash = whose(&sender, &group).expect("one gets it");
    let socket = fd(&system, &group[1]);
    let link = program(&object, "choose")
        .attach_to(Reuseport::of(&socket))
        .unwrap();
    assert_eq!(link.to_string(), "link of `choose` to reuseport group");
    assert!(!link.is_bpf_link());
    for chosen in [2_usize, 0, 1, 2] {
        set(&object, "chosen", chosen as u32);
        assert_eq!(whose(&sender, &group), Some(chosen));
    }
    set(&object, "chosen", 3_u32);
    assert_eq!(whose(&sender, &group), None, "the slot is empty");
    assert_eq!(count(&object, "asked"), 5);
    drop(link);
    assert_eq!(whose(&sender, &group), Some(by_hash));
    assert_eq!(count(&object, "asked"), 5);
}

#[test]
fn a_filter_chooses_by_the_order_of_binding() {
    own_network();
    let (system, object) = (host(), choosing());
    let group = group();
    let sockets = group.each_ref().map(|socket| fd(&system, socket));
    let link = program(&object, "second")
        .attach_to(Reuseport::of(&sockets[0]))
        .unwrap();
    for _ in 0..8 {
        assert_eq!(whose(&sender(), &group), Some(1));
    }
    // The group has one program: the newer takes the older's place.
    let map = ReuseportSockArray::try_from(object.map("group").unwrap()).unwrap();
    map.set(0, &group[2]).unwrap();
    let newer = program(&object, "choose")
        .attach_to(Reuseport::of(&sockets[2]))
        .unwrap();
    assert_eq!(whose(&sender(), &group), Some(2));
    newer.detach().unwrap();
    let gone = link.detach().unwrap_err();
    assert_eq!(gone.errno(), Some(Errno::ENOENT), "{gone}");
    assert!(
        gone.to_string().contains("detach link of `second`"),
        "{gone}"
    );
}

#[test]
fn connections_move_when_their_listener_closes() {
    own_network();
    let system = host();
    let btf = system.kernel_btf().unwrap();
    if btf
        .find("reuseport_migrate_sock", Some(Kind::Func))
        .is_none()
    {
        skip!("connections do not move in this kernel");
    }
    let object = load(&system, &only(object!("reuse"), &["moves"]));
    let first = listener(0);
    let port = first.local_addr().unwrap().port();
    let heir = listener(port);
    let map = ReuseportSockArray::try_from(object.map("group").unwrap()).unwrap();
    map.set(0, &first).unwrap();
    map.set(1, &heir).unwrap();
    set(&object, "heir", 1_u32);
    let socket = fd(&system, &heir);
    let _link = program(&object, "moves")
        .attach_to(Reuseport::of(&socket))
        .unwrap();
    let mut client = TcpStream::connect(local(port)).unwrap();
    assert_eq!((count(&object, "asked"), count(&object, "moved")), (1, 0));
    drop(first);
    let mut server = accepted(&heir);
    assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
    assert!(count(&object, "moved") > 0);
    client.write_all(b"still here").unwrap();
    let mut bytes = [0; 10];
    server.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"still here");
}

#[test]
fn what_is_no_group_is_refused() {
    own_network();
    let (system, object) = (host(), choosing());
    let alone = fd(&system, &UdpSocket::bind(local(free_port())).unwrap());
    for name in ["choose", "second"] {
        let error = program(&object, name)
            .attach_to(Reuseport::of(&alone))
            .unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
        assert!(
            error.to_string().contains("not bound with SO_REUSEPORT"),
            "{error}"
        );
    }
    let group = fd(&system, &udp(0));
    let xdp = load(&system, &object!("xdp"));
    let error = program(&xdp, "pass")
        .attach_to(Reuseport::of(&group))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(error.to_string().contains("of type xdp"), "{error}");
    let unix = fd(&system, &UnixDatagram::unbound().unwrap());
    let error = program(&object, "choose")
        .attach_to(Reuseport::of(&unix))
        .unwrap_err();
    assert!(
        matches!(
            error.errno(),
            Some(Errno::ENOTSUPP | Errno::EOPNOTSUPP | Errno::EINVAL)
        ),
        "{error}"
    );
    let error = program(&object, "choose").attach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget, "{error}");
    assert!(error.to_string().contains("link::Reuseport"), "{error}");
}

#[test]
fn a_locked_filter_stays() {
    own_network();
    let system = host();
    let object = load(&system, &object!("socket"));
    let receiver = udp(0);
    let sender = sender();
    let exchange = || {
        sender
            .send_to(&[7; 100], receiver.local_addr().unwrap())
            .unwrap();
        receiver.recv(&mut [0; 200]).unwrap()
    };
    let socket = fd(&system, &receiver);
    let (constant, length) = (program(&object, "constant"), program(&object, "length"));
    let link = constant
        .attach_to(SocketFilter::on(&socket).locked())
        .unwrap();
    // 42 bytes with the UDP header of 8.
    assert_eq!(exchange(), 34);
    let error = link.detach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    assert_eq!(error.errno(), Some(Errno::EPERM), "{error}");
    let error = length.attach_to(SocketFilter::on(&socket)).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EPERM), "{error}");
    assert_eq!(exchange(), 34);
}
