//! `Fault`: the n-th call fails, whichever it is.

use super::trace::{Index, NAMES};
use crate::calls::with_calls;
use crate::kernel::{Kernel, KernelRef};
use alloc::sync::Arc;
use core::ffi::{CStr, c_int, c_uint, c_void};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use skep_codec::Errno;

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is not made, and answers this errno.
    Fail(Errno),
    /// If it reads, it is given room for so many bytes at most (at least 1, for 0 is the end).
    Short(usize),
}

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Counted from 1; 0 for never.
    pub nth: u64,
    /// What happens then.
    pub kind: Kind,
}

const NOBODY: usize = usize::MAX;

/// A kernel whose n-th call goes wrong. Calls that cannot fail in a way that a caller could act
/// on (`close`, `munmap`, `getpid`, `gettid`) are passed on, and not counted.
#[derive(Debug)]
pub struct Fault {
    inner: Inner,
    plan: Plan,
    calls: AtomicU64,
    /// Place in `NAMES` of the call that was hit.
    hit: AtomicUsize,
}

/// A kernel, for `Debug`.
struct Inner(KernelRef);

impl core::fmt::Debug for Inner {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Kernel")
    }
}

impl Fault {
    /// Has the `nth` call of `inner` (counted from 1) fail with `errno`; 0 only counts. Use a
    /// clone of the answer as kernel, and keep one to ask.
    #[inline]
    pub fn nth(inner: KernelRef, nth: u64, errno: Errno) -> Arc<Self> {
        Self::new(
            inner,
            Plan {
                nth,
                kind: Kind::Fail(errno),
            },
        )
    }

    /// A kernel with this plan.
    #[inline]
    pub fn new(inner: KernelRef, plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            inner: Inner(inner),
            plan,
            calls: AtomicU64::new(0),
            hit: AtomicUsize::new(NOBODY),
        })
    }

    /// Calls counted so far.
    #[inline]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// The call that went wrong, if it came to that.
    #[inline]
    pub fn hit(&self) -> Option<&'static str> {
        NAMES.get(self.hit.load(Ordering::SeqCst)).copied()
    }

    /// Counts a call; whether it is the one.
    #[inline]
    fn is_due(&self, index: Index) -> bool {
        if matches!(
            index,
            Index::close | Index::munmap | Index::getpid | Index::gettid
        ) {
            return false;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let due = number == self.plan.nth;
        if due {
            self.hit.store(index as usize, Ordering::SeqCst);
        }
        due
    }

    /// Room that the chosen call is given, if the plan is to shorten it.
    #[inline]
    fn room(&self, due: bool, len: usize) -> usize {
        match self.plan.kind {
            Kind::Short(most) if due => len.min(most.max(1)),
            _ => len,
        }
    }
}

/// The inner call; those that read get less room when it is their turn.
macro_rules! pass_on {
    ($self:ident, $due:ident, read, ($fd:ident, $buf:ident, $len:ident)) => {
        $self.inner.0.read($fd, $buf, $self.room($due, $len))
    };
    ($self:ident, $due:ident, recv, ($fd:ident, $buf:ident, $len:ident, $flags:ident)) => {
        $self.inner.0.recv($fd, $buf, $self.room($due, $len), $flags)
    };
    ($self:ident, $due:ident, $name:ident, ($($arg:ident),*)) => {
        $self.inner.0.$name($($arg),*)
    };
}

macro_rules! fault_calls {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)+) => {
        // SAFETY: every method is the inner kernel's, which keeps the contract, or does nothing
        // and answers an errno; a shorter length is within the caller's buffer.
        unsafe impl Kernel for Fault {
            $(
                unsafe fn $name(&self $(, $arg: $ty)*) -> $ret {
                    let due = self.is_due(Index::$name);
                    if due && let Kind::Fail(errno) = self.plan.kind {
                        return -(errno.raw() as $ret);
                    }
                    // SAFETY: the same call, with the caller's promise.
                    unsafe { pass_on!(self, due, $name, ($($arg),*)) }
                }
            )+
        }
    };
}
with_calls!(fault_calls);
