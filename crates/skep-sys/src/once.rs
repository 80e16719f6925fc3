//! A cell that is set once, without a standard library.

use alloc::boxed::Box;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A value that is made when first asked for, and then stays.
///
/// Two threads that ask at the same time may both make one; the first to be done wins, and both
/// get its value.
pub struct Once<T> {
    /// A `Box<T>`, or null. Of no type, so that exchanging it is compiled once.
    value: AtomicPtr<()>,
    owns: PhantomData<Box<T>>,
}

// SAFETY: like a `Box<T>`, which moves with it.
unsafe impl<T: Send> Send for Once<T> {}
// SAFETY: `&Once<T>` gives `&T` to many threads (`T: Sync`), and lets one of them put in a value
// that another may drop (`T: Send`).
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    /// An empty cell.
    pub const fn new() -> Self {
        Self {
            value: AtomicPtr::new(null_mut()),
            owns: PhantomData,
        }
    }

    /// The value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        let pointer = self.value.load(Ordering::Acquire).cast::<T>();
        // SAFETY: null, or from `Box::into_raw` and never changed until `drop`; the load pairs
        // with the store that published it.
        unsafe { pointer.as_ref() }
    }

    /// The value, made by `make` if there is none yet.
    ///
    /// # Errors
    /// `make`'s; the cell stays empty.
    pub fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let made = Box::into_raw(Box::new(make()?));
        let winner = match publish(&self.value, made.cast()) {
            None => made,
            Some(other) => {
                // SAFETY: `made` is from `Box::into_raw` above and was not published.
                drop(unsafe { Box::from_raw(made) });
                other.cast()
            }
        };
        // SAFETY: published and never changed until `drop`.
        Ok(unsafe { &*winner })
    }

    /// The value, made by `make` if there is none yet.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<T, core::convert::Infallible>(make())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }
}

/// Puts it where nothing is; else what is there.
fn publish(slot: &AtomicPtr<()>, made: *mut ()) -> Option<*mut ()> {
    slot.compare_exchange(null_mut(), made, Ordering::AcqRel, Ordering::Acquire)
        .err()
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        let pointer = self.value.get_mut().cast::<T>();
        if !pointer.is_null() {
            // SAFETY: from `Box::into_raw`, and `&mut self` says that nobody looks at it.
            drop(unsafe { Box::from_raw(pointer) });
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Once").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Once;
    use alloc::sync::Arc;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Barrier;
    use std::thread;
    use std::vec::Vec;

    /// Counts how many of it are alive.
    struct Counted(Arc<AtomicUsize>, usize);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn racing_threads_see_one_value_and_losers_are_dropped() {
        let alive = Arc::new(AtomicUsize::new(0));
        for _ in 0..50 {
            let cell = Arc::new(Once::new());
            let gate = Arc::new(Barrier::new(4));
            let threads: Vec<_> = (0..4)
                .map(|n| {
                    let (cell, gate, alive) = (cell.clone(), gate.clone(), alive.clone());
                    thread::spawn(move || {
                        gate.wait();
                        let value = cell.get_or_init(|| {
                            alive.fetch_add(1, Ordering::SeqCst);
                            Counted(alive.clone(), n)
                        });
                        value.1
                    })
                })
                .collect();
            let seen: Vec<usize> = threads.into_iter().map(|t| t.join().unwrap()).collect();
            assert!(seen.iter().all(|&n| n == seen[0]), "{seen:?}");
            assert_eq!(cell.get().map(|c| c.1), Some(seen[0]));
            assert_eq!(alive.load(Ordering::SeqCst), 1);
            drop(cell);
            assert_eq!(alive.load(Ordering::SeqCst), 0);
        }
    }

    #[test]
    fn an_error_leaves_it_empty() {
        let cell: Once<u32> = Once::new();
        assert_eq!(cell.get_or_try_init(|| Err("no")), Err("no"));
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_try_init(|| Ok::<_, ()>(7)), Ok(&7));
        assert_eq!(*cell.get_or_init(|| 8), 7);
    }
}
