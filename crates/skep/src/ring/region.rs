//! The memory of a ring buffer map, shared with the kernel: two positions and the data.
//!
//! Layout (`kernel/bpf/ringbuf.c`, `struct bpf_ringbuf`): the page at offset 0 holds the consumer
//! position (ours to write), the next page the producer position (the kernel's), then the data
//! twice in a row, so that a record that wraps is contiguous. Positions only grow; a record is at
//! `position & mask`.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use skep_sys::{Fd, Mapping};

/// Bytes of the header before each record: length with two flag bits, page offset.
pub(super) const HEADER: u64 = 8;
const READ: i32 = 1;
const WRITE: i32 = 2;
const SHARED: i32 = 1;
const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;

/// The header of a record, its flags taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// Reserved, not yet committed: nothing behind it may be read.
    Busy,
    /// Given back unused; this many bytes.
    Discarded(u32),
    /// Committed; this many bytes.
    Committed(u32),
}

/// The shared memory, mapped.
pub(super) struct Region {
    consumer: Mapping,
    producer: Mapping,
    page: usize,
    size: u64,
}

impl Region {
    /// Maps the ring of `size` bytes (a power of two, as the kernel reports it) behind `fd`.
    pub(super) fn map(fd: &Fd, page: usize, size: u32) -> skep_sys::Result<Self> {
        let data = (size as usize).saturating_mul(2);
        Ok(Self {
            consumer: Mapping::new(fd.kernel(), page, READ | WRITE, SHARED, Some(fd), 0)?,
            producer: Mapping::new(
                fd.kernel(),
                page.saturating_add(data),
                READ,
                SHARED,
                Some(fd),
                page as u64,
            )?,
            page,
            size: u64::from(size),
        })
    }

    /// Bytes of data, a power of two.
    #[inline]
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How far the producer has reserved.
    ///
    /// Acquire pairs with `smp_store_release(&rb->producer_pos, ..)` in `__bpf_ringbuf_reserve`:
    /// whoever sees the position sees the header's busy bit.
    #[inline]
    pub(super) fn producer_position(&self) -> u64 {
        self.position(&self.producer).load(Ordering::Acquire)
    }

    /// How far we have read, as the kernel sees it.
    #[inline]
    pub(super) fn consumer_position(&self) -> u64 {
        self.position(&self.consumer).load(Ordering::Relaxed)
    }

    /// Gives everything before `position` back to the producer.
    ///
    /// Release pairs with `smp_load_acquire(&rb->consumer_pos)` in `__bpf_ringbuf_reserve`: our
    /// reads of the record are over before it can be written again.
    #[inline]
    pub(super) fn publish(&self, position: u64) {
        self.position(&self.consumer)
            .store(position, Ordering::Release);
    }

    /// Between publishing and the last look before sleeping.
    ///
    /// `bpf_ringbuf_commit` exchanges the header (a full barrier) and then reads the consumer
    /// position to decide whether to wake us. This fence is the other half: either it sees our
    /// position and wakes us, or our next look sees its record.
    #[inline]
    pub(super) fn fence_before_sleep(&self) {
        fence(Ordering::SeqCst);
    }

    /// The header of the record at `position`.
    ///
    /// Acquire pairs with the `xchg` of the header in `bpf_ringbuf_commit`: whoever sees the busy
    /// bit gone sees the record's bytes.
    #[inline]
    pub(super) fn header(&self, position: u64) -> Header {
        let address = self.data(position & !7).cast::<AtomicU32>();
        // SAFETY: `data` is inside the mapping (contract 4: it lives and is readable), the
        // position is a multiple of 8, so the address is aligned for the four bytes.
        let word = unsafe { &*address };
        let raw = word.load(Ordering::Acquire);
        let len = raw & !(BUSY | DISCARD);
        if raw & BUSY != 0 {
            Header::Busy
        } else if raw & DISCARD != 0 {
            Header::Discarded(len)
        } else {
            Header::Committed(len)
        }
    }

    /// Copies `out.len()` bytes from `position` on; the caller has checked that they are in the
    /// ring (at most its size).
    #[inline]
    pub(super) fn copy(&self, position: u64, out: &mut [u8]) {
        let len = out.len().min(self.size as usize);
        let from = self.data(position);
        // SAFETY: `data` lies in the first of the two copies of the data and `len` is at most
        // the size, so the source ends inside the second copy (contract 4). `out` is ours, and
        // no Rust reference to the mapping exists.
        unsafe { core::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), len) };
    }

    /// Where the byte of this position lies, in the first copy of the data.
    #[inline]
    pub(super) fn data(&self, position: u64) -> *const u8 {
        let offset = self.page + (position & (self.size - 1)) as usize;
        // SAFETY: the mapping has a page and twice the size of bytes (contract 4); the offset is
        // below a page and once the size.
        unsafe { self.producer.as_ptr().add(offset) }
    }

    #[inline]
    fn position<'a>(&self, mapping: &'a Mapping) -> &'a AtomicU64 {
        let address = mapping.as_ptr().cast::<AtomicU64>();
        // SAFETY: a mapping is page-aligned and at least a page (contract 4), lives as long as
        // the borrow, and the kernel too accesses this word only as one atomic word.
        unsafe { &*address }
    }
}
