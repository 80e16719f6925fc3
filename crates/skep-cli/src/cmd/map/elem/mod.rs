//! One element, given by its members.

mod prefix;
mod read;
mod set;

pub(super) use read::{delete, get};
pub(super) use set::set;

use super::refs::{self, Held};
use super::view::View;
use crate::args::{Assign, Side};
use crate::fail::{Failure, Result};
use crate::find;
use prefix::Prefix;
use skep::map::{ElemFlags, MapKey};
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
                let what = format!("{}: maps of type {map_type} have no keys", assign.place());
                return Err(Failure::Said(what));
            }
            _ => {}
        }
        let reference = refs::of_key(map_type)?;
        if let Some(reference) = reference {
            let held = reference.given(&self.system, &given.key)?;
            return Ok(Key {
                bytes: held.number.to_ne_bytes().to_vec(),
                _held: Some(held),
            });
        }
        let is_prefix = map_type
            .kind()
            .is_some_and(|kind| kind.key == MapKey::Prefix);
        for assign in &given.key {
            match Prefix::of(assign).filter(|_| is_prefix) {
                Some(prefix) => prefix.write(assign, &mut bytes)?,
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
                Some(cpu) => Err(Failure::Said(format!(
                    "cpu={cpu}: maps of type {} have one value for all CPUs",
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

fn lock(wanted: bool) -> ElemFlags {
    match wanted {
        true => ElemFlags::LOCK,
        false => ElemFlags::ANY,
    }
}
