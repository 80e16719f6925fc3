//! The frames of a socket, and whose each of them is.

use super::options::XskOptions;
use super::region::{Frames, Ring};
use super::ring::{Consumer, Desc, Producer};
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;

/// Whose a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Ours: in the pool, or lent.
    Us,
    /// The kernel's, until a packet is in it.
    Receiving,
    /// The kernel's, until its packet is sent.
    Sending,
}

/// Bytes in a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) frame: u32,
    /// From the frame's beginning.
    pub(super) start: u32,
    pub(super) len: u32,
}

/// Registered memory with its fill and completion rings.
///
/// At most as many frames receive as the fill and rx rings have entries, and as many send as the
/// completion and tx rings have: none of them is ever too full for a frame that may go into it.
pub(super) struct Umem {
    memory: Frames,
    fill: Producer<Ring>,
    completion: Consumer<Ring>,
    owners: Vec<Owner>,
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
    pub(super) fn new(memory: Frames, fill: Ring, completion: Ring, options: &XskOptions) -> Self {
        // `XskOptions::len` has seen that the sum is none too large.
        let frames = options.rx_frames.saturating_add(options.tx_frames);
        Self {
            memory,
            fill: Producer::new(fill),
            completion: Consumer::new(completion),
            owners: alloc::vec![Owner::Us; frames as usize],
            pool: (0..frames).rev().collect(),
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
            self.give(frame, Owner::Receiving);
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
        self.give(span.frame, Owner::Us);
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
        self.give(span.frame, Owner::Sending);
        self.sending += 1;
        let addr = self.offset(span) as u64;
        Desc {
            addr,
            len: span.len,
        }
    }

    /// Takes frames back whose packets were sent.
    pub(super) fn reclaim(&mut self) -> Result<()> {
        while let Some(desc) = self.completion.peek()? {
            let span = self.span(desc, Owner::Sending)?;
            self.give(span.frame, Owner::Us);
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
        debug_assert_eq!(self.owners.get(frame as usize), Some(&Owner::Us));
        self.pool.push(frame);
    }

    /// Copies the bytes from `offset` of a packet.
    #[inline]
    pub(super) fn copy(&self, span: Span, offset: usize, out: &mut [u8]) {
        self.memory.copy(self.offset(span) + offset, out);
    }

    /// Writes bytes at `offset` of a packet.
    #[inline]
    pub(super) fn write(&mut self, span: Span, offset: usize, bytes: &[u8]) {
        let at = self.offset(span) + offset;
        self.memory.write(at, bytes);
    }

    #[inline]
    fn offset(&self, span: Span) -> usize {
        span.frame as usize * self.frame_bytes as usize + span.start as usize
    }

    #[inline]
    fn give(&mut self, frame: u32, to: Owner) {
        if let Some(owner) = self.owners.get_mut(frame as usize) {
            *owner = to;
        }
    }

    /// What an entry tells of, if it is a frame of this owner and the packet ends in it.
    #[inline]
    fn span(&self, desc: Desc, owner: Owner) -> Result<Span> {
        let bytes = u64::from(self.frame_bytes);
        let (frame, start) = (desc.addr / bytes, desc.addr % bytes);
        let whose = usize::try_from(frame).ok().and_then(|n| self.owners.get(n));
        if whose != Some(&owner) || start + u64::from(desc.len) > bytes {
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
