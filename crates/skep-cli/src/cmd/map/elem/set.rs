//! `skep map set`.

use super::super::fdinfo;
use super::super::refs::{self, Held, Reference};
use super::{Given, Key, Target, lock};
use crate::args::{Assign, Set};
use crate::fail::{Failure, Result};
use skep::MapType;
use skep::map::{ElemFlags, MapOps, MapValue};

/// Where bytes begin and end.
type Span = (usize, usize);

/// `skep map set`.
pub(in super::super) fn set(args: &Set) -> Result {
    let target = Target::open(&args.map)?;
    let given = Given::of(&args.assigns)?;
    let key = target.key(&given)?;
    if given.value.is_empty() {
        let what = "nothing to set: value=VALUE or value.MEMBER=VALUE is missing";
        return Err(Failure::Said(what.to_owned()));
    }
    let flags = lock(args.lock)
        | match (args.exist, args.noexist) {
            (true, _) => ElemFlags::EXIST,
            (_, true) => ElemFlags::NOEXIST,
            _ => ElemFlags::ANY,
        };
    let map_type = target.map.map_type();
    if !map_type.allows(MapOps::UPDATE) {
        let what =
            format!("elements of type {map_type} cannot be set: the kernel or programs do it");
        return Err(Failure::Said(what));
    }
    let reference = refs::of_value(map_type)?;
    match reference {
        Some(Reference::Device) | None => {}
        Some(reference) => return set_reference(&target, &key, &given, reference, flags),
    }
    if target.is_keyless() {
        let mut value = vec![0; target.view.value.size];
        for assign in &given.value {
            target.view.value.assign(assign, &mut value)?;
        }
        target.map.push(&value, flags)?;
        return Ok(0);
    }
    let old = target.map.lookup_with(&key.bytes, lock(args.lock))?;
    let mut value = old.clone().unwrap_or_else(|| vec![0; target.value_len()]);
    let mut parts = Vec::new();
    let mut held = Vec::new();
    let size = target.view.value.size;
    for start in target.starts(value.len(), given.cpu)? {
        let one = value.get_mut(start..start + size).unwrap_or_default();
        for assign in &given.value {
            match target.device_part(assign, one)? {
                Some(object) => held.push(object),
                None => {
                    let part = target.view.value.assign(assign, one)?;
                    parts.push((start + part.start, start + part.end));
                }
            }
        }
        held.extend(target.device_program(&given, old.is_some(), one)?);
    }
    if !target.write_mapped(&key, old.as_deref(), &value, &parts, args)? {
        let done = target.map.update(&key.bytes, &value, flags);
        done.map_err(|error| target.explain(error))?;
    }
    Ok(0)
}

/// A slot that holds something else in the kernel.
fn set_reference(
    target: &Target,
    key: &Key,
    given: &Given<'_>,
    reference: Reference,
    flags: ElemFlags,
) -> Result {
    let held = reference.given(&target.system, &given.value)?;
    let value = held.number.to_ne_bytes();
    target.map.update(&key.bytes, &value, flags)?;
    Ok(0)
}

impl Target {
    /// Whether values are an interface or a queue, and a program.
    fn has_target(&self) -> bool {
        let kind = self.map.map_type().kind();
        kind.is_some_and(|kind| kind.value == MapValue::Target)
    }

    /// The interface or program of a device or CPU map, by name; `None`: any other member.
    fn device_part(&self, assign: &Assign, value: &mut [u8]) -> Result<Option<Held>> {
        let device = refs::of_value(self.map.map_type())? == Some(Reference::Device);
        let whole = assign.text.trim_start().starts_with('{');
        let (reference, at) = match assign.path.as_str() {
            "" | ".ifindex" if device && !whole => (Reference::Device, 0),
            ".prog" if self.has_target() => (Reference::Program, 4),
            _ => return Ok(None),
        };
        let held = reference.open(&self.system, &assign.text)?;
        match value.get_mut(at..at + 4) {
            Some(place) => place.copy_from_slice(&held.number.to_ne_bytes()),
            None => {
                let what = format!("{}: values have {} bytes", assign.place(), value.len());
                return Err(Failure::Said(what));
            }
        }
        Ok(Some(held))
    }

    /// The program that an element of a device or CPU map has already: read as an id, written as
    /// a descriptor.
    fn device_program(
        &self,
        given: &Given<'_>,
        old: bool,
        value: &mut [u8],
    ) -> Result<Option<Held>> {
        let set = given.value.iter().any(|assign| assign.path == ".prog");
        let Some(place) = value.get_mut(4..8) else {
            return Ok(None);
        };
        if !old || set || !self.has_target() {
            return Ok(None);
        }
        let id = u32::from_ne_bytes((&*place).try_into().unwrap_or_default());
        if id == 0 {
            return Ok(None);
        }
        let held = Reference::Program.open(&self.system, &id.to_string())?;
        place.copy_from_slice(&held.number.to_ne_bytes());
        Ok(Some(held))
    }

    /// Writes the parts that were given straight into a map that can be mapped: programs change
    /// what is beside them. Whether it could.
    fn write_mapped(
        &self,
        key: &Key,
        old: Option<&[u8]>,
        new: &[u8],
        parts: &[Span],
        args: &Set,
    ) -> Result<bool> {
        let Some(old) = old else { return Ok(false) };
        let mapped = self.map.map_type() == MapType::ARRAY
            && self.map.shape().map_flags & skep::codec::uapi::flags::MMAPABLE != 0;
        if !mapped || args.noexist || args.lock {
            return Ok(false);
        }
        let Ok(memory) = self.map.memory() else {
            return Ok(false);
        };
        if !memory.is_writable() {
            return Ok(false);
        }
        let index = u32::from_ne_bytes(key.bytes.as_slice().try_into().unwrap_or_default());
        let element = index as usize * self.view.value.size.next_multiple_of(8);
        for part in parts {
            for (start, end) in changed(old, new, *part) {
                let bytes = new.get(start..end).unwrap_or_default();
                memory.write(element + start, bytes)?;
            }
        }
        Ok(true)
    }

    /// An update that was refused, with the reason where the kernel gives none.
    fn explain(&self, error: skep::Error) -> Failure {
        let frozen = fdinfo::of(self.map.fd()).get("frozen") == Some("1");
        match error.errno() {
            Some(skep::Errno::EPERM) if frozen => Failure::Said(format!(
                "map `{}` is frozen: nobody can change it from user space any more",
                self.map.name()
            )),
            _ => Failure::Skep(error),
        }
    }
}

/// Which bytes of a part to write: a number as a whole, of more than that what is different.
fn changed(old: &[u8], new: &[u8], part: Span) -> Vec<Span> {
    const NUMBER: usize = 8;
    let (start, end) = part;
    if end - start <= NUMBER {
        return vec![part];
    }
    let mut runs: Vec<Span> = Vec::new();
    for at in (start..end).filter(|at| old.get(*at) != new.get(*at)) {
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_only_what_changes_is_written() {
        let (old, mut new) = ([0_u8; 32], [0_u8; 32]);
        new[3] = 1;
        new[4] = 1;
        new[20] = 1;
        assert_eq!(changed(&old, &new, (0, 32)), [(3, 5), (20, 21)]);
        assert_eq!(changed(&old, &new, (8, 16)), [(8, 16)]);
        assert_eq!(changed(&old, &new, (4, 20)), [(4, 5)]);
    }
}
