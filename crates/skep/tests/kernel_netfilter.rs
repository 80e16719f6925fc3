//! Programs of netfilter hooks.

mod common;
#[path = "common/sockets.rs"]
mod sockets;

use common::{host, ip, load, need, object, own_network, skip};
use skep::link::NetfilterHook::{LocalIn, LocalOut, PreRouting};
use skep::link::{LinkKind, Netfilter, NetfilterHook};
use skep::{Errno, Object};
use sockets::{count, program, set, until};
use std::io::ErrorKind::WouldBlock;
use std::net::UdpSocket;

fn number(object: &Object, name: &str) -> u32 {
    object.global(name).unwrap().read().unwrap()
}

/// A socket sends itself so many bytes: whether they have arrived, once the program has seen them
/// (`seen`), or once they are there.
fn arrives(object: &Object, at: &str, bytes: usize) -> bool {
    let socket = UdpSocket::bind((at, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let before = count(object, "packets");
    socket
        .send_to(&vec![7; bytes], socket.local_addr().unwrap())
        .unwrap();
    let mut arrived = false;
    until("the packet is nowhere", || {
        let dropped = count(object, "packets") > before;
        match socket.recv(&mut [0; 9000]) {
            Ok(len) => {
                assert_eq!(len, bytes);
                arrived = true;
            }
            Err(error) => assert_eq!(error.kind(), WouldBlock, "{error}"),
        }
        arrived || dropped
    });
    arrived
}

/// Packets of a family are dropped at a hook, as long as the link lives.
fn drops(at: &str, hook: fn(NetfilterHook) -> Netfilter, family: u32, longest: u32) {
    own_network();
    let object = load(&host(), &object!("netfilter"));
    assert!(arrives(&object, at, 5));
    for (place, number_of) in [(LocalIn, 1), (PreRouting, 0)] {
        let link = program(&object, "drop")
            .attach_to(hook(place).priority(7))
            .unwrap();
        assert!(!arrives(&object, at, 5));
        assert_eq!(number(&object, "hook"), number_of);
        assert_eq!(number(&object, "family"), family);
        assert_eq!(number(&object, "longest"), longest);
        let told = LinkKind::Netfilter {
            pf: family,
            hooknum: number_of,
            priority: 7,
            flags: 0,
        };
        assert_eq!(link.info().unwrap().kind, told);
        let seen = count(&object, "packets");
        drop(link);
        assert!(arrives(&object, at, 5));
        assert_eq!(count(&object, "packets"), seen);
    }
}

#[test]
fn packets_of_ipv4_are_dropped() {
    need!(LinkNetfilter);
    drops("127.0.0.1", Netfilter::ipv4, 2, 33);
}

#[test]
fn packets_of_ipv6_are_dropped() {
    need!(LinkNetfilter);
    if !std::path::Path::new("/proc/sys/net/ipv6").exists() {
        skip!("no IPv6 in this kernel");
    }
    drops("::1", Netfilter::ipv6, 10, 53);
}

#[test]
fn priorities_say_who_comes_first() {
    need!(LinkNetfilter);
    own_network();
    let (first, second) = (
        load(&host(), &object!("netfilter")),
        load(&host(), &object!("netfilter")),
    );
    let hook = Netfilter::ipv4(LocalOut);
    let _pass = program(&first, "pass")
        .attach_to(hook.priority(-5))
        .unwrap();
    let dropping = program(&second, "drop")
        .attach_to(hook.priority(5))
        .unwrap();
    let counts = || (count(&first, "packets"), count(&second, "packets"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = || socket.send_to(b"hello", socket.local_addr().unwrap());
    let error = send().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::EPERM.raw()), "{error}");
    assert_eq!(counts(), (1, 1));
    drop(dropping);
    let dropping = program(&second, "drop")
        .attach_to(hook.priority(-6))
        .unwrap();
    assert!(send().is_err());
    assert_eq!(counts(), (1, 2), "it is gone before the other could see it");

    let error = program(&first, "pass")
        .attach_to(hook.priority(-6))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EBUSY), "{error}");
    assert!(
        error
            .to_string()
            .contains("LocalOut of IPv4, priority -6 (a program is there"),
        "{error}"
    );
    drop(dropping);
    assert_eq!(send().unwrap(), 5);
    assert_eq!(counts(), (2, 2));
}

#[test]
fn fragments_are_put_together_before() {
    need!(LinkNetfilter);
    own_network();
    assert!(ip("link set lo mtu 1500"));
    let object = load(&host(), &object!("netfilter"));
    let hook = Netfilter::ipv4(PreRouting);
    let seen = || {
        set(&object, "packets", 0_u64);
        set(&object, "longest", 0_u32);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(sockets::LONG)).unwrap();
        socket
            .send_to(&[7; 4000], socket.local_addr().unwrap())
            .unwrap();
        assert_eq!(socket.recv(&mut [0; 9000]).unwrap(), 4000);
        (count(&object, "packets"), number(&object, "longest"))
    };
    let link = program(&object, "pass").attach_to(hook).unwrap();
    assert_eq!(seen(), (3, 1500));
    drop(link);
    let _link = match program(&object, "pass").attach_to(hook.defragmented()) {
        Err(error) if matches!(error.errno(), Some(Errno::EOPNOTSUPP | Errno::ENOENT)) => {
            skip!("fragments are not put together in this kernel: {error}");
        }
        link => link.unwrap(),
    };
    assert_eq!(seen(), (1, 4028));
}

#[test]
fn what_no_hook_takes_is_told() {
    need!(LinkNetfilter);
    own_network();
    let object = load(&host(), &object!("netfilter"));
    let pass = program(&object, "pass");
    for priority in [i32::MIN, i32::MAX] {
        let hook = Netfilter::ipv4(LocalIn).priority(priority);
        let error = pass.attach_to(hook).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ERANGE), "{error}");
        assert!(error.to_string().contains("the kernel's own"), "{error}");
    }
    let xdp = load(&host(), &object!("xdp"));
    let error = program(&xdp, "pass")
        .attach_to(Netfilter::ipv4(LocalIn))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(error.to_string().contains("of type xdp"), "{error}");
    let error = pass.attach().unwrap_err();
    assert!(error.to_string().contains("link::Netfilter"), "{error}");
}
