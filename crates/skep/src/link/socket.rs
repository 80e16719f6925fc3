//! Socket filters: a program that sees what a socket receives.

use super::{Held, Hook, Link};
use crate::Result;
use crate::prog::Program;
use alloc::string::ToString;
use skep_sys::{Fd, net};

/// A socket.
#[derive(Debug)]
pub struct SocketFilter<'a> {
    socket: &'a Fd,
    locked: bool,
}

impl<'a> SocketFilter<'a> {
    /// This socket. The link keeps a duplicate of the descriptor; dropping it takes the filter
    /// off.
    ///
    /// # Errors
    /// When attached: `EPERM` if a filter is there and locked.
    ///
    /// # Kernel
    /// `SO_ATTACH_BPF`, since Linux 3.19.
    #[inline]
    pub fn on(socket: &'a Fd) -> Self {
        Self {
            socket,
            locked: false,
        }
    }

    /// Nobody changes it or takes it off any more, for as long as the socket lives; dropping the link
    /// does not either, and [`Link::detach`] says so: `EPERM`.
    ///
    /// # Kernel
    /// `SO_LOCK_FILTER`, since Linux 3.9.
    #[doc(alias = "SO_LOCK_FILTER")]
    #[must_use]
    #[inline]
    pub fn locked(mut self) -> Self {
        self.locked = true;
        self
    }
}

impl Hook for SocketFilter<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let socket = self.socket.try_clone()?;
        net::attach_bpf(&socket, program.fd())?;
        if self.locked {
            net::lock_filter(&socket)?;
        }
        Ok(Link::new(
            program,
            "socket".to_string(),
            Held::Socket(socket),
        ))
    }
}
