//! A program in place of a function of another program.

use super::{Held, Hook, Link};
use crate::Result;
use crate::prog::Program;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// A function of a loaded program. The program to attach is of type `EXT`, and was loaded for a
/// function of the same parameters, of this program or another.
#[derive(Clone, Copy, Debug)]
#[doc(alias = "bpf_program__attach_freplace")]
pub struct Freplace<'a> {
    target: &'a Program,
    function: &'a str,
}

impl<'a> Freplace<'a> {
    /// The function of this name.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE`, since Linux 5.10.
    #[inline]
    pub fn of(target: &'a Program, function: &'a str) -> Self {
        Self { target, function }
    }
}

impl Hook for Freplace<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let fd = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::Fd(self.target.fd()),
            attach_type: crate::AttachType::default(),
            flags: 0,
            extra: LinkExtra::BtfId(self.target.function_id(self.function)?.0),
        })?;
        let hook = format!("{} of {}", self.function, self.target.name());
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}
