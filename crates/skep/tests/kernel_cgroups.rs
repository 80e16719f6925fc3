//! Programs that are attached to cgroups: packets, sockets, addresses.

mod common;
#[path = "common/inside.rs"]
mod inside;

use common::{Cgroup as Group, host, load, object, only, own_network, skip};
use inside::{attach, counter, errno, group, inside};
use skep::codec::uapi::bpf::Helper;
use skep::link::Cgroup;
use skep::probe::Answer;
use skep::{AttachType, ErrorKind, ProgType};
use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// What `hello` has in a packet: IPv4 and UDP headers, five bytes.
const HELLO: u64 = 20 + 8 + 5;

/// Long enough on a busy machine.
const LONG: Duration = Duration::from_secs(20);
/// For what does not come at all.
const SHORT: Duration = Duration::from_millis(300);

/// What a process in the cgroup gets that sends itself a datagram: `done`, or the kernel's error.
fn sent(group: &Group, wait: Duration) -> String {
    inside(group, || errno(send(wait)))
}

/// A datagram from a socket to itself.
fn send(wait: Duration) -> Result<usize, Error> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(wait))?;
    socket.send_to(b"hello", socket.local_addr()?)?;
    socket.recv(&mut [0; 9])
}

#[test]
fn packets_are_counted_and_dropped_at_either_side() {
    let group = group!();
    own_network();
    let object = load(&host(), &object!("cgskb"));
    // What is dropped on its way out cannot be sent; what is on its way in does not come.
    for (counts, drops, as_said, refused) in [
        ("ingress", "drop_ingress", "cgroup_inet_ingress", "EAGAIN"),
        ("egress", "drop_egress", "cgroup_inet_egress", "EPERM"),
    ] {
        let before = (counter(&object, "packets"), counter(&object, "bytes"));
        let counting = attach(&object, counts, &group);
        assert_eq!(counting.hook(), format!("{as_said} of cgroup {}", group.0));
        assert!(counting.is_bpf_link());
        assert_eq!(sent(&group, LONG), "done");
        let after = (counter(&object, "packets"), counter(&object, "bytes"));
        assert_eq!(after, (before.0 + 1, before.1 + HELLO), "{counts}");

        let dropping = attach(&object, drops, &group);
        assert_eq!(sent(&group, SHORT), refused, "{drops}");
        // Of no other cgroup.
        assert!(send(LONG).is_ok());
        drop(dropping);
        assert_eq!(sent(&group, LONG), "done", "{drops} is gone");
        counting.detach().unwrap();
        let before = counter(&object, "packets");
        assert_eq!(sent(&group, LONG), "done");
        assert_eq!(counter(&object, "packets"), before, "{counts} is gone");
    }
}

#[test]
fn a_section_that_does_not_say_the_side_wants_it_said() {
    let group = group!();
    own_network();
    let object = load(&host(), &object!("cgskb"));
    let either = object.program("either").unwrap();
    let place = Cgroup::open(&group.0);
    let error = either.attach_to(&place).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget, "{error}");
    let types = "BPF_CGROUP_INET_INGRESS or BPF_CGROUP_INET_EGRESS";
    assert!(error.to_string().contains(types), "{error}");
    let error = either.attach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget, "{error}");
    assert!(error.to_string().contains("link::Cgroup"), "{error}");
    for attach_type in [
        AttachType::CGROUP_INET_INGRESS,
        AttachType::CGROUP_INET_EGRESS,
    ] {
        let before = counter(&object, "packets");
        let _link = either
            .attach_to(place.clone().attach_type(attach_type))
            .unwrap();
        assert_eq!(sent(&group, LONG), "done");
        assert_eq!(counter(&object, "packets"), before + 1, "{attach_type}");
    }
}

#[test]
fn sockets_are_made_and_closed_under_control() {
    let group = group!();
    own_network();
    let object = load(&host(), &only(object!("cgsock"), &["create", "release"]));
    let links = ["create", "release"].map(|name| attach(&object, name, &group));
    let said = inside(&group, || {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let priority = option(&tcp, libc::SOL_SOCKET, libc::SO_PRIORITY);
        format!("{} {priority}", errno(UdpSocket::bind("127.0.0.1:0")))
    });
    assert_eq!(said, "EPERM 6");
    assert_eq!(
        (counter(&object, "created"), counter(&object, "released")),
        (2, 1)
    );
    drop(links);
    let said = inside(&group, || errno(UdpSocket::bind("127.0.0.1:0")));
    assert_eq!(said, "done");
    assert_eq!(counter(&object, "created"), 2);
}

/// An option that is a number.
fn option(socket: &impl std::os::fd::AsRawFd, level: i32, name: i32) -> i32 {
    let (mut value, mut len) = (0_i32, size_of::<i32>() as u32);
    // SAFETY: room for a number, and how long that is.
    let done = unsafe {
        let value = (&raw mut value).cast();
        libc::getsockopt(socket.as_raw_fd(), level, name, value, &raw mut len)
    };
    assert_eq!(done, 0, "{}", Error::last_os_error());
    value
}

#[test]
fn ports_are_refused_and_changed() {
    let group = group!();
    own_network();
    let programs = ["post_bind4", "post_bind6", "bind4", "bind6"];
    let object = load(&host(), &only(object!("cgsock"), &programs));
    let links = programs.map(|name| attach(&object, name, &group));
    for ip in ["127.0.0.1", "[::1]"] {
        let bind = |port: u16| {
            let to: SocketAddr = format!("{ip}:{port}").parse().unwrap();
            inside(&group, || match UdpSocket::bind(to) {
                Ok(socket) => socket.local_addr().unwrap().to_string(),
                Err(error) => errno::<()>(Err(error)),
            })
        };
        let before = counter(&object, "bound");
        assert_eq!(bind(4041), "EPERM", "{ip}");
        assert_eq!(bind(80), format!("{ip}:4080"));
        assert_eq!(bind(4042), format!("{ip}:4042"));
        assert_eq!(counter(&object, "bound"), before + 6);
    }
    drop(links);
    let said = inside(&group, || errno(UdpSocket::bind("127.0.0.1:4041")));
    assert_eq!(said, "done");
}

/// The service, as processes know it, and where it really is.
const SERVICES: [(&str, &str); 2] = [
    ("10.9.9.9:53", "127.0.0.1:4053"),
    ("[fd00::9]:53", "[::1]:4053"),
];

#[test]
fn connections_go_elsewhere_and_do_not_notice() {
    let group = group!();
    own_network();
    let programs = ["connect4", "connect6"];
    let telling = [
        "getpeername4",
        "getpeername6",
        "getsockname4",
        "getsockname6",
    ];
    let object = load(
        &host(),
        &only(object!("cgsock"), &[&programs[..], &telling].concat()),
    );
    let links = programs.map(|name| attach(&object, name, &group));
    for (service, real) in SERVICES {
        let connect = || {
            inside(&group, || {
                let listener = TcpListener::bind(real).unwrap();
                let mut out = TcpStream::connect(service).unwrap();
                let (mut accepted, _) = listener.accept().unwrap();
                out.write_all(b"?").unwrap();
                accepted.read_exact(&mut [0]).unwrap();
                let named = [out.peer_addr(), accepted.local_addr()];
                named.map(|addr| addr.unwrap().to_string()).join(" ")
            })
        };
        let before = counter(&object, "changed");
        assert_eq!(connect(), format!("{real} {real}"));
        assert_eq!(counter(&object, "changed"), before + 1);
        let _telling = telling.map(|name| attach(&object, name, &group));
        let before = counter(&object, "told");
        assert_eq!(connect(), format!("{service} {service}"));
        assert_eq!(counter(&object, "told"), before + 2);
    }
    drop(links);
    let (service, real) = SERVICES[0];
    let said = inside(&group, || {
        let _listener = TcpListener::bind(real).unwrap();
        errno(TcpStream::connect(service))
    });
    assert_eq!(said, "ENETUNREACH");
}

#[test]
fn datagrams_go_elsewhere_and_come_from_there() {
    let group = group!();
    own_network();
    let sending = ["sendmsg4", "sendmsg6"];
    let receiving = ["recvmsg4", "recvmsg6"];
    let object = load(
        &host(),
        &only(object!("cgsock"), &[&sending[..], &receiving].concat()),
    );
    let links = sending.map(|name| attach(&object, name, &group));
    for (service, real) in SERVICES {
        // A question to the service and its answer: from whom that seems to come.
        let ask = || {
            inside(&group, || {
                let server = UdpSocket::bind(real).unwrap();
                let any = real.replace("4053", "0");
                let client = UdpSocket::bind(any).unwrap();
                for socket in [&server, &client] {
                    socket
                        .set_read_timeout(Some(Duration::from_secs(20)))
                        .unwrap();
                }
                client.send_to(b"hello?", service).unwrap();
                let (len, from) = server.recv_from(&mut [0; 9]).expect("a question");
                assert_eq!((len, from), (6, client.local_addr().unwrap()));
                server.send_to(b"hello", from).unwrap();
                let (_, from) = client.recv_from(&mut [0; 9]).expect("an answer");
                from.to_string()
            })
        };
        let before = counter(&object, "changed");
        assert_eq!(ask(), real);
        assert_eq!(counter(&object, "changed"), before + 1);
        let _receiving = receiving.map(|name| attach(&object, name, &group));
        let before = counter(&object, "told");
        assert_eq!(ask(), service);
        assert_eq!(counter(&object, "told"), before + 1);
    }
    drop(links);
    let said = inside(&group, || {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        errno(client.send_to(b"hello?", SERVICES[0].0))
    });
    assert_ne!(said, "done");
}

#[test]
fn refusals_say_what_programs_say() {
    let group = group!();
    own_network();
    let system = host();
    let refusing = load(&system, &only(object!("cgsock"), &["refuse"]));
    let connect = || {
        inside(&group, || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            errno(TcpStream::connect(listener.local_addr().unwrap()))
        })
    };
    let link = attach(&refusing, "refuse", &group);
    assert_eq!(connect(), "EPERM");
    drop(link);
    assert_eq!(connect(), "done");
    let answer = system.probe_helper(ProgType::CGROUP_SOCK_ADDR, Helper::SET_RETVAL);
    if answer != Answer::Yes {
        skip!("bpf_set_retval: {answer}");
    }
    let object = load(
        &system,
        &only(object!("cgsock"), &["refuse_as", "what_was"]),
    );
    let _links = ["refuse_as", "what_was"].map(|name| attach(&object, name, &group));
    assert_eq!(connect(), "ECONNREFUSED");
    let retval: i32 = object.global("retval").unwrap().read().unwrap();
    assert_eq!(retval, -libc::ECONNREFUSED);
}
