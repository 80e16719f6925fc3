//! `BPF_PROG_LOAD`: once without a log, and on refusal again with one that is long enough.

use crate::probe::{Answer, Feature, raise_memlock};
use crate::system::System;
use crate::verifier_log::{Refusal, digest};
use crate::{AttachType, Error, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_sys::bpf::{self, Log, ProgParams};
use skep_sys::{CallError, Fd};

/// First length of the log buffer: nearly every log fits, and memory that stays zero costs nothing.
/// From Linux 6.4 on the kernel says how much it wanted to write.
const FIRST_LOG: usize = (16 << 20) - 1;
/// The longest log buffer that the kernel takes.
const LAST_LOG: usize = (u32::MAX >> 2) as usize;
/// The shortest log buffer that is tried where memory is short.
const LEAST_LOG: usize = 1 << 14;

/// Everything that a load passes to the kernel, and what its errors are told with.
pub(crate) struct Request<'a> {
    /// The program.
    pub(crate) params: ProgParams<'a>,
    /// Log level: 0 for none unless the load fails.
    pub(crate) log_level: u32,
    /// Room for the log; as much as it takes if `None`.
    pub(crate) log_bytes: Option<usize>,
    /// Whether a kernel that knows no attach types may load it without.
    pub(crate) attach_type_optional: bool,
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
    let (result, log) = match with_log(system, request, &Log::buffer) {
        Ok(told) => told,
        Err(tried) => {
            let error = first.unwrap_or(CallError::new("allocate", Errno::ENOMEM));
            return Err(Error::from(error).context(tried));
        }
    };
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

/// One load; a second if locked memory was what it lacked, or without what this kernel is known
/// not to have.
fn attempt(
    system: &System,
    request: &Request<'_>,
    mut log: Option<&mut Log<'_>>,
) -> Result<Fd, CallError> {
    let answer = bpf::prog_load(system.kernel(), &request.params, log.as_deref_mut());
    let refused = matches!(&answer, Err(error) if error.errno == Errno::EPERM);
    if refused && raise_memlock(system)? {
        return bpf::prog_load(system.kernel(), &request.params, log);
    }
    let unknown = |errno| matches!(errno, Errno::EINVAL | Errno::E2BIG);
    if matches!(&answer, Err(error) if unknown(error.errno))
        && let Some(params) = simplified(system, request)
    {
        return bpf::prog_load(system.kernel(), &params, log).or(answer);
    }
    answer
}

/// The load without what this kernel lacks; `None` if it lacks nothing of it.
fn simplified<'a>(system: &System, request: &Request<'a>) -> Option<ProgParams<'a>> {
    let lacks = |feature| system.probe(feature) == Answer::No;
    let given = &request.params;
    let mut params = *given;
    let named = !given.name.is_empty();
    if named && lacks(Feature::ObjectName) {
        params.name = "";
    }
    let typed = request.attach_type_optional && given.expected_attach_type != AttachType::default();
    if typed && lacks(Feature::ExpectedAttachType) {
        params.expected_attach_type = AttachType::default();
    }
    let records = !(given.func_info.is_empty() && given.line_info.is_empty());
    if records && lacks(Feature::BtfFunc) {
        (params.btf, params.func_info, params.line_info) = (None, &[], &[]);
    }
    let same = params.name == given.name
        && params.expected_attach_type == given.expected_attach_type
        && params.func_info.len() == given.func_info.len()
        && params.line_info.len() == given.line_info.len();
    (!same).then_some(params)
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

/// Loads with a log buffer, larger ones until the whole log fits or there is no memory for a
/// larger one. The error says what was tried where there is none for a small one.
fn with_log(
    system: &System,
    request: &Request<'_>,
    allocate: &dyn Fn(usize) -> Option<Vec<u8>>,
) -> Result<(Result<Fd, CallError>, String), String> {
    let level = request.log_level.max(1);
    let mut len = request.log_bytes.unwrap_or(FIRST_LOG).clamp(1, LAST_LOG);
    let mut most = request.log_bytes.map_or(LAST_LOG, |_| len);
    loop {
        let mut buffer = room(len, allocate)?;
        if buffer.len() < len {
            most = buffer.len();
        }
        let mut log = Log::new(level, &mut buffer);
        let mut answer = attempt(system, request, Some(&mut log));
        let wanted = log.true_size as usize;
        let cut = matches!(&answer, Err(error) if error.errno == Errno::ENOSPC);
        if buffer.len() < most && (cut || wanted > buffer.len()) {
            let next = match wanted > buffer.len() {
                true => wanted,
                false => buffer.len().saturating_mul(8),
            };
            len = next.min(most);
            continue;
        }
        if cut {
            // The kernel refuses what it would have taken, for want of room.
            answer = attempt(system, request, None);
        }
        return Ok((answer, text(buffer)));
    }
}

/// Room of `len` bytes, or of half, a quarter and so on where memory is short.
fn room(len: usize, allocate: &dyn Fn(usize) -> Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let least = len.min(LEAST_LOG);
    let mut tried = len;
    loop {
        if let Some(buffer) = allocate(tried) {
            return Ok(buffer);
        }
        if tried <= least {
            let what = "no memory for the verifier's log";
            return Err(format!("{what}: tried {len} to {tried} bytes"));
        }
        tried = (tried / 2).max(least);
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

#[cfg(test)]
mod tests {
    use super::{FIRST_LOG, LEAST_LOG, room, text};
    use alloc::vec;
    use alloc::vec::Vec;
    use core::cell::RefCell;

    #[test]
    fn a_log_need_not_be_utf_8() {
        assert_eq!(text(b"; caf\xc3\0left over".to_vec()), "; caf\u{fffd}");
        assert_eq!(text(b"0: (95) exit\n".to_vec()), "0: (95) exit\n");
        assert_eq!(text(vec![]), "");
    }

    #[test]
    fn room_is_made_as_far_as_memory_goes() {
        let asked = RefCell::new(Vec::new());
        let up_to = |most: usize| {
            let asked = &asked;
            asked.borrow_mut().clear();
            move |len: usize| {
                asked.borrow_mut().push(len);
                (len <= most).then(|| vec![0; len])
            }
        };
        assert_eq!(room(100, &up_to(100)).unwrap().len(), 100);
        assert_eq!(
            room(FIRST_LOG, &up_to(5 << 20)).unwrap().len(),
            (4 << 20) - 1
        );
        assert_eq!(
            *asked.borrow(),
            [(16 << 20) - 1, (8 << 20) - 1, (4 << 20) - 1]
        );
        assert_eq!(room(40_000, &up_to(19_000)).unwrap().len(), LEAST_LOG);
        assert_eq!(*asked.borrow(), [40_000, 20_000, LEAST_LOG]);
        let none = room(40_000, &up_to(100)).unwrap_err();
        assert!(none.ends_with("tried 40000 to 16384 bytes"), "{none}");
        let none = room(100, &up_to(0)).unwrap_err();
        assert!(none.ends_with("tried 100 to 100 bytes"), "{none}");
        assert_eq!(*asked.borrow(), [100]);
    }
}
