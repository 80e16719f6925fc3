//! XDP programs that are bound to a device, and what its driver tells them of packets.

mod common;
#[path = "common/wire.rs"]
mod wire;
#[path = "common/xsk.rs"]
mod xsk;

use common::{host, load, logs, object, only, own_network, pair, second_pair, skip};
use skep::link::{Tc, Xdp};
use skep::netlink::XdpMode;
use skep::{Errno, ErrorKind, Object, ObjectSpec};
use wire::Wire;

skep::plain! {
    /// `told` of `metadata.bpf.c`.
    #[derive(Debug, PartialEq)]
    struct Told {
        packets: u64,
        timestamp_error: i64,
        timestamp: u64,
        hash_error: i64,
        hash: u64,
        tag_error: i64,
        tag: u64,
    }
}

fn told(object: &Object) -> Told {
    object.global("told").unwrap().read().unwrap()
}

fn ask(ifindex: u32) -> ObjectSpec {
    let mut spec = only(object!("metadata"), &["ask"]);
    let ask = spec.program_mut("ask").unwrap();
    ask.bound_to_device(ifindex);
    spec
}

/// Whether this kernel has neither such programs nor the functions that they call, or no types.
fn is_too_old(error: &skep::Error) -> bool {
    let of = |error: &skep::Error| {
        matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported)
            || error.errno() == Some(Errno::EINVAL) && logs(error).is_empty()
    };
    of(error) || error.failures().iter().any(|failure| of(&failure.error))
}

#[test]
fn a_program_that_is_bound_asks_its_driver() {
    own_network();
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    let Some((near, far)) = pair() else {
        skip!("no veth pair can be made");
    };
    let system = host();
    let object = match ask(far).load(&system) {
        Err(error) if is_too_old(&error) || common::takes_a_jit(&error) => skip!("{error}"),
        Err(error) => panic!("{error}\n{}", logs(&error)),
        Ok(object) => object,
    };
    let program = object.program("ask").unwrap();
    let mut wire = Wire::new((near, far));
    let link = program.attach_to(Xdp::on("veth0")).unwrap();
    assert_eq!(link.xdp_mode().unwrap(), Some(XdpMode::Native));
    assert_eq!(wire.passes(1), []);
    let first = told(&object);
    assert!(first.packets > 0);
    // No clock of hardware has seen it, and its hash is never 0.
    assert_eq!((first.timestamp_error, first.timestamp), (0, 0));
    assert!(first.hash_error == 0 && first.hash != 0, "{first:?}");
    // It has no tag, or the kernel has no such question.
    assert_eq!(first.tag, 0);
    let mut netlink = skep::Netlink::open(&system).unwrap();
    let features = netlink.device_features(far).unwrap();
    let asks = skep::netlink::RxMetadata::VLAN_TAG;
    if features.rx_metadata.contains(asks) {
        assert_eq!(first.tag_error, -i64::from(Errno::ENODATA.raw()));
        let tags = load(&system, &only(object!("metadata"), &["tag"]));
        let tag = tags.program("tag").unwrap();
        let tagged = tag.attach_to(Tc::egress("skep0")).unwrap();
        wire.send(2);
        wire::until("a tag", || told(&object).packets > first.packets);
        assert_eq!(
            (told(&object).tag_error, told(&object).tag),
            (0, 0x8100_0005)
        );
        drop(tagged);
    }
    drop(link);
    // Another test's thread that starts a process may hold it for a moment.
    wire::until("it is detached", || {
        netlink.xdp(far).unwrap().attached().count() == 0
    });
    let seen = told(&object).packets;
    // The one with a tag may come late.
    assert!(wire.passes(3).iter().all(|number| *number == 2));
    assert_eq!(told(&object).packets, seen);
}

#[test]
fn what_is_bound_goes_nowhere_else() {
    own_network();
    let (Some((_, far)), Some((other, _))) = (pair(), second_pair()) else {
        skip!("no veth pairs can be made");
    };
    let system = host();
    let object = match ask(far).load(&system) {
        Err(error) if is_too_old(&error) || common::takes_a_jit(&error) => skip!("{error}"),
        object => object.unwrap(),
    };
    let program = object.program("ask").unwrap();
    for hook in [Xdp::on_index(other), Xdp::on_index(other).by_netlink()] {
        let error = program.attach_to(hook).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
        let words =
            format!("skep1 (interface {other}) does not take the program: one that is bound");
        assert!(error.to_string().contains(&words), "{error}");
    }
    let generic = program.attach_to(Xdp::on("veth0").generic()).unwrap_err();
    assert_eq!(generic.errno(), Some(Errno::EINVAL), "{generic}");
    assert!(
        generic.to_string().contains("not with generic()"),
        "{generic}"
    );

    // Unbound, it is told what to do.
    let unbound = only(object!("metadata"), &["ask"])
        .load(&system)
        .unwrap_err();
    let words = unbound.failures()[0].error.to_string();
    assert!(words.contains("ProgramSpec::bound_to_device"), "{words}");
    // There is no such device.
    let nobody = ask(0x7fff_0000).load(&system).unwrap_err();
    let errno = nobody.failures()[0].error.errno();
    assert_eq!(errno, Some(Errno::EINVAL), "{nobody}");
}
