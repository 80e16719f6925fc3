//! The values of `.kconfig`: the kernel's configuration and what is known of the kernel.

use crate::error::Context;
use crate::probe::Feature;
use crate::system::{System, c_string};
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::btf::Kind;
use skep_codec::inflate::{gunzip, is_gzip};
use skep_codec::object::{Data, Kconfig, ObjectSpec};
use skep_sys::{CallError, file, process};

/// Far more than any kernel's configuration takes.
const LIMIT: usize = 1 << 24;
const OPTION: &str = "CONFIG_";

/// Fills the `.kconfig` map's data: `text` counts before what the kernel says. A weak variable that
/// nobody knows of is zero.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a value that cannot be told; a value that its variable cannot take.
pub(super) fn fill(
    system: &System,
    spec: &ObjectSpec,
    map: usize,
    data: &mut Data,
    text: &str,
) -> Result<()> {
    let mut values = Kconfig::new(spec, map, data);
    let virtuals: Vec<(&str, bool)> = values.unset().collect();
    for (name, weak) in virtuals {
        match name {
            _ if name.starts_with(OPTION) => {}
            "LINUX_KERNEL_VERSION" => values.set(name, system.kernel_version()?.into())?,
            "LINUX_HAS_BPF_COOKIE" => {
                values.set(name, system.probe(Feature::BpfCookie).is_usable().into())?;
            }
            "LINUX_HAS_SYSCALL_WRAPPER" => values.set(name, has_syscall_wrapper(system)?.into())?,
            _ if weak && name.starts_with("LINUX_") => {}
            _ => {
                let what = alloc::format!("`{name}` is no value that is known of a kernel");
                return Err(Error::new(ErrorKind::NotFound, what));
            }
        }
    }
    values
        .read(text.as_bytes())
        .context(|| "the configuration given".to_string())?;
    if !values.unset().any(|(name, _)| name.starts_with(OPTION)) {
        return Ok(());
    }
    let (path, config) = configuration(system)?;
    values.read(&config).context(|| path.clone())?;
    match values.unset().find(|(_, weak)| !weak) {
        Some((name, _)) => {
            let what = alloc::format!("{path} does not set `{name}`");
            Err(Error::new(ErrorKind::NotFound, what))
        }
        None => Ok(()),
    }
}

/// The running kernel's configuration, and where it was found.
fn configuration(system: &System) -> Result<(String, Vec<u8>)> {
    let release = process::kernel_release(system.kernel())
        .context(|| "ask for the kernel's release".to_string())?;
    let mut tried = String::new();
    for path in [
        alloc::format!("/boot/config-{release}"),
        "/proc/config.gz".to_string(),
    ] {
        match file::read_file(system.kernel(), &c_string(&path)?, LIMIT) {
            Ok(bytes) if is_gzip(&bytes) => {
                let text = gunzip(&bytes, LIMIT).context(|| path.clone())?;
                return Ok((path, text));
            }
            Ok(bytes) => return Ok((path, bytes)),
            Err(CallError { errno, .. }) => {
                let separator = if tried.is_empty() { "" } else { ", " };
                tried.push_str(&alloc::format!("{separator}{path} ({errno})"));
            }
        }
    }
    let what = alloc::format!("the kernel's configuration is not to be had: {tried}");
    Err(Error::new(ErrorKind::NotFound, what))
}

/// Whether system calls take their arguments from saved registers (`CONFIG_ARCH_HAS_SYSCALL_WRAPPER`):
/// their functions are then called `__x64_sys_bpf`, or what the architecture puts for `x64`.
fn has_syscall_wrapper(system: &System) -> Result<bool> {
    let machine = process::machine(system.kernel())?;
    let prefix = match machine.as_str() {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        "s390x" => "s390x",
        "riscv64" => "riscv",
        _ => return Ok(false),
    };
    let types = system.kernel_btf()?;
    Ok(types
        .find(&alloc::format!("__{prefix}_sys_bpf"), Some(Kind::Func))
        .is_some())
}
