//! `AF_XDP` sockets that share their memory.

mod common;
#[path = "common/xsk.rs"]
mod packets;

use common::{pair, pair_of_two_queues, second_pair, skip};
use packets::{LONG, network, next, packet, packet_socket, received, redirect, small};
use skep::link::Xdp;
use skep::xsk::XskSocket;
use skep::{Errno, ErrorKind, Link, Object, System};
use std::fs::File;
use std::io::Write;
use std::time::Instant;

/// A socket on an end of each of two Ethernet pairs, a packet socket on each other end.
struct Two {
    system: System,
    queues: [(u32, u32); 2],
    sockets: [XskSocket; 2],
    peers: [File; 2],
    _programs: [(Object, Link); 2],
}

impl Two {
    fn new() -> Option<Self> {
        let system = network()?;
        let (Some(first), Some(second)) = (pair(), second_pair()) else {
            println!("skep-skip: no two veth pairs can be made");
            return None;
        };
        let queues = [(first.1, 0), (second.1, 0)];
        let sockets = XskSocket::bind_shared(&system, &queues, &small()).unwrap();
        let sockets: [XskSocket; 2] = sockets.try_into().unwrap();
        let programs = [0, 1].map(|n| {
            let hook = Xdp::on_index(queues[n].0).generic();
            redirect(&system, hook, &[&sockets[n]])
        });
        Some(Self {
            system,
            queues,
            sockets,
            peers: [first.0, second.0].map(packet_socket),
            _programs: programs,
        })
    }

    /// The frames of each socket that receive and send.
    fn frames(&self) -> [(u32, u32); 2] {
        let of = |socket: &XskSocket| (socket.receiving(), socket.sending());
        [of(&self.sockets[0]), of(&self.sockets[1])]
    }
}

#[test]
fn packets_pass_between_interfaces_where_they_lie() {
    let Some(mut two) = Two::new() else { return };
    let mut numbers = 0..;
    // Many times as many as there are frames: mostly there, then mostly back.
    for (from, to, bursts) in [(0, 1, 40), (1, 0, 90), (0, 1, 50)] {
        for number in numbers.by_ref().take(bursts) {
            let burst = 1 + number % 32;
            let of = |n: u32| packet(number * 32 + n);
            for n in 0..burst {
                two.peers[from].write_all(&of(n)).unwrap();
            }
            let [first, second] = &mut two.sockets;
            let (ours, other) = if from == 0 {
                (first, second)
            } else {
                (second, first)
            };
            for n in 0..burst {
                ours.wait(Some(LONG)).unwrap();
                let mut frame = ours.recv().unwrap().expect("a packet in time");
                assert_eq!(frame.to_vec(), of(n));
                frame.write(0, &[7; 6]).unwrap();
                frame.send_by(other).unwrap();
            }
            assert_eq!(other.flush().unwrap(), 0);
            for n in 0..burst {
                let passed = received(&mut two.peers[to]);
                assert_eq!(passed[..6], [7; 6]);
                assert_eq!(passed[6..], of(n)[6..]);
            }
            other.flush().unwrap();
        }
    }
    let [first, second] = &mut two.sockets;
    for socket in [first, second] {
        assert!(socket.recv().unwrap().is_none());
        let lost = socket.statistics().unwrap();
        assert_eq!(
            (
                lost.rx_dropped,
                lost.rx_invalid_descs,
                lost.tx_invalid_descs
            ),
            (0, 0, 0)
        );
    }
    assert_eq!(two.frames(), [(64, 0), (64, 0)]);
}

#[test]
fn the_last_socket_keeps_the_memory() {
    let Some(two) = Two::new() else { return };
    let Two {
        sockets: [first, mut second],
        mut peers,
        _programs,
        ..
    } = two;
    drop(first);
    for number in 0..200 {
        peers[1].write_all(&packet(number)).unwrap();
        assert_eq!(next(&mut second), packet(number));
        second.send(&packet(number + 1)).unwrap();
        assert_eq!(second.flush().unwrap(), 0);
        assert_eq!(received(&mut peers[1]), packet(number + 1));
    }
}

#[test]
fn each_socket_has_a_thread() {
    let Some(two) = Two::new() else { return };
    let both = two.sockets.into_iter().zip(two.peers);
    std::thread::scope(|scope| {
        for (mut socket, mut peer) in both {
            scope.spawn(move || {
                for number in 0..500 {
                    peer.write_all(&packet(number)).unwrap();
                    assert_eq!(next(&mut socket), packet(number));
                    socket.send(&packet(number ^ 1)).unwrap();
                    assert_eq!(socket.flush().unwrap(), 0);
                    assert_eq!(received(&mut peer), packet(number ^ 1));
                }
            });
        }
    });
}

#[test]
fn what_cannot_be_passed_is_dropped_and_its_frame_kept() {
    let Some(mut two) = Two::new() else { return };
    let [first, second] = &mut two.sockets;
    // As many as may be on their way, and one.
    for number in 0..33 {
        two.peers[0].write_all(&packet(number)).unwrap();
        first.wait(Some(LONG)).unwrap();
        let passed = first.recv().unwrap().unwrap().send_by(second);
        match number {
            32 => assert_eq!(passed.unwrap_err().kind(), ErrorKind::Full),
            _ => passed.unwrap(),
        }
    }
    assert_eq!(second.sending(), 32);
    assert_eq!(second.flush().unwrap(), 0);
    for number in 0..32 {
        assert_eq!(received(&mut two.peers[1]), packet(number));
    }
    // To a socket with memory of its own, on a queue that is free again.
    let [_, second] = two.queues;
    let [mut first, old] = two.sockets;
    drop((old, two._programs));
    let mut alone = XskSocket::bind(&two.system, second.0, second.1, &small()).unwrap();
    let hook = Xdp::on_index(two.queues[0].0).generic();
    let _program = redirect(&two.system, hook, &[&first]);
    // More often than that has frames.
    for number in 0..100 {
        two.peers[0].write_all(&packet(number)).unwrap();
        first.wait(Some(LONG)).unwrap();
        let packet = first.recv().unwrap().unwrap();
        let error = packet.send_by(&mut alone).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    assert_eq!((alone.receiving(), alone.sending()), (64, 0));
    for number in 0..32 {
        alone.send(&packet(number)).unwrap();
    }
    assert!(first.recv().unwrap().is_none());
    assert_eq!((first.receiving(), first.sending()), (64, 0));
}

#[test]
fn two_queues_of_an_interface_share_memory() {
    let Some(system) = network() else { return };
    let Some((peer, ifindex)) = pair_of_two_queues() else {
        skip!("no veth pair with two queues can be made");
    };
    let queues = [(ifindex, 0), (ifindex, 1)];
    let mut sockets = XskSocket::bind_shared(&system, &queues, &small()).unwrap();
    let hook = Xdp::on_index(ifindex).generic();
    let _program = redirect(&system, hook, &[&sockets[0], &sockets[1]]);
    let mut peer = packet_socket(peer);
    let [first, second] = &mut sockets[..] else {
        panic!("two sockets");
    };
    for number in 0..500 {
        peer.write_all(&packet(number)).unwrap();
        // By the queue of the sender's choice; back by the other.
        let give_up = Instant::now() + LONG;
        let mut passed = false;
        while !passed && Instant::now() < give_up {
            if let Some(frame) = first.recv().unwrap() {
                frame.send_by(second).unwrap();
                assert_eq!(second.flush().unwrap(), 0);
                passed = true;
            } else if let Some(frame) = second.recv().unwrap() {
                frame.send_by(first).unwrap();
                assert_eq!(first.flush().unwrap(), 0);
                passed = true;
            }
        }
        assert_eq!(received(&mut peer), packet(number));
    }
}

#[test]
fn queues_that_cannot_share_are_told() {
    let Some(system) = network() else { return };
    let Some((_, ifindex)) = pair() else {
        skip!("no veth pair can be made");
    };
    let refusal =
        |queues: &[(u32, u32)]| XskSocket::bind_shared(&system, queues, &small()).unwrap_err();
    let twice = refusal(&[(ifindex, 0), (ifindex, 0)]);
    assert_eq!(twice.kind(), ErrorKind::Invalid, "{twice}");
    assert!(twice.to_string().contains("one AF_XDP socket"), "{twice}");
    let none = refusal(&[(ifindex, 0), (ifindex, 4711)]);
    assert_eq!(none.errno(), Some(Errno::EINVAL), "{none}");
    assert!(none.to_string().contains("queue 4711"), "{none}");
    // The first queue is free again.
    let sockets = XskSocket::bind_shared(&system, &[(ifindex, 0)], &small()).unwrap();
    assert_eq!(sockets.len(), 1);
}
