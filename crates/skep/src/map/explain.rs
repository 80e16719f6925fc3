//! What an errno means of an element.

use super::{ElemFlags, Map, MapKey, MapOps, MapValue};
use crate::{Errno, Error, MapType};
use alloc::string::String;
use skep_sys::CallError;

impl Map {
    /// The error with its reason, where the type of the map or the key tells one.
    #[cold]
    pub(super) fn explain(&self, error: CallError, key: &[u8], flags: ElemFlags) -> Error {
        let why = match key.len() == self.0.fd.key_len() {
            true => self.reason(error.errno, key, flags),
            // Which lengths there are, the words around it say.
            false => None,
        };
        match why {
            Some(why) => Error::from(error).context(why),
            None => error.into(),
        }
    }

    /// [`Map::explain`] of a value that was written.
    #[cold]
    pub(super) fn explain_update(
        &self,
        error: CallError,
        (key, value): (&[u8], &[u8]),
        flags: ElemFlags,
    ) -> Error {
        let map_type = self.map_type();
        let lengths = (key.len(), value.len()) == (self.0.fd.key_len(), self.0.fd.value_len());
        let kind = map_type
            .kind()
            .filter(|_| lengths && flags == ElemFlags::ANY);
        match kind.and_then(|kind| of_value(map_type, kind.value, error.errno)) {
            Some(why) => Error::from(error).context(why),
            None => self.explain(error, key, flags),
        }
    }

    fn reason(&self, errno: Errno, key: &[u8], flags: ElemFlags) -> Option<String> {
        let (map_type, entries) = (self.map_type(), self.max_entries());
        let keys = map_type.kind().map(|kind| kind.key);
        let first = key.first_chunk().map(|first| u32::from_ne_bytes(*first));
        let of_cpus = (ElemFlags::ALL_CPUS.bits() | ElemFlags::cpu(0).bits()) & flags.bits() != 0;
        Some(match (errno, keys, first) {
            (Errno::E2BIG, Some(MapKey::Index), _) => format!("indices are below {entries}"),
            // Deleting.
            (Errno::EINVAL, Some(MapKey::Index), Some(index))
                if index >= entries && map_type.allows(MapOps::DELETE) =>
            {
                format!("indices are below {entries}")
            }
            (Errno::E2BIG, ..) => format!("it is full, with {entries} entries"),
            (Errno::EINVAL, Some(MapKey::Prefix), Some(prefix)) => {
                let bits = key.len().saturating_sub(4).saturating_mul(8);
                if prefix as usize <= bits {
                    return None;
                }
                format!("a prefix of {prefix} bits, of a key that has {bits}")
            }
            (Errno::EINVAL, ..) if of_cpus && map_type.is_per_cpu() => {
                "before Linux 6.19, the values of all CPUs go together".into()
            }
            _ => return None,
        })
    }
}

/// What such a map takes as a value, where the kernel refuses one.
fn of_value(map_type: MapType, value: MapValue, errno: Errno) -> Option<&'static str> {
    Some(match (value, errno) {
        (MapValue::Map, Errno::EINVAL) => {
            "maps in it are of the type, the sizes and the flags of the one it was made with"
        }
        (MapValue::Prog, Errno::EINVAL) => {
            "programs in it are of one type, alike in flags and in what they are attached to"
        }
        (MapValue::Target, Errno::EINVAL) if map_type != MapType::CPUMAP => {
            "no such interface, or a program that is not for device maps (`xdp/devmap`)"
        }
        (MapValue::Target, Errno::EINVAL) => "a program that is not for CPU maps (`xdp/cpumap`)",
        (MapValue::Target, Errno::ENODEV) => "no such CPU",
        (MapValue::Target, Errno::EOVERFLOW) => "a CPU's queue has at most 16384 packets",
        (MapValue::Fd, Errno::EBADF) if map_type == MapType::CGROUP_ARRAY => {
            "no descriptor of a cgroup of version 2"
        }
        _ => return None,
    })
}
