//! What a program wants of the running kernel: its target's BTF id, kernel symbols.

use crate::btf::kernel_type;
use crate::error::Context;
use crate::system::System;
use crate::{AttachType, Error, ErrorKind, Result};
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use skep_codec::btf::{Kind, TypeId};
use skep_codec::bytes::Endian;
use skep_codec::object::{Address, Code, Data, Extern, ExternKind, ObjectSpec, ProgramSpec, Verb};
use skep_sys::{file, process};

/// The BTF id of what a tracing program is loaded for.
pub(super) fn attach_target(system: &System, program: &ProgramSpec) -> Result<TypeId> {
    let Some(target) = program.target.as_deref() else {
        let what = alloc::format!("section `{}` names no target", program.section);
        return Err(Error::new(ErrorKind::NeedsTarget, what));
    };
    let (prefix, kind) = match (program.attach, program.attach_type) {
        (_, Some(AttachType::TRACE_RAW_TP)) => ("btf_trace_", Kind::Typedef),
        (_, Some(AttachType::TRACE_ITER)) => ("bpf_iter_", Kind::Func),
        (Verb::Lsm | Verb::LsmCgroup, _) => ("bpf_lsm_", Kind::Func),
        (Verb::Freplace, _) => {
            let what = "freplace programs need their target program before they are loaded";
            return Err(Error::new(ErrorKind::NeedsTarget, what));
        }
        _ => ("", Kind::Func),
    };
    kernel_type(system, &alloc::format!("{prefix}{target}"), kind)
}

/// Where each extern that linked code refers to is in this kernel.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a symbol that this kernel lacks and the object does not call weak.
pub(super) fn symbols(
    system: &System,
    spec: &ObjectSpec,
    code: &Code,
) -> Result<BTreeMap<usize, Address>> {
    let mut found = BTreeMap::new();
    for &index in &code.externs {
        let Some(wanted) = spec.externs.get(index) else {
            continue;
        };
        let address = match locate(system, wanted)? {
            Address::Missing if !wanted.weak => {
                let what = alloc::format!("this kernel has no symbol `{}`", wanted.name);
                return Err(Error::new(ErrorKind::NotFound, what));
            }
            address => address,
        };
        found.insert(index, address);
    }
    Ok(found)
}

fn locate(system: &System, wanted: &Extern) -> Result<Address> {
    if let Some(error) = &wanted.error {
        return Err(error.clone().into());
    }
    let name = wanted.essential_name();
    let find = |kind| Ok::<_, Error>(system.kernel_btf()?.find(name, Some(kind)));
    let address = match wanted.kind {
        ExternKind::Func(_) => find(Kind::Func)?.map(|id| Address::Kfunc {
            id: id.0,
            fd_index: 0,
            btf_fd: 0,
        }),
        ExternKind::Var(_) => find(Kind::Var)?.map(|id| Address::Btf {
            id: id.0,
            btf_fd: 0,
        }),
        ExternKind::Address => kallsyms(system, name)?.map(Address::Value),
        // The `.kconfig` map has the value, or nothing is known of it.
        _ => None,
    };
    Ok(address.unwrap_or(Address::Missing))
}

/// The address of a kernel symbol, from `/proc/kallsyms`.
fn kallsyms(system: &System, name: &str) -> Result<Option<u64>> {
    let path = c"/proc/kallsyms";
    let text = file::read_file(system.kernel(), path, usize::MAX)
        .context(|| "read /proc/kallsyms".to_string())?;
    let lines = text
        .split(|&byte| byte == b'\n')
        .filter_map(|line| core::str::from_utf8(line).ok());
    let mut symbols = lines.filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (address, _kind, symbol) = (words.next()?, words.next()?, words.next()?);
        (symbol == name).then(|| u64::from_str_radix(address, 16).ok())?
    });
    Ok(symbols.next())
}

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
