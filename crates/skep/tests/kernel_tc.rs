//! Classifiers of traffic control on Ethernet pairs: what becomes of packets, in which order they see
//! them, and who takes whom away.

mod common;
#[path = "common/refusing.rs"]
mod refusing;
#[path = "common/wire.rs"]
mod wire;
#[path = "common/xsk.rs"]
mod xsk;

use common::{host, ip, load, object, own_network, pair, skip};
use refusing::refusing;
use skep::codec::uapi::bpf::Cmd;
use skep::link::{Order, Tc, Tcx};
use skep::netlink::{Batch, Classifier, Existing, FilterPlace, Handle, Qdisc};
use skep::probe::{Answer, Feature};
use skep::sys::watch::{Fault, Trace};
use skep::{Errno, ErrorKind, Link, Netlink, Object, Program, System};
use wire::{Wire, until};

/// An Ethernet pair in a network of its own, and programs for both of its ends.
struct Pair {
    wire: Wire,
    near: u32,
    far: u32,
    object: Object,
    netlink: Netlink,
}

impl Pair {
    /// `None`, said, where there is none, or no classifier.
    fn new() -> Option<Self> {
        own_network();
        let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        let Some((near, far)) = pair() else {
            println!("skep-skip: no veth pair can be made");
            return None;
        };
        let system = host();
        let mut spec = object!("classify");
        spec.variable("target").unwrap().set(far).unwrap();
        let object = load(&system, &spec);
        let pair = Self {
            wire: Wire::new((near, far)),
            near,
            far,
            object,
            netlink: Netlink::open(&system).unwrap(),
        };
        match pair.program("next").attach_to(Tc::ingress("skep0")) {
            Err(error) if error.errno() == Some(Errno::ENOENT) => {
                println!("skep-skip: no classifiers in this kernel: {error}");
                None
            }
            tried => {
                drop(tried.unwrap());
                Some(pair)
            }
        }
    }

    fn program(&self, name: &str) -> Program {
        self.object.program(name).unwrap().clone()
    }

    fn id(&self, name: &str) -> u32 {
        self.program(name).id().unwrap()
    }

    /// How often a program of `classify` was run.
    fn seen(&self, place: u32) -> u64 {
        let seen = self.object.map("seen").unwrap();
        let value = seen.lookup(&place.to_ne_bytes()).unwrap().unwrap();
        u64::from_ne_bytes(value.try_into().unwrap())
    }

    /// Sends a packet that `shot` drops.
    fn loses(&mut self, number: u32) {
        let before = self.seen(SHOT);
        self.wire.send(number);
        until("`shot` sees it", || self.seen(SHOT) > before);
    }

    /// Names of the programs at a place of the far end, in the order in which they see packets.
    fn there(&mut self, parent: Handle) -> Vec<String> {
        let listed = self.netlink.filters(self.far, parent).unwrap();
        listed.into_iter().map(|filter| filter.name).collect()
    }
}

/// Places in `seen`.
const NEXT: u32 = 0;
const SHOT: u32 = 1;
const BOUNCE: u32 = 2;
const SECOND: u32 = 3;

macro_rules! pair_or_skip {
    () => {
        match Pair::new() {
            Some(pair) => pair,
            None => return,
        }
    };
}

fn place(link: &Link) -> FilterPlace {
    link.filter().expect("a classifier").place
}

#[test]
fn packets_are_dropped_till_the_link_is() {
    let mut pair = pair_or_skip!();
    assert_eq!(pair.wire.passes(1), []);
    let link = pair
        .program("shot")
        .attach_to(Tc::ingress("veth0"))
        .unwrap();
    assert!(!link.is_bpf_link() && link.made_clsact());
    let told = link.filter().unwrap().clone();
    assert_eq!(
        (told.place.ifindex, told.place.parent),
        (pair.far, Handle::INGRESS)
    );
    assert!(told.place.priority > 0 && told.place.handle > 0 && told.direct_action);
    assert_eq!(
        (told.prog_id, told.name.as_str()),
        (pair.id("shot"), "shot")
    );
    assert_eq!(
        pair.netlink.filter(&told.place).unwrap(),
        Some(told.clone())
    );
    assert!(
        link.hook()
            .starts_with("traffic control of veth0, ingress, priority "),
        "{link}"
    );
    assert_eq!(link.xdp_mode().unwrap(), None);
    pair.loses(2);
    drop(link);
    assert_eq!(pair.there(Handle::INGRESS), [""; 0]);
    assert_eq!(pair.netlink.filter(&told.place).unwrap(), None);
    // The one that was dropped does not come before this one.
    assert_eq!(pair.wire.passes(3), []);

    // `clsact` is there now, and stays.
    assert!(pair.netlink.has_clsact(pair.far).unwrap());
    let sees = pair
        .program("next")
        .attach_to(Tc::ingress("").on_index(pair.far))
        .unwrap();
    assert!(!sees.made_clsact());
    let before = pair.seen(NEXT);
    assert_eq!(pair.wire.passes(4), []);
    assert!(pair.seen(NEXT) > before);
    sees.detach().unwrap();

    // What goes out of the near end.
    let link = pair.program("shot").attach_to(Tc::egress("skep0")).unwrap();
    assert_eq!(place(&link).parent, Handle::EGRESS);
    pair.loses(5);
    link.detach().unwrap();
    assert_eq!(pair.wire.passes(6), []);
}

#[test]
fn packets_are_sent_elsewhere() {
    let pair = pair_or_skip!();
    // Out of the far end again: it comes back in at the near one.
    let mut back = Wire::between((pair.near, pair.near));
    let link = pair
        .program("bounce")
        .attach_to(Tc::ingress("veth0"))
        .unwrap();
    let echo = pair
        .program("next")
        .attach_to(Tc::ingress("skep0"))
        .unwrap();
    let before = pair.seen(NEXT);
    back.send(7);
    until("it is back", || pair.seen(NEXT) > before);
    assert_eq!(pair.seen(BOUNCE), 1);
    assert_eq!(back.before(7), []);
    drop((link, echo));
}

#[test]
fn several_see_packets_in_the_order_of_their_priorities() {
    let mut pair = pair_or_skip!();
    let (next, shot) = (pair.program("next"), pair.program("shot"));
    let at = |priority| Tc::ingress("veth0").priority(priority);
    let last = shot.attach_to(at(50)).unwrap();
    let first = next.attach_to(at(10).handle(7)).unwrap();
    assert_eq!((place(&first).priority, place(&first).handle), (10, 7));
    assert_eq!(pair.there(Handle::INGRESS), ["next", "shot"]);
    let before = pair.seen(NEXT);
    pair.loses(1);
    assert!(pair.seen(NEXT) > before, "the first one sees it too");

    // Of one priority, each has a handle of its own.
    let beside = next.attach_to(at(10)).unwrap();
    assert!(place(&beside).handle != 7 && place(&beside).priority == 10);
    let taken = next.attach_to(at(10).handle(7)).unwrap_err();
    assert_eq!(taken.errno(), Some(Errno::EEXIST), "{taken}");
    drop(beside);
    assert_eq!(
        pair.there(Handle::INGRESS),
        ["next", "shot"],
        "only its own"
    );

    // In front of what drops: nothing comes behind.
    drop(first);
    let front = shot.attach_to(at(5)).unwrap();
    let behind = next.attach_to(at(20)).unwrap();
    let before = pair.seen(NEXT);
    pair.loses(2);
    assert_eq!(pair.seen(NEXT), before);
    drop((front, behind, last));
    assert_eq!(pair.wire.passes(3), []);
}

#[test]
fn a_classifier_changes_its_program() {
    let mut pair = pair_or_skip!();
    let (next, shot) = (pair.program("next"), pair.program("shot"));
    let mut link = next.attach_to(Tc::ingress("veth0").priority(3)).unwrap();
    let before = place(&link);
    link.update(&shot).unwrap();
    assert_eq!(
        (place(&link), link.name(), link.filter().unwrap().prog_id),
        (before, "shot", pair.id("shot"))
    );
    pair.loses(1);
    let wrong = link.update_from(&next, &next).unwrap_err();
    assert_eq!(wrong.errno(), Some(Errno::EEXIST), "{wrong}");
    link.update_from(&shot, &next).unwrap();
    assert_eq!(pair.wire.passes(2), []);

    // Another one in its place is left there, and told.
    let hook = Tc::ingress("veth0").priority(3).handle(before.handle);
    let other = shot.attach_to(hook.or_replace()).unwrap();
    assert_eq!(pair.there(Handle::INGRESS), ["shot"]);
    let error = link.detach().unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EEXIST), "{error}");
    assert_eq!(pair.there(Handle::INGRESS), ["shot"]);
    pair.netlink.delete_filter(&place(&other)).unwrap();
    let error = other.detach().unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
    assert_eq!(pair.wire.passes(3), []);
}

#[test]
fn a_queueing_discipline_of_ones_own_choice_is_a_parent() {
    let mut pair = pair_or_skip!();
    let ingress = Qdisc {
        ifindex: pair.far,
        handle: Handle::new(0xffff, 0),
        parent: Handle::CLSACT,
        kind: "ingress".into(),
    };
    pair.netlink.create_qdisc(&ingress).unwrap();
    let hook = Tc::below("veth0", ingress.handle).classid(Handle::new(0xffff, 9));
    let link = pair.program("shot").attach_to(hook.priority(4)).unwrap();
    let told = link.filter().unwrap().clone();
    assert_eq!(
        (told.place.parent, told.place.priority),
        (ingress.handle, 4)
    );
    assert_eq!(
        (told.classid, link.made_clsact()),
        (Some(Handle::new(0xffff, 9)), false)
    );
    assert!(link.hook().contains("veth0, ffff:0, priority 4"), "{link}");
    pair.loses(1);
    assert_eq!(pair.netlink.all_filters().unwrap(), [told]);
    drop(link);
    assert_eq!(pair.wire.passes(2), []);
    pair.netlink.delete_qdisc(&ingress).unwrap();
}

#[test]
fn a_program_names_the_class_below_another_parent() {
    let mut pair = pair_or_skip!();
    let root = |kind: &str| Qdisc {
        ifindex: pair.near,
        handle: Handle::new(1, 0),
        parent: Handle::ROOT,
        kind: kind.into(),
    };
    // Bands, or flows.
    let made = ["prio", "fq_codel"].into_iter().map(root).find(|root| {
        match pair.netlink.create_qdisc(root) {
            Err(error) if error.errno() == Some(Errno::ENOENT) => false,
            made => {
                made.unwrap();
                true
            }
        }
    });
    let Some(root) = made else {
        skip!("neither prio nor fq_codel in this kernel");
    };
    let listed = pair.netlink.qdiscs().unwrap();
    assert!(listed.contains(&root), "{listed:?}");
    let hook = Tc::below("skep0", root.handle)
        .classify()
        .classid(Handle::new(1, 1));
    let link = pair.program("second").attach_to(hook).unwrap();
    let told = link.filter().unwrap().clone();
    assert_eq!(
        (told.place.parent, told.direct_action),
        (root.handle, false)
    );
    assert_eq!(told.classid, Some(Handle::new(1, 1)));
    assert!(!link.made_clsact());
    assert_eq!(pair.wire.passes(1), []);
    assert!(pair.seen(SECOND) > 0);
    assert!(pair.netlink.all_filters().unwrap().contains(&told));
    // Into the second band it went, and into no other.
    let text = std::process::Command::new("tc")
        .args(["-s", "class", "show", "dev", "skep0"])
        .output();
    if let Some(text) = text
        .ok()
        .filter(|out| out.status.success() && root.kind == "prio")
    {
        let text = String::from_utf8(text.stdout).unwrap();
        let sent = |class: &str| {
            text.split("class prio ")
                .find(|c| c.starts_with(class))
                .is_some_and(|c| !c.contains("Sent 0 bytes"))
        };
        assert_eq!(
            (sent("1:1"), sent("1:2"), sent("1:3")),
            (false, true, false),
            "{text}"
        );
    }
    drop(link);
    assert!(
        pair.netlink
            .filters(pair.near, root.handle)
            .unwrap()
            .is_empty()
    );
    pair.netlink.delete_qdisc(&root).unwrap();
    assert!(!pair.netlink.qdiscs().unwrap().contains(&root));
}

#[test]
fn chains_and_protocols_are_kept_apart() {
    let mut pair = pair_or_skip!();
    let shot = pair.program("shot");
    // Nobody sends packets to this chain, and none of these is of the internet's.
    let chain = shot.attach_to(Tc::ingress("veth0").chain(3)).unwrap();
    let ip4 = shot
        .attach_to(Tc::ingress("veth0").protocol(0x0800).skip_hw())
        .unwrap();
    assert_eq!((place(&chain).chain, place(&ip4).chain), (3, 0));
    assert_eq!((place(&chain).protocol, place(&ip4).protocol), (0, 0x0800));
    let skips = skep::codec::uapi::netlink::TCA_CLS_FLAGS_SKIP_HW;
    assert_eq!(ip4.filter().unwrap().flags & skips, skips);
    assert_eq!(pair.wire.passes(1), []);
    assert_eq!(pair.seen(SHOT), 0);
    assert_eq!(pair.there(Handle::INGRESS).len(), 2);
    drop(chain);
    let left = pair.netlink.filters(pair.far, Handle::INGRESS).unwrap();
    assert_eq!(
        left.iter().map(|f| f.place).collect::<Vec<_>>(),
        [place(&ip4)]
    );
    // A packet of that type is dropped.
    drop(ip4);
    let experiment = u16::from_be_bytes(xsk::ETHERTYPE);
    let _link = shot
        .attach_to(Tc::ingress("veth0").protocol(experiment))
        .unwrap();
    pair.loses(2);
}

#[test]
fn refusals_say_what_is_missing() {
    let mut pair = pair_or_skip!();
    let (next, near) = (pair.program("next"), pair.near);
    let nobody = next.attach_to(Tc::ingress("no-such-if0")).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound, "{nobody}");
    let parent = next
        .attach_to(Tc::below("skep0", Handle::new(0x77, 0)))
        .unwrap_err();
    assert_eq!(parent.errno(), Some(Errno::EINVAL), "{parent}");
    assert!(
        parent.ack().is_some_and(|ack| ack.text.is_some()),
        "{parent}"
    );
    assert!(
        parent.to_string().contains("at 77:0 of interface"),
        "{parent}"
    );

    // A program of another type.
    let xdp = load(
        pair.object.program("next").unwrap().system(),
        &object!("xdp"),
    );
    let wrong = xdp
        .program("pass")
        .unwrap()
        .attach_to(Tc::ingress("skep0"))
        .unwrap_err();
    assert_eq!(wrong.errno(), Some(Errno::EINVAL), "{wrong}");
    assert!(wrong.to_string().contains("of type xdp"), "{wrong}");

    // Only `ingress`, which has no way out.
    pair.netlink.delete_clsact(near).unwrap();
    let ingress = Qdisc {
        ifindex: near,
        handle: Handle::new(0xffff, 0),
        parent: Handle::CLSACT,
        kind: "ingress".into(),
    };
    pair.netlink.create_qdisc(&ingress).unwrap();
    let link = next.attach_to(Tc::ingress("skep0")).unwrap();
    assert!(!link.made_clsact());
    // There it would see what comes in.
    let error = next.attach_to(Tc::egress("skep0")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EEXIST));
    assert!(
        error
            .to_string()
            .contains("`ingress` is where clsact would be"),
        "{error}"
    );

    let place = FilterPlace {
        priority: 9,
        handle: 9,
        ..place(&link)
    };
    let none = Classifier {
        place,
        existing: Existing::Replace,
        ..Classifier::default()
    };
    let error = pair.netlink.set_filter(&next, &none).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
    assert!(pair.netlink.delete_filter(&place).is_err());
}

#[test]
fn without_tcx_there_are_classifiers_if_that_is_allowed() {
    let mut pair = pair_or_skip!();
    let (old, _) = refusing(|cmd, _, _| (cmd == Cmd::LINK_CREATE).then_some(Errno::EINVAL));
    let object = load(&old, &object!("classify"));
    let shot = object.program("shot").unwrap();
    let error = shot.attach_to(Tcx::ingress("veth0")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    let ordered = Tcx::ingress("veth0").order(Order::first()).or_classifier();
    assert!(
        shot.attach_to(ordered).is_err(),
        "classifiers have no order"
    );
    for (hook, parent) in [
        (Tcx::ingress("veth0"), Handle::INGRESS),
        (Tcx::egress("veth0"), Handle::EGRESS),
    ] {
        let link = shot.attach_to(hook.or_classifier()).unwrap();
        assert!(!link.is_bpf_link());
        assert_eq!((place(&link).parent, pair.there(parent).len()), (parent, 1));
        drop(link);
        assert!(pair.there(parent).is_empty());
    }
    // A kernel that has tcx uses it.
    let link = pair
        .program("shot")
        .attach_to(Tcx::ingress("veth0").or_classifier())
        .unwrap();
    pair.loses(1);
    let has_tcx = host().probe(Feature::LinkTcx) == Answer::Yes;
    assert_eq!(
        (link.is_bpf_link(), link.filter().is_none()),
        (has_tcx, has_tcx)
    );
    if has_tcx {
        link.force_detach().unwrap();
    }
    drop(link);
    assert_eq!(pair.wire.passes(2), []);
}

#[test]
fn all_of_a_namespace_are_listed() {
    let mut pair = pair_or_skip!();
    let next = pair.program("next");
    let links = [
        next.attach_to(Tc::ingress("veth0").priority(2)).unwrap(),
        next.attach_to(Tc::egress("veth0").priority(1)).unwrap(),
        next.attach_to(Tc::ingress("skep0")).unwrap(),
    ];
    // Interfaces that have nothing are passed over.
    assert!(ip("link add empty0 type veth"));
    let mut listed: Vec<_> = pair
        .netlink
        .all_filters()
        .unwrap()
        .iter()
        .map(|f| f.place)
        .collect();
    let mut ours: Vec<_> = links.iter().map(place).collect();
    listed.sort();
    ours.sort();
    assert_eq!(listed, ours);
    drop(links);
    assert!(pair.netlink.all_filters().unwrap().is_empty());
}

#[test]
fn an_operation_is_two_calls_and_so_is_a_batch() {
    let pair = pair_or_skip!();
    let trace = Trace::new(host().kernel().clone());
    let mut netlink = Netlink::open(&System::new(trace.clone()).unwrap()).unwrap();
    let next = pair.program("next");
    let mut calls = |work: &mut dyn FnMut(&mut Netlink)| {
        let before = trace.total();
        work(&mut netlink);
        trace.total() - before
    };
    assert_eq!(
        calls(&mut |n| assert!(n.create_clsact(pair.far).unwrap())),
        2
    );
    let place = FilterPlace {
        ifindex: pair.far,
        parent: Handle::INGRESS,
        ..FilterPlace::default()
    };
    let classifier = Classifier {
        place,
        ..Classifier::default()
    };
    // What the kernel chose is told by the same answer.
    let mut told = None;
    assert_eq!(
        calls(&mut |n| told = Some(n.set_filter(&next, &classifier).unwrap())),
        2
    );
    let place = told.unwrap().place;
    assert_eq!(calls(&mut |n| drop(n.filter(&place).unwrap().unwrap())), 2);
    assert_eq!(calls(&mut |n| n.delete_filter(&place).unwrap()), 2);
    assert_eq!(
        calls(&mut |n| drop(n.delete_filter(&place).unwrap_err())),
        2
    );

    let mut batch = Batch::new();
    for priority in 1..=20 {
        let place = FilterPlace {
            priority,
            ..classifier.place
        };
        batch.set_filter(
            &next,
            &Classifier {
                place,
                ..classifier
            },
        );
    }
    let mut outcomes = Vec::new();
    assert_eq!(calls(&mut |n| outcomes = n.run(&batch).unwrap()), 2);
    assert!(
        outcomes.len() == 20 && outcomes.iter().all(Result::is_ok),
        "{outcomes:?}"
    );
    let listed = netlink.filters(pair.far, Handle::INGRESS).unwrap();
    let priorities: Vec<_> = listed.iter().map(|f| f.place.priority).collect();
    assert_eq!(priorities, (1..=20).collect::<Vec<_>>());
    netlink.delete_clsact(pair.far).unwrap();
    assert!(
        netlink
            .filters(pair.far, Handle::INGRESS)
            .map_or(true, |all| all.is_empty())
    );
}

#[test]
fn whichever_call_fails_says_so_and_nothing_is_left_open() {
    let pair = pair_or_skip!();
    let run = |system: &System| {
        let spec = object!("classify");
        let object = spec.load(system)?;
        let link = object
            .program("next")
            .unwrap()
            .attach_to(Tc::ingress("veth0"))?;
        link.detach()
    };
    let loading = |system: &System| object!("classify").load(system).map(drop);
    let count = |work: &dyn Fn(&System) -> skep::Result<()>| {
        let fault = Fault::nth(host().kernel().clone(), 0, Errno::EIO);
        work(&System::new(fault.clone()).unwrap()).unwrap();
        fault.calls()
    };
    // So that kernels before 5.11 need not try twice; newer ones do not look at the limit.
    let _ = skep::sys::process::raise_memlock(host().kernel());
    let (before, all) = (count(&loading), count(&run));
    assert!(all > before + 10, "{before} {all}");
    let mut netlink = Netlink::open(&host()).unwrap();
    for nth in before + 1..=all {
        let trace = Trace::new(host().kernel().clone());
        let fault = Fault::nth(trace.clone(), nth, Errno::EIO);
        let error = run(&System::new(fault.clone()).unwrap()).unwrap_err();
        let hit = fault.hit();
        assert_eq!(
            error.errno(),
            Some(Errno::EIO),
            "call {nth}, {hit:?}: {error}"
        );
        drop(fault);
        assert_eq!(
            (trace.open_fds(), trace.open_mappings()),
            (0, 0),
            "call {nth}, {hit:?}"
        );
        // What is left of a run whose answers were lost.
        if netlink.has_clsact(pair.far).unwrap() {
            netlink.delete_clsact(pair.far).unwrap();
        }
    }
}
