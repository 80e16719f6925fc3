//! How cgroups hold programs: alone, in place of others, beside others and in what order; by links and
//! without; and what is there.

mod common;
#[path = "common/inside.rs"]
mod inside;
#[path = "common/refusing.rs"]
mod refusing;

use common::{Cgroup as Group, host, load, object, own_bpffs, skip};
use inside::{group, inside};
use refusing::refusing;
use skep::codec::uapi::bpf::Cmd;
use skep::link::{Attachments, Cgroup, CgroupMode, LinkKind, Neighbour, Order};
use skep::probe::{Answer, Feature};
use skep::sys::watch::{Fault, Trace};
use skep::{AttachType, Errno, ErrorKind, Link, Object, Program, Result, System};
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;

const AT: AttachType = AttachType::CGROUP_INET_SOCK_CREATE;

fn program<'a>(object: &'a Object, name: &str) -> &'a Program {
    object.program(name).unwrap()
}

fn id(object: &Object, name: &str) -> u32 {
    program(object, name).id().unwrap()
}

fn place(group: &Group) -> Cgroup<'static> {
    Cgroup::open(&group.0)
}

fn held(object: &Object, name: &str, group: &Group, mode: CgroupMode) -> Result<Link> {
    program(object, name).attach_to(place(group).mode(mode))
}

/// Digits of the programs that ran when a process of the cgroup made a socket, in order.
fn ran(object: &Object, group: &Group) -> u64 {
    let ran = object.global("ran").unwrap();
    ran.set(0_u64).unwrap();
    let made = inside(group, || UdpSocket::bind("127.0.0.1:0").is_ok().to_string());
    assert_eq!(made, "true");
    ran.read().unwrap()
}

fn own(group: &Group) -> Attachments {
    place(group).attached(&host(), AT).unwrap()
}

/// Programs there, by their ids.
fn ids(attached: &Attachments) -> Vec<u32> {
    attached
        .list
        .iter()
        .map(|attached| attached.prog_id)
        .collect()
}

fn named(object: &Object, names: &[&str]) -> Vec<u32> {
    names.iter().map(|name| id(object, name)).collect()
}

#[test]
fn a_program_alone_lets_none_beside_it_and_none_below() {
    let group = group!();
    let below = group.child("below");
    let object = load(&host(), &object!("cgorder"));
    let one = held(&object, "one", &group, CgroupMode::Single).unwrap();
    assert!(!one.is_bpf_link());
    assert_eq!(ran(&object, &below), 1);
    let there = own(&group);
    assert_eq!(ids(&there), [id(&object, "one")]);
    assert_eq!(CgroupMode::of(&there), Some(CgroupMode::Single));
    for mode in [CgroupMode::Single, CgroupMode::Multi, CgroupMode::Link] {
        let error = held(&object, "two", &below, mode).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        assert_eq!(error.errno(), Some(Errno::EPERM));
        assert!(error.to_string().contains("above"), "{error}");
    }
    let error = held(&object, "two", &group, CgroupMode::Link).unwrap_err();
    assert!(error.to_string().contains("CgroupMode::Single"), "{error}");
    assert_eq!(error.errno(), Some(Errno::EPERM));
    assert_eq!(ran(&object, &below), 1);

    // Another takes its place; the first one's end takes nothing away.
    let two = held(&object, "two", &group, CgroupMode::Single).unwrap();
    drop(one);
    assert_eq!(ran(&object, &group), 2);
    two.detach().unwrap();
    assert_eq!(ran(&object, &group), 0);
    assert_eq!(CgroupMode::of(&own(&group)), None);
    drop(held(&object, "two", &below, CgroupMode::Link).unwrap());
}

#[test]
fn a_program_of_a_cgroup_below_takes_ones_place_there() {
    let group = group!();
    let below = group.child("below");
    let object = load(&host(), &object!("cgorder"));
    let _one = held(&object, "one", &group, CgroupMode::Override).unwrap();
    assert_eq!(CgroupMode::of(&own(&group)), Some(CgroupMode::Override));
    assert_eq!(ran(&object, &below), 1);
    let two = held(&object, "two", &below, CgroupMode::Override).unwrap();
    assert_eq!((ran(&object, &below), ran(&object, &group)), (2, 1));
    let effective = place(&below).effective(&host(), AT).unwrap();
    assert_eq!(ids(&effective), [id(&object, "two")]);
    drop(two);
    assert_eq!(ran(&object, &below), 1);
    let effective = place(&below).effective(&host(), AT).unwrap();
    assert_eq!(ids(&effective), [id(&object, "one")]);
    assert_eq!(ids(&own(&below)), []);
}

#[test]
fn many_run_from_below_to_above() {
    let group = group!();
    let below = group.child("below");
    let object = load(&host(), &object!("cgorder"));
    let _one = held(&object, "one", &group, CgroupMode::Multi).unwrap();
    let two = held(&object, "two", &below, CgroupMode::Multi).unwrap();
    let three = held(&object, "three", &below, CgroupMode::Link).unwrap();
    assert_eq!((two.is_bpf_link(), three.is_bpf_link()), (false, true));
    assert_eq!(ran(&object, &below), 231);
    assert_eq!(ids(&own(&below)), named(&object, &["two", "three"]));
    assert_eq!(CgroupMode::of(&own(&below)), Some(CgroupMode::Multi));
    let effective = place(&below).effective(&host(), AT).unwrap();
    assert_eq!(ids(&effective), named(&object, &["two", "three", "one"]));

    let again = held(&object, "two", &below, CgroupMode::Multi).unwrap_err();
    assert_eq!(again.errno(), Some(Errno::EINVAL));
    assert!(again.to_string().contains("already"), "{again}");

    let (old, new) = (program(&object, "two"), program(&object, "four"));
    let replacing = place(&below).mode(CgroupMode::Multi).replacing(old);
    let four = new.attach_to(&replacing).unwrap();
    assert_eq!(ran(&object, &below), 431);
    let gone = program(&object, "one").attach_to(&replacing).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
    let gone = two.detach().unwrap_err();
    assert_eq!(gone.errno(), Some(Errno::ENOENT), "{gone}");
    assert_eq!(ran(&object, &below), 431);
    let mut four = four;
    let error = four.update(old).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = four.pin("/tmp/skep").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(ran(&object, &below), 31, "dropped");
    drop(three);
    assert_eq!(ran(&object, &below), 1);
}

#[test]
fn a_link_is_pinned_changed_and_found() {
    let group = group!();
    let (system, object) = (host(), load(&host(), &object!("cgorder")));
    let mut link = held(&object, "one", &group, CgroupMode::Link).unwrap();
    let cgroup = group.open().metadata().unwrap().ino();
    let kind = LinkKind::Cgroup {
        cgroup_id: cgroup,
        attach_type: AT,
    };
    let info = link.info().unwrap();
    assert_eq!(info.kind, kind);
    let links = place(&group).links(&system).unwrap();
    assert_eq!((links.len(), links.first()), (1, Some(&info)));
    link.update(program(&object, "two")).unwrap();
    assert_eq!(ran(&object, &group), 2);
    let wrong = link.update_from(program(&object, "one"), program(&object, "three"));
    assert_eq!(wrong.unwrap_err().errno(), Some(Errno::EPERM));
    assert_eq!(ran(&object, &group), 2);

    // The path has the bpffs above it now: by descriptor it is the same.
    let dir = skep::sys::Fd::duplicate(system.kernel(), group.open()).unwrap();
    let bpffs = own_bpffs();
    let path = format!("{bpffs}/link");
    drop(link.pin(&path).unwrap());
    let there = Cgroup::at(&dir).attached(&system, AT).unwrap();
    assert_eq!(ids(&there), [id(&object, "two")]);
    let opened = Link::from_pin(&system, &path).unwrap();
    assert_eq!(opened.info().unwrap().id, info.id);
    opened.force_detach().unwrap();
    assert_eq!(ids(&Cgroup::at(&dir).attached(&system, AT).unwrap()), []);
    assert_eq!(Cgroup::at(&dir).links(&system).unwrap(), []);
    std::fs::remove_file(&path).unwrap();
    unmount();
}

/// Takes away what was mounted last, so that the cgroup below it can be removed.
fn unmount() {
    nix::mount::umount("/tmp").unwrap();
}

#[test]
fn without_links_in_the_kernel_it_is_held_as_one_of_many() {
    let group = group!();
    let object = load(&host(), &object!("cgorder"));
    let (system, _) = refusing(|cmd, _, _| (cmd == Cmd::LINK_CREATE).then_some(Errno::EINVAL));
    let one = system.program_by_id(id(&object, "one")).unwrap();
    let dir = skep::sys::Fd::duplicate(system.kernel(), group.open()).unwrap();
    let place = Cgroup::at(&dir).attach_type(AT);
    let error = one.attach_to(&place).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    let link = one.attach_to(place.clone().mode(CgroupMode::Auto)).unwrap();
    assert!(!link.is_bpf_link());
    assert_eq!(link.hook(), format!("{AT} of a cgroup"));
    assert_eq!(ran(&object, &group), 1);
    drop(link);
    assert_eq!(ran(&object, &group), 0);
    let link = held(&object, "one", &group, CgroupMode::Auto).unwrap();
    assert!(link.is_bpf_link());
    assert_eq!(ran(&object, &group), 1);
}

/// A hierarchy of version 1, without controllers, where only this thread sees it.
struct OldHierarchy(&'static str);

impl OldHierarchy {
    /// `None` where the kernel has none.
    fn mount() -> Option<Self> {
        let (dir, none) = ("/sys", Some("none"));
        let name = format!("none,name=skep-test-{}", std::process::id());
        let flags = nix::mount::MsFlags::empty();
        nix::mount::mount(none, dir, Some("cgroup"), flags, Some(&*name)).ok()?;
        Some(Self(dir))
    }
}

impl Drop for OldHierarchy {
    fn drop(&mut self) {
        let _ = nix::mount::umount(self.0);
    }
}

#[test]
fn what_cannot_be_says_why() {
    let group = group!();
    let system = host();
    let object = load(&system, &object!("cgorder"));
    let (one, two) = (program(&object, "one"), program(&object, "two"));
    let none = one.attach_to(Cgroup::open("/no/such/cgroup")).unwrap_err();
    assert_eq!(none.errno(), Some(Errno::ENOENT));
    assert!(none.to_string().contains("/no/such/cgroup"), "{none}");
    let other = one.attach_to(Cgroup::open("/proc")).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Invalid, "{other}");
    assert!(other.to_string().contains("version 2"), "{other}");
    if let Some(old) = OldHierarchy::mount() {
        let other = one.attach_to(Cgroup::open(old.0)).unwrap_err();
        assert!(other.to_string().contains("version 2"), "{other}");
    }
    let wrong = one.attach_to(place(&group).attach_type(AttachType::CGROUP_DEVICE));
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Invalid);
    let wrong = one.attach_to(place(&group).attach_type(AttachType::CGROUP_INET4_POST_BIND));
    assert_eq!(wrong.unwrap_err().errno(), Some(Errno::EINVAL));
    let xdp = load(&system, &object!("xdp"));
    let wrong = xdp.program("pass").unwrap().attach_to(place(&group));
    let wrong = wrong.unwrap_err();
    assert_eq!(
        (wrong.kind(), wrong.errno()),
        (ErrorKind::Invalid, None),
        "{wrong}"
    );
    for odd in [
        place(&group).replacing(two),
        place(&group).order(Order::before(two)),
        place(&group).mode(CgroupMode::Single).order(Order::first()),
        place(&group)
            .mode(CgroupMode::Multi)
            .order(Order::after(Neighbour::LinkId(1))),
        place(&group)
            .mode(CgroupMode::Multi)
            .replacing(two)
            .order(Order::first()),
    ] {
        let error = one.attach_to(&odd).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{odd:?}: {error}");
    }
    let found = system.program_by_id(id(&object, "one")).unwrap();
    let error = found.attach_to(place(&group)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget, "{error}");
    let error = place(&group)
        .attached(&system, AttachType::XDP)
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    assert_eq!(ids(&own(&group)), []);
}

#[test]
fn a_call_that_fails_leaves_nothing_attached() {
    let group = group!();
    let object = load(&host(), &object!("cgorder"));
    let id = id(&object, "one");
    for mode in [CgroupMode::Link, CgroupMode::Multi] {
        for nth in 1.. {
            assert!(nth < 50, "no end");
            let trace = Trace::new(host().kernel().clone());
            let fault = Fault::nth(trace.clone(), nth, Errno::EIO);
            let attach = |system: System| {
                let program = system.program_by_id(id)?;
                program.attach_to(place(&group).mode(mode).attach_type(AT))
            };
            let link = System::new(fault.clone()).and_then(attach);
            let hit = fault.hit();
            match link {
                Err(error) => assert_eq!(error.errno(), Some(Errno::EIO), "{hit:?}: {error}"),
                Ok(link) => {
                    assert_eq!((hit, ran(&object, &group)), (None, 1));
                    // What fails here is tried again when it is dropped.
                    if let Err(error) = link.detach() {
                        assert_eq!(error.errno(), Some(Errno::EIO), "{error}");
                    }
                }
            }
            let hit = fault.hit();
            drop(fault);
            assert_eq!(trace.open_fds(), 0, "after call {nth} ({hit:?}) failed");
            assert_eq!(ids(&own(&group)), [], "after call {nth} ({hit:?}) failed");
            if hit.is_none() {
                break;
            }
        }
    }
}

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
