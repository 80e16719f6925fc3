//! Network namespaces: where interfaces have their indices.

use crate::error::Context;
use crate::system::{System, c_string};
use crate::{Error, Result};
use skep_sys::Fd;
use skep_sys::net::netns;

/// A network namespace.
#[derive(Debug)]
pub struct Namespace(Fd);

impl Namespace {
    /// The one that this thread is in.
    ///
    /// # Errors
    /// `ENOENT`: no procfs is mounted at `/proc`.
    #[inline]
    pub fn current(system: &System) -> Result<Self> {
        let opened = netns::current(system.kernel());
        opened
            .map(Self)
            .context("open this thread's network namespace")
    }

    /// The one of this file: `/run/netns/NAME`, `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// `ENOENT`: there is none.
    #[inline]
    pub fn open(system: &System, path: &str) -> Result<Self> {
        let opened = netns::open(system.kernel(), &c_string(path)?);
        opened
            .map(Self)
            .context(format_args!("open the network namespace {path}"))
    }

    /// Takes over a descriptor; whether it is a network namespace's shows when it is entered.
    #[inline]
    pub fn from_fd(fd: Fd) -> Self {
        Self(fd)
    }

    /// Its descriptor.
    #[inline]
    pub fn fd(&self) -> &Fd {
        &self.0
    }

    /// Another handle of it.
    ///
    /// # Errors
    /// `EMFILE`: too many descriptors are open.
    #[inline]
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Does something in it: this thread, and no other, goes there and comes back. What is opened
    /// there stays there, as sockets do; interfaces are looked up where a hook is attached.
    ///
    /// ```no_run
    /// # fn attach(system: skep::System, program: skep::Program) -> skep::Result<()> {
    /// let container = skep::netlink::Namespace::open(&system, "/run/netns/blue")?;
    /// let link = container.enter(|| program.attach_to(skep::link::Xdp::on("eth0")))??;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `EPERM`: that needs `CAP_SYS_ADMIN`, here and there; `EINVAL`: it is no network namespace.
    /// Nothing was done then. Whether there is a way back is tried before.
    ///
    /// # Kernel
    /// setns(2), since Linux 3.0.
    #[inline]
    pub fn enter<R>(&self, work: impl FnOnce() -> R) -> Result<R> {
        let home =
            netns::current(self.0.kernel()).context("open this thread's network namespace")?;
        // The same right that the way back takes: who lacks it does not leave.
        netns::enter(&home).context("make sure of the way back from another network namespace")?;
        netns::enter(&self.0).context("enter a network namespace")?;
        let mut away = Away(Some(home));
        let done = work();
        away.back().map_err(|error| {
            error.context("this thread is in another network namespace still: end it")
        })?;
        Ok(done)
    }
}

/// A thread that is somewhere else; it goes back when it panics, too.
struct Away(Option<Fd>);

impl Away {
    #[inline]
    fn back(&mut self) -> Result<(), Error> {
        match self.0.take() {
            Some(home) => Ok(netns::enter(&home)?),
            None => Ok(()),
        }
    }
}

impl Drop for Away {
    #[inline]
    fn drop(&mut self) {
        // A panic is on its way: there is nobody to tell.
        drop(self.back());
    }
}
