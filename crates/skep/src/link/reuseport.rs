//! Groups of sockets that share a port: a program that chooses one of them.

use super::{Held, Hook, Link};
use crate::error::Context;
use crate::prog::Program;
use crate::{Errno, Error, Result};
use alloc::string::ToString;
use skep_sys::{Fd, net};

/// The group of a socket that was bound with `SO_REUSEPORT`.
#[derive(Debug)]
pub struct Reuseport<'a> {
    socket: &'a Fd,
}

impl<'a> Reuseport<'a> {
    /// The group of this socket. A program of type `SK_REUSEPORT` chooses by a map of sockets
    /// ([`ReuseportSockArray`](crate::map::ReuseportSockArray)), a socket filter returns the place in
    /// the order in which sockets were bound. A group has one program: the last one decides, and
    /// dropping any of their links takes it off. The link keeps a duplicate of the descriptor, which
    /// keeps the socket open.
    ///
    /// # Errors
    /// When attached: `EINVAL` if the socket is not bound with `SO_REUSEPORT`, `ENOTSUPP` if it is
    /// neither UDP nor TCP.
    ///
    /// # Kernel
    /// `SO_ATTACH_REUSEPORT_EBPF`, since Linux 4.5 (`SK_REUSEPORT`: 4.19; connections that move when
    /// their socket is closed: 5.14); taken off since 5.3.
    #[doc(alias = "SO_ATTACH_REUSEPORT_EBPF")]
    #[inline]
    pub fn of(socket: &'a Fd) -> Self {
        Self { socket }
    }
}

impl Hook for Reuseport<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let socket = self.socket.try_clone()?;
        match net::attach_reuseport_bpf(&socket, program.fd()) {
            Ok(()) => {}
            Err(error) if error.errno == Errno::EINVAL => {
                let what = "the socket is not bound with SO_REUSEPORT, or the program no socket \
                            filter and not of type sk_reuseport";
                return Err(Error::from(error)).context(what);
            }
            Err(error) => return Err(error.into()),
        }
        let hook = "reuseport group".to_string();
        Ok(Link::new(program, hook, Held::Reuseport(socket)))
    }
}
