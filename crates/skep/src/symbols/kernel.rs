//! The kernel's symbols.

use super::{Symbol, Table};
use crate::system::{System, kallsyms};
use crate::{Error, ErrorKind, Result};
use alloc::string::String;

/// The kernel's symbols, its modules' and its BPF programs', as they were when they were read. Some
/// ten megabytes.
#[derive(Clone, Debug)]
#[doc(alias = "kallsyms")]
pub struct KernelSymbols(Table);

impl KernelSymbols {
    /// Reads `/proc/kallsyms`.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`]: the kernel shows this process no addresses
    /// (`/proc/sys/kernel/kptr_restrict`; `CAP_SYSLOG`).
    pub fn read(system: &System) -> Result<Self> {
        let mut table = Table::default();
        kallsyms::each_line(system, kallsyms::PATH, &mut |line| {
            if let Some((address, [kind, name, module])) = kallsyms::symbol(line)
                && !matches!(kind, b"A" | b"a")
                && address != 0
            {
                let name = String::from_utf8_lossy(name);
                table.add(address, 0, &name, &String::from_utf8_lossy(module));
            }
        })?;
        if table.entries.is_empty() {
            let what = "the kernel shows no addresses of its symbols (CAP_SYSLOG, kptr_restrict)";
            return Err(Error::new(ErrorKind::Permission, what));
        }
        table.sort();
        Ok(Self(table))
    }

    /// What this address lies in. Where the kernel's code ends is not known: what is behind it is
    /// told as its last function's.
    pub fn at(&self, address: u64) -> Option<Symbol<'_>> {
        self.0.at(address)
    }

    /// Every symbol with its address, in order of addresses.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Symbol<'_>)> {
        let table = &self.0;
        let all = table.entries.iter();
        all.map(|entry| (entry.address, table.symbol(entry, 0)))
    }
}
