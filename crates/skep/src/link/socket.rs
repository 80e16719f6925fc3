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
}

impl<'a> SocketFilter<'a> {
    /// This socket. The link keeps a duplicate of the descriptor; dropping it takes the filter
    /// off.
    ///
    /// # Kernel
    /// `SO_ATTACH_BPF`, since Linux 3.19.
    #[inline]
    pub fn on(socket: &'a Fd) -> Self {
        Self { socket }
    }
}

impl Hook for SocketFilter<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let socket = self.socket.try_clone()?;
        net::attach_bpf(&socket, program.fd())?;
        Ok(Link::new(
            program,
            "socket".to_string(),
            Held::Socket(socket),
        ))
    }
}
