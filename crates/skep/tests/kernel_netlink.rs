//! Netlink on the running kernel: what it tells of interfaces, what an operation costs, what it says
//! of what it refuses, and that nothing is left behind when calls fail.

mod common;

use common::{host, load, object, own_network, pair, skip};
use skep::codec::netlink::{Request, link};
use skep::codec::uapi::netlink as nl;
use skep::netlink::{Batch, Handle, Interface, Namespace, Qdisc, XdpFeatures, XdpMode};
use skep::sys::watch::{Fault, Kind, Plan, Trace};
use skep::sys::{Kernel, KernelRef};
use skep::{Errno, ErrorKind, Netlink, Object, System};
use std::ffi::{c_int, c_uint, c_void};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

/// A system whose calls are counted.
fn traced() -> (System, Arc<Trace>) {
    let trace = Trace::new(host().kernel().clone());
    (System::new(trace.clone()).unwrap(), trace)
}

/// `pass`, and `drop`.
fn programs(system: &System) -> Object {
    load(system, &object!("xdp"))
}

const GENERIC: Option<XdpMode> = Some(XdpMode::Generic);

#[test]
fn interfaces_are_listed_and_looked_up() {
    own_network();
    let Some((near, far)) = pair() else {
        skip!("no veth pair can be made");
    };
    let mut netlink = Netlink::open(&host()).unwrap();
    let all = netlink.interfaces().unwrap();
    let names: Vec<_> = all.iter().map(|i| (i.ifindex, i.name.as_str())).collect();
    assert!(
        names.contains(&(near, "skep0")) && names.contains(&(far, "veth0")),
        "{names:?}"
    );
    assert!(names.contains(&(1, "lo")) && names.is_sorted() && !all.is_interrupted());

    // Whether it runs shows a moment after it is up.
    let settled = |interface: &Interface| Interface {
        flags: 0,
        ..interface.clone()
    };
    let by_index = netlink.interface(near).unwrap();
    let listed = all.iter().find(|i| i.ifindex == near).unwrap();
    assert_eq!(settled(&by_index), settled(listed));
    assert_eq!((by_index.kind.as_str(), by_index.mtu), ("veth", 1500));
    assert!(by_index.is_up() && by_index.address.len() == 6 && by_index.rx_queues >= 1);
    let by_name = netlink.interface_named("skep0").unwrap();
    assert_eq!(settled(&by_name), settled(&by_index));
    assert_eq!(by_index.xdp.attached().count(), 0);

    for nobody in ["skep1", "", "far-too-long-a-name-for-an-interface"] {
        let error = netlink.interface_named(nobody).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(
            error
                .to_string()
                .contains(&format!("no interface `{nobody}`")),
            "{error}"
        );
    }
    let nobody = netlink.interface(4711).unwrap_err();
    assert_eq!(
        (nobody.kind(), nobody.errno()),
        (ErrorKind::NotFound, Some(Errno::ENODEV))
    );
    assert_eq!(
        netlink.interface(0).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        netlink.interface_named("s\0").unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn an_interface_has_other_names() {
    const NAME: &str = "another-and-longer-name-of-it";
    const RTM_NEWLINKPROP: u16 = 108;
    own_network();
    let Some((near, _)) = pair() else {
        skip!("no veth pair can be made");
    };
    let system = host();
    let mut netlink = Netlink::open(&system).unwrap();
    let mut head = [0; 16];
    head[4..8].copy_from_slice(&near.to_ne_bytes());
    let flags = nl::NLM_F_CREATE | nl::NLM_F_EXCL;
    let mut request = Request::new("RTM_NEWLINKPROP", RTM_NEWLINKPROP, flags, &head);
    let nest = request.begin(nl::IFLA_PROP_LIST);
    request.put_text(nl::IFLA_ALT_IFNAME, NAME).end(&nest);
    match netlink.change(&request) {
        Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => {
            skip!("no alternative names in this kernel")
        }
        given => given.unwrap(),
    }
    let found = netlink.interface_named(NAME).unwrap();
    assert_eq!((found.ifindex, found.name.as_str()), (near, "skep0"));
    assert_eq!(found.alt_names, [NAME]);
    // A hook finds it by that too.
    let object = programs(&system);
    let hook = skep::link::Xdp::on(NAME).generic().by_netlink();
    let link = object.program("pass").unwrap().attach_to(hook).unwrap();
    let there = netlink.xdp(near).unwrap().generic;
    assert_eq!(there, link.program().unwrap().id().unwrap());
}

#[test]
fn an_operation_is_two_calls_and_so_is_a_batch() {
    own_network();
    let (system, trace) = traced();
    let object = programs(&system);
    let pass = object.program("pass").unwrap();
    let mut netlink = Netlink::open(&system).unwrap();
    let mut calls = |work: &mut dyn FnMut(&mut Netlink)| {
        let before = trace.total();
        work(&mut netlink);
        trace.total() - before
    };
    assert_eq!(calls(&mut |n| drop(n.interface(1).unwrap())), 2);
    assert_eq!(calls(&mut |n| drop(n.interface_named("lo").unwrap())), 2);
    assert_eq!(calls(&mut |n| n.attach_xdp(1, pass, GENERIC).unwrap()), 2);
    assert_eq!(
        calls(&mut |n| drop(n.attach_xdp(1, pass, GENERIC).unwrap_err())),
        2
    );
    assert_eq!(calls(&mut |n| n.detach_xdp(1, None, GENERIC).unwrap()), 2);

    let batch_of = |size: usize| {
        let mut batch = Batch::new();
        for n in 0..size / 2 {
            batch.attach_xdp(1, pass, GENERIC);
            batch.detach_xdp(1, if n % 2 == 0 { Some(pass) } else { None }, GENERIC);
        }
        batch
    };
    let mut run = |batch: &Batch<'_>| {
        let mut outcomes = Vec::new();
        let count = calls(&mut |n| outcomes = n.run(batch).unwrap());
        (count, outcomes)
    };
    for (size, count) in [(2, 2), (64, 2), (66, 4)] {
        let (calls, outcomes) = run(&batch_of(size));
        assert_eq!((calls, outcomes.len()), (count, size));
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
    // What is refused is told one by one, wherever it stands, and the rest is done.
    let mut batch = Batch::new();
    batch
        .attach_xdp(1, pass, GENERIC)
        .attach_xdp(1, pass, GENERIC)
        .detach_xdp(4711, None, None);
    batch.detach_xdp(1, None, GENERIC);
    let (count, outcomes) = run(&batch);
    let errnos: Vec<_> = outcomes
        .iter()
        .map(|o| o.as_ref().err().and_then(skep::Error::errno))
        .collect();
    assert_eq!(
        errnos,
        [None, Some(Errno::EBUSY), Some(Errno::ENODEV), None]
    );
    assert_eq!(count, 4);
    batch.detach_xdp(4711, None, None);
    let (count, outcomes) = run(&batch);
    assert_eq!(
        (count, outcomes.len(), outcomes[4].is_err()),
        (4, 5, true),
        "the last one is refused"
    );
    assert_eq!(netlink.xdp(1).unwrap().attached().count(), 0);
}

#[test]
fn refusals_come_with_the_kernels_words() {
    own_network();
    let system = host();
    let object = programs(&system);
    let pass = object.program("pass").unwrap();
    let mut netlink = Netlink::open(&system).unwrap();
    netlink.attach_xdp(1, pass, GENERIC).unwrap();
    let error = netlink.attach_xdp(1, pass, GENERIC).unwrap_err();
    let ack = error.ack().expect("the kernel's explanation");
    assert_eq!(
        (error.errno(), ack.errno),
        (Some(Errno::EBUSY), Some(Errno::EBUSY))
    );
    assert_eq!(error.call().unwrap().call, "RTM_SETLINK");
    let text = ack.text.as_deref().expect("text");
    assert!(error.to_string().ends_with(text), "{error}");
    assert!(
        error.to_string().contains("put `pass` on interface 1"),
        "{error}"
    );

    // An attribute that makes no sense is named.
    let mut request = link::by_index(1);
    request.put(nl::IFLA_EXT_MASK, &[1]);
    let error = netlink.change(&request).unwrap_err();
    let errno = error.errno().unwrap();
    assert!(matches!(errno, Errno::ERANGE | Errno::EINVAL), "{error}");
    let ack = error.ack().unwrap();
    let mask = nl::IFLA_EXT_MASK;
    assert_eq!(
        (ack.offset, ack.attr.as_slice()),
        (Some(40), &[mask][..]),
        "{error}"
    );
    // The socket goes on.
    assert_eq!(
        netlink.interface(1).unwrap().xdp.generic,
        pass.id().unwrap()
    );
    netlink.detach_xdp(1, Some(pass), GENERIC).unwrap();
}

/// A request that nothing here has a name for: an Ethernet pair of which one end has this name.
fn new_pair(name: &str) -> Request {
    let flags = nl::NLM_F_CREATE | nl::NLM_F_EXCL;
    let mut request = Request::new("RTM_NEWLINK", nl::RTM_NEWLINK, flags, &[0; 16]);
    let nest = request
        .put_text(nl::IFLA_IFNAME, name)
        .begin(nl::IFLA_LINKINFO);
    request.put_text(nl::IFLA_INFO_KIND, "veth").end(&nest);
    request
}

#[test]
fn a_listing_is_left_early_and_the_next_one_begins() {
    own_network();
    let mut netlink = Netlink::open(&host()).unwrap();
    let mut batch = Batch::new();
    for n in 0..40 {
        batch.push(new_pair(&format!("many{n}")));
    }
    let mut made = netlink.run(&batch).unwrap().into_iter();
    if let Err(error) = made.next().unwrap() {
        assert_eq!(error.errno(), Some(Errno::EOPNOTSUPP), "{error}");
        skip!("no veth pair can be made");
    }
    assert!(made.all(|made| made.is_ok()));
    let again = netlink.change(&new_pair("many7")).unwrap_err();
    assert_eq!(again.errno(), Some(Errno::EEXIST), "{again}");
    let mut seen = 0;
    let left = netlink.each(&link::list(), &mut |_| {
        seen += 1;
        Ok(ControlFlow::Break(()))
    });
    left.unwrap();
    assert_eq!(seen, 1);
    let all = netlink.interfaces().unwrap();
    assert_eq!(
        all.iter().filter(|i| i.name.starts_with("many")).count(),
        40
    );
    assert_eq!(all.len(), 81);
}

fn namespace() -> u64 {
    std::fs::metadata("/proc/thread-self/ns/net").unwrap().ino()
}

#[test]
fn another_namespace_is_worked_in_and_left() {
    let system = host();
    own_network();
    let Some((near, _)) = pair() else {
        skip!("no veth pair can be made");
    };
    let other = Namespace::current(&system).unwrap();
    let there = namespace();
    own_network();
    let here = namespace();
    assert_ne!(here, there);

    let mut inside = Netlink::open_in(&system, &other).unwrap();
    let mut outside = Netlink::open(&system).unwrap();
    assert_eq!(namespace(), here, "this thread came back");
    assert_eq!(inside.interface_named("skep0").unwrap().ifindex, near);
    assert_eq!(
        outside.interface_named("skep0").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    match (inside.netns_cookie(), outside.netns_cookie()) {
        (Ok(inside), Ok(outside)) => assert_ne!(inside, outside),
        // Before 5.14.
        (Err(error), _) => assert_eq!(error.errno(), Some(Errno::ENOPROTOOPT), "{error}"),
        other => panic!("{other:?}"),
    }

    let object = programs(&system);
    let pass = object.program("pass").unwrap();
    let hook = skep::link::Xdp::on("skep0").generic().by_netlink();
    let nowhere = pass.attach_to(hook.clone()).unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::NotFound, "{nowhere}");
    let link = other.enter(|| pass.attach_to(hook)).unwrap().unwrap();
    assert_eq!(inside.xdp(near).unwrap().generic, pass.id().unwrap());
    // Taken off there, from here.
    drop(link);
    assert_eq!(inside.xdp(near).unwrap().generic, 0);

    // A panic comes back, too.
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        other.enter(|| {
            assert_eq!(namespace(), there);
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(namespace(), here);

    let path = Namespace::open(&system, "/proc/self/status").unwrap();
    let error = path.enter(|| ()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert_eq!(namespace(), here);
    let none = Namespace::open(&system, "/proc/no-such").unwrap_err();
    assert_eq!(none.errno(), Some(Errno::ENOENT));
}

#[test]
fn devices_tell_what_they_can_do() {
    own_network();
    let Some((near, _)) = pair() else {
        skip!("no veth pair can be made");
    };
    let (system, trace) = traced();
    let mut netlink = Netlink::open(&system).unwrap();
    let features = match netlink.device_features(near) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            assert!(error.to_string().contains("6.3"), "{error}");
            skip!("{error}");
        }
        features => features.unwrap(),
    };
    assert_eq!(features.ifindex, near);
    assert!(
        features
            .xdp
            .contains(XdpFeatures::BASIC | XdpFeatures::REDIRECT),
        "{features:?}"
    );
    assert!(
        !features.xdp.contains(XdpFeatures::HW_OFFLOAD),
        "{features:?}"
    );
    let before = trace.total();
    let loopback = netlink.device_features(1).unwrap();
    assert_eq!(trace.total() - before, 2, "the family is known by now");
    assert!(loopback.xdp.is_empty(), "{loopback:?}");
    let nobody = netlink.device_features(4711).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound, "{nobody}");

    // In another namespace, too.
    let other = Namespace::current(&system).unwrap();
    own_network();
    let mut inside = Netlink::open_in(&system, &other).unwrap();
    assert_eq!(inside.device_features(near).unwrap(), features);
}

#[test]
fn queueing_disciplines_are_made_listed_and_removed() {
    own_network();
    let Some((near, _)) = pair() else {
        skip!("no veth pair can be made");
    };
    let mut netlink = Netlink::open(&host()).unwrap();
    let kinds = |netlink: &mut Netlink| {
        let all = netlink.qdiscs().unwrap();
        let ours = all.into_iter().filter(|q| q.ifindex == near);
        ours.map(|q| (q.parent, q.kind)).collect::<Vec<_>>()
    };
    let before = kinds(&mut netlink);
    if let Err(error) = netlink.create_clsact(near) {
        assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
        skip!("no clsact in this kernel");
    }
    assert!(netlink.has_clsact(near).unwrap());
    assert!(!netlink.create_clsact(near).unwrap(), "it is there already");
    let clsact = (Handle::CLSACT, "clsact".to_string());
    assert!(kinds(&mut netlink).contains(&clsact));
    netlink.delete_clsact(near).unwrap();
    assert!(!netlink.has_clsact(near).unwrap());
    assert!(netlink.delete_clsact(near).is_err());
    assert_eq!(kinds(&mut netlink), before);

    // Another one in its place is named.
    let ingress = Qdisc {
        ifindex: near,
        handle: Handle::new(0xffff, 0),
        parent: Handle::CLSACT,
        kind: "ingress".into(),
    };
    netlink.create_qdisc(&ingress).unwrap();
    let error = netlink.create_clsact(near).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EEXIST));
    assert!(
        error
            .to_string()
            .contains("`ingress` is where clsact would be"),
        "{error}"
    );
    netlink.delete_qdisc(&ingress).unwrap();

    let unknown = Qdisc {
        kind: "skep-none".into(),
        ..ingress
    };
    assert_eq!(
        netlink.create_qdisc(&unknown).unwrap_err().errno(),
        Some(Errno::ENOENT)
    );
}

/// The running kernel, whose sockets have room for two answers or three.
struct Narrow(KernelRef);

/// Smaller than any that the kernel gives.
static NARROW: c_int = 1;

macro_rules! passed_on {
    ($($name:ident($($arg:ident: $ty:ty),*);)+) => {$(
        unsafe fn $name(&self $(, $arg: $ty)*) -> isize {
            // SAFETY: the same call, with the caller's promise.
            unsafe { self.0.$name($($arg),*) }
        }
    )+};
}

// SAFETY: every method is the running kernel's, which keeps the contract.
unsafe impl Kernel for Narrow {
    unsafe fn socket(&self, family: c_int, kind: c_int, protocol: c_int) -> isize {
        // SAFETY: integers only.
        let socket = unsafe { self.0.socket(family, kind, protocol) };
        let value = (&raw const NARROW).cast();
        let (level, name) = (libc::SOL_SOCKET, libc::SO_RCVBUF);
        // SAFETY: `value` is four readable bytes.
        unsafe { self.0.setsockopt(socket as c_int, level, name, value, 4) };
        socket
    }
    passed_on! {
        bpf(cmd: c_int, attr: *mut c_void, size: c_uint);
        openat(dir_fd: c_int, path: &std::ffi::CStr, flags: c_int, mode: c_uint);
        close(fd: c_int);
        read(fd: c_int, buf: *mut c_void, len: usize);
        mmap(len: usize, prot: c_int, flags: c_int, fd: c_int, offset: u64);
        munmap(addr: *mut c_void, len: usize);
        fcntl(fd: c_int, op: c_int, arg: usize);
        prlimit64(resource: c_int, new: *const c_void, old: *mut c_void);
        setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: c_uint);
        connect(fd: c_int, addr: *const c_void, len: c_uint);
        send(fd: c_int, buf: *const c_void, len: usize, flags: c_int);
        recv(fd: c_int, buf: *mut c_void, len: usize, flags: c_int);
        poll(fds: *mut c_void, count: usize, timeout_ns: i64);
    }
}

#[test]
fn answers_without_room_are_lost_and_said_to_be() {
    own_network();
    let system = System::new(Arc::new(Narrow(host().kernel().clone()))).unwrap();
    let mut netlink = Netlink::open(&system).unwrap();
    let mut batch = Batch::new();
    for _ in 0..64 {
        batch.detach_xdp(4711, None, None);
    }
    let error = netlink.run(&batch).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOBUFS), "{error}");
    assert!(error.to_string().contains("may be done or not"), "{error}");
    // And the next answer is to the next question.
    assert_eq!(netlink.interface(1).unwrap().name, "lo");
}

/// A bit of everything, all undone at its end.
fn application(system: &System, object: &Object) -> skep::Result<()> {
    let pass = object.program("pass").unwrap();
    let mut netlink = Netlink::open(system)?;
    netlink.interfaces()?;
    netlink.attach_xdp(1, pass, GENERIC)?;
    let mut batch = Batch::new();
    batch
        .replace_xdp(1, pass, pass, GENERIC)
        .detach_xdp(1, Some(pass), GENERIC);
    for outcome in netlink.run(&batch)? {
        outcome?;
    }
    let hook = skep::link::Xdp::on("lo").by_netlink();
    let link = pass.attach_to(hook)?;
    link.detach()
}

/// Takes off what is left of a run that failed in the middle.
fn clear() {
    let mut netlink = Netlink::open(&host()).unwrap();
    netlink.detach_xdp(1, None, GENERIC).unwrap();
}

#[test]
fn whichever_call_fails_says_so_and_nothing_is_left_open() {
    own_network();
    // So that kernels before 5.11 need not try twice; newer ones do not look at the limit.
    let _ = skep::sys::process::raise_memlock(host().kernel());
    let counting = Fault::nth(host().kernel().clone(), 0, Errno::EIO);
    let system = System::new(counting.clone()).unwrap();
    let object = programs(&system);
    let before = counting.calls();
    application(&system, &object).unwrap();
    let calls = counting.calls() - before;
    assert!(calls > 20, "{calls}");
    for kind in [Kind::Fail(Errno::EIO), Kind::Short(15)] {
        for nth in 1..=calls {
            let trace = Trace::new(host().kernel().clone());
            let plan = Plan {
                nth: before + nth,
                kind,
            };
            let fault = Fault::new(trace.clone(), plan);
            let system = System::new(fault.clone()).unwrap();
            let object = programs(&system);
            let done = application(&system, &object);
            drop((object, system));
            let hit = fault.hit();
            match (kind, hit) {
                (Kind::Short(_), Some("recv")) | (Kind::Fail(_), _) => {
                    let error = done.expect_err(&format!("call {nth}, {hit:?}"));
                    assert!(!error.to_string().is_empty());
                }
                // Only what reads is cut short.
                _ => done.unwrap_or_else(|error| panic!("call {nth}, {hit:?}: {error}")),
            }
            drop(fault);
            assert_eq!(
                (trace.open_fds(), trace.open_mappings()),
                (0, 0),
                "call {nth}, {hit:?}"
            );
            clear();
        }
    }
}
