//! XDP programs of interfaces.

use super::{Netlink, XdpMode, XdpProgs};
use crate::Result;
use crate::error::Context;
use crate::prog::Program;
use skep_codec::netlink::Request;
use skep_codec::netlink::link::{self, Expect, SetXdp};

/// No program.
const NONE: i32 = -1;

#[inline]
pub(super) fn attach(ifindex: u32, program: &Program, mode: Option<XdpMode>) -> Request {
    link::set_xdp(&SetXdp {
        ifindex,
        fd: program.fd().raw(),
        mode,
        expect: Expect::Nothing,
    })
}

#[inline]
pub(super) fn replace(
    ifindex: u32,
    old: &Program,
    new: &Program,
    mode: Option<XdpMode>,
) -> Request {
    link::set_xdp(&SetXdp {
        ifindex,
        fd: new.fd().raw(),
        mode,
        expect: Expect::Program(old.fd().raw()),
    })
}

#[inline]
pub(super) fn detach(ifindex: u32, program: Option<&Program>, mode: Option<XdpMode>) -> Request {
    let expect = |program: &Program| Expect::Program(program.fd().raw());
    link::set_xdp(&SetXdp {
        ifindex,
        fd: NONE,
        mode,
        expect: program.map_or(Expect::Anything, expect),
    })
}

impl Netlink {
    /// The programs on an interface, mode by mode.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound): there is no such interface.
    ///
    /// # Kernel
    /// `RTM_GETLINK`; each mode's own since Linux 4.20.
    #[doc(alias = "bpf_xdp_query")]
    #[inline]
    pub fn xdp(&mut self, ifindex: u32) -> Result<XdpProgs> {
        Ok(self.interface(ifindex)?.xdp)
    }

    /// Puts a program on an interface that has none, for as long as nobody takes it off:
    /// [`link::Xdp`](crate::link::Xdp) is what takes it off again. Without a mode the kernel
    /// chooses: the driver if it can, else the stack.
    ///
    /// # Errors
    /// `EBUSY`, `EEXIST`: there is a program; `EOPNOTSUPP`: the driver has no such mode; `ERANGE`,
    /// `EINVAL`: packets of the interface can be longer than a buffer of the driver's, and the
    /// program takes no fragments.
    ///
    /// # Kernel
    /// `RTM_SETLINK` with `IFLA_XDP`, since Linux 4.8.
    #[doc(alias = "bpf_xdp_attach")]
    #[inline]
    pub fn attach_xdp(
        &mut self,
        ifindex: u32,
        program: &Program,
        mode: Option<XdpMode>,
    ) -> Result<()> {
        let attached = self.change(&attach(ifindex, program, mode));
        attached.context(format_args!(
            "put `{}` on interface {ifindex}",
            program.name()
        ))
    }

    /// Puts a program in the place of another one, at one blow, only if that is there.
    ///
    /// # Errors
    /// Those of [`Netlink::attach_xdp`]; `EEXIST`: another program is there.
    ///
    /// # Kernel
    /// `RTM_SETLINK` with `XDP_FLAGS_REPLACE`, since Linux 5.7.
    #[inline]
    pub fn replace_xdp(
        &mut self,
        ifindex: u32,
        old: &Program,
        new: &Program,
        mode: Option<XdpMode>,
    ) -> Result<()> {
        let replaced = self.change(&replace(ifindex, old, new, mode));
        replaced.context(format_args!(
            "put `{}` in the place of `{}` on interface {ifindex}",
            new.name(),
            old.name()
        ))
    }

    /// Takes a program off an interface, whichever it is, or only if it is `program`. Nothing to be
    /// taken off is no error.
    ///
    /// # Errors
    /// `EBUSY`: a BPF link holds the place; `EEXIST`: it is not `program` that is there.
    ///
    /// # Kernel
    /// `RTM_SETLINK` with `IFLA_XDP`; a certain program since Linux 5.7.
    #[doc(alias = "bpf_xdp_detach")]
    #[inline]
    pub fn detach_xdp(
        &mut self,
        ifindex: u32,
        program: Option<&Program>,
        mode: Option<XdpMode>,
    ) -> Result<()> {
        let detached = self.change(&detach(ifindex, program, mode));
        detached.context(format_args!("take the XDP program off interface {ifindex}"))
    }
}
