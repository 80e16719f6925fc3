//! The memory of a ring buffer map, shared with the kernel: two positions and the data.
//!
//! Layout (`struct bpf_ringbuf` of `kernel/bpf/ringbuf.c`): the page at offset 0 holds the consumer
//! position, the next page the producer position, then the data twice in a row, so that a record
//! that wraps is contiguous. Positions only grow; a record is at `position & mask`. Of a ring that
//! the kernel fills, the first page is ours to write; of one that we fill, all the others are.
//!
//! Lines are those of Linux 6.12.117:
//! <https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/tree/kernel/bpf/ringbuf.c?h=v6.12.117>
#![allow(unsafe_code)]

use super::consumer::{Memory, order};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use skep_codec::uapi::linux::{MAP_SHARED, PROT_READ, PROT_WRITE};
use skep_sys::{Fd, Mapping};

/// The shared memory, mapped.
struct Region {
    consumer: Mapping,
    producer: Mapping,
    page: usize,
    size: u64,
}

impl Region {
    /// Maps the ring of `size` bytes (a power of two, as the kernel reports it) behind `fd`.
    fn map(
        fd: &Fd,
        page: usize,
        size: u32,
        consumer_prot: i32,
        producer_prot: i32,
    ) -> skep_sys::Result<Self> {
        let len = (size as usize).saturating_mul(2).saturating_add(page);
        let map =
            |len, prot, offset| Mapping::new(fd.kernel(), len, prot, MAP_SHARED, Some(fd), offset);
        Ok(Self {
            consumer: map(page, consumer_prot, 0)?,
            producer: map(len, producer_prot, page as u64)?,
            page,
            size: u64::from(size),
        })
    }

    /// Where the byte of this position lies, in the first copy of the data.
    #[inline]
    fn data(&self, position: u64) -> *mut u8 {
        let offset = self.page + (position & (self.size - 1)) as usize;
        // SAFETY: the mapping has a page and twice the size of bytes (contract 4); the offset is
        // below a page and once the size.
        unsafe { self.producer.as_ptr().add(offset) }
    }

    /// The first word of the header at `position`.
    #[inline]
    fn header(&self, position: u64) -> &AtomicU32 {
        let address = self.data(position & !7).cast::<AtomicU32>();
        // SAFETY: `data` is inside the mapping (contract 4: it lives and is readable), the
        // position is a multiple of 8, so the address is aligned for the four bytes.
        unsafe { &*address }
    }

    /// The position at the beginning of a page.
    #[inline]
    fn position(mapping: &Mapping) -> &AtomicU64 {
        let address = mapping.as_ptr().cast::<AtomicU64>();
        // SAFETY: a mapping is page-aligned and at least a page (contract 4), lives as long as
        // the borrow, and the kernel too accesses this word only as one atomic word.
        unsafe { &*address }
    }
}

/// The memory of a ring that the kernel fills.
pub(super) struct Consumed {
    region: Region,
    /// Bytes from the producer's position to that of the oldest record; only in overwrite mode
    /// is there such a word.
    oldest: usize,
}

impl Consumed {
    /// `oldest` is a multiple of 8 and inside a page.
    pub(super) fn map(fd: &Fd, page: usize, size: u32, oldest: usize) -> skep_sys::Result<Self> {
        assert!(oldest.is_multiple_of(size_of::<u64>()) && oldest < page);
        Ok(Self {
            region: Region::map(fd, page, size, PROT_READ | PROT_WRITE, PROT_READ)?,
            oldest,
        })
    }

    /// How far an earlier consumer has read.
    pub(super) fn consumer_position(&self) -> u64 {
        Region::position(&self.region.consumer).load(Ordering::Relaxed)
    }

    /// Copies `out.len()` bytes from `position` on; the caller has checked that they are in the
    /// ring (at most its size).
    #[inline]
    pub(super) fn copy(&self, position: u64, out: &mut [u8]) {
        let len = out.len();
        // A branch, not the lesser of both: a length that is known then stays known.
        if len as u64 > self.region.size {
            return;
        }
        let from = self.region.data(position).cast_const();
        // SAFETY: `data` lies in the first of the two copies of the data and `len` is at most
        // the size, so the source ends inside the second copy (contract 4). `out` is ours, and
        // no Rust reference to the data exists.
        unsafe { core::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), len) };
    }
}

impl Memory for Consumed {
    #[inline]
    fn size(&self) -> u64 {
        self.region.size
    }

    /// Pairs with `smp_store_release(&rb->producer_pos, ..)` in `__bpf_ringbuf_reserve`, line 461.
    #[inline]
    fn producer_position(&self) -> u64 {
        Region::position(&self.region.producer).load(order::PRODUCER)
    }

    /// `__bpf_ringbuf_reserve` writes it before it releases the producer position (Linux 6.19).
    #[inline]
    fn overwrite_position(&self) -> u64 {
        // SAFETY: the mapping is at least a page (contract 4), and `map` has seen that the word
        // lies in it.
        let address = unsafe { self.region.producer.as_ptr().add(self.oldest) };
        // SAFETY: aligned, as the page is and `map` has seen of the offset; it lives as long as
        // the borrow, and the kernel accesses it only as one atomic word.
        let word = unsafe { &*address.cast::<AtomicU64>() };
        word.load(order::OLDEST)
    }

    /// Pairs with the `xchg` of the header in `bpf_ringbuf_commit`, line 501.
    #[inline]
    fn header(&self, position: u64) -> u32 {
        self.region.header(position).load(order::HEADER)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn prefetch(&self, position: u64) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = self.region.data(position).cast_const();
        // SAFETY: a hint, which reads nothing and faults nowhere.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }

    /// Pairs with `smp_load_acquire(&rb->consumer_pos)` in `__bpf_ringbuf_reserve`, line 419.
    #[inline]
    fn publish(&self, position: u64) {
        Region::position(&self.region.consumer).store(position, order::CONSUMER);
    }

    /// Pairs with the `xchg` between header and position in `bpf_ringbuf_commit`, lines 501 to 507.
    #[inline]
    fn full_fence(&self) {
        fence(order::FULL_FENCE);
    }

    #[inline]
    fn read_fence(&self) {
        fence(order::READ_FENCE);
    }
}

/// The memory of a ring that we fill.
pub(super) struct Produced(Region);

impl Produced {
    pub(super) fn map(fd: &Fd, page: usize, size: u32) -> skep_sys::Result<Self> {
        Region::map(fd, page, size, PROT_READ, PROT_READ | PROT_WRITE).map(Self)
    }

    #[inline]
    pub(super) fn size(&self) -> u64 {
        self.0.size
    }

    /// How far an earlier producer has written.
    pub(super) fn producer_position(&self) -> u64 {
        Region::position(&self.0.producer).load(Ordering::Relaxed)
    }

    /// How far programs have read. Acquire pairs with `smp_store_release(&rb->consumer_pos, ..)` in
    /// `__bpf_user_ringbuf_sample_release`, line 740: their reads are over before we write.
    #[inline]
    pub(super) fn consumer_position(&self) -> u64 {
        Region::position(&self.0.consumer).load(Ordering::Acquire)
    }

    /// Copies `bytes` to `position`; the caller has checked that they are in the ring, in room
    /// that programs have given back.
    #[inline]
    pub(super) fn write(&mut self, position: u64, bytes: &[u8]) {
        let len = bytes.len().min(self.0.size as usize);
        let to = self.0.data(position);
        // SAFETY: `data` lies in the first of the two copies of the data and `len` is at most
        // the size, so the target ends inside the second copy, mapped writable (contract 4).
        // `bytes` is ours, and no Rust reference to the data exists.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, len) };
    }

    /// Makes the record of `len` bytes at `position`, up to `end`, the next to be drained.
    ///
    /// Release pairs with `smp_load_acquire(&rb->producer_pos)` in `__bpf_user_ringbuf_peek`, line
    /// 681: whoever sees the position sees header and record. The header was never busy, so the
    /// order in which it is read (line 692) does not matter.
    #[inline]
    pub(super) fn commit(&mut self, position: u64, len: u32, end: u64) {
        self.0.header(position).store(len, Ordering::Relaxed);
        Region::position(&self.0.producer).store(end, Ordering::Release);
    }
}
