//! Memory: mapped from the kernel in large pieces, handed out from the front, given back never.
//! Enough for a program that does one thing and ends.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering};
use skep::sys::Kernel;
use skep::sys::host::Host;

/// Bytes asked of the kernel at once.
const PIECE_BYTES: usize = 1 << 20;

const PROT_READ_WRITE: i32 = 3;
const MAP_PRIVATE_ANONYMOUS: i32 = 0x22;

/// The free part of the newest piece.
struct Piece {
    next: usize,
    end: usize,
}

/// The allocator.
struct Heap {
    busy: AtomicBool,
    piece: UnsafeCell<Piece>,
}

// SAFETY: `piece` is touched only between taking and releasing `busy`.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap {
    busy: AtomicBool::new(false),
    piece: UnsafeCell::new(Piece { next: 0, end: 0 }),
};

impl Piece {
    /// Room at the front, if there is enough.
    fn take(&mut self, layout: Layout) -> Option<usize> {
        let at = self.next.checked_next_multiple_of(layout.align())?;
        let end = at.checked_add(layout.size())?;
        if self.next == 0 || end > self.end {
            return None;
        }
        self.next = end;
        Some(at)
    }

    /// A fresh piece, large enough for `layout`.
    fn refill(&mut self, layout: Layout) -> Option<()> {
        let least = layout.size().checked_add(layout.align())?;
        let bytes = least.checked_next_multiple_of(PIECE_BYTES)?;
        // SAFETY: no MAP_FIXED: the kernel chooses the address.
        let at = unsafe { Host.mmap(bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0) };
        self.next = usize::try_from(at).ok()?;
        self.end = self.next.checked_add(bytes)?;
        Some(())
    }
}

// SAFETY: every block lies in memory that this process mapped for the purpose, aligned as asked
// (`take` rounds up), and no two overlap: `next` only grows within a piece.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        while self.busy.swap(true, Ordering::Acquire) {
            core::hint::spin_loop();
        }
        // SAFETY: `busy` is held.
        let piece = unsafe { &mut *self.piece.get() };
        let mut at = piece.take(layout);
        if at.is_none() && piece.refill(layout).is_some() {
            at = piece.take(layout);
        }
        self.busy.store(false, Ordering::Release);
        at.map_or(null_mut(), core::ptr::with_exposed_provenance_mut)
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
