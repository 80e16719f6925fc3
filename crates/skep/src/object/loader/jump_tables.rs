//! Jump tables: a map for each, of which one program may make use.

use super::Loader;
use crate::error::Context;
use crate::map::{self, Created, ElemFlags, Map};
use crate::{MapType, Result};
use alloc::string::ToString;
use alloc::vec::Vec;
use skep_codec::object::{Code, MapSpec, lower_jump_tables};

/// Bytes of `struct bpf_insn_array_value`, which begins with an instruction's index. The verifier
/// moves it along with the instruction.
const VALUE: usize = 16;

impl Loader<'_> {
    /// A map for each jump table of linked code, with where it leads.
    pub(super) fn jump_tables(&self, code: &Code) -> Result<Vec<(usize, Map)>> {
        let mut made = Vec::new();
        for (table, slots) in &code.jump_tables {
            let map = self.jump_table(slots).context("make a jump table")?;
            made.push((*table, map));
        }
        Ok(made)
    }

    /// `BPF_MAP_TYPE_INSN_ARRAY`, since Linux 6.19.
    fn jump_table(&self, slots: &[u32]) -> Result<Map> {
        let mut spec = MapSpec::default();
        spec.name = ".jumptables".to_string();
        spec.map_type = MapType::INSN_ARRAY;
        (spec.key_size, spec.value_size) = (4, VALUE as u32);
        spec.max_entries = slots.len() as u32;
        let map = map::create(self.system, &spec, &Created::default())?;
        for (key, slot) in (0_u32..).zip(slots) {
            let mut value = [0; VALUE];
            if let Some(first) = value.first_chunk_mut() {
                *first = slot.to_ne_bytes();
            }
            map.update(&key.to_ne_bytes(), &value, ElemFlags::ANY)?;
        }
        map.freeze()?;
        Ok(map)
    }
}

/// The code with its jump tables' descriptors; `None` if it has no tables.
pub(super) fn put_in(code: &Code, tables: &[(usize, Map)]) -> Result<Option<Code>> {
    if tables.is_empty() {
        return Ok(None);
    }
    let mut code = code.clone();
    let fd = |table: usize| {
        let found = tables.iter().find(|(index, _)| *index == table);
        found.map(|(_, map)| map.fd().raw())
    };
    lower_jump_tables(&mut code, &fd)?;
    Ok(Some(code))
}
