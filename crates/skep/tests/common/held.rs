//! Programs that a test's own cgroup holds, and that tell in what order they ran.

use super::common::{Cgroup as Group, host};
use super::inside::inside;
use skep::link::{Attachments, Cgroup, CgroupMode};
use skep::{AttachType, Link, Object, Program, Result};
use std::net::UdpSocket;

pub(crate) const AT: AttachType = AttachType::CGROUP_INET_SOCK_CREATE;

pub(crate) fn program<'a>(object: &'a Object, name: &str) -> &'a Program {
    object.program(name).unwrap()
}

pub(crate) fn id(object: &Object, name: &str) -> u32 {
    program(object, name).id().unwrap()
}

pub(crate) fn place(group: &Group) -> Cgroup<'static> {
    Cgroup::open(&group.0)
}

pub(crate) fn held(object: &Object, name: &str, group: &Group, mode: CgroupMode) -> Result<Link> {
    program(object, name).attach_to(place(group).mode(mode))
}

/// Digits of the programs that ran when a process of the cgroup made a socket, in order.
pub(crate) fn ran(object: &Object, group: &Group) -> u64 {
    let ran = object.global("ran").unwrap();
    ran.set(0_u64).unwrap();
    let made = inside(group, || UdpSocket::bind("127.0.0.1:0").is_ok().to_string());
    assert_eq!(made, "true");
    ran.read().unwrap()
}

pub(crate) fn own(group: &Group) -> Attachments {
    place(group).attached(&host(), AT).unwrap()
}

/// Programs there, by their ids.
pub(crate) fn ids(attached: &Attachments) -> Vec<u32> {
    attached
        .list
        .iter()
        .map(|attached| attached.prog_id)
        .collect()
}

pub(crate) fn named(object: &Object, names: &[&str]) -> Vec<u32> {
    names.iter().map(|name| id(object, name)).collect()
}
