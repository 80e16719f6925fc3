//! `AF_XDP` sockets on one end of an Ethernet pair, a packet socket on the other.

mod common;
#[path = "common/xsk.rs"]
mod packets;

use common::skip;
use packets::{ETHERTYPE, LONG, network, next, packet, packet_socket, received, redirect, small};
use skep::link::Xdp;
use skep::map::XskMap;
use skep::ring::Woken;
use skep::sys::net::xsk::{self, Ring};
use skep::sys::{Epoll, Mapping, poll};
use skep::xsk::{CopyMode, XskOptions, XskSocket};
use skep::{Errno, ErrorKind, Link, Object, System};
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(50);

/// An Ethernet pair in a network of its own, and the packet socket on the other end.
struct Pair {
    system: System,
    ifindex: u32,
    peer: File,
}

impl Pair {
    /// `None`, said, where there is none or no `AF_XDP`.
    fn new() -> Option<Self> {
        let system = network()?;
        let Some((other, ifindex)) = common::pair() else {
            println!("skep-skip: no veth pair can be made");
            return None;
        };
        Some(Self {
            system,
            ifindex,
            peer: packet_socket(other),
        })
    }

    fn bind(&self, options: &XskOptions) -> XskSocket {
        XskSocket::bind(&self.system, self.ifindex, 0, options).unwrap()
    }

    /// A socket that gets what the other end sends.
    fn receiver(&self, options: &XskOptions, mode: fn(Xdp) -> Xdp) -> (XskSocket, Object, Link) {
        let hook = mode(Xdp::on_index(self.ifindex));
        let socket = self.bind(options);
        let (object, link) = redirect(&self.system, hook, &[&socket]);
        (socket, object, link)
    }

    /// What the other end receives next.
    fn received(&mut self) -> Vec<u8> {
        received(&mut self.peer)
    }
}

fn packets_arrive(mode: fn(Xdp) -> Xdp) {
    let Some(mut pair) = Pair::new() else { return };
    let (mut socket, _object, _link) = pair.receiver(&small(), mode);
    assert!(!socket.is_zero_copy().unwrap());
    assert!(socket.recv().unwrap().is_none());
    // Many times as many as there are frames, and up to all of them at once.
    let mut sent = 0;
    for burst in [1, 7, 32, 64].into_iter().cycle().take(40) {
        for number in sent..sent + burst {
            pair.peer.write_all(&packet(number)).unwrap();
        }
        for number in sent..sent + burst {
            assert_eq!(next(&mut socket), packet(number), "packet {number}");
        }
        sent += burst;
    }
    assert_eq!(sent, 1040);
    assert!(socket.recv().unwrap().is_none());
    assert_eq!((socket.receiving(), socket.sending()), (64, 0));
    assert_eq!(socket.statistics().unwrap().rx_dropped, 0);
}

#[test]
fn packets_arrive_whole_and_in_order() {
    packets_arrive(Xdp::generic);
}

#[test]
fn packets_arrive_by_the_driver() {
    packets_arrive(Xdp::native);
}

#[test]
fn a_packet_is_read_in_pieces() {
    let Some(mut pair) = Pair::new() else { return };
    let (mut socket, _object, _link) = pair.receiver(&small(), Xdp::generic);
    pair.peer.write_all(&packet(3)).unwrap();
    assert_eq!(socket.wait(Some(LONG)).unwrap(), Woken::Ready);
    let whole = packet(3);
    let mut frame = socket.recv().unwrap().unwrap();
    assert_eq!(frame.len(), whole.len());
    let mut kind = [0; 2];
    frame.read_at(12, &mut kind).unwrap();
    assert_eq!(kind, ETHERTYPE);
    let beyond = frame.read_at(whole.len() - 1, &mut kind).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::Invalid);
    assert!(frame.read_at(usize::MAX, &mut kind).is_err());
    let mut start = [0; 20];
    frame.copy_to(&mut start);
    assert_eq!(start, whole[..20]);
    frame.pop_front(14);
    assert_eq!(frame.len(), whole.len() - 14);
    frame.truncate(whole.len());
    assert_eq!(frame.len(), whole.len() - 14, "it is not longer");
    frame.truncate(4);
    assert_eq!(frame.to_vec(), 3_u32.to_be_bytes());
    frame.push_front(b"tag").unwrap();
    assert_eq!(frame.to_vec(), *b"tag\0\0\0\x03");
    // 256 bytes and the Ethernet header are free before it, less what was put there.
    assert!(frame.push_front(&[0; 2048]).is_err());
    assert!(frame.push_front(&[7; 256]).is_ok());
    assert_eq!(frame.len(), 263);
    frame.pop_front(264);
    assert_eq!(frame.len(), 0);
    assert_eq!(frame.send().unwrap_err().kind(), ErrorKind::Invalid);
    assert!(socket.recv().unwrap().is_none());
    assert_eq!(socket.receiving(), 64);
}

fn packets_are_sent(need_wakeup: bool) {
    let Some(mut pair) = Pair::new() else { return };
    let options = XskOptions {
        need_wakeup,
        copy: CopyMode::Copy,
        ..small()
    };
    let mut socket = pair.bind(&options);
    for round in 0..20 {
        let first = round * 32;
        for number in first..first + 32 {
            socket.send(&packet(number)).unwrap();
        }
        assert_eq!(socket.sending(), 32);
        let full = socket.send(&packet(0)).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::Full, "{full}");
        assert_eq!(socket.sending(), 32);
        assert_eq!(socket.flush().unwrap(), 0);
        for number in first..first + 32 {
            assert_eq!(pair.received(), packet(number), "packet {number}");
        }
        socket.flush().unwrap();
        assert_eq!(socket.sending(), 0, "frames come back");
    }
    let statistics = socket.statistics().unwrap();
    assert_eq!(statistics.tx_invalid_descs, 0);
}

#[test]
fn packets_are_sent_whole_and_in_order() {
    packets_are_sent(true);
}

#[test]
fn packets_are_sent_where_every_call_is_made() {
    packets_are_sent(false);
}

#[test]
fn many_packets_go_in_one_flush() {
    let Some(pair) = Pair::new() else { return };
    let options = XskOptions {
        tx_frames: 512,
        ..small()
    };
    let mut socket = pair.bind(&options);
    for number in 0..512 {
        socket.send(&packet(number % 64)).unwrap();
    }
    // The kernel takes 16 or 32 in a call.
    let left: Vec<u32> = (0..2).map(|_| socket.flush().unwrap()).collect();
    assert_eq!(left[1], 0, "{left:?}");
}

#[test]
fn frames_come_back_without_a_flush() {
    let Some(mut pair) = Pair::new() else { return };
    let mut socket = pair.bind(&small());
    for number in 0..32 {
        socket.send(&packet(number)).unwrap();
    }
    // A wait wakes the kernel up for both directions.
    for number in 0..32 {
        socket.wait(Some(Duration::ZERO)).unwrap();
        assert_eq!(pair.received(), packet(number));
    }
    assert_eq!(socket.sending(), 32, "as far as known");
    socket.send(&packet(1)).unwrap();
    assert!(socket.sending() < 32);
    while socket.flush().unwrap() > 0 {}
    assert_eq!(pair.received(), packet(1));
    assert_eq!(socket.flush().unwrap(), 0);
    assert_eq!(socket.sending(), 0);
}

#[test]
fn what_finds_no_room_to_go_back_is_dropped() {
    let Some(mut pair) = Pair::new() else { return };
    let (mut socket, _object, _link) = pair.receiver(&small(), Xdp::generic);
    for number in 0..33 {
        pair.peer.write_all(&packet(number)).unwrap();
        socket.wait(Some(LONG)).unwrap();
        let sent = socket.recv().unwrap().unwrap().send();
        let full = sent.err().map(|error| error.kind());
        assert_eq!(full, (number == 32).then_some(ErrorKind::Full), "{number}");
    }
    assert_eq!(socket.sending(), 32);
    while socket.flush().unwrap() > 0 {}
    for number in 0..32 {
        assert_eq!(pair.received(), packet(number));
    }
    socket.flush().unwrap();
    assert!(socket.recv().unwrap().is_none());
    assert_eq!((socket.receiving(), socket.sending()), (64, 0));
}

#[test]
fn what_is_reserved_is_sent_when_it_is_committed() {
    let Some(mut pair) = Pair::new() else { return };
    let mut socket = pair.bind(&small());
    for refused in [0, 2049, usize::MAX] {
        let error = socket.reserve(refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    // What is dropped is not sent, and takes no frame.
    for _ in 0..1000 {
        socket.reserve(100).unwrap().write(0, &[1; 100]).unwrap();
    }
    let mut frame = socket.reserve(1000).unwrap();
    let bytes = packet(1);
    assert_eq!(bytes.len(), 97);
    frame.write(0, &bytes[..50]).unwrap();
    frame.write(50, &bytes[50..]).unwrap();
    assert!(frame.write(999, &[1, 2]).is_err());
    frame.truncate(97);
    frame.commit().unwrap();
    assert_eq!(socket.flush().unwrap(), 0);
    assert_eq!(pair.received(), bytes);
    // Some kernels give the frame back only when the packet has been read.
    socket.flush().unwrap();
    // No packet, and its frame is back.
    let mut nothing = socket.reserve(1).unwrap();
    nothing.truncate(0);
    assert_eq!(nothing.commit().unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(socket.sending(), 0);
}

#[test]
fn packets_go_back_in_their_own_frames() {
    let Some(mut pair) = Pair::new() else { return };
    let options = XskOptions {
        headroom_bytes: 64,
        ..small()
    };
    let (mut socket, _object, _link) = pair.receiver(&options, Xdp::generic);
    for number in 0..500 {
        pair.peer.write_all(&packet(number)).unwrap();
        assert_eq!(socket.wait(Some(LONG)).unwrap(), Woken::Ready);
        let mut frame = socket.recv().unwrap().unwrap();
        frame.write(0, &[2; 6]).unwrap();
        // Before the packet there is what was asked for, and 256 bytes.
        assert!(frame.push_front(&[0; 64 + 256 + 1]).is_err());
        frame.push_front(&[0; 64 + 256]).unwrap();
        frame.pop_front(64 + 256);
        // Another header before the packet: 14 bytes of Ethernet.
        let mut header = [3; 14];
        header[12..].copy_from_slice(&ETHERTYPE);
        frame.push_front(&header).unwrap();
        frame.send().unwrap();
        assert_eq!(socket.flush().unwrap(), 0);
        let back = pair.received();
        assert_eq!(back[..14], header);
        assert_eq!(back[14..20], [2; 6]);
        assert_eq!(back[20..], packet(number)[6..]);
    }
    assert!(socket.recv().unwrap().is_none());
    assert_eq!((socket.receiving(), socket.sending()), (64, 0));
}

#[test]
fn what_finds_no_frame_is_counted() {
    let Some(mut pair) = Pair::new() else { return };
    let options = XskOptions {
        rx_frames: 8,
        ..small()
    };
    let (mut socket, _object, _link) = pair.receiver(&options, Xdp::generic);
    for round in 1..=3 {
        for number in 0..20 {
            pair.peer.write_all(&packet(number)).unwrap();
        }
        for number in 0..8 {
            assert_eq!(next(&mut socket), packet(number));
        }
        assert!(socket.recv().unwrap().is_none(), "the others are lost");
        let statistics = socket.statistics().unwrap();
        assert_eq!(statistics.rx_dropped, 12 * round, "{statistics:?}");
        assert!(statistics.rx_fill_ring_empty_descs >= round);
        assert_eq!(statistics.rx_invalid_descs, 0);
    }
}

#[test]
fn a_forgotten_frame_is_the_only_one_lost() {
    let Some(mut pair) = Pair::new() else { return };
    let options = XskOptions {
        rx_frames: 8,
        tx_frames: 1,
        ..small()
    };
    let (mut socket, _object, _link) = pair.receiver(&options, Xdp::generic);
    for number in 0..100 {
        pair.peer.write_all(&packet(number)).unwrap();
        assert_eq!(socket.wait(Some(LONG)).unwrap(), Woken::Ready);
        let frame = socket.recv().unwrap().unwrap();
        assert_eq!(frame.to_vec(), packet(number));
        if number % 20 == 0 {
            std::mem::forget(frame);
        }
    }
    assert!(socket.recv().unwrap().is_none());
    assert_eq!(socket.receiving(), 9 - 5);
    // Those that are left receive, and there is none to send.
    assert_eq!(socket.send(&[1; 60]).unwrap_err().kind(), ErrorKind::Full);
}

#[test]
fn the_descriptor_tells_when_to_read_and_write() {
    let Some(mut pair) = Pair::new() else { return };
    let (mut socket, object, _link) = pair.receiver(&small(), Xdp::generic);
    let epoll = Epoll::new(pair.system.kernel()).unwrap();
    epoll.add(socket.fd(), 7).unwrap();
    let short_ns = Some(SHORT.as_nanos() as u64);
    assert_eq!(epoll.wait(short_ns, |_| ()).unwrap(), 0);
    assert_eq!(socket.wait(Some(SHORT)).unwrap(), Woken::TimedOut);
    assert!(poll::wait_writable(socket.fd(), short_ns).unwrap());
    pair.peer.write_all(&packet(1)).unwrap();
    let mut tokens = Vec::new();
    let long_ns = Some(LONG.as_nanos() as u64);
    epoll.wait(long_ns, |token| tokens.push(token)).unwrap();
    assert_eq!(tokens, [7]);
    assert_eq!(next(&mut socket), packet(1));
    // Out of the map, it gets nothing.
    let sockets = XskMap::try_from(object.map("sockets").unwrap()).unwrap();
    assert!(sockets.clear(0).unwrap());
    pair.peer.write_all(&packet(2)).unwrap();
    assert_eq!(socket.wait(Some(SHORT)).unwrap(), Woken::TimedOut);
    assert!(socket.recv().unwrap().is_none());
}

#[test]
fn sockets_that_cannot_be_say_why() {
    let Some(pair) = Pair::new() else { return };
    let bind = |ifindex, queue, options: &XskOptions| {
        XskSocket::bind(&pair.system, ifindex, queue, options).unwrap_err()
    };
    let none = bind(0x7fff_ffff, 0, &small());
    assert_eq!(none.errno(), Some(Errno::ENODEV), "{none}");
    assert!(none.to_string().contains("interface 2147483647, queue 0"));
    let none = bind(pair.ifindex, 4711, &small());
    assert_eq!(none.errno(), Some(Errno::EINVAL), "{none}");
    let zero_copy = XskOptions {
        copy: CopyMode::ZeroCopy,
        ..small()
    };
    let none = bind(pair.ifindex, 0, &zero_copy);
    assert_eq!(none.errno(), Some(Errno::EOPNOTSUPP), "{none}");
    let odd = XskOptions {
        rx_frames: 3,
        ..small()
    };
    let error = bind(pair.ifindex, 0, &odd);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let _first = pair.bind(&small());
    let busy = bind(pair.ifindex, 0, &small());
    assert_eq!(busy.errno(), Some(Errno::EBUSY), "{busy}");
    assert!(busy.to_string().contains("`bind_shared`"), "{busy}");
}

#[test]
fn a_socket_leaves_nothing_behind() {
    let Some(pair) = Pair::new() else { return };
    let counted = || {
        let fds = std::fs::read_dir("/proc/self/fd").unwrap().count();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let rings = maps.lines().filter(|line| line.contains("socket:")).count();
        (fds, rings)
    };
    let (fds, rings) = counted();
    assert_eq!(rings, 0);
    // The queue is free again, if a little later.
    for _ in 0..5 {
        let mut socket = pair.bind(&small());
        assert_eq!(counted(), (fds + 1, 4));
        socket.send(&packet(1)).unwrap();
        drop(socket);
        assert_eq!(counted(), (fds, 0));
    }
}

/// A ring of a socket, mapped once more: what another process could do.
struct Other(Mapping, xsk::RingOffsets);

impl Other {
    fn word(&self, offset: u64) -> &AtomicU32 {
        // SAFETY: an aligned word of the mapping, by what the kernel says of it.
        unsafe { &*self.0.as_ptr().wrapping_add(offset as usize).cast() }
    }

    /// Writes entry `index`.
    fn set(&self, index: u32, addr: u64, len: u32) {
        let entry = self.1.desc + u64::from(index) * 16;
        // SAFETY: as above, of eight bytes.
        let word: &AtomicU64 = unsafe { &*self.0.as_ptr().wrapping_add(entry as usize).cast() };
        word.store(addr, Ordering::Relaxed);
        self.word(entry + 8).store(len, Ordering::Relaxed);
    }
}

#[test]
fn entries_that_name_no_frame_are_errors() {
    let Some(pair) = Pair::new() else { return };
    let mut socket = pair.bind(&small());
    let offsets = xsk::mmap_offsets(socket.fd()).unwrap().rx;
    let len = offsets.desc as usize + 64 * 16;
    let other = match xsk::map_ring(socket.fd(), Ring::Rx, len) {
        Err(error) if error.errno == Errno::EBUSY => {
            skip!("rings of a bound socket cannot be mapped");
        }
        ring => Other(ring.unwrap(), offsets),
    };
    let producer = other.word(offsets.producer);
    let mut fails = |ahead: u32, addr: u64, len: u32| {
        other.set(0, addr, len);
        producer.store(ahead, Ordering::Release);
        let error = socket.recv().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().starts_with("AF_XDP ring: "), "{error}");
    };
    // Positions that are none.
    fails(65, 256, 60);
    fails(u32::MAX, 256, 60);
    // Beyond the memory, beyond a frame.
    fails(1, 96 * 2048, 60);
    fails(1, u64::MAX, 60);
    fails(1, 256, 1793);
    fails(1, 256, u32::MAX);
    // A frame that was never handed in: all above the first 64.
    fails(1, 64 * 2048, 60);
    other.set(0, 256, 60);
    other.set(1, 256, 60);
    producer.store(2, Ordering::Release);
    assert_eq!(socket.recv().unwrap().unwrap().len(), 60);
    // The same frame once more, while it is ours.
    let error = socket.recv().unwrap_err();
    assert!(
        error.to_string().contains("no frame of 2048 bytes"),
        "{error}"
    );
}
