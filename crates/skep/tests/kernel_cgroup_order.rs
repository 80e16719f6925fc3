//! Order among the programs of a cgroup.

mod common;
#[path = "common/held.rs"]
mod held;
#[path = "common/inside.rs"]
mod inside;

use common::{host, load, object, skip};
use held::{held, id, ids, named, own, place, program, ran};
use inside::group;
use skep::link::{CgroupMode, Neighbour, Order};
use skep::probe::{Answer, Feature};
use skep::{Errno, ErrorKind};

fn order_is_there() -> bool {
    let answer = host().probe(Feature::CgroupOrder);
    if answer != Answer::Yes {
        println!("skep-skip: order among a cgroup's programs: {answer}");
    }
    answer == Answer::Yes
}

#[test]
fn kernels_without_an_order_say_so() {
    let group = group!();
    let system = host();
    let object = load(&system, &object!("cgorder"));
    let lacking = [
        (
            Feature::CgroupOrder,
            place(&group).order(Order::first()),
            "6.17",
        ),
        (
            Feature::CgroupOrder,
            place(&group).order(Order::default().revision(1)),
            "6.17",
        ),
        (Feature::CgroupPreorder, place(&group).preorder(), "6.15"),
    ];
    for (feature, place, since) in lacking {
        match system.probe(feature) {
            Answer::No => {
                let error = program(&object, "one").attach_to(&place).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                assert!(error.to_string().contains(since), "{error}");
            }
            _ => println!("skep-skip: {} is there", feature.name()),
        }
    }
}

#[test]
fn links_have_an_order() {
    if !order_is_there() {
        return;
    }
    let group = group!();
    let object = load(&host(), &object!("cgorder"));
    let put = |name, order: Order<'_>| program(&object, name).attach_to(place(&group).order(order));
    let one = put("one", Order::default()).unwrap();
    let two = put("two", Order::first()).unwrap();
    assert_eq!(ran(&object, &group), 21);
    let three = put("three", Order::before(&one)).unwrap();
    assert_eq!(ran(&object, &group), 231);
    let after = Neighbour::LinkId(three.info().unwrap().id);
    let four = put("four", Order::after(after)).unwrap();
    assert_eq!(ran(&object, &group), 2341);
    assert_eq!(
        ids(&own(&group)),
        named(&object, &["two", "three", "four", "one"])
    );
    drop(two);
    drop(four);
    let last = put("two", Order::last()).unwrap();
    assert_eq!(ran(&object, &group), 312);

    let revision = own(&group).revision;
    assert!(revision > 0);
    let right = put("four", Order::first().revision(revision)).unwrap();
    assert_eq!(ran(&object, &group), 4312);
    let changed = put("one", Order::first().revision(revision)).unwrap_err();
    assert_eq!(changed.errno(), Some(Errno::ESTALE), "{changed}");
    assert!(changed.to_string().contains("changed"), "{changed}");
    drop((right, one, last));

    let other = group.child("other");
    let elsewhere = held(&object, "one", &other, CgroupMode::Link).unwrap();
    let missing = put("two", Order::before(&elsewhere)).unwrap_err();
    assert_eq!(missing.errno(), Some(Errno::ENOENT), "{missing}");
    assert!(missing.to_string().contains("before or after"), "{missing}");
    assert_eq!(ran(&object, &group), 3);
}

#[test]
fn programs_without_links_have_an_order() {
    if !order_is_there() {
        return;
    }
    let group = group!();
    let object = load(&host(), &object!("cgorder"));
    let multi = || place(&group).mode(CgroupMode::Multi);
    let put = |name, order: Order<'_>| program(&object, name).attach_to(multi().order(order));
    let one = put("one", Order::default()).unwrap();
    let _two = put("two", Order::before(program(&object, "one"))).unwrap();
    // A link's neighbour is its program, where it is no BPF link.
    let _three = put("three", Order::after(&one)).unwrap();
    assert_eq!(ran(&object, &group), 213);
    let by_id = Neighbour::ProgId(id(&object, "one"));
    let _four = put("four", Order::before(by_id).revision(own(&group).revision)).unwrap();
    assert_eq!(ran(&object, &group), 2413);
}

#[test]
fn a_program_of_a_cgroup_above_goes_first_if_it_is_to() {
    let answer = host().probe(Feature::CgroupPreorder);
    if answer != Answer::Yes {
        skip!("BPF_F_PREORDER: {answer}");
    }
    let group = group!();
    let below = group.child("below");
    let object = load(&host(), &object!("cgorder"));
    let _one = held(&object, "one", &group, CgroupMode::Link).unwrap();
    let _two = held(&object, "two", &below, CgroupMode::Link).unwrap();
    let three = program(&object, "three")
        .attach_to(place(&group).preorder())
        .unwrap();
    assert_eq!(ran(&object, &below), 321);
    drop(three);
    let plain = place(&group).mode(CgroupMode::Multi).preorder();
    let _three = program(&object, "three").attach_to(plain).unwrap();
    assert_eq!(ran(&object, &below), 321);
}
