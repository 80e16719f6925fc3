//! The memory that an `AF_XDP` socket shares with the kernel: four rings, and the frames that their
//! entries tell of.
//!
//! A ring is one mapping: two positions and flags, 32 bits each and where the kernel says, then the
//! entries, of 8 bytes (`fill`, `completion`) or 16 (`struct xdp_desc`).
#![allow(unsafe_code)]

use super::ring::{Desc, Memory};
use crate::{Error, ErrorKind, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use skep_codec::uapi::linux::{MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE};
use skep_sys::net::xsk::{self, RingOffsets};
use skep_sys::{Fd, KernelRef, Mapping};

/// A ring, mapped.
///
/// When it was mapped, its words and entries were seen to lie inside the mapping, aligned.
pub(super) struct Ring {
    mapping: Mapping,
    producer: usize,
    consumer: usize,
    flags: usize,
    desc: usize,
    stride: usize,
    entries: u32,
}

impl Ring {
    /// Maps a ring of so many entries (a power of two), which the socket has.
    pub(super) fn map(
        socket: &Fd,
        ring: xsk::Ring,
        offsets: &RingOffsets,
        entries: u32,
    ) -> Result<Self> {
        let stride: usize = match ring {
            xsk::Ring::Rx | xsk::Ring::Tx => 16,
            xsk::Ring::Fill | xsk::Ring::Completion => 8,
        };
        let misplaced = || {
            let what = format!("AF_XDP ring {ring:?}: its words cannot lie at {offsets:?}");
            Error::new(ErrorKind::Corrupt, what)
        };
        let place = |offset: u64, align: usize| {
            let place = usize::try_from(offset).ok();
            let aligned = place.filter(|place| entries.is_power_of_two() && place % align == 0);
            aligned.ok_or_else(misplaced)
        };
        let desc = place(offsets.desc, align_of::<AtomicU64>())?;
        let len = stride.checked_mul(entries as usize);
        let len = len.and_then(|len| len.checked_add(desc));
        let len = len.ok_or_else(misplaced)?;
        let word = |offset| {
            let place = place(offset, align_of::<AtomicU32>())?;
            match len.checked_sub(size_of::<AtomicU32>()) {
                Some(last) if place <= last => Ok(place),
                _ => Err(misplaced()),
            }
        };
        Ok(Self {
            producer: word(offsets.producer)?,
            consumer: word(offsets.consumer)?,
            flags: word(offsets.flags)?,
            mapping: xsk::map_ring(socket, ring, len)?,
            desc,
            stride,
            entries,
        })
    }

    /// What lies at an offset that `map` has seen, or that is one of an entry.
    #[inline]
    fn place(&self, offset: usize) -> *mut u8 {
        // SAFETY: inside the mapping (contract 4), by what the struct says of its offsets.
        unsafe { self.mapping.as_ptr().add(offset) }
    }

    /// A word of 32 bits.
    #[inline]
    fn word(&self, offset: usize) -> &AtomicU32 {
        debug_assert!(offset + size_of::<AtomicU32>() <= self.mapping.len());
        // SAFETY: the word lies in the mapping (contract 4: it lives and can be written) and is
        // aligned, as the struct says and as the mapping is to a page; the kernel too accesses it
        // only as a whole.
        unsafe { &*self.place(offset).cast::<AtomicU32>() }
    }

    /// Where the entry of this position begins.
    #[inline]
    fn entry(&self, position: u32) -> usize {
        self.desc + (position & (self.entries - 1)) as usize * self.stride
    }

    /// The address in an entry.
    #[inline]
    fn address(&self, entry: usize) -> &AtomicU64 {
        debug_assert!(entry + self.stride <= self.mapping.len());
        // SAFETY: `map` has made the mapping as long as all entries (contract 4), which begin at a
        // multiple of 8 and have 8 or 16 bytes; the kernel writes none that is ours to read.
        unsafe { &*self.place(entry).cast::<AtomicU64>() }
    }
}

impl Memory for Ring {
    #[inline]
    fn entries(&self) -> u32 {
        self.entries
    }
    #[inline]
    fn producer(&self) -> &AtomicU32 {
        self.word(self.producer)
    }
    #[inline]
    fn consumer(&self) -> &AtomicU32 {
        self.word(self.consumer)
    }
    #[inline]
    fn flags(&self) -> &AtomicU32 {
        self.word(self.flags)
    }
    #[inline]
    fn load(&self, position: u32) -> Desc {
        let entry = self.entry(position);
        let addr = self.address(entry).load(Relaxed);
        let len = match self.stride {
            16 => self.word(entry + 8).load(Relaxed),
            _ => 0,
        };
        Desc { addr, len }
    }
    #[inline]
    fn store(&self, position: u32, desc: Desc) {
        let entry = self.entry(position);
        self.address(entry).store(desc.addr, Relaxed);
        if self.stride == 16 {
            self.word(entry + 8).store(desc.len, Relaxed);
            // Its options stay 0, as the kernel has made the ring.
        }
    }
}

/// Whose a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Ours: in the pool, or lent.
    Us,
    /// The kernel's, until a packet is in it.
    Receiving,
    /// The kernel's, until its packet is sent.
    Sending,
    /// In no way ours: a socket's that shares the memory.
    Other,
}

/// The memory of all frames, and whose each of them is.
///
/// Sockets that share the memory have a `Frames` each. A frame is `Other` in all of them but one:
/// none is made but by dividing another, and what changes hands does so in both.
pub(super) struct Frames {
    memory: Arc<Mapping>,
    frame_bytes: usize,
    owners: Vec<Owner>,
}

impl Frames {
    /// Maps so many bytes, a multiple of `frame_bytes`; all frames are ours.
    pub(super) fn map(kernel: &KernelRef, len: usize, frame_bytes: u32) -> skep_sys::Result<Self> {
        let (prot, flags) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
        let memory = Mapping::new(kernel, len, prot, flags, None, 0)?;
        let frame_bytes = frame_bytes as usize;
        Ok(Self {
            memory: Arc::new(memory),
            frame_bytes,
            owners: alloc::vec![Owner::Us; len / frame_bytes],
        })
    }

    /// Keeps the first `count` of the frames that are ours, and gives the others away.
    pub(super) fn split_off(&mut self, count: u32) -> Self {
        let mut kept = 0;
        let mut owners = alloc::vec![Owner::Other; self.owners.len()];
        for (mine, other) in self.owners.iter_mut().zip(&mut owners) {
            match *mine {
                Owner::Us if kept < count => kept += 1,
                Owner::Us => (*mine, *other) = (Owner::Other, Owner::Us),
                _ => {}
            }
        }
        Self {
            memory: self.memory.clone(),
            frame_bytes: self.frame_bytes,
            owners,
        }
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.memory
    }

    /// Whose a frame is; `None` if there is no such frame.
    #[inline]
    pub(super) fn owner(&self, frame: u32) -> Option<Owner> {
        self.owners.get(frame as usize).copied()
    }

    /// The frames that are ours, the last one first.
    pub(super) fn ours(&self) -> Vec<u32> {
        let frames = (0..self.owners.len() as u32).rev();
        frames
            .filter(|frame| self.owner(*frame) == Some(Owner::Us))
            .collect()
    }

    /// Gives a frame to the kernel, or takes it back. What is another socket's stays that.
    #[inline]
    pub(super) fn give(&mut self, frame: u32, to: Owner) {
        if let Some(owner) = self.owners.get_mut(frame as usize)
            && *owner != Owner::Other
            && to != Owner::Other
        {
            *owner = to;
        }
    }

    /// Gives a frame of ours for one of a socket with the same memory; whether both are that.
    #[inline]
    pub(super) fn exchange(&mut self, frame: u32, other: &mut Self, theirs: u32) -> bool {
        let owned = (self.owner(frame), other.owner(theirs)) == (Some(Owner::Us), Some(Owner::Us));
        if !owned || !Arc::ptr_eq(&self.memory, &other.memory) {
            return false;
        }
        hand_over(&mut self.owners, &mut other.owners, frame);
        hand_over(&mut other.owners, &mut self.owners, theirs);
        true
    }

    /// Where `len` bytes from `at` of a frame begin.
    ///
    /// # Panics
    /// If the frame is not ours, or they are not all in it.
    #[inline]
    fn place(&self, frame: u32, at: usize, len: usize) -> *mut u8 {
        let last = self.frame_bytes.checked_sub(len);
        let inside = last.is_some_and(|last| at <= last);
        assert!(
            inside && self.owner(frame) == Some(Owner::Us),
            "not in a frame of ours"
        );
        // SAFETY: the mapping (contract 4) has all frames that have an owner, and `at` is at most at
        // the end of this one.
        unsafe {
            self.memory
                .as_ptr()
                .add(frame as usize * self.frame_bytes + at)
        }
    }

    /// Copies out of a frame that is ours.
    #[inline]
    pub(super) fn copy(&self, frame: u32, at: usize, out: &mut [u8]) {
        let from = self.place(frame, at, out.len()).cast_const();
        // SAFETY: `place` has seen that the source is in the mapping, and in a frame of ours: no
        // other `Frames` accesses it, and this one's `write` takes `&mut self`. `out` is ours, and no
        // Rust reference to frames exists.
        unsafe { core::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) };
    }

    /// Copies into a frame that is ours.
    #[inline]
    pub(super) fn write(&mut self, frame: u32, at: usize, bytes: &[u8]) {
        let to = self.place(frame, at, bytes.len());
        // SAFETY: `place` has seen that the target is in the mapping, which can be written, and in a
        // frame of ours, which no other `Frames` accesses. `bytes` is ours, and no Rust reference to
        // frames exists.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }
}

/// Makes a frame another's.
fn hand_over(from: &mut [Owner], to: &mut [Owner], frame: u32) {
    let at = frame as usize;
    if let (Some(from), Some(to)) = (from.get_mut(at), to.get_mut(at)) {
        (*from, *to) = (Owner::Other, Owner::Us);
    }
}

#[cfg(test)]
#[path = "region_tests.rs"]
mod tests;
