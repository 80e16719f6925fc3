//! Loading BTF.

use super::prog::{Log, first_nul};
use super::{bpf, input, len32, output, raw};
use crate::attr::BtfLoad;
use crate::{Fd, KernelRef, Result};
use skep_codec::uapi::flags;

const TRUE_SIZE_END: usize = core::mem::offset_of!(BtfLoad, btf_log_true_size) + 4;

/// Loads BTF; the descriptor goes to maps and programs.
///
/// # Errors
/// `EINVAL`: refused, see `log`; `EPERM`: no `CAP_BPF`.
///
/// # Kernel
/// `BPF_BTF_LOAD`, since 4.18.
pub fn btf_load(
    kernel: &KernelRef,
    btf: &[u8],
    token: Option<&Fd>,
    mut log: Option<&mut Log<'_>>,
) -> Result<Fd> {
    let mut attr = BtfLoad {
        btf: input(btf),
        btf_size: len32(btf),
        btf_flags: token.map_or(0, |_| flags::TOKEN_FD),
        btf_token_fd: raw(token) as i32,
        ..BtfLoad::default()
    };
    if let Some(log) = log.as_deref_mut()
        && log.level != 0
    {
        attr.btf_log_level = log.level;
        attr.btf_log_size = len32(log.buf);
        attr.btf_log_buf = output(log.buf);
        first_nul(log.buf);
    }
    let at_least = if attr.btf_log_level == 0 {
        0
    } else {
        TRUE_SIZE_END
    };
    // SAFETY: the pointers are slices that outlive the call, their lengths beside them.
    let result = unsafe { bpf!(kernel, BTF_LOAD, &mut attr, at_least at_least) };
    if let Some(log) = log {
        log.true_size = attr.btf_log_true_size;
    }
    // SAFETY: this command answers a new descriptor.
    unsafe { Fd::from_answer("BPF_BTF_LOAD", result? as isize, kernel) }
}
