//! The kernel's units for probes that are made when they are opened, as sysfs tells of them.

use crate::Result;
use crate::error::Context;
use crate::system::{System, c_string};
use crate::{Error, ErrorKind};
use alloc::string::String;
use skep_codec::Errno;
use skep_sys::file;

/// Where sysfs has the units.
const UNITS: &str = "/sys/bus/event_source/devices";

/// `kprobe` or `uprobe` among the kernel's performance monitoring units.
pub(super) struct Pmu {
    /// Number of its events' type.
    pub(super) kind: u32,
    /// `config` of a probe at the return.
    pub(super) on_return: u64,
}

impl Pmu {
    /// The unit of this name; `None` where the kernel has none, as before Linux 4.17.
    #[inline]
    pub(super) fn find(system: &System, name: &str) -> Result<Option<Self>> {
        let Some(kind) = kind(system, name)? else {
            return Ok(None);
        };
        let dir = format!("{UNITS}/{name}");
        let path = format!("{dir}/format/retprobe");
        let bit = read(system, &path)?;
        let bit = bit.as_deref().and_then(|text| text.strip_prefix("config:"));
        let number = |text: &str| text.parse::<u32>().ok();
        let on_return = bit.and_then(number).and_then(|bit| 1_u64.checked_shl(bit));
        match on_return {
            Some(on_return) => Ok(Some(Self { kind, on_return })),
            None => Err(corrupt(&path)),
        }
    }
}

/// The number of the type of a unit's events; `None` where the kernel has no such unit.
#[inline]
pub(super) fn kind(system: &System, name: &str) -> Result<Option<u32>> {
    let path = format!("{UNITS}/{name}/type");
    match read(system, &path)? {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| corrupt(&path)),
    }
}

#[cold]
fn corrupt(path: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{path} is not as expected"))
}

/// A short file; `None` if there is none.
#[inline]
fn read(system: &System, path: &str) -> Result<Option<String>> {
    match file::read_file(system.kernel(), &c_string(path)?, 64) {
        Ok(text) => Ok(Some(String::from(String::from_utf8_lossy(&text).trim()))),
        Err(error) if error.errno == Errno::ENOENT => Ok(None),
        Err(error) => Err(error).context(format_args!("read {path}")),
    }
}
