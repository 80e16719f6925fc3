//! The values of `.kconfig`: the kernel's configuration and what is known of the kernel.

use crate::error::Context;
use crate::system::System;
use crate::{Error, ErrorKind, Result};
use alloc::string::ToString;
use skep_codec::bytes::Endian;
use skep_codec::object::{Data, ExternKind, ObjectSpec};
use skep_sys::process;

/// Fills the `.kconfig` map's data with what is known of this kernel.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a value that cannot be told and is not weak.
pub(super) fn fill_kconfig(
    system: &System,
    spec: &ObjectSpec,
    map: usize,
    data: &mut Data,
) -> Result<()> {
    for wanted in &spec.externs {
        let ExternKind::Kconfig {
            map: its,
            offset,
            size,
            ..
        } = wanted.kind
        else {
            continue;
        };
        if its != map {
            continue;
        }
        let value = match wanted.name.as_str() {
            "LINUX_KERNEL_VERSION" => u64::from(kernel_version(system)?),
            _ if wanted.weak => continue,
            name => {
                let what =
                    alloc::format!("the kernel's configuration value `{name}` is not read yet");
                return Err(Error::new(ErrorKind::Unsupported, what));
            }
        };
        let bytes = match spec.endian {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => {
                let mut bytes = value.to_be_bytes();
                bytes.rotate_left(8_usize.saturating_sub(size as usize));
                bytes
            }
        };
        data.write(offset, bytes.get(..size as usize).unwrap_or_default())?;
    }
    Ok(())
}

/// `KERNEL_VERSION(major, minor, patch)` of the running kernel; a patch level above 255 counts as
/// 255, as the kernel's own macro has it.
fn kernel_version(system: &System) -> Result<u32> {
    let release = process::kernel_release(system.kernel())
        .context(|| "ask for the kernel's release".to_string())?;
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    let (major, minor, patch) = (next(), next(), next());
    Ok(((major & 0xff) << 16) | ((minor & 0xff) << 8) | patch.min(255))
}
