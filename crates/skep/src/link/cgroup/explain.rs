//! What a refusal means, where the kernel's number alone does not tell.

use super::{Cgroup, CgroupMode};
use crate::link::{Attachments, Neighbour, Target};
use crate::probe::Feature;
use crate::prog::Program;
use crate::{AttachType, Error, ErrorKind, Result};
use alloc::string::String;
use skep_codec::Errno;
use skep_codec::uapi::linux::CGROUP2_SUPER_MAGIC;
use skep_sys::{CallError, Fd, file};

/// Says what does not go together in what is asked.
#[inline]
pub(super) fn wrong(cgroup: &Cgroup<'_>) -> Option<&'static str> {
    let (order, mode) = (&cgroup.order, cgroup.mode);
    if cgroup.replaced.is_some() {
        if mode != CgroupMode::Multi {
            return Some("a program is replaced in CgroupMode::Multi only; a link by Link::update");
        }
        if order.flags() != 0 {
            return Some("a program takes another's place, or is given one in the order: not both");
        }
    }
    if order.flags() != 0 && matches!(mode, CgroupMode::Single | CgroupMode::Override) {
        return Some("there is no order where a program is the only one: take CgroupMode::Multi");
    }
    match order.neighbour() {
        Neighbour::Prog(_) | Neighbour::ProgId(_) if mode.has_link() => {
            Some("a link to a cgroup goes before or after a link, not a program")
        }
        Neighbour::Link(_) | Neighbour::LinkId(_) if !mode.has_link() => {
            Some("without a link it goes before or after a program, not a link")
        }
        _ => None,
    }
}

/// Refuses a directory that is in no hierarchy of version 2: old kernels take those of version 1, and
/// then do nothing for them.
#[inline]
pub(super) fn check_dir(cgroup: &Cgroup<'_>, dir: &Fd) -> Result<()> {
    match file::fstatfs_magic(dir) {
        Ok(magic) if magic != CGROUP2_SUPER_MAGIC => {
            let what = format!(
                "{} is in no hierarchy of version 2 (usually mounted at /sys/fs/cgroup)",
                cgroup.named()
            );
            Err(Error::new(ErrorKind::Invalid, what))
        }
        // Where that cannot be asked, the kernel decides.
        Err(error) if error.errno != Errno::ENOSYS => Err(error.into()),
        _ => Ok(()),
    }
}

/// The program can be attached as several things, and nothing says as which.
#[cold]
pub(super) fn needs_type(types: &[AttachType]) -> Error {
    let mut what = String::from("nothing says what it is to be attached as");
    for (n, attach_type) in types.iter().enumerate() {
        what.push_str(if n == 0 { ": give " } else { " or " });
        what.push_str(&format!("{attach_type:?}"));
    }
    what.push_str(" (Cgroup::attach_type)");
    Error::new(ErrorKind::NeedsTarget, what)
}

/// The program is of a type that does not attach to cgroups, or not as this.
#[cold]
pub(super) fn no_type(program: &Program, chosen: Option<AttachType>) -> Error {
    let prog_type = program.prog_type();
    let what = match chosen {
        Some(chosen) => {
            format!("programs of type {prog_type} are not attached to cgroups as {chosen}")
        }
        None => format!("programs of type {prog_type} are not attached to cgroups"),
    };
    Error::new(ErrorKind::Invalid, what)
}

/// The kernel lacks this.
#[cold]
pub(super) fn lacking(feature: Feature) -> Error {
    let what = match feature {
        Feature::CgroupPreorder => "this kernel has no BPF_F_PREORDER, which came with Linux 6.15",
        _ => {
            "this kernel puts a cgroup's programs in the order in which they come, and counts no \
             revisions: both came with Linux 6.17"
        }
    };
    Error::new(ErrorKind::Unsupported, what)
}

/// Says of a refusal what there is to say.
#[cold]
pub(super) fn refused(
    cgroup: &Cgroup<'_>,
    program: &Program,
    dir: &Fd,
    attach_type: AttachType,
    error: CallError,
) -> Error {
    let told = |kind, what: String| Error::from(error).explained(kind, what);
    match error.errno {
        Errno::EPERM | Errno::EINVAL => {
            let there = program.system().attached(Target::Fd(dir), attach_type);
            let (kind, what) = forbidden(cgroup, program, attach_type, error.errno, there);
            told(kind, what)
        }
        Errno::ENOENT if cgroup.replaced.is_some() => {
            let what = "the program to be replaced is not attached there";
            told(ErrorKind::NotFound, what.into())
        }
        Errno::E2BIG => told(
            ErrorKind::Call,
            "the cgroup has as many programs as it can".into(),
        ),
        errno => match cgroup.order.refused(errno) {
            Some(what) => told(ErrorKind::Call, what.into()),
            None => error.into(),
        },
    }
}

/// What `EPERM` and `EINVAL` mean, by what is attached there.
#[inline]
fn forbidden(
    cgroup: &Cgroup<'_>,
    program: &Program,
    attach_type: AttachType,
    errno: Errno,
    there: Result<Attachments>,
) -> (ErrorKind, String) {
    let is_there = |there: &Attachments, id| there.list.iter().any(|one| one.prog_id == id);
    match (there, program.id()) {
        // Not even asking is allowed.
        (Err(asked), _) if asked.errno() == Some(Errno::EPERM) => {
            let what = "attaching to a cgroup takes CAP_NET_ADMIN";
            (ErrorKind::Permission, what.into())
        }
        (Ok(there), _) if errno == Errno::EPERM => {
            let what = in_the_way(cgroup, CgroupMode::of(&there));
            (ErrorKind::Permission, what)
        }
        (Ok(there), Ok(id)) if !cgroup.mode.has_link() && is_there(&there, id) => {
            (ErrorKind::Call, "it is attached there already".into())
        }
        _ => {
            let what = format!("the kernel does not take it as {attach_type}, or lacks that");
            (ErrorKind::Call, what)
        }
    }
}

/// What stands in the way: programs of this cgroup in another mode, or one above.
#[inline]
fn in_the_way(cgroup: &Cgroup<'_>, mode: Option<CgroupMode>) -> String {
    match mode {
        Some(mode) if mode.flags() != cgroup.mode.flags() => format!(
            "{} holds programs in CgroupMode::{mode:?}, and this one is to be there in \
             CgroupMode::{:?}",
            cgroup.named(),
            cgroup.mode
        ),
        _ => format!(
            "a cgroup above {} has a program that allows none below (CgroupMode::Single)",
            cgroup.named()
        ),
    }
}
