//! `BPF_PROG_LOAD`: once without a log, and on refusal again with one that is long enough.

use crate::map::raise_memlock;
use crate::system::System;
use crate::verifier_log::{Refusal, digest};
use crate::{Error, Result};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_sys::bpf::{self, Log, ProgParams};
use skep_sys::{CallError, Fd};

/// First length of the log buffer: nearly every log fits, and memory that stays zero costs nothing.
/// From Linux 6.4 on the kernel says how much it wanted to write.
const FIRST_LOG: usize = (16 << 20) - 1;
/// The longest log buffer that the kernel takes.
const LAST_LOG: usize = (u32::MAX >> 2) as usize;

/// Everything that a load passes to the kernel, and what its errors are told with.
pub(crate) struct Request<'a> {
    /// The program.
    pub(crate) params: ProgParams<'a>,
    /// Log level: 0 for none unless the load fails.
    pub(crate) log_level: u32,
    /// Whether `RLIMIT_MEMLOCK` may be raised where the kernel charges programs to it.
    pub(crate) raise_memlock: bool,
    /// Adds to a digest what only the caller knows (source lines, failed relocations).
    pub(crate) explain: &'a dyn Fn(&mut Refusal),
}

/// A loaded program and the log, if one was asked for.
pub(crate) struct Loaded {
    pub(crate) fd: Fd,
    pub(crate) log: String,
}

/// Loads a program.
///
/// # Errors
/// [`ErrorKind::Verifier`](crate::ErrorKind::Verifier) with the whole log where the kernel wrote
/// one; the call's errno where it refused before looking.
pub(crate) fn load(system: &System, request: &Request<'_>) -> Result<Loaded> {
    let mut first = None;
    if request.log_level == 0 {
        match attempt(system, request, None) {
            Ok(fd) => {
                let log = String::new();
                return Ok(Loaded { fd, log });
            }
            // A log would not say more, and would cost a second verification.
            Err(error) if !tells(error.errno) => return Err(error.into()),
            Err(error) => first = Some(error),
        }
    }
    let (result, log) = with_log(system, request);
    // What came first is about the program; `ENOSPC` now may be about the log.
    match result.map_err(|error| first.unwrap_or(error)) {
        Ok(fd) => Ok(Loaded { fd, log }),
        Err(error) if log.is_empty() => Err(error.into()),
        Err(error) => {
            let mut refusal = Refusal {
                digest: digest(&log),
                log,
            };
            (request.explain)(&mut refusal);
            Err(Error::refused(error, refusal))
        }
    }
}

/// One load; a second if locked memory was what it lacked.
fn attempt(
    system: &System,
    request: &Request<'_>,
    mut log: Option<&mut Log<'_>>,
) -> Result<Fd, CallError> {
    let answer = bpf::prog_load(system.kernel(), &request.params, log.as_deref_mut());
    let refused = matches!(&answer, Err(error) if error.errno == Errno::EPERM);
    if refused && request.raise_memlock && raise_memlock(system)? {
        return bpf::prog_load(system.kernel(), &request.params, log);
    }
    answer
}

/// Whether the verifier may have a reason to give for this errno.
fn tells(errno: Errno) -> bool {
    !matches!(
        errno,
        Errno::EPERM
            | Errno::EFAULT
            | Errno::EBADF
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::ENOMEM
            | Errno::EINTR
            | Errno::EAGAIN
            | Errno::EIO
    )
}

/// Loads with a log buffer, larger ones until the whole log fits.
fn with_log(system: &System, request: &Request<'_>) -> (Result<Fd, CallError>, String) {
    let level = request.log_level.max(1);
    let mut len = FIRST_LOG;
    loop {
        let mut buffer = vec![0; len];
        let mut log = Log::new(level, &mut buffer);
        let answer = attempt(system, request, Some(&mut log));
        let wanted = log.true_size as usize;
        let cut = matches!(&answer, Err(error) if error.errno == Errno::ENOSPC);
        if len < LAST_LOG && (cut || wanted > len) {
            let next = if wanted > len {
                wanted
            } else {
                len.saturating_mul(8)
            };
            len = next.min(LAST_LOG);
            continue;
        }
        return (answer, text(buffer));
    }
}

/// The log up to its NUL; what is not UTF-8 (a cut source line) is replaced, never an error.
fn text(mut buffer: Vec<u8>) -> String {
    let end = buffer.iter().position(|&byte| byte == 0);
    buffer.truncate(end.unwrap_or(buffer.len()));
    buffer.shrink_to_fit();
    match String::from_utf8(buffer) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}
