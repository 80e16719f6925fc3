//! Types of keys, values, records and variables.

use super::names::Notes;
use super::{not_found, shown};
use crate::Result;
use crate::btf::rust_names::identifier;
use crate::btf::{Btf, PlainTypes, TypeId};
use crate::object::MapSpec;
use alloc::string::{String, ToString};

/// Values of more bytes than this are not put on the stack: they stay bytes.
const LARGE: u64 = 64 << 10;

/// What types are asked of, and what is said of those that cannot be had.
pub(super) struct Types<'a> {
    pub(super) btf: Option<&'a Btf>,
    pub(super) plain: Option<PlainTypes<'a>>,
    pub(super) notes: Notes,
}

impl Types<'_> {
    /// The type of a value of this size: bytes where it is not known; `None` if it is large.
    pub(super) fn value(&mut self, id: TypeId, size: u32, context: &str) -> Option<String> {
        if u64::from(size) > LARGE {
            return None;
        }
        let same = |btf: &Btf| btf.size_of(id).is_ok_and(|bytes| bytes == size.into());
        let known = id != TypeId::VOID && self.btf.is_some_and(same);
        if let Some(plain) = self.plain.as_mut().filter(|_| known) {
            match plain.of(id, &identifier(context)) {
                Ok(name) => return Some(name),
                Err(error) => {
                    let why = shown(&error.to_string());
                    let line = format!("the type of {} is bytes: {why}", shown(context));
                    self.notes.lines.push(line);
                }
            }
        }
        Some(format!("[u8; {size}]"))
    }

    /// The type of a map's keys.
    pub(super) fn key(&mut self, map: &MapSpec) -> Option<String> {
        self.value(map.key_type, map.key_size, &format!("{}_key", map.name))
    }

    /// The type of a map's values.
    pub(super) fn map_value(&mut self, map: &MapSpec) -> Option<String> {
        let context = format!("{}_value", map.name);
        self.value(map.value_type, map.value_size, &context)
    }

    /// The type of a ring buffer's records, if there is one.
    pub(super) fn record(&mut self, id: TypeId, map: &MapSpec) -> Option<String> {
        let btf = self.btf.filter(|_| id != TypeId::VOID)?;
        let size = u32::try_from(btf.size_of(id).ok()?).ok()?;
        self.value(id, size, &format!("{}_record", map.name))
    }

    /// The type of what follows the prefix's length in the key of a trie: one member's, or bytes.
    pub(super) fn after_prefix(&mut self, map: &MapSpec) -> Option<String> {
        let size = map.key_size.checked_sub(4)?;
        let member = || {
            let ty = self.btf?.peel(map.key_type).ok()?;
            let mut members = ty.members().skip(1);
            let data = members.next()?.ok()?;
            let alone = members.next().is_none() && data.bit_offset == 32 && data.bit_size == 0;
            alone.then_some(data.ty)
        };
        let id = member().unwrap_or_default();
        self.value(id, size, &format!("{}_key", map.name))
    }

    /// The type of this name.
    pub(super) fn named(&self, name: &str) -> Result<TypeId> {
        let found = self.btf.and_then(|btf| btf.find(name, None));
        found.ok_or_else(|| not_found("type", name))
    }
}
