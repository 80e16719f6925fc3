//! `Trace`: every call counted, and shown if wanted.

use crate::calls::{Word, with_calls};
use crate::kernel::{Kernel, KernelRef};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ffi::{CStr, c_int, c_uint, c_void};
use core::fmt;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use skep_codec::Errno;
use skep_codec::uapi::bpf::Cmd;
use skep_codec::uapi::linux::F_DUPFD_CLOEXEC;

/// Commands of bpf(2) are counted up to this number; later ones together, in the last place.
const CMDS: usize = 64;

macro_rules! call_names {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)+) => {
        /// Names of the calls, as [`Kernel`] spells them.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// A call's place in [`NAMES`].
        #[allow(non_camel_case_types, reason = "named as the methods are")]
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(super) enum Index {
            $($name),+
        }
    };
}
with_calls!(call_names);

/// One call that was made.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Its name, as [`Kernel`] spells it.
    pub name: &'static str,
    /// The command, of `bpf`.
    pub cmd: Option<Cmd>,
    /// The arguments as words.
    pub args: &'a [u64],
    /// The answer: a value or a negative errno.
    pub answer: i64,
}

impl fmt::Display for Call<'_> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (n, arg) in self.args.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            match (n, self.cmd) {
                (0, Some(cmd)) => write!(f, "{cmd:?}")?,
                _ if *arg as i64 >= -4096 && (*arg as i64) < 4096 => {
                    write!(f, "{comma}{}", *arg as i64)?;
                }
                _ => write!(f, "{comma}{arg:#x}")?,
            }
        }
        match self.answer {
            error @ -4095..=-1 => write!(f, ") = {}", Errno::new(error as i32)),
            value if value >= 4096 => write!(f, ") = {value:#x}"),
            value => write!(f, ") = {value}"),
        }
    }
}

type Show = Box<dyn Fn(&Call<'_>) + Send + Sync>;

/// A kernel that counts what is asked of another one, and what of it is still open.
pub struct Trace {
    inner: KernelRef,
    calls: [AtomicU64; NAMES.len()],
    cmds: [AtomicU64; CMDS],
    open_fds: AtomicI64,
    open_mappings: AtomicI64,
    show: Option<Show>,
}

impl Trace {
    /// Counts the calls of `inner`. Use a clone of the answer as kernel, and keep one to ask.
    #[inline]
    pub fn new(inner: KernelRef) -> Arc<Self> {
        Arc::new(Self::build(inner, None))
    }

    /// [`Trace::new`] that hands every call to `show` when it is done. `show` must not make
    /// calls of this kernel, nor panic.
    #[inline]
    pub fn with(inner: KernelRef, show: impl Fn(&Call<'_>) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self::build(inner, Some(Box::new(show))))
    }

    #[inline]
    fn build(inner: KernelRef, show: Option<Show>) -> Self {
        Self {
            inner,
            calls: [const { AtomicU64::new(0) }; NAMES.len()],
            cmds: [const { AtomicU64::new(0) }; CMDS],
            open_fds: AtomicI64::new(0),
            open_mappings: AtomicI64::new(0),
            show,
        }
    }

    /// Calls of one name so far; 0 for a name that is none.
    #[inline]
    pub fn count(&self, name: &str) -> u64 {
        let at = NAMES.iter().position(|n| *n == name);
        at.and_then(|at| self.calls.get(at))
            .map_or(0, |c| c.load(Ordering::SeqCst))
    }

    /// bpf(2) calls of one command so far.
    #[inline]
    pub fn count_cmd(&self, cmd: Cmd) -> u64 {
        self.cmds
            .get(cmd_index(cmd))
            .map_or(0, |c| c.load(Ordering::SeqCst))
    }

    /// All calls so far.
    #[inline]
    pub fn total(&self) -> u64 {
        self.calls.iter().map(|c| c.load(Ordering::SeqCst)).sum()
    }

    /// Descriptors that were opened less those that were closed.
    #[inline]
    pub fn open_fds(&self) -> i64 {
        self.open_fds.load(Ordering::SeqCst)
    }

    /// Mappings that were made less those that were unmapped.
    #[inline]
    pub fn open_mappings(&self) -> i64 {
        self.open_mappings.load(Ordering::SeqCst)
    }

    #[inline]
    fn note(&self, index: Index, args: &[u64], answer: i64) {
        if let Some(counter) = self.calls.get(index as usize) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        let cmd = (index == Index::bpf).then(|| Cmd(args.first().copied().unwrap_or(0) as u32));
        if let Some(counter) = cmd.and_then(|cmd| self.cmds.get(cmd_index(cmd))) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        if !(-4095..0).contains(&answer) {
            let op = args.get(1).copied().unwrap_or(0) as c_int;
            self.balance(index, cmd, op);
        }
        if let Some(show) = &self.show {
            show(&Call {
                name: NAMES.get(index as usize).copied().unwrap_or(""),
                cmd,
                args,
                answer,
            });
        }
    }

    /// Keeps count of what a successful call opened or closed.
    #[inline]
    fn balance(&self, index: Index, cmd: Option<Cmd>, op: c_int) {
        let opens = match index {
            Index::bpf => cmd.is_some_and(answers_fd),
            Index::fcntl => op == F_DUPFD_CLOEXEC,
            Index::openat
            | Index::perf_event_open
            | Index::epoll_create1
            | Index::socket
            | Index::pidfd_open
            | Index::memfd_create
            | Index::eventfd => true,
            _ => false,
        };
        match index {
            _ if opens => self.open_fds.fetch_add(1, Ordering::SeqCst),
            Index::close => self.open_fds.fetch_sub(1, Ordering::SeqCst),
            Index::mmap | Index::mmap_at => self.open_mappings.fetch_add(1, Ordering::SeqCst),
            Index::munmap => self.open_mappings.fetch_sub(1, Ordering::SeqCst),
            _ => 0,
        };
    }
}

#[inline]
fn cmd_index(cmd: Cmd) -> usize {
    (cmd.0 as usize).min(CMDS - 1)
}

/// Commands of bpf(2) that answer a new descriptor.
#[inline]
pub(super) fn answers_fd(cmd: Cmd) -> bool {
    matches!(
        cmd,
        Cmd::MAP_CREATE
            | Cmd::PROG_LOAD
            | Cmd::OBJ_GET
            | Cmd::PROG_GET_FD_BY_ID
            | Cmd::MAP_GET_FD_BY_ID
            | Cmd::RAW_TRACEPOINT_OPEN
            | Cmd::BTF_LOAD
            | Cmd::BTF_GET_FD_BY_ID
            | Cmd::LINK_CREATE
            | Cmd::LINK_GET_FD_BY_ID
            | Cmd::ENABLE_STATS
            | Cmd::ITER_CREATE
            | Cmd::TOKEN_CREATE
    )
}

macro_rules! trace_calls {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)+) => {
        // SAFETY: every method is the inner kernel's, which keeps the contract; `with`'s caller
        // was told not to panic.
        unsafe impl Kernel for Trace {
            $(
                unsafe fn $name(&self $(, $arg: $ty)*) -> $ret {
                    // SAFETY: the same call, with the caller's promise.
                    let answer = unsafe { self.inner.$name($($arg),*) };
                    self.note(Index::$name, &[$($arg.word()),*], answer as i64);
                    answer
                }
            )+
        }
    };
}
with_calls!(trace_calls);

impl fmt::Debug for Trace {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = NAMES.iter().zip(&self.calls);
        let counts = counts.map(|(name, count)| (name, count.load(Ordering::SeqCst)));
        f.debug_map()
            .entries(counts.filter(|(_, n)| *n > 0))
            .finish()
    }
}
