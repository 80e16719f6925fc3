//! Programs of network namespaces: socket look-up and the flow dissector.

mod common;
#[path = "common/sockets.rs"]
mod sockets;

use common::{host, load, object, own_network};
use skep::link::{Link, LinkKind, LinkMode, Netns, Target};
use skep::map::SockMap;
use skep::prog::TestRun;
use skep::{AttachType, Errno, ErrorKind, Object};
use sockets::{accepted, count, fd, free_port, local, program, set};
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::fs::MetadataExt;

/// The namespace of the thread.
fn namespace() -> File {
    File::open("/proc/thread-self/ns/net").unwrap()
}

/// Programs that the thread's namespace has.
fn attached(attach_type: AttachType) -> Vec<u32> {
    let (system, namespace) = (host(), namespace());
    let target = fd(&system, &namespace);
    let attached = system.attached(Target::Fd(&target), attach_type).unwrap();
    attached.list.iter().map(|one| one.prog_id).collect()
}

/// The object, which has what comes to this port go to a listener.
fn steering(listener: &TcpListener, port: u16) -> Object {
    let object = load(&host(), &object!("netns"));
    let target = SockMap::try_from(object.map("target").unwrap()).unwrap();
    target.set(0, listener).unwrap();
    set(&object, "port", u32::from(port));
    object
}

fn refused(port: u16) -> bool {
    match TcpStream::connect(local(port)) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(
                error.kind(),
                std::io::ErrorKind::ConnectionRefused,
                "{error}"
            );
            true
        }
    }
}

#[test]
fn connections_are_steered_to_another_socket() {
    own_network();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free_port();
    let object = steering(&listener, port);
    assert!(refused(port));
    let mut link = program(&object, "steer").attach_to(Netns::own()).unwrap();
    assert!(link.is_bpf_link());
    assert_eq!(link.hook(), "socket look-up of a network namespace");
    let LinkKind::Netns {
        netns_ino,
        attach_type,
    } = link.info().unwrap().kind
    else {
        panic!("{:?}", link.info());
    };
    let inode = namespace().metadata().unwrap().st_ino();
    assert_eq!(
        (u64::from(netns_ino), attach_type),
        (inode, AttachType::SK_LOOKUP)
    );

    assert_eq!(
        attached(AttachType::SK_LOOKUP),
        [program(&object, "steer").id().unwrap()]
    );

    let client = TcpStream::connect(local(port)).unwrap();
    let server = accepted(&listener);
    assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
    assert_eq!(server.local_addr().unwrap().port(), port);
    assert!(count(&object, "steered") > 0);

    link.update(program(&object, "refuse")).unwrap();
    assert!(refused(port));
    link.update(program(&object, "steer")).unwrap();
    assert!(!refused(port));
    drop(link);
    assert!(refused(port));
    assert_eq!(attached(AttachType::SK_LOOKUP), []);
}

#[test]
fn another_namespace_is_told_by_descriptor_and_by_path() {
    own_network();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free_port();
    let object = steering(&listener, port);
    let ours = namespace();
    // SAFETY: there are no arguments.
    let tid = unsafe { libc::syscall(libc::SYS_gettid) };
    let path = format!("/proc/self/task/{tid}/ns/net");
    let elsewhere = |attach: &(dyn Fn() -> Link + Sync)| {
        std::thread::scope(|scope| {
            let attached = scope.spawn(|| {
                own_network();
                attach()
            });
            attached.join().unwrap()
        })
    };
    let steer = program(&object, "steer");
    let by_fd = elsewhere(&|| {
        let ours = fd(&host(), &ours);
        steer.attach_to(Netns::at(&ours)).unwrap()
    });
    assert!(!refused(port));
    drop(by_fd);
    assert!(refused(port));
    let by_path = elsewhere(&|| steer.attach_to(Netns::open(&path)).unwrap());
    assert_eq!(
        by_path.hook(),
        format!("socket look-up of network namespace {path}")
    );
    assert!(!refused(port));
    drop(by_path);
    assert!(refused(port));
    // What is attached there does nothing here.
    let _there = elsewhere(&|| steer.attach_to(Netns::own()).unwrap());
    assert!(refused(port));
}

#[test]
fn a_flow_dissector_says_where_headers_are() {
    let object = load(&host(), &object!("netns"));
    let run = TestRun {
        data: &[0; 64],
        data_out_bytes: 256,
        ..TestRun::default()
    };
    let ran = program(&object, "dissect").test_run(&run).unwrap();
    // `BPF_OK`; kernels before 6.0 answer whether it was that.
    assert!(ran.return_value <= 1, "{}", ran.return_value);
    // `struct bpf_flow_keys`: nhoff, thoff, addr_proto, 3 flags, ip_proto.
    let number = |at: usize| u16::from_ne_bytes([ran.data[at], ran.data[at + 1]]);
    assert_eq!((number(0), number(2), number(4)), (14, 34, 0x800));
    assert_eq!(ran.data[9], 17);
}

/// Sends packets by a packet socket, whose headers the kernel looks for.
struct Sender(OwnedFd);

impl Sender {
    fn new() -> Self {
        // SAFETY: there are no pointers.
        let raw = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) };
        assert!(raw >= 0);
        // SAFETY: a new descriptor.
        Self(unsafe { OwnedFd::from_raw_fd(raw) })
    }

    fn send(&self) {
        let mut packet = [0_u8; 64];
        (packet[12], packet[13], packet[14]) = (8, 0, 0x45);
        // SAFETY: integers, of which 0 is one.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_protocol = 0x800_u16.to_be();
        to.sll_ifindex = nix::net::if_::if_nametoindex("lo").unwrap() as i32;
        let len = size_of_val(&to) as u32;
        let (raw, from) = (self.0.as_raw_fd(), packet.as_ptr().cast());
        // SAFETY: bytes and an address of these lengths.
        let sent = unsafe { libc::sendto(raw, from, 64, 0, (&raw const to).cast(), len) };
        assert_eq!(sent, 64, "{}", std::io::Error::last_os_error());
    }
}

/// Attached so, it sees packets; dropped, it does not.
fn dissects(mode: LinkMode) {
    own_network();
    let object = load(&host(), &object!("netns"));
    let (dissect, sender) = (program(&object, "dissect"), Sender::new());
    let dissected = || {
        let before = count(&object, "dissected");
        sender.send();
        count(&object, "dissected") - before
    };
    assert_eq!(dissected(), 0);
    let link = dissect.attach_to(Netns::own().mode(mode)).unwrap();
    assert_eq!(link.is_bpf_link(), mode != LinkMode::Attach);
    assert!(dissected() > 0);
    assert_eq!(
        attached(AttachType::FLOW_DISSECTOR),
        [dissect.id().unwrap()]
    );
    let second = dissect.attach_to(Netns::own()).unwrap_err();
    assert!(
        matches!(second.errno(), Some(Errno::E2BIG | Errno::EEXIST)),
        "{second}"
    );
    assert!(
        second.to_string().contains("a flow dissector ("),
        "{second}"
    );
    link.detach().unwrap();
    assert_eq!(dissected(), 0);
    // The place is free.
    let again = dissect.attach_to(Netns::own()).unwrap();
    assert!(dissected() > 0);
    drop(again);
    assert_eq!(dissected(), 0);
}

#[test]
fn a_flow_dissector_sees_packets() {
    dissects(LinkMode::Link);
}

#[test]
fn a_flow_dissector_goes_without_a_link() {
    dissects(LinkMode::Attach);
}

#[test]
fn what_no_namespace_takes_is_told() {
    own_network();
    let system = host();
    let object = load(&system, &object!("netns"));
    let (steer, dissect) = (program(&object, "steer"), program(&object, "dissect"));
    for hook in [Netns::own(), Netns::open("/proc/thread-self/ns/net")] {
        let error = steer.attach_to(hook.mode(LinkMode::Attach)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("it takes a link"), "{error}");
    }
    let there = Netns::open("/proc/thread-self/ns/net").mode(LinkMode::Attach);
    let error = dissect.attach_to(there).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = steer
        .attach_to(Netns::open("/no/such/namespace"))
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
    assert!(error.to_string().contains("/no/such/namespace"), "{error}");
    let error = steer.attach_to(Netns::open("/dev/null")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    let xdp = load(&system, &object!("xdp"));
    let error = program(&xdp, "pass").attach_to(Netns::own()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(error.to_string().contains("of type xdp"), "{error}");
    let error = steer.attach().unwrap_err();
    assert!(error.to_string().contains("link::Netns"), "{error}");
}
