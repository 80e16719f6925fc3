//! Actions of traffic control on an Ethernet pair: what becomes of packets, who has them, who takes them
//! away.

mod common;
#[path = "common/wire.rs"]
mod wire;
#[path = "common/xsk.rs"]
mod xsk;

use common::{host, load, object, own_network, pair};
use skep::link::Tc;
use skep::netlink::{Action, Classifier, FilterPlace, Handle};
use skep::{Errno, ErrorKind, Netlink, Object, Program};
use wire::{Wire, until};

struct Pair {
    wire: Wire,
    far: u32,
    object: Object,
    netlink: Netlink,
}

/// Places in `seen`.
const NEXT: u32 = 0;
const ACT: u32 = 4;
const ACT_SHOT: u32 = 5;

impl Pair {
    /// `None`, said, where there is none, or no action.
    fn new() -> Option<Self> {
        own_network();
        let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        let Some((near, far)) = pair() else {
            println!("skep-skip: no veth pair can be made");
            return None;
        };
        let system = host();
        let mut pair = Self {
            wire: Wire::new((near, far)),
            far,
            object: load(&system, &object!("classify")),
            netlink: Netlink::open(&system).unwrap(),
        };
        let act = pair.program("act");
        match pair.netlink.create_action(&act, 9) {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                assert!(error.to_string().contains("CONFIG_NET_ACT_BPF"), "{error}");
                // A classifier says the same of it.
                let error = act.attach_to(Tc::ingress("veth0")).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                println!("skep-skip: {error}");
                None
            }
            made => {
                assert_eq!(made.unwrap().index, 9);
                pair.netlink.delete_action(9).unwrap();
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

    /// Sends a packet that `act_shot` drops.
    fn loses(&mut self, number: u32) {
        let before = self.seen(ACT_SHOT);
        self.wire.send(number);
        until("`act_shot` sees it", || self.seen(ACT_SHOT) > before);
    }

    /// Number, program's id and classifiers of each action: they become these. A classifier that is
    /// removed gives its actions back a little later.
    fn actions_are(&mut self, expected: &[(u32, u32, u32)]) {
        until("the actions are as expected", || {
            let all = self.netlink.actions().unwrap();
            let all = all.iter().map(|a| (a.index, a.prog_id, a.binds));
            all.eq(expected.iter().copied())
        });
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

#[test]
fn an_action_drops_packets_till_the_link_is() {
    let mut pair = pair_or_skip!();
    for (n, hook) in [(0, Tc::ingress("veth0")), (10, Tc::egress("skep0"))] {
        assert_eq!(pair.wire.passes(n), []);
        let shot = pair.program("act_shot");
        let link = shot.attach_to(&hook).unwrap();
        let told = link.filter().unwrap().clone();
        let [action] = told.actions.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!((action.prog_id, action.binds), (pair.id("act_shot"), 1));
        assert_eq!((action.name.as_str(), action.otherwise), ("act_shot", -1));
        assert_eq!(action.tag, shot.info().unwrap().tag);
        assert_eq!((told.prog_id, told.direct_action), (0, false));
        assert!(pair.netlink.all_filters().unwrap().contains(&told));
        assert_eq!(pair.netlink.actions().unwrap(), told.actions);
        pair.loses(n + 1);
        drop(link);
        pair.actions_are(&[]);
        // The one that was lost does not come before this one.
        assert_eq!(pair.wire.passes(n + 2), []);
    }
}

#[test]
fn what_an_action_leaves_goes_to_the_next_classifier() {
    let mut pair = pair_or_skip!();
    let at = |priority| Tc::ingress("veth0").priority(priority);
    let first = pair.program("act").attach_to(at(1)).unwrap();
    let second = pair.program("next").attach_to(at(2)).unwrap();
    let before = (pair.seen(ACT), pair.seen(NEXT));
    assert_eq!(pair.wire.passes(1), []);
    assert!(pair.seen(ACT) > before.0 && pair.seen(NEXT) > before.1);
    // In front of what drops: nothing comes behind.
    let mut first = first;
    first.update(&pair.program("act_shot")).unwrap();
    let before = pair.seen(NEXT);
    pair.loses(2);
    assert_eq!(pair.seen(NEXT), before);
    let error = first.update_from(&pair.program("act"), &pair.program("act"));
    assert_eq!(error.unwrap_err().errno(), Some(Errno::EEXIST));
    first.detach().unwrap();
    assert_eq!(pair.wire.passes(3), []);
    drop(second);
    pair.actions_are(&[]);
}

#[test]
fn classifiers_share_an_action() {
    let mut pair = pair_or_skip!();
    let (act, shot) = (pair.program("act"), pair.program("act_shot"));
    let made = pair.netlink.create_action(&act, 7).unwrap();
    let told = Action {
        index: 7,
        name: "act".into(),
        prog_id: pair.id("act"),
        tag: act.info().unwrap().tag,
        otherwise: -1,
        binds: 0,
    };
    assert_eq!(made, told);
    let chosen = pair.netlink.create_action(&act, 0).unwrap().index;
    assert!(chosen != 0 && chosen != 7);
    pair.netlink.delete_action(chosen).unwrap();
    let taken = pair.netlink.create_action(&shot, 7).unwrap_err();
    assert_eq!(taken.errno(), Some(Errno::EEXIST), "{taken}");

    let mut near = act.attach_to(Tc::egress("skep0").action(7)).unwrap();
    let far = act.attach_to(Tc::ingress("veth0").action(7)).unwrap();
    let id = pair.id("act");
    pair.actions_are(&[(7, id, 2)]);
    let before = pair.seen(ACT);
    assert_eq!(pair.wire.passes(1), []);
    assert!(pair.seen(ACT) >= before + 2);
    // Another's program is not taken for ours, and sees nothing more.
    let other = shot.attach_to(Tc::ingress("veth0").action(7)).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Invalid, "{other}");
    assert!(
        other.to_string().contains("action 7 runs another program"),
        "{other}"
    );
    let filters = pair.netlink.filters(pair.far, Handle::INGRESS).unwrap();
    assert_eq!(filters.len(), 1);
    let id = pair.id("act");
    pair.actions_are(&[(7, id, 2)]);

    // Its program is changed for both.
    near.update(&shot).unwrap();
    let id = pair.id("act_shot");
    pair.actions_are(&[(7, id, 2)]);
    pair.loses(2);
    let gone = far.detach().unwrap_err();
    assert_eq!(gone.errno(), Some(Errno::EEXIST), "{gone}");
    let held = pair.netlink.delete_action(7).unwrap_err();
    assert_eq!(held.errno(), Some(Errno::EPERM), "{held}");
    let place = filters[0].place;
    pair.netlink.delete_filter(&place).unwrap();
    near.detach().unwrap();
    // It was there before, and stays.
    let id = pair.id("act_shot");
    pair.actions_are(&[(7, id, 0)]);
    pair.netlink.delete_action(7).unwrap();
    let none = pair.netlink.delete_action(7).unwrap_err();
    assert_eq!(none.errno(), Some(Errno::ENOENT), "{none}");
    assert_eq!(pair.wire.passes(3), []);

    // A classifier is no action.
    let wrong = pair.program("next");
    let wrong = pair.netlink.create_action(&wrong, 0).unwrap_err();
    assert_eq!(wrong.errno(), Some(Errno::EINVAL), "{wrong}");
    // Without a link, it stays.
    let classifier = Classifier {
        place: FilterPlace {
            ifindex: pair.far,
            parent: Handle::INGRESS,
            ..FilterPlace::default()
        },
        ..Classifier::default()
    };
    let told = pair.netlink.set_filter(&shot, &classifier).unwrap();
    pair.loses(4);
    pair.netlink.delete_filter(&told.place).unwrap();
    assert_eq!(pair.wire.passes(5), []);
}
