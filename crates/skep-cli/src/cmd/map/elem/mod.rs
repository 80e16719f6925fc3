//! One element, given by its members.

mod read;
mod set;

pub(super) use read::{delete, get};
pub(super) use set::set;

use super::refs::{self, Held};
use super::view::View;
use crate::args::{Assign, Side};
use crate::fail::{Failure, Result};
use crate::find;
use skep::map::ElemFlags;
use skep::{Map, MapType, System};

/// What the command line says, taken apart.
struct Given<'a> {
    key: Vec<&'a Assign>,
    value: Vec<&'a Assign>,
    cpu: Option<usize>,
}

impl<'a> Given<'a> {
    fn of(assigns: &'a [Assign]) -> Result<Self> {
        let side = |side| assigns.iter().filter(move |a| a.side == side);
        let cpu = match side(Side::Cpu).next_back() {
            Some(assign) => Some(assign.text.trim().parse().map_err(|_| {
                Failure::Said(format!("cpu={}: expected the number of a CPU", assign.text))
            })?),
            None => None,
        };
        Ok(Self {
            key: side(Side::Key).collect(),
            value: side(Side::Value).collect(),
            cpu,
        })
    }

    /// Refuses a value where only a key is wanted.
    fn no_value(&self) -> Result<()> {
        match self.value.first() {
            None => Ok(()),
            Some(assign) => {
                let what = format!("{}: only `skep map set` takes a value", assign.place());
                Err(Failure::Said(what))
            }
        }
    }
}

/// A key's bytes, and what keeps them meaningful.
struct Key {
    bytes: Vec<u8>,
    _held: Option<Held>,
}

/// A map and how it is read.
struct Target {
    system: System,
    map: Map,
    view: View,
}

impl Target {
    fn open(which: &str) -> Result<Self> {
        let system = System::host()?;
        let map = find::map(&system, which)?;
        let view = View::new(&map)?;
        Ok(Self { system, map, view })
    }

    /// Whether it is a queue, stack or bloom filter.
    fn is_keyless(&self) -> bool {
        self.view.key.size == 0
    }

    fn key(&self, given: &Given<'_>) -> Result<Key> {
        let mut bytes = vec![0; self.view.key.size];
        let map_type = self.map.map_type();
        let name = self.map.name();
        match (given.key.as_slice(), self.is_keyless()) {
            ([], false) if self.map.max_entries() != 1 || map_type != MapType::ARRAY => {
                return Err(Failure::Said(format!(
                    "map `{name}` needs a key: key=VALUE or key.MEMBER=VALUE ({} bytes)",
                    bytes.len()
                )));
            }
            ([assign, ..], true) => {
                let what = format!("{}: a {map_type} map has no keys", assign.place());
                return Err(Failure::Said(what));
            }
            _ => {}
        }
        let reference = refs::of_key(map_type)?;
        if let (Some(reference), [assign]) = (reference, given.key.as_slice()) {
            let held = reference.open(&self.system, &assign.text)?;
            return Ok(Key {
                bytes: held.number.to_ne_bytes().to_vec(),
                _held: Some(held),
            });
        }
        for assign in &given.key {
            match prefix(map_type, assign, bytes.len()) {
                Some(prefix) => bytes = prefix,
                None => {
                    self.view.key.assign(assign, &mut bytes)?;
                }
            }
        }
        Ok(Key { bytes, _held: None })
    }

    /// Bytes of a whole value, of all CPUs.
    fn value_len(&self) -> usize {
        match self.view.stride {
            Some(stride) => stride * self.map.values_per_key(),
            None => self.view.value.size,
        }
    }

    /// Where the values are, in bytes: of every CPU, of one, or the only one.
    fn starts(&self, len: usize, cpu: Option<usize>) -> Result<Vec<usize>> {
        let Some(stride) = self.view.stride else {
            return match cpu {
                None => Ok(vec![0]),
                Some(_) => Err(Failure::Said(format!(
                    "cpu=: a {} map has one value for all CPUs",
                    self.map.map_type()
                ))),
            };
        };
        let all: Vec<_> = (0..len).step_by(stride).collect();
        match cpu {
            None => Ok(all),
            Some(cpu) => match all.get(cpu) {
                Some(start) => Ok(vec![*start]),
                None => Err(Failure::Said(format!(
                    "cpu={cpu}: the map has values of {} CPUs",
                    all.len()
                ))),
            },
        }
    }
}

/// The key of a prefix trie given as `ADDRESS/LENGTH`.
fn prefix(map_type: MapType, assign: &Assign, size: usize) -> Option<Vec<u8>> {
    let (address, len) = assign.text.trim().split_once('/')?;
    if map_type != MapType::LPM_TRIE || !assign.path.is_empty() {
        return None;
    }
    let (address, len): (std::net::IpAddr, u32) = (address.parse().ok()?, len.parse().ok()?);
    let mut bytes = len.to_ne_bytes().to_vec();
    match address {
        std::net::IpAddr::V4(address) => bytes.extend(address.octets()),
        std::net::IpAddr::V6(address) => bytes.extend(address.octets()),
    }
    (bytes.len() == size && len as usize <= (size - 4) * 8).then_some(bytes)
}

fn lock(wanted: bool) -> ElemFlags {
    match wanted {
        true => ElemFlags::LOCK,
        false => ElemFlags::ANY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_addresses_with_a_length() {
        let key = |text: &str, size| {
            let assign = format!("key={text}").parse().unwrap();
            prefix(MapType::LPM_TRIE, &assign, size)
        };
        let v4 = [&8_u32.to_ne_bytes()[..], &[10, 0, 0, 0]].concat();
        assert_eq!(key("10.0.0.0/8", 8), Some(v4));
        assert_eq!(key("fe80::/10", 20).map(|k| k.len()), Some(20));
        for wrong in ["10.0.0.0/33", "10.0.0.0", "fe80::/10", "x/8"] {
            assert_eq!(key(wrong, 8), None, "{wrong}");
        }
        let assign = "key=10.0.0.0/8".parse().unwrap();
        assert_eq!(prefix(MapType::HASH, &assign, 8), None);
    }
}
