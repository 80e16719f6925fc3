//! Types as C: a header that clang compiles to the same layout.

mod decl;
mod layout;
mod names;
mod order;
#[cfg(test)]
mod tests;

use super::{Btf, TypeId};
use crate::Result;
use crate::error::bail;
use alloc::string::String;
use alloc::vec::Vec;
use layout::Layouts;
use names::Names;
use order::State;

/// Nesting of definitions inside definitions.
const MAX_NESTING: u32 = 200;
/// Bytes of C that may be put together, intermediate steps too, beside 16 for each byte of types:
/// anonymous types inside each other could otherwise multiply without end.
const MIN_WORK: usize = 16 << 20;

/// The C declarations of the types `roots` and of what they need, in an order that compiles; of
/// all types where `roots` is empty. Types of the same name get a number (`___2`), as with libbpf.
///
/// # Errors
/// Types that refer to what is not there or never end.
pub fn dump_c(btf: &Btf, roots: &[TypeId]) -> Result<String> {
    let mut dump = Dump::new(btf);
    if roots.is_empty() {
        let referenced = order::referenced(btf)?;
        for id in (1..btf.id_end()).map(TypeId) {
            dump.root(id, referenced.get(id.0 as usize) == Some(&true))?;
        }
    } else {
        for id in roots {
            dump.root(*id, false)?;
        }
    }
    Ok(dump.out)
}

/// [`dump_c`] of all types with what a BPF program includes before and after: `vmlinux.h`.
///
/// # Errors
/// As [`dump_c`].
pub fn dump_c_header(btf: &Btf, guard: &str) -> Result<String> {
    let types = dump_c(btf, &[])?;
    Ok(alloc::format!(
        "#ifndef {guard}\n#define {guard}\n\n\
         #ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n\
         #pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)\n\
         #endif\n\n\
         {types}\
         #ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n\
         #pragma clang attribute pop\n\
         #endif\n\n#endif /* {guard} */\n"
    ))
}

struct Dump<'a> {
    btf: &'a Btf,
    out: String,
    work_left: usize,
    state: Vec<State>,
    names: Names<'a>,
    layouts: Layouts<'a>,
}

impl<'a> Dump<'a> {
    fn new(btf: &'a Btf) -> Self {
        let count = btf.id_end() as usize;
        Self {
            btf,
            out: String::new(),
            work_left: btf
                .as_bytes()
                .len()
                .saturating_mul(16)
                .saturating_add(MIN_WORK),
            state: alloc::vec![State::default(); count],
            names: Names::new(btf),
            layouts: Layouts::new(btf),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        match self.work_left.checked_sub(bytes) {
            Some(left) => {
                self.work_left = left;
                Ok(())
            }
            None => bail!(TooLarge, "anonymous types multiply to too much C"),
        }
    }
}

fn deeper(depth: u32, id: TypeId) -> Result<u32> {
    match depth.checked_add(1) {
        Some(depth) if depth < MAX_NESTING => Ok(depth),
        _ => bail!(TooDeep, "type {} never ends", id.0),
    }
}
