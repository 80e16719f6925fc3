//! Names of addresses: functions of the kernel, of files, of processes.
//!
//! ```no_run
//! # fn show(system: &skep::System, pid: u32, stack: &[u64]) -> skep::Result<()> {
//! let kernel = skep::symbols::KernelSymbols::read(system)?;
//! let mut process = skep::symbols::ProcessSymbols::read(system, pid)?;
//! for &address in stack {
//!     if let Some(symbol) = kernel.at(address) {
//!         println!("{symbol}");
//!     } else if let Some(symbol) = process.at(address)? {
//!         println!("{symbol}");
//!     }
//! }
//! # Ok(()) }
//! ```

mod file;
mod kernel;
mod process;

pub use file::FileSymbols;
pub use kernel::KernelSymbols;
pub use process::ProcessSymbols;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// The function, or the variable.
    pub name: &'a str,
    /// How far behind its beginning the address is.
    pub offset: u64,
    /// The kernel's module or the file; empty for the kernel itself.
    pub place: &'a str,
}

impl fmt::Display for Symbol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:#x}", self.name, self.offset)?;
        match self.place {
            "" => Ok(()),
            place => write!(f, " [{place}]"),
        }
    }
}

/// Symbols in order of their addresses.
#[derive(Clone, Debug, Default)]
struct Table {
    names: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    address: u64,
    /// Its length; 0 where it is not known.
    len: u64,
    /// Where its name, and its place's, begin and end.
    name: (usize, usize),
    place: usize,
}

impl Table {
    fn add(&mut self, address: u64, len: u64, name: &str, place: &str) {
        let begin = self.names.len();
        self.names.push_str(name);
        let end = self.names.len();
        self.names.push_str(place);
        self.entries.push(Entry {
            address,
            len,
            name: (begin, end),
            place: self.names.len(),
        });
    }

    fn sort(&mut self) {
        // Those of one address stay in the order in which they came.
        self.entries.sort_by_key(|entry| entry.address);
    }

    fn at(&self, address: u64) -> Option<Symbol<'_>> {
        let behind = self.entries.partition_point(|e| e.address <= address);
        let last = self.entries.get(behind.checked_sub(1)?)?;
        let first = self.entries.partition_point(|e| e.address < last.address);
        let offset = address.checked_sub(last.address)?;
        let within = |entry: &&Entry| entry.len == 0 || offset < entry.len;
        let found = self.entries.get(first..behind)?.iter().find(within)?;
        Some(self.symbol(found, offset))
    }

    fn symbol(&self, entry: &Entry, offset: u64) -> Symbol<'_> {
        let text = |begin, end| self.names.get(begin..end).unwrap_or_default();
        Symbol {
            name: text(entry.name.0, entry.name.1),
            offset,
            place: text(entry.name.1, entry.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_address_lies_in_what_begins_before_it() {
        let mut table = Table::default();
        table.add(0x300, 0, "last", "module");
        table.add(0x100, 0x10, "first", "");
        table.add(0x200, 0, "alias", "");
        table.add(0x200, 0, "other", "");
        table.sort();
        let text = |address| table.at(address).map(|symbol| symbol.to_string());
        assert_eq!(text(0xff), None);
        assert_eq!(text(0x100).unwrap(), "first+0x0");
        assert_eq!(text(0x10f).unwrap(), "first+0xf");
        assert_eq!(text(0x110), None);
        assert_eq!(text(0x2ff).unwrap(), "alias+0xff");
        assert_eq!(text(u64::MAX).unwrap(), "last+0xfffffffffffffcff [module]");
    }
}
