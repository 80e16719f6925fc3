//! The socket.

use super::frame::{RxFrame, TxFrame};
use super::options::XskOptions;
use super::region::{Frames, Ring};
use super::ring::{Consumer, Producer};
use super::umem::{Span, Umem};
use crate::error::Context;
use crate::ring::{Woken, wait::nanoseconds};
use crate::system::System;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::vec::Vec;
use core::time::Duration;
use skep_codec::uapi::linux::XDP_OPTIONS_ZEROCOPY;
use skep_sys::net::xsk::{self, Statistics};
use skep_sys::{Fd, poll};

/// How often binding is tried again, after 1, 2, 4 and so on milliseconds: a second in all.
const TRIES: u32 = 10;
/// How many packets one call sends at least, if there are more (`TX_BATCH_SIZE`: 16, later 32).
const TX_BATCH: u32 = 16;

/// An `AF_XDP` socket on a queue of an interface, with memory of its own or shared with others.
///
/// # Kernel
/// Since Linux 5.4, for the flags of rings; without `CAP_NET_RAW` there is none.
#[doc(alias = "xsk_socket")]
#[doc(alias = "AF_XDP")]
pub struct XskSocket {
    // Closed before the memory is unmapped.
    fd: Fd,
    rx: Consumer<Ring>,
    tx: Producer<Ring>,
    pub(super) umem: Umem,
    need_wakeup: bool,
}

impl XskSocket {
    /// Makes a socket and its memory, and binds it to a queue of the interface of this index.
    ///
    /// The kernel frees a queue some time after its last socket was closed: for a second, this tries
    /// again.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: sizes that are none; [`ErrorKind::Unsupported`]: a kernel before 5.4.
    /// `EAFNOSUPPORT`: a kernel without `AF_XDP`; `EPERM`; `ENOBUFS`: too much locked memory;
    /// `ENODEV`: no such interface; `EINVAL`: no such queue; `EBUSY`: another socket has it;
    /// `EOPNOTSUPP`: no zero-copy here; `ENETDOWN`: the interface is down.
    #[doc(alias = "xsk_socket__create")]
    #[doc(alias = "xsk_umem__create")]
    pub fn bind(system: &System, ifindex: u32, queue: u32, options: &XskOptions) -> Result<Self> {
        let frames = Self::frames(system, 1, options)?;
        Self::bind_with(system, frames, None, (ifindex, queue), options)
    }

    /// Makes a socket for each of these queues, an interface's index and a number, all with the same
    /// memory: what one receives, another sends where it lies ([`RxFrame::send_by`]). Each has as many
    /// frames as the options say.
    ///
    /// # Errors
    /// Those of [`XskSocket::bind`]; [`ErrorKind::Invalid`]: a queue twice, since all sockets of a
    /// queue would share its fill and completion rings.
    ///
    /// # Kernel
    /// Since 5.10, for memory that is shared between queues.
    #[doc(alias = "xsk_socket__create_shared")]
    #[doc(alias = "XDP_SHARED_UMEM")]
    pub fn bind_shared(
        system: &System,
        queues: &[(u32, u32)],
        options: &XskOptions,
    ) -> Result<Vec<Self>> {
        let mut rest = Self::frames(system, queues.len(), options)?;
        let mut sockets: Vec<Self> = Vec::with_capacity(queues.len());
        for (n, &queue) in queues.iter().enumerate() {
            if queues.iter().take(n).any(|before| *before == queue) {
                let what = format!(
                    "interface {}, queue {} is there twice: a queue has one AF_XDP socket",
                    queue.0, queue.1
                );
                return Err(Error::new(ErrorKind::Invalid, what));
            }
            let others = rest.split_off(options.frames());
            let frames = core::mem::replace(&mut rest, others);
            let with = sockets.first();
            let socket = Self::bind_with(system, frames, with, queue, options)?;
            sockets.push(socket);
        }
        Ok(sockets)
    }

    fn frames(system: &System, sockets: usize, options: &XskOptions) -> Result<Frames> {
        let len = options.len(sockets, system.page_size())?;
        let frames = Frames::map(system.kernel(), len, options.frame_bytes);
        frames.context("map the memory of AF_XDP sockets")
    }

    /// A socket with these frames, which are memory of its own or of the socket `with`.
    fn bind_with(
        system: &System,
        frames: Frames,
        with: Option<&Self>,
        (ifindex, queue): (u32, u32),
        options: &XskOptions,
    ) -> Result<Self> {
        let what = format_args!("make an AF_XDP socket on interface {ifindex}, queue {queue}");
        let socket = Self::new(system, frames, with.is_none(), options).context(what)?;
        let flags = options.bind_flags();
        let bind = || match with {
            Some(with) => xsk::bind_shared(&socket.fd, ifindex, queue, &with.fd),
            None => xsk::bind(&socket.fd, ifindex, queue, flags),
        };
        socket.try_to(bind).context(what)?;
        Ok(socket)
    }

    fn new(system: &System, frames: Frames, own: bool, options: &XskOptions) -> Result<Self> {
        let fd = xsk::open(system.kernel())?;
        if own {
            let (frame, headroom) = (options.frame_bytes, options.headroom_bytes);
            xsk::register(&fd, frames.mapping(), frame, headroom)?;
        }
        let offsets = match xsk::mmap_offsets(&fd) {
            Err(error) if error.errno == Errno::EOPNOTSUPP => {
                let what = "rings of AF_XDP sockets have no flags: a kernel before 5.4";
                return Err(Error::new(ErrorKind::Unsupported, what));
            }
            offsets => offsets?,
        };
        let ring = |ring, offsets, entries| {
            xsk::set_ring(&fd, ring, entries)?;
            Ring::map(&fd, ring, offsets, entries)
        };
        let (rx, tx) = (options.rx_frames, options.tx_frames);
        let fill = ring(xsk::Ring::Fill, &offsets.fill, rx)?;
        let completion = ring(xsk::Ring::Completion, &offsets.completion, tx)?;
        let mut socket = Self {
            rx: Consumer::new(ring(xsk::Ring::Rx, &offsets.rx, rx)?),
            tx: Producer::new(ring(xsk::Ring::Tx, &offsets.tx, tx)?),
            umem: Umem::new(frames, fill, completion, options),
            need_wakeup: options.need_wakeup,
            fd,
        };
        socket.umem.refill()?;
        Ok(socket)
    }

    /// Binds, again and again while the queue is another's.
    fn try_to(&self, bind: impl Fn() -> skep_sys::Result<()>) -> Result<()> {
        for n in 0..TRIES {
            match bind() {
                Err(error) if error.errno == Errno::EBUSY => {}
                bound => return Ok(bound?),
            }
            // A signal makes a pause shorter, and no more.
            let _ = poll::sleep(self.fd.kernel(), 1_000_000 << n);
        }
        let what = "another AF_XDP socket has the queue: there is one for each (`bind_shared` makes \
                    those of several queues, with the same memory)";
        bind().map_err(|error| match error.errno {
            Errno::EBUSY => Error::from(error).explained(ErrorKind::Call, what.into()),
            _ => error.into(),
        })
    }

    /// The descriptor: to put into an [`XskMap`](crate::map::XskMap), and to wait on (epoll and poll).
    /// Readable when there is a packet, writable when half of the tx ring is free.
    #[inline]
    pub fn fd(&self) -> &Fd {
        &self.fd
    }

    /// The next packet that has come, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if a ring holds what the kernel never writes.
    #[inline]
    pub fn recv(&mut self) -> Result<Option<RxFrame<'_>>> {
        let desc = match self.rx.peek()? {
            Some(desc) => desc,
            None => {
                self.refill()?;
                return Ok(None);
            }
        };
        let span = self.umem.received(desc)?;
        self.rx.advance();
        if self.umem.is_low() {
            self.refill()?;
        }
        Ok(Some(RxFrame::new(self, span)))
    }

    /// Gives entries and frames back, and calls the kernel if it waits for that.
    fn refill(&mut self) -> Result<()> {
        // Entries first: the rx ring then has room for every frame that receives.
        self.rx.publish();
        self.umem.refill()?;
        if self.need_wakeup && self.umem.fill_needs_wakeup() {
            self.poll(Some(0))?;
        }
        Ok(())
    }

    /// Waits until a packet has come, the time is over (`None`: never) or a signal comes.
    ///
    /// # Errors
    /// Those of ppoll(2), and of [`XskSocket::recv`].
    #[inline]
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Woken> {
        if self.rx.peek()?.is_some() {
            return Ok(Woken::Ready);
        }
        self.refill()?;
        self.poll(timeout.map(nanoseconds))
    }

    /// ppoll(2), which wakes the kernel up for both directions.
    fn poll(&self, timeout_ns: Option<u64>) -> Result<Woken> {
        match poll::wait_readable(&[&self.fd], timeout_ns) {
            Ok(ready) if ready.contains(&true) => Ok(Woken::Ready),
            Ok(_) => Ok(Woken::TimedOut),
            Err(error) if error.errno == Errno::EINTR => Ok(Woken::Signal),
            Err(error) => Err(error).context("wait for an AF_XDP socket"),
        }
    }

    /// Room for a packet of `len` bytes, to be filled and committed. Dropping it sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Full`]: `tx_frames` packets are on their way; [`ErrorKind::Invalid`]: no byte, or
    /// more than a frame has; [`ErrorKind::Corrupt`].
    #[inline]
    pub fn reserve(&mut self, len: usize) -> Result<TxFrame<'_>> {
        let most = self.umem.frame_bytes();
        let len = match u32::try_from(len) {
            Ok(len) if len > 0 && len <= most => len,
            _ => {
                let what = format!("packet of {len} bytes: frames have {most}");
                return Err(Error::new(ErrorKind::Invalid, what));
            }
        };
        let Some(frame) = self.umem.take()? else {
            return Err(self.full());
        };
        let start = 0;
        Ok(TxFrame::new(self, Span { frame, start, len }))
    }

    /// Puts a packet of these bytes into the tx ring; [`XskSocket::flush`] has the kernel send it.
    ///
    /// # Errors
    /// Those of [`XskSocket::reserve`].
    #[inline]
    pub fn send(&mut self, packet: &[u8]) -> Result<()> {
        let mut frame = self.reserve(packet.len())?;
        frame.write(0, packet)?;
        frame.commit()
    }

    /// Hands a frame of ours to the kernel.
    #[inline]
    pub(super) fn transmit(&mut self, span: Span) -> Result<()> {
        let desc = self.umem.sent(span);
        // As long as its positions are those of a ring it is never full: there are no more frames
        // that send than it has entries.
        if !self.tx.push(desc)? {
            return Err(self.full());
        }
        self.tx.publish();
        Ok(())
    }

    /// Has the kernel send what is in the tx ring, and takes frames back whose packets were sent. How
    /// many packets are still in the ring: call again later.
    ///
    /// # Errors
    /// `ENETDOWN`, `ENXIO`: the interface is down, or gone; [`ErrorKind::Corrupt`].
    #[inline]
    pub fn flush(&mut self) -> Result<u32> {
        self.umem.reclaim()?;
        let mut waiting = self.tx.waiting()?;
        let mut calls = waiting.div_ceil(TX_BATCH).saturating_add(1);
        while waiting > 0 && calls > 0 && (!self.need_wakeup || self.tx.needs_wakeup()) {
            let again = match xsk::kick_tx(&self.fd) {
                Ok(()) => false,
                Err(error) if is_for_now(error.errno) => error.errno == Errno::EAGAIN,
                Err(error) => return Err(error).context("send by an AF_XDP socket"),
            };
            self.umem.reclaim()?;
            let left = self.tx.waiting()?;
            // On Linux 5.10 a call that has sent a part says `EAGAIN`, and moves its position later.
            if left == waiting && !again {
                break;
            }
            waiting = left;
            calls -= 1;
        }
        Ok(waiting)
    }

    /// Frames that wait for packets, or have some that [`XskSocket::recv`] has not taken.
    #[inline]
    pub fn receiving(&self) -> u32 {
        self.umem.receiving()
    }

    /// Frames whose packets are on their way, as far as known: [`XskSocket::flush`] looks.
    #[inline]
    pub fn sending(&self) -> u32 {
        self.umem.sending()
    }

    /// What was lost, and what was wrong.
    #[inline]
    pub fn statistics(&self) -> Result<Statistics> {
        xsk::statistics(&self.fd).context("ask an AF_XDP socket for its statistics")
    }

    /// Whether the device reads and writes the frames itself.
    #[inline]
    pub fn is_zero_copy(&self) -> Result<bool> {
        let options = xsk::options(&self.fd).context("ask an AF_XDP socket for its options")?;
        Ok(options & XDP_OPTIONS_ZEROCOPY != 0)
    }

    #[cold]
    pub(super) fn full(&self) -> Error {
        let sending = self.umem.sending();
        let what =
            format!("AF_XDP socket: {sending} packets are on their way, no frame for another");
        Error::new(ErrorKind::Full, what)
    }
}

/// Whether a call may succeed when it is made again.
fn is_for_now(errno: Errno) -> bool {
    matches!(errno, Errno::EAGAIN | Errno::EBUSY | Errno::ENOBUFS)
}

impl core::fmt::Debug for XskSocket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (receiving, sending) = (self.receiving(), self.sending());
        write!(f, "XskSocket({receiving} frames receive, {sending} send)")
    }
}
