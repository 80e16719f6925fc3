//! Programs of routes: what they see and do, beside each other and one after the other, and how long the
//! route stays.

mod common;
#[path = "common/xsk.rs"]
mod xsk;

use common::{host, ip, load, object, own_network, pair, skip};
use nix::sys::socket::{setsockopt, sockopt::ReceiveTimeout};
use nix::sys::time::TimeVal;
use skep::link::Lwt;
use skep::netlink::{Existing, Route, RouteHook, RoutePlace, RouteProgram, Tunnel};
use skep::{Errno, ErrorKind, Link, Netlink, Object, Program};
use std::fs::File;
use std::io::{ErrorKind as Io, Write};
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);
/// Where nothing leads but a test's route.
const V4: &str = "10.78.0.5";
const V6: &str = "fc00:78::5";
/// Where packets of segments go.
const END: &str = "fc00:81::9";

/// A network of its own: an Ethernet pair whose near end asks nobody for addresses.
struct Net {
    object: Object,
    far: u32,
    netlink: Netlink,
}

impl Net {
    /// `None`, said, where there is no pair, or no such route.
    fn new() -> Option<Self> {
        own_network();
        let Some((_, far)) = pair() else {
            println!("skep-skip: no veth pair can be made");
            return None;
        };
        for words in [
            "link set skep0 arp off",
            "addr add 10.77.0.1/24 dev skep0",
            "-6 addr add fc00:77::1/128 dev lo",
        ] {
            assert!(ip(words), "{words}");
        }
        let system = host();
        let net = Self {
            object: load(&system, &object!("lwt")),
            far,
            netlink: Netlink::open(&system).unwrap(),
        };
        match net.program("go").attach_to(to(V4).dev("skep0")) {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                println!("skep-skip: {error}");
                None
            }
            tried => {
                drop(tried.unwrap());
                Some(net)
            }
        }
    }

    fn program(&self, name: &str) -> Program {
        self.object.program(name).unwrap().clone()
    }

    /// What the route calls a program.
    fn called(&self, name: &str) -> String {
        format!("{name}:{}", self.program(name).id().unwrap())
    }

    fn attach(&self, name: &str, hook: &Lwt) -> Link {
        self.program(name).attach_to(hook).unwrap()
    }

    fn count(&self, name: &str) -> u64 {
        self.object.global(name).unwrap().read().unwrap()
    }

    fn drops(&self, drops: bool) {
        self.object
            .global("drops")
            .unwrap()
            .set(u32::from(drops))
            .unwrap();
    }

    /// What comes out of the far end, of this type of Ethernet.
    fn far(&self, ethertype: [u8; 2]) -> Far {
        let far = xsk::packet_socket_of(self.far, ethertype);
        let header = if ethertype == IPV4 { 20 } else { 40 };
        setsockopt(&far, ReceiveTimeout, &TimeVal::new(20, 0)).unwrap();
        Far(far, header)
    }

    /// What routes run, as their hooks and names.
    fn routes(&mut self) -> Vec<(RoutePlace, Vec<(RouteHook, String)>)> {
        let told = |p: RouteProgram| (p.hook, p.name);
        let of = |r: Route| (r.place, r.programs.into_iter().map(told).collect());
        self.netlink.routes().unwrap().into_iter().map(of).collect()
    }
}

macro_rules! net {
    () => {
        match Net::new() {
            Some(net) => net,
            None => return,
        }
    };
}

const IPV4: [u8; 2] = [0x08, 0];
const IPV6: [u8; 2] = [0x86, 0xdd];

struct Far(File, usize);

impl Far {
    /// The next packet of a test, without its Ethernet header.
    fn next(&mut self) -> Vec<u8> {
        loop {
            let packet = xsk::received(&mut self.0);
            let protocol = if self.1 == 20 {
                packet[14 + 9]
            } else {
                packet[14 + 6]
            };
            // UDP, IPv4 in IPv4, segments; neighbours and groups are looked for, too.
            if [17, 4, 43].contains(&protocol) {
                return packet[14..].to_vec();
            }
        }
    }

    /// The data of the next one.
    fn data(&mut self) -> String {
        let packet = self.next();
        String::from_utf8(packet[self.1 + 8..].to_vec()).unwrap()
    }
}

fn to(address: &str) -> Lwt {
    let address: IpAddr = address.parse().unwrap();
    Lwt::to(address, if address.is_ipv4() { 16 } else { 64 })
}

fn sender(to: &str) -> UdpSocket {
    let any = if to.contains(':') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    UdpSocket::bind(any).unwrap()
}

/// Sends data to a port of an address.
fn send(data: &str, to: &str) -> std::io::Result<usize> {
    let to: IpAddr = to.parse().unwrap();
    sender(&to.to_string()).send_to(data.as_bytes(), (to, 9))
}

/// Nothing leads there.
fn is_unreachable(to: &str) -> bool {
    let error = send("none", to).unwrap_err();
    assert_eq!(error.kind(), Io::NetworkUnreachable, "{error}");
    true
}

#[test]
fn packets_that_go_out_are_seen_and_dropped() {
    let mut net = net!();
    for (to_, ethertype) in [(V4, IPV4), (V6, IPV6)] {
        let mut far = net.far(ethertype);
        for (name, count, hook) in [
            ("go", "gone", RouteHook::Out),
            ("leave", "left", RouteHook::Xmit),
        ] {
            assert!(is_unreachable(to_));
            let before = net.count(count);
            let link = net.attach(name, &to(to_).dev("skep0"));
            send("first", to_).unwrap();
            assert_eq!((far.data(), net.count(count)), ("first".into(), before + 1));
            net.drops(true);
            let error = send("lost", to_).unwrap_err();
            assert_eq!(error.kind(), Io::PermissionDenied, "{name}: {error}");
            assert_eq!(net.count(count), before + 2);
            net.drops(false);
            send("third", to_).unwrap();
            assert_eq!(far.data(), "third");

            let routes = net.routes();
            let [(place, programs)] = routes.as_slice() else {
                panic!("{routes:?}");
            };
            assert_eq!(programs, &[(hook, net.called(name))]);
            assert_eq!((place.ifindex, place.table), (index("skep0"), 254));
            assert_eq!(
                link.to_string(),
                format!(
                    "link of `{name}` to lwt_{hook} of the route to {}",
                    shown(to_)
                )
            );
            assert!(!link.is_bpf_link() && link.filter().is_none());
            assert_eq!(link.xdp_mode().unwrap(), None);
            drop(link);
            assert_eq!(net.routes(), []);
        }
        assert!(is_unreachable(to_));
    }
}

fn index(name: &str) -> u32 {
    nix::net::if_::if_nametoindex(name).unwrap()
}

/// As a hook shows where a route goes.
fn shown(to: &str) -> &'static str {
    if to == V4 {
        "10.78.0.0/16"
    } else {
        "fc00:78::/64"
    }
}

#[test]
fn packets_that_come_in_are_seen_and_dropped() {
    let mut net = net!();
    for address in ["10.79.0.5", "fc00:79::5"] {
        let before = net.count("came");
        let link = net.attach("come", &to(address).local().dev("lo"));
        let to: IpAddr = address.parse().unwrap();
        let (socket, near) = (sender(address), sender(address));
        socket.set_read_timeout(Some(LONG)).unwrap();
        let port = (to, socket.local_addr().unwrap().port());
        let mut data = [0; 9];
        near.send_to(b"first", port).unwrap();
        assert_eq!(socket.recv(&mut data).unwrap(), 5);
        assert_eq!(net.count("came"), before + 1);
        net.drops(true);
        near.send_to(b"lost", port).unwrap();
        assert_eq!(net.count("came"), before + 2);
        net.drops(false);
        near.send_to(b"the third", port).unwrap();
        let len = socket.recv(&mut data).unwrap();
        assert_eq!(&data[..len], b"the third");
        let routes = net.routes();
        assert_eq!(routes[0].0.table, 255);
        assert_eq!(routes[0].1, [(RouteHook::In, net.called("come"))]);
        link.detach().unwrap();
        assert_eq!(net.routes(), []);
        assert!(is_unreachable(address));
    }
}

#[test]
fn a_packet_that_goes_out_is_changed_and_wrapped() {
    let net = net!();
    let mut far = net.far(IPV4);
    let link = net.attach("mark", &to(V4).dev("skep0"));
    send("red", V4).unwrap();
    assert_eq!(far.data(), "Red");
    drop(link);

    let outer: u32 = u32::from_ne_bytes([10, 77, 0, 9]);
    net.object.global("outer").unwrap().set(outer).unwrap();
    let link = net.attach("wrap", &to(V4).dev("skep0").headroom(20));
    send("red", V4).unwrap();
    let packet = far.next();
    assert_eq!((packet.len(), packet[9]), (20 + 20 + 8 + 3, 4));
    assert_eq!(packet[16..20], [10, 77, 0, 9]);
    assert_eq!((packet[20 + 9], &packet[36..40]), (17, &[10, 78, 0, 5][..]));
    assert_eq!(&packet[48..], b"red");
    drop(link);
    let error = net
        .program("wrap")
        .attach_to(to(V4).dev("skep0").headroom(257))
        .unwrap_err();
    assert!(error.errno().is_some(), "{error}");
}

#[test]
fn a_route_runs_several_and_changes_its_program() {
    let mut net = net!();
    let other = load(&host(), &object!("lwt"));
    for (to_, ethertype) in [(V4, IPV4), (V6, IPV6)] {
        let mut far = net.far(ethertype);
        let leave = net.program("leave");
        let hook = to(to_).dev("skep0").and(&leave).priority(50);
        let mut link = net.attach("go", &hook);
        let before = (net.count("gone"), net.count("left"));
        send("one", to_).unwrap();
        assert_eq!(far.data(), "one");
        assert_eq!(
            (net.count("gone"), net.count("left")),
            (before.0 + 1, before.1 + 1)
        );
        let both = [
            (RouteHook::Out, net.called("go")),
            (RouteHook::Xmit, net.called("leave")),
        ];
        let routes = net.routes();
        assert_eq!((routes[0].0.priority, &routes[0].1[..]), (50, &both[..]));

        // Another program of the same type, and the one beside it stays.
        let new = other.program("go").unwrap();
        let before = count(&other, "gone");
        link.update(new).unwrap();
        send("two", to_).unwrap();
        assert_eq!(
            (far.data(), count(&other, "gone")),
            ("two".into(), before + 1)
        );
        assert_eq!(net.routes()[0].1[1], both[1]);
        let wrong = link.update_from(&net.program("go"), new).unwrap_err();
        assert_eq!(wrong.errno(), Some(Errno::EEXIST), "{wrong}");

        // Another route in its place is left there, and told.
        let taken = net.program("go").attach_to(&hook).unwrap_err();
        assert_eq!(taken.errno(), Some(Errno::EEXIST), "{taken}");
        assert!(taken.to_string().contains("or_replace()"), "{taken}");
        let second = net.attach("go", &hook.or_replace());
        let error = link.detach().unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EEXIST), "{error}");
        assert_eq!(net.routes()[0].1, both);

        // One that has gone is told, too.
        let tunnel = Tunnel {
            place: net.routes()[0].0,
            ..Tunnel::default()
        };
        let (go, leave) = (net.program("go"), net.program("leave"));
        net.netlink.delete_route(&tunnel, &[&go, &leave]).unwrap();
        let error = second.detach().unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ESRCH), "{error}");
        assert!(is_unreachable(to_));
    }
}

fn count(object: &Object, name: &str) -> u64 {
    object.global(name).unwrap().read().unwrap()
}

#[test]
fn what_cannot_be_a_route_is_told() {
    let mut net = net!();
    let nowhere = net.program("go").attach_to(to(V4)).unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::Invalid, "{nowhere}");
    assert!(
        nowhere.to_string().contains("give dev(), via() or both"),
        "{nowhere}"
    );
    let missing = net.program("go").attach_to(to(V4).dev("none")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    let long: IpAddr = V4.parse().unwrap();
    let long = net
        .program("go")
        .attach_to(Lwt::to(long, 33).dev("skep0"))
        .unwrap_err();
    assert_eq!(long.errno(), Some(Errno::EINVAL), "{long}");

    let classify = load(&host(), &object!("classify"));
    let other = classify.program("next").unwrap();
    let wrong = other.attach_to(to(V4).dev("skep0")).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Invalid, "{wrong}");
    assert!(
        wrong.to_string().contains("`next` is of type sched_cls"),
        "{wrong}"
    );
    let twice = to(V4).dev("skep0").and(&net.program("mark"));
    let twice = net.program("leave").attach_to(twice).unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Invalid, "{twice}");
    assert_eq!(net.routes(), []);

    // Routes that run nothing are none of these.
    assert!(ip("route add 10.78.0.0/16 dev skep0"));
    assert_eq!(net.routes(), []);
    let place = RoutePlace {
        to: V4.parse().unwrap(),
        prefix_len: 16,
        ifindex: index("skep0"),
        ..RoutePlace::default()
    };
    let tunnel = Tunnel {
        place,
        existing: Existing::Replace,
        headroom: 0,
    };
    let go = net.program("go");
    net.netlink.set_route(&tunnel, &[&go]).unwrap();
    assert_eq!(net.routes()[0].1, [(RouteHook::Out, net.called("go"))]);
    let gone = net
        .netlink
        .delete_route(&tunnel, &[&net.program("leave")])
        .unwrap_err();
    assert_eq!(gone.errno(), Some(Errno::ESRCH), "another one's: {gone}");
    net.netlink.delete_route(&tunnel, &[&go]).unwrap();
}

#[test]
fn a_segment_runs_a_program() {
    let mut net = net!();
    // Nothing that ends here: a segment's packets go on.
    if let Err(error) = std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1") {
        skip!("packets cannot be sent on: {error}");
    }
    assert!(ip("-6 route add fc00:81::/64 dev skep0"));
    let next = net.program("next");
    let segment = "fc00:80::1";
    let hook = to(segment).dev("skep0");
    let link = match next.attach_to(&hook) {
        Err(error) if error.kind() == ErrorKind::Unsupported => skip!("{error}"),
        link => link.unwrap(),
    };
    let route = net.netlink.routes().unwrap().remove(0);
    let told = RouteProgram {
        hook: RouteHook::Seg6Local,
        name: net.called("next"),
        prog_id: Some(next.id().unwrap()),
    };
    assert_eq!(route.programs, [told]);

    let (mut lo, mut far) = (xsk::packet_socket_of(index("lo"), IPV6), net.far(IPV6));
    let send = |lo: &mut File, data: &str| {
        let frame = segments(segment.parse().unwrap(), data);
        lo.write_all(&frame).unwrap();
    };
    // Behind the IPv6 header and the routing header.
    let mut arrived = || {
        let packet = far.next();
        let at: [u8; 16] = packet[24..40].try_into().unwrap();
        assert_eq!((Ipv6Addr::from(at), packet[43]), (END.parse().unwrap(), 0));
        String::from_utf8(packet[40 + 40 + 8..].to_vec()).unwrap()
    };
    send(&mut lo, "first");
    assert_eq!((arrived(), net.count("segments")), ("first".into(), 1));
    net.drops(true);
    send(&mut lo, "lost");
    until(|| net.count("segments") == 2);
    net.drops(false);
    send(&mut lo, "third");
    assert_eq!((arrived(), net.count("segments")), ("third".into(), 3));
    link.detach().unwrap();
    assert_eq!(net.routes(), []);
    send(&mut lo, "nowhere");

    let beside = next.attach_to(hook.and(&net.program("go"))).unwrap_err();
    assert_eq!(beside.kind(), ErrorKind::Invalid, "{beside}");
    let v4 = next.attach_to(to(V4).dev("skep0")).unwrap_err();
    assert_eq!(v4.kind(), ErrorKind::Invalid, "{v4}");
    assert!(
        v4.to_string().contains("segments are addresses of IPv6"),
        "{v4}"
    );
}

/// A frame that goes by a segment to an address behind the near end.
fn segments(segment: Ipv6Addr, data: &str) -> Vec<u8> {
    let mut udp = Vec::new();
    // What the checksum is of, nobody looks at.
    for word in [7, 9, 8 + data.len() as u16, 1] {
        udp.extend(word.to_be_bytes());
    }
    udp.extend(data.as_bytes());
    // The next header, eights of bytes behind the first eight, the type, what is left and the last.
    let mut routing = vec![17, 4, 4, 1, 1, 0, 0, 0];
    routing.extend(END.parse::<Ipv6Addr>().unwrap().octets());
    routing.extend(segment.octets());
    let mut frame = vec![0; 12];
    frame.extend(IPV6);
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(((routing.len() + udp.len()) as u16).to_be_bytes());
    frame.extend([43, 64]);
    frame.extend("fc00:77::2".parse::<Ipv6Addr>().unwrap().octets());
    frame.extend(segment.octets());
    frame.extend(routing);
    frame.extend(udp);
    frame
}

/// Waits until it is so.
fn until(mut so: impl FnMut() -> bool) {
    let give_up = Instant::now() + LONG;
    while !so() {
        assert!(Instant::now() < give_up, "not in twenty seconds");
        std::thread::yield_now();
    }
}
