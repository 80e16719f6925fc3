//! Programs of socket maps: what sockets send and receive goes elsewhere.

mod common;
#[path = "common/sockets.rs"]
mod sockets;

use common::{host, load, make, need, object, only, own_network};
use skep::link::{LinkKind, LinkMode, Sockmap, Target};
use skep::map::{SockHash, SockMap};
use skep::{AttachType, Errno, ErrorKind, Link, Map, MapType, Object, Result};
use sockets::{connection, count, program, set, until};
use std::io::ErrorKind::WouldBlock;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// The flag of a redirection to what the other socket receives, not to what it sends.
const INGRESS: u64 = 1;

fn with(programs: &[&str], flags: u64) -> Object {
    let object = load(&host(), &only(object!("sockmap"), programs));
    set(&object, "flags", flags);
    object
}

fn map<'o>(object: &'o Object, name: &str) -> &'o Map {
    object.map(name).unwrap()
}

fn sockets(object: &Object) -> SockMap {
    SockMap::try_from(map(object, "sockets")).unwrap()
}

/// Puts sockets into slots, or by keys.
fn put(object: &Object, all: &[&dyn AsFd]) -> Result<()> {
    let by_key = SockHash::<u64>::try_from(map(object, "by_key")).unwrap();
    for (slot, socket) in (0..).zip(all) {
        sockets(object).set(slot, &socket.as_fd())?;
        by_key.insert(&u64::from(slot), &socket.as_fd())?;
    }
    Ok(())
}

/// These bytes come out of a stream, and no others.
fn comes(stream: &mut impl Read, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, bytes);
}

/// These bytes come a moment after they were sent, and may wake nobody who sleeps in recv(2) already.
fn comes_later(mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>, bytes: &[u8]) {
    let mut got = vec![0; bytes.len() + 1];
    until("nothing comes", || match read(&mut got) {
        Ok(len) => {
            assert_eq!(&got[..len], bytes);
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), WouldBlock, "{error}");
            false
        }
    });
}

/// Nothing is to be read there.
fn is_empty(stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let error = stream.peek(&mut [0; 9]).unwrap_err();
    assert_eq!(error.kind(), WouldBlock, "{error}");
    stream.set_nonblocking(false).unwrap();
}

/// What is sent into one connection comes out of another, as long as the program is there when
/// sockets come into the map.
fn messages_go_elsewhere(mode: LinkMode, name: &str, map_name: &str) {
    own_network();
    let object = with(&[name], INGRESS);
    let hook = || Sockmap::on(map(&object, map_name)).mode(mode);
    let link = program(&object, name).attach_to(hook()).unwrap();
    assert_eq!(link.is_bpf_link(), mode == LinkMode::Link);
    assert_eq!(
        link.hook(),
        format!("message verdict of socket map {map_name}")
    );
    let ((mut a, mut b), (c, d)) = (connection(), connection());
    let put_all = || match map_name {
        "sockets" => {
            sockets(&object).set(0, &a).unwrap();
            sockets(&object).set(1, &c).unwrap();
        }
        _ => {
            let by_key = SockHash::<u64>::try_from(map(&object, "by_key")).unwrap();
            by_key.insert(&0, &a).unwrap();
            by_key.insert(&1, &c).unwrap();
        }
    };
    put_all();
    for n in 1..=3 {
        (&a).write_all(b"to the other").unwrap();
        comes(&mut &c, b"to the other");
        assert_eq!(count(&object, "verdicts"), n);
    }
    is_empty(&b);
    is_empty(&d);
    link.detach().unwrap();
    // Those in the map go on as they did when they came.
    (&a).write_all(b"once more").unwrap();
    comes(&mut &c, b"once more");
    if map_name == "sockets" {
        assert!(sockets(&object).clear(0).unwrap() && sockets(&object).clear(1).unwrap());
    } else {
        let by_key = SockHash::<u64>::try_from(map(&object, "by_key")).unwrap();
        assert!(by_key.remove(&0).unwrap() && by_key.remove(&1).unwrap());
    }
    put_all();
    let seen = count(&object, "verdicts");
    a.write_all(b"as it was").unwrap();
    comes(&mut b, b"as it was");
    assert_eq!(count(&object, "verdicts"), seen);
}

#[test]
fn messages_go_elsewhere_by_a_link() {
    need!(LinkSockmap);
    messages_go_elsewhere(LinkMode::Link, "redirect", "sockets");
}

#[test]
fn messages_go_elsewhere_by_a_link_to_a_hash() {
    need!(LinkSockmap);
    messages_go_elsewhere(LinkMode::Link, "redirect_by_key", "by_key");
}

#[test]
fn messages_go_elsewhere_without_a_link() {
    messages_go_elsewhere(LinkMode::Attach, "redirect", "sockets");
}

#[test]
fn messages_go_elsewhere_without_a_link_to_a_hash() {
    messages_go_elsewhere(LinkMode::Attach, "redirect_by_key", "by_key");
}

#[test]
fn the_kernel_says_how_a_program_is_held() {
    own_network();
    let object = with(&["refuse"], 0);
    let hook = || Sockmap::on(map(&object, "sockets"));
    let link = program(&object, "refuse").attach_to(hook()).unwrap();
    let has_links = host().probe(skep::probe::Feature::LinkSockmap).is_usable();
    assert_eq!(link.is_bpf_link(), has_links);
    let target = Target::Fd(map(&object, "sockets").fd());
    match host().attached(target, AttachType::SK_MSG_VERDICT) {
        // Kernels before 5.18 do not tell.
        Err(error) => assert_eq!((error.errno(), has_links), (Some(Errno::EINVAL), false)),
        Ok(attached) => {
            let ids: Vec<u32> = attached.list.iter().map(|one| one.prog_id).collect();
            assert_eq!(ids, [link.program().unwrap().id().unwrap()]);
        }
    }
    let (mut a, _b) = connection();
    sockets(&object).set(0, &a).unwrap();
    let error = a.write(b"no").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::EACCES.raw()), "{error}");
    assert_eq!(count(&object, "verdicts"), 1);
    if has_links {
        let told = LinkKind::Sockmap {
            map_id: map(&object, "sockets").id(),
            attach_type: AttachType::SK_MSG_VERDICT,
        };
        assert_eq!(link.info().unwrap().kind, told);
        let error = program(&object, "refuse").attach_to(hook()).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EBUSY), "{error}");
        assert!(
            error
                .to_string()
                .contains("a link holds another program there"),
            "{error}"
        );
    } else {
        let only = hook().mode(LinkMode::Link);
        let error = program(&object, "refuse").attach_to(only).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(
            error.to_string().contains("no such links (LinkSockmap)"),
            "{error}"
        );
    }
}

/// Attaches to the map of sockets.
fn attach(object: &Object, name: &str, mode: LinkMode) -> Link {
    let hook = Sockmap::on(map(object, "sockets")).mode(mode);
    program(object, name).attach_to(hook).unwrap()
}

/// What one connection receives, another sends on.
fn streams_are_spliced(mode: LinkMode) {
    own_network();
    let object = with(&["parse", "stream"], 0);
    let parser = attach(&object, "parse", mode);
    let verdict = attach(&object, "stream", mode);
    assert_eq!(parser.hook(), "stream parser of socket map sockets");
    assert_eq!(verdict.hook(), "stream verdict of socket map sockets");
    let ((mut a, b), (mut c, d)) = (connection(), connection());
    sockets(&object).set(0, &b).unwrap();
    sockets(&object).set(1, &d).unwrap();
    a.write_all(b"in here, out there").unwrap();
    comes(&mut c, b"in here, out there");
    is_empty(&b);
    assert!(count(&object, "parsed") > 0 && count(&object, "verdicts") > 0);
    parser.detach().unwrap();
    verdict.detach().unwrap();
    let (mut e, mut f) = connection();
    sockets(&object).set(2, &f).unwrap();
    e.write_all(b"as it is").unwrap();
    comes(&mut f, b"as it is");
}

#[test]
fn streams_are_spliced_by_links() {
    need!(LinkSockmap);
    streams_are_spliced(LinkMode::Link);
}

#[test]
fn streams_are_spliced_without_links() {
    streams_are_spliced(LinkMode::Attach);
}

/// An object whose `verdict` programs have what is received go to socket 1; `None`, said, where
/// there are none.
fn verdicts(name: &str) -> Option<(Object, Link)> {
    let object = with(&[name], INGRESS);
    let to = if name == "packet" {
        "sockets"
    } else {
        "by_key"
    };
    match program(&object, name).attach_to(Sockmap::on(map(&object, to))) {
        Err(error) if error.errno() == Some(Errno::EINVAL) => {
            println!("skep-skip: no verdicts without a parser's type in this kernel");
            None
        }
        link => Some((object, link.unwrap())),
    }
}

/// Puts them in; whether the kernel takes such sockets.
fn takes(object: &Object, all: &[&dyn AsFd]) -> bool {
    match put(object, all) {
        Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => {
            println!("skep-skip: socket maps take no such sockets in this kernel");
            false
        }
        done => {
            done.unwrap();
            true
        }
    }
}

#[test]
fn datagrams_go_elsewhere() {
    own_network();
    for name in ["packet", "packet_by_key"] {
        let Some((object, link)) = verdicts(name) else {
            return;
        };
        let all = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let [from, to, sender] = &all;
        // Only to connected ones.
        to.connect(from.local_addr().unwrap()).unwrap();
        if !takes(&object, &[from, to]) {
            return;
        }
        sender
            .send_to(b"datagram", from.local_addr().unwrap())
            .unwrap();
        to.set_nonblocking(true).unwrap();
        comes_later(|got| to.recv(got), b"datagram");
        assert_eq!(count(&object, "verdicts"), 1);
        drop(link);
    }
}

#[test]
fn streams_of_unix_go_elsewhere() {
    own_network();
    let Some((object, _link)) = verdicts("packet") else {
        return;
    };
    let pair = || UnixStream::pair().unwrap();
    let ((mut a, b), (_c, mut d)) = (pair(), pair());
    d.set_nonblocking(true).unwrap();
    if !takes(&object, &[&b, &d]) {
        return;
    }
    a.write_all(b"by another way").unwrap();
    comes_later(|got| d.read(got), b"by another way");
    assert!(count(&object, "verdicts") > 0);
}

#[test]
fn tcp_goes_from_one_to_another_as_it_comes() {
    own_network();
    let Some((object, _link)) = verdicts("packet") else {
        return;
    };
    set(&object, "flags", 0_u64);
    let ((mut a, b), (mut c, d)) = (connection(), connection());
    put(&object, &[&b, &d]).unwrap();
    a.write_all(b"and on").unwrap();
    comes(&mut c, b"and on");
    until("it was not seen", || count(&object, "verdicts") > 0);
}

#[test]
fn what_no_map_takes_is_told() {
    own_network();
    let system = host();
    let object = with(&["any", "stream", "refuse"], 0);
    let array = make(&system, MapType::ARRAY, 4, 4);
    let error = program(&object, "refuse")
        .attach_to(Sockmap::on(&array))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("it is of type array"), "{error}");
    let on = || Sockmap::on(map(&object, "sockets"));
    let error = program(&object, "any").attach_to(on()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget, "{error}");
    assert!(
        error.to_string().contains("stream_verdict or verdict"),
        "{error}"
    );
    let xdp = load(&system, &common::object!("xdp"));
    let error = program(&xdp, "pass").attach_to(on()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert!(error.to_string().contains("of type xdp"), "{error}");
    let error = program(&object, "stream").attach().unwrap_err();
    assert!(error.to_string().contains("link::Sockmap"), "{error}");
    // It was loaded for nothing in particular: the hook says.
    let link = program(&object, "any")
        .attach_to(on().stream_verdict())
        .unwrap();
    let (mut a, mut b) = connection();
    sockets(&object).set(0, &b).unwrap();
    a.write_all(b"passed").unwrap();
    comes(&mut b, b"passed");
    assert!(count(&object, "verdicts") > 0);
    drop(link);
    match program(&object, "any").attach_to(on().verdict()) {
        Ok(_first) => {
            let second = on().stream_verdict();
            let error = program(&object, "any").attach_to(second).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::EBUSY), "{error}");
        }
        // Kernels before 5.13.
        Err(error) => assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}"),
    }
}
