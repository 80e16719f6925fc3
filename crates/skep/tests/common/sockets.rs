//! What tests of programs at sockets share: sockets, and what programs have counted.
#![allow(dead_code)]

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket,
    sockopt,
};
use skep::sys::Fd;
use skep::{Object, Plain, Program, System};
use std::io::ErrorKind::WouldBlock;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Long enough for any machine.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A socket, as hooks take it.
pub(crate) fn fd(system: &System, socket: &impl AsFd) -> Fd {
    Fd::duplicate(system.kernel(), socket.as_fd()).unwrap()
}

pub(crate) fn program<'o>(object: &'o Object, name: &str) -> &'o Program {
    object.program(name).unwrap()
}

/// A global that programs count in.
pub(crate) fn count(object: &Object, name: &str) -> u64 {
    object.global(name).unwrap().read().unwrap()
}

pub(crate) fn set<T: Plain>(object: &Object, name: &str, value: T) {
    object.global(name).unwrap().set(value).unwrap();
}

/// Waits until it is so; panics if it takes too long.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let give_up = Instant::now() + LONG;
    while !so() {
        assert!(Instant::now() < give_up, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A socket of this kind that shares a port of the loopback (0: a new one).
fn sharing(kind: SockType, port: u16) -> OwnedFd {
    let family = AddressFamily::Inet;
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
    setsockopt(&socket, sockopt::ReusePort, &true).unwrap();
    let address = SockaddrIn::new(127, 0, 0, 1, port);
    bind(socket.as_raw_fd(), &address).unwrap();
    socket
}

/// A UDP socket that shares a port.
pub(crate) fn udp(port: u16) -> UdpSocket {
    let socket = UdpSocket::from(sharing(SockType::Datagram, port));
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket
}

/// A listener that shares a port.
pub(crate) fn listener(port: u16) -> TcpListener {
    let socket = sharing(SockType::Stream, port);
    listen(&socket, Backlog::new(8).unwrap()).unwrap();
    TcpListener::from(socket)
}

/// What a listener accepts next.
pub(crate) fn accepted(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let mut stream = None;
    until("nobody connects", || match listener.accept() {
        Ok((new, _)) => {
            stream = Some(new);
            true
        }
        Err(error) if error.kind() == WouldBlock => false,
        Err(error) => panic!("{error}"),
    });
    let stream = stream.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Two ends of a connection over this thread's loopback.
pub(crate) fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    let server = accepted(&listener);
    (client, server)
}

/// A port of the loopback that nobody has.
pub(crate) fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Port of the loopback.
pub(crate) fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
