//! The values of `.kconfig`: the kernel's configuration and what is known of the kernel.

use crate::error::Context;
use crate::probe::{Answer, Feature};
use crate::system::System;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use skep_codec::object::{Data, Kconfig, ObjectSpec};

const OPTION: &str = "CONFIG_";

/// The `.kconfig` map's data with its values: `text` counts before what the kernel says. A weak
/// variable that nobody knows of is zero.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a value that cannot be told; a value that its variable cannot take.
pub(super) fn filled(
    system: &System,
    spec: &ObjectSpec,
    map: usize,
    data: &Data,
    text: &str,
) -> Result<Data> {
    let mut filled = data.clone();
    fill(system, text, Kconfig::new(spec, map, &mut filled))?;
    Ok(filled)
}

fn fill(system: &System, text: &str, mut values: Kconfig<'_>) -> Result<()> {
    let virtuals: Vec<(&str, bool)> = values.unset().collect();
    for (name, weak) in virtuals {
        match name {
            _ if name.starts_with(OPTION) => {}
            "LINUX_KERNEL_VERSION" => values.set(name, system.kernel_version()?.into())?,
            "LINUX_HAS_BPF_COOKIE" => {
                values.set(name, system.probe(Feature::BpfCookie).is_usable().into())?;
            }
            "LINUX_HAS_SYSCALL_WRAPPER" => {
                values.set(name, has_syscall_wrapper(system)?.into())?;
            }
            _ if weak && name.starts_with("LINUX_") => {}
            _ => {
                let what = format!("`{name}` is no value that is known of a kernel");
                return Err(Error::new(ErrorKind::NotFound, what));
            }
        }
    }
    values
        .read(text.as_bytes())
        .context("the configuration given")?;
    if !values.unset().any(|(name, _)| name.starts_with(OPTION)) {
        return Ok(());
    }
    let config = system.kernel_config()?;
    let path = config.path();
    values.read(config.text()).context(path)?;
    match values.unset().find(|(_, weak)| !weak) {
        Some((name, _)) => {
            let what = format!("{path} does not set `{name}`");
            Err(Error::new(ErrorKind::NotFound, what))
        }
        None => Ok(()),
    }
}

fn has_syscall_wrapper(system: &System) -> Result<bool> {
    match system.probe(Feature::SyscallWrapper) {
        Answer::Yes => Ok(true),
        Answer::No => Ok(false),
        Answer::Unknown(errno) => {
            let what = format!("cannot tell how system calls take their arguments: {errno}");
            Err(Error::new(ErrorKind::Unsupported, what))
        }
    }
}
