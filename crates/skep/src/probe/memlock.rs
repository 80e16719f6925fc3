//! Memory that may be locked, which kernels before 5.11 count maps and programs against.

use super::{Answer, Feature, ask, feature};
use crate::system::System;
use skep_codec::Errno;
use skep_sys::bpf::MapParams;
use skep_sys::{CallError, process};

/// Raises `RLIMIT_MEMLOCK` to no limit where it counts and the system allows it; whether it did.
pub(crate) fn raise_memlock(system: &System) -> Result<bool, CallError> {
    if !system.may_raise_memlock() || !counts(system) {
        return Ok(false);
    }
    match process::raise_memlock(system.kernel()) {
        Ok(()) => Ok(true),
        // No right to, or no such call: the refusal that led here stands.
        Err(error) if matches!(error.errno, Errno::EPERM | Errno::ENOSYS) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the limit counts here, and leaves too little to ask: less than what any probe makes.
pub(super) fn is_used_up(system: &System) -> bool {
    let ample = MapParams {
        value_size: 1 << 15,
        ..ask::array()
    };
    let refused = |error: CallError| error.errno == Errno::EPERM;
    counts(system) && ask::map(system, &ample).is_err_and(refused)
}

/// Whether this kernel counts BPF memory against the limit, as far as is known: under a limit that
/// is used up the question itself is refused. Kernels that lend privilege by tokens do not.
fn counts(system: &System) -> bool {
    if matches!(system.token(), Ok(Some(_))) {
        return false;
    }
    let ask = || feature::ask(system, Feature::MemcgAccounting);
    let answers = &system.probes().features;
    answers.ask(feature::COUNT, Feature::MemcgAccounting as usize, &ask) != Answer::Yes
}
