//! How cgroups hold programs: alone, in place of others, beside others; by links and without; and what
//! is there.

mod common;
#[path = "common/held.rs"]
mod held;
#[path = "common/inside.rs"]
mod inside;
#[path = "common/refusing.rs"]
mod refusing;

use common::{Cgroup as Group, host, load, object, own_bpffs, skip};
use held::{AT, held, id, ids, named, own, place, program, ran};
use inside::{group, inside};
use refusing::refusing;
use skep::codec::uapi::bpf::Cmd;
use skep::link::{Cgroup, CgroupMode, LinkKind, Neighbour, Order};
use skep::sys::bpf::{AttachParams, Target, prog_detach};
use skep::sys::watch::{Fault, Trace};
use skep::{AttachType, Errno, ErrorKind, Link, Program, System};
use std::os::unix::fs::MetadataExt;

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
    let gone = one.detach().unwrap_err();
    assert_eq!(gone.errno(), Some(Errno::ENOENT), "{gone}");
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

/// Gives away every capability of this process.
fn drop_privilege() {
    const VERSION_3: u32 = 0x2008_0522;
    let (header, none) = ([VERSION_3, 0], [0_u32; 6]);
    // SAFETY: a header of two words, and two sets of three words each.
    let done = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn without_privilege_the_capability_is_named() {
    let group = group!();
    let object = load(&host(), &object!("cgskb"));
    let dir = skep::sys::Fd::duplicate(host().kernel(), group.open()).unwrap();
    let program = object.program("egress").unwrap();
    for mode in [CgroupMode::Link, CgroupMode::Multi] {
        let said = inside(&group, || {
            drop_privilege();
            let error = program.attach_to(Cgroup::at(&dir).mode(mode)).unwrap_err();
            format!("{:?} {error}", error.kind())
        });
        assert!(said.starts_with("Permission "), "{said}");
        assert!(said.contains("CAP_NET_ADMIN"), "{said}");
    }
}

/// Detaches a program that is held without a link, if it is there.
fn take_away(program: &Program, group: &Group) {
    let dir = skep::sys::Fd::duplicate(host().kernel(), group.open()).unwrap();
    let params = AttachParams {
        target: Target::Fd(&dir),
        attach_type: AT,
        ..AttachParams::default()
    };
    match prog_detach(dir.kernel(), Some(program.fd()), &params) {
        Err(error) if error.errno == Errno::ENOENT => {}
        done => done.unwrap(),
    }
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
                    // It stays, or is tried again when it is dropped.
                    if let Err(error) = link.detach() {
                        assert_eq!(error.errno(), Some(Errno::EIO), "{error}");
                        take_away(program(&object, "one"), &group);
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
