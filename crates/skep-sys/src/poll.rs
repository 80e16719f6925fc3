//! Waiting for descriptors: poll and epoll.

use crate::error::{Result, check};
use crate::{Fd, KernelRef};
use alloc::vec::Vec;
use core::ffi::c_int;
use skep_codec::uapi::linux::{
    EFD_CLOEXEC, EFD_NONBLOCK, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLET, EPOLLIN, O_CLOEXEC, POLLIN,
    POLLOUT,
};

/// `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

impl PollFd {
    #[inline]
    fn new(fd: &Fd, events: i16) -> Self {
        Self {
            fd: fd.raw(),
            events,
            revents: 0,
        }
    }
}

/// A wait in nanoseconds as the kernel takes it: -1 is for ever.
#[inline]
fn timeout(ns: Option<u64>) -> i64 {
    ns.map_or(-1, |ns| i64::try_from(ns).unwrap_or(i64::MAX))
}

/// Waits until one of `fds` can be read, or has an error or hang-up; says which. None of them
/// when the time is up.
///
/// # Errors
/// `EINTR`: a signal came.
///
/// # Kernel
/// ppoll(2).
#[inline]
pub fn wait_readable(fds: &[&Fd], timeout_ns: Option<u64>) -> Result<Vec<bool>> {
    let Some(first) = fds.first() else {
        return Ok(Vec::new());
    };
    let mut list: Vec<PollFd> = fds.iter().map(|fd| PollFd::new(fd, POLLIN)).collect();
    poll(first.kernel(), &mut list, timeout_ns)?;
    Ok(list.iter().map(|fd| fd.revents != 0).collect())
}

/// Waits until `fd` can be written, or has an error or hang-up: `true`; `false` when the time is
/// up.
///
/// # Errors
/// `EINTR`: a signal came.
///
/// # Kernel
/// ppoll(2).
#[inline]
pub fn wait_writable(fd: &Fd, timeout_ns: Option<u64>) -> Result<bool> {
    let mut list = [PollFd::new(fd, POLLOUT)];
    Ok(poll(fd.kernel(), &mut list, timeout_ns)? != 0)
}

/// Sleeps.
///
/// # Errors
/// `EINTR`: a signal came.
///
/// # Kernel
/// ppoll(2) of nothing.
#[inline]
pub fn sleep(kernel: &KernelRef, ns: u64) -> Result<()> {
    poll(kernel, &mut [], Some(ns)).map(drop)
}

#[inline]
fn poll(kernel: &KernelRef, list: &mut [PollFd], timeout_ns: Option<u64>) -> Result<usize> {
    // SAFETY: `list` is that many values of `struct pollfd`.
    let answer = unsafe { kernel.poll(list.as_mut_ptr().cast(), list.len(), timeout(timeout_ns)) };
    check("ppoll", answer)
}

/// A counter that is readable when it is not 0: what is written to it wakes who waits for it.
///
/// # Kernel
/// eventfd2(2); it does not block.
#[inline]
pub fn eventfd(kernel: &KernelRef) -> Result<Fd> {
    // SAFETY: integers only.
    let answer = unsafe { kernel.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    // SAFETY: this call answers a new descriptor.
    unsafe { Fd::from_answer("eventfd", answer, kernel) }
}

/// `struct epoll_event`, which x86-64 alone packs.
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
#[derive(Clone, Copy, Default)]
struct EpollEvent {
    events: u32,
    data: u64,
}

/// Events that one wait can bring.
const BATCH: usize = 64;

/// A set of descriptors to wait for; itself readable when one of them is.
#[derive(Debug)]
pub struct Epoll(Fd);

impl Epoll {
    /// An empty set.
    ///
    /// # Kernel
    /// epoll_create1(2).
    #[inline]
    pub fn new(kernel: &KernelRef) -> Result<Self> {
        // SAFETY: integers only.
        let answer = unsafe { kernel.epoll_create1(O_CLOEXEC) };
        // SAFETY: this call answers a new descriptor.
        unsafe { Fd::from_answer("epoll_create1", answer, kernel) }.map(Self)
    }

    /// The set's own descriptor.
    #[inline]
    pub fn fd(&self) -> &Fd {
        &self.0
    }

    /// Adds a descriptor; `token` comes back when it can be read.
    ///
    /// # Errors
    /// `EEXIST`: in the set already; `EPERM`: cannot be waited for.
    #[inline]
    pub fn add(&self, fd: &Fd, token: u64) -> Result<()> {
        self.add_for(fd, token, EPOLLIN)
    }

    /// [`Epoll::add`] where `token` comes back once for each time that something happens, whether
    /// it was read or not.
    #[inline]
    pub fn add_edge(&self, fd: &Fd, token: u64) -> Result<()> {
        self.add_for(fd, token, EPOLLIN | EPOLLET)
    }

    #[inline]
    fn add_for(&self, fd: &Fd, token: u64, events: u32) -> Result<()> {
        let mut event = EpollEvent {
            events,
            data: token,
        };
        let event = (&raw mut event).cast();
        // SAFETY: `event` is a `struct epoll_event`.
        let answer = unsafe {
            self.0
                .kernel()
                .epoll_ctl(self.0.raw(), EPOLL_CTL_ADD, fd.raw(), event)
        };
        check("epoll_ctl", answer).map(drop)
    }

    /// Takes a descriptor out.
    ///
    /// # Errors
    /// `ENOENT`: not in the set.
    #[inline]
    pub fn remove(&self, fd: &Fd) -> Result<()> {
        // SAFETY: null is right for `EPOLL_CTL_DEL`.
        let answer = unsafe {
            self.0
                .kernel()
                .epoll_ctl(self.0.raw(), EPOLL_CTL_DEL, fd.raw(), core::ptr::null_mut())
        };
        check("epoll_ctl", answer).map(drop)
    }

    /// Waits, and hands the tokens of what can be read to `ready`; the answer is how many.
    ///
    /// # Errors
    /// `EINTR`: a signal came.
    ///
    /// # Kernel
    /// epoll_pwait2(2) since 5.11, epoll_pwait(2) in milliseconds before.
    #[inline]
    pub fn wait(&self, timeout_ns: Option<u64>, mut ready: impl FnMut(u64)) -> Result<usize> {
        let mut events = [EpollEvent::default(); BATCH];
        // SAFETY: `events` is that many values of `struct epoll_event`.
        let answer = unsafe {
            self.0.kernel().epoll_wait(
                self.0.raw(),
                events.as_mut_ptr().cast(),
                BATCH,
                timeout(timeout_ns),
            )
        };
        let count = check("epoll_wait", answer)?.min(BATCH);
        for event in events.iter().take(count) {
            ready(event.data);
        }
        Ok(count)
    }
}
