//! The frames of a socket, and whose each of them is.

use super::options::XskOptions;
use super::region::{Frames, Owner, Ring};
use super::ring::{Consumer, Desc, Producer};
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;

/// Bytes in a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) frame: u32,
    /// From the frame's beginning.
    pub(super) start: u32,
    pub(super) len: u32,
}

/// A socket's frames with its fill and completion rings.
///
/// At most as many frames receive as the fill and rx rings have entries, and as many send as the
/// completion and tx rings have: none of them is ever too full for a frame that may go into it.
pub(super) struct Umem {
    frames: Frames,
    fill: Producer<Ring>,
    completion: Consumer<Ring>,
    /// Frames of ours that are not lent.
    pool: Vec<u32>,
    frame_bytes: u32,
    /// How many may receive, and how many do; the same of sending.
    rx_frames: u32,
    receiving: u32,
    tx_frames: u32,
    sending: u32,
}

impl Umem {
    pub(super) fn new(frames: Frames, fill: Ring, completion: Ring, options: &XskOptions) -> Self {
        Self {
            pool: frames.ours(),
            frames,
            fill: Producer::new(fill),
            completion: Consumer::new(completion),
            frame_bytes: options.frame_bytes,
            rx_frames: options.rx_frames,
            receiving: 0,
            tx_frames: options.tx_frames,
            sending: 0,
        }
    }

    #[inline]
    pub(super) fn frame_bytes(&self) -> u32 {
        self.frame_bytes
    }

    /// Frames that receive.
    #[inline]
    pub(super) fn receiving(&self) -> u32 {
        self.receiving
    }

    /// Frames that send.
    #[inline]
    pub(super) fn sending(&self) -> u32 {
        self.sending
    }

    /// Whether so many frames have come back that it is worth while to hand them in.
    #[inline]
    pub(super) fn is_low(&self) -> bool {
        self.receiving <= self.rx_frames - self.rx_frames.div_ceil(8)
    }

    /// Hands frames in for packets to come.
    pub(super) fn refill(&mut self) -> Result<()> {
        while self.receiving < self.rx_frames
            && let Some(frame) = self.pool.pop()
        {
            let addr = u64::from(frame) * u64::from(self.frame_bytes);
            if !self.fill.push(Desc { addr, len: 0 })? {
                self.pool.push(frame);
                break;
            }
            self.frames.give(frame, Owner::Receiving);
            self.receiving += 1;
        }
        self.fill.publish();
        Ok(())
    }

    /// Whether frames that were handed in are seen only when the kernel is called.
    #[inline]
    pub(super) fn fill_needs_wakeup(&self) -> bool {
        self.fill.needs_wakeup()
    }

    /// The packet of an rx entry, whose frame is ours from now on.
    #[inline]
    pub(super) fn received(&mut self, desc: Desc) -> Result<Span> {
        let span = self.span(desc, Owner::Receiving)?;
        self.frames.give(span.frame, Owner::Us);
        self.receiving = self.receiving.saturating_sub(1);
        Ok(span)
    }

    /// A frame to send, if one may.
    #[inline]
    pub(super) fn take(&mut self) -> Result<Option<u32>> {
        if self.may_send()? {
            return Ok(self.pool.pop());
        }
        Ok(None)
    }

    /// Whether a frame may be given to the kernel to send.
    #[inline]
    pub(super) fn may_send(&mut self) -> Result<bool> {
        if self.sending == self.tx_frames {
            self.reclaim()?;
        }
        Ok(self.sending < self.tx_frames)
    }

    /// The tx entry for a packet whose frame is the kernel's from now on.
    #[inline]
    pub(super) fn sent(&mut self, span: Span) -> Desc {
        self.frames.give(span.frame, Owner::Sending);
        self.sending += 1;
        let addr = u64::from(span.frame) * u64::from(self.frame_bytes) + u64::from(span.start);
        Desc {
            addr,
            len: span.len,
        }
    }

    /// Takes frames back whose packets were sent.
    pub(super) fn reclaim(&mut self) -> Result<()> {
        while let Some(desc) = self.completion.peek()? {
            let span = self.span(desc, Owner::Sending)?;
            self.frames.give(span.frame, Owner::Us);
            self.sending = self.sending.saturating_sub(1);
            self.pool.push(span.frame);
            self.completion.advance();
        }
        self.completion.publish();
        Ok(())
    }

    /// Takes back a frame that was lent.
    #[inline]
    pub(super) fn put_back(&mut self, frame: u32) {
        debug_assert_eq!(self.frames.owner(frame), Some(Owner::Us));
        self.pool.push(frame);
    }

    /// Gives a frame that is lent to a socket that shares the memory, for another to be put back.
    ///
    /// # Errors
    /// [`ErrorKind::Full`]: the other has none; [`ErrorKind::Invalid`]: it has other memory.
    pub(super) fn exchange(&mut self, frame: u32, other: &mut Self) -> Result<u32> {
        let Some(theirs) = other.pool.pop() else {
            let what = "AF_XDP socket: all frames receive, send or are lent";
            return Err(Error::new(ErrorKind::Full, what));
        };
        if !self.frames.exchange(frame, &mut other.frames, theirs) {
            other.pool.push(theirs);
            let what = "the other AF_XDP socket has memory of its own";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        Ok(theirs)
    }

    /// Copies the bytes from `offset` of a packet.
    #[inline]
    pub(super) fn copy(&self, span: Span, offset: usize, out: &mut [u8]) {
        self.frames
            .copy(span.frame, span.start as usize + offset, out);
    }

    /// Writes bytes at `offset` of a packet.
    #[inline]
    pub(super) fn write(&mut self, span: Span, offset: usize, bytes: &[u8]) {
        let at = span.start as usize + offset;
        self.frames.write(span.frame, at, bytes);
    }

    /// What an entry tells of, if it is a frame of this owner and the packet ends in it.
    #[inline]
    fn span(&self, desc: Desc, owner: Owner) -> Result<Span> {
        let bytes = u64::from(self.frame_bytes);
        let (frame, start) = (desc.addr / bytes, desc.addr % bytes);
        let whose = u32::try_from(frame).ok().and_then(|n| self.frames.owner(n));
        if whose != Some(owner) || start + u64::from(desc.len) > bytes {
            return Err(self.misnamed(desc, owner));
        }
        Ok(Span {
            frame: frame as u32,
            start: start as u32,
            len: desc.len,
        })
    }

    #[cold]
    fn misnamed(&self, desc: Desc, owner: Owner) -> Error {
        let Desc { addr, len } = desc;
        let what = format!(
            "AF_XDP ring: {len} bytes at {addr} are in no frame of {} bytes that is {owner:?}",
            self.frame_bytes
        );
        Error::new(ErrorKind::Corrupt, what)
    }
}
