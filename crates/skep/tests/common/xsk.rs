//! What tests of `AF_XDP` sockets share: packets, and the sockets at the other end.
#![allow(dead_code)]

use crate::common::{host, load, object, own_network};
use skep::link::Xdp;
use skep::map::XskMap;
use skep::sys::net::xsk;
use skep::xsk::{XskOptions, XskSocket};
use skep::{Errno, Link, Object, System};
use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// For experiments, by IEEE 802: no stack sends or takes it.
pub(crate) const ETHERTYPE: [u8; 2] = [0x88, 0xb5];
pub(crate) const LONG: Duration = Duration::from_secs(5);

/// A network of its own, without packets but those of the test. `None`, said, without `AF_XDP`.
pub(crate) fn network() -> Option<System> {
    own_network();
    let system = host();
    if let Err(error) = xsk::open(system.kernel()) {
        assert_eq!(error.errno, Errno::EAFNOSUPPORT, "{error}");
        println!("skep-skip: no AF_XDP sockets in this kernel");
        return None;
    }
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    Some(system)
}

/// Has sockets get what comes in by the queues of their places.
pub(crate) fn redirect(system: &System, hook: Xdp, sockets: &[&XskSocket]) -> (Object, Link) {
    let object = load(system, &object!("xsk"));
    let map = XskMap::try_from(object.map("sockets").unwrap()).unwrap();
    for (queue, socket) in (0..).zip(sockets) {
        map.set(queue, socket.fd()).unwrap();
    }
    let link = object.program("redirect").unwrap().attach_to(hook).unwrap();
    (object, link)
}

/// What a packet socket receives next.
pub(crate) fn received(peer: &mut File) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let len = peer.read(&mut bytes).expect("a packet in time");
    bytes.truncate(len);
    bytes
}

/// A packet socket that sends and gets the packets of the tests' type.
pub(crate) fn packet_socket(ifindex: u32) -> File {
    packet_socket_of(ifindex, ETHERTYPE)
}

/// A packet socket that sends and gets the packets of this type.
pub(crate) fn packet_socket_of(ifindex: u32, ethertype: [u8; 2]) -> File {
    let protocol = u16::from_ne_bytes(ethertype);
    // SAFETY: there are no pointers.
    let raw = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, i32::from(protocol)) };
    assert!(raw >= 0);
    // SAFETY: a new descriptor.
    let socket = unsafe { OwnedFd::from_raw_fd(raw) };
    // SAFETY: integers, of which 0 is one.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol;
    address.sll_ifindex = ifindex as i32;
    let len = size_of::<libc::sockaddr_ll>() as u32;
    // SAFETY: an address of this length.
    let bound = unsafe { libc::bind(raw, (&raw const address).cast(), len) };
    assert_eq!(bound, 0);
    let time = nix::sys::time::TimeVal::new(2, 0);
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::ReceiveTimeout, &time)
        .unwrap();
    File::from(socket)
}

/// Packets of many lengths, no two alike.
pub(crate) fn packet(number: u32) -> Vec<u8> {
    let len = 60 + (number as usize * 37) % 1400;
    let mut bytes = vec![0xff; 12];
    bytes.extend(ETHERTYPE);
    bytes.extend(number.to_be_bytes());
    let rest = (bytes.len()..len).map(|n| (n as u32 ^ number.wrapping_mul(31)) as u8);
    let rest: Vec<u8> = rest.collect();
    bytes.extend(rest);
    bytes
}

pub(crate) fn small() -> XskOptions {
    XskOptions {
        rx_frames: 64,
        tx_frames: 32,
        ..XskOptions::default()
    }
}

/// The next packet, waited for.
pub(crate) fn next(socket: &mut XskSocket) -> Vec<u8> {
    let give_up = Instant::now() + LONG;
    while Instant::now() < give_up {
        if let Some(packet) = socket.recv().unwrap() {
            return packet.to_vec();
        }
        socket.wait(Some(LONG)).unwrap();
    }
    panic!("no packet in five seconds");
}
