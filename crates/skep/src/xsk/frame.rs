//! What a socket lends: a packet that came, room for one to go.

use super::socket::XskSocket;
use super::umem::Span;
use crate::ring::copied_whole;
use crate::{Error, ErrorKind, Result};

/// A packet that came, from its first header on. Its frame receives again when this is dropped.
#[derive(Debug)]
pub struct RxFrame<'a> {
    socket: &'a mut XskSocket,
    span: Span,
}

/// Room for a packet to go; nothing of it is sent before [`TxFrame::commit`].
///
/// Bytes that are not written are what an earlier packet has left there.
#[derive(Debug)]
pub struct TxFrame<'a> {
    socket: &'a mut XskSocket,
    span: Span,
}

macro_rules! frame {
    ($name:ident) => {
        impl<'a> $name<'a> {
            pub(super) fn new(socket: &'a mut XskSocket, span: Span) -> Self {
                Self { socket, span }
            }

            /// Length of the packet in bytes.
            #[allow(clippy::len_without_is_empty)]
            #[inline]
            pub fn len(&self) -> usize {
                self.span.len as usize
            }

            /// Writes bytes at `offset`.
            ///
            /// # Errors
            /// [`ErrorKind::Invalid`]: they reach beyond the end.
            #[inline]
            pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
                check(self.span, offset, bytes.len())?;
                self.socket.umem.write(self.span, offset, bytes);
                Ok(())
            }

            /// Cuts the packet's end off. Nothing happens if it is not longer than `len` bytes.
            #[inline]
            pub fn truncate(&mut self, len: usize) {
                let len = u32::try_from(len).unwrap_or(u32::MAX);
                self.span.len = self.span.len.min(len);
            }

            /// Puts the frame into the tx ring; it belongs to the kernel then.
            #[inline]
            fn hand_over(self) -> Result<()> {
                let mut this = core::mem::ManuallyDrop::new(self);
                let span = this.span;
                this.socket.transmit(span)
            }
        }

        impl Drop for $name<'_> {
            #[inline]
            fn drop(&mut self) {
                self.socket.umem.put_back(self.span.frame);
            }
        }
    };
}
frame!(RxFrame);
frame!(TxFrame);

impl RxFrame<'_> {
    copied_whole!();

    /// Copies the packet, as much of it as fits.
    #[inline]
    pub fn copy_to(&self, out: &mut [u8]) {
        let len = out.len().min(self.len());
        if let Some(out) = out.get_mut(..len) {
            self.socket.umem.copy(self.span, 0, out);
        }
    }

    /// Copies the bytes from `offset` on, as many as `out` has.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: there are not so many.
    #[inline]
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> Result<()> {
        check(self.span, offset, out.len())?;
        self.socket.umem.copy(self.span, offset, out);
        Ok(())
    }

    /// Puts bytes before the packet: another header.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: there is no room for them; see
    /// [`headroom_bytes`](super::XskOptions::headroom_bytes).
    #[inline]
    pub fn push_front(&mut self, bytes: &[u8]) -> Result<()> {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let Some(start) = self.span.start.checked_sub(len) else {
            return Err(misfit(self.span, 0, bytes.len()));
        };
        self.span.start = start;
        self.span.len = self.span.len.saturating_add(len);
        self.socket.umem.write(self.span, 0, bytes);
        Ok(())
    }

    /// Cuts bytes off the packet's beginning; all that there are, if there are not so many.
    #[inline]
    pub fn pop_front(&mut self, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX).min(self.span.len);
        self.span.start = self.span.start.saturating_add(len);
        self.span.len -= len;
    }

    /// Sends the packet where it lies, back out of the socket's interface: in the tx ring, as after
    /// [`TxFrame::commit`].
    ///
    /// # Errors
    /// [`ErrorKind::Full`]: too many packets are on their way; [`ErrorKind::Invalid`]: nothing is
    /// left of it. The packet is dropped then.
    #[inline]
    pub fn send(self) -> Result<()> {
        if self.span.len == 0 {
            return Err(misfit(self.span, 0, 1));
        }
        if !self.socket.umem.may_send()? {
            return Err(self.socket.full());
        }
        self.hand_over()
    }

    /// Sends the packet where it lies, out of another socket's interface: [`RxFrame::send`] by a
    /// socket that shares the memory, which gives a frame of its own for this one.
    ///
    /// # Errors
    /// Those of [`RxFrame::send`]; [`ErrorKind::Invalid`]: `by` has other memory.
    #[inline]
    pub fn send_by(mut self, by: &mut XskSocket) -> Result<()> {
        let span = self.span;
        if span.len == 0 {
            return Err(misfit(span, 0, 1));
        }
        if !by.umem.may_send()? {
            return Err(by.full());
        }
        self.span.frame = self.socket.umem.exchange(span.frame, &mut by.umem)?;
        by.transmit(span)
    }
}

impl TxFrame<'_> {
    /// Puts the packet into the tx ring. The kernel sends it when [`XskSocket::flush`] is called, or
    /// earlier.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`]: the ring is no ring any more; [`ErrorKind::Invalid`]: nothing is left
    /// of the packet.
    #[inline]
    pub fn commit(self) -> Result<()> {
        if self.span.len == 0 {
            return Err(misfit(self.span, 0, 1));
        }
        self.hand_over()
    }
}

#[inline]
fn check(span: Span, offset: usize, size: usize) -> Result<()> {
    match offset.checked_add(size) {
        Some(end) if end <= span.len as usize => Ok(()),
        _ => Err(misfit(span, offset, size)),
    }
}

#[cold]
fn misfit(span: Span, offset: usize, size: usize) -> Error {
    let (len, before) = (span.len, span.start);
    let what = format!("packet of {len} bytes, {before} free before it: {size} at {offset}");
    Error::new(ErrorKind::Invalid, what)
}
