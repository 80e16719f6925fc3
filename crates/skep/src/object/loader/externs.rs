//! Where the kernel's symbols and functions are that a program refers to.

use crate::error::Context;
use crate::system::System;
use crate::{Error, ErrorKind, Result};
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use skep_codec::btf::Kind;
use skep_codec::object::{Address, Code, Extern, ExternKind, ObjectSpec};
use skep_sys::file;

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
