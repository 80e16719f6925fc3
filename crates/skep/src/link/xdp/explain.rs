//! Why a program was not attached to an interface, where the kernel says less than is known.

use crate::netlink::{Interface, Netlink, XdpMode};
use crate::prog::Program;
use crate::{Errno, Error, ProgType};
use alloc::string::String;

/// The error with what the interface tells of it; as it is, if that tells nothing.
#[cold]
pub(super) fn explained(
    error: Error,
    program: &Program,
    ifindex: u32,
    mode: Option<XdpMode>,
) -> Error {
    let why = |interface: &Interface| match error.errno()? {
        Errno::EBUSY | Errno::EEXIST => occupied(interface),
        Errno::EOPNOTSUPP if mode == Some(XdpMode::Native) => Some(format!(
            "the driver of {} runs no XDP programs itself: attach with generic() or or_generic()",
            interface.name
        )),
        Errno::ERANGE if mode != Some(XdpMode::Generic) => Some(format!(
            "the driver takes no packets of {} bytes in one piece (that is the MTU of {}, or of its \
             peer): lower that, have the program take fragments (section `xdp.frags`), or attach \
             with generic()",
            interface.mtu, interface.name
        )),
        // The kernel tells of no program whether it is bound.
        Errno::EINVAL if program.prog_type() == ProgType::XDP => Some(format!(
            "{} (interface {}) does not take the program: one that is bound to a device attaches to \
             that one only, and not with generic()",
            interface.name, interface.ifindex
        )),
        _ => None,
    };
    let asked = || Netlink::open(program.system())?.interface(ifindex);
    match asked().ok().as_ref().and_then(why) {
        Some(why) => {
            let kind = error.kind();
            error.explained(kind, why)
        }
        None => error,
    }
}

/// Who is there already.
#[cold]
fn occupied(interface: &Interface) -> Option<String> {
    let (mode, id) = interface.xdp.attached().next()?;
    Some(format!(
        "{} has a program already: {id}, {mode}",
        interface.name
    ))
}
