//! XDP programs on Ethernet pairs and on loopback, by links and by netlink: what becomes of packets,
//! who is in whose place, in which mode.

mod common;
#[path = "common/refusing.rs"]
mod refusing;
#[path = "common/wire.rs"]
mod wire;
#[path = "common/xsk.rs"]
mod xsk;

use common::{host, ip, load, object, only, own_network, pair, second_pair, skip};
use refusing::refusing;
use skep::codec::uapi::bpf::Cmd;
use skep::link::Xdp;
use skep::map::{ElemFlags, PerCpuArray};
use skep::netlink::XdpMode;
use skep::{Errno, ErrorKind, Netlink, Object, Program, System};
use wire::{Wire, until};

/// An Ethernet pair in a network of its own, and programs for its far end.
struct Pair {
    system: System,
    wire: Wire,
    far: u32,
    object: Object,
    netlink: Netlink,
}

impl Pair {
    /// `None`, said, where there is none.
    fn new() -> Option<Self> {
        own_network();
        let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        let Some(ends) = pair() else {
            println!("skep-skip: no veth pair can be made");
            return None;
        };
        let system = host();
        Some(Self {
            wire: Wire::new(ends),
            far: ends.1,
            object: load(&system, &object!("xdp")),
            netlink: Netlink::open(&system).unwrap(),
            system,
        })
    }

    fn program(&self, name: &str) -> Program {
        self.object.program(name).unwrap().clone()
    }

    fn id(&self, name: &str) -> u32 {
        self.program(name).id().unwrap()
    }

    /// Packets that the programs have seen.
    fn packets(&self) -> u64 {
        let counts = PerCpuArray::<u64>::try_from(self.object.map("counts").unwrap()).unwrap();
        counts.get(0).unwrap().unwrap().iter().sum()
    }

    /// What is on the far end, mode by mode.
    fn there(&mut self) -> Vec<(XdpMode, u32)> {
        self.netlink.xdp(self.far).unwrap().attached().collect()
    }

    /// Sends a packet that a program drops.
    fn loses(&mut self, number: u32) {
        let before = self.packets();
        self.wire.send(number);
        until("the program sees it", || self.packets() > before);
    }
}

macro_rules! pair_or_skip {
    () => {
        match Pair::new() {
            Some(pair) => pair,
            None => return,
        }
    };
}

fn on_far() -> Xdp {
    Xdp::on("veth0")
}

#[test]
fn by_netlink_in_each_mode_till_it_is_dropped() {
    let mut pair = pair_or_skip!();
    let hooks = [
        (on_far().by_netlink().native(), XdpMode::Native),
        (on_far().by_netlink().generic(), XdpMode::Generic),
        // The kernel chooses: the driver can.
        (on_far().by_netlink(), XdpMode::Native),
        (Xdp::on_index(pair.far).by_netlink(), XdpMode::Native),
    ];
    for (n, (hook, mode)) in hooks.into_iter().enumerate() {
        let n = n as u32 * 10;
        assert_eq!(pair.wire.passes(n), []);
        let link = pair.program("drop").attach_to(&hook).unwrap();
        assert!(!link.is_bpf_link());
        assert_eq!(link.xdp_mode().unwrap(), Some(mode));
        assert_eq!(pair.there(), [(mode, pair.id("drop"))]);
        pair.loses(n + 1);
        drop(link);
        assert_eq!(pair.there(), []);
        // The one that was lost does not come before this one.
        assert_eq!(pair.wire.passes(n + 2), []);

        let link = pair.program("pass").attach_to(&hook).unwrap();
        let before = pair.packets();
        assert_eq!(pair.wire.passes(n + 3), []);
        assert!(pair.packets() > before);
        link.detach().unwrap();
        assert_eq!(pair.there(), []);
    }
    let text = pair
        .program("pass")
        .attach_to(on_far().by_netlink())
        .unwrap()
        .to_string();
    assert_eq!(text, "link of `pass` to XDP of veth0 by netlink");
    let link = pair
        .program("pass")
        .attach_to(on_far().by_netlink())
        .unwrap();
    let error = link.pin("/sys/fs/bpf/no").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

/// A link that knew its program by a number only would ask for another program's absence, when that
/// has come to the number meanwhile, and would leave its own.
#[test]
fn a_link_by_netlink_goes_whatever_became_of_its_programs_number() {
    let mut pair = pair_or_skip!();
    let object = load(&pair.system, &object!("xdp"));
    let number = object.program("drop").unwrap().fd().raw();
    let link = object
        .program("drop")
        .unwrap()
        .attach_to(on_far().by_netlink())
        .unwrap();
    drop(object);
    let pass = pair.program("pass");
    let others: Vec<_> = (0..64).map(|_| pass.fd().try_clone().unwrap()).collect();
    assert!(
        others.iter().all(|fd| fd.raw() != number),
        "it is kept open"
    );
    assert_eq!(pair.there().len(), 1);
    link.detach().unwrap();
    assert_eq!(pair.there(), []);
}

#[test]
fn modes_stand_beside_each_other() {
    let mut pair = pair_or_skip!();
    let native = pair
        .program("pass")
        .attach_to(on_far().native().by_netlink())
        .unwrap();
    // Generic beside native, of a pair of which only one may be.
    let beside = pair
        .program("drop")
        .attach_to(on_far().generic().by_netlink());
    let error = beside.unwrap_err();
    assert!(
        matches!(error.errno(), Some(Errno::EEXIST | Errno::EBUSY)),
        "{error}"
    );
    let holder = format!("veth0 has a program already: {}, native", pair.id("pass"));
    assert!(error.to_string().contains(&holder), "{error}");
    assert!(error.ack().is_some_and(|ack| ack.text.is_some()), "{error}");
    drop(native);
    let link = pair.program("drop").attach_to(on_far().generic()).unwrap();
    assert_eq!(link.xdp_mode().unwrap(), Some(XdpMode::Generic));
    assert_eq!(pair.there(), [(XdpMode::Generic, pair.id("drop"))]);
}

#[test]
fn a_program_takes_the_place_of_the_one_that_is_expected() {
    let mut pair = pair_or_skip!();
    let (pass, drops) = (pair.program("pass"), pair.program("drop"));
    let nobody = drops.attach_to(on_far().replacing(&pass)).unwrap_err();
    assert_eq!(nobody.errno(), Some(Errno::EEXIST), "{nobody}");

    let first = pass.attach_to(on_far().by_netlink()).unwrap();
    assert_eq!(pair.wire.passes(1), []);
    let other = pass.attach_to(on_far().replacing(&drops)).unwrap_err();
    assert_eq!(other.errno(), Some(Errno::EEXIST), "{other}");
    assert!(other.ack().is_some_and(|ack| ack.explains()), "{other}");
    let second = drops.attach_to(on_far().replacing(&pass)).unwrap();
    assert_eq!(pair.there(), [(XdpMode::Native, pair.id("drop"))]);
    pair.loses(2);

    // The first one has lost its place: it takes nothing away, and says so.
    let lost = first.detach().unwrap_err();
    assert_eq!(lost.errno(), Some(Errno::EEXIST), "{lost}");
    assert_eq!(pair.there(), [(XdpMode::Native, pair.id("drop"))]);
    drop(second);
    assert_eq!(pair.there(), []);
    assert_eq!(pair.wire.passes(3), []);
}

#[test]
fn a_link_by_netlink_changes_its_program() {
    let mut pair = pair_or_skip!();
    let (pass, drops) = (pair.program("pass"), pair.program("drop"));
    let mut link = pass.attach_to(on_far().generic().by_netlink()).unwrap();
    link.update(&drops).unwrap();
    assert_eq!(
        (link.name(), pair.there()),
        ("drop", vec![(XdpMode::Generic, pair.id("drop"))])
    );
    pair.loses(1);
    let wrong = link.update_from(&pass, &pass).unwrap_err();
    assert_eq!(wrong.errno(), Some(Errno::EEXIST), "{wrong}");
    link.update_from(&drops, &pass).unwrap();
    assert_eq!(pair.wire.passes(2), []);
    drop(link);
    assert_eq!(pair.there(), []);
}

#[test]
fn links_and_netlink_stay_out_of_each_others_place() {
    let mut pair = pair_or_skip!();
    let (pass, drops) = (pair.program("pass"), pair.program("drop"));
    let link = match pass.attach_to(on_far()) {
        Err(error) if error.errno() == Some(Errno::EINVAL) => skip!("no XDP links in this kernel"),
        link => link.unwrap(),
    };
    assert!(link.is_bpf_link());
    assert_eq!(link.xdp_mode().unwrap(), Some(XdpMode::Native));
    for hook in [on_far().by_netlink(), on_far().replacing(&pass)] {
        let error = drops.attach_to(hook).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EBUSY), "{error}");
    }
    assert!(
        pair.netlink.detach_xdp(pair.far, None, None).is_err(),
        "a link holds it"
    );
    link.force_detach().unwrap();
    assert_eq!(link.xdp_mode().unwrap(), None);
    drop(link);

    let held = pass.attach_to(on_far().by_netlink()).unwrap();
    let error = drops.attach_to(on_far()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EBUSY));
    // The kernel says no more than that: who it is is asked.
    let holder = format!("veth0 has a program already: {}, native", pair.id("pass"));
    assert!(error.to_string().contains(&holder), "{error}");
    drop(held);
    drop(drops.attach_to(on_far()).unwrap());
    until("the kernel lets go", || pair.there().is_empty());
}

#[test]
fn a_driver_that_cannot_is_named_and_generic_is_a_choice() {
    own_network();
    let system = host();
    let object = load(&system, &object!("xdp"));
    let pass = object.program("pass").unwrap();
    for hook in [Xdp::on("lo").native(), Xdp::on("lo").native().by_netlink()] {
        let error = pass.attach_to(hook).unwrap_err();
        assert!(
            matches!(error.errno(), Some(Errno::EOPNOTSUPP | Errno::EINVAL)),
            "{error}"
        );
        if error.errno() == Some(Errno::EOPNOTSUPP) {
            assert!(error.to_string().contains("driver of lo"), "{error}");
        }
    }
    for hook in [
        // The kernel takes its time to let go of a BPF link.
        Xdp::on("lo").or_generic().by_netlink(),
        Xdp::on("lo").or_generic(),
    ] {
        let link = pass.attach_to(hook).unwrap();
        assert_eq!(link.xdp_mode().unwrap(), Some(XdpMode::Generic));
        assert!(
            link.hook().contains("generic since native is refused"),
            "{link}"
        );
        assert_eq!(common::hello().unwrap(), 5);
    }
    // What no mode helps against is told of the first one.
    let missing = pass
        .attach_to(Xdp::on("no-such-if0").or_generic())
        .unwrap_err();
    assert_eq!(missing.errno(), Some(Errno::ENODEV), "{missing}");
}

#[test]
fn native_is_taken_where_the_driver_can() {
    let mut pair = pair_or_skip!();
    let link = pair
        .program("drop")
        .attach_to(on_far().or_generic())
        .unwrap();
    assert_eq!(link.xdp_mode().unwrap(), Some(XdpMode::Native));
    assert!(!link.hook().contains("generic"), "{link}");
    pair.loses(1);
}

#[test]
fn without_links_there_is_netlink_if_that_is_allowed() {
    let mut pair = pair_or_skip!();
    let (old, _) = refusing(|cmd, _, _| (cmd == Cmd::LINK_CREATE).then_some(Errno::EINVAL));
    let object = load(&old, &object!("xdp"));
    let drops = object.program("drop").unwrap();
    let error = drops.attach_to(on_far()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    let link = drops.attach_to(on_far().or_netlink()).unwrap();
    assert!(!link.is_bpf_link());
    assert_eq!(pair.there(), [(XdpMode::Native, drops.id().unwrap())]);
    drop(link);
    assert_eq!(pair.there(), []);
    // A kernel that has links uses them, and what it refuses is refused.
    let link = pair
        .program("pass")
        .attach_to(on_far().or_netlink())
        .unwrap();
    assert!(
        link.is_bpf_link()
            || pair.system.probe(skep::probe::Feature::LinkXdp) == skep::probe::Answer::No
    );
    let busy = pair
        .program("drop")
        .attach_to(on_far().or_netlink())
        .unwrap_err();
    assert_eq!(busy.errno(), Some(Errno::EBUSY), "{busy}");
}

#[test]
fn packets_too_long_for_a_driver_are_named() {
    let pair = pair_or_skip!();
    for end in ["skep0", "veth0"] {
        assert!(ip(&format!("link set {end} mtu 9000")));
    }
    let pass = pair.program("pass");
    for hook in [on_far().native(), on_far().native().by_netlink()] {
        let error = pass.attach_to(hook).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ERANGE), "{error}");
        for part in ["9000 bytes", "MTU of veth0", "xdp.frags", "generic()"] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }
    let link = pass.attach_to(on_far().or_generic()).unwrap();
    assert_eq!(link.xdp_mode().unwrap(), Some(XdpMode::Generic));
}

#[test]
fn packets_in_fragments_are_taken_where_there_are_any() {
    let mut pair = pair_or_skip!();
    for end in ["skep0", "veth0"] {
        assert!(ip(&format!("link set {end} mtu 9000")));
    }
    let spec = only(object!("redirect"), &["whole"]);
    let object = match spec.load(&pair.system) {
        Err(error) if error.errno() == Some(Errno::EINVAL) || !error.failures().is_empty() => {
            skip!("no XDP programs for fragments in this kernel: {error}")
        }
        object => object.unwrap(),
    };
    let whole = object.program("whole").unwrap();
    match whole.attach_to(on_far().native()) {
        // Its driver learnt it later than the kernel.
        Err(error) if error.errno() == Some(Errno::ERANGE) => {
            skip!("this kernel's veth takes no fragments")
        }
        link => {
            let link = link.unwrap();
            assert_eq!(link.xdp_mode().unwrap(), Some(XdpMode::Native));
            assert_eq!(pair.wire.passes(1), []);
            assert!(seen(&object, 4) > 0);
        }
    }
}

/// How often a program of `redirect` was run.
fn seen(object: &Object, place: u32) -> u64 {
    let value = object
        .map("seen")
        .unwrap()
        .lookup(&place.to_ne_bytes())
        .unwrap();
    u64::from_ne_bytes(value.unwrap().try_into().unwrap())
}

/// Puts a program where packets are sent on: `struct bpf_devmap_val`, `struct bpf_cpumap_val`.
fn send_on(object: &Object, map: &str, first: u32, program: &str) {
    let program = object.program(program).unwrap().fd().raw();
    let value = [first.to_ne_bytes(), program.to_ne_bytes()].concat();
    object
        .map(map)
        .unwrap()
        .update(&[0; 4], &value, ElemFlags::ANY)
        .unwrap();
}

#[test]
fn programs_run_where_packets_are_sent_on() {
    let pair = pair_or_skip!();
    let Some((near, far)) = second_pair() else {
        skip!("no second veth pair can be made");
    };
    let spec = only(
        object!("redirect"),
        &["to_device", "at_device", "to_cpu", "at_cpu"],
    );
    let object = load(&pair.system, &spec);

    // From the first pair into the second one, whose far end must take frames as they are.
    let mut wire = Wire::between((common_index("skep0"), far));
    let _takes = pair
        .program("pass")
        .attach_to(Xdp::on_index(far).native())
        .unwrap();
    send_on(&object, "devices", near, "at_device");
    let to_device = object.program("to_device").unwrap();
    let link = to_device
        .attach_to(Xdp::on_index(pair.far).native().by_netlink())
        .unwrap();
    assert_eq!(wire.passes(1), []);
    assert_eq!((seen(&object, 0) > 0, seen(&object, 1) > 0), (true, true));
    drop(link);

    let mut wire = Wire::between((common_index("skep0"), pair.far));
    send_on(&object, "cpus", 64, "at_cpu");
    let to_cpu = object.program("to_cpu").unwrap();
    let _link = to_cpu
        .attach_to(Xdp::on_index(pair.far).native().by_netlink())
        .unwrap();
    assert_eq!(wire.passes(2), []);
    assert_eq!((seen(&object, 2) > 0, seen(&object, 3) > 0), (true, true));
}

fn common_index(name: &str) -> u32 {
    nix::net::if_::if_nametoindex(name).unwrap()
}
