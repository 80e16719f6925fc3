//! The memory of a perf buffer, shared with the kernel: a page of positions, then the data.
//!
//! Layout (`struct perf_event_mmap_page` in `linux/perf_event.h`): `data_head` at byte 1024 is the
//! kernel's to write, `data_tail` behind it ours. A record is at `position & mask`, a multiple of
//! 8, and may go on at the beginning of the data.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use skep_codec::uapi::linux::{MAP_SHARED, PROT_READ, PROT_WRITE};
use skep_sys::{Fd, Mapping};

const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

/// The shared memory, mapped.
pub(super) struct Region {
    memory: Mapping,
    page: usize,
    size: u64,
}

impl Region {
    /// Maps a buffer of `size` bytes (a power of two, whole pages). One that cannot be written
    /// has no tail: the kernel overwrites what is oldest.
    #[inline]
    pub(super) fn map(
        event: &Fd,
        page: usize,
        size: usize,
        writable: bool,
    ) -> skep_sys::Result<Self> {
        let prot = if writable {
            PROT_READ | PROT_WRITE
        } else {
            PROT_READ
        };
        let len = page.saturating_add(size);
        Ok(Self {
            memory: Mapping::new(event.kernel(), len, prot, MAP_SHARED, Some(event), 0)?,
            page,
            size: size as u64,
        })
    }

    /// Bytes of data, a power of two.
    #[inline]
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How far the kernel has written.
    ///
    /// Acquire pairs with the barrier before `WRITE_ONCE(rb->user_page->data_head, head)` in
    /// `perf_output_put_handle`: whoever sees the head sees the records before it.
    #[inline]
    pub(super) fn head(&self) -> u64 {
        self.position(DATA_HEAD).load(Ordering::Acquire)
    }

    /// Gives everything before `tail` back to the kernel; not for memory mapped read-only.
    ///
    /// Release pairs with the control dependency on `READ_ONCE(rb->user_page->data_tail)` in
    /// `__perf_output_begin`: our reads of a record are over before it can be written again.
    #[inline]
    pub(super) fn publish(&self, tail: u64) {
        self.position(DATA_TAIL).store(tail, Ordering::Release);
    }

    /// The eight bytes at `position`, which is a multiple of 8: they never wrap.
    #[inline]
    pub(super) fn header(&self, position: u64) -> [u8; 8] {
        let address = self.data(position & !7).cast::<AtomicU64>();
        // SAFETY: eight bytes from a multiple of 8 below the size on are inside the mapping
        // (contract 4), and aligned.
        let word = unsafe { &*address };
        word.load(Ordering::Relaxed).to_ne_bytes()
    }

    /// The number at `position`, which is a multiple of 4.
    #[inline]
    pub(super) fn word(&self, position: u64) -> u32 {
        let address = self.data(position & !3).cast::<AtomicU32>();
        // SAFETY: as in `header`, with four bytes.
        let word = unsafe { &*address };
        word.load(Ordering::Relaxed)
    }

    /// Copies `out.len()` bytes from `position` on, at most the size, over the end of the data if
    /// need be.
    #[inline]
    pub(super) fn copy(&self, position: u64, out: &mut [u8]) {
        let to_end = (self.size - (position & (self.size - 1))) as usize;
        let len = out.len().min(self.size as usize);
        let first = len.min(to_end);
        let (from, to) = (self.data(position), out.as_mut_ptr());
        // SAFETY: `first` bytes from `position` on end with the data at the latest (contract 4:
        // they are mapped); `out` is ours, has at least as many, and no Rust reference to the
        // mapping exists.
        unsafe { core::ptr::copy_nonoverlapping(from, to, first) };
        if let Some(rest) = out.get_mut(first..len).filter(|rest| !rest.is_empty()) {
            let from = self.data(0);
            // SAFETY: as above: what is left is less than the size, and begins with the data.
            unsafe { core::ptr::copy_nonoverlapping(from, rest.as_mut_ptr(), rest.len()) };
        }
    }

    /// Where the byte of this position lies.
    #[inline]
    fn data(&self, position: u64) -> *const u8 {
        let offset = self.page + (position & (self.size - 1)) as usize;
        // SAFETY: the mapping has a page and `size` bytes (contract 4), and the offset is below.
        unsafe { self.memory.as_ptr().add(offset) }
    }

    #[inline]
    fn position(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: both offsets are in the first page, which is mapped (contract 4).
        let address = unsafe { self.memory.as_ptr().add(offset) };
        // SAFETY: a mapping is aligned to pages and both offsets to 8; the mapping lives as long
        // as the borrow, and the kernel too accesses these words only as one atomic word each.
        unsafe { &*address.cast::<AtomicU64>() }
    }
}
