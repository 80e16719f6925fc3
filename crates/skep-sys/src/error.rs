//! A failed call: which one, and the kernel's errno.

use core::fmt;
use skep_codec::Errno;

/// The result of a system call.
pub type Result<T, E = CallError> = core::result::Result<T, E>;

/// A system call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The call as the kernel spells it: `"openat"`, `"BPF_MAP_CREATE"`.
    pub call: &'static str,
    /// What the kernel answered.
    pub errno: Errno,
}

impl CallError {
    /// An error of `call`.
    pub const fn new(call: &'static str, errno: Errno) -> Self {
        Self { call, errno }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.errno)
    }
}

impl core::error::Error for CallError {}

/// A kernel's answer as a result: negative errno in -4095..=-1 is an error, the rest a value.
pub(crate) fn check(call: &'static str, answer: isize) -> Result<usize> {
    if (-4095..0).contains(&answer) {
        Err(CallError::new(call, Errno::new(answer as i32)))
    } else {
        Ok(answer as usize)
    }
}
