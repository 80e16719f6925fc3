//! Held by a BPF link, or without one on kernels that have none of its kind.

use super::held::HeldTarget;
use super::{Held, Link};
use crate::probe::{Answer, Feature};
use crate::prog::Program;
use crate::{AttachType, Errno, Error, ErrorKind, Result};
use alloc::string::String;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// How a program is held to what had programs before it had links. [`Link::is_bpf_link`] tells
/// what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkMode {
    /// The first of those below that the kernel has.
    #[default]
    Auto,
    /// A BPF link.
    Link,
    /// `BPF_PROG_ATTACH` (of perf events: `PERF_EVENT_IOC_SET_BPF`), which has neither id nor pin; the
    /// program stays if its link is leaked.
    #[doc(alias = "BPF_PROG_ATTACH")]
    Attach,
}

/// Where a program is to be held, and how.
pub(super) struct Place<'a> {
    /// What has the program, for its link.
    pub(super) target: Target<'a>,
    /// The same for `BPF_PROG_ATTACH`; `None` where that cannot be.
    pub(super) older: Option<HeldTarget>,
    pub(super) attach_type: AttachType,
    pub(super) mode: LinkMode,
    /// The links that the kernel may not have.
    pub(super) feature: Feature,
}

impl Place<'_> {
    /// Attaches a program there.
    #[inline]
    pub(super) fn attach(self, program: &Program, hook: String) -> Result<Link> {
        if self.mode != LinkMode::Attach {
            let params = LinkParams {
                prog: program.fd(),
                target: self.target,
                attach_type: self.attach_type,
                flags: 0,
                extra: LinkExtra::None,
            };
            match bpf::link_create(&params) {
                Ok(link) => return Ok(Link::new(program, hook, Held::Bpf(link))),
                // What is wrong is something else, or that the kernel has no such links.
                Err(error)
                    if error.errno != Errno::EINVAL
                        || program.system().probe(self.feature).is_usable() =>
                {
                    return Err(error.into());
                }
                Err(_) => {}
            }
        }
        let Some(held) = self.older.filter(|_| self.mode != LinkMode::Link) else {
            return Err(impossible(&hook, self.mode, self.feature));
        };
        held.attach(program)?;
        Ok(Link::new(program, hook, Held::Target(held)))
    }
}

/// Whether an error is of a kernel that has no such links: it is asked.
#[inline]
pub(super) fn has_no(feature: Feature, program: &Program, error: &Error) -> bool {
    error.errno() == Some(Errno::EINVAL) && program.system().probe(feature) == Answer::No
}

#[cold]
fn impossible(hook: &str, mode: LinkMode, feature: Feature) -> Error {
    let why = match mode {
        LinkMode::Attach => "it takes a link (BPF_PROG_ATTACH does not go there)",
        _ => "this kernel has no such links",
    };
    let what = format!("{hook}: {why} ({})", feature.name());
    Error::new(ErrorKind::Unsupported, what)
}
